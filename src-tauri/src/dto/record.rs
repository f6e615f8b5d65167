//! What is known of one device, and of what was done before.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{DeviceRow, ItemState, RunSummary};

/// Everything worth knowing of a device, read afresh.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DeviceDetails {
    /// The device as a row shows it.
    pub device: DeviceRow,
    /// What a row has no room for.
    pub facts: DeviceFacts,
    /// What the device reports of the actions asked of it, newest first.
    pub results: Vec<ActionResultView>,
    /// Earlier recoveries of it from this computer's journal, newest first.
    pub recoveries: Vec<HistoryItem>,
    /// When it was read.
    pub read: String,
}

/// What a row has no room for. A field that Graph does not tell is null.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DeviceFacts {
    /// Manufacturer.
    pub manufacturer: Option<String>,
    /// The name Intune made for it.
    pub managed_name: Option<String>,
    /// Mail address of the primary user.
    pub email: Option<String>,
    /// Phone number.
    pub phone_number: Option<String>,
    /// International mobile equipment identity.
    pub imei: Option<String>,
    /// Address of its Wi-Fi interface.
    pub wifi_mac: Option<String>,
    /// Address of its wired interface.
    pub ethernet_mac: Option<String>,
    /// Device id in Entra.
    pub entra_device_id: Option<String>,
    /// Category given by the organisation.
    pub category: Option<String>,
    /// Notes of the organisation.
    pub notes: Option<String>,
    /// Through what it is managed, as Graph names it.
    pub management_agent: String,
    /// How it was enrolled, as Graph names it.
    pub enrollment_type: Option<String>,
    /// Whether it is supervised (Apple).
    pub supervised: Option<bool>,
    /// Whether its storage is encrypted.
    pub encrypted: Option<bool>,
    /// Whether it is jailbroken or rooted, as Graph words it.
    pub jailbroken: Option<String>,
    /// Security patch level (Android).
    pub patch_level: Option<String>,
    /// Until when it may stay out of compliance.
    pub grace_until: Option<String>,
    /// Storage in all, in MiB.
    pub storage_mib: Option<u32>,
    /// Free storage, in MiB.
    pub free_storage_mib: Option<u32>,
}

/// How far an action on a device has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ActionResultView {
    /// The action's name as Graph gives it.
    pub action: String,
    /// Its state as Graph names it.
    pub state: String,
    /// When it was asked for, by the service's clock.
    pub started: Option<String>,
    /// When its state was last changed, by the service's clock.
    pub updated: Option<String>,
}

/// One device of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct HistoryItem {
    /// The run.
    pub run_id: String,
    /// Its place in the run, from 0.
    pub position: u32,
    /// When the run was confirmed.
    pub started: String,
    /// Who confirmed it (user principal name).
    pub account: String,
    /// Reason or ticket.
    pub reason: Option<String>,
    /// Device name as confirmed.
    pub name: String,
    /// Serial number as confirmed.
    pub serial: Option<String>,
    /// User as confirmed.
    pub user: Option<String>,
    /// What became of it.
    pub state: ItemState,
    /// When that was last changed.
    pub at: Option<String>,
}

/// What is looked for in the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct HistoryQuery {
    /// Words that are all to be found in device, serial number, user, account, or reason; empty finds everything.
    pub text: String,
    /// Nothing confirmed before this moment.
    pub since: Option<String>,
    /// Nothing confirmed at or after this moment.
    pub until: Option<String>,
}

/// What the journal has of it.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct HistoryFound {
    /// Runs with at least one device that matches, newest first; at most 200.
    pub runs: Vec<RunSummary>,
    /// How many runs have such a device.
    pub matching_runs: u32,
    /// The devices that match, newest first; at most 500. None for an empty text.
    pub items: Vec<HistoryItem>,
    /// How many devices match.
    pub matching: u32,
}

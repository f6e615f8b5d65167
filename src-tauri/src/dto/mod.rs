//! What crosses between the window and the engine. Times are RFC 3339 in UTC, counts are whole numbers, ids are opaque text.
//! No token and no passcode has a place in any of these types. A passcode crosses by itself, as the answer of the one command a
//! person asks for it with.

mod journal;
mod record;
mod run;
mod table;
mod tenants;

use serde::{Deserialize, Serialize};
use specta::Type;
use unlatch_graph::Route;

use crate::error::CommandError;
pub use journal::*;
pub use record::*;
pub use run::*;
pub use table::*;
pub use tenants::*;

/// Everything the window needs to draw its frame.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AppStatus {
    /// The version of Unlatch.
    pub version: String,
    /// Whether a demo tenant, a configured tenant, or none is behind the window.
    pub mode: Mode,
    /// Every tenant that can be put behind the window, in the order they were named; the demo tenant last, once it was opened.
    pub places: Vec<PlaceView>,
    /// The id of the one that is behind the window.
    pub place: String,
    /// Whether the window is locked. Then nothing but unlocking, signing in and signing out works.
    pub locked: bool,
    /// Whose sign-in opens the lock, by the user name.
    pub lock_account: Option<String>,
    /// Who is signed in.
    pub session: SessionView,
    /// Where the refresh token is kept.
    pub keychain: KeychainView,
    /// Why nothing can be recorded, if so. Recovering is off while this is set.
    pub journal_problem: Option<CommandError>,
    /// The entries that the journal lost, until a person has answered that. Nothing is resumed or sent again while this is set.
    pub journal_went_back: Option<JournalLoss>,
    /// The settings in force.
    pub settings: SettingsView,
    /// What is wrong with a configuration file, if anything.
    pub config_problem: Option<ConfigProblem>,
}

/// How long Graph asked everybody to wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct HoldView {
    /// The seconds that were left of it when this was told.
    pub seconds: u32,
    /// When it ends.
    pub until: String,
    /// Whether it was told to a read. A person can then try one read before it ends (`probe_hold`).
    pub may_probe: bool,
}

/// Something that happened outside the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum WindowNotice {
    /// Unlatch was started once more. That start ended, and what it was told counts for nothing.
    StartedAgain,
    /// The window was locked, as nobody has touched it for a while.
    Locked,
    /// An account that was taken up at the start is there now, has a tenant of another name, or has to sign in again.
    AccountChanged,
    /// Machine policy says something else since.
    PolicyChanged,
}

/// What is behind the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// The built-in demo tenant on loopback. Nothing real is touched.
    Demo,
    /// A tenant named by the configuration.
    Tenant,
    /// No tenant is configured yet.
    Unconfigured,
}

/// The state of the sign-in.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SessionView {
    /// Nobody is signed in. `problem` says why a kept sign-in ended, if one did.
    SignedOut { problem: Option<CommandError> },
    /// A sign-in waits for the browser.
    SigningIn,
    /// An account is signed in.
    SignedIn { account: AccountView },
}

/// A signed-in work or school account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    /// Display name.
    pub name: String,
    /// User principal name.
    pub username: String,
    /// The tenant's id (GUID).
    pub tenant_id: String,
    /// The tenant's display name, or its id if Graph does not tell.
    pub tenant_name: String,
    /// 0 to 7: the tenant's own colour.
    pub tenant_colour: u8,
}

/// Where the refresh token is kept, or why it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum KeychainView {
    /// In the operating system's keychain.
    Kept,
    /// The keychain is locked: the session lasts until the window closes or locks.
    Locked,
    /// There is no keychain: the session lasts until the window closes or locks.
    Absent,
    /// The keychain was not opened to Unlatch: a person or a rule denied it. The session lasts until the window closes or locks.
    Denied,
    /// The keychain did not answer, as when it waits for a person: the session lasts until the window closes or locks.
    NoAnswer,
    /// The keychain went away while Unlatch was running: the session lasts until the window closes or locks.
    Vanished,
    /// Policy forbids keeping it: the session lasts until the window closes or locks.
    Forbidden,
    /// The keychain failed in another way: the session lasts until the window closes or locks.
    Failed,
    /// The demo tenant keeps nothing.
    NotUsed,
}

/// The settings in force and which of them policy fixes.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SettingsView {
    /// Tenant id or verified domain.
    pub tenant: Option<String>,
    /// Application (client) id.
    pub client_id: Option<String>,
    /// `global`, `us-gov`, `us-gov-dod`, `china` or `custom`.
    pub cloud: String,
    /// Whether a reason must be given for every run.
    pub require_reason: bool,
    /// The most devices in one run.
    pub max_run_size: u32,
    /// How many seconds a run counts down, and can be stopped, before its first request.
    pub countdown_seconds: u32,
    /// Minutes without input after which the window locks; 0 means never.
    pub idle_lock_minutes: u32,
    /// Whether signing in with a code on another device is allowed.
    pub device_code: bool,
    /// Whether the keychain may keep the sign-in.
    pub keep_sign_in: bool,
    /// Whether reports may be written.
    pub export: bool,
    /// Whether a passcode may be copied.
    pub clipboard: bool,
    /// The ids of the only tenants anybody may sign in to; none means any.
    pub allowed_tenants: Option<Vec<String>>,
    /// Whether further tenants may be named. Not where policy names tenants.
    pub several_tenants: bool,
    /// `en` or `es`; none follows the system.
    pub language: Option<String>,
    /// Keys that machine policy sets, and those that it binds by these, as they are written in the file.
    pub locked: Vec<String>,
    /// The folder of the journal and the logs.
    pub data_folder: String,
    /// The user's configuration file.
    pub config_file: String,
}

/// The settings a person may change in the window. Keys fixed by policy must be sent unchanged.
#[derive(Debug, Clone, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SettingsInput {
    /// Tenant id or verified domain.
    pub tenant: String,
    /// Application (client) id, a GUID.
    pub client_id: String,
    /// `global`, `us-gov`, `us-gov-dod` or `china`; `custom` keeps the table in the file.
    pub cloud: String,
    /// Whether a reason must be given for every run.
    pub require_reason: bool,
    /// Minutes without input after which the window locks; 0 means never.
    pub idle_lock_minutes: u32,
    /// `en` or `es`; none follows the system.
    pub language: Option<String>,
}

/// A fault in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ConfigProblem {
    /// The file, or what people call the place of machine policy.
    pub file: String,
    /// The key, or none if the file as a whole cannot be read.
    pub key: Option<String>,
    /// What is wrong with it.
    pub reason: String,
}

/// A person in the directory.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct UserRow {
    /// Object id.
    pub id: String,
    /// Display name.
    pub display_name: String,
    /// User principal name.
    pub user_principal_name: String,
    /// Mail address.
    pub mail: Option<String>,
}

/// People who match what was typed.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct UsersFound {
    /// Checked rows.
    pub users: Vec<UserRow>,
    /// Rows that Graph returned and that do not match.
    pub left_out: u32,
    /// Whether there are more people than these.
    pub more: bool,
}

/// One version of a detected app.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AppRow {
    /// Detected app id.
    pub id: String,
    /// Display name.
    pub display_name: String,
    /// Version, as detected.
    pub version: Option<String>,
    /// Publisher.
    pub publisher: Option<String>,
    /// Platform as Graph names it.
    pub platform: String,
    /// On how many devices Graph says it was detected.
    pub device_count: u32,
}

/// Detected apps that match what was typed.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AppsFound {
    /// Checked rows, one for each name, version and platform.
    pub apps: Vec<AppRow>,
    /// Rows that Graph returned and that do not match.
    pub left_out: u32,
    /// Whether every page was read.
    pub complete: bool,
    /// Why the list ended early.
    pub problem: Option<CommandError>,
}

/// A managed device, checked against the query that found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DeviceRow {
    /// Managed device id.
    pub id: String,
    /// Device name.
    pub name: String,
    /// Serial number.
    pub serial: Option<String>,
    /// User principal name of the primary user.
    pub user_principal_name: Option<String>,
    /// Display name of the primary user.
    pub user_display_name: Option<String>,
    /// Operating system as Graph names it.
    pub operating_system: Option<String>,
    /// Version of the operating system.
    pub os_version: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// `company`, `personal`, `unknown` or what Graph says.
    pub owner: String,
    /// Compliance state as Graph names it.
    pub compliance: String,
    /// Management state as Graph names it.
    pub management_state: String,
    /// Last contact; none means never.
    pub last_contact: Option<String>,
    /// When it was enrolled.
    pub enrolled: Option<String>,
    /// What a person should know before acting on it.
    pub warnings: Vec<DeviceWarning>,
}

/// What a person should know before acting on a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum DeviceWarning {
    /// It has not been in contact for that many days (30 or more).
    Silent { days: u32 },
    /// It has never been in contact.
    NeverSeen,
    /// It belongs to a person, not to the organisation.
    Personal,
    /// A retire, wipe or delete is pending and goes before any passcode action.
    RemovalPending { state: String },
    /// It is not managed through MDM and cannot take the action.
    NoMdmChannel { agent: String },
}

/// How a device was found, and so the route its request goes out by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RouteView {
    /// `/users/{id}/managedDevices/{device}/recoverPasscode`. `label` is for people.
    User { id: String, label: String },
    /// `/deviceManagement/detectedApps/{id}/managedDevices/{device}/recoverPasscode`. `label` is for people.
    App { id: String, label: String },
    /// `/deviceManagement/managedDevices/{device}/recoverPasscode`.
    Direct,
}

impl RouteView {
    /// A route with its label for people.
    #[must_use]
    pub fn named(route: &Route, label: String) -> Self {
        match route {
            Route::User(id) => Self::User { id: id.to_string(), label },
            Route::App(id) => Self::App { id: id.to_string(), label },
            Route::Direct => Self::Direct,
        }
    }

    /// The label for people; empty for the direct route.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Self::User { label, .. } | Self::App { label, .. } => label,
            Self::Direct => "",
        }
    }
}

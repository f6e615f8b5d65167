//! The people, devices and detected apps of a tenant.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A word from a closed set, such as a compliance state.
pub type Word = Cow<'static, str>;

/// A person in the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct User {
    /// The object id, a GUID.
    pub id: String,
    /// The user principal name.
    pub upn: String,
    /// The display name.
    pub display_name: String,
    /// The mail address; some people have none, some one unlike their principal name.
    pub mail: Option<String>,
    /// The given name.
    pub given_name: Option<String>,
    /// The surname.
    pub surname: Option<String>,
    /// The job title.
    pub job_title: Option<String>,
}

/// A managed device. Names and types follow Graph's `managedDevice`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Device {
    /// The managed-device id, a GUID.
    pub id: String,
    /// `deviceName`.
    pub name: String,
    /// `managedDeviceName`.
    pub managed_name: String,
    /// `serialNumber`; some are empty, missing or shared.
    pub serial: Option<String>,
    /// `userId`, none on a device without a user.
    pub user_id: Option<String>,
    /// `userPrincipalName`, which need not equal the directory's.
    pub user_principal_name: Option<String>,
    /// `userDisplayName`.
    pub user_display_name: Option<String>,
    /// `emailAddress`.
    pub email_address: Option<String>,
    /// `operatingSystem`: iOS, iPadOS, Windows, macOS or Android.
    pub operating_system: Word,
    /// `osVersion`.
    pub os_version: Word,
    /// `model`.
    pub model: Word,
    /// `manufacturer`.
    pub manufacturer: Word,
    /// `imei`, of phones.
    pub imei: Option<String>,
    /// `lastSyncDateTime`; none is "never", which Graph writes as the year 1.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_sync: Option<OffsetDateTime>,
    /// `enrolledDateTime`.
    #[serde(with = "time::serde::rfc3339")]
    pub enrolled: OffsetDateTime,
    /// `managedDeviceOwnerType`: company, personal or unknown.
    pub owner: Word,
    /// `complianceState`.
    pub compliance_state: Word,
    /// `managementAgent`.
    pub management_agent: Word,
    /// `managementState`, such as managed, retirePending or wipePending.
    pub management_state: Word,
    /// `deviceEnrollmentType`.
    pub enrollment_type: Word,
    /// `isSupervised`.
    pub is_supervised: bool,
    /// `isEncrypted`.
    pub is_encrypted: bool,
    /// `azureADDeviceId`.
    pub azure_ad_device_id: Option<String>,
    /// `totalStorageSpaceInBytes`.
    pub total_storage: i64,
    /// `freeStorageSpaceInBytes`.
    pub free_storage: i64,
    /// `phoneNumber`.
    pub phone_number: Option<String>,
    /// `wiFiMacAddress`, twelve hexadecimal digits.
    pub wifi_mac: Option<String>,
    /// `ethernetMacAddress`, shown only by a single GET that selects it.
    pub ethernet_mac: Option<String>,
    /// `deviceCategoryDisplayName`.
    pub category: Word,
    /// `notes`, shown only by a single GET that selects it.
    pub notes: Option<String>,
    /// `jailBroken`, a word: True, False or Unknown.
    pub jail_broken: Word,
    /// `androidSecurityPatchLevel`.
    pub patch_level: Option<String>,
    /// `complianceGracePeriodExpirationDateTime`; none is the year 9999.
    #[serde(with = "time::serde::rfc3339::option")]
    pub grace_until: Option<OffsetDateTime>,
    /// `activationLockBypassCode`, shown only by a single GET that selects it.
    pub activation_lock_bypass_code: Option<String>,
    /// `deviceActionResults`, shown only by a single GET; at most one per action.
    pub action_results: Vec<ActionResult>,
}

/// An entry of `deviceActionResults`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActionResult {
    /// `actionName`.
    pub action_name: Word,
    /// `actionState`.
    pub state: ActionState,
    /// `startDateTime`.
    #[serde(with = "time::serde::rfc3339")]
    pub started: OffsetDateTime,
    /// `lastUpdatedDateTime`.
    #[serde(with = "time::serde::rfc3339")]
    pub updated: OffsetDateTime,
    /// `passcode`. With one, the entry is a `#microsoft.graph.resetPasscodeActionResult`. Under the action
    /// `setDeviceName` it holds the device's new name. Never written to JSON but by Graph itself.
    #[serde(skip)]
    pub passcode: Option<String>,
}

/// `actionState` (Graph metadata, `actionState` enumeration).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ActionState {
    /// `none`.
    None,
    /// `pending`.
    Pending,
    /// `canceled`.
    Canceled,
    /// `active`.
    Active,
    /// `done`.
    Done,
    /// `failed`.
    Failed,
    /// `notSupported`.
    NotSupported,
}

impl ActionState {
    /// The word Graph writes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pending => "pending",
            Self::Canceled => "canceled",
            Self::Active => "active",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::NotSupported => "notSupported",
        }
    }
}

/// A detected app: one row per name and version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct App {
    /// The id: 64 hexadecimal digits.
    pub id: String,
    /// `displayName`.
    pub name: String,
    /// `version`.
    pub version: String,
    /// `publisher`.
    pub publisher: Option<String>,
    /// `platform`.
    pub platform: Word,
    /// `sizeInByte`, often 0.
    pub size: i64,
    /// `deviceCount` as the row tells it, which now and then differs from the devices there are.
    pub device_count: usize,
    /// The devices it was found on. Personal devices never report their apps.
    pub device_ids: Vec<String>,
}

/// A copy of the whole directory at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct Directory {
    /// The people, in order of their number.
    pub users: Vec<User>,
    /// The devices, in order of their number, with their action results as of now.
    pub devices: Vec<Device>,
    /// The detected-app rows.
    pub apps: Vec<App>,
}

impl Directory {
    /// The devices of a person, by the person's id.
    pub fn devices_of<'a>(&'a self, user_id: &'a str) -> impl Iterator<Item = &'a Device> {
        self.devices.iter().filter(move |device| device.user_id.as_deref() == Some(user_id))
    }

    /// A device by its id.
    #[must_use]
    pub fn device(&self, id: &str) -> Option<&Device> {
        self.devices.iter().find(|device| device.id == id)
    }
}

/// An executed recoverPasscode: what really happened, whatever the client was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExecutedAction {
    /// When, by the tenant's clock.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The managed-device id.
    pub device_id: String,
    /// The device's name at that moment.
    pub device_name: String,
    /// The route it came by.
    pub route: Route,
    /// The path as it arrived, percent-encoded.
    pub path: String,
    /// The caller's `client-request-id`, if it sent one.
    pub client_request_id: Option<String>,
}

/// The three routes of recoverPasscode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// `/users/{id}/managedDevices/{id}/recoverPasscode`
    User,
    /// `/deviceManagement/managedDevices/{id}/recoverPasscode`
    Direct,
    /// `/deviceManagement/detectedApps/{id}/managedDevices/{id}/recoverPasscode`
    DetectedApp,
}

/// The living directory.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) users: Vec<User>,
    pub(crate) devices: Vec<Device>,
    pub(crate) apps: Vec<App>,
    by_id: HashMap<String, usize>,
    /// The running or settled recoveries by device id.
    recoveries: HashMap<String, Recovery>,
    /// Every passcode that any result ever held, those of replaced results and removed devices too.
    passcodes: HashSet<String>,
    pub(crate) executed: Vec<ExecutedAction>,
}

/// What the last recoverPasscode on a device comes to.
#[derive(Debug, Clone)]
pub(crate) struct Recovery {
    pub(crate) started: OffsetDateTime,
    pub(crate) active_at: Option<OffsetDateTime>,
    pub(crate) settled_at: Option<OffsetDateTime>,
    pub(crate) outcome: ActionState,
    pub(crate) passcode: Option<String>,
}

impl Recovery {
    fn result(&self, now: OffsetDateTime) -> ActionResult {
        let reached = |at: Option<OffsetDateTime>| at.filter(|at| *at <= now);
        let (state, updated) = match (reached(self.settled_at), reached(self.active_at)) {
            (Some(at), _) => (self.outcome, at),
            (None, Some(at)) => (ActionState::Active, at),
            (None, None) => (ActionState::Pending, self.started),
        };
        ActionResult {
            action_name: Cow::Borrowed("recoverPasscode"),
            state,
            started: self.started,
            updated,
            passcode: self.passcode.clone().filter(|_| state == ActionState::Done),
        }
    }
}

impl Store {
    pub(crate) fn new(directory: Directory) -> Self {
        let Directory { users, devices, apps } = directory;
        let mut store = Self {
            users,
            devices,
            apps,
            by_id: HashMap::new(),
            recoveries: HashMap::new(),
            passcodes: HashSet::new(),
            executed: Vec::new(),
        };
        store.index();
        store.passcodes = store.devices.iter().flat_map(passcodes_on).collect();
        store
    }

    fn index(&mut self) {
        self.by_id =
            self.devices.iter().enumerate().map(|(place, device)| (device.id.clone(), place)).collect();
    }

    pub(crate) fn device(&self, id: &str) -> Option<&Device> {
        self.by_id.get(id).and_then(|place| self.devices.get(*place))
    }

    /// False without such a device.
    pub(crate) fn change(&mut self, id: &str, change: impl FnOnce(&mut Device)) -> bool {
        let device = self.by_id.get(id).and_then(|place| self.devices.get_mut(*place));
        let known = device.is_some();
        if let Some(device) = device {
            change(device);
            // The id is the one thing that never changes.
            id.clone_into(&mut device.id);
            self.passcodes.extend(passcodes_on(device));
        }
        known
    }

    /// Makes a person the primary user of a device, or nobody. False without such a device or person.
    pub(crate) fn give(&mut self, id: &str, user: Option<&str>) -> bool {
        let owner = match user.map(|key| self.user(key).cloned()) {
            Some(None) => return false,
            owner => owner.flatten(),
        };
        self.change(id, |device| {
            device.user_id = owner.as_ref().map(|owner| owner.id.clone());
            device.user_principal_name = owner.as_ref().map(|owner| owner.upn.clone());
            device.user_display_name = owner.as_ref().map(|owner| owner.display_name.clone());
            device.email_address = owner.map(|owner| owner.mail.unwrap_or(owner.upn));
        })
    }

    /// Puts a recovery in place of the device's last one.
    pub(crate) fn begin(&mut self, id: String, recovery: Recovery) {
        self.passcodes.extend(recovery.passcode.clone());
        self.recoveries.insert(id, recovery);
    }

    /// A recovery that somebody else asked for: pending until it is settled. False without such a device.
    pub(crate) fn begin_elsewhere(&mut self, id: &str, now: OffsetDateTime) -> bool {
        let known = self.by_id.contains_key(id);
        if known {
            let outcome = ActionState::Pending;
            let recovery =
                Recovery { started: now, active_at: None, settled_at: None, outcome, passcode: None };
            self.begin(id.to_owned(), recovery);
        }
        known
    }

    /// Ends the device's recovery now. False when it has none.
    pub(crate) fn settle(&mut self, id: &str, outcome: ActionState, now: OffsetDateTime) -> bool {
        let recovery = self.recoveries.get_mut(id);
        let known = recovery.is_some();
        if let Some(recovery) = recovery {
            recovery.outcome = outcome;
            recovery.settled_at = Some(now);
        }
        known
    }

    /// Ends the device's recovery now, with this passcode. False when it has none.
    pub(crate) fn settle_with_passcode(&mut self, id: &str, passcode: &str, now: OffsetDateTime) -> bool {
        if let Some(recovery) = self.recoveries.get_mut(id) {
            recovery.passcode = Some(passcode.to_owned());
            self.passcodes.insert(passcode.to_owned());
        }
        self.settle(id, ActionState::Done, now)
    }

    pub(crate) fn remove(&mut self, id: &str) {
        self.devices.retain(|device| device.id != id);
        self.recoveries.remove(id);
        for app in &mut self.apps {
            app.device_ids.retain(|known| known != id);
        }
        self.index();
    }

    /// A person by object id or principal name; Entra does not heed the case of either.
    pub(crate) fn user(&self, key: &str) -> Option<&User> {
        let key = key.to_lowercase();
        self.users.iter().find(|user| user.id == key || user.upn.to_lowercase() == key)
    }

    pub(crate) fn results(&self, device: &Device, now: OffsetDateTime) -> Vec<ActionResult> {
        match self.recoveries.get(&device.id) {
            None => device.action_results.clone(),
            Some(recovery) => device
                .action_results
                .iter()
                .filter(|result| result.action_name != "recoverPasscode")
                .cloned()
                .chain([recovery.result(now)])
                .collect(),
        }
    }

    pub(crate) fn snapshot(&self, now: OffsetDateTime) -> Directory {
        let current =
            |device: &Device| Device { action_results: self.results(device, now), ..device.clone() };
        Directory {
            users: self.users.clone(),
            devices: self.devices.iter().map(current).collect(),
            apps: self.apps.clone(),
        }
    }

    pub(crate) fn passcodes(&self) -> &HashSet<String> {
        &self.passcodes
    }
}

/// The passcodes among a device's own results, the device name under `setDeviceName` left out.
fn passcodes_on(device: &Device) -> impl Iterator<Item = String> {
    let results = device.action_results.iter().filter(|result| result.action_name != "setDeviceName");
    results.filter_map(|result| result.passcode.clone())
}

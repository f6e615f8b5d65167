//! What Unlatch keeps of Graph's people, devices and apps.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::id::{AppId, DeviceId, UserId};
use crate::open::{ActionState, ComplianceState, ManagementAgent, ManagementState, OwnerType, Platform};

/// A device managed by Intune (`managedDevice`). Empty texts and "never" (`0001-01-01`) are `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedDevice {
    /// Its id, the only thing requests address it by.
    pub id: DeviceId,
    /// Its name; not unique, and empty if Graph tells none.
    pub device_name: String,
    /// Serial number.
    pub serial_number: Option<String>,
    /// Object id of the primary user.
    pub user_id: Option<UserId>,
    /// User principal name of the primary user as Intune holds it, which need not be the directory's.
    pub user_principal_name: Option<String>,
    /// Display name of the primary user.
    pub user_display_name: Option<String>,
    /// Mail address of the primary user.
    pub email_address: Option<String>,
    /// Operating system as Graph names it ("iOS", "Windows", …).
    pub operating_system: Option<String>,
    /// Version of the operating system.
    pub os_version: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Manufacturer.
    pub manufacturer: Option<String>,
    /// Who owns it; `Unknown` if Graph tells nothing.
    pub owner: OwnerType,
    /// Whether it complies; `Unknown` if Graph tells nothing.
    pub compliance_state: ComplianceState,
    /// What Intune is doing with it; `Unknown` if Graph tells nothing.
    pub management_state: ManagementState,
    /// Through what it is managed; `Unknown` if Graph tells nothing.
    pub management_agent: ManagementAgent,
    /// Whether it is supervised (Apple).
    pub is_supervised: Option<bool>,
    /// Its last contact; `None` means never, or not told.
    pub last_sync: Option<OffsetDateTime>,
    /// When it was enrolled.
    pub enrolled: Option<OffsetDateTime>,
}

/// A person in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Object id.
    pub id: UserId,
    /// Display name; empty if Graph tells none.
    pub display_name: String,
    /// User principal name; empty if Graph tells none.
    pub user_principal_name: String,
    /// Mail address.
    pub mail: Option<String>,
}

/// One version of an app that Intune found on devices (`detectedApp`). Unmanaged apps are only detected on devices the
/// organisation owns (Graph documentation, detectedApp).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectedApp {
    /// Its id, one for each name, version and platform.
    pub id: AppId,
    /// Display name; empty if Graph tells none.
    pub display_name: String,
    /// Version.
    pub version: Option<String>,
    /// Publisher.
    pub publisher: Option<String>,
    /// Platform.
    pub platform: Platform,
    /// On how many devices it was found, as Graph counts; the list of devices may differ.
    pub device_count: u32,
}

/// The account that is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    /// Object id.
    pub id: UserId,
    /// Display name; empty if Graph tells none.
    pub display_name: String,
    /// User principal name; empty if Graph tells none.
    pub user_principal_name: String,
}

/// How far an action on a device has come (`deviceActionResult`). Whatever secret Graph may put beside it is dropped
/// before it becomes a value here; [`crate::Client::passcodes`] asks for it by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceActionResult {
    /// The action's name, such as `recoverPasscode`; empty if Graph tells none.
    pub action_name: String,
    /// Its state.
    pub state: ActionState,
    /// When it was asked for, by the service's clock.
    pub started: Option<OffsetDateTime>,
    /// When its state was last changed, by the service's clock.
    pub last_updated: Option<OffsetDateTime>,
    /// Whether Graph holds a passcode with it: a `resetPasscodeActionResult` of recoverPasscode or resetPasscode.
    pub has_passcode: bool,
}

/// A passcode that the service returned. It is in memory only, shows nothing of itself, and is overwritten when dropped.
#[derive(Debug)]
pub struct Passcode(SecretString);

impl Passcode {
    /// Takes a passcode over.
    #[must_use]
    pub fn new(secret: SecretString) -> Self {
        Self(secret)
    }

    /// The passcode itself, to be shown to a person who asked for it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// How a device was found, and so the way its request goes out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "id")]
pub enum Route {
    /// `/users/{id}/managedDevices/{device}/recoverPasscode`
    User(UserId),
    /// `/deviceManagement/detectedApps/{id}/managedDevices/{device}/recoverPasscode`
    App(AppId),
    /// `/deviceManagement/managedDevices/{device}/recoverPasscode`
    Direct,
}

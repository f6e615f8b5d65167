//! What a person confirmed: as whom, which action, on which devices, by which route, and why.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unlatch_graph::{DeviceId, Route, UserId};
use uuid::Uuid;

/// The most characters of a reason.
pub const MAX_REASON: usize = 1_000;

/// Names a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(Uuid);

impl RunId {
    /// A name nobody has yet.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl From<Uuid> for RunId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for RunId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// An action on a managed device, as data: what differs between actions is asked of this type and of nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Graph's `recoverPasscode`. It takes no parameters and returns nothing (Graph schema, managedDevice).
    RecoverPasscode,
}

impl Action {
    /// The action's name: the last segment of its route, and the `actionName` its results carry.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RecoverPasscode => "recoverPasscode",
        }
    }

    /// The key of the text that tells a person what the action does.
    #[must_use]
    pub fn text_key(self) -> &'static str {
        match self {
            Self::RecoverPasscode => "action_recover_passcode",
        }
    }

    /// Types of `deviceActionResults` entries in which the service may put this action's secret. Graph defines no
    /// `recoverPasscodeActionResult`, so if there is one anywhere it is in the result of a passcode reset.
    #[must_use]
    pub fn result_types(self) -> &'static [&'static str] {
        match self {
            Self::RecoverPasscode => &["resetPasscodeActionResult"],
        }
    }

    /// Whether Microsoft documents the action for that platform. The only words there are on it say that it resets the PIN of a
    /// Windows phone (Graph beta, remoteAction enumeration); Graph names these `Windows Phone` or `Windows 10 Mobile`.
    #[must_use]
    pub fn is_documented_for(self, operating_system: Option<&str>) -> bool {
        match self {
            Self::RecoverPasscode => operating_system.is_some_and(|system| {
                let system = system.to_ascii_lowercase().replace(' ', "");
                system.starts_with("windowsphone")
                    || (system.starts_with("windows") && system.contains("mobile"))
            }),
        }
    }

    /// The action with that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        (name == Self::RecoverPasscode.name()).then_some(Self::RecoverPasscode)
    }
}

/// As whom, and in which tenant, requests go out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The cloud's name, as the configuration writes it.
    pub cloud: String,
    /// The tenant's id (GUID).
    pub tenant_id: String,
    /// The tenant's display name.
    pub tenant_name: String,
    /// User principal name of the account.
    pub account: String,
    /// Object id of the account.
    pub account_id: String,
}

/// A tenant in a cloud: what pacing and following go by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TenantKey {
    /// The cloud's name.
    pub cloud: String,
    /// The tenant's id, in small letters.
    pub tenant_id: String,
}

impl Principal {
    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> TenantKey {
        TenantKey { cloud: self.cloud.clone(), tenant_id: self.tenant_id.to_ascii_lowercase() }
    }

    /// Whether both are the same tenant in the same cloud.
    #[must_use]
    pub fn is_same_tenant(&self, other: &Self) -> bool {
        self.tenant() == other.tenant()
    }

    /// Whether both are the same account of the same tenant in the same cloud. Names may have changed meanwhile.
    #[must_use]
    pub fn is_same_account(&self, other: &Self) -> bool {
        self.is_same_tenant(other) && self.account_id.eq_ignore_ascii_case(&other.account_id)
    }
}

/// What a plan must keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanRules {
    /// The most devices in one run.
    pub max_items: usize,
    /// Whether a reason must be given.
    pub reason_required: bool,
}

/// One device of a plan, as the person saw it when confirming.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedItem {
    /// The device. It is addressed by this id and by nothing else.
    pub device_id: DeviceId,
    /// How it was found, and so the route its request goes out by.
    pub route: Route,
    /// The route in words, such as the user's or the app's name.
    pub route_label: String,
    /// Device name.
    pub name: String,
    /// Serial number; none means that the device had none.
    pub serial: Option<String>,
    /// Primary user's id; none means that the device had none.
    pub user_id: Option<UserId>,
    /// Primary user's principal name; none means that the device had none.
    pub user: Option<String>,
    /// Operating system and version.
    pub system: Option<String>,
}

/// A confirmed plan: at least one device, none of them twice.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// As whom the requests go out.
    pub principal: Principal,
    /// What is done to every device.
    pub action: Action,
    /// Reason or ticket, trimmed.
    pub reason: Option<String>,
    /// The devices in order.
    pub items: Vec<PlannedItem>,
}

/// Why something cannot be a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No device was chosen.
    #[error("no device is selected")]
    Empty,
    /// More devices than one run may have.
    #[error("{count} devices are selected, one run takes at most {max}")]
    TooMany {
        /// Selected devices.
        count: usize,
        /// The most that one run takes.
        max: usize,
    },
    /// One device is in the plan more than once.
    #[error("device {0} is in the plan twice")]
    Twice(DeviceId),
    /// A reason must be given.
    #[error("a reason is required")]
    ReasonMissing,
    /// The reason is longer than [`MAX_REASON`] characters.
    #[error("the reason has {0} characters, at most {MAX_REASON} are kept")]
    ReasonTooLong(usize),
}

impl Plan {
    /// Checks and makes a plan: 1 to `rules.max_items` distinct devices; the reason is trimmed, an empty one counts as none.
    ///
    /// # Errors
    /// [`PlanError`] names the first rule that is broken.
    pub fn new(
        principal: Principal,
        action: Action,
        reason: Option<&str>,
        items: Vec<PlannedItem>,
        rules: PlanRules,
    ) -> Result<Self, PlanError> {
        if items.is_empty() {
            return Err(PlanError::Empty);
        }
        if items.len() > rules.max_items {
            return Err(PlanError::TooMany { count: items.len(), max: rules.max_items });
        }
        let mut seen = HashSet::with_capacity(items.len());
        if let Some(twice) = items.iter().find(|item| !seen.insert(&item.device_id)) {
            return Err(PlanError::Twice(twice.device_id.clone()));
        }
        let reason = reason.map(str::trim).filter(|text| !text.is_empty());
        match reason {
            None if rules.reason_required => return Err(PlanError::ReasonMissing),
            Some(text) if text.chars().count() > MAX_REASON => {
                return Err(PlanError::ReasonTooLong(text.chars().count()));
            }
            _ => {}
        }
        Ok(Self { principal, action, reason: reason.map(str::to_owned), items })
    }
}

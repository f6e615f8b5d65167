//! The comparison of a device, read afresh, with what a person confirmed.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use unlatch_graph::{DeviceActionResult, ManagedDevice, ManagementAgent, ManagementState};

use crate::plan::{Action, PlannedItem};
use crate::state::ItemReason;

/// What was found of a device that must not be sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Found {
    /// What is other than what was confirmed.
    Differences(Vec<Difference>),
    /// Its management state or agent, as Graph names it.
    State(String),
    /// The same action waits for it already.
    Pending {
        /// When that was asked for, by the service's clock, if Graph tells.
        #[serde(with = "time::serde::rfc3339::option")]
        since: Option<OffsetDateTime>,
        /// Who asked for it, if the journal knows. Graph v1.0 does not tell.
        by: Option<String>,
    },
    /// The same action was sent by another request.
    Sent {
        /// The action's state, as Graph names it.
        state: String,
        /// When it started, by the service's clock.
        #[serde(with = "time::serde::rfc3339::option")]
        since: Option<OffsetDateTime>,
        /// Who sent it, if the journal knows.
        by: Option<String>,
    },
}

/// One field that is other than what was confirmed. None stands for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Which one.
    pub field: Field,
    /// What was confirmed.
    pub then: Option<String>,
    /// What it is now.
    pub now: Option<String>,
}

/// A field by which a person knows a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Field {
    /// Managed-device id.
    Id,
    /// Device name.
    Name,
    /// Serial number.
    Serial,
    /// Primary user.
    User,
}

/// Why a device must not be sent to, although it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its class.
    pub reason: ItemReason,
    /// What was found.
    pub found: Found,
}

/// The pending removal, if a retire, wipe or delete waits for the device or is under way. It goes before any passcode action.
#[must_use]
pub fn removal_pending(device: &ManagedDevice) -> Option<&ManagementState> {
    matches!(
        device.management_state,
        ManagementState::RetirePending
            | ManagementState::RetireIssued
            | ManagementState::WipePending
            | ManagementState::WipeIssued
            | ManagementState::DeletePending
    )
    .then_some(&device.management_state)
}

/// The agent, if it is one that takes no MDM actions: Exchange ActiveSync alone, or Defender for Endpoint alone.
#[must_use]
pub fn no_mdm_channel(device: &ManagedDevice) -> Option<&ManagementAgent> {
    matches!(device.management_agent, ManagementAgent::Eas | ManagementAgent::MsSense)
        .then_some(&device.management_agent)
}

/// What keeps `device`, read right now, from being sent to. Every device that is planned was read with all of its fields, so
/// what was missing then and is there now differs as much as what is gone.
pub(crate) fn compare(confirmed: &PlannedItem, device: &ManagedDevice) -> Result<(), Finding> {
    let mut differences = Vec::new();
    if device.id != confirmed.device_id {
        differences.push(difference(Field::Id, Some(confirmed.device_id.as_str()), Some(device.id.as_str())));
    }
    if device.device_name != confirmed.name {
        differences.push(difference(Field::Name, Some(&confirmed.name), Some(&device.device_name)));
    }
    if device.serial_number != confirmed.serial {
        let (then, now) = (confirmed.serial.as_deref(), device.serial_number.as_deref());
        differences.push(difference(Field::Serial, then, now));
    }
    if !same_user(confirmed, device) {
        let then = confirmed.user.as_deref().or(confirmed.user_id.as_ref().map(|id| id.as_str()));
        let now = device.user_principal_name.as_deref().or(device.user_id.as_ref().map(|id| id.as_str()));
        differences.push(difference(Field::User, then, now));
    }
    if !differences.is_empty() {
        return Err(Finding { reason: ItemReason::Changed, found: Found::Differences(differences) });
    }
    if let Some(state) = removal_pending(device) {
        return Err(Finding {
            reason: ItemReason::RemovalPending,
            found: Found::State(state.as_str().to_owned()),
        });
    }
    if let Some(agent) = no_mdm_channel(device) {
        return Err(Finding {
            reason: ItemReason::NoMdmChannel,
            found: Found::State(agent.as_str().to_owned()),
        });
    }
    Ok(())
}

/// The user's id decides; where either side has none, the user principal name does. Nobody then and nobody now is the same.
fn same_user(confirmed: &PlannedItem, device: &ManagedDevice) -> bool {
    if let (Some(then), Some(now)) = (&confirmed.user_id, &device.user_id) {
        return then == now;
    }
    match (&confirmed.user, &device.user_principal_name) {
        (Some(then), Some(now)) => then.to_lowercase() == now.to_lowercase(),
        (None, None) => confirmed.user_id.is_none() && device.user_id.is_none(),
        _ => false,
    }
}

fn difference(field: Field, then: Option<&str>, now: Option<&str>) -> Difference {
    Difference { field, then: then.map(str::to_owned), now: now.map(str::to_owned) }
}

/// Returns the entry by which the same action is under way: the newest, if there are several. A state that is not known counts as
/// under way, as nothing says that it is over.
pub(crate) fn pending(action: Action, results: &[DeviceActionResult]) -> Option<&DeviceActionResult> {
    results
        .iter()
        .filter(|result| result.action_name.eq_ignore_ascii_case(action.name()))
        .filter(|result| !result.state.is_final())
        .max_by_key(|result| result.started)
}

#[cfg(test)]
mod tests {
    use super::*;
    use unlatch_graph::{ActionState, ComplianceState, DeviceId, OwnerType, Route, UserId};

    fn device() -> ManagedDevice {
        ManagedDevice {
            id: DeviceId::new("d1").unwrap(),
            device_name: "Tablet 7".into(),
            serial_number: Some("S7".into()),
            user_id: Some(UserId::new("u1").unwrap()),
            user_principal_name: Some("ana@contoso.com".into()),
            user_display_name: Some("Ana".into()),
            email_address: None,
            operating_system: None,
            os_version: None,
            model: None,
            manufacturer: None,
            owner: OwnerType::Company,
            compliance_state: ComplianceState::Compliant,
            management_state: ManagementState::Managed,
            management_agent: ManagementAgent::Mdm,
            is_supervised: None,
            last_sync: None,
            enrolled: None,
        }
    }

    fn confirmed() -> PlannedItem {
        PlannedItem {
            device_id: DeviceId::new("d1").unwrap(),
            route: Route::Direct,
            route_label: String::new(),
            name: "Tablet 7".into(),
            serial: Some("S7".into()),
            user_id: Some(UserId::new("u1").unwrap()),
            user: Some("ana@contoso.com".into()),
            system: None,
        }
    }

    #[test]
    fn the_same_device_passes() {
        assert_eq!(compare(&confirmed(), &device()), Ok(()));
    }

    #[test]
    fn every_difference_is_named() {
        let mut now = device();
        now.device_name = "Tablet 8".into();
        now.serial_number = None;
        now.user_id = Some(UserId::new("u2").unwrap());
        now.user_principal_name = Some("bo@contoso.com".into());
        let finding = compare(&confirmed(), &now).unwrap_err();
        assert_eq!(finding.reason, ItemReason::Changed);
        assert_eq!(
            finding.found,
            Found::Differences(vec![
                difference(Field::Name, Some("Tablet 7"), Some("Tablet 8")),
                difference(Field::Serial, Some("S7"), None),
                difference(Field::User, Some("ana@contoso.com"), Some("bo@contoso.com")),
            ])
        );
    }

    #[test]
    fn a_serial_or_a_user_that_was_not_there_when_it_was_confirmed_differs() {
        let bare = PlannedItem { serial: None, user_id: None, user: None, ..confirmed() };
        let found = |confirmed: &PlannedItem, device: &ManagedDevice| match compare(confirmed, device) {
            Err(Finding { found: Found::Differences(differences), .. }) => differences,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            found(&bare, &device()),
            [
                difference(Field::Serial, None, Some("S7")),
                difference(Field::User, None, Some("ana@contoso.com"))
            ]
        );
        let only_an_id = ManagedDevice { serial_number: None, user_principal_name: None, ..device() };
        assert_eq!(found(&bare, &only_an_id), [difference(Field::User, None, Some("u1"))]);
        let nobody = ManagedDevice { user_id: None, ..only_an_id };
        assert_eq!(compare(&bare, &nobody), Ok(()), "nobody then and nobody now");
        let gone = PlannedItem { serial: None, user: None, ..confirmed() };
        assert_eq!(found(&gone, &nobody), [difference(Field::User, Some("u1"), None)]);
    }

    #[test]
    fn an_id_on_one_side_alone_leaves_the_decision_to_the_name() {
        let unnamed = PlannedItem { user_id: None, ..confirmed() };
        assert_eq!(compare(&unnamed, &device()), Ok(()));
        let other = ManagedDevice { user_principal_name: Some("bo@contoso.com".into()), ..device() };
        assert_eq!(compare(&unnamed, &other).unwrap_err().reason, ItemReason::Changed);
    }

    #[test]
    fn a_user_whose_id_is_gone_must_still_bear_the_name_that_was_shown() {
        let mut now = device();
        now.user_id = None;
        now.user_principal_name = Some("ANA@contoso.com".into());
        assert_eq!(compare(&confirmed(), &now), Ok(()));
        now.user_principal_name = None;
        now.user_display_name = Some("ana@contoso.com".into());
        assert_eq!(compare(&confirmed(), &now).unwrap_err().reason, ItemReason::Changed);
    }

    #[test]
    fn pending_removals_and_devices_without_mdm_are_stopped() {
        for state in ["retirePending", "retireIssued", "wipePending", "wipeIssued", "deletePending"] {
            let now = ManagedDevice { management_state: ManagementState::from(state), ..device() };
            let finding = compare(&confirmed(), &now).unwrap_err();
            assert_eq!(finding.reason, ItemReason::RemovalPending);
            assert_eq!(finding.found, Found::State(state.to_owned()));
        }
        for agent in ["eas", "msSense"] {
            let now = ManagedDevice { management_agent: ManagementAgent::from(agent), ..device() };
            let finding = compare(&confirmed(), &now).unwrap_err();
            assert_eq!(finding.reason, ItemReason::NoMdmChannel);
            assert_eq!(finding.found, Found::State(agent.to_owned()));
        }
        for state in ["wipeFailed", "retireCanceled", "newInSomeYear"] {
            let now = ManagedDevice { management_state: ManagementState::from(state), ..device() };
            assert_eq!(compare(&confirmed(), &now), Ok(()));
        }
    }

    #[test]
    fn only_the_same_action_that_is_not_over_counts_as_pending() {
        let entry = |name: &str, state: ActionState, second: u8| DeviceActionResult {
            action_name: name.into(),
            state,
            started: time::macros::datetime!(2026-03-01 10:00 UTC).replace_second(second).ok(),
            last_updated: None,
            has_passcode: false,
        };
        let results = [
            entry("remoteLock", ActionState::Pending, 9),
            entry("recoverPasscode", ActionState::Done, 8),
            entry("RecoverPasscode", ActionState::Active, 5),
            entry("recoverPasscode", ActionState::Pending, 3),
        ];
        let started = |results: &[DeviceActionResult]| {
            pending(Action::RecoverPasscode, results).and_then(|entry| entry.started).map(|at| at.second())
        };
        assert_eq!(started(&results), Some(5));
        assert_eq!(started(&results[..2]), None);
    }
}

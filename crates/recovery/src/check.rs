//! The comparison of a device, read afresh, with what a person confirmed.

use unlatch_graph::{ManagedDevice, ManagementAgent, ManagementState};

use crate::plan::PlannedItem;
use crate::state::ItemReason;

/// Why a device must not be sent to, although it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its class.
    pub reason: ItemReason,
    /// What was found: the fields that differ with both values, or the state or agent as Graph names it.
    pub found: String,
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
        differences.push(difference("id", confirmed.device_id.as_str(), Some(device.id.as_str())));
    }
    if device.device_name != confirmed.name {
        differences.push(difference("name", &confirmed.name, Some(&device.device_name)));
    }
    if device.serial_number != confirmed.serial {
        let then = confirmed.serial.as_deref().unwrap_or(NOTHING);
        differences.push(difference("serial", then, device.serial_number.as_deref()));
    }
    if !same_user(confirmed, device) {
        let shown = confirmed.user.as_deref().or(confirmed.user_id.as_ref().map(|id| id.as_str()));
        let now = device.user_principal_name.as_deref().or(device.user_id.as_ref().map(|id| id.as_str()));
        differences.push(difference("user", shown.unwrap_or(NOTHING), now));
    }
    if !differences.is_empty() {
        return Err(Finding { reason: ItemReason::Changed, found: differences.join("; ") });
    }
    if let Some(state) = removal_pending(device) {
        return Err(Finding { reason: ItemReason::RemovalPending, found: state.as_str().to_owned() });
    }
    if let Some(agent) = no_mdm_channel(device) {
        return Err(Finding { reason: ItemReason::NoMdmChannel, found: agent.as_str().to_owned() });
    }
    Ok(())
}

/// The user's id decides; where either side has none, the user principal name does. Nobody then and nobody now is the same.
fn same_user(confirmed: &PlannedItem, device: &ManagedDevice) -> bool {
    if let (Some(then), Some(now)) = (&confirmed.user_id, &device.user_id) {
        return then.as_str().eq_ignore_ascii_case(now.as_str());
    }
    match (&confirmed.user, &device.user_principal_name) {
        (Some(then), Some(now)) => then.to_lowercase() == now.to_lowercase(),
        (None, None) => confirmed.user_id.is_none() && device.user_id.is_none(),
        _ => false,
    }
}

/// What stands for a field that is empty.
const NOTHING: &str = "—";

fn difference(field: &str, then: &str, now: Option<&str>) -> String {
    format!("{field}: “{then}” → “{}”", now.unwrap_or(NOTHING))
}

#[cfg(test)]
mod tests {
    use super::*;
    use unlatch_graph::{ComplianceState, DeviceId, OwnerType, Route, UserId};

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
            "name: “Tablet 7” → “Tablet 8”; serial: “S7” → “—”; user: “ana@contoso.com” → “bo@contoso.com”"
        );
    }

    #[test]
    fn a_serial_or_a_user_that_was_not_there_when_it_was_confirmed_differs() {
        let bare = PlannedItem { serial: None, user_id: None, user: None, ..confirmed() };
        let finding = compare(&bare, &device()).unwrap_err();
        assert_eq!(finding.found, "serial: “—” → “S7”; user: “—” → “ana@contoso.com”");
        let only_an_id = ManagedDevice { serial_number: None, user_principal_name: None, ..device() };
        assert_eq!(compare(&bare, &only_an_id).unwrap_err().found, "user: “—” → “u1”");
        let nobody = ManagedDevice { user_id: None, ..only_an_id };
        assert_eq!(compare(&bare, &nobody), Ok(()), "nobody then and nobody now");
        let gone = PlannedItem { serial: None, user: None, ..confirmed() };
        assert_eq!(compare(&gone, &nobody).unwrap_err().found, "user: “u1” → “—”");
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
            assert_eq!((finding.reason, finding.found.as_str()), (ItemReason::RemovalPending, state));
        }
        for agent in ["eas", "msSense"] {
            let now = ManagedDevice { management_agent: ManagementAgent::from(agent), ..device() };
            let finding = compare(&confirmed(), &now).unwrap_err();
            assert_eq!((finding.reason, finding.found.as_str()), (ItemReason::NoMdmChannel, agent));
        }
        for state in ["wipeFailed", "retireCanceled", "newInSomeYear"] {
            let now = ManagedDevice { management_state: ManagementState::from(state), ..device() };
            assert_eq!(compare(&confirmed(), &now), Ok(()));
        }
    }
}

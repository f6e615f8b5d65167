//! One row of a table, small, as a table may hold 100,000 of them.

use std::collections::HashSet;
use std::sync::Arc;

use time::{Duration, OffsetDateTime};
use unlatch_graph::{DeviceId, ManagedDevice, OwnerType, UserId};
use unlatch_recovery as engine;

/// A device silent for this long is worth a warning.
pub const SILENT_DAYS: i64 = 30;

/// Words that many devices share, each held once.
#[derive(Default)]
pub struct Words(HashSet<Arc<str>>);

impl Words {
    fn shared(&mut self, word: &str) -> Arc<str> {
        if let Some(known) = self.0.get(word) {
            return known.clone();
        }
        let word: Arc<str> = word.into();
        self.0.insert(word.clone());
        word
    }
}

/// A managed device as a table and a selection keep it.
pub struct Row {
    /// Its id.
    pub id: DeviceId,
    /// Name, serial number, user id, user principal name, user's name and mail address, one after the other.
    own: Box<str>,
    ends: [u32; 6],
    /// Operating system, version, model, manufacturer, owner, compliance, management state and agent.
    shared: [Arc<str>; 8],
    is_supervised: Option<bool>,
    /// Last contact.
    pub last_sync: Option<OffsetDateTime>,
    /// When it was enrolled.
    pub enrolled: Option<OffsetDateTime>,
    removal_pending: bool,
    no_mdm_channel: bool,
}

impl Row {
    /// A row for a device.
    pub fn new(device: ManagedDevice, words: &mut Words) -> Self {
        let removal_pending = engine::removal_pending(&device).is_some();
        let no_mdm_channel = engine::no_mdm_channel(&device).is_some();
        let own = [
            Some(device.device_name.as_str()),
            device.serial_number.as_deref(),
            device.user_id.as_ref().map(UserId::as_str),
            device.user_principal_name.as_deref(),
            device.user_display_name.as_deref(),
            device.email_address.as_deref(),
        ]
        .map(Option::unwrap_or_default);
        let mut end = 0;
        let ends = own.map(|text| {
            end += text.len();
            u32::try_from(end).unwrap_or(u32::MAX)
        });
        let shared = [
            device.operating_system.as_deref().unwrap_or_default(),
            device.os_version.as_deref().unwrap_or_default(),
            device.model.as_deref().unwrap_or_default(),
            device.manufacturer.as_deref().unwrap_or_default(),
            device.owner.as_str(),
            device.compliance_state.as_str(),
            device.management_state.as_str(),
            device.management_agent.as_str(),
        ]
        .map(|word| words.shared(word));
        Self {
            own: own.concat().into(),
            ends,
            shared,
            is_supervised: device.is_supervised,
            last_sync: device.last_sync,
            enrolled: device.enrolled,
            removal_pending,
            no_mdm_channel,
            id: device.id,
        }
    }

    /// The device.
    pub fn device(&self) -> ManagedDevice {
        let own = |at| Some(self.own(at).to_owned()).filter(|text| !text.is_empty());
        let word = |at: usize| Some(self.shared[at].to_string()).filter(|text| !text.is_empty());
        ManagedDevice {
            id: self.id.clone(),
            device_name: self.name().to_owned(),
            serial_number: own(1),
            user_id: UserId::new(self.own(2)).ok(),
            user_principal_name: own(3),
            user_display_name: own(4),
            email_address: own(5),
            operating_system: word(0),
            os_version: word(1),
            model: word(2),
            manufacturer: word(3),
            owner: self.owner().into(),
            compliance_state: self.compliance().into(),
            management_state: self.management_state().into(),
            management_agent: (&*self.shared[7]).into(),
            is_supervised: self.is_supervised,
            last_sync: self.last_sync,
            enrolled: self.enrolled,
        }
    }

    fn own(&self, at: usize) -> &str {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        self.own.get(start as usize..self.ends[at] as usize).unwrap_or_default()
    }

    /// Device name. Empty, as every text here, where Graph tells none.
    pub fn name(&self) -> &str {
        self.own(0)
    }

    /// Serial number.
    pub fn serial(&self) -> &str {
        self.own(1)
    }

    /// User principal name of the primary user.
    pub fn user_principal_name(&self) -> &str {
        self.own(3)
    }

    /// Display name of the primary user.
    pub fn user_name(&self) -> &str {
        self.own(4)
    }

    /// What tells the primary user from others, who may have the same name.
    pub fn user_key(&self) -> &str {
        if self.own(2).is_empty() { self.user_principal_name() } else { self.own(2) }
    }

    /// What a person calls the primary user.
    pub fn user(&self) -> &str {
        if self.user_name().is_empty() { self.user_principal_name() } else { self.user_name() }
    }

    /// Operating system.
    pub fn system(&self) -> &str {
        &self.shared[0]
    }

    /// Version of the operating system.
    pub fn version(&self) -> &str {
        &self.shared[1]
    }

    /// Model.
    pub fn model(&self) -> &str {
        &self.shared[2]
    }

    /// Owner, in Graph's word.
    pub fn owner(&self) -> &str {
        &self.shared[4]
    }

    /// Compliance state, in Graph's word.
    pub fn compliance(&self) -> &str {
        &self.shared[5]
    }

    /// Management state, in Graph's word.
    pub fn management_state(&self) -> &str {
        &self.shared[6]
    }

    /// The kinds of what a person should know of it at `now`, as [`crate::dto::DeviceWarning`] names them.
    pub fn warnings(&self, now: OffsetDateTime) -> impl Iterator<Item = &'static str> {
        let silence = match self.last_sync {
            None => Some("neverSeen"),
            Some(last) if now - last >= Duration::days(SILENT_DAYS) => Some("silent"),
            Some(_) => None,
        };
        [
            self.removal_pending.then_some("removalPending"),
            self.no_mdm_channel.then_some("noMdmChannel"),
            silence,
            (self.owner() == OwnerType::Personal.as_str()).then_some("personal"),
        ]
        .into_iter()
        .flatten()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use time::macros::datetime;
    use unlatch_graph::{ComplianceState, ManagementAgent, ManagementState};

    use super::*;
    use crate::convert;
    use crate::dto::DeviceWarning;

    /// A device with a name and a serial number of its own.
    pub(crate) fn device(number: usize) -> ManagedDevice {
        ManagedDevice {
            id: DeviceId::new(format!("d-{number}")).unwrap(),
            device_name: format!("IPAD-{number}"),
            serial_number: Some(format!("SN{number:06}")),
            user_id: UserId::new(format!("u-{}", number % 7)).ok(),
            user_principal_name: Some(format!("user{}@contoso.example", number % 7)),
            user_display_name: Some(format!("Zoë Ruiz {}", number % 7)),
            email_address: None,
            operating_system: Some(if number.is_multiple_of(2) { "iPadOS" } else { "Windows" }.to_owned()),
            os_version: Some("26.1".to_owned()),
            model: None,
            manufacturer: Some("Apple".to_owned()),
            owner: if number.is_multiple_of(5) { OwnerType::Personal } else { OwnerType::Company },
            compliance_state: ComplianceState::Other("quarantined".to_owned()),
            management_state: ManagementState::Managed,
            management_agent: ManagementAgent::Mdm,
            is_supervised: Some(true),
            last_sync: Some(datetime!(2026-11-01 10:00 UTC)),
            enrolled: None,
        }
    }

    #[test]
    fn a_row_gives_back_the_device_it_was_made_of() {
        let mut words = Words::default();
        let mut odd = device(5);
        odd.device_name = "漢字 \u{202e}x".to_owned();
        odd.serial_number = None;
        odd.user_display_name = None;
        odd.management_state = ManagementState::RetirePending;
        odd.management_agent = ManagementAgent::MsSense;
        odd.last_sync = None;
        for device in [device(1), device(10), odd] {
            assert_eq!(Row::new(device.clone(), &mut words).device(), device);
        }
    }

    #[test]
    fn the_kinds_of_warnings_are_those_that_a_row_shows() {
        let mut words = Words::default();
        let mut bad = device(5);
        bad.management_state = ManagementState::WipePending;
        bad.management_agent = ManagementAgent::MsSense;
        for (device, now) in [
            (device(1), datetime!(2026-11-02 10:00 UTC)),
            (device(5), datetime!(2026-12-01 10:00 UTC)),
            (bad, datetime!(2026-11-30 09:59 UTC)),
        ] {
            let shown = convert::device_row(&device, now).warnings;
            let kinds: Vec<String> = shown
                .iter()
                .map(|warning| {
                    serde_json::to_value::<&DeviceWarning>(warning).unwrap()["kind"]
                        .as_str()
                        .unwrap()
                        .to_owned()
                })
                .collect();
            assert_eq!(Row::new(device, &mut words).warnings(now).collect::<Vec<_>>(), kinds);
        }
    }
}

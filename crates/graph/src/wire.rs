//! What Graph sends, read tolerantly: a missing field, a null, an empty text or another type is "not told".

use std::marker::PhantomData;

use secrecy::SecretString;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use crate::device::{DetectedApp, DeviceActionResult, ManagedDevice, Me, Passcode, User};
use crate::id::{AppId, DeviceId, UserId};
use crate::open::{ActionState, ComplianceState, ManagementAgent, ManagementState, OwnerType, Platform};

/// The properties of a device that Unlatch reads.
pub(crate) const DEVICE_FIELDS: &str = "id,deviceName,serialNumber,userId,userPrincipalName,userDisplayName,\
    emailAddress,operatingSystem,osVersion,model,manufacturer,managedDeviceOwnerType,complianceState,managementState,\
    managementAgent,isSupervised,lastSyncDateTime,enrolledDateTime";

/// The property in which a device reports of the actions asked of it.
pub(crate) const RESULTS: &str = "deviceActionResults";

/// One page of a list.
#[derive(Deserialize)]
pub(crate) struct Page {
    pub(crate) value: Vec<Value>,
    /// Where the list goes on; should be a text.
    #[serde(rename = "@odata.nextLink", default)]
    pub(crate) next: Option<Value>,
}

/// A row of a list.
pub(crate) trait Row: Sized {
    /// Reads a row; none if it cannot be used, as without an id.
    fn read(value: Value) -> Option<Self>;
    /// Its id, which no two rows share.
    fn id(&self) -> &str;
}

pub(crate) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) if !text.trim().is_empty() => Some(text),
        _ => None,
    })
}

pub(crate) fn truth<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    Value::deserialize(from).map(|value| value.as_bool())
}

/// A count, as a number or (IEEE754Compatible) as text.
fn count<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let value = Value::deserialize(from)?;
    let number = value.as_u64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
    Ok(u32::try_from(number.unwrap_or(0)).unwrap_or(u32::MAX))
}

/// A time, in UTC; `0001-01-01T00:00:00Z` is how Intune writes "never". One that an offset puts out of all years is none.
pub(crate) fn moment<'de, D: Deserializer<'de>>(from: D) -> Result<Option<OffsetDateTime>, D::Error> {
    Ok(text(from)?
        .and_then(|text| OffsetDateTime::parse(text.trim(), &Rfc3339).ok()?.checked_to_offset(UtcOffset::UTC))
        .filter(|moment| moment.year() > 1))
}

fn open<T: for<'a> From<&'a str>>(text: Option<String>, untold: T) -> T {
    text.as_deref().map_or(untold, T::from)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDevice {
    id: String,
    #[serde(default, deserialize_with = "text")]
    device_name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    serial_number: Option<String>,
    #[serde(default, deserialize_with = "text")]
    user_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    user_principal_name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    user_display_name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    email_address: Option<String>,
    #[serde(default, deserialize_with = "text")]
    operating_system: Option<String>,
    #[serde(default, deserialize_with = "text")]
    os_version: Option<String>,
    #[serde(default, deserialize_with = "text")]
    model: Option<String>,
    #[serde(default, deserialize_with = "text")]
    manufacturer: Option<String>,
    #[serde(default, deserialize_with = "text")]
    managed_device_owner_type: Option<String>,
    #[serde(default, deserialize_with = "text")]
    compliance_state: Option<String>,
    #[serde(default, deserialize_with = "text")]
    management_state: Option<String>,
    #[serde(default, deserialize_with = "text")]
    management_agent: Option<String>,
    #[serde(default, deserialize_with = "truth")]
    is_supervised: Option<bool>,
    #[serde(default, deserialize_with = "moment")]
    last_sync_date_time: Option<OffsetDateTime>,
    #[serde(default, deserialize_with = "moment")]
    enrolled_date_time: Option<OffsetDateTime>,
}

impl WireDevice {
    /// None without a usable id.
    fn into_device(self) -> Option<ManagedDevice> {
        let wire = self;
        Some(ManagedDevice {
            id: DeviceId::new(wire.id).ok()?,
            device_name: wire.device_name.unwrap_or_default(),
            serial_number: wire.serial_number,
            user_id: wire.user_id.and_then(|id| UserId::new(id).ok()),
            user_principal_name: wire.user_principal_name,
            user_display_name: wire.user_display_name,
            email_address: wire.email_address,
            operating_system: wire.operating_system,
            os_version: wire.os_version,
            model: wire.model,
            manufacturer: wire.manufacturer,
            owner: open(wire.managed_device_owner_type, OwnerType::Unknown),
            compliance_state: open(wire.compliance_state, ComplianceState::Unknown),
            management_state: open(wire.management_state, ManagementState::Unknown),
            management_agent: open(wire.management_agent, ManagementAgent::Unknown),
            is_supervised: wire.is_supervised,
            last_sync: wire.last_sync_date_time,
            enrolled: wire.enrolled_date_time,
        })
    }
}

/// Reads the device in an answer. None if it is none.
pub(crate) fn device(body: &[u8]) -> Option<ManagedDevice> {
    serde_json::from_slice::<WireDevice>(body).ok()?.into_device()
}

impl Row for ManagedDevice {
    fn read(value: Value) -> Option<Self> {
        WireDevice::deserialize(value).ok()?.into_device()
    }

    fn id(&self) -> &str {
        self.id.as_str()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireUser {
    id: String,
    #[serde(default, deserialize_with = "text")]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    user_principal_name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    mail: Option<String>,
}

impl Row for User {
    fn read(value: Value) -> Option<Self> {
        let wire = WireUser::deserialize(value).ok()?;
        Some(Self {
            id: UserId::new(wire.id).ok()?,
            display_name: wire.display_name.unwrap_or_default(),
            user_principal_name: wire.user_principal_name.unwrap_or_default(),
            mail: wire.mail,
        })
    }

    fn id(&self) -> &str {
        self.id.as_str()
    }
}

impl From<User> for Me {
    fn from(user: User) -> Self {
        Self { id: user.id, display_name: user.display_name, user_principal_name: user.user_principal_name }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireApp {
    id: String,
    #[serde(default, deserialize_with = "text")]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    version: Option<String>,
    #[serde(default, deserialize_with = "text")]
    publisher: Option<String>,
    #[serde(default, deserialize_with = "text")]
    platform: Option<String>,
    #[serde(default, deserialize_with = "count")]
    device_count: u32,
}

impl Row for DetectedApp {
    fn read(value: Value) -> Option<Self> {
        let wire = WireApp::deserialize(value).ok()?;
        Some(Self {
            id: AppId::new(wire.id).ok()?,
            display_name: wire.display_name.unwrap_or_default(),
            version: wire.version,
            publisher: wire.publisher,
            platform: open(wire.platform, Platform::Unknown),
            device_count: wire.device_count,
        })
    }

    fn id(&self) -> &str {
        self.id.as_str()
    }
}

/// The tenant, of which only the name is shown.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireOrganization {
    #[serde(default, deserialize_with = "text")]
    pub(crate) display_name: Option<String>,
}

/// The results of a device. Fields that are not named here, `unlockPin` among them, are skipped while parsing and never become
/// a value; of a passcode only `P` does.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "P: Deserialize<'de> + Default")]
pub(crate) struct WireResults<P = Told> {
    /// Whose results they are.
    #[serde(default, deserialize_with = "text")]
    pub(crate) id: Option<String>,
    #[serde(default, deserialize_with = "results")]
    device_action_results: Vec<WireResult<P>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "P: Deserialize<'de> + Default")]
struct WireResult<P> {
    #[serde(rename = "@odata.type", default, deserialize_with = "text")]
    odata_type: Option<String>,
    #[serde(default, deserialize_with = "text")]
    action_name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    action_state: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    start_date_time: Option<OffsetDateTime>,
    #[serde(default, deserialize_with = "moment")]
    last_updated_date_time: Option<OffsetDateTime>,
    #[serde(default)]
    passcode: P,
}

/// That there is a passcode, and nothing more.
#[derive(Default)]
pub(crate) struct Told(bool);

/// A passcode.
#[derive(Default)]
pub(crate) struct Secret(Option<SecretString>);

impl<'de> Deserialize<'de> for Told {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(from.deserialize_any(SecretText(|_: &str| ()))?.is_some()))
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(from.deserialize_any(SecretText(|text: &str| SecretString::from(text)))?))
    }
}

/// Makes something of a text while it is parsed, so that no copy of it is left. Anything but a text that holds something is none.
struct SecretText<F>(F);

impl<'de, T, F: FnOnce(&str) -> T> Visitor<'de> for SecretText<F> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok((!text.trim().is_empty()).then(|| (self.0)(text)))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

impl<P> WireResult<P> {
    /// Whether a passcode beside it is one that the action gave: only `resetPasscodeActionResult` documents one, and only an
    /// action that is about a passcode may tell one.
    fn may_hold_passcode(&self) -> bool {
        const TYPE: &str = "resetPasscodeActionResult";
        const ACTIONS: [&str; 2] = ["recoverPasscode", "resetPasscode"];
        let is_typed = self.odata_type.as_deref().is_some_and(|told| {
            told.trim_start_matches('#')
                .rsplit('.')
                .next()
                .is_some_and(|name| name.eq_ignore_ascii_case(TYPE))
        });
        let name = self.action_name.as_deref().unwrap_or_default();
        is_typed && ACTIONS.iter().any(|action| name.eq_ignore_ascii_case(action))
    }

    fn into_result(self, has_passcode: bool) -> DeviceActionResult {
        DeviceActionResult {
            action_name: self.action_name.unwrap_or_default(),
            state: open(self.action_state, ActionState::None),
            started: self.start_date_time,
            last_updated: self.last_updated_date_time,
            has_passcode,
        }
    }
}

impl WireResults {
    pub(crate) fn into_results(self) -> Vec<DeviceActionResult> {
        self.device_action_results
            .into_iter()
            .map(|wire| {
                let has_passcode = wire.passcode.0 && wire.may_hold_passcode();
                wire.into_result(has_passcode)
            })
            .collect()
    }
}

impl WireResults<Secret> {
    pub(crate) fn into_passcodes(self) -> Vec<(DeviceActionResult, Passcode)> {
        let told = self.device_action_results.into_iter().filter(WireResult::may_hold_passcode);
        told.filter_map(|mut wire| {
            let passcode = Passcode::new(wire.passcode.0.take()?);
            Some((wire.into_result(true), passcode))
        })
        .collect()
    }
}

/// A list of results; `null` and `{}` are none (seen from Intune).
fn results<'de, D: Deserializer<'de>, P: Deserialize<'de> + Default>(
    from: D,
) -> Result<Vec<WireResult<P>>, D::Error> {
    struct Results<P>(PhantomData<P>);

    impl<'de, P: Deserialize<'de> + Default> Visitor<'de> for Results<P> {
        type Value = Vec<WireResult<P>>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a list of action results")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(Vec::new())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut results = Vec::new();
            while let Some(result) = seq.next_element::<Option<WireResult<P>>>()? {
                results.extend(
                    result.filter(|result| result.action_name.is_some() || result.action_state.is_some()),
                );
            }
            Ok(results)
        }
    }

    from.deserialize_any(Results(PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::datetime;

    #[test]
    fn a_device_with_little_told_is_read() {
        let device = ManagedDevice::read(json!({"id": "d1"})).unwrap();
        assert_eq!((device.device_name.as_str(), device.serial_number), ("", None));
        assert_eq!(device.management_state, ManagementState::Unknown);
    }

    #[test]
    fn empty_texts_never_and_wrong_types_are_not_told() {
        let device = ManagedDevice::read(json!({
            "id": "d1", "deviceName": "Desk", "serialNumber": "", "userId": " ", "model": 7, "manufacturer": null,
            "isSupervised": "yes", "lastSyncDateTime": "0001-01-01T00:00:00Z",
            "enrolledDateTime": "2026-05-04T03:02:01.1234567Z",
            "managementState": "beamedUp", "managedDeviceOwnerType": "company",
        }))
        .unwrap();
        assert_eq!((device.serial_number, device.user_id), (None, None));
        assert_eq!((device.model, device.manufacturer, device.is_supervised), (None, None, None));
        assert_eq!(device.last_sync, None);
        assert_eq!(device.enrolled, Some(datetime!(2026-05-04 03:02:01.1234567 UTC)));
        assert_eq!(device.management_state, ManagementState::Other("beamedUp".to_owned()));
        assert_eq!(device.owner, OwnerType::Company);
    }

    #[test]
    fn a_time_is_in_utc_and_one_that_an_offset_puts_out_of_all_years_is_not_told() {
        let last_sync = |text: &str| {
            ManagedDevice::read(json!({"id": "d1", "lastSyncDateTime": text})).unwrap().last_sync
        };
        assert_eq!(last_sync("2026-05-04T03:02:01+02:00"), Some(datetime!(2026-05-04 01:02:01 UTC)));
        assert_eq!(last_sync("9999-12-31T23:59:59-00:01"), None);
    }

    #[test]
    fn a_row_without_a_usable_id_is_none() {
        for value in
            [json!({}), json!({"id": ""}), json!({"id": 7}), json!({"id": ".."}), json!("x"), json!(null)]
        {
            assert!(ManagedDevice::read(value.clone()).is_none(), "{value}");
            assert!(DetectedApp::read(value.clone()).is_none(), "{value}");
            assert!(User::read(value).is_none());
        }
    }

    #[test]
    fn a_count_may_be_a_text() {
        let counted =
            |value: Value| DetectedApp::read(json!({"id": "a", "deviceCount": value})).unwrap().device_count;
        assert_eq!(counted(json!(12)), 12);
        assert_eq!(counted(json!("12")), 12);
        assert_eq!(counted(json!(-1)), 0);
        assert_eq!(counted(json!(null)), 0);
        assert_eq!(counted(json!(u64::MAX)), u32::MAX);
    }

    #[test]
    fn results_are_read_without_their_secrets() {
        let body = json!({"deviceActionResults": [
            {"@odata.type": "#microsoft.graph.resetPasscodeActionResult", "actionName": "recoverPasscode",
             "actionState": "done", "startDateTime": "2026-05-04T03:02:01Z", "passcode": "123456", "errorCode": 0},
            {"actionName": "remoteLock", "actionState": "somethingNew", "unlockPin": "9999"},
            {}, null,
        ]});
        let results = serde_json::from_value::<WireResults>(body).unwrap().into_results();
        assert_eq!(results.len(), 2);
        assert!(results[0].has_passcode && !results[1].has_passcode);
        assert_eq!(results[0].state, ActionState::Done);
        assert_eq!(results[0].started, Some(datetime!(2026-05-04 03:02:01 UTC)));
        assert_eq!(results[1].state, ActionState::Other("somethingNew".to_owned()));
        let shown = format!("{results:?}");
        assert!(!shown.contains("123456") && !shown.contains("9999"));
    }

    #[test]
    fn a_passcode_is_told_by_the_documented_type_of_the_two_actions_and_by_nothing_else() {
        let result = |odata_type: &str, name: &str, passcode: Value| {
            json!({"deviceActionResults": [{"@odata.type": odata_type, "actionName": name, "actionState": "done",
                   "passcode": passcode}]})
        };
        let typed = "#microsoft.graph.resetPasscodeActionResult";
        let cases = [
            (result(typed, "recoverPasscode", json!("12-34")), Some("12-34")),
            (result("microsoft.graph.resetPasscodeActionResult", "ResetPasscode", json!("12")), Some("12")),
            (result(typed, "remoteLock", json!("12")), None),
            (result("#microsoft.graph.remoteLockActionResult", "recoverPasscode", json!("12")), None),
            (result("", "recoverPasscode", json!("12")), None),
            (result(typed, "recoverPasscode", json!(" ")), None),
            (result(typed, "recoverPasscode", json!(null)), None),
            (result(typed, "recoverPasscode", json!(1_234)), None),
            (result(typed, "recoverPasscode", json!(["12", {"a": "b"}])), None),
            (result(typed, "recoverPasscode", json!({"a": ["b"]})), None),
        ];
        for (body, expected) in cases {
            let body = body.to_string();
            let told = serde_json::from_str::<WireResults>(&body).unwrap().into_results();
            assert_eq!(told[0].has_passcode, expected.is_some(), "{body}");
            let secrets = serde_json::from_str::<WireResults<Secret>>(&body).unwrap().into_passcodes();
            assert_eq!(secrets.first().map(|(_, passcode)| passcode.expose()), expected, "{body}");
            for (result, passcode) in &secrets {
                assert!(result.has_passcode && !format!("{result:?}{passcode:?}").contains("12"));
            }
        }
    }

    #[test]
    fn no_results_come_in_many_forms() {
        for body in [
            "{}",
            r#"{"deviceActionResults":null}"#,
            r#"{"deviceActionResults":{"a":[1]}}"#,
            r#"{"deviceActionResults":[]}"#,
        ] {
            assert!(serde_json::from_str::<WireResults>(body).unwrap().into_results().is_empty(), "{body}");
        }
    }
}

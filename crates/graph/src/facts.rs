//! What is told of a device beyond what a list shows.

use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::Value;
use time::OffsetDateTime;

use crate::wire::{moment, text, truth};

/// What a single read of a managed device tells beyond [`ManagedDevice`](crate::ManagedDevice). Lists leave several of these
/// empty (Graph metadata, 2026-08: `notes`, `ethernetMacAddress`). What Graph does not tell is `None`: null, an empty text,
/// "never" (`0001-01-01`), an id of zeros, a size of 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceFacts {
    /// The name Intune made for it (`managedDeviceName`).
    pub managed_name: Option<String>,
    /// Phone number.
    pub phone_number: Option<String>,
    /// International mobile equipment identity.
    pub imei: Option<String>,
    /// Address of its Wi-Fi interface, as Graph writes it.
    pub wifi_mac: Option<String>,
    /// Address of its wired interface, as Graph writes it.
    pub ethernet_mac: Option<String>,
    /// Device id in Entra (`azureADDeviceId`).
    pub entra_device_id: Option<String>,
    /// Category given by the organisation.
    pub category: Option<String>,
    /// Notes of the organisation.
    pub notes: Option<String>,
    /// How it was enrolled, as Graph names it (`deviceEnrollmentType`).
    pub enrollment_type: Option<String>,
    /// Whether its storage is encrypted.
    pub encrypted: Option<bool>,
    /// Whether it is jailbroken or rooted, as Graph words it.
    pub jailbroken: Option<String>,
    /// Security patch level (Android), as Graph writes it.
    pub patch_level: Option<String>,
    /// Until when it may stay out of compliance; `None` too where Graph names the last day there is (`9999-12-31`).
    pub grace_until: Option<OffsetDateTime>,
    /// Storage in all, in bytes.
    pub storage_bytes: Option<u64>,
    /// Free storage, in bytes.
    pub free_storage_bytes: Option<u64>,
}

/// The properties they are read from (Graph metadata, 2026-08).
pub(crate) const FACT_FIELDS: &str = "managedDeviceName,phoneNumber,imei,wiFiMacAddress,ethernetMacAddress,\
    azureADDeviceId,deviceCategoryDisplayName,notes,deviceEnrollmentType,isEncrypted,jailBroken,\
    androidSecurityPatchLevel,complianceGracePeriodExpirationDateTime,totalStorageSpaceInBytes,freeStorageSpaceInBytes";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireFacts {
    #[serde(default, deserialize_with = "text")]
    managed_device_name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    phone_number: Option<String>,
    #[serde(default, deserialize_with = "text")]
    imei: Option<String>,
    #[serde(default, deserialize_with = "text")]
    wi_fi_mac_address: Option<String>,
    #[serde(default, deserialize_with = "text")]
    ethernet_mac_address: Option<String>,
    #[serde(rename = "azureADDeviceId", default, deserialize_with = "text")]
    entra_device_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    device_category_display_name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    notes: Option<String>,
    #[serde(default, deserialize_with = "text")]
    device_enrollment_type: Option<String>,
    #[serde(default, deserialize_with = "truth")]
    is_encrypted: Option<bool>,
    #[serde(default, deserialize_with = "text")]
    jail_broken: Option<String>,
    #[serde(default, deserialize_with = "text")]
    android_security_patch_level: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    compliance_grace_period_expiration_date_time: Option<OffsetDateTime>,
    #[serde(default, deserialize_with = "bytes")]
    total_storage_space_in_bytes: Option<u64>,
    #[serde(default, deserialize_with = "bytes")]
    free_storage_space_in_bytes: Option<u64>,
}

/// A size, as a number or (IEEE754Compatible) as text; none below 0.
fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    let value = Value::deserialize(from)?;
    Ok(value.as_u64().or_else(|| value.as_str()?.trim().parse().ok()))
}

/// Reads the facts in an answer; what cannot be read is not told.
pub(crate) fn facts(body: &[u8]) -> DeviceFacts {
    let Ok(wire) = serde_json::from_slice::<WireFacts>(body) else {
        return DeviceFacts::default();
    };
    let storage_bytes = wire.total_storage_space_in_bytes.filter(|total| *total > 0);
    DeviceFacts {
        managed_name: wire.managed_device_name,
        phone_number: wire.phone_number,
        imei: wire.imei,
        wifi_mac: wire.wi_fi_mac_address,
        ethernet_mac: wire.ethernet_mac_address,
        entra_device_id: wire.entra_device_id.filter(|id| id.chars().any(|c| !matches!(c, '0' | '-'))),
        category: wire.device_category_display_name,
        notes: wire.notes,
        enrollment_type: wire.device_enrollment_type,
        encrypted: wire.is_encrypted,
        jailbroken: wire.jail_broken,
        patch_level: wire.android_security_patch_level,
        grace_until: wire.compliance_grace_period_expiration_date_time.filter(|until| until.year() < 9_999),
        storage_bytes,
        // A device without any storage tells nothing of it either.
        free_storage_bytes: wire.free_storage_space_in_bytes.filter(|_| storage_bytes.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn every_fact_is_read_under_its_name_in_graph() {
        let body = r#"{"managedDeviceName":"a","phoneNumber":"b","imei":"c","wiFiMacAddress":"d","ethernetMacAddress":"e",
            "azureADDeviceId":"f","deviceCategoryDisplayName":"g","notes":"h","deviceEnrollmentType":"i","isEncrypted":true,
            "jailBroken":"j","androidSecurityPatchLevel":"k","complianceGracePeriodExpirationDateTime":"2026-05-04T03:02:01Z",
            "totalStorageSpaceInBytes":64000000000,"freeStorageSpaceInBytes":"7"}"#;
        let some = |text: &str| Some(text.to_owned());
        let expected = DeviceFacts {
            managed_name: some("a"),
            phone_number: some("b"),
            imei: some("c"),
            wifi_mac: some("d"),
            ethernet_mac: some("e"),
            entra_device_id: some("f"),
            category: some("g"),
            notes: some("h"),
            enrollment_type: some("i"),
            encrypted: Some(true),
            jailbroken: some("j"),
            patch_level: some("k"),
            grace_until: Some(datetime!(2026-05-04 03:02:01 UTC)),
            storage_bytes: Some(64_000_000_000),
            free_storage_bytes: Some(7),
        };
        assert_eq!(facts(body.as_bytes()), expected);
        let value: Value = serde_json::from_str(body).unwrap();
        let mut asked: Vec<_> = FACT_FIELDS.split(',').collect();
        asked.sort_unstable();
        assert_eq!(asked, value.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>());
    }

    #[test]
    fn what_tells_nothing_is_none() {
        for body in [
            "{}",
            "7",
            "null",
            r#"{"notes":" ","imei":7,"isEncrypted":"yes","azureADDeviceId":"00000000-0000-0000-0000-000000000000",
                "complianceGracePeriodExpirationDateTime":"0001-01-01T00:00:00Z","totalStorageSpaceInBytes":0,
                "freeStorageSpaceInBytes":0}"#,
            r#"{"complianceGracePeriodExpirationDateTime":"9999-12-31T23:59:59Z","totalStorageSpaceInBytes":-5,
                "freeStorageSpaceInBytes":5}"#,
        ] {
            assert_eq!(facts(body.as_bytes()), DeviceFacts::default(), "{body}");
        }
    }
}

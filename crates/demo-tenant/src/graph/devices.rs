//! Managed devices: lists that leave fields empty, and the single GET that fills them.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::{NEVER, timestamp};
use crate::data::{ActionResult, Device, Store};
use crate::exchange::Reply;
use crate::graph::collection::{self, Page};
use crate::graph::errors::Refusal;
use crate::graph::filter::{self, Filter};
use crate::graph::{Call, ok};
use crate::tenant::{Tenant, lock};

/// The properties of managedDevice in Graph v1.0 (metadata, 2026-08).
pub(crate) const PROPERTIES: [&str; 56] = [
    "id",
    "userId",
    "deviceName",
    "managedDeviceOwnerType",
    "enrolledDateTime",
    "lastSyncDateTime",
    "operatingSystem",
    "complianceState",
    "jailBroken",
    "managementAgent",
    "osVersion",
    "easActivated",
    "easDeviceId",
    "easActivationDateTime",
    "azureADRegistered",
    "deviceEnrollmentType",
    "activationLockBypassCode",
    "emailAddress",
    "azureADDeviceId",
    "deviceRegistrationState",
    "deviceCategoryDisplayName",
    "isSupervised",
    "exchangeLastSuccessfulSyncDateTime",
    "exchangeAccessState",
    "exchangeAccessStateReason",
    "remoteAssistanceSessionUrl",
    "remoteAssistanceSessionErrorDetails",
    "isEncrypted",
    "userPrincipalName",
    "model",
    "manufacturer",
    "imei",
    "complianceGracePeriodExpirationDateTime",
    "serialNumber",
    "phoneNumber",
    "androidSecurityPatchLevel",
    "userDisplayName",
    "configurationManagerClientEnabledFeatures",
    "wiFiMacAddress",
    "deviceHealthAttestationState",
    "subscriberCarrier",
    "meid",
    "totalStorageSpaceInBytes",
    "freeStorageSpaceInBytes",
    "managedDeviceName",
    "partnerReportedThreatState",
    "requireUserEnrollmentApproval",
    "managementCertificateExpirationDate",
    "iccid",
    "udid",
    "notes",
    "ethernetMacAddress",
    "physicalMemoryInBytes",
    "enrollmentProfileName",
    "managementState",
    "deviceActionResults",
];

/// The service's greatest date, which Intune shows where nothing ends.
const FOR_EVER: &str = "9999-12-31T23:59:59Z";

/// How much of a device is shown.
#[derive(Debug, Clone, Copy)]
enum Detail<'a> {
    /// A row of a list: some properties are always empty.
    Row,
    /// A single GET, with the results of its actions; some properties only when selected.
    Single { results: &'a [ActionResult], selected: bool },
}

fn property(device: &Device, name: &str, detail: Detail<'_>) -> Value {
    match name {
        "id" => json!(device.id),
        "userId" => json!(device.user_id.as_deref().unwrap_or_default()),
        "deviceName" => json!(device.name),
        "managedDeviceName" => json!(device.managed_name),
        "managedDeviceOwnerType" => json!(device.owner),
        "enrolledDateTime" => json!(timestamp(device.enrolled)),
        "lastSyncDateTime" => json!(device.last_sync.map_or_else(|| NEVER.to_owned(), timestamp)),
        "operatingSystem" => json!(device.operating_system),
        "osVersion" => json!(device.os_version),
        "complianceState" => json!(device.compliance_state),
        "jailBroken" => json!(device.jail_broken),
        "managementAgent" => json!(device.management_agent),
        "managementState" => json!(device.management_state),
        "deviceEnrollmentType" => json!(device.enrollment_type),
        "deviceRegistrationState" => json!("registered"),
        "azureADRegistered" => json!(device.azure_ad_device_id.as_ref().map(|_| true)),
        "azureADDeviceId" => {
            json!(device.azure_ad_device_id.clone().unwrap_or_else(|| Uuid::nil().to_string()))
        }
        "emailAddress" => json!(device.email_address.as_deref().unwrap_or_default()),
        "userPrincipalName" => json!(device.user_principal_name.as_deref().unwrap_or_default()),
        "userDisplayName" => json!(device.user_display_name.as_deref().unwrap_or_default()),
        "isSupervised" => json!(device.is_supervised),
        "isEncrypted" => json!(device.is_encrypted),
        "model" => json!(device.model),
        "manufacturer" => json!(device.manufacturer),
        "imei" => json!(device.imei),
        "serialNumber" => json!(device.serial),
        "totalStorageSpaceInBytes" => json!(device.total_storage),
        "freeStorageSpaceInBytes" => json!(device.free_storage),
        "deviceCategoryDisplayName" => json!(device.category),
        "phoneNumber" => json!(device.phone_number),
        "wiFiMacAddress" => json!(device.wifi_mac),
        "androidSecurityPatchLevel" => json!(device.patch_level),
        "exchangeAccessState" | "exchangeAccessStateReason" => json!("none"),
        "partnerReportedThreatState" => json!("unknown"),
        "complianceGracePeriodExpirationDateTime" => {
            json!(device.grace_until.map_or_else(|| FOR_EVER.to_owned(), timestamp))
        }
        "managementCertificateExpirationDate" => json!(FOR_EVER),
        "easActivationDateTime" | "exchangeLastSuccessfulSyncDateTime" => json!(NEVER),
        "easActivated" => json!(false),
        "physicalMemoryInBytes" => json!(0),
        "activationLockBypassCode" | "ethernetMacAddress" | "notes" => match detail {
            Detail::Single { selected: true, .. } => json!(seldom_shown(device, name)),
            _ => Value::Null,
        },
        "deviceActionResults" => match detail {
            Detail::Single { results, .. } => Value::Array(results.iter().map(result).collect()),
            Detail::Row => json!([]),
        },
        _ => Value::Null,
    }
}

/// What lists leave empty (Graph metadata, 2026-08).
fn seldom_shown<'a>(device: &'a Device, name: &str) -> Option<&'a str> {
    let shown = match name {
        "ethernetMacAddress" => &device.ethernet_mac,
        "notes" => &device.notes,
        _ => &device.activation_lock_bypass_code,
    };
    shown.as_deref()
}

/// An entry of `deviceActionResults`; one with a passcode is of the derived type.
fn result(result: &ActionResult) -> Value {
    let mut value = json!({
        "actionName": result.action_name,
        "actionState": result.state.as_str(),
        "startDateTime": timestamp(result.started),
        "lastUpdatedDateTime": timestamp(result.updated),
    });
    if let Some(passcode) = &result.passcode {
        value["@odata.type"] = json!("#microsoft.graph.resetPasscodeActionResult");
        value["passcode"] = json!(passcode);
        value["errorCode"] = json!(0);
    }
    value
}

/// The filter, if Intune heeds it. What it does not support it ignores without a word.
fn heeded(call: &Call<'_>) -> Option<Filter> {
    let text = call.request.parameter("$filter").filter(|_| !call.struck.ignore_filter)?;
    filter::parse(&text).filter(filter::supported_for_devices)
}

fn page_of<'a>(
    tenant: &Tenant,
    call: &Call<'_>,
    entity_set: &str,
    devices: impl Iterator<Item = &'a Device> + Clone,
) -> Result<Reply, Refusal> {
    let most = tenant.options.page_size.max(1);
    let page = Page::of(call.request, most, most)?;
    let select = collection::selected(call.request, "managedDevice", &PROPERTIES)?;
    let filter = heeded(call);
    let passes =
        |device: &&Device| filter.as_ref().is_none_or(|filter| filter::device_passes(device, filter));
    let total = collection::counts(call.request).then(|| devices.clone().filter(passes).count());
    let (found, next) = page.pick(devices, passes);
    let row =
        |device| collection::row(select.as_deref(), &PROPERTIES, |name| property(device, name, Detail::Row));
    let rows = found.into_iter().map(row).collect();
    Ok(collection::answer_with(tenant, call, entity_set, next, total, rows))
}

pub(crate) fn list(tenant: &Tenant, call: &Call<'_>) -> Result<Reply, Refusal> {
    let store = lock(&tenant.store);
    page_of(tenant, call, "deviceManagement/managedDevices", store.devices.iter())
}

pub(crate) fn of_user(tenant: &Tenant, call: &Call<'_>, user: &str) -> Result<Reply, Refusal> {
    let store = lock(&tenant.store);
    let user = store.user(user).ok_or_else(|| Refusal::NoUser(user.to_owned()))?;
    let owned = store.devices.iter().filter(|device| device.user_id.as_deref() == Some(user.id.as_str()));
    page_of(tenant, call, &format!("users('{}')/managedDevices", user.id), owned)
}

/// A device by its id.
///
/// # Errors
/// 400 for what is no GUID, 404 for one nobody has.
pub(crate) fn find<'a>(store: &'a Store, id: &str) -> Result<&'a Device, Refusal> {
    let well_formed = id.len() == 36 && Uuid::try_parse(id).is_ok();
    if !well_formed {
        return Err(Refusal::Bad("BadRequest", format!("The key value '{id}' is not a valid GUID.")));
    }
    store.device(&id.to_ascii_lowercase()).ok_or(Refusal::NoDevice)
}

pub(crate) fn one(tenant: &Tenant, call: &Call<'_>, id: &str) -> Result<Reply, Refusal> {
    let select = collection::selected(call.request, "managedDevice", &PROPERTIES)?;
    let store = lock(&tenant.store);
    let device = find(&store, id)?;
    let results = store.results(device, call.now);
    let detail = Detail::Single { results: &results, selected: select.is_some() };
    let mut value = collection::row(select.as_deref(), &PROPERTIES, |name| property(device, name, detail));
    value["@odata.context"] =
        json!(format!("{}/$metadata#deviceManagement/managedDevices/$entity", tenant.graph_url));
    Ok(ok(&value))
}

/// Returns how many devices there are of each system (Graph documentation, managedDeviceOverview).
pub(crate) fn overview(tenant: &Tenant) -> Reply {
    let store = lock(&tenant.store);
    let total = store.devices.len();
    let of = |systems: &[&str]| {
        store.devices.iter().filter(|device| systems.contains(&device.operating_system.as_ref())).count()
    };
    let (android, ios, mac, windows) =
        (of(&["Android"]), of(&["iOS", "iPadOS"]), of(&["macOS"]), of(&["Windows"]));
    ok(&json!({
        "@odata.context": format!("{}/$metadata#deviceManagement/managedDeviceOverview/$entity", tenant.graph_url),
        "id": tenant.tenant_id,
        "enrolledDeviceCount": total,
        "mdmEnrolledCount": store.devices.iter().filter(|device| device.management_agent == "mdm").count(),
        "dualEnrolledDeviceCount": 0,
        "deviceOperatingSystemSummary": {
            "androidCount": android,
            "iosCount": ios,
            "macOSCount": mac,
            "windowsMobileCount": 0,
            "windowsCount": windows,
            "unknownCount": total - android - ios - mac - windows,
        },
        "deviceExchangeAccessStateSummary": {
            "allowedDeviceCount": 0,
            "blockedDeviceCount": 0,
            "quarantinedDeviceCount": 0,
            "unknownDeviceCount": total,
            "unavailableDeviceCount": 0,
        },
    }))
}

/// A row below a detected app: of all that a managed device has, four properties are filled. A date that is
/// not nullable shows the service's minimum, which does not mean "never" here.
pub(crate) fn sparse_row(device: &Device, select: Option<&[String]>) -> Value {
    collection::row(select, &PROPERTIES, |name| match name {
        "id" | "deviceName" | "operatingSystem" | "emailAddress" => property(device, name, Detail::Row),
        "enrolledDateTime" | "lastSyncDateTime" => json!(NEVER),
        "managedDeviceOwnerType" | "complianceState" | "managementAgent" => json!("unknown"),
        "managementState" => json!("managed"),
        "isSupervised" | "isEncrypted" | "easActivated" => json!(false),
        "totalStorageSpaceInBytes" | "freeStorageSpaceInBytes" => json!(0),
        "deviceActionResults" => json!([]),
        _ => Value::Null,
    })
}

//! Everything that is known of one device.

use time::OffsetDateTime;
use unlatch_graph::{DeviceActionResult, DeviceFacts as Facts, DeviceId};
use unlatch_recovery::Engine;

use crate::convert;
use crate::dto::{ActionResultView, DeviceDetails, DeviceFacts, HistoryItem};
use crate::error::CommandError;
use crate::place::Desk;

/// Reads a device afresh, and what the journal has of it.
///
/// # Errors
/// `InvalidInput` for a device that is neither on the desk nor in the journal; any error of Graph or the journal.
pub async fn of(desk: &Desk, engine: Option<&Engine>, id: &DeviceId) -> Result<DeviceDetails, CommandError> {
    let recoveries: Vec<HistoryItem> = match engine {
        Some(engine) => {
            let known = engine.recoveries_of(id, &desk.account.tenant_id).await?;
            known.iter().map(convert::history_item).collect()
        }
        None => Vec::new(),
    };
    let is_known = desk.work().device(id).is_some();
    if !is_known && recoveries.is_empty() {
        return Err(CommandError::invalid_input("this device was not shown"));
    }
    let (device, facts, mut results) = desk.client.device_details(id).await?;
    results.sort_by_key(|result| std::cmp::Reverse(result.started));
    let now = OffsetDateTime::now_utc();
    Ok(DeviceDetails {
        facts: view(facts, &device),
        device: convert::device_row(&device, now),
        results: results.iter().map(result_view).collect(),
        recoveries,
        read: convert::moment(now),
    })
}

fn view(facts: Facts, device: &unlatch_graph::ManagedDevice) -> DeviceFacts {
    let mebibytes = |bytes: u64| u32::try_from(bytes / (1024 * 1024)).unwrap_or(u32::MAX);
    DeviceFacts {
        manufacturer: device.manufacturer.clone(),
        managed_name: facts.managed_name,
        email: device.email_address.clone(),
        phone_number: facts.phone_number,
        imei: facts.imei,
        wifi_mac: facts.wifi_mac,
        ethernet_mac: facts.ethernet_mac,
        entra_device_id: facts.entra_device_id,
        category: facts.category,
        notes: facts.notes,
        management_agent: device.management_agent.to_string(),
        enrollment_type: facts.enrollment_type,
        supervised: device.is_supervised,
        encrypted: facts.encrypted,
        jailbroken: facts.jailbroken,
        patch_level: facts.patch_level,
        grace_until: facts.grace_until.map(convert::moment),
        storage_mib: facts.storage_bytes.map(mebibytes),
        free_storage_mib: facts.free_storage_bytes.map(mebibytes),
    }
}

fn result_view(result: &DeviceActionResult) -> ActionResultView {
    ActionResultView {
        action: result.action_name.clone(),
        state: result.state.to_string(),
        started: result.started.map(convert::moment),
        updated: result.last_updated.map(convert::moment),
    }
}

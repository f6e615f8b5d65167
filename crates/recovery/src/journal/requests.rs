//! The requests that the journal has for devices.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, params};
use unlatch_graph::DeviceId;

use super::read::{HEADER, fold_at, header, json};
use super::writer;
use crate::outcome::SentRequest;
use crate::plan::{Action, TenantKey};
use crate::record::{Event, Verdict};
use crate::requests::RequestsByDevice;

/// For how many devices the journal is asked at once. All at once, those of a large run would take much memory.
const AT_ONCE: usize = 1_000;

/// Returns every request of an action in a tenant for these devices that may have been executed, by the entries alone.
pub(super) fn requests_for(
    connection: &Connection,
    tenant: &TenantKey,
    action: Action,
    devices: &[DeviceId],
) -> rusqlite::Result<RequestsByDevice> {
    let snapshot = connection.unchecked_transaction()?;
    let mut items = snapshot.prepare_cached(
        "SELECT run.key, item.position, item.device_id FROM item CROSS JOIN run ON item.run = run.key
         WHERE run.cloud = ?2 AND run.tenant_id = ?3 COLLATE NOCASE AND run.action = ?4
           AND item.device_id IN (SELECT value FROM json_each(?1))",
    )?;
    // The index knows only what is the same to the letter; services write an id in small letters, in capitals, or as they did before.
    // `later_requests` asks for the same three.
    let spellings = |id: &DeviceId| {
        let id = id.as_str();
        [id.to_owned(), id.to_ascii_lowercase(), id.to_ascii_uppercase()]
    };
    let mut of_runs: BTreeMap<i64, BTreeMap<u32, String>> = BTreeMap::new();
    for devices in devices.chunks(AT_ONCE) {
        let ids = writer::json(&devices.iter().flat_map(spellings).collect::<Vec<_>>())?;
        let mut rows = items.query(params![ids, tenant.cloud, tenant.tenant_id, action.name()])?;
        while let Some(row) = rows.next()? {
            of_runs.entry(row.get(0)?).or_default().insert(row.get(1)?, row.get(2)?);
        }
    }
    let mut runs = snapshot.prepare_cached(&format!("SELECT {HEADER} FROM run WHERE key = ?"))?;
    let mut found = RequestsByDevice::default();
    for (key, items) in of_runs {
        let (_, header) = runs.query_row(params![key], header)?;
        let mut fold = fold_at(&snapshot, key, header)?;
        fold.settle_if_interrupted();
        for (position, device) in items {
            if let Some(standing) = fold.standings.get(position as usize)
                && standing.requests().next().is_some()
                // It is one of those that were asked for.
                && let Ok(device) = DeviceId::new(device)
            {
                found.entry(device).or_default().add(&fold.header, position, standing);
            }
        }
    }
    Ok(found)
}

/// Returns, for the items of a run by position, the requests of other runs for the same devices that were recorded after the run's
/// first entry and may have been executed.
pub(super) fn later_requests(
    connection: &Connection,
    key: i64,
) -> rusqlite::Result<HashMap<u32, Vec<SentRequest>>> {
    // In this order the rows since are read once, and each row finds its devices by their keys.
    let mut events = connection.prepare_cached(
        "SELECT mine.position, event.body, event.run
         FROM event
         CROSS JOIN item AS other ON other.run = event.run AND other.position = event.position
         CROSS JOIN item AS mine ON mine.run = ?1
           AND mine.device_id IN (other.device_id, lower(other.device_id), upper(other.device_id))
         WHERE event.seq > (SELECT min(seq) FROM event WHERE run = ?1)
           AND event.run <> ?1 AND event.kind IN ('intent', 'answer', 'withdrawn')
         ORDER BY event.seq",
    )?;
    let mut rows = events.query(params![key])?;
    let mut found: HashMap<u32, HashMap<i64, Vec<SentRequest>>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let of_run = found.entry(row.get(0)?).or_default().entry(row.get(2)?).or_default();
        match json(row, 1)? {
            Event::Intent { server_now: intent, baseline, .. } => {
                of_run.push(SentRequest { intent, baseline })
            }
            Event::Answer { verdict: Verdict::Accepted | Verdict::Unconfirmed, .. } => {}
            // It certainly was not executed.
            _ => {
                of_run.pop();
            }
        }
    }
    let requests = |of_runs: HashMap<i64, Vec<SentRequest>>| of_runs.into_values().flatten().collect();
    Ok(found.into_iter().map(|(position, of_runs)| (position, requests(of_runs))).collect())
}

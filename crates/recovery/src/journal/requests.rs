//! The requests that the journal has for devices.

use std::collections::HashMap;

use rusqlite::{Connection, Row, params};
use unlatch_graph::DeviceId;

use super::read::{HEADER, fold_at, header, json};
use super::writer;
use crate::outcome::SentRequest;
use crate::plan::{Action, TenantKey};
use crate::record::{Event, RunHeader, Verdict};
use crate::requests::RequestsByDevice;

/// A run with its key.
type Keyed = (i64, RunHeader);

/// Returns every request of an action in a tenant for these devices that may have been executed, by the entries alone.
pub(super) fn requests_for(
    connection: &Connection,
    tenant: &TenantKey,
    action: Action,
    devices: &[DeviceId],
) -> rusqlite::Result<RequestsByDevice> {
    let snapshot = connection.unchecked_transaction()?;
    let mut items = snapshot.prepare_cached(&format!(
        "SELECT {HEADER}, item.position, item.device_id FROM item CROSS JOIN run ON item.run = run.key
         WHERE run.cloud = ?2 AND run.tenant_id = ?3 COLLATE NOCASE AND run.action = ?4
           AND item.device_id IN (SELECT value FROM json_each(?1))
         ORDER BY run.key"
    ))?;
    // The index knows only what is the same to the letter; services write an id in small letters, in capitals, or as they did before.
    let spellings = |id: &DeviceId| {
        let id = id.as_str();
        [id.to_owned(), id.to_ascii_lowercase(), id.to_ascii_uppercase()]
    };
    let ids: Vec<_> = devices.iter().flat_map(spellings).collect();
    let ids = writer::json(&ids)?;
    let row = |row: &Row<'_>| Ok((header(row)?, row.get::<_, u32>(11)?, row.get::<_, String>(12)?));
    let rows = items.query_map(params![ids, tenant.cloud, tenant.tenant_id, action.name()], row)?;
    let mut of_runs: Vec<(Keyed, Vec<(u32, String)>)> = Vec::new();
    for row in rows {
        let (run, position, device) = row?;
        match of_runs.last_mut() {
            Some(((key, _), items)) if *key == run.0 => items.push((position, device)),
            _ => of_runs.push((run, vec![(position, device)])),
        }
    }
    let mut found = RequestsByDevice::default();
    for ((key, header), items) in of_runs {
        let mut fold = fold_at(&snapshot, key, header)?;
        fold.settle_if_interrupted();
        for (position, device) in items {
            if let Some(standing) = fold.standings.get(position as usize)
                && standing.requests().next().is_some()
            {
                found.of(&device).add(&fold.header, position, standing);
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
         CROSS JOIN item AS mine ON mine.run = ?1 AND mine.device_id = other.device_id
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

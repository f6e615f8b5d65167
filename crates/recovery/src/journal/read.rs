//! What the journal says of runs, read on a thread and a connection of its own, so that no sender waits for a list.

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use unlatch_graph::{DeviceId, UserId};

use super::{Entry, JournalError, Reply, schema};
use crate::fold::{Fold, fold};
use crate::plan::{Action, PlannedItem, Principal, RunId};
use crate::record::{Event, RunHeader, RunRecord, RunSummary};

pub(super) enum Query {
    Runs { tenant: Option<String>, reply: Reply<Vec<RunSummary>> },
    Run { id: RunId, reply: Reply<RunRecord> },
    Entries { id: RunId, reply: Reply<Vec<Entry>> },
    LaterIntents { id: RunId, reply: Reply<HashMap<u32, Vec<OffsetDateTime>>> },
}

/// Answers queries until the queue is closed.
pub(super) fn run(connection: &Connection, path: &Path, queries: &mpsc::Receiver<Query>) {
    while let Ok(query) = queries.recv() {
        // Whoever asked may be gone by now; that is no concern of the journal.
        match query {
            Query::Runs { tenant, reply } => {
                let _ = reply
                    .send(summaries(connection, tenant.as_deref()).map_err(|error| failed(path, &error)));
            }
            Query::Run { id, reply } => {
                let _ = reply.send(known(path, id, whole_run(connection, id)));
            }
            Query::Entries { id, reply } => {
                let _ = reply.send(known(path, id, entries_of(connection, id)));
            }
            Query::LaterIntents { id, reply } => {
                let _ = reply.send(known(path, id, later_intents(connection, id)));
            }
        }
    }
}

fn known<T>(path: &Path, id: RunId, found: rusqlite::Result<Option<T>>) -> Result<T, JournalError> {
    found.map_err(|error| failed(path, &error))?.ok_or(JournalError::NoSuchRun { id })
}

fn failed(path: &Path, error: &rusqlite::Error) -> JournalError {
    schema::from_sqlite(path, error)
}

const HEADER: &str =
    "key, id, started, cloud, tenant_id, tenant_name, account, account_id, action, reason, total";

fn summaries(connection: &Connection, tenant: Option<&str>) -> rusqlite::Result<Vec<RunSummary>> {
    let snapshot = connection.unchecked_transaction()?;
    let mut runs = snapshot.prepare_cached(&format!(
        "SELECT {HEADER} FROM run WHERE ?1 IS NULL OR tenant_id = ?1 COLLATE NOCASE ORDER BY key DESC"
    ))?;
    let headers: Vec<_> = runs.query_map(params![tenant], header)?.collect::<Result<_, _>>()?;
    let summarise = |(key, header)| {
        let mut run = Fold::new(header);
        for_each_entry(&snapshot, key, |entry| run.apply(&entry))?;
        run.settle_if_interrupted();
        Ok(run.summary())
    };
    headers.into_iter().map(summarise).collect()
}

fn whole_run(connection: &Connection, id: RunId) -> rusqlite::Result<Option<RunRecord>> {
    let snapshot = connection.unchecked_transaction()?;
    let Some((key, header)) = find(&snapshot, id)? else { return Ok(None) };
    let mut items = snapshot.prepare_cached(
        "SELECT device_id, route, route_label, name, serial, user_id, user, system
         FROM item WHERE run = ? ORDER BY position",
    )?;
    let items: Vec<_> = items.query_map(params![key], item)?.collect::<Result<_, _>>()?;
    let mut entries = Vec::new();
    for_each_entry(&snapshot, key, |entry| entries.push(entry))?;
    Ok(Some(fold(header, items, &entries, false)))
}

fn entries_of(connection: &Connection, id: RunId) -> rusqlite::Result<Option<Vec<Entry>>> {
    let snapshot = connection.unchecked_transaction()?;
    let Some((key, _)) = find(&snapshot, id)? else { return Ok(None) };
    let mut entries = Vec::new();
    for_each_entry(&snapshot, key, |entry| entries.push(entry))?;
    Ok(Some(entries))
}

fn later_intents(
    connection: &Connection,
    id: RunId,
) -> rusqlite::Result<Option<HashMap<u32, Vec<OffsetDateTime>>>> {
    let snapshot = connection.unchecked_transaction()?;
    let Some((key, _)) = find(&snapshot, id)? else { return Ok(None) };
    // In this order the rows since are read once, and each row finds its devices by their keys.
    let mut intents = snapshot.prepare_cached(
        "SELECT mine.position, event.body
         FROM event
         CROSS JOIN item AS other ON other.run = event.run AND other.position = event.position
         CROSS JOIN item AS mine ON mine.run = ?1 AND mine.device_id = other.device_id
         WHERE event.seq > (SELECT min(seq) FROM event WHERE run = ?1)
           AND event.run <> ?1 AND event.kind = 'intent'",
    )?;
    let mut rows = intents.query(params![key])?;
    let mut found: HashMap<u32, Vec<OffsetDateTime>> = HashMap::new();
    while let Some(row) = rows.next()? {
        if let Event::Intent { server_now, .. } = json(row, 1)? {
            found.entry(row.get(0)?).or_default().push(server_now);
        }
    }
    Ok(Some(found))
}

fn find(connection: &Connection, id: RunId) -> rusqlite::Result<Option<(i64, RunHeader)>> {
    connection
        .prepare_cached(&format!("SELECT {HEADER} FROM run WHERE id = ?"))?
        .query_row(params![id.to_string()], header)
        .optional()
}

fn for_each_entry(connection: &Connection, run: i64, mut take: impl FnMut(Entry)) -> rusqlite::Result<()> {
    let mut events =
        connection.prepare_cached("SELECT position, at, body FROM event WHERE run = ? ORDER BY seq")?;
    let mut rows = events.query(params![run])?;
    while let Some(row) = rows.next()? {
        take(Entry { position: row.get(0)?, at: read_time(row, 1)?, event: json(row, 2)? });
    }
    Ok(())
}

fn header(row: &Row<'_>) -> rusqlite::Result<(i64, RunHeader)> {
    let header = RunHeader {
        id: parsed(row, 1, |text| text.parse::<RunId>().ok())?,
        started: read_time(row, 2)?,
        principal: Principal {
            cloud: row.get(3)?,
            tenant_id: row.get(4)?,
            tenant_name: row.get(5)?,
            account: row.get(6)?,
            account_id: row.get(7)?,
        },
        action: parsed(row, 8, Action::from_name)?,
        reason: row.get(9)?,
        total: row.get(10)?,
    };
    Ok((row.get(0)?, header))
}

fn item(row: &Row<'_>) -> rusqlite::Result<PlannedItem> {
    let user_id: Option<String> = row.get(5)?;
    Ok(PlannedItem {
        device_id: parsed(row, 0, |text| DeviceId::new(text).ok())?,
        route: json(row, 1)?,
        route_label: row.get(2)?,
        name: row.get(3)?,
        serial: row.get(4)?,
        user_id: user_id.map(|id| UserId::new(id).map_err(|_| not_understood(5))).transpose()?,
        user: row.get(6)?,
        system: row.get(7)?,
    })
}

fn read_time(row: &Row<'_>, column: usize) -> rusqlite::Result<OffsetDateTime> {
    parsed(row, column, |text| OffsetDateTime::parse(text, &Rfc3339).ok())
}

fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    parsed(row, column, |text| serde_json::from_str(text).ok())
}

fn parsed<T>(row: &Row<'_>, column: usize, parse: impl FnOnce(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    parse(text).ok_or_else(|| not_understood(column))
}

/// A value that this version cannot have written: the file is damaged.
fn not_understood(column: usize) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, "the value is not understood".into())
}

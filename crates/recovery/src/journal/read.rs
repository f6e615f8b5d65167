//! What the journal says of runs, read on a thread and a connection of its own, so that no sender waits for a list.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};
use unlatch_graph::{DeviceId, UserId};

use super::error::from_sqlite;
use super::mark::{self, MarkStore};
use super::verify::{Verified, verify};
use super::writer::written;
use super::{JournalError, Reply, requests, search};
use crate::fold::Fold;
use crate::history::{HistoryFound, HistoryItem, HistoryQuery};
use crate::outcome::{SentRequest, later};
use crate::plan::{Action, PlannedItem, Principal, RunId, TenantKey};
use crate::record::{Entry, Event, Recorded, RunHeader, RunRecord, RunSummary};
use crate::requests::RequestsByDevice;

pub(super) enum Query {
    Runs { tenant: Option<String>, reply: Reply<Vec<RunSummary>> },
    Search { query: HistoryQuery, reply: Reply<HistoryFound> },
    RecoveriesOf { device: DeviceId, tenant_id: String, reply: Reply<Vec<HistoryItem>> },
    Run { id: RunId, reply: Reply<RunRecord> },
    Fold { id: RunId, reply: Reply<(Fold, Vec<PlannedItem>)> },
    Entries { id: RunId, reply: Reply<Vec<Recorded>> },
    LaterRequests { id: RunId, reply: Reply<HashMap<u32, Vec<SentRequest>>> },
    SentWithin { tenant: TenantKey, now: OffsetDateTime, within: Duration, reply: Reply<Vec<RunId>> },
    RequestsSince { tenant: TenantKey, since: OffsetDateTime, reply: Reply<Vec<Option<OffsetDateTime>>> },
    HoldsSince { tenant: TenantKey, since: OffsetDateTime, reply: Reply<Vec<OffsetDateTime>> },
    RequestsFor { tenant: TenantKey, action: Action, devices: Vec<DeviceId>, reply: Reply<RequestsByDevice> },
    Verify { reply: Reply<Verified> },
}

/// What reads.
pub(super) struct Reader {
    pub(super) connection: Connection,
    path: PathBuf,
    marks: Option<Arc<dyn MarkStore>>,
    pub(super) summaries: Summaries,
}

/// What was made of each run, by its key, and the newest entry that went into it.
pub(super) type Summaries = HashMap<i64, (i64, RunSummary)>;

impl Reader {
    pub(super) fn new(connection: Connection, path: PathBuf, marks: Option<Arc<dyn MarkStore>>) -> Self {
        Self { connection, path, marks, summaries: HashMap::new() }
    }

    /// Answers queries until the queue is closed.
    pub(super) fn run(mut self, queries: &mpsc::Receiver<Query>) {
        while let Ok(query) = queries.recv() {
            self.answer(query);
        }
    }

    fn answer(&mut self, query: Query) {
        let connection = &self.connection;
        // Whoever asked may be gone by now; that is no concern of the journal.
        match query {
            Query::Runs { tenant, reply } => {
                let found = self.summaries(tenant.as_deref());
                let _ = reply.send(self.read(found));
            }
            Query::Search { query, reply } => {
                let found = self.search(&query);
                let _ = reply.send(self.read(found));
            }
            Query::RecoveriesOf { device, tenant_id, reply } => {
                let _ = reply.send(self.read(search::recoveries_of(connection, &device, &tenant_id)));
            }
            Query::Run { id, reply } => {
                let found = fold_of(connection, id).map(|found| {
                    found.map(|(mut fold, items)| {
                        fold.settle_if_interrupted();
                        fold.record(&items)
                    })
                });
                let _ = reply.send(self.known(id, found));
            }
            Query::Fold { id, reply } => {
                let _ = reply.send(self.known(id, fold_of(connection, id)));
            }
            Query::Entries { id, reply } => {
                let _ = reply.send(self.known(id, entries_of(connection, id)));
            }
            Query::LaterRequests { id, reply } => {
                let _ = reply.send(self.known(id, later_requests(connection, id)));
            }
            Query::SentWithin { tenant, now, within, reply } => {
                let _ = reply.send(self.read(sent_within(connection, &tenant, now, within)));
            }
            Query::RequestsSince { tenant, since, reply } => {
                let _ = reply.send(self.read(requests_since(connection, &tenant, since)));
            }
            Query::HoldsSince { tenant, since, reply } => {
                let _ = reply.send(self.read(holds_since(connection, &tenant, since)));
            }
            Query::RequestsFor { tenant, action, devices, reply } => {
                let found = requests::requests_for(connection, &tenant, action, &devices);
                let _ = reply.send(self.read(found));
            }
            Query::Verify { reply } => {
                let mark = mark::read(self.marks.as_ref());
                let _ = reply.send(self.read(verify(connection, mark.as_ref())));
            }
        }
    }

    fn read<T>(&self, found: rusqlite::Result<T>) -> Result<T, JournalError> {
        found.map_err(|error| from_sqlite(&self.path, &error))
    }

    fn known<T>(&self, id: RunId, found: rusqlite::Result<Option<T>>) -> Result<T, JournalError> {
        self.read(found)?.ok_or(JournalError::NoSuchRun { id })
    }

    fn summaries(&mut self, tenant: Option<&str>) -> rusqlite::Result<Vec<RunSummary>> {
        let snapshot = self.connection.unchecked_transaction()?;
        let mut runs = snapshot.prepare_cached(&format!(
            "SELECT {HEADER}, (SELECT max(seq) FROM event WHERE run = run.key) FROM run
             WHERE ?1 IS NULL OR tenant_id = ?1 COLLATE NOCASE ORDER BY key DESC"
        ))?;
        let headers: Vec<_> = runs
            .query_map(params![tenant], |row| {
                Ok((header(row)?, row.get::<_, Option<i64>>(11)?.unwrap_or(0)))
            })?
            .collect::<Result<_, _>>()?;
        let known = &mut self.summaries;
        let summarise =
            |((key, header), newest): ((i64, _), _)| summary_at(&snapshot, known, key, header, newest);
        headers.into_iter().map(summarise).collect()
    }
}

/// A run is read anew only when there is more of it: entries are only ever added.
pub(super) fn summary_at(
    connection: &Connection,
    known: &mut Summaries,
    key: i64,
    header: RunHeader,
    newest: i64,
) -> rusqlite::Result<RunSummary> {
    match known.get(&key) {
        Some((read, summary)) if *read == newest => Ok(summary.clone()),
        _ => {
            let mut run = fold_at(connection, key, header)?;
            run.settle_if_interrupted();
            let summary = run.summary();
            known.insert(key, (newest, summary.clone()));
            Ok(summary)
        }
    }
}

/// Where the run with that key stands by its entries. A run that says of itself that it has more or fewer devices than there
/// are is damaged, and room is made for no more than there are.
pub(super) fn fold_at(connection: &Connection, key: i64, header: RunHeader) -> rusqlite::Result<Fold> {
    let mut items = connection.prepare_cached("SELECT count(*) FROM item WHERE run = ?")?;
    if header.total != items.query_row(params![key], |row| row.get::<_, u32>(0))? {
        return Err(not_understood(10));
    }
    let mut fold = Fold::new(header);
    for_each_entry(connection, key, |recorded| fold.apply(&recorded.entry))?;
    Ok(fold)
}

pub(super) const HEADER: &str =
    "key, id, started, cloud, tenant_id, tenant_name, account, account_id, action, reason, total";

/// What [`item`] reads.
pub(super) const PLANNED: &str = "device_id, route, route_label, name, serial, user_id, user, system";

fn fold_of(connection: &Connection, id: RunId) -> rusqlite::Result<Option<(Fold, Vec<PlannedItem>)>> {
    let snapshot = connection.unchecked_transaction()?;
    let Some((key, header)) = find(&snapshot, id)? else { return Ok(None) };
    let mut rows =
        snapshot.prepare_cached(&format!("SELECT {PLANNED} FROM item WHERE run = ? ORDER BY position"))?;
    let items = rows.query_map(params![key], item)?.collect::<Result<_, _>>()?;
    let fold = fold_at(&snapshot, key, header)?;
    Ok(Some((fold, items)))
}

fn entries_of(connection: &Connection, id: RunId) -> rusqlite::Result<Option<Vec<Recorded>>> {
    let snapshot = connection.unchecked_transaction()?;
    let Some((key, _)) = find(&snapshot, id)? else { return Ok(None) };
    let mut entries = Vec::new();
    for_each_entry(&snapshot, key, |entry| entries.push(entry))?;
    Ok(Some(entries))
}

fn later_requests(
    connection: &Connection,
    id: RunId,
) -> rusqlite::Result<Option<HashMap<u32, Vec<SentRequest>>>> {
    let snapshot = connection.unchecked_transaction()?;
    let Some((key, _)) = find(&snapshot, id)? else { return Ok(None) };
    requests::later_requests(&snapshot, key).map(Some)
}

fn find(connection: &Connection, id: RunId) -> rusqlite::Result<Option<(i64, RunHeader)>> {
    connection
        .prepare_cached(&format!("SELECT {HEADER} FROM run WHERE id = ?"))?
        .query_row(params![id.to_string()], header)
        .optional()
}

fn sent_within(
    connection: &Connection,
    tenant: &TenantKey,
    now: OffsetDateTime,
    within: Duration,
) -> rusqlite::Result<Vec<RunId>> {
    // A clock that was set ahead would put every request too far back.
    let newest = connection
        .prepare_cached("SELECT at FROM event WHERE kind = 'intent' ORDER BY at DESC LIMIT 1")?
        .query_row([], |row| read_time(row, 0))
        .optional()?;
    let since = newest.map_or(now, |newest| newest.min(now)) - within;
    let mut runs = connection.prepare_cached(
        "SELECT DISTINCT run.id, run.key FROM event JOIN run ON run.key = event.run
         WHERE event.kind = 'intent' AND event.at >= ?1
           AND run.cloud = ?2 AND run.tenant_id = ?3 COLLATE NOCASE
         ORDER BY run.key",
    )?;
    let id = |row: &Row<'_>| parsed(row, 0, |text| text.parse().ok());
    runs.query_map(params![written(since)?, tenant.cloud, tenant.tenant_id], id)?.collect()
}

/// For each intent in a tenant since then, when its answer was recorded, by this machine's clock.
fn requests_since(
    connection: &Connection,
    tenant: &TenantKey,
    since: OffsetDateTime,
) -> rusqlite::Result<Vec<Option<OffsetDateTime>>> {
    let mut requests = connection.prepare_cached(
        "SELECT (SELECT answer.at FROM event AS answer
                 WHERE answer.run = event.run AND answer.position = event.position
                   AND answer.seq > event.seq AND answer.kind IN ('answer', 'withdrawn')
                 ORDER BY answer.seq LIMIT 1)
         FROM event JOIN run ON run.key = event.run
         WHERE event.kind = 'intent' AND event.at >= ?1
           AND run.cloud = ?2 AND run.tenant_id = ?3 COLLATE NOCASE",
    )?;
    let over = |row: &Row<'_>| match row.get_ref(0)? {
        ValueRef::Null => Ok(None),
        _ => read_time(row, 0).map(Some),
    };
    requests.query_map(params![written(since)?, tenant.cloud, tenant.tenant_id], over)?.collect()
}

/// Until when requests in a tenant were told to wait, by this machine's clock, of all that were told since then.
fn holds_since(
    connection: &Connection,
    tenant: &TenantKey,
    since: OffsetDateTime,
) -> rusqlite::Result<Vec<OffsetDateTime>> {
    // Whoever was told had sent something, and what was sent is found by its time.
    let mut holds = connection.prepare_cached(
        "SELECT event.at, event.body FROM event
         WHERE event.kind = 'throttled' AND event.at >= ?1 AND event.run IN (
             SELECT sent.run FROM event AS sent JOIN run ON run.key = sent.run
             WHERE sent.kind = 'intent' AND sent.at >= ?1
               AND run.cloud = ?2 AND run.tenant_id = ?3 COLLATE NOCASE)",
    )?;
    let until = |row: &Row<'_>| match json(row, 1)? {
        Event::Throttled { wait_ms, read: false } => {
            Ok(Some(later(read_time(row, 0)?, Duration::from_millis(wait_ms))))
        }
        _ => Ok(None),
    };
    let found = holds.query_map(params![written(since)?, tenant.cloud, tenant.tenant_id], until)?;
    found.filter_map(Result::transpose).collect()
}

fn for_each_entry(connection: &Connection, run: i64, mut take: impl FnMut(Recorded)) -> rusqlite::Result<()> {
    let mut events = connection
        .prepare_cached("SELECT position, at, body, seq, hash FROM event WHERE run = ? ORDER BY seq")?;
    let mut rows = events.query(params![run])?;
    while let Some(row) = rows.next()? {
        let entry = Entry { position: row.get(0)?, at: read_time(row, 1)?, event: json(row, 2)? };
        take(Recorded { seq: row.get::<_, i64>(3)?.unsigned_abs(), hash: row.get(4)?, entry });
    }
    Ok(())
}

pub(super) fn header(row: &Row<'_>) -> rusqlite::Result<(i64, RunHeader)> {
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

pub(super) fn item(row: &Row<'_>) -> rusqlite::Result<PlannedItem> {
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
    parsed(row, column, |text| OffsetDateTime::parse(text, &Rfc3339).ok()?.checked_to_offset(UtcOffset::UTC))
}

pub(super) fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
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

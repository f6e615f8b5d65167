//! Runs and devices that are looked for. Names are compared on this side, as SQLite knows neither accents nor the case of other
//! letters than A to Z; only what is shown is folded.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};
use unlatch_graph::{DeviceId, Route};

use super::read::{HEADER, PLANNED, Reader, fold_at, header, item, json, summary_at};
use crate::fold::Fold;
use crate::history::{HistoryFound, HistoryItem, HistoryQuery, MAX_HISTORY_ITEMS, MAX_HISTORY_RUNS, Words};
use crate::record::{ItemRecord, RunHeader};

/// A run, and the newest entry that the journal has of it.
struct Candidate {
    key: i64,
    header: RunHeader,
    newest: i64,
}

impl Reader {
    pub(super) fn search(&mut self, query: &HistoryQuery) -> rusqlite::Result<HistoryFound> {
        let snapshot = self.connection.unchecked_transaction()?;
        let words = Words::of(&query.words);
        let mut found = HistoryFound { runs: Vec::new(), matching_runs: 0, items: Vec::new(), matching: 0 };
        for Candidate { key, header, newest } in candidates(&snapshot, query)? {
            let mut shown = Vec::new();
            if !words.is_empty() {
                let room = MAX_HISTORY_ITEMS.saturating_sub(found.items.len());
                let matches = matching_in(&snapshot, key, &header, &words)?;
                if matches.is_empty() {
                    continue;
                }
                found.matching =
                    found.matching.saturating_add(u32::try_from(matches.len()).unwrap_or(u32::MAX));
                shown = matches.into_iter().take(room).collect();
            }
            found.matching_runs = found.matching_runs.saturating_add(1);
            let has_room = found.runs.len() < MAX_HISTORY_RUNS;
            if !shown.is_empty() {
                let fold = settled(&snapshot, key, header)?;
                let summary = fold.summary();
                self.summaries.insert(key, (newest, summary.clone()));
                if has_room {
                    found.runs.push(summary);
                }
                for position in shown {
                    found.items.extend(item_of(&snapshot, key, &fold, position)?);
                }
            } else if has_room {
                found.runs.push(summary_at(&snapshot, &mut self.summaries, key, header, newest)?);
            }
        }
        Ok(found)
    }
}

/// What was done with one device in a tenant, newest first.
pub(super) fn recoveries_of(
    connection: &Connection,
    device: &DeviceId,
    tenant_id: &str,
) -> rusqlite::Result<Vec<HistoryItem>> {
    let snapshot = connection.unchecked_transaction()?;
    // In this order each run finds the device by a key.
    let mut items = snapshot.prepare_cached(&format!(
        "SELECT {HEADER}, item.position FROM run
         CROSS JOIN item ON item.run = run.key AND item.device_id = ?1
         WHERE tenant_id = ?2 COLLATE NOCASE ORDER BY key DESC LIMIT {MAX_HISTORY_ITEMS}"
    ))?;
    let row = |row: &Row<'_>| Ok((header(row)?, row.get::<_, u32>(11)?));
    let found: Vec<_> =
        items.query_map(params![device.as_str(), tenant_id], row)?.collect::<Result<_, _>>()?;
    let mut recoveries = Vec::with_capacity(found.len());
    for ((key, header), position) in found {
        let fold = settled(&snapshot, key, header)?;
        recoveries.extend(item_of(&snapshot, key, &fold, position)?);
    }
    Ok(recoveries)
}

fn candidates(connection: &Connection, query: &HistoryQuery) -> rusqlite::Result<Vec<Candidate>> {
    let mut runs = connection.prepare_cached(&format!(
        "SELECT {HEADER}, (SELECT max(seq) FROM event WHERE run = run.key) FROM run
         WHERE tenant_id = ?1 COLLATE NOCASE ORDER BY key DESC"
    ))?;
    let candidate = |row: &Row<'_>| {
        let (key, header) = header(row)?;
        Ok(Candidate { key, header, newest: row.get::<_, Option<i64>>(11)?.unwrap_or(0) })
    };
    let in_time = |found: &rusqlite::Result<Candidate>| match found {
        Ok(run) => {
            query.since.is_none_or(|since| run.header.started >= since)
                && query.until.is_none_or(|until| run.header.started < until)
        }
        Err(_) => true,
    };
    runs.query_map(params![query.tenant_id], candidate)?.filter(in_time).collect()
}

/// The positions of the devices that match.
fn matching_in(
    connection: &Connection,
    key: i64,
    header: &RunHeader,
    words: &Words,
) -> rusqlite::Result<Vec<u32>> {
    let id = header.id.to_string();
    let of_run = [header.principal.account.as_str(), header.reason.as_deref().unwrap_or_default(), &id];
    let words = words.missing_in(&of_run);
    if words.is_empty() {
        let mut every =
            connection.prepare_cached("SELECT position FROM item WHERE run = ? ORDER BY position")?;
        return every.query_map(params![key], |row| row.get(0))?.collect();
    }
    let mut rows = connection.prepare_cached(
        "SELECT position, name, serial, user, route_label, route FROM item WHERE run = ? ORDER BY position",
    )?;
    let mut rows = rows.query(params![key])?;
    let mut matching = Vec::new();
    while let Some(row) = rows.next()? {
        let [name, serial, user, label] = [text(row, 1)?, text(row, 2)?, text(row, 3)?, text(row, 4)?];
        // The label of a route is a person's name only if the device was found by its user.
        let is_found = words.are_in(&[name, serial, user, label])
            && (words.are_in(&[name, serial, user]) || matches!(json(row, 5)?, Route::User(_)));
        if is_found {
            matching.push(row.get(0)?);
        }
    }
    Ok(matching)
}

fn text<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a str> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(""),
        value => Ok(value.as_str()?),
    }
}

fn settled(connection: &Connection, key: i64, header: RunHeader) -> rusqlite::Result<Fold> {
    let mut fold = fold_at(connection, key, header)?;
    fold.settle_if_interrupted();
    Ok(fold)
}

fn item_of(
    connection: &Connection,
    key: i64,
    fold: &Fold,
    position: u32,
) -> rusqlite::Result<Option<HistoryItem>> {
    let mut rows =
        connection.prepare_cached(&format!("SELECT {PLANNED} FROM item WHERE run = ?1 AND position = ?2"))?;
    let planned = rows.query_row(params![key, position], item)?;
    let standing = fold.standings.get(position as usize);
    Ok(standing.map(|standing| HistoryItem {
        run: fold.header.clone(),
        item: ItemRecord { position, planned, standing: standing.clone() },
    }))
}

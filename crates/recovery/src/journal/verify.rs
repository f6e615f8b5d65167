//! Whether the journal is as it was written: the chain of its entries, and what each run says of itself.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::chain::{ChainHash, Link, Sum};
use crate::plan::RunId;

/// What a look at the whole journal found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// How many entries are whole: all of them, or those before the first break.
    pub entries: u64,
    /// The hash of the newest of these. Noted elsewhere, it shows later whether the journal was made anew.
    pub head: Option<ChainHash>,
    /// Where the chain breaks for the first time, if it does.
    pub broken: Option<Break>,
}

/// The first place at which the journal is not as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break {
    /// The entry, counted from 1.
    pub seq: u64,
    /// The run it is about, if it can still be told.
    pub run: Option<RunId>,
    /// What is wrong.
    pub what: BreakKind,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakKind {
    /// It, or the order of the entries, was changed.
    Changed,
    /// It is not there any more.
    Missing,
    /// What was confirmed for the run was changed: who, why, or which devices. With no entry of the run at all, the run was
    /// put in.
    Header,
}

/// Looks at every entry and every run, in one snapshot.
pub(super) fn verify(connection: &Connection) -> rusqlite::Result<Verified> {
    let snapshot = connection.unchecked_transaction()?;
    let mut events = snapshot.prepare(
        "SELECT seq, run, (SELECT id FROM run WHERE key = event.run), position, at, kind, body, hash
         FROM event ORDER BY seq",
    )?;
    let mut rows = events.query([])?;
    let (mut seq, mut head) = (0_u64, ChainHash::START);
    let whole =
        |seq: u64, head: ChainHash| Verified { entries: seq, head: (seq > 0).then_some(head), broken: None };
    let broken = |seq: u64, head, run: Option<&str>, what| {
        let run = run.and_then(|run| run.parse().ok());
        Verified { broken: Some(Break { seq: seq + 1, run, what }), ..whole(seq, head) }
    };
    while let Some(row) = rows.next()? {
        let run: Option<String> = row.get(2)?;
        if row.get::<_, i64>(0)? != i64::try_from(seq).unwrap_or(i64::MAX) + 1 {
            return Ok(broken(seq, head, run.as_deref(), BreakKind::Missing));
        }
        match intact(row, run.as_deref(), head) {
            Some(hash) => head = hash,
            None => return Ok(broken(seq, head, run.as_deref(), BreakKind::Changed)),
        }
        if row.get_ref(5)?.as_str() == Ok(STARTED)
            && !is_sealed(&snapshot, row.get(1)?, row.get_ref(6)?.as_str()?)?
        {
            return Ok(broken(seq, head, run.as_deref(), BreakKind::Header));
        }
        seq += 1;
    }
    let written: Option<i64> = snapshot
        .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'event'", [], |row| row.get(0))
        .optional()?;
    if written.is_some_and(|written| written.unsigned_abs() > seq) {
        return Ok(broken(seq, head, None, BreakKind::Missing));
    }
    let stray: Option<String> = snapshot
        .query_row(
            "SELECT id FROM run WHERE NOT EXISTS (SELECT 1 FROM event WHERE event.run = run.key) LIMIT 1",
            [],
            |row| row.get(0),
        )
        .optional()?;
    Ok(match stray {
        Some(run) => broken(seq, head, Some(&run), BreakKind::Header),
        None => whole(seq, head),
    })
}

/// The kind of the entry that seals what was confirmed.
const STARTED: &str = "run_started";

/// The hash of an entry, if it is the one that follows `before`. Values of another type than was written are changed ones.
fn intact(row: &Row<'_>, run: Option<&str>, before: ChainHash) -> Option<ChainHash> {
    let text = |column| row.get_ref(column).ok()?.as_str().ok();
    let link = Link {
        seq: row.get(0).ok()?,
        run: run?,
        position: row.get(3).ok()?,
        at: text(4)?,
        kind: text(5)?,
        body: text(6)?,
    };
    let hash: ChainHash = row.get(7).ok()?;
    (link.after(before) == hash).then_some(hash)
}

fn is_sealed(connection: &Connection, run: i64, body: &str) -> rusqlite::Result<bool> {
    let seal = seal(connection, run)?.to_string();
    Ok(body.contains(&format!("\"digest\":\"{seal}\"")))
}

/// What ties a run and its devices, as they were confirmed, to its first entry.
pub(super) fn seal(connection: &Connection, run: i64) -> rusqlite::Result<ChainHash> {
    let mut sum = Sum::default();
    let mut header = connection.prepare_cached(
        "SELECT id, started, cloud, tenant_id, tenant_name, account, account_id, action, reason, total
         FROM run WHERE key = ?",
    )?;
    let mut items = connection.prepare_cached(
        "SELECT position, device_id, route, route_label, name, serial, user_id, user, system
         FROM item WHERE run = ? ORDER BY position",
    )?;
    for (statement, columns) in [(&mut header, 10), (&mut items, 9)] {
        let mut rows = statement.query(params![run])?;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                match row.get_ref(column)? {
                    rusqlite::types::ValueRef::Integer(number) => sum.take(&number.to_be_bytes()),
                    value => sum.take_or_nothing(value.as_bytes_or_null()?),
                }
            }
        }
    }
    Ok(sum.finish())
}

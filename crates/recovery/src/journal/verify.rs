//! Whether the journal is as it was written: the chain of its entries, and what each run says of itself.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::chain::{ChainHash, Link, Sum};
use super::event::{self, ChainHead, WentBack};
use super::mark::Mark;
use crate::plan::RunId;

/// What a look at the whole journal found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many entries are whole: all of them, or those before the first break.
    pub entries: u64,
    /// The hash of the newest of these. Noted elsewhere, it shows later whether the journal was made anew.
    pub head: Option<ChainHash>,
    /// Where the chain breaks for the first time, if it does.
    pub broken: Option<Break>,
    /// The times when the file was found without entries that this computer had written, oldest first. The journal tells them
    /// itself, so they break nothing.
    pub losses: Vec<WentBack>,
    /// The newest entry that this computer knows of, if the file does not hold it and has not been opened since it lost it.
    pub behind: Option<ChainHead>,
}

impl Verified {
    /// Whether nothing was changed, put in or taken out, and nothing is known to be missing.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.broken.is_none() && self.losses.is_empty() && self.behind.is_none()
    }
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

/// Looks at every entry and every run, in one snapshot. The mark was read before, so it is no newer than that.
pub(super) fn verify(connection: &Connection, mark: Option<&Mark>) -> rusqlite::Result<Verified> {
    let snapshot = connection.unchecked_transaction()?;
    let mut walk = Walk::new(mark);
    let broken = walk.over(&snapshot)?;
    let Walk { entries, last, head, losses, behind } = walk;
    Ok(Verified {
        entries,
        head: (last > 0).then_some(head),
        // After a break nothing is sure, so it is the break that is told.
        behind: if broken.is_none() { behind } else { None },
        broken,
        losses,
    })
}

/// The way from entry to entry.
struct Walk {
    entries: u64,
    /// The number of the newest entry so far.
    last: u64,
    head: ChainHash,
    losses: Vec<WentBack>,
    /// What the mark names, until it was come by.
    behind: Option<ChainHead>,
}

impl Walk {
    fn new(mark: Option<&Mark>) -> Self {
        let behind = mark.map(|mark| ChainHead { seq: mark.seq, hash: mark.hash });
        Self { entries: 0, last: 0, head: ChainHash::START, losses: Vec::new(), behind }
    }

    /// Returns the first break.
    fn over(&mut self, snapshot: &Connection) -> rusqlite::Result<Option<Break>> {
        let mut events = snapshot.prepare(
            "SELECT seq, run, (SELECT id FROM run WHERE key = event.run), position, at, kind, body, hash
             FROM event ORDER BY seq",
        )?;
        let mut rows = events.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(broken) = self.step(snapshot, row)? {
                return Ok(Some(broken));
            }
        }
        let written: Option<i64> = snapshot
            .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'event'", [], |row| row.get(0))
            .optional()?;
        if written.is_some_and(|written| written.unsigned_abs() > self.last) {
            return Ok(Some(self.broken(None, BreakKind::Missing)));
        }
        let stray: Option<String> = snapshot
            .query_row(
                "SELECT id FROM run WHERE NOT EXISTS (SELECT 1 FROM event WHERE event.run = run.key) LIMIT 1",
                [],
                |row| row.get(0),
            )
            .optional()?;
        Ok(stray.map(|run| self.broken(Some(&run), BreakKind::Header)))
    }

    fn step(&mut self, snapshot: &Connection, row: &Row<'_>) -> rusqlite::Result<Option<Break>> {
        let id: Option<String> = row.get(2)?;
        let seq: i64 = row.get(0)?;
        let loss = told_loss(row);
        let follows = seq.unsigned_abs() == self.last + 1;
        if !(follows || loss.is_some_and(|loss| self.explains(&loss))) {
            return Ok(Some(self.broken(id.as_deref(), BreakKind::Missing)));
        }
        let Some(hash) = intact(row, id.as_deref(), self.head) else {
            return Ok(Some(self.broken(id.as_deref(), BreakKind::Changed)));
        };
        if row.get_ref(5)?.as_str() == Ok(STARTED)
            && !is_sealed(snapshot, row.get(1)?, row.get_ref(6)?.as_str()?)?
        {
            return Ok(Some(self.broken(id.as_deref(), BreakKind::Header)));
        }
        self.losses.extend(loss);
        (self.entries, self.last, self.head) = (self.entries + 1, seq.unsigned_abs(), hash);
        let is_told = |behind| loss.is_some_and(|loss| loss.known == behind);
        if self.behind.is_some_and(|behind| behind == ChainHead { seq: self.last, hash } || is_told(behind)) {
            self.behind = None;
        }
        Ok(None)
    }

    /// Whether the gap before it is just the one that an entry tells of.
    fn explains(&self, loss: &WentBack) -> bool {
        let before = (self.last > 0).then_some(ChainHead { seq: self.last, hash: self.head });
        loss.entry == loss.known.seq.saturating_add(1) && loss.known.seq > self.last && loss.found == before
    }

    fn broken(&self, run: Option<&str>, what: BreakKind) -> Break {
        Break { seq: self.last + 1, run: run.and_then(|run| run.parse().ok()), what }
    }
}

/// What an entry says of a loss, if it is one that does.
fn told_loss(row: &Row<'_>) -> Option<WentBack> {
    let text = |column| row.get_ref(column).ok()?.as_str().ok();
    let is_of_journal = row.get_ref(1).ok()? == ValueRef::Null;
    is_of_journal.then(|| event::loss(row.get(0).ok()?, text(4)?, text(5)?, text(6)?)).flatten()
}

/// The kind of the entry that seals what was confirmed.
const STARTED: &str = "run_started";

/// The hash of an entry, if it is the one that follows `before`. Values of another type than was written are changed ones.
fn intact(row: &Row<'_>, run: Option<&str>, before: ChainHash) -> Option<ChainHash> {
    let text = |column| row.get_ref(column).ok()?.as_str().ok();
    // A run that is not there is not the same as none.
    let run = if row.get_ref(1).ok()? == ValueRef::Null { "" } else { run? };
    let link = Link {
        seq: row.get(0).ok()?,
        run,
        position: row.get(3).ok()?,
        at: text(4)?,
        kind: text(5)?,
        body: text(6)?,
    };
    let hash: ChainHash = row.get(7).ok()?;
    (link.after(before) == hash).then_some(hash)
}

fn is_sealed(connection: &Connection, run: Option<i64>, body: &str) -> rusqlite::Result<bool> {
    let Some(run) = run else { return Ok(false) };
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
                    ValueRef::Integer(number) => sum.take(&number.to_be_bytes()),
                    value => sum.take_or_nothing(value.as_bytes_or_null()?),
                }
            }
        }
    }
    Ok(sum.finish())
}

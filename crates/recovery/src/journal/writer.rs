//! The one thread that writes.

use std::path::Path;
use std::sync::{Arc, mpsc};

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::chain::{ChainHash, Link};
use super::error::from_sqlite;
use super::event::{ChainHead, JournalEvent};
use super::mark::{Mark, Marker};
use super::{Entry, JournalError, JournalOptions, Reply, schema, verify};
use crate::plan::{PlannedItem, RunId};
use crate::record::{Event, RunHeader};

/// How many commands at most share one commit. Senders wait for it, so it need not be more than may be in flight.
const SHARED_COMMIT: usize = 64;

pub(super) enum Command {
    Begin { header: RunHeader, items: Arc<[PlannedItem]>, server_now: OffsetDateTime, reply: Reply<()> },
    Append { run: RunId, entries: Vec<Entry>, first: Option<First>, then: Then, reply: Reply<()> },
    About { event: JournalEvent, at: OffsetDateTime, then: Then, reply: Reply<()> },
}

/// Returns what is to be recorded before an append's own entries. It is asked right before they are written, so that no other append
/// of the run comes in between.
pub(crate) type First = Box<dyn FnOnce() -> Vec<Entry> + Send>;

/// What follows from entries that are on the disk, or could not be written. It is called in the order in which entries are
/// recorded, whether or not anybody still waits for them.
pub(crate) type Then = Box<dyn FnOnce(&Result<(), JournalError>) + Send>;

/// The newest entry, which the next one is tied to, and the highest number that was ever given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    seq: i64,
    hash: ChainHash,
    highest: i64,
}

impl Head {
    /// Reads what is there. A number that the file or the mark remembers is not given again, although its entry is gone.
    pub(super) fn read(connection: &Connection, mark: Option<&Mark>) -> rusqlite::Result<Self> {
        let newest = connection
            .query_row("SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let (seq, hash) = newest.unwrap_or((0, ChainHash::START));
        let given: Option<i64> =
            connection.query_row("SELECT max(seq) FROM sqlite_sequence WHERE name = 'event'", [], |row| {
                row.get(0)
            })?;
        let known = mark.and_then(|mark| i64::try_from(mark.seq).ok());
        let highest = seq.max(given.unwrap_or(0)).max(known.unwrap_or(0));
        Ok(Self { seq, hash, highest })
    }

    /// Returns the newest entry, if there is one.
    pub(super) fn newest(&self) -> Option<ChainHead> {
        (self.seq > 0).then_some(ChainHead { seq: self.seq.unsigned_abs(), hash: self.hash })
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { seq: self.seq.unsigned_abs(), hash: self.hash, format: schema::FORMAT }
    }

    fn next(&self) -> rusqlite::Result<i64> {
        self.highest.checked_add(1).ok_or(rusqlite::Error::IntegralValueOutOfRange(0, self.highest))
    }
}

/// Takes commands until the queue is closed. What waits is committed together: either all of it is on the disk, or each
/// sender is told that nothing is.
pub(super) fn run(
    mut connection: Connection,
    mut head: Head,
    path: &Path,
    options: &JournalOptions,
    mut marker: Marker,
    commands: &mpsc::Receiver<Command>,
) {
    while let Some(first) = next(commands, &mut marker) {
        let mut batch = vec![first];
        while batch.len() < SHARED_COMMIT
            && let Ok(next) = commands.try_recv()
        {
            batch.push(next);
        }
        batch.iter_mut().for_each(Command::complete);
        let written = write(&mut connection, head, &batch).map_err(|error| {
            let error = from_sqlite(path, &error);
            tracing::error!(%error, "the journal cannot be written");
            error
        });
        if let Ok(newest) = written {
            head = newest;
            marker.note(head.mark());
            if batch.iter().any(Command::is_turning_point) {
                marker.write();
            }
            if let Some(on_commit) = &options.on_commit {
                on_commit();
            }
        }
        let written = written.map(|_| ());
        for command in batch {
            command.reply(written.clone());
        }
    }
}

/// Waits for a command, and writes the mark whenever it is due meanwhile.
fn next(commands: &mpsc::Receiver<Command>, marker: &mut Marker) -> Option<Command> {
    loop {
        marker.write_if_due();
        match marker.due_in() {
            None => return commands.recv().ok(),
            Some(wait) => match commands.recv_timeout(wait) {
                Ok(command) => return Some(command),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return None,
            },
        }
    }
}

fn write(connection: &mut Connection, head: Head, batch: &[Command]) -> rusqlite::Result<Head> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let mut head = head;
    for command in batch {
        command.write(&transaction, &mut head)?;
    }
    transaction.commit()?;
    Ok(head)
}

impl Command {
    fn complete(&mut self) {
        if let Self::Append { entries, first, .. } = self
            && let Some(first) = first.take()
        {
            entries.splice(0..0, first());
        }
    }

    fn write(&self, transaction: &Transaction<'_>, head: &mut Head) -> rusqlite::Result<()> {
        match self {
            Self::Begin { header, items, server_now, .. } => {
                begin(transaction, head, header, items, *server_now)
            }
            Self::Append { run, entries, .. } => append(transaction, head, *run, entries),
            Self::About { event, at, .. } => append_about_journal(transaction, head, *at, event),
        }
    }

    /// Whether sending begins or ends with it, or a person's answer is recorded.
    fn is_turning_point(&self) -> bool {
        let turns = |entry: &Entry| matches!(entry.event, Event::TakenUp | Event::RunEnded { .. });
        match self {
            Self::Begin { .. } | Self::About { .. } => true,
            Self::Append { entries, .. } => entries.iter().any(turns),
        }
    }

    fn reply(self, written: Result<(), JournalError>) {
        let reply = match self {
            Self::Begin { reply, .. } => reply,
            Self::Append { then, reply, .. } | Self::About { then, reply, .. } => {
                then(&written);
                reply
            }
        };
        // Nobody waits any more when the engine is being dropped.
        let _ = reply.send(written);
    }
}

fn begin(
    transaction: &Transaction<'_>,
    head: &mut Head,
    header: &RunHeader,
    items: &[PlannedItem],
    server_now: OffsetDateTime,
) -> rusqlite::Result<()> {
    let RunHeader { id, started, principal, action, reason, total } = header;
    transaction.execute(
        "INSERT INTO run (id, started, cloud, tenant_id, tenant_name, account, account_id, action, reason, total)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            id.to_string(),
            written(*started)?,
            principal.cloud,
            principal.tenant_id,
            principal.tenant_name,
            principal.account,
            principal.account_id,
            action.name(),
            reason,
            total
        ],
    )?;
    let run = transaction.last_insert_rowid();
    let mut insert = transaction.prepare_cached(
        "INSERT INTO item (run, position, device_id, route, route_label, name, serial, user_id, user, system)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    for (position, item) in (0_u32..).zip(items) {
        insert.execute(params![
            run,
            position,
            item.device_id.as_str(),
            json(&item.route)?,
            item.route_label,
            item.name,
            item.serial,
            item.user_id.as_ref().map(|id| id.as_str()),
            item.user,
            item.system
        ])?;
    }
    let digest = Some(verify::seal(transaction, run)?.to_string());
    let event = Event::RunStarted { total: *total, digest, server_now: Some(server_now) };
    append(transaction, head, *id, &[Entry { at: *started, position: None, event }])
}

fn append(
    transaction: &Transaction<'_>,
    head: &mut Head,
    run: RunId,
    entries: &[Entry],
) -> rusqlite::Result<()> {
    let id = run.to_string();
    let key: i64 = transaction
        .prepare_cached("SELECT key FROM run WHERE id = ?")?
        .query_row(params![id], |row| row.get(0))?;
    for Entry { at, position, event } in entries {
        let (seq, at, kind, body) = (head.next()?, written(*at)?, event.kind(), json(event)?);
        let link = Link { seq, run: &id, position: *position, at: &at, kind, body: &body };
        insert(transaction, head, Some(key), &link)?;
    }
    Ok(())
}

/// Appends an entry about the journal itself.
pub(super) fn append_about_journal(
    connection: &Connection,
    head: &mut Head,
    at: OffsetDateTime,
    event: &JournalEvent,
) -> rusqlite::Result<()> {
    let (seq, at, kind, body) = (head.next()?, written(at)?, event.kind(), json(event)?);
    insert(connection, head, None, &Link { seq, run: "", position: None, at: &at, kind, body: &body })
}

fn insert(
    connection: &Connection,
    head: &mut Head,
    run: Option<i64>,
    link: &Link<'_>,
) -> rusqlite::Result<()> {
    let hash = link.after(head.hash);
    let Link { seq, position, at, kind, body, .. } = *link;
    connection
        .prepare_cached(
            "INSERT INTO event (seq, run, position, at, kind, body, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![seq, run, position, at, kind, body, hash])?;
    *head = Head { seq, hash, highest: seq };
    Ok(())
}

pub(super) fn written(at: OffsetDateTime) -> rusqlite::Result<String> {
    at.to_offset(time::UtcOffset::UTC)
        .format(&Rfc3339)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

pub(super) fn json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

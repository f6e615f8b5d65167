//! The one thread that writes.

use std::path::Path;
use std::sync::{Arc, mpsc};

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::chain::{ChainHash, Link};
use super::{Entry, JournalError, JournalOptions, Reply, schema, verify};
use crate::plan::{PlannedItem, RunId};
use crate::record::{Event, RunHeader};

/// How many commands at most share one commit. Senders wait for it, so it need not be more than may be in flight.
const SHARED_COMMIT: usize = 64;

pub(super) enum Command {
    Begin { header: RunHeader, items: Arc<[PlannedItem]>, server_now: OffsetDateTime, reply: Reply<()> },
    Append { run: RunId, entries: Vec<Entry>, then: Then, reply: Reply<()> },
}

/// What follows from entries that are on the disk, or could not be written. It is called in the order in which entries are
/// recorded, whether or not anybody still waits for them.
pub(crate) type Then = Box<dyn FnOnce(&Result<(), JournalError>) + Send>;

/// The newest entry: what the next one is tied to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    seq: i64,
    hash: ChainHash,
}

impl Head {
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        connection
            .query_row("SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1", [], |row| {
                Ok(Self { seq: row.get(0)?, hash: row.get(1)? })
            })
            .optional()
            .map(|newest| newest.unwrap_or(Self { seq: 0, hash: ChainHash::START }))
    }
}

/// Takes commands until the queue is closed. What waits is committed together: either all of it is on the disk, or each
/// sender is told that nothing is.
pub(super) fn run(
    mut connection: Connection,
    mut head: Head,
    path: &Path,
    options: &JournalOptions,
    commands: &mpsc::Receiver<Command>,
) {
    while let Ok(first) = commands.recv() {
        let mut batch = vec![first];
        while batch.len() < SHARED_COMMIT
            && let Ok(next) = commands.try_recv()
        {
            batch.push(next);
        }
        let written = write(&mut connection, head, &batch).map_err(|error| {
            let error = schema::from_sqlite(path, &error);
            tracing::error!(%error, "the journal cannot be written");
            error
        });
        if let Ok(newest) = written {
            head = newest;
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
    fn write(&self, transaction: &Transaction<'_>, head: &mut Head) -> rusqlite::Result<()> {
        match self {
            Self::Begin { header, items, server_now, .. } => {
                begin(transaction, head, header, items, *server_now)
            }
            Self::Append { run, entries, .. } => append(transaction, head, *run, entries),
        }
    }

    fn reply(self, written: Result<(), JournalError>) {
        let reply = match self {
            Self::Begin { reply, .. } => reply,
            Self::Append { then, reply, .. } => {
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
    let mut insert = transaction.prepare_cached(
        "INSERT INTO event (seq, run, position, at, kind, body, hash)
         VALUES (?, (SELECT key FROM run WHERE id = ?), ?, ?, ?, ?, ?)",
    )?;
    let run = run.to_string();
    for Entry { at, position, event } in entries {
        let (seq, at, kind, body) = (head.seq + 1, written(*at)?, event.kind(), json(event)?);
        let link = Link { seq, run: &run, position: *position, at: &at, kind, body: &body };
        let hash = link.after(head.hash);
        insert.execute(params![seq, run, position, at, kind, body, hash])?;
        *head = Head { seq, hash };
    }
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

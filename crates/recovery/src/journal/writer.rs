//! The one thread that writes.

use std::path::Path;
use std::sync::{Arc, mpsc};

use rusqlite::{Connection, Transaction, params};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Entry, JournalError, Reply, schema};
use crate::plan::{PlannedItem, RunId};
use crate::record::{Event, RunHeader};

/// How many commands at most share one commit. Senders wait for it, so it need not be more than may be in flight.
const SHARED_COMMIT: usize = 64;

pub(super) enum Command {
    Begin { header: RunHeader, items: Arc<[PlannedItem]>, reply: Reply<()> },
    Append { run: RunId, entries: Vec<Entry>, reply: Reply<()> },
}

/// Takes commands until the queue is closed. What waits is committed together: either all of it is on the disk, or each
/// sender is told that nothing is.
pub(super) fn run(mut connection: Connection, path: &Path, commands: &mpsc::Receiver<Command>) {
    while let Ok(first) = commands.recv() {
        let mut batch = vec![first];
        while batch.len() < SHARED_COMMIT
            && let Ok(next) = commands.try_recv()
        {
            batch.push(next);
        }
        let written = write(&mut connection, &batch).map_err(|error| {
            let error = schema::from_sqlite(path, &error);
            tracing::error!(%error, "the journal cannot be written");
            error
        });
        for command in batch {
            command.reply(written.clone());
        }
    }
}

fn write(connection: &mut Connection, batch: &[Command]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for command in batch {
        command.write(&transaction)?;
    }
    transaction.commit()
}

impl Command {
    fn write(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        match self {
            Self::Begin { header, items, .. } => begin(transaction, header, items),
            Self::Append { run, entries, .. } => append(transaction, *run, entries),
        }
    }

    fn reply(self, written: Result<(), JournalError>) {
        let (Self::Begin { reply, .. } | Self::Append { reply, .. }) = self;
        // Nobody waits any more when the engine is being dropped.
        let _ = reply.send(written);
    }
}

fn begin(transaction: &Transaction<'_>, header: &RunHeader, items: &[PlannedItem]) -> rusqlite::Result<()> {
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
    let started = Entry { at: *started, position: None, event: Event::RunStarted { total: *total } };
    append(transaction, *id, &[started])
}

fn append(transaction: &Transaction<'_>, run: RunId, entries: &[Entry]) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO event (run, position, at, kind, body)
         VALUES ((SELECT key FROM run WHERE id = ?), ?, ?, ?, ?)",
    )?;
    let run = run.to_string();
    for Entry { at, position, event } in entries {
        insert.execute(params![run, position, written(*at)?, event.kind(), json(event)?])?;
    }
    Ok(())
}

fn written(at: OffsetDateTime) -> rusqlite::Result<String> {
    at.to_offset(time::UtcOffset::UTC)
        .format(&Rfc3339)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

//! From the first format, whose entries were not chained yet.

use rusqlite::{Connection, params};

use super::chain::{ChainHash, Link};
use super::{schema, verify};
use crate::record::Event;

/// Chains every entry and seals every run, as they are now. All of it or nothing.
pub(super) fn from_format_1(connection: &Connection) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(
        "DROP TRIGGER event_is_never_changed; DROP TRIGGER event_is_never_deleted; DROP INDEX event_of_run;
         ALTER TABLE event RENAME TO unchained;",
    )?;
    transaction.execute_batch(schema::EVENTS)?;
    {
        let mut old = transaction.prepare(
            "SELECT run, (SELECT id FROM run WHERE key = unchained.run), position, at, kind, body FROM unchained ORDER BY seq",
        )?;
        let mut new = transaction.prepare(
            "INSERT INTO event (seq, run, position, at, kind, body, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?;
        let (mut rows, mut seq, mut head) = (old.query([])?, 0, ChainHash::START);
        while let Some(row) = rows.next()? {
            let (key, run, position, at, kind): (i64, String, Option<u32>, String, String) =
                (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
            let body = body(&transaction, key, row.get(5)?)?;
            seq += 1;
            head = Link { seq, run: &run, position, at: &at, kind: &kind, body: &body }.after(head);
            new.execute(params![seq, key, position, at, kind, body, head])?;
        }
    }
    transaction.execute_batch("DROP TABLE unchained")?;
    schema::mark(&transaction)?;
    transaction.commit()
}

/// The body of an entry, with the seal if it is the first of a run.
fn body(connection: &Connection, run: i64, body: String) -> rusqlite::Result<String> {
    match serde_json::from_str(&body) {
        Ok(Event::RunStarted { total, server_now, .. }) => {
            let digest = Some(verify::seal(connection, run)?.to_string());
            super::writer::json(&Event::RunStarted { total, digest, server_now })
        }
        // What cannot be read stays as it is; whoever reads the run says so.
        _ => Ok(body),
    }
}

//! From the earlier formats: the first, whose entries were not chained yet, and the second, whose entries all had a run.

use rusqlite::{Connection, params};

use super::chain::{ChainHash, Link};
use super::{schema, verify};
use crate::record::Event;

/// The index of devices, which both lack.
const DEVICES: &str = "CREATE INDEX IF NOT EXISTS item_of_device ON item (device_id);";

/// Chains every entry and seals every run, as they are now. The caller's transaction makes it all or nothing.
pub(super) fn from_format_1(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "DROP TRIGGER event_is_never_changed; DROP TRIGGER event_is_never_deleted; DROP INDEX event_of_run;
         ALTER TABLE event RENAME TO unchained;",
    )?;
    connection.execute_batch(schema::EVENTS)?;
    {
        let mut old = connection.prepare(
            "SELECT run, (SELECT id FROM run WHERE key = unchained.run), position, at, kind, body FROM unchained ORDER BY seq",
        )?;
        let mut new = connection.prepare(
            "INSERT INTO event (seq, run, position, at, kind, body, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?;
        let (mut rows, mut seq, mut head) = (old.query([])?, 0, ChainHash::START);
        while let Some(row) = rows.next()? {
            let (key, run, position, at, kind): (i64, String, Option<u32>, String, String) =
                (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
            let body = body(connection, key, row.get(5)?)?;
            seq += 1;
            head = Link { seq, run: &run, position, at: &at, kind: &kind, body: &body }.after(head);
            new.execute(params![seq, key, position, at, kind, body, head])?;
        }
    }
    connection.execute_batch("DROP TABLE unchained")?;
    connection.execute_batch(DEVICES)?;
    schema::sign(connection)
}

/// Takes every entry over as it is, numbers and hashes too, and with them the highest number that was ever given. What somebody
/// changed before stays as visible as it was.
pub(super) fn from_format_2(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "DROP TRIGGER IF EXISTS event_is_never_changed; DROP TRIGGER IF EXISTS event_is_never_deleted;
         DROP INDEX IF EXISTS event_of_run; DROP INDEX IF EXISTS intent_at;
         ALTER TABLE event RENAME TO event_of_format_2;",
    )?;
    connection.execute_batch(schema::EVENTS)?;
    connection.execute_batch(
        "INSERT INTO event (seq, run, position, at, kind, body, hash)
             SELECT seq, run, position, at, kind, body, hash FROM event_of_format_2 ORDER BY seq;
         DELETE FROM sqlite_sequence WHERE name = 'event';
         UPDATE sqlite_sequence SET name = 'event' WHERE name = 'event_of_format_2';
         DROP TABLE event_of_format_2;",
    )?;
    connection.execute_batch(DEVICES)?;
    schema::sign(connection)
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

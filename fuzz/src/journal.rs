//! The journal's file, which others may have touched.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use rusqlite::types::Value;
use rusqlite::{Connection, params};
use tokio::runtime::Runtime;
use unlatch_graph::DeviceId;
use unlatch_recovery::{Engine, EngineOptions, HistoryQuery, Journal, JournalError, RunId, Verified, report};

use crate::in_memory;

const TABLES: &str = include_str!("../../crates/recovery/tests/it/format-1.sql");
const ROWS: &str = include_str!("journal.sql");

/// The runs in them.
const RUNS: [&str; 2] = ["0d5f2a8e-6c0b-4c7d-9f5e-000000000001", "0d5f2a8e-6c0b-4c7d-9f5e-000000000002"];

/// Every column that is changed, by its place in this list.
const COLUMNS: [(&str, &str); 24] = [
    ("run", "id"),
    ("run", "started"),
    ("run", "cloud"),
    ("run", "tenant_id"),
    ("run", "tenant_name"),
    ("run", "account"),
    ("run", "account_id"),
    ("run", "action"),
    ("run", "reason"),
    ("run", "total"),
    ("item", "device_id"),
    ("item", "route"),
    ("item", "route_label"),
    ("item", "name"),
    ("item", "serial"),
    ("item", "user_id"),
    ("item", "user"),
    ("item", "system"),
    ("event", "run"),
    ("event", "position"),
    ("event", "at"),
    ("event", "kind"),
    ("event", "body"),
    ("event", "hash"),
];

/// The bytes of a file that claims to be a journal. Looking changes nothing in it, a refusal changes nothing in it, and what is
/// opened is read to its end and says the same of itself afterwards.
pub fn file(data: &[u8]) -> bool {
    let folder = in_memory();
    let path = folder.path().join("journal.sqlite");
    fs::write(&path, data).expect("a file");
    let looked = Journal::verify_in(folder.path());
    assert!(is(&path, data), "looking changed the file: {looked:?}");
    read_all(folder.path(), looked, data)
}

/// A journal in which values were changed: a line for each with the column's place in the list, the row's number and the value
/// (`i` an integer, `t` a text, `b` bytes, anything else nothing). The chain tells, and what can still be read is read.
pub fn rows(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let folder = in_memory();
    let path = folder.path().join("journal.sqlite");
    fs::write(&path, chained()).expect("a file");
    let was_changed = {
        let connection = Connection::open(&path).expect("a journal");
        let before = content(&connection);
        connection
            .execute_batch(
                "PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; DROP TRIGGER run_is_never_changed;
                 DROP TRIGGER item_is_never_changed; DROP TRIGGER event_is_never_changed; BEGIN;",
            )
            .expect("triggers");
        for line in text.split('\n').take(16) {
            change(&connection, line);
        }
        connection.execute_batch("COMMIT").expect("what was changed");
        before != content(&connection)
    };
    let data = fs::read(&path).expect("a file");
    let looked = Journal::verify_in(folder.path());
    assert!(is(&path, &data), "looking changed the file: {looked:?}");
    let is_told = looked.as_ref().map_or(true, |found| found.broken.is_some());
    assert_eq!(is_told, was_changed, "{looked:?}");
    read_all(folder.path(), looked, &data)
}

/// Takes over what a line says, if SQLite does.
fn change(connection: &Connection, line: &str) -> Option<()> {
    let mut words = line.splitn(3, ' ');
    let column: usize = words.next()?.parse().ok()?;
    let row: i64 = words.next()?.parse().ok()?;
    let value = words.next()?;
    let (kind, value) = value.split_at_checked(1)?;
    let value = match kind {
        "i" => Value::Integer(value.parse().ok()?),
        "t" => Value::Text(value.to_owned()),
        "b" => Value::Blob(value.as_bytes().to_vec()),
        _ => Value::Null,
    };
    let (table, column) = COLUMNS.get(column)?;
    let key = match *table {
        "run" => "key = ?2",
        "item" => "run * 10 + position = ?2",
        _ => "seq = ?2",
    };
    // A value of the wrong type is not taken.
    let _ = connection.execute(&format!("UPDATE {table} SET {column} = ?1 WHERE {key}"), params![value, row]);
    Some(())
}

/// Every row.
fn content(connection: &Connection) -> Vec<Value> {
    let mut all = Vec::new();
    for table in ["run ORDER BY key", "item ORDER BY run, position", "event ORDER BY seq"] {
        let mut rows = connection.prepare(&format!("SELECT * FROM {table}")).expect("a table");
        let columns = rows.column_count();
        let mut rows = rows.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            all.extend((0..columns).map(|column| row.get::<_, Value>(column).expect("a value")));
        }
    }
    all
}

/// Opens the journal and reads everything. Gives whether there was a run that could be read.
fn read_all(folder: &Path, looked: Result<Verified, JournalError>, data: &[u8]) -> bool {
    let journal = match Journal::open(folder) {
        Ok(journal) => journal,
        Err(error) => {
            let is_refusal = matches!(error, JournalError::Corrupt { .. } | JournalError::Newer { .. });
            assert!(is_refusal || matches!(error, JournalError::Io { .. }), "{error:?}");
            assert!(is(&folder.join("journal.sqlite"), data), "what was refused was changed: {error}");
            return false;
        }
    };
    let whole = runtime(|runtime| {
        runtime.block_on(async {
            let runs = journal.runs(None).await;
            if let Ok(before) = &looked {
                assert_eq!(journal.verify().await.as_ref(), Ok(before));
            }
            let engine = Engine::new(journal.clone(), EngineOptions::default());
            let mut whole = false;
            // A run that cannot be read keeps a list of all from being made, and not from the others being read.
            let known = || RUNS.iter().filter_map(|id| id.parse().ok()).collect();
            let ids: Vec<RunId> =
                runs.as_ref().map_or_else(|_| known(), |runs| runs.iter().map(|run| run.header.id).collect());
            for id in ids.into_iter().take(8) {
                if let (Ok(record), Ok(entries)) = (journal.run(id).await, journal.entries(id).await) {
                    assert_eq!(record.summary.header.id, id);
                    assert_eq!(record.summary.counts.sum(), record.summary.counts.total);
                    assert!(record.items.len() <= record.summary.header.total as usize);
                    let (mut out, words) = (Vec::new(), str::to_owned);
                    report::csv(&record, &mut out).expect("a report");
                    report::html(&record, &words, "en", &mut out, None).expect("a report");
                    let _ = report::json_lines(&record, &entries, &mut out);
                    whole |= !record.items.is_empty() && !entries.is_empty();
                }
            }
            if let Some(run) = runs.iter().flatten().next() {
                let query = HistoryQuery {
                    tenant_id: run.header.principal.tenant_id.clone(),
                    words: "desk anna".to_owned(),
                    ..HistoryQuery::default()
                };
                if let (Ok(device), Ok(found)) = (DeviceId::new("d1"), engine.search(query.clone()).await) {
                    assert!(found.items.len() <= found.matching as usize);
                    let _ = engine.recoveries_of(&device, &query.tenant_id).await;
                }
            }
            whole
        })
    });
    drop(journal);
    if let Ok(before) = looked {
        assert_eq!(Journal::verify_in(folder).as_ref(), Ok(&before));
    }
    whole
}

fn is(path: &Path, data: &[u8]) -> bool {
    fs::read(path).is_ok_and(|now| now == data)
}

/// A journal of the current format, made of the rows above.
fn chained() -> &'static [u8] {
    static CHAINED: OnceLock<Vec<u8>> = OnceLock::new();
    CHAINED.get_or_init(|| {
        let folder = in_memory();
        let path = folder.path().join("journal.sqlite");
        let connection = Connection::open(&path).expect("a file");
        connection.execute_batch("PRAGMA page_size = 512").expect("a setting");
        connection.execute_batch(TABLES).expect("tables");
        connection.execute_batch(ROWS).expect("rows");
        drop(connection);
        drop(Journal::open(folder.path()).expect("a journal"));
        fs::read(&path).expect("a file")
    })
}

fn runtime<T>(with: impl FnOnce(&Runtime) -> T) -> T {
    thread_local! {
        static RUNTIME: RefCell<Runtime> =
            RefCell::new(tokio::runtime::Builder::new_current_thread().build().expect("a runtime"));
    }
    RUNTIME.with_borrow(with)
}

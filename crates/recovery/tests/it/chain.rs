//! The journal tells whether it is as it was written.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use unlatch_recovery::{BreakKind, Journal, JournalError, RunId, Verified};

use crate::crash::reopen;
use crate::fake::{Bench, lost, plan_for};

/// A folder with a journal of two runs, closed; their ids, oldest first.
async fn used() -> (tempfile::TempDir, [RunId; 2]) {
    let bench = Bench::new(5);
    bench.tenant.script(1, [lost()]);
    let first = bench.run(plan_for(0..3)).await.summary.header.id;
    let second = bench.run(plan_for(3..5)).await.summary.header.id;
    (bench.folder, [first, second])
}

/// Changes the file as somebody might who has the right to write it and knows SQL.
pub fn tamper(folder: &Path, sql: &str) {
    let connection = Connection::open(folder.join("journal.sqlite")).unwrap();
    let triggers: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for name in triggers {
        connection.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    connection.execute_batch(sql).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_nobody_touched_is_whole_and_its_head_grows_with_it() {
    let (folder, _) = used().await;
    let before = Journal::verify_in(folder.path()).unwrap();
    assert!(before.entries > 14 && before.head.is_some() && before.broken.is_none(), "{before:?}");
    let journal = reopen(folder.path());
    assert_eq!(journal.verify().await.unwrap(), before, "opening it changes nothing");
    assert_eq!(Journal::verify_in(folder.path()).unwrap(), before, "it can be looked at while it is in use");
    let engine = unlatch_recovery::Engine::new(journal, crate::fake::options(&crate::fake::paused_clock()));
    let id = engine.start(plan_for([0]), Arc::new(crate::fake::Fake::new(1))).await.unwrap();
    engine.finished(id).await;
    let after = engine.journal().verify().await.unwrap();
    assert!(after.entries > before.entries && after.head != before.head && after.broken.is_none());
    let newest = engine.journal().entries(id).await.unwrap().pop().unwrap();
    assert_eq!(
        (newest.seq, Some(newest.hash)),
        (after.entries, after.head),
        "entries tell their place and hash"
    );
}

#[tokio::test(start_paused = true)]
#[ignore = "leaves a journal for a program of another system to look at, in the folder that the environment names"]
async fn a_journal_is_left_for_another_program() {
    let folder = std::env::var_os("UNLATCH_JOURNAL_FOLDER").unwrap();
    let (used, _) = used().await;
    std::fs::copy(used.path().join("journal.sqlite"), Path::new(&folder).join("journal.sqlite")).unwrap();
    assert!(Journal::verify_in(Path::new(&folder)).unwrap().broken.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_empty_journal_is_whole_and_one_that_is_not_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.sqlite");
    assert!(
        matches!(Journal::verify_in(folder.path()), Err(JournalError::Io { path: told, .. }) if told == path)
    );
    assert!(!path.exists(), "looking makes nothing");
    drop(Journal::open(folder.path()).unwrap());
    let whole = Verified { entries: 0, head: None, broken: None, losses: Vec::new(), behind: None };
    assert_eq!(Journal::verify_in(folder.path()).unwrap(), whole);
}

#[tokio::test(start_paused = true)]
async fn whatever_is_changed_taken_out_or_put_in_is_found_where_it_is() {
    let (folder, [first, second]) = used().await;
    let whole = Journal::verify_in(folder.path()).unwrap();
    let count = whole.entries;
    let connection = Connection::open(folder.path().join("journal.sqlite")).unwrap();
    let start_of_second: u32 = connection
        .query_row(
            "SELECT min(seq) FROM event WHERE run = (SELECT key FROM run WHERE id = ?)",
            [second.to_string()],
            |row| row.get(0),
        )
        .unwrap();
    drop(connection);
    let cases = [
        ("UPDATE event SET body = replace(body, 'unconfirmed', 'accepted') WHERE body LIKE '%unconfirmed%'".to_owned(), None, BreakKind::Changed),
        ("UPDATE event SET at = '2020-01-01T00:00:00Z' WHERE seq = 3".to_owned(), Some((3, Some(first))), BreakKind::Changed),
        ("UPDATE event SET position = 2 WHERE seq = 4".to_owned(), Some((4, Some(first))), BreakKind::Changed),
        ("UPDATE event SET kind = 'answer' WHERE seq = 2".to_owned(), Some((2, Some(first))), BreakKind::Changed),
        ("UPDATE event SET hash = zeroblob(32) WHERE seq = 5".to_owned(), Some((5, Some(first))), BreakKind::Changed),
        (
            "UPDATE event SET run = (SELECT max(key) FROM run) WHERE seq = 5".to_owned(),
            Some((5, Some(second))),
            BreakKind::Changed,
        ),
        ("DELETE FROM event WHERE seq = 5".to_owned(), Some((5, Some(first))), BreakKind::Missing),
        ("DELETE FROM event WHERE seq = 1".to_owned(), Some((1, Some(first))), BreakKind::Missing),
        (format!("DELETE FROM event WHERE seq = {count}"), Some((count, None)), BreakKind::Missing),
        (format!("DELETE FROM event WHERE seq > {}", count - 4), Some((count - 3, None)), BreakKind::Missing),
        (
            format!(
                "INSERT INTO event (seq, run, position, at, kind, body, hash) SELECT {}, run, position, at, kind, body, hash FROM event WHERE seq = 5",
                count + 1
            ),
            Some((count + 1, Some(first))),
            BreakKind::Changed,
        ),
        ("UPDATE run SET account = 'somebody.else@contoso.example'".to_owned(), Some((1, Some(first))), BreakKind::Header),
        ("UPDATE run SET reason = NULL".to_owned(), Some((1, Some(first))), BreakKind::Header),
        (
            "UPDATE item SET serial = 'other' WHERE run = (SELECT max(key) FROM run)".to_owned(),
            Some((start_of_second.into(), Some(second))),
            BreakKind::Header,
        ),
        (
            "DELETE FROM item WHERE run = (SELECT max(key) FROM run) AND position = 1".to_owned(),
            Some((start_of_second.into(), Some(second))),
            BreakKind::Header,
        ),
    ];
    for (sql, place, what) in cases {
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(folder.path().join("journal.sqlite"), copy.path().join("journal.sqlite")).unwrap();
        tamper(copy.path(), &sql);
        let found = Journal::verify_in(copy.path()).unwrap();
        let Some(broken) = found.broken else { panic!("{sql} was not found") };
        assert_eq!(broken.what, what, "{sql}: {broken:?}");
        if let Some(place) = place {
            assert_eq!((broken.seq, broken.run), place, "{sql}");
        }
        assert_eq!(found.entries, broken.seq - 1, "what is before the break is whole: {sql}");
        let journal = reopen(copy.path());
        assert_eq!(
            journal.verify().await.unwrap(),
            found,
            "a broken journal can be opened and tells the same"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_claims_more_devices_than_it_has_is_damaged_and_takes_no_memory() {
    let (folder, [first, _]) = used().await;
    tamper(folder.path(), "UPDATE run SET total = 4294967295 WHERE key = 1");
    let journal = reopen(folder.path());
    let path = folder.path().join("journal.sqlite");
    assert_eq!(journal.run(first).await, Err(JournalError::Corrupt { path: path.clone() }));
    assert_eq!(journal.runs(None).await, Err(JournalError::Corrupt { path: path.clone() }));
    let engine = unlatch_recovery::Engine::new(journal, crate::fake::options(&crate::fake::paused_clock()));
    let tenant_id = plan_for([0]).principal.tenant_id;
    let query = unlatch_recovery::HistoryQuery { tenant_id, words: first.to_string(), ..Default::default() };
    assert_eq!(engine.search(query).await, Err(JournalError::Corrupt { path }));
}

/// The tables as the first format had them.
const FORMAT_1: &str = include_str!("format-1.sql");

#[tokio::test(start_paused = true)]
async fn a_journal_of_the_first_format_is_chained_as_it_is_and_tells_the_same() {
    let (folder, [first, second]) = used().await;
    let journal = reopen(folder.path());
    let (before, entries) = (journal.run(first).await.unwrap(), journal.entries(second).await.unwrap());
    drop(journal);

    let old = tempfile::tempdir().unwrap();
    let connection = Connection::open(old.path().join("journal.sqlite")).unwrap();
    connection.execute_batch(FORMAT_1).unwrap();
    connection.execute("ATTACH ? AS now", [folder.path().join("journal.sqlite").to_str().unwrap()]).unwrap();
    connection
        .execute_batch(
            "INSERT INTO run SELECT * FROM now.run;
             INSERT INTO item SELECT * FROM now.item;
             INSERT INTO event (seq, run, position, at, kind, body)
                 SELECT seq, run, position, at, kind,
                        CASE kind WHEN 'run_started' THEN json_remove(body, '$.runStarted.digest') ELSE body END
                 FROM now.event WHERE kind <> 'began';
             DETACH now;",
        )
        .unwrap();
    drop(connection);
    let path = old.path().join("journal.sqlite");
    assert_eq!(
        Journal::verify_in(old.path()),
        Err(JournalError::Older { path: path.clone(), found: 1, known: 3 }),
        "looking does not change the format"
    );
    let journal = reopen(old.path());
    assert_eq!(journal.run(first).await.unwrap(), before);
    let told = journal.entries(second).await.unwrap();
    let kinds = |entries: &[unlatch_recovery::Recorded]| {
        let kinds = entries.iter().map(|recorded| recorded.entry.event.kind());
        kinds.filter(|kind| *kind != "began").collect::<Vec<_>>()
    };
    assert_eq!(kinds(&told), kinds(&entries));
    let whole = journal.verify().await.unwrap();
    assert_eq!((whole.broken, whole.entries), (None, told.last().unwrap().seq + 1), "and the upgrade");
    drop(journal);
    assert_eq!(Journal::verify_in(old.path()).unwrap(), whole);
    tamper(old.path(), "UPDATE item SET name = 'other' WHERE run = (SELECT max(key) FROM run)");
    assert_eq!(Journal::verify_in(old.path()).unwrap().broken.unwrap().what, BreakKind::Header);
}

/// A journal that the version of the second format made: its tables, two runs and what marks its file.
const FORMAT_2: &str = include_str!("format-2.sql");

fn of_format_2() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    Connection::open(folder.path().join("journal.sqlite")).unwrap().execute_batch(FORMAT_2).unwrap();
    folder
}

type Row = (i64, Option<i64>, Option<u32>, String, String, String, Vec<u8>);

fn rows(folder: &Path) -> Vec<Row> {
    let connection = Connection::open(folder.join("journal.sqlite")).unwrap();
    let mut rows = connection
        .prepare("SELECT seq, run, position, at, kind, body, hash FROM event ORDER BY seq")
        .unwrap();
    let row = |row: &rusqlite::Row<'_>| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
    };
    rows.query_map([], row).unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn a_journal_of_the_second_format_keeps_every_entry_as_it_is_and_tells_of_the_upgrade() {
    let folder = of_format_2();
    let path = folder.path().join("journal.sqlite");
    assert_eq!(Journal::verify_in(folder.path()), Err(JournalError::Older { path, found: 2, known: 3 }));
    let before = rows(folder.path());
    let journal = reopen(folder.path());
    let after = rows(folder.path());
    assert_eq!(after[..before.len()], before);
    let [(seq, run, position, _, kind, body, _)] = &after[before.len()..] else { panic!("{after:?}") };
    assert_eq!((*seq, *run, *position, kind.as_str()), (26, None, None, "upgraded"));
    assert_eq!(body, r#"{"upgraded":{"from":2,"to":3}}"#);
    let whole = journal.verify().await.unwrap();
    assert!(whole.is_whole() && whole.entries == 26, "{whole:?}");
    let runs = journal.runs(None).await.unwrap();
    assert_eq!(runs.iter().map(|run| run.header.total).collect::<Vec<_>>(), [2, 3]);
    let entries = journal.entries(runs[0].header.id).await.unwrap();
    assert_eq!(entries.last().unwrap().seq, 25, "an entry about the journal belongs to no run");
    drop(journal);
    assert_eq!(reopen(folder.path()).verify().await.unwrap(), whole, "the upgrade is told once");
}

#[tokio::test]
async fn an_upgrade_hides_nothing_that_was_changed_before_it() {
    let cases = [
        (
            "UPDATE event SET body = replace(body, 'unconfirmed', 'accepted') WHERE seq = 17",
            17,
            BreakKind::Changed,
        ),
        ("DELETE FROM event WHERE seq = 9", 9, BreakKind::Missing),
        ("DELETE FROM event WHERE seq > 20", 21, BreakKind::Missing),
        ("UPDATE item SET name = 'other' WHERE run = 2", 14, BreakKind::Header),
        ("PRAGMA foreign_keys = OFF; DELETE FROM run WHERE key = 1", 1, BreakKind::Changed),
    ];
    for (sql, seq, what) in cases {
        let folder = of_format_2();
        tamper(folder.path(), sql);
        let broken = reopen(folder.path()).verify().await.unwrap().broken;
        assert_eq!(broken.map(|broken| (broken.seq, broken.what)), Some((seq, what)), "{sql}");
    }
}

#[test]
fn an_upgraded_journal_has_the_tables_of_a_new_one() {
    let schema = |folder: &Path| -> Vec<(String, String)> {
        let connection = Connection::open(folder.join("journal.sqlite")).unwrap();
        let mut rows = connection
            .prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
            .unwrap();
        rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    };
    let (new, first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), of_format_2());
    Connection::open(first.path().join("journal.sqlite")).unwrap().execute_batch(FORMAT_1).unwrap();
    for folder in [&new, &first, &second] {
        drop(reopen(folder.path()));
    }
    let expected = schema(new.path());
    assert!(expected.iter().any(|(name, _)| name == "item_of_device"), "{expected:?}");
    assert_eq!(schema(first.path()), expected);
    assert_eq!(schema(second.path()), expected);
}

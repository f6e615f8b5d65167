//! A journal that lost its newest entries: found by a mark outside its folder, told, and asked about before anything is resumed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::Connection;
use unlatch_recovery::{
    ActError, BreakKind, ChainHash, ChainHead, Engine, Journal, JournalError, JournalOptions,
    JournalWentBack, Mark, MarkFile, MarkStore, ResumeError, RunId, RunState, Verified, WentBack,
};

use crate::chain::tamper;
use crate::crash::between_children;
use crate::fake::{Bench, Fake, options, plan, plan_for, principal, signed_out, throttled};

const FILES: [&str; 3] = ["journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"];

/// A journal's folder and, outside it, the folder of its mark.
struct Computer {
    folder: tempfile::TempDir,
    marks: tempfile::TempDir,
    tenant: Arc<Fake>,
}

impl Computer {
    fn new() -> Self {
        let (folder, marks) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        Self { folder, marks, tenant: Arc::new(Fake::new(40)) }
    }

    fn mark_file(&self) -> PathBuf {
        self.marks.path().join("journals/tenant.mark")
    }

    fn marks(&self) -> Arc<dyn MarkStore> {
        Arc::new(MarkFile::new(self.mark_file()))
    }

    fn mark(&self) -> Mark {
        self.marks().read().unwrap().unwrap()
    }

    fn try_open(&self) -> Result<Journal, JournalError> {
        self.open_with(self.marks())
    }

    fn open_with(&self, marks: Arc<dyn MarkStore>) -> Result<Journal, JournalError> {
        let options = JournalOptions { marks: Some(marks), ..JournalOptions::default() };
        between_children(|| Journal::open_with(self.folder.path(), options))
    }

    fn engine(&self) -> Engine {
        Engine::new(self.try_open().unwrap(), options(&self.tenant.clock))
    }

    async fn run(&self, engine: &Engine, numbers: std::ops::Range<usize>) -> RunId {
        let id = engine.start(plan_for(numbers), self.tenant.clone()).await.unwrap();
        engine.finished(id).await;
        id
    }

    fn copy(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        for name in FILES.iter().filter(|name| self.folder.path().join(name).exists()) {
            fs::copy(self.folder.path().join(name), copy.path().join(name)).unwrap();
        }
        copy
    }

    fn put_back(&self, copy: &Path) {
        self.lose();
        for name in FILES.iter().filter(|name| copy.join(name).exists()) {
            fs::copy(copy.join(name), self.folder.path().join(name)).unwrap();
        }
    }

    fn lose(&self) {
        for name in FILES {
            let _ = fs::remove_file(self.folder.path().join(name));
        }
    }

    fn looked(&self) -> Verified {
        Journal::verify_against(self.folder.path(), Some(self.marks())).unwrap()
    }

    /// A copy from the middle of a run, the run and what was known at its end, closed.
    async fn interrupted_in_a_copy(&self) -> (tempfile::TempDir, RunId, Mark) {
        for number in 8..20 {
            self.tenant.script(number, [throttled(Some(Duration::from_secs(300)))]);
        }
        let engine = self.engine();
        let id = engine.start(plan(20), self.tenant.clone()).await.unwrap();
        loop {
            let mut changes = engine.watch(id).unwrap();
            let summary = engine.run(id).await.unwrap().summary;
            if summary.hold.is_some() && summary.counts.accepted == 8 {
                break;
            }
            changes.changed().await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let copy = self.copy();
        engine.finished(id).await;
        assert_eq!(engine.run(id).await.unwrap().summary.counts.accepted, 20);
        drop(engine);
        (copy, id, self.mark())
    }
}

fn head(mark: Mark) -> ChainHead {
    ChainHead { seq: mark.seq, hash: mark.hash }
}

#[tokio::test(start_paused = true)]
async fn a_restored_journal_is_found_and_nothing_is_resumed_until_a_person_has_answered() {
    let computer = Computer::new();
    let (copy, id, known) = computer.interrupted_in_a_copy().await;
    let posts = computer.tenant.post_count();
    computer.put_back(copy.path());

    let engine = computer.engine();
    let lost = engine.journal().went_back().unwrap();
    assert_eq!(lost.known, head(known));
    let found = lost.found.unwrap();
    assert!(found.seq < known.seq, "{lost:?}");
    assert_eq!(lost.missing(), Some((found.seq + 1, known.seq)));
    let record = engine.run(id).await.unwrap();
    assert_eq!((record.summary.state, record.summary.counts.not_sent), (RunState::Interrupted, 12));
    let (who, tenant) = (principal(), computer.tenant.clone());
    let refused = engine.take_up(id, &who, tenant.clone()).await;
    assert_eq!(refused, Err(ActError::JournalWentBack(JournalWentBack)));
    let refused = engine.send_again(id, 19, &who, tenant.clone()).await;
    assert_eq!(refused, Err(ActError::JournalWentBack(JournalWentBack)));
    let refused = engine.resume(id, &who, tenant.clone()).await;
    assert_eq!(refused, Err(ResumeError::JournalWentBack(JournalWentBack)));
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(computer.tenant.post_count(), posts, "nothing went out");
    computer.run(&engine, 30..31).await;
    assert_eq!(computer.tenant.post_count(), posts + 1, "a new run may start");

    engine.journal().answer_went_back(Some("anna@contoso.example".into())).await.unwrap();
    assert_eq!(engine.journal().went_back(), None);
    engine.take_up(id, &who, tenant).await.unwrap();
    engine.finished(id).await;
    assert_eq!(engine.run(id).await.unwrap().summary.state, RunState::Finished);
}

#[tokio::test(start_paused = true)]
async fn a_loss_is_asked_about_until_it_is_answered_and_then_never_again() {
    let computer = Computer::new();
    let (copy, _, known) = computer.interrupted_in_a_copy().await;
    computer.put_back(copy.path());
    let lost = computer.try_open().unwrap().went_back().unwrap();
    assert_eq!(lost.entry, known.seq + 1);
    let journal = computer.try_open().unwrap();
    assert_eq!(journal.went_back(), Some(lost), "a restart answers nothing, and finds nothing new");
    assert_eq!(journal.verify().await.unwrap().losses, [lost], "it is told once");
    journal.answer_went_back(None).await.unwrap();
    journal.answer_went_back(None).await.unwrap();
    drop(journal);
    let journal = computer.try_open().unwrap();
    assert_eq!(journal.went_back(), None);
    let verified = journal.verify().await.unwrap();
    assert_eq!((verified.broken, verified.losses.as_slice(), verified.behind), (None, &[lost][..], None));
    assert!(!verified.is_whole(), "what is lost stays lost");
    drop(journal);
    assert_eq!(computer.mark().seq, lost.entry + 1, "the answer is recorded once");

    computer.put_back(copy.path());
    let again = computer.try_open().unwrap().went_back().unwrap();
    assert_eq!(again.known.seq, lost.entry + 1, "another restored copy is another loss");
}

#[tokio::test(start_paused = true)]
async fn the_check_tells_of_a_restored_journal_before_and_after_it_is_opened() {
    let computer = Computer::new();
    let (copy, _, known) = computer.interrupted_in_a_copy().await;
    let whole = computer.looked();
    assert!(whole.is_whole() && whole.head == Some(known.hash), "{whole:?}");
    computer.put_back(copy.path());
    let looked = computer.looked();
    assert_eq!((looked.behind, looked.broken), (Some(head(known)), None));
    assert!(!looked.is_whole());
    let journal = computer.try_open().unwrap();
    let opened = journal.verify().await.unwrap();
    assert_eq!((opened.behind, opened.losses.len(), opened.broken), (None, 1, None));
    assert_eq!(computer.looked(), opened);
    assert_eq!(opened.entries, looked.entries + 1);
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_vanished_counts_as_one_that_went_back() {
    let computer = Computer::new();
    let engine = computer.engine();
    computer.run(&engine, 0..3).await;
    drop(engine);
    let known = computer.mark();
    computer.lose();
    let journal = computer.try_open().unwrap();
    let lost = journal.went_back().unwrap();
    assert_eq!((lost.known, lost.found, lost.missing()), (head(known), None, Some((1, known.seq))));
    let verified = journal.verify().await.unwrap();
    assert_eq!((verified.broken, verified.losses.as_slice(), verified.entries), (None, &[lost][..], 1));
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_went_on_elsewhere_has_other_entries_and_is_found() {
    let computer = Computer::new();
    let engine = computer.engine();
    computer.run(&engine, 0..2).await;
    drop(engine);
    let copy = computer.copy();
    let engine = computer.engine();
    computer.run(&engine, 2..4).await;
    drop(engine);
    let known = computer.mark();
    // Another computer works on with the copy, for longer than this one did.
    let elsewhere = Engine::new(
        between_children(|| Journal::open(copy.path())).unwrap(),
        options(&computer.tenant.clock),
    );
    computer.run(&elsewhere, 5..12).await;
    drop(elsewhere);
    computer.put_back(copy.path());
    let journal = computer.try_open().unwrap();
    let lost = journal.went_back().unwrap();
    assert_eq!((lost.known, lost.missing()), (head(known), None));
    assert!(lost.found.unwrap().seq > known.seq);
    let verified = journal.verify().await.unwrap();
    assert_eq!((verified.broken, verified.losses.as_slice()), (None, &[lost][..]));
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_grew_since_its_mark_went_nowhere() {
    let computer = Computer::new();
    let engine = computer.engine();
    computer.run(&engine, 0..2).await;
    drop(engine);
    let older = fs::read(computer.mark_file()).unwrap();
    let engine = computer.engine();
    computer.run(&engine, 2..4).await;
    drop(engine);
    let newest = computer.mark();
    fs::write(computer.mark_file(), older).unwrap();
    assert!(computer.looked().is_whole());
    assert_eq!(computer.try_open().unwrap().went_back(), None);
    assert_eq!(computer.mark(), newest, "the mark catches up");
}

#[tokio::test(start_paused = true)]
async fn a_number_is_never_given_twice_though_its_entry_is_gone() {
    for (has_mark, deleted) in [(true, "seq > 4"), (false, "seq > 4"), (true, "seq > 0"), (false, "seq > 0")]
    {
        let computer = Computer::new();
        let engine = computer.engine();
        computer.run(&engine, 0..3).await;
        drop(engine);
        let highest = computer.mark().seq;
        tamper(computer.folder.path(), &format!("DELETE FROM event WHERE {deleted}"));
        if !has_mark {
            fs::remove_file(computer.mark_file()).unwrap();
        }
        let engine = computer.engine();
        computer.run(&engine, 3..4).await;
        let connection = Connection::open(computer.folder.path().join("journal.sqlite")).unwrap();
        let left: u32 = if deleted == "seq > 4" { 4 } else { 0 };
        let next: i64 = connection
            .query_row("SELECT min(seq) FROM event WHERE seq > ?", [left], |row| row.get(0))
            .unwrap();
        assert_eq!(next.unsigned_abs(), highest + 1, "{deleted}");
        let verified = engine.journal().verify().await.unwrap();
        if has_mark {
            assert_eq!(verified.losses.len(), 1, "{verified:?}");
        } else {
            let broken = verified.broken.unwrap();
            assert_eq!(
                (broken.seq, broken.what),
                (u64::from(left) + 1, BreakKind::Missing),
                "without a mark it is a gap"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_gap_that_an_entry_does_not_name_exactly_is_a_break() {
    let computer = Computer::new();
    let engine = computer.engine();
    computer.run(&engine, 0..3).await;
    drop(engine);
    let copy = computer.copy();
    let engine = computer.engine();
    computer.run(&engine, 3..5).await;
    drop(engine);
    computer.put_back(copy.path());
    let lost = computer.try_open().unwrap().went_back().unwrap();
    let found = lost.found.unwrap().seq;
    assert!(computer.looked().broken.is_none());
    for sql in [
        format!("DELETE FROM event WHERE seq = {found}"),
        format!("DELETE FROM event WHERE seq = {}", lost.entry),
        format!(
            "UPDATE event SET body = replace(body, '\"seq\":{found}', '\"seq\":1') WHERE seq = {}",
            lost.entry
        ),
        format!("UPDATE event SET kind = 'upgraded' WHERE seq = {}", lost.entry),
    ] {
        let tampered = Computer { folder: computer.copy(), ..Computer::new() };
        tamper(tampered.folder.path(), &sql);
        let broken = Journal::verify_in(tampered.folder.path()).unwrap().broken;
        assert_eq!(broken.map(|broken| broken.what), Some(BreakKind::Missing), "{sql}");
    }
    tamper(computer.folder.path(), &format!("UPDATE event SET body = '' WHERE seq = {}", lost.entry));
    assert!(computer.try_open().unwrap().went_back().is_some(), "a loss that was changed still waits");
}

#[tokio::test]
async fn an_old_copy_of_the_second_format_is_found_and_the_upgrade_told_after_it() {
    let computer = Computer::new();
    let path = computer.folder.path().join("journal.sqlite");
    Connection::open(&path).unwrap().execute_batch(include_str!("format-2.sql")).unwrap();
    let copy = computer.copy();
    drop(computer.try_open().unwrap());
    assert_eq!(computer.mark().seq, 26, "the upgrade is marked at once");
    computer.put_back(copy.path());
    let journal = computer.try_open().unwrap();
    let lost = journal.went_back().unwrap();
    assert_eq!((lost.entry, lost.missing()), (27, Some((26, 26))));
    let verified = journal.verify().await.unwrap();
    assert_eq!((verified.broken, verified.entries), (None, 27));
    drop(journal);
    assert_eq!(computer.mark().seq, 28);
}

#[test]
fn a_copy_of_the_first_format_is_refused_where_a_later_one_was_known() {
    let computer = Computer::new();
    let path = computer.folder.path().join("journal.sqlite");
    let first = || Connection::open(&path).unwrap().execute_batch(include_str!("format-1.sql")).unwrap();
    first();
    let mark = Mark { seq: 3, hash: ChainHash([7; 32]), format: 2 };
    computer.marks().write(&mark).unwrap();
    let before = fs::read(&path).unwrap();
    let refused = computer.try_open().unwrap_err();
    assert_eq!(refused, JournalError::FormatWentBack { path: path.clone(), found: 1, known: 2 });
    assert_eq!(fs::read(&path).unwrap(), before, "it is left as it is");
    assert_eq!(computer.mark(), mark);
    fs::remove_file(computer.mark_file()).unwrap();
    assert_eq!(computer.try_open().unwrap().went_back(), None, "without a mark it is an old journal");
}

/// Counts, and fails when it is told to.
#[derive(Default)]
struct Store {
    kept: Mutex<Vec<Mark>>,
    fails: AtomicBool,
    is_read_only: AtomicBool,
}

impl Store {
    fn refuse(&self) -> io::Result<()> {
        if self.fails.load(Ordering::SeqCst) { Err(io::ErrorKind::PermissionDenied.into()) } else { Ok(()) }
    }
}

impl MarkStore for Store {
    fn read(&self) -> io::Result<Option<Mark>> {
        self.refuse()?;
        Ok(self.kept.lock().unwrap().last().copied())
    }

    fn write(&self, mark: &Mark) -> io::Result<()> {
        self.refuse()?;
        if self.is_read_only.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        self.kept.lock().unwrap().push(*mark);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_can_be_neither_read_nor_written_stops_nothing() {
    let computer = Computer::new();
    let store = Arc::new(Store::default());
    store.fails.store(true, Ordering::SeqCst);
    let engine = Engine::new(computer.open_with(store.clone()).unwrap(), options(&computer.tenant.clock));
    let id = computer.run(&engine, 0..5).await;
    assert_eq!(engine.run(id).await.unwrap().summary.counts.accepted, 5);
    store.fails.store(false, Ordering::SeqCst);
    computer.run(&engine, 5..6).await;
    let newest = engine.journal().verify().await.unwrap();
    drop(engine);
    assert_eq!(store.kept.lock().unwrap().last().map(|mark| Some(mark.hash)), Some(newest.head));
}

#[tokio::test(start_paused = true)]
async fn a_loss_is_found_once_though_its_mark_cannot_be_written() {
    let computer = Computer::new();
    let engine = computer.engine();
    computer.run(&engine, 0..3).await;
    drop(engine);
    let store = Arc::new(Store::default());
    store.kept.lock().unwrap().push(computer.mark());
    store.is_read_only.store(true, Ordering::SeqCst);
    computer.lose();
    let journal = computer.open_with(store.clone()).unwrap();
    let lost = journal.went_back().unwrap();
    journal.answer_went_back(None).await.unwrap();
    drop(journal);
    let journal = computer.open_with(store).unwrap();
    assert_eq!(journal.went_back(), None);
    let verified = journal.verify().await.unwrap();
    assert_eq!((verified.behind, verified.losses.as_slice()), (None, &[lost][..]));
}

#[tokio::test(start_paused = true)]
async fn the_mark_is_written_when_a_run_starts_and_ends_and_seldom_in_between() {
    let computer = Computer::new();
    let store = Arc::new(Store::default());
    let marks: Arc<dyn MarkStore> = store.clone();
    let long = JournalOptions {
        marks: Some(marks),
        mark_every: Duration::from_secs(3_600),
        ..JournalOptions::default()
    };
    let journal = between_children(|| Journal::open_with(computer.folder.path(), long)).unwrap();
    let engine = Engine::new(journal, options(&computer.tenant.clock));
    let id = engine.start(plan(30), computer.tenant.clone()).await.unwrap();
    assert_eq!(store.kept.lock().unwrap().iter().map(|mark| mark.seq).collect::<Vec<_>>(), [1], "its start");
    engine.finished(id).await;
    let entries = engine.journal().entries(id).await.unwrap();
    let newest = entries.last().unwrap();
    let kept = store.kept.lock().unwrap().clone();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert_eq!((kept[1].seq, kept[1].hash), (newest.seq, newest.hash), "and its end");
    assert!(entries.len() > 60);
}

#[tokio::test]
async fn the_mark_catches_up_although_nothing_more_is_recorded() {
    let bench = Bench::new(2);
    bench.tenant.script(0, [signed_out()]);
    let Bench { folder, engine, tenant } = bench;
    drop(engine);
    let store = Arc::new(Store::default());
    let marks: Arc<dyn MarkStore> = store.clone();
    let often = JournalOptions {
        marks: Some(marks),
        mark_every: Duration::from_millis(30),
        ..JournalOptions::default()
    };
    let journal = between_children(|| Journal::open_with(folder.path(), often)).unwrap();
    let engine = Engine::new(journal, options(&tenant.clock));
    let id = engine.start(plan(2), tenant.clone()).await.unwrap();
    // The run waits for a sign-in and has no end.
    while engine.run(id).await.unwrap().summary.state != RunState::SignInNeeded {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for _ in 0..400 {
        let newest = engine.journal().entries(id).await.unwrap().last().unwrap().hash;
        if store.kept.lock().unwrap().last().is_some_and(|mark| mark.hash == newest) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the mark stayed behind: {:?}", store.kept.lock().unwrap());
}

#[test]
fn what_is_missing_is_told_by_its_first_and_last_number() {
    let head = |seq| ChainHead { seq, hash: ChainHash([1; 32]) };
    let lost = |found: Option<u64>| WentBack {
        entry: 11,
        at: time::OffsetDateTime::UNIX_EPOCH,
        known: head(10),
        found: found.map(head),
    };
    assert_eq!(lost(Some(7)).missing(), Some((8, 10)));
    assert_eq!(lost(Some(9)).missing(), Some((10, 10)));
    assert_eq!(lost(None).missing(), Some((1, 10)));
    assert_eq!(lost(Some(10)).missing(), None);
}

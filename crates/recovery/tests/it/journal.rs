use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use unlatch_recovery::{
    Engine, ItemReason, ItemState, Journal, JournalError, JournalOptions, RunState, StartError,
};

use crate::crash::{between_children, reopen};
use crate::fake::{Bench, Fake, options, plan, stand};

/// A folder with a journal of one run in it, closed.
fn used() -> tempfile::TempDir {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let bench = Bench::new(30);
        bench.run(plan(30)).await;
        bench.folder
    })
}

fn file(folder: &tempfile::TempDir) -> std::path::PathBuf {
    folder.path().join("journal.sqlite")
}

/// Opening fails with that error and leaves the file as it was.
fn refused(folder: &tempfile::TempDir, expected: &JournalError) {
    let before = fs::read(file(folder)).unwrap();
    assert_eq!(&between_children(|| Journal::open(folder.path())).unwrap_err(), expected);
    assert!(fs::read(file(folder)).unwrap() == before, "the file was changed");
}

#[test]
fn a_file_of_garbage_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(file(&folder), "not a database, ".repeat(1_000)).unwrap();
    refused(&folder, &JournalError::Corrupt { path: file(&folder) });
}

#[test]
fn a_truncated_file_is_left_as_it_is() {
    for keep in [100, 4_096, 4_096 * 3, 4_096 * 3 + 17] {
        let folder = used();
        assert!(!folder.path().join("journal.sqlite-wal").exists(), "a closed journal has no log");
        fs::OpenOptions::new().write(true).open(file(&folder)).unwrap().set_len(keep).unwrap();
        refused(&folder, &JournalError::Corrupt { path: file(&folder) });
    }
}

#[test]
fn a_file_with_a_damaged_page_is_left_as_it_is() {
    let folder = used();
    let mut bytes = fs::read(file(&folder)).unwrap();
    bytes[4_096 * 2..4_096 * 4].fill(0xa5);
    fs::write(file(&folder), bytes).unwrap();
    refused(&folder, &JournalError::Corrupt { path: file(&folder) });
}

#[test]
fn an_emptied_file_does_not_cost_the_log_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("journal.sqlite-wal");
    fs::write(file(&folder), "").unwrap();
    fs::write(&log, "what a crash left").unwrap();
    refused(&folder, &JournalError::Corrupt { path: file(&folder) });
    assert_eq!(fs::read(&log).unwrap(), b"what a crash left");
}

#[test]
fn another_programs_database_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let other = rusqlite::Connection::open(file(&folder)).unwrap();
    other.execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    drop(other);
    refused(&folder, &JournalError::Corrupt { path: file(&folder) });
}

#[test]
fn a_journal_without_its_entries_is_left_as_it_is_whether_or_not_it_has_a_log() {
    for mode in ["WAL", "DELETE"] {
        let folder = used();
        let other = rusqlite::Connection::open(file(&folder)).unwrap();
        other.execute_batch(&format!("PRAGMA journal_mode = {mode}; DROP TABLE event")).unwrap();
        drop(other);
        refused(&folder, &JournalError::Corrupt { path: file(&folder) });
    }
}

#[test]
fn a_journal_of_a_newer_version_is_left_as_it_is() {
    let folder = used();
    let newer = rusqlite::Connection::open(file(&folder)).unwrap();
    newer.pragma_update(None, "user_version", 9).unwrap();
    newer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(newer);
    let error = JournalError::Newer { path: file(&folder), found: 9, known: 3 };
    refused(&folder, &error);
    let text = error.to_string();
    assert!(text.contains("journal.sqlite") && text.contains("update Unlatch"), "{text}");
}

#[test]
fn a_folder_that_cannot_be_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let not_a_folder = folder.path().join("file");
    fs::write(&not_a_folder, "").unwrap();
    assert!(matches!(Journal::open(&not_a_folder), Err(JournalError::Io { .. })));
    fs::create_dir(file(&folder)).unwrap();
    let path = match Journal::open(folder.path()).unwrap_err() {
        JournalError::Io { path, .. } if cfg!(not(windows)) => path,
        // Windows says of a folder in the place of a file that permission is lacking.
        JournalError::ReadOnly { path } if cfg!(windows) => path,
        other => panic!("{other}"),
    };
    assert_eq!(path, file(&folder));
}

#[test]
fn a_journal_that_is_open_is_not_opened_again_until_it_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    assert_eq!(Journal::open(folder.path()).unwrap_err(), JournalError::InUse { path: file(&folder) });
    drop(journal);
    reopen(folder.path());
}

#[test]
fn nothing_that_is_recorded_can_be_changed_or_deleted() {
    let folder = used();
    let other = rusqlite::Connection::open(file(&folder)).unwrap();
    for table in ["run", "item", "event"] {
        let deleted = other.execute(&format!("DELETE FROM {table}"), []).unwrap_err();
        assert!(deleted.to_string().contains("append-only"), "{deleted}");
        let column = if table == "event" { "body" } else { "run" };
        let column = if table == "run" { "reason" } else { column };
        let changed = other.execute(&format!("UPDATE {table} SET {column} = {column}"), []).unwrap_err();
        assert!(changed.to_string().contains("append-only"), "{changed}");
    }
}

#[tokio::test]
async fn a_run_that_does_not_exist_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    let id = unlatch_recovery::RunId::random();
    assert_eq!(journal.run(id).await.unwrap_err(), JournalError::NoSuchRun { id });
    assert_eq!(journal.entries(id).await.unwrap_err(), JournalError::NoSuchRun { id });
}

fn pages(folder: &tempfile::TempDir) -> u32 {
    let other = rusqlite::Connection::open(file(folder)).unwrap();
    other.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap()
}

fn engine_with_room(folder: &tempfile::TempDir, tenant: &Fake, pages: u32) -> Engine {
    let limited = JournalOptions { max_pages: Some(pages), ..JournalOptions::default() };
    let journal = between_children(|| Journal::open_with(folder.path(), limited)).unwrap();
    Engine::new(journal, options(&tenant.clock))
}

#[test]
fn a_full_disk_starts_no_run() {
    let folder = used();
    let pages = pages(&folder);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let tenant = Arc::new(Fake::new(300));
        let engine = engine_with_room(&folder, &tenant, pages);
        for _ in 0..2 {
            let full = engine.start(plan(300), tenant.clone()).await.unwrap_err();
            assert_eq!(full, StartError::Journal(JournalError::Full { path: file(&folder) }));
        }
        assert_eq!(engine.runs(None).await.unwrap().len(), 1, "what was there is still there");
        assert_eq!(tenant.post_count(), 0);
    });
}

#[test]
fn a_disk_that_fills_up_stops_the_run_and_nothing_unrecorded_goes_out() {
    let folder = used();
    // The least room in which the run can be confirmed, and ten pages more for what then happens.
    let trial = tempfile::tempdir().unwrap();
    fs::copy(file(&folder), file(&trial)).unwrap();
    let mut room = pages(&folder);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let tenant = Arc::new(Fake::new(300));
        while let Err(StartError::Journal(error)) =
            engine_with_room(&trial, &tenant, room).start(plan(300), Arc::new(Fake::new(0))).await
        {
            assert_eq!(error, JournalError::Full { path: file(&trial) });
            room += 2;
        }
        let engine = engine_with_room(&folder, &tenant, room + 10);
        let id = engine.start(plan(300), tenant.clone()).await.unwrap();
        engine.finished(id).await;
        let record = engine.run(id).await.unwrap();
        let counts = record.summary.counts;
        assert_eq!(record.summary.state, RunState::JournalFailed);
        assert!(counts.accepted > 20 && counts.not_sent > 20, "{counts:?}");
        assert_eq!(counts.sum(), 300);
        assert_eq!(
            (tenant.post_count(), counts.unconfirmed),
            (counts.accepted as usize, 0),
            "what came is shown"
        );
        let last = stand(&record.items[299]);
        assert_eq!(last, (ItemState::NotSent, Some(ItemReason::JournalFailed)));

        drop(engine);
        let journal = reopen(folder.path());
        // What could not be recorded before the process ended leaves doubt, and nothing else does: answers, and the withdrawal of
        // an intent whose request did not go out. Each of the 16 workers has one item at a time, 8 of them a place in flight.
        let reopened = journal.run(id).await.unwrap();
        assert!(matches!(reopened.summary.state, RunState::Interrupted | RunState::JournalFailed));
        assert!(reopened.summary.counts.unconfirmed <= 16, "{:?}", reopened.summary);
        let mut withdrawn = 0;
        for (shown, found) in record.items.iter().zip(&reopened.items) {
            let (shown, found) = (shown.standing.state, found.standing.state);
            assert!(found == shown || found == ItemState::Unconfirmed, "{shown:?}, {found:?}");
            withdrawn += usize::from(shown == ItemState::NotSent && found != shown);
        }
        assert!(withdrawn <= 8, "{withdrawn}");
    });
}

/// Keeps everybody else from writing, as a backup program might.
fn block(path: &Path) -> rusqlite::Connection {
    let other = rusqlite::Connection::open(path).unwrap();
    other.busy_timeout(Duration::from_secs(20)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

/// Has another program block the journal when the twelfth request goes out. Returns what holds the block.
fn block_at_the_twelfth(bench: &Bench) -> Arc<Mutex<Option<rusqlite::Connection>>> {
    let blocked = Arc::new(Mutex::new(None));
    bench.tenant.on_send({
        let (path, blocked, posts) = (file(&bench.folder), blocked.clone(), Mutex::new(0));
        move |_, _| {
            let mut posts = posts.lock().unwrap();
            *posts += 1;
            if *posts == 12 {
                *blocked.lock().unwrap() = Some(block(&path));
            }
        }
    });
    blocked
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_recorded_is_shown_and_recorded_as_soon_as_it_can_be() {
    let bench = Bench::new(40);
    let blocked = block_at_the_twelfth(&bench);
    let record = bench.run(plan(40)).await;
    let counts = record.summary.counts;
    assert_eq!(record.summary.state, RunState::JournalFailed);
    let posts = u32::try_from(bench.tenant.post_count()).unwrap();
    assert_eq!((counts.accepted, counts.unconfirmed, counts.not_sent), (posts, 0, 40 - posts), "{counts:?}");
    assert!((12..=19).contains(&posts), "no intent, no request: {posts}");
    assert_eq!(stand(&record.items[39]), (ItemState::NotSent, Some(ItemReason::JournalFailed)));
    let unwritten = bench.engine.journal().run(record.summary.header.id).await.unwrap();
    assert!(unwritten.summary.counts.unconfirmed > 0, "the journal does not have them yet");

    blocked.lock().unwrap().take();
    tokio::time::sleep(Duration::from_secs(61)).await;
    let id = record.summary.header.id;
    assert_eq!(bench.engine.journal().run(id).await.unwrap(), record);
    drop(bench.engine);
    assert_eq!(reopen(bench.folder.path()).run(id).await.unwrap(), record);
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_on_after_the_journal_was_in_use_for_a_moment() {
    let bench = Bench::new(40);
    let blocked = block_at_the_twelfth(&bench);
    let release = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if blocked.lock().unwrap().is_some() {
                tokio::time::sleep(Duration::from_secs(3)).await;
                drop(blocked.lock().unwrap().take());
                return;
            }
        }
    });
    let record = bench.run(plan(40)).await;
    release.await.unwrap();
    assert_eq!((record.summary.state, record.summary.counts.accepted), (RunState::Finished, 40));
    assert_eq!(bench.tenant.post_count(), 40);
}

#[cfg(unix)]
mod permissions {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::process::CommandExt as _;

    use super::*;
    use crate::crash::{again, folder_of_child, spawn};
    use std::process::Stdio;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_files_and_a_new_folder_are_for_this_account_alone() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("data");
        let journal = Journal::open(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700);
        for entry in fs::read_dir(&folder).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
        }
        drop(journal);
        set_mode(&folder.join("journal.sqlite"), 0o644);
        let _journal = Journal::open(&folder).unwrap();
        assert_eq!(mode(&folder.join("journal.sqlite")), 0o600, "an older, wider mode is narrowed");
    }

    /// Whom nothing is forbidden.
    fn is_root() -> bool {
        fs::metadata(tempfile::tempdir().unwrap().path()).unwrap().uid() == 0
    }

    /// In a child without root's rights: what opening says.
    #[test]
    fn child_that_opens() {
        let Some(folder) = folder_of_child() else { return };
        let opened = Journal::open(&folder).map(|_| ());
        println!("\nopened: {opened:?}");
    }

    /// What an account without special rights is told, whoever runs the tests.
    fn told_to_others(folder: &Path) -> String {
        let mut child = again("journal::permissions::child_that_opens", folder);
        let copy = tempfile::tempdir().unwrap();
        if is_root() {
            // The other account must be able to reach the binary itself.
            set_mode(copy.path(), 0o755);
            let binary = copy.path().join("it");
            between_children(|| fs::copy(std::env::current_exe().unwrap(), &binary)).unwrap();
            let args: Vec<_> = child.get_args().map(ToOwned::to_owned).collect();
            let mut moved = std::process::Command::new(binary);
            moved.args(args).env("UNLATCH_TEST_FOLDER", folder).uid(65_534).gid(65_534);
            child = moved;
        }
        child.current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = spawn(&mut child).wait_with_output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let line = stdout.lines().find_map(|line| line.strip_prefix("opened: "));
        line.unwrap_or_else(|| panic!("{stdout}{}", String::from_utf8_lossy(&output.stderr))).to_owned()
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told() {
        let parent = tempfile::tempdir().unwrap();
        set_mode(parent.path(), 0o555);
        let told = told_to_others(&parent.path().join("data"));
        assert_eq!(
            told,
            format!("{:?}", Err::<(), _>(JournalError::ReadOnly { path: parent.path().join("data") }))
        );
        set_mode(parent.path(), 0o755);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_told() {
        let folder = used();
        set_mode(folder.path(), 0o777);
        set_mode(&folder.path().join("journal.lock"), 0o666);
        set_mode(&file(&folder), 0o444);
        let told = told_to_others(folder.path());
        assert_eq!(told, format!("{:?}", Err::<(), _>(JournalError::ReadOnly { path: file(&folder) })));
    }

    #[test]
    fn a_folder_that_takes_no_log_beside_a_writable_file_is_told() {
        let folder = used();
        set_mode(&folder.path().join("journal.lock"), 0o666);
        // 0o600 and of the other account, where this one is root; else its own file anyway.
        set_mode(&file(&folder), 0o600);
        if is_root() {
            std::os::unix::fs::chown(file(&folder), Some(65_534), Some(65_534)).unwrap();
        }
        set_mode(folder.path(), 0o555);
        let told = told_to_others(folder.path());
        assert_eq!(
            told,
            format!("{:?}", Err::<(), _>(JournalError::ReadOnly { path: folder.path().to_owned() }))
        );
        set_mode(folder.path(), 0o755);
    }
}

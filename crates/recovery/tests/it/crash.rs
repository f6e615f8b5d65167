//! Real processes on one journal, killed at any moment. A child is this test binary, started again for one test.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use unlatch_graph::Pace;
use unlatch_recovery::{Engine, EngineOptions, ItemState, Journal, JournalError, RunState};

use crate::fake::{Fake, answered, device_id, lost, plan, throttled};

const FOLDER: &str = "UNLATCH_TEST_FOLDER";
const DEVICES: usize = 400;

/// Starts this binary for the one test `name`, which does something only because `FOLDER` is set.
pub fn again(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture", "--test-threads", "1"]).env(FOLDER, folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// A child has every open file of this process until it becomes another program, the lock of a journal among them.
static BECOMING: RwLock<()> = RwLock::new(());

/// Starts a child. Gives it back when it has become another program.
pub fn spawn(command: &mut Command) -> Child {
    let _alone = BECOMING.write().unwrap_or_else(PoisonError::into_inner);
    command.spawn().unwrap()
}

/// Does `work` while no child is on its way to become another program.
pub fn between_children<T>(work: impl FnOnce() -> T) -> T {
    let _none = BECOMING.read().unwrap_or_else(PoisonError::into_inner);
    work()
}

/// Opens a journal that was open in this process before.
pub fn reopen(folder: &Path) -> Journal {
    between_children(|| Journal::open(folder)).unwrap()
}

/// The folder, in a child.
pub fn folder_of_child() -> Option<std::path::PathBuf> {
    std::env::var_os(FOLDER).map(Into::into)
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// In a child: a run in real time that says each request on stdout at the moment it arrives, and never gets to its end here.
#[test]
fn child_that_runs() {
    let Some(folder) = folder_of_child() else { return };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    runtime.block_on(async {
        let mut tenant = Fake::new(DEVICES);
        (tenant.pace, tenant.round_trip) = (Pace::unlimited().into(), Duration::from_micros(700));
        for number in 0..DEVICES {
            match number % 9 {
                3 if number % 45 == 3 => tenant.script(number, [throttled(Some(Duration::from_millis(1)))]),
                5 => tenant.script(number, [lost()]),
                7 => tenant.script(number, [answered(403, unlatch_graph::ApiErrorKind::RoleDenied)]),
                _ => {}
            }
        }
        tenant.on_send(|id, _| {
            // One write call a line, so that a line is there whole or not at all.
            let line = format!("sent {id}\n");
            std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
            std::io::stdout().flush().unwrap();
        });
        let engine = Engine::new(
            Journal::open(&folder).unwrap(),
            EngineOptions { countdown: std::time::Duration::ZERO, ..EngineOptions::default() },
        );
        let id = engine.start(plan(DEVICES), Arc::new(tenant)).await.unwrap();
        engine.finished(id).await;
        std::future::pending::<()>().await;
    });
}

#[test]
fn a_run_that_is_killed_at_any_moment_is_found_again_with_nothing_forgotten_and_nothing_invented() {
    let mut interrupted = 0;
    for round in 0..25 {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Killed(spawn(&mut again("crash::child_that_runs", folder.path())));
        let stdout = BufReader::new(child.0.stdout.take().unwrap());
        let kill_after = rand::random_range(1..DEVICES - 20);
        let mut seen = 0;
        let mut sent: Vec<String> = Vec::new();
        for line in stdout.lines() {
            // The test harness writes the test's name in front of the first line.
            let line = line.unwrap();
            let Some((_, id)) = line.split_once("sent ") else { continue };
            sent.push(id.to_owned());
            seen += 1;
            if seen == kill_after {
                child.0.kill().unwrap();
            }
        }
        drop(child);
        assert!(seen >= kill_after, "the child ended by itself in round {round}");

        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let journal = reopen(folder.path());
            let runs = journal.runs(None).await.unwrap();
            assert_eq!(runs.len(), 1);
            let record = journal.run(runs[0].header.id).await.unwrap();
            assert_eq!(record.summary, runs[0]);
            assert_eq!(record.summary.counts.sum() as usize, DEVICES);
            interrupted += usize::from(record.summary.state == RunState::Interrupted);
            let mut doubtful_only_by_the_crash = 0;
            for (number, item) in record.items.iter().enumerate() {
                let requests = sent.iter().filter(|id| **id == device_id(number).as_str()).count();
                let retried = usize::from(number % 45 == 3);
                assert!(requests <= 1 + retried, "device {number} got {requests} requests");
                match item.standing.state {
                    // A request that was throttled may have gone out before; it was not executed.
                    ItemState::NotSent => assert!(requests <= retried, "device {number} is called not sent"),
                    ItemState::Accepted | ItemState::Refused => assert!(requests > 0, "device {number}"),
                    ItemState::Unconfirmed => {
                        doubtful_only_by_the_crash +=
                            usize::from(number % 9 != 5 || item.standing.message.is_none());
                    }
                    other => panic!("device {number} is {other:?}"),
                }
            }
            assert!(doubtful_only_by_the_crash <= 8, "only what was in flight: {doubtful_only_by_the_crash}");
            let devices: HashSet<&String> = sent.iter().collect();
            let known = record.items.iter().filter(|item| item.standing.attempts > 0).count();
            assert!(known >= devices.len(), "{} devices were sent to, {known} are known", devices.len());
        });
    }
    assert!(interrupted > 15, "{interrupted} of 25 runs were hit before their end");
}

/// In a child: holds the journal until it is killed.
#[test]
fn child_that_holds_the_journal() {
    let Some(folder) = folder_of_child() else { return };
    let _journal = Journal::open(&folder).unwrap();
    println!("\nopen");
    loop {
        std::thread::park();
    }
}

#[test]
fn two_processes_cannot_run_one_journal_and_a_killed_one_leaves_it_free() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Killed(spawn(&mut again("crash::child_that_holds_the_journal", folder.path())));
    let mut stdout = BufReader::new(child.0.stdout.take().unwrap()).lines();
    assert!(stdout.any(|line| line.unwrap() == "open"));
    let path = folder.path().join("journal.sqlite");
    assert_eq!(Journal::open(folder.path()).unwrap_err(), JournalError::InUse { path });
    drop(child);
    reopen(folder.path());
}

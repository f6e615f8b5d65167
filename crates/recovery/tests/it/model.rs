//! The rules that must hold whatever happens: runs, faults, crashes after every write to the journal, restarts, cancels and
//! everything else a person does, drawn at random and told apart by what the service saw.

mod scenario;
mod setting;
mod world;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use unlatch_graph::{DeviceId, Route, UserId};
use unlatch_recovery::{
    ActError, Action, Engine, EngineOptions, Event, FollowEnd, ItemState, Journal, JournalError,
    JournalOptions, Mark, MarkStore, Plan, RunId, RunState, SentAgain, StartError,
};

use self::scenario::{Scenario, Step, scenario};
use self::setting::{ActedOn, Before, Setting};
use self::world::{DEVICES, WRITES, World};
use crate::fake::{device, plan_of, planned, principal};

/// How a process ended.
enum End {
    /// It came to the end of the steps.
    Done,
    /// It is to be started again, after so long.
    Restart(Duration),
    /// As that, with the copy of the journal.
    Restore(Duration),
}

/// One scenario with a crash right after one of the writes to the journal, or none.
struct Trial<'a> {
    scenario: &'a Scenario,
    world: Arc<World>,
    folder: tempfile::TempDir,
    /// How many writes were made by all processes.
    writes: Arc<AtomicU32>,
    crash_after: Option<u32>,
    /// The runs in which a person had devices put, newest first, as far as this side heard of them.
    runs: Vec<RunId>,
    /// Keeps the journal from being written while it is there.
    lock: Option<rusqlite::Connection>,
    /// The copy of the journal, with how many requests had gone out and how many entries had been written.
    copy: Option<(tempfile::TempDir, usize, u32)>,
    marks: Arc<Marks>,
}

/// The mark of the journal's newest entry, as it would be outside its folder.
#[derive(Default)]
struct Marks(Mutex<Option<Mark>>);

impl MarkStore for Marks {
    fn read(&self) -> std::io::Result<Option<Mark>> {
        Ok(*self.0.lock().unwrap())
    }

    fn write(&self, mark: &Mark) -> std::io::Result<()> {
        *self.0.lock().unwrap() = Some(*mark);
        Ok(())
    }
}

impl Trial<'_> {
    /// Gives how many writes there were.
    fn run(scenario: &Scenario, crash_after: Option<u32>) -> u32 {
        let folder =
            tempfile::tempdir_in(if std::path::Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "." });
        let mut trial = Trial {
            scenario,
            world: Arc::new(World::new(&scenario.faults, &scenario.setting)),
            folder: folder.unwrap(),
            writes: Arc::default(),
            crash_after,
            runs: Vec::new(),
            lock: None,
            copy: None,
            marks: Arc::default(),
        };
        let mut next = 0;
        loop {
            let pause = match trial.process(&mut next) {
                End::Done => break,
                End::Restart(pause) => pause,
                End::Restore(pause) => {
                    trial.restore();
                    pause
                }
            };
            trial.world.sleep(pause);
        }
        trial.settle();
        trial.writes.load(Ordering::SeqCst)
    }

    /// One process: opens the journal, follows, and goes on with the steps until it ends.
    fn process(&mut self, next: &mut usize) -> End {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let died = Arc::new(Notify::new());
        let end = runtime.block_on(async {
            self.world.wake(self.recorded_hold());
            let engine = self.engine(Some(&died));
            self.follow(&engine);
            let known = answers(engine.journal()).await;
            let steps = async {
                while let Some(step) = self.scenario.steps.get(*next) {
                    *next += 1;
                    if let Step::Restart(pause) = step {
                        return End::Restart(Duration::from_millis(*pause));
                    }
                    if let Step::Restore(pause) = step {
                        return End::Restore(Duration::from_millis(*pause));
                    }
                    self.act(&engine, step).await;
                    // What a person sees is always true to the count.
                    for summary in engine.runs(None).await.unwrap() {
                        assert_eq!(summary.counts.sum(), summary.header.total);
                    }
                }
                self.lock = None;
                self.all_answers_are_recorded(engine.journal(), known).await;
                End::Done
            };
            let end = tokio::select! {
                biased;
                () = died.notified() => End::Restart(Duration::from_millis(1)),
                end = steps => end,
            };
            self.world.fall_asleep();
            end
        });
        // Whatever was under way is gone, as when a process dies.
        drop(runtime);
        self.lock = None;
        end
    }

    /// Until when a write was told to wait, by what is recorded.
    fn recorded_hold(&self) -> Option<OffsetDateTime> {
        let journal = rusqlite::Connection::open(self.folder.path().join("journal.sqlite")).ok()?;
        let sql = "SELECT at, body ->> '$.throttled.waitMs' FROM event
            WHERE kind = 'throttled' AND body ->> '$.throttled.read' IS NULL";
        let mut waits = journal.prepare(sql).ok()?;
        let until = |row: &rusqlite::Row<'_>| {
            let (at, wait): (String, u32) = (row.get(0)?, row.get(1)?);
            Ok(OffsetDateTime::parse(&at, &Rfc3339).unwrap() + Duration::from_millis(wait.into()))
        };
        waits.query_map([], until).unwrap().map(Result::unwrap).max()
    }

    /// Puts the copy of the journal in its place, if there is one.
    fn restore(&mut self) {
        let Some((copy, sends, writes)) = self.copy.take() else { return };
        for ending in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(self.folder.path().join(format!("journal.sqlite{ending}")));
        }
        std::fs::copy(copy.path().join("journal.sqlite"), self.folder.path().join("journal.sqlite")).unwrap();
        self.world.lose(sends);
        let has_lost = self.writes.load(Ordering::SeqCst) > writes;
        let journal = self.journal(None);
        assert!(journal.went_back().is_some() || !has_lost, "a journal that went back is found");
    }

    /// `died` is told when the process dies. Without it, it does not.
    fn engine(&self, died: Option<&Arc<Notify>>) -> Engine {
        let journal = self.journal(died);
        let clock = self.world.clock();
        let options = EngineOptions {
            in_flight: 2,
            countdown: self.scenario.setting.countdown,
            clock,
            jitter: Arc::new(|| 0.5),
            ..EngineOptions::default()
        };
        Engine::new(journal, options)
    }

    fn journal(&self, died: Option<&Arc<Notify>>) -> Journal {
        let (writes, died, crash_after) = (self.writes.clone(), died.cloned(), self.crash_after);
        let on_commit = Arc::new(move || {
            let Some(died) = &died else { return };
            if Some(writes.fetch_add(1, Ordering::SeqCst) + 1) == crash_after {
                died.notify_one();
                // The thread ends here: what is committed is on the disk, and nobody ever hears of it.
                std::panic::resume_unwind(Box::new("the process ends"));
            }
        });
        let options = JournalOptions {
            on_commit: Some(on_commit),
            marks: Some(self.marks.clone()),
            mark_every: Duration::ZERO,
            busy_timeout: Duration::ZERO,
            clock: self.world.clock(),
            ..JournalOptions::default()
        };
        Journal::open_with(self.folder.path(), options).unwrap()
    }

    /// What a person wanted could not be recorded: that is nothing to be held to, unless the process dies and nobody knows.
    fn unrecorded(&self, error: &JournalError, before: Before) {
        if !self.is_dying() {
            assert!(self.lock.is_some(), "{error}");
            self.world.forbid(before);
        }
    }

    /// Waits until the journal has every answer that came since it had `known` of them.
    async fn all_answers_are_recorded(&self, journal: &Journal, known: usize) {
        // Longer than the longest wait between two tries.
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_secs(30)).await;
            if answers(journal).await - known == self.world.heard() {
                return;
            }
        }
        panic!("an answer that came is not in the journal");
    }

    /// A person answers that the journal lost entries. Until then nothing of a run goes on.
    async fn answer_loss(&self, engine: &Engine) {
        if engine.journal().went_back().is_some() {
            let _ = engine.journal().answer_went_back(None).await;
        }
    }

    async fn act(&mut self, engine: &Engine, step: &Step) {
        let world = self.world.clone();
        match step {
            Step::Start(numbers) => {
                let plan = self.plan(numbers);
                // Whatever comes of it, a person wanted each of these to be sent to once.
                let before = world.permit_plan(&plan);
                let devices = plan.items.iter().map(|item| item.device_id.clone()).collect();
                self.acted(engine, devices, None).await;
                match engine.start(plan, world.clone()).await {
                    Ok(id) => self.runs.insert(0, id),
                    Err(StartError::InAnotherRun(_)) => world.forbid(before),
                    Err(StartError::Journal(error)) => self.unrecorded(&error, before),
                }
            }
            Step::Wait(millis) => tokio::time::sleep(Duration::from_millis(*millis)).await,
            Step::Cancel(run) => {
                if let Some(id) = self.runs.get(*run) {
                    engine.cancel(*id);
                }
            }
            Step::TakeUp(run) => {
                let Some(id) = self.runs.get(*run) else { return };
                let Ok(record) = engine.run(*id).await else { return };
                // A run that an earlier process left is ended when it is first looked at, which may be right now.
                let is_unsent = |state: ItemState| state == ItemState::NotSent || state.is_open();
                let unsent = record.items.iter().filter(|item| is_unsent(item.standing.state));
                let before = world.permit(unsent.clone().map(|item| &item.planned.device_id));
                let devices = unsent.map(|item| item.planned.device_id.clone()).collect();
                self.acted(engine, devices, Some(*id)).await;
                let waits = engine.journal().went_back().is_some();
                match engine.take_up(*id, &principal(), world.clone()).await {
                    Ok(()) => assert!(!waits, "nothing is resumed before the loss is answered"),
                    Err(ActError::Journal(error)) => self.unrecorded(&error, before),
                    Err(_) => world.forbid(before),
                }
                self.answer_loss(engine).await;
            }
            Step::Discard(run) => {
                if let Some(id) = self.runs.get(*run) {
                    let _ = engine.discard(*id).await;
                }
            }
            Step::SendAgain(run, position) => {
                let Some(id) = self.runs.get(*run) else { return };
                let Ok(record) = engine.run(*id).await else { return };
                let Some(item) = record.items.get(*position as usize) else { return };
                let device = item.planned.device_id.clone();
                let before = world.permit_again(&device);
                self.acted(engine, vec![device.clone()], Some(*id)).await;
                let waits = engine.journal().went_back().is_some();
                match engine.send_again(*id, *position, &principal(), world.clone()).await {
                    Ok(SentAgain::Going) => {
                        assert!(!waits, "nothing is sent again before the loss is answered")
                    }
                    Err(ActError::Journal(error)) => self.unrecorded(&error, before),
                    Ok(SentAgain::Settled) | Err(_) => world.forbid(before),
                }
                self.answer_loss(engine).await;
            }
            Step::Check(run) => {
                if let Some(id) = self.runs.get(*run) {
                    let _ = engine.check_outcomes(*id, world).await;
                }
            }
            Step::SignIn => {
                world.sign_in();
                for id in &self.runs {
                    let _ = engine.resume(*id, &principal(), world.clone()).await;
                }
                self.follow(engine);
            }
            Step::Rename(number) => world.rename(*number),
            Step::Settle(number, state) => world.settle(*number, state),
            Step::Elsewhere(number) => world.elsewhere(*number),
            Step::Probe => world.probe().await,
            Step::Lock => {
                self.lock = None;
                self.lock = Some(self.lock());
            }
            Step::Unlock => self.lock = None,
            Step::BackUp => self.back_up(),
            Step::Restart(_) | Step::Restore(_) => unreachable!("the process ends there"),
        }
    }

    /// Takes note of what is known of devices that a person wants sent to, in a run that was confirmed before or is now.
    async fn acted(&self, engine: &Engine, devices: Vec<DeviceId>, run: Option<RunId>) {
        let (tenant, action) = (principal().tenant(), Action::RecoverPasscode);
        let Ok(earlier) = engine.earlier_requests(tenant, action, devices.clone()).await else { return };
        let now = (self.world.clock())();
        let confirmed = match run {
            Some(run) => engine.run(run).await.map_or(now, |run| run.summary.header.started),
            None => now,
        };
        let acted = |device: DeviceId| {
            let in_doubt = earlier.get(&device).is_some_and(|request| {
                let state = request.standing.state;
                matches!(state, ItemState::Accepted | ItemState::Unconfirmed | ItemState::Other)
            });
            (device, ActedOn { wanted: now, confirmed, in_doubt })
        };
        self.world.act(devices.into_iter().map(acted).collect());
    }

    fn lock(&self) -> rusqlite::Connection {
        let other = rusqlite::Connection::open(self.folder.path().join("journal.sqlite")).unwrap();
        other.busy_timeout(Duration::from_secs(20)).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        other
    }

    fn back_up(&mut self) {
        if self.lock.is_some() || self.is_dying() {
            return;
        }
        let copy = tempfile::tempdir().unwrap();
        let (sends, writes) = (self.world.sends(), self.writes.load(Ordering::SeqCst));
        let journal = rusqlite::Connection::open(self.folder.path().join("journal.sqlite")).unwrap();
        let file = copy.path().join("journal.sqlite");
        journal.execute("VACUUM INTO ?", [file.to_str().unwrap()]).unwrap();
        self.copy = Some((copy, sends, writes));
    }

    fn follow(&self, engine: &Engine) -> JoinHandle<FollowEnd> {
        let (engine, world) = (engine.clone(), self.world.clone());
        tokio::spawn(async move { engine.follow(&principal(), world).await })
    }

    fn is_dying(&self) -> bool {
        self.crash_after.is_some_and(|crash| self.writes.load(Ordering::SeqCst) >= crash)
    }

    /// The devices as they are right now, as a person sees them.
    fn plan(&self, numbers: &[usize]) -> Plan {
        let route = |number: usize| match number % 3 {
            0 => Route::User(UserId::new("user").unwrap()),
            _ => Route::Direct,
        };
        plan_of(
            numbers.iter().map(|number| planned(&self.world.device_now(*number), route(*number))).collect(),
        )
    }

    /// When everything went quiet, with a last process that only follows, nothing may be wrong.
    fn settle(&self) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            self.world.wake(self.recorded_hold());
            self.world.quiet_down();
            let engine = self.engine(None);
            let follow = self.follow(&engine);
            let sent_before = self.world.sends();
            tokio::time::sleep(Duration::from_secs(2 * 60 * 60)).await;
            follow.abort();
            let _ = follow.await;
            assert_eq!(self.world.sends(), sent_before, "a restart sends nothing by itself");
            let journal = engine.journal();
            let whole = journal.verify().await.unwrap();
            assert_eq!(whole.broken, None);
            let (mut intents, mut items) = (HashMap::new(), HashMap::new());
            for summary in engine.runs(None).await.unwrap() {
                let id = summary.header.id;
                let record = engine.run(id).await.unwrap();
                assert!(!record.summary.state.is_active() || record.summary.state == RunState::SignInNeeded);
                assert_eq!(record, journal.run(id).await.unwrap(), "what is shown is what is recorded");
                for recorded in journal.entries(id).await.unwrap() {
                    let Some(position) = recorded.entry.position else { continue };
                    let device = record.items[position as usize].planned.device_id.clone();
                    match recorded.entry.event {
                        Event::Intent { .. } => *intents.entry(device).or_insert(0) += 1,
                        Event::Withdrawn => *intents.entry(device).or_insert(0) -= 1,
                        _ => {}
                    }
                }
                for item in record.items {
                    items.entry(item.planned.device_id.clone()).or_insert_with(Vec::new).push(item);
                }
            }
            self.world.check_requests(&intents);
            for (device, items) in &items {
                self.world.check_items(device, items);
            }
        });
    }
}

/// How many answers to requests a journal has.
async fn answers(journal: &Journal) -> usize {
    let mut answers = 0;
    for summary in journal.runs(None).await.unwrap() {
        let entries = journal.entries(summary.header.id).await.unwrap();
        answers += entries.iter().filter(|at| matches!(at.entry.event, Event::Answer { .. })).count();
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_and_whenever_the_process_dies_no_rule_is_broken(scenario in scenario()) {
        let writes = Trial::run(&scenario, None);
        for write in 1..=writes {
            Trial::run(&scenario, Some(write));
        }
    }
}

/// How many scenarios: each is tried once without a crash and once with a crash after each of its writes.
fn cases() -> u32 {
    std::env::var("UNLATCH_MODEL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(160)
}

#[test]
fn the_model_tells_when_a_rule_is_broken() {
    let plain =
        Setting { intune_ahead: 0, reported: Vec::new(), countdown: Duration::ZERO, read_faults: Vec::new() };
    let one = || {
        let world = World::new(&[], &plain);
        world.permit_plan(&plan_of(vec![planned(&device(0), Route::Direct)]));
        world
    };
    let all = || {
        let world = World::new(&[], &plain);
        world.permit_plan(&plan_of(
            (0..DEVICES).map(|number| planned(&device(number), Route::Direct)).collect(),
        ));
        world
    };
    let is_well = |world: &World, sends: &[usize], intents: Option<HashMap<_, _>>| {
        sends.iter().for_each(|number| world.take(*number));
        let intents = intents.unwrap_or_else(|| world.log_as_intents());
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.check_requests(&intents))).is_ok()
    };
    assert!(is_well(&one(), &[0], None));
    assert!(!is_well(&one(), &[0, 0], None), "twice");
    assert!(!is_well(&one(), &[DEVICES], None), "outside the selection");
    assert!(!is_well(&one(), &[0], Some(HashMap::new())), "forgotten");
    assert!(is_well(&all(), &[0, 1, 2], None));
    assert!(!is_well(&all(), &[0, 1, 2, 3], None), "more than {WRITES} in a window");
    let world = one();
    world.rename(0);
    world.sleep(Duration::from_secs(6));
    assert!(!is_well(&world, &[0], None), "another name than was confirmed");
}

//! A run that is being worked on.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::join_all;
use tokio::sync::{SemaphorePermit, watch};
use tokio_util::sync::CancellationToken;
use unlatch_graph::DeviceId;

use super::{Change, Progress, ResumeError, Shared, item};
use crate::fold::Fold;
use crate::journal::JournalError;
use crate::plan::PlannedItem;
use crate::record::{Entry, Event, ItemRecord, RunHeader, RunRecord, RunSummary};
use crate::state::{ItemState, RunState};
use crate::tenant::Tenant;

pub(super) struct Run {
    pub(super) header: RunHeader,
    pub(super) items: Arc<[PlannedItem]>,
    shown: Mutex<Shown>,
    sign_in: watch::Sender<SignIn>,
    /// No further item is begun and nothing more goes out: cancelled, or the journal failed.
    stop: CancellationToken,
    cancel_asked: CancellationToken,
    journal_failed: AtomicBool,
    /// Held while a resume is recorded, so that there is one at a time.
    resuming: tokio::sync::Mutex<()>,
    ended: CancellationToken,
}

/// What the run looks like: the fold of its recorded entries, and which item changed at which version.
struct Shown {
    fold: Fold,
    version: u64,
    changed_at: Vec<u64>,
    /// None when the run has ended.
    changes: Option<watch::Sender<Change>>,
}

/// Which sign-in requests go out by, and whether it still holds.
struct SignIn {
    tenant: Arc<dyn Tenant>,
    number: u64,
    holds: bool,
}

/// The right to work on one item: the tenant, and a place among those in flight.
pub(super) struct Pass<'a> {
    pub(super) tenant: Arc<dyn Tenant>,
    sign_in: u64,
    _place: SemaphorePermit<'a>,
}

/// The run has stopped, or an entry could not be recorded, which stops it.
pub(super) struct Stopped;

impl Run {
    pub(super) fn new(header: RunHeader, items: Arc<[PlannedItem]>, tenant: Arc<dyn Tenant>) -> Self {
        let fold = Fold::new(header.clone());
        let changes = Some(watch::Sender::new(Change { version: 1 }));
        let shown = Shown { fold, version: 1, changed_at: vec![1; items.len()], changes };
        Self {
            header,
            items,
            shown: Mutex::new(shown),
            sign_in: watch::Sender::new(SignIn { tenant, number: 0, holds: true }),
            stop: CancellationToken::new(),
            cancel_asked: CancellationToken::new(),
            journal_failed: AtomicBool::new(false),
            resuming: tokio::sync::Mutex::default(),
            ended: CancellationToken::new(),
        }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Fold), positions: impl IntoIterator<Item = u32>) {
        let mut shown = self.shown();
        change(&mut shown.fold);
        shown.version += 1;
        let version = shown.version;
        for position in positions {
            if let Some(changed_at) = shown.changed_at.get_mut(position as usize) {
                *changed_at = version;
            }
        }
        if let Some(changes) = &shown.changes {
            changes.send_replace(Change { version });
        }
    }

    fn take_in(&self, entries: &[Entry]) {
        let positions = entries.iter().filter_map(|entry| entry.position);
        self.change(|fold| entries.iter().for_each(|entry| fold.apply(entry)), positions);
    }

    pub(super) fn record(&self) -> RunRecord {
        let record = self.shown().fold.record(&self.items);
        RunRecord { summary: self.with_schedule(record.summary), items: record.items }
    }

    /// The devices that may still be sent to.
    pub(super) fn open_devices(&self) -> Vec<DeviceId> {
        let shown = self.shown();
        let both = self.items.iter().zip(&shown.fold.standings);
        both.filter(|(_, at)| at.state.is_open()).map(|(item, _)| item.device_id.clone()).collect()
    }

    /// Whether it waits for a sign-in, and that is recorded.
    pub(super) fn waits(&self) -> bool {
        self.shown().fold.state == RunState::SignInNeeded && !self.sign_in.borrow().holds
    }

    pub(super) fn summary(&self) -> RunSummary {
        let summary = self.shown().fold.summary();
        self.with_schedule(summary)
    }

    fn with_schedule(&self, summary: RunSummary) -> RunSummary {
        if summary.state != RunState::Active {
            return summary;
        }
        let tenant = Arc::clone(&self.sign_in.borrow().tenant);
        let waiting = summary.counts.waiting as usize;
        let remaining = (waiting > 0).then(|| tenant.time_for_writes(waiting));
        RunSummary { remaining, hold: tenant.hold_left(), ..summary }
    }

    /// None when the run has ended.
    pub(super) fn watch(&self) -> Option<watch::Receiver<Change>> {
        self.shown().changes.as_ref().map(watch::Sender::subscribe)
    }

    pub(super) fn changes_since(&self, seen: u64) -> Progress {
        let (version, summary, items) = {
            let shown = self.shown();
            let changed = shown.changed_at.iter().enumerate().filter(|(_, at)| **at > seen);
            let items = changed
                .filter_map(|(position, _)| {
                    Some(ItemRecord {
                        position: u32::try_from(position).ok()?,
                        planned: self.items.get(position)?.clone(),
                        standing: shown.fold.standings.get(position)?.clone(),
                    })
                })
                .collect();
            (shown.version, shown.fold.summary(), items)
        };
        Progress { version, summary: self.with_schedule(summary), items }
    }

    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    pub(super) fn cancel(&self) {
        self.stop.cancel();
        self.cancel_asked.cancel();
        let cancelling = |fold: &mut Fold| {
            if fold.state.is_active() {
                fold.state = RunState::Cancelling;
            }
        };
        self.change(cancelling, None);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Waits for `work` unless the run stops first. Only for work that may be dropped at any point: never for a request that
    /// changes a device.
    pub(super) async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Stopped> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Stopped),
            done = work => Ok(done),
        }
    }

    /// Records entries and, once they are on the disk, shows them. A failure stops the run.
    pub(super) async fn record_entries(
        &self,
        shared: &Shared,
        entries: Vec<Entry>,
    ) -> Result<(), JournalError> {
        let written = shared.journal.append(self.header.id, entries.clone()).await;
        match &written {
            Ok(()) => self.take_in(&entries),
            Err(_) => {
                self.journal_failed.store(true, Ordering::SeqCst);
                self.stop.cancel();
            }
        }
        written
    }

    pub(super) async fn note(
        &self,
        shared: &Shared,
        position: Option<u32>,
        events: Vec<Event>,
    ) -> Result<(), Stopped> {
        let entries = events.into_iter().map(|event| shared.entry(position, event)).collect();
        self.record_entries(shared, entries).await.map_err(|_| Stopped)
    }

    /// Shows an item as being worked on, or as waiting again.
    pub(super) fn show(&self, position: u32, state: ItemState) {
        self.change(|fold| fold.show(position, state), Some(position));
    }

    /// Waits for a sign-in that holds and a place among those in flight.
    pub(super) async fn pass<'a>(&self, shared: &'a Shared) -> Result<Pass<'a>, Stopped> {
        let wait = async {
            let mut sign_in = self.sign_in.subscribe();
            loop {
                let place = shared.places.acquire().await.ok()?;
                {
                    let now = sign_in.borrow_and_update();
                    if now.holds {
                        let tenant = Arc::clone(&now.tenant);
                        return Some(Pass { tenant, sign_in: now.number, _place: place });
                    }
                }
                drop(place);
                sign_in.changed().await.ok()?;
            }
        };
        self.unless_stopped(wait).await?.ok_or(Stopped)
    }

    /// The sign-in of that pass does not hold any more: everything waits for the next one.
    pub(super) async fn pause(&self, shared: &Shared, pass: Pass<'_>) -> Result<(), Stopped> {
        let first = self.sign_in.send_if_modified(|now| {
            let holds = now.number == pass.sign_in && now.holds;
            now.holds &= now.number != pass.sign_in;
            holds
        });
        drop(pass);
        if first { self.note(shared, None, vec![Event::SignInNeeded]).await } else { Ok(()) }
    }

    pub(super) async fn resume(&self, shared: &Shared, tenant: Arc<dyn Tenant>) -> Result<(), ResumeError> {
        let _one = self.resuming.lock().await;
        if !self.waits() || self.is_stopped() {
            return Err(ResumeError::NotWaiting);
        }
        self.record_entries(shared, vec![shared.entry(None, Event::Resumed)]).await?;
        self.sign_in.send_modify(|now| {
            *now = SignIn { tenant, number: now.number + 1, holds: true };
        });
        Ok(())
    }
}

impl Shared {
    pub(super) fn entry(&self, position: Option<u32>, event: Event) -> Entry {
        Entry { at: (self.options.clock)(), position, event }
    }
}

/// Works on a run until nothing of it goes out any more, and records its end.
pub(super) async fn drive(shared: Arc<Shared>, run: Arc<Run>) {
    let next = AtomicU32::new(0);
    let worker = || async {
        while !run.is_stopped() {
            let position = next.fetch_add(1, Ordering::Relaxed);
            if position >= run.header.total {
                break;
            }
            item::work(&shared, &run, position).await;
        }
    };
    let workers = shared.options.in_flight.clamp(1, run.items.len().max(1));
    let mut work = std::pin::pin!(join_all((0..workers).map(|_| worker())));
    tokio::select! {
        _ = &mut work => {}
        () = run.cancel_asked.cancelled() => {
            // What is in flight goes on meanwhile. Should this fail, the run has stopped all the same and its end says so.
            let note = run.note(&shared, None, vec![Event::CancelAsked]);
            let _ = tokio::join!(work, note);
        }
    }
    end(&shared, &run).await;
}

async fn end(shared: &Shared, run: &Run) {
    let anything_left = run.shown().fold.counts.waiting > 0;
    let state = if run.journal_failed.load(Ordering::SeqCst) {
        RunState::JournalFailed
    } else if anything_left {
        RunState::Cancelled
    } else {
        RunState::Finished
    };
    let entry = shared.entry(None, Event::RunEnded { state });
    match shared.journal.append(run.header.id, vec![entry.clone()]).await {
        Ok(()) => {
            run.take_in(&[entry]);
            shared.live().runs.remove(&run.header.id);
        }
        // The journal will call this run interrupted; while this process lives it knows better.
        Err(_) => {
            run.take_in(&[Entry { event: Event::RunEnded { state: RunState::JournalFailed }, ..entry }]);
        }
    }
    run.shown().changes = None;
    run.ended.cancel();
}

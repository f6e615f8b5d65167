//! A run that is held in memory: one that is worked on, or whose devices are being asked what became of it.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::watch;
use unlatch_graph::DeviceId;

use super::drive::Drive;
use super::{Change, Progress, Shared};
use crate::fold::Fold;
use crate::journal::JournalError;
use crate::outcome::{SendWindow, SentRequest};
use crate::plan::PlannedItem;
use crate::record::{Entry, Event, ItemRecord, RunHeader, RunRecord, RunSummary, Standing};
use crate::requests::DeviceRequests;
use crate::state::{ItemState, RunState};

/// How long after a write to the journal failed it is tried again at first; the wait doubles.
pub(super) const FIRST_TRY_AGAIN: Duration = Duration::from_millis(500);
/// The longest wait in between.
pub(super) const LAST_TRY_AGAIN: Duration = Duration::from_secs(60);
/// For how long an answer is tried to be recorded before its run is stopped.
const TRIED_FOR: Duration = Duration::from_secs(15);

pub(super) struct Run {
    pub(super) header: RunHeader,
    pub(super) items: Arc<[PlannedItem]>,
    /// How many hold it in memory, beside what works on it and who asks its devices.
    pub(super) users: AtomicUsize,
    shown: Mutex<Shown>,
    /// What works on it, from the countdown to its recorded end.
    drive: Mutex<Option<Arc<Drive>>>,
    /// The items whose devices are being asked.
    followed: Mutex<HashSet<u32>>,
    /// For items found in the journal: later requests of other runs for the same device.
    others: HashMap<u32, Vec<SentRequest>>,
    /// For items that are set going: every request for the same device before.
    earlier: Mutex<HashMap<u32, DeviceRequests>>,
    /// What came and could not be recorded. It goes before whatever is recorded next.
    owed: Mutex<Owed>,
}

#[derive(Default)]
struct Owed {
    entries: Vec<Entry>,
    /// Those that are being written.
    writing: Vec<Entry>,
}

/// What the run looks like: the fold of its recorded entries, and which item changed at which version.
struct Shown {
    fold: Fold,
    version: u64,
    changed_at: Vec<u64>,
    /// None when the run is let go of.
    changes: Option<watch::Sender<Change>>,
}

impl Run {
    /// A run that a person confirmed at that time by Graph's clock.
    pub(super) fn new(header: RunHeader, items: Arc<[PlannedItem]>, server_now: OffsetDateTime) -> Self {
        let mut fold = Fold::new(header);
        fold.confirmed = Some(server_now);
        Self::found(fold, items, HashMap::new())
    }

    /// A run as the journal has it.
    pub(super) fn found(
        fold: Fold,
        items: Arc<[PlannedItem]>,
        others: HashMap<u32, Vec<SentRequest>>,
    ) -> Self {
        let header = fold.header.clone();
        let changes = Some(watch::Sender::new(Change { version: 1 }));
        let shown = Shown { fold, version: 1, changed_at: vec![1; items.len()], changes };
        Self {
            header,
            items,
            users: AtomicUsize::new(0),
            shown: Mutex::new(shown),
            drive: Mutex::default(),
            followed: Mutex::default(),
            others,
            earlier: Mutex::default(),
            owed: Mutex::default(),
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
        // What is about the run as a whole may change any of its items.
        let all = entries.iter().any(|entry| entry.position.is_none()).then_some(0..self.header.total);
        let some = entries.iter().filter_map(|entry| entry.position);
        self.change(
            |fold| entries.iter().for_each(|entry| fold.apply(entry)),
            all.into_iter().flatten().chain(some),
        );
    }

    /// Shows an item as being worked on, or as waiting again.
    pub(super) fn show(&self, position: u32, state: ItemState) {
        self.change(|fold| fold.show(position, state), Some(position));
    }

    /// Shows that Cancel was asked for, before that is recorded.
    pub(super) fn show_cancelling(&self) {
        let cancelling = |fold: &mut Fold| {
            if fold.state.is_active() {
                fold.state = RunState::Cancelling;
            }
        };
        self.change(cancelling, None);
    }

    pub(super) fn record(&self, shared: &Shared) -> RunRecord {
        let record = self.shown().fold.record(&self.items);
        RunRecord { summary: self.with_schedule(shared, record.summary), items: record.items }
    }

    pub(super) fn summary(&self, shared: &Shared) -> RunSummary {
        let summary = self.shown().fold.summary();
        self.with_schedule(shared, summary)
    }

    fn with_schedule(&self, shared: &Shared, summary: RunSummary) -> RunSummary {
        let followed = self.is_followed();
        let Some(drive) = self.drive() else { return RunSummary { followed, ..summary } };
        let starts_in = (summary.state == RunState::Starting).then(|| drive.starts_in());
        if !matches!(summary.state, RunState::Starting | RunState::Active) {
            return RunSummary { followed, ..summary };
        }
        let remaining = shared.time_to_send(self, &drive, summary.counts.waiting);
        let hold = drive.tenant().pace().held();
        RunSummary { starts_in, remaining, hold, followed, ..summary }
    }

    pub(super) fn state(&self) -> RunState {
        self.shown().fold.state
    }

    /// How many items wait or are being sent.
    pub(super) fn waiting(&self) -> u32 {
        self.shown().fold.counts.waiting
    }

    pub(super) fn leaves_unsent(&self) -> bool {
        self.shown().fold.leaves_unsent()
    }

    pub(super) fn end_state(&self) -> RunState {
        self.shown().fold.end_state()
    }

    pub(super) fn standing(&self, position: u32) -> Option<Standing> {
        self.shown().fold.standings.get(position as usize).cloned()
    }

    /// The positions of the items of which that is true.
    pub(super) fn positions(&self, which: impl Fn(&Standing) -> bool) -> Vec<u32> {
        let shown = self.shown();
        (0..).zip(&shown.fold.standings).filter(|(_, at)| which(at)).map(|(position, _)| position).collect()
    }

    /// The devices that may still be sent to.
    pub(super) fn open_devices(&self) -> Vec<DeviceId> {
        let open = self.positions(|at| at.state.is_open());
        open.iter().filter_map(|at| self.items.get(*at as usize)).map(|item| item.device_id.clone()).collect()
    }

    /// Returns which results belong to the last request for an item, if it may have been executed.
    pub(super) fn window(&self, shared: &Shared, position: u32) -> Option<SendWindow> {
        let standing = self.standing(position)?;
        let device = &self.items.get(position as usize)?.device_id;
        let mut others = self.others.get(&position).cloned().unwrap_or_default();
        others.extend(shared.requests_beside(self.header.id, device));
        standing.window(&others)
    }

    /// Returns Graph's clock when a person confirmed it, if that was recorded.
    pub(super) fn confirmed(&self) -> Option<OffsetDateTime> {
        self.shown().fold.confirmed
    }

    /// Returns when a person last wanted an item sent, or the run as a whole, by this machine's clock.
    pub(super) fn wanted(&self, position: Option<u32>) -> OffsetDateTime {
        let shown = self.shown();
        let alone = position.and_then(|position| shown.fold.standings.get(position as usize)?.wanted);
        alone.map_or(shown.fold.wanted, |alone| alone.max(shown.fold.wanted))
    }

    pub(super) fn set_earlier(&self, earlier: impl IntoIterator<Item = (u32, DeviceRequests)>) {
        self.earlier.lock().unwrap_or_else(PoisonError::into_inner).extend(earlier);
    }

    /// Takes the requests for the device of an item before it was set going.
    pub(super) fn take_earlier(&self, position: u32) -> DeviceRequests {
        let mut earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
        earlier.remove(&position).unwrap_or_default()
    }

    /// Somebody works on it or asks its devices: it may change from now on.
    pub(super) fn take_hold(&self) {
        let mut shown = self.shown();
        let version = shown.version;
        shown.changes.get_or_insert_with(|| watch::Sender::new(Change { version }));
    }

    /// None when the run has been let go of.
    pub(super) fn watch(&self) -> Option<watch::Receiver<Change>> {
        self.shown().changes.as_ref().map(watch::Sender::subscribe)
    }

    /// Nothing of it changes any more.
    pub(super) fn let_go(&self) {
        self.shown().changes = None;
    }

    pub(super) fn changes_since(&self, shared: &Shared, seen: u64) -> Progress {
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
        Progress { version, summary: self.with_schedule(shared, summary), items }
    }

    pub(super) fn drive(&self) -> Option<Arc<Drive>> {
        self.drive.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_drive(&self, drive: Option<Arc<Drive>>) {
        *self.drive.lock().unwrap_or_else(PoisonError::into_inner) = drive;
    }

    fn followed(&self) -> MutexGuard<'_, HashSet<u32>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_followed(&self) -> bool {
        !self.followed().is_empty()
    }

    /// Notes that an item's device is being asked from now on. False if it already is.
    pub(super) fn begin_following(&self, position: u32) -> bool {
        self.followed().insert(position)
    }

    /// Notes that an item's device is no longer asked.
    pub(super) fn end_following(&self, position: u32) {
        self.followed().remove(&position);
    }

    /// Notes that nobody asks any more.
    pub(super) fn end_all_following(&self) {
        self.followed().clear();
    }

    /// Shows whether the run is followed to whoever watches.
    pub(super) fn tell(&self) {
        self.change(|_| {}, None);
    }

    /// Records entries and, once they are on the disk, shows them, even if nobody waits for that any more. A failure stops
    /// whatever is being sent.
    pub(super) async fn record_entries(
        self: &Arc<Self>,
        shared: &Shared,
        entries: Vec<Entry>,
    ) -> Result<(), JournalError> {
        let written = self.append(shared, entries).await;
        // Another program lets go of the file again; what is not recorded now is read or asked for once more.
        if written.as_ref().is_err_and(|error| !matches!(error, JournalError::InUse { .. }))
            && let Some(drive) = self.drive()
        {
            drive.fail();
        }
        written
    }

    /// Records that a request is about to go out. If that fails, nothing may go out.
    pub(super) async fn record_intent(
        self: &Arc<Self>,
        shared: &Shared,
        position: u32,
        intent: Event,
    ) -> Result<(), JournalError> {
        self.append(shared, vec![shared.entry(Some(position), intent)]).await
    }

    /// Records what is already so, such as an answer that came. If the journal cannot be written just now, that is tried again
    /// for a while. Then whatever is being sent stops; the entries are shown all the same, and recorded as soon as anything can be.
    pub(super) async fn record_known(
        self: &Arc<Self>,
        shared: &Shared,
        entries: Vec<Entry>,
    ) -> Result<(), JournalError> {
        let mut waited = Duration::ZERO;
        let mut wait = FIRST_TRY_AGAIN;
        loop {
            let error = match self.append(shared, entries.clone()).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if waited >= TRIED_FOR {
                self.owe(entries);
                if let Some(drive) = self.drive() {
                    drive.fail();
                }
                return Err(error);
            }
            tokio::time::sleep(wait).await;
            waited += wait;
            wait *= 2;
        }
    }

    /// Records the end of the run, as [`Run::record_known`] does.
    pub(super) async fn record_end(self: &Arc<Self>, shared: &Shared, state: RunState) {
        let entry = shared.entry(None, Event::RunEnded { state });
        // Should this fail, it is owed.
        let _: Result<(), JournalError> = self.record_known(shared, vec![entry]).await;
    }

    /// Records what is owed and these entries, all of it or nothing, and shows the entries then.
    async fn append(self: &Arc<Self>, shared: &Shared, entries: Vec<Entry>) -> Result<(), JournalError> {
        let (owing, run, shown) = (Arc::clone(self), Arc::clone(self), entries.clone());
        let first = Box::new(move || {
            let mut owed = owing.owed();
            let taken = std::mem::take(&mut owed.entries);
            // Another append of the run may be written with this one.
            owed.writing.extend(taken.iter().cloned());
            taken
        });
        let then = Box::new(move |written: &Result<(), JournalError>| {
            let owed = std::mem::take(&mut run.owed().writing);
            match written {
                Ok(()) => run.take_in(&shown),
                Err(_) => {
                    run.owed().entries.splice(0..0, owed);
                }
            }
        });
        shared.journal.append(self.header.id, entries, first, then).await
    }

    /// Shows what could not be recorded, and keeps it to be recorded before anything else.
    fn owe(&self, entries: Vec<Entry>) {
        self.take_in(&entries);
        self.owed().entries.extend(entries);
    }

    /// Records what is owed.
    pub(super) async fn pay(self: &Arc<Self>, shared: &Shared) -> Result<(), JournalError> {
        self.append(shared, Vec::new()).await
    }

    fn owed(&self) -> MutexGuard<'_, Owed> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether the journal lacks something of this run.
    pub(super) fn owes(&self) -> bool {
        let owed = self.owed();
        !owed.entries.is_empty() || !owed.writing.is_empty()
    }
}

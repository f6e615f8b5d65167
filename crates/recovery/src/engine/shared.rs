//! What every part of the engine shares, and the runs that are held in memory.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::Semaphore;
use unlatch_graph::{DeviceId, Kind, LONGEST_WAIT, REQUEST_LIMIT};

use super::follow::Asking;
use super::run::Run;
use super::schedule::Schedule;
use super::{EngineOptions, InAnotherRun};
use crate::journal::{Journal, JournalError};
use crate::plan::RunId;
use crate::record::{Event, RunHeader};
use crate::state::RunState;
use crate::tenant::Tenant;

/// The window in which the service counts writes (Graph documentation, Intune devices throttling limits).
const WRITE_WINDOW: Duration = Duration::from_secs(20);

pub(crate) struct Shared {
    pub(super) journal: Journal,
    pub(super) options: EngineOptions,
    /// How long a run that is set going counts down.
    pub(super) countdown: Mutex<Duration>,
    /// A place for each request that may be in flight at the same time.
    pub(super) places: Semaphore,
    /// A place for each device that may be read at the same time before its request.
    pub(super) reads: Semaphore,
    pub(super) schedule: Schedule,
    pub(super) live: Mutex<Live>,
    /// Held while a person's act on a run that is not being sent is looked at and recorded, so that there is one at a time.
    pub(super) acting: tokio::sync::Mutex<()>,
    /// Held while a run is read into memory, so that it is there once.
    pub(super) loading: tokio::sync::Mutex<()>,
    pub(super) asking: Asking,
}

/// The runs that are held in memory: worked on, from before they are in the journal until after their end is, or followed.
#[derive(Default)]
pub(super) struct Live {
    pub(super) runs: HashMap<RunId, Arc<Run>>,
    /// How many were ever begun.
    pub(super) begun: u64,
}

impl Live {
    /// Whether no other run may still send to one of these devices.
    pub(super) fn expect_free(&self, run: &Run, positions: &[u32]) -> Result<(), InAnotherRun> {
        let open: HashSet<DeviceId> = self
            .runs
            .values()
            .filter(|other| other.header.id != run.header.id)
            .filter(|other| other.header.principal.is_same_tenant(&run.header.principal))
            .flat_map(|other| other.open_devices())
            .collect();
        let planned =
            positions.iter().filter_map(|at| run.items.get(*at as usize)).map(|item| &item.device_id);
        let devices: Vec<_> = planned.filter(|device| open.contains(*device)).cloned().collect();
        if devices.is_empty() { Ok(()) } else { Err(InAnotherRun { devices }) }
    }
}

impl Shared {
    pub(super) fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn run(&self, id: RunId) -> Option<Arc<Run>> {
        self.live().runs.get(&id).cloned()
    }

    /// Makes a run live unless another one may still send to one of these devices of it. One look and one lock, so of two runs
    /// that are begun together one is refused.
    pub(super) fn begin(&self, run: &Arc<Run>, positions: &[u32]) -> Result<Held<'_>, InAnotherRun> {
        let mut live = self.live();
        live.expect_free(run, positions)?;
        live.runs.insert(run.header.id, Arc::clone(run));
        live.begun += 1;
        Ok(Held::new(self, Arc::clone(run)))
    }

    /// Lets go of a run that nobody works on and whose devices nobody asks.
    pub(super) fn release(&self, run: &Run) {
        let mut live = self.live();
        let is_used = run.users.load(Ordering::SeqCst) > 0 || run.drive().is_some();
        if !is_used && !run.is_followed() {
            run.let_go();
            // Another one may have been read into memory since.
            let is_held = |held: &Arc<Run>| std::ptr::eq(Arc::as_ptr(held), run);
            if !run.owes() && live.runs.get(&run.header.id).is_some_and(is_held) {
                live.runs.remove(&run.header.id);
            }
        }
    }

    /// Has the writes counted that were made within the limit's window before anybody kept count, as by an earlier process, and the wait
    /// kept that a request was told then.
    pub(super) async fn recall_pace(&self, run: &Run, tenant: &dyn Tenant) -> Result<(), JournalError> {
        let now = (self.options.clock)();
        let since = now - REQUEST_LIMIT - WRITE_WINDOW;
        let requests = self.journal.requests_since(run.header.principal.tenant(), since).await?;
        // Nobody knows when a request without an answer arrived: it counts as made now.
        let age = |over: &Option<OffsetDateTime>| {
            over.map_or(Duration::ZERO, |at| (now - at).try_into().unwrap_or_default())
        };
        tenant.pace().remember_writes(requests.iter().map(age));
        let holds = self.journal.holds_since(run.header.principal.tenant(), now - LONGEST_WAIT).await?;
        // A clock that was set since makes no wait longer than the longest there is.
        let left =
            |until: OffsetDateTime| Duration::try_from(until - now).ok().filter(|left| *left <= LONGEST_WAIT);
        if let Some(left) = holds.into_iter().filter_map(left).max() {
            tenant.pace().hold(left, Kind::Write);
        }
        Ok(())
    }

    /// Reads which requests there were for the devices of these items before, by the journal: what a request that goes out now is
    /// compared with.
    pub(super) async fn read_earlier(&self, run: &Arc<Run>, positions: &[u32]) -> Result<(), JournalError> {
        if run.owes() {
            run.pay(self).await?;
        }
        let device = |at: &u32| Some((*at, run.items.get(*at as usize)?.device_id.clone()));
        let devices: Vec<_> = positions.iter().filter_map(device).collect();
        let ids = devices.iter().map(|(_, device)| device.clone()).collect();
        let RunHeader { principal, action, .. } = &run.header;
        let mut found = self.journal.requests_for(principal.tenant(), *action, ids).await?;
        run.set_earlier(devices.into_iter().filter_map(|(at, device)| Some((at, found.remove(&device)?))));
        Ok(())
    }

    /// Holds a run in memory while it is used, as it is there already or as the journal has it. One that an earlier process left
    /// unended ends here.
    pub(super) async fn hold_run(&self, id: RunId) -> Result<Held<'_>, JournalError> {
        let _one = self.loading.lock().await;
        if let Some(held) = self.hold_live(id) {
            return Ok(held);
        }
        let (fold, items) = self.journal.fold(id).await?;
        let others = self.journal.later_requests(id).await?;
        let run = Arc::new(Run::found(fold, items.into(), others));
        let held = {
            let mut live = self.live();
            live.runs.insert(id, Arc::clone(&run));
            live.begun += 1;
            Held::new(self, run)
        };
        if held.state().is_active() {
            let ended = Event::RunEnded { state: RunState::Interrupted };
            held.record_entries(self, vec![self.entry(None, ended)]).await?;
        }
        Ok(held)
    }

    /// As [`Shared::hold_run`], if the run is in memory.
    fn hold_live(&self, id: RunId) -> Option<Held<'_>> {
        let live = self.live();
        live.runs.get(&id).map(|run| Held::new(self, Arc::clone(run)))
    }
}

/// A run that stays in memory while this is held.
pub(super) struct Held<'a> {
    shared: &'a Shared,
    run: Arc<Run>,
}

impl<'a> Held<'a> {
    /// The caller holds the lock on the live runs, so that the run is not let go of meanwhile.
    fn new(shared: &'a Shared, run: Arc<Run>) -> Self {
        run.users.fetch_add(1, Ordering::SeqCst);
        run.take_hold();
        Self { shared, run }
    }
}

impl std::ops::Deref for Held<'_> {
    type Target = Arc<Run>;

    fn deref(&self) -> &Arc<Run> {
        &self.run
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.run.users.fetch_sub(1, Ordering::SeqCst);
        self.shared.release(&self.run);
    }
}

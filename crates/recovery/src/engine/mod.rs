//! The engine: starts runs, lets a person stop them, and tells where they stand.

mod item;
mod run;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use tokio::sync::{Semaphore, watch};
use unlatch_graph::{Clock, DeviceId, Error, TokenError};

use crate::journal::{Journal, JournalError};
use crate::outcome::{SendWindow, outcome_of};
use crate::plan::{Action, Plan, Principal, RunId};
use crate::record::{Event, ItemRecord, RunHeader, RunRecord, RunSummary};
use crate::state::ItemState;
use crate::tenant::Tenant;
use run::Run;

/// What an engine keeps to.
#[derive(Clone)]
pub struct EngineOptions {
    /// The most devices that are read and sent to at the same time, over all runs.
    pub in_flight: usize,
    /// How many times at most a device is tried that cannot be reached for want of a connection or a token.
    pub attempts: u32,
    /// How many times at most a device is tried that is throttled. The waits in between double up to 60 s, so that 10 times
    /// take 4 minutes or longer.
    pub throttled_attempts: u32,
    /// This machine's clock.
    pub clock: Clock,
    /// Gives numbers from 0 to 1 for backoffs.
    pub jitter: Arc<dyn Fn() -> f64 + Send + Sync>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            in_flight: 8,
            attempts: 5,
            throttled_attempts: 10,
            clock: Arc::new(time::OffsetDateTime::now_utc),
            jitter: Arc::new(rand::random::<f64>),
        }
    }
}

impl EngineOptions {
    /// 1, 2, 4 … up to 60 seconds, each a quarter more or less. `times` is how often it was waited already.
    fn backoff(&self, times: u32) -> Duration {
        let seconds = Duration::from_secs(1 << times.min(6)).min(Duration::from_secs(60));
        seconds.mul_f64(0.75 + 0.5 * (self.jitter)().clamp(0.0, 1.0))
    }
}

impl fmt::Debug for EngineOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineOptions")
            .field("in_flight", &self.in_flight)
            .field("attempts", &self.attempts)
            .field("throttled_attempts", &self.throttled_attempts)
            .finish_non_exhaustive()
    }
}

/// Why a run cannot start. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// Some of the devices are in another run of the same tenant and may still be sent to by that one.
    #[error("{} of these devices wait in a run that has not ended", devices.len())]
    InAnotherRun {
        /// Those devices, in the plan's order.
        devices: Vec<DeviceId>,
    },
    /// It cannot be recorded.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Why a run cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResumeError {
    /// The run does not wait for a sign-in.
    #[error("the run does not wait for a sign-in")]
    NotWaiting,
    /// Somebody else signed in, or into another tenant.
    #[error("the run goes on only as {account}")]
    OtherAccount {
        /// The account that confirmed the run.
        account: String,
    },
    /// It cannot be recorded.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Why outcomes could not all be read. What was read is recorded.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CheckError {
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Graph cannot be asked.
    #[error(transparent)]
    Graph(#[from] Error),
}

/// Something of a run changed. Versions only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// The version the run is at.
    pub version: u64,
}

/// What changed in a run since some version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The version this is, for the next question.
    pub version: u64,
    /// The run now.
    pub summary: RunSummary,
    /// The items that changed.
    pub items: Vec<ItemRecord>,
}

/// Starts and drives runs. Clones share everything. A run goes on when every clone is dropped.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

pub(crate) struct Shared {
    journal: Journal,
    options: EngineOptions,
    /// A place for each device that may be read or sent to at the same time.
    places: Semaphore,
    live: Mutex<Live>,
}

/// The runs that are worked on, from before they are in the journal until after their end is.
#[derive(Default)]
struct Live {
    runs: HashMap<RunId, Arc<Run>>,
    /// How many were ever begun.
    begun: u64,
}

impl Shared {
    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a run live unless another one may still send to one of its devices. One look and one lock, so of two runs that
    /// are begun together one is refused.
    fn begin(&self, run: &Arc<Run>) -> Result<Beginning<'_>, StartError> {
        let mut live = self.live();
        let open: HashSet<String> = live
            .runs
            .values()
            .filter(|other| other.header.principal.is_same_tenant(&run.header.principal))
            .flat_map(|other| other.open_devices())
            .map(|device| device.as_str().to_ascii_lowercase())
            .collect();
        let is_open = |device: &DeviceId| open.contains(&device.as_str().to_ascii_lowercase());
        let planned = run.items.iter().map(|item| &item.device_id);
        let devices: Vec<_> = planned.filter(|device| is_open(device)).cloned().collect();
        if !devices.is_empty() {
            return Err(StartError::InAnotherRun { devices });
        }
        live.runs.insert(run.header.id, Arc::clone(run));
        live.begun += 1;
        Ok(Beginning { shared: self, id: run.header.id, is_recorded: false })
    }
}

/// A run that is live and not yet recorded. It is forgotten if that comes to nothing.
struct Beginning<'a> {
    shared: &'a Shared,
    id: RunId,
    is_recorded: bool,
}

impl Drop for Beginning<'_> {
    fn drop(&mut self) {
        if !self.is_recorded {
            self.shared.live().runs.remove(&self.id);
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("journal", &self.0.journal).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine on that journal. Runs that an earlier process left stay as they are.
    #[must_use]
    pub fn new(journal: Journal, options: EngineOptions) -> Self {
        let places = Semaphore::new(options.in_flight.clamp(1, Semaphore::MAX_PERMITS));
        Self(Arc::new(Shared { journal, options, places, live: Mutex::default() }))
    }

    /// Records a confirmed plan and starts sending. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`StartError`]: one of the devices waits in another run, or the run cannot be recorded. Then nothing is sent.
    pub async fn start(&self, plan: Plan, tenant: Arc<dyn Tenant>) -> Result<RunId, StartError> {
        let header = RunHeader {
            id: RunId::random(),
            started: (self.0.options.clock)(),
            principal: plan.principal,
            action: plan.action,
            reason: plan.reason,
            total: u32::try_from(plan.items.len()).unwrap_or(u32::MAX),
        };
        let id = header.id;
        let items = plan.items.into();
        let run = Arc::new(Run::new(header.clone(), Arc::clone(&items), tenant));
        let mut beginning = self.0.begin(&run)?;
        self.0.journal.begin(header, items).await?;
        beginning.is_recorded = true;
        tokio::spawn(run::drive(Arc::clone(&self.0), run));
        Ok(id)
    }

    /// Stops a run before its next send. What is in flight is waited for and recorded. A run that has ended stays as it is.
    pub fn cancel(&self, id: RunId) {
        if let Some(run) = self.live(id) {
            run.cancel();
        }
    }

    /// Lets a run that waits for a sign-in go on, with the tenant that the new sign-in gave. A run that does not wait stays as
    /// it is.
    ///
    /// # Errors
    /// [`ResumeError`]: it does not wait, or not for this account, or that cannot be recorded.
    pub async fn resume(
        &self,
        id: RunId,
        principal: &Principal,
        tenant: Arc<dyn Tenant>,
    ) -> Result<(), ResumeError> {
        let run = self.live(id).filter(|run| run.waits()).ok_or(ResumeError::NotWaiting)?;
        if !run.header.principal.is_same_account(principal) {
            return Err(ResumeError::OtherAccount { account: run.header.principal.account.clone() });
        }
        run.resume(&self.0, tenant).await
    }

    /// A run and all its items, as they stand now.
    ///
    /// # Errors
    /// [`JournalError::NoSuchRun`], or why the journal cannot be read.
    pub async fn run(&self, id: RunId) -> Result<RunRecord, JournalError> {
        match self.live(id) {
            Some(run) => Ok(run.record()),
            None => self.0.journal.run(id).await,
        }
    }

    /// The runs, newest first, of that tenant (by id) or of all, as they stand now.
    ///
    /// # Errors
    /// [`JournalError`], if the journal cannot be read.
    pub async fn runs(&self, tenant: Option<&str>) -> Result<Vec<RunSummary>, JournalError> {
        loop {
            // A run that ends while the journal is read is in this list, one that begins makes it be read again: of neither
            // the journal alone would tell the truth.
            let (live, begun) = {
                let live = self.0.live();
                (live.runs.clone(), live.begun)
            };
            let mut runs = self.0.journal.runs(tenant).await?;
            if self.0.live().begun != begun {
                continue;
            }
            for summary in &mut runs {
                if let Some(run) = live.get(&summary.header.id) {
                    *summary = run.summary();
                }
            }
            return Ok(runs);
        }
    }

    /// Tells when something of a live run changes. The engine never waits for a receiver, which sees the newest version only;
    /// [`Engine::changes_since`] gives what changed. The channel closes when the run has ended. Who watches first and then asks
    /// for the changes misses nothing: none, or a channel that is closed, means that [`Engine::changes_since`] gives the end.
    #[must_use]
    pub fn watch(&self, id: RunId) -> Option<watch::Receiver<Change>> {
        self.live(id)?.watch()
    }

    /// What changed in a run since a version that was seen; 0 gives every item. Of a run that is not live every item is given.
    ///
    /// # Errors
    /// [`JournalError::NoSuchRun`], or why the journal cannot be read.
    pub async fn changes_since(&self, id: RunId, version: u64) -> Result<Progress, JournalError> {
        if let Some(run) = self.live(id) {
            return Ok(run.changes_since(version));
        }
        let RunRecord { summary, items } = self.0.journal.run(id).await?;
        Ok(Progress { version: u64::MAX, summary, items })
    }

    /// Resolves when nothing of the run goes out any more and its end is recorded. A run that waits for a sign-in goes on waiting.
    pub async fn finished(&self, id: RunId) {
        if let Some(run) = self.live(id) {
            run.ended().await;
        }
    }

    /// Reads once what the devices report, for every accepted or unconfirmed item, and records what is new. An unconfirmed item
    /// whose device reports the action as started while the request was out ([`SendWindow`]) was in fact accepted; one without
    /// such a report stays.
    /// A device that cannot be read is passed over.
    ///
    /// # Errors
    /// [`CheckError`]: the journal failed, or Graph cannot be asked at all (sign-in, connection, throttling).
    pub async fn check_outcomes(&self, id: RunId, tenant: Arc<dyn Tenant>) -> Result<RunRecord, CheckError> {
        let record = self.run(id).await?;
        let action = record.summary.header.action;
        let others = self.0.journal.later_intents(id).await?;
        let mut asked = Vec::new();
        for item in &record.items {
            let open = matches!(item.standing.state, ItemState::Accepted | ItemState::Unconfirmed);
            let others = others.get(&item.position).map_or(&[][..], Vec::as_slice);
            if let Some(window) = item.standing.window(others).filter(|_| open) {
                asked.push(read_outcome(&*tenant, action, item, window));
            }
        }
        let mut reads = futures::stream::iter(asked).buffer_unordered(self.0.options.in_flight.max(1));
        let mut stopped_by = None;
        while let Some((position, read)) = reads.next().await {
            match read {
                Ok(Some(event)) => self.observe(id, position, event).await?,
                Ok(None) => {}
                Err(error) if concerns_one_device(&error) => {
                    tracing::debug!(position, %error, "the outcome on a device could not be read");
                }
                Err(error) => {
                    stopped_by = Some(error);
                    break;
                }
            }
        }
        drop(reads);
        match stopped_by {
            Some(error) => Err(error.into()),
            None => Ok(self.run(id).await?),
        }
    }

    async fn observe(&self, id: RunId, position: u32, event: Event) -> Result<(), JournalError> {
        let entry = self.0.entry(Some(position), event);
        match self.live(id) {
            Some(run) => run.record_entries(&self.0, vec![entry]).await,
            None => self.0.journal.append(id, vec![entry]).await,
        }
    }

    fn live(&self, id: RunId) -> Option<Arc<Run>> {
        self.0.live().runs.get(&id).cloned()
    }
}

async fn read_outcome(
    tenant: &dyn Tenant,
    action: Action,
    item: &ItemRecord,
    window: SendWindow,
) -> (u32, Result<Option<Event>, Error>) {
    let results = tenant.action_results(&item.planned.device_id).await;
    let news = results.map(|results| {
        outcome_of(action, &window, &results)
            .filter(|outcome| outcome.is_news_to(&item.standing))
            .map(|outcome| outcome.event())
    });
    (item.position, news)
}

/// Whether the next device may well be read although this one was not.
fn concerns_one_device(error: &Error) -> bool {
    match error {
        Error::InvalidInput(_) | Error::BadAnswer { .. } | Error::ForeignLink => true,
        Error::Api(error) => !asks_for_sign_in_api(error),
        Error::Token(_) | Error::Offline(_) | Error::Tls(_) | Error::Throttled { .. } => false,
    }
}

/// Whether nothing will be read before somebody signs in again.
fn asks_for_sign_in(error: &Error) -> bool {
    match error {
        Error::Token(TokenError::SignInNeeded { .. }) => true,
        Error::Api(error) => asks_for_sign_in_api(error),
        _ => false,
    }
}

fn asks_for_sign_in_api(error: &unlatch_graph::ApiError) -> bool {
    use unlatch_graph::ApiErrorKind::{ClaimsChallenge, Unauthenticated};
    matches!(error.kind, ClaimsChallenge | Unauthenticated)
}

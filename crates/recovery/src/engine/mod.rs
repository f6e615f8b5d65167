//! The engine: starts runs, lets a person stop them, and tells where they stand.

mod acts;
mod drive;
mod follow;
mod history;
mod item;
mod run;
mod schedule;
mod shared;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use unlatch_graph::{Clock, DeviceId, Error, TokenError};

use crate::journal::{Journal, JournalError, JournalWentBack};
use crate::plan::{Plan, Principal, RunId};
use crate::record::{ItemRecord, RunHeader, RunRecord, RunSummary};
use crate::state::RunState;
use crate::tenant::Tenant;
pub use acts::{ActError, SentAgain};
use drive::Drive;
use follow::Asking;
pub use follow::FollowEnd;
use run::Run;
use schedule::Schedule;
use shared::Shared;

/// What an engine keeps to.
#[derive(Clone)]
pub struct EngineOptions {
    /// The most requests that are in flight at the same time, over all runs; as many devices may be read meanwhile.
    pub in_flight: usize,
    /// How long a confirmed run waits before its first request, so that it can be stopped.
    pub countdown: Duration,
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
            countdown: Duration::from_secs(5),
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
            .field("countdown", &self.countdown)
            .field("attempts", &self.attempts)
            .field("throttled_attempts", &self.throttled_attempts)
            .finish_non_exhaustive()
    }
}

/// Some of the devices are in another run of the same tenant and may still be sent to by that one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} of these devices wait in a run that has not ended", devices.len())]
pub struct InAnotherRun {
    /// Those devices, in the plan's order.
    pub devices: Vec<DeviceId>,
}

/// Why a run cannot start. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// Some of the devices may still be sent to by another run.
    #[error(transparent)]
    InAnotherRun(#[from] InAnotherRun),
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
    /// It was confirmed more than a day ago. It waits no more; a person may have the rest of it sent.
    #[error("the run was confirmed more than a day ago")]
    Expired,
    /// The journal lost entries, and no person has answered that yet.
    #[error(transparent)]
    JournalWentBack(#[from] JournalWentBack),
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

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("journal", &self.0.journal).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine on that journal. Runs that an earlier process left stay as they are.
    #[must_use]
    pub fn new(journal: Journal, options: EngineOptions) -> Self {
        let places = || Semaphore::new(options.in_flight.clamp(1, Semaphore::MAX_PERMITS));
        Self(Arc::new(Shared {
            places: places(),
            reads: places(),
            journal,
            countdown: Mutex::new(options.countdown),
            options,
            schedule: Schedule::default(),
            live: Mutex::default(),
            acting: tokio::sync::Mutex::default(),
            loading: tokio::sync::Mutex::default(),
            asking: Asking::default(),
        }))
    }

    /// Has runs that are set going from now on count down for that long.
    pub fn set_countdown(&self, countdown: Duration) {
        *self.0.countdown.lock().unwrap_or_else(PoisonError::into_inner) = countdown;
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.0.journal
    }

    /// Records a confirmed plan and starts sending after the countdown. Must be called within a tokio runtime.
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
        let server_now = tenant.server_now();
        let run = Arc::new(Run::new(header.clone(), Arc::clone(&items), server_now));
        let positions: Vec<u32> = (0..header.total).collect();
        // Held until it is set going; if that comes to nothing, it is forgotten.
        let _held = self.0.begin(&run, &positions)?;
        self.0.recall_pace(&run, &*tenant).await?;
        self.0.read_earlier(&run, &positions).await?;
        self.0.journal.begin(header, items, server_now).await?;
        self.set_going(&run, tenant, positions);
        Ok(id)
    }

    fn set_going(&self, run: &Arc<Run>, tenant: Arc<dyn Tenant>, positions: Vec<u32>) {
        let drive = Arc::new(Drive::new(&self.0, tenant, positions));
        run.set_drive(Some(Arc::clone(&drive)));
        tokio::spawn(drive::drive(Arc::clone(&self.0), Arc::clone(run), drive));
    }

    /// Stops a run before its next send. What is in flight is waited for and recorded. A run that has ended stays as it is.
    pub fn cancel(&self, id: RunId) {
        if let Some((run, drive)) = self.0.run(id).and_then(|run| run.drive().map(|drive| (run, drive))) {
            drive.cancel();
            run.show_cancelling();
        }
    }

    /// Lets a run that waits for a sign-in go on after a countdown, with the tenant that the new sign-in gave. One that was
    /// confirmed more than a day ago ends as interrupted. A run that does not wait stays as it is.
    ///
    /// # Errors
    /// [`ResumeError`]: it does not wait, or not for this account, or that cannot be recorded.
    pub async fn resume(
        &self,
        id: RunId,
        principal: &Principal,
        tenant: Arc<dyn Tenant>,
    ) -> Result<(), ResumeError> {
        self.0.journal.ensure_no_loss_waits()?;
        let run = self.0.run(id).ok_or(ResumeError::NotWaiting)?;
        let drive = run.drive().filter(|drive| drive.waits(&run)).ok_or(ResumeError::NotWaiting)?;
        if !run.header.principal.is_same_account(principal) {
            return Err(ResumeError::OtherAccount { account: run.header.principal.account.clone() });
        }
        drive.resume(&self.0, &run, tenant).await
    }

    /// Whether a run counts down, sends, or waits for what it has in flight.
    #[must_use]
    pub fn is_sending(&self) -> bool {
        let sends = |state| matches!(state, RunState::Starting | RunState::Active | RunState::Cancelling);
        self.0.live().runs.values().any(|run| sends(run.state()))
    }

    /// A run and all its items, as they stand now.
    ///
    /// # Errors
    /// [`JournalError::NoSuchRun`], or why the journal cannot be read.
    pub async fn run(&self, id: RunId) -> Result<RunRecord, JournalError> {
        match self.0.run(id) {
            Some(run) => Ok(run.record(&self.0)),
            None => self.0.journal.run(id).await,
        }
    }

    /// Tells when something of a run changes that is worked on or followed. The engine never waits for a receiver, which sees
    /// the newest version only; [`Engine::changes_since`] gives what changed. The channel closes when nothing changes any more.
    /// Who watches first and then asks for the changes misses nothing: none, or a channel that is closed, means that
    /// [`Engine::changes_since`] gives the end.
    #[must_use]
    pub fn watch(&self, id: RunId) -> Option<watch::Receiver<Change>> {
        self.0.run(id)?.watch()
    }

    /// What changed in a run since a version that was seen; 0 gives every item. Of a run that is not held in memory every item is
    /// given.
    ///
    /// # Errors
    /// [`JournalError::NoSuchRun`], or why the journal cannot be read.
    pub async fn changes_since(&self, id: RunId, version: u64) -> Result<Progress, JournalError> {
        if let Some(run) = self.0.run(id) {
            return Ok(run.changes_since(&self.0, version));
        }
        let RunRecord { summary, items } = self.0.journal.run(id).await?;
        Ok(Progress { version: u64::MAX, summary, items })
    }

    /// Resolves when nothing of the run goes out any more and its end is recorded. A run that waits for a sign-in goes on waiting.
    pub async fn finished(&self, id: RunId) {
        if let Some(drive) = self.0.run(id).and_then(|run| run.drive()) {
            drive.ended().await;
        }
    }
}

/// Whether the next device may well be read although this one was not.
fn concerns_one_device(error: &Error) -> bool {
    match error {
        Error::InvalidInput(_) | Error::BadAnswer { .. } | Error::ForeignLink => true,
        Error::Api(error) => !asks_for_sign_in_api(error),
        Error::Token(_)
        | Error::Offline(_)
        | Error::Intermediary { .. }
        | Error::Tls(_)
        | Error::Throttled { .. }
        | Error::Held(_) => false,
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

//! What works on a run: from the countdown through every item that goes out to the recorded end.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::run::Run;
use super::{ResumeError, Shared, item};
use crate::record::{Entry, Event};
use crate::state::RunState;
use crate::tenant::Tenant;

pub(super) struct Drive {
    starts_at: Instant,
    queue: Mutex<Queue>,
    /// Told when the queue grew, or will not.
    more: Notify,
    sign_in: watch::Sender<SignIn>,
    /// No further item is begun and nothing more goes out: cancelled, or the journal failed.
    stop: CancellationToken,
    cancel_asked: CancellationToken,
    journal_failed: AtomicBool,
    /// Held while a resume is recorded, so that there is one at a time.
    resuming: tokio::sync::Mutex<()>,
    ended: CancellationToken,
}

/// What is still to be worked on.
struct Queue {
    positions: VecDeque<u32>,
    /// How many positions are about to be added.
    expected: usize,
    /// How many workers have not come to their end. Without one nothing may be added.
    workers: usize,
}

/// Which sign-in requests go out by, and whether it still holds.
struct SignIn {
    tenant: Arc<dyn Tenant>,
    number: u64,
    holds: bool,
    /// Whether it is recorded that it does not hold any more.
    missed: bool,
}

/// The right to work on an item as somebody who is signed in.
pub(super) struct Pass {
    pub(super) tenant: Arc<dyn Tenant>,
    sign_in: u64,
}

/// The run has stopped, or an entry could not be recorded, which stops it.
pub(super) struct Stopped;

impl Drive {
    pub(super) fn new(shared: &Shared, tenant: Arc<dyn Tenant>, positions: Vec<u32>) -> Self {
        let countdown = *shared.countdown.lock().unwrap_or_else(PoisonError::into_inner);
        // Twice as many as may be in flight: while a request is out the next device is read.
        let workers = shared.options.in_flight.saturating_mul(2).clamp(1, positions.len().max(1));
        Self {
            starts_at: Instant::now() + countdown,
            queue: Mutex::new(Queue { positions: positions.into(), expected: 0, workers }),
            more: Notify::new(),
            sign_in: watch::Sender::new(SignIn { tenant, number: 0, holds: true, missed: false }),
            stop: CancellationToken::new(),
            cancel_asked: CancellationToken::new(),
            journal_failed: AtomicBool::new(false),
            resuming: tokio::sync::Mutex::default(),
            ended: CancellationToken::new(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next item to work on. None ends the worker that asks.
    async fn next(&self) -> Option<u32> {
        loop {
            let mut more = std::pin::pin!(self.more.notified());
            more.as_mut().enable();
            {
                let mut queue = self.queue();
                let next = queue.positions.pop_front().filter(|_| !self.is_stopped());
                if next.is_some() {
                    return next;
                }
                if queue.expected == 0 || self.is_stopped() {
                    queue.workers -= 1;
                    return None;
                }
            }
            tokio::select! {
                () = more => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    /// Keeps the run open for one more item. False if it is ending or has ended.
    pub(super) fn expect_one_more(&self) -> bool {
        let mut queue = self.queue();
        let is_open = queue.workers > 0 && !self.is_stopped();
        queue.expected += usize::from(is_open);
        is_open
    }

    /// Adds the item that was expected, to go next, or takes the expectation back.
    pub(super) fn add_expected(&self, position: Option<u32>) {
        let mut queue = self.queue();
        queue.expected -= 1;
        if let Some(position) = position {
            queue.positions.push_front(position);
        }
        drop(queue);
        self.more.notify_waiters();
    }

    pub(super) fn starts_in(&self) -> Duration {
        self.starts_at.saturating_duration_since(Instant::now())
    }

    pub(super) fn tenant(&self) -> Arc<dyn Tenant> {
        Arc::clone(&self.sign_in.borrow().tenant)
    }

    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    pub(super) fn cancel(&self) {
        self.stop.cancel();
        self.cancel_asked.cancel();
    }

    /// The journal could not be written: nothing more goes out.
    pub(super) fn fail(&self) {
        self.journal_failed.store(true, Ordering::SeqCst);
        self.stop.cancel();
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

    /// Waits for a sign-in that holds.
    pub(super) async fn pass(&self) -> Result<Pass, Stopped> {
        let mut sign_in = self.sign_in.subscribe();
        let holds = self.unless_stopped(sign_in.wait_for(|now| now.holds)).await?.map_err(|_| Stopped)?;
        Ok(Pass { tenant: Arc::clone(&holds.tenant), sign_in: holds.number })
    }

    /// Whether the sign-in of that pass still holds.
    pub(super) fn holds(&self, pass: &Pass) -> bool {
        let now = self.sign_in.borrow();
        now.holds && now.number == pass.sign_in
    }

    /// The sign-in of that pass does not hold any more: whatever has not gone out waits for the next one.
    pub(super) fn lose(&self, pass: &Pass) {
        self.sign_in.send_if_modified(|now| {
            let lost = now.holds && now.number == pass.sign_in;
            now.holds &= !lost;
            lost
        });
    }

    /// Loses the sign-in of that pass, and has it recorded once that one is missed.
    pub(super) async fn pause(&self, shared: &Shared, run: &Arc<Run>, pass: &Pass) -> Result<(), Stopped> {
        self.lose(pass);
        let first = self.sign_in.send_if_modified(|now| {
            let first = now.number == pass.sign_in && !now.missed;
            now.missed |= first;
            first
        });
        if first { shared.note(run, None, vec![Event::SignInNeeded]).await } else { Ok(()) }
    }

    /// Whether it waits for a sign-in, and that is recorded.
    pub(super) fn waits(&self, run: &Arc<Run>) -> bool {
        run.state() == RunState::SignInNeeded && !self.sign_in.borrow().holds
    }

    pub(super) async fn resume(
        &self,
        shared: &Shared,
        run: &Arc<Run>,
        tenant: Arc<dyn Tenant>,
    ) -> Result<(), ResumeError> {
        let _one = self.resuming.lock().await;
        if !self.waits(run) || self.is_stopped() {
            return Err(ResumeError::NotWaiting);
        }
        run.record_entries(shared, vec![shared.entry(None, Event::Resumed)]).await?;
        self.sign_in.send_modify(|now| {
            *now = SignIn { tenant, number: now.number + 1, holds: true, missed: false };
        });
        Ok(())
    }
}

impl Shared {
    pub(super) fn entry(&self, position: Option<u32>, event: Event) -> Entry {
        Entry { at: (self.options.clock)(), position, event }
    }

    pub(super) async fn note(
        &self,
        run: &Arc<Run>,
        position: Option<u32>,
        events: Vec<Event>,
    ) -> Result<(), Stopped> {
        let entries = events.into_iter().map(|event| self.entry(position, event)).collect();
        run.record_entries(self, entries).await.map_err(|_| Stopped)
    }
}

/// Works on a run until nothing of it goes out any more, and records its end.
pub(super) async fn drive(shared: Arc<Shared>, run: Arc<Run>, drive: Arc<Drive>) {
    let worker = || async {
        while let Some(position) = drive.next().await {
            item::work(&shared, &run, &drive, position).await;
        }
    };
    let work = async {
        let waited = drive.unless_stopped(tokio::time::sleep_until(drive.starts_at)).await;
        if waited.is_ok() && !drive.is_stopped() {
            // Should this fail, the run has stopped and its workers end at once.
            let _: Result<(), Stopped> = shared.note(&run, None, vec![Event::Began]).await;
        }
        let workers = drive.queue().workers;
        join_all((0..workers).map(|_| worker())).await;
    };
    let mut work = std::pin::pin!(work);
    tokio::select! {
        _ = &mut work => {}
        () = drive.cancel_asked.cancelled() => {
            // What is in flight goes on meanwhile. Should this fail, the run has stopped all the same and its end says so.
            let note = shared.note(&run, None, vec![Event::CancelAsked]);
            let _ = tokio::join!(work, note);
        }
    }
    let failed = drive.journal_failed.load(Ordering::SeqCst);
    let state = if failed { RunState::JournalFailed } else { run.end_state() };
    run.record_end(&shared, state).await;
    run.set_drive(None);
    drive.ended.cancel();
    shared.release(&run);
}

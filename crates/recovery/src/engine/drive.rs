//! What works on a run: from the countdown through every item that goes out to the recorded end.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::run::{FIRST_TRY_AGAIN, LAST_TRY_AGAIN, Run};
use super::{ResumeError, Shared, item};
use crate::fold::ACT_LASTS;
use crate::record::{Entry, Event, Standing};
use crate::state::RunState;
use crate::tenant::Tenant;

pub(super) struct Drive {
    /// When the countdown is over. A run that goes on after a sign-in counts down again.
    starts_at: watch::Sender<Instant>,
    /// When it was set going, by a clock that nobody sets.
    set_going: Instant,
    countdown: Duration,
    /// Held while the end of the countdown is recorded, so that it is recorded once.
    beginning: tokio::sync::Mutex<()>,
    queue: Mutex<Queue>,
    /// Told when the queue grew, or will not.
    more: Notify,
    sign_in: watch::Sender<SignIn>,
    /// No further item is begun and nothing more goes out: cancelled, or the journal failed.
    stop: CancellationToken,
    cancel_asked: CancellationToken,
    journal_failed: AtomicBool,
    /// A person is to be asked anew before more goes out.
    expired: AtomicBool,
    /// Held while a resume is recorded, so that there is one at a time.
    resuming: tokio::sync::Mutex<()>,
    ended: CancellationToken,
}

/// What is still to be worked on.
struct Queue {
    positions: VecDeque<Due>,
    /// How many positions are about to be added.
    expected: usize,
    /// How many workers have not come to their end. Without one nothing may be added.
    workers: usize,
}

/// An item to be worked on, not before a certain time.
#[derive(Clone, Copy)]
pub(super) struct Due {
    pub(super) position: u32,
    pub(super) not_before: Instant,
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
        let now = Instant::now();
        let positions = positions.into_iter().map(|position| Due { position, not_before: now }).collect();
        Self {
            starts_at: watch::Sender::new(now + countdown),
            set_going: now,
            countdown,
            beginning: tokio::sync::Mutex::default(),
            queue: Mutex::new(Queue { positions, expected: 0, workers }),
            more: Notify::new(),
            sign_in: watch::Sender::new(SignIn { tenant, number: 0, holds: true, missed: false }),
            stop: CancellationToken::new(),
            cancel_asked: CancellationToken::new(),
            journal_failed: AtomicBool::new(false),
            expired: AtomicBool::new(false),
            resuming: tokio::sync::Mutex::default(),
            ended: CancellationToken::new(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next item to work on. None ends the worker that asks.
    async fn next(&self) -> Option<Due> {
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

    /// Adds the item that was expected, to go next after a countdown of its own, or takes the expectation back.
    pub(super) fn add_expected(&self, position: Option<u32>) {
        let mut queue = self.queue();
        queue.expected -= 1;
        if let Some(position) = position {
            let not_before = Instant::now() + self.countdown;
            queue.positions.push_front(Due { position, not_before });
        }
        drop(queue);
        self.more.notify_waiters();
    }

    pub(super) fn starts_in(&self) -> Duration {
        self.starts_at.borrow().saturating_duration_since(Instant::now())
    }

    /// Waits until the countdown is over, and has that recorded.
    pub(super) async fn count_down(&self, shared: &Shared, run: &Arc<Run>) -> Result<(), Stopped> {
        loop {
            let starts_at = *self.starts_at.borrow();
            if starts_at <= Instant::now() {
                break;
            }
            self.unless_stopped(tokio::time::sleep_until(starts_at)).await?;
        }
        let _one = self.beginning.lock().await;
        if run.state() == RunState::Starting && self.starts_in().is_zero() && !self.is_stopped() {
            shared.note(run, None, vec![Event::Began]).await?;
        }
        Ok(())
    }

    /// Returns whether the act by which an item goes out, or the run as a whole, is too long ago. Nothing more of the run goes out
    /// then.
    pub(super) async fn has_expired(&self, shared: &Shared, run: &Arc<Run>, position: Option<u32>) -> bool {
        let wanted = (shared.options.clock)() - run.wanted(position);
        if wanted < ACT_LASTS && self.set_going.elapsed() < ACT_LASTS {
            return false;
        }
        if !self.expired.swap(true, Ordering::SeqCst) && !self.is_stopped() {
            // Should this fail, the run has stopped all the same.
            let _: Result<(), Stopped> = shared.note(run, None, vec![Event::Expired]).await;
        }
        self.stop.cancel();
        true
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
        if self.has_expired(shared, run, None).await {
            return Err(ResumeError::Expired);
        }
        run.record_entries(shared, vec![shared.entry(None, Event::Resumed)]).await?;
        self.starts_at.send_replace(Instant::now() + self.countdown);
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

    /// Records what is already so. If the journal cannot be written for long, the run has stopped.
    pub(super) async fn note(
        &self,
        run: &Arc<Run>,
        position: Option<u32>,
        events: Vec<Event>,
    ) -> Result<(), Stopped> {
        let entries = events.into_iter().map(|event| self.entry(position, event)).collect();
        run.record_known(self, entries).await.map_err(|_| Stopped)
    }
}

/// Works on a run until nothing of it goes out any more, and records its end.
pub(super) async fn drive(shared: Arc<Shared>, run: Arc<Run>, drive: Arc<Drive>) {
    let worker = || async {
        while let Some(due) = drive.next().await {
            item::work(&shared, &run, &drive, due).await;
        }
    };
    let work = async {
        // Should this fail, the run has stopped and its workers end at once.
        let _: Result<(), Stopped> = drive.count_down(&shared, &run).await;
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
    let state = if drive.journal_failed.load(Ordering::SeqCst) {
        RunState::JournalFailed
    } else if drive.expired.load(Ordering::SeqCst)
        && !drive.cancel_asked.is_cancelled()
        && run.leaves_unsent()
    {
        RunState::Interrupted
    } else {
        run.end_state()
    };
    run.record_end(&shared, state).await;
    // What stands again where it stood with an earlier request is asked about again.
    for position in run.positions(Standing::is_followed) {
        shared.follow_up(&run, position);
    }
    run.set_drive(None);
    drive.ended.cancel();
    if run.owes() {
        tokio::spawn(settle_debts(Arc::downgrade(&shared), Arc::clone(&run)));
    }
    shared.release(&run);
}

/// Records what is owed, as soon as that can be and for as long as there is an engine.
async fn settle_debts(shared: Weak<Shared>, run: Arc<Run>) {
    let mut wait = FIRST_TRY_AGAIN;
    while run.owes() {
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LAST_TRY_AGAIN);
        let Some(shared) = shared.upgrade() else { return };
        if run.pay(&shared).await.is_ok() {
            shared.release(&run);
        }
    }
}

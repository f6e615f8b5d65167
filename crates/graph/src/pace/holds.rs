//! The waits that 429s ask of everybody, and the one read by which a person may end the wait that a read was told.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::{Kind, Pace};
use crate::error::Error;

/// The first pause after a 429 that names none; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause that is not asked for by the service.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// A wait that holds every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// How much of it is left.
    pub left: Duration,
    /// What was told to wait. [`Client::probe`](crate::Client::probe) may end what a read was told. Nothing shortens what a write
    /// was told.
    pub told_by: Kind,
}

/// What was told to wait, reads and writes apart.
#[derive(Debug, Clone, Default)]
pub(super) struct Holds {
    read: Told,
    write: Told,
}

#[derive(Debug, Clone, Default)]
struct Told {
    until: Option<Instant>,
    /// How many 429s without a wait of their own came in a row. A read that is answered says nothing about writes, and one goes
    /// before every write.
    unexplained: u32,
}

impl Holds {
    fn of(&mut self, kind: Kind) -> &mut Told {
        match kind {
            Kind::Read => &mut self.read,
            Kind::Write => &mut self.write,
        }
    }

    /// Returns the end of the longer hold and what was told it. If both end together it is the write's, as ending the read's
    /// frees no request.
    pub(super) fn longest(&self, now: Instant) -> Option<(Instant, Kind)> {
        let until = self.read.until.max(self.write.until).filter(|until| *until > now)?;
        Some((until, if self.write.until == Some(until) { Kind::Write } else { Kind::Read }))
    }
}

/// The result of the last probe.
#[derive(Debug)]
pub(super) struct LastProbe(Result<(), Error>);

impl Default for LastProbe {
    fn default() -> Self {
        Self(Ok(()))
    }
}

/// The right to send one read whatever reads were told to wait.
#[derive(Debug)]
#[must_use = "an answer to it is to be noted"]
pub struct ProbeTurn {
    pace: Pace,
    /// The wait that reads had been told when it went out. It says nothing of one that was told since.
    past: Option<Instant>,
}

impl ProbeTurn {
    /// Ends the hold that reads had been told before this one went out: Graph answered it, and not with 429.
    pub fn answered(self) {
        self.pace.answered(Kind::Read);
        self.replace(None);
    }

    /// Replaces the hold that reads had been told before this one went out by the wait of its 429. If the 429 names none, the hold
    /// goes on.
    pub fn throttled(self, asked: Option<Duration>) {
        match asked.and_then(|wait| Instant::now().checked_add(wait)) {
            Some(until) => {
                self.pace.note_throttled(Kind::Read, asked);
                self.replace(Some(until));
            }
            None => {
                self.pace.throttled(Kind::Read, None);
            }
        }
    }

    fn replace(&self, until: Option<Instant>) {
        let shared = &self.pace.0;
        let mut state = shared.state();
        let held = &mut state.holds.of(Kind::Read).until;
        *held = if *held == self.past { until } else { until.max(*held) };
        drop(state);
        // It may be longer or shorter than before.
        shared.hold_grew.notify_waiters();
        shared.hold_ended.notify_waiters();
        shared.turn_ended.notify_waiters();
    }
}

impl Pace {
    /// Holds every turn for `wait` from now, as a request of that kind was told. A longer hold that is running already stays.
    pub fn hold(&self, wait: Duration, told: Kind) {
        let Some(until) = Instant::now().checked_add(wait) else { return };
        let mut state = self.state();
        let held = &mut state.holds.of(told).until;
        if held.is_none_or(|held| held < until) {
            *held = Some(until);
            self.0.hold_grew.notify_waiters();
        }
    }

    /// Returns the longer of the holds that are running.
    #[must_use]
    pub fn held(&self) -> Option<Hold> {
        let now = Instant::now();
        let (until, told_by) = self.state().holds.longest(now)?;
        Some(Hold { left: until - now, told_by })
    }

    /// Returns how long turns are still held.
    #[must_use]
    pub fn hold_left(&self) -> Option<Duration> {
        self.held().map(|hold| hold.left)
    }

    /// Resolves when a hold ends before its time or is replaced by another. It counts from this call on, not from the first poll.
    pub fn hold_ended(&self) -> impl Future<Output = ()> + Send + use<> {
        Arc::clone(&self.0.hold_ended).notified_owned()
    }

    /// Holds every turn for as long as a 429 asked, and lowers what may go out of that kind. Returns the pause.
    ///
    /// If the 429 did not say, the pause is 2 s and twice as long each further time, up to 120 s, with jitter.
    pub(crate) fn throttled(&self, kind: Kind, asked: Option<Duration>) -> Duration {
        let wait = self.note_throttled(kind, asked);
        self.hold(wait, kind);
        wait
    }

    /// Lowers the allowance as [`Pace::throttled`] does and returns the pause, without the hold.
    fn note_throttled(&self, kind: Kind, asked: Option<Duration>) -> Duration {
        let now = Instant::now();
        let mut state = self.state();
        let told = state.holds.of(kind);
        let wait = asked.unwrap_or_else(|| match told.until.filter(|until| *until > now) {
            // Requests that were in flight together are throttled together: that is one time, not many.
            Some(until) => until - now,
            None => {
                let pause = FIRST_PAUSE.saturating_mul(1 << told.unexplained.min(6)).min(LONGEST_PAUSE);
                told.unexplained += 1;
                pause.mul_f64(rand::random_range(0.75..1.0))
            }
        });
        state.window(kind).throttle(now, wait);
        wait
    }

    /// Takes note of an answer that was not a 429: the next pause for that kind of request starts from 2 s again.
    pub(crate) fn answered(&self, kind: Kind) {
        self.state().holds.of(kind).unexplained = 0;
    }

    /// Runs `ask` past every hold, within the limit for requests. A call that comes while another one is out sends nothing and returns
    /// the result of that one.
    ///
    /// # Errors
    /// Whatever `ask` returns.
    pub async fn probe<F>(&self, ask: impl FnOnce(ProbeTurn) -> F) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Error>>,
    {
        let before = self.0.probes.load(Ordering::SeqCst);
        let mut last = self.0.probing.lock().await;
        if self.0.probes.load(Ordering::SeqCst) != before {
            return last.0.clone();
        }
        self.turn_when(Kind::Read, |state, _| state.requests.free()).await;
        let past = self.state().holds.of(Kind::Read).until;
        last.0 = ask(ProbeTurn { pace: self.clone(), past }).await;
        self.0.probes.fetch_add(1, Ordering::SeqCst);
        last.0.clone()
    }
}

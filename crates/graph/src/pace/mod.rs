//! How fast requests may go out: sliding windows over what was sent, and the pause that a 429 asks of everybody.

mod holds;
#[cfg(test)]
mod probing;
#[cfg(test)]
mod storm;
#[cfg(test)]
mod tests;
mod window;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

pub use holds::Hold;
pub use holds::ProbeTurn;
use holds::{Holds, LastProbe};
use window::{Free, WINDOW, Window};

/// Requests that change something: 200 in 20 s per app and tenant (Graph documentation, Intune devices throttling limits).
const WRITES: usize = 200;
/// Requests of any kind: 2,000 in 20 s per app and tenant (same source).
const REQUESTS: usize = 2_000;
/// How much longer than the window a write counts after its answer: clocks are not told exactly.
const WRITE_SLACK: Duration = Duration::from_millis(20);
/// How much longer a request of any kind counts after its start: the service counts when requests arrive, and one that is
/// slow to connect arrives closer to its successors than it was sent.
const REQUEST_SLACK: Duration = Duration::from_millis(500);

/// The pace of one app in one tenant. Everything that sends requests there shares one of these; clones share it too.
///
/// At most 200 writes and 2,000 requests go out in any trailing 20 s, fewer after a 429. Turns are given in the order they were
/// asked for. A waiter that is dropped has taken nothing. Time is tokio's, so it works with paused time.
#[derive(Debug, Clone)]
pub struct Pace(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    writers: tokio::sync::Mutex<()>,
    readers: tokio::sync::Mutex<()>,
    hold_grew: Notify,
    /// A hold is over before its time.
    hold_ended: Arc<Notify>,
    turn_ended: Notify,
    /// Held by the one probe that is out.
    probing: tokio::sync::Mutex<LastProbe>,
    /// How many probes have come to their end.
    probes: AtomicU64,
}

#[derive(Debug, Clone)]
struct State {
    writes: Window,
    requests: Window,
    holds: Holds,
    /// Whether earlier writes were counted.
    remembers: bool,
}

/// What a request does. The service counts both, but throttles them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It changes nothing.
    Read,
    /// It changes a device.
    Write,
}

/// The right to send one write, from when it is given until 20 s after it is dropped. The service counts a request when it
/// arrives, which is between the two, so what it counts never passes the limit.
#[derive(Debug)]
#[must_use = "dropping it ends the turn"]
pub struct WriteTurn(Option<Arc<Shared>>);

impl WriteTurn {
    /// Gives the turn back: nothing was sent.
    pub fn unused(mut self) {
        if let Some(pace) = self.0.take() {
            pace.state().writes.give_back();
            pace.turn_ended.notify_waiters();
        }
    }
}

impl Drop for WriteTurn {
    fn drop(&mut self) {
        if let Some(pace) = self.0.take() {
            pace.state().writes.end(Instant::now());
            pace.turn_ended.notify_waiters();
        }
    }
}

impl State {
    fn pass(&mut self, now: Instant) {
        self.writes.pass(now);
        self.requests.pass(now);
    }

    /// When the next turn is free.
    fn free(&self, now: Instant, kind: Kind) -> Free {
        let held = self.holds.longest(now).map_or(Free::Now, |(until, _)| Free::At(until));
        let writes = if kind == Kind::Write { self.writes.free() } else { Free::Now };
        [held, self.requests.free(), writes].into_iter().fold(Free::Now, |latest, free| {
            match (latest, free) {
                (Free::At(a), Free::At(b)) => Free::At(a.max(b)),
                (Free::WhenOneEnds, _) | (_, Free::Now) => latest,
                _ => free,
            }
        })
    }

    fn window(&mut self, kind: Kind) -> &mut Window {
        match kind {
            Kind::Read => &mut self.requests,
            Kind::Write => &mut self.writes,
        }
    }

    /// A request counts from its start; a write, among the writes, also as long as it is out.
    fn take(&mut self, now: Instant, kind: Kind) {
        self.requests.take();
        self.requests.end(now);
        if kind == Kind::Write {
            self.writes.take();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::new()
    }
}

impl Pace {
    /// A pace at the documented limits with nothing sent yet.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(WRITES, REQUESTS)
    }

    /// As [`Pace::new`], with other limits for 20 s: `writes`, and `requests` of any kind.
    #[must_use]
    pub fn with_limits(writes: usize, requests: usize) -> Self {
        let state = State {
            writes: Window::new(writes, WINDOW + WRITE_SLACK),
            requests: Window::new(requests, WINDOW + REQUEST_SLACK),
            holds: Holds::default(),
            remembers: false,
        };
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            writers: tokio::sync::Mutex::default(),
            readers: tokio::sync::Mutex::default(),
            hold_grew: Notify::new(),
            hold_ended: Arc::default(),
            turn_ended: Notify::new(),
            probing: tokio::sync::Mutex::default(),
            probes: AtomicU64::new(0),
        }))
    }

    /// A pace that keeps to no limit, for what is asked of no service.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::with_limits(usize::MAX, usize::MAX)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state()
    }

    /// Waits until one more request that changes something may go out, and takes that turn. It counts as a request too.
    pub async fn write_turn(&self) -> WriteTurn {
        let _place = self.0.writers.lock().await;
        self.turn(Kind::Write).await;
        WriteTurn(Some(Arc::clone(&self.0)))
    }

    /// Waits until one more read may go out, and takes that turn.
    pub async fn read_turn(&self) {
        let _place = self.0.readers.lock().await;
        self.turn(Kind::Read).await;
    }

    /// As [`Pace::read_turn`], but a hold that lasts for `limit` or longer, or comes to while this waits, is not sat out:
    /// the hold is given, and no turn is taken.
    pub(crate) async fn read_turn_within(&self, limit: Duration) -> Result<(), Hold> {
        let mut turn = std::pin::pin!(self.read_turn());
        loop {
            let grown = self.0.hold_grew.notified();
            if let Some(hold) = self.held().filter(|hold| hold.left >= limit) {
                return Err(hold);
            }
            tokio::select! {
                biased;
                () = &mut turn => return Ok(()),
                () = grown => {}
            }
        }
    }

    /// Waits until no hold runs and no more than half of the allowance for requests is in use. Takes no turn: for reads that
    /// nobody waits for.
    pub async fn quiet(&self) {
        loop {
            let ended = self.hold_ended();
            let free = {
                let mut state = self.state();
                let now = Instant::now();
                state.pass(now);
                match state.holds.longest(now) {
                    Some((until, _)) => Some(Free::At(until)),
                    None => state.requests.half_free(),
                }
            };
            match free {
                None | Some(Free::Now) => return,
                Some(Free::At(at)) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(at) => {}
                        () = ended => {}
                    }
                }
                Some(Free::WhenOneEnds) => tokio::task::yield_now().await,
            }
        }
    }

    async fn turn(&self, kind: Kind) {
        self.turn_when(kind, |state, now| state.free(now, kind)).await;
    }

    /// Takes a turn as soon as `free` allows for one.
    async fn turn_when(&self, kind: Kind, free: impl Fn(&State, Instant) -> Free) {
        loop {
            let mut ended = std::pin::pin!(self.0.turn_ended.notified());
            ended.as_mut().enable();
            let next = {
                let mut state = self.state();
                let now = Instant::now();
                state.pass(now);
                match free(&state, now) {
                    Free::Now => return state.take(now, kind),
                    next => next,
                }
            };
            // The pause may grow and others may take turns meanwhile, so waking up is a reason to look, not a turn.
            match next {
                Free::At(at) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(at) => {}
                        // One that was not used may be free at once, and so may all where a hold was ended.
                        () = ended => {}
                    }
                }
                _ => ended.await,
            }
        }
    }

    /// Counts writes that were made before there was this pace, which were over that long ago, and the reads that whoever made
    /// them may have made as well. Only the first call counts: what goes out from then on is known.
    pub fn remember_writes(&self, ages: impl IntoIterator<Item = Duration>) {
        let now = Instant::now();
        let recent = ages.into_iter().filter(|age| *age < WINDOW + WRITE_SLACK);
        // A clock that began later than that counts the write as longer as needed, never shorter.
        let over: Vec<_> = recent.map(|age| now.checked_sub(age).unwrap_or(now)).collect();
        let mut state = self.state();
        if !std::mem::replace(&mut state.remembers, true) {
            // Each device was read before its write, and what devices report is asked for up to half of the limit.
            if !over.is_empty() {
                let requests = state.requests.allowance().min(REQUESTS) / 2 + 2 * over.len();
                state.requests.remember(vec![now; requests]);
            }
            state.writes.remember(over);
        }
    }

    /// How many writes may go out in 20 s at present.
    #[must_use]
    pub fn write_allowance(&self) -> usize {
        let mut state = self.state();
        state.pass(Instant::now());
        state.writes.allowance()
    }

    /// How long it takes from now until `count` further writes have had their turn, if nothing else is sent, nothing is
    /// throttled, and answers come at once: the schedule itself, played forward.
    #[must_use]
    pub fn time_for_writes(&self, count: usize) -> Duration {
        let now = Instant::now();
        let mut played = {
            let mut state = self.state();
            state.pass(now);
            State { writes: state.writes.played_from(now), ..state.clone() }
        };
        let mut at = now;
        for _ in 0..count {
            played.pass(at);
            while let Free::At(free) = played.free(at, Kind::Write) {
                at = free;
                played.pass(at);
            }
            played.take(at, Kind::Write);
            played.writes.end(at);
        }
        at.duration_since(now)
    }
}

//! How fast requests may go out: sliding windows over what was sent, and the pause that a 429 asks of everybody.

#[cfg(test)]
mod storm;
mod window;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

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
/// The first pause after a 429 that names none; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause that is not asked for by the service.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

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
    turn_ended: Notify,
}

#[derive(Debug, Clone)]
struct State {
    writes: Window,
    requests: Window,
    held_until: Option<Instant>,
    /// How many 429s without a wait of their own came in a row, reads and writes apart: a read that is answered says
    /// nothing about writes, and one goes before every write.
    unexplained_reads: u32,
    unexplained_writes: u32,
    /// Whether earlier writes were counted.
    remembers: bool,
}

/// What a request does. The service counts both, but throttles them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
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

    /// A turn of no pace.
    pub fn free() -> Self {
        Self(None)
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
        let held = self.held_until.filter(|until| *until > now).map_or(Free::Now, Free::At);
        let writes = if kind == Kind::Write { self.writes.free() } else { Free::Now };
        [held, self.requests.free(), writes].into_iter().fold(Free::Now, |latest, free| {
            match (latest, free) {
                (Free::At(a), Free::At(b)) => Free::At(a.max(b)),
                (Free::WhenOneEnds, _) | (_, Free::Now) => latest,
                _ => free,
            }
        })
    }

    fn unexplained(&mut self, kind: Kind) -> &mut u32 {
        match kind {
            Kind::Read => &mut self.unexplained_reads,
            Kind::Write => &mut self.unexplained_writes,
        }
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
            held_until: None,
            unexplained_reads: 0,
            unexplained_writes: 0,
            remembers: false,
        };
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            writers: tokio::sync::Mutex::default(),
            readers: tokio::sync::Mutex::default(),
            hold_grew: Notify::new(),
            turn_ended: Notify::new(),
        }))
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
    /// what is left of it is given, and no turn is taken.
    pub(crate) async fn read_turn_within(&self, limit: Duration) -> Result<(), Duration> {
        let mut turn = std::pin::pin!(self.read_turn());
        loop {
            let grown = self.0.hold_grew.notified();
            if let Some(left) = self.hold_left().filter(|left| *left >= limit) {
                return Err(left);
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
            let free = {
                let mut state = self.state();
                let now = Instant::now();
                state.pass(now);
                match state.held_until.filter(|until| *until > now) {
                    Some(until) => Some(Free::At(until)),
                    None => state.requests.half_free(),
                }
            };
            match free {
                None | Some(Free::Now) => return,
                Some(Free::At(at)) => tokio::time::sleep_until(at).await,
                Some(Free::WhenOneEnds) => tokio::task::yield_now().await,
            }
        }
    }

    async fn turn(&self, kind: Kind) {
        loop {
            let mut ended = std::pin::pin!(self.0.turn_ended.notified());
            ended.as_mut().enable();
            let free = {
                let mut state = self.state();
                let now = Instant::now();
                state.pass(now);
                match state.free(now, kind) {
                    Free::Now => return state.take(now, kind),
                    free => free,
                }
            };
            // The pause may grow and others may take turns meanwhile, so waking up is a reason to look, not a turn.
            match free {
                Free::At(at) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(at) => {}
                        // One that was not used may be free at once.
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

    /// Holds every turn for `wait` from now. A longer pause that is running already stays.
    pub fn hold(&self, wait: Duration) {
        let Some(until) = Instant::now().checked_add(wait) else { return };
        let mut state = self.state();
        if state.held_until.is_none_or(|held| held < until) {
            state.held_until = Some(until);
            self.0.hold_grew.notify_waiters();
        }
    }

    /// How long turns are still held, if they are.
    #[must_use]
    pub fn hold_left(&self) -> Option<Duration> {
        let until = self.state().held_until?;
        Some(until.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
    }

    /// How many writes may go out in 20 s at present.
    #[must_use]
    pub fn write_allowance(&self) -> usize {
        let mut state = self.state();
        state.pass(Instant::now());
        state.writes.allowance()
    }

    /// Takes note of a 429: holds every turn for as long as it asked, or, if it did not say, for 2 s and twice as long
    /// each further time up to 120 s, with jitter; and lowers what may go out of that kind. Gives the pause.
    pub(crate) fn throttled(&self, kind: Kind, asked: Option<Duration>) -> Duration {
        let wait = asked.unwrap_or_else(|| {
            let held = self.hold_left();
            let mut state = self.state();
            match held {
                // Requests that were in flight together are throttled together: that is one time, not many.
                Some(left) => left,
                None => {
                    let unexplained = state.unexplained(kind);
                    let pause = FIRST_PAUSE.saturating_mul(1 << (*unexplained).min(6)).min(LONGEST_PAUSE);
                    *unexplained += 1;
                    pause.mul_f64(rand::random_range(0.75..1.0))
                }
            }
        });
        self.state().window(kind).throttle(Instant::now(), wait);
        self.hold(wait);
        wait
    }

    /// Takes note of an answer that was not a 429: the next pause for that kind of request starts from 2 s again.
    pub(crate) fn answered(&self, kind: Kind) {
        *self.state().unexplained(kind) = 0;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The most of `sent` in any trailing window.
    fn busiest(sent: &[Instant]) -> usize {
        (0..sent.len())
            .map(|last| sent[..=last].iter().filter(|at| sent[last].duration_since(**at) < WINDOW).count())
            .max()
            .unwrap_or(0)
    }

    #[tokio::test(start_paused = true)]
    async fn no_trailing_20_seconds_hold_more_than_200_writes() {
        let mut seed = 7_u64;
        for round in 0..20 {
            let pace = Pace::new();
            let mut sent = Vec::new();
            for _ in 0..700 {
                // Uneven senders: most at once, some after a while, now and then a pause.
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                match (seed >> 33) % 40 {
                    0 => pace.hold(Duration::from_millis((seed >> 40) % 5_000)),
                    1..=3 => {
                        tokio::time::sleep(Duration::from_millis((seed >> 40) % 3_000 * (round % 3))).await
                    }
                    _ => {}
                }
                drop(pace.write_turn().await);
                sent.push(Instant::now());
            }
            assert!(busiest(&sent) <= 200, "round {round}: {}", busiest(&sent));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_senders_share_one_window_and_use_all_of_it() {
        let pace = Arc::new(Pace::new());
        let begun = Instant::now();
        let senders: Vec<_> = (0..8)
            .map(|_| {
                let pace = Arc::clone(&pace);
                tokio::spawn(async move {
                    let mut sent = Vec::new();
                    for _ in 0..100 {
                        drop(pace.write_turn().await);
                        sent.push(Instant::now());
                    }
                    sent
                })
            })
            .collect();
        let mut sent = Vec::new();
        for sender in senders {
            sent.extend(sender.await.unwrap());
        }
        sent.sort();
        assert_eq!(busiest(&sent), 200);
        assert!(
            begun.elapsed() < (WINDOW + REQUEST_SLACK) * 3 + Duration::from_secs(1),
            "four windows, three waits"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn reads_and_writes_together_stay_within_2000() {
        let pace = Pace::new();
        let mut sent = Vec::new();
        for turn in 0..4_500 {
            if turn % 20 == 0 {
                drop(pace.write_turn().await);
            } else {
                pace.read_turn().await;
            }
            sent.push(Instant::now());
        }
        assert_eq!(busiest(&sent), 2_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_everybody_and_only_grows() {
        let pace = Pace::new();
        assert_eq!(pace.hold_left(), None);
        pace.hold(Duration::from_secs(10));
        pace.hold(Duration::from_secs(3));
        assert_eq!(pace.hold_left(), Some(Duration::from_secs(10)));
        let begun = Instant::now();
        let longer = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            pace.hold(Duration::from_secs(20));
        };
        let read = async {
            pace.read_turn().await;
            begun.elapsed()
        };
        let write = async {
            drop(pace.write_turn().await);
            begun.elapsed()
        };
        let (read, write, ()) = tokio::join!(read, write, longer);
        assert!(read >= Duration::from_secs(25) && read < Duration::from_secs(26), "{read:?}");
        assert!(write >= Duration::from_secs(25) && write < Duration::from_secs(26), "{write:?}");
        assert_eq!(pace.hold_left(), None);
    }

    /// Whether a write may go out without any waiting.
    async fn at_once(pace: &Pace) -> bool {
        tokio::time::timeout(Duration::ZERO, tokio::task::unconstrained(pace.write_turn())).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_that_is_dropped_has_taken_nothing() {
        let pace = Pace::new();
        for _ in 0..200 {
            drop(pace.write_turn().await);
        }
        for _ in 0..50 {
            let waited = tokio::time::timeout(Duration::from_millis(100), pace.write_turn()).await;
            assert!(waited.is_err());
        }
        tokio::time::sleep(WINDOW + REQUEST_SLACK).await;
        for turn in 0..200 {
            assert!(at_once(&pace).await, "turn {turn} is free");
        }
        assert!(!at_once(&pace).await);
    }

    #[tokio::test(start_paused = true)]
    async fn the_schedule_foretells_what_happens() {
        for (before, held, count) in
            [(0, 0, 1), (0, 0, 200), (0, 0, 201), (150, 0, 60), (200, 30, 450), (10, 5, 0)]
        {
            let pace = Pace::new();
            for _ in 0..before {
                drop(pace.write_turn().await);
            }
            tokio::time::sleep(Duration::from_secs(3)).await;
            pace.hold(Duration::from_secs(held));
            let foretold = pace.time_for_writes(count);
            let begun = Instant::now();
            for _ in 0..count {
                drop(pace.write_turn().await);
            }
            let took = begun.elapsed();
            let off = took.abs_diff(foretold);
            assert!(off < Duration::from_millis(50), "{before} {held} {count}: {foretold:?}, took {took:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_429_that_names_no_wait_backs_off_further_each_time() {
        let pace = Pace::new();
        let mut pauses = Vec::new();
        for _ in 0..9 {
            let pause = pace.throttled(Kind::Write, None);
            assert!(pace.throttled(Kind::Write, None) <= pause, "one in flight beside it is the same time");
            pauses.push(pause);
            tokio::time::sleep(pause + Duration::from_millis(2)).await;
        }
        assert!(pauses[0] >= Duration::from_millis(1_500) && pauses[0] <= Duration::from_secs(2));
        assert!(pauses[1] > pauses[0] && pauses[3] > pauses[2] && pauses[5] > pauses[4]);
        assert!(pauses[8] <= LONGEST_PAUSE && pauses[8] >= LONGEST_PAUSE.mul_f64(0.75));
        pace.answered(Kind::Write);
        assert!(pace.throttled(Kind::Write, None) <= Duration::from_secs(2));
        assert_eq!(pace.throttled(Kind::Write, Some(Duration::from_millis(249))), Duration::from_millis(249));
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_is_answered_says_nothing_about_writes_and_the_other_way_round() {
        for (kind, other) in [(Kind::Write, Kind::Read), (Kind::Read, Kind::Write)] {
            let pace = Pace::new();
            let mut pauses = Vec::new();
            for _ in 0..4 {
                let pause = pace.throttled(kind, None);
                pauses.push(pause);
                tokio::time::sleep(pause + Duration::from_millis(2)).await;
                pace.answered(other);
            }
            assert!(pauses[3] >= Duration::from_secs(12), "{kind:?}: {pauses:?}");
            assert!(pace.throttled(other, None) <= Duration::from_secs(2));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_that_is_too_long_is_not_sat_out_and_one_that_becomes_so_ends_the_waiting() {
        let limit = Duration::from_secs(180);
        let pace = Pace::new();
        pace.hold(Duration::from_secs(100));
        let begun = Instant::now();
        let reads = async {
            tokio::join!(
                pace.read_turn_within(limit),
                pace.read_turn_within(limit),
                pace.read_turn_within(limit)
            )
        };
        let longer = async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            pace.hold(Duration::from_secs(500));
        };
        let (reads, ()) = tokio::join!(reads, longer);
        let left = Err(Duration::from_secs(500));
        assert_eq!(reads, (left, left, left));
        assert_eq!(begun.elapsed(), Duration::from_secs(10), "at once");
        tokio::time::sleep(Duration::from_secs(330)).await;
        assert_eq!(pace.read_turn_within(limit).await, Ok(()), "a shorter rest is waited for");
        assert!(begun.elapsed() >= Duration::from_secs(510));
    }
}

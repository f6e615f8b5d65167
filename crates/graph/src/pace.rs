//! How fast requests may go out: sliding windows over what was sent, and the pause that a 429 asks of everybody.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Requests that change something: 200 in 20 s per app and tenant (Graph documentation, Intune devices throttling limits).
const WRITES: usize = 200;
/// Requests of any kind: 2,000 in 20 s per app and tenant (same source).
const REQUESTS: usize = 2_000;
/// The window both are counted in.
const WINDOW: Duration = Duration::from_secs(20);
/// How much longer than the window a slot stays taken: the service counts when requests arrive, and one that is slow to
/// connect arrives closer to its successors than it was sent.
const SLACK: Duration = Duration::from_millis(500);
/// The first pause after a 429 that names none; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause that is not asked for by the service.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// The pace of one app in one tenant. Everything that sends requests there shares one of these.
///
/// At most 200 writes and 2,000 requests go out in any trailing 20 s. Turns are given in the order they were asked for.
/// A waiter that is dropped has taken nothing. Time is tokio's, so it works with paused time.
#[derive(Debug, Default)]
pub struct Pace {
    state: Mutex<State>,
    writers: tokio::sync::Mutex<()>,
    readers: tokio::sync::Mutex<()>,
    hold_grew: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// When turns were taken, oldest first, kept while they count.
    writes: VecDeque<Instant>,
    requests: VecDeque<Instant>,
    held_until: Option<Instant>,
    /// How many 429s without a wait of their own came in a row, reads and writes apart: a read that is answered says
    /// nothing about writes, and one goes before every write.
    unexplained_reads: u32,
    unexplained_writes: u32,
}

/// What a request does. The service counts both, but throttles them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write,
}

impl State {
    fn forget(&mut self, now: Instant) {
        for turns in [&mut self.writes, &mut self.requests] {
            while turns.front().is_some_and(|sent| now.duration_since(*sent) >= WINDOW + SLACK) {
                turns.pop_front();
            }
        }
    }

    /// When the next turn is free, if that is not `now`.
    fn next_free(&self, now: Instant, write: bool) -> Option<Instant> {
        let full = |turns: &VecDeque<Instant>, limit: usize| {
            turns
                .len()
                .checked_sub(limit)
                .and_then(|oldest| turns.get(oldest))
                .map(|sent| *sent + WINDOW + SLACK)
        };
        [self.held_until, full(&self.requests, REQUESTS), write.then(|| full(&self.writes, WRITES)).flatten()]
            .into_iter()
            .flatten()
            .filter(|free| *free > now)
            .max()
    }

    fn unexplained(&mut self, kind: Kind) -> &mut u32 {
        match kind {
            Kind::Read => &mut self.unexplained_reads,
            Kind::Write => &mut self.unexplained_writes,
        }
    }

    fn take(&mut self, now: Instant, write: bool) {
        self.requests.push_back(now);
        if write {
            self.writes.push_back(now);
        }
    }
}

impl Pace {
    /// A pace with nothing sent yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until one more request that changes something may go out, and takes that turn. It counts as a request too.
    pub async fn write_turn(&self) {
        let _place = self.writers.lock().await;
        self.turn(true).await;
    }

    /// Waits until one more read may go out, and takes that turn.
    pub async fn read_turn(&self) {
        let _place = self.readers.lock().await;
        self.turn(false).await;
    }

    /// As [`Pace::read_turn`], but a hold that lasts for `limit` or longer, or comes to while this waits, is not sat out:
    /// what is left of it is given, and no turn is taken.
    pub(crate) async fn read_turn_within(&self, limit: Duration) -> Result<(), Duration> {
        let mut turn = std::pin::pin!(self.read_turn());
        loop {
            let grown = self.hold_grew.notified();
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

    async fn turn(&self, write: bool) {
        loop {
            let free = {
                let mut state = self.state();
                let now = Instant::now();
                state.forget(now);
                match state.next_free(now, write) {
                    Some(free) => free,
                    None => return state.take(now, write),
                }
            };
            // The pause may grow and others may take turns meanwhile, so waking up is a reason to look, not a turn.
            tokio::time::sleep_until(free).await;
        }
    }

    /// Holds every turn for `wait` from now. A longer pause that is running already stays.
    pub fn hold(&self, wait: Duration) {
        let Some(until) = Instant::now().checked_add(wait) else { return };
        let mut state = self.state();
        if state.held_until.is_none_or(|held| held < until) {
            state.held_until = Some(until);
            self.hold_grew.notify_waiters();
        }
    }

    /// How long turns are still held, if they are.
    #[must_use]
    pub fn hold_left(&self) -> Option<Duration> {
        let until = self.state().held_until?;
        Some(until.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
    }

    /// Takes note of a 429: holds every turn for as long as it asked, or, if it did not say, for 2 s and twice as long
    /// each further time up to 120 s, with jitter. Gives the pause.
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
        self.hold(wait);
        wait
    }

    /// Takes note of an answer that was not a 429: the next pause for that kind of request starts from 2 s again.
    pub(crate) fn answered(&self, kind: Kind) {
        *self.state().unexplained(kind) = 0;
    }

    /// How long it takes from now until `count` further writes have had their turn, if nothing else is sent and nothing
    /// is throttled: the schedule itself, played forward.
    #[must_use]
    pub fn seconds_for_writes(&self, count: usize) -> Duration {
        let now = Instant::now();
        let mut played = {
            let mut state = self.state();
            state.forget(now);
            State {
                writes: state.writes.clone(),
                requests: state.requests.clone(),
                held_until: state.held_until,
                ..State::default()
            }
        };
        let mut at = now;
        for _ in 0..count {
            played.forget(at);
            while let Some(free) = played.next_free(at, true) {
                at = free;
                played.forget(at);
            }
            played.take(at, true);
        }
        at.duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

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
                pace.write_turn().await;
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
                        pace.write_turn().await;
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
        assert!(begun.elapsed() < (WINDOW + SLACK) * 3 + Duration::from_secs(1), "four windows, three waits");
    }

    #[tokio::test(start_paused = true)]
    async fn reads_and_writes_together_stay_within_2000() {
        let pace = Pace::new();
        let mut sent = Vec::new();
        for turn in 0..4_500 {
            if turn % 20 == 0 {
                pace.write_turn().await
            } else {
                pace.read_turn().await
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
            pace.write_turn().await;
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
            pace.write_turn().await;
        }
        for _ in 0..50 {
            let waited = tokio::time::timeout(Duration::from_millis(100), pace.write_turn()).await;
            assert!(waited.is_err());
        }
        tokio::time::sleep(WINDOW + SLACK).await;
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
                pace.write_turn().await;
            }
            tokio::time::sleep(Duration::from_secs(3)).await;
            pace.hold(Duration::from_secs(held));
            let foretold = pace.seconds_for_writes(count);
            let begun = Instant::now();
            for _ in 0..count {
                pace.write_turn().await;
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

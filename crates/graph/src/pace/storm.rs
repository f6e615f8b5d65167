//! The pace against a service that keeps to limits of its own.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::window::WINDOW;
use super::{Kind, Pace};

const ROUND_TRIP: Duration = Duration::from_millis(150);
const IN_FLIGHT: u32 = 8;

/// Counts every call that arrives, those it throttles too.
struct Service {
    limit: usize,
    tells_wait: bool,
    arrived: Mutex<VecDeque<Instant>>,
    throttled: Mutex<usize>,
}

impl Service {
    /// Nothing, or what a 429 asks for.
    fn take(&self) -> Result<(), Option<Duration>> {
        let now = Instant::now();
        let mut arrived = self.arrived.lock().unwrap();
        while arrived.front().is_some_and(|at| now.duration_since(*at) >= WINDOW) {
            arrived.pop_front();
        }
        arrived.push_back(now);
        if arrived.len() <= self.limit {
            return Ok(());
        }
        *self.throttled.lock().unwrap() += 1;
        // When enough of them are out of the window, in whole seconds.
        let frees = arrived[arrived.len() - self.limit - 1] + WINDOW - now;
        Err(self
            .tells_wait
            .then(|| Duration::from_secs(frees.as_secs() + u64::from(frees.subsec_nanos() > 0))))
    }
}

struct Storm {
    took: Duration,
    throttled: usize,
}

/// Sends `writes`, each until it is taken. Each arrives somewhere within its round trip, as `seed` has it: with one and the same
/// time on the way for all of them, it would not matter from when a write counts.
async fn storm(limit: usize, writes: usize, tells_wait: bool, seed: u64) -> Storm {
    let service =
        Arc::new(Service { limit, tells_wait, arrived: Mutex::default(), throttled: Mutex::default() });
    let (pace, left, begun) = (Pace::new(), Arc::new(AtomicUsize::new(writes)), Instant::now());
    let mut senders = JoinSet::new();
    for sender in 0..u64::from(IN_FLIGHT) {
        let mut chance = StdRng::seed_from_u64(seed * u64::from(IN_FLIGHT) + sender);
        let (service, pace, left) = (Arc::clone(&service), pace.clone(), Arc::clone(&left));
        senders.spawn(async move {
            while left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok() {
                loop {
                    let turn = pace.write_turn().await;
                    let there = ROUND_TRIP.mul_f64(chance.random_range(0.0..1.0));
                    tokio::time::sleep(there).await;
                    let answer = service.take();
                    tokio::time::sleep(ROUND_TRIP - there).await;
                    match answer {
                        Ok(()) => pace.answered(Kind::Write),
                        Err(asked) => {
                            pace.throttled(Kind::Write, asked);
                        }
                    }
                    drop(turn);
                    if answer.is_ok() {
                        break;
                    }
                }
            }
        });
    }
    senders.join_all().await;
    let throttled = *service.throttled.lock().unwrap();
    Storm { took: begun.elapsed(), throttled }
}

/// What that many writes take at least, with so many in flight.
fn least(limit: usize, writes: usize) -> Duration {
    let windows = (writes - 1) / limit;
    let rest = writes - windows * limit;
    WINDOW * u32::try_from(windows).unwrap() + ROUND_TRIP * u32::try_from(rest).unwrap().div_ceil(IN_FLIGHT)
}

#[tokio::test(start_paused = true)]
async fn at_the_documented_limit_nothing_is_throttled_and_hardly_any_time_is_lost() {
    for seed in 0..20 {
        let storm = storm(200, 1_000, true, seed).await;
        let ratio = storm.took.as_secs_f64() / least(200, 1_000).as_secs_f64();
        let told = format!("seed {seed}: {} throttled, {ratio:.3} of the least", storm.throttled);
        assert!(storm.throttled == 0 && ratio < 1.02, "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lower_limit_that_nobody_told_of_is_found_and_kept_to() {
    for (limit, tells_wait, most, part) in [
        (100, true, 1.15, 0.03),
        (150, true, 1.15, 0.03),
        (40, true, 1.15, 0.05),
        (100, false, 1.15, 0.03),
        (150, false, 1.15, 0.03),
        (40, false, 1.15, 0.05),
    ] {
        let storm = storm(limit, 1_000, tells_wait, 7).await;
        let ratio = storm.took.as_secs_f64() / least(limit, 1_000).as_secs_f64();
        let throttled = storm.throttled as f64 / (1_000 + storm.throttled) as f64;
        let told =
            format!("limit {limit}, told {tells_wait}: {ratio:.3} of the least, {throttled:.4} throttled");
        assert!(ratio <= most && throttled < part, "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_allowance_grows_back_when_nothing_is_throttled_and_later_after_each_vain_try() {
    let pace = Pace::new();
    let throttle = || {
        pace.throttled(Kind::Write, Some(Duration::from_secs(2)));
    };
    throttle();
    throttle();
    assert_eq!(pace.write_allowance(), 100, "a burst counts once");
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(pace.write_allowance(), 100);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(pace.write_allowance(), 108);
    throttle();
    assert_eq!(pace.write_allowance(), 100, "what was let through before");
    tokio::time::sleep(Duration::from_secs(119)).await;
    assert_eq!(pace.write_allowance(), 100);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(pace.write_allowance(), 108);
    tokio::time::sleep(Duration::from_secs(20 * 12)).await;
    assert_eq!(pace.write_allowance(), 200);
    for _ in 0..9 {
        throttle();
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    assert_eq!(pace.write_allowance(), 10, "never less");
    assert!(pace.time_for_writes(100) > WINDOW * 5);
}

#[tokio::test(start_paused = true)]
async fn a_turn_counts_until_20_seconds_after_it_is_over_and_one_that_is_not_used_not_at_all() {
    let pace = Pace::with_limits(2, usize::MAX);
    let (first, second) = (pace.write_turn().await, pace.write_turn().await);
    assert!(tokio::time::timeout(Duration::from_secs(600), pace.write_turn()).await.is_err(), "both are out");
    let begun = Instant::now();
    second.unused();
    let third = pace.write_turn().await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    let waits = tokio::spawn({
        let pace = pace.clone();
        async move {
            drop(pace.write_turn().await);
            Instant::now()
        }
    });
    tokio::time::sleep(Duration::from_secs(7)).await;
    drop((first, third));
    let after = (waits.await.unwrap() - begun).as_secs_f64();
    assert!((27.0..27.1).contains(&after), "{after}");
}

#[tokio::test(start_paused = true)]
async fn writes_of_an_earlier_process_count_too() {
    let pace = Pace::with_limits(3, usize::MAX);
    tokio::time::sleep(Duration::from_secs(30)).await;
    pace.remember_writes([25, 15, 2].map(Duration::from_secs));
    pace.remember_writes([1, 1, 1].map(Duration::from_secs));
    let begun = Instant::now();
    for _ in 0..2 {
        drop(pace.write_turn().await);
    }
    let waited = begun.elapsed().as_secs_f64();
    assert!((5.0..5.1).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn who_sent_a_moment_ago_may_have_read_as_well() {
    let waits = async |ages: &[u64]| {
        let pace = Pace::with_limits(100, 20);
        pace.remember_writes(ages.iter().copied().map(Duration::from_secs));
        let begun = Instant::now();
        for _ in 0..7 {
            pace.read_turn().await;
        }
        begun.elapsed()
    };
    assert_eq!(waits(&[60, 40]).await, Duration::ZERO, "that was long ago");
    // Ten may have been asked for, and two were read and written: of twenty six are left.
    assert!(waits(&[60, 5, 3]).await >= WINDOW);
}

#[tokio::test(start_paused = true)]
async fn reads_that_can_wait_leave_half_of_the_limit_to_others() {
    let pace = Pace::with_limits(10, 10);
    for _ in 0..5 {
        pace.read_turn().await;
    }
    let begun = Instant::now();
    pace.quiet().await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    pace.read_turn().await;
    pace.quiet().await;
    assert!(begun.elapsed() >= WINDOW);
    pace.hold(Duration::from_secs(50), Kind::Read);
    pace.quiet().await;
    assert!(begun.elapsed() >= WINDOW + Duration::from_secs(50));
}

#[tokio::test(start_paused = true)]
async fn a_pace_without_a_limit_grows_back_to_none_as_well() {
    let pace = Pace::unlimited();
    pace.throttled(Kind::Write, Some(Duration::from_secs(2)));
    assert_eq!(pace.write_allowance(), usize::MAX / 2);
    tokio::time::sleep(Duration::from_secs(60 + 20 * 12)).await;
    assert_eq!(pace.write_allowance(), usize::MAX);
}

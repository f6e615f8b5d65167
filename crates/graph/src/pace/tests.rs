//! The pace by itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::holds::LONGEST_PAUSE;
use super::window::WINDOW;
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
                0 => pace.hold(Duration::from_millis((seed >> 40) % 5_000), Kind::Write),
                1..=3 => tokio::time::sleep(Duration::from_millis((seed >> 40) % 3_000 * (round % 3))).await,
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
    pace.hold(Duration::from_secs(10), Kind::Write);
    pace.hold(Duration::from_secs(3), Kind::Write);
    assert_eq!(pace.hold_left(), Some(Duration::from_secs(10)));
    let begun = Instant::now();
    let longer = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        pace.hold(Duration::from_secs(20), Kind::Write);
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

/// Returns whether a write may go out without any waiting.
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
        pace.hold(Duration::from_secs(held), Kind::Write);
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
    pace.hold(Duration::from_secs(100), Kind::Write);
    let begun = Instant::now();
    let reads = async {
        tokio::join!(pace.read_turn_within(limit), pace.read_turn_within(limit), pace.read_turn_within(limit))
    };
    let longer = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        pace.hold(Duration::from_secs(500), Kind::Write);
    };
    let (reads, ()) = tokio::join!(reads, longer);
    let left = Err(Hold { left: Duration::from_secs(500), told_by: Kind::Write });
    assert_eq!(reads, (left, left, left));
    assert_eq!(begun.elapsed(), Duration::from_secs(10), "at once");
    tokio::time::sleep(Duration::from_secs(330)).await;
    assert_eq!(pace.read_turn_within(limit).await, Ok(()), "a shorter rest is waited for");
    assert!(begun.elapsed() >= Duration::from_secs(510));
}

//! What reads and writes were told, and what a probe may end of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::{Hold, Kind, Pace, ProbeTurn};
use crate::error::Error;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What Graph says to a probe.
#[derive(Debug, Clone, Copy)]
enum Heard {
    Answer,
    TooMany(Option<Duration>),
    Nothing,
}

impl Heard {
    fn note(self, turn: ProbeTurn) -> Result<(), Error> {
        match self {
            Self::Answer => {
                turn.answered();
                Ok(())
            }
            Self::TooMany(asked) => {
                turn.throttled(asked);
                Err(Error::Throttled { retry_after: asked, request_id: None })
            }
            Self::Nothing => Err(Error::Offline("refused".to_owned())),
        }
    }
}

async fn probe(pace: &Pace, heard: Heard) -> Result<(), Error> {
    pace.probe(async |turn| heard.note(turn)).await
}

fn held(left: Duration, told_by: Kind) -> Option<Hold> {
    Some(Hold { left, told_by })
}

/// Returns whether a turn for a read is had without any waiting.
async fn reads_at_once(pace: &Pace) -> bool {
    tokio::time::timeout(Duration::ZERO, tokio::task::unconstrained(pace.read_turn())).await.is_ok()
}

async fn writes_at_once(pace: &Pace) -> bool {
    tokio::time::timeout(Duration::ZERO, tokio::task::unconstrained(pace.write_turn())).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn the_longer_of_both_holds_is_told_and_where_they_end_together_the_one_that_no_probe_can_end() {
    let pace = Pace::new();
    assert_eq!(pace.held(), None);
    pace.hold(MINUTE, Kind::Read);
    assert_eq!(pace.held(), held(MINUTE, Kind::Read));
    pace.hold(MINUTE, Kind::Write);
    assert_eq!(pace.held(), held(MINUTE, Kind::Write));
    pace.hold(DAY, Kind::Read);
    assert_eq!(pace.held(), held(DAY, Kind::Read));
    tokio::time::sleep(DAY).await;
    assert_eq!(pace.held(), None);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_answered_frees_everybody_who_waits_for_what_a_read_was_told() {
    let pace = Pace::new();
    pace.hold(DAY, Kind::Read);
    let begun = Instant::now();
    let person = async {
        tokio::time::sleep(MINUTE).await;
        probe(&pace, Heard::Answer).await
    };
    let others = async { tokio::join!(pace.read_turn(), pace.write_turn(), pace.quiet(), pace.hold_ended()) };
    let (probed, _) = tokio::join!(person, others);
    assert_eq!(probed, Ok(()));
    assert_eq!(begun.elapsed(), MINUTE);
    assert_eq!(pace.held(), None);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_throttled_leaves_the_wait_that_it_was_told_longer_or_shorter() {
    for told in [2 * DAY, 10 * MINUTE] {
        let pace = Pace::new();
        pace.hold(DAY, Kind::Read);
        let waits = async {
            pace.read_turn().await;
            Instant::now()
        };
        let begun = Instant::now();
        let (read_at, probed) = tokio::join!(waits, probe(&pace, Heard::TooMany(Some(told))));
        assert_eq!(probed, Err(Error::Throttled { retry_after: Some(told), request_id: None }));
        assert_eq!(read_at - begun, told);
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_from_which_nothing_is_learned_leaves_the_wait_as_it_is() {
    for heard in [Heard::TooMany(None), Heard::Nothing] {
        let pace = Pace::new();
        pace.hold(DAY, Kind::Read);
        tokio::time::sleep(MINUTE).await;
        assert!(probe(&pace, heard).await.is_err());
        assert_eq!(pace.held(), held(DAY - MINUTE, Kind::Read), "{heard:?}");
        assert!(!reads_at_once(&pace).await && !writes_at_once(&pace).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_ends_nothing_that_was_told_after_it_went_out() {
    for (heard, left) in
        [(Heard::Answer, DAY), (Heard::TooMany(Some(MINUTE)), DAY), (Heard::TooMany(Some(2 * DAY)), 2 * DAY)]
    {
        let pace = Pace::new();
        pace.hold(MINUTE, Kind::Read);
        let asked = pace.probe(async |turn| {
            pace.hold(DAY, Kind::Read);
            heard.note(turn)
        });
        let _ = asked.await;
        assert_eq!(pace.held(), held(left, Kind::Read), "{heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_hold_a_probe_is_a_read_like_any_other() {
    let pace = Pace::with_limits(200, 2);
    assert_eq!(probe(&pace, Heard::Answer).await, Ok(()));
    pace.read_turn().await;
    let begun = Instant::now();
    assert_eq!(probe(&pace, Heard::Answer).await, Ok(()));
    assert!(begun.elapsed() >= Duration::from_secs(20), "it counts, and keeps to the limit");
    assert!(probe(&pace, Heard::TooMany(None)).await.is_err());
    let left = pace.held().unwrap();
    assert!(left.told_by == Kind::Read && left.left <= Duration::from_secs(2), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn two_probes_at_a_time_are_one_and_the_next_is_another() {
    let pace = Pace::new();
    pace.hold(DAY, Kind::Read);
    let sent = Arc::new(AtomicUsize::new(0));
    let ask = || {
        pace.probe(async |turn| {
            sent.fetch_add(1, SeqCst);
            tokio::time::sleep(Duration::from_secs(1)).await;
            Heard::TooMany(Some(DAY)).note(turn)
        })
    };
    let late = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        ask().await
    };
    let (first, second, third) = tokio::join!(ask(), ask(), late);
    assert_eq!((&first, &first), (&second, &third));
    assert!(matches!(first, Err(Error::Throttled { .. })));
    assert_eq!(sent.load(SeqCst), 1);
    let _ = ask().await;
    assert_eq!(sent.load(SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_given_up_leaves_the_next_one_free() {
    let pace = Pace::new();
    pace.hold(DAY, Kind::Read);
    let given_up = pace.probe(async |_| std::future::pending().await);
    let waits = async {
        tokio::time::sleep(MINUTE).await;
        probe(&pace, Heard::Answer).await
    };
    let given_up = tokio::time::timeout(2 * MINUTE, given_up);
    let (given_up, answered) = tokio::join!(given_up, waits);
    assert!(given_up.is_err());
    assert_eq!(answered, Ok(()));
    assert_eq!(pace.held(), None);
}

#[tokio::test(start_paused = true)]
async fn one_429_without_a_wait_says_nothing_about_the_wait_of_the_other_kind() {
    let pace = Pace::new();
    pace.hold(DAY, Kind::Read);
    assert!(pace.throttled(Kind::Write, None) <= Duration::from_secs(2), "no write was told to wait a day");
    assert_eq!(probe(&pace, Heard::Answer).await, Ok(()));
    let hold = pace.held().unwrap();
    assert!(hold.told_by == Kind::Write && hold.left <= Duration::from_secs(2), "{hold:?}");
}

/// What may happen while a write is held.
#[derive(Debug, Clone)]
enum Happens {
    Told(Kind, Option<u64>),
    Answered(Kind),
    Probe(Heard, bool),
    Passes(u64),
}

fn happens() -> impl Strategy<Value = Happens> {
    let kind = || prop_oneof![Just(Kind::Read), Just(Kind::Write)];
    let wait = || proptest::option::of(1..100_000_u64);
    let heard = prop_oneof![
        2 => Just(Heard::Answer),
        2 => wait().prop_map(|wait| Heard::TooMany(wait.map(Duration::from_secs))),
        1 => Just(Heard::Nothing),
    ];
    prop_oneof![
        3 => (kind(), wait()).prop_map(|(kind, wait)| Happens::Told(kind, wait)),
        1 => kind().prop_map(Happens::Answered),
        4 => (heard, any::<bool>()).prop_map(|(heard, twice)| Happens::Probe(heard, twice)),
        2 => (1..30_000_u64).prop_map(Happens::Passes),
    ]
}

proptest! {
    #[test]
    fn no_probe_shortens_what_a_write_was_told(all in proptest::collection::vec(happens(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let pace = Pace::new();
            // What a write was told, by the words of the service alone.
            let mut until = Instant::now();
            for one in all {
                match one {
                    Happens::Told(kind, wait) => {
                        let told = pace.throttled(kind, wait.map(Duration::from_secs));
                        if kind == Kind::Write {
                            until = until.max(Instant::now() + told);
                        }
                    }
                    Happens::Answered(kind) => pace.answered(kind),
                    Happens::Probe(heard, twice) => {
                        let _ = probe(&pace, heard).await;
                        if twice {
                            let _ = tokio::join!(probe(&pace, heard), probe(&pace, Heard::Answer));
                        }
                    }
                    Happens::Passes(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
                }
                let now = Instant::now();
                let left = pace.held().map_or(Duration::ZERO, |hold| hold.left);
                assert!(left >= until.saturating_duration_since(now), "{left:?}");
                if until > now {
                    assert!(!writes_at_once(&pace).await && !reads_at_once(&pace).await);
                    assert_eq!(pace.time_for_writes(1).max(until - now), pace.time_for_writes(1));
                }
            }
            // Nothing holds for longer than a probe leaves it.
            assert_eq!(probe(&pace, Heard::Answer).await, Ok(()));
            let left = pace.held().map_or(Duration::ZERO, |hold| hold.left);
            assert_eq!(left, until.saturating_duration_since(Instant::now()));
            let begun = Instant::now();
            drop(pace.write_turn().await);
            assert!(begun.elapsed() >= left);
        });
    }
}

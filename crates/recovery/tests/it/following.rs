//! Accepted and doubtful devices are asked until they have answered.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use unlatch_graph::{DeviceId, Error, Kind, Route, TokenError};
use unlatch_recovery::{Event, FollowEnd, ItemState, Principal, RunState, Tenant as _};

use crate::acts::result;
use crate::fake::{Bench, Fake, device, device_id, lost, plan, plan_for, plan_of, planned, principal};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Bench {
    fn follow(&self) -> JoinHandle<FollowEnd> {
        let (engine, tenant) = (self.engine.clone(), self.tenant.clone());
        tokio::spawn(async move { engine.follow(&principal(), tenant).await })
    }

    fn asked(&self) -> usize {
        self.tenant.results_read.load(Ordering::SeqCst)
    }

    async fn state(&self, id: unlatch_recovery::RunId) -> ItemState {
        self.engine.run(id).await.unwrap().items[0].standing.state
    }
}

#[tokio::test(start_paused = true)]
async fn an_accepted_device_is_asked_soon_and_then_ever_more_rarely_until_it_has_answered() {
    let bench = Bench::new(1);
    let follow = bench.follow();
    let id = bench.run(plan(1)).await.summary.header.id;
    let asked_at = Arc::new(Mutex::new(Vec::new()));
    bench.tenant.on_ask({
        let asked_at = Arc::clone(&asked_at);
        move |_| asked_at.lock().unwrap().push(Instant::now())
    });
    let begun = Instant::now();
    tokio::time::sleep(DAY).await;
    let times: Vec<_> = asked_at.lock().unwrap().iter().map(|at| (*at - begun).as_secs()).collect();
    assert!(times[0] <= 4 && (30..80).contains(&times.len()), "{times:?}");
    let first_minute = times.iter().filter(|at| **at <= 60).count();
    assert!((4..15).contains(&first_minute), "{times:?}");
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.is_sorted_by(|a, b| *a <= *b + 1), "{gaps:?}");
    assert!(gaps.iter().all(|gap| *gap <= 75 * 60), "{gaps:?}");
    assert!(bench.engine.run(id).await.unwrap().summary.followed);

    bench.report(
        0,
        vec![result("done", bench.engine.run(id).await.unwrap().items[0].standing.intent.unwrap())],
    );
    let mut changes = bench.engine.watch(id).unwrap();
    tokio::time::sleep(Duration::from_secs(80 * 60)).await;
    assert_eq!(bench.state(id).await, ItemState::Done);
    assert!(!bench.engine.run(id).await.unwrap().summary.followed);
    while changes.changed().await.is_ok() {}
    let asked = bench.asked();
    tokio::time::sleep(DAY).await;
    assert_eq!(bench.asked(), asked, "it is asked no more");
    follow.abort();
}

#[tokio::test(start_paused = true)]
async fn a_device_in_doubt_is_settled_by_what_it_reports() {
    let bench = Bench::new(1);
    bench.tenant.script(0, [lost()]);
    let follow = bench.follow();
    let record = bench.run(plan(1)).await;
    bench.report(0, vec![result("pending", record.items[0].standing.intent.unwrap())]);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(bench.state(record.summary.header.id).await, ItemState::Accepted);
    assert_eq!(bench.tenant.post_count(), 1, "asking sends nothing");
    follow.abort();
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_silent_for_seven_days_is_given_up_and_that_is_recorded() {
    let bench = Bench::new(1);
    let follow = bench.follow();
    let id = bench.run(plan(1)).await.summary.header.id;
    tokio::time::sleep(6 * DAY).await;
    assert!(bench.engine.run(id).await.unwrap().summary.followed);
    tokio::time::sleep(DAY + Duration::from_secs(2 * 60 * 60)).await;
    let record = bench.engine.run(id).await.unwrap();
    let standing = &record.items[0].standing;
    assert_eq!(
        (standing.state, standing.gave_up, record.summary.followed),
        (ItemState::Accepted, true, false)
    );
    let asked = bench.asked();
    tokio::time::sleep(9 * DAY).await;
    assert_eq!(bench.asked(), asked);
    let entries = bench.engine.journal().entries(id).await.unwrap();
    assert!(matches!(entries.last().unwrap().entry.event, Event::GaveUp));
    follow.abort();
    let _ = follow.await;

    // A person who asks then may still learn what became of it.
    bench.report(0, vec![result("done", standing.intent.unwrap())]);
    let after = bench.engine.check_outcomes(id, bench.tenant.clone()).await.unwrap();
    assert_eq!((after.items[0].standing.state, after.items[0].standing.gave_up), (ItemState::Done, false));
}

#[tokio::test(start_paused = true)]
async fn following_goes_on_after_a_restart_and_gives_up_what_grew_old_meanwhile() {
    let bench = Bench::new(3);
    let old = bench.run(plan_for([0])).await.summary.header.id;
    tokio::time::sleep(6 * DAY).await;
    let young = bench.run(plan_for([1])).await.summary.header.id;
    let settled = bench.run(plan_for([2])).await.summary.header.id;
    bench.report(2, vec![result("done", (bench.tenant.clock)())]);
    bench.engine.check_outcomes(settled, bench.tenant.clone()).await.unwrap();
    tokio::time::sleep(2 * DAY).await;

    let bench = bench.as_if_killed(Fake::new(3));
    let follow = bench.follow();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(bench.asked(), 2, "what has its outcome is not asked");
    let run = async |id| bench.engine.run(id).await.unwrap();
    assert!(run(old).await.items[0].standing.gave_up);
    assert!(!run(young).await.items[0].standing.gave_up);
    assert!(run(young).await.summary.followed && !run(old).await.summary.followed);
    bench.report(1, vec![result("failed", run(young).await.items[0].standing.intent.unwrap())]);
    tokio::time::sleep(Duration::from_secs(80 * 60)).await;
    assert_eq!(run(young).await.items[0].standing.state, ItemState::Failed);
    follow.abort();
}

#[tokio::test(start_paused = true)]
async fn a_killed_run_is_found_interrupted_and_what_was_in_flight_is_settled_by_following() {
    let bench = Bench::new(3);
    bench.tenant.script(1, [lost()]);
    let id = bench.start(plan(3)).await;
    bench.until(id, |record| record.items[0].standing.attempts > 0).await;
    let next = bench.as_if_killed(Fake::new(3));
    let follow = next.follow();
    let record = next.engine.run(id).await.unwrap();
    assert_eq!(record.summary.state, RunState::Interrupted);
    let in_flight: Vec<_> =
        record.items.iter().filter(|item| item.standing.state == ItemState::Unconfirmed).collect();
    assert!(!in_flight.is_empty());
    for item in &in_flight {
        next.report(item.position as usize, vec![result("pending", item.standing.intent.unwrap())]);
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    let after = next.engine.run(id).await.unwrap();
    for item in in_flight {
        assert_eq!(after.items[item.position as usize].standing.state, ItemState::Accepted);
    }
    assert_eq!(next.tenant.post_count(), 0);
    follow.abort();
}

#[tokio::test(start_paused = true)]
async fn following_ends_when_nobody_is_signed_in_any_more_or_somebody_else_is() {
    let bench = Bench::new(1);
    let id = bench.run(plan(1)).await.summary.header.id;
    let first = bench.follow();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let second = bench.follow();
    assert_eq!(first.await.unwrap(), FollowEnd::Replaced);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(bench.engine.run(id).await.unwrap().summary.followed);

    bench.tenant.script_read(0, [Error::Token(TokenError::SignInNeeded { claims: None })]);
    assert_eq!(second.await.unwrap(), FollowEnd::SignInNeeded);
    assert!(!bench.engine.run(id).await.unwrap().summary.followed);
    let asked = bench.asked();
    tokio::time::sleep(DAY).await;
    assert_eq!(bench.asked(), asked);

    let elsewhere = Principal { tenant_id: "another tenant".into(), ..principal() };
    let engine = bench.engine.clone();
    let tenant = bench.tenant.clone();
    let third = tokio::spawn(async move { engine.follow(&elsewhere, tenant).await });
    tokio::time::sleep(DAY).await;
    assert_eq!(bench.asked(), asked, "of another tenant nothing is asked");
    third.abort();
}

#[tokio::test(start_paused = true)]
async fn who_signs_out_stops_the_asking_at_once() {
    let bench = Bench::new(200);
    let follow = bench.follow();
    let id = bench.run(plan(200)).await.summary.header.id;
    tokio::time::sleep(Duration::from_secs(4)).await;
    follow.abort();
    let _ = follow.await;
    assert!(!bench.engine.run(id).await.unwrap().summary.followed);
    let asked = bench.asked();
    assert!(asked > 0);
    tokio::time::sleep(DAY).await;
    assert_eq!(bench.asked(), asked);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_gone_is_tried_again_rarely_and_comes_back() {
    let bench = Bench::new(4);
    let follow = bench.follow();
    let id = bench.run(plan(4)).await.summary.header.id;
    for number in 0..4 {
        bench.tenant.script_read(number, (0..100).map(|_| Error::Offline("no route".into())));
        bench.report(number, vec![result("done", (bench.tenant.clock)())]);
    }
    let before = bench.asked();
    tokio::time::sleep(Duration::from_secs(30 * 60)).await;
    let tries = bench.asked() - before;
    assert!((10..150).contains(&tries), "{tries}");
    bench.tenant.reads.lock().unwrap().clear();
    tokio::time::sleep(Duration::from_secs(60 * 60)).await;
    assert_eq!(bench.engine.run(id).await.unwrap().summary.counts.done, 4);
    follow.abort();
}

#[tokio::test(start_paused = true)]
async fn asking_waits_while_everybody_holds() {
    let bench = Bench::new(1);
    let follow = bench.follow();
    bench.run(plan(1)).await;
    bench.tenant.pace().hold(Duration::from_secs(120), Kind::Write);
    tokio::time::sleep(Duration::from_secs(119)).await;
    assert_eq!(bench.asked(), 0);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(bench.asked() > 0);
    follow.abort();
}

#[tokio::test(start_paused = true)]
async fn what_a_later_run_asked_for_is_never_an_earlier_ones_outcome_however_late_it_shows() {
    let bench = Bench::new(1);
    let follow = bench.follow();
    let first = bench.run(plan(1)).await.summary.header.id;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let second = bench.run(plan(1)).await;
    tokio::time::sleep(DAY).await;
    bench.report(0, vec![result("done", second.items[0].standing.intent.unwrap() + Duration::from_secs(1))]);
    tokio::time::sleep(Duration::from_secs(3 * 60 * 60)).await;
    assert_eq!(bench.state(first).await, ItemState::Accepted);
    assert_eq!(bench.state(second.summary.header.id).await, ItemState::Done);
    follow.abort();
}

#[tokio::test(start_paused = true)]
async fn a_device_whose_id_came_in_capitals_the_second_time_is_one_device() {
    for restarts in [false, true] {
        let mut bench = Bench::new(1);
        let first = bench.run(plan(1)).await.summary.header.id;
        tokio::time::sleep(Duration::from_secs(10)).await;
        let mut capitals = planned(&device(0), Route::Direct);
        capitals.device_id = DeviceId::new(device_id(0).as_str().to_uppercase()).unwrap();
        let second = bench.run(plan_of(vec![capitals])).await;
        if restarts {
            bench = bench.restarted();
        }
        let follow = bench.follow();
        let started = second.items[0].standing.intent.unwrap() + Duration::from_secs(1);
        bench.report(0, vec![result("done", started)]);
        tokio::time::sleep(DAY).await;
        assert_eq!(bench.state(first).await, ItemState::Accepted, "restarts: {restarts}");
        assert_eq!(bench.state(second.summary.header.id).await, ItemState::Done, "restarts: {restarts}");
        follow.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn what_started_before_the_request_is_never_its_outcome() {
    let bench = Bench::new(1);
    bench.report(0, vec![result("done", (bench.tenant.clock)())]);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let follow = bench.follow();
    let id = bench.run(plan(1)).await.summary.header.id;
    tokio::time::sleep(DAY).await;
    assert_eq!(bench.state(id).await, ItemState::Accepted);
    assert!(bench.tenant.posts_for(0).len() == 1 && bench.asked() > 10, "{:?}", device_id(0));
    follow.abort();
}

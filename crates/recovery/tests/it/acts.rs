//! What a person does with a run beside confirming it: stop it before it starts, let the rest of it go out after an interruption or
//! give that up, send again, see a passcode.

use std::sync::atomic::Ordering;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;
use unlatch_graph::{ActionState, ApiErrorKind, DeviceActionResult, Error, Kind};
use unlatch_recovery::{
    ActError, Engine, EngineOptions, Found, InAnotherRun, ItemReason, ItemState, Principal, RunRecord,
    RunState, SentAgain, Tenant as _,
};

use crate::fake::{
    Bench, Fake, answered, api_error, device_id, lost, options, plan, plan_for, principal, stand, throttled,
};

pub fn result(state: &str, started: OffsetDateTime) -> DeviceActionResult {
    DeviceActionResult {
        action_name: "recoverPasscode".into(),
        state: ActionState::from(state),
        started: Some(started),
        last_updated: Some(started),
        has_passcode: false,
    }
}

impl Bench {
    pub fn report(&self, number: usize, results: Vec<DeviceActionResult>) {
        self.tenant.results.lock().unwrap().insert(device_id(number), results);
    }

    fn now(&self) -> OffsetDateTime {
        (self.tenant.clock)()
    }

    fn with_countdown(count: usize) -> Self {
        let bench = Self::new(count);
        let options = EngineOptions { countdown: Duration::from_secs(5), ..options(&bench.tenant.clock) };
        let engine = Engine::new(bench.engine.journal().clone(), options);
        Self { engine, ..bench }
    }

    async fn send_again(&self, id: unlatch_recovery::RunId, position: u32) -> Result<SentAgain, ActError> {
        self.engine.send_again(id, position, &principal(), self.tenant.clone()).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_counts_down_before_its_first_request_and_can_be_stopped_until_then() {
    let bench = Bench::with_countdown(3);
    let id = bench.start(plan(3)).await;
    let summary = bench.engine.run(id).await.unwrap().summary;
    assert_eq!((summary.state, summary.starts_in), (RunState::Starting, Some(Duration::from_secs(5))));
    assert!(summary.remaining.unwrap() > Duration::from_secs(5), "the countdown is part of what remains");
    tokio::time::sleep(Duration::from_millis(4_900)).await;
    bench.engine.cancel(id);
    let record = bench.end(id).await;
    assert_eq!((record.summary.state, record.summary.counts.not_sent), (RunState::Cancelled, 3));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((bench.tenant.post_count(), bench.tenant.reads_done.load(Ordering::SeqCst)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_nobody_stops_begins_when_the_countdown_is_over() {
    let bench = Bench::with_countdown(3);
    let begun = Instant::now();
    let record = bench.run(plan(3)).await;
    assert_eq!((record.summary.state, record.summary.counts.accepted), (RunState::Finished, 3));
    let first = bench.tenant.posts.lock().unwrap()[0].at - begun;
    assert!((5.0..5.5).contains(&first.as_secs_f64()), "{first:?}");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_has_the_same_action_pending_is_stopped_and_tells_since_when_and_by_whom() {
    let bench = Bench::new(4);
    let earlier = bench.run(plan_for([0])).await;
    let sent = bench.now();
    tokio::time::sleep(Duration::from_secs(7_200)).await;
    let elsewhere = bench.now() - Duration::from_secs(600);
    bench.report(0, vec![result("done", elsewhere - Duration::from_secs(99_999)), result("pending", sent)]);
    bench.report(1, vec![result("active", elsewhere)]);
    bench.report(2, vec![result("done", elsewhere), result("failed", sent)]);
    let other = DeviceActionResult { action_name: "remoteLock".into(), ..result("pending", elsewhere) };
    bench.report(3, vec![other]);
    let record = bench.run(plan(4)).await;
    let pending = (ItemState::Stopped, Some(ItemReason::AlreadyPending));
    let sent_now = (ItemState::Accepted, None);
    assert_eq!(record.items.iter().map(stand).collect::<Vec<_>>(), [pending, pending, sent_now, sent_now]);
    let by = Some(earlier.summary.header.principal.account);
    assert_eq!(record.items[0].standing.found, Some(Found::Pending { since: Some(sent), by }));
    assert_eq!(record.items[1].standing.found, Some(Found::Pending { since: Some(elsewhere), by: None }));
    assert_eq!(bench.tenant.post_count(), 3);
}

/// A run of 20 of which some were sent, as another process finds it that was started after this one was killed.
async fn interrupted() -> (Bench, RunRecord) {
    let bench = Bench::new(20);
    for number in 8..20 {
        bench.tenant.script(number, [throttled(Some(Duration::from_secs(300)))]);
    }
    let id = bench.start(plan(20)).await;
    bench.until(id, |record| record.summary.hold.is_some() && record.summary.counts.accepted == 8).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let next = bench.as_if_killed(Fake::new(20));
    let record = next.engine.run(id).await.unwrap();
    assert_eq!((record.summary.state, record.summary.counts.accepted), (RunState::Interrupted, 8));
    assert_eq!(record.summary.counts.not_sent, 12, "{:?}", record.summary.counts);
    (next, record)
}

#[tokio::test(start_paused = true)]
async fn what_an_interrupted_run_had_not_sent_goes_out_when_a_person_takes_it_up() {
    let (bench, record) = interrupted().await;
    let id = record.summary.header.id;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(bench.tenant.post_count(), 0, "nothing goes out by itself");
    bench.engine.take_up(id, &principal(), bench.tenant.clone()).await.unwrap();
    let again = bench.engine.take_up(id, &principal(), bench.tenant.clone()).await;
    assert_eq!(again, Err(ActError::MovedOn), "once");
    let after = bench.end(id).await;
    assert_eq!((after.summary.state, after.summary.counts.accepted), (RunState::Finished, 20));
    let sent: Vec<_> = bench.tenant.posts.lock().unwrap().iter().map(|post| post.device.clone()).collect();
    assert_eq!(sent.len(), 12);
    assert!(sent.iter().all(|id| (8..20).any(|number| *id == device_id(number))));
    let bench = bench.restarted();
    assert_eq!(bench.engine.run(id).await.unwrap(), after, "the journal tells the same");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_changed_since_is_stopped_when_a_run_is_taken_up() {
    let (bench, record) = interrupted().await;
    let id = record.summary.header.id;
    bench.tenant.change(8, |device| device.serial_number = Some("another".into()));
    bench.engine.take_up(id, &principal(), bench.tenant.clone()).await.unwrap();
    let after = bench.end(id).await;
    assert_eq!(stand(&after.items[8]), (ItemState::Stopped, Some(ItemReason::Changed)));
    assert_eq!(after.summary.counts.accepted, 19);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_run_goes_on_only_as_the_account_that_confirmed_it() {
    let (bench, record) = interrupted().await;
    let other = Principal { account_id: "somebody else".into(), ..principal() };
    let refused = bench.engine.take_up(record.summary.header.id, &other, bench.tenant.clone()).await;
    assert_eq!(refused, Err(ActError::OtherAccount { account: "admin@contoso.example".into() }));
    assert_eq!(bench.engine.run(record.summary.header.id).await.unwrap(), record);
}

#[tokio::test(start_paused = true)]
async fn what_an_interrupted_run_had_not_sent_is_given_up_when_a_person_discards_it() {
    let (bench, record) = interrupted().await;
    let id = record.summary.header.id;
    bench.engine.discard(id).await.unwrap();
    let after = bench.engine.run(id).await.unwrap();
    assert_eq!((after.summary.state, after.summary.counts), (RunState::Cancelled, record.summary.counts));
    assert_eq!(bench.engine.take_up(id, &principal(), bench.tenant.clone()).await, Err(ActError::MovedOn));
    assert_eq!(bench.engine.discard(id).await, Err(ActError::MovedOn));
    let bench = bench.restarted();
    assert_eq!(bench.engine.run(id).await.unwrap(), after);
    assert_eq!(bench.tenant.post_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_run_whose_device_waits_in_another_one_is_not_taken_up() {
    let (bench, record) = interrupted().await;
    bench.tenant.pace().hold(Duration::from_secs(60), Kind::Write);
    let other = bench.start(plan_for([9])).await;
    let refused = bench.engine.take_up(record.summary.header.id, &principal(), bench.tenant.clone()).await;
    assert_eq!(refused, Err(InAnotherRun { devices: vec![device_id(9)] }.into()));
    bench.end(other).await;
    bench.engine.take_up(record.summary.header.id, &principal(), bench.tenant.clone()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_device_is_sent_to_again_only_by_an_act_and_only_if_nothing_is_on_its_way() {
    let bench = Bench::new(3);
    bench.tenant.script(1, [answered(403, ApiErrorKind::RoleDenied)]);
    let id = bench.run(plan(3)).await.summary.header.id;
    bench.report(2, vec![result("failed", bench.now())]);
    bench.engine.check_outcomes(id, bench.tenant.clone()).await.unwrap();
    assert_eq!(bench.send_again(id, 0).await, Err(ActError::MovedOn), "it was accepted");
    assert_eq!(bench.send_again(id, 3).await, Err(ActError::MovedOn), "there is no such device");
    tokio::time::sleep(Duration::from_secs(120)).await;
    for position in [1, 2] {
        assert_eq!(bench.send_again(id, position).await, Ok(SentAgain::Going));
        bench.end(id).await;
    }
    let record = bench.end(id).await;
    assert_eq!((record.summary.state, record.summary.counts.accepted), (RunState::Finished, 3));
    let posts = |number| bench.tenant.posts_for(number).len();
    assert_eq!((posts(0), posts(1), posts(2)), (1, 2, 2));
    assert_eq!(record.items[2].standing.attempts, 2);
    // What the earlier request led to says nothing of this one.
    let after = bench.engine.check_outcomes(id, bench.tenant.clone()).await.unwrap();
    assert_eq!(after.items[2].standing.state, ItemState::Accepted);
    let bench = bench.restarted();
    assert_eq!(bench.engine.run(id).await.unwrap(), after);
}

#[tokio::test(start_paused = true)]
async fn a_device_in_doubt_is_asked_before_it_is_sent_to_again() {
    let bench = Bench::new(3);
    for number in 0..3 {
        bench.tenant.script(number, [lost()]);
    }
    let record = bench.run(plan(3)).await;
    let id = record.summary.header.id;
    bench.report(0, vec![result("pending", record.items[0].standing.intent.unwrap())]);
    assert_eq!(bench.send_again(id, 0).await, Ok(SentAgain::Settled));
    assert_eq!(bench.tenant.posts_for(0).len(), 1);
    assert_eq!(bench.engine.run(id).await.unwrap().items[0].standing.state, ItemState::Accepted);

    bench.tenant.script_read(1, [Error::Offline("no route".into())]);
    assert!(matches!(bench.send_again(id, 1).await, Err(ActError::Graph(Error::Offline(_)))));
    assert_eq!(bench.send_again(id, 1).await, Ok(SentAgain::Going));
    let record = bench.end(id).await;
    assert_eq!((stand(&record.items[1]), bench.tenant.posts_for(1).len()), ((ItemState::Accepted, None), 2));
}

#[tokio::test(start_paused = true)]
async fn a_device_in_doubt_that_reports_the_earlier_request_in_the_countdown_is_not_sent_to_again() {
    let bench = Bench::with_countdown(1);
    bench.tenant.script(0, [lost()]);
    let record = bench.run(plan(1)).await;
    let id = record.summary.header.id;
    assert_eq!(bench.send_again(id, 0).await, Ok(SentAgain::Going));
    tokio::time::sleep(Duration::from_secs(2)).await;
    bench.report(0, vec![result("done", record.items[0].standing.intent.unwrap())]);
    let record = bench.end(id).await;
    assert_eq!((stand(&record.items[0]), bench.tenant.post_count()), ((ItemState::Done, None), 1));
}

#[tokio::test(start_paused = true)]
async fn a_doubt_remains_when_sending_again_is_stopped() {
    let bench = Bench::with_countdown(2);
    for number in 0..2 {
        bench.tenant.script(number, [lost()]);
    }
    let id = bench.run(plan(2)).await.summary.header.id;
    assert_eq!(bench.send_again(id, 0).await, Ok(SentAgain::Going));
    bench.engine.cancel(id);
    bench.end(id).await;
    bench.tenant.change(1, |device| device.device_name = "Renamed".into());
    assert_eq!(bench.send_again(id, 1).await, Ok(SentAgain::Going));
    let record = bench.end(id).await;
    assert_eq!(record.items[0].standing.state, ItemState::Unconfirmed);
    assert_eq!(stand(&record.items[1]), (ItemState::Unconfirmed, Some(ItemReason::Changed)));
    assert_eq!(bench.tenant.post_count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_device_is_sent_to_again_while_the_rest_of_its_run_still_goes_out() {
    let bench = Bench::new(3);
    bench.tenant.script(0, [answered(403, ApiErrorKind::RoleDenied)]);
    bench.tenant.script(2, [throttled(Some(Duration::from_secs(90)))]);
    let id = bench.start(plan(3)).await;
    bench.until(id, |record| record.items[0].standing.state == ItemState::Refused).await;
    assert_eq!(bench.send_again(id, 0).await, Ok(SentAgain::Going));
    assert_eq!(bench.send_again(id, 0).await, Err(ActError::MovedOn), "once");
    let record = bench.end(id).await;
    assert_eq!((record.summary.state, record.summary.counts.accepted), (RunState::Finished, 3));
    assert_eq!(bench.tenant.posts_for(0).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_waits_in_another_run_is_not_sent_to_again() {
    let bench = Bench::new(3);
    bench.tenant.script(0, [answered(403, ApiErrorKind::RoleDenied)]);
    bench.tenant.script(1, [throttled(Some(Duration::from_secs(90)))]);
    let first = bench.start(plan(2)).await;
    bench.until(first, |record| record.items[0].standing.state == ItemState::Refused).await;
    let second = bench.start(plan_for([2, 0])).await;
    let refused = Err(InAnotherRun { devices: vec![device_id(0)] }.into());
    assert_eq!(bench.send_again(first, 0).await, refused, "while its run goes on");
    bench.end(second).await;
    bench.end(first).await;
    assert_eq!(bench.tenant.posts_for(0).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_passcode_is_read_on_demand_and_only_the_one_of_this_request() {
    let bench = Bench::new(2);
    let with_passcode = |state: &str, at| DeviceActionResult { has_passcode: true, ..result(state, at) };
    let old = with_passcode("done", bench.now() - Duration::from_secs(3_600));
    bench.report(1, vec![old.clone()]);
    let id = bench.run(plan(2)).await.summary.header.id;
    bench.report(0, vec![with_passcode("done", bench.now())]);
    let reset = DeviceActionResult {
        action_name: "resetPasscode".into(),
        ..with_passcode("done", bench.now() + Duration::from_secs(1))
    };
    bench.report(1, vec![old, reset]);
    let record = bench.engine.check_outcomes(id, bench.tenant.clone()).await.unwrap();
    assert_eq!(record.items.iter().map(|item| item.standing.has_passcode).collect::<Vec<_>>(), [true, false]);
    let passcode = bench.engine.passcode(id, 0, &*bench.tenant).await.unwrap().unwrap();
    assert_eq!(passcode.expose(), "passcode of device-00000");
    assert!(!format!("{passcode:?}").contains("device-00000"));
    assert!(
        bench.engine.passcode(id, 1, &*bench.tenant).await.unwrap().is_none(),
        "an earlier request's, and another action's"
    );
    bench.report(0, vec![result("done", bench.now())]);
    assert!(
        bench.engine.passcode(id, 0, &*bench.tenant).await.unwrap().is_none(),
        "the service tells none any more"
    );
    let folder = bench.folder.path().to_owned();
    drop(bench.engine);
    drop(crate::crash::reopen(&folder));
    let bytes = std::fs::read(folder.join("journal.sqlite")).unwrap();
    assert!(!bytes.windows(11).any(|window| window == b"passcode of"), "it is on no disk");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_recorded_is_not_done() {
    let bench = Bench::new(2);
    bench.tenant.script(0, [answered(403, ApiErrorKind::RoleDenied)]);
    let id = bench.run(plan(2)).await.summary.header.id;
    let writer = rusqlite::Connection::open(bench.folder.path().join("journal.sqlite")).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(bench.send_again(id, 0).await, Err(ActError::Journal(_))));
    drop(writer);
    assert_eq!(bench.engine.run(id).await.unwrap().items[0].standing.state, ItemState::Refused);
    assert_eq!(bench.tenant.posts_for(0).len(), 1);
    assert_eq!(bench.send_again(id, 0).await, Ok(SentAgain::Going));
    bench.end(id).await;
    assert_eq!(bench.tenant.posts_for(0).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_role_denial_that_comes_as_401_is_a_denial_and_no_expiry() {
    let bench = Bench::new(2);
    bench.tenant.script(0, [answered(401, ApiErrorKind::RoleDenied)]);
    bench.tenant.script_read(1, [Error::Api(api_error(401, ApiErrorKind::RoleDenied, "no role"))]);
    let record = bench.run(plan(2)).await;
    assert_eq!(stand(&record.items[0]), (ItemState::Refused, Some(ItemReason::RoleDenied)));
    assert_eq!(stand(&record.items[1]), (ItemState::Stopped, Some(ItemReason::RoleDenied)));
    assert_eq!((record.summary.state, bench.tenant.post_count()), (RunState::Finished, 1));
}

#[tokio::test(start_paused = true)]
async fn writes_of_an_earlier_process_count_within_the_limit_of_this_one() {
    let bench = Bench::new(400);
    let first = bench.start(plan_for(0..200)).await;
    bench.end(first).await;
    let last = bench.tenant.posts.lock().unwrap().last().unwrap().at;
    let bench = bench.as_if_killed(Fake::new(400));
    bench.run(plan_for(200..400)).await;
    let soonest = bench.tenant.posts.lock().unwrap()[0].at;
    assert!(soonest.duration_since(last) > Duration::from_secs(14), "{:?}", soonest.duration_since(last));
}

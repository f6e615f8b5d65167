//! What is known is never forgotten: earlier requests of this run and of others, what a device reports of a request that the
//! journal lost, and how old an act may be.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use unlatch_graph::{ApiErrorKind, DeviceId, Error, SendOutcome};
use unlatch_recovery::{
    ActError, Action, Engine, EngineOptions, FollowEnd, Found, ItemReason, ItemState, JournalError,
    Principal, ResumeError, RunId, RunRecord, RunState, SentAgain,
};

use crate::acts::result;
use crate::fake::{
    Bench, Fake, answered, device_id, lost, options, plan, plan_for, principal, signed_out, sleeping_clock,
    stand,
};

const COUNTDOWN: Duration = Duration::from_secs(5);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Bench {
    /// As [`Bench::with`], with a countdown of five seconds.
    fn counting(tenant: Fake) -> Self {
        let bench = Self::with(tenant);
        let options = EngineOptions { countdown: COUNTDOWN, ..options(&bench.tenant.clock) };
        let engine = Engine::new(bench.engine.journal().clone(), options);
        Self { engine, ..bench }
    }

    async fn again(&self, id: RunId, position: u32) -> Result<SentAgain, ActError> {
        self.engine.send_again(id, position, &principal(), self.tenant.clone()).await
    }

    /// Asks the devices until all of these runs are given up.
    async fn give_up(&self, id: RunId) -> RunRecord {
        let follow = tokio::spawn({
            let (engine, tenant) = (self.engine.clone(), self.tenant.clone());
            async move { engine.follow(&principal(), tenant).await }
        });
        tokio::time::sleep(8 * DAY).await;
        follow.abort();
        assert!(!matches!(follow.await, Ok(FollowEnd::Journal(_))));
        self.engine.run(id).await.unwrap()
    }

    async fn earlier(&self, number: usize) -> Option<(ItemState, bool)> {
        let (tenant, action) = (principal().tenant(), Action::RecoverPasscode);
        let found = self.engine.earlier_requests(tenant, action, vec![device_id(number)]).await.unwrap();
        let now = (self.tenant.clock)();
        found.get(&device_id(number)).map(|request| (request.standing.state, request.is_warning(now)))
    }
}

#[tokio::test(start_paused = true)]
async fn an_accepted_request_without_an_answer_is_a_doubt_and_its_device_is_asked_first() {
    let bench = Bench::new(2);
    let record = bench.run(plan(2)).await;
    let id = record.summary.header.id;
    let record = bench.give_up(id).await;
    assert!(record.items.iter().all(|item| item.standing.gave_up));
    bench.report(0, vec![result("done", record.items[0].standing.intent.unwrap())]);
    assert_eq!(bench.again(id, 0).await, Ok(SentAgain::Settled));
    assert_eq!(bench.again(id, 1).await, Ok(SentAgain::Going));
    let record = bench.end(id).await;
    assert_eq!((stand(&record.items[0]).0, bench.tenant.posts_for(0).len()), (ItemState::Done, 1));
    assert_eq!((stand(&record.items[1]).0, bench.tenant.posts_for(1).len()), (ItemState::Accepted, 2));
}

#[tokio::test(start_paused = true)]
async fn a_second_request_that_is_stopped_or_refused_leaves_the_first_as_it_was_with_a_note() {
    let bench = Bench::new(2);
    let id = bench.run(plan(2)).await.summary.header.id;
    let first = bench.give_up(id).await;
    bench.tenant.change(0, |device| device.device_name = "Renamed".into());
    bench.tenant.script(1, [answered(403, ApiErrorKind::RoleDenied)]);
    for position in 0..2 {
        assert_eq!(bench.again(id, position).await, Ok(SentAgain::Going));
        bench.end(id).await;
    }
    let after = bench.end(id).await;
    let notes = [ItemReason::Changed, ItemReason::RoleDenied];
    for ((before, after), note) in first.items.iter().zip(&after.items).zip(notes) {
        assert_eq!(stand(after), (ItemState::Accepted, Some(note)));
        let (before, after) = (&before.standing, &after.standing);
        assert_eq!(after.request_id, before.request_id);
        assert_eq!(after.client_request_id, before.client_request_id);
        assert_eq!((after.intent, after.gave_up), (before.intent, true));
    }
    // What the device reports of the first is still the first's.
    bench.report(0, vec![result("done", first.items[0].standing.intent.unwrap())]);
    assert_eq!(bench.again(id, 0).await, Ok(SentAgain::Settled));
    let bench = bench.restarted();
    assert_eq!(bench.engine.run(id).await.unwrap().items[0].standing.state, ItemState::Done);
}

#[tokio::test(start_paused = true)]
async fn a_request_of_another_run_is_told_of_as_long_as_it_is_in_doubt_or_was_done_within_a_day() {
    let bench = Bench::new(5);
    bench.tenant.script(1, [lost()]);
    bench.tenant.script(2, [answered(403, ApiErrorKind::RoleDenied)]);
    let record = bench.run(plan(4)).await;
    let intent = record.items[0].standing.intent.unwrap();
    bench.report(3, vec![result("failed", intent)]);
    bench.engine.check_outcomes(record.summary.header.id, bench.tenant.clone()).await.unwrap();
    assert_eq!(bench.earlier(0).await, Some((ItemState::Accepted, true)));
    assert_eq!(bench.earlier(1).await, Some((ItemState::Unconfirmed, true)));
    assert_eq!(bench.earlier(2).await, None, "nothing was executed");
    assert_eq!(bench.earlier(3).await, Some((ItemState::Failed, false)));
    assert_eq!(bench.earlier(4).await, None);
    bench.report(0, vec![result("done", intent)]);
    bench.engine.check_outcomes(record.summary.header.id, bench.tenant.clone()).await.unwrap();
    assert_eq!(bench.earlier(0).await, Some((ItemState::Done, true)));
    tokio::time::sleep(DAY).await;
    assert_eq!(bench.earlier(0).await, Some((ItemState::Done, false)));
    let elsewhere = Principal { tenant_id: "another".into(), ..principal() };
    let action = Action::RecoverPasscode;
    let found = bench.engine.earlier_requests(elsewhere.tenant(), action, vec![device_id(1)]).await.unwrap();
    assert!(found.is_empty(), "of this tenant alone");
    let capitals = DeviceId::new(device_id(1).as_str().to_uppercase()).unwrap();
    let found = bench.engine.earlier_requests(principal().tenant(), action, vec![capitals]).await.unwrap();
    assert_eq!(found.len(), 1, "whatever the case");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_reports_the_doubtful_request_of_another_run_as_over_is_not_sent_to() {
    let bench = Bench::new(3);
    bench.tenant.script(0, [lost()]);
    let first = bench.run(plan(3)).await;
    let intent = first.items[0].standing.intent.unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    bench.report(0, vec![result("done", intent)]);
    bench.report(1, vec![result("somethingNew", intent)]);
    let second = bench.run(plan(3)).await;
    assert_eq!(stand(&second.items[0]), (ItemState::Stopped, Some(ItemReason::AlreadySent)));
    let by = Some(principal().account);
    let sent = Found::Sent { state: "done".into(), since: Some(intent), by: by.clone() };
    assert_eq!(second.items[0].standing.found, Some(sent));
    // A word that nobody knows is no end.
    assert_eq!(stand(&second.items[1]), (ItemState::Stopped, Some(ItemReason::AlreadyPending)));
    assert_eq!(second.items[1].standing.found, Some(Found::Pending { since: Some(intent), by }));
    assert_eq!(
        stand(&second.items[2]),
        (ItemState::Accepted, None),
        "a person confirmed it, and it reports nothing"
    );
    let posts = |number| bench.tenant.posts_for(number).len();
    assert_eq!((posts(0), posts(1), posts(2)), (1, 1, 2));
    // What was seen is the first run's outcome.
    let first = bench.engine.run(first.summary.header.id).await.unwrap();
    assert_eq!(first.items[0].standing.state, ItemState::Done);
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_lost_its_end_does_not_have_a_device_sent_to_that_reports_it_since() {
    let bench = Bench::new(20);
    bench.tenant.script(8, [signed_out()]);
    let id = bench.start(plan(20)).await;
    bench.until(id, |record| record.summary.state == RunState::SignInNeeded).await;
    // A copy of the journal as it is now, and then the rest is sent.
    let restored = bench.as_if_killed(Fake::new(20));
    bench.engine.resume(id, &principal(), bench.tenant.clone()).await.unwrap();
    let sent = bench.end(id).await;
    assert_eq!(sent.summary.counts.accepted, 20);
    let unsent: Vec<_> = restored.engine.run(id).await.unwrap().items;
    let unsent: Vec<_> = (0..20).filter(|at| unsent[*at].standing.state == ItemState::NotSent).collect();
    assert!(unsent.len() > 2, "{unsent:?}");
    for number in &unsent {
        let state = if number % 2 == 0 { "done" } else { "failed" };
        restored.report(*number, vec![result(state, sent.items[*number].standing.intent.unwrap())]);
    }
    restored.engine.take_up(id, &principal(), restored.tenant.clone()).await.unwrap();
    let record = restored.end(id).await;
    for number in unsent {
        assert_eq!(
            stand(&record.items[number]),
            (ItemState::Stopped, Some(ItemReason::AlreadySent)),
            "{number}"
        );
        let found = record.items[number].standing.found.clone();
        assert!(matches!(found, Some(Found::Sent { by: None, .. })), "{found:?}");
    }
    assert_eq!(restored.tenant.post_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_another_person_sent_before_the_run_was_confirmed_stops_nothing() {
    let bench = Bench::new(1);
    bench.report(0, vec![result("done", (bench.tenant.clock)() - Duration::from_secs(1))]);
    assert_eq!(stand(&bench.run(plan(1)).await.items[0]), (ItemState::Accepted, None));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_state_is_a_doubt_for_a_second_request() {
    let bench = Bench::new(1);
    let record = bench.run(plan(1)).await;
    let (id, intent) = (record.summary.header.id, record.items[0].standing.intent.unwrap());
    bench.report(0, vec![result("somethingNew", intent)]);
    let record = bench.engine.check_outcomes(id, bench.tenant.clone()).await.unwrap();
    assert_eq!(record.items[0].standing.state, ItemState::Other);
    assert_eq!(bench.earlier(0).await, Some((ItemState::Other, true)));
    bench.report(0, vec![result("Done", intent)]);
    assert_eq!(bench.again(id, 0).await, Ok(SentAgain::Settled));
    assert_eq!(bench.engine.run(id).await.unwrap().items[0].standing.state, ItemState::Done);
    assert_eq!(bench.tenant.post_count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_goes_on_after_a_sign_in_counts_down_and_can_be_stopped_in_it() {
    let bench = Bench::counting(Fake::new(2));
    bench.tenant.script(0, [signed_out()]);
    bench.tenant.script(1, [signed_out()]);
    let id = bench.start(plan(2)).await;
    bench.until(id, |record| record.summary.state == RunState::SignInNeeded).await;
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    let before = bench.tenant.post_count();
    bench.engine.resume(id, &principal(), bench.tenant.clone()).await.unwrap();
    let summary = bench.engine.run(id).await.unwrap().summary;
    assert_eq!((summary.state, summary.starts_in), (RunState::Starting, Some(COUNTDOWN)));
    tokio::time::sleep(COUNTDOWN - Duration::from_millis(100)).await;
    assert_eq!(bench.tenant.post_count(), before);
    bench.engine.cancel(id);
    let record = bench.end(id).await;
    assert_eq!((record.summary.state, record.summary.counts.not_sent), (RunState::Cancelled, 2));
    assert_eq!(bench.tenant.post_count(), before);
    let bench = bench.restarted();
    assert_eq!(bench.engine.run(id).await.unwrap(), record);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_goes_on_after_a_sign_in_sends_when_its_countdown_is_over() {
    let bench = Bench::counting(Fake::new(1));
    bench.tenant.script(0, [signed_out()]);
    let id = bench.start(plan(1)).await;
    bench.until(id, |record| record.summary.state == RunState::SignInNeeded).await;
    let resumed = Instant::now();
    bench.engine.resume(id, &principal(), bench.tenant.clone()).await.unwrap();
    let record = bench.end(id).await;
    assert_eq!((record.summary.state, record.summary.counts.accepted), (RunState::Finished, 1));
    let waited = bench.tenant.posts_for(0).last().unwrap().at - resumed;
    assert!((5.0..5.5).contains(&waited.as_secs_f64()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_confirmed_more_than_a_day_ago_goes_on_only_if_a_person_wants_it_anew() {
    let bench = Bench::counting(Fake::new(2));
    bench.tenant.script(0, [signed_out()]);
    let id = bench.start(plan_for([0])).await;
    bench.until(id, |record| record.summary.state == RunState::SignInNeeded).await;
    tokio::time::sleep(14 * DAY).await;
    let resumed = bench.engine.resume(id, &principal(), bench.tenant.clone()).await;
    assert_eq!(resumed, Err(ResumeError::Expired));
    let record = bench.end(id).await;
    assert_eq!(record.summary.state, RunState::Interrupted);
    assert_eq!(stand(&record.items[0]), (ItemState::NotSent, Some(ItemReason::Expired)));
    tokio::time::sleep(DAY).await;
    assert_eq!(bench.tenant.post_count(), 1, "the one that was not executed");
    bench.engine.take_up(id, &principal(), bench.tenant.clone()).await.unwrap();
    let record = bench.end(id).await;
    assert_eq!(
        (record.summary.state, stand(&record.items[0])),
        (RunState::Finished, (ItemState::Accepted, None))
    );
    let bench = bench.restarted();
    assert_eq!(bench.engine.run(id).await.unwrap(), record);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_slept_for_days_sends_nothing_more_of_what_it_was_at() {
    let (clock, slept) = sleeping_clock();
    let bench = Bench::with(Fake { clock, ..Fake::new(300) });
    let id = bench.start(plan(300)).await;
    bench.until(id, |record| record.summary.counts.accepted > 20).await;
    slept.store(3 * DAY.as_secs(), Ordering::SeqCst);
    let posts = bench.tenant.post_count();
    let record = bench.end(id).await;
    assert_eq!(record.summary.state, RunState::Interrupted);
    assert!(bench.tenant.post_count() <= posts + 1);
    let unsent = record.items.iter().filter(|item| item.standing.state == ItemState::NotSent);
    assert!(unsent.into_iter().all(|item| item.standing.reason == Some(ItemReason::Expired)));
}

#[tokio::test(start_paused = true)]
async fn a_device_sent_again_in_a_run_that_goes_on_has_a_countdown_of_its_own() {
    let bench = Bench::counting(Fake::new(2));
    bench.tenant.script(0, [answered(403, ApiErrorKind::RoleDenied)]);
    bench.tenant.script_read(1, (0..4).map(|_| Error::Offline("no route".into())));
    let id = bench.start(plan(2)).await;
    bench.until(id, |record| record.items[0].standing.state == ItemState::Refused).await;
    let asked = Instant::now();
    assert_eq!(bench.again(id, 0).await, Ok(SentAgain::Going));
    assert!(bench.engine.run(id).await.unwrap().summary.state.is_active());
    let record = bench.end(id).await;
    assert_eq!(record.summary.counts.accepted, 2);
    let waited = bench.tenant.posts_for(0)[1].at - asked;
    assert!(waited >= COUNTDOWN, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_takes_long_is_had_before_the_device_is_read() {
    let bench = Bench::new(1);
    *bench.tenant.token_takes.lock().unwrap() = Duration::from_secs(4);
    let begun = Instant::now();
    let record = bench.run(plan(1)).await;
    assert_eq!(record.summary.counts.accepted, 1);
    let post = bench.tenant.posts_for(0)[0].at - begun;
    assert!(post < Duration::from_secs(5), "{post:?}");
    assert_eq!(bench.tenant.reads_done.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_ahead_does_not_have_a_device_given_up() {
    let (clock, slept) = sleeping_clock();
    let bench = Bench::with(Fake { clock, server_follows: false.into(), ..Fake::new(1) });
    let id = bench.run(plan(1)).await.summary.header.id;
    slept.store(30 * DAY.as_secs(), Ordering::SeqCst);
    let follow = tokio::spawn({
        let (engine, tenant) = (bench.engine.clone(), bench.tenant.clone());
        async move { engine.follow(&principal(), tenant).await }
    });
    tokio::time::sleep(Duration::from_secs(4 * 3_600)).await;
    let record = bench.engine.run(id).await.unwrap();
    assert!(bench.tenant.results_read.load(Ordering::SeqCst) > 0);
    assert!(!record.items[0].standing.gave_up);
    bench.report(0, vec![result("done", record.items[0].standing.intent.unwrap())]);
    tokio::time::sleep(Duration::from_secs(4 * 3_600)).await;
    assert_eq!(bench.engine.run(id).await.unwrap().items[0].standing.state, ItemState::Done);
    follow.abort();
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_refused_in_a_later_run_does_not_take_the_result_of_an_earlier_one() {
    let bench = Bench::new(1);
    bench.tenant.script(0, [lost(), answered(403, ApiErrorKind::RoleDenied), SendOutcome::Accepted]);
    let first = bench.run(plan(1)).await;
    let (id, intent) = (first.summary.header.id, first.items[0].standing.intent.unwrap());
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(stand(&bench.run(plan(1)).await.items[0]).0, ItemState::Refused);
    bench.report(0, vec![result("done", intent)]);
    let first = bench.engine.check_outcomes(id, bench.tenant.clone()).await.unwrap();
    assert_eq!(first.items[0].standing.state, ItemState::Done);
    let missing: Result<RunRecord, JournalError> = bench.engine.run(RunId::random()).await;
    assert!(missing.is_err());
}

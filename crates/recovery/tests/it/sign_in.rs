use std::sync::Arc;

use unlatch_graph::{ApiErrorKind, Error, TokenError};
use unlatch_recovery::{ItemReason, ItemState, Principal, ResumeError, RunId, RunRecord, RunState};

use crate::fake::{Bench, Fake, answered, plan, principal, signed_out, stand, token_renewed};

async fn paused(bench: &Bench, id: RunId) {
    let waits = |record: &RunRecord| {
        record.summary.state == RunState::SignInNeeded && record.summary.counts.waiting > 0
    };
    bench.until(id, waits).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_without_a_sign_in_waits_and_goes_on_after_the_next_one() {
    let bench = Bench::new(100);
    for number in 20..100 {
        bench.tenant.script(number, (0..3).map(|_| signed_out()));
    }
    let id = bench.start(plan(100)).await;
    paused(&bench, id).await;
    assert!(bench.tenant.post_count() <= 20 + 8, "what was in flight, and no more");

    let renewed = Arc::new(Fake::new(100));
    bench.engine.resume(id, &principal(), renewed.clone()).await.unwrap();
    let record = bench.end(id).await;
    assert_eq!(record.summary.state, RunState::Finished);
    assert_eq!(record.summary.counts.accepted, 100);
    assert_eq!(renewed.post_count(), 80);
    assert_eq!(bench.engine.run(id).await.unwrap(), record);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_goes_on_only_as_the_same_account_of_the_same_tenant() {
    let bench = Bench::new(1);
    bench.tenant.script(0, [signed_out()]);
    let id = bench.start(plan(1)).await;
    paused(&bench, id).await;
    for other in [
        Principal { account_id: "somebody else".into(), ..principal() },
        Principal { tenant_id: "another tenant".into(), ..principal() },
        Principal { cloud: "china".into(), ..principal() },
    ] {
        let refused = bench.engine.resume(id, &other, bench.tenant.clone()).await;
        assert_eq!(refused, Err(ResumeError::OtherAccount { account: "admin@contoso.example".into() }));
    }
    let renamed = Principal { account: "new.name@contoso.example".into(), ..principal() };
    bench.engine.resume(id, &renamed, bench.tenant.clone()).await.unwrap();
    assert_eq!(stand(&bench.end(id).await.items[0]), (ItemState::Accepted, None));
    let over = bench.engine.resume(id, &principal(), bench.tenant.clone()).await;
    assert_eq!(over, Err(ResumeError::NotWaiting));
}

#[tokio::test(start_paused = true)]
async fn a_claims_challenge_and_a_read_without_a_token_wait_too() {
    let bench = Bench::new(2);
    bench.tenant.script(0, [answered(401, ApiErrorKind::ClaimsChallenge)]);
    bench.tenant.script_read(1, [Error::Token(TokenError::SignInNeeded { claims: None })]);
    let id = bench.start(plan(2)).await;
    paused(&bench, id).await;
    let sends =
        |record: &RunRecord| record.items.iter().any(|item| item.standing.state == ItemState::Sending);
    bench.until(id, |record| !sends(record)).await;
    bench.engine.resume(id, &principal(), bench.tenant.clone()).await.unwrap();
    // The request was withdrawn when the sign-in was lost, so the challenge comes now.
    paused(&bench, id).await;
    bench.engine.resume(id, &principal(), bench.tenant.clone()).await.unwrap();
    assert_eq!(bench.end(id).await.summary.counts.accepted, 2);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_can_be_cancelled() {
    let bench = Bench::new(30);
    bench.tenant.script(0, [signed_out()]);
    let id = bench.start(plan(30)).await;
    paused(&bench, id).await;
    bench.engine.cancel(id);
    let record = bench.end(id).await;
    assert_eq!(record.summary.state, RunState::Cancelled);
    assert_eq!(record.items[0].standing.state, ItemState::NotSent);
    assert_eq!(record.summary.counts.sum(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_waiting_when_the_application_ended_was_not_sent_for_want_of_a_sign_in() {
    let bench = Bench::new(1);
    bench.tenant.script(0, [signed_out()]);
    let id = bench.start(plan(1)).await;
    paused(&bench, id).await;
    let record = bench.as_if_killed(Fake::new(1)).engine.run(id).await.unwrap();
    assert_eq!(record.summary.state, RunState::Interrupted);
    assert_eq!(stand(&record.items[0]), (ItemState::NotSent, Some(ItemReason::SignInNeeded)));
}

#[tokio::test(start_paused = true)]
async fn a_second_token_that_is_not_accepted_waits_for_a_sign_in() {
    let bench = Bench::new(1);
    bench.tenant.script(0, [token_renewed(), token_renewed()]);
    let id = bench.start(plan(1)).await;
    paused(&bench, id).await;
    assert_eq!(bench.tenant.post_count(), 2);
    bench.engine.resume(id, &principal(), bench.tenant.clone()).await.unwrap();
    let record = bench.end(id).await;
    assert_eq!((stand(&record.items[0]), bench.tenant.post_count()), ((ItemState::Accepted, None), 3));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_does_not_wait_is_not_touched_by_a_resume() {
    let bench = Bench::new(30);
    let id = bench.start(plan(30)).await;
    let other = Arc::new(Fake::new(30));
    let stranger = Principal { account_id: "somebody else".into(), ..principal() };
    for account in [principal(), stranger] {
        let refused = bench.engine.resume(id, &account, other.clone()).await;
        assert_eq!(refused, Err(ResumeError::NotWaiting));
    }
    let record = bench.end(id).await;
    assert_eq!((record.summary.state, record.summary.counts.accepted), (RunState::Finished, 30));
    assert_eq!((bench.tenant.post_count(), other.post_count()), (30, 0));
}

#[tokio::test(start_paused = true)]
async fn of_two_resumes_at_once_one_is_taken() {
    let bench = Bench::new(1);
    bench.tenant.script(0, [signed_out()]);
    let id = bench.start(plan(1)).await;
    paused(&bench, id).await;
    let account = principal();
    let resume = || bench.engine.resume(id, &account, bench.tenant.clone());
    let (first, second) = tokio::join!(resume(), resume());
    assert_eq!((first, second), (Ok(()), Err(ResumeError::NotWaiting)));
    assert_eq!(bench.end(id).await.summary.counts.accepted, 1);
}

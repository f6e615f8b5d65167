//! One device in two runs.

use std::time::Duration;

use futures::FutureExt as _;
use unlatch_graph::Kind;
use unlatch_recovery::{InAnotherRun, RunState, StartError, Tenant as _};

use crate::fake::{Bench, device_id, plan_for, signed_out, throttled};

fn in_another_run(numbers: impl IntoIterator<Item = usize>) -> StartError {
    InAnotherRun { devices: numbers.into_iter().map(device_id).collect() }.into()
}

#[tokio::test(start_paused = true)]
async fn a_device_that_waits_in_a_run_cannot_start_in_another_one_of_the_same_tenant() {
    let bench = Bench::new(6);
    bench.tenant.pace().hold(Duration::from_secs(60), Kind::Write);
    let first = bench.start(plan_for(0..4)).await;
    let refused = bench.engine.start(plan_for([5, 3, 4, 1]), bench.tenant.clone()).await;
    assert_eq!(refused, Err(in_another_run([3, 1])));
    let mut elsewhere = plan_for(0..4);
    elsewhere.principal.tenant_id = "another tenant".into();
    let elsewhere = bench.start(elsewhere).await;
    assert_eq!(bench.engine.runs(None).await.unwrap().len(), 2, "what is refused is not recorded");
    bench.end(elsewhere).await;
    bench.end(first).await;
    let again = bench.start(plan_for([5, 3, 4, 1])).await;
    assert_eq!(bench.end(again).await.summary.counts.accepted, 4);
}

#[tokio::test(start_paused = true)]
async fn a_device_of_a_run_that_waits_for_a_sign_in_is_refused_and_one_that_has_its_answer_is_not() {
    let bench = Bench::new(2);
    bench.tenant.script(1, [throttled(Some(Duration::from_secs(50))), signed_out()]);
    let id = bench.start(plan_for(0..2)).await;
    bench.until(id, |run| run.summary.counts.accepted > 0).await;
    let answered = bench.start(plan_for([0])).await;
    bench.until(id, |run| run.summary.state == RunState::SignInNeeded).await;
    let refused = bench.engine.start(plan_for([1]), bench.tenant.clone()).await;
    assert_eq!(refused, Err(in_another_run([1])));
    bench.end(answered).await;
    bench.engine.cancel(id);
    bench.end(id).await;
    let freed = bench.start(plan_for([1])).await;
    assert_eq!(bench.end(freed).await.summary.counts.accepted, 1);
}

#[tokio::test(start_paused = true)]
async fn of_two_overlapping_runs_that_start_at_once_one_does() {
    let bench = Bench::new(3);
    let start = |numbers| bench.engine.start(plan_for(numbers), bench.tenant.clone());
    let (first, second) = tokio::join!(start(0..2), start(1..3));
    assert_eq!(second, Err(in_another_run([1])));
    bench.end(first.unwrap()).await;
    assert_eq!(bench.tenant.post_count(), 2);
    assert_eq!(bench.engine.runs(None).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_given_up_before_it_is_recorded_blocks_no_device() {
    let bench = Bench::new(1);
    let given_up = bench.engine.start(plan_for([0]), bench.tenant.clone()).now_or_never();
    assert!(given_up.is_none());
    let id = bench.start(plan_for([0])).await;
    assert_eq!(bench.end(id).await.summary.counts.accepted, 1);
    assert_eq!(bench.tenant.post_count(), 1);
}

//! What a proxy or gateway answers in Graph's place decides nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use unlatch_demo_tenant::{DemoTenant, Fault, FaultKind, IntermediaryBody, Options, Pace, RetryAfter};
use unlatch_graph::{AccessToken, Client, DeviceId, Error, Route, SendOutcome};
use unlatch_recovery::{
    Engine, EngineOptions, Event, ItemReason, ItemState, Journal, RunState, Tenant as _, Verdict,
    no_mdm_channel, removal_pending,
};

use crate::acts::result;
use crate::demo::Issued;
use crate::fake::{Bench, plan, plan_of, planned, stand};

const STATUSES: [u16; 12] = [200, 201, 204, 302, 400, 401, 403, 404, 407, 413, 429, 503];

#[tokio::test(start_paused = true)]
async fn a_request_that_is_answered_between_is_unconfirmed_and_never_repeated() {
    let bench = Bench::new(STATUSES.len());
    for (number, status) in STATUSES.into_iter().enumerate() {
        bench.tenant.script(number, [SendOutcome::Intermediary { status }]);
    }
    let record = bench.run(plan(STATUSES.len())).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(record.summary.state, RunState::Finished, "nobody is asked to sign in");
    for (number, status) in STATUSES.into_iter().enumerate() {
        let item = &record.items[number];
        assert_eq!(stand(item), (ItemState::Unconfirmed, Some(ItemReason::Intermediary)), "{status}");
        assert_eq!(item.standing.status, Some(status));
        assert!(!item.standing.fell_back && item.standing.can_be_sent_again());
        assert_eq!(bench.tenant.posts_for(number).len(), 1, "{status}");
    }
    assert_eq!(bench.tenant.pace().hold_left(), None);

    // The journal tells it again after a restart.
    let again = bench.engine.journal().run(record.summary.header.id).await.unwrap();
    assert_eq!(stand(&again.items[6]), (ItemState::Unconfirmed, Some(ItemReason::Intermediary)));
    assert_eq!(again.items[6].standing.status, Some(403));
}

#[tokio::test(start_paused = true)]
async fn what_the_device_reports_settles_a_request_that_was_answered_between() {
    let bench = Bench::new(1);
    bench.tenant.script(0, [SendOutcome::Intermediary { status: 200 }]);
    let id = bench.run(plan(1)).await.summary.header.id;
    bench.report(0, vec![result("done", (bench.tenant.clock)())]);
    let record = bench.engine.check_outcomes(id, bench.tenant.clone()).await.unwrap();
    assert_eq!(stand(&record.items[0]), (ItemState::Done, None));
}

#[tokio::test(start_paused = true)]
async fn a_read_before_the_request_that_is_answered_between_is_tried_as_without_a_connection() {
    let bench = Bench::new(2);
    let between = |status| Error::Intermediary { status };
    bench.tenant.script_read(0, [between(401), between(404)]);
    bench.tenant.script_read(1, (0..9).map(|_| between(403)));
    let begun = Instant::now();
    let record = bench.run(plan(2)).await;
    assert_eq!(stand(&record.items[0]), (ItemState::Accepted, None));
    assert_eq!(stand(&record.items[1]), (ItemState::Stopped, Some(ItemReason::Intermediary)));
    let message = record.items[1].standing.message.as_deref().unwrap();
    assert!(message.contains("answered with 403 (a proxy or gateway)"), "{message}");
    assert!(begun.elapsed() > Duration::from_secs(10), "with a backoff");
    assert_eq!((bench.tenant.posts_for(0).len(), bench.tenant.posts_for(1).len()), (1, 0));
}

#[test]
fn entries_of_earlier_versions_are_graphs_and_stay_as_they_are() {
    let before = r#"{"answer":{"verdict":"unconfirmed","status":504,"code":null,"message":null,"requestId":null,"clientRequestId":"00000000-0000-0000-0000-000000000000","serverDate":null}}"#;
    let event: Event = serde_json::from_str(before).unwrap();
    assert!(matches!(event, Event::Answer { verdict: Verdict::Unconfirmed, intermediary: false, .. }));
    assert_eq!(serde_json::to_string(&event).unwrap(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_a_gateway_before_and_behind_the_service_leaves_doubt_and_one_request_each() {
    use IntermediaryBody::{Empty, GraphShaped, Json, Page};
    let demo = DemoTenant::start(Options { pace: Pace::manual(), ..Options::default() }).await.unwrap();
    let token = AccessToken::new(demo.issue_access_token().into());
    let client = Client::new(demo.graph_url(), Arc::new(Issued(token)), None).unwrap();
    let mut items = Vec::new();
    let kinds = [
        (200, Json),
        (201, Empty),
        (400, GraphShaped),
        (401, Page),
        (403, GraphShaped),
        (404, Page),
        (407, Page),
        (413, Page),
        (429, Json),
        (503, Page),
    ];
    for device in demo.directory().devices {
        if items.len() == 2 * kinds.len() {
            break;
        }
        let read = client.device(&DeviceId::new(&device.id).unwrap()).await.unwrap();
        if removal_pending(&read).is_none() && no_mdm_channel(&read).is_none() {
            items.push(planned(&read, Route::Direct));
        }
    }
    for (number, item) in items.iter().enumerate() {
        let (status, body) = kinds[number / 2];
        let retry_after = Some(RetryAfter::Integer(400));
        let kind = FaultKind::Intermediary { status, body, executed: number % 2 == 1, retry_after };
        demo.add_fault(Fault::new(kind).method("POST").device(item.device_id.as_str()));
    }
    let folder = tempfile::tempdir().unwrap();
    let options = EngineOptions { countdown: Duration::ZERO, ..EngineOptions::default() };
    let engine = Engine::new(Journal::open(folder.path()).unwrap(), options);
    let id = engine.start(plan_of(items.clone()), Arc::new(client.clone())).await.unwrap();
    engine.finished(id).await;
    let record = engine.run(id).await.unwrap();
    for item in &record.items {
        assert_eq!(stand(item), (ItemState::Unconfirmed, Some(ItemReason::Intermediary)));
        assert_eq!(item.standing.status, Some(kinds[item.position as usize / 2].0));
    }
    let posts = demo.requests().into_iter().filter(|request| request.method == "POST").count();
    assert_eq!((posts, demo.executed().len()), (items.len(), kinds.len()));
    assert_eq!(client.pace().hold_left(), None);

    // The devices tell which requests were let through.
    let record = engine.check_outcomes(id, Arc::new(client)).await.unwrap();
    for item in &record.items {
        let expected = if item.position % 2 == 1 { ItemState::Accepted } else { ItemState::Unconfirmed };
        assert_eq!(item.standing.state, expected, "{}", item.position);
    }
}

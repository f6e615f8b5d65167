//! One run over real HTTP against the demo tenant.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use secrecy::SecretString;
use unlatch_demo_tenant::{ActionState, DemoTenant, Device, Fault, FaultKind, Options, Pace, RetryAfter};
use unlatch_graph::{AccessToken, AppId, Client, DeviceId, Kind, Route, TokenError, TokenSource, UserId};
use unlatch_recovery::{
    Engine, EngineOptions, ItemReason, ItemState, Journal, PlannedItem, RunState, no_mdm_channel,
    removal_pending,
};

use crate::fake::{plan_of, planned, stand};

/// A sign-in with one token that lasts.
pub struct Issued(pub AccessToken);

impl TokenSource for Issued {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, TokenError>> {
        Box::pin(async { Ok(self.0.clone()) })
    }

    fn renew<'a>(
        &'a self,
        _: &'a AccessToken,
        _: Option<&'a str>,
    ) -> BoxFuture<'a, Result<AccessToken, TokenError>> {
        Box::pin(async { Err(TokenError::SignInNeeded { claims: None }) })
    }
}

async fn item(client: &Client, device: &Device, route: Route) -> PlannedItem {
    planned(&client.device(&DeviceId::new(&device.id).unwrap()).await.unwrap(), route)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_over_http_goes_out_by_all_three_routes_and_tells_what_became_of_each_device() {
    let demo = DemoTenant::start(Options { pace: Pace::manual(), ..Options::default() }).await.unwrap();
    let token = AccessToken::new(SecretString::from(demo.issue_access_token()));
    let client = Client::new(demo.graph_url(), Arc::new(Issued(token)), None).unwrap();

    let directory = demo.directory();
    let mut usable = Vec::new();
    for device in directory.devices.iter().filter(|device| device.user_id.is_some()) {
        let read = client.device(&DeviceId::new(&device.id).unwrap()).await.unwrap();
        if removal_pending(&read).is_none() && no_mdm_channel(&read).is_none() {
            usable.push(device.clone());
        }
    }
    let apps: HashMap<&str, &str> = directory
        .apps
        .iter()
        .flat_map(|app| app.device_ids.iter().map(|device| (device.as_str(), app.id.as_str())))
        .collect();
    let mut with_app = usable.iter().filter(|device| apps.contains_key(device.id.as_str()));
    let (by_app, falls_back) = (with_app.next().unwrap().clone(), with_app.next().unwrap().clone());
    let mut others = usable.iter().filter(|device| device.id != by_app.id && device.id != falls_back.id);
    let mut next = || others.next().unwrap().clone();
    let (by_user, direct) = (next(), next());
    let (reset_after, reset_before, denied, throttled, gateway) = (next(), next(), next(), next(), next());
    let (renamed, untouched) = (next(), next());

    let app_route = |device: &Device| Route::App(AppId::new(apps[device.id.as_str()]).unwrap());
    let user_route = Route::User(UserId::new(by_user.user_id.clone().unwrap()).unwrap());
    let mut items = vec![
        item(&client, &by_user, user_route).await,
        item(&client, &by_app, app_route(&by_app)).await,
        item(&client, &falls_back, app_route(&falls_back)).await,
    ];
    for device in [&direct, &reset_after, &reset_before, &denied, &throttled, &gateway, &renamed] {
        items.push(item(&client, device, Route::Direct).await);
    }

    let fault = |kind, device: &Device| {
        demo.add_fault(Fault::new(kind).path_contains("recoverPasscode").device(&device.id).times(1));
    };
    fault(FaultKind::MissingRoute, &falls_back);
    fault(FaultKind::ResetAfter, &reset_after);
    fault(FaultKind::ResetBefore, &reset_before);
    fault(FaultKind::RoleDenied401, &denied);
    fault(FaultKind::TooManyRequests { retry_after: RetryAfter::Fraction(0.1) }, &throttled);
    fault(FaultKind::Status { status: 504, retry_after: None, executed: true }, &gateway);
    demo.change_device(&renamed.id, |device| device.name = "Somebody else's".into());

    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::new(
        Journal::open(folder.path()).unwrap(),
        EngineOptions { countdown: Duration::ZERO, ..EngineOptions::default() },
    );
    demo.clear_requests();
    let id = engine.start(plan_of(items), Arc::new(client.clone())).await.unwrap();
    engine.finished(id).await;
    let record = engine.run(id).await.unwrap();
    assert_eq!(record.summary.state, RunState::Finished);
    let states: Vec<_> = record.items.iter().map(stand).collect();
    let (accepted, unconfirmed) = ((ItemState::Accepted, None), (ItemState::Unconfirmed, None));
    assert_eq!(
        states,
        [
            accepted,
            accepted,
            accepted,
            accepted,
            unconfirmed,
            unconfirmed,
            (ItemState::Refused, Some(ItemReason::RoleDenied)),
            accepted,
            unconfirmed,
            (ItemState::Stopped, Some(ItemReason::Changed)),
        ]
    );
    assert!(record.items[2].standing.fell_back && !record.items[1].standing.fell_back);

    let executed: HashMap<String, Vec<_>> =
        demo.executed().into_iter().fold(HashMap::new(), |mut by_device, action| {
            by_device.entry(action.device_id.clone()).or_default().push(action);
            by_device
        });
    for (device, route) in [
        (&by_user, unlatch_demo_tenant::Route::User),
        (&by_app, unlatch_demo_tenant::Route::DetectedApp),
        (&falls_back, unlatch_demo_tenant::Route::Direct),
        (&direct, unlatch_demo_tenant::Route::Direct),
        (&reset_after, unlatch_demo_tenant::Route::Direct),
        (&throttled, unlatch_demo_tenant::Route::Direct),
        (&gateway, unlatch_demo_tenant::Route::Direct),
    ] {
        let actions = &executed[&device.id];
        assert_eq!(actions.len(), 1, "{}", device.name);
        assert_eq!(actions[0].route, route);
    }
    assert_eq!(executed.len(), 7, "nothing else was executed");
    assert!(!executed.contains_key(&untouched.id));
    let audit = executed[&by_user.id][0].client_request_id.clone();
    assert_eq!(audit, record.items[0].standing.client_request_id.map(|id| id.to_string()));
    assert!(record.items[0].standing.request_id.is_some());

    for device in [&by_user, &reset_after, &gateway] {
        demo.settle(&device.id, ActionState::Done);
    }
    demo.settle(&by_app.id, ActionState::NotSupported);
    let record = engine.check_outcomes(id, Arc::new(client)).await.unwrap();
    let states: Vec<_> = record.items.iter().map(|item| item.standing.state).collect();
    assert_eq!(
        states[..6],
        [
            ItemState::Done,
            ItemState::NotSupported,
            ItemState::Accepted,
            ItemState::Accepted,
            ItemState::Done,
            ItemState::Unconfirmed,
        ]
    );
    assert_eq!(states[8], ItemState::Done);
    let posts = demo.requests().into_iter().filter(|request| request.method == "POST").count();
    assert_eq!(posts, 11, "one for each device sent to, one more for the fallback and one for the 429");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_that_a_read_was_told_holds_a_run_until_a_person_tries_one_read() {
    let demo = DemoTenant::start(Options { pace: Pace::manual(), ..Options::default() }).await.unwrap();
    let token = AccessToken::new(SecretString::from(demo.issue_access_token()));
    let client = Client::new(demo.graph_url(), Arc::new(Issued(token)), None).unwrap();
    let mut items = Vec::new();
    for device in demo.directory().devices.iter().filter(|device| device.user_id.is_some()).take(20) {
        let read = client.device(&DeviceId::new(&device.id).unwrap()).await.unwrap();
        if removal_pending(&read).is_none() && no_mdm_channel(&read).is_none() {
            items.push(planned(&read, Route::Direct));
        }
    }
    demo.add_fault(
        Fault::new(FaultKind::TooManyRequests { retry_after: RetryAfter::Integer(86_400) })
            .path_contains("managedDevices")
            .times(1),
    );
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::new(
        Journal::open(folder.path()).unwrap(),
        EngineOptions { countdown: Duration::ZERO, ..EngineOptions::default() },
    );
    let id = engine.start(plan_of(items), Arc::new(client.clone())).await.unwrap();
    let mut changes = engine.watch(id).unwrap();
    let hold = loop {
        if let Some(hold) = engine.run(id).await.unwrap().summary.hold {
            break hold;
        }
        changes.changed().await.unwrap();
    };
    assert!(hold.told_by == Kind::Read && hold.left > Duration::from_secs(86_000), "{hold:?}");
    let held = tokio::time::timeout(Duration::from_secs(4), engine.finished(id)).await;
    assert!(held.is_err(), "longer than the backoff of the device that was read");
    client.probe().await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), engine.finished(id)).await.unwrap();
    let record = engine.run(id).await.unwrap();
    assert_eq!(record.summary.counts.accepted, record.summary.counts.total);
}

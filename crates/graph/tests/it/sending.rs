//! The POST: what comes of it, and that it is never sent twice where that could matter.

use std::time::Duration;

use unlatch_demo_tenant::{Fault, FaultKind, RetryAfter};
use unlatch_graph::{ApiErrorKind, AppId, Client, DeviceId, Route, SendOutcome, TokenError, UserId};

use crate::fixture::{NoTokens, Reaction, Scripted, Tokens, demo, error_body, json, posts};

fn device(id: &str) -> DeviceId {
    DeviceId::new(id).unwrap()
}

#[tokio::test]
async fn all_three_routes_are_accepted_and_executed_once() {
    let (tenant, client) = demo().await;
    let directory = tenant.directory();
    let app = directory.apps.iter().find(|app| !app.device_ids.is_empty()).unwrap();
    let owned = directory.devices.iter().find(|device| device.user_id.is_some()).unwrap();
    let routes = [
        (Route::User(UserId::new(owned.user_id.clone().unwrap()).unwrap()), owned.id.clone()),
        (Route::App(AppId::new(app.id.clone()).unwrap()), app.device_ids[0].clone()),
        (Route::Direct, directory.devices[9].id.clone()),
    ];
    for (route, id) in &routes {
        let sent = client.recover_passcode(route, &device(id)).await;
        assert_eq!(sent.outcome, SendOutcome::Accepted, "{route:?}");
        assert!(sent.request_id.is_some() && sent.server_date.is_some());
        let last = tenant.executed().pop().unwrap();
        assert_eq!((&last.device_id, last.client_request_id), (id, Some(sent.client_request_id.to_string())));
    }
    assert_eq!(tenant.executed().len(), 3);
    for request in posts(&tenant) {
        assert!(!request.has_body && request.header("content-type").is_none());
        assert_eq!(request.header("content-length"), Some("0"));
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_lost_and_not_repeated() {
    for (fault, executed) in [(FaultKind::ResetBefore, 0), (FaultKind::ResetAfter, 1)] {
        let (tenant, client) = demo().await;
        let id = tenant.directory().devices[0].id.clone();
        tenant.add_fault(Fault::new(fault.clone()));
        let sent = client.recover_passcode(&Route::Direct, &device(&id)).await;
        assert!(matches!(sent.outcome, SendOutcome::Lost(_)), "{fault:?}: {sent:?}");
        assert_eq!((posts(&tenant).len(), tenant.executed().len()), (1, executed));
    }
}

#[tokio::test]
async fn a_connection_kept_from_a_read_is_not_used_for_the_post() {
    let (tenant, client) = demo().await;
    let id = tenant.directory().devices[0].id.clone();
    for _ in 0..5 {
        client.me().await.unwrap();
        let sent = client.recover_passcode(&Route::Direct, &device(&id)).await;
        assert_eq!(sent.outcome, SendOutcome::Accepted);
    }
    assert_eq!(tenant.executed().len(), 5);
}

#[tokio::test]
async fn a_refused_connection_is_not_connected() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = url::Url::parse(&format!("http://{}/v1.0", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let client = Client::new(&url, Tokens::new("t", Vec::new()), None).unwrap();
    let sent = client.recover_passcode(&Route::Direct, &device("secret-device")).await;
    match sent.outcome {
        SendOutcome::NotConnected(text) => {
            assert!(!text.contains("secret-device") && !text.is_empty(), "{text}")
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_head_that_is_cut_is_lost_and_a_status_stands_without_its_body() {
    let id = device("d");
    let cut = Scripted::start(|_, _| Reaction::Answer(b"HTTP/1.1 20".to_vec())).await;
    let sent = cut.client().recover_passcode(&Route::Direct, &id).await;
    assert!(matches!(sent.outcome, SendOutcome::Lost(_)), "{sent:?}");
    assert_eq!(cut.requests().len(), 1);

    let silent = Scripted::start(|_, _| Reaction::Reset).await;
    let sent = silent.client().recover_passcode(&Route::Direct, &id).await;
    assert!(matches!(sent.outcome, SendOutcome::Lost(_)), "{sent:?}");
    assert_eq!(silent.requests().len(), 1);

    let half = Scripted::start(|_, _| {
        Reaction::Answer(
            b"HTTP/1.1 400 Bad\r\nrequest-id: r\r\ncontent-length: 900\r\n\r\n{\"error\":".to_vec(),
        )
    })
    .await;
    let sent = half.client().recover_passcode(&Route::Direct, &id).await;
    assert!(matches!(sent.outcome, SendOutcome::Answered { status: 400, .. }), "{sent:?}");
}

#[tokio::test]
async fn an_error_is_answered_once_with_its_kind() {
    for (fault, status, kind) in [
        (FaultKind::RoleDenied403, 403, ApiErrorKind::RoleDenied),
        (FaultKind::RoleDenied401, 401, ApiErrorKind::RoleDenied),
        (FaultKind::MissingScope403, 403, ApiErrorKind::MissingScope),
        (FaultKind::NotFound404, 404, ApiErrorKind::NotFound),
        (FaultKind::OutOfScopeTags404, 404, ApiErrorKind::OutOfScopeTags),
        (FaultKind::NoLicence400, 400, ApiErrorKind::NoLicence),
        (FaultKind::MissingRoute, 400, ApiErrorKind::RouteUnknown),
        (FaultKind::Status { status: 500, retry_after: None, executed: true }, 500, ApiErrorKind::Service),
        (FaultKind::Status { status: 503, retry_after: None, executed: false }, 503, ApiErrorKind::Service),
        (FaultKind::Status { status: 504, retry_after: None, executed: true }, 504, ApiErrorKind::Service),
    ] {
        let (tenant, client) = demo().await;
        let id = tenant.directory().devices[0].id.clone();
        tenant.add_fault(Fault::new(fault.clone()));
        let sent = client.recover_passcode(&Route::Direct, &device(&id)).await;
        match sent.outcome {
            SendOutcome::Answered { status: answered, error, .. } => {
                assert_eq!((answered, error.kind), (status, kind), "{fault:?}");
                assert!(sent.request_id.is_some());
            }
            other => panic!("{fault:?}: {other:?}"),
        }
        assert_eq!(posts(&tenant).len(), 1, "{fault:?} is not repeated here");
    }
}

#[tokio::test]
async fn a_429_holds_the_pace_and_is_not_repeated() {
    for (retry_after, told, least) in [
        (RetryAfter::Integer(7), Some(Duration::from_secs(7)), 6.0),
        (RetryAfter::Fraction(3.25), Some(Duration::from_millis(3_250)), 2.5),
        (RetryAfter::Missing, None, 1.0),
    ] {
        let (tenant, client) = demo().await;
        let id = tenant.directory().devices[0].id.clone();
        tenant.add_fault(Fault::new(FaultKind::TooManyRequests { retry_after }));
        let sent = client.recover_passcode(&Route::Direct, &device(&id)).await;
        match sent.outcome {
            SendOutcome::Answered { status: 429, error, retry_after } => {
                assert_eq!((retry_after, error.kind), (told, ApiErrorKind::Throttled));
            }
            other => panic!("{other:?}"),
        }
        assert!(client.pace().hold_left().unwrap().as_secs_f64() > least);
        assert_eq!((posts(&tenant).len(), tenant.executed().len()), (1, 0));
    }
}

#[tokio::test]
async fn an_expired_token_is_renewed_and_the_post_is_not_repeated_here() {
    let (tenant, _) = demo().await;
    let old = tenant.issue_access_token();
    tenant.expire_access_tokens();
    let new = tenant.issue_access_token();
    let id = tenant.directory().devices[0].id.clone();
    let tokens = Tokens::new(&old, vec![Ok(&new)]);
    let client = Client::new(tenant.graph_url(), tokens.clone(), None).unwrap();
    let sent = client.recover_passcode(&Route::Direct, &device(&id)).await;
    match &sent.outcome {
        SendOutcome::TokenRenewed { error } => {
            assert_eq!((error.status, error.kind), (401, ApiErrorKind::Unauthenticated));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(tokens.renewed(), [None]);
    assert_eq!((posts(&tenant).len(), tenant.executed().len()), (1, 0));
    let again = client.recover_passcode(&Route::Direct, &device(&id)).await;
    assert_eq!(again.outcome, SendOutcome::Accepted);
    assert_ne!(again.client_request_id, sent.client_request_id);
    assert_eq!((posts(&tenant).len(), tenant.executed().len()), (2, 1));
}

#[tokio::test]
async fn every_401_for_a_token_is_told_as_such_and_sends_one_request() {
    let server =
        Scripted::start(|_, _| json(401, &[], &error_body("InvalidAuthenticationToken", "no"))).await;
    let tokens = Tokens::new("a", vec![Ok("b"), Ok("c")]);
    let client = server.client_with(tokens.clone());
    for sends in 1..=2 {
        let sent = client.recover_passcode(&Route::Direct, &device("d")).await;
        assert!(matches!(sent.outcome, SendOutcome::TokenRenewed { .. }), "{sent:?}");
        assert_eq!((tokens.renewed().len(), server.requests().len()), (sends, sends));
    }
}

#[tokio::test]
async fn a_challenge_that_needs_a_person_ends_without_a_token() {
    let (tenant, _) = demo().await;
    let id = tenant.directory().devices[0].id.clone();
    let tokens = Tokens::new(&tenant.issue_access_token(), Vec::new());
    let client = Client::new(tenant.graph_url(), tokens.clone(), None).unwrap();
    tenant.add_fault(Fault::new(FaultKind::ClaimsChallenge));
    let sent = client.recover_passcode(&Route::Direct, &device(&id)).await;
    let claims = tokens.renewed().pop().unwrap();
    assert!(claims.as_ref().is_some_and(|claims| claims.contains("nbf")));
    assert_eq!(sent.outcome, SendOutcome::NoToken(TokenError::SignInNeeded { claims }));
    assert!(tenant.executed().is_empty());
}

#[tokio::test]
async fn a_role_denial_in_a_401_is_neither_renewed_nor_repeated() {
    let (tenant, _) = demo().await;
    let id = tenant.directory().devices[0].id.clone();
    let tokens = Tokens::new(&tenant.issue_access_token(), vec![Ok("other")]);
    let client = Client::new(tenant.graph_url(), tokens.clone(), None).unwrap();
    tenant.add_fault(Fault::new(FaultKind::RoleDenied401));
    client.recover_passcode(&Route::Direct, &device(&id)).await;
    assert!(tokens.renewed().is_empty());
    assert_eq!(posts(&tenant).len(), 1);
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let server = Scripted::start(|_, _| json(204, &[], "")).await;
    let client = server.client_with(std::sync::Arc::new(NoTokens));
    let sent = client.recover_passcode(&Route::Direct, &device("d")).await;
    assert!(matches!(sent.outcome, SendOutcome::NoToken(TokenError::SignInNeeded { .. })));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_read_that_is_answered_between_two_throttled_posts_does_not_shorten_the_next_hold() {
    let server = Scripted::start(|_, head| {
        if head.starts_with("POST") { json(429, &[], "") } else { json(200, &[], r#"{"id":"me"}"#) }
    })
    .await;
    let client = server.client();
    client.recover_passcode(&Route::Direct, &device("d")).await;
    client.me().await.unwrap();
    client.recover_passcode(&Route::Direct, &device("d")).await;
    let left = client.pace().hold_left().unwrap();
    assert!(left > Duration::from_millis(2_500), "{left:?}, not the first pause again");
}

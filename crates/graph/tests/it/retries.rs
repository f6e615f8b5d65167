//! When a read is asked again.

use std::time::{Duration, Instant};

use unlatch_demo_tenant::{Fault, FaultKind, RetryAfter};
use unlatch_graph::{ApiErrorKind, Client, Error, Hold, Kind, TokenError};

use crate::fixture::{NoTokens, Reaction, Scripted, Tokens, demo, error_body, json};

#[tokio::test]
async fn a_throttled_read_waits_as_told_and_is_asked_again() {
    for (retry_after, least, most) in [
        (RetryAfter::Integer(1), 1.0, 2.5),
        (RetryAfter::Fraction(0.249), 0.249, 1.5),
        (RetryAfter::Date, 1.0, 5.0),
        (RetryAfter::Missing, 1.5, 4.0),
    ] {
        let (tenant, client) = demo().await;
        tenant.add_fault(Fault::new(FaultKind::TooManyRequests { retry_after }).times(1));
        let begun = Instant::now();
        client.me().await.unwrap();
        let took = begun.elapsed().as_secs_f64();
        assert!(took >= least && took < most, "{retry_after:?}: {took} s");
        assert_eq!(tenant.requests().len(), 2);
    }
}

#[tokio::test]
async fn a_429_holds_every_other_request_too() {
    let server = Scripted::start(|_, _| json(429, &[("retry-after", "500")], "")).await;
    let client = server.client();
    let error = client.me().await.unwrap_err();
    let request_id = Some("srv-1".to_owned());
    assert_eq!(error, Error::Throttled { retry_after: Some(Duration::from_secs(500)), request_id });
    assert!(client.pace().hold_left().unwrap() > Duration::from_secs(495));
    let turn = tokio::time::timeout(Duration::from_millis(50), client.pace().write_turn());
    assert!(turn.await.is_err());
    assert_eq!(server.requests().len(), 1, "a wait that long is not sat out");
    let next = tokio::time::timeout(Duration::from_secs(5), client.me()).await.unwrap();
    match next {
        Err(Error::Held(Hold { left, told_by: Kind::Read })) => assert!(left > Duration::from_secs(490)),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.requests().len(), 1, "nor by the reads that come after");
}

#[tokio::test]
async fn throttling_without_end_gives_up() {
    let server = Scripted::start(|_, _| json(429, &[("retry-after", "0.01"), ("request-id", "r")], "")).await;
    let error = server.client().me().await.unwrap_err();
    assert_eq!(
        error,
        Error::Throttled { retry_after: Some(Duration::from_millis(10)), request_id: Some("r".to_owned()) }
    );
    assert_eq!(server.requests().len(), 6);
}

#[tokio::test]
async fn a_service_that_is_away_for_a_moment_is_asked_three_times() {
    for status in [503, 504] {
        let fault =
            || FaultKind::Status { status, retry_after: Some(RetryAfter::Fraction(0.05)), executed: false };
        let (tenant, client) = demo().await;
        tenant.add_fault(Fault::new(fault()).times(2));
        client.me().await.unwrap();
        assert_eq!(tenant.requests().len(), 3);
        tenant.add_fault(Fault::new(fault()));
        tenant.clear_requests();
        let error = client.me().await.unwrap_err();
        assert!(matches!(&error, Error::Api(error) if error.status == status && error.request_id.is_some()));
        assert_eq!(tenant.requests().len(), 3);
    }
}

#[tokio::test]
async fn a_500_and_a_400_are_not_asked_again() {
    for status in [400, 409, 500, 502] {
        let server = Scripted::start(move |_, _| json(status, &[], &error_body("x", "y"))).await;
        assert!(matches!(server.client().me().await, Err(Error::Api(error)) if error.status == status));
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_tried_three_times() {
    let (tenant, client) = demo().await;
    tenant.add_fault(Fault::new(FaultKind::ResetBefore).times(2));
    client.me().await.unwrap();
    tenant.add_fault(Fault::new(FaultKind::ResetBefore));
    tenant.clear_requests();
    assert!(matches!(client.me().await, Err(Error::Offline(_))));
    assert_eq!(tenant.requests().len(), 3);
}

#[tokio::test]
async fn an_answer_that_is_cut_short_is_asked_for_again() {
    let server = Scripted::start(|count, _| match count {
        0 => Reaction::Answer(
            b"HTTP/1.1 200 OK\r\nrequest-id: r\r\ncontent-length: 500\r\n\r\n{\"id\":".to_vec(),
        ),
        _ => json(200, &[], r#"{"id":"me"}"#),
    })
    .await;
    assert_eq!(server.client().me().await.unwrap().id.as_str(), "me");
}

fn unauthorized() -> Reaction {
    json(
        401,
        &[("www-authenticate", "Bearer realm=\"\"")],
        &error_body("InvalidAuthenticationToken", "expired"),
    )
}

#[tokio::test]
async fn an_expired_token_is_renewed_once() {
    let server = Scripted::start(|_, head| {
        if head.contains("Bearer second-token") { json(200, &[], r#"{"id":"me"}"#) } else { unauthorized() }
    })
    .await;
    let tokens = Tokens::new("first-token", vec![Ok("second-token")]);
    let client = server.client_with(tokens.clone());
    client.me().await.unwrap();
    assert_eq!(tokens.renewed(), [None]);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_token_that_stays_refused_is_not_renewed_forever() {
    let server = Scripted::start(|_, _| unauthorized()).await;
    let tokens = Tokens::new("first-token", vec![Ok("second-token"), Ok("third-token")]);
    let error = server.client_with(tokens.clone()).me().await.unwrap_err();
    assert!(matches!(error, Error::Api(error) if error.kind == ApiErrorKind::Unauthenticated));
    assert_eq!((tokens.renewed().len(), server.requests().len()), (1, 2));
}

#[tokio::test]
async fn a_role_denial_in_a_401_is_not_renewed() {
    let (tenant, _) = demo().await;
    let tokens = Tokens::new(&tenant.issue_access_token(), vec![Ok("other")]);
    let client = Client::new(tenant.graph_url(), tokens.clone(), None).unwrap();
    tenant.add_fault(Fault::new(FaultKind::RoleDenied401));
    let error = client.me().await.unwrap_err();
    assert!(matches!(error, Error::Api(error) if error.kind == ApiErrorKind::RoleDenied));
    assert!(tokens.renewed().is_empty());
    assert_eq!(tenant.requests().len(), 1);
}

#[tokio::test]
async fn the_claims_of_a_challenge_reach_the_token_source() {
    let (tenant, _) = demo().await;
    let tokens = Tokens::new(&tenant.issue_access_token(), Vec::new());
    let client = Client::new(tenant.graph_url(), tokens.clone(), None).unwrap();
    tenant.add_fault(Fault::new(FaultKind::ClaimsChallenge));
    let error = client.me().await.unwrap_err();
    let claims = tokens.renewed().pop().unwrap().unwrap();
    assert!(claims.contains("\"nbf\""), "{claims}");
    assert_eq!(error, Error::Token(TokenError::SignInNeeded { claims: Some(claims) }));
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let server = Scripted::start(|_, _| json(200, &[], "{}")).await;
    let client = server.client_with(std::sync::Arc::new(NoTokens));
    assert!(matches!(client.me().await, Err(Error::Token(TokenError::SignInNeeded { .. }))));
    assert!(server.requests().is_empty());
}

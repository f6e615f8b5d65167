//! What something between Unlatch and Graph answers in Graph's place decides nothing.

use std::time::{Duration, Instant};

use serde_json::json;
use unlatch_demo_tenant::{Fault, FaultKind, IntermediaryBody, RetryAfter};
use unlatch_graph::{ApiErrorKind, Client, DeviceId, Error, Route, SendOutcome, Sent};

use crate::fixture::{Scripted, Tokens, between, demo, error_body, posts};

const PAGE: &str = "<!DOCTYPE html><html><body>This request was blocked.</body></html>";

async fn send(client: &Client) -> Sent {
    client.recover_passcode(&Route::Direct, &DeviceId::new("d").unwrap()).await
}

/// The answers that a gateway gives in its own name.
fn bodies() -> [String; 4] {
    [String::new(), PAGE.to_owned(), r#"{"blocked":true}"#.to_owned(), error_body("Blocked", "by policy")]
}

#[tokio::test]
async fn a_post_that_is_answered_between_is_unconfirmed_whatever_the_status() {
    for status in [200, 201, 204, 302, 400, 401, 403, 404, 407, 413, 429, 451, 502, 503, 504, 511] {
        for body in bodies() {
            // A 204 has no body.
            let shown = if status == 204 { String::new() } else { body };
            let headers = [("retry-after", "500"), ("date", "Tue, 03 Nov 2026 10:00:00 GMT")];
            let server = Scripted::start(move |_, _| between(status, &headers, &shown)).await;
            let tokens = Tokens::new("first-token", vec![Ok("second-token")]);
            let client = server.client_with(tokens.clone());
            let sent = send(&client).await;
            assert_eq!(sent.outcome, SendOutcome::Intermediary { status });
            assert_eq!((sent.request_id, sent.server_date), (None, None), "{status}");
            assert_eq!(client.pace().hold_left(), None, "{status} holds nothing");
            assert!(tokens.renewed().is_empty(), "{status} renews no token");
            assert_eq!(server.requests().len(), 1);
        }
    }
}

#[tokio::test]
async fn a_success_that_speaks_of_an_error_is_never_accepted() {
    for status in [200, 201, 202] {
        let server =
            Scripted::start(move |_, _| between(status, &[("request-id", "r")], &error_body("x", "y"))).await;
        assert_eq!(send(&server.client()).await.outcome, SendOutcome::Intermediary { status });
    }
}

#[tokio::test]
async fn an_error_of_graphs_is_known_by_its_body_where_a_proxy_drops_the_header() {
    let body = json!({"error": {"code": "Forbidden", "message": "no", "innerError": {"request-id": "in-1"}}});
    let server = Scripted::start(move |_, _| between(403, &[], &body.to_string())).await;
    let sent = send(&server.client()).await;
    assert_eq!(sent.request_id.as_deref(), Some("in-1"));
    assert!(matches!(sent.outcome, SendOutcome::Answered { status: 403, .. }), "{sent:?}");
    let refused = server.client().me().await;
    assert!(matches!(refused, Err(Error::Api(error)) if error.kind == ApiErrorKind::RoleDenied));
}

#[tokio::test]
async fn a_read_that_is_answered_between_names_it_and_keeps_session_and_pace() {
    for (status, asked) in [
        (200, 1),
        (302, 1),
        (401, 1),
        (403, 1),
        (404, 1),
        (407, 1),
        (429, 1),
        (500, 1),
        (511, 1),
        (502, 3),
        (503, 3),
        (504, 3),
    ] {
        for body in bodies() {
            let headers = [
                ("retry-after", "500"),
                ("www-authenticate", "Bearer error=\"insufficient_claims\", claims=\"e30=\""),
            ];
            let server = Scripted::start(move |_, _| between(status, &headers, &body)).await;
            let tokens = Tokens::new("first-token", vec![Ok("second-token")]);
            let client = server.client_with(tokens.clone());
            let begun = Instant::now();
            assert_eq!(client.me().await.unwrap_err(), Error::Intermediary { status });
            assert!(begun.elapsed() < Duration::from_secs(10), "{status}: its wait is not heeded");
            assert!(tokens.renewed().is_empty(), "{status} renews no token");
            assert_eq!(client.pace().hold_left(), None, "{status} holds nothing");
            assert_eq!(server.requests().len(), asked, "{status}");
        }
    }
}

#[tokio::test]
async fn a_gateway_that_lets_the_next_read_through_is_got_over() {
    let (tenant, client) = demo().await;
    let gateway = FaultKind::Intermediary {
        status: 503,
        body: IntermediaryBody::Page,
        executed: false,
        retry_after: Some(RetryAfter::Integer(300)),
    };
    tenant.add_fault(Fault::new(gateway).times(2));
    client.me().await.unwrap();
    assert_eq!(tenant.requests().len(), 3);
}

#[tokio::test]
async fn the_clock_of_something_between_is_not_the_services() {
    let (tenant, client) = demo().await;
    client.me().await.unwrap();
    let off = |client: &Client| (client.server_now() - time::OffsetDateTime::now_utc()).whole_seconds().abs();
    assert!(off(&client) < 60);
    for executed in [false, true] {
        let body = IntermediaryBody::Page;
        tenant.add_fault(Fault::new(FaultKind::Intermediary {
            status: 200,
            body,
            executed,
            retry_after: None,
        }));
        assert_eq!(client.me().await, Err(Error::Intermediary { status: 200 }));
        let id = DeviceId::new(&tenant.directory().devices[0].id).unwrap();
        let sent = client.recover_passcode(&Route::Direct, &id).await;
        assert_eq!(sent.outcome, SendOutcome::Intermediary { status: 200 });
        assert!(off(&client) < 60, "{} s", off(&client));
        tenant.clear_faults();
    }
    assert_eq!((posts(&tenant).len(), tenant.executed().len()), (2, 1), "one was let through");
}

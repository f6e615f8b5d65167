//! One read past what reads were told to wait.

use std::sync::Arc;
use std::time::Duration;

use unlatch_graph::{Client, DeviceId, Error, Hold, Kind, Route, TokenError};

use crate::fixture::{NoTokens, Reaction, Scripted, error_body, json};

const DAY: Duration = Duration::from_secs(86_400);

/// A service that tells the first request to wait for a day, and says `then` to the next.
async fn told_a_day(then: impl Fn() -> Reaction + Send + Sync + 'static) -> (Scripted, Client) {
    let server = Scripted::start(move |number, _| match number {
        0 => json(429, &[("retry-after", "86400")], ""),
        1 => then(),
        _ => json(200, &[], r#"{"id":"me"}"#),
    })
    .await;
    let client = server.client();
    assert!(matches!(client.me().await, Err(Error::Throttled { .. })));
    (server, client)
}

#[tokio::test]
async fn a_probe_asks_once_for_little_and_an_answer_lets_reads_go_on() {
    for answer in [(200, r#"{"value":[]}"#.to_owned()), (401, String::new()), (403, error_body("x", "y"))] {
        let (server, client) = told_a_day(move || json(answer.0, &[], &answer.1)).await;
        assert_eq!(client.probe().await, Ok(()));
        assert_eq!(client.pace().held(), None);
        client.me().await.unwrap();
        let asked = server.requests();
        assert_eq!(asked.len(), 3);
        let line = "GET /v1.0/deviceManagement/managedDevices?%24top=1&%24select=id ";
        assert!(asked[1].replace('$', "%24").starts_with(line), "{}", asked[1]);
    }
}

#[tokio::test]
async fn a_probe_that_is_throttled_is_told_its_own_wait_and_is_not_repeated() {
    let (server, client) = told_a_day(|| json(429, &[("retry-after", "600"), ("request-id", "r")], "")).await;
    let wait = Duration::from_secs(600);
    assert_eq!(
        client.probe().await,
        Err(Error::Throttled { retry_after: Some(wait), request_id: Some("r".to_owned()) })
    );
    assert!(client.pace().hold_left().unwrap() <= wait);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_probe_from_which_nothing_is_learned_is_not_repeated_and_the_wait_goes_on() {
    for then in [
        || json(429, &[], ""),
        || json(503, &[("retry-after", "1")], ""),
        || json(500, &[], ""),
        || Reaction::Reset,
    ] {
        let (server, client) = told_a_day(then).await;
        assert!(client.probe().await.is_err());
        let hold = client.pace().held().unwrap();
        assert!(hold.told_by == Kind::Read && hold.left > DAY - Duration::from_secs(60), "{hold:?}");
        assert_eq!(server.requests().len(), 2);
    }
    let server = Scripted::start(|_, _| json(200, &[], "{}")).await;
    let client = server.client_with(Arc::new(NoTokens));
    client.pace().hold(DAY, Kind::Read);
    assert!(matches!(client.probe().await, Err(Error::Token(TokenError::SignInNeeded { .. }))));
    assert!(client.pace().held().is_some() && server.requests().is_empty());
}

#[tokio::test]
async fn a_probe_goes_out_while_a_write_is_held_and_frees_no_request() {
    let server = Scripted::start(|_, head| {
        if head.starts_with("POST") {
            json(429, &[("retry-after", "86400")], "")
        } else {
            json(200, &[], "{}")
        }
    })
    .await;
    let client = server.client();
    client.recover_passcode(&Route::Direct, &DeviceId::new("d").unwrap()).await;
    assert_eq!(client.probe().await, Ok(()));
    let Err(Error::Held(Hold { left, told_by: Kind::Write })) = client.me().await else { panic!("not held") };
    assert!(left > DAY - Duration::from_secs(60));
    assert!(tokio::time::timeout(Duration::from_millis(20), client.pace().write_turn()).await.is_err());
    assert_eq!(server.requests().len(), 2);
}

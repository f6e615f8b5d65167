//! What stands on the wire, byte by byte.

use std::collections::HashSet;

use unlatch_graph::{AppId, DeviceId, Route, SendOutcome, UserId};
use uuid::Uuid;

use crate::fixture::{Reaction, Scripted, json};

fn header<'a>(request: &'a str, name: &str) -> Vec<&'a str> {
    request
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
        .collect()
}

fn no_content() -> Reaction {
    Reaction::Answer(
        b"HTTP/1.1 204 No Content\r\nrequest-id: srv-1\r\nDate: Tue, 03 Nov 2026 10:00:00 GMT\r\n\r\n"
            .to_vec(),
    )
}

#[tokio::test]
async fn the_post_has_the_right_headers_and_no_body_on_all_three_routes() {
    let server = Scripted::start(|_, _| no_content()).await;
    let client = server.client();
    let device = DeviceId::new("dev/1'%").unwrap();
    let routes = [
        (
            Route::User(UserId::new("u/1'%").unwrap()),
            "/v1.0/users/u%2F1'%25/managedDevices/dev%2F1'%25/recoverPasscode",
        ),
        (
            Route::App(AppId::new("a?#").unwrap()),
            "/v1.0/deviceManagement/detectedApps/a%3F%23/managedDevices/dev%2F1'%25/recoverPasscode",
        ),
        (Route::Direct, "/v1.0/deviceManagement/managedDevices/dev%2F1'%25/recoverPasscode"),
    ];
    for (route, _) in &routes {
        let sent = client.recover_passcode(route, &device).await;
        assert_eq!(sent.outcome, SendOutcome::Accepted);
        assert_eq!(sent.request_id.as_deref(), Some("srv-1"));
        assert_eq!(sent.server_date.map(|date| date.unix_timestamp()), Some(1_793_700_000));
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    let mut ids = HashSet::new();
    for (request, (_, path)) in requests.iter().zip(&routes) {
        assert_eq!(request.lines().next(), Some(format!("POST {path} HTTP/1.1").as_str()));
        assert!(request.ends_with("\r\n\r\n"), "nothing follows the head: {request}");
        assert_eq!(header(request, "content-length"), ["0"]);
        assert_eq!(header(request, "accept"), ["application/json"]);
        assert_eq!(header(request, "authorization"), ["Bearer first-token"]);
        assert_eq!(header(request, "user-agent"), [concat!("Unlatch/", env!("CARGO_PKG_VERSION"))]);
        for absent in ["content-type", "transfer-encoding", "expect", "referer", "cookie", "consistencylevel"]
        {
            assert!(header(request, absent).is_empty(), "{absent} in {request}");
        }
        let id = header(request, "client-request-id");
        assert_eq!(id.len(), 1);
        assert!(Uuid::parse_str(id[0]).is_ok() && ids.insert(id[0].to_owned()), "fresh for each request");
    }
}

#[tokio::test]
async fn the_id_in_the_answer_is_the_one_that_was_sent() {
    let server = Scripted::start(|_, _| no_content()).await;
    let sent = server.client().recover_passcode(&Route::Direct, &DeviceId::new("d").unwrap()).await;
    assert_eq!(header(&server.requests()[0], "client-request-id"), [sent.client_request_id.to_string()]);
}

#[tokio::test]
async fn a_read_asks_in_the_same_way_and_spaces_are_percent_20() {
    let server = Scripted::start(|_, _| json(200, &[], r#"{"value":[]}"#)).await;
    let client = server.client();
    client.find_users("O'Brien \"x\\y").await.unwrap();
    client.find_devices("a+b & c", &|_| ()).await.unwrap();
    let requests = server.requests();
    for request in &requests {
        assert!(request.starts_with("GET "));
        assert_eq!(header(request, "accept"), ["application/json"]);
        assert_eq!(header(request, "client-request-id").len(), 1);
        assert!(header(request, "content-length").is_empty() && header(request, "content-type").is_empty());
        let line = request.lines().next().unwrap();
        assert!(!line.contains('+') && line.split(' ').count() == 3, "{line}");
    }
    assert_eq!(header(&requests[0], "consistencylevel"), ["eventual"]);
    let mut filters: Vec<String> = requests[1..]
        .iter()
        .map(|request| {
            let target = request.split(' ').nth(1).unwrap();
            let url = url::Url::parse(&format!("http://x{target}")).unwrap();
            url.query_pairs().find(|(key, _)| key == "$filter").unwrap().1.into_owned()
        })
        .collect();
    filters.sort();
    assert_eq!(filters, ["contains(deviceName,'a+b & c')", "serialNumber eq 'a+b & c'"]);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Scripted::start(|_, _| no_content()).await;
    let elsewhere = other.graph_url.to_string();
    let server = Scripted::start(move |_, _| json(307, &[("location", &elsewhere)], "")).await;
    let client = server.client();
    let sent = client.recover_passcode(&Route::Direct, &DeviceId::new("d").unwrap()).await;
    assert!(matches!(sent.outcome, SendOutcome::Answered { status: 307, .. }), "{sent:?}");
    assert!(client.me().await.is_err());
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn the_servers_clock_is_followed() {
    let server = Scripted::start(|_, _| no_content()).await;
    let client = server.client();
    client.recover_passcode(&Route::Direct, &DeviceId::new("d").unwrap()).await;
    let ahead = client.server_now().unix_timestamp() - 1_793_700_000;
    assert!((0..10).contains(&ahead), "{ahead} s");
}

#[test]
fn nothing_shown_has_a_token_in_it() {
    let token = unlatch_graph::AccessToken::new("secret-bearer".to_owned().into());
    assert!(!format!("{token:?}").contains("secret-bearer"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let server = Scripted::start(|_, _| json(500, &[], "secret-bearer")).await;
        let tokens = crate::fixture::Tokens::new("secret-bearer", Vec::new());
        let client = server.client_with(tokens);
        let sent = client.recover_passcode(&Route::Direct, &DeviceId::new("d").unwrap()).await;
        let error = client.me().await.unwrap_err();
        for shown in [format!("{client:?}"), format!("{sent:?}"), format!("{error:?} {error}")] {
            assert!(!shown.contains("secret-bearer"), "{shown}");
        }
    });
}

#[test]
fn every_call_can_be_spawned() {
    fn sendable<T: Send>(_: T) {}
    #[allow(dead_code)]
    fn calls(
        client: &unlatch_graph::Client,
        user: &unlatch_graph::User,
        app: &unlatch_graph::DetectedApp,
        device: &DeviceId,
    ) {
        sendable(client.me());
        sendable(client.organization_name());
        sendable(client.find_users(""));
        sendable(client.devices_of_user(user, &|_| ()));
        sendable(client.find_devices("", &|_| ()));
        sendable(client.find_apps(""));
        sendable(client.devices_with_app(app, &|_| ()));
        sendable(client.find_listed(&[], &|_| ()));
        sendable(client.device(device));
        sendable(client.device_details(device));
        sendable(client.action_results(device));
        sendable(client.recover_passcode(&Route::Direct, device));
        sendable(client.pace().write_turn());
    }
}

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use serde_json::{Value, json};
use unlatch_demo_tenant::{Fault, FaultKind, IntermediaryBody, Options, RetryAfter};

use crate::support::{Bench, encoded, quick, read};

const DEVICES: &str = "/deviceManagement/managedDevices";

#[tokio::test]
async fn a_throttling_fault_says_when_to_come_back_in_every_form() {
    let bench = Bench::start().await;
    let told = async |retry_after| {
        bench.tenant.clear_faults();
        bench.tenant.add_fault(Fault::new(FaultKind::TooManyRequests { retry_after }));
        let answer = bench.graph(reqwest::Method::GET, "/me").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
        answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(told(RetryAfter::Integer(7)).await.as_deref(), Some("7"));
    assert_eq!(told(RetryAfter::Fraction(0.249)).await.as_deref(), Some("0.249"));
    assert_eq!(told(RetryAfter::Missing).await, None);
    assert!(told(RetryAfter::Date).await.unwrap().ends_with("GMT"));
}

#[tokio::test]
async fn server_errors_come_in_their_shapes_and_only_as_often_as_told() {
    let bench = Bench::start().await;
    for status in [500, 503, 504] {
        let retry_after = (status == 503).then_some(RetryAfter::Integer(2));
        bench
            .tenant
            .add_fault(Fault::new(FaultKind::Status { status, retry_after, executed: false }).times(1));
        let answer = bench.graph(reqwest::Method::GET, DEVICES).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.headers().contains_key("retry-after"), status == 503);
        let body: Value = answer.json().await.unwrap();
        let message = body["error"]["message"].as_str().unwrap();
        assert_eq!(message.contains("Activity ID"), status != 504, "{message}");
        assert_eq!(bench.get(DEVICES).await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_server_error_may_hide_that_the_action_ran() {
    let bench = Bench::start().await;
    let devices = bench.tenant.directory().devices;
    let failing = |executed| FaultKind::Status { status: 504, retry_after: None, executed };
    bench.tenant.add_fault(Fault::new(failing(true)).device(&devices[0].id));
    bench.tenant.add_fault(Fault::new(failing(false)).device(&devices[1].id));
    for device in &devices[..2] {
        assert_eq!(bench.recover(&device.id).await.status(), StatusCode::GATEWAY_TIMEOUT);
    }
    let executed = bench.tenant.executed();
    assert_eq!(executed.len(), 1);
    assert_eq!(executed[0].device_id, devices[0].id);
}

#[tokio::test]
async fn a_reset_drops_the_connection_before_or_after_the_action_ran() {
    let bench = Bench::start().await;
    let devices = bench.tenant.directory().devices;
    bench.tenant.add_fault(Fault::new(FaultKind::ResetBefore).device(&devices[0].id));
    bench.tenant.add_fault(Fault::new(FaultKind::ResetAfter).device(&devices[1].id));
    for device in &devices[..2] {
        let path = format!("{DEVICES}/{}/recoverPasscode", device.id);
        let error = bench.graph(reqwest::Method::POST, &path).header("content-length", "0").send().await;
        assert!(error.unwrap_err().is_request());
    }
    let executed: Vec<String> = bench.tenant.executed().into_iter().map(|action| action.device_id).collect();
    assert_eq!(executed, [devices[1].id.clone()]);
    assert!(bench.tenant.requests().iter().all(|request| request.status.is_none()));
    assert_eq!(bench.recover(&devices[2].id).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn an_intermediary_answers_before_or_behind_the_service_and_bears_none_of_its_marks() {
    let bench = Bench::start().await;
    let devices = bench.tenant.directory().devices;
    let kind = |executed, body| FaultKind::Intermediary {
        status: 403,
        body,
        executed,
        retry_after: Some(RetryAfter::Integer(7)),
    };
    let bodies = [
        IntermediaryBody::Page,
        IntermediaryBody::Json,
        IntermediaryBody::GraphShaped,
        IntermediaryBody::Empty,
    ];
    for (number, body) in bodies.into_iter().enumerate() {
        for executed in [false, true] {
            bench.tenant.clear_faults();
            bench.tenant.add_fault(Fault::new(kind(executed, body)));
            for answer in [
                bench.recover(&devices[number].id).await,
                bench.graph(reqwest::Method::GET, DEVICES).send().await.unwrap(),
            ] {
                assert_eq!(answer.status(), StatusCode::FORBIDDEN);
                let headers = answer.headers().clone();
                assert_eq!(headers["retry-after"], "7");
                assert!(headers.contains_key("via") && headers.get_all("date").iter().count() == 1);
                let text = answer.text().await.unwrap();
                assert!(!headers.contains_key("request-id") && !text.contains("request-id"), "{text}");
                assert_eq!(text.is_empty(), body == IntermediaryBody::Empty);
            }
        }
    }
    let executed: Vec<String> = bench.tenant.executed().into_iter().map(|action| action.device_id).collect();
    let once: Vec<String> = devices[..bodies.len()].iter().map(|device| device.id.clone()).collect();
    assert_eq!(executed, once, "once each: when it stands behind the service");
}

#[tokio::test]
async fn a_reset_is_a_hard_one() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let bench = Bench::start().await;
    bench.tenant.add_fault(Fault::new(FaultKind::ResetBefore));
    let port = bench.tenant.graph_url().port().unwrap();
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(b"GET /graph/v1.0/me HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_slow_answer_comes_late_but_the_action_ran_at_once() {
    let bench = Bench::start().await;
    let device = bench.tenant.directory().devices[0].id.clone();
    bench.tenant.add_fault(Fault::new(FaultKind::Slow { millis: 300 }));
    let start = Instant::now();
    assert_eq!(bench.recover(&device).await.status(), StatusCode::NO_CONTENT);
    assert!(start.elapsed() >= Duration::from_millis(300));
    let path = format!("{DEVICES}/{device}/recoverPasscode");
    let request = bench.graph(reqwest::Method::POST, &path).header("content-length", "0");
    assert!(request.timeout(Duration::from_millis(100)).send().await.unwrap_err().is_timeout());
    assert_eq!(bench.tenant.executed().len(), 2);
}

#[tokio::test]
async fn refusals_come_as_users_of_intune_have_seen_them() {
    let bench = Bench::start().await;
    let device = bench.tenant.directory().devices[0].id.clone();
    let refused = async |kind| {
        bench.tenant.clear_faults();
        bench.tenant.add_fault(Fault::new(kind));
        read(bench.recover(&device).await).await
    };
    let code = |body: &Value| body["error"]["code"].as_str().unwrap().to_owned();
    let message = |body: &Value| body["error"]["message"].as_str().unwrap().to_owned();

    let (status, body) = refused(FaultKind::RoleDenied403).await;
    assert_eq!((status.as_u16(), code(&body).as_str()), (403, "Forbidden"));
    assert!(message(&body).contains("User is not authorized to perform this operation"));

    let (status, body) = refused(FaultKind::RoleDenied401).await;
    assert_eq!((status.as_u16(), code(&body).as_str()), (401, "UnknownError"));
    let outer: Value = serde_json::from_str(&message(&body)).unwrap();
    assert_eq!(outer["ErrorCode"], "Forbidden");
    let inner: Value = serde_json::from_str(outer["Message"].as_str().unwrap()).unwrap();
    assert_eq!(inner["_version"], 3);
    assert!(inner["HttpHeaders"].as_str().unwrap().contains("urn:intune:service"));

    let (status, body) = refused(FaultKind::MissingScope403).await;
    assert_eq!(status.as_u16(), 403);
    assert!(message(&body).contains("Application must have one of the following scopes"));

    let (status, body) = refused(FaultKind::MissingRoute).await;
    assert_eq!((status.as_u16(), code(&body).as_str()), (400, "No method match route template"));
    let (status, body) = refused(FaultKind::NotFound404).await;
    assert_eq!((status.as_u16(), code(&body).as_str()), (404, "ResourceNotFound"));
    let (status, body) = refused(FaultKind::OutOfScopeTags404).await;
    assert_eq!((status.as_u16(), code(&body).as_str()), (404, "ResourceNotFound"));
    assert!(message(&body).contains("Resource does not contain a tag allowed by the current role."));
    let (status, body) = refused(FaultKind::NoLicence400).await;
    assert_eq!((status.as_u16(), code(&body).as_str()), (400, "BadRequest"));
    assert_eq!(message(&body), "Request not applicable to target tenant.");
    let (status, body) = refused(FaultKind::ExpiredToken).await;
    assert_eq!((status.as_u16(), code(&body).as_str()), (401, "InvalidAuthenticationToken"));
    let (status, body) = refused(FaultKind::MalformedJson).await;
    assert_eq!(status.as_u16(), 200);
    assert!(body.is_string(), "half a JSON is no JSON");
    assert!(bench.tenant.executed().is_empty());
}

#[tokio::test]
async fn a_claims_challenge_is_met_by_a_token_obtained_with_the_claims() {
    let mut bench = Bench::start().await;
    bench.tenant.add_fault(Fault::new(FaultKind::ClaimsChallenge));
    let answer = bench.graph(reqwest::Method::GET, "/me").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let headers: Vec<&str> =
        answer.headers().get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(headers.len() > 1);
    let challenge = headers.iter().find(|value| value.contains("insufficient_claims")).unwrap();
    let claims = challenge.split("claims=\"").nth(1).unwrap().split('"').next().unwrap();
    let claims = String::from_utf8(STANDARD.decode(claims).unwrap()).unwrap();
    bench.token = crate::entra::sign_in(&bench, &[("claims", &claims)]).await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(bench.get("/me").await.0, StatusCode::OK);
    bench.token = bench.tenant.issue_access_token();
    assert_eq!(bench.get("/me").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn faults_of_lists_bend_their_pages() {
    let bench = Bench::with(Options { devices: 25, page_size: 10, ..quick() }).await;
    let list = format!("{DEVICES}?$filter={}", encoded("deviceName eq 'IPADOS-00012'"));
    assert_eq!(bench.rows(&list).await.len(), 1);
    bench.tenant.add_fault(Fault::new(FaultKind::IgnoreFilter).times(1));
    assert_eq!(bench.rows(&list).await.len(), 10);
    assert_eq!(bench.rows(&list).await.len(), 1);

    bench.tenant.add_fault(Fault::new(FaultKind::PageFails { page: 2 }));
    let (_, first) = bench.get(DEVICES).await;
    let next = first["@odata.nextLink"].as_str().unwrap();
    let second = bench.http.get(next).bearer_auth(&bench.token).send().await.unwrap();
    assert_eq!(second.status(), StatusCode::GATEWAY_TIMEOUT);

    bench.tenant.clear_faults();
    bench.tenant.add_fault(Fault::new(FaultKind::ForeignNextLink).times(1));
    bench.tenant.add_fault(Fault::new(FaultKind::BadNextLink).times(1).after(1));
    let (_, foreign) = bench.get("/users").await;
    let link = url::Url::parse(foreign["@odata.nextLink"].as_str().unwrap()).unwrap();
    assert_ne!(link.host_str(), bench.tenant.graph_url().host_str());
    let (_, bad) = bench.get("/users").await;
    assert!(url::Url::parse(bad["@odata.nextLink"].as_str().unwrap()).is_err());
}

#[tokio::test]
async fn faults_can_be_set_listed_and_cleared_over_http() {
    let bench = Bench::start().await;
    let url = format!("{}/_demo/faults", bench.tenant.graph_url().origin().ascii_serialization());
    let fault = json!({ "kind": "status", "status": 503, "matches": { "path_contains": "managedDevices" } });
    let set = bench.http.post(&url).json(&fault).send().await.unwrap();
    assert_eq!(set.status(), StatusCode::NO_CONTENT);
    assert_eq!(bench.get(DEVICES).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(bench.get("/me").await.0, StatusCode::OK);
    let listed: Vec<Fault> = bench.http.get(&url).send().await.unwrap().json().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(bench.http.delete(&url).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(bench.get(DEVICES).await.0, StatusCode::OK);
    let wrong = bench.http.post(&url).json(&json!({ "kind": "meteor" })).send().await.unwrap();
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_tenant_that_went_away_refuses_connections_and_comes_back_as_it_was() {
    let bench = Bench::start().await;
    let device = bench.tenant.directory().devices[0].id.clone();
    assert_eq!(bench.recover(&device).await.status(), StatusCode::NO_CONTENT);
    bench.tenant.go_away().await;
    let refused = bench.graph(reqwest::Method::GET, "/me").send().await.unwrap_err();
    assert!(refused.is_connect(), "{refused}");
    bench.tenant.come_back().await.unwrap();
    assert_eq!(bench.get("/me").await.0, StatusCode::OK, "its tokens are as good as before");
    assert_eq!(bench.tenant.executed().len(), 1);
}

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use unlatch_demo_tenant::{ActionState, Options, Pace, ResultPace, RetryAfterStyle, Route};

use crate::support::{Bench, encoded};

async fn results(bench: &Bench, device: &str) -> Vec<Value> {
    let (_, body) =
        bench.get(&format!("/deviceManagement/managedDevices/{device}?$select=deviceActionResults")).await;
    body["deviceActionResults"].as_array().unwrap().clone()
}

#[tokio::test]
async fn all_three_routes_are_accepted_without_a_body() {
    let bench = Bench::start().await;
    let directory = bench.tenant.directory();
    let zoe = &directory.users[2];
    let own: Vec<&str> = directory.devices_of(&zoe.id).map(|device| device.id.as_str()).collect();
    let app = directory.apps.iter().find(|app| !app.device_ids.is_empty()).unwrap();
    let routes = [
        format!("/users/{}/managedDevices/{}/recoverPasscode", zoe.id, own[0]),
        format!("/users/{}/managedDevices/{}/recoverPasscode", encoded(&zoe.upn), own[1]),
        format!("/deviceManagement/managedDevices/{}/recoverPasscode", own[2]),
        format!(
            "/deviceManagement/detectedApps/{}/managedDevices/{}/recoverPasscode",
            app.id, app.device_ids[0]
        ),
    ];
    for route in &routes {
        let answer = bench.post(route).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{route}");
        assert!(answer.headers().get("content-type").is_none());
        assert!(answer.bytes().await.unwrap().is_empty());
    }
    let executed = bench.tenant.executed();
    let routes: Vec<Route> = executed.iter().map(|action| action.route).collect();
    assert_eq!(routes, [Route::User, Route::User, Route::Direct, Route::DetectedApp]);
    assert_eq!(executed[3].device_id, app.device_ids[0]);
    let recorded = bench.tenant.requests();
    assert!(recorded.iter().all(|request| !request.has_body && request.status == Some(204)));
    assert!(recorded.iter().all(|request| request.header("authorization") == Some("Bearer ***")));
}

#[tokio::test]
async fn a_device_of_somebody_else_is_not_found_below_a_user_or_an_app() {
    let bench = Bench::start().await;
    let directory = bench.tenant.directory();
    let zoe = &directory.users[2];
    let foreign = directory.devices.iter().find(|device| device.user_id.as_ref() != Some(&zoe.id)).unwrap();
    let app = directory.apps.iter().find(|app| !app.device_ids.contains(&foreign.id)).unwrap();
    for route in [
        format!("/users/{}/managedDevices/{}/recoverPasscode", zoe.id, foreign.id),
        format!("/deviceManagement/detectedApps/{}/managedDevices/{}/recoverPasscode", app.id, foreign.id),
        format!(
            "/deviceManagement/detectedApps/{}/managedDevices/{}/recoverPasscode",
            "0".repeat(64),
            foreign.id
        ),
    ] {
        assert_eq!(bench.post(&route).await.status(), StatusCode::NOT_FOUND, "{route}");
    }
    assert!(bench.tenant.executed().is_empty());
}

#[tokio::test]
async fn a_post_without_a_length_is_refused_with_411() {
    let bench = Bench::start().await;
    let device = bench.tenant.directory().devices[0].id.clone();
    let url = bench.tenant.graph_url();
    let mut stream =
        tokio::net::TcpStream::connect((url.host_str().unwrap(), url.port().unwrap())).await.unwrap();
    let request = format!(
        "POST {}/deviceManagement/managedDevices/{device}/recoverPasscode HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
        url.path(),
        bench.token
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 411 "), "{answer}");
    assert!(bench.tenant.executed().is_empty());
}

#[tokio::test]
async fn a_result_is_pending_until_it_settles() {
    let bench = Bench::with(Options { pace: Pace::manual(), ..Options::default() }).await;
    let directory = bench.tenant.directory();
    let fresh = directory.devices.iter().find(|device| device.action_results.is_empty()).unwrap();
    bench.recover(&fresh.id).await;
    let pending = results(&bench, &fresh.id).await;
    assert_eq!(pending.len(), 1);
    assert_eq!(
        (&pending[0]["actionName"], &pending[0]["actionState"]),
        (&json!("recoverPasscode"), &json!("pending"))
    );
    bench.tenant.settle(&fresh.id, ActionState::Failed);
    assert_eq!(results(&bench, &fresh.id).await[0]["actionState"], "failed");
}

#[tokio::test]
async fn a_new_recovery_takes_the_place_of_the_old_result_and_leaves_the_others() {
    let bench = Bench::with(Options { devices: 2_000, pace: Pace::manual(), ..Options::default() }).await;
    let directory = bench.tenant.directory();
    let with = |action: &str| {
        directory
            .devices
            .iter()
            .find(|device| device.action_results.iter().any(|old| old.action_name == action))
            .unwrap()
    };
    let device = with("recoverPasscode");
    let old = results(&bench, &device.id).await[0].clone();
    bench.recover(&device.id).await;
    let new = results(&bench, &device.id).await;
    assert_eq!(new.len(), 1);
    assert!(new[0]["startDateTime"].as_str() > old["startDateTime"].as_str());
    let renamed = with("setDeviceName");
    bench.recover(&renamed.id).await;
    let both = results(&bench, &renamed.id).await;
    assert_eq!(both[0]["passcode"], renamed.name.as_str());
    assert_eq!(both[1]["actionName"], "recoverPasscode");
}

#[tokio::test]
async fn devices_settle_by_platform_and_silent_ones_never_do() {
    let at_once = ResultPace::After { from: Duration::ZERO, to: Duration::ZERO };
    let pace = Pace { results: at_once, ..Pace::fast() };
    let bench = Bench::with(Options { devices: 400, pace, ..Options::default() }).await;
    let directory = bench.tenant.directory();
    for device in &directory.devices {
        assert_eq!(bench.recover(&device.id).await.status(), StatusCode::NO_CONTENT);
    }
    let last = bench.tenant.executed().last().unwrap().at;
    let settled = bench.tenant.directory();
    let recovery = |device: &unlatch_demo_tenant::Device| {
        device.action_results.iter().find(|result| result.action_name == "recoverPasscode").unwrap().clone()
    };
    let mut passcodes = 0;
    for device in &settled.devices {
        let result = recovery(device);
        let silent = device.last_sync.is_none_or(|at| last - at > time::Duration::days(30));
        match device.operating_system.as_ref() {
            _ if silent => assert_eq!(result.state, ActionState::Pending, "{}", device.name),
            "Windows" | "macOS" => assert_eq!(result.state, ActionState::NotSupported, "{}", device.name),
            _ => assert_ne!(result.state, ActionState::Pending, "{}", device.name),
        }
        passcodes += usize::from(result.passcode.is_some());
    }
    let states: std::collections::HashSet<ActionState> =
        settled.devices.iter().map(|device| recovery(device).state).collect();
    for state in [ActionState::Done, ActionState::Failed, ActionState::NotSupported, ActionState::Pending] {
        assert!(states.contains(&state), "{state:?}");
    }
    assert!(passcodes > 0);
    let json = serde_json::to_string(&settled).unwrap();
    assert!(bench.tenant.passcodes().iter().all(|passcode| !json.contains(passcode)));
}

#[tokio::test]
async fn a_settled_passcode_shows_in_its_own_entry_alone_and_stays_known() {
    let bench = Bench::with(Options { pace: Pace::manual(), ..Options::default() }).await;
    let directory = bench.tenant.directory();
    let device = &directory.devices.iter().find(|device| device.action_results.is_empty()).unwrap().id;
    bench.tenant.settle_with_passcode(device, "Nobody-Asked-1");
    assert_eq!(results(&bench, device).await, Vec::<Value>::new());
    bench.recover(device).await;
    assert!(results(&bench, device).await[0].get("passcode").is_none());

    bench.tenant.settle_with_passcode(device, "Korrekt-Pferd-7");
    let entry = results(&bench, device).await[0].clone();
    assert_eq!(entry["@odata.type"], "#microsoft.graph.resetPasscodeActionResult");
    assert_eq!((&entry["actionName"], &entry["actionState"]), (&json!("recoverPasscode"), &json!("done")));
    assert_eq!((&entry["passcode"], &entry["errorCode"]), (&json!("Korrekt-Pferd-7"), &json!(0)));
    let lists = bench.get("/deviceManagement/managedDevices").await.1.to_string()
        + &serde_json::to_string(&bench.tenant.directory()).unwrap();
    assert!(!lists.contains("Korrekt-Pferd-7"));

    // A test that looks for leaks must look for what is no longer told, too.
    bench.recover(device).await;
    assert!(results(&bench, device).await[0].get("passcode").is_none());
    bench.tenant.remove_device(device);
    let passcodes = bench.tenant.passcodes();
    assert!(passcodes.contains(&"Korrekt-Pferd-7".to_owned()));
    assert!(!passcodes.contains(&"Nobody-Asked-1".to_owned()));
}

#[tokio::test]
async fn a_recovery_from_elsewhere_is_pending_and_not_among_what_was_executed() {
    let at_once = ResultPace::After { from: Duration::ZERO, to: Duration::ZERO };
    let pace = Pace { results: at_once, ..Pace::fast() };
    let bench = Bench::with(Options { pace, ..Options::default() }).await;
    let directory = bench.tenant.directory();
    let device = &directory.devices.iter().find(|device| device.action_results.is_empty()).unwrap().id;
    bench.tenant.recover_elsewhere("nobody");
    bench.tenant.recover_elsewhere(device);
    let pending = results(&bench, device).await;
    assert_eq!(pending.len(), 1);
    assert_eq!(
        (&pending[0]["actionName"], &pending[0]["actionState"]),
        (&json!("recoverPasscode"), &json!("pending"))
    );
    assert_eq!(pending[0]["startDateTime"], pending[0]["lastUpdatedDateTime"]);
    assert!(bench.tenant.executed().is_empty());
    assert!(bench.tenant.requests().iter().all(|request| request.method == "GET"));
    bench.tenant.settle(device, ActionState::Canceled);
    assert_eq!(results(&bench, device).await[0]["actionState"], "canceled");
}

#[tokio::test]
async fn what_becomes_of_a_device_can_be_told_over_http() {
    let bench = Bench::with(Options { pace: Pace::manual(), ..Options::default() }).await;
    let directory = bench.tenant.directory();
    let device = &directory.devices.iter().find(|device| device.action_results.is_empty()).unwrap().id;
    let origin = bench.tenant.graph_url().origin().ascii_serialization();
    let tell = async |what: &str, body: Value| {
        bench.http.post(format!("{origin}/_demo/{what}")).json(&body).send().await.unwrap().status()
    };
    let settle = json!({ "device_id": device, "passcode": "Korrekt-Pferd-8" });
    assert_eq!(tell("settle-with-passcode", settle.clone()).await, StatusCode::NOT_FOUND);
    assert_eq!(tell("recover-elsewhere", json!({ "device_id": "nobody" })).await, StatusCode::NOT_FOUND);
    assert_eq!(tell("recover-elsewhere", json!({})).await, StatusCode::BAD_REQUEST);
    assert_eq!(tell("recover-elsewhere", json!({ "device_id": device })).await, StatusCode::NO_CONTENT);
    assert_eq!(results(&bench, device).await[0]["actionState"], "pending");
    assert_eq!(tell("settle-with-passcode", settle).await, StatusCode::NO_CONTENT);
    assert_eq!(results(&bench, device).await[0]["passcode"], "Korrekt-Pferd-8");
    assert!(bench.tenant.passcodes().contains(&"Korrekt-Pferd-8".to_owned()));
}

#[tokio::test]
async fn a_device_changes_or_goes_when_told() {
    let bench = Bench::start().await;
    let device = bench.tenant.directory().devices[0].clone();
    bench.tenant.change_device(&device.id, |device| "RENAMED".clone_into(&mut device.name));
    let path = format!("/deviceManagement/managedDevices/{}", device.id);
    assert_eq!(bench.get(&path).await.1["deviceName"], "RENAMED");
    bench.tenant.remove_device(&device.id);
    assert_eq!(bench.get(&path).await.0, StatusCode::NOT_FOUND);
    assert_eq!(bench.recover(&device.id).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_two_hundred_and_first_write_in_twenty_seconds_is_throttled() {
    for (style, expected) in [(RetryAfterStyle::Integer, true), (RetryAfterStyle::Missing, false)] {
        let pace = Pace { throttling: true, retry_after: style, ..Pace::fast() };
        let bench = Bench::with(Options { pace, ..Options::default() }).await;
        let devices = bench.tenant.directory().devices;
        for device in &devices {
            assert_eq!(bench.recover(&device.id).await.status(), StatusCode::NO_CONTENT);
        }
        let answer = bench.recover(&devices[0].id).await;
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
        let wait =
            answer.headers().get("retry-after").map(|value| value.to_str().unwrap().parse::<u64>().unwrap());
        assert_eq!(wait.is_some(), expected);
        assert!(wait.is_none_or(|wait| (1..=20).contains(&wait)), "{wait:?}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error"]["code"], "TooManyRequests");
        assert_eq!(bench.tenant.executed().len(), 200);
        assert_eq!(bench.get("/me").await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_tenant_that_allows_fewer_writes_throttles_sooner() {
    let pace = Pace { throttling: true, writes: 100, ..Pace::fast() };
    let bench = Bench::with(Options { pace, ..Options::default() }).await;
    let devices = bench.tenant.directory().devices;
    let mut admitted = 0;
    for device in &devices[..101] {
        admitted += usize::from(bench.recover(&device.id).await.status() == StatusCode::NO_CONTENT);
    }
    assert_eq!((admitted, bench.tenant.executed().len()), (100, 100));
    assert_eq!(bench.get("/me").await.0, StatusCode::OK);
}

#[tokio::test]
async fn what_arrived_can_be_read_and_forgotten() {
    let bench = Bench::start().await;
    bench.get("/me?x=1").await;
    let origin = bench.tenant.graph_url().origin().ascii_serialization();
    let lines =
        bench.http.get(format!("{origin}/_demo/requests")).send().await.unwrap().text().await.unwrap();
    let seen: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(seen.len(), 1);
    assert_eq!((&seen[0]["path"], &seen[0]["query"]), (&json!("/graph/v1.0/me"), &json!("x=1")));
    assert!(!lines.contains(&bench.token));
    bench.tenant.clear_requests();
    assert!(bench.tenant.requests().is_empty());
    bench.graph(Method::GET, "/organization").send().await.unwrap();
    assert_eq!(bench.tenant.requests()[0].status, Some(200));
}

use std::collections::HashSet;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use unlatch_demo_tenant::{AppFilter, DemoTenant, Options};

use crate::support::{Bench, encoded, quick, read};

const DEVICES: &str = "/deviceManagement/managedDevices";
const APPS: &str = "/deviceManagement/detectedApps";

#[tokio::test]
async fn the_admin_and_the_organization_introduce_themselves() {
    let bench = Bench::start().await;
    let (_, me) = bench.get("/me").await;
    assert_eq!(me["userPrincipalName"], bench.tenant.admin_upn());
    let (_, organization) = bench.get("/organization").await;
    assert_eq!(organization["value"][0]["id"], bench.tenant.tenant_id());
    assert_eq!(organization["value"][0]["displayName"], "Contoso (demo)");
}

#[tokio::test]
async fn every_answer_carries_its_diagnostic_headers() {
    let bench = Bench::start().await;
    let sent = bench.graph(Method::GET, "/me").header("client-request-id", "my-own-id").send().await.unwrap();
    assert_eq!(sent.headers()["client-request-id"], "my-own-id");
    assert_eq!(sent.headers()["request-id"].len(), 36);
    assert!(sent.headers()["x-ms-ags-diagnostic"].to_str().unwrap().contains("ServerInfo"));
    assert!(sent.headers()["date"].to_str().unwrap().ends_with("GMT"));
}

#[tokio::test]
async fn a_search_without_the_consistency_header_is_refused() {
    let bench = Bench::start().await;
    let path = format!("/users?$search={}", encoded("\"displayName:zoe\""));
    let (status, body) = bench.get(&path).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["error"]["code"], "Request_UnsupportedQuery");
}

async fn people(bench: &Bench, search: &str) -> Vec<String> {
    let path = format!("/users?$search={}&$select=displayName&$top=999", encoded(search));
    let sent = bench.graph(Method::GET, &path).header("ConsistencyLevel", "eventual").send().await.unwrap();
    let (status, body) = read(sent).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let rows = body["value"].as_array().unwrap();
    rows.iter().map(|row| row["displayName"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn people_are_found_by_the_beginnings_of_words_and_addresses() {
    let bench = Bench::start().await;
    assert!(people(&bench, "\"displayName:zoe\"").await.contains(&"Zoë Ruiz".to_owned()));
    assert!(people(&bench, "\"displayName:ruiz\"").await.contains(&"Zoë Ruiz".to_owned()));
    assert!(people(&bench, "\"displayName:uiz\"").await.is_empty());
    assert_eq!(people(&bench, "\"userPrincipalName:user0003\"").await, ["Zoë Ruiz"]);
    assert!(people(&bench, "\"userPrincipalName:0003\"").await.is_empty());
    assert!(people(&bench, "\"displayName:R&D\"").await.contains(&"R&D Test Bench".to_owned()));
    assert_eq!(people(&bench, r#""displayName:\"Bob\"""#).await, ["Robert \"Bob\" Smith"]);
    let either = people(&bench, "\"mail:user0003\" OR \"displayName:O'Brien\"").await;
    assert_eq!(either, ["Siobhán O'Brien", "Zoë Ruiz"]);
    assert!(people(&bench, &format!("\"displayName:{}\"", "x".repeat(5_000))).await.is_empty());
}

#[tokio::test]
async fn people_come_in_pages_of_a_hundred_and_all_of_them_once() {
    let bench = Bench::with(Options { users: 250, ..quick() }).await;
    let mut seen = HashSet::new();
    let mut next = Some(format!("{}/users?$select=id", bench.tenant.graph_url()));
    let mut pages = 0;
    while let Some(url) = next {
        let (_, body) = read(bench.http.get(url).bearer_auth(&bench.token).send().await.unwrap()).await;
        for row in body["value"].as_array().unwrap() {
            assert!(seen.insert(row["id"].as_str().unwrap().to_owned()));
        }
        pages += 1;
        next = body["@odata.nextLink"].as_str().map(str::to_owned);
    }
    assert_eq!((pages, seen.len()), (3, 250));
}

#[tokio::test]
async fn the_directory_refuses_filters_it_does_not_support() {
    let bench = Bench::start().await;
    let found = bench.rows(&format!("/users?$filter={}", encoded("startswith(displayName,'zo')"))).await;
    assert_eq!(found.len(), 1);
    let (status, body) =
        bench.get(&format!("/users?$filter={}", encoded("contains(displayName,'zo')"))).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (StatusCode::BAD_REQUEST, &json!("Request_UnsupportedQuery"))
    );
}

#[tokio::test]
async fn a_users_devices_are_listed_by_id_and_by_principal_name() {
    let bench = Bench::start().await;
    let directory = bench.tenant.directory();
    for (number, expected) in [(0, 1), (1, 0), (2, 3)] {
        let user = &directory.users[number];
        assert_eq!(bench.rows(&format!("/users/{}/managedDevices", user.id)).await.len(), expected);
        let upn = encoded(&user.upn.to_uppercase());
        assert_eq!(bench.rows(&format!("/users/{upn}/managedDevices")).await.len(), expected);
    }
    let rows = bench.rows("/users/user0003@contoso.example/managedDevices").await;
    let names: Vec<&str> = rows.iter().map(|row| row["deviceName"].as_str().unwrap()).collect();
    assert_eq!(names, ["IPADOS-00012", "IPHONE-00044", "SURFACE-00090"]);
    assert_eq!(rows[2]["lastSyncDateTime"], "0001-01-01T00:00:00Z");
    let (status, body) = bench.get("/users/nobody@contoso.example/managedDevices").await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::NOT_FOUND, &json!("Request_ResourceNotFound")));
}

#[tokio::test]
async fn documented_device_filters_are_honoured() {
    let bench = Bench::start().await;
    let filtered = async |filter: &str| bench.rows(&format!("{DEVICES}?$filter={}", encoded(filter))).await;
    assert_eq!(filtered("deviceName eq 'IPADOS-00012'").await.len(), 1);
    assert_eq!(filtered("serialNumber eq 'sn000012' or serialNumber eq 'SN000044'").await.len(), 2);
    assert_eq!(filtered("serialNumber eq '0'").await.len(), 2);
    assert_eq!(filtered("contains(deviceName,'O''Brien')").await.len(), 1);
    let own = filtered("userPrincipalName eq 'user0003@contoso.example' and operatingSystem eq 'iOS'").await;
    assert_eq!(own.len(), 1);
    assert_eq!(own[0]["deviceName"], "IPHONE-00044");
    let never = filtered("lastSyncDateTime lt 1990-01-01T00:00:00Z").await;
    assert!(!never.is_empty() && never.iter().all(|row| row["lastSyncDateTime"] == "0001-01-01T00:00:00Z"));
}

#[tokio::test]
async fn any_other_device_filter_is_ignored_without_a_word() {
    let bench = Bench::start().await;
    let id = &bench.tenant.directory().devices[0].id;
    for filter in [
        format!("id eq '{id}'"),
        "startswith(deviceName,'IPAD')".to_owned(),
        "deviceName eq 'IPADOS-00012' or serialNumber eq 'SN000044'".to_owned(),
        "isSupervised eq true".to_owned(),
        "deviceName eq 'open".to_owned(),
    ] {
        let rows = bench.rows(&format!("{DEVICES}?$filter={}", encoded(&filter))).await;
        assert_eq!(rows.len(), 200, "{filter}");
    }
}

#[tokio::test]
async fn a_list_leaves_empty_what_a_single_get_fills() {
    let bench = Bench::start().await;
    let directory = bench.tenant.directory();
    let device = directory
        .devices
        .iter()
        .find(|device| device.is_supervised && !device.action_results.is_empty())
        .unwrap();
    let rows = bench.rows(&format!("{DEVICES}?$top=999")).await;
    let row = rows.iter().find(|row| row["id"] == device.id.as_str()).unwrap();
    assert_eq!(row["deviceActionResults"], json!([]));
    assert_eq!(row["activationLockBypassCode"], Value::Null);
    let (_, whole) = bench.get(&format!("{DEVICES}/{}", device.id)).await;
    assert_eq!(whole["activationLockBypassCode"], Value::Null);
    assert_eq!(whole["deviceActionResults"].as_array().unwrap().len(), device.action_results.len());
    let (_, some) = bench
        .get(&format!("{DEVICES}/{}?$select=deviceActionResults,activationLockBypassCode", device.id))
        .await;
    assert_eq!(some["activationLockBypassCode"], json!(device.activation_lock_bypass_code));
    assert!(some.get("deviceName").is_none());
    let (status, body) = bench.get(&format!("{DEVICES}?$select=id,nonsense")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body["error"]["message"].as_str().unwrap().contains("nonsense"));
}

#[tokio::test]
async fn devices_come_a_thousand_a_page_and_the_links_lead_through_all_of_them() {
    let bench = Bench::with(Options { devices: 2_345, ..quick() }).await;
    let mut next = Some(format!("{}{DEVICES}?$select=id,deviceName", bench.tenant.graph_url()));
    let (mut sizes, mut seen) = (Vec::new(), HashSet::new());
    while let Some(url) = next {
        assert!(url.contains("$select=id,deviceName"), "{url}");
        let (_, body) = read(bench.http.get(url).bearer_auth(&bench.token).send().await.unwrap()).await;
        let rows = body["value"].as_array().unwrap();
        sizes.push(rows.len());
        seen.extend(rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        next = body["@odata.nextLink"].as_str().map(str::to_owned);
    }
    assert_eq!(sizes, [1_000, 1_000, 345]);
    assert_eq!(seen.len(), 2_345);
    for bad in ["$skiptoken=abc", "$top=0", "$top=-1", "$top=x"] {
        assert_eq!(bench.get(&format!("{DEVICES}?{bad}")).await.0, StatusCode::BAD_REQUEST, "{bad}");
    }
}

#[tokio::test]
async fn a_detected_app_is_one_row_for_each_version() {
    let bench = Bench::start().await;
    assert_eq!(bench.rows(APPS).await.len(), 40);
    let filter = encoded("contains(displayName,'exam browser')");
    let rows = bench.rows(&format!("{APPS}?$filter={filter}")).await;
    let versions: HashSet<&str> = rows.iter().map(|row| row["version"].as_str().unwrap()).collect();
    assert!(versions.is_superset(&HashSet::from(["3.5", "3.6.1", "3.7"])), "{versions:?}");
    assert!(
        rows.iter().all(|row| row["displayName"].as_str().unwrap().to_lowercase().contains("exam browser"))
    );
    assert!(rows.iter().all(|row| row["id"].as_str().unwrap().len() == 64));
}

#[tokio::test]
async fn the_filter_on_detected_apps_can_be_ignored_or_refused() {
    let filter = encoded("contains(displayName,'Exam')");
    let ignoring = Bench::with(Options { app_filter: AppFilter::Ignored, ..quick() }).await;
    assert_eq!(ignoring.rows(&format!("{APPS}?$filter={filter}")).await.len(), 40);
    let refusing = Bench::with(Options { app_filter: AppFilter::Refused, ..quick() }).await;
    assert_eq!(refusing.get(&format!("{APPS}?$filter={filter}")).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn devices_below_a_detected_app_have_few_fields_filled() {
    let bench = Bench::start().await;
    let directory = bench.tenant.directory();
    let app = directory.apps.iter().max_by_key(|app| app.device_ids.len()).unwrap();
    let rows = bench.rows(&format!("{APPS}/{}/managedDevices", app.id)).await;
    let ids: Vec<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids, app.device_ids);
    for row in &rows {
        assert!(row["deviceName"].is_string() && row["operatingSystem"].is_string());
        assert_eq!(row["serialNumber"], Value::Null);
        assert_eq!(row["userPrincipalName"], Value::Null);
    }
    let (status, body) = bench.get(&format!("{APPS}/{}/managedDevices/{}", app.id, ids[0])).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (StatusCode::BAD_REQUEST, &json!("No method match route template"))
    );
}

#[tokio::test]
async fn odd_ids_are_refused_and_nothing_breaks() {
    let bench = Bench::start().await;
    for id in ["a%2Fb", "a%27b", "a%25b", "%25", "%2E%2E%2Fx", "x%00y", "%E2%80%AE", "%3Cscript%3E"] {
        for path in [
            format!("{DEVICES}/{id}"),
            format!("/users/{id}/managedDevices"),
            format!("{APPS}/{id}/managedDevices"),
        ] {
            let status = bench.get(&path).await.0;
            assert!(matches!(status.as_u16(), 400 | 404), "{path} {status}");
        }
        assert!(matches!(bench.recover(id).await.status().as_u16(), 400 | 404), "{id}");
    }
    for id in ["%", "%zz", "%ff", "a/b", "a'b"] {
        let status = bench.get(&format!("{DEVICES}/{id}")).await.0;
        assert!(matches!(status.as_u16(), 400 | 404), "{id} {status}");
    }
    let unknown = bench.get(&format!("{DEVICES}/00000000-0000-4000-8000-000000000000")).await;
    assert_eq!((unknown.0, &unknown.1["error"]["code"]), (StatusCode::NOT_FOUND, &json!("ResourceNotFound")));
    assert!(bench.tenant.executed().is_empty());
}

#[tokio::test]
async fn a_token_without_the_scope_is_told_which_one_is_missing() {
    let mut bench = Bench::start().await;
    let device = bench.tenant.directory().devices[0].id.clone();
    bench.token = bench.tenant.issue_access_token_with_scopes(&["DeviceManagementManagedDevices.Read.All"]);
    assert_eq!(bench.get(DEVICES).await.0, StatusCode::OK);
    let (status, body) = read(bench.recover(&device).await).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let packed: Value = serde_json::from_str(body["error"]["message"].as_str().unwrap()).unwrap();
    assert!(packed["Message"].as_str().unwrap().contains("PrivilegedOperations.All - Operation ID"));
    let (status, body) = bench.get("/users").await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (StatusCode::FORBIDDEN, &json!("Authorization_RequestDenied"))
    );
    assert!(bench.tenant.executed().is_empty());
}

#[tokio::test]
async fn a_bearer_that_is_missing_unknown_or_expired_is_refused() {
    let mut bench = Bench::start().await;
    let (status, body) =
        read(bench.http.get(format!("{}/me", bench.tenant.graph_url())).send().await.unwrap()).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (StatusCode::UNAUTHORIZED, &json!("InvalidAuthenticationToken"))
    );
    bench.tenant.expire_access_tokens();
    assert_eq!(bench.get("/me").await.0, StatusCode::UNAUTHORIZED);
    bench.token = "nonsense".to_owned();
    assert_eq!(bench.get("/me").await.0, StatusCode::UNAUTHORIZED);
    bench.token = bench.tenant.issue_access_token();
    assert_eq!(bench.get("/me").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_hundred_thousand_devices_start_in_seconds_and_filter_fast() {
    let start = Instant::now();
    let bench = Bench::with(Options { devices: 100_000, users: 2_000, ..quick() }).await;
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    let start = Instant::now();
    let rows = bench.rows(&format!("{DEVICES}?$filter={}", encoded("contains(deviceName,'99999')"))).await;
    assert_eq!(rows.len(), 1);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn the_same_seed_makes_the_same_tenant() {
    let one = DemoTenant::start(quick()).await.unwrap();
    let two = DemoTenant::start(quick()).await.unwrap();
    let other = DemoTenant::start(Options { seed: 2, ..quick() }).await.unwrap();
    let outline = |tenant: &DemoTenant| {
        let directory = tenant.directory();
        let devices: Vec<_> =
            directory.devices.into_iter().map(|device| (device.id, device.name, device.user_id)).collect();
        (
            tenant.tenant_id().to_owned(),
            tenant.client_id().to_owned(),
            directory.users,
            devices,
            directory.apps,
        )
    };
    assert_eq!(outline(&one), outline(&two));
    assert_ne!(outline(&one).3, outline(&other).3);
}

#[tokio::test]
async fn a_device_has_no_property_that_only_beta_knows() {
    let bench = Bench::start().await;
    let id = bench.tenant.directory().devices[0].id.clone();
    let (_, whole) = bench.get(&format!("{DEVICES}/{id}")).await;
    for beta in ["windowsActiveMalwareCount", "windowsRemediatedMalwareCount", "usersLoggedOn", "chassisType"]
    {
        assert!(whole.get(beta).is_none(), "{beta}");
        let (status, body) = bench.get(&format!("{DEVICES}/{id}?$select=id,{beta}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{beta}");
        assert!(body["error"]["message"].as_str().unwrap().contains(beta), "{body}");
    }
}

#[tokio::test]
async fn a_page_of_more_than_999_users_is_refused() {
    let bench = Bench::start().await;
    assert_eq!(bench.get("/users?$top=999").await.0, StatusCode::OK);
    for top in ["1000", "9999", "18446744073709551615"] {
        let (status, body) = bench.get(&format!("/users?$top={top}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{top}");
        assert_eq!(body["error"]["code"], "Request_UnsupportedQuery");
    }
}

#[tokio::test]
async fn the_overview_counts_the_devices_of_each_system() {
    let bench = Bench::start().await;
    let devices = bench.tenant.directory().devices;
    let (status, overview) = bench.get("/deviceManagement/managedDeviceOverview").await;
    assert_eq!((status, &overview["enrolledDeviceCount"]), (StatusCode::OK, &json!(devices.len())));
    let systems = overview["deviceOperatingSystemSummary"].as_object().unwrap();
    let sum: u64 = systems.values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(sum, devices.len() as u64);
    let windows = devices.iter().filter(|device| device.operating_system == "Windows").count();
    assert_eq!(systems["windowsCount"], json!(windows));
}

#[tokio::test]
async fn every_context_is_below_the_tenants_own_address() {
    let bench = Bench::start().await;
    let directory = bench.tenant.directory();
    let (user, device, app) = (&directory.users[0].id, &directory.devices[0].id, &directory.apps[0].id);
    for path in [
        "/me".to_owned(),
        "/organization".to_owned(),
        "/users".to_owned(),
        format!("/users/{user}"),
        format!("/users/{user}/managedDevices"),
        DEVICES.to_owned(),
        format!("{DEVICES}/{device}"),
        APPS.to_owned(),
        format!("{APPS}/{app}"),
        format!("{APPS}/{app}/managedDevices"),
        "/deviceManagement/managedDeviceOverview".to_owned(),
    ] {
        let (_, body) = bench.get(&path).await;
        let context = body["@odata.context"].as_str().unwrap();
        assert!(
            context.starts_with(&format!("{}/$metadata#", bench.tenant.graph_url())),
            "{path}: {context}"
        );
    }
}

#[tokio::test]
async fn a_long_answer_comes_packed_for_who_asks_for_it() {
    let bench = Bench::start().await;
    // A client that shows the bytes as they come.
    let http = reqwest::Client::builder().no_proxy().gzip(false).build().unwrap();
    let url = format!("{}{DEVICES}", bench.tenant.graph_url());
    let get = async |accept: &'static str| {
        let request = http.get(&url).bearer_auth(&bench.token).header("accept-encoding", accept);
        let answer = request.send().await.unwrap();
        let packed = answer.headers().get("content-encoding").is_some_and(|coding| coding == "gzip");
        (packed, answer.bytes().await.unwrap().len())
    };
    let (plain, whole) = get("identity").await;
    let (packed, on_the_way) = get("br, gzip;q=0.5").await;
    assert!(!plain && packed && on_the_way * 4 < whole, "{on_the_way} of {whole} bytes");
}

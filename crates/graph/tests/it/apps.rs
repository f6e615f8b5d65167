use std::collections::BTreeSet;

use unlatch_demo_tenant::{App, AppFilter, DemoTenant, Fault, FaultKind, Options, Pace};
use unlatch_graph::{Client, DetectedApp, Error, folded};

use crate::fixture::{Scripted, demo, demo_with, devices_with, error_body, json, shape};

fn options(app_filter: AppFilter) -> Options {
    Options { pace: Pace::fast(), apps: 60, page_size: 11, app_filter, ..Options::default() }
}

fn with(tenant: &DemoTenant, text: &str) -> BTreeSet<String> {
    let apps = tenant.directory().apps.into_iter();
    apps.filter(|app| folded(&app.name).contains(&folded(text))).map(|app| app.id).collect()
}

#[tokio::test]
async fn apps_are_found_whatever_becomes_of_the_filter() {
    for filter in [AppFilter::Honoured, AppFilter::Ignored, AppFilter::Refused] {
        let (tenant, client) = demo_with(options(filter)).await;
        let name = tenant.directory().apps[0].name.clone();
        let expected = with(&tenant, &name);
        let found = client.find_apps(&name).await.unwrap();
        let ids: BTreeSet<_> = found.rows.iter().map(|app| app.id.to_string()).collect();
        assert_eq!(ids, expected, "{filter:?}");
        assert_eq!(ids.len(), found.rows.len());
        assert!(found.complete, "{filter:?}");
    }
}

#[tokio::test]
async fn a_sweep_that_breaks_off_is_not_complete() {
    let (tenant, client) = demo_with(options(AppFilter::Refused)).await;
    tenant.add_fault(Fault::new(FaultKind::PageFails { page: 3 }));
    let found = client.find_apps("e").await.unwrap();
    assert!(!found.complete && found.stopped_by.is_some());
    assert!(!found.rows.is_empty());
}

#[tokio::test]
async fn an_ignored_filter_that_breaks_off_is_followed_by_a_sweep() {
    let (tenant, client) = demo_with(options(AppFilter::Ignored)).await;
    // Three tries at page 2 of the filtered list, after which the sweep reads all.
    tenant.add_fault(Fault::new(FaultKind::PageFails { page: 2 }).times(3));
    let name = tenant.directory().apps[40].name.clone();
    let found = client.find_apps(&name).await.unwrap();
    assert_eq!(found.rows.len(), with(&tenant, &name).len());
    assert!(found.complete && found.stopped_by.is_none());
}

#[tokio::test]
async fn who_may_not_read_apps_is_told_and_no_sweep_is_tried() {
    let (tenant, client) = demo_with(options(AppFilter::Honoured)).await;
    tenant.add_fault(Fault::new(FaultKind::RoleDenied403));
    assert!(matches!(client.find_apps("e").await, Err(Error::Api(error)) if error.status == 403));
    assert_eq!(tenant.requests().len(), 1);
}

async fn found_app(client: &Client, app: &App) -> DetectedApp {
    let found = client.find_apps(&app.name).await.unwrap();
    found.rows.into_iter().find(|row| row.id.as_str() == app.id).unwrap()
}

fn popular(tenant: &DemoTenant) -> App {
    tenant.directory().apps.into_iter().max_by_key(|app| app.device_ids.len()).unwrap()
}

#[tokio::test]
async fn the_devices_of_an_app_are_read_one_by_one() {
    let (tenant, client) = demo().await;
    let known = popular(&tenant);
    let app = found_app(&client, &known).await;
    let found = devices_with(&client, &app).await.unwrap();
    let ids: Vec<_> = found.rows.iter().map(|row| row.id.to_string()).collect();
    assert_eq!(ids, known.device_ids);
    assert_eq!((found.counted, found.complete), (Some(app.device_count), true));
    let directory = tenant.directory();
    for row in &found.rows {
        let device = directory.device(row.id.as_str()).unwrap();
        assert_eq!(row.user_id.as_ref().map(|id| id.as_str()), device.user_id.as_deref());
        assert_eq!(row.management_agent.as_str(), device.management_agent, "the list itself does not tell");
    }
}

#[tokio::test]
async fn a_device_that_is_gone_is_left_out_and_one_that_fails_makes_the_list_incomplete() {
    let (tenant, client) = demo().await;
    let known = popular(&tenant);
    let app = found_app(&client, &known).await;
    let total = known.device_ids.len();
    tenant.add_fault(Fault::new(FaultKind::NotFound404).device(&known.device_ids[1]));
    let found = devices_with(&client, &app).await.unwrap();
    assert_eq!(shape(&found), (total - 1, 1, true));
    tenant.add_fault(
        Fault::new(FaultKind::Status { status: 500, retry_after: None, executed: false })
            .device(&known.device_ids[2]),
    );
    let found = devices_with(&client, &app).await.unwrap();
    assert_eq!(shape(&found), (total - 2, 1, false));
    assert!(matches!(&found.stopped_by, Some(Error::Api(error)) if error.status == 500));
}

#[tokio::test]
async fn a_device_that_is_not_the_one_of_the_row_is_left_out() {
    let server = Scripted::start(|_, head| {
        if head.starts_with("GET /v1.0/deviceManagement/detectedApps/") {
            let rows = serde_json::json!({"value": [
                {"id": "d1", "deviceName": "One"}, {"id": "d2", "deviceName": "Two"}, {"id": "d3"}, {"id": "d4", "deviceName": "Four"},
            ]});
            return json(200, &[], &rows.to_string());
        }
        for (path, body) in [
            ("managedDevices/d1?", r#"{"id":"d1","deviceName":"ONE"}"#),
            ("managedDevices/d2?", r#"{"id":"d2","deviceName":"Renamed"}"#),
            ("managedDevices/d3?", r#"{"id":"d3","deviceName":"Three"}"#),
            ("managedDevices/d4?", r#"{"id":"d9","deviceName":"Four"}"#),
        ] {
            if head.contains(path) {
                return json(200, &[], body);
            }
        }
        json(404, &[], &error_body("", ""))
    })
    .await;
    let found = devices_with(&server.client(), &app("a1", 9)).await.unwrap();
    let ids: Vec<_> = found.rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!((ids, found.left_out, found.counted), (vec!["d1", "d3"], 2, Some(9)));
}

#[tokio::test]
async fn a_device_outside_the_scope_tags_is_left_out_and_no_licence_ends_the_reading() {
    let (tenant, client) = demo().await;
    let known = popular(&tenant);
    let app = found_app(&client, &known).await;
    let all = devices_with(&client, &app).await.unwrap();
    tenant.add_fault(Fault::new(FaultKind::OutOfScopeTags404).device(all.rows[0].id.as_str()));
    let found = devices_with(&client, &app).await.unwrap();
    assert_eq!((found.rows.len(), found.left_out), (all.rows.len() - 1, all.left_out + 1));
    assert!(found.complete);
    tenant.clear_faults();
    tenant.clear_requests();
    tenant.add_fault(Fault::new(FaultKind::NoLicence400).path_contains("/managedDevices/"));
    let found = devices_with(&client, &app).await.unwrap();
    assert_eq!((found.rows.len(), found.complete), (0, false));
    assert!(tenant.requests().len() <= 1 + 8, "{}", tenant.requests().len());
}

#[tokio::test]
async fn a_lost_role_ends_the_reading_of_devices_early() {
    let (tenant, client) = demo().await;
    let known = popular(&tenant);
    let app = found_app(&client, &known).await;
    tenant.clear_requests();
    tenant.add_fault(Fault::new(FaultKind::RoleDenied403).path_contains("/managedDevices/"));
    let found = devices_with(&client, &app).await.unwrap();
    assert_eq!((found.rows.len(), found.complete), (0, false));
    assert!(tenant.requests().len() <= 1 + 8, "{}", tenant.requests().len());
}

fn app(id: &str, device_count: u32) -> DetectedApp {
    DetectedApp {
        id: unlatch_graph::AppId::new(id).unwrap(),
        display_name: "App".to_owned(),
        version: None,
        publisher: None,
        platform: unlatch_graph::Platform::Unknown,
        device_count,
    }
}

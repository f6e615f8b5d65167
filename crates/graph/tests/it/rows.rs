use unlatch_demo_tenant::{Fault, FaultKind, Options, Pace};
use unlatch_graph::{DetectedApp, Step};

use crate::fixture::{Scripted, Told, demo_with, find_devices, json};

#[tokio::test]
async fn rows_are_told_page_by_page_while_later_pages_are_still_to_come() {
    let (tenant, client) =
        demo_with(Options { pace: Pace::fast(), page_size: 10, ..Options::default() }).await;
    for device in tenant.directory().devices {
        tenant.change_device(&device.id, |device| device.name = format!("Row {}", device.name));
    }
    tenant.clear_requests();
    let asked_when_told = std::sync::Mutex::new(Vec::new());
    let tell = |step| {
        if let Step::Rows(rows) = step {
            asked_when_told.lock().unwrap().push((rows.len(), tenant.requests().len()));
        }
    };
    let ended = client.find_devices("row", &tell).await.unwrap();
    assert!(ended.complete && ended.left_out == 0);
    let told = asked_when_told.into_inner().unwrap();
    assert_eq!(told.iter().map(|(rows, _)| rows).sum::<usize>(), 200);
    assert_eq!(told.len(), 20);
    assert!(told[0].1 <= 3 && told[19].1 >= 20, "{told:?}");
}

#[tokio::test]
async fn a_device_that_both_questions_find_is_told_once() {
    let (tenant, client) = demo_with(Options { pace: Pace::fast(), ..Options::default() }).await;
    let device = tenant.directory().devices[9].clone();
    tenant.change_device(&device.id, |device| {
        device.serial = Some("BOTH-1".to_owned());
        device.name = "BOTH-1".to_owned();
    });
    let found = find_devices(&client, "both-1").await.unwrap();
    assert_eq!(found.rows.len(), 1);
    tenant.add_fault(Fault::new(FaultKind::IgnoreFilter));
    let found = find_devices(&client, "both-1").await.unwrap();
    assert_eq!((found.rows.len(), found.left_out), (1, 199));
}

#[tokio::test]
async fn the_devices_of_an_app_are_told_in_small_groups_with_how_many_there_are() {
    let server = Scripted::start(|_, head| {
        if head.contains("/detectedApps/") {
            let rows: Vec<_> = (0..30).map(|id| serde_json::json!({"id": format!("d{id}")})).collect();
            return json(200, &[], &serde_json::json!({"value": rows}).to_string());
        }
        let id = head.split("managedDevices/").nth(1).unwrap().split('?').next().unwrap();
        json(200, &[], &serde_json::json!({"id": id}).to_string())
    })
    .await;
    let app = DetectedApp {
        id: unlatch_graph::AppId::new("a").unwrap(),
        display_name: "App".to_owned(),
        version: None,
        publisher: None,
        platform: unlatch_graph::Platform::Unknown,
        device_count: 31,
    };
    let told = Told::default();
    let ended = server.client().devices_with_app(&app, &told.tell()).await.unwrap();
    assert_eq!((ended.complete, ended.left_out, ended.counted), (true, 0, Some(31)));
    let (mut groups, mut progress, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for step in told.steps() {
        match step {
            Step::Rows(rows) => {
                groups.push(rows.len());
                ids.extend(rows.into_iter().map(|row| row.id.to_string()));
            }
            Step::Progress { done, total } => progress.push((done, total)),
            Step::LeftOut(count) => assert_eq!(count, 0),
        }
    }
    assert_eq!(groups, [8, 8, 8, 6]);
    assert_eq!(progress, [(0, 30), (8, 30), (16, 30), (24, 30), (30, 30)]);
    assert_eq!(ids, (0..30).map(|id| format!("d{id}")).collect::<Vec<_>>(), "in Graph's order");
}

use unlatch_demo_tenant::{Fault, FaultKind, Options, Pace};
use unlatch_graph::Error;

use crate::fixture::{Scripted, demo, demo_with, find_devices, has_request_id, json, shape};

#[tokio::test]
async fn a_link_to_another_host_is_not_followed() {
    let (tenant, client) = demo().await;
    let name = tenant.directory().apps[0].name.clone();
    tenant.add_fault(Fault::new(FaultKind::ForeignNextLink));
    let found = client.find_apps(&name).await.unwrap();
    assert!(!found.rows.is_empty() && !found.complete);
    assert_eq!(found.stopped_by, Some(Error::ForeignLink));
}

#[tokio::test]
async fn a_link_to_another_port_scheme_or_version_is_not_followed() {
    let other = Scripted::start(|_, _| json(200, &[], r#"{"value":[]}"#)).await;
    let port = other.graph_url.port().unwrap();
    for link in [
        format!("http://127.0.0.1:{port}/v1.0/deviceManagement/detectedApps"),
        "SELF/beta/deviceManagement/detectedApps".to_owned(),
        "https://SELFHOST/v1.0/deviceManagement/detectedApps".to_owned(),
        "SELF/v1.0/../beta/x".to_owned(),
    ] {
        let server = Scripted::start(move |_, head| {
            let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
            let link = link.replace("SELFHOST", host).replace("SELF", &format!("http://{host}"));
            json(200, &[], &serde_json::json!({"value": [], "@odata.nextLink": link}).to_string())
        })
        .await;
        let found = server.client().find_apps("x").await.unwrap();
        assert_eq!(found.stopped_by, Some(Error::ForeignLink));
        assert_eq!(server.requests().len(), 1);
    }
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn a_link_that_is_no_address_ends_the_list() {
    let (tenant, client) = demo().await;
    let name = tenant.directory().apps[0].name.clone();
    tenant.add_fault(Fault::new(FaultKind::BadNextLink));
    let found = client.find_apps(&name).await.unwrap();
    assert!(!found.rows.is_empty() && !found.complete && found.stopped_by.is_some());
}

#[tokio::test]
async fn a_link_that_is_no_text_keeps_the_rows_of_its_page() {
    let server = Scripted::start(|_, _| {
        json(200, &[("request-id", "r1")], r#"{"value":[{"id":"a","displayName":"x"}],"@odata.nextLink":{}}"#)
    })
    .await;
    let found = server.client().find_apps("x").await.unwrap();
    assert_eq!(shape(&found), (1, 0, false));
    assert!(has_request_id(&found.stopped_by.unwrap()));
}

#[tokio::test]
async fn pages_that_go_in_a_circle_end() {
    let server = Scripted::start(|count, head| {
        let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let link = format!("http://{host}/v1.0/deviceManagement/detectedApps?$skiptoken={}", (count + 1) % 2);
        let row = serde_json::json!({"id": count.to_string(), "displayName": "x"});
        json(200, &[], &serde_json::json!({"value": [row], "@odata.nextLink": link}).to_string())
    })
    .await;
    let found = server.client().find_apps("x").await.unwrap();
    assert_eq!(shape(&found), (3, 0, false));
    assert!(matches!(found.stopped_by, Some(Error::BadAnswer { .. })));
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_page_that_fails_keeps_the_pages_before_it() {
    let (tenant, client) =
        demo_with(Options { pace: Pace::fast(), page_size: 10, ..Options::default() }).await;
    tenant.add_fault(Fault::new(FaultKind::PageFails { page: 3 }));
    tenant.add_fault(Fault::new(FaultKind::IgnoreFilter));
    let found = find_devices(&client, "zzz nothing").await.unwrap();
    assert_eq!(shape(&found), (0, 20, false));
    assert!(matches!(&found.stopped_by, Some(Error::Api(error)) if error.status == 504));
    let third = tenant.requests().iter().filter(|request| request.status == Some(504)).count();
    assert_eq!(third, 6, "three tries for each of the two questions");
}

#[tokio::test]
async fn what_is_not_json_is_a_bad_answer_and_quotes_nothing() {
    let (tenant, client) = demo().await;
    tenant.add_fault(Fault::new(FaultKind::MalformedJson));
    let error = find_devices(&client, "x").await.unwrap_err();
    assert!(matches!(&error, Error::BadAnswer { .. }) && has_request_id(&error), "{error:?}");
    for body in ["", "null", "[]", "7", r#"{"value":7}"#, r#"{"value":null}"#, r#"{"rows":"secret words"}"#] {
        let server = Scripted::start(move |_, _| json(200, &[], body)).await;
        let error = server.client().find_apps("x").await.unwrap_err();
        assert!(matches!(error, Error::BadAnswer { .. }), "{body}");
        assert!(!error.to_string().contains("secret"));
        assert_eq!(server.requests().len(), 1, "the same answer would come again");
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_left_out() {
    let server = Scripted::start(|_, _| {
        json(200, &[], r#"{"value":[{"id":"a","displayName":"xy"},null,7,{"id":".."},{"displayName":"x"}]}"#)
    })
    .await;
    let found = server.client().find_apps("x").await.unwrap();
    assert_eq!(shape(&found), (1, 4, true));
}

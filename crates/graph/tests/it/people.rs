use unlatch_demo_tenant::{Fault, FaultKind, Options, Pace};
use unlatch_graph::{Error, User, UserId};

use crate::fixture::{Scripted, demo, demo_with, devices_of, error_body, find_devices, json, shape};

#[tokio::test]
async fn the_account_and_the_tenant_are_named() {
    let (tenant, client) = demo().await;
    let me = client.me().await.unwrap();
    assert_eq!(me.user_principal_name, tenant.admin_upn());
    assert!(client.organization_name().await.unwrap().is_some_and(|name| !name.is_empty()));
    tenant.add_fault(Fault::new(FaultKind::RoleDenied403).path_contains("organization"));
    assert_eq!(client.organization_name().await, Ok(None));
}

#[tokio::test]
async fn every_person_is_found_by_display_name_and_by_principal_name() {
    let (tenant, client) = demo().await;
    for person in tenant.directory().users {
        for text in [person.display_name.as_str(), person.upn.as_str()] {
            let found = client.find_users(text).await.unwrap();
            assert!(found.rows.iter().any(|row| row.id.as_str() == person.id), "{text:?}: {found:?}");
            assert_eq!(found.left_out, 0);
        }
    }
}

#[tokio::test]
async fn more_people_than_fit_is_said() {
    let (_tenant, client) = demo_with(Options { pace: Pace::fast(), users: 400, ..Options::default() }).await;
    let found = client.find_users("user0").await.unwrap();
    assert_eq!(shape(&found), (25, 0, false));
    assert_eq!(found.stopped_by, None);
}

#[tokio::test]
async fn a_person_who_does_not_match_is_left_out() {
    let server = Scripted::start(|_, _| {
        let row = |id: &str, name: &str| serde_json::json!({"id": id, "displayName": name, "userPrincipalName": "x@y.example"});
        let rows = [row("1", "Anna Meyer"), row("2", "Bob"), row("1", "Anna Meyer"), serde_json::json!({"displayName": "Anna"})];
        json(200, &[], &serde_json::json!({"value": rows}).to_string())
    })
    .await;
    let found = server.client().find_users("anna").await.unwrap();
    assert_eq!(shape(&found), (1, 2, true), "Bob, and a row without an id; the same id counts once");
}

#[tokio::test]
async fn a_refused_search_falls_back_to_a_filter() {
    let server = Scripted::start(|_, head| {
        if head.contains("search") {
            return json(400, &[], &error_body("Request_UnsupportedQuery", "no $search here"));
        }
        json(200, &[], r#"{"value":[{"id":"1","displayName":"Anna"}]}"#)
    })
    .await;
    let found = server.client().find_users("anna").await.unwrap();
    assert_eq!(shape(&found), (1, 0, true));
    let requests = server.requests();
    assert!(
        requests[0].contains("%24search=") && requests[1].contains("%24filter=startswith"),
        "{requests:?}"
    );
}

#[tokio::test]
async fn an_ampersand_goes_by_the_filter_at_once() {
    let (tenant, client) = demo().await;
    let person = tenant.directory().users.into_iter().find(|user| user.display_name.contains('&')).unwrap();
    let found = client.find_users(&person.display_name).await.unwrap();
    assert!(found.rows.iter().any(|row| row.id.as_str() == person.id));
    assert!(tenant.requests().iter().all(|request| !request.query.contains("search")));
}

#[tokio::test]
async fn nothing_is_sent_for_an_empty_or_endless_search() {
    let (tenant, client) = demo().await;
    for text in ["", "   ", "\u{301}", &"x".repeat(5_000)] {
        assert!(matches!(client.find_users(text).await, Err(Error::InvalidInput(_))), "{text:?}");
        assert!(matches!(find_devices(&client, text).await, Err(Error::InvalidInput(_))));
        assert!(matches!(client.find_apps(text).await, Err(Error::InvalidInput(_))));
    }
    assert!(tenant.requests().is_empty());
}

#[tokio::test]
async fn the_devices_of_each_person_are_theirs_and_all_of_them() {
    let (tenant, client) = demo().await;
    let directory = tenant.directory();
    let mut some = 0;
    for person in &directory.users {
        let user = User {
            id: UserId::new(person.id.clone()).unwrap(),
            display_name: person.display_name.clone(),
            user_principal_name: person.upn.clone(),
            mail: person.mail.clone(),
        };
        let found = devices_of(&client, &user).await.unwrap();
        let mut ids: Vec<_> = found.rows.iter().map(|row| row.id.to_string()).collect();
        let mut theirs: Vec<_> = directory.devices_of(&person.id).map(|device| device.id.clone()).collect();
        ids.sort();
        theirs.sort();
        assert_eq!(ids, theirs);
        assert!(found.complete && found.left_out == 0);
        some += ids.len();
    }
    assert!(some > 50, "the demo tenant has devices with users");
}

#[tokio::test]
async fn somebody_elses_device_is_left_out() {
    let server = Scripted::start(|_, _| {
        let rows = serde_json::json!({"value": [
            {"id": "1", "userId": "U1"}, {"id": "2", "userPrincipalName": "ANNA@x.example", "userId": "other"},
            {"id": "3", "userId": "u2", "userPrincipalName": "bob@x.example"}, {"id": "4"},
            {"id": "5", "userPrincipalName": "ANNA@x.example", "userId": ""},
        ]});
        json(200, &[], &rows.to_string())
    })
    .await;
    let found = devices_of(&server.client(), &anna()).await.unwrap();
    assert_eq!(shape(&found), (2, 3, true));
    let ids: Vec<_> = found.rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids, ["1", "5"]);
}

fn anna() -> User {
    User {
        id: UserId::new("u1").unwrap(),
        display_name: "Anna".to_owned(),
        user_principal_name: "anna@x.example".to_owned(),
        mail: None,
    }
}

#[tokio::test]
async fn where_the_users_route_is_gone_the_filter_on_the_name_is_asked() {
    let (tenant, client) = demo().await;
    tenant.add_fault(Fault::new(FaultKind::MissingRoute).path_contains("/users/"));
    let directory = tenant.directory();
    let (device, person) = directory
        .devices
        .iter()
        .find_map(|device| {
            let person = directory.users.iter().find(|user| Some(&user.id) == device.user_id.as_ref())?;
            (device.user_principal_name.as_ref() == Some(&person.upn)).then_some((device, person))
        })
        .unwrap();
    let user = User {
        id: UserId::new(person.id.clone()).unwrap(),
        user_principal_name: person.upn.clone(),
        ..anna()
    };
    let found = devices_of(&client, &user).await.unwrap();
    assert!(found.rows.iter().any(|row| row.id.as_str() == device.id), "{found:?}");
    assert_eq!(found.left_out, 0);
}

use unlatch_demo_tenant::{Fault, FaultKind, Options, Pace};
use unlatch_graph::{ActionState, ApiErrorKind, DeviceId, Error, Route, SendOutcome, folded};

use crate::fixture::{Scripted, demo, demo_with, find_devices, json, shape};

#[tokio::test]
async fn devices_are_found_by_part_of_the_name_and_by_the_whole_serial() {
    let (tenant, client) = demo().await;
    let directory = tenant.directory();
    for device in directory.devices.iter().take(60) {
        let found = find_devices(&client, &device.name).await.unwrap();
        assert!(found.rows.iter().any(|row| row.id.as_str() == device.id), "{:?}", device.name);
        assert!(found.complete);
        if let Some(serial) = device.serial.as_deref().filter(|serial| !serial.trim().is_empty()) {
            let found = find_devices(&client, &serial.to_lowercase()).await.unwrap();
            assert!(found.rows.iter().any(|row| row.id.as_str() == device.id), "{serial}");
            let (serial, text) = (serial.trim().to_lowercase(), serial.trim());
            for row in &found.rows {
                let same =
                    row.serial_number.as_ref().is_some_and(|other| other.trim().to_lowercase() == serial);
                let named = folded(&row.device_name).contains(&folded(text));
                assert!(same || named, "{serial}: {row:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_ignored_filter_lets_no_other_device_through() {
    let (tenant, client) = demo().await;
    let wanted = tenant.directory().devices[7].clone();
    tenant.add_fault(Fault::new(FaultKind::IgnoreFilter));
    let found = find_devices(&client, &wanted.name).await.unwrap();
    assert!(found.rows.iter().any(|row| row.id.as_str() == wanted.id));
    assert!(
        found.rows.iter().all(|row| row.device_name.to_lowercase().contains(&wanted.name.to_lowercase()))
    );
    assert_eq!(found.rows.len() + found.left_out, 200, "every device came back, once each");
    assert!(found.complete);
}

#[tokio::test]
async fn one_question_that_fails_leaves_the_answer_of_the_other() {
    let (tenant, client) = demo().await;
    let name = tenant.directory().devices[3].name.clone();
    tenant.add_fault(
        Fault::new(FaultKind::Status { status: 500, retry_after: None, executed: false })
            .path_contains("serialNumber eq"),
    );
    let found = find_devices(&client, &name).await.unwrap();
    assert!(!found.rows.is_empty() && !found.complete);
    assert!(matches!(&found.stopped_by, Some(Error::Api(error)) if error.status == 500));
    tenant.add_fault(Fault::new(FaultKind::Status { status: 500, retry_after: None, executed: false }));
    assert!(matches!(find_devices(&client, &name).await, Err(Error::Api(_))));
}

#[tokio::test]
async fn a_device_is_read_with_what_is_shown_of_it() {
    let (tenant, client) = demo().await;
    for device in tenant.directory().devices {
        let read = client.device(&DeviceId::new(device.id.clone()).unwrap()).await.unwrap();
        assert_eq!(read.device_name, device.name);
        assert_eq!(read.serial_number, device.serial.filter(|serial| !serial.trim().is_empty()));
        assert_eq!(read.management_state.as_str(), device.management_state);
        assert_eq!(read.management_agent.as_str(), device.management_agent);
        assert_eq!(read.owner.as_str(), device.owner);
        assert_eq!(read.compliance_state.as_str(), device.compliance_state);
        assert_eq!(
            read.last_sync.map(|at| at.unix_timestamp()),
            device.last_sync.map(|at| at.unix_timestamp())
        );
    }
}

#[tokio::test]
async fn an_odd_id_asks_for_no_other_device() {
    let (tenant, client) = demo().await;
    for id in ["a/b", "o'brien", "100%", "../x", "%2e%2e", "a?b#c"] {
        let error = client.device(&DeviceId::new(id).unwrap()).await.unwrap_err();
        assert!(
            matches!(&error, Error::Api(error) if error.status == 400 || error.status == 404),
            "{error:?}"
        );
    }
    let odd = tenant.requests();
    assert!(odd.iter().all(|request| request.path.matches('/').count() == 5), "{odd:?}");
}

#[tokio::test]
async fn another_device_than_the_one_asked_for_is_a_bad_answer() {
    let server = Scripted::start(|_, _| json(200, &[], r#"{"id":"d2","deviceName":"x"}"#)).await;
    let error = server.client().device(&DeviceId::new("d1").unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::BadAnswer { .. }));
}

#[tokio::test]
async fn an_unknown_device_is_not_found_and_a_role_is_a_role() {
    let (tenant, client) = demo().await;
    let unknown = DeviceId::new("00000000-0000-4000-8000-000000000000").unwrap();
    let kind = |error: Error| match error {
        Error::Api(error) => {
            assert!(error.request_id.is_some() && !error.message.contains("Operation ID"), "{error:?}");
            error.kind
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(kind(client.device(&unknown).await.unwrap_err()), ApiErrorKind::NotFound);
    for (fault, expected) in [
        (FaultKind::RoleDenied401, ApiErrorKind::RoleDenied),
        (FaultKind::RoleDenied403, ApiErrorKind::RoleDenied),
        (FaultKind::MissingScope403, ApiErrorKind::MissingScope),
        (FaultKind::OutOfScopeTags404, ApiErrorKind::OutOfScopeTags),
        (FaultKind::NoLicence400, ApiErrorKind::NoLicence),
        (FaultKind::MissingRoute, ApiErrorKind::RouteUnknown),
    ] {
        tenant.clear_faults();
        tenant.add_fault(Fault::new(fault));
        assert_eq!(kind(client.device(&unknown).await.unwrap_err()), expected);
    }
}

#[tokio::test]
async fn results_of_an_action_are_read_and_hold_no_passcode() {
    let (tenant, client) = demo_with(Options { pace: Pace::manual(), ..Options::default() }).await;
    let device = tenant.directory().devices[0].id.clone();
    let id = DeviceId::new(device.clone()).unwrap();
    let sent = client.recover_passcode(&Route::Direct, &id).await;
    assert_eq!(sent.outcome, SendOutcome::Accepted);
    let recovery = async || {
        let results = client.action_results(&id).await.unwrap();
        results.into_iter().find(|result| result.action_name == "recoverPasscode").unwrap()
    };
    let pending = recovery().await;
    assert!(matches!(pending.state, ActionState::Pending | ActionState::Active), "{pending:?}");
    tenant.settle(&device, unlatch_demo_tenant::ActionState::Done);
    let done = recovery().await;
    assert_eq!(done.state, ActionState::Done);
    assert!(done.started.is_some());
    for passcode in tenant.passcodes() {
        assert!(!format!("{done:?}").contains(&passcode));
    }
}

#[tokio::test]
async fn results_of_another_device_than_the_one_asked_for_are_not_taken() {
    let id = DeviceId::new("asked-for").unwrap();
    for (given, is_taken) in
        [(r#""id":"ASKED-FOR","#, true), (r#""id":"another","#, false), (r#""id":7,"#, false), ("", false)]
    {
        let body = format!(
            r##"{{{given}"deviceActionResults":[{{"@odata.type":"#microsoft.graph.resetPasscodeActionResult","actionName":"resetPasscode","passcode":"1234"}}]}}"##
        );
        let server = Scripted::start(move |_, _| json(200, &[], &body)).await;
        let client = server.client();
        let results = client.action_results(&id).await;
        let passcodes = client.passcodes(&id).await;
        assert_eq!((results.is_ok(), passcodes.is_ok()), (is_taken, is_taken), "{given}");
        if !is_taken {
            assert!(matches!(results, Err(Error::BadAnswer { .. })), "{results:?}");
        }
    }
}

#[tokio::test]
async fn devices_come_in_pages() {
    let (tenant, client) =
        demo_with(Options { pace: Pace::fast(), page_size: 7, ..Options::default() }).await;
    tenant.add_fault(Fault::new(FaultKind::IgnoreFilter));
    let found = find_devices(&client, "no such device anywhere").await.unwrap();
    assert_eq!(shape(&found), (0, 200, true));
    assert!(tenant.requests().len() >= 29 * 2);
}

use unlatch_demo_tenant::{ActionState, Options, Pace};
use unlatch_graph::{ApiErrorKind, DeviceId, Error, Route};

use crate::fixture::{Scripted, demo_with, json};

#[tokio::test]
async fn everything_worth_knowing_comes_with_one_request() {
    let (tenant, client) = demo_with(Options { pace: Pace::manual(), ..Options::default() }).await;
    for device in tenant.directory().devices {
        let id = DeviceId::new(device.id.clone()).unwrap();
        tenant.clear_requests();
        let (read, facts, _) = client.device_details(&id).await.unwrap();
        assert_eq!(tenant.requests().len(), 1);
        assert_eq!(read, client.device(&id).await.unwrap());
        assert_eq!(facts.managed_name, Some(device.managed_name).filter(|name| !name.trim().is_empty()));
        assert_eq!(facts.imei, device.imei);
        assert_eq!(facts.entra_device_id, device.azure_ad_device_id);
        assert_eq!(facts.enrollment_type.as_deref(), Some(device.enrollment_type.as_ref()));
        assert_eq!(facts.encrypted, Some(device.is_encrypted));
        let total = u64::try_from(device.total_storage).ok().filter(|total| *total > 0);
        assert_eq!(facts.storage_bytes, total);
        assert_eq!(facts.free_storage_bytes, total.and(u64::try_from(device.free_storage).ok()));
        assert_eq!(facts.grace_until.is_some(), device.compliance_state == "inGracePeriod");
        assert_eq!(facts.notes, device.notes);
    }
}

#[tokio::test]
async fn results_come_without_their_secrets() {
    let (tenant, client) = demo_with(Options { pace: Pace::manual(), ..Options::default() }).await;
    let device = tenant.directory().devices[0].id.clone();
    let id = DeviceId::new(device.clone()).unwrap();
    client.recover_passcode(&Route::Direct, &id).await;
    tenant.settle(&device, ActionState::Done);
    tenant.settle_with_passcode(&device, "98-secret-76");
    let details = client.device_details(&id).await.unwrap();
    let result = details.2.iter().find(|result| result.action_name == "recoverPasscode").unwrap();
    assert!(result.has_passcode && result.started.is_some());
    assert!(!format!("{details:?}").contains("secret"));
}

#[tokio::test]
async fn another_device_is_a_bad_answer_and_a_gone_one_is_not_found() {
    let server = Scripted::start(|_, _| json(200, &[], r#"{"id":"d2","notes":"x"}"#)).await;
    let error = server.client().device_details(&DeviceId::new("d1").unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::BadAnswer { .. }));
    let (_tenant, client) = demo_with(Options { pace: Pace::fast(), ..Options::default() }).await;
    let unknown = DeviceId::new("00000000-0000-4000-8000-000000000000").unwrap();
    let error = client.device_details(&unknown).await.unwrap_err();
    assert!(matches!(error, Error::Api(error) if error.kind == ApiErrorKind::NotFound));
}

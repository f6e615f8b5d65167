use std::time::Duration;

use serde_json::json;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use unlatch_auth::{DeviceCode, DeviceCodeOptions, SignInError, SignedIn, sign_in_with_device_code};
use unlatch_demo_tenant::{DemoTenant, Fault, FaultKind, Options, Pace};

use crate::browser::{demo, registration};
use crate::fake_login::{FakeLogin, tokens};

fn options() -> DeviceCodeOptions {
    DeviceCodeOptions { privileged: true, claims: None, cancel: CancellationToken::new() }
}

/// A sign-in during which somebody does `meanwhile` with the code.
async fn signed_in<F: Future<Output = ()>>(
    tenant: &DemoTenant,
    options: DeviceCodeOptions,
    meanwhile: impl FnOnce(DeviceCode) -> F,
) -> Result<SignedIn, SignInError> {
    let (sender, shown) = oneshot::channel();
    let registration = registration(tenant);
    let waiting = sign_in_with_device_code(&registration, options, |code| sender.send(code).unwrap());
    let person = async {
        if let Ok(code) = shown.await {
            meanwhile(code).await;
        }
    };
    tokio::join!(waiting, person).0
}

fn polls(tenant: &DemoTenant) -> usize {
    tenant.requests().iter().filter(|request| request.path.ends_with("/token")).count()
}

async fn after_a_poll(tenant: &DemoTenant) {
    let before = polls(tenant);
    while polls(tenant) == before {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_person_signs_in_with_the_code_after_a_while() {
    let tenant = demo().await;
    let signed_in = signed_in(&tenant, options(), async |code| {
        assert_eq!(code.expires_in, Duration::from_secs(900));
        assert_eq!(code.verification_uri.path(), "/login/device");
        after_a_poll(&tenant).await;
        assert!(tenant.approve_device_code(&code.user_code));
    })
    .await
    .unwrap();
    assert_eq!(signed_in.account().username, tenant.admin_upn());
    assert!(signed_in.may_send());
    let requests = tenant.requests();
    let began = requests.iter().find(|request| request.path.ends_with("/devicecode")).unwrap();
    let began = began.body.clone().unwrap();
    assert!(began.contains("cp1") && began.contains("offline_access"), "{began}");
}

#[tokio::test]
async fn a_declined_code_is_told() {
    let tenant = demo().await;
    let refused = signed_in(&tenant, options(), async |code| {
        assert!(tenant.decline_device_code(&code.user_code));
    })
    .await
    .unwrap_err();
    let SignInError::Refused(refused) = refused else { panic!("{refused:?}") };
    assert_eq!(refused.error, "authorization_declined");
}

#[tokio::test]
async fn cancel_ends_the_polling() {
    let tenant = demo().await;
    let options = options();
    let cancel = options.cancel.clone();
    let ended = signed_in(&tenant, options, async |_| {
        after_a_poll(&tenant).await;
        cancel.cancel();
    })
    .await;
    assert_eq!(ended.unwrap_err(), SignInError::Cancelled);
    let asked = polls(&tenant);
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(polls(&tenant), asked, "it asks on after it was cancelled");
}

#[tokio::test]
async fn conditional_access_that_blocks_the_flow_ends_the_wait() {
    let tenant = demo().await;
    let blocked = FaultKind::LoginError {
        error: "invalid_grant".into(),
        code: 53_003,
        suberror: Some("message_only".into()),
        description: None,
        status: None,
        claims: None,
    };
    tenant.add_fault(Fault::new(blocked).path_contains("/token"));
    let refused = signed_in(&tenant, options(), async |_| {}).await.unwrap_err();
    let SignInError::Refused(refused) = refused else { panic!("{refused:?}") };
    assert_eq!((refused.codes.as_slice(), refused.correlation_id.is_some()), (&[53_003][..], true));
}

#[tokio::test]
async fn an_outage_while_waiting_does_not_end_the_wait() {
    let tenant = demo().await;
    let busy = FaultKind::Status { status: 503, retry_after: None, executed: false };
    tenant.add_fault(Fault::new(busy).path_contains("/token"));
    let result = signed_in(&tenant, options(), async |code| {
        after_a_poll(&tenant).await;
        tenant.clear_faults();
        assert!(tenant.approve_device_code(&code.user_code));
    })
    .await;
    assert!(result.is_ok(), "{result:?}");
}

#[tokio::test]
async fn told_to_slow_down_it_asks_more_rarely_and_gives_up_when_the_code_expires() {
    let login = FakeLogin::start().await;
    login.set_device_code(
        json!({"device_code": "d", "user_code": "ABC-123", "verification_uri": "https://login.example/device",
            "expires_in": 60, "interval": 5}),
    );
    login.on_token(|_, _| (400, json!({"error": "slow_down"}).to_string()));
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let ended = sign_in_with_device_code(&login.registration(), options(), |_| {}).await.unwrap_err();
    let SignInError::Refused(ended) = ended else { panic!("{ended:?}") };
    assert_eq!(ended.error, "expired_token");
    assert_eq!(began.elapsed().as_secs(), 60);
    // After 5, 10, 15 and 20 seconds more each: 5, 15, 30, 50.
    assert_eq!(login.seen().len(), 4);
    assert!(login.seen().iter().all(|form| form["device_code"] == "d"));
}

#[tokio::test]
async fn what_cannot_be_shown_is_refused() {
    for (uri, code) in [
        ("http://login.example/device", "ABC-123"),
        ("javascript:alert(1)", "ABC-123"),
        ("https://login.example/device", ""),
        ("https://login.example/device", "<b>A</b>"),
    ] {
        let login = FakeLogin::start().await;
        login.set_device_code(
            json!({"device_code": "d", "user_code": code, "verification_uri": uri, "expires_in": 900}),
        );
        login.on_token(|_, nonce| (200, tokens(nonce, &json!({})).to_string()));
        let error = sign_in_with_device_code(&login.registration(), options(), |_| panic!("shown")).await;
        assert!(matches!(error, Err(SignInError::BadAnswer(_))), "{uri} {code}");
    }
}

#[tokio::test]
async fn a_personal_account_is_told_so_here_as_well() {
    let tenant = DemoTenant::start(Options { pace: Pace::fast(), ..Options::default() }).await.unwrap();
    let result = signed_in(&tenant, options(), async |code| {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let form = [("user_code", code.user_code.as_str()), ("account", "personal")];
        client.post(code.verification_uri).form(&form).send().await.unwrap();
    })
    .await;
    assert_eq!(result.unwrap_err(), SignInError::PersonalAccount);
}

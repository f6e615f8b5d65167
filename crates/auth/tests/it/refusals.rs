use serde_json::json;
use unlatch_auth::{Cloud, Registration, SignInError, sign_in};
use unlatch_demo_tenant::{Fault, FaultKind};
use url::Url;
use uuid::Uuid;

use crate::browser::{TestBrowser, cloud_of, demo, options, registration};
use crate::fake_login::{CLIENT, FakeLogin, TENANT, tokens};

fn login_error(error: &str, code: u32) -> FaultKind {
    FaultKind::LoginError {
        error: error.into(),
        code,
        suberror: Some("basic_action".into()),
        description: None,
        status: None,
        claims: Some("{\"access_token\":{\"c\":1}}".into()),
    }
}

/// What a sign-in ends with when the token endpoint answers so.
async fn with_answer(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> SignInError {
    let login = FakeLogin::start().await;
    login.on_token(move |_, nonce| answer(nonce));
    sign_in(&login.registration(), &login, options()).await.unwrap_err()
}

#[tokio::test]
async fn a_personal_account_is_told_so() {
    let tenant = demo().await;
    let result = sign_in(&registration(&tenant), &TestBrowser::picking("personal"), options()).await;
    assert_eq!(result.unwrap_err(), SignInError::PersonalAccount);
}

#[tokio::test]
async fn what_a_refusal_means_follows_its_words_and_not_its_number() {
    let tenant = demo().await;
    tenant.add_fault(Fault::new(login_error("invalid_request", 700_016)));
    let error = sign_in(&registration(&tenant), &TestBrowser::admin(), options()).await.unwrap_err();
    let SignInError::Refused(error) = error else { panic!("{error:?}") };
    assert_eq!(error.codes, [700_016]);
}

#[tokio::test]
async fn another_tenants_account_is_refused() {
    let other = "99999999-2222-3333-4444-555555555555";
    let error =
        with_answer(move |nonce| (200, tokens(nonce, &json!({"claims": {"tid": other}})).to_string())).await;
    let SignInError::WrongTenant { expected, found, username } = error else { panic!("{error:?}") };
    assert_eq!((expected.as_str(), found.as_str()), (TENANT, other));
    assert_eq!(username, "alma@contoso.example");
}

#[tokio::test]
async fn an_unknown_tenant_is_told_before_any_browser_opens() {
    let tenant = demo().await;
    for unknown in ["nowhere.example", "99999999-2222-3333-4444-555555555555"] {
        let registration = Registration::new(cloud_of(&tenant), unknown, tenant.client_id()).unwrap();
        let browser = TestBrowser::admin();
        let error = sign_in(&registration, &browser, options()).await.unwrap_err();
        let SignInError::UnknownTenant(entra) = error else { panic!("{error:?}") };
        assert_eq!(entra.codes, [90002]);
        assert!(entra.correlation_id.is_some());
        assert!(browser.opened().is_empty());
    }
}

#[tokio::test]
async fn an_unknown_application_is_told() {
    let tenant = demo().await;
    tenant.add_fault(Fault::new(login_error("unauthorized_client", 700_016)));
    let error = sign_in(&registration(&tenant), &TestBrowser::admin(), options()).await.unwrap_err();
    assert!(matches!(error, SignInError::UnknownClient(_)), "{error:?}");
}

#[tokio::test]
async fn entra_shows_an_unknown_application_to_the_person_and_the_wait_can_be_cancelled() {
    let tenant = demo().await;
    let unknown = Uuid::new_v4().to_string();
    let registration = Registration::new(cloud_of(&tenant), tenant.tenant_id(), &unknown).unwrap();
    let options = options();
    let cancel = options.cancel.clone();
    let browser = TestBrowser::admin();
    let refused = async {
        let answered = || {
            tenant
                .requests()
                .iter()
                .any(|request| request.path.ends_with("/authorize") && request.status == Some(400))
        };
        while !answered() {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let (result, ()) = tokio::join!(sign_in(&registration, &browser, options), refused);
    assert_eq!(result.unwrap_err(), SignInError::Cancelled);
}

#[tokio::test]
async fn a_refusal_keeps_what_entra_said() {
    let tenant = demo().await;
    tenant.add_fault(Fault::new(login_error("interaction_required", 53_003)));
    let error = sign_in(&registration(&tenant), &TestBrowser::admin(), options()).await.unwrap_err();
    let shown = format!("{error:?} {error}");
    let SignInError::Refused(entra) = error else { panic!("{error:?}") };
    assert_eq!(entra.error, "interaction_required");
    assert_eq!(entra.suberror.as_deref(), Some("basic_action"));
    assert_eq!(entra.codes, [53_003]);
    assert_eq!(entra.claims.as_deref(), Some("{\"access_token\":{\"c\":1}}"));
    assert!(!shown.contains("{\"c\":1}") && !shown.contains("Trace ID"));
}

#[tokio::test]
async fn a_refusal_through_the_browser_is_told() {
    let tenant = demo().await;
    let error =
        sign_in(&registration(&tenant), &TestBrowser::picking("cancel"), options()).await.unwrap_err();
    let SignInError::Refused(entra) = error else { panic!("{error:?}") };
    assert_eq!(entra.error, "access_denied");
    assert_eq!(entra.codes, [65_004]);
}

#[tokio::test]
async fn a_busy_service_is_told() {
    let tenant = demo().await;
    let busy = FaultKind::Status { status: 503, retry_after: None, executed: false };
    tenant.add_fault(Fault::new(busy).path_contains("/token"));
    let error = sign_in(&registration(&tenant), &TestBrowser::admin(), options()).await.unwrap_err();
    let SignInError::Refused(entra) = error else { panic!("{error:?}") };
    assert_eq!(entra.error, "temporarily_unavailable");
    let error = with_answer(|_| (502, "<html>bad gateway</html>".into())).await;
    assert!(
        matches!(&error, SignInError::Refused(entra) if entra.error == "temporarily_unavailable"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_host_that_is_not_there_is_offline() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let login = Url::parse(&address).unwrap();
    let cloud = Cloud::custom(login.clone(), login.join("/v1.0").unwrap()).unwrap();
    let registration = Registration::new(cloud, TENANT, CLIENT).unwrap();
    let browser = TestBrowser::admin();
    let error = sign_in(&registration, &browser, options()).await.unwrap_err();
    assert!(matches!(error, SignInError::Offline(_)), "{error:?}");
    assert!(browser.opened().is_empty());
}

#[tokio::test]
async fn a_host_without_tls_is_not_trusted() {
    let plain = FakeLogin::start().await;
    let login = Url::parse(&format!("https://{}", plain.url.authority())).unwrap();
    let cloud = Cloud::custom(login.clone(), login.join("/v1.0").unwrap()).unwrap();
    let registration = Registration::new(cloud, TENANT, CLIENT).unwrap();
    let error = sign_in(&registration, &TestBrowser::admin(), options()).await.unwrap_err();
    assert!(matches!(error, SignInError::Tls(_)), "{error:?}");
}

#[tokio::test]
async fn metadata_that_points_elsewhere_is_refused() {
    let login = FakeLogin::start().await;
    let metadata = |issuer: &str, authorize: &str, token: &str| {
        json!({"issuer": issuer, "authorization_endpoint": authorize, "token_endpoint": token}).to_string()
    };
    let own = |path: &str| login.url.join(path).unwrap().to_string();
    let registration = login.registration();

    login.set_metadata(200, metadata(&own(TENANT), &own("a"), "https://login.microsoftonline.us/t"));
    let error = sign_in(&registration, &login, options()).await.unwrap_err();
    assert_eq!(error, SignInError::WrongCloud { host: "login.microsoftonline.us".into() });

    let other = own("99999999-2222-3333-4444-555555555555/v2.0");
    login.set_metadata(200, metadata(&other, &own("a"), &own("t")));
    let error = sign_in(&registration, &login, options()).await.unwrap_err();
    assert!(matches!(error, SignInError::BadAnswer(_)), "{error:?}");

    for (status, body) in [(200, "{\"issuer\":1}"), (200, "<html>"), (404, "not here"), (302, "")] {
        login.set_metadata(status, body);
        let error = sign_in(&registration, &login, options()).await.unwrap_err();
        assert!(matches!(error, SignInError::BadAnswer(_)), "{status}: {error:?}");
    }
    login.set_metadata(200, " ".repeat(2 * 1024 * 1024));
    let error = sign_in(&registration, &login, options()).await.unwrap_err();
    assert!(matches!(error, SignInError::BadAnswer(_)), "{error:?}");
}

#[tokio::test]
async fn an_id_token_of_another_sign_in_application_or_time_is_refused() {
    for claims in [
        json!({"nonce": "another"}),
        json!({"nonce": null}),
        json!({"aud": "99999999-2222-3333-4444-555555555555"}),
        json!({"exp": 1_000_000_000}),
        json!({"tid": "not-a-guid"}),
        json!({"tid": null}),
        json!({"oid": null}),
        json!({"preferred_username": null}),
    ] {
        let shown = claims.to_string();
        let error =
            with_answer(move |nonce| (200, tokens(nonce, &json!({"claims": claims})).to_string())).await;
        assert!(matches!(error, SignInError::BadAnswer(_)), "{shown}: {error:?}");
    }
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_shows_nothing_of_itself() {
    for change in [
        json!({"id_token": null}),
        json!({"id_token": "hush-hush"}),
        json!({"id_token": "a.hush-hush.c"}),
        json!({"access_token": null}),
        json!({"access_token": ""}),
        json!({"token_type": "mac", "access_token": "hush-hush"}),
        json!({"expires_in": "hush-hush"}),
        json!({"refresh_token": {"hush-hush": 1}}),
    ] {
        let shown = change.to_string();
        let error = with_answer(move |nonce| (200, tokens(nonce, &change).to_string())).await;
        assert!(matches!(error, SignInError::BadAnswer(_)), "{shown}: {error:?}");
        assert!(!format!("{error:?} {error}").contains("hush-hush"), "{shown}: {error:?}");
    }
    for body in ["{\"access_token\":\"hush-hush\"", "hush-hush", "", "[]"] {
        let error = with_answer(move |_| (200, body.into())).await;
        assert!(matches!(error, SignInError::BadAnswer(_)), "{body}: {error:?}");
        assert!(!format!("{error:?} {error}").contains("hush-hush"), "{body}: {error:?}");
    }
}

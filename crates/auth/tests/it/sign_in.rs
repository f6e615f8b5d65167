use std::sync::Mutex;
use std::time::Duration;

use unlatch_auth::{Browser, Registration, Session, SignInError, Vault, sign_in};
use unlatch_graph::TokenSource as _;
use url::Url;

use crate::browser::{TestBrowser, cloud_of, demo, field, options, registration};

#[tokio::test]
async fn a_person_signs_in_and_graph_takes_the_token() {
    let tenant = demo().await;
    let browser = TestBrowser::admin();
    let signed_in = sign_in(&registration(&tenant), &browser, options()).await.unwrap();
    assert_eq!(signed_in.account().tenant_id, tenant.tenant_id());
    assert_eq!(signed_in.account().username, tenant.admin_upn());
    assert!(!signed_in.account().object_id.is_empty() && !signed_in.account().name.is_empty());

    let session = Session::begin(registration(&tenant), Vault::memory(), signed_in).await;
    let token = session.token().await.unwrap();
    let me = reqwest::Client::new()
        .get(format!("{}/me", tenant.graph_url()))
        .bearer_auth(token.expose())
        .send()
        .await
        .unwrap();
    assert_eq!(me.status(), 200);
}

#[tokio::test]
async fn the_address_asks_for_a_code_with_pkce_by_form_post() {
    let tenant = demo().await;
    let browser = TestBrowser::admin();
    sign_in(&registration(&tenant), &browser, options()).await.unwrap();
    let url = browser.opened().remove(0);
    let get = |name| field(&url, name).unwrap_or_default();
    assert_eq!(get("response_type"), "code");
    assert_eq!(get("response_mode"), "form_post");
    assert_eq!(get("code_challenge_method"), "S256");
    assert_eq!(get("code_challenge").len(), 43);
    assert_eq!(get("prompt"), "select_account");
    assert_eq!(get("client_id"), tenant.client_id());
    assert!(get("state").len() >= 22 && get("nonce").len() >= 22 && get("state") != get("nonce"));
    let redirect = get("redirect_uri");
    let port = redirect.strip_prefix("http://localhost:").unwrap();
    assert!(port.parse::<u16>().unwrap() >= 1024);
    let graph = tenant.graph_url().origin().ascii_serialization();
    assert_eq!(
        get("scope"),
        format!(
            "{graph}/User.ReadBasic.All {graph}/DeviceManagementManagedDevices.Read.All \
             {graph}/DeviceManagementManagedDevices.PrivilegedOperations.All openid profile offline_access"
        )
    );
    assert_eq!(field(&url, "login_hint"), None);
    let capability = r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#;
    assert_eq!(get("claims"), capability);
    let requests = tenant.requests();
    let token = requests.iter().find(|request| request.path.ends_with("/token")).unwrap();
    let body = token.body.as_deref().unwrap_or_default();
    assert!(!body.contains("client_secret"));
    assert!(
        url::form_urlencoded::parse(body.as_bytes())
            .any(|(key, value)| key == "claims" && value == capability)
    );
    assert!(token.header("client-request-id").is_some());
}

#[tokio::test]
async fn a_hint_takes_the_place_of_the_choice_and_claims_go_along() {
    let tenant = demo().await;
    let browser = TestBrowser::admin();
    let mut again = options();
    again.login_hint = Some(tenant.admin_upn().to_owned());
    again.claims = Some("{\"access_token\":{\"acrs\":{\"value\":\"c1\"}}}".to_owned());
    sign_in(&registration(&tenant), &browser, again.clone()).await.unwrap();
    assert_eq!(browser.field("login_hint"), again.login_hint);
    assert_eq!(browser.field("prompt"), None);
    again.afresh = true;
    sign_in(&registration(&tenant), &browser, again.clone()).await.unwrap();
    assert_eq!(browser.field("prompt").as_deref(), Some("login"), "whom the browser knows proves it again");
    let claims: serde_json::Value = serde_json::from_str(&browser.field("claims").unwrap()).unwrap();
    assert_eq!(claims["access_token"]["acrs"]["value"], "c1");
    assert_eq!(claims["access_token"]["xms_cc"]["values"][0], "cp1");
}

#[tokio::test]
async fn a_domain_name_leads_to_its_tenant() {
    let tenant = demo().await;
    let domain = tenant.admin_upn().split_once('@').unwrap().1;
    let registration = Registration::new(cloud_of(&tenant), domain, tenant.client_id()).unwrap();
    let signed_in = sign_in(&registration, &TestBrowser::admin(), options()).await.unwrap();
    assert_eq!(signed_in.account().tenant_id, tenant.tenant_id());
}

/// Keeps the address and opens nothing.
#[derive(Default)]
struct Idle(Mutex<Option<Url>>);

impl Browser for Idle {
    fn open(&self, url: &Url) -> Result<(), String> {
        *self.0.lock().unwrap() = Some(url.clone());
        Ok(())
    }
}

#[tokio::test]
async fn cancel_ends_the_wait_and_closes_the_port() {
    let tenant = demo().await;
    let browser = Idle::default();
    let options = options();
    let cancel = options.cancel.clone();
    let registration = registration(&tenant);
    let waiting = sign_in(&registration, &browser, options);
    let cancelling = async {
        while browser.0.lock().unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let (result, ()) = tokio::join!(waiting, cancelling);
    assert_eq!(result.unwrap_err(), SignInError::Cancelled);
    let url = browser.0.lock().unwrap().take().unwrap();
    let redirect = Url::parse(&field(&url, "redirect_uri").unwrap()).unwrap();
    let port = redirect.port().unwrap();
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err());
}

#[tokio::test]
async fn the_time_limit_ends_the_wait() {
    let tenant = demo().await;
    let mut short = options();
    short.time_limit = Duration::from_millis(300);
    let result = sign_in(&registration(&tenant), &Idle::default(), short).await;
    assert_eq!(result.unwrap_err(), SignInError::TimedOut);
}

#[tokio::test]
async fn no_browser_is_said_at_once() {
    struct None;
    impl Browser for None {
        fn open(&self, _: &Url) -> Result<(), String> {
            Err("xdg-open is missing".into())
        }
    }
    let tenant = demo().await;
    let result = sign_in(&registration(&tenant), &None, options()).await;
    assert_eq!(result.unwrap_err(), SignInError::NoBrowser("xdg-open is missing".into()));
}

#[tokio::test]
async fn two_sign_ins_at_once_do_not_meet() {
    let tenant = demo().await;
    let registration = registration(&tenant);
    let (first, second) = (TestBrowser::admin(), TestBrowser::picking("plain"));
    let (one, two) =
        tokio::join!(sign_in(&registration, &first, options()), sign_in(&registration, &second, options()));
    assert_eq!(one.unwrap().account().username, tenant.admin_upn());
    assert_ne!(two.unwrap().account().username, tenant.admin_upn());
}

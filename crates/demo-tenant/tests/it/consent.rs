use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use unlatch_demo_tenant::{Consent, ConsentForm, Fault, FaultKind, Options};
use url::Url;

use crate::entra::{
    REDIRECT, SCOPE, VERIFIER, authorize_url, claims_of, field, redeem, sent_back, sign_in, token,
};
use crate::support::{Bench, quick, read};

const PRIVILEGED: &str = "DeviceManagementManagedDevices.PrivilegedOperations.All";
const READING: &str = "openid profile offline_access https://graph.microsoft.com/DeviceManagementManagedDevices.Read.All \
    https://graph.microsoft.com/User.ReadBasic.All";

async fn consented_to(consent: Consent) -> Bench {
    Bench::with(Options { consent, ..quick() }).await
}

/// The consent page that an authorize request leads to.
async fn page(bench: &Bench, changes: &[(&str, &str)]) -> (String, ConsentForm) {
    let answer = bench.http.get(authorize_url(bench, changes)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let html = answer.text().await.unwrap();
    let form = ConsentForm::read(&html).expect("a consent page");
    (html, form)
}

async fn post(bench: &Bench, form: &ConsentForm, fields: &[(String, String)]) -> Response {
    bench.http.post(&form.action).form(fields).send().await.unwrap()
}

/// Whether the page asks for a permission; its form names it in any case.
fn asks_for(html: &str, scope: &str) -> bool {
    html.contains(&format!("<small>{scope}</small>"))
}

/// The fields a redirect brings back to the app.
fn brought_back(answer: &Response) -> Vec<(String, String)> {
    assert_eq!(answer.status(), StatusCode::FOUND);
    let location = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    assert_eq!(location.origin().ascii_serialization(), REDIRECT);
    location.query_pairs().into_owned().collect()
}

async fn refresh(bench: &Bench, refresh_token: &Value, scope: &str) -> (StatusCode, Value) {
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token.as_str().unwrap()),
        ("scope", scope),
    ];
    token(bench, &fields).await
}

fn lists(tokens: &Value, scope: &str) -> bool {
    tokens["scope"].as_str().unwrap().split(' ').any(|listed| listed.ends_with(scope))
}

#[tokio::test]
async fn what_is_not_consented_to_is_asked_for_and_the_admin_consents_for_everybody() {
    let bench = consented_to(Consent::ReadOnly).await;
    let (html, form) = page(&bench, &[]).await;
    for text in ["Permissions requested", "on behalf of your organization", "Accept", "Cancel"] {
        assert!(html.contains(text), "{text}");
    }
    assert!(asks_for(&html, PRIVILEGED));
    assert!(!asks_for(&html, "User.ReadBasic.All"), "what was consented to is not asked for again");
    let back = brought_back(&post(&bench, &form, &form.accepted().unwrap()).await);
    assert_eq!(field(&back, "state"), "st&te");
    let (status, tokens) = redeem(&bench, &field(&back, "code"), VERIFIER).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    assert!(lists(&tokens, PRIVILEGED), "{tokens}");
    assert!(bench.tenant.consented().contains(&PRIVILEGED.to_owned()));
    // Nobody is asked again.
    sign_in(&bench, &[("demo_account", "plain")]).await;
}

#[tokio::test]
async fn who_cancels_consents_to_nothing() {
    let bench = consented_to(Consent::ReadOnly).await;
    let (_, form) = page(&bench, &[]).await;
    let back = brought_back(&post(&bench, &form, &form.cancelled()).await);
    assert_eq!(
        (field(&back, "error"), field(&back, "error_subcode")),
        ("access_denied".into(), "cancel".into())
    );
    assert!(field(&back, "error_description").starts_with("AADSTS65004: "));
    assert_eq!(field(&back, "state"), "st&te");
    assert!(!bench.tenant.consented().contains(&PRIVILEGED.to_owned()));
}

#[tokio::test]
async fn an_account_without_admin_rights_is_sent_to_an_administrator() {
    let bench = consented_to(Consent::Nothing).await;
    let plain = [("demo_account", "plain")];
    let (html, form) = page(&bench, &plain).await;
    for text in [
        "Need admin approval",
        "only an admin can grant",
        "Return to the application without granting consent",
        "AADSTS90094",
    ] {
        assert!(html.contains(text), "{text}");
    }
    assert_eq!(form.accepted(), None);
    let back = brought_back(&post(&bench, &form, &form.cancelled()).await);
    assert_eq!(field(&back, "error"), "access_denied");
    assert!(field(&back, "error_description").starts_with("AADSTS90094: "));
    // Whatever such an account sends, it cannot consent.
    let forged = sent_back(&bench, &[plain[0], ("demo_consent", "accept")]).await;
    assert_eq!(field(&forged, "error"), "access_denied");
    assert!(bench.tenant.consented().is_empty());
}

#[tokio::test]
async fn anybody_consents_for_themselves_to_what_needs_no_administrator() {
    let bench = consented_to(Consent::Nothing).await;
    let changes = [("demo_account", "plain"), ("scope", "openid User.ReadBasic.All")];
    let (html, form) = page(&bench, &changes).await;
    assert!(!html.contains("on behalf of your organization"));
    let back = brought_back(&post(&bench, &form, &form.accepted().unwrap()).await);
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &field(&back, "code")),
        ("code_verifier", VERIFIER),
        ("redirect_uri", REDIRECT),
    ];
    let (_, tokens) = token(&bench, &fields).await;
    assert_eq!(tokens["scope"], "openid User.ReadBasic.All User.Read");
    assert!(bench.tenant.consented().is_empty(), "that was nobody else's consent");
    page(&bench, &[("demo_account", "admin"), changes[1]]).await;
}

#[tokio::test]
async fn no_page_is_shown_when_none_may_be() {
    let bench = consented_to(Consent::ReadOnly).await;
    for account in ["admin", "plain"] {
        let back = sent_back(&bench, &[("prompt", "none"), ("demo_account", account)]).await;
        assert_eq!(field(&back, "error"), "interaction_required");
        assert_eq!(field(&back, "suberror"), "consent_required");
        assert!(field(&back, "error_description").starts_with("AADSTS65001: "));
    }
}

#[tokio::test]
async fn consent_can_be_asked_for_once_more() {
    let bench = Bench::start().await;
    let (html, form) = page(&bench, &[("prompt", "consent")]).await;
    assert!(asks_for(&html, PRIVILEGED) && asks_for(&html, "User.ReadBasic.All"));
    let back = brought_back(&post(&bench, &form, &form.accepted().unwrap()).await);
    assert!(!field(&back, "code").is_empty());
}

#[tokio::test]
async fn a_token_carries_what_was_consented_to_earlier_and_the_answer_names_it() {
    let mut bench = Bench::start().await;
    let tokens = sign_in(&bench, &[]).await;
    let (_, narrow) = refresh(&bench, &tokens["refresh_token"], READING).await;
    let listed = format!("https://graph.microsoft.com/{PRIVILEGED}");
    assert!(lists(&narrow, &listed), "{narrow}");
    assert!(!lists(&narrow, "offline_access"));
    bench.token = narrow["access_token"].as_str().unwrap().to_owned();
    let device = bench.tenant.directory().devices[0].id.clone();
    assert_eq!(bench.recover(&device).await.status(), StatusCode::NO_CONTENT);
    let (_, short) = refresh(&bench, &tokens["refresh_token"], "openid User.ReadBasic.All").await;
    assert!(short["scope"].as_str().unwrap().split(' ').any(|listed| listed == PRIVILEGED), "{short}");
}

#[tokio::test]
async fn a_refresh_for_what_is_not_consented_to_is_refused() {
    let mut bench = consented_to(Consent::ReadOnly).await;
    let code = field(&sent_back(&bench, &[("scope", READING)]).await, "code");
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("code_verifier", VERIFIER),
        ("redirect_uri", REDIRECT),
    ];
    let (_, tokens) = token(&bench, &fields).await;
    assert!(!lists(&tokens, PRIVILEGED), "{tokens}");
    let (status, error) = refresh(&bench, &tokens["refresh_token"], SCOPE).await;
    assert_eq!(
        (status, &error["error"], &error["error_codes"], &error["suberror"]),
        (StatusCode::BAD_REQUEST, &json!("invalid_grant"), &json!([65_001]), &json!("consent_required"))
    );
    // The token that is there does what it may.
    bench.token = tokens["access_token"].as_str().unwrap().to_owned();
    let device = bench.tenant.directory().devices[0].id.clone();
    assert_eq!(bench.get("/deviceManagement/managedDevices?$top=1").await.0, StatusCode::OK);
    assert_eq!(bench.recover(&device).await.status(), StatusCode::FORBIDDEN);
    assert!(bench.tenant.grant(PRIVILEGED));
    let (status, tokens) = refresh(&bench, &tokens["refresh_token"], SCOPE).await;
    assert_eq!(status, StatusCode::OK);
    bench.token = tokens["access_token"].as_str().unwrap().to_owned();
    assert_eq!(bench.recover(&device).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn withdrawn_consent_leaves_tokens_as_they_are_and_ends_with_them() {
    let mut bench = Bench::start().await;
    let tokens = sign_in(&bench, &[]).await;
    assert!(bench.tenant.revoke(PRIVILEGED));
    assert!(!bench.tenant.revoke("Mail.Send"));
    bench.token = tokens["access_token"].as_str().unwrap().to_owned();
    let device = bench.tenant.directory().devices[0].id.clone();
    assert_eq!(bench.recover(&device).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(refresh(&bench, &tokens["refresh_token"], SCOPE).await.1["error_codes"], json!([65_001]));
    assert!(!lists(&refresh(&bench, &tokens["refresh_token"], READING).await.1, PRIVILEGED));
}

async fn begun(bench: &Bench) -> (String, String) {
    let form = [("client_id", bench.tenant.client_id()), ("scope", SCOPE)];
    let answer = bench.http.post(bench.login("/oauth2/v2.0/devicecode")).form(&form).send().await.unwrap();
    let (_, begun) = read(answer).await;
    let text = |name: &str| begun[name].as_str().unwrap().to_owned();
    (text("device_code"), text("user_code"))
}

async fn poll(bench: &Bench, device_code: &str) -> Value {
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    token(bench, &[("grant_type", grant), ("device_code", device_code)]).await.1
}

#[tokio::test]
async fn who_approves_a_device_code_consents_if_they_may() {
    let bench = consented_to(Consent::ReadOnly).await;
    let (device_code, user_code) = begun(&bench).await;
    let approve = async |account: &str| {
        let page = format!("{}/device", bench.tenant.login_url());
        let form = [("user_code", user_code.as_str()), ("account", account)];
        bench.http.post(page).form(&form).send().await.unwrap().text().await.unwrap()
    };
    assert!(approve("plain").await.contains("only an admin can grant"));
    assert_eq!(poll(&bench, &device_code).await["error"], "authorization_pending");
    assert!(approve("admin").await.contains("You can close this window"));
    assert!(lists(&poll(&bench, &device_code).await, PRIVILEGED));
    assert!(bench.tenant.consented().contains(&PRIVILEGED.to_owned()));
}

#[tokio::test]
async fn conditional_access_can_refuse_a_device_code_that_was_approved() {
    let bench = Bench::start().await;
    let (device_code, user_code) = begun(&bench).await;
    let blocked = FaultKind::LoginError {
        error: "invalid_grant".to_owned(),
        code: 53_003,
        suberror: Some("message_only".to_owned()),
        description: None,
        status: None,
        claims: None,
    };
    bench.tenant.add_fault(Fault::new(blocked).path_contains("/token").after(1));
    assert_eq!(poll(&bench, &device_code).await["error"], "authorization_pending");
    assert!(bench.tenant.approve_device_code(&user_code));
    let refused = poll(&bench, &device_code).await;
    assert_eq!((&refused["error"], &refused["error_codes"]), (&json!("invalid_grant"), &json!([53_003])));
    assert!(refused["error_description"].as_str().unwrap().contains("blocked by Conditional Access"));
}

fn admin_consent_url(bench: &Bench, changes: &[(&str, &str)]) -> Url {
    let mut fields = vec![
        ("client_id", bench.tenant.client_id()),
        ("scope", SCOPE),
        ("redirect_uri", REDIRECT),
        ("state", "st&te"),
    ];
    for (name, value) in changes {
        fields.retain(|(known, _)| known != name);
        fields.push((name, value));
    }
    fields.retain(|(_, value)| !value.is_empty());
    Url::parse_with_params(&bench.login("/v2.0/adminconsent"), fields).unwrap()
}

#[tokio::test]
async fn an_administrator_consents_for_the_organization_without_signing_in_to_the_app() {
    let bench = consented_to(Consent::Nothing).await;
    let ask = async |changes: &[(&str, &str)]| {
        let html =
            bench.http.get(admin_consent_url(&bench, changes)).send().await.unwrap().text().await.unwrap();
        assert!(asks_for(&html, PRIVILEGED) && asks_for(&html, "User.ReadBasic.All"));
        ConsentForm::read(&html).unwrap()
    };
    let form = ask(&[]).await;
    let back = brought_back(&post(&bench, &form, &form.cancelled()).await);
    assert_eq!(
        (field(&back, "error"), field(&back, "admin_consent")),
        ("access_denied".into(), "True".into())
    );
    assert!(field(&back, "error_description").starts_with("AADSTS65004: "));
    assert!(bench.tenant.consented().is_empty());
    let back = brought_back(&post(&bench, &form, &form.accepted().unwrap()).await);
    assert_eq!(field(&back, "admin_consent"), "True");
    assert_eq!(field(&back, "tenant"), bench.tenant.tenant_id());
    assert_eq!((field(&back, "scope"), field(&back, "state")), (SCOPE.to_owned(), "st&te".to_owned()));
    sign_in(&bench, &[("demo_account", "plain")]).await;
    // Without an address to go back to, a page ends it.
    let form = ask(&[("redirect_uri", "")]).await;
    let done = post(&bench, &form, &form.accepted().unwrap()).await;
    assert_eq!(done.status(), StatusCode::OK);
    assert!(done.text().await.unwrap().contains("granted for your organization"));
}

#[tokio::test]
async fn admin_consent_is_checked_as_a_sign_in_is() {
    let bench = Bench::start().await;
    let good = admin_consent_url(&bench, &[]).to_string();
    for (url, code) in [
        (admin_consent_url(&bench, &[("redirect_uri", "https://evil.example")]).to_string(), "AADSTS50011:"),
        (admin_consent_url(&bench, &[("client_id", "unknown")]).to_string(), "AADSTS700016:"),
        (admin_consent_url(&bench, &[("scope", "")]).to_string(), "AADSTS900144:"),
        (good.replace(bench.tenant.tenant_id(), "common"), "AADSTS50194:"),
    ] {
        let answer = bench.http.get(url).send().await.unwrap();
        assert!(answer.headers().get("location").is_none());
        assert!(answer.text().await.unwrap().contains(code), "{code}");
    }
}

#[tokio::test]
async fn a_sign_out_goes_back_to_the_app_and_nowhere_else() {
    let bench = Bench::start().await;
    let claims = claims_of(&sign_in(&bench, &[]).await["id_token"]);
    let hint = claims["login_hint"].as_str().unwrap();
    assert!(!hint.contains(bench.tenant.admin_upn()));
    let leave = async |address: &str| {
        let fields = [("post_logout_redirect_uri", address), ("logout_hint", hint)];
        let url = Url::parse_with_params(&bench.login("/oauth2/v2.0/logout"), fields).unwrap();
        bench.http.get(url).send().await.unwrap()
    };
    assert_eq!(leave(REDIRECT).await.headers()["location"], format!("{REDIRECT}/"));
    let elsewhere = leave("https://evil.example").await;
    assert!(elsewhere.headers().get("location").is_none());
    assert!(elsewhere.text().await.unwrap().contains("You signed out"));
    let came = bench.tenant.requests().into_iter().find(|request| request.path.ends_with("/logout")).unwrap();
    assert!(came.query.contains(&format!("logout_hint={hint}")), "{}", came.query);
    // The claim stands for the account at the next sign-in too.
    let again = [("demo_sign_in", ""), ("login_hint", hint)];
    assert!(!field(&sent_back(&bench, &again).await, "code").is_empty());
}

fn is_challenge(answer: &Response) -> bool {
    let headers = answer.headers().get_all("www-authenticate");
    headers.iter().any(|value| value.to_str().unwrap().contains("insufficient_claims"))
}

#[tokio::test]
async fn only_who_declared_cp1_is_challenged() {
    let mut bench = Bench::start().await;
    bench.tenant.add_fault(Fault::new(FaultKind::ClaimsChallenge));
    let declares = |value: &str| json!({ "access_token": { "xms_cc": { "values": [value] } } }).to_string();
    for (claims, challenged) in [
        (String::new(), false),
        (declares("xyz"), false),
        ("nonsense".to_owned(), false),
        (declares("cp1"), true),
        (declares("CP1"), true),
    ] {
        let tokens = sign_in(&bench, &[("claims", &claims)]).await;
        bench.token = tokens["access_token"].as_str().unwrap().to_owned();
        let answer = bench.graph(reqwest::Method::GET, "/me").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(is_challenge(&answer), challenged, "{claims}");
        let (_, body) = read(answer).await;
        assert_eq!(body["error"]["code"], "InvalidAuthenticationToken");
        // A refresh declares it anew, or does not.
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
            ("claims", &declares("cp1")),
        ];
        bench.token = token(&bench, &fields).await.1["access_token"].as_str().unwrap().to_owned();
        let answer = bench.graph(reqwest::Method::GET, "/me").send().await.unwrap();
        assert!(is_challenge(&answer));
    }
}

#[tokio::test]
async fn consent_can_be_set_and_read_over_http() {
    let bench = Bench::start().await;
    let origin = bench.tenant.graph_url().origin().ascii_serialization();
    let consented = async || -> Vec<String> {
        bench.http.get(format!("{origin}/_demo/consent")).send().await.unwrap().json().await.unwrap()
    };
    let tell = async |what: &str, body: Value| {
        bench.http.post(format!("{origin}/_demo/{what}")).json(&body).send().await.unwrap().status()
    };
    assert_eq!(consented().await.len(), 8);
    assert_eq!(tell("consent", json!({ "consent": "nothing" })).await, StatusCode::NO_CONTENT);
    assert!(consented().await.is_empty());
    assert_eq!(tell("grant", json!({ "scope": PRIVILEGED })).await, StatusCode::NO_CONTENT);
    assert_eq!(consented().await, [PRIVILEGED]);
    assert_eq!(tell("revoke", json!({ "scope": PRIVILEGED })).await, StatusCode::NO_CONTENT);
    assert!(consented().await.is_empty());
    assert_eq!(tell("grant", json!({ "scope": "Mail.Send" })).await, StatusCode::NOT_FOUND);
    assert_eq!(tell("consent", json!({ "consent": "some" })).await, StatusCode::BAD_REQUEST);
}

/// What the app's listener is sent.
async fn heard(listener: tokio::net::TcpListener) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    let mut some = [0; 4_096];
    while !String::from_utf8_lossy(&request).contains("state=st%26te") {
        let count = stream.read(&mut some).await.unwrap();
        assert_ne!(count, 0, "the form ended early");
        request.extend_from_slice(&some[..count]);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    String::from_utf8(request).unwrap()
}

#[tokio::test]
async fn the_admin_consents_or_cancels_without_a_browser() {
    let bench = consented_to(Consent::Nothing).await;
    let listen = async || {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let redirect = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let url = authorize_url(&bench, &[("redirect_uri", &redirect), ("response_mode", "form_post")]);
        (listener, url)
    };
    let (listener, url) = listen().await;
    let (told, heard_of) = tokio::join!(bench.tenant.decline_without_browser(&url), heard(listener));
    told.unwrap();
    assert!(heard_of.contains("error=access_denied") && heard_of.contains("error_subcode=cancel"));
    assert!(bench.tenant.consented().is_empty());
    let (listener, url) = listen().await;
    let (told, heard_of) = tokio::join!(bench.tenant.sign_in_without_browser(&url), heard(listener));
    told.unwrap();
    assert!(heard_of.contains("code=1.AXoA"));
    assert_eq!(bench.tenant.consented().len(), 3);
}

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use unlatch_demo_tenant::{Fault, FaultKind, SignInError};
use url::Url;

use crate::support::{Bench, read};

pub const VERIFIER: &str = "a-verifier-of-forty-three-characters-or-more-0";
pub const REDIRECT: &str = "http://localhost:49200";
pub const SCOPE: &str = "openid profile offline_access https://graph.microsoft.com/DeviceManagementManagedDevices.Read.All \
    https://graph.microsoft.com/DeviceManagementManagedDevices.PrivilegedOperations.All https://graph.microsoft.com/User.ReadBasic.All";

pub fn authorize_url(bench: &Bench, changes: &[(&str, &str)]) -> Url {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let mut fields = vec![
        ("client_id", bench.tenant.client_id()),
        ("response_type", "code"),
        ("redirect_uri", REDIRECT),
        ("response_mode", "query"),
        ("scope", SCOPE),
        ("state", "st&te"),
        ("nonce", "n0nce"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("demo_sign_in", "1"),
    ];
    for (name, value) in changes {
        fields.retain(|(known, _)| known != name);
        fields.push((name, value));
    }
    fields.retain(|(_, value)| !value.is_empty());
    Url::parse_with_params(&bench.login("/oauth2/v2.0/authorize"), fields).unwrap()
}

/// Follows the authorize endpoint to the fields it sends back in the redirect.
pub async fn sent_back(bench: &Bench, changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let answer = bench.http.get(authorize_url(bench, changes)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FOUND);
    let location = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    assert_eq!(location.host_str(), Some("localhost"));
    location.query_pairs().into_owned().collect()
}

pub fn field(fields: &[(String, String)], name: &str) -> String {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default()
}

pub async fn token(bench: &Bench, fields: &[(&str, &str)]) -> (StatusCode, Value) {
    let mut form = vec![("client_id", bench.tenant.client_id())];
    form.extend(fields);
    read(bench.http.post(bench.login("/oauth2/v2.0/token")).form(&form).send().await.unwrap()).await
}

pub async fn redeem(bench: &Bench, code: &str, verifier: &str) -> (StatusCode, Value) {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("code_verifier", verifier),
        ("redirect_uri", REDIRECT),
        ("scope", SCOPE),
    ];
    token(bench, &fields).await
}

/// Signs the admin in and gives the token answer.
pub async fn sign_in(bench: &Bench, changes: &[(&str, &str)]) -> Value {
    let code = field(&sent_back(bench, changes).await, "code");
    let (status, tokens) = redeem(bench, &code, VERIFIER).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    tokens
}

pub fn claims_of(id_token: &Value) -> Value {
    let payload = id_token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn the_metadata_names_the_endpoints() {
    let bench = Bench::start().await;
    for (authority, issuer) in
        [(bench.tenant.tenant_id(), bench.tenant.tenant_id()), ("organizations", "{tenantid}")]
    {
        let url = format!("{}/{authority}/v2.0/.well-known/openid-configuration", bench.tenant.login_url());
        let (_, metadata) = read(bench.http.get(url).send().await.unwrap()).await;
        let base = format!("{}/{authority}/oauth2/v2.0", bench.tenant.login_url());
        assert_eq!(metadata["authorization_endpoint"], format!("{base}/authorize"));
        assert_eq!(metadata["device_authorization_endpoint"], format!("{base}/devicecode"));
        assert_eq!(metadata["issuer"], format!("{}/{issuer}/v2.0", bench.tenant.login_url()));
    }
}

#[tokio::test]
async fn a_sign_in_gives_tokens_that_graph_takes() {
    let mut bench = Bench::start().await;
    let back = sent_back(&bench, &[]).await;
    assert_eq!(field(&back, "state"), "st&te");
    let tokens = sign_in(&bench, &[]).await;
    assert_eq!(tokens["access_token"].as_str().unwrap().len(), 2_931);
    assert_eq!(tokens["refresh_token"].as_str().unwrap().len(), 1_524);
    assert!(!tokens["scope"].as_str().unwrap().contains("offline_access"));
    let claims = claims_of(&tokens["id_token"]);
    assert_eq!((&claims["tid"], &claims["nonce"]), (&json!(bench.tenant.tenant_id()), &json!("n0nce")));
    assert_eq!(claims["preferred_username"], bench.tenant.admin_upn());
    bench.token = tokens["access_token"].as_str().unwrap().to_owned();
    assert_eq!(bench.get("/deviceManagement/managedDevices?$top=1").await.0, StatusCode::OK);
    let secrets = bench.tenant.issued_secrets();
    for name in ["access_token", "refresh_token", "id_token"] {
        assert!(secrets.contains(&tokens[name].as_str().unwrap().to_owned()), "{name}");
    }
    let log = serde_json::to_string(&bench.tenant.requests()).unwrap();
    assert!(secrets.iter().all(|secret| !log.contains(secret.as_str())));
    assert!(!log.contains(VERIFIER));
}

#[tokio::test]
async fn a_wrong_verifier_is_refused_and_the_code_is_spent() {
    let bench = Bench::start().await;
    let code = field(&sent_back(&bench, &[]).await, "code");
    let (status, error) = redeem(&bench, &code, &VERIFIER.replace('a', "b")).await;
    assert_eq!(
        (status, &error["error"], &error["error_codes"]),
        (StatusCode::BAD_REQUEST, &json!("invalid_grant"), &json!([501_481]))
    );
    for name in ["trace_id", "correlation_id", "timestamp", "error_uri"] {
        assert!(error[name].is_string(), "{name}");
    }
    assert!(error["error_description"].as_str().unwrap().starts_with("AADSTS501481: "));
    let (_, error) = redeem(&bench, &code, VERIFIER).await;
    assert_eq!(error["error_codes"], json!([54_005]));
}

#[tokio::test]
async fn a_refresh_gives_a_new_token_and_the_old_one_stays_valid_until_revoked() {
    let bench = Bench::start().await;
    let first = sign_in(&bench, &[]).await["refresh_token"].as_str().unwrap().to_owned();
    let refresh = async |token_text: &str| {
        token(&bench, &[("grant_type", "refresh_token"), ("refresh_token", token_text), ("scope", SCOPE)])
            .await
    };
    let (_, tokens) = refresh(&first).await;
    let second = tokens["refresh_token"].as_str().unwrap();
    assert_ne!(second, first);
    assert_eq!(refresh(&first).await.0, StatusCode::OK);
    bench.tenant.revoke_refresh_tokens();
    let (status, error) = refresh(second).await;
    assert_eq!(
        (status, &error["error"], &error["error_codes"]),
        (StatusCode::BAD_REQUEST, &json!("invalid_grant"), &json!([50_173]))
    );
    assert_eq!(refresh("nonsense").await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn without_a_hint_an_account_picker_is_shown_and_leads_to_the_form_post() {
    let bench = Bench::start().await;
    let changes = [("demo_sign_in", ""), ("response_mode", "form_post")];
    let answer = bench.http.get(authorize_url(&bench, &changes)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("http://localhost:49200"), "{policy}");
    let page = answer.text().await.unwrap();
    for text in ["Demo admin", "someone@outlook.example", "noor@contoso.example", "value=\"st&amp;te\""] {
        assert!(page.contains(text), "{text}");
    }
    let picked = [changes[0], changes[1], ("demo_account", "admin")];
    let page = bench.http.get(authorize_url(&bench, &picked)).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("action=\"http://localhost:49200\"") && page.contains("name=\"code\""));
    let hinted = [changes[0], ("login_hint", bench.tenant.admin_upn())];
    assert!(!field(&sent_back(&bench, &hinted).await, "code").is_empty());
}

#[tokio::test]
async fn a_personal_account_comes_from_the_consumer_tenant() {
    let bench = Bench::start().await;
    let tokens = sign_in(&bench, &[("demo_account", "personal")]).await;
    assert_eq!(claims_of(&tokens["id_token"])["tid"], "9188040d-6c67-4c5b-b112-36a304b66dad");
}

#[tokio::test]
async fn a_user_without_a_role_signs_in_but_reads_no_devices() {
    let mut bench = Bench::start().await;
    let tokens = sign_in(&bench, &[("demo_account", "plain")]).await;
    bench.token = tokens["access_token"].as_str().unwrap().to_owned();
    assert_eq!(bench.get("/me").await.0, StatusCode::OK);
    let (status, body) = bench.get("/deviceManagement/managedDevices").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(body["error"]["message"].as_str().unwrap().contains("User is not authorized"));
}

#[tokio::test]
async fn what_is_wrong_with_the_app_is_shown_and_never_sent_on() {
    let bench = Bench::start().await;
    let tenant = bench.tenant.tenant_id().to_owned();
    let good = authorize_url(&bench, &[]).to_string();
    for (url, code) in [
        (authorize_url(&bench, &[("redirect_uri", "http://127.0.0.1:49200")]).to_string(), "AADSTS50011:"),
        (authorize_url(&bench, &[("redirect_uri", "http://localhost:49200/x")]).to_string(), "AADSTS50011:"),
        (
            authorize_url(&bench, &[("client_id", "11111111-2222-4333-8444-555555555555")]).to_string(),
            "AADSTS700016:",
        ),
        (good.replace(&tenant, "fabrikam.example"), "AADSTS90002:"),
        (good.replace(&tenant, "common"), "AADSTS50194:"),
    ] {
        let answer = bench.http.get(url).send().await.unwrap();
        assert!(answer.headers().get("location").is_none());
        assert!(answer.text().await.unwrap().contains(code), "{code}");
    }
    let form = [("client_id", "unknown"), ("grant_type", "refresh_token")];
    let (status, error) =
        read(bench.http.post(bench.login("/oauth2/v2.0/token")).form(&form).send().await.unwrap()).await;
    assert_eq!((status, &error["error_codes"]), (StatusCode::BAD_REQUEST, &json!([700_016])));
}

#[tokio::test]
async fn what_is_wrong_with_the_request_is_sent_back() {
    let bench = Bench::start().await;
    let misspelled =
        "openid https://graph.microsoft.com/DeviceManagementManagedDevices.PriviligedOperation.All";
    for (change, error, code) in [
        (("scope", misspelled), "invalid_scope", "AADSTS70011:"),
        (("scope", "https://elsewhere.example/Mail.Read"), "invalid_resource", "AADSTS500011:"),
        (("code_challenge", ""), "invalid_request", "AADSTS9002325:"),
        (("code_challenge_method", "plain"), "invalid_request", "AADSTS50147:"),
        (("demo_account", "cancel"), "access_denied", "AADSTS65004:"),
    ] {
        let back = sent_back(&bench, &[change]).await;
        assert_eq!(field(&back, "error"), error);
        assert!(field(&back, "error_description").starts_with(code), "{code}");
        assert_eq!(field(&back, "state"), "st&te");
    }
}

#[tokio::test]
async fn a_device_code_waits_for_its_approval() {
    let mut bench = Bench::start().await;
    let form = [("client_id", bench.tenant.client_id()), ("scope", SCOPE)];
    let start = async || {
        read(bench.http.post(bench.login("/oauth2/v2.0/devicecode")).form(&form).send().await.unwrap())
            .await
            .1
    };
    let begun = start().await;
    assert_eq!(begun["expires_in"], 900);
    let code = begun["device_code"].as_str().unwrap();
    let poll = async |code: &str| {
        token(
            &bench,
            &[("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("device_code", code)],
        )
        .await
        .1
    };
    let waiting = poll(code).await;
    assert_eq!(
        (&waiting["error"], &waiting["error_codes"]),
        (&json!("authorization_pending"), &json!([70_016]))
    );
    let page = format!("{}/device", bench.tenant.login_url());
    let form_sent = [("user_code", begun["user_code"].as_str().unwrap()), ("account", "admin")];
    bench.http.post(page).form(&form_sent).send().await.unwrap();
    let tokens = poll(code).await;
    assert_eq!(poll(code).await["error_codes"], json!([90_120]));
    let declined = start().await;
    assert!(bench.tenant.decline_device_code(declined["user_code"].as_str().unwrap()));
    assert_eq!(poll(declined["device_code"].as_str().unwrap()).await["error"], "authorization_declined");
    assert_eq!(poll("nonsense").await["error"], "bad_verification_code");
    bench.token = tokens["access_token"].as_str().unwrap().to_owned();
    assert_eq!(bench.get("/me").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_client_that_polls_too_fast_is_told_to_slow_down() {
    let mut options = crate::support::quick();
    options.pace.device_code_interval = std::time::Duration::from_secs(5);
    let bench = Bench::with(options).await;
    let form = [("client_id", bench.tenant.client_id()), ("scope", SCOPE)];
    let begun =
        read(bench.http.post(bench.login("/oauth2/v2.0/devicecode")).form(&form).send().await.unwrap())
            .await
            .1;
    let code = begun["device_code"].as_str().unwrap();
    let poll = [("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("device_code", code)];
    assert_eq!(token(&bench, &poll).await.1["error"], "authorization_pending");
    assert_eq!(token(&bench, &poll).await.1["error"], "slow_down");
}

#[tokio::test]
async fn errors_of_the_sign_in_can_be_switched_on() {
    let bench = Bench::start().await;
    let refresh = sign_in(&bench, &[]).await["refresh_token"].as_str().unwrap().to_owned();
    let kind = FaultKind::LoginError {
        error: "interaction_required".to_owned(),
        code: 50_076,
        suberror: Some("basic_action".to_owned()),
        description: None,
        status: None,
        claims: Some("{\"access_token\":{}}".to_owned()),
    };
    bench.tenant.add_fault(Fault::new(kind.clone()).times(1));
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let (status, error) = token(&bench, &fields).await;
    assert_eq!((status, &error["suberror"]), (StatusCode::BAD_REQUEST, &json!("basic_action")));
    assert!(error["error_description"].as_str().unwrap().contains("multi-factor"));
    assert!(error["claims"].is_string());
    assert_eq!(token(&bench, &fields).await.0, StatusCode::OK);
    bench.tenant.add_fault(Fault::new(kind).path_contains("/authorize"));
    assert_eq!(field(&sent_back(&bench, &[]).await, "error"), "interaction_required");
}

#[tokio::test]
async fn the_admin_signs_in_without_a_browser() {
    let bench = Bench::start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let redirect = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let url = authorize_url(&bench, &[("redirect_uri", &redirect), ("response_mode", "form_post")]);
    let app = async {
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
    };
    let (signed_in, request) = tokio::join!(bench.tenant.sign_in_without_browser(&url), app);
    signed_in.unwrap();
    assert!(request.starts_with("POST / HTTP/1.1\r\n") && request.contains("code=1.AXoA"));
    let wrong = authorize_url(&bench, &[("client_id", "unknown")]);
    let refused = bench.tenant.sign_in_without_browser(&wrong).await.unwrap_err();
    assert!(matches!(refused, SignInError::Refused(text) if text.starts_with("AADSTS700016")));
}

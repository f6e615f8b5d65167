use serde_json::json;
use unlatch_auth::{Session, Vault, sign_in};

use crate::browser::{field, options};
use crate::fake_login::{FakeLogin, tokens};

#[tokio::test]
async fn the_browsers_sign_out_is_at_the_tenants_own_page_and_tells_whose() {
    let login = FakeLogin::start().await;
    login.on_token(|_, nonce| {
        (200, tokens(nonce, &json!({"claims": {"login_hint": "O.opaque"}})).to_string())
    });
    let signed_in = sign_in(&login.registration(), &login, options()).await.unwrap();
    let session = Session::begin(login.registration(), Vault::memory(), signed_in).await;
    let url = session.sign_out_url().await.unwrap();
    assert_eq!(url.origin(), login.url.origin());
    assert!(url.path().ends_with("/oauth2/v2.0/logout"));
    assert_eq!(field(&url, "logout_hint").as_deref(), Some("O.opaque"));
    assert_eq!(field(&url, "client_id"), Some(login.registration().client_id));
}

#[tokio::test]
async fn a_service_without_such_a_page_has_none() {
    let login = FakeLogin::start().await;
    login.offer_only_signing_in();
    let signed_in = sign_in(&login.registration(), &login, options()).await.unwrap();
    let session = Session::begin(login.registration(), Vault::memory(), signed_in).await;
    assert_eq!(session.sign_out_url().await, None);
}

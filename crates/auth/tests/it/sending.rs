//! The permission to send the action, which is asked for at the first recovery only.

use serde_json::json;
use unlatch_auth::{NotAllowed, Session, Vault, sign_in};
use unlatch_graph::{TokenError, TokenSource as _};

use crate::browser::options;
use crate::fake_login::{FakeLogin, Fields, tokens};

const PRIVILEGED: &str = "DeviceManagementManagedDevices.PrivilegedOperations.All";

/// Grants what was asked for, as far as `consented` goes.
fn answer(form: &Fields, nonce: &str, consented: bool) -> (u16, String) {
    let asked = form["scope"].contains(PRIVILEGED);
    if asked && !consented && form["grant_type"] == "refresh_token" {
        let refusal =
            json!({"error": "invalid_grant", "suberror": "consent_required", "error_codes": [65001]});
        return (400, refusal.to_string());
    }
    let scope = if asked && consented {
        format!("https://g/User.Read https://g/{PRIVILEGED}")
    } else {
        "https://g/User.Read".into()
    };
    let access = format!("access-{}", uuid::Uuid::new_v4());
    (200, tokens(nonce, &json!({"scope": scope, "access_token": access})).to_string())
}

async fn searching(login: &FakeLogin) -> Session {
    let mut options = options();
    options.privileged = false;
    let signed_in = sign_in(&login.registration(), login, options).await.unwrap();
    assert!(!signed_in.may_send());
    assert!(!login.seen().last().unwrap()["scope"].contains(PRIVILEGED));
    Session::begin(login.registration(), Vault::memory(), signed_in).await
}

#[tokio::test]
async fn what_was_consented_to_is_had_silently_at_the_first_recovery_and_kept_with_every_refresh() {
    let login = FakeLogin::start().await;
    login.on_token(|form, nonce| answer(form, nonce, true));
    let session = searching(&login).await;
    assert_eq!(session.allow_sending().await, Ok(()));
    assert_eq!(session.allow_sending().await, Ok(()));
    assert_eq!(login.seen().len(), 2, "a token that may is not asked for again");
    let held = session.token().await.unwrap();
    session.renew(&held, None).await.unwrap();
    assert!(login.seen().last().unwrap()["scope"].contains(PRIVILEGED));
}

#[tokio::test]
async fn what_was_not_consented_to_is_told_and_searching_goes_on() {
    let login = FakeLogin::start().await;
    login.on_token(|form, nonce| answer(form, nonce, false));
    let session = searching(&login).await;
    let refused = session.allow_sending().await.unwrap_err();
    let NotAllowed::ConsentNeeded(Some(error)) = refused else { panic!("{refused:?}") };
    assert_eq!(error.suberror.as_deref(), Some("consent_required"));
    assert!(session.ended().borrow().is_none());
    let held = session.token().await.unwrap();
    assert!(session.renew(&held, None).await.is_ok());
    assert!(!login.seen().last().unwrap()["scope"].contains(PRIVILEGED));
}

#[tokio::test]
async fn an_answer_that_grants_less_than_was_asked_for_is_not_taken_for_more() {
    let login = FakeLogin::start().await;
    login.on_token(|form, nonce| answer(form, nonce, true));
    let session = searching(&login).await;
    login.on_token(|_, nonce| (200, tokens(nonce, &json!({"scope": "openid User.Read"})).to_string()));
    assert_eq!(session.allow_sending().await, Err(NotAllowed::ConsentNeeded(None)));
}

#[tokio::test]
async fn a_consent_that_is_taken_back_leaves_searching() {
    let login = FakeLogin::start().await;
    login.on_token(|form, nonce| answer(form, nonce, true));
    let session = searching(&login).await;
    session.allow_sending().await.unwrap();
    login.on_token(|form, nonce| answer(form, nonce, false));
    let held = session.token().await.unwrap();
    assert!(session.renew(&held, None).await.is_ok());
    assert!(session.ended().borrow().is_none());
    assert!(matches!(session.allow_sending().await, Err(NotAllowed::ConsentNeeded(Some(_)))));
}

#[tokio::test]
async fn a_sign_in_that_was_revoked_meanwhile_ends_and_is_not_taken_for_a_missing_consent() {
    let login = FakeLogin::start().await;
    login.on_token(|form, nonce| answer(form, nonce, true));
    let session = searching(&login).await;
    let revoked = json!({"error": "invalid_grant", "suberror": "bad_token", "error_codes": [50173]});
    login.on_token(move |_, _| (400, revoked.to_string()));
    let error = session.allow_sending().await.unwrap_err();
    assert_eq!(error, NotAllowed::NoToken(TokenError::SignInNeeded { claims: None }));
    assert_eq!(session.ended().borrow().clone().unwrap().error.unwrap().codes, [50173]);
}

#[tokio::test]
async fn what_sending_alone_asks_for_is_kept_for_the_sign_in_and_searching_goes_on() {
    let login = FakeLogin::start().await;
    login.on_token(|form, nonce| answer(form, nonce, true));
    let session = searching(&login).await;
    let claims = r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#;
    login.on_token(move |form, nonce| {
        if form["scope"].contains(PRIVILEGED) {
            let refusal =
                json!({"error": "interaction_required", "suberror": "basic_action", "claims": claims});
            return (400, refusal.to_string());
        }
        answer(form, nonce, true)
    });
    assert!(matches!(session.allow_sending().await, Err(NotAllowed::ConsentNeeded(Some(_)))));
    assert!(session.ended().borrow().is_none() && session.token().await.is_ok());
    assert_eq!(session.asked_claims().as_deref(), Some(claims));
}

#[tokio::test]
async fn an_outage_is_no_refusal() {
    let login = FakeLogin::start().await;
    login.on_token(|form, nonce| answer(form, nonce, true));
    let session = searching(&login).await;
    login.on_token(|_, _| (503, "{}".into()));
    let error = session.allow_sending().await.unwrap_err();
    assert!(matches!(error, NotAllowed::NoToken(TokenError::Unavailable(_))), "{error:?}");
}

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use secrecy::ExposeSecret as _;
use serde_json::json;
use unlatch_auth::{Session, Vault, VaultKey, VaultState, sign_in};
use unlatch_demo_tenant::{DemoTenant, Fault, FaultKind};
use unlatch_graph::{AccessToken, TokenError, TokenSource};

use crate::browser::{TestBrowser, demo, options, registration};
use crate::fake_login::{FakeLogin, tokens};
use crate::faulty_store::{FaultyStore, NO_ACCESS};

async fn begin(tenant: &DemoTenant, vault: Vault) -> Session {
    let registration = registration(tenant);
    let signed_in = sign_in(&registration, &TestBrowser::admin(), options()).await.unwrap();
    Session::begin(registration, vault, signed_in).await
}

async fn begin_at(login: &FakeLogin, vault: Vault) -> Session {
    let signed_in = sign_in(&login.registration(), login, options()).await.unwrap();
    Session::begin(login.registration(), vault, signed_in).await
}

fn token_requests(tenant: &DemoTenant) -> usize {
    tenant.requests().iter().filter(|request| request.path.ends_with("/token")).count()
}

fn refused(error: &str, code: u32, claims: Option<&str>) -> Fault {
    Fault::new(FaultKind::LoginError {
        error: error.into(),
        code,
        suberror: None,
        description: None,
        status: None,
        claims: claims.map(str::to_owned),
    })
}

#[tokio::test]
async fn a_good_token_is_given_without_a_request() {
    let tenant = demo().await;
    let session = begin(&tenant, Vault::memory()).await;
    tenant.clear_requests();
    let (one, two) = (session.token().await.unwrap(), session.token().await.unwrap());
    assert_eq!(one, two);
    assert!(tenant.requests().is_empty());
}

#[tokio::test]
async fn fifty_callers_with_a_rejected_token_cause_one_refresh() {
    let tenant = demo().await;
    let session = begin(&tenant, Vault::memory()).await;
    let old = session.token().await.unwrap();
    tenant.expire_access_tokens();
    tenant.clear_requests();
    let renewed = join_all((0..50).map(|_| session.renew(&old, None))).await;
    let newer = renewed[0].clone().unwrap();
    assert_ne!(newer, old);
    assert!(renewed.iter().all(|token| token.as_ref() == Ok(&newer)));
    assert_eq!(token_requests(&tenant), 1);
    assert_eq!(session.renew(&old, None).await.unwrap(), newer);
    assert_eq!(token_requests(&tenant), 1);
}

#[tokio::test]
async fn fifty_callers_in_an_outage_cause_one_request() {
    let tenant = demo().await;
    let session = begin(&tenant, Vault::memory()).await;
    let old = session.token().await.unwrap();
    tenant.clear_requests();
    let busy = FaultKind::Status { status: 503, retry_after: None, executed: false };
    tenant.add_fault(Fault::new(busy).path_contains("/token"));
    let results = join_all((0..50).map(|_| session.renew(&old, None))).await;
    assert!(results.iter().all(|result| matches!(result, Err(TokenError::Unavailable(_)))));
    assert_eq!(token_requests(&tenant), 1);
    assert_eq!(*session.ended().borrow(), None);
    tenant.clear_faults();
    assert!(session.renew(&old, None).await.is_ok(), "an outage that is over is over");
}

#[tokio::test]
async fn a_session_is_restored_and_refreshes_from_the_keychain() {
    let tenant = demo().await;
    let vault = Vault::memory();
    let first = begin(&tenant, vault.clone()).await;
    assert_eq!(first.kept(), VaultState::Ready);
    tenant.clear_requests();
    let restored = Session::restore(registration(&tenant), vault).await.unwrap().unwrap();
    assert_eq!(restored.account(), first.account());
    assert!(tenant.requests().is_empty(), "restoring sends nothing");
    assert_ne!(restored.token().await.unwrap(), first.token().await.unwrap());
}

#[tokio::test]
async fn nothing_is_restored_for_another_registration() {
    let tenant = demo().await;
    let vault = Vault::memory();
    begin(&tenant, vault.clone()).await;
    let mut other = registration(&tenant);
    other.client_id = "99999999-2222-3333-4444-555555555555".into();
    assert!(Session::restore(other, vault.clone()).await.unwrap().is_none());
    let mut elsewhere = registration(&tenant);
    elsewhere.tenant = "fabrikam.example".into();
    assert!(Session::restore(elsewhere, vault.clone()).await.unwrap().is_none());
    let mut cloud = registration(&tenant);
    cloud.cloud = unlatch_auth::Cloud::global();
    assert!(Session::restore(cloud, vault).await.unwrap().is_none());
}

#[tokio::test]
async fn a_rotated_token_is_in_the_keychain_before_the_access_token_is_given() {
    let login = FakeLogin::start().await;
    let count = Arc::new(AtomicUsize::new(0));
    let issued = Arc::clone(&count);
    login.on_token(move |_, nonce| {
        let number = issued.fetch_add(1, Ordering::SeqCst);
        let change =
            json!({"access_token": format!("access-{number}"), "refresh_token": format!("refresh-{number}")});
        (200, tokens(nonce, &change).to_string())
    });
    let vault = Vault::memory();
    let session = begin_at(&login, vault.clone()).await;
    let key = VaultKey::refresh_token(&login.registration(), session.account());
    for number in 1..=5 {
        let old = session.token().await.unwrap();
        let newer = session.renew(&old, None).await.unwrap();
        assert_eq!(newer.expose(), format!("access-{number}"));
        let kept = vault.load(&key).await.unwrap().unwrap();
        assert_eq!(kept.expose_secret(), format!("refresh-{number}"));
        let used = login.seen().last().unwrap()["refresh_token"].clone();
        assert_eq!(used, format!("refresh-{}", number - 1));
    }
    let restored = Session::restore(login.registration(), vault).await.unwrap().unwrap();
    restored.token().await.unwrap();
    assert_eq!(login.seen().last().unwrap()["refresh_token"], "refresh-5");
}

#[tokio::test]
async fn a_refresh_whose_caller_has_gone_still_ends_in_the_keychain() {
    let login = FakeLogin::start().await;
    let vault = Vault::memory();
    let session = begin_at(&login, vault.clone()).await;
    let old = session.token().await.unwrap();
    login.on_token(|_, nonce| {
        let change = json!({"access_token": "access-two", "refresh_token": "refresh-two"});
        (200, tokens(nonce, &change).to_string())
    });
    let asking = session.renew(&old, None);
    // Started, then dropped before the answer.
    assert!(futures::FutureExt::now_or_never(asking).is_none());
    assert_eq!(session.token().await.unwrap().expose(), "access-two");
    let restored = Session::restore(login.registration(), vault).await.unwrap().unwrap();
    restored.token().await.unwrap();
    assert_eq!(login.seen().last().unwrap()["refresh_token"], "refresh-two");
}

#[tokio::test]
async fn an_answer_without_a_refresh_token_keeps_the_old_one() {
    let login = FakeLogin::start().await;
    let vault = Vault::memory();
    let session = begin_at(&login, vault.clone()).await;
    let count = AtomicUsize::new(0);
    login.on_token(move |_, nonce| {
        let access = format!("access-later-{}", count.fetch_add(1, Ordering::SeqCst));
        (200, tokens(nonce, &json!({"access_token": access, "refresh_token": null})).to_string())
    });
    for _ in 0..2 {
        let old = session.token().await.unwrap();
        session.renew(&old, None).await.unwrap();
        assert_eq!(login.seen().last().unwrap()["refresh_token"], "refresh-one");
    }
    let restored = Session::restore(login.registration(), vault).await.unwrap().unwrap();
    restored.token().await.unwrap();
    assert_eq!(login.seen().last().unwrap()["refresh_token"], "refresh-one");
}

#[tokio::test]
async fn a_sign_in_without_a_refresh_token_lasts_as_long_as_its_access_token() {
    let login = FakeLogin::start().await;
    login.on_token(|_, nonce| (200, tokens(nonce, &json!({"refresh_token": null})).to_string()));
    let session = begin_at(&login, Vault::memory()).await;
    let token = session.token().await.unwrap();
    let again = session.renew(&token, None).await;
    assert_eq!(again, Err(TokenError::SignInNeeded { claims: None }));
    assert!(session.ended().borrow().is_some());
}

#[tokio::test]
async fn a_revoked_session_ends_and_asks_no_more() {
    let tenant = demo().await;
    let session = begin(&tenant, Vault::memory()).await;
    let mut ended = session.ended();
    let old = session.token().await.unwrap();
    tenant.revoke_refresh_tokens();
    tenant.clear_requests();
    assert_eq!(session.renew(&old, None).await, Err(TokenError::SignInNeeded { claims: None }));
    ended.changed().await.unwrap();
    let told = ended.borrow().clone().unwrap().error.unwrap();
    assert_eq!(told.error, "invalid_grant");
    assert_eq!(told.suberror.as_deref(), Some("bad_token"));
    assert_eq!(session.token().await, Err(TokenError::SignInNeeded { claims: None }));
    assert_eq!(token_requests(&tenant), 1);
}

#[tokio::test]
async fn a_claims_challenge_is_tried_silently_first() {
    let tenant = demo().await;
    let session = begin(&tenant, Vault::memory()).await;
    let old = session.token().await.unwrap();
    tenant.clear_requests();
    let claims = "{\"access_token\":{\"nbf\":{\"essential\":true,\"value\":\"1\"}}}";
    let newer = session.renew(&old, Some(claims)).await.unwrap();
    assert_ne!(newer, old);
    let requests = tenant.requests();
    let body = requests.last().unwrap().body.clone().unwrap();
    let sent =
        url::form_urlencoded::parse(body.as_bytes()).find(|(key, _)| key == "claims").unwrap().1.into_owned();
    let sent: serde_json::Value = serde_json::from_str(&sent).unwrap();
    assert_eq!(sent["access_token"]["nbf"]["value"], "1");
    assert_eq!(sent["access_token"]["xms_cc"]["values"][0], "cp1", "the capability is declared every time");
}

#[tokio::test]
async fn claims_that_were_asked_for_once_are_in_every_later_refresh() {
    let login = FakeLogin::start().await;
    let session = begin_at(&login, Vault::memory()).await;
    let count = AtomicUsize::new(0);
    login.on_token(move |_, nonce| {
        let access = format!("access-later-{}", count.fetch_add(1, Ordering::SeqCst));
        (200, tokens(nonce, &json!({"access_token": access})).to_string())
    });
    let rejected = session.token().await.unwrap();
    let claims = r#"{"access_token":{"acrs":{"value":"c1"}}}"#;
    // One request met a plain refusal, another a challenge, at the same moment.
    let plain = session.renew(&rejected, None).await.unwrap();
    let challenged = session.renew(&rejected, Some(claims)).await.unwrap();
    assert_ne!(plain, challenged, "a token without the claims would be challenged again");
    assert_eq!(session.renew(&rejected, Some(claims)).await.unwrap(), challenged);
    assert_eq!(session.renew(&rejected, None).await.unwrap(), challenged);
    session.renew(&challenged, None).await.unwrap();
    let carried = login.seen().iter().skip(1).map(|form| form["claims"].contains("acrs")).collect::<Vec<_>>();
    assert_eq!(carried, [false, true, true]);
}

#[tokio::test]
async fn a_challenge_that_cannot_be_met_silently_needs_a_sign_in_with_its_claims() {
    let tenant = demo().await;
    let session = begin(&tenant, Vault::memory()).await;
    let old = session.token().await.unwrap();
    tenant.add_fault(refused("interaction_required", 50_076, None));
    let claims = "{\"access_token\":{\"x\":1}}";
    let result = session.renew(&old, Some(claims)).await;
    assert_eq!(result, Err(TokenError::SignInNeeded { claims: Some(claims.to_owned()) }));
    let ended = session.ended().borrow().clone().unwrap();
    assert_eq!(ended.claims.as_deref(), Some(claims));
    assert_eq!(ended.error.as_ref().unwrap().codes, [50_076]);
    assert!(!format!("{ended:?}").contains("{\"x\":1}"));
}

#[tokio::test]
async fn claims_that_entra_asks_for_go_before_those_of_the_challenge() {
    let tenant = demo().await;
    let session = begin(&tenant, Vault::memory()).await;
    let old = session.token().await.unwrap();
    tenant.add_fault(refused("interaction_required", 50_076, Some("{\"entra\":1}")));
    let result = session.renew(&old, Some("{\"graph\":1}")).await;
    assert_eq!(result, Err(TokenError::SignInNeeded { claims: Some("{\"entra\":1}".into()) }));
}

#[tokio::test]
async fn an_answer_for_another_account_is_not_taken() {
    let login = FakeLogin::start().await;
    let session = begin_at(&login, Vault::memory()).await;
    let old = session.token().await.unwrap();
    login.on_token(|_, nonce| {
        let change = json!({"access_token": "of-somebody-else", "claims": {"oid": "somebody-else"}});
        (200, tokens(nonce, &change).to_string())
    });
    let result = session.renew(&old, None).await;
    assert!(matches!(result, Err(TokenError::Unavailable(_))), "{result:?}");
}

#[tokio::test]
async fn sign_out_deletes_everything_and_ends_the_session() {
    let tenant = demo().await;
    let store = FaultyStore::default();
    let session = begin(&tenant, store.vault()).await;
    assert!(store.len() > 2);
    session.sign_out().await.unwrap();
    assert_eq!(store.len(), 0);
    assert_eq!(session.token().await, Err(TokenError::SignInNeeded { claims: None }));
    assert!(Session::restore(registration(&tenant), store.vault()).await.unwrap().is_none());
}

#[tokio::test]
async fn without_a_keychain_the_session_lives_in_memory_and_says_so() {
    let tenant = demo().await;
    let vault = Vault::over("unlatch-test", || Err(keyring_core::Error::PlatformFailure("no bus".into())));
    assert_eq!(vault.probe().await, VaultState::Absent);
    let session = begin(&tenant, vault).await;
    assert_eq!(session.kept(), VaultState::Absent);
    let old = session.token().await.unwrap();
    assert!(session.renew(&old, None).await.is_ok());
    session.sign_out().await.unwrap();
}

#[tokio::test]
async fn a_keychain_that_comes_back_gets_the_newest_token() {
    let tenant = demo().await;
    let store = FaultyStore::default();
    store.refuse(true);
    let session = begin(&tenant, store.vault()).await;
    assert_eq!(session.kept(), NO_ACCESS);
    store.refuse(false);
    let old = session.token().await.unwrap();
    session.renew(&old, None).await.unwrap();
    assert_eq!(session.kept(), VaultState::Ready);
    assert!(Session::restore(registration(&tenant), store.vault()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_session_serves_as_graphs_token_source() {
    let tenant = demo().await;
    let source: Arc<dyn TokenSource> = Arc::new(begin(&tenant, Vault::memory()).await);
    let token: AccessToken = source.token().await.unwrap();
    assert!(!token.expose().is_empty());
}

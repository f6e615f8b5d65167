use unlatch_auth::{Session, StillLocked, Vault, VaultState, sign_in};
use unlatch_graph::{TokenError, TokenSource as _};

use crate::browser::{TestBrowser, demo, options, registration};
use crate::faulty_store::{FaultyStore, NO_ACCESS};

async fn begun(tenant: &unlatch_demo_tenant::DemoTenant, vault: Vault) -> Session {
    let signed_in = sign_in(&registration(tenant), &TestBrowser::admin(), options()).await.unwrap();
    Session::begin(registration(tenant), vault, signed_in).await
}

fn assert_no_access(unlocked: Result<(), StillLocked>) {
    let Err(StillLocked::Vault(error)) = unlocked else { panic!("{unlocked:?}") };
    assert_eq!(VaultState::from(&error), NO_ACCESS);
}

#[tokio::test]
async fn a_locked_session_gives_no_token_and_the_keychain_unlocks_it() {
    let tenant = demo().await;
    let session = begun(&tenant, Vault::memory()).await;
    let before = session.token().await.unwrap();
    tenant.clear_requests();
    session.lock().await;
    let waits = Err(TokenError::SignInNeeded { claims: None });
    assert_eq!(session.token().await, waits, "what waits for a sign-in goes on when it is unlocked");
    assert_eq!(session.renew(&before, None).await, waits);
    assert!(session.allow_sending().await.is_err());
    assert!(session.ended().borrow().is_none(), "a locked session has not ended");
    assert!(tenant.requests().is_empty(), "a locked session asks for nothing");
    session.unlock().await.unwrap();
    assert_ne!(session.token().await.unwrap(), before, "the token of before was forgotten");
}

#[tokio::test]
async fn a_keychain_that_stays_closed_keeps_the_session_locked_until_it_opens() {
    let tenant = demo().await;
    let store = FaultyStore::default();
    let session = begun(&tenant, store.vault()).await;
    session.lock().await;
    store.refuse(true);
    assert_no_access(session.unlock().await);
    assert!(session.token().await.is_err());
    store.refuse(false);
    session.unlock().await.unwrap();
    assert!(session.token().await.is_ok());
}

#[tokio::test]
async fn a_session_that_a_run_still_needs_unlocks_by_the_keychain_alone_too() {
    let tenant = demo().await;
    let store = FaultyStore::default();
    let session = begun(&tenant, store.vault()).await;
    let held = session.token().await.unwrap();
    store.refuse(true);
    assert_no_access(session.unlock().await);
    assert_eq!(session.token().await.unwrap(), held, "the run goes on");
    store.refuse(false);
    assert_eq!(session.unlock().await, Ok(()));

    let nowhere = Vault::over("unlatch-test", || Err(keyring_core::Error::PlatformFailure("no bus".into())));
    let session = begun(&tenant, nowhere).await;
    assert_eq!(session.unlock().await, Err(StillLocked::NotKept));
    assert!(session.token().await.is_ok() && session.ended().borrow().is_none(), "the run goes on");
}

#[tokio::test]
async fn a_keychain_that_came_back_takes_the_sign_in_before_it_is_locked_away() {
    let tenant = demo().await;
    let store = FaultyStore::default();
    store.refuse(true);
    let session = begun(&tenant, store.vault()).await;
    store.refuse(false);
    session.lock().await;
    assert_eq!(session.unlock().await, Ok(()));
    assert!(session.token().await.is_ok());
}

#[tokio::test]
async fn a_sign_in_that_is_being_taken_over_is_not_locked_away() {
    let tenant = demo().await;
    let nowhere = Vault::over("unlatch-test", || Err(keyring_core::Error::PlatformFailure("no bus".into())));
    let session = begun(&tenant, nowhere).await;
    session.lock().await;
    session.keep_open(true);
    let again = sign_in(&registration(&tenant), &TestBrowser::admin(), options()).await.unwrap();
    session.continue_with(again).await.unwrap();
    session.lock().await;
    assert!(session.token().await.is_ok());
    assert_eq!(session.sign_ins(), 2);
    session.keep_open(false);
    session.lock().await;
    assert!(session.token().await.is_err());
}

#[tokio::test]
async fn a_sign_in_that_no_keychain_holds_is_unlocked_by_a_new_one_only() {
    let tenant = demo().await;
    let vault = Vault::over("unlatch-test", || Err(keyring_core::Error::PlatformFailure("no bus".into())));
    let session = begun(&tenant, vault).await;
    session.lock().await;
    assert_eq!(session.unlock().await, Err(StillLocked::NotKept));
    assert!(session.ended().borrow().is_some());
    let again = sign_in(&registration(&tenant), &TestBrowser::admin(), options()).await.unwrap();
    session.continue_with(again).await.unwrap();
    assert!(session.token().await.is_ok());
}

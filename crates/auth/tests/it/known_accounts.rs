use unlatch_auth::{Session, Vault, sign_in};
use unlatch_graph::TokenSource as _;

use crate::browser::{TestBrowser, demo, options, registration};
use crate::fake_login::FakeLogin;
use crate::faulty_store::FaultyStore;

#[tokio::test]
async fn the_account_that_signed_in_last_is_restored() {
    let tenant = demo().await;
    let vault = Vault::memory();
    let registration = registration(&tenant);
    let mut sessions = Vec::new();
    for account in ["admin", "plain"] {
        let signed_in = sign_in(&registration, &TestBrowser::picking(account), options()).await.unwrap();
        sessions.push(Session::begin(registration.clone(), vault.clone(), signed_in).await);
    }
    let restore = || Session::restore(registration.clone(), vault.clone());
    let newest = restore().await.unwrap().unwrap();
    assert_eq!(newest.account(), sessions[1].account());
    sessions[1].sign_out().await.unwrap();
    let other = restore().await.unwrap().unwrap();
    assert_eq!(other.account(), sessions[0].account());
    assert!(other.token().await.is_ok());
    sessions[0].sign_out().await.unwrap();
    assert!(restore().await.unwrap().is_none());
}

#[tokio::test]
async fn two_that_sign_in_at_the_same_moment_are_both_restored() {
    let (one, two) = (FakeLogin::start().await, FakeLogin::start().await);
    for round in 0..20 {
        let vault = FaultyStore::default().vault();
        let first = sign_in(&one.registration(), &one, options()).await.unwrap();
        let second = sign_in(&two.registration(), &two, options()).await.unwrap();
        tokio::join!(
            Session::begin(one.registration(), vault.clone(), first),
            Session::begin(two.registration(), vault.clone(), second)
        );
        for login in [&one, &two] {
            let restored = Session::restore(login.registration(), vault.clone()).await.unwrap();
            assert!(restored.is_some(), "round {round}");
        }
    }
}

//! The operating system's own keychain. `cargo xtask test` brings up the Secret Service that each of these needs, and
//! `cargo xtask test --windows` runs the unlocked ones on Credential Manager, which has no other state.

use secrecy::ExposeSecret as _;
use unlatch_auth::{Session, Vault, VaultError, VaultKey, VaultState, sign_in};
use unlatch_graph::TokenSource as _;

use crate::browser::{TestBrowser, demo, options, registration};
use crate::vault::secret;

const SERVICE: &str = "unlatch-test";

fn key() -> VaultKey {
    VaultKey::named("keychain-test")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs an unlocked Secret Service: cargo xtask test runs it"]
async fn keychain_unlocked_keeps_ten_thousand_characters_and_deletes_every_part() {
    let vault = Vault::system(SERVICE);
    assert_eq!(vault.probe().await, VaultState::Ready);
    for length in [10_000, 1_524, 0, 10_000] {
        let kept = secret('x', length);
        vault.store(&key(), &kept).await.unwrap();
        // As another process would read it.
        let found = Vault::system(SERVICE).load(&key()).await.unwrap().unwrap();
        assert_eq!(found.expose_secret(), kept.expose_secret(), "{length}");
    }
    vault.delete(&key()).await.unwrap();
    assert!(vault.load(&key()).await.unwrap().is_none());
    assert_eq!(entries_left(SERVICE), 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs an unlocked Secret Service: cargo xtask test runs it"]
async fn keychain_unlocked_restores_a_session_and_sign_out_leaves_nothing() {
    let tenant = demo().await;
    let registration = registration(&tenant);
    let signed_in = sign_in(&registration, &TestBrowser::admin(), options()).await.unwrap();
    let service = "unlatch-test-session";
    let session = Session::begin(registration.clone(), Vault::system(service), signed_in).await;
    assert_eq!(session.kept(), VaultState::Ready);
    assert_ne!(entries_left(service), 0);
    let restored = Session::restore(registration.clone(), Vault::system(service)).await.unwrap().unwrap();
    assert_eq!(restored.account(), session.account());
    restored.token().await.unwrap();
    restored.sign_out().await.unwrap();
    assert!(Session::restore(registration, Vault::system(service)).await.unwrap().is_none());
    assert_eq!(entries_left(service), 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a locked Secret Service: cargo xtask test runs it"]
async fn keychain_locked_is_told_and_the_session_lives_in_memory() {
    let vault = Vault::system(SERVICE);
    assert_eq!(vault.probe().await, VaultState::Locked);
    assert_eq!(vault.store(&key(), &"x".into()).await, Err(VaultError::Locked));
    assert_eq!(session_without_keychain(vault).await, VaultState::Locked);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Secret Service without a collection: cargo xtask test runs it"]
async fn keychain_empty_has_no_collection_and_counts_as_absent() {
    let vault = Vault::system(SERVICE);
    assert_eq!(vault.probe().await, VaultState::Absent);
    assert!(vault.load(&key()).await.unwrap().is_none());
    assert_eq!(session_without_keychain(vault).await, VaultState::Absent);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a session bus without a Secret Service, or none: cargo xtask test runs it"]
async fn keychain_absent_is_told_and_the_session_lives_in_memory() {
    let vault = Vault::system(SERVICE);
    assert_eq!(vault.probe().await, VaultState::Absent);
    assert!(matches!(vault.load(&key()).await, Err(VaultError::Absent)));
    assert_eq!(session_without_keychain(vault).await, VaultState::Absent);
}

/// It runs alone, as it ends the Secret Service of its own private bus.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs an unlocked Secret Service of its own: cargo xtask test runs it"]
async fn keychain_vanishing_is_told_and_the_session_goes_on_in_memory() {
    let vault = Vault::system(SERVICE);
    let tenant = demo().await;
    let registration = registration(&tenant);
    let signed_in = sign_in(&registration, &TestBrowser::admin(), options()).await.unwrap();
    let session = Session::begin(registration, vault.clone(), signed_in).await;
    assert_eq!(session.kept(), VaultState::Ready);
    end_the_secret_service();
    let old = session.token().await.unwrap();
    assert!(session.renew(&old, None).await.is_ok());
    assert_eq!(session.kept(), VaultState::Vanished);
    assert!(matches!(vault.load(&key()).await, Err(VaultError::Vanished)));
}

/// Ends the process that holds the name on the session's bus, and waits until the bus knows.
fn end_the_secret_service() {
    let asked = |method: &str| {
        let output = std::process::Command::new("dbus-send")
            .args(["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus"])
            .args([&format!("org.freedesktop.DBus.{method}"), "string:org.freedesktop.secrets"])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let answer = asked("GetConnectionUnixProcessID");
    let id = answer.rsplit("uint32").next().unwrap().trim().parse::<u32>().unwrap();
    assert!(std::process::Command::new("kill").arg(id.to_string()).status().unwrap().success());
    while asked("NameHasOwner").contains("true") {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// What a session says about its keychain after it has been used all the same.
async fn session_without_keychain(vault: Vault) -> VaultState {
    let tenant = demo().await;
    let registration = registration(&tenant);
    let signed_in = sign_in(&registration, &TestBrowser::admin(), options()).await.unwrap();
    let session = Session::begin(registration, vault, signed_in).await;
    let old = session.token().await.unwrap();
    assert!(session.renew(&old, None).await.is_ok());
    session.kept()
}

/// Entries under a service name, whatever they are called.
#[cfg(target_os = "linux")]
fn entries_left(name: &'static str) -> usize {
    std::thread::spawn(move || {
        use secret_service::EncryptionType;
        use secret_service::blocking::SecretService;
        let service = SecretService::connect(EncryptionType::Plain).unwrap();
        let found = service.search_items([("service", name)].into()).unwrap();
        found.unlocked.len() + found.locked.len()
    })
    .join()
    .unwrap()
}

#[cfg(windows)]
fn entries_left(name: &str) -> usize {
    use keyring_core::api::CredentialStoreApi as _;
    let pattern = format!(r"\.{name}$");
    let store = windows_native_keyring_store::Store::new().unwrap();
    store.search(&[("pattern", pattern.as_str())].into()).unwrap().len()
}

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use unlatch_auth::{Vault, VaultError, VaultKey, VaultState};

use crate::faulty_store::{FaultyStore, NO_ACCESS};

fn key() -> VaultKey {
    VaultKey::named("a-key")
}

pub fn secret(letter: char, length: usize) -> SecretString {
    (0..length).map(|index| if index % 97 == 0 { '-' } else { letter }).collect::<String>().into()
}

async fn loaded(vault: &Vault) -> Option<String> {
    vault.load(&key()).await.unwrap().map(|secret| secret.expose_secret().to_owned())
}

#[tokio::test]
async fn a_secret_of_any_length_fits_windows_limits_and_comes_back() {
    for length in [0, 1, 899, 900, 901, 1_524, 2_560, 10_000] {
        let store = FaultyStore::default();
        let vault = store.vault();
        let kept = secret('x', length);
        vault.store(&key(), &kept).await.unwrap();
        assert_eq!(loaded(&vault).await.unwrap(), kept.expose_secret(), "{length}");
        vault.delete(&key()).await.unwrap();
        assert_eq!(store.len(), 0, "{length}");
    }
}

#[tokio::test]
async fn a_secret_beyond_all_measure_is_refused_and_leaves_nothing() {
    let store = FaultyStore::default();
    let result = store.vault().store(&key(), &secret('x', 1_000_000)).await;
    assert!(matches!(result, Err(VaultError::Failed(_))));
    assert_eq!(store.len(), 0);
}

#[tokio::test]
async fn a_process_that_dies_at_any_write_leaves_the_old_secret_or_the_new_one_whole() {
    let (first, second, third) = (secret('1', 10_000), secret('2', 2_000), secret('3', 5_000));
    let parts = |secret: &SecretString| secret.expose_secret().len().div_ceil(900);
    let mut seen_old = false;
    let mut died_at_every_write = 0;
    for death in 0.. {
        let store = FaultyStore::default();
        store.vault().store(&key(), &first).await.unwrap();
        let before = store.writes();
        store.die_after(Some(death));
        let told = store.vault().store(&key(), &second).await;
        store.die_after(None);
        let vault = store.vault();
        let found = loaded(&vault).await.unwrap();
        let new = found == second.expose_secret();
        assert!(new || found == first.expose_secret(), "neither whole after {death} writes");
        assert_eq!(new, told.is_ok(), "what was told is what is there after {death} writes");
        seen_old |= !new;
        let finished = store.writes() - before < death;
        vault.store(&key(), &third).await.unwrap();
        assert_eq!(loaded(&vault).await.unwrap(), third.expose_secret());
        assert_eq!(store.len(), 1 + parts(&third), "leftovers after {death} writes: {:?}", store.names());
        if finished {
            break;
        }
        died_at_every_write += 1;
    }
    // Three new parts, the header, twelve old parts.
    assert!(seen_old && died_at_every_write > 12, "{died_at_every_write}");
}

#[tokio::test]
async fn a_process_that_dies_while_deleting_leaves_no_secret_and_the_next_deletion_clears_up() {
    for death in 0..8 {
        let store = FaultyStore::default();
        store.vault().store(&key(), &secret('1', 5_000)).await.unwrap();
        store.die_after(Some(death));
        let told = store.vault().delete(&key()).await;
        store.die_after(None);
        assert_eq!(told.is_ok(), store.len() == 0);
        if death > 0 {
            assert_eq!(loaded(&store.vault()).await, None);
        }
        store.vault().delete(&key()).await.unwrap();
        assert_eq!(store.len(), 0);
    }
}

#[tokio::test]
async fn a_partial_or_altered_set_counts_as_absent() {
    let whole = || async {
        let store = FaultyStore::default();
        store.vault().store(&key(), &secret('x', 5_000)).await.unwrap();
        store
    };
    let names = whole().await.names();
    assert!(names.len() > 5);
    for name in &names {
        let store = whole().await;
        store.remove(name);
        assert_eq!(loaded(&store.vault()).await, None, "without {name}");
        let store = whole().await;
        store.alter(name, |value| value[0] ^= 1);
        assert_eq!(loaded(&store.vault()).await, None, "altered {name}");
        store.vault().store(&key(), &secret('y', 1_000)).await.unwrap();
        assert_eq!(loaded(&store.vault()).await.unwrap(), secret('y', 1_000).expose_secret());
    }
}

#[tokio::test]
async fn keys_do_not_meet() {
    let vault = Vault::memory();
    let other = VaultKey::named("a-key#a0");
    vault.store(&key(), &secret('1', 3_000)).await.unwrap();
    vault.store(&VaultKey::named("another"), &secret('2', 3_000)).await.unwrap();
    vault.delete(&VaultKey::named("another")).await.unwrap();
    assert!(loaded(&vault).await.is_some());
    assert!(vault.load(&other).await.unwrap().is_none());
}

#[tokio::test]
async fn an_error_that_carries_the_secret_shows_none_of_it() {
    let store = FaultyStore::default();
    let vault = store.vault();
    vault.store(&key(), &"hush-hush".into()).await.unwrap();
    store.garble(true);
    let error = vault.load(&key()).await.unwrap_err();
    let shown = format!("{error:?} {error}");
    assert!(!shown.contains("hush") && !shown.contains("aHVzaC1odXNo") && !shown.contains("104"), "{shown}");
}

#[tokio::test]
async fn a_locked_keychain_is_told_from_an_absent_one() {
    let store = FaultyStore::default();
    let vault = store.vault();
    assert_eq!(vault.probe().await, VaultState::Ready);
    store.refuse(true);
    assert_eq!(vault.probe().await, NO_ACCESS);
    assert_eq!(VaultState::from(&vault.load(&key()).await.unwrap_err()), NO_ACCESS);
    store.refuse(false);
    assert_eq!(vault.probe().await, VaultState::Ready);
    let absent = Vault::over("unlatch-test", || Err(keyring_core::Error::PlatformFailure("none".into())));
    assert_eq!(absent.probe().await, VaultState::Absent);
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_anew_and_a_keychain_that_has_gone_is_told_from_one_that_never_was()
{
    let store = FaultyStore::default();
    let vault = store.vault();
    vault.store(&key(), &"kept".into()).await.unwrap();
    store.break_off(false);
    assert_eq!(loaded(&vault).await.as_deref(), Some("kept"));
    store.break_off(true);
    assert!(matches!(vault.load(&key()).await, Err(VaultError::Vanished)));
    assert_eq!(vault.probe().await, VaultState::Vanished);
    store.break_off(false);
    assert_eq!(loaded(&vault).await.as_deref(), Some("kept"), "it came back");
}

#[tokio::test]
async fn a_keychain_that_was_opened_before_is_not_opened_by_the_first_call_unless_that_failed() {
    let opened = Arc::new(AtomicUsize::new(0));
    let vault = Vault::over("unlatch-test", {
        let (opened, store) = (opened.clone(), Arc::new(FaultyStore::default()));
        move || match opened.fetch_add(1, Ordering::SeqCst) {
            0 => Err(keyring_core::Error::PlatformFailure("no bus".into())),
            _ => Ok(store.clone()),
        }
    });
    vault.open().await;
    assert_eq!(opened.load(Ordering::SeqCst), 1, "it tried");
    vault.open().await;
    assert_eq!(opened.load(Ordering::SeqCst), 2, "it tried again");
    assert_eq!(loaded(&vault).await, None);
    assert_eq!(opened.load(Ordering::SeqCst), 2, "it was open");
}

#[tokio::test]
async fn a_panic_in_the_store_is_an_error_and_the_next_call_works() {
    let store = FaultyStore::default();
    let vault = store.vault();
    vault.store(&key(), &"kept".into()).await.unwrap();
    store.panic_once();
    assert!(matches!(vault.load(&key()).await, Err(VaultError::Failed(_))));
    assert_eq!(loaded(&vault).await.as_deref(), Some("kept"));
}

/// A load that hangs and is given up on: time is paused from the moment the keychain's own thread waits.
async fn give_up_on_a_load(store: &FaultyStore, vault: &Vault) {
    store.hang(true);
    let key = key();
    let (result, ()) = tokio::join!(vault.load(&key), async {
        store.hangs().await;
        tokio::time::pause();
    });
    assert!(matches!(result, Err(VaultError::NoAnswer)));
}

async fn answer_again(store: &FaultyStore, vault: &Vault) {
    tokio::time::resume();
    store.hang(false);
    while vault.probe().await != VaultState::Ready {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_keychain_that_hangs_fails_in_time_and_blocks_no_later_call() {
    let store = FaultyStore::default();
    let vault = store.vault();
    let began = tokio::time::Instant::now();
    give_up_on_a_load(&store, &vault).await;
    assert!((30..32).contains(&began.elapsed().as_secs()));
    let given_up = tokio::time::Instant::now();
    assert!(matches!(vault.store(&key(), &"late".into()).await, Err(VaultError::NoAnswer)));
    assert_eq!(vault.probe().await, VaultState::NoAnswer);
    assert_eq!(given_up.elapsed(), Duration::ZERO, "later calls fail at once");

    answer_again(&store, &vault).await;
    assert_eq!(loaded(&vault).await, None, "what failed was not done later");
}

#[tokio::test]
async fn a_deletion_that_could_not_run_in_time_runs_when_the_keychain_answers() {
    let store = FaultyStore::default();
    let vault = store.vault();
    vault.store(&key(), &"kept".into()).await.unwrap();
    give_up_on_a_load(&store, &vault).await;
    assert!(vault.delete(&key()).await.is_err());
    answer_again(&store, &vault).await;
    assert_eq!(store.len(), 0);
}

//! What is relied on in Windows' Credential Manager, tested on the one at hand: Windows' own, or the one of Wine.

use std::collections::HashMap;

use keyring_core::{Entry, Error};
use secrecy::{ExposeSecret as _, SecretString};

use super::entries::{Entries as _, Keyring};
use super::{VaultError, parts, platform};

/// What an entry holds, in bytes (`CRED_MAX_CREDENTIAL_BLOB_SIZE`).
const MOST_BYTES: usize = 2_560;
const KEY: &str = "a-key";

/// A service name of one test, of which nothing is left when the test ends, however it ends.
struct Service(&'static str);

impl Service {
    fn keyring(&self) -> Keyring {
        Keyring::system(self.0).unwrap()
    }

    /// Every entry under the name, as Credential Manager lists them.
    fn entries(&self) -> Vec<Entry> {
        let pattern = format!(r"\.{}$", self.0);
        platform::open().unwrap().search(&HashMap::from([("pattern", pattern.as_str())])).unwrap()
    }

    fn clear(&self) {
        for entry in self.entries() {
            entry.delete_credential().unwrap();
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.clear();
    }
}

/// As long as a long refresh token: twelve parts and the header that names them.
fn secret() -> SecretString {
    "x".repeat(10_000).into()
}

const ENTRIES: usize = 13;

#[test]
#[ignore = "writes to Credential Manager: cargo xtask test --windows runs it"]
fn an_entry_holds_2560_bytes_and_one_more_is_refused_in_words_of_our_own() {
    let service = Service("unlatch-test-size");
    let keyring = service.keyring();
    let full = vec![b'x'; MOST_BYTES];
    keyring.set(KEY, &full).unwrap();
    assert_eq!(*keyring.get(KEY).unwrap().unwrap(), full);
    let refused = keyring.set(KEY, &[b'y'; MOST_BYTES + 1]);
    assert_eq!(refused, Err(VaultError::Failed("it keeps no more than 2560 bytes".into())));
    assert_eq!(*keyring.get(KEY).unwrap().unwrap(), full, "what was there stays");
}

#[test]
#[ignore = "writes to Credential Manager: cargo xtask test --windows runs it"]
fn every_part_would_fit_as_utf_16_too() {
    let service = Service("unlatch-test-parts");
    parts::store(&service.keyring(), KEY, &secret()).unwrap();
    let entries = service.entries();
    assert_eq!(entries.len(), ENTRIES);
    for entry in entries {
        let part = String::from_utf8(entry.get_secret().unwrap()).unwrap();
        entry.set_password(&part).unwrap();
        assert_eq!(entry.get_secret().unwrap().len(), 2 * part.len());
        assert_eq!(entry.get_password().unwrap(), part);
        let too_long = entry.set_password(&"y".repeat(MOST_BYTES / 2 + 1));
        assert!(matches!(too_long, Err(Error::TooLong(_, 2_560))));
    }
}

#[test]
#[ignore = "writes to Credential Manager: cargo xtask test --windows runs it"]
fn every_entry_stays_on_this_machine() {
    let service = Service("unlatch-test-persistence");
    // Twice: the second secret goes over into the other slot, and the header is overwritten.
    for _ in 0..2 {
        parts::store(&service.keyring(), KEY, &secret()).unwrap();
        let entries = service.entries();
        assert_eq!(entries.len(), ENTRIES);
        for entry in entries {
            assert_eq!(entry.get_attributes().unwrap()["persistence"], "Local");
        }
    }
}

#[test]
#[ignore = "writes to Credential Manager: cargo xtask test --windows runs it"]
fn a_secret_of_which_any_entry_is_missing_counts_as_absent_and_can_be_kept_anew() {
    let service = Service("unlatch-test-half");
    let keyring = service.keyring();
    for missing in 0..ENTRIES {
        service.clear();
        parts::store(&keyring, KEY, &secret()).unwrap();
        service.entries()[missing].delete_credential().unwrap();
        assert!(parts::load(&keyring, KEY).unwrap().is_none());
        parts::store(&keyring, KEY, &secret()).unwrap();
        let kept = parts::load(&keyring, KEY).unwrap().unwrap();
        assert_eq!(kept.expose_secret(), secret().expose_secret());
    }
    service.clear();
    parts::store(&keyring, KEY, &secret()).unwrap();
    parts::delete(&keyring, KEY).unwrap();
    assert!(service.entries().is_empty());
}

//! Single entries of a keychain, each small enough for every platform.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use keyring_core::{CredentialStore, Entry, Error};
use zeroize::Zeroizing;

use super::VaultError;
use super::platform;

/// What is read when only the state of the keychain is asked for.
const PROBE: &str = "probe";

/// Named small secrets. Called from one thread.
pub(crate) trait Entries {
    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError>;
    fn set(&self, name: &str, value: &[u8]) -> Result<(), VaultError>;
    /// Whether there was anything to delete.
    fn delete(&self, name: &str) -> Result<bool, VaultError>;
    /// Whether the keychain is there and unlocked, found out without a prompt.
    fn probe(&self) -> Result<(), VaultError>;
}

/// Entries of a `keyring-core` store.
pub(super) struct Keyring {
    store: Arc<CredentialStore>,
    service: String,
    system: bool,
}

impl Keyring {
    pub(super) fn system(service: &str) -> Result<Self, VaultError> {
        let store = platform::open()?;
        Ok(Self { store, service: service.to_owned(), system: true })
    }

    pub(super) fn over(store: Arc<CredentialStore>, service: &str) -> Self {
        Self { store, service: service.to_owned(), system: false }
    }

    fn entry(&self, name: &str) -> Result<Entry, VaultError> {
        let label = format!("{} ({name})", self.service);
        let modifiers: HashMap<&str, &str> =
            if self.system { platform::modifiers(&label) } else { HashMap::new() };
        let modifiers = Some(&modifiers).filter(|all| !all.is_empty());
        self.store.build(&self.service, name, modifiers).map_err(platform::failed)
    }
}

impl Entries for Keyring {
    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        match self.entry(name)?.get_secret() {
            Ok(value) => Ok(Some(Zeroizing::new(value))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(platform::failed(error)),
        }
    }

    fn set(&self, name: &str, value: &[u8]) -> Result<(), VaultError> {
        self.entry(name)?.set_secret(value).map_err(platform::failed)
    }

    fn delete(&self, name: &str) -> Result<bool, VaultError> {
        match self.entry(name)?.delete_credential() {
            Ok(()) => Ok(true),
            Err(Error::NoEntry) => Ok(false),
            Err(error) => Err(platform::failed(error)),
        }
    }

    fn probe(&self) -> Result<(), VaultError> {
        if self.system {
            platform::probe()?;
        }
        self.get(PROBE).map(drop)
    }
}

/// Entries in memory.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<HashMap<String, Zeroizing<Vec<u8>>>>>);

impl Entries for Memory {
    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned())
    }

    fn set(&self, name: &str, value: &[u8]) -> Result<(), VaultError> {
        let value = Zeroizing::new(value.to_vec());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), value);
        Ok(())
    }

    fn delete(&self, name: &str) -> Result<bool, VaultError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name).is_some())
    }

    fn probe(&self) -> Result<(), VaultError> {
        Ok(())
    }
}

//! A keychain in memory with Windows' limits, which can lock itself, hang, or die between two writes.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Condvar, Mutex};

use keyring_core::api::{CredentialApi, CredentialStoreApi};
use keyring_core::{Credential, Entry, Error, Result};
use tokio::sync::Notify;
use unlatch_auth::{Vault, VaultState};

/// What Credential Manager takes, in bytes.
const LIMIT: usize = 2_560;

/// What it means that a keychain gives no access. Credential Manager has no lock, it is there or not.
pub const NO_ACCESS: VaultState = if cfg!(windows) { VaultState::Absent } else { VaultState::Locked };

#[derive(Clone, Default)]
pub struct FaultyStore(Arc<Inner>);

#[derive(Default)]
struct Inner {
    entries: Mutex<BTreeMap<String, Vec<u8>>>,
    mood: Mutex<Mood>,
    writes: Mutex<usize>,
    hanging: Mutex<bool>,
    released: Condvar,
    hangs: Notify,
}

#[derive(Default)]
struct Mood {
    locked: bool,
    writes_left: Option<usize>,
    garbled: bool,
    panics: bool,
    /// The connection is broken; whether a new one can be had is `gone`.
    broken: bool,
    gone: bool,
}

impl FaultyStore {
    pub fn vault(&self) -> Vault {
        let store = self.clone();
        Vault::over("unlatch-test", move || {
            let mut mood = store.0.mood.lock().unwrap();
            if mood.gone {
                return Err(Error::PlatformFailure("no such service".into()));
            }
            mood.broken = false;
            Ok(Arc::new(store.clone()))
        })
    }

    /// The connection breaks; if the keychain has gone for good, no new one can be had.
    pub fn break_off(&self, for_good: bool) {
        let mut mood = self.0.mood.lock().unwrap();
        (mood.broken, mood.gone) = (true, for_good);
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.0.entries.lock().unwrap().len()
    }

    pub fn names(&self) -> Vec<String> {
        self.0.entries.lock().unwrap().keys().cloned().collect()
    }

    pub fn remove(&self, name: &str) {
        self.0.entries.lock().unwrap().remove(name).unwrap();
    }

    pub fn alter(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        change(self.0.entries.lock().unwrap().get_mut(name).unwrap());
    }

    /// Every call fails as on a locked keychain.
    pub fn refuse(&self, locked: bool) {
        self.0.mood.lock().unwrap().locked = locked;
    }

    /// After that many writes and deletions every further one fails, as if the process had died.
    pub fn die_after(&self, writes: Option<usize>) {
        self.0.mood.lock().unwrap().writes_left = writes;
    }

    /// Reading fails with the secret inside of the error.
    pub fn garble(&self, garbled: bool) {
        self.0.mood.lock().unwrap().garbled = garbled;
    }

    /// The next read panics.
    pub fn panic_once(&self) {
        self.0.mood.lock().unwrap().panics = true;
    }

    /// Reading waits until `hang(false)`.
    pub fn hang(&self, hanging: bool) {
        *self.0.hanging.lock().unwrap() = hanging;
        self.0.released.notify_all();
    }

    /// Resolves once a read waits.
    pub async fn hangs(&self) {
        self.0.hangs.notified().await;
    }

    /// Writes and deletions that were carried out.
    pub fn writes(&self) -> usize {
        *self.0.writes.lock().unwrap()
    }
}

impl Inner {
    fn locked(&self) -> Result<()> {
        if self.mood.lock().unwrap().broken {
            return Err(Error::PlatformFailure("the connection is broken".into()));
        }
        if self.mood.lock().unwrap().locked { Err(Error::NoStorageAccess("locked".into())) } else { Ok(()) }
    }

    fn write(&self) -> Result<()> {
        self.locked()?;
        if let Some(left) = &mut self.mood.lock().unwrap().writes_left {
            *left = left.checked_sub(1).ok_or_else(|| Error::PlatformFailure("died".into()))?;
        }
        *self.writes.lock().unwrap() += 1;
        Ok(())
    }
}

struct Cred {
    inner: Arc<Inner>,
    name: String,
}

impl CredentialStoreApi for FaultyStore {
    fn vendor(&self) -> String {
        "faulty".into()
    }

    fn id(&self) -> String {
        "faulty".into()
    }

    fn build(&self, _service: &str, user: &str, _modifiers: Option<&HashMap<&str, &str>>) -> Result<Entry> {
        Ok(Entry::new_with_credential(Arc::new(Cred { inner: Arc::clone(&self.0), name: user.to_owned() })))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl CredentialApi for Cred {
    fn set_secret(&self, secret: &[u8]) -> Result<()> {
        let text = std::str::from_utf8(secret).expect("KWallet takes nothing but UTF-8");
        if text.encode_utf16().count() * 2 > LIMIT {
            return Err(Error::TooLong("secret".into(), LIMIT as u32));
        }
        self.inner.write()?;
        self.inner.entries.lock().unwrap().insert(self.name.clone(), secret.to_vec());
        Ok(())
    }

    fn get_secret(&self) -> Result<Vec<u8>> {
        let mut hanging = self.inner.hanging.lock().unwrap();
        while *hanging {
            self.inner.hangs.notify_one();
            hanging = self.inner.released.wait(hanging).unwrap();
        }
        drop(hanging);
        self.inner.locked()?;
        let (panics, garbled) = {
            let mut mood = self.inner.mood.lock().unwrap();
            (std::mem::take(&mut mood.panics), mood.garbled)
        };
        assert!(!panics, "the store panics as it was told to");
        let secret = self.inner.entries.lock().unwrap().get(&self.name).cloned().ok_or(Error::NoEntry)?;
        if garbled { Err(Error::BadEncoding(secret)) } else { Ok(secret) }
    }

    fn delete_credential(&self) -> Result<()> {
        if !self.inner.entries.lock().unwrap().contains_key(&self.name) {
            self.inner.locked()?;
            return Err(Error::NoEntry);
        }
        self.inner.write()?;
        self.inner.entries.lock().unwrap().remove(&self.name);
        Ok(())
    }

    fn get_credential(&self) -> Result<Option<Arc<Credential>>> {
        Ok(None)
    }

    fn get_specifiers(&self) -> Option<(String, String)> {
        None
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

//! The operating system's keychain, as a place for a few secrets.
//!
//! Every call runs on one thread of its own (zbus may not be driven from inside a tokio runtime, and the Windows and macOS
//! stores order calls reliably from one thread only) and is bounded in time, since a keychain may wait for a person.

#[cfg(all(test, windows))]
mod credential_manager;
pub(crate) mod entries;
pub(crate) mod parts;
mod platform;
mod thread;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use keyring_core::CredentialStore;
use secrecy::SecretString;

use entries::{Keyring, Memory};
use thread::{Keychain, Late};

use crate::account::Account;
use crate::registration::Registration;

/// How long a call at the start of the application may take.
pub(crate) const AT_START: Duration = Duration::from_secs(5);
/// How long any other call may take: a person may have to answer a prompt.
const ELSEWHERE: Duration = Duration::from_secs(30);

/// Whether the keychain can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VaultState {
    /// It answers.
    Ready,
    /// It is locked, and nobody unlocked it.
    Locked,
    /// There is none, or it has no collection to keep anything in.
    Absent,
    /// A person or a rule of the system keeps Unlatch out of it.
    Denied,
    /// It did not answer in time: it may wait for a person.
    NoAnswer,
    /// It was there and has gone.
    Vanished,
    /// It is not to keep anything: see [`Vault::forgetting`].
    Forbidden,
    /// It failed. The text holds no secret.
    Failed(String),
}

/// Why a call to the keychain failed. Never made from the Debug of a keyring error, which may show the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// It is locked, and nobody unlocked it.
    #[error("the keychain is locked")]
    Locked,
    /// There is none, or it has no collection to keep anything in.
    #[error("there is no keychain")]
    Absent,
    /// A person or a rule of the system keeps Unlatch out of it.
    #[error("the keychain is closed to this application")]
    Denied,
    /// It did not answer in time: it may wait for a person.
    #[error("the keychain did not answer")]
    NoAnswer,
    /// It was there and has gone.
    #[error("the keychain has gone")]
    Vanished,
    /// It is not to keep anything: see [`Vault::forgetting`].
    #[error("keeping a sign-in is not allowed")]
    Forbidden,
    /// It failed.
    #[error("the keychain failed: {0}")]
    Failed(String),
}

impl From<&VaultError> for VaultState {
    fn from(error: &VaultError) -> Self {
        match error {
            VaultError::Locked => Self::Locked,
            VaultError::Absent => Self::Absent,
            VaultError::Denied => Self::Denied,
            VaultError::NoAnswer => Self::NoAnswer,
            VaultError::Vanished => Self::Vanished,
            VaultError::Forbidden => Self::Forbidden,
            VaultError::Failed(text) => Self::Failed(text.clone()),
        }
    }
}

/// Names a secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VaultKey(String);

impl VaultKey {
    /// The key of an account's refresh token: cloud, tenant, application and account together.
    #[must_use]
    pub fn refresh_token(registration: &Registration, account: &Account) -> Self {
        Self(format!(
            "{}/{}/{}/{}",
            registration.cloud.key(),
            account.tenant_id,
            registration.client_id,
            account.object_id
        ))
    }

    /// A key with a name of its own.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(name.to_owned())
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

/// A keychain. Clones share it.
#[derive(Clone)]
pub struct Vault {
    keychain: Arc<Keychain>,
    takes: bool,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// The operating system's keychain: Secret Service, Credential Manager (kept on this machine) or the macOS login
    /// keychain. `service` names the application in it. Nothing is opened before the first call.
    #[must_use]
    pub fn system(service: &str) -> Self {
        let service = service.to_owned();
        Self::with(move || Ok(Box::new(Keyring::system(&service)?)))
    }

    /// A keychain behind `keyring-core`'s interface. `open` runs on the vault's own thread before the first call, and again
    /// after a failure.
    #[must_use]
    pub fn over(
        service: &str,
        open: impl Fn() -> keyring_core::Result<Arc<CredentialStore>> + Send + Sync + 'static,
    ) -> Self {
        let service = service.to_owned();
        Self::with(move || Ok(Box::new(Keyring::over(open().map_err(platform::unopened)?, &service))))
    }

    /// Keeps secrets in memory until the last clone is dropped.
    #[must_use]
    pub fn memory() -> Self {
        let memory = Memory::default();
        Self::with(move || Ok(Box::new(memory.clone())))
    }

    fn with(
        open: impl Fn() -> Result<Box<dyn entries::Entries>, VaultError> + Send + Sync + 'static,
    ) -> Self {
        Self { keychain: Arc::new(Keychain::new(Box::new(open))), takes: true }
    }

    /// The same keychain, which takes no secret any more. What it holds can still be read and deleted.
    #[must_use]
    pub fn forgetting(self) -> Self {
        Self { takes: false, ..self }
    }

    /// Whether it takes secrets.
    #[must_use]
    pub fn takes(&self) -> bool {
        self.takes
    }

    /// Opens the keychain, which the first call would do, and waits up to 30 seconds for it. Nothing is read. What goes wrong is told by
    /// the call that needs it.
    pub async fn open(&self) {
        let _ = self.keychain.call(ELSEWHERE, Late::Skip, |_| Ok(())).await;
    }

    /// The secret of `key`, or none. A set of parts that is not whole counts as none.
    ///
    /// # Errors
    /// When the keychain cannot be read within 30 seconds.
    pub async fn load(&self, key: &VaultKey) -> Result<Option<SecretString>, VaultError> {
        self.load_within(key, ELSEWHERE).await
    }

    pub(crate) async fn load_within(
        &self,
        key: &VaultKey,
        limit: Duration,
    ) -> Result<Option<SecretString>, VaultError> {
        let key = key.clone();
        self.keychain.call(limit, Late::Skip, move |entries| parts::load(entries, key.as_str())).await
    }

    /// Keeps `secret` under `key`. Until it is kept whole, what was there before stays whole.
    ///
    /// # Errors
    /// When the keychain does not take it within 30 seconds, [`VaultError::Forbidden`] when it is not to.
    pub async fn store(&self, key: &VaultKey, secret: &SecretString) -> Result<(), VaultError> {
        if !self.takes {
            return Err(VaultError::Forbidden);
        }
        let (key, secret) = (key.clone(), secret.clone());
        self.keychain
            .call(ELSEWHERE, Late::Skip, move |entries| parts::store(entries, key.as_str(), &secret))
            .await
    }

    /// Replaces the secret of `key` by what `change` makes of it, and deletes it if that is nothing. Nothing else comes between.
    /// `even_late`: it still runs when a keychain that did not answer in time answers again.
    ///
    /// # Errors
    /// When the keychain cannot be read or does not take it within 30 seconds.
    pub(crate) async fn change(
        &self,
        key: &VaultKey,
        even_late: bool,
        change: impl Fn(Option<SecretString>) -> Option<SecretString> + Send + 'static,
    ) -> Result<(), VaultError> {
        let key = key.clone();
        let work = move |entries: &dyn entries::Entries| {
            let key = key.as_str();
            let before = parts::load(entries, key)?;
            let was_there = before.is_some();
            match change(before) {
                Some(after) => parts::store(entries, key, &after),
                None if was_there => parts::delete(entries, key),
                None => Ok(()),
            }
        };
        let late = if even_late { Late::Run } else { Late::Skip };
        self.keychain.call(ELSEWHERE, late, work).await
    }

    /// Deletes every part of `key`. A deletion that could not run in time still runs when the keychain answers again.
    ///
    /// # Errors
    /// When anything is left after 30 seconds.
    pub async fn delete(&self, key: &VaultKey) -> Result<(), VaultError> {
        let key = key.clone();
        self.keychain.call(ELSEWHERE, Late::Run, move |entries| parts::delete(entries, key.as_str())).await
    }

    /// Whether the keychain can be used, found out without a prompt.
    pub async fn probe(&self) -> VaultState {
        match self.keychain.call(AT_START, Late::Skip, |entries| entries.probe()).await {
            Ok(()) => VaultState::Ready,
            Err(error) => VaultState::from(&error),
        }
    }
}

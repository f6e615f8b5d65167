//! Which accounts have a refresh token in the keychain, newest first. The list itself is kept there too.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::registration::Registration;
use crate::vault::{Vault, VaultError, VaultKey};

/// More accounts than one person has.
const MOST_ACCOUNTS: usize = 32;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct List {
    pub(crate) accounts: Vec<Known>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Known {
    cloud: String,
    /// As it was configured: an id or a domain.
    tenant: String,
    client_id: String,
    account: Account,
}

impl Known {
    fn belongs_to(&self, registration: &Registration) -> bool {
        self.cloud == registration.cloud.key()
            && self.client_id == registration.client_id
            && (self.account.tenant_id == registration.tenant || self.tenant == registration.tenant)
    }

    fn is(&self, registration: &Registration, account: &Account) -> bool {
        self.cloud == registration.cloud.key()
            && self.client_id == registration.client_id
            && self.account.is(account)
    }
}

fn key() -> VaultKey {
    VaultKey::named("accounts")
}

/// The account that signed in last with this registration.
pub(crate) async fn newest(
    vault: &Vault,
    registration: &Registration,
    limit: Duration,
) -> Result<Option<Account>, VaultError> {
    let list = read(vault.load_within(&key(), limit).await?);
    Ok(list.accounts.into_iter().find(|known| known.belongs_to(registration)).map(|known| known.account))
}

/// Puts an account at the head of the list.
pub(crate) async fn remember(
    vault: &Vault,
    registration: &Registration,
    account: &Account,
) -> Result<(), VaultError> {
    let known = Known {
        cloud: registration.cloud.key(),
        tenant: registration.tenant.clone(),
        client_id: registration.client_id.clone(),
        account: account.clone(),
    };
    let registration = registration.clone();
    let change = move |kept| {
        let mut list = read(kept);
        list.accounts.retain(|other| !other.is(&registration, &known.account));
        list.accounts.insert(0, known.clone());
        list.accounts.truncate(MOST_ACCOUNTS);
        written(&list)
    };
    vault.change(&key(), false, change).await
}

/// Takes an account off the list.
pub(crate) async fn forget(
    vault: &Vault,
    registration: &Registration,
    account: &Account,
) -> Result<(), VaultError> {
    let (registration, account) = (registration.clone(), account.clone());
    let change = move |kept| {
        let mut list = read(kept);
        list.accounts.retain(|known| !known.is(&registration, &account));
        if list.accounts.is_empty() { None } else { written(&list) }
    };
    vault.change(&key(), true, change).await
}

/// A list that cannot be read is an empty one: the accounts sign in again.
pub(crate) fn read(kept: Option<SecretString>) -> List {
    kept.and_then(|text| serde_json::from_str(text.expose_secret()).ok()).unwrap_or_default()
}

fn written(list: &List) -> Option<SecretString> {
    serde_json::to_string(list).ok().map(SecretString::from)
}

//! The platform's store, and what its errors mean.

use std::collections::HashMap;
use std::sync::Arc;

use keyring_core::{CredentialStore, Error};

use super::VaultError;

/// What a failed call means. Errors that carry the secret's bytes are not even formatted.
pub(super) fn failed(error: Error) -> VaultError {
    match error {
        Error::NoStorageAccess(source) => no_access(source.as_ref()),
        Error::PlatformFailure(source) => failure(source.as_ref()),
        Error::BadEncoding(_) | Error::BadDataFormat(..) => {
            VaultError::Failed("it holds something unreadable".into())
        }
        Error::TooLong(_, limit) => VaultError::Failed(format!("it keeps no more than {limit} bytes")),
        Error::Ambiguous(_) => VaultError::Failed("it holds two entries of one name".into()),
        Error::NoDefaultStore => VaultError::Absent,
        _ => VaultError::Failed("it refused the call".into()),
    }
}

/// What it means that the store could not even be opened: there is none.
pub(super) fn unopened(error: Error) -> VaultError {
    match error {
        Error::PlatformFailure(source) if failure(source.as_ref()) == VaultError::Denied => {
            VaultError::Denied
        }
        Error::PlatformFailure(source) => {
            tracing::info!(reason = brief(source.as_ref()), "there is no keychain");
            VaultError::Absent
        }
        error => failed(error),
    }
}

/// What an error of the platform means.
fn failure(error: &(dyn std::error::Error + Send + Sync + 'static)) -> VaultError {
    known(error).unwrap_or_else(|| VaultError::Failed(brief(error)))
}

/// The first 200 characters of what the platform says, on one line.
fn brief(error: &(dyn std::error::Error + Send + Sync)) -> String {
    let text: String =
        error.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    if text.is_empty() { "it gave no reason".into() } else { text }
}

#[cfg(target_os = "linux")]
mod system {
    use super::*;
    use secret_service::EncryptionType;
    use secret_service::blocking::SecretService;
    use zbus::DBusError as _;

    pub(in crate::vault) fn open() -> Result<Arc<CredentialStore>, VaultError> {
        let store = zbus_secret_service_keyring_store::Store::new().map_err(unopened)?;
        Ok(store)
    }

    pub(in crate::vault) fn modifiers(label: &str) -> HashMap<&str, &str> {
        HashMap::from([("label", label)])
    }

    /// A locked collection hides its state from searches for what is not in it, so the collection itself is asked.
    pub(in crate::vault) fn probe() -> Result<(), VaultError> {
        let service = SecretService::connect(EncryptionType::Plain).map_err(|_| VaultError::Absent)?;
        let collection = service.get_default_collection().map_err(state)?;
        if collection.is_locked().map_err(state)? { Err(VaultError::Locked) } else { Ok(()) }
    }

    pub(super) fn no_access(source: &(dyn std::error::Error + Send + Sync + 'static)) -> VaultError {
        match source.downcast_ref::<secret_service::Error>() {
            Some(secret_service::Error::NoResult) => VaultError::Absent,
            _ => VaultError::Locked,
        }
    }

    fn state(error: secret_service::Error) -> VaultError {
        match error {
            secret_service::Error::NoResult | secret_service::Error::Unavailable => VaultError::Absent,
            secret_service::Error::Locked | secret_service::Error::Prompt => VaultError::Locked,
            error => failure(&error),
        }
    }

    /// A service that has left the bus, and a bus that keeps Unlatch from it.
    pub(super) fn known(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Option<VaultError> {
        let name = match error.downcast_ref::<secret_service::Error>()? {
            secret_service::Error::PromptDisconnected => return Some(VaultError::Vanished),
            secret_service::Error::Zbus(zbus::Error::InputOutput(_)) => return Some(VaultError::Vanished),
            secret_service::Error::Zbus(zbus::Error::MethodError(name, ..)) => name.to_string(),
            secret_service::Error::Zbus(zbus::Error::FDO(error)) => error.name().to_string(),
            secret_service::Error::ZbusFdo(error) => error.name().to_string(),
            _ => return None,
        };
        match name.strip_prefix("org.freedesktop.DBus.Error.")? {
            "AccessDenied" | "AuthFailed" => Some(VaultError::Denied),
            "ServiceUnknown" | "NameHasNoOwner" | "Disconnected" | "NoReply" | "NoServer" => {
                Some(VaultError::Vanished)
            }
            _ => None,
        }
    }
}

#[cfg(windows)]
mod system {
    use super::*;

    pub(in crate::vault) fn open() -> Result<Arc<CredentialStore>, VaultError> {
        let store = windows_native_keyring_store::Store::new().map_err(unopened)?;
        Ok(store)
    }

    /// Without this the entry would roam with the profile to every machine the person signs in to.
    pub(in crate::vault) fn modifiers(_label: &str) -> HashMap<&str, &str> {
        HashMap::from([("persistence", "local")])
    }

    pub(in crate::vault) fn probe() -> Result<(), VaultError> {
        Ok(())
    }

    /// Credential Manager has no lock of its own: a network or service logon simply has none.
    pub(super) fn no_access(_source: &(dyn std::error::Error + Send + Sync + 'static)) -> VaultError {
        VaultError::Absent
    }

    pub(super) fn known(_error: &(dyn std::error::Error + Send + Sync + 'static)) -> Option<VaultError> {
        None
    }
}

#[cfg(target_os = "macos")]
mod system {
    use super::*;

    pub(in crate::vault) fn open() -> Result<Arc<CredentialStore>, VaultError> {
        let store = apple_native_keyring_store::keychain::Store::new().map_err(unopened)?;
        Ok(store)
    }

    pub(in crate::vault) fn modifiers(_label: &str) -> HashMap<&str, &str> {
        HashMap::new()
    }

    pub(in crate::vault) fn probe() -> Result<(), VaultError> {
        Ok(())
    }

    pub(super) fn no_access(_source: &(dyn std::error::Error + Send + Sync + 'static)) -> VaultError {
        VaultError::Locked
    }

    /// The store passes on what it does not know: among it that a person refused (-128) and that nobody could be asked (-25308).
    pub(super) fn known(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Option<VaultError> {
        let error = error.downcast_ref::<security_framework::base::Error>()?;
        matches!(error.code(), -128 | -25308).then_some(VaultError::Denied)
    }
}

#[cfg(not(any(target_os = "linux", windows, target_os = "macos")))]
mod system {
    use super::*;

    pub(in crate::vault) fn open() -> Result<Arc<CredentialStore>, VaultError> {
        Err(VaultError::Absent)
    }

    pub(in crate::vault) fn modifiers(_label: &str) -> HashMap<&str, &str> {
        HashMap::new()
    }

    pub(in crate::vault) fn probe() -> Result<(), VaultError> {
        Err(VaultError::Absent)
    }

    pub(super) fn no_access(_source: &(dyn std::error::Error + Send + Sync + 'static)) -> VaultError {
        VaultError::Locked
    }

    pub(super) fn known(_error: &(dyn std::error::Error + Send + Sync + 'static)) -> Option<VaultError> {
        None
    }
}

use system::{known, no_access};
pub(super) use system::{modifiers, open, probe};

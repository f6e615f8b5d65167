//! Sign-in to Microsoft Entra, tokens, and the operating system's keychain.
//!
//! A person signs in with [`sign_in`] (authorization code with PKCE in the system browser); [`Session`] then gives access
//! tokens to `unlatch-graph`, and keeps the refresh token in a [`Vault`]. Access tokens live in memory only. No token, code
//! or verifier shows in the Debug or Display of any type here, or in what this crate logs.

mod account;
mod claims;
mod cloud;
mod device_code;
mod entra_error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod id_token;
mod known;
mod metadata;
mod redirect;
mod registration;
mod session;
mod sign_in;
mod token_endpoint;
mod vault;
mod wire;

pub use account::Account;
pub use cloud::{Cloud, CloudName, ConfigError};
pub use device_code::{DeviceCode, DeviceCodeOptions, sign_in_with_device_code};
pub use entra_error::EntraError;
pub use redirect::ClosingPage;
pub use registration::{Registration, RegistrationError};
pub use session::{NotAllowed, OtherAccount, RestoreError, Session, SignInNeeded, StillLocked};
pub use sign_in::{Browser, SignInError, SignInOptions, SignedIn, find_tenant, sign_in};
pub use vault::{Vault, VaultError, VaultKey, VaultState};

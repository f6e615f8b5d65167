//! Sign-in, tokens and keychain against the demo tenant, a login server that misbehaves, and real keychains.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod browser;
mod fake_login;
mod faulty_store;
#[cfg(any(target_os = "linux", windows))]
mod keychain;
mod known_accounts;
mod leaks;
mod refusals;
mod registration;
mod session;
mod sign_in;
mod vault;

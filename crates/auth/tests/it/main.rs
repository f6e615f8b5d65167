//! Sign-in, tokens and keychain against the demo tenant, a login server that misbehaves, one that somebody else made,
//! and real keychains.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod browser;
mod chromium;
mod consent_page;
mod device_code;
mod fake_login;
mod faulty_store;
mod foreign;
mod foreign_login;
#[cfg(any(target_os = "linux", windows))]
mod keychain;
mod known_accounts;
mod leaks;
mod locking;
mod one_refresh;
mod refusals;
mod registration;
mod sending;
mod session;
mod sign_in;
mod sign_out;
mod vault;

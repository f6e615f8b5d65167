//! Sign-in, tokens and keychain against the demo tenant, a login server that misbehaves, and real keychains.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod browser;
mod consent_page;
mod fake_login;
mod faulty_store;
mod keychain;
mod known_accounts;
mod leaks;
mod one_refresh;
mod refusals;
mod registration;
mod session;
mod sign_in;
mod vault;

//! The real window, against a demo tenant whose log tells what really arrived.
//!
//! A window needs programs that a plain `cargo test` cannot count on, so these tests are ignored there.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, clippy::print_stdout)]

mod about;
mod acts;
mod browser;
mod consent;
mod demo;
mod desk;
mod device_code;
mod fault_table;
mod faults;
mod harness;
mod hostile;
mod instance;
mod job;
mod journal;
mod keyboard;
mod keychain;
mod kill;
mod list;
mod lock;
mod secrets;
mod set_up;
mod setting;
mod soak;
mod tenants;
mod terminal;

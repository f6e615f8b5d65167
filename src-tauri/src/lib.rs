//! The window of Unlatch: commands for the web UI over the engine. It holds no logic of its own beyond validating, calling and
//! mapping; what the window shows is what the engine and the journal say.

mod args;
mod browser;
mod change;
pub mod commands;
mod convert;
mod details;
mod dto;
mod entra_help;
mod error;
mod find;
mod language;
mod lock;
mod logging;
mod notice;
mod place;
mod plan;
mod policy;
mod report;
mod runs;
mod secret;
mod selection;
mod session;
mod shown;
mod start;
mod state;
mod status;
mod table;
mod tenancies;
mod tenants;
mod terminal;
#[cfg(test)]
mod testing;
mod workbench;

use std::process::ExitCode;

/// Runs the application until its window closes.
#[must_use]
pub fn run() -> ExitCode {
    start::run()
}

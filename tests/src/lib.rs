//! Drives the real window of Unlatch: a virtual display, a desktop session of its own, WebKitWebDriver, and a page
//! whose parts are found by their `data-testid`.
//!
//! Nothing here knows how the window is made. What a test may touch is what a person could see or click, and what
//! the demo tenant got.

use std::path::PathBuf;

mod canary;
mod desk;
mod display;
mod failure;
mod hands;
mod keys;
mod page;
mod picks;
mod process;
mod session;
mod stage;
mod window;

pub use canary::{Canaries, files_below};
pub use desk::{Row, RunItem, SearchMode};
pub use display::Display;
pub use failure::Failure;
pub use hands::Hands;
pub use keys::{Focus, key};
pub use page::{Page, TIME_LIMIT};
pub use picks::{Picks, can_take_it};
pub use process::{Running, resident_of};
pub use session::{Keychain, Session};
pub use stage::Stage;
pub use window::{Launch, Window};

/// The folder that holds what Cargo built: the one of the running program, or above it for a test.
fn built_folder() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    let folder = own.parent().ok_or_else(|| Failure::new("the running program lies in no folder"))?;
    let deps = folder.file_name().is_some_and(|name| name == "deps");
    Ok(if deps { folder.parent().unwrap_or(folder) } else { folder }.to_owned())
}

/// A program of this workspace that was built together with the running one.
///
/// # Errors
/// When it was not built.
pub fn built(name: &str) -> Result<PathBuf, Failure> {
    let program = built_folder()?.join(name);
    if program.is_file() {
        return Ok(program);
    }
    Err(Failure::new(format!("{} is missing: build it with `cargo build --workspace`", program.display())))
}

/// The window's program: what `UNLATCH_BIN` names, or the one built beside the running program.
///
/// # Errors
/// When there is none.
pub fn unlatch() -> Result<PathBuf, Failure> {
    match std::env::var_os("UNLATCH_BIN") {
        None => built("unlatch"),
        Some(named) if PathBuf::from(&named).is_file() => Ok(named.into()),
        Some(named) => Err(Failure::new(format!("UNLATCH_BIN names {}, which is no file", named.display()))),
    }
}

/// Where Cargo puts what it makes; screenshots and evidence go under it.
///
/// # Errors
/// When the running program's place cannot be read.
pub fn target_folder() -> Result<PathBuf, Failure> {
    let folder = built_folder()?;
    Ok(folder.parent().map_or(folder.clone(), ToOwned::to_owned))
}

//! The web UI: its packages and its scripts.

use std::fs;
use std::process::Command;

use crate::{files, shell};

const FOLDER: &str = "ui";

/// The oldest Node the UI's tools run on, as in `ui/package.json`.
const NODE: (u32, u32) = (20, 19);

/// `vitest` says how it went in two lines.
pub fn is_summary(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("Test Files ") || line.starts_with("Tests ")
}

/// Installs the UI's npm packages.
///
/// # Errors
/// As [`install_in`].
pub fn install() -> Result<(), String> {
    install_in(FOLDER)
}

/// Installs the npm packages of the lock file in that folder of the project, unless exactly those are there.
///
/// # Errors
/// When Node is missing or too old, or npm fails.
pub fn install_in(folder: &str) -> Result<(), String> {
    check_node()?;
    let path = shell::root().join(folder);
    let lock = files::read(&path.join("package-lock.json"))?;
    let mark = path.join("node_modules/.installed-package-lock.json");
    if fs::read(&mark).is_ok_and(|installed| installed == lock) {
        println!("npm packages: all are installed.");
        return Ok(());
    }
    println!("npm packages to install: those of {folder}/package-lock.json");
    // Not `npm ci`: it refuses a lock file without the optional packages of systems for which a registry offers none. This takes
    // the versions of the lock file too and leaves the file alone.
    shell::run(npm(&["install", "--no-save", "--no-audit", "--no-fund"]).current_dir(&path))?;
    files::write(&mark, lock)
}

/// A script of `ui/package.json`.
pub fn script(name: &str) -> Command {
    let mut command = npm(&["run", name]);
    command.current_dir(shell::root().join(FOLDER));
    command
}

fn npm(arguments: &[&str]) -> Command {
    let mut command = shell::program(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.args(arguments);
    command
}

fn check_node() -> Result<(), String> {
    let wanted = format!("Node {}.{} or newer is needed", NODE.0, NODE.1);
    let version = shell::output(shell::program("node").arg("--version"))
        .map_err(|error| format!("{wanted} ({error})"))?;
    match parsed(&version) {
        Some(found) if found >= NODE => Ok(()),
        _ => Err(format!("{wanted}; this is {}", version.trim())),
    }
}

/// `v20.20.2` as (20, 20).
fn parsed(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim().strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_version_is_compared_by_number() {
        assert!(parsed("v20.20.2\n").unwrap() >= NODE);
        assert!(parsed("v20.9.0").unwrap() < NODE);
        assert!(parsed("v100.0.0").unwrap() >= NODE);
        assert_eq!(parsed("20.1.1"), None);
    }

    #[test]
    fn the_two_lines_of_vitest_are_known() {
        assert!(is_summary(" Test Files  3 passed (3)"));
        assert!(is_summary("      Tests  20 passed (20)"));
        assert!(!is_summary("Testing the window"));
    }
}

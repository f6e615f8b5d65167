//! `cargo xtask test --native`: the tests on Windows or macOS itself, where neither a virtual display nor a desktop session of one's
//! own can be had. Everything but the real window and what needs Linux's programs around it.

use crate::steps::Steps;
use crate::{rules, shell, test, ui};

/// All but `xtask`, whose tests want a shell, and `unlatch-e2e`, which drives a window on Linux.
fn packages() -> impl Iterator<Item = &'static str> {
    rules::WINDOWLESS.into_iter().chain(["unlatch"]).flat_map(|package| ["--package", package])
}

/// Writes to this person's keychain, under a name of its own, and removes it again. One at a time, as in a keychain's own store.
const KEYCHAIN: [&str; 6] =
    ["--lib", "--test=it", "--", "--ignored", "--test-threads=1", "keychain_unlocked"];

/// Lints and tests what runs on this system.
pub fn run() -> bool {
    let mut steps = Steps::default();
    steps.take("npm packages", &[], ui::install);
    steps.take_and_keep("UI tests", &["npm packages"], || {
        shell::run_and_keep(&mut ui::script("test"), ui::is_summary)
    });
    steps.take("UI build", &["npm packages"], || shell::run(&mut ui::script("build")));
    steps.take("clippy", &["UI build"], || {
        let mut clippy = shell::cargo(&["clippy"]);
        shell::run(clippy.args(packages()).args(["--all-targets", "--", "--deny", "warnings"]))
    });
    steps.take_and_keep("Rust tests", &["UI build"], || {
        let mut tests = shell::cargo(&["test"]);
        shell::run_and_keep(tests.args(packages()).arg("--no-fail-fast"), test::is_summary)
    });
    steps.take("registration script", &[], registration_script);
    if cfg!(target_os = "linux") {
        println!("\nThe keychain of this person is left alone; `cargo xtask test` makes one for its tests.");
    } else {
        steps.take_and_keep("keychain", &["Rust tests"], keychain);
    }
    steps.conclude()
}

/// The script for administrators, with a Graph in memory. PowerShell is in no registry from which it could be installed here, so
/// whoever does not have it goes without; GitHub's machines have it.
fn registration_script() -> Result<(), String> {
    let has_powershell = shell::output(shell::program("pwsh").arg("--version")).is_ok();
    if !has_powershell && std::env::var_os("CI").is_none() {
        println!("PowerShell is not there, so the script was not run.");
        return Ok(());
    }
    shell::run(shell::program("pwsh").args(["-NoProfile", "-File", "packaging/entra/register-app.tests.ps1"]))
}

fn keychain() -> (Vec<String>, Result<(), String>) {
    let mut tests = shell::cargo(&["test"]);
    tests.args(packages()).args(KEYCHAIN);
    if cfg!(windows) {
        tests.arg("vault::credential_manager");
    }
    let (summaries, ended) = shell::run_and_keep(&mut tests, test::is_summary);
    let ended = ended.and_then(|()| test::expect_some(&summaries));
    (summaries, ended)
}

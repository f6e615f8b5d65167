//! `cargo xtask test --windows`: the tests of what has no window, built for Windows and run in Wine. And `cargo xtask bundle --windows`.
//!
//! Rust's own toolchain for Windows comes from no Debian package, its source does: the compiler that Debian has beside
//! rustup's builds the standard library as well.

pub mod bundle;
mod installed;
mod msi;
mod program;
mod state;
mod wine;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::packages::{self, Purpose};
use crate::steps::Steps;
use crate::{rules, shell, test};
use wine::Wine;

const TARGET: &str = "x86_64-pc-windows-gnu";

const BUILD: [&str; 7] = [
    "build",
    "-Zbuild-std=std,panic_unwind",
    "--target",
    TARGET,
    "--tests",
    "--message-format=json-render-diagnostics",
    UNCHECKED,
];

/// Wine lists credentials at odd addresses, which the processor takes and the checks of a debug build do not. So only this
/// project's own code has such checks, as is so wherever the standard library comes built.
const UNCHECKED: &str = "--config=profile.dev.package.\"*\".debug-assertions=false";

/// What writes to Credential Manager, by the beginnings of the tests' names.
///
/// One at a time: Wine's list leaves entries out, or fails, while others are deleted.
const KEYCHAIN: [&str; 4] =
    ["--ignored", "--test-threads=1", "keychain_unlocked", "vault::credential_manager"];

/// Scenarios of the engine's model, unless the environment says how many. Its files are slower to write in Wine, and it is the
/// files that differ; every scenario there is runs in `cargo xtask test`.
const MODEL_CASES: &str = "20";

/// How long a program may run in Wine. The slowest takes about a minute on two cores.
const LIMIT: Duration = Duration::from_secs(10 * 60);

/// Builds the tests for Windows and runs them.
pub fn run() -> bool {
    let mut steps = Steps::default();
    let folder = folder();
    steps.take("Debian packages", &[], || packages::install(Purpose::Windows));
    let mut built = String::new();
    steps.take("build for Windows", &["Debian packages"], || {
        built = build(&folder)?;
        Ok(())
    });
    let wine = Wine::new(folder.join("wine"));
    steps.take("Wine", &["Debian packages"], || wine.begin());
    let built_and_begun = ["build for Windows", "Wine"];
    for package in tested() {
        steps.take_and_keep(package, &built_and_begun, || run_tests(&wine, &built, package, &[]));
    }
    steps.take_and_keep("keychain", &built_and_begun, || run_tests(&wine, &built, "unlatch-auth", &KEYCHAIN));
    wine.end();
    steps.conclude()
}

/// The packages whose tests are run. The demo tenant takes part in them; its own tests say nothing about Windows.
fn tested() -> impl Iterator<Item = &'static str> {
    rules::WINDOWLESS.into_iter().filter(|package| *package != "unlatch-demo-tenant")
}

/// Where Cargo builds for Windows.
fn folder() -> PathBuf {
    shell::target().join("windows")
}

/// Debian's Cargo, which builds the standard library as well.
fn cargo(folder: &Path) -> Command {
    let mut cargo = shell::program("/usr/bin/cargo");
    // rustup's Cargo, which started this, would have its own compiler and libraries used.
    for variable in ["CARGO", "LD_LIBRARY_PATH", "RUSTUP_TOOLCHAIN", "RUSTDOC"] {
        cargo.env_remove(variable);
    }
    cargo.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
    cargo.env("CARGO_TARGET_DIR", folder).env("CARGO_INCREMENTAL", "0");
    cargo
}

/// Builds the tests. Gives Cargo's messages.
fn build(folder: &Path) -> Result<String, String> {
    let packages: Vec<&str> = tested().flat_map(|package| ["--package", package]).collect();
    println!("$ cargo {} {}", BUILD.join(" "), packages.join(" "));
    shell::output(cargo(folder).args(BUILD).args(packages).stderr(Stdio::inherit()))
}

/// Runs the test programs of a package, one after the other, each in its folder as Cargo does.
fn run_tests(
    wine: &Wine,
    built: &str,
    package: &str,
    arguments: &[&str],
) -> (Vec<String>, Result<(), String>) {
    let folder = shell::root().join("crates").join(package.trim_start_matches("unlatch-"));
    let (mut summaries, mut failures) = (Vec::new(), Vec::new());
    for program in test::programs_below(built, &folder) {
        let mut command = wine.program("wine");
        command.arg(program).args(arguments).current_dir(&folder);
        command.env(
            "UNLATCH_MODEL_CASES",
            std::env::var("UNLATCH_MODEL_CASES").as_deref().unwrap_or(MODEL_CASES),
        );
        let (said, ended) = shell::run_and_keep_within(&mut command, test::is_summary, LIMIT, || wine.stop());
        failures.extend(ended.and_then(|()| test::expect_some(&said)).err());
        summaries.extend(said);
    }
    if summaries.is_empty() && failures.is_empty() {
        failures.push(format!("nothing was built from {package}"));
    }
    (summaries, if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) })
}

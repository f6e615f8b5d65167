//! Programs that checks and bundles take from crates.io, each in one version, in a folder of their own below `target`.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::shell;

/// A program of crates.io.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    name: &'static str,
    version: &'static str,
    /// What Cargo calls it by: it is `cargo-` and this.
    verb: &'static str,
}

/// Licences, banned crates, sources and advisories.
pub const DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2", verb: "deny" };

/// Dependencies that are named and not used.
pub const SHEAR: Tool = Tool { name: "cargo-shear", version: "1.11.2", verb: "shear" };

/// Builds programs that hold the list of what they were built from.
pub const AUDITABLE: Tool = Tool { name: "cargo-auditable", version: "0.7.7", verb: "auditable" };

/// Builds programs with libFuzzer and runs them.
pub const FUZZ: Tool = Tool { name: "cargo-fuzz", version: "0.13.2", verb: "fuzz" };

/// Makes installers on Windows and macOS.
pub const TAURI: Tool = Tool { name: "tauri-cli", version: "2.12.4", verb: "tauri" };

/// These programs run for seconds, so building them fast is worth more than making them fast.
const BUILD: [(&str, &str); 4] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
];

/// Installs a tool, unless this version of it is there.
///
/// # Errors
/// When it cannot be built.
pub fn install(tool: Tool) -> Result<(), String> {
    if program(tool).is_file() {
        println!("{} {} is installed.", tool.name, tool.version);
        return Ok(());
    }
    println!("Tool to install: {} {}", tool.name, tool.version);
    let start = Instant::now();
    let mut command = shell::cargo(&["install", "--quiet", "--locked", "--version", tool.version, tool.name]);
    command.arg("--root").arg(root(tool)).arg("--target-dir").arg(folder().join("build"));
    // What a caller sets for Unlatch's own programs is not meant for these.
    command.envs(BUILD).env_remove("RUSTFLAGS").env_remove("CARGO_BUILD_TARGET");
    shell::run(&mut command)?;
    println!("{} {} was built in {} s.", tool.name, tool.version, start.elapsed().as_secs());
    Ok(())
}

/// A tool that is installed, started as Cargo starts it, which would first look for another version of it in other folders.
pub fn command(tool: Tool, arguments: &[&str]) -> Command {
    let mut command = shell::program(program(tool));
    let cargo = shell::cargo(&[]);
    command.env("CARGO", cargo.get_program()).arg(tool.verb).args(arguments);
    command
}

fn program(tool: Tool) -> PathBuf {
    root(tool).join("bin").join(format!("cargo-{}{}", tool.verb, std::env::consts::EXE_SUFFIX))
}

fn root(tool: Tool) -> PathBuf {
    folder().join(format!("{}-{}", tool.name, tool.version))
}

/// Where they are: beside the folder of the programs that are built here.
pub fn folder() -> PathBuf {
    shell::target().join("tools")
}

//! `cargo xtask bundle` on Windows and macOS: what Tauri's own tool makes there, an NSIS installer and a disk image. That tool fetches
//! NSIS; the MSI is made on Linux.
//!
//! What is signed with comes from the environment, as Tauri documents it, and may be missing. Then the name of the installer says
//! that it is not signed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::steps::Steps;
use crate::{files, shell, tools, ui};

/// Both processors that macOS runs on, in one program.
const UNIVERSAL: &str = "universal-apple-darwin";

/// On Windows: the command that signs a file, with `%1` where the file is named.
const SIGN_COMMAND: &str = "UNLATCH_SIGN_COMMAND";

/// Builds the installers of the system this runs on and puts them into `target/bundle`.
pub fn run() -> bool {
    let mut steps = Steps::default();
    let signed = is_signed(&|name| std::env::var_os(name));
    let made = if cfg!(target_os = "macos") { shell::target().join(UNIVERSAL) } else { shell::target() };
    steps.take("npm packages", &[], ui::install);
    steps.take("UI build", &["npm packages"], || shell::run(&mut ui::script("build")));
    steps.take("targets", &[], || {
        if cfg!(target_os = "macos") {
            let targets = ["target", "add", "aarch64-apple-darwin", "x86_64-apple-darwin"];
            shell::run(shell::program("rustup").args(targets))?;
        }
        Ok(())
    });
    steps.take("tauri-cli", &[], || tools::install(tools::TAURI));
    steps.take("build", &["UI build", "targets", "tauri-cli"], || {
        let mut build = tauri("build");
        shell::run(build.args(["--no-bundle", "--no-sign", "--", "--locked"]))
    });
    steps.take("installers", &["build"], || {
        println!(
            "{}",
            if signed { "They are signed." } else { "Nothing to sign with is there: not signed." }
        );
        shell::run(&mut bundle(signed))
    });
    steps.take("names", &["installers"], || {
        collect(&made.join("release/bundle"), &shell::target().join("bundle"), signed)
    });
    steps.conclude()
}

/// Whether there is something to sign with. On macOS notarizing needs more, which Tauri says itself.
fn is_signed(variable: &dyn Fn(&str) -> Option<OsString>) -> bool {
    let there = |name| variable(name).is_some_and(|value| !value.is_empty());
    if cfg!(windows) {
        there(SIGN_COMMAND)
    } else {
        there("APPLE_CERTIFICATE") || there("APPLE_SIGNING_IDENTITY")
    }
}

fn tauri(command: &str) -> Command {
    let mut tauri = tools::command(tools::TAURI, &[command, "--ci"]);
    if cfg!(target_os = "macos") {
        tauri.args(["--target", UNIVERSAL]);
    }
    tauri
}

/// Passes on what signs. A secret that is not there comes as an empty variable, which Tauri would try to use.
fn pass_on(command: &mut Command) {
    let secrets = std::env::vars_os().filter(|(name, value)| {
        let name = name.to_string_lossy();
        !value.is_empty() && shell::SECRETS.iter().any(|kind| name.starts_with(kind))
    });
    command.envs(secrets);
}

fn bundle(signed: bool) -> Command {
    let mut command = tauri("bundle");
    pass_on(&mut command);
    if cfg!(target_os = "macos") {
        command.args(["--bundles", "dmg"]);
        if !signed {
            // Apple's own processors run nothing without a signature; this one names nobody.
            command.env("APPLE_SIGNING_IDENTITY", "-");
        }
    } else {
        command.args(["--bundles", "nsis"]);
        if signed {
            let sign = std::env::var(SIGN_COMMAND).unwrap_or_default();
            command.arg("--config").arg(sign_config(&sign));
        }
    }
    command
}

/// The setting that has a command sign every file.
fn sign_config(command: &str) -> String {
    let escaped = command.replace('\\', "\\\\").replace('"', "\\\"");
    format!(r#"{{"bundle":{{"windows":{{"signCommand":"{escaped}"}}}}}}"#)
}

/// Copies the installers, and nothing else that lies beside them, into one folder.
fn collect(made: &Path, folder: &Path, signed: bool) -> Result<(), String> {
    let mut count = 0;
    for kind in ["nsis", "dmg"] {
        let Ok(found) = files::in_folder(&made.join(kind)) else { continue };
        for file in found {
            let Some(name) = installer(&file, signed) else { continue };
            files::copy(&file, &folder.join(&name))?;
            println!("{}", folder.join(name).display());
            count += 1;
        }
    }
    if count > 0 { Ok(()) } else { Err(format!("no installer was made below {}", made.display())) }
}

/// The name under which an installer is given out, or nothing for another file.
fn installer(file: &Path, signed: bool) -> Option<PathBuf> {
    let kind = file.extension()?.to_str()?;
    let name = file.file_stem()?.to_str()?.replace(' ', "_");
    let mark = if signed { "" } else { "-unsigned" };
    ["exe", "dmg"].contains(&kind).then(|| format!("{name}{mark}.{kind}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installer_that_nobody_signed_says_so_in_its_name() {
        let name = |file, signed| installer(Path::new(file), signed).map(|name| name.display().to_string());
        assert_eq!(
            name("nsis/Unlatch_0.1.0_x64-setup.exe", false).as_deref(),
            Some("Unlatch_0.1.0_x64-setup-unsigned.exe")
        );
        assert_eq!(
            name("dmg/Unlatch_0.1.0_universal.dmg", true).as_deref(),
            Some("Unlatch_0.1.0_universal.dmg")
        );
        assert_eq!(name("dmg/bundle_dmg.sh", false), None);
        assert_eq!(name("dmg/icon", false), None);
    }

    #[test]
    fn an_empty_variable_is_nothing_to_sign_with() {
        assert!(!is_signed(&|_| None));
        assert!(!is_signed(&|_| Some(OsString::new())));
        assert!(is_signed(&|_| Some("x".into())));
    }

    #[test]
    fn a_command_that_signs_is_one_text_of_the_settings() {
        assert_eq!(
            sign_config(r#"sign "C:\a b\x" %1"#),
            r#"{"bundle":{"windows":{"signCommand":"sign \"C:\\a b\\x\" %1"}}}"#
        );
    }
}

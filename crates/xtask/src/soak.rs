//! `cargo xtask soak`.

use std::process::Command;

use crate::packages::Purpose;
use crate::steps::Steps;
use crate::{check, shell, ui};

/// As the demo's: all but the program that runs.
const BUILD: [&str; 5] = ["build", "--workspace", "--exclude", "xtask", "--bins"];

/// How long it goes on if nobody says.
const MINUTES: u32 = 60;

/// Reads the words after `soak`.
///
/// # Errors
/// What is wrong with them.
pub fn minutes(arguments: &[&str]) -> Result<u32, String> {
    match arguments {
        [] => Ok(MINUTES),
        ["--minutes", minutes] => match minutes.parse() {
            Ok(minutes) if minutes > 0 => Ok(minutes),
            _ => Err(format!("--minutes does not take {minutes}")),
        },
        other => Err(format!("soak knows no {}", other.join(" "))),
    }
}

/// Works with the real window for that long and writes `target/soak/soak.json`. Gives whether it stayed flat and the journal
/// tells what the tenant does.
pub fn run(minutes: u32) -> bool {
    let mut steps = Steps::default();
    check::prepare(&mut steps, Purpose::Headless);
    steps.take("web UI", &["npm packages"], || shell::run(&mut ui::script("build")));
    steps.take("build", &["web UI", "Debian packages"], || shell::run(&mut shell::cargo(&BUILD)));
    steps.take("soak", &["build"], || shell::run(&mut program(minutes)));
    steps.conclude()
}

fn program(minutes: u32) -> Command {
    let mut command = shell::program(shell::built().join("unlatch-soak"));
    command.args(["--minutes", &minutes.to_string(), "--folder"]).arg(shell::root().join("target/soak"));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_read() {
        assert_eq!(minutes(&[]), Ok(60));
        assert_eq!(minutes(&["--minutes", "15"]), Ok(15));
        assert!(minutes(&["--minutes"]).is_err() && minutes(&["--minutes", "0"]).is_err());
        assert!(minutes(&["--hours", "1"]).is_err());
    }
}

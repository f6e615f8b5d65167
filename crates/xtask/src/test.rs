//! `cargo xtask test`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::check;
use crate::packages::Purpose;
use crate::steps::Steps;
use crate::{clock, gallery, shell, ui};

/// Everything that is compiled, in one go, so that nothing is compiled twice with other features.
const BUILD: [&str; 5] =
    ["build", "--workspace", "--bins", "--tests", "--message-format=json-render-diagnostics"];

/// Every test there is. What fails cheaply comes first.
pub fn run() -> bool {
    let mut steps = Steps::default();
    check::prepare(&mut steps, Purpose::Test);
    check::quick(&mut steps);
    steps.take_and_keep("UI tests", &["npm packages"], || {
        shell::run_and_keep(&mut ui::script("test"), ui::is_summary)
    });
    check::slow(&mut steps);

    let mut built = String::new();
    steps.take("build", &["Debian packages", "UI build"], || {
        println!("$ cargo {}", BUILD.join(" "));
        built = shell::output(shell::cargo(&BUILD).stderr(std::process::Stdio::inherit()))?;
        Ok(())
    });
    steps.take_and_keep("Rust tests", &["build"], || {
        shell::run_and_keep(&mut shell::cargo(&["test", "--workspace", "--no-fail-fast"]), is_summary)
    });
    clock::take_one(&mut steps);
    for (name, state, tested) in [
        ("keychain open", "unlocked", "keychain_unlocked"),
        ("keychain gone", "unlocked", "keychain_vanishing"),
        ("keychain locked", "locked", "keychain_locked"),
        ("keychain empty", "empty", "keychain_empty"),
        ("keychain absent", "absent", "keychain_absent"),
    ] {
        steps.take_and_keep(name, &["build"], || {
            run_ignored(&built, "crates/auth", |tests| {
                let mut command = shell::program(shell::built().join("unlatch-session"));
                command.arg(state).arg(tests).args(["--ignored", tested]);
                command
            })
        });
    }
    steps.take("npm packages of the foreign server", &[], || ui::install_in("crates/auth/tests/foreign"));
    steps.take_and_keep("foreign server", &["build", "npm packages of the foreign server"], || {
        run_ignored(&built, "crates/auth", |tests| {
            let mut command = shell::program(tests);
            // They wait more than they work.
            command.args(["--ignored", "foreign_", "--test-threads=4"]);
            command
        })
    });
    gallery::build_ui(&mut steps);
    steps.take_and_keep("gallery", &["build", "UI on the fake engine"], gallery::checks);
    steps.take_and_keep("real window", &["build"], || {
        run_ignored(&built, "tests", |tests| {
            let mut command = shell::program(tests);
            command.args(["--ignored", "--test-threads=1"]);
            command
        })
    });
    steps.conclude()
}

/// The line in which Rust's test runner says how it went, unless there was nothing to run.
pub fn is_summary(line: &str) -> bool {
    line.starts_with("test result:") && !line.contains(" 0 passed; 0 failed;")
}

/// A run that ran nothing has shown nothing.
///
/// # Errors
/// When no line tells of a passed test.
pub fn expect_some(summaries: &[String]) -> Result<(), String> {
    if summaries.iter().any(|line| passed(line) > 0) { Ok(()) } else { Err("no test was run".to_owned()) }
}

fn passed(summary: &str) -> u32 {
    let (before, _) = summary.split_once(" passed").unwrap_or_default();
    before.rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or_default()
}

/// Runs the ignored tests of a package by the program Cargo built for them.
fn run_ignored(
    messages: &str,
    package: &str,
    command: impl FnOnce(PathBuf) -> Command,
) -> (Vec<String>, Result<(), String>) {
    let folder = shell::root().join(package);
    let source = if package == "tests" { folder.join("it/main.rs") } else { folder.join("tests/it/main.rs") };
    let Some(tests) = test_program(messages, &source) else {
        return (Vec::new(), Err(format!("nothing was built from {}", source.display())));
    };
    let (summaries, ended) = shell::run_and_keep(command(tests).current_dir(folder), is_summary);
    let ended = ended.and_then(|()| expect_some(&summaries));
    (summaries, ended)
}

/// The program built from a source file, from Cargo's messages, one JSON object a line.
fn test_program(messages: &str, source: &Path) -> Option<PathBuf> {
    let source = format!("\"src_path\":\"{}\"", source.display());
    executable(messages.lines().find(|message| message.contains(&source))?)
}

/// Every program built from sources below a folder, from the same messages.
pub fn programs_below(messages: &str, folder: &Path) -> Vec<PathBuf> {
    let source = format!("\"src_path\":\"{}/", folder.display());
    let built = messages.lines().filter(|message| message.contains(&source));
    built.filter_map(executable).collect()
}

fn executable(message: &str) -> Option<PathBuf> {
    let (_, rest) = message.split_once("\"executable\":\"")?;
    rest.split_once('"').map(|(program, _)| PathBuf::from(program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_a_passed_test_is_a_failure() {
        let line = |passed: u32| format!("test result: ok. {passed} passed; 0 failed; 3 ignored; 0 measured");
        assert!(expect_some(&[line(0)]).is_err());
        assert!(expect_some(&[]).is_err());
        assert!(expect_some(&[line(0), line(2)]).is_ok());
        assert_eq!(passed(&line(12)), 12);
    }

    #[test]
    fn the_test_program_is_found_among_cargos_messages() {
        let messages = r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"src_path":"/a/src/lib.rs"},"executable":null}
{"reason":"compiler-artifact","target":{"kind":["test"],"src_path":"/b/tests/it/main.rs"},"executable":"/t/debug/deps/it-2"}
{"reason":"compiler-artifact","target":{"kind":["test"],"src_path":"/a/tests/it/main.rs"},"fresh":true,"executable":"/t/debug/deps/it-1"}"#;
        let program = test_program(messages, Path::new("/a/tests/it/main.rs"));
        assert_eq!(program, Some(PathBuf::from("/t/debug/deps/it-1")));
        assert_eq!(test_program(messages, Path::new("/a/src/lib.rs")), None);
        assert_eq!(test_program(messages, Path::new("/c/tests/it/main.rs")), None);
        assert_eq!(programs_below(messages, Path::new("/b")), [PathBuf::from("/t/debug/deps/it-2")]);
    }
}

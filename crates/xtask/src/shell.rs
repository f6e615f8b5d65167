//! Running other programs.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What `cargo run` tells the program it runs about that program. Build scripts that watch these would run
/// again, and everything above them, each time Cargo is called from here and then from a shell.
const OWN_VARIABLES: [&str; 5] =
    ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_", "CARGO_CRATE_NAME", "CARGO_BIN_NAME"];

/// What packages are signed with, by the beginnings of the names. What others wrote and runs while building has no use for it, so
/// whoever signs passes it on.
pub const SECRETS: [&str; 3] = ["APPLE_", "AZURE_", "UNLATCH_SIGN_"];

/// The folder of the workspace.
pub fn root() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    own.ancestors().nth(2).map_or(own.clone(), Path::to_owned)
}

/// The folder where Cargo puts the programs it builds, which is where this one lies.
pub fn built() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    own.parent().map_or_else(|| root().join("target/debug"), Path::to_owned)
}

/// Cargo's folder for what it builds.
pub fn target() -> PathBuf {
    built().parent().map_or_else(|| root().join("target"), Path::to_owned)
}

/// A program, to be run in the folder of the workspace.
pub fn program(name: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(name);
    for (variable, _) in std::env::vars_os() {
        let mut kinds = OWN_VARIABLES.iter().chain(&SECRETS);
        if variable.to_str().is_some_and(|name| kinds.any(|kind| name.starts_with(kind))) {
            command.env_remove(variable);
        }
    }
    command.current_dir(root());
    command
}

/// Cargo, the one this was started with.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// Runs a program and lets it write where this one writes.
///
/// # Errors
/// In words: it cannot be started, or ended with anything but success.
pub fn run(command: &mut Command) -> Result<(), String> {
    announce(command);
    let status = command.status().map_err(|error| cannot_start(command, &error))?;
    judge(command, status)
}

/// Runs a program without saying so and gives what it prints.
///
/// # Errors
/// As [`run`]; what it printed as an error is in the words.
pub fn output(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| cannot_start(command, &error))?;
    match judge(command, output.status) {
        Ok(()) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(words) => Err(format!("{words}\n{}", String::from_utf8_lossy(&output.stderr).trim_end())),
    }
}

/// Runs a program, passes on what it writes line by line as it comes, and keeps the lines that `keep` picks.
/// The second value tells how it ended, as with [`run`].
pub fn run_and_keep(command: &mut Command, keep: fn(&str) -> bool) -> (Vec<String>, Result<(), String>) {
    run_and_keep_within(command, keep, Duration::MAX, || {})
}

/// As [`run_and_keep`], but kills the program when it has run for longer than `limit`, which is a failure. `end_others` ends
/// what it may have left running: until that has ended too, its output has no end.
pub fn run_and_keep_within(
    command: &mut Command,
    keep: fn(&str) -> bool,
    limit: Duration,
    end_others: impl FnOnce(),
) -> (Vec<String>, Result<(), String>) {
    announce(command);
    let mut child = match command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(error) => return (Vec::new(), Err(cannot_start(command, &error))),
    };
    let kept = Mutex::new(Vec::new());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let ended = std::thread::scope(|scope| {
        scope.spawn(|| pass_on(err, std::io::stderr(), keep, &kept));
        scope.spawn(|| pass_on(out, std::io::stdout(), keep, &kept));
        let ended = wait_within(command, &mut child, limit);
        end_others();
        ended
    });
    (kept.into_inner().unwrap_or_default(), ended)
}

fn wait_within(command: &Command, child: &mut Child, limit: Duration) -> Result<(), String> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return judge(command, status);
        }
        if start.elapsed() > limit {
            child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string())?;
            return Err(format!("`{}` was killed after {} seconds", in_words(command), limit.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn pass_on(from: Option<impl Read>, mut to: impl Write, keep: fn(&str) -> bool, kept: &Mutex<Vec<String>>) {
    let Some(from) = from else { return };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        // A reader that went away is no reason to stop the tests.
        let _ = to.write_all(&line).and_then(|()| to.flush());
        let text = without_colours(String::from_utf8_lossy(&line).trim_end());
        if keep(&text)
            && let Ok(mut kept) = kept.lock()
        {
            kept.push(text);
        }
        line.clear();
    }
}

/// A line without the sequences that colour it in a terminal.
fn without_colours(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(
            part.split_once(|letter: char| letter.is_ascii_alphabetic()).map_or("", |(_, text)| text),
        );
    }
    plain
}

fn announce(command: &Command) {
    println!("$ {}", in_words(command));
}

fn in_words(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

fn cannot_start(command: &Command, error: &std::io::Error) -> String {
    format!("{} cannot be started: {error}", command.get_program().to_string_lossy())
}

fn judge(command: &Command, status: ExitStatus) -> Result<(), String> {
    if status.success() { Ok(()) } else { Err(format!("`{}` ended with {status}", in_words(command))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = program("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn the_picked_lines_of_both_outputs_are_kept_and_the_ending_is_told() {
        let (mut kept, ended) =
            run_and_keep(&mut shell("echo keep 1; echo drop; echo keep 2 >&2; exit 3"), |line| {
                line.starts_with("keep")
            });
        kept.sort();
        assert_eq!(kept, ["keep 1", "keep 2"]);
        assert!(ended.unwrap_err().contains("exit status: 3"));
    }

    #[test]
    fn a_program_that_does_not_end_is_killed_and_what_it_said_is_kept() {
        let mut hanging = shell("echo keep; exec sleep 60");
        let limit = Duration::from_millis(300);
        let mut others_ended = false;
        let start = Instant::now();
        let (kept, ended) = run_and_keep_within(&mut hanging, |_| true, limit, || others_ended = true);
        assert!(ended.unwrap_err().contains("was killed"));
        assert!(start.elapsed() < Duration::from_secs(30) && others_ended);
        assert_eq!(kept, ["keep"]);
    }

    #[test]
    fn a_coloured_line_is_read_as_it_is_seen() {
        let line = "\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m\u{1b}[32m341 passed\u{1b}[39m\u{1b}[22m";
        assert_eq!(without_colours(line), "      Tests  341 passed");
        assert_eq!(without_colours("plain"), "plain");
    }

    #[test]
    fn a_failure_carries_what_the_program_said() {
        let words = output(&mut shell("echo the reason >&2; exit 1")).unwrap_err();
        assert!(words.ends_with("the reason"), "{words}");
    }

    #[test]
    fn a_missing_program_is_named() {
        assert!(
            run(&mut program("no-such-program-anywhere")).unwrap_err().contains("no-such-program-anywhere")
        );
    }

    #[test]
    fn what_cargo_tells_about_this_package_is_not_passed_on() {
        let seen = output(&mut shell("env")).unwrap();
        assert!(
            !seen
                .lines()
                .any(|line| line.starts_with("CARGO_PKG_") || line.starts_with("CARGO_MANIFEST_DIR="))
        );
    }

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(root().join("src-tauri").is_dir());
    }
}

//! `cargo xtask test --clock`: the tests as if it were another day in another time zone. One such moment is part of
//! `cargo xtask test`.
//!
//! Debian's `faketime` shifts the time of day and leaves the monotonic clock alone, so timeouts stay what they are.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::packages::{self, Purpose};
use crate::steps::Steps;
use crate::{shell, test, ui};

/// What the runners say of themselves, and how they ended.
type Run = (Vec<String>, Result<(), String>);

/// A time at which the tests are run.
#[derive(Debug)]
struct Moment {
    name: &'static str,
    /// A name of the time zone database.
    zone: &'static str,
    /// The beginning, as `date` reads it in that zone.
    start: &'static str,
}

/// The moment of an ordinary test run. It is years away, and New Zealand is a day ahead of most of its readers.
const NEW_YEARS_EVE: Moment =
    Moment { name: "New Year's Eve, Auckland", zone: "Pacific/Auckland", start: "2030-12-31 23:30" };

/// Both changes of the clock begin one minute ahead, so that the tests run across them.
const MOMENTS: [Moment; 7] = [
    Moment { name: "tomorrow, UTC", zone: "UTC", start: "tomorrow" },
    Moment { name: "29 February 2028, UTC", zone: "UTC", start: "2028-02-29 23:30" },
    Moment { name: "clock goes back, Madrid", zone: "Europe/Madrid", start: "2027-10-31 00:59 UTC" },
    Moment { name: "28 February 2031, Madrid", zone: "Europe/Madrid", start: "2031-02-28 23:30" },
    Moment { name: "clock goes forward, Auckland", zone: "Pacific/Auckland", start: "2027-09-25 13:59 UTC" },
    NEW_YEARS_EVE,
    Moment { name: "1 March 2031, Auckland", zone: "Pacific/Auckland", start: "2031-03-01 00:30" },
];

/// Scenarios of the engine's model, unless the environment says how many. Its time comes in through a parameter, so what a
/// shifted clock can break shows in few.
const MODEL_CASES: &str = "20";

/// Runs the tests at every moment.
pub fn run() -> bool {
    let mut steps = Steps::default();
    steps.take("Debian packages", &[], || packages::install(Purpose::Clock));
    steps.take("npm packages", &[], ui::install);
    steps.take("UI build", &["npm packages"], || shell::run(&mut ui::script("build")));
    steps.take("build", &["Debian packages", "UI build"], || shell::run(rust_tests().arg("--no-run")));
    for moment in &MOMENTS {
        take(&mut steps, moment);
    }
    steps.conclude()
}

/// Runs the tests at one moment, after a step "build" of every test.
pub fn take_one(steps: &mut Steps) {
    take(steps, &NEW_YEARS_EVE);
}

fn take(steps: &mut Steps, moment: &'static Moment) {
    steps.take_and_keep(moment.name, &["npm packages", "build"], || match expect_shifted(moment) {
        Ok(()) => run_at(moment),
        Err(words) => failed(words),
    });
}

/// Looks whether a program sees the moment: one that is not shifted would pass every test.
///
/// # Errors
/// When it sees another time.
fn expect_shifted(moment: &Moment) -> Result<(), String> {
    let mut date = shell::program("date");
    date.arg("+%s %F %T %Z");
    let ahead = ahead(moment)?;
    let seen = shell::output(&mut shifted(&date, moment.zone, ahead))?;
    let (seconds, words) = seen.trim().split_once(' ').unwrap_or_default();
    println!("The tests begin at {words}.");
    let seen: i64 = seconds.parse().map_err(|_| format!("`date` says {seen}"))?;
    let off = seen - ahead - now()?;
    if off.abs() < 60 { Ok(()) } else { Err(format!("faketime does not shift the time: it is {words}")) }
}

/// Runs everything at a moment. A failure of the UI's tests does not stop the others.
fn run_at(moment: &Moment) -> Run {
    let (mut summaries, mut failures) = (Vec::new(), Vec::new());
    let mut note = |(said, ended): Run| {
        summaries.extend(said);
        failures.extend(ended.err());
    };
    note(ui_tests(moment).unwrap_or_else(failed));
    note(rust_tests_at(moment).unwrap_or_else(failed));
    note((Vec::new(), documents(moment)));
    (summaries, if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) })
}

fn failed(words: String) -> Run {
    (Vec::new(), Err(words))
}

fn ui_tests(moment: &Moment) -> Result<Run, String> {
    let tests = ui::script("test");
    Ok(shell::run_and_keep(&mut shifted(&tests, moment.zone, ahead(moment)?), ui::is_summary))
}

/// Runs the Rust tests with each test program shifted to `moment`. Cargo itself keeps the machine's time, as it compares the times
/// of files.
fn rust_tests_at(moment: &Moment) -> Result<Run, String> {
    let mut tests = rust_tests();
    tests.arg("--no-fail-fast").arg("--config").arg(runner(ahead(moment)?)).env("TZ", moment.zone);
    let cases = std::env::var("UNLATCH_MODEL_CASES");
    tests.env("UNLATCH_MODEL_CASES", cases.as_deref().unwrap_or(MODEL_CASES));
    let (summaries, ended) = shell::run_and_keep(&mut tests, test::is_summary);
    let ended = ended.and_then(|()| test::expect_some(&summaries));
    Ok((summaries, ended))
}

fn rust_tests() -> Command {
    shell::cargo(&["test", "--workspace", "--bins", "--tests"])
}

fn documents(moment: &Moment) -> Result<(), String> {
    // Not the file of this process: a build of the whole workspace may have put another one in its place.
    let mut check = shell::program(shell::built().join("xtask"));
    check.arg("documents");
    shell::run(&mut shifted(&check, moment.zone, ahead(moment)?))
}

/// Returns how many seconds a moment is ahead of the machine's clock.
fn ahead(moment: &Moment) -> Result<i64, String> {
    let mut date = shell::program("date");
    date.env("TZ", moment.zone).env("LC_ALL", "C").args(["--date", moment.start, "+%s"]);
    let start = shell::output(&mut date)?;
    let start: i64 = start.trim().parse().map_err(|_| format!("{} is no time", start.trim()))?;
    Ok(start - now()?)
}

/// Returns the machine's time in seconds since 1970.
fn now() -> Result<i64, String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
    i64::try_from(now.as_secs()).map_err(|error| error.to_string())
}

/// Returns the program and its options that shift the time by so many seconds, for itself and every process below it.
fn faketime(ahead: i64) -> [String; 4] {
    ["faketime".to_owned(), "--exclude-monotonic".to_owned(), "-f".to_owned(), format!("{ahead:+}")]
}

/// Returns `command` with its time shifted by so many seconds and its local time that of `zone`.
fn shifted(command: &Command, zone: &str, ahead: i64) -> Command {
    let [faketime, options @ ..] = faketime(ahead);
    let mut shifted = shell::program(faketime);
    shifted.args(options).arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        shifted.current_dir(folder);
    }
    shifted.env("TZ", zone);
    shifted
}

/// Returns the setting with which Cargo starts each test program through `faketime`.
fn runner(ahead: i64) -> String {
    format!("target.'cfg(unix)'.runner = {:?}", faketime(ahead))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_is_tried_at_two_moments_or_more() {
        for zone in ["UTC", "Europe/Madrid", "Pacific/Auckland"] {
            let moments = MOMENTS.iter().filter(|moment| moment.zone == zone);
            assert!(moments.count() >= 2, "{zone}");
        }
    }

    #[test]
    fn an_ordinary_test_run_has_one_of_the_moments() {
        assert!(MOMENTS.iter().any(|moment| moment.name == NEW_YEARS_EVE.name));
    }

    #[test]
    fn a_shifted_command_keeps_its_arguments_and_its_folder() {
        let mut command = Command::new("npm");
        command.args(["run", "test"]).current_dir("ui");
        let shifted = shifted(&command, "UTC", 86_400);
        let arguments: Vec<_> = shifted.get_args().collect();
        assert_eq!(shifted.get_program(), "faketime");
        assert_eq!(arguments, ["--exclude-monotonic", "-f", "+86400", "npm", "run", "test"]);
        assert_eq!(shifted.get_current_dir(), command.get_current_dir());
    }

    #[test]
    fn a_moment_in_the_past_is_a_shift_back() {
        assert_eq!(
            runner(-5),
            r#"target.'cfg(unix)'.runner = ["faketime", "--exclude-monotonic", "-f", "-5"]"#
        );
    }
}

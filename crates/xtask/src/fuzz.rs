//! `cargo xtask fuzz`: libFuzzer on everything that reads what others wrote.
//!
//! Stable Rust has what libFuzzer takes, but wants to be told that its unfinished options are meant.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::packages::{self, Purpose};
use crate::steps::Steps;
use crate::{files, shell, tools};

/// Where the targets are, one file each.
const FOLDER: &str = "fuzz/libfuzzer";
/// An input that takes longer than this many seconds is a finding.
const SLOWEST: u32 = 20;
/// The longest input that is made up, in bytes: longer than any seed.
const LONGEST: u32 = 16 * 1024;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    minutes: u32,
    /// Every target, if none is named.
    targets: Vec<String>,
}

impl Options {
    /// Reads the words after `fuzz`.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(arguments: &[&str]) -> Result<Self, String> {
        let mut options = Self { minutes: 5, targets: Vec::new() };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            if *argument == "--minutes" {
                let minutes = arguments.next().and_then(|minutes| minutes.parse().ok());
                options.minutes = minutes.filter(|minutes| *minutes > 0).ok_or("--minutes takes a number")?;
            } else if argument.starts_with('-') {
                return Err(format!("fuzz knows no {argument}"));
            } else {
                options.targets.push((*argument).to_owned());
            }
        }
        Ok(options)
    }
}

/// Runs each target, one after the other.
pub fn run(options: Options) -> bool {
    let mut steps = Steps::default();
    steps.take("Debian packages", &[], || packages::install(Purpose::Fuzz));
    steps.take("cargo-fuzz", &["Debian packages"], || tools::install(tools::FUZZ));
    let mut targets = options.targets;
    steps.take("targets", &["cargo-fuzz"], || {
        if targets.is_empty() {
            targets = names()?;
        }
        shell::run(&mut cargo_fuzz("build"))
    });
    for target in targets {
        let name: &'static str = target.leak();
        steps.take_and_keep(name, &["targets"], || fuzz(name, options.minutes));
    }
    steps.conclude()
}

/// Runs one target on its seeds and on what earlier runs found worth keeping. Gives the line that tells of executions and
/// coverage.
fn fuzz(target: &str, minutes: u32) -> (Vec<String>, Result<(), String>) {
    let corpus = folder().join("corpus").join(target);
    let findings = folder().join("findings");
    for place in [&corpus, &findings] {
        if let Err(error) = fs::create_dir_all(place) {
            return (Vec::new(), Err(format!("{}: {error}", place.display())));
        }
    }
    let mut command = cargo_fuzz("run");
    command.arg(target).arg(&corpus).args([&format!("fuzz/seeds/{target}"), "--"]);
    command.arg(format!("-max_total_time={}", minutes * 60));
    command.arg(format!("-timeout={SLOWEST}")).arg(format!("-max_len={LONGEST}"));
    command.arg(format!("-artifact_prefix={}/{target}-", findings.display()));
    let (summaries, ended) = shell::run_and_keep(&mut command, is_summary);
    let ended = match ended {
        Ok(()) if summaries.is_empty() => Err("nothing was run".to_owned()),
        Ok(()) => Ok(()),
        Err(words) => Err(format!(
            "{words}\nWhat it found is in {}; keep it in fuzz/seeds/{target}",
            findings.display()
        )),
    };
    (summaries, ended)
}

/// libFuzzer's last word: `#1234 DONE cov: 56 …`.
fn is_summary(line: &str) -> bool {
    line.starts_with('#') && line.split_whitespace().nth(1) == Some("DONE")
}

fn names() -> Result<Vec<String>, String> {
    let folder = shell::root().join(FOLDER).join("targets");
    let stem = |path: &PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    Ok(files::in_folder(&folder)?.iter().filter_map(stem).collect())
}

/// Where everything is built and kept.
fn folder() -> PathBuf {
    shell::target().join("fuzz")
}

fn cargo_fuzz(verb: &str) -> Command {
    let mut command = tools::command(tools::FUZZ, &[verb, "--fuzz-dir", FOLDER, "--target-dir"]);
    command.arg(folder()).env("RUSTC_BOOTSTRAP", "1");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_and_targets_are_read_and_anything_else_is_refused() {
        let parsed = Options::parse(&["--minutes", "7", "redirect"]);
        assert_eq!(parsed, Ok(Options { minutes: 7, targets: vec!["redirect".to_owned()] }));
        assert_eq!(Options::parse(&[]), Ok(Options { minutes: 5, targets: Vec::new() }));
        for wrong in [&["--minutes"][..], &["--minutes", "0"], &["--minutes", "soon"], &["--all"]] {
            assert!(Options::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_last_word_of_libfuzzer_is_told_from_its_others() {
        assert!(is_summary("#81293\tDONE   cov: 345 ft: 812 corp: 99/12Kb lim: 4096 exec/s: 270 rss: 401Mb"));
        assert!(!is_summary("#2\tINITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 31Mb"));
        assert!(!is_summary("Done 81293 runs in 301 second(s)"));
    }

    #[test]
    fn every_target_is_found() {
        assert!(names().unwrap().contains(&"redirect".to_owned()));
    }
}

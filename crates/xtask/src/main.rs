//! The commands of this project. Each installs what it needs and says so.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command-line program")]

mod bench;
mod check;
mod demo;
mod fuzz;
mod gallery;
mod packages;
mod rules;
mod shell;
mod steps;
mod test;
mod ui;
mod windows;

use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  demo [--headless] [--lang en|es] [--dark]
           build Unlatch and open it on the demo tenant; without a display, or with --headless, drive
           the same window in a virtual one and keep a screenshot of each step in target/demo
           (--lang and --dark count for that virtual window)
  test     run every test there is: Rust, UI, keychain, real window
  test --windows
           build the tests of sign-in, keychain, Graph client and engine for Windows and run them in Wine
  screenshots
           take a picture of every view of the UI in both themes and languages into target/screenshots, and
           look for what is wrong with each
  bench [recovery|window]
           measure what is measured, against limits of its own, and write the figures to target/bench;
           the engine takes about ten minutes, the window's released build somewhat longer the first time
  fuzz [--minutes N] [TARGET…]
           let libFuzzer loose on everything that reads what others wrote, five minutes each; fails on a finding
  check    what needs no test run: formatting, lints, types, bindings, the rules of the house

Missing Debian packages are installed with apt-get, missing npm packages with npm install.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended_well = match arguments.as_slice() {
        ["demo", options @ ..] => match demo::Options::parse(options) {
            Ok(options) => demo::run(&options),
            Err(words) => return refuse(&words),
        },
        ["test"] => test::run(),
        ["test", "--windows"] => windows::run(),
        ["screenshots"] => gallery::run(),
        ["bench"] => {
            let recovery = bench::recovery();
            bench::window() && recovery
        }
        ["bench", "recovery"] => bench::recovery(),
        ["bench", "window"] => bench::window(),
        ["fuzz", options @ ..] => match fuzz::Options::parse(options) {
            Ok(options) => fuzz::run(options),
            Err(words) => return refuse(&words),
        },
        ["check"] => check::run(),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            true
        }
        [] => return refuse("a command is missing"),
        other => return refuse(&format!("unknown: {}", other.join(" "))),
    };
    if ended_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn refuse(words: &str) -> ExitCode {
    eprintln!("{words}\n\n{USAGE}");
    ExitCode::from(2)
}

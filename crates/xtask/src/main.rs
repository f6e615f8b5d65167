//! The commands of this project. Each installs what it needs and says so.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command-line program")]

mod bench;
mod bundle;
mod bundle_native;
mod check;
mod clock;
mod commands;
mod contents;
mod demo;
mod dependencies;
mod documents;
mod files;
mod fuzz;
mod gallery;
mod guide;
mod icons;
mod links;
mod native;
mod notices;
mod npm;
mod packages;
mod reproduce;
mod rules;
mod sbom;
mod shell;
mod soak;
mod spelling;
mod steps;
mod tag;
mod test;
mod tools;
mod traces;
mod ui;
mod windows;
mod workflows;

use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  demo [--headless] [--lang en|es] [--dark]
           build Unlatch and open it on the demo tenant; without a display, or with --headless, drive
           the same window in a virtual one and keep a screenshot of each step in target/demo
           (--lang and --dark count for that virtual window)
  screenshots
           take a picture of every view of the UI in both themes and languages into target/screenshots, and
           look for what is wrong with each
  check    what needs no test run: formatting, lints, types, bindings, documents, dependencies, the rules of the house
  documents
           the part of it for documents: spelling and links
  test     run every test there is: Rust, UI, keychain, real window
  test --windows
           build the tests of sign-in, keychain, Graph client, engine and settings for Windows and run
           them in Wine
  test --clock
           run the UI tests, the Rust tests and the checks of the documents as if it were another day in another
           time zone: leap days, New Year's Eve, the nights in which the clock changes; one of them is part of test
  test --native
           on Windows or macOS: lint and test everything but the real window
  fuzz [--minutes N] [TARGET…]
           let libFuzzer loose on everything that reads what others wrote, five minutes each; fails on a finding
  soak [--minutes N]
           work with the window for an hour, or N minutes, against a demo tenant with faults: memory and
           handles have to stay flat, and the journal has to tell what the tenant did; fewer than 20 are too
           few to tell; the figures go to target/soak
  bench [recovery|window]
           measure what is measured, against limits of its own, and write the figures to target/bench;
           the engine takes about ten minutes, the window's released build somewhat longer the first time

  bundle [--test]
           make the .deb and the .rpm in target/bundle from a released build; --test also looks at what is
           in them, and installs, uses, upgrades and removes the .deb in a Debian 12 that has nothing else
  bundle --windows [--test]
           build Unlatch for Windows and an MSI that installs it; with --test, run it in Wine and have it
           installed, upgraded and removed there
  reproduce
           build the packages of this commit twice, in two folders, and compare them; takes half an hour
  sbom     write a bill of materials of the crates and one of the web UI to target/bundle/sbom
  advisories
           look for known faults of the dependencies; fetches the database of advisories and fails without it
  notices  write the licences of everything in Unlatch that others made to ui/public
  icons    draw every size and form of the icon from icons/unlatch.svg
  tag NAME
           whether NAME is the tag to release this version by

Missing Debian packages are installed with apt-get, missing npm packages with npm install, and missing programs of
crates.io with cargo install, below target.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended_well = match arguments.as_slice() {
        ["demo", options @ ..] => match demo::Options::parse(options) {
            Ok(options) => demo::run(&options),
            Err(words) => return refuse(&words),
        },
        ["screenshots"] => gallery::run(),
        ["check"] => check::run(),
        ["documents"] => documents::run(),
        ["test"] => test::run(),
        ["test", "--windows"] => windows::run(),
        ["test", "--clock"] => clock::run(),
        ["test", "--native"] => native::run(),
        ["fuzz", options @ ..] => match fuzz::Options::parse(options) {
            Ok(options) => fuzz::run(options),
            Err(words) => return refuse(&words),
        },
        ["soak", options @ ..] => match soak::minutes(options) {
            Ok(minutes) => soak::run(minutes),
            Err(words) => return refuse(&words),
        },
        ["bench"] => {
            let recovery = bench::recovery();
            bench::window() && recovery
        }
        ["bench", "recovery"] => bench::recovery(),
        ["bench", "window"] => bench::window(),
        ["bundle", "--windows"] => windows::bundle::run(false),
        ["bundle", "--windows", "--test"] => windows::bundle::run(true),
        ["bundle"] if cfg!(any(windows, target_os = "macos")) => bundle_native::run(),
        ["bundle"] => bundle::run(false),
        ["bundle", "--test"] => bundle::run(true),
        ["reproduce"] => reproduce::run(),
        ["sbom"] => sbom::run(),
        ["advisories"] => dependencies::advisories(),
        ["notices"] => notices::run(),
        ["icons"] => icons::run(),
        ["tag", name] => tag::check(name),
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

//! The commands of this project. Each installs what it needs and says so.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command-line program")]

mod bench;
mod bundle;
mod bundle_native;
mod check;
mod commands;
mod contents;
mod demo;
mod dependencies;
mod documents;
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
mod spelling;
mod steps;
mod tag;
mod test;
mod tools;
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
  test     run every test there is: Rust, UI, keychain, real window
  test --windows
           build the tests of sign-in, keychain, Graph client and engine for Windows and run them in Wine
  test --native
           on Windows or macOS: lint and test everything but the real window
  screenshots
           take a picture of every view of the UI in both themes and languages into target/screenshots, and
           look for what is wrong with each
  bench [recovery|window]
           measure what is measured, against limits of its own, and write the figures to target/bench;
           the engine takes about ten minutes, the window's released build somewhat longer the first time
  bundle [--test]
           make the .deb and the .rpm in target/bundle from a released build; --test also looks at what is
           in them, and installs, uses, upgrades and removes the .deb in a Debian 12 that has nothing else
  icons    draw every size and form of the icon from icons/unlatch.svg
  check    what needs no test run: formatting, lints, types, bindings, documents, dependencies, the rules of the house
  documents
           the part of it for documents: spelling and links
  notices  write the licences of everything in Unlatch that others made to ui/public
  reproduce
           build the packages of this commit twice, in two folders, and compare them; takes half an hour
  sbom     write a bill of materials of the crates and one of the web UI to target/bundle/sbom
  advisories
           look for known faults of the dependencies; fetches the database of advisories and fails without it
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
        ["test"] => test::run(),
        ["test", "--windows"] => windows::run(),
        ["test", "--native"] => native::run(),
        ["tag", name] => tag::check(name),
        ["bundle"] if cfg!(any(windows, target_os = "macos")) => bundle_native::run(),
        ["screenshots"] => gallery::run(),
        ["bench"] => {
            let recovery = bench::recovery();
            bench::window() && recovery
        }
        ["bench", "recovery"] => bench::recovery(),
        ["bench", "window"] => bench::window(),
        ["bundle"] => bundle::run(false),
        ["bundle", "--test"] => bundle::run(true),
        ["icons"] => icons::run(),
        ["check"] => check::run(),
        ["documents"] => documents::run(),
        ["notices"] => notices::run(),
        ["reproduce"] => reproduce::run(),
        ["sbom"] => sbom::run(),
        ["advisories"] => dependencies::advisories(),
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

//! `cargo xtask demo`.

use std::path::Path;
use std::process::Command;

use crate::packages::{self, Purpose};
use crate::{shell, ui};

/// All but the program that runs: single packages would be compiled with other features than the tests have.
const BUILD: [&str; 5] = ["build", "--workspace", "--exclude", "xtask", "--bins"];

/// What the demo was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    headless: bool,
    dark: bool,
    language: Option<String>,
}

impl Options {
    /// Reads the words after `demo`.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(arguments: &[&str]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match *argument {
                "--headless" => options.headless = true,
                "--dark" => options.dark = true,
                "--lang" => match arguments.next() {
                    Some(language @ (&"en" | &"es")) => options.language = Some((*language).to_owned()),
                    _ => return Err("--lang takes en or es".to_owned()),
                },
                other => return Err(format!("demo knows no {other}")),
            }
        }
        Ok(options)
    }
}

/// Builds Unlatch and shows it.
pub fn run(options: &Options) -> bool {
    match show(options) {
        Ok(()) => true,
        Err(words) => {
            eprintln!("{words}");
            false
        }
    }
}

fn show(options: &Options) -> Result<(), String> {
    let has_display = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|variable| std::env::var_os(variable).is_some_and(|value| !value.is_empty()));
    let headless = options.headless || !has_display;
    if !has_display {
        println!("There is no display here: the journey runs in a virtual one.");
    }
    packages::install(if headless { Purpose::Headless } else { Purpose::Build })?;
    ui::install()?;
    shell::run(&mut ui::script("build"))?;
    shell::run(&mut shell::cargo(&BUILD))?;
    if headless {
        return shell::run(&mut journey(&shell::built(), options));
    }
    println!("Unlatch opens on the demo tenant. Nothing real is touched.");
    shell::run(shell::program(shell::built().join("unlatch")).arg("--demo"))
}

fn journey(built: &Path, options: &Options) -> Command {
    let mut command = shell::program(built.join("unlatch-journey"));
    if let Some(language) = &options.language {
        command.args(["--lang", language]);
    }
    if options.dark {
        command.arg("--dark");
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let options = Options::parse(&["--headless", "--lang", "es", "--dark"]).unwrap();
        assert_eq!(options, Options { headless: true, dark: true, language: Some("es".to_owned()) });
        assert!(Options::parse(&["--lang"]).is_err());
        assert!(Options::parse(&["--lang", "de"]).is_err());
        assert!(Options::parse(&["--windows"]).is_err());
    }
}

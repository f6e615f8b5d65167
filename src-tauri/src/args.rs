//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

/// What `--help` prints.
pub const USAGE: &str = "\
Unlatch: recover device passcodes with Microsoft Intune

Usage: unlatch [--demo] [--config FILE] [--data-dir DIR] [--allow-root]
       unlatch verify-journal [--demo] [--data-dir DIR]
       unlatch policy [--config FILE]

  --demo           open on the built-in demo tenant; nothing real is touched
  --config FILE    read settings from FILE
  --data-dir DIR   keep the journal and the logs in DIR
  --allow-root     open the window even as root

  verify-journal   say whether the journal is as it was written, and where it
                   first is not; opens no window. Ends with 0 if it is whole,
                   1 if it is not, 2 if it cannot be read
  policy           print the settings in force, each with where it comes from:
                   machine policy, your file or nobody; opens no window. Ends
                   with 0 if all could be read and used, 1 if not

  --version        print the version
  --help           print this text";

/// What the command line asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Args {
    /// Open on the demo tenant.
    pub demo: bool,
    /// The configuration file, if not the usual one.
    pub config: Option<PathBuf>,
    /// Open the window even as root.
    pub allow_root: bool,
    /// The data folder, if not the usual one.
    pub data_dir: Option<PathBuf>,
}

/// A start, or a text to print instead of one.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// Open the window.
    Start(Args),
    /// Look through the journal, say what was found, and end.
    VerifyJournal(Args),
    /// Say what settings are in force and from where, and end.
    Policy(Args),
    /// Print this and end.
    Print(String),
}

/// Reads the arguments that follow the program's name.
///
/// # Errors
/// A text for the person at the terminal when an argument is unknown or lacks its value.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Asked, String> {
    use lexopt::prelude::{Long, Short, Value};

    let mut parser = lexopt::Parser::from_args(arguments);
    let mut args = Args::default();
    let mut asked: Option<fn(Args) -> Asked> = None;
    let wrong = |error: lexopt::Error| format!("{error}\n\n{USAGE}");
    while let Some(argument) = parser.next().map_err(wrong)? {
        match argument {
            Value(word) if word == "verify-journal" && asked.is_none() => asked = Some(Asked::VerifyJournal),
            Value(word) if word == "policy" && asked.is_none() => asked = Some(Asked::Policy),
            Long("demo") => args.demo = true,
            Long("allow-root") => args.allow_root = true,
            Long("config") => args.config = Some(parser.value().map_err(wrong)?.into()),
            Long("data-dir") => args.data_dir = Some(parser.value().map_err(wrong)?.into()),
            Long("version") | Short('V') => {
                return Ok(Asked::Print(format!("unlatch {}", env!("CARGO_PKG_VERSION"))));
            }
            Long("help") | Short('h') => return Ok(Asked::Print(USAGE.to_owned())),
            other => return Err(wrong(other.unexpected())),
        }
    }
    Ok(asked.unwrap_or(Asked::Start)(args))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Asked, String> {
        parse(arguments.iter().map(OsString::from))
    }

    #[test]
    fn every_flag_is_understood() {
        let asked = parsed(&["--demo", "--config", "a.toml", "--data-dir=b", "--allow-root"]).unwrap();
        let (config, data_dir) = (Some(PathBuf::from("a.toml")), Some(PathBuf::from("b")));
        assert_eq!(asked, Asked::Start(Args { demo: true, config, data_dir, allow_root: true }));
    }

    #[test]
    fn the_journal_is_looked_through_where_it_lies() {
        let args = Args { data_dir: Some(PathBuf::from("b")), ..Args::default() };
        assert_eq!(parsed(&["verify-journal", "--data-dir", "b"]), Ok(Asked::VerifyJournal(args)));
        assert_eq!(parsed(&["policy"]), Ok(Asked::Policy(Args::default())));
    }

    #[test]
    fn an_unknown_flag_or_a_missing_value_is_refused_with_the_usage() {
        for wrong in [&["--dmeo"][..], &["--config"], &["stray"], &["verify-journal", "policy"]] {
            let text = parsed(wrong).unwrap_err();
            assert!(text.contains("Usage: unlatch"), "{text}");
        }
    }

    #[test]
    fn the_manual_pages_name_every_flag_and_command() {
        let flags = USAGE.split(|letter: char| letter.is_whitespace() || "[]|,".contains(letter));
        let flags = flags.filter(|word| word.starts_with("--"));
        let commands = USAGE.lines().filter_map(|line| line.split_once("unlatch ")?.1.split(' ').next());
        let commands = commands.filter(|word| word.starts_with(|letter: char| letter.is_ascii_lowercase()));
        let named: Vec<&str> = flags.chain(commands).collect();
        assert!(named.contains(&"--demo") && named.contains(&"verify-journal"), "{named:?}");
        for page in [
            include_str!("../../packaging/linux/unlatch.1"),
            include_str!("../../packaging/linux/unlatch.es.1"),
        ] {
            for name in &named {
                assert!(page.contains(&name.replace('-', r"\-")), "{name}");
            }
        }
    }
}

//! What is said to the terminal, without a window.

use std::io::Write as _;
use std::process::ExitCode;

use unlatch_recovery::{Break, BreakKind, Journal, Verified};
use unlatch_settings::{KEYS, Origin, Problem, Settings, load};

use crate::args::Args;
use crate::start::{NO_FOLDER, data_folder, sources};
use crate::tenancies;

/// Says what settings are in force and from where. 0 if both places could be read and used, 1 if not.
pub fn policy(args: &Args) -> ExitCode {
    let Some(folder) = data_folder(args) else { return fail(NO_FOLDER) };
    let sources = sources(args, &folder);
    let (settings, problems) = load(&sources);
    let policy = sources.policy.map_or_else(|| "none on this system".to_owned(), |policy| policy.place());
    say(&format!("policy     {policy}\nuser file  {}\n", sources.user.display()));
    say(&in_force(&settings, &problems));
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One line a key: its value, as it would be written in a file, and where that comes from. Then what is wrong.
fn in_force(settings: &Settings, problems: &[Problem]) -> String {
    let line = |key: &unlatch_settings::Key| {
        let value = settings.value(key.name).map_or_else(|| "-".to_owned(), |value| value.to_string());
        let origin = match settings.origin(key.name) {
            Origin::Policy => "policy",
            Origin::User => "user file",
            Origin::Default => "default",
        };
        format!("{:<18} {:<9}  {value}", key.name, origin)
    };
    let mut lines: Vec<String> = KEYS.iter().map(line).collect();
    for Problem { place, key, reason } in problems {
        let key = key.as_ref().map(|key| format!("{key}: ")).unwrap_or_default();
        lines.push(format!("\nwrong in {place}\n  {key}{reason}"));
    }
    if settings.policy_broken {
        lines.push(
            "\nNo tenant can be used until policy is mended, as what it forbids is not known.".to_owned(),
        );
    }
    lines.join("\n")
}

/// Says whether the journal of each tenant is as it was written. 0 if all are, 1 if one is not, 2 if one cannot be read.
pub fn verify_journal(args: &Args) -> ExitCode {
    let Some(folder) = data_folder(args) else { return fail(NO_FOLDER) };
    let folders = if args.demo {
        // Of a tenant's folder without a journal somebody may have taken it away; the demo tenant's comes with the first run.
        let demo = tenancies::demo_folder(&folder);
        if Journal::is_in(&demo) { vec![demo] } else { Vec::new() }
    } else {
        tenancies::journal_folders(&folder)
    };
    if folders.is_empty() {
        return fail(&format!("{}: there is no journal yet", folder.display()));
    }
    let mut whole = true;
    for folder in &folders {
        say(&format!("journal  {}", folder.display()));
        match Journal::verify_in(folder) {
            Ok(verified) => whole &= say_verified(verified),
            Err(error) => return fail(&error.to_string()),
        }
    }
    if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Says what was found in one journal, and gives whether it is whole.
fn say_verified(Verified { entries, head, broken, .. }: Verified) -> bool {
    if let Some(head) = head {
        say(&format!("entries  {entries}\nnewest   {head}"));
    } else {
        say("entries  0");
    }
    let Some(Break { seq, run, what }) = broken else {
        say("The journal is whole: nothing was changed, taken out or put in.");
        return true;
    };
    let what = match what {
        BreakKind::Changed => "the entry, or the order of the entries, was changed",
        BreakKind::Missing => "the entry is not there any more",
        BreakKind::Header => "what was confirmed for the run was changed: who, why, or which devices",
    };
    let run = run.map(|run| format!(", of run {run}")).unwrap_or_default();
    say(&format!(
        "The journal is not whole. It breaks at entry {seq}{run}: {what}. Whatever comes after it proves nothing."
    ));
    false
}

/// Says why nothing was done. Gives 2.
pub fn fail(text: &str) -> ExitCode {
    // Who closed the terminal reads no more, as with `| head`.
    let _ = writeln!(std::io::stderr(), "unlatch: {text}");
    ExitCode::from(2)
}

/// Says something on the terminal.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_named_with_its_value_and_where_it_comes_from() {
        let (settings, problems) =
            unlatch_settings::load_text("export = false\nmax_run_size = 0", "language = \"es\"");
        let text = in_force(&settings, &problems);
        let line = |key: &str| {
            text.lines().find(|line| line.starts_with(key)).unwrap().split_whitespace().collect::<Vec<_>>()
        };
        assert_eq!(line("export"), ["export", "policy", "false"]);
        assert_eq!(line("language"), ["language", "user", "file", "\"es\""]);
        assert_eq!(line("countdown"), ["countdown", "default", "5"]);
        assert_eq!(line("tenant "), ["tenant", "default", "-"]);
        assert!(text.contains("wrong in policy\n  max_run_size: must be"), "{text}");
        assert!(text.contains("No tenant can be used"), "{text}");
    }
}

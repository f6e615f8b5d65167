//! What is said to the terminal, without a window.

use std::io::Write as _;
use std::process::ExitCode;

use unlatch_recovery::{Break, BreakKind, Journal, Verified, WentBack};
use unlatch_settings::{KEYS, Origin, Problem, Settings, load};

use crate::args::Args;
use crate::start::{NO_FOLDER, data_folder, marks_folder, sources};
use crate::tenancies;

/// Says what settings are in force and from where. 0 if both places could be read and used, 1 if not.
pub fn policy(args: &Args) -> ExitCode {
    let Some(folder) = data_folder(args) else { return fail(NO_FOLDER) };
    let sources = sources(args, &folder);
    let (settings, problems) = load(&sources);
    let policy = sources.policy.map_or_else(|| "none on this system".to_owned(), |policy| policy.place());
    say(&format!("policy     {policy}\nuser file  {}\n", sources.user.display()));
    say(&in_force(&settings, &problems, &sources.user.display().to_string()));
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Returns one line a key: its value, as it would be written in a file, and where that comes from. Then what has no force in the user's
/// file, and what is wrong.
fn in_force(settings: &Settings, problems: &[Problem], user: &str) -> String {
    let line = |key: &unlatch_settings::Key| {
        let value = settings.value(key.name).map_or_else(|| "-".to_owned(), |value| value.to_string());
        let origin = match settings.origin(key.name) {
            Origin::Policy => "policy",
            Origin::User => "user file",
            // Policy leaves it at that, as the user's file has no say in it.
            Origin::Default if settings.is_locked(key.name) => "policy",
            Origin::Default => "default",
        };
        format!("{:<18} {:<9}  {value}", key.name, origin)
    };
    let mut lines: Vec<String> = KEYS.iter().map(line).collect();
    if !settings.ignored.is_empty() {
        lines.push(format!("\nwithout force in {user}"));
    }
    for key in &settings.ignored {
        lines.push(format!("  {key}: policy sets {}", settings.overriding(key).join(", ")));
    }
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
        let marks = marks_folder(args).filter(|_| !args.demo);
        match Journal::verify_against(folder, marks.map(|marks| tenancies::mark_of(&marks, folder))) {
            Ok(verified) => whole &= say_verified(&verified),
            Err(error) => return fail(&error.to_string()),
        }
    }
    if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Says what was found in one journal, and gives whether it is whole.
fn say_verified(verified: &Verified) -> bool {
    say(&found(verified));
    verified.is_whole()
}

/// What was found in one journal, a line each.
fn found(verified: &Verified) -> String {
    let Verified { entries, head, broken, losses, behind } = verified;
    let mut lines = vec![format!("entries  {entries}")];
    lines.extend(head.map(|head| format!("newest   {head}")));
    lines.extend(losses.iter().map(lost));
    if let Some(known) = behind {
        lines.push(format!(
            "The file does not hold entry {} ({}), which this computer had written: it was restored from a copy, or entries were \
             taken out. Unlatch asks about it when it is started, before anything is resumed.",
            known.seq, known.hash
        ));
    }
    if let Some(Break { seq, run, what }) = broken {
        let what = match what {
            BreakKind::Changed => "the entry, or the order of the entries, was changed",
            BreakKind::Missing => "the entry is not there any more",
            BreakKind::Header => "what was confirmed for the run was changed: who, why, or which devices",
        };
        let run = run.map(|run| format!(", of run {run}")).unwrap_or_default();
        lines.push(format!(
            "The journal is not whole. It breaks at entry {seq}{run}: {what}. Whatever comes after it proves nothing."
        ));
    } else if verified.is_whole() {
        lines.push("The journal is whole: nothing was changed, taken out or put in.".to_owned());
    } else {
        lines.push("The journal is not whole. What is there is as it was written.".to_owned());
    }
    lines.join("\n")
}

fn lost(loss: &WentBack) -> String {
    let at = crate::convert::moment(loss.at);
    match loss.missing() {
        Some((first, last)) => format!(
            "Entries {first} to {last} are lost. The file was found without them at {at}: it was restored from a copy, or they were \
             taken out."
        ),
        None => format!(
            "Entries up to {} are lost. At {at} others were found in their place: another copy of the journal had gone on.",
            loss.known.seq
        ),
    }
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
    use unlatch_recovery::{ChainHash, ChainHead};

    use super::*;

    #[test]
    fn each_key_is_named_with_its_value_and_where_it_comes_from() {
        let (settings, problems) =
            unlatch_settings::load_text("export = false\nmax_run_size = 0", "language = \"es\"");
        let text = in_force(&settings, &problems, "config");
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

    #[test]
    fn what_has_no_force_in_the_users_file_is_named_with_the_key_that_takes_it() {
        const ID: &str = "11111111-2222-3333-4444-555555555555";
        let policy = format!("[[tenants]]\ntenant = \"ours.example\"\nclient_id = \"{ID}\"");
        let user = format!("tenant = \"mine.example\"\nclient_id = \"{ID}\"\nlanguage = \"es\"");
        let (settings, problems) = unlatch_settings::load_text(&policy, &user);
        let text = in_force(&settings, &problems, "/home/alma/config.toml");
        let ignored = "\nwithout force in /home/alma/config.toml\n  client_id: policy sets tenants\n  tenant: policy sets tenants";
        assert!(text.ends_with(ignored), "{text}");
        let tenant = text.lines().find(|line| line.starts_with("tenant ")).unwrap();
        assert_eq!(tenant.split_whitespace().collect::<Vec<_>>(), ["tenant", "policy", "-"]);
    }

    #[test]
    fn a_check_says_what_is_lost_and_calls_the_journal_whole_only_if_nothing_is() {
        let head = |seq| ChainHead { seq, hash: ChainHash([0xab; 32]) };
        let whole =
            Verified { entries: 9, head: Some(head(9).hash), broken: None, losses: Vec::new(), behind: None };
        let text = found(&whole);
        assert!(text.starts_with("entries  9\nnewest   abab"), "{text}");
        assert!(text.ends_with("The journal is whole: nothing was changed, taken out or put in."), "{text}");
        let loss = WentBack {
            entry: 13,
            at: time::OffsetDateTime::UNIX_EPOCH,
            known: head(12),
            found: Some(head(8)),
        };
        let text = found(&Verified { losses: vec![loss], ..whole });
        assert!(
            text.contains("Entries 9 to 12 are lost.") && text.contains("1970-01-01T00:00:00Z"),
            "{text}"
        );
        assert!(text.ends_with("The journal is not whole. What is there is as it was written."), "{text}");
        let other = WentBack { found: Some(head(40)), ..loss };
        let text = found(&Verified { losses: vec![other], ..whole });
        assert!(text.contains("Entries up to 12 are lost."), "{text}");
        let text = found(&Verified { behind: Some(head(12)), ..whole });
        assert!(
            text.contains("does not hold entry 12 (abab") && !text.contains("journal is whole"),
            "{text}"
        );
    }
}

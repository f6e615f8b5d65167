//! Whatever documents and workflows have somebody run with `cargo xtask` is a command there is.

/// The commands in a document or workflow that `usage` does not know, or nothing for another file.
pub fn breaches(name: &str, text: &str, usage: &str) -> Vec<String> {
    let kinds = [".md", ".yml"];
    if !kinds.iter().any(|kind| name.ends_with(kind)) {
        return Vec::new();
    }
    let lines = text.lines().enumerate();
    let named = lines.flat_map(|(index, line)| {
        line.split("cargo xtask ").skip(1).map(move |rest| (index + 1, command(rest)))
    });
    named
        .filter(|(_, words)| !is_known(words, usage))
        .map(|(line, words)| format!("{name}:{line} has somebody run cargo xtask {}", words.join(" ")))
        .collect()
}

/// The command's name and its flags, as far as the command goes.
fn command(text: &str) -> Vec<&str> {
    let end = text.find(|letter: char| "`'\"|;,.:()".contains(letter)).unwrap_or(text.len());
    let mut words = text[..end].split_whitespace();
    let name = words.next();
    name.into_iter().chain(words.take_while(|word| word.starts_with("--"))).collect()
}

/// Each command begins a line of the usage, two spaces in.
fn is_known(words: &[&str], usage: &str) -> bool {
    let Some((name, flags)) = words.split_first() else { return true };
    let has_line = |line: &str| line.strip_prefix("  ").and_then(|rest| rest.split(' ').next()) == Some(name);
    let named = usage.lines().any(has_line) || *name == "help";
    named && flags.iter().all(|flag| usage.contains(flag))
}

#[cfg(test)]
mod tests {
    use super::*;

    const USAGE: &str =
        "Usage:\n\n  demo [--headless]\n           opens it\n  test     runs\n  test --windows";

    fn unknown(text: &str) -> Vec<String> {
        breaches("docs/a.md", text, USAGE)
    }

    #[test]
    fn a_command_or_flag_that_nobody_knows_is_a_breach() {
        assert_eq!(unknown("    cargo xtask deploy"), ["docs/a.md:1 has somebody run cargo xtask deploy"]);
        assert_eq!(
            unknown("x\nRun `cargo xtask test --mac`, then rest."),
            ["docs/a.md:2 has somebody run cargo xtask test --mac"]
        );
        assert_eq!(unknown("cargo xtask opens").len(), 1, "a word of the explanations is no command");
    }

    #[test]
    fn commands_that_are_there_are_none_wherever_they_stand() {
        let text = "`cargo xtask demo --headless`, `cargo xtask test --windows` (in Wine); `cargo xtask help`\n\
                    run: cargo xtask test\nWorkflows call `cargo xtask` alone.";
        assert_eq!(unknown(text), Vec::<String>::new());
        assert_eq!(breaches("a.rs", "cargo xtask deploy", USAGE), Vec::<String>::new());
    }
}

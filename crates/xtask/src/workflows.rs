//! What every workflow on GitHub keeps to: nothing that somebody else can change after it was looked at, and no right that is not named.

/// Every breach in a workflow, or nothing for another file.
pub fn breaches(name: &str, text: &str) -> Vec<String> {
    if !name.starts_with(".github/workflows/") {
        return Vec::new();
    }
    let mut breaches = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut breach = |words: &str| breaches.push(format!("{name}:{}: {words}", index + 1));
        if let Some(action) = value(line, "uses:")
            && !is_pinned(action)
        {
            breach("an action is named by its whole commit hash, with the version in a comment");
        }
        if let Some(image) = value(line, "image:").or_else(|| value(line, "container:"))
            && !image.is_empty()
            && !has_digits(image.split_once("@sha256:").map_or("", |(_, digest)| digest), 64)
        {
            breach("an image is named by its digest");
        }
        if line.contains("pull_request_target") {
            breach("pull_request_target gives secrets to code that nobody has looked at");
        }
    }
    if !text.lines().any(|line| line.trim_end() == "permissions: {}") {
        breaches.push(format!(
            "{name} does not begin with `permissions: {{}}`: each job names the rights it needs"
        ));
    }
    breaches
}

/// What follows a key, in a mapping or in the first line of a list's entry.
fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let line = line.trim_start();
    line.strip_prefix("- ").unwrap_or(line).strip_prefix(key).map(str::trim)
}

/// A commit, and beside it the version it is, which Dependabot reads and writes.
fn is_pinned(action: &str) -> bool {
    let Some((_, revision)) = action.split_once('@') else { return false };
    let Some((commit, comment)) = revision.split_once(" # v") else { return false };
    has_digits(commit, 40) && comment.starts_with(|first: char| first.is_ascii_digit())
}

fn has_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn count(lines: &str) -> usize {
        breaches(".github/workflows/a.yml", &format!("on: push\npermissions: {{}}\n{lines}\n")).len()
    }

    #[test]
    fn an_action_is_named_by_its_commit_and_its_version() {
        assert_eq!(count(&format!("      - uses: actions/checkout@{COMMIT} # v7.0.1")), 0);
        assert_eq!(count(&format!("        uses: actions/checkout@{COMMIT} # v7")), 0);
        for wrong in [
            "actions/checkout@v7".to_owned(),
            "actions/checkout".to_owned(),
            format!("actions/checkout@{COMMIT}"),
            format!("actions/checkout@{} # v7.0.1", &COMMIT[1..]),
            format!("actions/checkout@{} # v7.0.1", COMMIT.replace('a', "g")),
        ] {
            assert_eq!(count(&format!("      - uses: {wrong}")), 1, "{wrong}");
        }
    }

    #[test]
    fn an_image_is_named_by_its_digest() {
        assert_eq!(count("    container: debian:12"), 1);
        assert_eq!(count("    container:\n      image: debian:12"), 1);
        assert_eq!(count(&format!("    container:\n      image: debian:12@sha256:{}", "a".repeat(64))), 0);
    }

    #[test]
    fn a_workflow_without_rights_of_its_own_and_one_for_strangers_are_breaches() {
        assert_eq!(breaches(".github/workflows/a.yml", "on: push\n").len(), 1);
        assert_eq!(
            breaches(".github/workflows/a.yml", "on: push\njobs:\n  a:\n    permissions: {}\n").len(),
            1
        );
        assert_eq!(count("on: pull_request_target"), 1);
        assert_eq!(breaches("docs/a.md", "uses: actions/checkout@v7"), Vec::<String>::new());
    }
}

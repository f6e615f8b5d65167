//! What changed, from `CHANGELOG.md`, as each kind of package wants to have it.

use super::{Bundle, MAINTAINER, dated};
use crate::{files, shell};

/// How wide a line of Debian's may be.
const WIDTH: usize = 78;

/// One version and what changed with it.
#[derive(Debug, PartialEq, Eq)]
struct Release {
    version: String,
    /// As `2026-01-31`.
    date: String,
    items: Vec<String>,
}

/// As Debian's changelogs are.
pub fn debian(bundle: &Bundle) -> Result<String, String> {
    let mut text = String::new();
    for release in releases(bundle)? {
        text += &format!("unlatch ({}) unstable; urgency=medium\n\n", release.version);
        for item in &release.items {
            text += &format!("  * {}\n", wrapped(item, WIDTH - 4).join("\n    "));
        }
        let day = format!("{} 12:00:00 +0000", reworded(&release.date, "%a, %d %b %Y")?);
        text += &format!("\n -- {MAINTAINER}  {day}\n\n");
    }
    Ok(text.trim_end().to_owned() + "\n")
}

/// As the changelog of an RPM specification is.
pub fn rpm(bundle: &Bundle) -> Result<String, String> {
    let mut text = String::new();
    for release in releases(bundle)? {
        let day = reworded(&release.date, "%a %b %d %Y")?;
        text += &format!("* {day} {MAINTAINER} - {}-1\n", release.version);
        for item in &release.items {
            text += &format!("- {}\n", wrapped(item, WIDTH - 2).join("\n  ").replace('%', "%%"));
        }
        text.push('\n');
    }
    Ok(text.trim_end().to_owned())
}

/// As AppStream names releases.
pub fn appstream(bundle: &Bundle) -> Result<String, String> {
    let line = |release: &Release| {
        format!("    <release version=\"{}\" date=\"{}\" />", release.version, release.date)
    };
    Ok(releases(bundle)?.iter().map(line).collect::<Vec<_>>().join("\n"))
}

fn releases(bundle: &Bundle) -> Result<Vec<Release>, String> {
    let today = dated(bundle.time, "%Y-%m-%d")?;
    let releases = parsed(&files::read_text(&shell::root().join("CHANGELOG.md"))?, &bundle.version, &today)?;
    if releases.iter().all(|release| release.items.is_empty()) {
        return Err("CHANGELOG.md names no change".to_owned());
    }
    Ok(releases)
}

/// What is not released yet is the version that is being packed, unless the file knows that version already.
fn parsed(text: &str, version: &str, today: &str) -> Result<Vec<Release>, String> {
    let mut releases: Vec<Release> = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            let mut words = heading.split(|letter: char| letter.is_whitespace() || "[]()".contains(letter));
            let name = words.find(|word| !word.is_empty()).unwrap_or_default();
            let unreleased = name.eq_ignore_ascii_case("unreleased");
            let date = words.find(|word| is_date(word)).or(unreleased.then_some(today));
            releases.push(Release {
                version: if unreleased { version } else { name }.to_owned(),
                date: date.ok_or_else(|| format!("CHANGELOG.md has no date for {name}"))?.to_owned(),
                items: Vec::new(),
            });
        } else if let Some(release) = releases.last_mut() {
            if let Some(item) = line.strip_prefix("- ") {
                release.items.push(item.trim().to_owned());
            } else if let (true, Some(item)) = (line.starts_with("  "), release.items.last_mut()) {
                *item = format!("{item} {}", line.trim());
            }
        }
    }
    if releases.iter().filter(|release| release.version == version).count() > 1 {
        releases.remove(0);
    }
    Ok(releases)
}

fn is_date(word: &str) -> bool {
    let parts: Vec<usize> = word.split('-').map(str::len).collect();
    parts == [4, 2, 2] && word.chars().all(|letter| letter.is_ascii_digit() || letter == '-')
}

/// A date as `2026-01-31` in another format of `date`.
fn reworded(date: &str, format: &str) -> Result<String, String> {
    let mut command = shell::program("date");
    command.env("LC_ALL", "C.UTF-8").args(["--utc", &format!("--date={date}"), &format!("+{format}")]);
    Ok(shell::output(&mut command)?.trim().to_owned())
}

/// A text in lines of at most that many characters, if its words allow it.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                *line = format!("{line} {word}");
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# Changelog\n\n## Unreleased\n\n- New\n  and longer.\n\n## [0.1.0] - 2026-01-31\n\n- First.\n";

    fn release(version: &str, date: &str, item: &str) -> Release {
        Release { version: version.to_owned(), date: date.to_owned(), items: vec![item.to_owned()] }
    }

    #[test]
    fn what_is_unreleased_is_the_version_that_is_packed_unless_that_is_there() {
        let first = || release("0.1.0", "2026-01-31", "First.");
        let releases = parsed(TEXT, "0.2.0", "2026-03-01").unwrap();
        assert_eq!(releases, [release("0.2.0", "2026-03-01", "New and longer."), first()]);
        assert_eq!(parsed(TEXT, "0.1.0", "2026-03-01").unwrap(), [first()]);
    }

    #[test]
    fn a_release_without_a_date_is_refused() {
        assert!(parsed("## 0.1.0\n\n- First.\n", "0.1.0", "2026-01-01").is_err());
    }

    #[test]
    fn long_lines_are_broken_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("unbreakable", 3), ["unbreakable"]);
    }
}

//! `cargo xtask tag`: whether a tag is the one to release this version by.

use std::fs;

use crate::shell;

/// The version of the whole workspace.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Says what stands against a release under that tag, if anything does.
pub fn check(tag: &str) -> bool {
    let changes = fs::read_to_string(shell::root().join("CHANGELOG.md")).unwrap_or_default();
    let fits = fits(tag, VERSION, &changes);
    match &fits {
        Ok(()) => println!("{tag} is the tag of version {VERSION}, and CHANGELOG.md has its changes."),
        Err(words) => println!("{words}"),
    }
    fits.is_ok()
}

fn fits(tag: &str, version: &str, changes: &str) -> Result<(), String> {
    if tag.strip_prefix('v') != Some(version) {
        return Err(format!("the tag {tag} is not that of version {version}, which is v{version}"));
    }
    let mut headings = changes.lines().filter_map(|line| line.strip_prefix("## "));
    let is_this = |heading: &str| {
        heading
            .split(|letter: char| letter.is_whitespace() || "[]".contains(letter))
            .any(|word| word == version)
    };
    if headings.any(is_this) { Ok(()) } else { Err(format!("CHANGELOG.md has no heading for {version}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGES: &str = "# Changelog\n\n## Unreleased\n\n- b\n\n## 0.1.0 - 2026-12-01\n\n- a\n";

    #[test]
    fn a_tag_fits_the_version_whose_changes_are_written_down() {
        assert_eq!(fits("v0.1.0", "0.1.0", CHANGES), Ok(()));
        assert_eq!(fits("v0.1.0", "0.1.0", "## [0.1.0] - 2026-12-01"), Ok(()));
        for (tag, version) in [("0.1.0", "0.1.0"), ("v0.2.0", "0.1.0"), ("v0.2.0", "0.2.0"), ("v", "0.1.0")] {
            assert!(fits(tag, version, CHANGES).is_err(), "{tag} {version}");
        }
    }
}

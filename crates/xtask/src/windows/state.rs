//! What there is on a Windows: its files, and its registry as Wine keeps it.

use std::collections::BTreeSet;
use std::path::Path;

use super::wine::Wine;
use crate::files;

/// Files with their sizes, and keys of the registry with their values, one a line each.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct State(BTreeSet<String>);

/// What Wine itself notes about the computer under it whenever it likes.
const NOTED: [&str; 4] = [
    "HKLM\\System\\CurrentControlSet\\",
    "HKLM\\Software\\Microsoft\\Windows NT\\CurrentVersion\\",
    "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Fonts",
    "HKCU\\Software\\Wine\\",
];

impl State {
    /// Of now. Waits until nothing runs any more, as the registry is written then.
    ///
    /// # Errors
    /// In words.
    pub fn of(wine: &Wine) -> Result<Self, String> {
        wine.wait()?;
        let mut lines = BTreeSet::new();
        lie_in(&wine.on_c(""), "C:", &mut lines)?;
        for (file, root) in [("system.reg", "HKLM"), ("user.reg", "HKCU")] {
            let path = wine.prefix().join(file);
            let bytes = files::read(&path)?;
            lines.extend(registry(&String::from_utf8_lossy(&bytes), root));
        }
        Ok(Self(lines))
    }

    /// What is here and was not there, in order.
    pub fn since(&self, earlier: &Self) -> Vec<&str> {
        self.0.iter().filter(|line| !earlier.0.contains(*line)).map(String::as_str).collect()
    }

    /// The lines that begin so, without that beginning, in order.
    pub fn below<'a>(&'a self, beginning: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter_map(move |line| line.strip_prefix(beginning)).filter(|rest| !rest.is_empty())
    }

    /// Whether one line holds all of `parts`.
    pub fn has(&self, parts: &[&str]) -> bool {
        self.0.iter().any(|line| parts.iter().all(|part| line.contains(part)))
    }
}

fn lie_in(folder: &Path, name: &str, lines: &mut BTreeSet<String>) -> Result<(), String> {
    for path in files::in_folder(folder)? {
        let name = format!("{name}\\{}", path.file_name().unwrap_or_default().to_string_lossy());
        let about = path.symlink_metadata().map_err(files::named(&path))?;
        if about.is_dir() {
            lines.insert(format!("{name}\\"));
            lie_in(&path, &name, lines)?;
        } else {
            lines.insert(format!("{name} {}", about.len()));
        }
    }
    Ok(())
}

/// The keys and values of a registry file: `[key] time`, then `"name"=value`, of which bytes go on after a `,\`.
fn registry(text: &str, root: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut key = String::new();
    let mut value = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix('[').filter(|_| value.is_empty()) {
            let name = rest.rsplit_once(']').map_or(rest, |(name, _)| name).replace("\\\\", "\\");
            key = format!("{root}\\{name}");
            // A key that has others below it need not have a line of its own.
            lines.extend(key.match_indices('\\').map(|(end, _)| key[..end].to_owned()));
            lines.push(key.clone());
        } else if !key.is_empty() && !line.is_empty() && (!line.starts_with('#') || !value.is_empty()) {
            value.push_str(line.trim_start());
            if value.ends_with(",\\") {
                value.pop();
            } else {
                lines.push(format!("{key} {}", std::mem::take(&mut value)));
            }
        }
    }
    lines.retain(|line| !NOTED.iter().any(|noted| line.starts_with(noted)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_read_without_times_and_wines_own_notes() {
        let text = "WINE REGISTRY Version 2\n;; All keys relative to \\\\Machine\n\n#arch=win64\n\n\
            [Software\\\\Unlatch] 1700000000\n#time=1da21\n@=\"x\"\n\"a\"=hex:01,\\\n  02\n\n\
            [Software\\\\Microsoft\\\\Windows\\\\CurrentVersion\\\\Fonts] 1\n\"b\"=\"c\"\n";
        assert_eq!(
            registry(text, "HKLM")[..5],
            [
                "HKLM",
                "HKLM\\Software",
                "HKLM\\Software\\Unlatch",
                "HKLM\\Software\\Unlatch @=\"x\"",
                "HKLM\\Software\\Unlatch \"a\"=hex:01,02"
            ]
        );
    }

    #[test]
    fn a_difference_is_what_came_or_has_another_size() {
        let state = |lines: &[&str]| State(lines.iter().map(|line| (*line).to_owned()).collect());
        let (before, after) = (state(&["C:\\a 1", "C:\\b 1"]), state(&["C:\\a 1", "C:\\b 2", "C:\\c 1"]));
        assert_eq!(after.since(&before), ["C:\\b 2", "C:\\c 1"]);
        assert!(after.has(&["\\c", "1"]) && !before.has(&["\\c"]));
    }
}

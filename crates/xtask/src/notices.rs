//! The licences of everything in Unlatch that others made: `cargo xtask notices`, and the check that they are up to date.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::contents::{self, Package};
use crate::steps::Steps;
use crate::ui;
use crate::{files, shell};

/// Where they are kept: Vite takes the file into the built UI, and Tauri that into the program.
const FILE: &str = "ui/public/third-party-notices.txt";

/// Stands between two licences. The window cuts the text here.
const RULE: &str = "--------------------------------------------------------------------------------";

/// Texts for packages that come without them.
const STANDARD: [(&str, &str); 6] = [
    ("Apache-2.0", "LICENSE-APACHE"),
    ("MIT", "crates/xtask/licences/MIT.txt"),
    ("BSD-2-Clause", "crates/xtask/licences/BSD-2-Clause.txt"),
    ("BSD-3-Clause", "crates/xtask/licences/BSD-3-Clause.txt"),
    ("BSL-1.0", "crates/xtask/licences/BSL-1.0.txt"),
    ("MPL-2.0", "crates/xtask/licences/MPL-2.0.txt"),
];

/// What lies in a package under a licence that it does not carry.
const WITHIN: [(&str, &str); 1] = [("webview2-com-sys", "crates/xtask/licences/WebView2-loader.txt")];

/// A longer text holds several licences, each with the lines it belongs to.
const ONE_LICENCE: usize = 4_000;

/// Makes them anew.
pub fn run() -> bool {
    let mut steps = Steps::default();
    steps.take("npm packages", &[], ui::install);
    steps.take("third-party notices", &["npm packages"], || {
        let path = shell::root().join(FILE);
        fs::write(&path, made()?).map_err(|error| format!("{FILE}: {error}"))
    });
    steps.conclude()
}

/// Compares the file with what would be made now.
///
/// # Errors
/// When they differ, or nothing can be made.
pub fn check() -> Result<(), String> {
    let kept = fs::read_to_string(shell::root().join(FILE)).unwrap_or_default();
    if kept == made()? {
        println!("{FILE} is what the packages say.");
        return Ok(());
    }
    Err(format!("{FILE} is out of date; `cargo xtask notices` makes it anew"))
}

/// A licence, and who holds which rights under it: by package, the lines that say so.
#[derive(Debug, Default)]
struct Licence {
    text: String,
    used_by: BTreeMap<String, Vec<String>>,
}

fn made() -> Result<String, String> {
    let mut packages = contents::crates(&contents::TARGETS)?;
    // What lies in this repository is no third party's.
    packages.retain(|package| package.sum.is_some());
    packages.extend(contents::bundled()?);
    packages.sort();
    let mut licences: BTreeMap<String, Licence> = BTreeMap::new();
    for package in &packages {
        for (text, holders) in texts(package)? {
            let licence = licences.entry(essence(&text)).or_default();
            if licence.text.is_empty() {
                licence.text = text;
            }
            licence
                .used_by
                .entry(format!("{} {}", package.name, package.version))
                .or_default()
                .extend(holders);
        }
    }
    Ok(written(&packages, licences.into_values().collect()))
}

fn written(packages: &[Package], mut licences: Vec<Licence>) -> String {
    let mut all = String::from(
        "Unlatch holds these packages, which others made and gave away under the licences named here.\n\
         The licences follow, each once. Not every package is part of Unlatch on every system.\n\
         Their source is at crates.io, or for those of the web UI at npm, under these names and versions.\n\n",
    );
    for package in packages {
        let _ = writeln!(all, "{} {}: {}", package.name, package.version, package.licence);
    }
    // What most packages have comes first.
    licences.sort_by(|a, b| b.used_by.len().cmp(&a.used_by.len()).then_with(|| a.text.cmp(&b.text)));
    for licence in licences {
        let _ = writeln!(all, "\n{RULE}\n");
        for (package, mut holders) in licence.used_by {
            holders.dedup();
            let _ = writeln!(all, "{package}");
            for holder in holders {
                let _ = writeln!(all, "    {holder}");
            }
        }
        let _ = writeln!(all, "\n{}", licence.text);
    }
    all
}

/// The licences in a package, or the usual text of the one it states, each with the lines that say who holds the rights.
fn texts(package: &Package) -> Result<Vec<(String, Vec<String>)>, String> {
    let mut files = Vec::new();
    for path in files::in_folder(&package.folder)?.into_iter().filter(|path| is_licence(path)) {
        if path.is_dir() { files.extend(files::below(&path)?) } else { files.push(path) }
    }
    let stated = package.licence_file.as_ref().map(|file| package.folder.join(file));
    files.extend(stated.filter(|file| !files.contains(file)));
    files.sort();
    let usual = if files.is_empty() { Some(usual(package)?) } else { None };
    let within = WITHIN.iter().filter(|(name, _)| *name == package.name);
    files.extend(within.map(|(_, file)| shell::root().join(file)));
    let found: Result<Vec<_>, String> = files.iter().map(|file| Ok(parted(&read(file)?))).collect();
    Ok(usual.into_iter().chain(found?).collect())
}

fn read(path: &Path) -> Result<String, String> {
    Ok(String::from_utf8_lossy(&files::read(path)?)
        .replace("\r\n", "\n")
        .trim_start_matches('\u{feff}')
        .to_owned())
}

fn is_licence(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let beginnings = ["licen", "copying", "copyright", "notice", "unlicen"];
    let is_text = [".txt", ".md"].iter().any(|end| name.ends_with(end));
    // Facts for programs, and code that deals with licences.
    let is_other = [".spdx", ".rs", ".json", ".html"].iter().any(|end| name.ends_with(end));
    !is_other && (beginnings.iter().any(|start| name.starts_with(start)) || is_text && name.contains("licen"))
}

/// The text that a package refers to by the name of its licence. Of several to choose from, the first that is known here.
fn usual(package: &Package) -> Result<(String, Vec<String>), String> {
    let known = |name: &str| STANDARD.iter().find(|(known, _)| *known == name.trim());
    let (_, file) = package.licence.split(" OR ").find_map(known).ok_or_else(|| {
        format!("{} {} comes without its licence, {}", package.name, package.version, package.licence)
    })?;
    let (text, _) = parted(&read(&shell::root().join(file))?);
    let authors = package.authors.iter().map(|author| author.split('<').next().unwrap_or_default().trim());
    let authors = authors.collect::<Vec<_>>().join(", ");
    let holders = if authors.is_empty() { format!("the authors of {}", package.name) } else { authors };
    Ok((text, vec![format!("Copyright (c) {holders}")]))
}

/// A licence without the lines that say who holds the rights, and these lines.
fn parted(text: &str) -> (String, Vec<String>) {
    let is_apache = text.trim_start().starts_with("Apache License");
    // The exception for LLVM stands behind the end of the terms.
    let end =
        text.find("END OF TERMS AND CONDITIONS").filter(|_| is_apache && !text.contains("LLVM Exceptions"));
    if text.len() > ONE_LICENCE && end.is_none() {
        return (tidy(text.lines()), Vec::new());
    }
    let (holders, rest): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| is_holder(line));
    let mut body = tidy(rest.into_iter());
    // Behind the terms stands how to apply them to a work.
    if end.is_some()
        && let Some(at) = body.find("END OF TERMS AND CONDITIONS")
    {
        body.truncate(at + "END OF TERMS AND CONDITIONS".len());
    }
    (body, holders.into_iter().map(|line| line.trim().to_owned()).collect())
}

fn is_holder(line: &str) -> bool {
    let line = line.trim();
    let says = ["Copyright", "(c)", "(C)", "©"].iter().any(|start| line.starts_with(start));
    let names = line.contains("(c)")
        || line.contains("(C)")
        || line.contains('©')
        || line.contains(|letter: char| letter.is_ascii_digit());
    says && names && !line.contains("[yyyy]") && !line.contains("{yyyy}")
}

fn tidy<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let lines: Vec<&str> = lines.map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

/// What two texts of one licence have in common, however they are set.
fn essence(text: &str) -> String {
    let text = text.to_lowercase().replace("https://", "http://");
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: &str = "Apache License\n1. Terms\nEND OF TERMS AND CONDITIONS";

    #[test]
    fn the_holders_of_rights_are_told_apart_from_the_licence() {
        let (text, holders) = parted(
            "MIT License\n\nCopyright (c) 2019 A. Person\n\nPermission is granted\nCopyright notices stay\n",
        );
        assert_eq!(text, "MIT License\n\n\nPermission is granted\nCopyright notices stay");
        assert_eq!(holders, ["Copyright (c) 2019 A. Person"]);
    }

    #[test]
    fn what_stands_behind_apaches_terms_goes_but_for_holders_and_exceptions() {
        let (text, holders) =
            parted(&format!("{TERMS}\n\nAPPENDIX\n  Copyright 2019 A. Person\n  Copyright [yyyy] [name]\n"));
        assert_eq!((text.as_str(), holders), (TERMS, vec!["Copyright 2019 A. Person".to_owned()]));
        let with_exception = format!("{TERMS}\n--- LLVM Exceptions ---\nAs an exception");
        assert_eq!(parted(&with_exception).0, with_exception);
    }

    #[test]
    fn a_text_of_several_licences_stays_whole() {
        let text = format!("Copyright 2019 A\n{}\nCopyright 2020 B\nb", "a\n".repeat(ONE_LICENCE));
        assert_eq!(parted(&text), (text.clone(), Vec::new()));
    }

    #[test]
    fn two_texts_that_differ_in_setting_alone_are_one() {
        assert_eq!(essence("See  https://a.example/,\n«B»"), essence("see http://a.example\nb"));
        assert_ne!(essence("a b"), essence("a c"));
    }

    #[test]
    fn licences_are_known_by_their_names() {
        for name in ["LICENSE-MIT", "licence.txt", "COPYING", "UNLICENSE", "rand_license.md", "LICENSES"] {
            assert!(is_licence(Path::new(name)), "{name}");
        }
        for name in ["LICENSE.spdx", "license.rs", "README.md", "Cargo.toml"] {
            assert!(!is_licence(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn packages_with_one_licence_share_its_text() {
        let package = |name: &str| Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            licence: "MIT".to_owned(),
            authors: Vec::new(),
            folder: std::path::PathBuf::new(),
            licence_file: None,
            sum: None,
            needs: Vec::new(),
        };
        let used_by = [("a 1.0.0", vec!["Copyright 2019 A"]), ("b 1.0.0", vec![])];
        let used_by = used_by
            .map(|(name, holders)| (name.to_owned(), holders.into_iter().map(str::to_owned).collect()));
        let licence = Licence { text: "Permission".to_owned(), used_by: used_by.into_iter().collect() };
        let all = written(&[package("a"), package("b")], vec![licence]);
        assert!(all.ends_with(&format!("a 1.0.0: MIT\nb 1.0.0: MIT\n\n{RULE}\n\na 1.0.0\n    Copyright 2019 A\nb 1.0.0\n\nPermission\n")), "{all}");
    }
}

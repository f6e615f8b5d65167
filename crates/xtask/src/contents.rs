//! The packages that are part of Unlatch, as it is given away for Linux, Windows and macOS.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::shell;

/// The systems Unlatch is made for, as `deny.toml` has them.
const TARGETS: [&str; 6] = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-pc-windows-msvc",
    "aarch64-pc-windows-msvc",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
];

/// The npm packages of which something is in the built web UI. Vite holds the build against this list.
const BUNDLED: &str = "ui/bundled.json";

/// A package that somebody else made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    pub name: String,
    pub version: String,
    /// As the package states it, in the words of SPDX.
    pub licence: String,
    pub authors: Vec<String>,
    /// Where its files are on this machine.
    pub folder: PathBuf,
    /// The file in it that the package itself calls its licence.
    pub licence_file: Option<String>,
}

/// The crates that Unlatch is built from on any of its systems, but not those that only build or test it.
///
/// # Errors
/// When Cargo cannot tell.
pub fn crates() -> Result<Vec<Package>, String> {
    let mut tree = vec!["tree", "--locked", "--package", "unlatch", "--edges", "normal", "--prefix", "none"];
    tree.extend(["--format", "{p}"]);
    tree.extend(TARGETS.iter().flat_map(|target| ["--target", target]));
    let tree = shell::output(&mut shell::cargo(&tree))?;
    let within: BTreeSet<(&str, &str)> = tree.lines().filter_map(name_and_version).collect();
    let metadata = shell::output(&mut shell::cargo(&["metadata", "--locked", "--format-version", "1"]))?;
    let metadata: Value =
        serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let all = metadata["packages"].as_array().into_iter().flatten();
    let foreign = all.filter(|package| package["source"].is_string()).filter_map(of_cargo);
    let mut packages: Vec<Package> =
        foreign.filter(|package| within.contains(&(&package.name, &package.version))).collect();
    packages.sort();
    if packages.is_empty() { Err("cargo names no package".to_owned()) } else { Ok(packages) }
}

/// `serde v1.0.229 (proc-macro)` as name and version.
fn name_and_version(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split(' ');
    Some((words.next()?, words.next()?.strip_prefix('v')?))
}

fn of_cargo(package: &Value) -> Option<Package> {
    let text = |key: &str| package[key].as_str().map(str::to_owned);
    let authors = package["authors"].as_array().into_iter().flatten();
    Some(Package {
        name: text("name")?,
        version: text("version")?,
        licence: text("license").unwrap_or_default().replace('/', " OR "),
        authors: authors.filter_map(|author| author.as_str().map(str::to_owned)).collect(),
        folder: Path::new(package["manifest_path"].as_str()?).parent()?.to_owned(),
        licence_file: text("license_file"),
    })
}

/// The npm packages of which something is in the built web UI.
///
/// # Errors
/// When they are not installed.
pub fn bundled() -> Result<Vec<Package>, String> {
    let root = shell::root();
    let names = fs::read_to_string(root.join(BUNDLED)).map_err(|error| format!("{BUNDLED}: {error}"))?;
    let names: Vec<String> = serde_json::from_str(&names).map_err(|error| format!("{BUNDLED}: {error}"))?;
    names.into_iter().map(|name| of_npm(&root.join("ui/node_modules").join(&name), name)).collect()
}

fn of_npm(folder: &Path, name: String) -> Result<Package, String> {
    let manifest = folder.join("package.json");
    let facts = fs::read_to_string(&manifest).map_err(|error| format!("{name}: {error}"))?;
    let facts: Value = serde_json::from_str(&facts).map_err(|error| format!("{name}: {error}"))?;
    let text = |key: &str| facts[key].as_str().unwrap_or_default().to_owned();
    Ok(Package {
        name,
        version: text("version"),
        licence: text("license"),
        authors: Vec::new(),
        folder: folder.to_owned(),
        licence_file: None,
    })
}

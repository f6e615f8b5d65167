//! The packages that are part of Unlatch, as it is given away.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{files, npm, shell};

/// The systems Unlatch is made for, as `deny.toml` has them.
pub const TARGETS: [&str; 6] = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-pc-windows-msvc",
    "aarch64-pc-windows-msvc",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
];

/// The npm packages of which something is in the built web UI. Vite holds the build against this list.
const BUNDLED: &str = "ui/bundled.json";

/// A package.
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
    /// What its file from the registry is compared with, in hexadecimal: SHA-256 of a crate, SHA-512 of an npm package. A package
    /// of this repository has none.
    pub sum: Option<String>,
    /// The packages of the same kind that it needs, by name and version.
    pub needs: Vec<(String, String)>,
}

/// The crates that Unlatch is built from on any of these systems, its own among them, but not those that only build or test it.
///
/// # Errors
/// When Cargo cannot tell.
pub fn crates(targets: &[&str]) -> Result<Vec<Package>, String> {
    let mut tree = vec!["tree", "--locked", "--package", "unlatch", "--edges", "normal", "--prefix", "none"];
    tree.extend(["--format", "{p}"]);
    tree.extend(targets.iter().flat_map(|target| ["--target", target]));
    let tree = shell::output(&mut shell::cargo(&tree))?;
    let within: BTreeSet<(String, String)> = tree.lines().filter_map(name_and_version).collect();
    let metadata = shell::output(&mut shell::cargo(&["metadata", "--locked", "--format-version", "1"]))?;
    let metadata: Value =
        serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let sums = sums(&files::read_text(&shell::root().join("Cargo.lock"))?);

    let all: HashMap<&str, &Value> =
        list(&metadata["packages"]).filter_map(|package| Some((package["id"].as_str()?, package))).collect();
    let mut packages = Vec::new();
    for node in list(&metadata["resolve"]["nodes"]) {
        let Some(mut package) = node["id"].as_str().and_then(|id| of_cargo(all.get(id)?)) else { continue };
        let name = (package.name.clone(), package.version.clone());
        if !within.contains(&name) {
            continue;
        }
        let needed = list(&node["deps"]).filter(|needed| is_normal(needed)).filter_map(|needed| {
            let package = of_cargo(all.get(needed["pkg"].as_str()?)?)?;
            Some((package.name, package.version))
        });
        // Cargo names optional crates here that nothing turns on.
        package.needs = needed.filter(|name| within.contains(name)).collect();
        package.needs.sort();
        package.sum = sums.get(&name).cloned();
        packages.push(package);
    }
    packages.sort();
    if packages.is_empty() { Err("cargo names no package".to_owned()) } else { Ok(packages) }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// `serde v1.0.229 (proc-macro)` as name and version.
fn name_and_version(line: &str) -> Option<(String, String)> {
    let mut words = line.split(' ');
    Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
}

/// Whether a dependency is one of the program, and not of its build or its tests alone.
fn is_normal(needed: &Value) -> bool {
    list(&needed["dep_kinds"]).any(|kind| kind["kind"].is_null())
}

fn of_cargo(package: &Value) -> Option<Package> {
    let text = |key: &str| package[key].as_str().map(str::to_owned);
    Some(Package {
        name: text("name")?,
        version: text("version")?,
        licence: text("license").unwrap_or_default().replace(" / ", "/").replace('/', " OR "),
        authors: list(&package["authors"]).filter_map(|author| author.as_str().map(str::to_owned)).collect(),
        folder: Path::new(package["manifest_path"].as_str()?).parent()?.to_owned(),
        licence_file: text("license_file"),
        sum: None,
        needs: Vec::new(),
    })
}

/// The sums in a `Cargo.lock`, by name and version.
fn sums(lock: &str) -> HashMap<(String, String), String> {
    let of = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))?;
        Some(line.trim_matches('"').to_owned())
    };
    let blocks = lock.split("[[package]]\n");
    blocks
        .filter_map(|block| Some(((of(block, "name")?, of(block, "version")?), of(block, "checksum")?)))
        .collect()
}

/// The npm packages of which something is in the built web UI.
///
/// # Errors
/// When they are not installed.
pub fn bundled() -> Result<Vec<Package>, String> {
    let folder = shell::root().join("ui");
    let names = files::read_text(&shell::root().join(BUNDLED))?;
    let names: Vec<String> = serde_json::from_str(&names).map_err(|error| format!("{BUNDLED}: {error}"))?;
    let lock = files::read_text(&folder.join("package-lock.json"))?;
    let lock: HashMap<String, Value> = npm::packages(&lock).unwrap_or_default().into_iter().collect();
    let of = |name: &String| -> Result<Package, String> {
        let place = format!("node_modules/{name}");
        let facts = lock.get(&place).ok_or_else(|| format!("{name} is not in ui/package-lock.json"))?;
        let text = |key: &str| facts[key].as_str().unwrap_or_default().to_owned();
        let needs = facts["dependencies"].as_object().into_iter().flat_map(|needs| needs.keys());
        let needs = needs.filter(|needed| names.contains(needed)).map(|needed| {
            let version = lock.get(&format!("node_modules/{needed}")).map(|facts| &facts["version"]);
            (needed.clone(), version.and_then(Value::as_str).unwrap_or_default().to_owned())
        });
        Ok(Package {
            name: name.clone(),
            version: text("version"),
            licence: text("license"),
            authors: Vec::new(),
            folder: folder.join(place),
            licence_file: None,
            sum: text("integrity").strip_prefix("sha512-").and_then(hexadecimal),
            needs: needs.collect(),
        })
    };
    names.iter().map(of).collect()
}

/// Base64 as hexadecimal.
fn hexadecimal(base64: &str) -> Option<String> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = base64.trim_end_matches('=').bytes();
    let digits = digits.map(|digit| DIGITS.iter().position(|known| *known == digit));
    let bits: String = digits.map(|digit| Some(format!("{:06b}", digit?))).collect::<Option<_>>()?;
    let bytes =
        bits.as_bytes().chunks_exact(8).map(|byte| u8::from_str_radix(str::from_utf8(byte).ok()?, 2).ok());
    bytes.map(|byte| Some(format!("{:02x}", byte?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_read_from_a_line_of_cargos_tree() {
        let read = name_and_version("serde_derive v1.0.229 (proc-macro) (*)");
        assert_eq!(read, Some(("serde_derive".to_owned(), "1.0.229".to_owned())));
        assert_eq!(name_and_version(""), None);
    }

    #[test]
    fn sums_are_read_from_the_lock_file() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"s\"\nchecksum = \"0f\"\n\n[[package]]\nname = \"b\"\nversion = \"0.1.0\"\n";
        let sums = sums(lock);
        assert_eq!(sums.len(), 1);
        assert_eq!(sums[&("a".to_owned(), "1.0.0".to_owned())], "0f");
    }

    #[test]
    fn a_sum_of_npm_is_written_in_hexadecimal() {
        assert_eq!(hexadecimal("AP8Qqw==").as_deref(), Some("00ff10ab"));
        assert_eq!(hexadecimal("A*"), None);
    }
}

//! Rules of the house that no other tool checks.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{commands, guide, npm, shell, workflows};

/// A longer file is two files.
const MOST_LINES: usize = 600;

/// The packages that must work without a window.
pub const WINDOWLESS: [&str; 5] =
    ["unlatch-auth", "unlatch-graph", "unlatch-recovery", "unlatch-settings", "unlatch-demo-tenant"];

/// Checks every rule and names every breach.
///
/// # Errors
/// The breaches, one a line.
pub fn check() -> Result<(), String> {
    let mut breaches = breaches_in_files()?;
    breaches.extend(breaches_in_dependencies()?);
    breaches.extend(guide::breaches()?);
    if breaches.is_empty() {
        println!(
            "No file is too long, no path of this machine is in one, no npm package runs a script, dependencies point"
        );
        println!(
            "one way, workflows name what they run by its hash, and the administrator's guide has a place for every failure."
        );
        return Ok(());
    }
    Err(breaches.join("\n"))
}

/// The files of the project: what is in the repository, and what is new and not ignored.
///
/// # Errors
/// When git cannot tell.
pub fn files() -> Result<Vec<String>, String> {
    let listed = shell::output(shell::program("git").args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    let root = shell::root();
    let there = |name: &&str| !name.is_empty() && root.join(name).exists();
    Ok(listed.split('\0').filter(there).map(str::to_owned).collect())
}

fn breaches_in_files() -> Result<Vec<String>, String> {
    let root = shell::root();
    let mut breaches = Vec::new();
    for name in files()? {
        // Not text: nothing to read.
        let Ok(text) = fs::read_to_string(root.join(&name)) else { continue };
        breaches.extend(breaches_in(&name, &text, &root));
        if name.ends_with("package-lock.json") {
            let settings = fs::read_to_string(root.join(&name).with_file_name(".npmrc")).unwrap_or_default();
            breaches.extend(npm::breaches(&name, &text, &settings));
        }
    }
    Ok(breaches)
}

fn breaches_in(name: &str, text: &str, root: &Path) -> Vec<String> {
    let mut breaches = Vec::new();
    let lines = text.lines().count();
    if is_hand_written(name) && lines > MOST_LINES {
        breaches.push(format!("{name} has {lines} lines; a file over {MOST_LINES} is two files"));
    }
    let places =
        [Some(root), root.parent()].into_iter().flatten().filter(|place| place.components().count() > 1);
    for place in places.map(|place| format!("{}/", place.display())) {
        if let Some(line) = text.lines().position(|line| line.contains(&place)) {
            breaches.push(format!("{name}:{} names a folder of this machine, {place}", line + 1));
            break;
        }
    }
    breaches.extend(workflows::breaches(name, text));
    breaches.extend(commands::breaches(name, text, crate::USAGE));
    breaches
}

fn is_hand_written(name: &str) -> bool {
    let path = PathBuf::from(name);
    let code = path.extension().is_some_and(|kind| ["rs", "ts", "svelte"].iter().any(|known| kind == *known));
    code && !name.ends_with("bindings.ts") && !name.contains("/generated/") && !name.contains("/paraglide/")
}

fn breaches_in_dependencies() -> Result<Vec<String>, String> {
    let tree = |package: &str, depth: &str| {
        let arguments = [
            "tree",
            "--quiet",
            "--package",
            package,
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--depth",
            depth,
        ];
        shell::output(&mut shell::cargo(&arguments))
    };
    let mut breaches = Vec::new();
    for package in WINDOWLESS {
        if names(&tree(package, "99")?).any(|name| name == "tauri" || name == "wry") {
            breaches.push(format!("{package} depends on Tauri"));
        }
    }
    if names(&tree("unlatch-recovery", "1")?).any(|name| name == "reqwest") {
        breaches.push("unlatch-recovery depends on reqwest: it asks the graph crate".to_owned());
    }
    Ok(breaches)
}

/// The names of the packages in what `cargo tree` prints.
fn names(tree: &str) -> impl Iterator<Item = &str> {
    tree.lines().filter_map(|line| line.split_whitespace().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(name: &str, text: &str) -> usize {
        breaches_in(name, text, Path::new("/somewhere/unlatch")).len()
    }

    #[test]
    fn a_long_file_is_a_breach_unless_it_is_generated() {
        let long = "\n".repeat(MOST_LINES + 1);
        assert_eq!(breaches("crates/graph/src/lib.rs", &long), 1);
        assert_eq!(breaches("ui/src/backend/bindings.ts", &long), 0);
        assert_eq!(breaches("README.md", &long), 0);
        assert_eq!(breaches("crates/graph/src/lib.rs", &"\n".repeat(MOST_LINES)), 0);
    }

    #[test]
    fn a_path_of_this_machine_is_a_breach_once() {
        assert_eq!(breaches("a.md", "see /somewhere/unlatch/target\nand /somewhere/else"), 1);
        assert_eq!(breaches("a.md", "see /somewhere/else"), 1);
        assert_eq!(breaches("a.md", "see /elsewhere"), 0);
    }

    #[test]
    fn package_names_are_read_from_a_tree() {
        assert_eq!(
            names("tauri v2.12.5\ntauri-utils v2 (*)\n\n").collect::<Vec<_>>(),
            ["tauri", "tauri-utils"]
        );
    }
}

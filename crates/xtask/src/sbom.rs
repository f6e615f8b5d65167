//! What Unlatch is made of, for programs: one bill of materials for its crates and one for its web UI, as CycloneDX.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::contents::{self, Package};
use crate::steps::Steps;
use crate::{files, shell};

/// `cargo xtask sbom`: for the system this runs on.
pub fn run() -> bool {
    let mut steps = Steps::default();
    steps.take("bills of materials", &[], || {
        for file in write(&host()?, &shell::root().join("target/bundle/sbom"))? {
            println!("{}", file.display());
        }
        Ok(())
    });
    steps.conclude()
}

/// The system this runs on, as Rust names it.
///
/// # Errors
/// When the compiler cannot tell.
pub fn host() -> Result<String, String> {
    let version = shell::output(shell::program("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc does not name the system".to_owned())
}

/// Writes both for a build of the checked-out commit for `target` into `folder`, and gives the files. What was checked out
/// decides what is in them, and nothing else: no time but the commit's, no number drawn, no folder of this machine.
///
/// # Errors
/// When Cargo or git cannot tell, or a file cannot be written.
pub fn write(target: &str, folder: &Path) -> Result<Vec<PathBuf>, String> {
    let time = committed()?;
    let crates = contents::crates(&[target])?;
    let (own, others) = crates.into_iter().partition(|package| package.name == "unlatch");
    let own: Vec<Package> = own;
    let unlatch = own.first().ok_or("unlatch is not among its own crates")?;
    let bundled = contents::bundled()?;
    let ui = Package {
        name: "unlatch-ui".to_owned(),
        needs: bundled.iter().map(|package| (package.name.clone(), package.version.clone())).collect(),
        ..unlatch.clone()
    };
    let files = [
        ("unlatch.cdx.json", bill(Kind::Cargo, unlatch, &others, &time, Some(target))),
        ("unlatch-ui.cdx.json", bill(Kind::Npm, &ui, &bundled, &time, None)),
    ];
    let file = |(name, bill): (&str, Value)| {
        let path = folder.join(name);
        files::write(&path, format!("{bill:#}\n"))?;
        Ok(path)
    };
    files.into_iter().map(file).collect()
}

/// When the checked-out commit was made.
fn committed() -> Result<String, String> {
    let mut git = shell::program("git");
    git.args(["log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%dT%H:%M:%SZ"]).env("TZ", "UTC");
    Ok(shell::output(&mut git)?.trim().to_owned())
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Cargo,
    Npm,
}

impl Kind {
    /// The address of a package that every registry of its kind understands.
    fn purl(self, name: &str, version: &str) -> String {
        match self {
            Self::Cargo => format!("pkg:cargo/{name}@{version}"),
            Self::Npm => format!("pkg:npm/{}@{version}", name.replace('@', "%40")),
        }
    }

    fn sum(self) -> &'static str {
        match self {
            Self::Cargo => "SHA-256",
            Self::Npm => "SHA-512",
        }
    }
}

fn bill(kind: Kind, whole: &Package, parts: &[Package], time: &str, target: Option<&str>) -> Value {
    let component = |package: &Package, what: &str| {
        let purl = kind.purl(&package.name, &package.version);
        let mut component = json!({
            "type": what,
            "bom-ref": purl,
            "name": package.name,
            "version": package.version,
            "licenses": [{ "expression": package.licence }],
            "purl": purl,
        });
        if let Some(sum) = &package.sum {
            component["hashes"] = json!([{ "alg": kind.sum(), "content": sum }]);
        }
        component
    };
    let needs = |package: &Package| {
        let needs: Vec<String> =
            package.needs.iter().map(|(name, version)| kind.purl(name, version)).collect();
        json!({ "ref": kind.purl(&package.name, &package.version), "dependsOn": needs })
    };
    let properties: Vec<Value> = target
        .into_iter()
        .map(|target| json!({ "name": "cdx:rustc:sbom:target:triple", "value": target }))
        .collect();
    let components: Vec<Value> = parts.iter().map(|part| component(part, "library")).collect();
    let dependencies: Vec<Value> = [whole].into_iter().chain(parts).map(needs).collect();
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": time,
            "component": component(whole, "application"),
            "properties": properties,
        },
        "components": components,
        "dependencies": dependencies,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, needs: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            licence: "MIT".to_owned(),
            authors: Vec::new(),
            folder: PathBuf::from("/somewhere"),
            licence_file: None,
            sum: Some("0f".to_owned()),
            needs: needs.iter().map(|name| ((*name).to_owned(), "1.0.0".to_owned())).collect(),
        }
    }

    #[test]
    fn a_bill_names_each_part_with_its_sum_and_what_needs_it_and_no_folder() {
        let (whole, parts) = (package("a", &["@b/c"]), [package("@b/c", &[])]);
        let bill = bill(Kind::Npm, &whole, &parts, "2026-01-01T00:00:00Z", None);
        let part = "pkg:npm/%40b/c@1.0.0";
        assert_eq!(bill["components"][0]["purl"], part);
        assert_eq!(bill["components"][0]["hashes"][0], json!({ "alg": "SHA-512", "content": "0f" }));
        assert_eq!(bill["dependencies"][0], json!({ "ref": "pkg:npm/a@1.0.0", "dependsOn": [part] }));
        assert_eq!(bill["dependencies"].as_array().map(Vec::len), Some(2));
        assert!(!bill.to_string().contains("somewhere"));
    }
}

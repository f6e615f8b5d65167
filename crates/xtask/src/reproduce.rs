//! `cargo xtask reproduce`: builds the packages of the checked-out commit twice and compares them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::steps::Steps;
use crate::{files, shell, tools};

/// Two builds in folders of different names and lengths, and with clocks of different zones, one after the other.
const BUILDS: [(&str, &str); 2] = [("one", "UTC"), ("another-one", "Pacific/Kiritimati")];

/// What is compared, below the folder of a build: the program, and the packages with all that they are made of.
const COMPARED: [&str; 2] = ["bundle-build/release/unlatch", "bundle"];

/// Builds twice and compares. Gives whether both builds are the same, byte by byte.
pub fn run() -> bool {
    let mut steps = Steps::default();
    steps.take("cargo-auditable", &[], || tools::install(tools::AUDITABLE));
    steps.take("first build", &["cargo-auditable"], || build(BUILDS[0]));
    steps.take("second build", &["first build"], || build(BUILDS[1]));
    steps.take("comparison", &["second build"], || {
        let files = BUILDS.map(|(name, _)| files(&folder().join(name).join("target")));
        let [one, other] = files;
        compared(&one?, &other?)
    });
    steps.conclude()
}

fn folder() -> PathBuf {
    shell::target().join("reproduce")
}

/// Builds the packages in a clone that has nothing but what was committed.
fn build((name, zone): (&str, &str)) -> Result<(), String> {
    let clone = folder().join(name);
    if clone.exists() {
        fs::remove_dir_all(&clone).map_err(files::named(&clone))?;
    }
    files::make_folder(&folder())?;
    shell::run(shell::program("git").args(["clone", "--quiet"]).args([&shell::root(), &clone]))?;
    files::make_folder(&clone.join("target"))?;
    // The tools are no part of what is compared.
    shell::run(shell::program("ln").arg("--symbolic").args([&tools::folder(), &clone.join("target/tools")]))?;
    let mut bundle = shell::cargo(&["xtask", "bundle"]);
    bundle.current_dir(&clone).env("TZ", zone).env_remove("CARGO_TARGET_DIR");
    shell::run(&mut bundle)
}

/// The files of a build that are compared, by their names there.
fn files(target: &Path) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut files = BTreeMap::new();
    for place in COMPARED.map(|place| target.join(place)) {
        for file in if place.is_dir() { files::below(&place)? } else { vec![place] } {
            let name = file.strip_prefix(target).unwrap_or(&file).display().to_string();
            files.insert(name, files::read(&file)?);
        }
    }
    Ok(files)
}

/// Says of each file whether both builds have the same.
fn compared(one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    let mut differences = Vec::new();
    for name in one.keys().chain(other.keys().filter(|name| !one.contains_key(*name))) {
        match (one.get(name), other.get(name)) {
            (Some(one), Some(other)) if one == other => println!("{name}: the same {} bytes", one.len()),
            (Some(one), Some(other)) => {
                differences.push(format!("{name}: {}", difference(one, other)));
            }
            _ => differences.push(format!("{name} came of one build alone")),
        }
    }
    if differences.is_empty() { Ok(()) } else { Err(differences.join("\n")) }
}

/// Where two files differ, and for programs in which of their sections.
fn difference(one: &[u8], other: &[u8]) -> String {
    let at = one.iter().zip(other).position(|(one, other)| one != other);
    let at = at.unwrap_or_else(|| one.len().min(other.len()));
    let words = |bytes: &[u8]| {
        let around = &bytes[at.saturating_sub(40).min(bytes.len())..(at + 80).min(bytes.len())];
        String::from_utf8_lossy(around).escape_debug().to_string()
    };
    let (lengths, first) = ((one.len(), other.len()), (words(one), words(other)));
    let mut said = format!(
        "{} and {} bytes, the first difference at {at}:\n  {}\n  {}",
        lengths.0, lengths.1, first.0, first.1
    );
    let (one, other) = (sections(one), sections(other));
    for (name, bytes) in &one {
        if other.get(name) != Some(bytes) {
            said.push_str(&format!("\n  section {name} differs"));
        }
    }
    said
}

/// The sections of a program for Linux (ELF, 64 bits, the small end first), by name; none of anything else.
fn sections(file: &[u8]) -> BTreeMap<String, &[u8]> {
    let number = |at: usize, length: usize| -> Option<usize> {
        let bytes = file.get(at..at + length)?;
        usize::try_from(bytes.iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))).ok()
    };
    let read = || -> Option<BTreeMap<String, &[u8]>> {
        file.strip_prefix(b"\x7fELF\x02\x01")?;
        let (table, size, count) = (number(40, 8)?, number(58, 2)?, number(60, 2)?);
        let place = |section: usize| {
            let at = table + section * size;
            // A section of zeros takes no room in the file.
            let is_empty = number(at + 4, 4)? == 8;
            let (start, length) = (number(at + 24, 8)?, number(at + 32, 8)?);
            file.get(start..start + if is_empty { 0 } else { length })
        };
        let names = place(number(62, 2)?)?;
        let mut sections = BTreeMap::new();
        for section in 1..count {
            let name = names.get(number(table + section * size, 4)?..)?;
            let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
            sections.insert(String::from_utf8_lossy(name).into_owned(), place(section)?);
        }
        Some(sections)
    };
    read().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(files: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
        files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn the_same_files_are_the_same_build() {
        let one = build(&[("a", "x"), ("b", "")]);
        assert_eq!(compared(&one, &one), Ok(()));
    }

    #[test]
    fn a_file_that_differs_or_is_missing_is_named() {
        let words = compared(&build(&[("a", "xyz"), ("b", "")]), &build(&[("a", "xzz"), ("c", "")]));
        let words = words.unwrap_err();
        assert!(words.contains("a: 3 and 3 bytes, the first difference at 1"), "{words}");
        assert!(words.contains("b came of one build alone") && words.contains("c came"), "{words}");
    }

    #[test]
    fn the_section_in_which_two_programs_differ_is_named() {
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        let place = sections(&own)[".rodata"].as_ptr() as usize - own.as_ptr() as usize;
        let mut other = own.clone();
        other[place] ^= 1;
        let words = difference(&own, &other);
        assert!(words.ends_with("section .rodata differs"), "{words}");
        assert!(sections(b"no program").is_empty());
    }
}

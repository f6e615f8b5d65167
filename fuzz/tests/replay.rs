//! Every seed, run through its target without a fuzzer.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use unlatch_fuzz::TARGETS;

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn names_in(folder: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<_> = listed.map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

#[test]
fn what_must_hold_does_for_every_seed_and_each_target_is_got_through_by_one() {
    let mut broken = Vec::new();
    for (name, target) in TARGETS {
        let mut came_through = 0;
        for seed in names_in(&folder().join("seeds").join(name)) {
            let data = fs::read(&seed).unwrap();
            match catch_unwind(|| target(&data)) {
                Ok(read) => came_through += usize::from(read),
                Err(_) => broken.push(seed.display().to_string()),
            }
        }
        assert!(came_through > 0, "{name} refuses every seed");
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_target_has_a_folder_of_seeds_and_a_program_of_libfuzzer() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let stems = |place: &str| -> BTreeSet<String> {
        names_in(&folder().join(place))
            .iter()
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect()
    };
    assert_eq!(stems("seeds"), targets);
    assert_eq!(stems("libfuzzer/targets"), targets);
    let manifest = fs::read_to_string(folder().join("libfuzzer/Cargo.toml")).unwrap();
    for target in &targets {
        assert!(manifest.contains(&format!("name = \"{target}\"")), "{target}");
    }
}

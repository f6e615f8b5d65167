//! The program as it is given away.

use std::path::{Path, PathBuf};

use crate::{shell, tools};

/// Builds the program in a folder of its own: no package is made of a window that lets itself be driven.
///
/// Only its own package is selected, as others would bring features of shared dependencies that it does not need.
pub fn build() -> Result<PathBuf, String> {
    let folder = shell::target().join("bundle-build");
    let places = Places::new(&folder)?;
    let mut cargo =
        tools::command(tools::AUDITABLE, &["build", "--release", "--package", "unlatch", "--target-dir"]);
    cargo.arg(&folder);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", places.for_rust()).env_remove("RUSTFLAGS");
    cargo.env("CFLAGS", places.for_c());
    shell::run(&mut cargo)?;
    let program = folder.join("release/unlatch");
    places.expect_none_in(&program)?;
    Ok(program)
}

/// Folders of this machine, and what stands in the program for each.
struct Places(Vec<(PathBuf, &'static str)>);

impl Places {
    fn new(target: &Path) -> Result<Self, String> {
        let cargo = match (std::env::var_os("CARGO_HOME"), std::env::var_os("HOME")) {
            (Some(cargo), _) => PathBuf::from(cargo),
            (None, Some(home)) => PathBuf::from(home).join(".cargo"),
            (None, None) => return Err("neither CARGO_HOME nor HOME is set".to_owned()),
        };
        Ok(Self(vec![(cargo, "/cargo"), (target.to_owned(), "/target"), (shell::root(), "/unlatch")]))
    }

    fn for_rust(&self) -> String {
        let option =
            |(place, name): &(PathBuf, &str)| format!("--remap-path-prefix={}={name}", place.display());
        self.0.iter().map(option).collect::<Vec<_>>().join("\u{1f}")
    }

    fn for_c(&self) -> String {
        let option =
            |(place, name): &(PathBuf, &str)| format!("-ffile-prefix-map={}={name}", place.display());
        self.0.iter().map(option).collect::<Vec<_>>().join(" ")
    }

    /// Looks for any of them in a program.
    fn expect_none_in(&self, program: &Path) -> Result<(), String> {
        let bytes = std::fs::read(program).map_err(|error| format!("{}: {error}", program.display()))?;
        let home = std::env::var("HOME").ok().filter(|home| home.matches('/').count() > 1).map(PathBuf::from);
        let places = self.0.iter().map(|(place, _)| place.clone()).chain(home);
        for place in places.map(|place| format!("{}/", place.display())) {
            if let Some(at) = find(&bytes, place.as_bytes()) {
                let end = (at + 200).min(bytes.len());
                let words = String::from_utf8_lossy(&bytes[at..end]).into_owned();
                return Err(format!("the program names a folder of this machine: {words}"));
            }
        }
        Ok(())
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_the_machine_in_a_program_is_found() {
        let folder = std::env::temp_dir().join(format!("unlatch-places-{}", std::process::id()));
        std::fs::write(&folder, b"\0\0/somewhere/home/a.rs\0").unwrap();
        let places = |place: &str| Places(vec![(PathBuf::from(place), "/home")]);
        let found = places("/somewhere/home").expect_none_in(&folder);
        let none = places("/elsewhere").expect_none_in(&folder);
        std::fs::remove_file(&folder).unwrap();
        assert!(found.unwrap_err().contains("/somewhere/home/a.rs") && none.is_ok());
    }
}

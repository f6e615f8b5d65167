//! The program as it is given away.

use std::path::{Path, PathBuf};

use crate::{files, shell, tools, traces};

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
    traces::expect_none(&files::read(&program)?)?;
    Ok(program)
}

/// Folders of this machine, and what stands in the program for each.
struct Places(Vec<(PathBuf, &'static str)>);

impl Places {
    fn new(target: &Path) -> Result<Self, String> {
        let cargo = traces::cargo_home().ok_or("neither CARGO_HOME nor HOME is set")?;
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
}

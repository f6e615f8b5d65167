//! `cargo xtask bundle --windows`: the program for Windows, and the package that installs it.

use std::path::{Path, PathBuf};

use super::installed::{self, Packages};
use super::program::{self, Program};
use super::wine::Wine;
use super::{folder, msi};
use crate::packages::{self, Purpose};
use crate::steps::Steps;
use crate::{files, shell, ui};

/// Where packages go.
fn packages_folder() -> PathBuf {
    shell::target().join("bundle/windows")
}

/// Builds the program and makes the package. With `tested`, also tries both in Wine.
pub fn run(tested: bool) -> bool {
    let mut steps = Steps::default();
    steps.take("Debian packages", &[], || packages::install(Purpose::WindowsBundle));
    steps.take("npm packages", &[], ui::install);
    steps.take("web UI", &["npm packages"], || shell::run(&mut ui::script("build")));
    let mut program = None;
    steps.take("program", &["Debian packages", "web UI"], || {
        program = Some(program::build(&folder())?);
        Ok(())
    });
    let built = || program.as_ref().ok_or_else(|| "there is no program".to_owned());
    steps.take("what is in it", &["program"], || program::examine(built()?));
    let version = env!("CARGO_PKG_VERSION");
    let mut package = PathBuf::new();
    steps.take("MSI", &["what is in it"], || {
        package = msi::make(&packages_folder(), built()?, version, &format!("unlatch-{version}-x64.msi"))?;
        println!("{}", package.display());
        Ok(())
    });
    if tested {
        let wine = Wine::new(folder().join("wine"));
        steps.take("Wine", &["Debian packages"], || wine.begin());
        let left = packages_folder().join("tried/journal");
        steps.take("journal", &["program"], || installed::leave_journal(&left));
        steps.take("program in Wine", &["Wine", "journal"], || {
            installed::answers(&wine, &built()?.exe, &left)
        });
        let mut packages = None;
        steps.take("other versions", &["MSI"], || {
            packages = Some(other_versions(built()?, &package)?);
            Ok(())
        });
        steps.take("package in Wine", &["Wine", "journal", "other versions"], || {
            installed::comes_and_goes(&wine, packages.as_ref().ok_or("there are no packages")?, &left)
        });
        wine.end();
    }
    steps.conclude()
}

/// The package, and those it is tried with: one before it, and the same version made again.
fn other_versions(program: &Program, package: &Path) -> Result<Packages, String> {
    let folder = packages_folder().join("tried");
    let aged = Program { exe: folder.join("aged.exe"), loader: program.loader.clone() };
    files::write(&aged.exe, program::aged(files::read(&program.exe)?)?)?;
    Ok(Packages {
        older: msi::make(&folder, &aged, "0.0.1", "older.msi")?,
        again: msi::make(&folder, program, env!("CARGO_PKG_VERSION"), "again.msi")?,
        current: package.to_owned(),
        program: program.exe.clone(),
    })
}

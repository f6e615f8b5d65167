//! `cargo xtask bundle`: the packages for Linux.
//!
//! `dpkg-deb` and `rpmbuild` make them, from one tree of files. They work out which versions of which libraries the program
//! takes, keep the commit's time in every file, and leave the names of files to us; Tauri's own bundler does none of these.

mod changes;
mod clean;
mod deb;
mod inspect;
mod release;
mod rpm;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};

use crate::packages::Purpose;
use crate::steps::Steps;
use crate::{check, files, shell, tools, ui};

/// The version of the whole workspace.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Who answers for the packages.
const MAINTAINER: &str = "The Unlatch authors <unlatch@users.noreply.github.com>";

/// What the packages are made from.
const SOURCES: &str = "packaging/linux";

/// Packages of one version, made from one built program.
#[derive(Debug, Clone)]
struct Bundle {
    /// The version they say they are.
    version: String,
    /// Seconds since 1970: the time of the commit, which every file in them has.
    time: u64,
    /// Where they go.
    folder: PathBuf,
    /// Where they are made.
    work: PathBuf,
}

impl Bundle {
    /// Of the checked-out commit.
    fn new() -> Result<Self, String> {
        let (folder, work) = (shell::target().join("bundle"), shell::target().join("bundle-work"));
        Ok(Self { version: VERSION.to_owned(), time: commit_time()?, folder, work })
    }

    /// The same files under another version, or packed once more, where they are in nobody's way.
    fn another(&self, version: &str, name: &str) -> Self {
        let work = self.work.join(name);
        Self { version: version.to_owned(), time: self.time, folder: work.clone(), work }
    }

    /// The files as they lie on the machine that has the package.
    fn tree(&self) -> PathBuf {
        self.work.join("tree")
    }

    fn program(&self) -> PathBuf {
        self.tree().join("usr/bin/unlatch")
    }

    fn deb(&self) -> PathBuf {
        self.folder.join(format!("unlatch_{}_{}.deb", self.version, deb::architecture()))
    }

    fn rpm(&self) -> PathBuf {
        self.folder.join(format!("unlatch-{}-1.{}.rpm", self.version, std::env::consts::ARCH))
    }

    fn make(&self, program: &Path) -> Result<(), String> {
        tree::lay_out(self, program)?;
        deb::pack(self)?;
        rpm::pack(self)
    }
}

/// Makes the packages in `target/bundle` and, if asked, tests them. Gives whether all went well.
pub fn run(test: bool) -> bool {
    let mut steps = Steps::default();
    check::prepare(&mut steps, if test { Purpose::BundleTest } else { Purpose::Bundle });
    steps.take("UI build", &["npm packages"], || shell::run(&mut ui::script("build")));
    steps.take("cargo-auditable", &[], || tools::install(tools::AUDITABLE));
    let mut program = PathBuf::new();
    steps.take("release build", &["Debian packages", "UI build", "cargo-auditable"], || {
        program = release::build()?;
        Ok(())
    });
    let mut bundle = None;
    steps.take("packages", &["release build"], || {
        let made = Bundle::new()?;
        files::make_folder(&made.folder)?;
        made.make(&program)?;
        for package in [made.deb(), made.rpm()] {
            let size = fs::metadata(&package).map_err(files::named(&package))?;
            println!("{}  {} bytes", package.display(), size.len());
        }
        bundle = Some(made);
        Ok(())
    });
    if let (true, Some(bundle)) = (test, &bundle) {
        inspect::take(&mut steps, bundle, &program);
        clean::take(&mut steps, bundle, &program);
    }
    steps.conclude()
}

/// A file among the sources of the packages.
fn source(name: &str) -> Result<String, String> {
    files::read_text(&shell::root().join(SOURCES).join(name))
}

/// Puts values in the places that are marked `@NAME@`. No mark may be left.
fn filled(text: &str, values: &[(&str, &str)]) -> Result<String, String> {
    let mut filled = text.to_owned();
    for (name, value) in values {
        filled = filled.replace(&format!("@{name}@"), value);
    }
    let is_mark = |word: &&str| !word.is_empty() && word.chars().all(|letter| letter.is_ascii_uppercase());
    let mut parts: Vec<&str> = filled.split('@').skip(1).collect();
    parts.pop();
    match parts.into_iter().find(is_mark) {
        Some(mark) => Err(format!("nothing was put in for @{mark}@")),
        None => Ok(filled),
    }
}

/// The time of the commit that is built, or `SOURCE_DATE_EPOCH`.
fn commit_time() -> Result<u64, String> {
    let text = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text,
        Err(_) => shell::output(shell::program("git").args(["log", "-1", "--format=%ct"]))?,
    };
    text.trim().parse().map_err(|_| format!("{} is no time", text.trim()))
}

/// That time in words of a format of `date`, in English and UTC.
fn dated(time: u64, format: &str) -> Result<String, String> {
    let mut date = shell::program("date");
    date.env("LC_ALL", "C.UTF-8").args(["--utc", &format!("--date=@{time}"), &format!("+{format}")]);
    Ok(shell::output(&mut date)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_without_a_value_is_named() {
        assert_eq!(filled("a @VERSION@ b", &[("VERSION", "1")]), Ok("a 1 b".to_owned()));
        assert!(filled("a@b.example @VERSION@ b", &[]).unwrap_err().contains("@VERSION@"));
        assert_eq!(filled("The Authors <a@b.example>", &[]), Ok("The Authors <a@b.example>".to_owned()));
    }

    #[test]
    fn a_time_is_said_in_english_and_utc() {
        assert_eq!(dated(0, "%a, %d %b %Y %H:%M:%S %z"), Ok("Thu, 01 Jan 1970 00:00:00 +0000".to_owned()));
    }
}

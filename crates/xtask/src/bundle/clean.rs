//! The package for Debian in a Debian 12 that has nothing else: installed, used, upgraded, removed.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Bundle, VERSION, deb, tree};
use crate::steps::Steps;
use crate::{files, packages, shell};

const DEBIAN: &str = "bookworm";

/// The version that is upgraded from. It differs in nothing else: there is no earlier one.
const BEFORE: &str = "0.0.9";

/// The number of the person in that Debian.
const PERSON: &str = "1000";

/// What that person has set before.
const SETTINGS: &str = "countdown = 2\nlanguage = \"en\"\n";

const SETTINGS_FILE: &str = "home/technician/.config/unlatch/config.toml";

const DATA: &str = "home/technician/.local/share/unlatch";

/// Takes a step for each thing that is done with the package.
pub fn take(steps: &mut Steps, bundle: &Bundle, program: &Path) {
    steps.take("test program", &["packages"], || {
        // The workspace is named so that what tests have compiled already is not compiled again.
        let programs = ["--bin", "unlatch-installed", "--bin", "unlatch-demo-browser"];
        shell::run(shell::cargo(&["build", "--workspace"]).args(programs))
    });
    steps.take("closed to web drivers", &["test program"], || {
        let mut test = shell::program(shell::built().join("unlatch-installed"));
        shell::run(test.arg("closed").env("UNLATCH_BIN", bundle.program()))
    });
    let clean = Clean { root: bundle.work.join("debian"), evidence: bundle.folder.join("test") };
    steps.take("clean Debian 12", &["packages"], || clean.make());
    let before = bundle.another(BEFORE, "before");
    steps.take("package of the version before", &["packages"], || {
        files::empty_folder(&before.folder)?;
        tree::lay_out(&before, program)?;
        deb::pack(&before)?;
        clean.take_in(bundle)?;
        clean.take_in(&before)
    });
    let ready = ["clean Debian 12", "package of the version before", "test program"];
    steps.take("install", &ready, || {
        clean.install(bundle, &[])?;
        clean.expect_version(VERSION)?;
        clean.settle()
    });
    steps.take("main job", &["install"], || {
        clean.job("installed")?;
        clean.expect_private()
    });
    steps.take("remove and purge", &["main job"], || clean.take_away(bundle));
    steps.take("install the version before", &["remove and purge"], || {
        clean.apt(&["autoremove", "--purge", "--yes"])?;
        // What is only recommended must not be needed.
        clean.install(&before, &["--no-install-recommends"])?;
        clean.expect_version(BEFORE)?;
        clean.job("before")
    });
    steps.take("upgrade", &["install the version before"], || {
        let kept = clean.kept()?;
        clean.install(bundle, &["--no-install-recommends"])?;
        clean.expect_version(VERSION)?;
        clean.expect_kept(&kept)?;
        clean.job("upgraded")
    });
    steps.take("downgrade and upgrade again", &["upgrade"], || {
        let kept = clean.kept()?;
        let refused = clean.install(&before, &["--no-install-recommends"]).is_err();
        if !refused {
            return Err("an older version takes the place of a newer one without being told to".to_owned());
        }
        clean.install(&before, &["--no-install-recommends", "--allow-downgrades"])?;
        clean.expect_version(BEFORE)?;
        clean.expect_kept(&kept)?;
        clean.install(bundle, &["--no-install-recommends"])?;
        clean.expect_kept(&kept)?;
        clean.take_away(bundle)
    });
    steps.take("clear up", &[], || clean.forget());
}

/// A Debian in a folder.
struct Clean {
    root: PathBuf,
    evidence: PathBuf,
}

impl Clean {
    /// Makes it, with nothing but what Debian calls essential, and apt.
    fn make(&self) -> Result<(), String> {
        self.forget()?;
        files::empty_folder(&self.evidence)?;
        let mut make = packages::as_root("mmdebstrap")?;
        make.args(["--mode=root", "--variant=minbase", "--quiet", DEBIAN]).arg(&self.root).args(sources()?);
        shell::run(&mut make)?;
        self.run(shell::program("useradd").args(["--create-home", "--uid", PERSON, "technician"]))?;
        self.apt(&["update"])
    }

    /// Takes it away, with whatever was written in it. What is mounted there is mounted for its own processes alone.
    fn forget(&self) -> Result<(), String> {
        if !self.root.exists() {
            return Ok(());
        }
        let mut remove = packages::as_root("rm")?;
        shell::run(remove.args(["--recursive", "--force", "--one-file-system"]).arg(&self.root))
    }

    /// The start of a command that runs in it as that user.
    fn inside(&self, user: &str) -> Result<Command, String> {
        let mut command = packages::as_root("unshare")?;
        command.args(["--mount", "--pid", "--fork", "--kill-child", "sh"]);
        command.arg(shell::root().join("crates/xtask/clean/inside")).arg(&self.root).arg(user);
        Ok(command)
    }

    /// The command, in it and as root.
    fn rooted(&self, command: &Command) -> Result<Command, String> {
        let mut inside = self.inside("0")?;
        inside.arg(command.get_program()).args(command.get_args());
        Ok(inside)
    }

    fn run(&self, command: &Command) -> Result<(), String> {
        shell::run(&mut self.rooted(command)?)
    }

    fn output(&self, command: &Command) -> Result<String, String> {
        shell::output(&mut self.rooted(command)?)
    }

    fn apt(&self, arguments: &[&str]) -> Result<(), String> {
        self.run(shell::program("apt-get").arg("--quiet").args(arguments))
    }

    /// Puts a package where it can be installed from.
    fn take_in(&self, bundle: &Bundle) -> Result<(), String> {
        let mut copy = packages::as_root("install")?;
        copy.args(["-D", "--mode=0644", "--target-directory"]).arg(self.root.join("packages"));
        shell::run(copy.arg(bundle.deb()))
    }

    /// Writes the person's settings.
    fn settle(&self) -> Result<(), String> {
        let script = "mkdir -p \"${1%/*}\" && printf '%s' \"$2\" > \"$1\"";
        let mut write = self.inside(PERSON)?;
        write.args(["sh", "-c", script, "sh"]).arg(format!("/{SETTINGS_FILE}"));
        shell::run(write.arg(SETTINGS))
    }

    fn install(&self, bundle: &Bundle, options: &[&str]) -> Result<(), String> {
        let name =
            bundle.deb().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut apt = shell::program("sh");
        apt.args(["-c", "cd /packages && exec apt-get \"$@\"", "apt-get", "--quiet", "install", "--yes"]);
        self.run(apt.args(options).arg(format!("./{name}")))
    }

    fn expect_version(&self, version: &str) -> Result<(), String> {
        let show = ["--show", "--showformat=${Version} ${db:Status-Abbrev}", "unlatch"];
        let said = self.output(shell::program("dpkg-query").args(show))?;
        if said.trim() == format!("{version} ii") {
            return Ok(());
        }
        Err(format!("version {version} should be installed: {said}"))
    }

    /// Does the main job in what is installed, with pictures of it.
    fn job(&self, name: &str) -> Result<(), String> {
        let mut job = shell::program(shell::built().join("unlatch-installed"));
        job.arg("job").arg(self.evidence.join(name));
        let inside = self.inside(PERSON)?;
        shell::run(job.arg(inside.get_program()).args(inside.get_args()))
    }

    /// Nobody but the person may look at what the program keeps, and there is something.
    fn expect_private(&self) -> Result<(), String> {
        let listed =
            self.output(shell::program("find").arg(format!("/{DATA}")).args(["-printf", "%m %U %p\n"]))?;
        let private =
            |line: &&str| ["600", "700"].iter().any(|mode| line.starts_with(&format!("{mode} {PERSON} ")));
        let open: Vec<&str> = listed.lines().filter(|line| !private(line)).collect();
        if open.is_empty() && listed.contains("journal.sqlite") {
            return Ok(());
        }
        Err(format!("others may look at what is kept: {open:?} of\n{listed}"))
    }

    /// The person's journals and settings, each with the sum of its bytes.
    fn kept(&self) -> Result<String, String> {
        let script = format!(
            "cd / && find {DATA} {SETTINGS_FILE} -type f ! -path '*/logs/*' ! -name '*-shm' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum"
        );
        let kept = self.output(shell::program("sh").args(["-c", &script]))?;
        if kept.contains("journal") { Ok(kept) } else { Err(format!("there is no journal: {kept}")) }
    }

    fn expect_kept(&self, before: &str) -> Result<(), String> {
        let now = self.kept()?;
        if now != before {
            return Err(format!("the journal or the settings changed:\n{before}became\n{now}"));
        }
        let mut verify = self.inside(PERSON)?;
        shell::run(verify.args(["unlatch", "verify-journal", "--demo"]))
    }

    /// Removes the package, then purges it: its files go, the person's stay, and purging says where they are.
    fn take_away(&self, bundle: &Bundle) -> Result<(), String> {
        let kept = self.kept()?;
        let files = self.output(shell::program("dpkg").args(["--listfiles", "unlatch"]))?;
        let files = || files.lines().filter(|file| file.contains("unlatch"));
        if !files().any(|file| file == "/usr/bin/unlatch") {
            return Err("dpkg does not know the program".to_owned());
        }
        self.apt(&["remove", "--yes", "unlatch"])?;
        let left: Vec<&str> =
            files().filter(|file| self.root.join(file.trim_start_matches('/')).exists()).collect();
        if !left.is_empty() {
            return Err(format!("left after {} was removed: {left:?}", bundle.version));
        }
        if self.kept()? != kept {
            return Err("removing changed the journal or the settings".to_owned());
        }
        let said = self.output(shell::program("apt-get").args(["--quiet", "purge", "--yes", "unlatch"]))?;
        print!("{said}");
        // apt shows it as a terminal would, with other ends of lines.
        if !said.lines().any(|line| line.trim_end().ends_with(&format!("kept: /{DATA}"))) {
            return Err("purging does not say where the journal is".to_owned());
        }
        if self.kept()? != kept {
            return Err("purging changed the journal or the settings".to_owned());
        }
        let known = self.output(shell::program("dpkg-query").args(["--show", "unlatch"]));
        if known.is_ok() { Err("dpkg still knows the package".to_owned()) } else { Ok(()) }
    }
}

/// Where this machine gets that Debian from, as its apt knows it; without any, mmdebstrap asks Debian's own servers.
fn sources() -> Result<Vec<String>, String> {
    let format = "$(CREATED_BY)|$(ORIGIN)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)";
    let listed = shell::output(shell::program("apt-get").args(["indextargets", "--format", format]))?;
    Ok(sources_in(&listed))
}

fn sources_in(listed: &str) -> Vec<String> {
    let mut sources: Vec<String> = Vec::new();
    for line in listed.lines() {
        let words: Vec<&str> = line.split('|').collect();
        if let ["Packages", "Debian", codename, "main", place] = words.as_slice()
            && codename.starts_with(DEBIAN)
        {
            let source = format!("deb {place} {codename} main");
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sources_of_that_debian_alone_are_taken_from_the_machines_apt() {
        let listed = "Packages|Debian|bookworm|main|http://debian.example/debian/
Translations|Debian|bookworm|main|http://debian.example/debian/
Packages|Debian|bookworm-security|main|http://debian.example/security/
Packages|Debian|trixie|main|http://debian.example/debian/
Packages|Another|bookworm|main|http://another.example/
Packages|Debian|bookworm|contrib|http://debian.example/debian/";
        assert_eq!(
            sources_in(listed),
            [
                "deb http://debian.example/debian/ bookworm main",
                "deb http://debian.example/security/ bookworm-security main"
            ]
        );
    }
}

//! What can be said of the packages without installing them.

use std::fs;
use std::path::Path;

use super::Bundle;
use crate::steps::Steps;
use crate::{files, shell};

/// The most the files may take when they are installed, in bytes.
const MOST_INSTALLED: u64 = 25_000_000;

/// Takes a step for each thing to look at.
pub fn take(steps: &mut Steps, bundle: &Bundle, program: &Path) {
    let tree = bundle.tree();
    steps.take("lintian", &["packages"], || {
        // It runs as root where everything does.
        let options = ["--fail-on", "error", "--tag-display-limit", "0", "--allow-root"];
        shell::run(shell::program("lintian").args(options).arg(bundle.deb()))
    });
    steps.take("desktop entry", &["packages"], || {
        let entry = tree.join("usr/share/applications/unlatch.desktop");
        says_nothing(shell::program("desktop-file-validate").arg(entry))
    });
    steps.take("AppStream metadata", &["packages"], || {
        let metadata = tree.join("usr/share/metainfo/io.github.unlatch.desktop.metainfo.xml");
        shell::run(shell::program("appstreamcli").args(["validate", "--no-net", "--explain"]).arg(metadata))
    });
    steps.take("man pages", &["packages"], || {
        for page in ["usr/share/man/man1/unlatch.1.gz", "usr/share/man/es/man1/unlatch.1.gz"] {
            let mut man = shell::program("man");
            man.env("LC_ALL", "C.UTF-8").env("MANROFFSEQ", "").env("MANWIDTH", "80");
            man.args(["--warnings", "--encoding=UTF-8", "--local-file", "--troff-device=utf8", "--ditroff"]);
            warns_of_nothing(man.arg(tree.join(page)))?;
        }
        Ok(())
    });
    steps.take("deb contents", &["packages"], || deb(bundle));
    steps.take("rpm contents", &["packages"], || rpm(bundle));
    steps.take("the same files, the same packages", &["packages"], || {
        let again = bundle.another(&bundle.version, "again");
        files::empty_folder(&again.folder)?;
        again.make(program)?;
        for (one, other) in [(bundle.deb(), again.deb()), (bundle.rpm(), again.rpm())] {
            if files::read(&one)? != files::read(&other)? {
                return Err(format!("{} came out another way the second time", one.display()));
            }
        }
        fs::remove_dir_all(&again.folder).map_err(|error| error.to_string())
    });
}

fn says_nothing(command: &mut std::process::Command) -> Result<(), String> {
    match shell::output(command)?.trim() {
        "" => Ok(()),
        words => Err(words.to_owned()),
    }
}

fn warns_of_nothing(command: &mut std::process::Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() && words.is_empty() && !output.stdout.is_empty() {
        return Ok(());
    }
    Err(if words.is_empty() { "nothing came of it".to_owned() } else { words })
}

fn deb(bundle: &Bundle) -> Result<(), String> {
    let field = |name: &str| {
        let value = shell::output(shell::program("dpkg-deb").arg("--field").arg(bundle.deb()).arg(name))?;
        Ok::<String, String>(value.trim().to_owned())
    };
    let size: u64 = field("Installed-Size")?.parse().map_err(|_| "Installed-Size is no number".to_owned())?;
    println!("Installed-Size: {size} KiB\nDepends: {}", field("Depends")?);
    if size * 1024 > MOST_INSTALLED {
        return Err(format!("{size} KiB installed, and {MOST_INSTALLED} bytes are the most"));
    }
    let listed = shell::output(shell::program("dpkg-deb").arg("--contents").arg(bundle.deb()))?;
    let entries = listed.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (mode, owner) = (words.next()?, words.next()?);
        let name = words.nth(3)?.trim_start_matches('.');
        Some(Entry { mode: mode.to_owned(), owner: owner.to_owned(), name: name.to_owned() })
    });
    judged(&entries.collect::<Vec<_>>())
}

fn rpm(bundle: &Bundle) -> Result<(), String> {
    let ask = |arguments: &[&str]| {
        let mut command = shell::program("rpm");
        command.args(["--nosignature", "--query", "--package"]).args(arguments).arg(bundle.rpm());
        shell::output(&mut command)
    };
    let listed =
        ask(&["--queryformat", "[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILENAMES}\n]"])?;
    let entries = listed.lines().filter_map(|line| {
        let mut words = line.split(' ').map(str::to_owned);
        Some(Entry { mode: words.next()?, owner: words.next()?, name: words.next()? })
    });
    judged(&entries.collect::<Vec<_>>())?;

    let requires = ask(&["--requires"])?;
    let needed = ["libwebkit2gtk-4.1.so.0()(64bit)", "libgtk-3.so.0()(64bit)", "libc.so.6("];
    for library in needed {
        if !requires.lines().any(|line| line.starts_with(library)) {
            return Err(format!("the rpm does not say that it takes {library}:\n{requires}"));
        }
    }
    if let Some(line) = requires.lines().find(|line| line.contains('/') && !line.starts_with("/bin/sh")) {
        return Err(format!("the rpm takes {line}"));
    }
    let scripts = ask(&["--scripts"])?;
    let kinds: Vec<&str> = scripts.lines().filter(|line| line.contains(" scriptlet ")).collect();
    if kinds.len() != 1 || !kinds[0].starts_with("postuninstall ") {
        return Err(format!("the rpm runs other scripts than the one after removing: {kinds:?}"));
    }
    let said =
        ask(&["--queryformat", "%{NAME} %{VERSION} %{RELEASE} %{LICENSE} %{BUILDHOST} %{BUILDTIME}\n"])?;
    let expected = format!("unlatch {} 1 Apache-2.0 OR MIT unlatch {}", bundle.version, bundle.time);
    if said.trim() != expected {
        return Err(format!("the rpm says `{}` and not `{expected}`", said.trim()));
    }
    println!("{}", ask(&["--recommends"])?.trim());
    shell::run(shell::program("rpmkeys").args(["--checksig", "--nosignature"]).arg(bundle.rpm()))
}

/// A file of a package.
#[derive(Debug)]
struct Entry {
    mode: String,
    owner: String,
    name: String,
}

/// What both kinds of package must hold.
const HELD: [&str; 14] = [
    "/usr/bin/unlatch",
    "/usr/share/applications/unlatch.desktop",
    "/usr/share/metainfo/io.github.unlatch.desktop.metainfo.xml",
    "/usr/share/icons/hicolor/16x16/apps/unlatch.png",
    "/usr/share/icons/hicolor/48x48/apps/unlatch.png",
    "/usr/share/icons/hicolor/512x512/apps/unlatch.png",
    "/usr/share/icons/hicolor/scalable/apps/unlatch.svg",
    "/usr/share/man/man1/unlatch.1.gz",
    "/usr/share/man/es/man1/unlatch.1.gz",
    "/usr/share/doc/unlatch/NEWS.gz",
    "/usr/share/doc/unlatch/third-party-notices.txt.gz",
    "/usr/share/doc/unlatch/unlatch.cdx.json.gz",
    "/usr/share/doc/unlatch/unlatch-ui.cdx.json.gz",
    "/usr/share/doc/unlatch/examples/policy.toml",
];

/// Everything is root's, nobody else writes, one file can be run, and nothing lies outside `/usr`.
fn judged(entries: &[Entry]) -> Result<(), String> {
    let mut wrong: Vec<String> = Vec::new();
    for Entry { mode, owner, name } in entries {
        let expected = match name.as_str() {
            "/usr/bin/unlatch" => "-rwxr-xr-x",
            _ if mode.starts_with('d') => "drwxr-xr-x",
            _ => "-rw-r--r--",
        };
        if mode != expected || owner != "root/root" || !(name == "/" || name.starts_with("/usr/")) {
            wrong.push(format!("{mode} {owner} {name}"));
        }
    }
    let missing = HELD.iter().filter(|held| !entries.iter().any(|entry| entry.name == **held));
    wrong.extend(missing.map(|held| format!("{held} is missing")));
    println!("{} files and folders", entries.len());
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        let entry = |name: &&str| Entry {
            mode: if *name == "/usr/bin/unlatch" { "-rwxr-xr-x" } else { "-rw-r--r--" }.to_owned(),
            owner: "root/root".to_owned(),
            name: (*name).to_owned(),
        };
        HELD.iter().map(entry).collect()
    }

    #[test]
    fn a_file_that_is_not_as_it_should_be_is_named() {
        assert_eq!(judged(&entries()), Ok(()));
        for (mode, owner, name) in [
            ("-rwsr-xr-x", "root/root", "/usr/bin/unlatch"),
            ("-rw-rw-r--", "root/root", "/usr/share/a"),
            ("-rwxr-xr-x", "root/root", "/usr/share/a"),
            ("-rw-r--r--", "me/me", "/usr/share/a"),
            ("-rw-r--r--", "root/root", "/etc/a"),
            ("drwxrwxrwx", "root/root", "/usr/share/a/"),
        ] {
            let mut entries = entries();
            entries.push(Entry { mode: mode.to_owned(), owner: owner.to_owned(), name: name.to_owned() });
            assert!(judged(&entries).unwrap_err().contains(name), "{mode} {owner} {name}");
        }
        assert!(judged(&entries()[1..]).unwrap_err().contains("/usr/bin/unlatch is missing"));
    }
}

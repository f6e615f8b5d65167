//! The package for Debian and what comes from it.

use std::path::Path;

use super::{Bundle, MAINTAINER, changes, filled, source, tree};
use crate::files::{read_text, write};
use crate::shell;

/// What Debian calls the architecture of this machine.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Packs the tree of a bundle.
pub fn pack(bundle: &Bundle) -> Result<(), String> {
    let folder = bundle.work.join("deb");
    let root = tree::copied(bundle, &folder)?;
    let papers = root.join("usr/share/doc/unlatch");
    tree::zip(&papers.join("changelog"), &changes::debian(bundle)?)?;
    let licence = read_text(&shell::root().join("LICENSE-MIT"))?;
    write(&papers.join("copyright"), filled(&source("debian/copyright")?, &[("MIT", &as_field(&licence))])?)?;

    let control = root.join("DEBIAN");
    let size = kibibytes(&root)?.to_string();
    let depends = libraries(&folder, &bundle.program())?;
    let values = [
        ("VERSION", bundle.version.as_str()),
        ("ARCHITECTURE", architecture()),
        ("MAINTAINER", MAINTAINER),
        ("SIZE", &size),
        ("DEPENDS", &depends),
    ];
    let text = filled(&source("debian/control")?, &values)?;
    write(&control.join("md5sums"), sums(&root)?)?;
    write(&control.join("control"), &text)?;
    let script = control.join("postrm");
    write(&script, source("debian/postrm")?)?;
    tree::permit(&root, &[&root.join("usr/bin/unlatch"), &script])?;

    let mut pack = shell::program("dpkg-deb");
    pack.env("SOURCE_DATE_EPOCH", bundle.time.to_string());
    pack.args(["--root-owner-group", "-Zxz", "--build"]).arg(&root).arg(bundle.deb());
    shell::output(&mut pack).map(drop)
}

/// A licence as a field of the copyright file: after a space, with a point for an empty line. Its title stands in the field's
/// first line, and who has the copyright in a field of its own.
fn as_field(licence: &str) -> String {
    let rest = licence
        .split_once("Permission is hereby granted")
        .map_or(licence, |(head, _)| &licence[head.len()..]);
    let line =
        |line: &str| if line.trim().is_empty() { " .".to_owned() } else { format!(" {}", line.trim_end()) };
    rest.trim_end().lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The packages of the libraries that a program takes, with the oldest versions that have what it uses.
fn libraries(folder: &Path, program: &Path) -> Result<String, String> {
    // It wants to stand beside the control file of a source package.
    write(&folder.join("debian/control"), "Source: unlatch\n\nPackage: unlatch\nArchitecture: any\n")?;
    let mut find = shell::program("dpkg-shlibdeps");
    let found = shell::output(find.current_dir(folder).arg("-O").arg(program))?;
    match found.trim().strip_prefix("shlibs:Depends=") {
        Some(packages) if !packages.is_empty() => Ok(packages.to_owned()),
        _ => Err(format!("dpkg-shlibdeps says: {found}")),
    }
}

/// What the files take when they are installed, as Debian's policy counts.
fn kibibytes(root: &Path) -> Result<u64, String> {
    let listed =
        shell::output(shell::program("find").arg(root).args(["-mindepth", "1", "-printf", "%y %s\n"]))?;
    let sizes = listed.lines().map(|line| match line.split_once(' ') {
        Some(("f" | "l", size)) => size.parse().unwrap_or(0u64).div_ceil(1024),
        _ => 1,
    });
    Ok(sizes.sum())
}

fn sums(root: &Path) -> Result<String, String> {
    let script = "find usr -type f -print0 | LC_ALL=C sort --zero-terminated | xargs --null md5sum";
    shell::output(shell::program("sh").args(["-c", script]).current_dir(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_becomes_a_field() {
        let licence =
            "MIT License\n\nCopyright (c) Somebody\n\nPermission is hereby granted, free\n\nTHE END\n";
        assert_eq!(as_field(licence), " Permission is hereby granted, free\n .\n THE END");
    }
}

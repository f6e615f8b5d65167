//! The files as they lie on the machine that has a package.

use std::path::{Path, PathBuf};

use super::{Bundle, changes, dated, filled, source};
use crate::files::{copy, empty_folder, read_text, write};
use crate::{icons, sbom, shell};

/// The sizes in which themes of icons hold those of programs.
const ICONS: [u32; 9] = [16, 22, 24, 32, 48, 64, 128, 256, 512];

/// Lays out the tree of a bundle around a built program.
pub fn lay_out(bundle: &Bundle, program: &Path) -> Result<(), String> {
    let tree = bundle.tree();
    empty_folder(&tree)?;
    let root = shell::root();
    copy(program, &bundle.program())?;

    copy(
        &root.join(super::SOURCES).join("unlatch.desktop"),
        &tree.join("usr/share/applications/unlatch.desktop"),
    )?;
    let metadata = "io.github.unlatch.desktop.metainfo.xml";
    let releases = changes::appstream(bundle)?;
    let text = filled(&source(metadata)?, &[("RELEASES", releases.as_str())])?;
    write(&tree.join("usr/share/metainfo").join(metadata), &text)?;

    let icons = tree.join("usr/share/icons/hicolor");
    for size in ICONS {
        icons::draw(size, &icons.join(format!("{size}x{size}/apps/unlatch.png")))?;
    }
    copy(&icons::source(), &icons.join("scalable/apps/unlatch.svg"))?;

    let day = dated(bundle.time, "%Y-%m-%d")?;
    for (page, folder) in [("unlatch.1", "man1"), ("unlatch.es.1", "es/man1")] {
        let text = filled(&source(page)?, &[("VERSION", bundle.version.as_str()), ("DATE", day.as_str())])?;
        zip(&tree.join("usr/share/man").join(folder).join("unlatch.1"), &text)?;
    }

    let papers = tree.join("usr/share/doc/unlatch");
    zip(&papers.join("NEWS"), &read_text(&root.join("CHANGELOG.md"))?)?;
    zip(
        &papers.join("third-party-notices.txt"),
        &read_text(&root.join("ui/public/third-party-notices.txt"))?,
    )?;
    for bill in sbom::write(&sbom::host()?, &bundle.work.join("sbom"))? {
        zip(&papers.join(bill.file_name().unwrap_or_default()), &read_text(&bill)?)?;
    }
    copy(&root.join(super::SOURCES).join("policy.toml"), &papers.join("examples/policy.toml"))?;
    permit(&tree, &[&bundle.program()])
}

/// A copy of the tree in a folder made anew, for one kind of package to add its own to.
pub fn copied(bundle: &Bundle, folder: &Path) -> Result<PathBuf, String> {
    empty_folder(folder)?;
    let root = folder.join("root");
    shell::output(
        shell::program("cp").args(["--archive", "--no-target-directory"]).arg(bundle.tree()).arg(&root),
    )?;
    Ok(root)
}

/// Writes a text as a `.gz` file that holds neither its name nor a time.
pub fn zip(file: &Path, text: &str) -> Result<(), String> {
    write(file, text)?;
    shell::output(shell::program("gzip").args(["-9", "--no-name", "--force"]).arg(file)).map(drop)
}

/// Lets everybody read and the owner write, whatever this machine does with new files. Programs can be run.
pub fn permit(place: &Path, programs: &[&Path]) -> Result<(), String> {
    let mut find = shell::program("find");
    find.arg(place).args(["-type", "d", "-exec", "chmod", "0755", "{}", "+"]);
    find.args(["-o", "-type", "f", "-exec", "chmod", "0644", "{}", "+"]);
    shell::output(&mut find)?;
    shell::output(shell::program("chmod").arg("0755").args(programs)).map(drop)
}

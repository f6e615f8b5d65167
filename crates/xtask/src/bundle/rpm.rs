//! The package for Fedora and what comes from it.

use super::{Bundle, MAINTAINER, changes, filled, source, tree};
use crate::files::{copy, write};
use crate::shell;

/// Packs the tree of a bundle.
pub fn pack(bundle: &Bundle) -> Result<(), String> {
    let folder = bundle.work.join("rpm");
    let root = tree::copied(bundle, &folder)?;
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        copy(&shell::root().join(licence), &root.join("usr/share/licenses/unlatch").join(licence))?;
    }
    tree::permit(&root, &[&root.join("usr/bin/unlatch")])?;
    let changes = changes::rpm(bundle)?;
    let values = [("VERSION", bundle.version.as_str()), ("MAINTAINER", MAINTAINER), ("CHANGES", &changes)];
    let spec = folder.join("unlatch.spec");
    write(&spec, filled(&source("rpm/unlatch.spec")?, &values)?)?;

    let mut pack = shell::program("rpmbuild");
    pack.env("SOURCE_DATE_EPOCH", bundle.time.to_string());
    // Of the machine's own settings only the ones that come with the program count.
    pack.env("HOME", &folder).args(["-bb", "--quiet", "--target", std::env::consts::ARCH]);
    pack.arg("--define").arg(format!("_topdir {}", folder.join("work").display()));
    pack.arg("--define").arg(format!("_rpmdir {}", bundle.folder.display()));
    pack.args(["--define", "_rpmfilename unlatch-%{VERSION}-%{RELEASE}.%{ARCH}.rpm"]);
    pack.arg("--buildroot").arg(&root).arg(&spec);
    shell::output(&mut pack).map(drop)
}

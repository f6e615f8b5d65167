//! What the dependencies may be: `deny.toml`, and no dependency that nothing uses.

use crate::steps::Steps;
use crate::{shell, tools};

/// The checks that need no network once the crates are there.
pub fn check(steps: &mut Steps) {
    steps.take("cargo-deny", &[], || tools::install(tools::DENY));
    steps.take("licences, bans, sources", &["cargo-deny"], || {
        let what = ["check", "--hide-inclusion-graph", "bans", "licenses", "sources"];
        shell::run(&mut tools::command(tools::DENY, &what))
    });
    steps.take("cargo-shear", &[], || tools::install(tools::SHEAR));
    steps
        .take("unused dependencies", &["cargo-shear"], || shell::run(&mut tools::command(tools::SHEAR, &[])));
}

/// `cargo xtask advisories`: known faults of the dependencies, from a database that is fetched first.
pub fn advisories() -> bool {
    let mut steps = Steps::default();
    steps.take("cargo-deny", &[], || tools::install(tools::DENY));
    steps.take("advisory database", &["cargo-deny"], || {
        let fetched = shell::run(&mut tools::command(tools::DENY, &["fetch", "db"]));
        fetched
            .map_err(|words| format!("{words}: the database cannot be reached, so no advisory was looked at"))
    });
    steps.take("advisories", &["advisory database"], || {
        shell::run(&mut tools::command(tools::DENY, &["check", "advisories"]))
    });
    steps.conclude()
}

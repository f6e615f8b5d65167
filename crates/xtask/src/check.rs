//! `cargo xtask check`, and the same checks as part of `cargo xtask test`.

use crate::packages::{self, Purpose};
use crate::steps::Steps;
use crate::{dependencies, documents, icons, notices, rules, shell, test, ui};

/// Every check that needs no test run.
pub fn run() -> bool {
    let mut steps = Steps::default();
    prepare(&mut steps, Purpose::Check);
    quick(&mut steps);
    slow(&mut steps);
    // The whole workspace is named so that features, and so what is compiled, stay the same as in the tests.
    steps.take("bindings", &["UI build"], || {
        let mut command = shell::cargo(&["test", "--workspace", "--lib", "--quiet", "bindings"]);
        let (summaries, ended) = shell::run_and_keep(&mut command, test::is_summary);
        ended.and_then(|()| test::expect_some(&summaries))
    });
    steps.conclude()
}

/// Installs what is missing.
pub fn prepare(steps: &mut Steps, purpose: Purpose) {
    steps.take("Debian packages", &[], || packages::install(purpose));
    steps.take("npm packages", &[], ui::install);
}

/// The checks that take seconds.
pub fn quick(steps: &mut Steps) {
    steps.take("formatting", &[], || shell::run(&mut shell::cargo(&["fmt", "--all", "--check"])));
    steps.take("rules of the house", &[], rules::check);
    steps.take("icons", &["Debian packages"], icons::check);
    steps.take("documents", &["Debian packages"], documents::check);
    steps.take("third-party notices", &["npm packages"], notices::check);
    steps.take("UI lint", &["npm packages"], || shell::run(&mut ui::script("lint")));
    steps.take("UI types", &["npm packages"], || shell::run(&mut ui::script("check")));
}

/// The checks that take minutes. The window holds the built UI, so that comes first.
pub fn slow(steps: &mut Steps) {
    dependencies::check(steps);
    steps.take("UI build", &["npm packages"], || shell::run(&mut ui::script("build")));
    steps.take("clippy", &["Debian packages", "UI build"], || {
        shell::run(&mut shell::cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))
    });
}

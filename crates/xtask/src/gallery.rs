//! `cargo xtask screenshots`, and the same looks at the UI as part of `cargo xtask test`.

use std::process::Command;

use crate::packages::Purpose;
use crate::steps::Steps;
use crate::{check, shell, ui};

/// Takes a picture of every view and checks each. Gives whether nothing is wrong.
pub fn run() -> bool {
    let mut steps = Steps::default();
    check::prepare(&mut steps, Purpose::Headless);
    build_ui(&mut steps);
    // The window itself is not in the pictures, so it is not built for them.
    steps.take("gallery program", &["Debian packages"], || {
        shell::run(&mut shell::cargo(&["build", "--workspace", "--bin", "unlatch-gallery"]))
    });
    steps.take_and_keep("screenshots", &["gallery program", "UI on the fake engine"], || {
        shell::run_and_keep(&mut program(), is_summary)
    });
    steps.conclude()
}

/// Builds the UI that the gallery shows.
pub fn build_ui(steps: &mut Steps) {
    steps.take("UI on the fake engine", &["npm packages"], || shell::run(&mut ui::script("build:fake")));
}

/// Checks every view and keeps no picture.
pub fn checks() -> (Vec<String>, Result<(), String>) {
    shell::run_and_keep(program().arg("--checks"), is_summary)
}

fn program() -> Command {
    shell::program(shell::built().join("unlatch-gallery"))
}

/// The line in which the gallery says how it went.
fn is_summary(line: &str) -> bool {
    line.starts_with("gallery: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_known() {
        assert!(is_summary("gallery: 77 scenes, 569 pictures, 0 findings"));
        assert!(!is_summary("axe color-contrast: p"));
    }
}

//! `cargo xtask bench`.

use crate::steps::Steps;
use crate::{shell, ui};

/// Measures, prints a table and writes `target/bench/recovery.json`.
pub fn run() -> bool {
    let mut steps = Steps::default();
    steps.take("npm packages", &[], || ui::install_in("crates/recovery/benches/recovery/peer"));
    steps.take("recovery", &["npm packages"], || {
        let folder = shell::root().join("target/bench");
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let file = folder.join("recovery.json").display().to_string();
        shell::run(&mut shell::cargo(&[
            "bench",
            "-p",
            "unlatch-recovery",
            "--bench",
            "recovery",
            "--",
            &file,
        ]))
    });
    steps.conclude()
}

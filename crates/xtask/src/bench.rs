//! `cargo xtask bench`.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::Command;

use crate::packages::{self, Purpose};
use crate::steps::Steps;
use crate::{files, shell, ui};

/// The most the web UI may weigh, in bytes as gzip makes them: scripts and styles.
const MOST_SCRIPT: usize = 150_000;
const MOST_STYLE: usize = 25_000;

/// Where the figures go.
fn file(name: &str) -> Result<PathBuf, String> {
    let folder = shell::root().join("target/bench");
    files::make_folder(&folder)?;
    Ok(folder.join(name))
}

/// Measures the window on a released build, prints a table and writes `target/bench/window.json`.
pub fn window() -> bool {
    let mut steps = Steps::default();
    steps.take("Debian packages", &[], || packages::install(Purpose::Headless));
    steps.take("npm packages", &[], ui::install);
    steps.take("web UI", &["npm packages"], || shell::run(&mut ui::script("build")).and_then(|()| weigh()));
    let build = ["build", "--release", "--workspace", "--exclude", "xtask", "--bins", "--examples"];
    steps.take("build", &["web UI", "Debian packages"], || {
        // In a folder of its own: no package is ever made of a window that lets itself be driven.
        let folder = bench_build();
        shell::run(
            shell::cargo(&build).args(["--features", "unlatch/remote-control", "--target-dir"]).arg(folder),
        )
    });
    steps.take("window", &["build"], || {
        shell::run(
            shell::program(bench_build().join("release/unlatch-bench-window")).arg(file("window.json")?),
        )
    });
    steps.conclude()
}

fn bench_build() -> PathBuf {
    shell::target().join("bench-build")
}

/// Says what the built web UI weighs.
fn weigh() -> Result<(), String> {
    let folder = shell::root().join("ui/dist/assets");
    let (mut scripts, mut styles) = (0, 0);
    for path in files::in_folder(&folder)? {
        let size = || zipped(&path);
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("js") => scripts += size()?,
            Some("css") => styles += size()?,
            _ => {}
        }
    }
    println!(
        "scripts {scripts} bytes (at most {MOST_SCRIPT}), styles {styles} bytes (at most {MOST_STYLE}), by gzip"
    );
    if scripts == 0 || scripts > MOST_SCRIPT || styles > MOST_STYLE {
        return Err("the web UI is too heavy, or is not there".to_owned());
    }
    Ok(())
}

fn zipped(path: &std::path::Path) -> Result<usize, String> {
    let mut gzip = Command::new("gzip");
    gzip.args(["-9", "-c"]).arg(path).stdout(std::process::Stdio::piped());
    let mut child = gzip.spawn().map_err(|error| format!("gzip: {error}"))?;
    let mut bytes = Vec::new();
    let read = child.stdout.take().map(|mut out| out.read_to_end(&mut bytes));
    let ended = child.wait().map_err(|error| format!("gzip: {error}"))?;
    match read {
        Some(Ok(size)) if ended.success() => Ok(size),
        _ => Err(format!("gzip could not read {}", path.display())),
    }
}

/// Measures the engine, prints a table and writes `target/bench/recovery.json`.
pub fn recovery() -> bool {
    let mut steps = Steps::default();
    steps.take("npm packages", &[], || ui::install_in("crates/recovery/benches/recovery/peer"));
    steps.take("recovery", &["npm packages"], || {
        let file = file("recovery.json")?.display().to_string();
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

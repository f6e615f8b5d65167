//! Wine, as a Windows to test on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::LIMIT;
use crate::{files, shell};

/// What a program said, and how it ended.
#[derive(Debug)]
pub struct Said {
    /// None if it was ended.
    pub code: Option<i32>,
    /// What it wrote, with line ends as on Linux.
    pub out: String,
    /// What it wrote as an error.
    pub err: String,
}

/// A Windows of its own, in a folder, without a display. What an earlier one kept is not in it.
pub struct Wine {
    prefix: PathBuf,
}

impl Wine {
    /// The one in `prefix`, which need not be there yet.
    pub fn new(prefix: PathBuf) -> Self {
        Self { prefix }
    }

    /// Where the file of that path below `C:\\` lies.
    pub fn on_c(&self, path: &str) -> PathBuf {
        self.prefix.join("drive_c").join(path)
    }

    /// The folder in which it keeps its registry and its drive.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// Makes it anew.
    ///
    /// # Errors
    /// In words.
    pub fn begin(&self) -> Result<(), String> {
        self.end();
        files::make_folder(&self.prefix)?;
        let mut boot = self.program("wineboot");
        shell::run_and_keep_within(boot.arg("--init"), |_| false, LIMIT, || self.stop()).1?;
        // What Wine 8 lacks of Windows and Rust's standard library needs.
        let mut compiler = shell::program("x86_64-w64-mingw32-gcc");
        compiler.args(["-shared", "-O2", "-Wall", "-Werror", "-s", "-o"]);
        compiler.arg(self.on_c("windows/system32/bcryptprimitives.dll"));
        shell::run(compiler.args(["crates/xtask/windows/bcryptprimitives.c", "-ladvapi32"]))
    }

    /// A program of Wine's, or `wine` itself.
    pub fn program(&self, name: &str) -> Command {
        let mut command = shell::program(name);
        command.env("WINEPREFIX", &self.prefix).env("WINEDEBUG", "-all");
        // No menus on this person's desktop, no links into their folders, no offer to install .NET or a browser.
        command.env("WINEDLLOVERRIDES", "winemenubuilder.exe=;mscoree=;mshtml=;winedbg.exe=");
        command.env("HOME", &self.prefix);
        // On an abort Wine's unwinder may fault, and a debugger would wait for a person.
        command.env("RUST_BACKTRACE", "0");
        for variable in ["DISPLAY", "WAYLAND_DISPLAY", "WINESERVER", "WINELOADER", "WINEARCH"] {
            command.env_remove(variable);
        }
        command.stdin(Stdio::null());
        command
    }

    /// Runs a program and gives what it said.
    ///
    /// # Errors
    /// When it cannot be started, or does not end.
    pub fn ask(&self, program: &Path, arguments: &[&str]) -> Result<Said, String> {
        let mut command = self.program("timeout");
        command.arg(LIMIT.as_secs().to_string()).arg("wine").arg(program).args(arguments);
        let output = command.output().map_err(|error| format!("timeout: {error}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("\r\n", "\n");
        Ok(Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) })
    }

    /// The folder of the one person there is.
    ///
    /// # Errors
    /// When there is none.
    pub fn user_folder(&self) -> Result<PathBuf, String> {
        let mut folders = files::in_folder(&self.on_c("users"))?.into_iter();
        folders.find(|folder| !folder.ends_with("Public")).ok_or_else(|| "Wine has no person".to_owned())
    }

    /// Waits until nothing runs in this Windows any more.
    ///
    /// # Errors
    /// When something still does after a while.
    pub fn wait(&self) -> Result<(), String> {
        let mut server = self.program("wineserver");
        shell::run_and_keep_within(server.arg("--wait"), |_| false, LIMIT, || self.stop()).1
    }

    /// Ends whatever runs in this Windows, if anything does, and waits until it has ended.
    pub fn stop(&self) {
        let mut server = self.program("wineserver");
        let _ = server.arg("--kill").stdout(Stdio::null()).stderr(Stdio::null()).status();
    }

    /// Stops and forgets: nearly 700 MB that are made anew in seconds.
    pub fn end(&self) {
        if self.prefix.exists() {
            self.stop();
            let _ = fs::remove_dir_all(&self.prefix);
        }
    }
}

//! A desktop session of one's own: a home, a D-Bus, and a keychain in a known state. Nothing of the person who
//! runs the tests is read or written.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::failure::Failure;
use crate::process::{Running, end_all_with, family_with, kill_with, resident_with, runs_with};

/// The variable by which everything that was started in a session is known.
const MARK: &str = "UNLATCH_E2E_SESSION";

/// gnome-keyring takes the password byte for byte, line ends included.
const PASSWORD: &[u8] = b"only in this session";

const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=@FOLDER@/bus</listen>
  <auth>EXTERNAL</auth>
  <servicedir>@FOLDER@/services</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

const ACTIVATED_KEYCHAIN: &str = "[D-BUS Service]
Name=org.freedesktop.secrets
Exec=/usr/bin/gnome-keyring-daemon --start --foreground --components=secrets
";

const BROWSER: &str = "[Desktop Entry]
Type=Application
Name=Demo browser
Exec=@BROWSER@ %u
MimeType=x-scheme-handler/http;x-scheme-handler/https;
NoDisplay=true
";

const BROWSER_IS_DEFAULT: &str = "[Default Applications]
x-scheme-handler/http=unlatch-demo-browser.desktop
x-scheme-handler/https=unlatch-demo-browser.desktop
";

/// The state of the keychain in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keychain {
    /// gnome-keyring runs and its login collection is open.
    Unlocked,
    /// gnome-keyring starts when asked for, holds a locked collection, and has no display to ask a person on.
    Locked,
    /// gnome-keyring starts when asked for and holds no collection at all.
    Empty,
    /// No program on the bus offers a keychain.
    Absent,
}

/// A session. It ends, with everything in it, when dropped.
#[derive(Debug)]
pub struct Session {
    // Ends before the folder goes.
    services: Vec<Running>,
    folder: TempDir,
}

impl Session {
    /// Starts a session with the keychain in that state, and waits until it is.
    ///
    /// # Errors
    /// When a program is missing, or does not come up within ten seconds.
    pub fn start(keychain: Keychain) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("unlatch-").tempdir()?;
        let mut session = Self { services: Vec::new(), folder };
        for place in ["home", "run", "config", "data", "cache", "state", "services"] {
            fs::DirBuilder::new().mode(0o700).create(session.folder().join(place))?;
        }
        session.write_bus_and_browser()?;
        if keychain == Keychain::Locked {
            session.make_locked_collection()?;
        }
        if matches!(keychain, Keychain::Locked | Keychain::Empty) {
            fs::write(session.folder().join("services/org.freedesktop.secrets.service"), ACTIVATED_KEYCHAIN)?;
        }
        session.start_bus()?;
        match keychain {
            Keychain::Unlocked => session.start_keychain()?,
            Keychain::Locked => session.expect_locked(true)?,
            Keychain::Empty | Keychain::Absent => {}
        }
        Ok(session)
    }

    /// The folder that holds everything the session writes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The home of the session's person.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.folder().join("home")
    }

    /// A command that runs inside the session. It has no display.
    #[must_use]
    pub fn command(&self, program: impl Into<OsString>) -> Command {
        let mut command = Command::new(program.into());
        for stranger in ["DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_CURRENT_DESKTOP", "DESKTOP_SESSION"]
        {
            command.env_remove(stranger);
        }
        command
            .env(MARK, self.folder())
            .env("HOME", self.home())
            .env("XDG_RUNTIME_DIR", self.folder().join("run"))
            .env("XDG_CONFIG_HOME", self.folder().join("config"))
            .env("XDG_DATA_HOME", self.folder().join("data"))
            .env("XDG_CACHE_HOME", self.folder().join("cache"))
            .env("XDG_STATE_HOME", self.folder().join("state"))
            .env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", self.folder().join("bus").display()));
        command
    }

    /// Whether that program runs in the session.
    #[must_use]
    pub fn runs(&self, program: &Path) -> bool {
        runs_with(MARK, self.folder(), program)
    }

    /// Kills that program wherever it runs in the session, as a crash would. Gives how many processes there were.
    #[must_use]
    pub fn kill(&self, program: &Path) -> usize {
        kill_with(MARK, self.folder(), program)
    }

    /// The resident memory of that program in the session and of all that it started, in bytes.
    #[must_use]
    pub fn resident(&self, program: &Path) -> u64 {
        resident_with(MARK, self.folder(), program)
    }

    /// The processes of that program in the session and all that they started.
    #[must_use]
    pub fn family(&self, program: &Path) -> Vec<u32> {
        family_with(MARK, self.folder(), program)
    }

    /// How many secrets the open keychain holds, whoever put them there.
    ///
    /// # Errors
    /// When the keychain does not answer.
    pub fn secrets_kept(&self) -> Result<usize, Failure> {
        let answer = self.login_collection("Items")?;
        Ok(answer.matches("object path \"/org/freedesktop/secrets/collection/login/").count())
    }

    fn write_bus_and_browser(&self) -> Result<(), Failure> {
        let folder = self.folder();
        let place = folder.display().to_string();
        fs::write(folder.join("bus.conf"), BUS.replace("@FOLDER@", &place))?;
        let browser = crate::built("unlatch-demo-browser")?;
        fs::create_dir(folder.join("data/applications"))?;
        fs::write(
            folder.join("data/applications/unlatch-demo-browser.desktop"),
            BROWSER.replace("@BROWSER@", &browser.display().to_string()),
        )?;
        fs::write(folder.join("config/mimeapps.list"), BROWSER_IS_DEFAULT)?;
        Ok(())
    }

    fn start_bus(&mut self) -> Result<(), Failure> {
        let mut command = self.command("dbus-daemon");
        command.arg(format!("--config-file={}", self.folder().join("bus.conf").display()));
        command.args(["--nofork", "--nopidfile", "--print-address"]).stdout(Stdio::piped());
        command.stderr(fs::File::create(self.folder().join("bus.log"))?);
        let mut bus = Running::start("dbus-daemon", &mut command)?;
        // It prints its address once it listens.
        let out = bus.child().stdout.take().ok_or_else(|| Failure::new("dbus-daemon has no output"))?;
        let mut address = String::new();
        BufReader::new(out).read_line(&mut address)?;
        if address.trim().is_empty() {
            return Err(Failure::new("dbus-daemon ended at once"));
        }
        self.services.push(bus);
        Ok(())
    }

    fn start_keychain(&mut self) -> Result<(), Failure> {
        let mut command = self.command("gnome-keyring-daemon");
        command.args(["--unlock", "--foreground", "--components=secrets"]);
        let log = fs::File::create(self.folder().join("keychain.log"))?;
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        let mut daemon = Running::start("gnome-keyring-daemon", &mut command)?;
        let entry = daemon.child().stdin.take();
        entry.ok_or_else(|| Failure::new("gnome-keyring-daemon has no input"))?.write_all(PASSWORD)?;
        self.services.push(daemon);
        self.expect_locked(false)
    }

    /// A collection on disk, made by a daemon of a bus that is gone again, whose password nobody will give.
    fn make_locked_collection(&mut self) -> Result<(), Failure> {
        self.start_bus()?;
        self.start_keychain()?;
        while let Some(service) = self.services.pop() {
            drop(service);
        }
        let keyrings = self.folder().join("data/keyrings");
        let made = fs::read_dir(&keyrings)?.flatten().any(|file| file.file_name() == "login.keyring");
        if !made {
            return Err(Failure::new("gnome-keyring made no login collection"));
        }
        fs::set_permissions(&keyrings, fs::Permissions::from_mode(0o700))?;
        Ok(())
    }

    fn expect_locked(&self, locked: bool) -> Result<(), Failure> {
        let start = Instant::now();
        loop {
            let answer = self.login_collection("Locked");
            match answer {
                Ok(words) if words.contains(&format!("boolean {locked}")) => return Ok(()),
                _ if start.elapsed() < Duration::from_secs(10) => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Ok(words) => {
                    return Err(Failure::new(format!("the keychain is in the wrong state: {words}")));
                }
                Err(failure) => return Err(failure.while_doing("waiting for the keychain")),
            }
        }
    }

    /// A property of the login collection, as `dbus-send` prints it. No secret is among them.
    fn login_collection(&self, property: &str) -> Result<String, Failure> {
        let output = self
            .command("dbus-send")
            .args(["--session", "--print-reply", "--dest=org.freedesktop.secrets"])
            .args(["/org/freedesktop/secrets/collection/login", "org.freedesktop.DBus.Properties.Get"])
            .arg("string:org.freedesktop.Secret.Collection")
            .arg(format!("string:{property}"))
            .output()
            .map_err(|error| Failure::new(format!("dbus-send cannot be started: {error}")))?;
        if !output.status.success() {
            return Err(Failure::new(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        while let Some(service) = self.services.pop() {
            drop(service);
        }
        end_all_with(MARK, self.folder.path());
    }
}

//! `unlatch-installed job FOLDER COMMAND…` does the main job in an installed Unlatch, on its demo tenant, with the keyboard of a
//! virtual display alone, and keeps a picture of each step in that folder. What follows starts a program where Unlatch is
//! installed; the program and its arguments are put after it.
//!
//! `unlatch-installed closed` says whether the window's program (`UNLATCH_BIN`) keeps WebKitWebDriver out, as a released one must.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command-line program")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use unlatch_demo_tenant::{DemoTenant, Options};
use unlatch_e2e::{Display, Failure, Hands, Keychain, Launch, Picks, Running, Stage, Window, can_take_it};

const USAGE: &str = "usage: unlatch-installed job FOLDER COMMAND... | closed";

/// The reason: a word that is looked for on the screen, and the rest.
const TICKET: &str = "INC-4711";
const REASON: &str = " from the package";

/// How long a run of a few devices may take, its countdown included.
const RUN: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let ended = match arguments.as_slice() {
        [word, folder, command @ ..] if word == "job" && !command.is_empty() => {
            job(Path::new(folder), command).await
        }
        [word] if word == "closed" => closed(),
        _ => Err(Failure::new(USAGE)),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("unlatch-installed: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn job(folder: &Path, command: &[OsString]) -> Result<(), Failure> {
    // The demo tenant lives inside Unlatch. The same seed makes the same one, so a twin tells what there is to find.
    let twin =
        DemoTenant::start(Options::default()).await.map_err(|error| Failure::new(error.to_string()))?;
    let picks = Picks::from(&twin.directory())?;
    let scratch = tempfile::tempdir()?;
    let display = Display::start(scratch.path())?;
    let installed = Installed { command, display: &display };
    let before = installed.entries()?;
    let mut app = installed.start(&folder.join("output.log"))?;
    let mut album = Album { display: &display, folder: folder.to_owned(), count: 0 };
    let done = work(&installed, &picks, before, &mut album);
    if done.is_err() {
        album.keep("failed")?;
    } else if let Some(status) = app.ended() {
        return Err(Failure::new(format!("Unlatch ended by itself, with {status}")));
    }
    done
}

fn work(installed: &Installed, picks: &Picks, before: u64, album: &mut Album) -> Result<(), Failure> {
    let hands = Hands::at(installed.display);
    let class = hands.take_window("Unlatch")?;
    // What the desktop entry's StartupWMClass says.
    if !class.contains("\"unlatch\"") {
        return Err(Failure::new(format!("the window calls itself {class}, so no dock finds its icon")));
    }
    album.keep("start")?;
    hands.see("signing in", || hands.press("Return"))?;
    album.keep("signed-in")?;
    hands.see("typing a person", || hands.type_text(picks.user_text()))?;
    album.keep("person")?;
    hands.see("choosing the person", || hands.press("Return"))?;
    hands.see("selecting all devices", || hands.press("ctrl+a"))?;
    album.keep("selected")?;
    hands.see("opening the review", || hands.press("ctrl+Return"))?;
    album.keep("review")?;
    hands.tab_to_field(TICKET)?;
    hands.type_text(REASON)?;
    hands.still()?;
    album.keep("reason")?;
    // Past the button that goes back.
    hands.press("Tab")?;
    hands.press("Tab")?;
    hands.see_begin("confirming", || hands.press("Return"))?;
    album.keep("started")?;

    // At least: the run itself, and for each device what was about to be sent and what was answered.
    let devices = picks.devices_of_user.iter().filter(|device| can_take_it(device)).count() as u64;
    let wanted = before + 1 + 2 * devices;
    let entries = installed.reaches(wanted)?;
    hands.still()?;
    album.keep("ended")?;
    println!("{} devices, {} new entries in the journal, {entries} in all", devices, entries - before);
    Ok(())
}

/// Unlatch where it is installed.
struct Installed<'a> {
    command: &'a [OsString],
    display: &'a Display,
}

impl Installed<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).args(arguments).env("DISPLAY", self.display.name());
        command
    }

    fn start(&self, log: &Path) -> Result<Running, Failure> {
        if let Some(folder) = log.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let output = std::fs::File::create(log)?;
        let mut command = self.command(&["unlatch", "--demo"]);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        Running::start("Unlatch", &mut command)
    }

    /// How many entries the journal has; 0 if there is none yet. All of it must be whole.
    fn entries(&self) -> Result<u64, Failure> {
        let output = self.command(&["unlatch", "verify-journal", "--demo"]).output()?;
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        if !output.status.success() {
            let none = output.status.code() == Some(2) && errors.contains("there is no journal yet");
            return if none {
                Ok(0)
            } else {
                Err(Failure::new(format!("verify-journal says: {words}{errors}")))
            };
        }
        let count = words.lines().find_map(|line| line.strip_prefix("entries")?.trim().parse().ok());
        count.ok_or_else(|| Failure::new(format!("verify-journal says: {words}")))
    }

    /// Waits until the journal has that many entries, and no more come.
    fn reaches(&self, wanted: u64) -> Result<u64, Failure> {
        let start = Instant::now();
        let mut last = 0;
        loop {
            let entries = self.entries()?;
            if entries >= wanted && entries == last {
                return Ok(entries);
            }
            if start.elapsed() > RUN {
                let words =
                    format!("the journal has {entries} entries after {RUN:?}, and {wanted} were to come");
                return Err(Failure::new(words));
            }
            last = entries;
            std::thread::sleep(Duration::from_secs(2));
        }
    }
}

/// Pictures of the screen, numbered in their order.
struct Album<'a> {
    display: &'a Display,
    folder: PathBuf,
    count: u32,
}

impl Album<'_> {
    fn keep(&mut self, name: &str) -> Result<(), Failure> {
        self.count += 1;
        self.display.capture(&self.folder.join(format!("{}-{name}.png", self.count)))
    }
}

/// Has WebKitWebDriver start the program and waits for what comes first: a window that it may drive, or a window and no answer.
fn closed() -> Result<(), Failure> {
    let stage = Stage::set("closed", Keychain::Absent)?;
    let launch = Launch::plain().argument("--demo").argument("--data-dir").argument(stage.data_folder());
    // Looking waits and asks nobody in between, so it has a thread of its own.
    let (driven, opened) = std::thread::scope(|scope| {
        let opened = scope.spawn(|| Hands::at(stage.display()).take_window("Unlatch"));
        let runtime = tokio::runtime::Handle::current();
        let driven = tokio::task::block_in_place(|| runtime.block_on(Window::open(&stage, &launch)));
        (driven.is_ok(), opened.join())
    });
    if driven {
        return Err(Failure::new("the web driver drives the window"));
    }
    let opened = opened.map_err(|_| Failure::new("looking for the window failed"))?;
    // That it did not start is no proof.
    opened.map_err(|failure| failure.while_doing("opening a window without a driver"))?;
    println!("The window opens, and the web driver is kept out.");
    Ok(())
}

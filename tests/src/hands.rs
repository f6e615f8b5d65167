//! Hands at the keyboard of a display: keys go in as an X server takes them from a real one, and what comes of them is seen on
//! the screen. This works with a window that lets nobody drive it.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::display::{Display, HEIGHT, WIDTH};
use crate::failure::Failure;
use crate::process::Running;

/// How long something may take to be seen.
const PATIENCE: Duration = Duration::from_secs(30);

/// For how long a screen must stay as it is to count as still.
const STILL: Duration = Duration::from_millis(600);

/// Fewer pixels than this are the caret, which comes and goes.
const CARET: usize = 60;

/// The most presses of Tab that lead to a field.
const TABS: usize = 60;

/// The keyboard of a display.
#[derive(Debug, Clone, Copy)]
pub struct Hands<'a> {
    display: &'a Display,
}

impl<'a> Hands<'a> {
    /// At that display.
    #[must_use]
    pub fn at(display: &'a Display) -> Self {
        Self { display }
    }

    /// Waits for a window of that title, fills the screen with it and gives it the keyboard, as a window manager would. Gives what
    /// it calls itself: its name and its class.
    ///
    /// # Errors
    /// When none comes.
    pub fn take_window(&self, title: &str) -> Result<String, Failure> {
        let start = Instant::now();
        let window = loop {
            let found = self.xdotool(&["search", "--onlyvisible", "--name", &format!("^{title}$")]);
            if let Some(window) = found.as_deref().ok().and_then(|ids| ids.lines().next()) {
                break window.to_owned();
            }
            if start.elapsed() > PATIENCE {
                return Err(Failure::new(format!("no window called {title} came within {PATIENCE:?}")));
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        self.xdotool(&["windowmove", &window, "0", "0"])?;
        self.xdotool(&["windowsize", &window, &WIDTH.to_string(), &HEIGHT.to_string()])?;
        self.xdotool(&["windowfocus", "--sync", &window])?;
        self.still()?;
        self.said("xprop", &["-id", &window, "WM_CLASS"])
    }

    /// Presses keys together, named as X names them: `ctrl+Return`.
    ///
    /// # Errors
    /// When they cannot be pressed.
    pub fn press(&self, keys: &str) -> Result<(), Failure> {
        self.xdotool(&["key", keys]).map(drop)
    }

    /// Types a text.
    ///
    /// # Errors
    /// When it cannot be typed.
    pub fn type_text(&self, text: &str) -> Result<(), Failure> {
        self.xdotool(&["type", "--delay", "40", text]).map(drop)
    }

    /// Presses Tab until a word that is typed is seen, which it is in a field and nowhere else. The word must do nothing to a
    /// button or a box.
    ///
    /// # Errors
    /// When Tab leads to no field.
    pub fn tab_to_field(&self, word: &str) -> Result<(), Failure> {
        for _ in 0..TABS {
            self.press("Tab")?;
            self.still()?;
            let before = self.display.pixels()?;
            self.type_text(word)?;
            std::thread::sleep(STILL / 2);
            if differing(&before, &self.display.pixels()?) > CARET {
                return Ok(());
            }
        }
        Err(Failure::new(format!("Tab leads to no field within {TABS} presses")))
    }

    /// Does something and waits until it is seen on the screen and nothing moves there any more.
    ///
    /// # Errors
    /// When nothing is seen of it; `what` says what was done.
    pub fn see(&self, what: &str, act: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
        self.see_begin(what, act)?;
        self.still()
    }

    /// Does something and waits until the first of it is seen on the screen.
    ///
    /// # Errors
    /// As [`Hands::see`].
    pub fn see_begin(&self, what: &str, act: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
        let before = self.display.pixels()?;
        act()?;
        let start = Instant::now();
        while differing(&before, &self.display.pixels()?) <= CARET {
            if start.elapsed() > PATIENCE {
                return Err(Failure::new(format!("nothing is seen of it within {PATIENCE:?}: {what}")));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Waits until nothing moves on the screen.
    ///
    /// # Errors
    /// When something moves for too long.
    pub fn still(&self) -> Result<(), Failure> {
        let start = Instant::now();
        let (mut since, mut seen) = (start, self.display.pixels()?);
        while since.elapsed() < STILL {
            if start.elapsed() > PATIENCE {
                return Err(Failure::new(format!("the screen still moves after {PATIENCE:?}")));
            }
            std::thread::sleep(Duration::from_millis(100));
            let now = self.display.pixels()?;
            // A page that is not drawn yet is of one colour.
            let blank = now.iter().all(|pixel| *pixel == now[0]);
            if blank || differing(&seen, &now) > CARET {
                (since, seen) = (Instant::now(), now);
            }
        }
        Ok(())
    }

    fn xdotool(&self, arguments: &[&str]) -> Result<String, Failure> {
        self.said("xdotool", arguments)
    }

    /// Runs a program at the display and gives what it prints.
    fn said(&self, program: &str, arguments: &[&str]) -> Result<String, Failure> {
        let mut command = Command::new(program);
        command.args(arguments).env("DISPLAY", self.display.name());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut running = Running::start(program, &mut command)?;
        let mut said = String::new();
        if let Some(mut out) = running.child().stdout.take() {
            out.read_to_string(&mut said)?;
        }
        let status = running.wait(PATIENCE)?;
        if status.success() {
            return Ok(said);
        }
        Err(Failure::new(format!("{program} {} ended with {status}", arguments.join(" "))))
    }
}

fn differing(one: &[[u8; 4]], other: &[[u8; 4]]) -> usize {
    one.iter().zip(other).filter(|(one, other)| one != other).count() + one.len().abs_diff(other.len())
}

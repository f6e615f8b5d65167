//! A virtual display.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::failure::Failure;
use crate::process::Running;

/// The size of the virtual screen.
pub const WIDTH: u32 = 1280;
/// The size of the virtual screen.
pub const HEIGHT: u32 = 800;
/// The bytes of a row of the server's frame: a pixel of 24 bits takes four, in the order of the machine.
const ROW: u64 = WIDTH as u64 * 4;

/// An X server without a screen to look at.
#[derive(Debug)]
pub struct Display {
    _server: Running,
    name: String,
    frame: PathBuf,
}

impl Display {
    /// Starts an X server on a free display number, with its log and its frame in that folder.
    ///
    /// # Errors
    /// When Xvfb is missing or does not come up.
    pub fn start(folder: &Path) -> Result<Self, Failure> {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", &format!("{WIDTH}x{HEIGHT}x24")]);
        command.args(["-nolisten", "tcp", "-noreset", "-dpi", "96"]);
        command.arg("-fbdir").arg(folder);
        command.stdout(Stdio::piped()).stderr(fs::File::create(folder.join("display.log"))?);
        let mut server = Running::start("Xvfb", &mut command)?;
        // It prints the number once it listens.
        let out = server.child().stdout.take().ok_or_else(|| Failure::new("Xvfb has no output"))?;
        let mut number = String::new();
        BufReader::new(out).read_line(&mut number)?;
        let number: u32 = number.trim().parse().map_err(|_| Failure::new("Xvfb ended at once"))?;
        Ok(Self { _server: server, name: format!(":{number}"), frame: folder.join("Xvfb_screen0") })
    }

    /// How many pixels in every fourth row of the screen have exactly that colour (red, green, blue), at this moment. Whoever looks
    /// often takes little from what is looked at.
    ///
    /// # Errors
    /// When the server's frame cannot be read.
    pub fn pixels_of(&self, [red, green, blue]: [u8; 3]) -> Result<usize, Failure> {
        let frame = fs::File::open(&self.frame)?;
        let screen = frame.metadata()?.len().saturating_sub(u64::from(HEIGHT) * ROW);
        let mut row = [0; ROW as usize];
        let mut found = 0;
        for number in (0..u64::from(HEIGHT)).step_by(4) {
            frame.read_exact_at(&mut row, screen + number * ROW)?;
            found += row
                .as_chunks::<4>()
                .0
                .iter()
                .filter(|[b, g, r, _]| [*r, *g, *b] == [red, green, blue])
                .count();
        }
        Ok(found)
    }

    /// The pixels of the screen at this moment, row by row: blue, green, red, and a byte that means nothing.
    ///
    /// # Errors
    /// When the server's frame cannot be read.
    pub fn pixels(&self) -> Result<Vec<[u8; 4]>, Failure> {
        let frame = fs::read(&self.frame)?;
        let screen = frame.len().saturating_sub((u64::from(HEIGHT) * ROW) as usize);
        Ok(frame[screen..].as_chunks::<4>().0.to_vec())
    }

    /// Its name, for the variable `DISPLAY`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes what the screen shows to a PNG file. The web driver's own screenshots hang on a virtual display.
    ///
    /// # Errors
    /// When ImageMagick is missing, or the file cannot be written.
    pub fn capture(&self, file: &Path) -> Result<(), Failure> {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut command = Command::new("import");
        command.args(["-display", &self.name, "-window", "root"]).arg(file);
        let status = Running::start("import (ImageMagick)", &mut command)?.wait(Duration::from_secs(20))?;
        if status.success() { Ok(()) } else { Err(Failure::new(format!("import ended with {status}"))) }
    }
}

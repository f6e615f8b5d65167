//! The icon in every size and form, from one drawing.

use std::fs;
use std::path::{Path, PathBuf};

use crate::files::{self, read, write};
use crate::packages::{self, Purpose};
use crate::shell;
use crate::steps::Steps;

/// Pictures that are checked in, with their sizes.
const PICTURES: [(&str, u32); 4] =
    [("32x32.png", 32), ("128x128.png", 128), ("128x128@2x.png", 256), ("icon.png", 512)];

/// The sizes in the file for Windows.
const WINDOWS: [u32; 6] = [16, 24, 32, 48, 64, 256];

/// The sizes in the file for macOS, by the names they have there.
const MACOS: [(&[u8; 4], u32); 9] = [
    (b"icp4", 16),
    (b"icp5", 32),
    (b"ic07", 128),
    (b"ic08", 256),
    (b"ic09", 512),
    (b"ic10", 1024),
    (b"ic11", 32),
    (b"ic12", 64),
    (b"ic13", 256),
];

/// How many pixels in ten thousand may differ: another version of the program that draws rounds another way.
const TOLERATED: u32 = 50;

/// The drawing.
pub fn source() -> PathBuf {
    shell::root().join("icons/unlatch.svg")
}

/// Draws the icon as a PNG picture of that size.
pub fn draw(size: u32, file: &Path) -> Result<(), String> {
    files::make_folder(file.parent().unwrap_or(file))?;
    let size = size.to_string();
    let mut draw = shell::program("rsvg-convert");
    draw.args(["--width", &size, "--height", &size, "--output"]).arg(file).arg(source());
    shell::output(&mut draw).map(drop)
}

/// Draws everything that is checked in. Gives whether that went well.
pub fn run() -> bool {
    let mut steps = Steps::default();
    steps.take("Debian packages", &[], || packages::install(Purpose::Build));
    steps.take("icons", &["Debian packages"], || draw_all(&shell::root().join("icons")));
    steps.conclude()
}

/// Compares what is checked in with what the drawing gives.
///
/// # Errors
/// The files that show something else.
pub fn check() -> Result<(), String> {
    let (kept, drawn) = (shell::root().join("icons"), shell::built().join("icons"));
    draw_all(&drawn)?;
    let mut wrong = Vec::new();
    for (name, _) in PICTURES {
        if !alike(&kept.join(name), &drawn.join(name))? {
            wrong.push(name);
        }
    }
    // ImageMagick numbers the pictures in a file that holds several.
    let of_windows = (0..WINDOWS.len()).map(|number| format!("icon.ico[{number}]"));
    if read(&kept.join("icon.ico"))? != read(&drawn.join("icon.ico"))?
        && !all_alike(of_windows.map(|name| (kept.join(&name), drawn.join(&name))))?
    {
        wrong.push("icon.ico");
    }
    if !same_icns(&kept.join("icon.icns"), &drawn.join("icon.icns"))? {
        wrong.push("icon.icns");
    }
    if wrong.is_empty() {
        println!("The icons show the drawing.");
        return Ok(());
    }
    Err(format!("not what the drawing gives: {}; `cargo xtask icons` draws them anew", wrong.join(", ")))
}

fn draw_all(folder: &Path) -> Result<(), String> {
    let scratch = shell::built().join("icons/scratch.png");
    let picture = |size: u32| draw(size, &scratch).and_then(|()| read(&scratch));
    for (name, size) in PICTURES {
        draw(size, &folder.join(name))?;
    }
    let mut windows = shell::program("convert");
    for size in WINDOWS {
        let one = scratch.with_file_name(format!("{size}.png"));
        draw(size, &one)?;
        windows.arg(one);
    }
    shell::output(windows.arg(folder.join("icon.ico")))?;
    let macos: Result<Vec<_>, String> =
        MACOS.iter().map(|(name, size)| Ok((**name, picture(*size)?))).collect();
    write(&folder.join("icon.icns"), icns(&macos?))
}

/// A macOS icon of PNG pictures.
fn icns(pictures: &[([u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut parts = Vec::new();
    for (name, picture) in pictures {
        parts.extend(name);
        parts.extend((picture.len() as u32 + 8).to_be_bytes());
        parts.extend(picture);
    }
    let mut file = b"icns".to_vec();
    file.extend((parts.len() as u32 + 8).to_be_bytes());
    file.extend(parts);
    file
}

/// The pictures in a macOS icon.
fn icns_pictures(file: &[u8]) -> Vec<&[u8]> {
    let mut pictures = Vec::new();
    let mut at = 8;
    while let Some(head) = file.get(at..at + 8) {
        let length = u32::from_be_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let Some(picture) = file.get(at + 8..at + length.max(8)) else { break };
        pictures.push(picture);
        at += length.max(8);
    }
    pictures
}

fn same_icns(kept: &Path, drawn: &Path) -> Result<bool, String> {
    let (one, other) = (drawn.with_file_name("kept.png"), drawn.with_file_name("drawn.png"));
    let (kept, drawn) = (read(kept)?, read(drawn)?);
    let (kept, drawn) = (icns_pictures(&kept), icns_pictures(&drawn));
    for (kept, drawn) in kept.iter().zip(&drawn) {
        write(&one, kept)?;
        write(&other, drawn)?;
        if !alike(&one, &other)? {
            return Ok(false);
        }
    }
    Ok(kept.len() == drawn.len())
}

fn all_alike(pairs: impl Iterator<Item = (PathBuf, PathBuf)>) -> Result<bool, String> {
    for (one, other) in pairs {
        if !alike(&one, &other)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether two pictures look the same.
fn alike(one: &Path, other: &Path) -> Result<bool, String> {
    if let (Ok(one), Ok(other)) = (fs::read(one), fs::read(other))
        && one == other
    {
        return Ok(true);
    }
    let mut compare = shell::program("compare");
    compare.args(["-metric", "AE", "-fuzz", "4%"]).arg(one).arg(other).arg("null:");
    let output = compare.output().map_err(|error| format!("compare (ImageMagick): {error}"))?;
    // It says the number of pixels that differ, and fails if there are any or if the sizes differ.
    let differing = String::from_utf8_lossy(&output.stderr).trim().parse::<f64>();
    let pixels = shell::output(shell::program("identify").args(["-format", "%[fx:w*h]"]).arg(one))?;
    let pixels: f64 = pixels.trim().parse().map_err(|_| format!("{} is no picture", one.display()))?;
    Ok(differing.is_ok_and(|differing| differing * 10_000.0 <= pixels * f64::from(TOLERATED)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_into_an_icon_comes_out_of_it() {
        let pictures = [vec![1, 2, 3], vec![4]];
        let icon = icns(&[(*b"ic07", pictures[0].clone()), (*b"ic08", pictures[1].clone())]);
        assert_eq!(icns_pictures(&icon), pictures);
        assert_eq!(icon.len(), 8 + 8 + 3 + 8 + 1);
        assert_eq!(
            icns_pictures(&icon[..icon.len() - 1]),
            pictures[..1],
            "a picture that is cut off is none"
        );
    }
}

//! Files and folders, with their names in what is said of a failure.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a file holds.
pub fn read(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(named(file))
}

/// What a file holds, as text.
pub fn read_text(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(named(file))
}

/// Writes a file, and makes the folders above it.
pub fn write(file: &Path, bytes: impl AsRef<[u8]>) -> Result<(), String> {
    make_folder(file.parent().unwrap_or(file))?;
    fs::write(file, bytes).map_err(named(file))
}

/// Copies a file, and makes the folders above the copy.
pub fn copy(from: &Path, to: &Path) -> Result<(), String> {
    make_folder(to.parent().unwrap_or(to))?;
    fs::copy(from, to).map(drop).map_err(named(from))
}

/// Makes a folder and those above it, unless it is there.
pub fn make_folder(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(named(folder))
}

/// A folder that is there and empty.
pub fn empty_folder(folder: &Path) -> Result<(), String> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(named(folder))?;
    }
    make_folder(folder)
}

/// What lies in a folder, in the order of names.
pub fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(named(folder))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(named(folder))?.path());
    }
    paths.sort();
    Ok(paths)
}

/// What lies in a folder and in the folders below it and is no folder, in the order of paths.
pub fn below(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in in_folder(folder)? {
        if path.is_dir() { files.extend(below(&path)?) } else { files.push(path) }
    }
    Ok(files)
}

/// Puts the name before what the system says.
pub fn named(path: &Path) -> impl Fn(io::Error) -> String + '_ {
    move |error| format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_found_below_its_folder_and_a_missing_file_is_named() {
        let folder = std::env::temp_dir().join(format!("unlatch-files-{}", std::process::id()));
        empty_folder(&folder).unwrap();
        write(&folder.join("b/c.txt"), "words").unwrap();
        copy(&folder.join("b/c.txt"), &folder.join("a/d.txt")).unwrap();
        let found = below(&folder).unwrap();
        let text = read_text(&folder.join("a/d.txt"));
        let missing = read(&folder.join("none"));
        empty_folder(&folder).unwrap();
        let left = in_folder(&folder);
        fs::remove_dir(&folder).unwrap();
        assert_eq!(found, [folder.join("a/d.txt"), folder.join("b/c.txt")]);
        assert_eq!(text.as_deref(), Ok("words"));
        assert!(missing.unwrap_err().starts_with(&folder.join("none").display().to_string()));
        assert_eq!(left, Ok(Vec::new()));
    }
}

//! What a built program tells of the machine that built it.

use std::env;
use std::path::PathBuf;

use crate::shell;

/// Where Cargo keeps what it loads.
pub fn cargo_home() -> Option<PathBuf> {
    let below_home = || Some(PathBuf::from(env::var_os("HOME")?).join(".cargo"));
    env::var_os("CARGO_HOME").map(PathBuf::from).or_else(below_home)
}

/// Looks in a program for the project's folder, where it was built, Cargo's folder and the home of whoever builds.
///
/// # Errors
/// The first that is found, and what stands there.
pub fn expect_none(program: &[u8]) -> Result<(), String> {
    let home = env::var_os("HOME").map(PathBuf::from);
    none_of([Some(shell::root()), Some(shell::target()), cargo_home(), home], program)
}

fn none_of(folders: impl IntoIterator<Item = Option<PathBuf>>, program: &[u8]) -> Result<(), String> {
    for folder in folders.into_iter().flatten().filter(|folder| folder.components().count() > 1) {
        let folder = format!("{}/", folder.display());
        for bytes in [folder.as_bytes(), &utf16(&folder)] {
            if let Some(at) = find(program, bytes) {
                let words = String::from_utf8_lossy(&program[at..(at + 200).min(program.len())]);
                return Err(format!("it names a folder of this machine: {}", words.escape_debug()));
            }
        }
    }
    Ok(())
}

/// Whether `part` is somewhere in `bytes`.
pub fn contains(bytes: &[u8], part: &[u8]) -> bool {
    find(bytes, part).is_some()
}

/// As Windows keeps words.
pub fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    let first = part.first()?;
    let mut from = 0;
    // A program has millions of bytes, so most are passed over by their first letter alone.
    while let Some(at) = bytes[from..].iter().position(|byte| byte == first) {
        if bytes[from + at..].starts_with(part) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_the_machine_in_a_program_is_found_in_both_kinds_of_letters() {
        let folders = || [Some(PathBuf::from("/")), None, Some(PathBuf::from("/somewhere/home"))];
        let found = none_of(folders(), b"\0\0/somewhere/home/a.rs\0");
        assert!(found.unwrap_err().contains("/somewhere/home/a.rs"));
        assert!(none_of(folders(), &[&[0, 0], utf16("/somewhere/home/b").as_slice()].concat()).is_err());
        assert_eq!(none_of(folders(), b"\0/somewhere/homes/a.rs\0"), Ok(()));
    }

    #[test]
    fn bytes_are_found_where_they_begin() {
        assert_eq!(find(b"aab", b"ab"), Some(1));
        assert_eq!(find(b"aa", b"ab"), None);
        assert!(!contains(b"", b"a"));
    }
}

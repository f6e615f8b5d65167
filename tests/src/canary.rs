//! Looks for secrets where none may be.

use std::fs;
use std::path::{Path, PathBuf};

/// Strings that may be nowhere, in every form in which they could have been written.
#[derive(Debug)]
pub struct Canaries {
    forms: Vec<(usize, Vec<u8>)>,
}

impl Canaries {
    /// Watches for these strings: as they are, percent-encoded, and in UTF-16 as webviews store text.
    #[must_use]
    pub fn of(secrets: &[String]) -> Self {
        let mut forms = Vec::new();
        for (number, secret) in secrets.iter().enumerate() {
            let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            let wide = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
            if encoded != *secret {
                forms.push((number, encoded.into_bytes()));
            }
            forms.extend([(number, secret.as_bytes().to_vec()), (number, wide)]);
        }
        Self { forms }
    }

    /// Which of the strings, by their number, are in `bytes`.
    #[must_use]
    pub fn in_bytes(&self, bytes: &[u8]) -> Vec<usize> {
        let holds = |form: &[u8]| !form.is_empty() && bytes.windows(form.len()).any(|window| window == form);
        let mut found: Vec<usize> =
            self.forms.iter().filter(|(_, form)| holds(form)).map(|(number, _)| *number).collect();
        found.dedup();
        found
    }

    /// Every file below `folder` that holds one, with the numbers of those it holds.
    #[must_use]
    pub fn in_folder(&self, folder: &Path) -> Vec<(PathBuf, Vec<usize>)> {
        let mut found = Vec::new();
        for file in files_below(folder) {
            let numbers = fs::read(&file).map(|bytes| self.in_bytes(&bytes)).unwrap_or_default();
            if !numbers.is_empty() {
                found.push((file, numbers));
            }
        }
        found
    }
}

/// Every regular file below a folder.
#[must_use]
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_form_and_at_any_depth() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        let canaries = Canaries::of(&["first/secret".to_owned(), "other".to_owned()]);
        let wide: Vec<u8> = "first/secret".encode_utf16().flat_map(u16::to_le_bytes).collect();
        fs::write(deep.join("wide"), [b"xx".to_vec(), wide, b"yy".to_vec()].concat()).unwrap();
        fs::write(deep.join("plain"), "see: first/secret and other").unwrap();
        fs::write(folder.path().join("encoded"), "q=first%2Fsecret").unwrap();
        fs::write(folder.path().join("clean"), "first secret").unwrap();
        let mut found = canaries.in_folder(folder.path());
        found.sort();
        let names: Vec<_> = found
            .iter()
            .map(|(file, numbers)| (file.file_name().unwrap().to_str().unwrap(), numbers.as_slice()))
            .collect();
        assert_eq!(names, [("plain", &[0, 1][..]), ("wide", &[0][..]), ("encoded", &[0][..])]);
    }
}

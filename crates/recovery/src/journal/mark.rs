//! A note of the newest entry, kept outside the journal's folder. A file that was put back from a copy shows by it.
//!
//! It finds a journal that went back alone. Whoever puts back the whole account or the whole computer puts back the mark as well.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::chain::ChainHash;
use super::schema::{beside, create_folder, create_private};

/// The newest entry that this computer knows of, and the format of the file that held it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The entry's number, from 1.
    pub seq: u64,
    /// The entry's hash.
    pub hash: ChainHash,
    /// The format.
    pub format: u32,
}

/// Keeps the mark of one journal. It is asked by one process at a time, which holds the journal's lock.
pub trait MarkStore: Send + Sync {
    /// Returns the mark that was written last, if there is one.
    ///
    /// # Errors
    /// Why it cannot be read. The journal then goes on as without a mark.
    fn read(&self) -> io::Result<Option<Mark>>;

    /// Keeps this mark in place of the one before.
    ///
    /// # Errors
    /// Why it cannot be kept. The journal then goes on.
    fn write(&self, mark: &Mark) -> io::Result<()>;
}

/// A mark in a file of its own, readable by the user alone. It is replaced whole: a power cut leaves the old one or the new one.
#[derive(Debug, Clone)]
pub struct MarkFile {
    path: PathBuf,
}

impl MarkFile {
    /// A store in that file. Its folder is made with the first mark.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

impl MarkStore for MarkFile {
    fn read(&self) -> io::Result<Option<Mark>> {
        match std::fs::read(&self.path) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write(&self, mark: &Mark) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or_else(|| Path::new("."));
        create_folder(folder)?;
        let unfinished = beside(&self.path, ".new");
        // Whatever is there, such as a link to another file, is not written through.
        match std::fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = create_private(&unfinished)?;
        file.write_all(&serde_json::to_vec(mark)?)?;
        file.sync_all()?;
        drop(file);
        std::fs::rename(&unfinished, &self.path)?;
        // Elsewhere a folder cannot be opened, and a rename is on the disk with the file.
        if cfg!(unix) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

/// No journal has as many entries. A higher number would leave none for the entries to come.
const HIGHEST: u64 = 1 << 53;

/// Reads the mark, if there is one that can be one.
pub(super) fn read(store: Option<&Arc<dyn MarkStore>>) -> Option<Mark> {
    match store?.read() {
        Ok(mark) => mark.filter(|mark| (1..=HIGHEST).contains(&mark.seq)),
        Err(error) => {
            tracing::warn!(%error, "the mark of the journal's newest entry cannot be read");
            None
        }
    }
}

/// Writes the mark when it is due, on the thread that writes the journal. What goes wrong is logged and stops nothing.
pub(super) struct Marker {
    store: Option<Arc<dyn MarkStore>>,
    every: Duration,
    /// What is not marked yet.
    behind: Option<Mark>,
    written: Option<Instant>,
    failed: bool,
}

impl Marker {
    pub(super) fn new(store: Option<Arc<dyn MarkStore>>, every: Duration) -> Self {
        Self { store, every, behind: None, written: None, failed: false }
    }

    /// Takes note of a newer entry.
    pub(super) fn note(&mut self, mark: Mark) {
        if self.store.is_some() && mark.seq > 0 {
            self.behind = Some(mark);
        }
    }

    /// Returns how long until a mark is due, if one is.
    pub(super) fn due_in(&self) -> Option<Duration> {
        self.behind.map(|_| self.written.map_or(Duration::ZERO, |at| self.every.saturating_sub(at.elapsed())))
    }

    /// Writes what is not marked yet, if it is due.
    pub(super) fn write_if_due(&mut self) {
        if self.due_in().is_some_and(|wait| wait.is_zero()) {
            self.write();
        }
    }

    /// Writes what is not marked yet. After a failure the next entry brings the next attempt.
    pub(super) fn write(&mut self) {
        let (Some(store), Some(mark)) = (&self.store, self.behind.take()) else { return };
        let written = store.write(&mark);
        if let Err(error) = &written
            && !self.failed
        {
            tracing::warn!(%error, "the mark of the journal's newest entry cannot be written");
        }
        self.failed = written.is_err();
        self.written = Some(Instant::now());
    }
}

impl Drop for Marker {
    fn drop(&mut self) {
        self.write();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark = Mark { seq: 7, hash: ChainHash([0xab; 32]), format: 3 };

    #[test]
    fn a_mark_is_read_as_it_was_written_and_is_for_this_account_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journals/one.mark");
        let store = MarkFile::new(path.clone());
        assert_eq!(store.read().unwrap(), None);
        for seq in [7, 100_000, 8] {
            store.write(&Mark { seq, ..MARK }).unwrap();
            assert_eq!(store.read().unwrap(), Some(Mark { seq, ..MARK }));
        }
        let names: Vec<_> =
            std::fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(names, std::slice::from_ref(&path), "nothing unfinished is left");
        #[cfg(unix)]
        for (path, expected) in [(path.as_path(), 0o600), (path.parent().unwrap(), 0o700)] {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, expected);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_mark_is_not_written_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("one.mark"), folder.path().join("other"));
        std::fs::write(&other, "untouched").unwrap();
        std::os::unix::fs::symlink(&other, folder.path().join("one.mark.new")).unwrap();
        MarkFile::new(path.clone()).write(&MARK).unwrap();
        assert_eq!(std::fs::read_to_string(other).unwrap(), "untouched");
        assert_eq!(MarkFile::new(path).read().unwrap(), Some(MARK));
    }

    #[test]
    fn a_mark_of_garbage_is_an_error_and_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.mark");
        let hash = "ab".repeat(32);
        for text in ["", "{", "{\"seq\":-1}", "{\"seq\":1,\"hash\":\"ab\",\"format\":3}"] {
            std::fs::write(&path, text).unwrap();
            let store: Arc<dyn MarkStore> = Arc::new(MarkFile::new(path.clone()));
            assert!(store.read().is_err(), "{text}");
            assert_eq!(read(Some(&store)), None);
        }
        for seq in [u64::MAX, HIGHEST + 1, 0] {
            let text = format!("{{\"seq\":{seq},\"hash\":\"{hash}\",\"format\":3}}");
            std::fs::write(&path, text).unwrap();
            let store: Arc<dyn MarkStore> = Arc::new(MarkFile::new(path.clone()));
            assert_eq!(read(Some(&store)), None, "no journal counts so: {seq}");
        }
    }
}

//! Why a journal cannot be used, and which errors of the system and of SQLite mean that.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rusqlite::{ErrorCode, ffi};

use super::schema::{beside, open_private};
use crate::plan::RunId;

/// Why the journal cannot be used. Nothing is sent that cannot be recorded, and nothing that is recorded is ever destroyed:
/// a file that cannot be read is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The file or its folder cannot be written.
    #[error("{} cannot be written; give this account write access to it, or choose another data folder", path.display())]
    ReadOnly {
        /// The file or folder.
        path: PathBuf,
    },
    /// The file is damaged, or is no journal of Unlatch. It is left as it is.
    #[error(
        "{} is damaged or is not a journal of Unlatch; it was left as it is: move it away to start a new one, or restore it from a backup. \
         Neither knows what was sent since: Unlatch asks before anything is resumed, and the devices are asked first", path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of Unlatch wrote the file. It is left as it is.
    #[error(
        "{} was written by a newer version of Unlatch (format {found}, this one knows {known}); update Unlatch, or choose another data folder", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The file's format.
        found: u32,
        /// The newest format that this version knows.
        known: u32,
    },
    /// An older version of Unlatch wrote the file, and it has not been opened by this one yet.
    #[error(
        "{} was written by an older version of Unlatch (format {found}, this one writes {known}); start this version once", path.display()
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// The file's format.
        found: u32,
        /// The format that this version writes.
        known: u32,
    },
    /// The file is of the first format, and this computer knew it in a newer one: it is an old copy. It is left as it is.
    #[error(
        "{} is a copy from before entries were chained (format {found}), and this computer knew format {known}; it was left as it is: \
         put a newer copy in its place, or move it away to start a new one", path.display()
    )]
    FormatWentBack {
        /// The file.
        path: PathBuf,
        /// The file's format.
        found: u32,
        /// The format that this computer knew.
        known: u32,
    },
    /// Another process has the file.
    #[error(
        "{} is in use by another Unlatch or another program, such as a backup; close that one, or choose another data folder", path.display()
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file system keeps no locks (ENOLCK), as a network drive without its lock service. Two computers could write at once.
    #[error(
        "the file system of {} keeps no locks; have its lock service started, or choose a data folder on a disk of this computer", path.display()
    )]
    NoLocks {
        /// The file.
        path: PathBuf,
    },
    /// The disk or the account's share of it is full, or the file may not grow.
    #[error("there is no room to write {}; free some space on its disk", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Anything else.
    #[error("{} cannot be used: {text}; check the disk, or choose another data folder", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        text: String,
    },
    /// The journal has no such run.
    #[error("the journal has no run {id}")]
    NoSuchRun {
        /// The run that was asked for.
        id: RunId,
    },
}

/// What the system answers where a file system keeps no locks: ENOLCK.
#[cfg(any(target_os = "linux", target_os = "android"))]
const NO_LOCKS: i32 = 37;
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
const NO_LOCKS: i32 = 77;
/// `ERROR_NOT_SUPPORTED`.
#[cfg(windows)]
const NO_LOCKS: i32 = 50;

/// `ERROR_SHARING_VIOLATION` and `ERROR_LOCK_VIOLATION`: another program has the file.
#[cfg(windows)]
const IN_USE: [i32; 2] = [32, 33];
#[cfg(not(windows))]
const IN_USE: [i32; 0] = [];

/// Maps an error of the system on a file or folder.
pub(super) fn from_io(path: &Path, error: &io::Error) -> JournalError {
    let path = path.to_owned();
    let number = error.raw_os_error();
    match error.kind() {
        _ if number == Some(NO_LOCKS) => JournalError::NoLocks { path },
        _ if number.is_some_and(|number| IN_USE.contains(&number)) => JournalError::InUse { path },
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            JournalError::ReadOnly { path }
        }
        kind if is_full(kind) => JournalError::Full { path },
        io::ErrorKind::ResourceBusy | io::ErrorKind::WouldBlock => JournalError::InUse { path },
        _ => JournalError::Io { path, text: error.to_string() },
    }
}

/// Maps an error that came of taking a lock. A file system that does not know locks says so in several ways.
pub(super) fn from_lock(path: &Path, error: &io::Error) -> JournalError {
    match error.kind() {
        io::ErrorKind::Unsupported => JournalError::NoLocks { path: path.to_owned() },
        _ => from_io(path, error),
    }
}

fn is_full(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

/// Maps an error of SQLite.
pub(super) fn from_sqlite(path: &Path, error: &rusqlite::Error) -> JournalError {
    let file = path.to_owned();
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => JournalError::Corrupt { path: file },
            // What is asked here is always the same, so it is a table or a column that is not there.
            ErrorCode::Unknown if failure.extended_code == ffi::SQLITE_ERROR => {
                JournalError::Corrupt { path: file }
            }
            ErrorCode::DiskFull => JournalError::Full { path: file },
            ErrorCode::ReadOnly if failure.extended_code != ffi::SQLITE_READONLY_DIRECTORY => {
                JournalError::ReadOnly { path: file }
            }
            ErrorCode::PermissionDenied => JournalError::ReadOnly { path: file },
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => JournalError::InUse { path: file },
            // One process writes, so locks that fall over each other are locks that do not work.
            ErrorCode::FileLockingProtocolFailed => JournalError::NoLocks { path: file },
            ErrorCode::SystemIoFailure => match failure.extended_code {
                ffi::SQLITE_IOERR_LOCK
                | ffi::SQLITE_IOERR_RDLOCK
                | ffi::SQLITE_IOERR_UNLOCK
                | ffi::SQLITE_IOERR_CHECKRESERVEDLOCK
                | ffi::SQLITE_IOERR_SHMLOCK
                | ffi::SQLITE_IOERR_BLOCKED => JournalError::NoLocks { path: file },
                ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_SHMSIZE => {
                    from_failed_write(path, error, try_room)
                }
                _ => JournalError::Io { path: file, text: error.to_string() },
            },
            // The file itself was opened before, so it is the log beside it that the folder does not take.
            ErrorCode::CannotOpen | ErrorCode::ReadOnly => {
                JournalError::ReadOnly { path: path.parent().map_or(file, Path::to_owned) }
            }
            _ => JournalError::Io { path: file, text: error.to_string() },
        },
        rusqlite::Error::SqlInputError { .. }
        | rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..) => JournalError::Corrupt { path: file },
        _ => JournalError::Io { path: file, text: error.to_string() },
    }
}

/// Maps a failed write. SQLite tells a full disk apart, but not an account that has used up its share of one (EDQUOT), so the
/// system is asked for room once more.
fn from_failed_write(
    path: &Path,
    error: &rusqlite::Error,
    try_room: impl FnOnce(&Path) -> io::Result<()>,
) -> JournalError {
    match try_room(path) {
        Err(refused) if is_full(refused.kind()) => JournalError::Full { path: path.to_owned() },
        _ => JournalError::Io { path: path.to_owned(), text: error.to_string() },
    }
}

/// Writes a little beside the file and takes it away again.
fn try_room(path: &Path) -> io::Result<()> {
    let trial = beside(path, "-room");
    let written = open_private(&trial).and_then(|mut file| {
        file.write_all(&[0; 64 * 1024])?;
        file.sync_all()
    });
    // What is left of it is written over the next time.
    let _ = std::fs::remove_file(&trial);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path() -> PathBuf {
        PathBuf::from("folder/journal.sqlite")
    }

    fn of_system(error: impl Into<io::Error>) -> JournalError {
        from_io(&path(), &error.into())
    }

    fn of_sqlite(extended_code: i32) -> JournalError {
        from_sqlite(&path(), &rusqlite::Error::SqliteFailure(ffi::Error::new(extended_code), None))
    }

    #[test]
    fn each_error_of_the_system_is_told_as_what_it_is() {
        let path = path();
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem] {
            assert_eq!(of_system(kind), JournalError::ReadOnly { path: path.clone() });
        }
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::FileTooLarge] {
            assert_eq!(of_system(kind), JournalError::Full { path: path.clone() });
        }
        for kind in [io::ErrorKind::ResourceBusy, io::ErrorKind::WouldBlock] {
            assert_eq!(of_system(kind), JournalError::InUse { path: path.clone() });
        }
        assert!(matches!(of_system(io::ErrorKind::InvalidData), JournalError::Io { .. }));
    }

    #[test]
    fn a_file_system_without_locks_is_told_as_that() {
        let path = path();
        let no_locks = io::Error::from_raw_os_error(NO_LOCKS);
        assert_eq!(from_io(&path, &no_locks), JournalError::NoLocks { path: path.clone() });
        assert_eq!(from_lock(&path, &no_locks), JournalError::NoLocks { path: path.clone() });
        let unknown = io::ErrorKind::Unsupported.into();
        assert_eq!(from_lock(&path, &unknown), JournalError::NoLocks { path: path.clone() });
        assert!(matches!(from_io(&path, &unknown), JournalError::Io { .. }), "elsewhere it is no lock");
        for code in [
            ffi::SQLITE_IOERR_LOCK,
            ffi::SQLITE_IOERR_RDLOCK,
            ffi::SQLITE_IOERR_UNLOCK,
            ffi::SQLITE_IOERR_CHECKRESERVEDLOCK,
            ffi::SQLITE_IOERR_SHMLOCK,
            ffi::SQLITE_PROTOCOL,
        ] {
            assert_eq!(of_sqlite(code), JournalError::NoLocks { path: path.clone() }, "{code}");
        }
        let words = of_sqlite(ffi::SQLITE_IOERR_LOCK).to_string();
        assert!(words.contains("keeps no locks"), "{words}");
    }

    #[test]
    fn each_error_of_sqlite_is_told_as_what_it_is() {
        let path = path();
        for code in [ffi::SQLITE_BUSY, ffi::SQLITE_BUSY_SNAPSHOT, ffi::SQLITE_LOCKED] {
            assert_eq!(of_sqlite(code), JournalError::InUse { path: path.clone() }, "{code}");
        }
        for code in [ffi::SQLITE_READONLY, ffi::SQLITE_READONLY_DBMOVED, ffi::SQLITE_PERM] {
            assert_eq!(of_sqlite(code), JournalError::ReadOnly { path: path.clone() }, "{code}");
        }
        assert_eq!(of_sqlite(ffi::SQLITE_CANTOPEN), JournalError::ReadOnly { path: PathBuf::from("folder") });
        assert_eq!(of_sqlite(ffi::SQLITE_FULL), JournalError::Full { path: path.clone() });
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB, ffi::SQLITE_ERROR] {
            assert_eq!(of_sqlite(code), JournalError::Corrupt { path: path.clone() }, "{code}");
        }
        assert!(matches!(of_sqlite(ffi::SQLITE_IOERR_READ), JournalError::Io { .. }));
    }

    #[test]
    fn a_write_that_fails_for_want_of_a_share_of_the_disk_is_told_as_a_full_one() {
        let path = path();
        let failed = rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR_WRITE), None);
        let told = from_failed_write(&path, &failed, |_| Err(io::ErrorKind::QuotaExceeded.into()));
        assert_eq!(told, JournalError::Full { path: path.clone() });
        for other in [Ok(()), Err(io::ErrorKind::PermissionDenied)] {
            let told = from_failed_write(&path, &failed, |_| other.map_err(Into::into));
            assert!(matches!(told, JournalError::Io { .. }), "{told}");
        }
    }

    #[test]
    fn asking_for_room_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        try_room(&folder.path().join("journal.sqlite")).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_damaged_file_says_what_follows_from_a_backup() {
        let words = of_sqlite(ffi::SQLITE_CORRUPT).to_string();
        assert!(
            words.contains("restore it from a backup") && words.contains("what was sent since"),
            "{words}"
        );
    }
}

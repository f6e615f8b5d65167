//! The file: its lock, its format, and what may be wrong with it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::{JournalError, JournalOptions, upgrade};

/// "Unla", so that `file` and other programs know whose it is.
const APPLICATION_ID: u32 = 0x556e_6c61;
/// The format this version writes. A file of a higher one is left alone.
const FORMAT: u32 = 2;
/// Up to this size the whole file is checked when it is opened; above it SQLite finds damage when it reads.
const CHECKED_WHOLE: u64 = 32 * 1024 * 1024;

const TABLES: &str = "
CREATE TABLE run (
    key         INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    started     TEXT NOT NULL,
    cloud       TEXT NOT NULL,
    tenant_id   TEXT NOT NULL,
    tenant_name TEXT NOT NULL,
    account     TEXT NOT NULL,
    account_id  TEXT NOT NULL,
    action      TEXT NOT NULL,
    reason      TEXT,
    total       INTEGER NOT NULL
) STRICT;
CREATE TABLE item (
    run         INTEGER NOT NULL REFERENCES run (key),
    position    INTEGER NOT NULL,
    device_id   TEXT NOT NULL,
    route       TEXT NOT NULL,
    route_label TEXT NOT NULL,
    name        TEXT NOT NULL,
    serial      TEXT,
    user_id     TEXT,
    user        TEXT,
    system      TEXT,
    PRIMARY KEY (run, position),
    UNIQUE (run, device_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER run_is_never_changed   BEFORE UPDATE ON run   BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER run_is_never_deleted   BEFORE DELETE ON run   BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER item_is_never_changed  BEFORE UPDATE ON item  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER item_is_never_deleted  BEFORE DELETE ON item  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
";

pub(super) const EVENTS: &str = "
CREATE TABLE event (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    run         INTEGER NOT NULL REFERENCES run (key),
    position    INTEGER,
    at          TEXT NOT NULL,
    kind        TEXT NOT NULL,
    body        TEXT NOT NULL,
    hash        BLOB NOT NULL
) STRICT;
CREATE INDEX event_of_run ON event (run);
CREATE INDEX intent_at ON event (at) WHERE kind = 'intent';
CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
";

pub(super) fn file_in(folder: &Path) -> PathBuf {
    folder.join("journal.sqlite")
}

/// Makes the folder where it is missing and takes its lock, which ends with the returned file.
pub(super) fn lock(folder: &Path) -> Result<File, JournalError> {
    create_folder(folder).map_err(|error| from_io(folder, &error))?;
    let path = folder.join("journal.lock");
    let file = open_private(&path).map_err(|error| from_io(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse { path: file_in(folder) }),
        Err(TryLockError::Error(error)) => Err(from_io(&path, &error)),
    }
}

/// Opens the file for writing, or makes it. The caller holds the lock.
pub(super) fn open(path: &Path, options: &JournalOptions) -> Result<Connection, JournalError> {
    let failed = |error: rusqlite::Error| from_sqlite(path, &error);
    let corrupt = || JournalError::Corrupt { path: path.to_owned() };
    let size = prepare_file(path)?;
    // SQLite would throw such a log away.
    if size == 0 && std::fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0) {
        return Err(corrupt());
    }
    let connection = connect(path)?;
    if connection.is_readonly("main").map_err(failed)? {
        return Err(JournalError::ReadOnly { path: path.to_owned() });
    }
    // Read first, write nothing to a file that is not ours or not of a known format.
    let application_id = pragma(&connection, "application_id").map_err(failed)?;
    let format = pragma(&connection, "user_version").map_err(failed)?;
    let tables: u32 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    if application_id != APPLICATION_ID && (application_id != 0 || format != 0 || tables != 0) {
        return Err(corrupt());
    }
    if format > FORMAT {
        return Err(JournalError::Newer { path: path.to_owned(), found: format, known: FORMAT });
    }
    if size > 0 && size <= CHECKED_WHOLE {
        let verdict: String =
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
        if verdict != "ok" {
            return Err(corrupt());
        }
    }
    connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(failed)?;
    if let Some(pages) = options.max_pages {
        connection.pragma_update(None, "max_page_count", pages).map_err(failed)?;
    }
    match format {
        0 => create_tables(&connection).map_err(failed)?,
        1 => upgrade::from_format_1(&connection).map_err(failed)?,
        _ => {}
    }
    Ok(connection)
}

/// Has changes written to a log first. The file remembers that, so it comes when nothing is left for which it could be refused.
pub(super) fn write_ahead(path: &Path, connection: &Connection) -> Result<(), JournalError> {
    connection.pragma_update(None, "journal_mode", "WAL").map_err(|error| from_sqlite(path, &error))
}

/// A second connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, JournalError> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true).map_err(|error| from_sqlite(path, &error))?;
    Ok(connection)
}

fn connect(path: &Path) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connect = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_secs(2))?;
        Ok(connection)
    };
    connect().map_err(|error| from_sqlite(path, &error))
}

/// Opens the file for nothing but reading, whoever else has it open. A file that is not there stays so.
pub(super) fn open_to_look(path: &Path) -> Result<Connection, JournalError> {
    let failed = |error: rusqlite::Error| from_sqlite(path, &error);
    std::fs::metadata(path).map_err(|error| from_io(path, &error))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(Duration::from_secs(2)).map_err(failed)?;
    let application_id = pragma(&connection, "application_id").map_err(failed)?;
    let found = pragma(&connection, "user_version").map_err(failed)?;
    match found {
        _ if application_id != APPLICATION_ID => Err(JournalError::Corrupt { path: path.to_owned() }),
        FORMAT => Ok(connection),
        ..FORMAT => Err(JournalError::Older { path: path.to_owned(), found, known: FORMAT }),
        _ => Err(JournalError::Newer { path: path.to_owned(), found, known: FORMAT }),
    }
}

fn create_tables(connection: &Connection) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(EVENTS)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    mark(&transaction)?;
    transaction.commit()
}

/// Marks the file as one of this format.
pub(super) fn mark(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "user_version", FORMAT)
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// Makes the file, private to this account, or makes an existing one private. Gives its size.
fn prepare_file(path: &Path) -> Result<u64, JournalError> {
    let prepare = || {
        let file = open_private(path)?;
        let metadata = file.metadata()?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            if metadata.permissions().mode() & 0o077 != 0
                && let Err(error) = file.set_permissions(std::fs::Permissions::from_mode(0o600))
            {
                tracing::warn!(path = %path.display(), %error, "other accounts may read the journal");
            }
        }
        Ok(metadata.len())
    };
    prepare().map_err(|error| from_io(path, &error))
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn from_io(path: &Path, error: &io::Error) -> JournalError {
    let path = path.to_owned();
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            JournalError::ReadOnly { path }
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => JournalError::Full { path },
        _ => JournalError::Io { path, text: error.to_string() },
    }
}

/// What an error of SQLite means for a person.
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

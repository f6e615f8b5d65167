//! The file: its lock, its format, and what may be wrong with it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::{from_io, from_lock, from_sqlite};
use super::event::{self, JournalEvent};
use super::mark::Mark;
use super::writer::{self, Head};
use super::{JournalError, JournalOptions, upgrade};

/// "Unla", so that `file` and other programs know whose it is.
const APPLICATION_ID: u32 = 0x556e_6c61;
/// The format this version writes. A file of a higher one is left alone.
pub(super) const FORMAT: u32 = 3;
/// How long another program's hold on the file is waited for.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
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
CREATE INDEX item_of_device ON item (device_id);
CREATE TRIGGER run_is_never_changed   BEFORE UPDATE ON run   BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER run_is_never_deleted   BEFORE DELETE ON run   BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER item_is_never_changed  BEFORE UPDATE ON item  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER item_is_never_deleted  BEFORE DELETE ON item  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
";

/// An entry without a run is about the journal itself.
pub(super) const EVENTS: &str = "
CREATE TABLE event (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    run         INTEGER REFERENCES run (key),
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
        Err(TryLockError::Error(error)) => Err(from_lock(&file_in(folder), &error)),
    }
}

/// Opens the file for writing, or makes it, brings it to this format and compares it with the mark. The caller holds the lock.
pub(super) fn open(
    path: &Path,
    options: &JournalOptions,
    mark: Option<&Mark>,
) -> Result<(Connection, Head), JournalError> {
    let failed = |error: rusqlite::Error| from_sqlite(path, &error);
    let corrupt = || JournalError::Corrupt { path: path.to_owned() };
    let size = prepare_file(path)?;
    // SQLite would throw such a log away.
    if size == 0 && std::fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0) {
        return Err(corrupt());
    }
    let connection = connect(path, options.busy_timeout)?;
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
    // Chaining it as it is would make a journal of what somebody may have written into an old copy.
    if let Some(mark) = mark.filter(|mark| format == 1 && mark.format > 1) {
        let path = path.to_owned();
        return Err(JournalError::FormatWentBack { path, found: format, known: mark.format });
    }
    if size > 0 && size <= CHECKED_WHOLE {
        let verdict: String =
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
        if verdict != "ok" {
            return Err(corrupt());
        }
    }
    if let Some(pages) = options.max_pages {
        connection.pragma_update(None, "max_page_count", pages).map_err(failed)?;
    }
    let head = bring_up(&connection, format, options, mark).map_err(failed)?;
    // Not before: a run that is not there any more does not keep its entries from being taken over.
    connection.pragma_update(None, "foreign_keys", true).map_err(failed)?;
    Ok((connection, head))
}

/// Brings the file to this format and has it remember what became of it: all of it or nothing. Returns the newest entry.
fn bring_up(
    connection: &Connection,
    format: u32,
    options: &JournalOptions,
    mark: Option<&Mark>,
) -> rusqlite::Result<Head> {
    connection.pragma_update(None, "foreign_keys", false)?;
    let transaction = connection.unchecked_transaction()?;
    match format {
        0 => create_tables(&transaction)?,
        1 => upgrade::from_format_1(&transaction)?,
        2 => upgrade::from_format_2(&transaction)?,
        _ => {}
    }
    let mut head = Head::read(&transaction, mark)?;
    let went_back = event::compare(&transaction, head.newest(), mark)?;
    let upgraded =
        (0 < format && format < FORMAT).then_some(JournalEvent::Upgraded { from: format, to: FORMAT });
    for event in [went_back, upgraded].into_iter().flatten() {
        writer::append_about_journal(&transaction, &mut head, (options.clock)(), &event)?;
    }
    transaction.commit()?;
    Ok(head)
}

/// Has changes written to a log first. The file remembers that, so it comes when nothing is left for which it could be refused.
pub(super) fn write_ahead(path: &Path, connection: &Connection) -> Result<(), JournalError> {
    connection.pragma_update(None, "journal_mode", "WAL").map_err(|error| from_sqlite(path, &error))
}

/// A second connection that only reads.
pub(super) fn open_reader(path: &Path, options: &JournalOptions) -> Result<Connection, JournalError> {
    let connection = connect(path, options.busy_timeout)?;
    connection.pragma_update(None, "query_only", true).map_err(|error| from_sqlite(path, &error))?;
    Ok(connection)
}

fn connect(path: &Path, busy_timeout: Duration) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connect = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(busy_timeout)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // On macOS the disk is asked to write what it holds back (F_FULLFSYNC); elsewhere this means nothing. A connection that
        // only reads sets it too, as it is the last one to be closed that moves the log into the file.
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
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
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
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
    connection.execute_batch(TABLES)?;
    connection.execute_batch(EVENTS)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    sign(connection)
}

/// Writes into the file that it is one of this format.
pub(super) fn sign(connection: &Connection) -> rusqlite::Result<()> {
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

pub(super) fn open_private(path: &Path) -> io::Result<File> {
    private().create(true).open(path)
}

/// Makes a file that is not there yet, readable by this account alone.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    private().create_new(true).open(path)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

pub(super) fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_committed_is_on_the_disk_itself_on_every_connection() {
        let folder = tempfile::tempdir().unwrap();
        let path = file_in(folder.path());
        let options = JournalOptions::default();
        let (writer, _) = open(&path, &options, None).unwrap();
        write_ahead(&path, &writer).unwrap();
        let reader = open_reader(&path, &options).unwrap();
        for connection in [&writer, &reader] {
            let set =
                ["fullfsync", "checkpoint_fullfsync", "synchronous"].map(|name| pragma(connection, name));
            assert_eq!(set, [Ok(1), Ok(1), Ok(2)]);
        }
        let mode: String = writer.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!((pragma(&writer, "foreign_keys"), mode.as_str()), (Ok(1), "wal"));
    }

    #[test]
    fn another_programs_hold_is_waited_for_as_long_as_the_options_say() {
        let folder = tempfile::tempdir().unwrap();
        let path = file_in(folder.path());
        for wait in [Duration::from_millis(20), JournalOptions::default().busy_timeout] {
            let options = JournalOptions { busy_timeout: wait, ..JournalOptions::default() };
            let (connection, _) = open(&path, &options, None).unwrap();
            assert_eq!(u128::from(pragma(&connection, "busy_timeout").unwrap()), wait.as_millis());
        }
    }
}

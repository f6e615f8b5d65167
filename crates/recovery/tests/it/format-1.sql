-- The tables of a journal of the first format, and what marks its file.
PRAGMA application_id = 0x556e6c61;
PRAGMA user_version = 1;
PRAGMA journal_mode = WAL;
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
CREATE TABLE event (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    run         INTEGER NOT NULL REFERENCES run (key),
    position    INTEGER,
    at          TEXT NOT NULL,
    kind        TEXT NOT NULL,
    body        TEXT NOT NULL
) STRICT;
CREATE INDEX event_of_run ON event (run);
CREATE TRIGGER run_is_never_changed   BEFORE UPDATE ON run   BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER run_is_never_deleted   BEFORE DELETE ON run   BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER item_is_never_changed  BEFORE UPDATE ON item  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER item_is_never_deleted  BEFORE DELETE ON item  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

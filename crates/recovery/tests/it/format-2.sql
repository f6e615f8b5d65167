-- A journal of the second format with two runs, as the version that wrote that format made it.
PRAGMA application_id = 0x556e6c61;
PRAGMA user_version = 2;
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
    body        TEXT NOT NULL,
    hash        BLOB NOT NULL
) STRICT;
CREATE INDEX event_of_run ON event (run);
CREATE INDEX intent_at ON event (at) WHERE kind = 'intent';
CREATE TRIGGER run_is_never_changed   BEFORE UPDATE ON run   BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER run_is_never_deleted   BEFORE DELETE ON run   BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER item_is_never_changed  BEFORE UPDATE ON item  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER item_is_never_deleted  BEFORE DELETE ON item  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
INSERT INTO run VALUES
    (1, '0d5f2a8e-6c0b-4c7d-9f5e-000000000001', '2026-11-03T10:00:00Z', 'global', '99999999-8888-7777-6666-555555555555', 'Contoso', 'anna@contoso.example', 'a1', 'recoverPasscode', 'INC-4711', 3),
    (2, '0d5f2a8e-6c0b-4c7d-9f5e-000000000002', '2026-11-03T11:00:00.5Z', 'global', '99999999-8888-7777-6666-555555555555', 'Contoso', 'anna@contoso.example', 'a1', 'recoverPasscode', NULL, 2);
INSERT INTO item VALUES
    (1, 0, 'd1', '{"kind":"user","id":"u1"}', 'Bob', 'Front desk', 'C02XK1AB', 'u1', 'bob@contoso.example', 'iOS 18'),
    (1, 1, 'd2', '{"kind":"app","id":"f1"}', 'Notes 1.0', 'Küche 7', NULL, NULL, NULL, NULL),
    (1, 2, 'd3', '{"kind":"direct"}', 'd3', '', 'S3', NULL, NULL, 'Windows'),
    (2, 0, 'd1', '{"kind":"direct"}', 'd1', 'Front desk', 'C02XK1AB', 'u1', 'bob@contoso.example', 'iOS 18'),
    (2, 1, 'd4', '{"kind":"direct"}', 'd4', 'Back desk', 'S4', NULL, NULL, NULL);
INSERT INTO event VALUES
    (1, 1, NULL, '2026-11-03T10:00:00Z', 'run_started', '{"runStarted":{"total":3,"digest":"dbc6fc6a483f1f142921316f147ad64afb2a4e16bdd3651d5d971c4b71e38bb7"}}', X'ce6d430bd4b1e9319224f826d26d99e718a16b21e15e1713879d065ea9b4a8be'),
    (2, 1, NULL, '2026-11-03T10:00:05Z', 'began', '"began"', X'3c690aed90bc01517540f2538fe17aa297d00b0817b09d35425ec6bd0f1f7d97'),
    (3, 1, 0, '2026-11-03T10:00:06Z', 'intent', '{"intent":{"attempt":1,"route":{"kind":"user","id":"u1"},"serverNow":"2026-11-03T10:00:06Z"}}', X'f727e5e843a4272e24b01cb42a0c971259eefe7656d3d6554d72a3fe73d281fa'),
    (4, 1, 0, '2026-11-03T10:00:07Z', 'answer', '{"answer":{"verdict":{"again":"direct"},"status":400,"code":"BadRequest","message":"No OData route exists","requestId":"r1","clientRequestId":"0d5f2a8e-6c0b-4c7d-9f5e-0000000000c1","serverDate":"2026-11-03T10:00:07Z"}}', X'264ef7f3dad7b75cad7c4281184ea7b88f0168768bc6ce19e9cd7c4b8b451c08'),
    (5, 1, 0, '2026-11-03T10:00:07Z', 'fell_back', '"fellBack"', X'fb8fd5923f6a494d3efd2b9dc02e0861f1d221a9771a11fe4c0d1f4e6ce27d2a'),
    (6, 1, 0, '2026-11-03T10:00:08Z', 'intent', '{"intent":{"attempt":2,"route":{"kind":"direct"},"serverNow":"2026-11-03T10:00:08Z"}}', X'57a5726192981f7ee7a56283f482542d35687caa5fdf1fa52f19880dcc42d641'),
    (7, 1, 0, '2026-11-03T10:00:09Z', 'answer', '{"answer":{"verdict":"accepted","status":204,"code":null,"message":null,"requestId":"r2","clientRequestId":"0d5f2a8e-6c0b-4c7d-9f5e-0000000000c2","serverDate":null}}', X'f974c9f5a15b2c12c9ddc0d53f5ffc5c982330efcf1c620e4751cffe7e4a8ac9'),
    (8, 1, 1, '2026-11-03T10:00:09Z', 'stopped', '{"stopped":{"reason":"removalPending","message":null,"found":null}}', X'aeda302012c8843be71141fd80e7a542ce1986188edce686577884a555537fc4'),
    (9, 1, 2, '2026-11-03T10:00:09Z', 'intent', '{"intent":{"attempt":1,"route":{"kind":"direct"},"serverNow":"2026-11-03T10:00:09Z"}}', X'b1fbc484090d23294f7cf642eecdc052448c4904ab9167ae169d522770f57e57'),
    (10, 1, 2, '2026-11-03T10:00:09Z', 'withdrawn', '"withdrawn"', X'66c004b4bb831dabfdb3b179379912a0be509f9aea11b17c10ef3a0bf95932b5'),
    (11, 1, NULL, '2026-11-03T10:00:10Z', 'cancel_asked', '"cancelAsked"', X'35ed3ffc8607b787fc00e57130d6987be2b367d1194e382f50e0a3765503ad5c'),
    (12, 1, NULL, '2026-11-03T10:00:10Z', 'run_ended', '{"runEnded":{"state":"cancelled"}}', X'c697ae412990445fb0a7c1a090309f9b41e83994672533c5909ad7ff551ea696'),
    (13, 1, 0, '2026-11-03T10:02:00Z', 'observed', '{"observed":{"result":"done","started":"2026-11-03T10:00:09Z","lastUpdated":"2026-11-03T10:01:00Z","hasPasscode":true}}', X'0eda31c8eee225991ba1df60cd11defc3b24b2e3820b4e4ba00580424b23d859'),
    (14, 2, NULL, '2026-11-03T11:00:00Z', 'run_started', '{"runStarted":{"total":2,"digest":"d7bb0df347a01dcc4d423b67952af030d44d0e0ad1d21fb02506d1d08cea552c"}}', X'eb1bde6e7033174bf594f91d7fdca67e1fb21cdfa7dd5826384244b4a72479e5'),
    (15, 2, 0, '2026-11-03T11:00:06Z', 'intent', '{"intent":{"attempt":1,"route":{"kind":"direct"},"serverNow":"2026-11-03T11:00:06Z"}}', X'c2689077130bbad4c215f864c4cbf0f3a49fd87dc213e953282c9541151b98b1'),
    (16, 2, 0, '2026-11-03T11:00:07Z', 'throttled', '{"throttled":{"waitMs":10000}}', X'4e74433d10150c769e12bd61c9c952e3ec7b08ffc22df803dea6c771412f9eec'),
    (17, 2, 0, '2026-11-03T11:00:07Z', 'answer', '{"answer":{"verdict":"unconfirmed","status":504,"code":null,"message":"timed out","requestId":null,"clientRequestId":"0d5f2a8e-6c0b-4c7d-9f5e-0000000000c3","serverDate":null}}', X'5723caaf31c70e46d5156d970cb72cbdb4cd5d72eee47e5e3c88d01da6596e09'),
    (18, 2, NULL, '2026-11-03T11:00:08Z', 'sign_in_needed', '"signInNeeded"', X'6596ac5c639f8ab465150d74c9bfb0503f79c55f62dd64b44fd3e771404e6d2d'),
    (19, 2, NULL, '2026-11-03T11:00:09Z', 'resumed', '"resumed"', X'41b9c231e20bbfb873dd4839c9980bfde7b5bb0653ff6d7136da315c0329d5b1'),
    (20, 2, NULL, '2026-11-03T11:00:10Z', 'run_ended', '{"runEnded":{"state":"interrupted"}}', X'08d4b132175bc0a08fb977cbdf46a440937f9af121fe93d3fe08042da52beead'),
    (21, 2, NULL, '2026-11-03T11:00:11Z', 'taken_up', '"takenUp"', X'4d6e8ca5df45412ad87a3fb6d239ee3b591c680735523c10a9e8e751d4538aad'),
    (22, 2, 0, '2026-11-03T11:00:12Z', 'send_again_asked', '"sendAgainAsked"', X'6ad09bd20deec090beaaf7fdb91616c0a9db8c311f35c0dffc65dddba2547c28'),
    (23, 2, 0, '2026-11-03T11:00:13Z', 'intent', '{"intent":{"attempt":2,"route":{"kind":"direct"},"serverNow":"2026-11-03T11:00:13Z"}}', X'8f419b528535758f8b7354113845f8170d2588967808cfaa599f01631de9a7df'),
    (24, 2, 0, '2026-11-03T11:00:14Z', 'gave_up', '"gaveUp"', X'383a7b47b0dfd98dc196c4d971355521b3a27eeb4322d42424226ab051d66879'),
    (25, 2, NULL, '2026-11-03T11:00:15Z', 'discarded', '"discarded"', X'f504400cb55d9b554697d215389676611adbdb27b1ec474c79a12b32606ac05d');

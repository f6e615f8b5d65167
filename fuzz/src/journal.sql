-- Two runs with every kind of entry, as the first format has them. Opening such a file chains it, so this is a journal of the
-- current format as well.
INSERT INTO run VALUES
    (1, '0d5f2a8e-6c0b-4c7d-9f5e-000000000001', '2026-11-03T10:00:00Z', 'global', '99999999-8888-7777-6666-555555555555',
     'Contoso', 'anna@contoso.example', 'a1', 'recoverPasscode', 'INC-4711', 3),
    (2, '0d5f2a8e-6c0b-4c7d-9f5e-000000000002', '2026-11-03T11:00:00.5Z', 'global', '99999999-8888-7777-6666-555555555555',
     'Contoso', 'anna@contoso.example', 'a1', 'recoverPasscode', NULL, 2);
INSERT INTO item VALUES
    (1, 0, 'd1', '{"kind":"user","id":"u1"}', 'Bob', 'Front desk', 'C02XK1AB', 'u1', 'bob@contoso.example', 'iOS 18'),
    (1, 1, 'd2', '{"kind":"app","id":"f1"}', 'Notes 1.0', 'Küche 7', NULL, NULL, NULL, NULL),
    (1, 2, 'd3', '{"kind":"direct"}', 'd3', '', 'S3', NULL, NULL, 'Windows'),
    (2, 0, 'd1', '{"kind":"direct"}', 'd1', 'Front desk', 'C02XK1AB', 'u1', 'bob@contoso.example', 'iOS 18'),
    (2, 1, 'd4', '{"kind":"direct"}', 'd4', 'Back desk', 'S4', NULL, NULL, NULL);
INSERT INTO event (run, position, at, kind, body) VALUES
    (1, NULL, '2026-11-03T10:00:00Z', 'run_started', '{"runStarted":{"total":3}}'),
    (1, NULL, '2026-11-03T10:00:05Z', 'began', '"began"'),
    (1, 0, '2026-11-03T10:00:06Z', 'intent', '{"intent":{"attempt":1,"route":{"kind":"user","id":"u1"},"serverNow":"2026-11-03T10:00:06Z"}}'),
    (1, 0, '2026-11-03T10:00:07Z', 'answer', '{"answer":{"verdict":{"again":"direct"},"status":400,"code":"BadRequest","message":"No OData route exists","requestId":"r1","clientRequestId":"0d5f2a8e-6c0b-4c7d-9f5e-0000000000c1","serverDate":"2026-11-03T10:00:07Z"}}'),
    (1, 0, '2026-11-03T10:00:07Z', 'fell_back', '"fellBack"'),
    (1, 0, '2026-11-03T10:00:08Z', 'intent', '{"intent":{"attempt":2,"route":{"kind":"direct"},"serverNow":"2026-11-03T10:00:08Z"}}'),
    (1, 0, '2026-11-03T10:00:09Z', 'answer', '{"answer":{"verdict":"accepted","status":204,"code":null,"message":null,"requestId":"r2","clientRequestId":"0d5f2a8e-6c0b-4c7d-9f5e-0000000000c2","serverDate":null}}'),
    (1, 1, '2026-11-03T10:00:09Z', 'stopped', '{"stopped":{"reason":"removalPending","message":null,"found":null}}'),
    (1, 2, '2026-11-03T10:00:09Z', 'intent', '{"intent":{"attempt":1,"route":{"kind":"direct"},"serverNow":"2026-11-03T10:00:09Z"}}'),
    (1, 2, '2026-11-03T10:00:09Z', 'withdrawn', '"withdrawn"'),
    (1, NULL, '2026-11-03T10:00:10Z', 'cancel_asked', '"cancelAsked"'),
    (1, NULL, '2026-11-03T10:00:10Z', 'run_ended', '{"runEnded":{"state":"cancelled"}}'),
    (1, 0, '2026-11-03T10:02:00Z', 'observed', '{"observed":{"result":"done","started":"2026-11-03T10:00:09Z","lastUpdated":"2026-11-03T10:01:00Z","hasPasscode":true}}'),
    (2, NULL, '2026-11-03T11:00:00Z', 'run_started', '{"runStarted":{"total":2}}'),
    (2, 0, '2026-11-03T11:00:06Z', 'intent', '{"intent":{"attempt":1,"route":{"kind":"direct"},"serverNow":"2026-11-03T11:00:06Z"}}'),
    (2, 0, '2026-11-03T11:00:07Z', 'throttled', '{"throttled":{"waitMs":10000}}'),
    (2, 0, '2026-11-03T11:00:07Z', 'answer', '{"answer":{"verdict":"unconfirmed","status":504,"code":null,"message":"timed out","requestId":null,"clientRequestId":"0d5f2a8e-6c0b-4c7d-9f5e-0000000000c3","serverDate":null}}'),
    (2, NULL, '2026-11-03T11:00:08Z', 'sign_in_needed', '"signInNeeded"'),
    (2, NULL, '2026-11-03T11:00:09Z', 'resumed', '"resumed"'),
    (2, NULL, '2026-11-03T11:00:10Z', 'run_ended', '{"runEnded":{"state":"interrupted"}}'),
    (2, NULL, '2026-11-03T11:00:11Z', 'taken_up', '"takenUp"'),
    (2, 0, '2026-11-03T11:00:12Z', 'send_again_asked', '"sendAgainAsked"'),
    (2, 0, '2026-11-03T11:00:13Z', 'intent', '{"intent":{"attempt":2,"route":{"kind":"direct"},"serverNow":"2026-11-03T11:00:13Z"}}'),
    (2, 0, '2026-11-03T11:00:14Z', 'gave_up', '"gaveUp"'),
    (2, NULL, '2026-11-03T11:00:15Z', 'discarded', '"discarded"');

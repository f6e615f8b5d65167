//! The report for a spreadsheet.

use std::borrow::Cow;
use std::io::{self, Write};

use time::OffsetDateTime;
use unlatch_graph::Route;

use super::{TIME, code_name, is_unseen};
use crate::check::{Difference, Found};
use crate::record::{ItemRecord, RunHeader, RunRecord};

/// Without it Excel takes the file for one in the system's old code page.
const BYTE_ORDER_MARK: &str = "\u{feff}";

const COLUMNS: [&str; 31] = [
    "Run id",
    "Tenant",
    "Tenant id",
    "Account",
    "Started (UTC)",
    "Reason",
    "Action",
    "Position",
    "Device name",
    "Serial number",
    "User",
    "System",
    "Device id",
    "Route",
    "Route label",
    "Route id",
    "Sent by direct route instead",
    "State",
    "Reason of the state",
    "What differed",
    "HTTP status",
    "Graph code",
    "Message",
    "Request id",
    "Client request id",
    "Attempts",
    "Last request at (Graph's clock, UTC)",
    "Device's report",
    "Device's report last updated (UTC)",
    "Given up asking",
    "Changed at (UTC)",
];

/// Writes the run as CSV (RFC 4180, UTF-8 with a byte order mark), one row a device. Positions count from 1; times are
/// ISO 8601.
///
/// No text in it can be a formula: an apostrophe stands before whatever a spreadsheet could take for one (OWASP, *CSV
/// injection*), and before an apostrophe that stands in such a place. That holds too where the file is opened with semicolons or
/// tabs between cells, as Excel does by itself in much of the world: text after one of these, or after a line break, counts as
/// the beginning of a cell. A text without any of these is had back by taking one apostrophe off its beginning.
///
/// # Errors
/// What `out` says.
pub fn csv(run: &RunRecord, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(BYTE_ORDER_MARK.as_bytes())?;
    let mut rows = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(out);
    rows.write_record(COLUMNS).map_err(what_the_file_said)?;
    for item in &run.items {
        let cells = row(&run.summary.header, item);
        let guarded = cells.iter().map(|cell| guarded(cell).into_owned());
        rows.write_record(guarded).map_err(what_the_file_said)?;
    }
    rows.flush()
}

fn what_the_file_said(error: ::csv::Error) -> io::Error {
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn row<'a>(header: &'a RunHeader, item: &'a ItemRecord) -> [Cow<'a, str>; COLUMNS.len()] {
    let ItemRecord { position, planned, standing } = item;
    let or_empty = |text: &'a Option<String>| Cow::Borrowed(text.as_deref().unwrap_or_default());
    let (route, route_id) = match &planned.route {
        Route::User(id) => ("user", id.as_str()),
        Route::App(id) => ("app", id.as_str()),
        Route::Direct => ("direct", ""),
    };
    let (report, reported) = match &standing.observed {
        Some((report, at)) => (report.as_str(), at.map(utc)),
        None => ("", None),
    };
    [
        header.id.to_string().into(),
        header.principal.tenant_name.as_str().into(),
        header.principal.tenant_id.as_str().into(),
        header.principal.account.as_str().into(),
        utc(header.started).into(),
        or_empty(&header.reason),
        header.action.name().into(),
        (u64::from(*position) + 1).to_string().into(),
        planned.name.as_str().into(),
        or_empty(&planned.serial),
        or_empty(&planned.user),
        or_empty(&planned.system),
        planned.device_id.as_str().into(),
        route.into(),
        planned.route_label.as_str().into(),
        route_id.into(),
        if standing.fell_back { "yes" } else { "no" }.into(),
        code_name(standing.state).into(),
        standing.reason.map(code_name).unwrap_or_default().into(),
        standing.found.as_ref().map(what_differed).unwrap_or_default().into(),
        standing.status.map(|status| status.to_string()).unwrap_or_default().into(),
        or_empty(&standing.code),
        or_empty(&standing.message),
        or_empty(&standing.request_id),
        standing.client_request_id.map(|id| id.to_string()).unwrap_or_default().into(),
        standing.attempts.to_string().into(),
        // What was withdrawn never went out.
        standing.intent.filter(|_| standing.attempts > 0).map(utc).unwrap_or_default().into(),
        report.into(),
        reported.unwrap_or_default().into(),
        if standing.gave_up { "yes" } else { "no" }.into(),
        standing.at.map(utc).unwrap_or_default().into(),
    ]
}

fn utc(at: OffsetDateTime) -> String {
    super::utc(at, TIME)
}

fn what_differed(found: &Found) -> String {
    match found {
        Found::Differences(differences) => {
            let difference = |Difference { field, then, now }: &Difference| {
                let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".to_owned());
                format!("{}: {} -> {}", code_name(field), value(then), value(now))
            };
            differences.iter().map(difference).collect::<Vec<_>>().join(" | ")
        }
        Found::State(state) => state.clone(),
        Found::Pending { since, by } => {
            let since = since.map(|at| format!(" since {}", utc(at))).unwrap_or_default();
            let by = by.as_ref().map(|by| format!(", asked for by {by}")).unwrap_or_default();
            format!("pending{since}{by}")
        }
        Found::Sent { state, since, by } => {
            let since = since.map(|at| format!(", started {}", utc(at))).unwrap_or_default();
            let by = by.as_ref().map(|by| format!(", sent by {by}")).unwrap_or_default();
            format!("{state}{since}{by}")
        }
    }
}

/// Whether a spreadsheet may take what begins so for a formula: OWASP's list, and the forms of these that input methods for
/// Chinese and Japanese make.
fn begins_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '﹦' | '﹢' | '﹣' | '﹫' | '\u{2212}')
}

/// Whether a spreadsheet may pass over it at the beginning of a cell: blanks, what is not seen, and quotes.
fn is_passed_over(c: char) -> bool {
    c == '"' || c.is_whitespace() || c.is_control() || is_unseen(c)
}

/// Whether a new cell may begin after it, if the file is read with other separators than those it was written with.
fn may_end_cell(c: char) -> bool {
    matches!(c, ';' | '\t' | '\r' | '\n')
}

/// `text` as a cell that is no formula.
fn guarded(text: &str) -> Cow<'_, str> {
    let begins = text.starts_with(['\'', '\t', '\r', '\n', '\0'])
        || text.trim_start_matches(is_passed_over).starts_with(begins_formula);
    if !begins && !text.contains(may_end_cell) {
        return Cow::Borrowed(text);
    }
    let mut cell = String::with_capacity(text.len() + 2);
    if begins {
        cell.push('\'');
    }
    let mut at_beginning = false;
    for c in text.chars() {
        if at_beginning && (c == '\'' || begins_formula(c)) {
            cell.push('\'');
        }
        at_beginning = may_end_cell(c) || at_beginning && is_passed_over(c);
        cell.push(c);
    }
    Cow::Owned(cell)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample;
    use super::*;

    /// The text that a cell was made of.
    fn plain(cell: &str) -> String {
        let cell = cell.strip_prefix('\'').unwrap_or(cell);
        let mut text = String::new();
        let mut at_beginning = false;
        for c in cell.chars() {
            if at_beginning && c == '\'' {
                at_beginning = false;
                continue;
            }
            at_beginning = may_end_cell(c) || at_beginning && is_passed_over(c);
            text.push(c);
        }
        text
    }

    /// The cells of the file, read by commas, the heads first.
    fn read(file: &[u8]) -> Vec<Vec<String>> {
        let file = file.strip_prefix("\u{feff}".as_bytes()).unwrap();
        let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(file);
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    fn written(run: &RunRecord) -> Vec<u8> {
        let mut file = Vec::new();
        csv(run, &mut file).unwrap();
        file
    }

    fn cell<'a>(rows: &'a [Vec<String>], row: usize, column: &str) -> &'a str {
        &rows[row][COLUMNS.iter().position(|name| *name == column).unwrap()]
    }

    /// Written without the code that guards: no cell may begin so, as OWASP has it.
    fn is_dangerous(cell: &str) -> bool {
        let seen = cell.trim_start_matches(|c: char| {
            c.is_whitespace() || c.is_control() || "\u{feff}\u{200b}\u{200c}\u{200d}\u{2060}".contains(c)
        });
        seen.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
            || cell.starts_with(['\t', '\r', '\n', '\0'])
    }

    #[test]
    fn the_file_is_what_excel_opens_right() {
        let file = written(&sample::run());
        let text = std::str::from_utf8(&file).unwrap();
        assert!(text.starts_with("\u{feff}Run id,Tenant,Tenant id,Account,Started (UTC),Reason,"));
        let ends = text.matches("\r\n").count();
        assert_eq!(ends, 1 + sample::run().items.len());
        assert!(text.ends_with("\r\n"));
    }

    #[test]
    fn every_device_is_a_row_with_what_is_known_of_it() {
        let rows = read(&written(&sample::run()));
        assert!(rows.iter().all(|row| row.len() == COLUMNS.len()));
        let expected = |row: usize, cells: &[(&str, &str)]| {
            for (column, text) in cells {
                assert_eq!(cell(&rows, row, column), *text, "{column} of row {row}");
            }
        };
        expected(
            sample::DONE + 1,
            &[
                ("Run id", sample::RUN_ID),
                ("Tenant", "Contoso"),
                ("Tenant id", "t-1"),
                ("Account", "ana@contoso.com"),
                ("Started (UTC)", "2026-11-24T10:03:02Z"),
                ("Reason", "INC-7"),
                ("Action", "recoverPasscode"),
                ("Position", "1"),
                ("Device name", "Tablet 7"),
                ("Serial number", "S7"),
                ("User", "bo@contoso.com"),
                ("System", "iOS 19"),
                ("Device id", "d-0"),
                ("Route", "user"),
                ("Route label", "Bo Berg"),
                ("Route id", "u-1"),
                ("Sent by direct route instead", "yes"),
                ("State", "done"),
                ("Reason of the state", ""),
                ("What differed", ""),
                ("HTTP status", "204"),
                ("Request id", "graph-1"),
                ("Client request id", "00000000-0000-0000-0000-000000000007"),
                ("Attempts", "1"),
                ("Last request at (Graph's clock, UTC)", "2026-11-24T10:03:02Z"),
                ("Device's report", "done"),
                ("Device's report last updated (UTC)", "2026-11-24T10:05:00Z"),
                ("Changed at (UTC)", "2026-11-24T10:03:02Z"),
            ],
        );
        expected(
            sample::CHANGED + 1,
            &[
                ("State", "stopped"),
                ("Reason of the state", "changed"),
                ("What differed", "name: Phone 3 -> Phone 4 | serial: S3 -> (none)"),
                ("HTTP status", ""),
                ("Attempts", "0"),
                ("Last request at (Graph's clock, UTC)", ""),
                ("Given up asking", "no"),
                ("Sent by direct route instead", "no"),
            ],
        );
        expected(
            sample::PENDING + 1,
            &[("What differed", "pending since 2026-11-24T09:00:00Z, asked for by cy@contoso.com")],
        );
        expected(
            sample::REFUSED + 1,
            &[
                ("State", "refused"),
                ("Reason of the state", "roleDenied"),
                ("HTTP status", "403"),
                ("Graph code", "Forbidden"),
                ("Message", "Not allowed, says \"Intune\".\nAsk."),
                ("Route", "app"),
                ("Route id", "a-1"),
            ],
        );
        expected(sample::GAVE_UP + 1, &[("State", "accepted"), ("Given up asking", "yes")]);
        expected(sample::WAITING + 1, &[("State", "waiting"), ("Route", "direct"), ("Changed at (UTC)", "")]);
    }

    #[test]
    fn a_request_that_was_withdrawn_was_not_sent() {
        let mut run = sample::run();
        run.items[sample::DONE].standing.attempts = 0;
        let rows = read(&written(&run));
        assert_eq!(cell(&rows, sample::DONE + 1, "Last request at (Graph's clock, UTC)"), "");
    }

    #[test]
    fn what_could_be_a_formula_gets_an_apostrophe_and_nothing_else_does() {
        let formulas = [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "＝1",
            "＋1",
            "－1",
            "＠1",
            "  =1",
            "\u{feff}=1",
            "\u{200b}\u{a0}=1",
            "\u{3164}\u{e0061}=1",
            "\tx",
            "\rx",
            "\nx",
            "\0x",
            "\u{1}=1",
            "\"=1",
            "'=1",
            "'s-Gravenhage",
        ];
        for text in formulas {
            assert_eq!(guarded(text), format!("'{text}").as_str(), "{text:?}");
        }
        for text in ["", "Tablet 7", "a=b", "1-2", "Ana's phone", "ana@contoso.com", " x", "a; b", "one\ntwo"]
        {
            assert_eq!(guarded(text), text);
        }
    }

    #[test]
    fn a_name_is_no_formula_when_the_file_is_read_by_semicolons_or_tabs() {
        for (text, cell) in [
            ("x;=1", "x;'=1"),
            ("x; \"=1", "x; \"'=1"),
            ("x\t@A1", "x\t'@A1"),
            ("x\r\n+1", "x\r\n'+1"),
            ("x;;-1", "x;;'-1"),
            ("x;'=1", "x;''=1"),
            (";=1", ";'=1"),
        ] {
            assert_eq!(guarded(text), cell, "{text:?}");
        }
    }

    /// Any text, with what is dangerous far more often than chance would have it.
    fn texts() -> impl Strategy<Value = String> {
        let parts = prop_oneof![
            4 => any::<char>().prop_map(String::from),
            4 => "[ -~]{0,4}",
            6 => prop::sample::select(vec![
                "=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n", "\0", " ", "\u{a0}", "\u{feff}", "\u{200b}",
                "'", "\"", ",", ";", "\r\n", "\u{2028}", "\u{202e}",
            ]).prop_map(String::from),
        ];
        prop::collection::vec(parts, 0..8).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn no_cell_is_a_formula_and_every_text_is_had_back(
            texts in prop::collection::vec(texts(), 8)
        ) {
            let [name, serial, user, system, label, message, reason, tenant] = &texts[..] else { unreachable!() };
            let mut run = sample::run();
            run.items.truncate(1);
            run.summary.header.reason = Some(reason.clone());
            run.summary.header.principal.tenant_name = tenant.clone();
            let item = &mut run.items[0];
            item.planned.name = name.clone();
            item.planned.serial = Some(serial.clone());
            item.planned.user = Some(user.clone());
            item.planned.system = Some(system.clone());
            item.planned.route_label = label.clone();
            item.standing.message = Some(message.clone());
            item.standing.found = Some(Found::State(message.clone()));
            let file = written(&run);
            let rows = read(&file);
            prop_assert_eq!(rows.len(), 2);
            for (column, text) in [
                ("Device name", name), ("Serial number", serial), ("User", user), ("System", system),
                ("Route label", label), ("Message", message), ("What differed", message), ("Reason", reason),
                ("Tenant", tenant),
            ] {
                let cell = cell(&rows, 1, column);
                prop_assert!(!is_dangerous(cell), "{column}: {cell:?}");
                prop_assert_eq!(&plain(cell), text);
                if !text.contains(may_end_cell) {
                    prop_assert_eq!(cell.strip_prefix('\'').unwrap_or(cell), text.as_str());
                }
            }
            // Read with other separators, without any regard for quotes or as Excel regards them, it has no formula either.
            for separator in [';', '\t'] {
                let file = std::str::from_utf8(&file).unwrap();
                for cell in file.split([separator, '\r', '\n']) {
                    let cell = cell.trim_start_matches('"');
                    prop_assert!(!cell.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']), "{cell:?}");
                }
            }
        }
    }

    #[test]
    fn a_disk_that_is_full_is_told_of_even_if_only_the_last_byte_is_lost() {
        let mut whole = sample::Pieces::default();
        csv(&sample::of(1_000), &mut whole).unwrap();
        for room in [100, whole.total / 2, whole.total - 1] {
            let error = csv(&sample::of(1_000), &mut sample::Full::after(room)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{room}");
        }
        csv(&sample::of(1_000), &mut sample::Full::after(whole.total)).unwrap();
    }

    #[test]
    fn ten_thousand_devices_go_out_piece_by_piece() {
        let mut out = sample::Pieces::default();
        csv(&sample::of(10_000), &mut out).unwrap();
        assert!(out.total > 1_000_000 && out.largest <= 64 * 1024, "{out:?}");
    }
}

//! A run's report as a file.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use time::macros::format_description;
use unlatch_recovery::{Recorded, RunRecord, report};

use crate::dto::ReportFormat;

/// The window's words, which the printed report is made of.
const ENGLISH: &str = include_str!("../../ui/src/messages/en.json");
const SPANISH: &str = include_str!("../../ui/src/messages/es.json");

/// Where reports go: where browsers put what is downloaded or, without such a folder, below `data_folder`.
pub fn folder(data_folder: &Path) -> PathBuf {
    dirs::download_dir().filter(|folder| folder.is_dir()).unwrap_or_else(|| data_folder.join("reports"))
}

/// Writes a report of `run` into a file of its own, which only this account may read. `language` is `en` or `es`; anything else
/// is English. Gives the file.
///
/// # Errors
/// A text that names the file or folder and what went wrong. A file that could not be finished is taken away again.
pub fn write(
    folder: &Path,
    run: &RunRecord,
    entries: &[Recorded],
    format: ReportFormat,
    language: &str,
) -> Result<PathBuf, String> {
    let named = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    std::fs::create_dir_all(folder).map_err(|error| named(folder, error))?;
    let (path, file) = create(folder, &stem(run), ending(format)).map_err(|error| named(folder, error))?;
    let mut out = BufWriter::new(file);
    let written = match format {
        ReportFormat::Csv => report::csv(run, &mut out),
        ReportFormat::JsonLines => report::json_lines(run, entries, &mut out),
        ReportFormat::Html => {
            let words = words(language);
            let say = |key: &str| words.get(key).cloned().unwrap_or_else(|| key.to_owned());
            let newest = entries.last().map(|entry| entry.hash);
            report::html(run, &say, shown_language(language), &mut out, newest)
        }
    };
    match written.and_then(|()| out.flush()).and_then(|()| out.get_ref().sync_all()) {
        Ok(()) => Ok(path),
        Err(error) => {
            // What is left of it would pass for a whole one.
            let _ = std::fs::remove_file(&path);
            Err(named(&path, error))
        }
    }
}

fn ending(format: ReportFormat) -> &'static str {
    match format {
        ReportFormat::Csv => "csv",
        ReportFormat::JsonLines => "jsonl",
        ReportFormat::Html => "html",
    }
}

/// `unlatch-20260301-100000-7c9e6679`: when the run was confirmed, in UTC, and the beginning of its id.
fn stem(run: &RunRecord) -> String {
    let at = run.summary.header.started.to_offset(time::UtcOffset::UTC);
    let at = at.format(format_description!("[year][month][day]-[hour][minute][second]")).unwrap_or_default();
    let id = run.summary.header.id.to_string();
    format!("unlatch-{at}-{}", id.get(..8).unwrap_or(&id))
}

/// A new file, with a number where one of that name is there already.
fn create(folder: &Path, stem: &str, ending: &str) -> io::Result<(PathBuf, File)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut number = 1_u32;
    loop {
        let name = match number {
            1 => format!("{stem}.{ending}"),
            _ => format!("{stem} ({number}).{ending}"),
        };
        let path = folder.join(name);
        match options.open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 1_000 => number += 1,
            Err(error) => return Err(error),
        }
    }
}

fn shown_language(language: &str) -> &str {
    if unlatch_settings::is_language(language).is_ok() { language } else { "en" }
}

fn words(language: &str) -> HashMap<String, String> {
    let text = if shown_language(language) == "es" { SPANISH } else { ENGLISH };
    let messages: HashMap<String, serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    let plain = |(key, words): (String, serde_json::Value)| Some((key, words.as_str()?.to_owned()));
    messages.into_iter().filter_map(plain).collect()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use unlatch_graph::{DeviceId, Route};
    use unlatch_recovery::{Action, PlannedItem, Principal, RunHeader, RunId, fold};

    use super::*;

    fn run() -> RunRecord {
        let header = RunHeader {
            id: RunId::from(uuid::Uuid::nil()),
            started: datetime!(2026-03-01 10:00 +2),
            principal: Principal {
                cloud: "global".into(),
                tenant_id: "t".into(),
                tenant_name: "Contoso".into(),
                account: "admin@contoso.example".into(),
                account_id: "a".into(),
            },
            action: Action::RecoverPasscode,
            reason: Some("INC-1".into()),
            total: 1,
        };
        let item = PlannedItem {
            device_id: DeviceId::new("device-1").unwrap(),
            route: Route::Direct,
            route_label: String::new(),
            name: "Tablet <1>".into(),
            serial: None,
            user_id: None,
            user: None,
            system: None,
        };
        fold(header, vec![item], [], false)
    }

    #[test]
    fn each_word_of_the_printed_report_is_there_in_both_languages() {
        for language in ["en", "es"] {
            let words = words(language);
            for key in report::KEYS {
                assert!(words.contains_key(*key), "{language}: {key}");
            }
        }
    }

    #[test]
    fn a_report_is_a_file_of_its_own_for_this_account_alone() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("reports");
        for (format, name) in [
            (ReportFormat::Csv, "unlatch-20260301-080000-00000000.csv"),
            (ReportFormat::JsonLines, "unlatch-20260301-080000-00000000.jsonl"),
            (ReportFormat::Html, "unlatch-20260301-080000-00000000.html"),
            (ReportFormat::Html, "unlatch-20260301-080000-00000000 (2).html"),
        ] {
            let path = write(&folder, &run(), &[], format, "es").unwrap();
            assert_eq!(path, folder.join(name));
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.contains("admin@contoso.example") && text.contains("INC-1"), "{name}");
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            }
        }
        let page = std::fs::read_to_string(folder.join("unlatch-20260301-080000-00000000.html")).unwrap();
        assert!(page.contains("<html lang=\"es\">") && !page.contains("Tablet <1>"));
    }

    #[test]
    fn a_folder_that_cannot_be_had_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let told = write(&file, &run(), &[], ReportFormat::Csv, "en").unwrap_err();
        assert!(told.contains(&file.display().to_string()), "{told}");
    }
}

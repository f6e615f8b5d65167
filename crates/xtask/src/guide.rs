//! The administrator's guide names every failure that the window can show, in the window's own words, and every key of the settings.

use crate::{files, shell};

const WORDS: &str = "ui/src/messages/en.json";
const KEYS: &str = "crates/settings/src/keys.rs";
const GUIDE: &str = "docs/administrators-guide.md";

/// What the guide leaves out, one line each.
///
/// # Errors
/// When a file cannot be read.
pub fn breaches() -> Result<Vec<String>, String> {
    let read = |name: &str| files::read_text(&shell::root().join(name));
    let (words, keys, guide) = (read(WORDS)?, read(KEYS)?, read(GUIDE)?);
    let mut left_out = left_out(&words, &guide);
    left_out.extend(keys_left_out(&keys, &guide));
    Ok(left_out.into_iter().map(|text| format!("{GUIDE} has no place for «{text}»")).collect())
}

/// What these keys hold says nothing about a failure.
const LABELS: [&str; 7] = [
    "error_code",
    "error_time",
    "reason_required",
    "reason_optional",
    "reason_hint",
    "reason_missing",
    // The same failure as `reason_changed`, with what the difference is.
    "reason_changed_to",
];

/// The headlines of failures, of what Entra refuses and of why a device was stopped, that the guide does not quote. Each has one in
/// the language file, under a key that begins so; the UI's types see to that.
fn left_out<'a>(words: &'a str, guide: &str) -> Vec<&'a str> {
    let headlines = words.lines().filter_map(|line| {
        let (key, text) = line.trim().trim_end_matches(',').split_once("\": \"")?;
        let key = key.trim_start_matches('"');
        let failure = ["error_", "help_", "reason_"].iter().any(|kind| key.starts_with(kind));
        let label = LABELS.contains(&key) || key.contains("_next");
        (failure && !label).then(|| text.trim_end_matches('"'))
    });
    // A line of the table holds one headline and what to do about it.
    headlines.filter(|text| !guide.contains(&format!("| {text} |"))).collect()
}

/// The keys of the settings that have no line in the guide's table.
fn keys_left_out<'a>(source: &'a str, guide: &str) -> Vec<&'a str> {
    let keys = source.split("Key { name: \"").skip(1).filter_map(|rest| rest.split('"').next());
    keys.filter(|key| !guide.contains(&format!("| `{key}` |"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &str = r#"{
  "error_code": "Code",
  "error_tls": "The certificate cannot be trusted.",
  "error_tls_next": "Ask.",
  "help_busy": "The service is busy.",
  "window_title": "Unlatch"
}"#;

    #[test]
    fn a_failure_that_the_guide_does_not_quote_is_named() {
        assert_eq!(
            left_out(WORDS, "| The service is busy. | wait |"),
            ["The certificate cannot be trusted."]
        );
        assert_eq!(left_out(WORDS, "").len(), 2);
    }

    #[test]
    fn a_key_of_the_settings_without_a_line_is_named() {
        let source =
            r#"[Key { name: "tenant", kind: Kind::Text }, Key { name: "export", kind: Kind::Flag }]"#;
        assert_eq!(keys_left_out(source, "| `tenant` | text |"), ["export"]);
        assert_eq!(keys_left_out(source, "| `tenant` | text |\n| `export` | no |"), Vec::<&str>::new());
    }

    #[test]
    fn other_words_of_the_window_need_no_place() {
        let guide = "| The service is busy. | wait |\n| The certificate cannot be trusted. | a proxy |";
        assert_eq!(left_out(WORDS, guide), Vec::<&str>::new());
    }

    #[test]
    fn the_language_file_is_read_as_it_is_written() {
        let words = files::read_text(&shell::root().join(super::WORDS)).unwrap();
        assert!(left_out(&words, "").len() > 80);
    }
}

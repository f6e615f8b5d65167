//! The report of a run, to be handed over or kept: as [`csv()`] for a spreadsheet, as [`json_lines()`] with every recorded
//! fact, as [`html()`] for printing. Each is written as it is made, so a long run takes no more memory than a short one.

mod csv;
mod html;
mod json_lines;
#[cfg(test)]
mod sample;
mod words;

pub use self::csv::csv;
pub use self::html::html;
pub use self::json_lines::json_lines;
pub use self::words::KEYS;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::{format_description, offset};

/// ISO 8601.
const TIME: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// As people read it.
const PLAIN_TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

/// The time in UTC, to the second; nothing for one that an offset puts out of all years.
fn utc(at: OffsetDateTime, format: &[BorrowedFormatItem<'_>]) -> String {
    at.checked_to_offset(offset!(UTC)).and_then(|at| at.format(format).ok()).unwrap_or_default()
}

/// Whether a reader does not see it, although it may change what is read: marks that turn the direction, joiners, fillers,
/// variation selectors and tags. Control characters are not among these.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The name by which the journal and the window know a state or a reason.
fn code_name(code: impl Serialize) -> String {
    match serde_json::to_value(code) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

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

/// As a spreadsheet takes for a date.
const TIME: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

/// The time in UTC, to the second.
fn utc(at: OffsetDateTime) -> String {
    at.to_offset(offset!(UTC)).format(TIME).unwrap_or_default()
}

/// The name by which the journal and the window know a state or a reason.
fn code_name(code: impl Serialize) -> String {
    match serde_json::to_value(code) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

//! What must hold of each text that others wrote, whatever is in it.
//!
//! Each function takes what a fuzzer made up, has the real code read it, and panics if a property does not hold. It gives
//! whether anything was read, so that a test can tell that seeds get that far. `fuzz/libfuzzer` has a program of libFuzzer for
//! each; `tests/replay.rs` runs every file below `seeds` through it with no fuzzer at all.

use std::path::Path;

use tempfile::TempDir;

pub mod graph;
pub mod journal;
pub mod list;
pub mod settings;
pub mod sign_in;

/// A target: its name, which is its folder below `seeds` too, and what is done with each input.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// Every target there is.
pub const TARGETS: &[Target] = &[
    ("challenge", graph::challenge),
    ("config", settings::both),
    ("config_edit", settings::edit),
    ("device", graph::device),
    ("graph_error", graph::error),
    ("graph_page", graph::page),
    ("id_token", sign_in::id_token),
    ("journal_file", journal::file),
    ("journal_rows", journal::rows),
    ("kept_secret", sign_in::kept_secret),
    ("next_link", graph::next_link),
    ("pasted_list", list::pasted),
    ("redirect", sign_in::redirect),
    ("refusal", sign_in::refusal),
    ("retry_after", graph::retry_after),
    ("sign_in_document", sign_in::sign_in_document),
    ("token_answer", sign_in::token_answer),
];

/// The first line of an input and what follows it. An input that is not UTF-8 has no such line.
fn first_line(data: &[u8]) -> Option<(&str, &[u8])> {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let line = std::str::from_utf8(&data[..end]).ok()?;
    Some((line, data.get(end + 1..).unwrap_or_default()))
}

/// An input in two at its first empty line.
fn head_and_body(data: &[u8]) -> (&[u8], &[u8]) {
    match data.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&data[..at], &data[at + 2..]),
        None => (data, &[]),
    }
}

/// A folder of its own, in memory where the system has such a place.
fn in_memory() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a folder")
}

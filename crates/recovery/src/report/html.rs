//! The report for printing.

use std::fmt::Display;
use std::io::{self, BufWriter, Write};

use askama::Template;
use time::OffsetDateTime;
use unlatch_graph::Route;

use super::{utc, words};
use crate::check::Found;
use crate::journal::ChainHash;
use crate::plan::PlannedItem;
use crate::record::{ItemRecord, RunRecord};
use crate::state::ItemState;

/// The page. Whatever it shows goes through the template, which escapes it.
#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    run: &'a RunRecord,
    words: &'a dyn Fn(&str) -> String,
    lang: &'a str,
    fingerprint: Option<ChainHash>,
}

/// Words around a name, which is kept from changing the direction in which they are read.
struct Phrase {
    before: String,
    name: String,
    after: String,
}

/// Writes the run as one page for printing, which loads nothing and runs nothing. `words` gives the words of a key of
/// [`KEYS`](super::KEYS) in the language `lang` (BCP 47); the names in braces that some of them hold are filled in here.
/// `fingerprint` is the hash of the journal's newest entry: noted elsewhere, as on paper, it gives away a journal that was made
/// anew. All times are UTC.
///
/// # Errors
/// What `out` says.
pub fn html(
    run: &RunRecord,
    words: &dyn Fn(&str) -> String,
    lang: &str,
    out: &mut dyn Write,
    fingerprint: Option<ChainHash>,
) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    Page { run, words, lang, fingerprint }.write_into(&mut out)?;
    out.flush()
}

impl Page<'_> {
    fn say(&self, key: &str) -> String {
        (self.words)(key)
    }

    fn time(&self, at: &OffsetDateTime) -> String {
        utc(*at)
    }

    /// The words of `key` with `name` where they have `{place}`, or at their end.
    fn phrase(&self, key: &str, place: &str, name: impl Display) -> Phrase {
        let text = self.say(key);
        let place = format!("{{{place}}}");
        let (before, after) = text.split_once(&place).unwrap_or((&text, ""));
        Phrase { before: before.to_owned(), name: name.to_string(), after: after.to_owned() }
    }

    /// The route in words; none for the direct one, which has no name in it.
    fn route(&self, planned: &PlannedItem) -> Option<Phrase> {
        let (key, id) = match &planned.route {
            Route::User(id) => ("route_user", id.as_str()),
            Route::App(id) => ("route_app", id.as_str()),
            Route::Direct => return None,
        };
        let label = if planned.route_label.is_empty() { id } else { &planned.route_label };
        Some(self.phrase(key, "label", label))
    }

    fn counts(&self) -> [(&'static str, u32); 8] {
        let counts = &self.run.summary.counts;
        [
            ("report_devices", counts.total),
            ("count_waiting", counts.waiting),
            ("count_accepted", counts.accepted),
            ("count_done", counts.done),
            ("count_answered", counts.answered),
            ("count_failed", counts.failed),
            ("count_unconfirmed", counts.unconfirmed),
            ("count_not_sent", counts.not_sent),
        ]
    }
}

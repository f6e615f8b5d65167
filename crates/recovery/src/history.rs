//! What is looked for among the runs of the journal, and what was found.

use time::OffsetDateTime;
use unlatch_graph::folded;

use crate::plan::RunId;
use crate::record::{ItemRecord, RunHeader, RunSummary};

/// The most runs that one look into the history shows.
pub const MAX_HISTORY_RUNS: usize = 200;

/// The most devices that one look into the history shows.
pub const MAX_HISTORY_ITEMS: usize = 500;

/// What is looked for among the runs of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryQuery {
    /// The tenant's id.
    pub tenant_id: String,
    /// Words that are all to be found in the device's name, serial number or user, or in the run's account, reason or id, case
    /// and accents aside. None finds every run and no device.
    pub words: String,
    /// Nothing confirmed before this moment.
    pub since: Option<OffsetDateTime>,
    /// Nothing confirmed at or after this moment.
    pub until: Option<OffsetDateTime>,
}

/// What was found, as it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryFound {
    /// The runs with a device that matches, newest first, at most [`MAX_HISTORY_RUNS`].
    pub runs: Vec<RunSummary>,
    /// How many runs have such a device.
    pub matching_runs: u32,
    /// The devices that match, those of the newest run first, at most [`MAX_HISTORY_ITEMS`].
    pub items: Vec<HistoryItem>,
    /// How many devices match.
    pub matching: u32,
}

/// A device of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryItem {
    /// The run.
    pub run: RunHeader,
    /// The device.
    pub item: ItemRecord,
}

impl HistoryItem {
    /// The run's id.
    #[must_use]
    pub fn run_id(&self) -> RunId {
        self.run.id
    }
}

/// Words without case and accents.
#[derive(Debug, Clone)]
pub(crate) struct Words(Vec<String>);

impl Words {
    pub(crate) fn of(text: &str) -> Self {
        Self(folded(text).split_whitespace().map(str::to_owned).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that none of the texts holds.
    pub(crate) fn missing_in(&self, texts: &[&str]) -> Self {
        Self(self.0.iter().filter(|word| !is_in_one(word, texts)).cloned().collect())
    }

    /// Whether each is in one of the texts.
    pub(crate) fn are_in(&self, texts: &[&str]) -> bool {
        self.0.iter().all(|word| is_in_one(word, texts))
    }
}

fn is_in_one(word: &str, texts: &[&str]) -> bool {
    // Most texts are ASCII, and need no other copy to be compared.
    let holds =
        |text: &str| if text.is_ascii() { holds_ascii(text, word) } else { folded(text).contains(word) };
    texts.iter().any(|text| holds(text))
}

/// Whether the text holds the word, which has no capitals, in capitals or not. This is what a search in many devices does most.
fn holds_ascii(text: &str, word: &str) -> bool {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    let Some((first, rest)) = word.split_first() else { return true };
    let Some(last) = text.len().checked_sub(word.len()) else { return false };
    (0..=last).any(|at| {
        text[at].to_ascii_lowercase() == *first && text[at + 1..][..rest.len()].eq_ignore_ascii_case(rest)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_found_in_any_of_the_texts_case_and_accents_aside() {
        let words = Words::of("  ZOE\u{a0}inc-47 ");
        assert!(words.are_in(&["Zoë’s iPad", "INC-4711"]));
        assert!(words.are_in(&["inc-47 zoe"]));
        assert!(!words.are_in(&["Zoë’s iPad", "INC-4 711"]));
        assert!(!words.are_in(&[]));
        assert!(!Words::of("zoe").missing_in(&["Ada"]).is_empty());
        assert!(Words::of("zoe ada").missing_in(&["ADA", "Zoé"]).is_empty());
        assert!(Words::of(" \u{200b}\t").is_empty());
    }

    proptest! {
        #[test]
        fn a_text_is_compared_in_place_as_its_folded_copy_would_be(text in "[ -~]{0,12}", word in "[!-~é]{1,3}") {
            let words = Words::of(&word);
            let copy = folded(&text);
            prop_assert_eq!(words.are_in(&[text.as_str()]), copy.contains(folded(&word).as_str()));
        }
    }
}

//! What is wrong, and in which pictures.

use std::collections::BTreeMap;

use serde_json::Value;

/// One thing that is wrong in one picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Of which kind.
    pub kind: String,
    /// Which part of the page.
    pub place: String,
    /// In words.
    pub words: String,
}

impl Finding {
    /// Reads `[[kind, place, words], …]`, as the scripts in the page give them.
    pub fn all(found: &Value) -> Vec<Self> {
        let text = |part: &Value| part.as_str().map_or_else(|| part.to_string(), ToOwned::to_owned);
        let read = |one: &Value| Self { kind: text(&one[0]), place: text(&one[1]), words: text(&one[2]) };
        found.as_array().map(|all| all.iter().map(read).collect()).unwrap_or_default()
    }

    /// A scene that could not be played.
    pub fn unplayed(scene: &str, words: String) -> Self {
        Self { kind: "not played".to_owned(), place: scene.to_owned(), words }
    }
}

/// Everything that was found. The same thing in several pictures is told once.
#[derive(Debug, Default)]
pub struct Report {
    found: BTreeMap<(String, String), (String, Vec<String>)>,
    pictures: usize,
}

impl Report {
    /// Takes what was found in a picture.
    pub fn add(&mut self, picture: &str, found: Vec<Finding>) {
        self.pictures += 1;
        for Finding { kind, place, words } in found {
            let (_, pictures) = self.found.entry((kind, place)).or_insert_with(|| (words, Vec::new()));
            if pictures.last().is_none_or(|last| last != picture) {
                pictures.push(picture.to_owned());
            }
        }
    }

    /// How many things are wrong.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// How many pictures were looked at.
    pub fn pictures(&self) -> usize {
        self.pictures
    }

    /// One paragraph for each thing that is wrong.
    pub fn paragraphs(&self) -> Vec<String> {
        let paragraph = |((kind, place), (words, pictures)): (&(String, String), &(String, Vec<String>))| {
            let named = pictures.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = pictures.len().saturating_sub(MOST_NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{kind}: {place}\n    {words}\n    in {named}{more}")
        };
        self.found.iter().map(paragraph).collect()
    }
}

/// How many pictures are named for one finding.
const MOST_NAMED: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_thing_in_two_pictures_is_told_once() {
        let found = Finding::all(&serde_json::json!([["cut", "h1", "“Recover” is cut"]]));
        let mut report = Report::default();
        report.add("desk-en", found.clone());
        report.add("desk-es", found);
        report.add("run-en", Vec::new());
        assert_eq!((report.len(), report.pictures()), (1, 3));
        assert_eq!(report.paragraphs(), ["cut: h1\n    “Recover” is cut\n    in desk-en, desk-es"]);
    }

    #[test]
    fn many_pictures_are_counted() {
        let mut report = Report::default();
        for at in 0..9 {
            report.add(&format!("p{at}"), vec![Finding::unplayed("desk", "no".to_owned())]);
        }
        assert!(report.paragraphs()[0].ends_with("p5 and 3 more"));
    }
}

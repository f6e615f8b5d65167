//! Texts of many rows in one piece, made comparable, so that all of them are looked through at once.

use memchr::memmem::Finder;
use unlatch_graph::folded;

/// The folded text of each row, in the order of the rows.
#[derive(Default)]
pub struct Haystack {
    text: String,
    /// Where each row's text ends. A line end stands after it, which is in no folded word.
    ends: Vec<u32>,
}

impl Haystack {
    /// Adds the text of the next row.
    pub fn push<'a>(&mut self, parts: impl Iterator<Item = &'a str>) {
        for part in parts.filter(|part| !part.is_empty()) {
            if part.is_ascii() {
                self.text.extend(part.chars().map(|c| match c.to_ascii_lowercase() {
                    '\n' => ' ',
                    c => c,
                }));
            } else {
                self.text.push_str(&folded(part).replace('\n', " "));
            }
            self.text.push(' ');
        }
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        self.text.push('\n');
    }

    fn row(&self, at: usize) -> &str {
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize + 1 };
        self.text.get(start..self.ends[at] as usize).unwrap_or_default()
    }

    /// The rows, ascending, in which each word of `text` is found; none means all.
    pub fn rows_with(&self, text: &str) -> Option<Vec<u32>> {
        let text = folded(text);
        // The longest word is in the fewest rows.
        let mut words: Vec<&str> = text.split_whitespace().collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        let (first, others) = words.split_first()?;
        let others: Vec<Finder<'_>> = others.iter().map(Finder::new).collect();
        let mut found = Vec::new();
        let mut row = 0;
        let mut from = 0;
        let finder = Finder::new(first);
        while let Some(at) = finder.find(self.text.as_bytes().get(from..).unwrap_or_default()) {
            let at = from + at;
            row += self.ends[row..].partition_point(|end| (*end as usize) < at);
            let Some(end) = self.ends.get(row) else { break };
            let text = self.row(row).as_bytes();
            if others.iter().all(|other| other.find(text).is_some()) {
                found.push(u32::try_from(row).unwrap_or(u32::MAX));
            }
            from = *end as usize + 1;
            row += 1;
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn haystack(rows: &[&[&str]]) -> Haystack {
        let mut haystack = Haystack::default();
        for row in rows {
            haystack.push(row.iter().copied());
        }
        haystack
    }

    #[test]
    fn every_word_must_be_in_the_row_wherever_it_stands() {
        let rows = haystack(&[&["IPAD-1", "Zoë Ruiz"], &["IPAD-2", ""], &[], &["zoe", "ipad"]]);
        assert_eq!(rows.rows_with("zoe ipad"), Some(vec![0, 3]));
        assert_eq!(rows.rows_with("IPAD-"), Some(vec![0, 1]));
        assert_eq!(rows.rows_with("pad-1"), Some(vec![0]));
        assert_eq!(rows.rows_with("ruiz zoë"), Some(vec![0]));
        assert_eq!(rows.rows_with("nothing"), Some(vec![]));
        assert_eq!(rows.rows_with("  \u{200b} "), None);
    }

    #[test]
    fn a_word_is_not_found_across_two_rows_or_a_line_end_in_a_name() {
        let rows = haystack(&[&["ab"], &["cd"], &["ab\ncd"], &["漢\n字"]]);
        assert_eq!(rows.rows_with("abcd"), Some(vec![]));
        assert_eq!(rows.rows_with("ab"), Some(vec![0, 2]));
        assert_eq!(rows.rows_with("字"), Some(vec![3]));
    }
}

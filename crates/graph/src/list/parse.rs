//! A pasted or opened list, taken apart into lines and cells.

use crate::fold::invisible;

/// The most lines with something in them.
const MOST_LINES: usize = 20_000;
/// The longest list, in characters.
const LONGEST: usize = 1_000_000;

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its line, from 1.
    pub line: usize,
    /// What stands there between separators, trimmed; at least one, none of them empty.
    pub cells: Vec<String>,
    /// The column of each cell, from 0: how many separators stand before it.
    pub columns: Vec<usize>,
}

/// Why a list is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// Nothing but separators, white space and marks.
    #[error("there is nothing in the list")]
    Empty,
    /// More than 20,000 lines with something in them.
    #[error("the list has more than 20,000 lines")]
    TooManyLines,
    /// More than 1,000,000 characters.
    #[error("the list has more than 1,000,000 characters")]
    TooLong,
}

/// Takes a list apart: lines, and cells between tabs, commas, semicolons and pipes. A cell in double quotes may hold
/// separators (RFC 4180); where it holds line ends, each of its lines is a cell of the same entry. Cells lose white space, quotes,
/// invisible marks and bullets around them, mail addresses also `mailto:` and angle brackets. Empty cells and those that only
/// draw a line (`----`) are dropped.
///
/// # Errors
/// [`ListError`] for a list that is empty or too long.
pub fn entries(text: &str) -> Result<Vec<Entry>, ListError> {
    if text.chars().count() > LONGEST {
        return Err(ListError::TooLong);
    }
    let text = text.replace("\r\n", "\n");
    let text = text.replace(['\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'], "\n");
    let (mut rest, mut line, mut entries) = (text.as_str(), 1, Vec::new());
    while !rest.is_empty() {
        let (cells, columns, after) = row(rest);
        if !cells.is_empty() {
            if entries.len() == MOST_LINES {
                return Err(ListError::TooManyLines);
            }
            entries.push(Entry { line, cells, columns });
        }
        line += rest[..rest.len() - after.len()].matches('\n').count();
        rest = after;
    }
    if entries.is_empty() { Err(ListError::Empty) } else { Ok(entries) }
}

/// The cells of the first line with their columns, and what follows it.
fn row(text: &str) -> (Vec<String>, Vec<usize>, &str) {
    let (mut cells, mut columns, mut rest) = (Vec::new(), Vec::new(), text);
    for column in 0.. {
        let first = column == 0;
        if let Some((inside, after)) = in_quotes(rest) {
            inside.split('\n').for_each(|cell| push(&mut cells, cell, first));
            rest = after;
        } else {
            let end = rest.find(|c| c == '\n' || separates(c)).unwrap_or(rest.len());
            push(&mut cells, &rest[..end], first);
            rest = &rest[end..];
        }
        columns.resize(cells.len(), column);
        // Separators and line ends are one byte each.
        match rest.chars().next() {
            None => break,
            Some('\n') => return (cells, columns, &rest[1..]),
            Some(_) => rest = &rest[1..],
        }
    }
    (cells, columns, "")
}

fn separates(c: char) -> bool {
    matches!(c, '\t' | ',' | ';' | '|')
}

/// A cell in double quotes, those in it undoubled, and what follows it: a separator, a line end or nothing. None where quotes are
/// just characters. `="…"` is how spreadsheets are told to take digits for text.
fn in_quotes(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start_matches([' ', '\u{feff}']);
    let mut rest = text.strip_prefix('=').unwrap_or(text).strip_prefix('"')?;
    let mut inside = String::new();
    loop {
        let (before, after) = rest.split_once('"')?;
        inside.push_str(before);
        rest = match after.strip_prefix('"') {
            Some(more) => {
                inside.push('"');
                more
            }
            None => {
                let after = after.trim_start_matches(' ');
                let ends = after.chars().next().is_none_or(|c| c == '\n' || separates(c));
                return ends.then_some((inside, after));
            }
        };
    }
}

fn push(cells: &mut Vec<String>, text: &str, first: bool) {
    let cell = tidy(text, first);
    // `Anna <anna@contoso.example>`, as mail programs write people.
    if let Some((name, address)) = cell.strip_suffix('>').and_then(|cell| cell.rsplit_once('<'))
        && address.contains('@')
    {
        cells.extend(
            [tidy(name, false), tidy(address, false)]
                .into_iter()
                .filter(|cell| says(cell))
                .map(str::to_owned),
        );
    } else if says(cell) {
        cells.push(cell.to_owned());
    }
}

/// Whether a cell is more than a drawn line or a bullet.
fn says(cell: &str) -> bool {
    cell.chars().any(|c| !is_bullet(c) && !matches!(c, '=' | '_' | '~' | '.' | ':'))
}

fn is_bullet(c: char) -> bool {
    matches!(
        c,
        '-' | '*' | '>' | '+' | '\u{b7}' | '\u{2013}' | '\u{2014}' | '\u{2022}' | '\u{2023}' | '\u{25a0}'
            ..='\u{25ff}'
    )
}

/// Trims what comes along when text is pasted. `bullet`: also bullets at its start.
fn tidy(mut text: &str, bullet: bool) -> &str {
    let mail = text.contains('@');
    loop {
        let before = text.len();
        text = text.trim_matches(|c: char| c.is_whitespace() || c.is_control() || invisible(c) || quotes(c));
        if bullet {
            text = without_bullet(text);
        }
        if mail {
            text = text.strip_prefix('<').map_or(text, |inner| inner.strip_suffix('>').unwrap_or(inner));
            let prefix = text.get(..7).filter(|prefix| prefix.eq_ignore_ascii_case("mailto:"));
            text = prefix.map_or(text, |prefix| &text[prefix.len()..]);
        }
        if text.len() == before {
            return text;
        }
    }
}

fn quotes(c: char) -> bool {
    matches!(c, '"' | '\'' | '`' | '\u{ab}' | '\u{bb}' | '\u{2018}'..='\u{201f}' | '\u{2039}' | '\u{203a}')
}

/// `- `, `* `, `1. `, `2) ` and the like, with something after it. A mail's `> ` is one too.
fn without_bullet(text: &str) -> &str {
    let numbered = || {
        let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
        (rest.len() < text.len()).then(|| rest.strip_prefix(['.', ')'])).flatten()
    };
    let rest = text.strip_prefix(is_bullet).or_else(numbered);
    rest.filter(|rest| rest.starts_with(char::is_whitespace)).unwrap_or(text)
}

/// The words of a cell that could name a device by themselves: no plain word of a sentence or a model ("iPad") should find a
/// device of that name.
pub(super) fn words(cell: &str) -> impl Iterator<Item = &str> {
    let several = cell.contains(char::is_whitespace);
    let punctuation =
        |c: char| matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | '(' | ')' | '[' | ']' | '{' | '}');
    cell.split_whitespace()
        .filter(move |_| several)
        .map(move |word| tidy(tidy(word, false).trim_matches(punctuation), false))
        .filter(|word| says(word) && could_be_an_id(word))
}

/// Whether a text is more than a plain word: with a digit or one of `@ - _` in it.
pub(super) fn could_be_an_id(text: &str) -> bool {
    text.contains(|c: char| c.is_numeric() || matches!(c, '@' | '-' | '_'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cells(text: &str) -> Vec<Vec<String>> {
        entries(text).unwrap().into_iter().map(|entry| entry.cells).collect()
    }

    fn lines(text: &str) -> Vec<usize> {
        entries(text).unwrap().iter().map(|entry| entry.line).collect()
    }

    #[test]
    fn lines_end_in_every_way_and_keep_their_number() {
        let text = "\u{feff}SN1\r\nSN2\rSN3\n\n\u{2028}SN4\u{85}  \nSN5\u{c}";
        assert_eq!(cells(text).concat(), ["SN1", "SN2", "SN3", "SN4", "SN5"]);
        assert_eq!(lines(text), [1, 2, 3, 6, 8]);
    }

    #[test]
    fn cells_are_separated_in_every_way_and_empty_ones_are_dropped() {
        assert_eq!(cells("a1,b1;c1\td1|e1,,;\t|,f 1"), [["a1", "b1", "c1", "d1", "e1", "f 1"]]);
        assert_eq!(
            cells("| SN1 | PC-1 |\n|-----|:---:|\n| SN2 | PC-2 |"),
            [["SN1", "PC-1"], ["SN2", "PC-2"]]
        );
    }

    #[test]
    fn a_cell_knows_its_column_though_empty_ones_are_dropped() {
        let entries = entries(";SN1;;PC-1\n\"SN2\nSN3\",Anna <anna@x.example>,x").unwrap();
        assert_eq!(entries[0].columns, [1, 3]);
        assert_eq!(entries[1].cells, ["SN2", "SN3", "Anna", "anna@x.example", "x"]);
        assert_eq!(entries[1].columns, [0, 0, 1, 1, 2]);
    }

    #[test]
    fn quotes_hold_a_cell_together_as_in_csv() {
        assert_eq!(
            cells("\"Doe, John's iPad\", \"say \"\"hi\"\" twice\" ;\"\",=\"00123\""),
            [["Doe, John's iPad", "say \"hi\" twice", "00123"]]
        );
        let text = "\"SN1\nSN2\n\",x1\nSN3";
        assert_eq!(cells(text), [vec!["SN1", "SN2", "x1"], vec!["SN3"]]);
        assert_eq!(lines(text), [1, 4]);
    }

    #[test]
    fn a_quote_that_is_not_closed_is_a_character() {
        assert_eq!(
            cells("\"SN1\nSN2\nSN3, 10\" tablet"),
            [vec!["SN1"], vec!["SN2"], vec!["SN3", "10\" tablet"]]
        );
        assert_eq!(cells("\"SN1\"x,\"SN2\""), [["SN1\"x", "SN2"]]);
    }

    #[test]
    fn what_comes_along_when_text_is_pasted_is_trimmed() {
        for text in [
            "  SN1\u{a0}",
            "- SN1",
            "* SN1",
            "\u{2022}\tSN1",
            "1. SN1",
            "12) SN1",
            "'SN1",
            "\u{201c}SN1\u{201d}",
            "> SN1",
            "\u{200b}SN1\u{200e}",
            "- \"SN1\"",
            "\u{0}SN1\u{7}",
            "\"- SN1\"",
            ">  - 3. `SN1`",
            "\"\u{202e}SN1\"",
        ] {
            assert_eq!(cells(text), [["SN1"]], "{text:?}");
        }
        for text in
            ["<anna@x.example>", "MAILTO:anna@x.example", "<mailto:anna@x.example>", " \"<anna@x.example>\" "]
        {
            assert_eq!(cells(text), [["anna@x.example"]], "{text:?}");
        }
        assert_eq!(
            cells("Anna M\u{fc}ller <anna@x.example>; Bob <mailto:bob@x.example>"),
            [["Anna M\u{fc}ller", "anna@x.example", "Bob", "bob@x.example"]]
        );
    }

    #[test]
    fn what_belongs_to_a_cell_stays() {
        for text in
            ["-1", "1.5", "<SN1>", "Anna\u{2019}s iPad", "=SUM(A1:A9)", "\u{1f34e}", "a-", "x*y", "12.", "1)"]
        {
            assert_eq!(cells(text), [[text]], "{text:?}");
        }
    }

    #[test]
    fn words_that_could_name_something_are_told_apart() {
        let of = |text| words(text).collect::<Vec<_>>();
        assert_eq!(of("Please unlock SN-1 (SN2), <anna@x.example> too."), ["SN-1", "SN2", "anna@x.example"]);
        assert_eq!(of("the iPad of Anna"), Vec::<&str>::new());
        assert_eq!(of("SN1"), Vec::<&str>::new(), "it is the whole cell");
    }

    #[test]
    fn a_list_that_is_empty_or_too_long_is_refused() {
        for text in ["", " \n\t,;\n", "\u{feff}", "----\n====", "\"\"", "\u{0}\u{202e}"] {
            assert_eq!(entries(text), Err(ListError::Empty), "{text:?}");
        }
        assert_eq!(entries(&"x\n".repeat(20_000)).unwrap().len(), 20_000);
        assert_eq!(entries(&"x\n".repeat(20_001)), Err(ListError::TooManyLines));
        assert_eq!(entries(&"\u{e9}".repeat(1_000_000)).unwrap().len(), 1);
        assert_eq!(entries(&"x".repeat(1_000_001)), Err(ListError::TooLong));
    }

    #[test]
    fn ten_times_the_hostile_characters_take_about_ten_times_as_long() {
        let pieces = [
            "\"x,",
            "\"\"y,",
            "\"\"\"z,",
            "\"x,\"\"",
            "\"\n",
            ",\"\"\"\"",
            "<@>",
            "- ",
            "\u{202e}\"",
            "1. ",
            "<a@b>;",
        ];
        let time = |length: usize| {
            let began = std::time::Instant::now();
            for piece in pieces {
                let text = piece.repeat(length / piece.chars().count());
                for text in [&text, &["\"", &text].concat(), &[&text, "\""].concat()] {
                    for entry in entries(text).unwrap_or_default() {
                        assert!(entry.cells.iter().all(|cell| words(cell).count() <= cell.len()));
                    }
                }
            }
            began.elapsed()
        };
        // Other work on the machine may take its time out of one try.
        assert!((0..3).any(|_| time(100_000) < time(10_000) * 40));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_no_cell_is_empty_or_untrimmed(text in "(\\PC|[\"',;|\t\r\n<>@. \u{0}\u{202e}\u{200b}-]){0,80}") {
            let found = entries(&text).unwrap_or_default();
            let mut line = 0;
            for entry in &found {
                prop_assert!(entry.line > line);
                line = entry.line;
                prop_assert!(!entry.cells.is_empty() && entry.columns.len() == entry.cells.len() && entry.columns.is_sorted());
                for cell in &entry.cells {
                    prop_assert!(!cell.is_empty() && tidy(cell, false) == cell && !cell.contains('\n'), "{:?}", cell);
                    let _ = words(cell).count();
                }
            }
        }

        #[test]
        fn nothing_is_lost(text in "(\\PC|[\"',;|\t\r\n<>@ -]){0,80}") {
            let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
            let kept: String = entries(&text).unwrap_or_default().iter().flat_map(|entry| &entry.cells).map(|cell| letters(cell)).collect();
            prop_assert_eq!(kept, letters(&text));
        }

        #[test]
        fn a_list_written_in_any_way_is_read_as_it_was_meant(
            rows in prop::collection::vec(prop::collection::vec("[A-Za-z0-9][A-Za-z0-9 ,;|\"'-]{0,10}[A-Za-z0-9]", 1..5), 1..8),
            separator in "[\t,;|]", end in "(\n|\r|\r\n)", always in any::<bool>(),
        ) {
            let cell = |cell: &String| {
                let plain = !always && !cell.contains(['"', ',', ';', '|', '\t']);
                if plain { cell.clone() } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
            };
            let text = rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(&separator)).collect::<Vec<_>>().join(&end);
            prop_assert_eq!(cells(&text), rows);
        }
    }
}

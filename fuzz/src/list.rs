//! Pasted lists.

use unlatch_graph::entries;

/// A list that somebody pasted: its entries keep their lines in order, and every letter stays in the entry of its line.
pub fn pasted(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let Ok(entries) = entries(text) else { return false };
    let text = text.replace("\r\n", "\n");
    let ends = ['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];
    let lines: Vec<&str> = text.split(ends).collect();
    assert!(!entries.is_empty() && entries.len() <= lines.len());
    // The one word that is taken away.
    let keeps_letters = !text.to_ascii_lowercase().contains("mailto:");
    for (at, entry) in entries.iter().enumerate() {
        let next = entries.get(at + 1).map_or(lines.len() + 1, |next| next.line);
        assert!(0 < entry.line && entry.line < next, "the lines are out of order");
        assert!(
            !entry.cells.is_empty() && entry.cells.len() == entry.columns.len() && entry.columns.is_sorted()
        );
        for cell in &entry.cells {
            assert!(!cell.is_empty() && cell.trim() == cell && !cell.contains(ends), "{cell:?}");
        }
        if keeps_letters {
            let of_lines = letters(lines[entry.line - 1..next - 1].iter().copied());
            assert_eq!(letters(entry.cells.iter().map(String::as_str)), of_lines, "line {}", entry.line);
        }
    }
    true
}

fn letters<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.flat_map(str::chars).filter(|c| c.is_alphabetic()).collect()
}

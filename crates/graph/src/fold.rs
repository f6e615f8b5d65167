//! Texts made comparable the way people compare them.

use unicode_normalization::UnicodeNormalization as _;

/// `text` without case, diacritics and invisible characters: `"Zoë  ÅSTRÖM"` becomes `"zoe  astrom"`. Only Latin, Greek
/// and Cyrillic lose marks; where a mark makes another letter (Indic vowels, Arabic, kana) it stays. White space stays.
#[must_use]
pub fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut plain = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !diacritic(*c) && !invisible(*c)) {
        // Lower case may bring marks of its own back, as Turkish İ does.
        for lower in c.to_lowercase().filter(|c| !diacritic(*c)) {
            match letters(lower) {
                Some(letters) => plain.push_str(letters),
                None => plain.push(lower),
            }
        }
    }
    plain.nfc().collect()
}

/// Letters that Unicode does not take apart, and people type without their stroke.
fn letters(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' => "d",
        'ħ' => "h",
        'ı' => "i",
        'ς' => "σ",
        _ => return None,
    })
}

fn diacritic(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// Soft hyphens, joiners, direction marks and the like, which come along when text is pasted.
pub(crate) fn invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_and_diacritics_do_not_count() {
        for (a, b) in [
            ("Zoë Åström", "zoe astrom"),
            ("Zoe\u{308}", "ZOË"),
            ("Łukasz Ørsted", "lukasz orsted"),
            ("Straße", "STRASSE"),
            ("İstanbul", "istanbul"),
            ("ΌΣΟΣ", "όσος"),
            ("\u{202b}مريم\u{202c}", "مريم"),
            ("ＡＢＣ", "abc"),
        ] {
            assert_eq!(folded(a), folded(b), "{a} {b}");
        }
    }

    #[test]
    fn marks_that_make_another_letter_stay() {
        assert_ne!(folded("के"), folded("का"));
        assert_ne!(folded("か"), folded("が"));
        assert!(!folded("각").contains(&folded("가")));
    }

    proptest! {
        #[test]
        fn case_never_counts_for_latin(text in "[a-zA-Zàéîõü0-9 .@_-]{0,40}") {
            prop_assert_eq!(folded(&text.to_uppercase()), folded(&text.to_lowercase()));
        }

        #[test]
        fn a_part_stays_a_part(before in "[a-zé ]{0,8}", part in "\\PC{1,12}", after in "[a-zé ]{0,8}") {
            // A part that starts with a combining mark joins the letter before it; it is not a part to a reader.
            prop_assume!(part.chars().next().is_some_and(char::is_alphanumeric));
            let whole = format!("{before}{part}{after}");
            prop_assert!(folded(&whole).contains(&folded(&part)), "{} {}", whole, part);
        }
    }
}

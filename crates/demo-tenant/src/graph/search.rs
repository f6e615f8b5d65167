//! `$search` on users: the clauses, and the documented tokens of a display name
//! (Graph documentation, use the $search query parameter).

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::data::User;

/// How deep parentheses may nest.
const DEEPEST: usize = 32;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Search {
    /// `"property:text"`
    Clause {
        property: String,
        text: String,
    },
    And(Vec<Search>),
    Or(Vec<Search>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    And,
    Or,
    Clause(String),
}

/// Parses a search.
///
/// # Errors
/// What Entra says about a text that is none.
pub(crate) fn parse(text: &str) -> Result<Search, String> {
    let syntax = || format!("Syntax error: the search '{text}' is not valid.");
    let tokens = tokens(text).ok_or_else(syntax)?;
    let mut rest = tokens.as_slice();
    let search = any_of(&mut rest, 0).ok_or_else(syntax)?;
    if rest.is_empty() { Ok(search) } else { Err(syntax()) }
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            letter if letter.is_whitespace() => {}
            '(' => tokens.push(Token::Open),
            ')' => tokens.push(Token::Close),
            '"' => {
                let mut clause = String::new();
                loop {
                    match letters.next()? {
                        '"' => break,
                        '\\' => clause.push(letters.next().filter(|next| matches!(next, '"' | '\\'))?),
                        letter => clause.push(letter),
                    }
                }
                tokens.push(Token::Clause(clause));
            }
            letter => {
                let mut word = String::from(letter);
                while let Some(letter) = letters.next_if(|letter| letter.is_alphabetic()) {
                    word.push(letter);
                }
                match word.as_str() {
                    "AND" => tokens.push(Token::And),
                    "OR" => tokens.push(Token::Or),
                    _ => return None,
                }
            }
        }
    }
    Some(tokens)
}

fn eat(rest: &mut &[Token], wanted: &Token) -> bool {
    match rest.split_first() {
        Some((first, others)) if first == wanted => {
            *rest = others;
            true
        }
        _ => false,
    }
}

fn any_of(rest: &mut &[Token], depth: usize) -> Option<Search> {
    let mut terms = vec![all_of(rest, depth)?];
    while eat(rest, &Token::Or) {
        terms.push(all_of(rest, depth)?);
    }
    if terms.len() == 1 { terms.pop() } else { Some(Search::Or(terms)) }
}

fn all_of(rest: &mut &[Token], depth: usize) -> Option<Search> {
    let mut terms = vec![term(rest, depth)?];
    while eat(rest, &Token::And) {
        terms.push(term(rest, depth)?);
    }
    if terms.len() == 1 { terms.pop() } else { Some(Search::And(terms)) }
}

fn term(rest: &mut &[Token], depth: usize) -> Option<Search> {
    if eat(rest, &Token::Open) {
        let inner = if depth < DEEPEST { any_of(rest, depth + 1) } else { None };
        return inner.filter(|_| eat(rest, &Token::Close));
    }
    let (first, others) = rest.split_first()?;
    *rest = others;
    let Token::Clause(clause) = first else {
        return None;
    };
    let (property, text) = clause.split_once(':')?;
    Some(Search::Clause { property: property.trim().to_owned(), text: text.to_owned() })
}

/// Whether a person is found.
pub(crate) fn finds(search: &Search, user: &User) -> bool {
    match search {
        Search::And(terms) => terms.iter().all(|term| finds(term, user)),
        Search::Or(terms) => terms.iter().any(|term| finds(term, user)),
        Search::Clause { property, text } => match property.to_ascii_lowercase().as_str() {
            "displayname" => tokens_found(&user.display_name, text),
            "userprincipalname" => starts(Some(&user.upn), text),
            "mail" => starts(user.mail.as_deref(), text),
            "givenname" => starts(user.given_name.as_deref(), text),
            "surname" => starts(user.surname.as_deref(), text),
            "jobtitle" => starts(user.job_title.as_deref(), text),
            _ => false,
        },
    }
}

fn starts(value: Option<&str>, text: &str) -> bool {
    value.is_some_and(|value| fold(value).starts_with(&fold(text.trim())))
}

/// Lower case without diacritics.
pub(crate) fn fold(text: &str) -> String {
    text.nfkd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase).collect()
}

/// Whether every token of the text begins some token of the value.
fn tokens_found(value: &str, text: &str) -> bool {
    let mut known = Vec::new();
    for word in value.split_whitespace() {
        known.extend(pieces(word).iter().map(|piece| fold(piece)));
        known.push(fold(word));
        known.push(joined(word));
    }
    let begins = |token: &str| known.iter().any(|known| known.starts_with(token));
    let mut words = text.split_whitespace().peekable();
    words.peek().is_some()
        && words.all(|word| {
            let pieces = pieces(word);
            begins(&fold(word))
                || (!joined(word).is_empty() && begins(&joined(word)))
                || (!pieces.is_empty() && pieces.iter().all(|piece| begins(&fold(piece))))
        })
}

/// The word without its symbols.
fn joined(word: &str) -> String {
    fold(&word.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>())
}

/// The word cut at symbols, between letters and digits, and where small letters turn into capitals.
fn pieces(word: &str) -> Vec<String> {
    #[derive(PartialEq, Clone, Copy)]
    enum Sort {
        Small,
        Capital,
        Digit,
        Symbol,
    }
    let sort = |letter: char| match letter {
        letter if letter.is_numeric() => Sort::Digit,
        letter if letter.is_uppercase() => Sort::Capital,
        letter if letter.is_alphabetic() || is_combining_mark(letter) => Sort::Small,
        _ => Sort::Symbol,
    };
    let mut pieces: Vec<String> = Vec::new();
    let mut last = Sort::Symbol;
    for letter in word.chars() {
        let this = sort(letter);
        let goes_on = this == last || (last == Sort::Capital && this == Sort::Small);
        match (this, pieces.last_mut()) {
            (Sort::Symbol, _) => {}
            (_, Some(piece)) if goes_on => piece.push(letter),
            _ => pieces.push(String::from(letter)),
        }
        last = this;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_display_name_is_found_by_the_beginnings_of_its_words() {
        for text in ["Zoë", "zoe", "ruiz", "zo ru", "RUIZ ZOE", "Zoë Ruiz"] {
            assert!(tokens_found("Zoë Ruiz", text), "{text}");
        }
        for text in ["oë", "uiz", "zoe x", "", "  "] {
            assert!(!tokens_found("Zoë Ruiz", text), "{text}");
        }
    }

    #[test]
    fn symbols_digits_and_capitals_begin_new_tokens() {
        assert!(tokens_found("Siobhán O'Brien", "obrien"));
        assert!(tokens_found("Siobhán O'Brien", "brien"));
        assert!(tokens_found("Siobhán O'Brien", "O'Brien"));
        assert!(tokens_found("HelloWorld", "world"));
        assert!(tokens_found("Room12North", "north"));
        assert!(tokens_found("R&D Test Bench", "R&D"));
        assert!(tokens_found("דנה כהן", "כהן"));
        assert!(!tokens_found("Helloworld", "world"));
    }

    #[test]
    fn clauses_join_by_and_and_or() {
        let search = parse(r#""displayName:zoe" OR ("mail:a" AND "userPrincipalName:b\"\\c")"#).unwrap();
        let Search::Or(terms) = search else { panic!("no or") };
        let Search::And(both) = &terms[1] else { panic!("no and") };
        let expected = Search::Clause { property: "userPrincipalName".into(), text: "b\"\\c".into() };
        assert_eq!(both[1], expected);
    }

    #[test]
    fn what_is_no_search_is_refused() {
        for text in [
            "",
            "zoe",
            "\"zoe\"",
            "\"displayName:a\" or \"mail:b\"",
            "\"displayName:a",
            "\"a:b\" \"c:d\"",
            "\"a:\\x\"",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"(".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_search_panic(text in "\\PC*", name in "\\PC*") {
            let _ = parse(&text);
            let _ = tokens_found(&name, &text);
        }
    }
}

//! The spelling of documents and messages, by Debian's `hunspell` and a list of the project's own words.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::process::Stdio;

use crate::documents::{Document, What, said};
use crate::shell;

/// The project's own words, one a line, in order.
pub const WORDS: &str = "docs/words.txt";

/// The English of documents and window is British.
const ENGLISH: &str = "en_GB";
const SPANISH: &str = "es_ES";

/// A word, with the first place it stands at.
type Words = BTreeMap<String, String>;

/// The words that neither the dictionary nor the project knows, and what is wrong with the project's list.
///
/// # Errors
/// When hunspell or its dictionaries are not there.
pub fn breaches(
    documents: &[Document],
    messages: &[Document],
    known: &[Document],
) -> Result<Vec<String>, String> {
    let (mut english, mut spanish) = (Words::new(), Words::new());
    for document in documents {
        for said in said(&document.text) {
            if let What::Prose(words) = said.what {
                note(&mut english, &words, &document.name, said.line);
            }
        }
    }
    for file in messages {
        let words = if file.name.ends_with("/es.json") { &mut spanish } else { &mut english };
        for (line, message) in sentences(&file.text) {
            note(words, &message, &file.name, line);
        }
    }
    let mut unknown = unknown_to(english, ENGLISH)?;
    unknown.extend(unknown_to(spanish, SPANISH)?);
    let list = known.first().map_or("", |list| list.text.as_str());
    Ok(judge(&unknown, list))
}

/// What the messages of a file say, with their lines. How a message chooses among its variants is no words.
fn sentences(text: &str) -> impl Iterator<Item = (usize, String)> {
    text.lines().enumerate().filter_map(|(at, line)| {
        let (key, value) = line.split_once("\": ")?;
        let key = key.trim_start().trim_start_matches('"');
        let message: String = serde_json::from_str(value.trim_end_matches(',')).ok()?;
        (key != "$schema").then_some((at + 1, message))
    })
}

fn note(words: &mut Words, text: &str, file: &str, line: usize) {
    for word in words_of(text) {
        words.entry(word).or_insert_with(|| format!("{file}:{line}"));
    }
}

/// The words of a text that a dictionary can judge: no address, file name, placeholder, or name with a digit.
fn words_of(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for chunk in without_placeholders(text).split_whitespace() {
        let chunk = chunk.trim_matches(|letter: char| !letter.is_alphanumeric() && !"./~@".contains(letter));
        let chunk = chunk.trim_end_matches('.');
        let is_name = chunk.contains("://") || chunk.contains(['@', '_', '\\']);
        let is_path = chunk.starts_with(['.', '/', '~']) || chunk.contains('.');
        if is_name || is_path {
            continue;
        }
        for word in chunk.split(|letter: char| !letter.is_alphanumeric() && letter != '\'' && letter != '’')
        {
            let word = word.replace('’', "'");
            // Whatever owns something is a word itself.
            let word = word.trim_matches('\'').trim_end_matches("'s");
            if word.chars().count() > 1 && word.chars().all(|letter| letter.is_alphabetic() || letter == '\'')
            {
                words.push(word.to_owned());
            }
        }
    }
    words
}

fn without_placeholders(text: &str) -> String {
    let mut plain = String::new();
    let mut inside = false;
    for letter in text.chars() {
        match letter {
            '{' => inside = true,
            '}' => inside = false,
            letter if !inside => plain.push(letter),
            _ => {}
        }
    }
    plain
}

/// The words that a dictionary does not know.
fn unknown_to(words: Words, dictionary: &str) -> Result<Words, String> {
    let mut command = shell::program("hunspell");
    command.args(["-a", "-i", "UTF-8", "-d", dictionary]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("hunspell cannot be started: {error}"))?;
    // The mark at the front keeps hunspell from taking a word for a command.
    let asked: String = words.keys().map(|word| format!("^{word}\n")).collect();
    let (asking, answer) = (child.stdin.take(), child.stdout.take());
    let mut answers = String::new();
    let read = std::thread::scope(|scope| {
        scope.spawn(|| asking.map(|mut asking| asking.write_all(asked.as_bytes())));
        answer.map(|mut answer| answer.read_to_string(&mut answers))
    });
    let ended = child.wait_with_output().map_err(|error| error.to_string())?;
    let answers: Vec<&str> =
        answers.split_once('\n').map_or("", |(_, rest)| rest).split_terminator("\n\n").collect();
    if !matches!(read, Some(Ok(_))) || !ended.status.success() || answers.len() != words.len() {
        return Err(format!("hunspell with {dictionary}: {}", String::from_utf8_lossy(&ended.stderr).trim()));
    }
    let is_unknown = |answer: &str| answer.lines().any(|line| line.starts_with(['&', '#', '?']));
    Ok(words
        .into_iter()
        .zip(answers)
        .filter(|(_, answer)| is_unknown(answer))
        .map(|(noted, _)| noted)
        .collect())
}

/// The unknown words that are not on the project's list, and entries of the list that are out of order or needed by no word.
fn judge(unknown: &Words, list: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    let entries: Vec<&str> = list.lines().collect();
    for (at, pair) in entries.windows(2).enumerate() {
        if order(pair[0]) >= order(pair[1]) {
            breaches.push(format!("{WORDS}:{} {} stands out of order", at + 2, pair[1]));
        }
    }
    let mut used = BTreeSet::new();
    for (word, place) in unknown {
        let entry = readings(word).into_iter().find(|reading| entries.contains(&reading.as_str()));
        match entry {
            Some(entry) => drop(used.insert(entry)),
            None => breaches.push(format!("{place} «{word}» is no known word")),
        }
    }
    for (at, entry) in entries.iter().enumerate() {
        if !used.contains(*entry) {
            breaches.push(format!("{WORDS}:{} {entry} is needed by nothing", at + 1));
        }
    }
    breaches
}

fn order(word: &str) -> (String, &str) {
    (word.to_lowercase(), word)
}

/// How a word can stand on the list: as it is, or without the capital of a sentence.
fn readings(word: &str) -> [String; 2] {
    let mut letters = word.chars();
    let small = letters.next().map(|first| first.to_lowercase().chain(letters).collect());
    [word.to_owned(), small.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_dictionary_can_judge_is_a_word() {
        let text = "See the device's file a/b.toml, ~/x, alma@contoso.example, cp1 and https://a.example. «Don’t» {count} on-off a/or_b";
        assert_eq!(words_of(text), ["See", "the", "device", "file", "and", "Don't", "on", "off"]);
    }

    #[test]
    fn the_messages_of_a_file_are_read_with_their_lines() {
        let text = "{\n  \"$schema\": \"https://a.example\",\n  \"a\": \"A «\\\"b\\\"»\",\n  \"match\": {\n    \"n=one\": \"c\"\n";
        let sentences: Vec<_> = sentences(text).collect();
        assert_eq!(sentences, [(3, "A «\"b\"»".to_owned()), (5, "c".to_owned())]);
    }

    fn judged(unknown: &[&str], list: &str) -> Vec<String> {
        let unknown = unknown.iter().map(|word| ((*word).to_owned(), "a.md:1".to_owned())).collect();
        judge(&unknown, list)
    }

    #[test]
    fn a_word_of_the_list_is_known_at_the_start_of_a_sentence_too() {
        assert!(judged(&["Graph", "Passcode"], "Graph\npasscode").is_empty());
        assert_eq!(judged(&["graph"], "Graph").len(), 2);
    }

    #[test]
    fn an_entry_that_is_out_of_order_or_not_needed_is_a_breach() {
        assert_eq!(judged(&["a", "b"], "b\na").len(), 1);
        assert_eq!(judged(&["a"], "a\na").len(), 1);
        assert_eq!(judged(&["a"], "a\nb").len(), 1);
    }
}

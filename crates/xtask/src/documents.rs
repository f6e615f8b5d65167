//! The project's documents, as what checks them reads them.

use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd, TextMergeWithOffset};

use crate::packages::{self, Purpose};
use crate::steps::Steps;
use crate::{files, links, rules, shell, spelling};

/// What a document says at a line. The first line is 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub line: usize,
    pub what: What,
}

/// What is told apart in a document. A block of code is none of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Words for people.
    Prose(String),
    /// What stands between backquotes in a line.
    Code(String),
    /// Where a link leads, or an image lies.
    Link(String),
    /// The words of a heading once more, those between backquotes too.
    Heading(String),
}

/// A file of the repository and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub name: String,
    pub text: String,
}

/// `cargo xtask documents`.
pub fn run() -> bool {
    let mut steps = Steps::default();
    steps.take("Debian packages", &[], || packages::install(Purpose::Documents));
    steps.take("documents", &["Debian packages"], check);
    steps.conclude()
}

/// Checks the spelling of documents and of the window's messages, and the links of documents.
///
/// # Errors
/// What is wrong, one a line.
pub fn check() -> Result<(), String> {
    let files = rules::files()?;
    let documents = read(&files, |name| name.ends_with(".md"))?;
    let mut breaches = links::breaches(&documents, &files);
    let messages = read(&files, |name| name.starts_with("ui/src/messages/"))?;
    let known = read(&files, |name| name == spelling::WORDS)?;
    breaches.extend(spelling::breaches(&documents, &messages, &known)?);
    if breaches.is_empty() {
        println!(
            "{} documents and {} files of messages: every word is known and every link leads somewhere.",
            documents.len(),
            messages.len()
        );
        return Ok(());
    }
    Err(breaches.join("\n"))
}

fn read(files: &[String], is_meant: impl Fn(&str) -> bool) -> Result<Vec<Document>, String> {
    let root = shell::root();
    let document = |name: &String| {
        let text = files::read_text(&root.join(name))?;
        Ok(Document { name: name.clone(), text })
    };
    files.iter().filter(|name| is_meant(name)).map(document).collect()
}

/// What a document in Markdown says, in order.
pub fn said(text: &str) -> Vec<Said> {
    let mut said = Vec::new();
    let mut heading: Option<String> = None;
    // Code in a block and an address that stands for itself are no prose.
    let mut aside = 0;
    let events = Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
    for (event, place) in TextMergeWithOffset::new(events.into_offset_iter()) {
        let line = text[..place.start].matches('\n').count() + 1;
        let mut push = |what| said.push(Said { line, what });
        match event {
            Event::Start(Tag::CodeBlock(_)) => aside += 1,
            Event::End(TagEnd::CodeBlock) => aside -= 1,
            Event::Start(Tag::Link { link_type, dest_url, .. } | Tag::Image { link_type, dest_url, .. }) => {
                if link_type == LinkType::Autolink || link_type == LinkType::Email {
                    aside += 1;
                }
                push(What::Link(dest_url.into_string()));
            }
            Event::End(TagEnd::Link | TagEnd::Image) => aside = 0,
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => push(What::Heading(heading.take().unwrap_or_default())),
            Event::Text(words) if aside == 0 => {
                heading.iter_mut().for_each(|heading| heading.push_str(&words));
                push(What::Prose(words.into_string()));
            }
            Event::Code(words) => {
                heading.iter_mut().for_each(|heading| heading.push_str(&words));
                push(What::Code(words.into_string()));
            }
            _ => {}
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said_in(text: &str) -> Vec<String> {
        let short = |said: Said| match said.what {
            What::Prose(words) => format!("{} {words}", said.line),
            What::Code(words) => format!("{} `{words}`", said.line),
            What::Link(words) => format!("{} -> {words}", said.line),
            What::Heading(words) => format!("{} # {words}", said.line),
        };
        said(text).into_iter().map(short).collect()
    }

    #[test]
    fn prose_code_links_and_headings_are_told_apart_with_their_lines() {
        let text = "# A `b` c\n\nSee [the map](docs/map.md#north)\nand `src/lib.rs`";
        let said =
            ["1 A ", "1 `b`", "1  c", "1 # A b c", "3 See ", "3 -> docs/map.md#north", "3 the map", "4 and "];
        assert_eq!(said_in(text), [said.as_slice(), &["4 `src/lib.rs`"]].concat());
    }

    #[test]
    fn a_block_of_code_and_an_address_are_no_prose() {
        let text = "a\n\n    cargo test\n\n```toml\nb = 1\n```\n\nc <https://d.example> e";
        assert_eq!(said_in(text), ["1 a", "9 c ", "9 -> https://d.example", "9  e"]);
    }
}

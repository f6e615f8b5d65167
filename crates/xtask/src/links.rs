//! The links between documents, and the files that documents name.

use std::collections::{BTreeSet, HashMap};

use crate::documents::{Document, What, said};

/// The links that lead nowhere, and the files that are named and are not there.
pub fn breaches(documents: &[Document], files: &[String]) -> Vec<String> {
    let places: BTreeSet<&str> = files.iter().flat_map(|file| places(file)).collect();
    let anchors: HashMap<&str, Vec<String>> =
        documents.iter().map(|document| (document.name.as_str(), anchors(&document.text))).collect();
    let mut breaches = Vec::new();
    for document in documents {
        for said in said(&document.text) {
            let wrong = match said.what {
                What::Link(link) => wrong_link(&document.name, &link, &places, &anchors),
                What::Code(code) => wrong_file(&code, &places),
                What::Prose(_) | What::Heading(_) => None,
            };
            breaches.extend(wrong.map(|words| format!("{}:{} {words}", document.name, said.line)));
        }
    }
    breaches
}

/// A file and every folder it lies in.
fn places(file: &str) -> impl Iterator<Item = &str> {
    let folders = file.char_indices().filter(|(_, letter)| *letter == '/').map(|(at, _)| &file[..at]);
    folders.chain([file])
}

fn wrong_link(
    from: &str,
    link: &str,
    places: &BTreeSet<&str>,
    anchors: &HashMap<&str, Vec<String>>,
) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let target = if path.is_empty() { from.to_owned() } else { resolved(from, path)? };
    if !places.contains(target.as_str()) {
        return Some(format!("links to {link}, which is not there"));
    }
    let anchor = anchor?;
    let known = anchors.get(target.as_str()).is_some_and(|known| known.iter().any(|known| known == anchor));
    (!known).then(|| format!("links to {link}, but {target} has no such heading"))
}

/// A path as written in a document, from the root of the repository; outside it, a path that is never there.
fn resolved(from: &str, path: &str) -> Option<String> {
    let mut folders: Vec<&str> = from.split('/').collect();
    folders.pop();
    for part in path.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." if folders.last().is_some_and(|folder| *folder != "..") => {
                folders.pop();
            }
            part => folders.push(part),
        }
    }
    Some(folders.join("/"))
}

/// Code that begins with a folder of the repository names a file or a folder.
fn wrong_file(code: &str, places: &BTreeSet<&str>) -> Option<String> {
    let (first, _) = code.split_once('/')?;
    let plain = code.chars().all(|letter| letter.is_ascii_alphanumeric() || "/._-@".contains(letter));
    let path = code.trim_end_matches('/');
    let is_wrong = plain && places.contains(first) && !places.contains(path);
    is_wrong.then(|| format!("names {code}, which is not there"))
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for said in said(text) {
        let What::Heading(words) = said.what else { continue };
        let kept = words.to_lowercase();
        let kept = kept.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        let anchor: String = kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect();
        let numbered = (1..).map(|number| format!("{anchor}-{number}"));
        let free = std::iter::once(anchor.clone()).chain(numbered).find(|name| !anchors.contains(name));
        anchors.extend(free);
    }
    anchors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches_of(text: &str) -> usize {
        let document = |name: &str, text: &str| Document { name: name.to_owned(), text: text.to_owned() };
        let documents =
            [document("docs/a.md", text), document("README.md", "# Try it!\n## `b` c\n## `b` c\n")];
        let files = ["docs/a.md", "README.md", "crates/graph/src/lib.rs"].map(str::to_owned);
        breaches(&documents, &files).len()
    }

    #[test]
    fn a_link_leads_to_a_file_or_a_folder_beside_the_document() {
        assert_eq!(
            breaches_of("[a](../README.md) [b](../crates/graph/) ![c](./a.md) [d](https://a.example/b)"),
            0
        );
        assert_eq!(breaches_of("[a](README.md)"), 1);
        assert_eq!(breaches_of("![a](../docs/b.png)"), 1);
        assert_eq!(breaches_of("[a](../../README.md)"), 1);
    }

    #[test]
    fn an_anchor_is_a_heading_as_github_writes_it() {
        assert_eq!(breaches_of("# Here\n[a](#here) [b](../README.md#try-it) [c](../README.md#b-c-1)"), 0);
        assert_eq!(breaches_of("# Here\n[a](#there) [b](../README.md#try-it!) [c](../README.md#b-c-2)"), 3);
    }

    #[test]
    fn code_that_names_a_file_of_the_repository_is_looked_up() {
        assert_eq!(
            breaches_of("`crates/graph/src/lib.rs` `crates/graph/` `target/e2e` `and/or` `cargo test`"),
            0
        );
        assert_eq!(breaches_of("`crates/graph/src/gone.rs`"), 1);
        assert_eq!(breaches_of("    crates/graph/src/gone.rs"), 0);
    }
}

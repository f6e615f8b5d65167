//! The page the browser shows when it is done. Nothing of the request shows on it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

const STYLE: &str = "html{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;display:grid;place-content:center;\
min-height:90vh;margin:0;padding:0 1rem}h1{font-size:1.25rem;font-weight:600;margin:0 0 .5rem}p{margin:0}";

/// The words of the closing page, in the application's language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosingPage {
    /// Title and heading.
    pub title: String,
    /// One sentence: this window can be closed.
    pub text: String,
    /// The language tag, such as `en`.
    pub lang: String,
}

impl ClosingPage {
    pub(crate) fn html(&self) -> String {
        format!(
            "<!doctype html><html lang=\"{lang}\"><head><meta charset=\"utf-8\"><title>{title}</title>\
             <style>{STYLE}</style></head><body><main><h1>{title}</h1><p>{text}</p></main></body></html>",
            lang = escaped(&self.lang),
            title = escaped(&self.title),
            text = escaped(&self.text),
        )
    }
}

/// Allows the one style sheet by its hash and nothing else.
pub(crate) fn content_security_policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
        out
    })
}

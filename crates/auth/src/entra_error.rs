//! What Entra says when it refuses, with the fields that ordinary OAuth types drop.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An error answer of Entra. Behaviour follows `error` and `suberror`; the numbers in `codes` only pick a help text
/// (Microsoft identity platform, error codes).
#[derive(Clone, PartialEq, Eq)]
pub struct EntraError {
    /// The OAuth error, such as `invalid_grant`.
    pub error: String,
    /// Entra's finer word, such as `basic_action` or `consent_required`.
    pub suberror: Option<String>,
    /// The part of the description that is for people, without number and trace ids.
    pub description: String,
    /// AADSTS numbers.
    pub codes: Vec<u32>,
    /// Names the request for Microsoft's support.
    pub correlation_id: Option<String>,
    /// When, as Entra wrote it.
    pub timestamp: Option<String>,
    /// What the next sign-in must satisfy (JSON). Not shown by Debug.
    pub claims: Option<String>,
}

impl EntraError {
    /// From the fields of an error that came back through the browser, where the numbers stand in the description alone.
    pub(crate) fn from_redirect(error: &str, subcode: Option<&str>, description: Option<&str>) -> Self {
        ErrorAnswer {
            error: error.to_owned(),
            suberror: subcode.map(str::to_owned),
            error_description: description.map(str::to_owned),
            error_codes: Vec::new(),
            correlation_id: None,
            timestamp: None,
            claims: None,
        }
        .into()
    }

    /// From the body of an answer, if it is an error answer.
    pub(crate) fn from_body(body: &[u8]) -> Option<Self> {
        serde_json::from_slice::<ErrorAnswer>(body).ok().map(Self::from)
    }

    /// Whether trying the same again later may help.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self.error.as_str(), "temporarily_unavailable" | "server_error" | "slow_down")
    }

    /// Whether the refusal says that something asked for was not consented to.
    pub(crate) fn is_about_consent(&self) -> bool {
        self.error == "consent_required" || self.suberror.as_deref() == Some("consent_required")
    }
}

impl fmt::Debug for EntraError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntraError")
            .field("error", &self.error)
            .field("suberror", &self.suberror)
            .field("description", &self.description)
            .field("codes", &self.codes)
            .field("correlation_id", &self.correlation_id)
            .field("timestamp", &self.timestamp)
            .field("claims", &self.claims.as_ref().map(|_| "…"))
            .finish()
    }
}

impl fmt::Display for EntraError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error)?;
        if let Some(code) = self.codes.first() {
            write!(f, " (AADSTS{code})")?;
        }
        if !self.description.is_empty() {
            write!(f, ": {}", self.description)?;
        }
        Ok(())
    }
}

impl std::error::Error for EntraError {}

/// The error answer as it stands on the wire.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ErrorAnswer {
    error: String,
    #[serde(default)]
    suberror: Option<String>,
    #[serde(default)]
    error_description: Option<String>,
    #[serde(default)]
    error_codes: Vec<u32>,
    #[serde(default)]
    correlation_id: Option<String>,
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    claims: Option<String>,
}

impl oauth2::ErrorResponse for ErrorAnswer {}

impl fmt::Debug for ErrorAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorAnswer").field("error", &self.error).finish_non_exhaustive()
    }
}

impl fmt::Display for ErrorAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error)
    }
}

impl From<ErrorAnswer> for EntraError {
    fn from(answer: ErrorAnswer) -> Self {
        let raw = answer.error_description.unwrap_or_default();
        let mut codes = answer.error_codes;
        if codes.is_empty() {
            codes.extend(code_in(&raw));
        }
        // A refusal through the browser has both in its description alone. A time has two words, with a space between.
        let labelled = |label: &str, words: usize| {
            let rest = raw.split_once(label)?.1;
            let found: Vec<&str> = rest.split_whitespace().take(words).collect();
            (!found.is_empty()).then(|| shown(&found.join(" "), 64))
        };
        let correlation_id =
            answer.correlation_id.map(|id| shown(&id, 64)).or_else(|| labelled("Correlation ID:", 1));
        let timestamp = answer.timestamp.map(|text| shown(&text, 64)).or_else(|| labelled("Timestamp:", 2));
        Self {
            error: shown(&answer.error, 64),
            suberror: answer.suberror.map(|text| shown(&text, 64)).filter(|text| !text.is_empty()),
            description: people_part(&raw),
            codes,
            correlation_id,
            timestamp,
            claims: answer.claims,
        }
    }
}

/// The number at the head of a description such as `AADSTS65001: The user …`.
fn code_in(description: &str) -> Option<u32> {
    let digits = description.split_once("AADSTS")?.1;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

/// The description without its number in front and its trace ids behind.
fn people_part(description: &str) -> String {
    let end = ["Trace ID:", "Correlation ID:", "Timestamp:"]
        .iter()
        .filter_map(|label| description.find(label))
        .min()
        .unwrap_or(description.len());
    let text = &description[..end];
    let text = match text.split_once(':') {
        Some((code, rest)) if code.trim_start().starts_with("AADSTS") => rest,
        _ => text,
    };
    shown(text, 1_000)
}

/// The text on one line, without control characters, cut after `limit` characters.
fn shown(text: &str, limit: usize) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    words.join(" ").chars().take(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_entra_keeps_what_support_and_people_need() {
        let body = br#"{"error":"interaction_required","suberror":"basic_action","error_codes":[50076],
            "error_description":"AADSTS50076: Due to a configuration change you must use MFA. Trace ID: t\r\nCorrelation ID: c\r\nTimestamp: now",
            "timestamp":"2026-11-01 08:00:00Z","trace_id":"t","correlation_id":"c","claims":"{\"access_token\":{}}"}"#;
        let error = EntraError::from_body(body).unwrap();
        assert_eq!(error.error, "interaction_required");
        assert_eq!(error.suberror.as_deref(), Some("basic_action"));
        assert_eq!(error.description, "Due to a configuration change you must use MFA.");
        assert_eq!(error.codes, [50076]);
        assert_eq!(error.correlation_id.as_deref(), Some("c"));
        assert_eq!(error.claims.as_deref(), Some("{\"access_token\":{}}"));
        assert!(!format!("{error:?} {error}").contains("access_token"));
    }

    #[test]
    fn the_number_is_read_from_the_text_where_it_stands_alone() {
        let text = "AADSTS65004: User declined to consent.\r\nTrace ID: x Correlation ID: abc-1\r\nTimestamp: 2026-11-01 08:00:00Z";
        let error = EntraError::from_redirect("access_denied", None, Some(text));
        assert_eq!(error.codes, [65004]);
        assert_eq!(error.description, "User declined to consent.");
        assert_eq!(error.correlation_id.as_deref(), Some("abc-1"));
        assert_eq!(error.timestamp.as_deref(), Some("2026-11-01 08:00:00Z"));
    }

    #[test]
    fn hostile_text_is_cut_and_cleaned() {
        let text = format!("\u{1b}[31mred\u{7}\n{}", "x".repeat(5_000));
        let error = EntraError::from_redirect(&"e".repeat(500), None, Some(&text));
        assert!(error.error.len() <= 64 && error.description.chars().count() <= 1_000);
        assert!(!error.description.contains(char::is_control));
    }

    #[test]
    fn what_is_no_error_answer_is_none() {
        assert_eq!(EntraError::from_body(b"<html>"), None);
        assert_eq!(EntraError::from_body(b"{\"access_token\":\"x\"}"), None);
    }
}

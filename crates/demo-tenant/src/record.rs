//! What arrived, without any secret in it.

use std::collections::BTreeMap;

use serde::Serialize;
use time::OffsetDateTime;
use url::form_urlencoded;

use crate::exchange::Request;

/// The fields of forms and queries whose values are never kept.
const SECRET_FIELDS: [&str; 10] = [
    "access_token",
    "assertion",
    "client_secret",
    "code",
    "code_verifier",
    "device_code",
    "id_token",
    "id_token_hint",
    "password",
    "refresh_token",
];

/// A request that reached the tenant. Tokens, codes and verifiers are replaced by `***`.
#[derive(Debug, Clone, Serialize)]
pub struct RecordedRequest {
    /// When it arrived, by the tenant's clock.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The method, in capitals.
    pub method: String,
    /// The path as it arrived, percent-encoded.
    pub path: String,
    /// The query as it arrived, percent-encoded, without the question mark.
    pub query: String,
    /// The headers by lower-case name; repeated ones are joined by a comma.
    pub headers: BTreeMap<String, String>,
    /// The length of the body in bytes.
    pub body_len: usize,
    /// Whether there was any body at all.
    pub has_body: bool,
    /// The body, if it was a form.
    pub body: Option<String>,
    /// The status answered; none while the answer is on its way, or when the connection was dropped instead.
    pub status: Option<u16>,
}

impl RecordedRequest {
    /// The value of a header, by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    fn of(request: &Request, at: OffsetDateTime) -> Self {
        let mut headers = BTreeMap::<String, String>::new();
        for (name, value) in &request.headers {
            let value = shown(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
            headers
                .entry(name.as_str().to_owned())
                .and_modify(|known| {
                    known.push_str(", ");
                    known.push_str(&value);
                })
                .or_insert(value);
        }
        let form = request.header("content-type").is_some_and(|kind| kind.contains("x-www-form-urlencoded"));
        Self {
            at,
            method: request.method.as_str().to_owned(),
            path: request.path.clone(),
            query: without_secrets(&request.query),
            headers,
            body_len: request.body.len(),
            has_body: !request.body.is_empty(),
            body: form.then(|| without_secrets(&String::from_utf8_lossy(&request.body))),
            status: None,
        }
    }
}

fn shown(name: &str, value: &str) -> String {
    match name {
        "authorization" | "proxy-authorization" => match value.split_once(' ') {
            Some((scheme, _)) => format!("{scheme} ***"),
            None => "***".to_owned(),
        },
        "cookie" => "***".to_owned(),
        _ => value.to_owned(),
    }
}

fn without_secrets(fields: &str) -> String {
    let secret = |field: &str| {
        form_urlencoded::parse(field.as_bytes()).next().is_some_and(|(name, value)| {
            !value.is_empty() && SECRET_FIELDS.contains(&name.to_ascii_lowercase().as_str())
        })
    };
    let kept = |field: &str| match field.split_once('=') {
        Some((name, _)) if secret(field) => format!("{name}=***"),
        _ => field.to_owned(),
    };
    fields.split('&').map(kept).collect::<Vec<_>>().join("&")
}

/// Every request in the order of arrival.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    requests: Vec<RecordedRequest>,
    /// How many requests were cleared, so that numbers given out stay unique.
    cleared: usize,
}

impl RequestLog {
    /// Notes a request and gives its number, for [`RequestLog::answered`].
    pub(crate) fn arrived(&mut self, request: &Request, at: OffsetDateTime) -> usize {
        self.requests.push(RecordedRequest::of(request, at));
        self.cleared + self.requests.len() - 1
    }

    pub(crate) fn answered(&mut self, number: usize, status: u16) {
        let place = number.checked_sub(self.cleared);
        if let Some(request) = place.and_then(|place| self.requests.get_mut(place)) {
            request.status = Some(status);
        }
    }

    pub(crate) fn all(&self) -> Vec<RecordedRequest> {
        self.requests.clone()
    }

    pub(crate) fn clear(&mut self) {
        self.cleared += self.requests.len();
        self.requests.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_a_form_are_not_kept() {
        let kept = without_secrets(
            "grant_type=authorization_code&code=abc&code_verifier=v&redirect_uri=http%3A%2F%2Flocalhost",
        );
        assert_eq!(
            kept,
            "grant_type=authorization_code&code=***&code_verifier=***&redirect_uri=http%3A%2F%2Flocalhost"
        );
        assert_eq!(without_secrets("%63ode=abc"), "%63ode=***");
    }

    #[test]
    fn only_the_scheme_of_an_authorization_is_kept() {
        assert_eq!(shown("authorization", "Bearer abc"), "Bearer ***");
        assert_eq!(shown("authorization", "abc"), "***");
    }
}

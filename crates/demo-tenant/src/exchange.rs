//! One request as it arrived and the answer to it.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use url::form_urlencoded;

/// The media type Graph gives its JSON.
pub(crate) const GRAPH_JSON: &str =
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The path as it arrived, still percent-encoded.
    pub(crate) path: String,
    /// The query as it arrived, still percent-encoded, without the question mark.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    /// The path's segments, percent-decoded; `None` when an escape is broken or not UTF-8.
    pub(crate) fn segments(&self) -> Option<Vec<String>> {
        self.path.trim_start_matches('/').split('/').map(percent_decode).collect()
    }

    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.query.as_bytes()).into_owned().collect()
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    pub(crate) fn form(&self) -> Form {
        Form(form_urlencoded::parse(&self.body).into_owned().collect())
    }

    /// The form of a POST, the query of anything else.
    pub(crate) fn fields(&self) -> Form {
        if self.method == Method::POST { self.form() } else { Form(self.parameters()) }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// Whether the request says how long its body is, as Microsoft's front end demands of a POST.
    pub(crate) fn states_its_length(&self) -> bool {
        self.headers.contains_key("content-length") || self.headers.contains_key("transfer-encoding")
    }
}

/// The fields of a form or a query.
#[derive(Debug)]
pub(crate) struct Form(pub(crate) Vec<(String, String)>);

impl Form {
    /// The field's value, `None` when it is absent or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }
}

pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let high = char::from(rest.next()?).to_digit(16)?;
        let low = char::from(rest.next()?).to_digit(16)?;
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn json(status: StatusCode, value: &Value) -> Self {
        Self::empty(status).with("content-type", "application/json; charset=utf-8").body(value.to_string())
    }

    pub(crate) fn graph(status: StatusCode, value: &Value) -> Self {
        Self::empty(status).with("content-type", GRAPH_JSON).body(value.to_string())
    }

    pub(crate) fn html(status: StatusCode, page: String) -> Self {
        Self::empty(status).with("content-type", "text/html; charset=utf-8").body(page)
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

/// What the connection does with a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Answers after the given time.
    Reply(Reply, std::time::Duration),
    /// Drops the connection hard, without a word.
    Reset,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_escape_decodes_to_nothing() {
        assert_eq!(percent_decode("a%2Fb%27%25").as_deref(), Some("a/b'%"));
        assert_eq!(percent_decode("100%"), None);
        assert_eq!(percent_decode("%zz"), None);
        assert_eq!(percent_decode("%ff"), None);
    }
}

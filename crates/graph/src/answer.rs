//! One answer, read to a limit.

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use uuid::Uuid;

use crate::error::Error;

/// The most of an error's body that is read, in bytes.
pub(crate) const LONGEST_ERROR: usize = 1024 * 1024;
/// The most of a page that is read, in bytes; 1,000 devices make about 1 MiB.
pub(crate) const LONGEST_PAGE: usize = 64 * 1024 * 1024;

/// An answer: status, headers and body.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// Graph's id of the answer.
    pub(crate) fn request_id(&self) -> Option<String> {
        header_text(&self.headers, "request-id")
    }

    /// An answer that makes no sense, for the reason given.
    pub(crate) fn bad(&self, what: impl Into<String>) -> Error {
        Error::BadAnswer { what: what.into(), request_id: self.request_id() }
    }
}

/// A header's text, if it has any that is fit to be shown.
pub(crate) fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    // A tab may stand in a header.
    let is_fit = !text.is_empty() && text.len() <= 200 && !text.contains(char::is_control);
    is_fit.then(|| text.to_owned())
}

/// Reads a body up to `limit` bytes, counted after unpacking, and gives whether that was all of it.
pub(crate) async fn read_body(
    response: &mut reqwest::Response,
    limit: usize,
) -> Result<(Bytes, bool), reqwest::Error> {
    let (body, whole) = read_bytes(response, limit).await?;
    Ok((without_mark(body), whole))
}

/// Takes away the byte order mark that some front ends write before their JSON (RFC 8259, section 8.1, lets a parser ignore it).
fn without_mark(mut body: Bytes) -> Bytes {
    if body.starts_with(b"\xef\xbb\xbf") {
        body.advance(3);
    }
    body
}

async fn read_bytes(response: &mut reqwest::Response, limit: usize) -> Result<(Bytes, bool), reqwest::Error> {
    let mut body = BytesMut::new();
    while let Some(piece) = response.chunk().await? {
        let room = limit - body.len();
        if piece.len() > room {
            body.extend_from_slice(&piece[..room]);
            return Ok((body.freeze(), false));
        }
        body.extend_from_slice(&piece);
    }
    Ok((body.freeze(), true))
}

/// A fresh `client-request-id`. Intune's audit log shows it as the correlation id (Graph documentation, auditEvent).
pub(crate) fn fresh_id() -> Uuid {
    Uuid::new_v4()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_with_a_tab_in_it_or_nothing_is_not_shown() {
        let shown = |text: &'static str| {
            header_text(
                &HeaderMap::from_iter([(http::header::VIA, http::HeaderValue::from_static(text))]),
                "via",
            )
        };
        assert_eq!(shown(" a b ").as_deref(), Some("a b"));
        assert_eq!((shown("a\tb"), shown(" "), shown("")), (None, None, None));
    }
}

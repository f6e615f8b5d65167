//! Recognises the answers that are Graph's. A proxy or gateway on the way may answer in Graph's place, before it lets a request
//! through or after. Such an *intermediary* (RFC 9110, section 3.7) knows nothing of the session, the device or the request.

use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::answer::header_text;
use crate::api_error;

/// Returns whether an answer is Graph's. Everything that decides something by an answer asks here first.
///
/// Graph marks each answer with a `request-id` (Graph documentation, best practices). An error may bear its mark in the body
/// alone: a request id in the inner error, or the activity id in a message that Intune packed. A success has no body with
/// `error`, so one that does was not written by Graph, whatever its headers say.
pub(crate) fn is_graphs(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> bool {
    if status.is_success() {
        return is_marked(headers) && !holds_error(body);
    }
    is_marked(headers) || api_error::bears_mark(body)
}

/// Returns whether the headers alone bear Graph's mark. Without it no success is Graph's, so its body need not be read.
pub(crate) fn is_marked(headers: &HeaderMap) -> bool {
    header_text(headers, "request-id").is_some()
}

fn holds_error(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Refused {
        #[serde(rename = "error")]
        _error: IgnoredAny,
    }
    // A page of rows begins with its context; the parser passes over the rest without keeping any of it.
    serde_json::from_slice::<Refused>(body).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "5fbd6a2b-1fe0-4a1c-9b0b-4c0d6c1e4a11";

    fn marked() -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static("request-id"), ID.parse().unwrap())])
    }

    fn is_graphs_with(status: u16, headers: &HeaderMap, body: &str) -> bool {
        is_graphs(StatusCode::from_u16(status).unwrap(), headers, body.as_bytes())
    }

    fn packed(id: &str) -> String {
        let text =
            format!("Gone - Operation ID (for customer support): 0 - Activity ID: {id} - Url: https://x");
        json!({ "_version": 3, "Message": text }).to_string()
    }

    #[test]
    fn a_request_id_marks_an_answer_of_any_status() {
        for status in [200, 204, 302, 400, 401, 403, 404, 429, 500, 503] {
            assert!(is_graphs_with(status, &marked(), ""), "{status}");
            assert!(!is_graphs_with(status, &HeaderMap::new(), ""), "{status}");
            assert!(!is_graphs_with(status, &HeaderMap::new(), "<html>Blocked</html>"), "{status}");
        }
        let empty =
            HeaderMap::from_iter([(http::HeaderName::from_static("request-id"), " ".parse().unwrap())]);
        assert!(!is_graphs_with(204, &empty, ""));
    }

    #[test]
    fn a_success_that_speaks_of_an_error_is_not_graphs() {
        for body in
            [r#"{"error":{"code":"x","message":"y"}}"#, r#"{"error":"blocked"}"#, r#"{"a":1,"error":null}"#]
        {
            assert!(!is_graphs_with(200, &marked(), body), "{body}");
        }
        assert!(is_graphs_with(200, &marked(), r#"{"value":[{"error":"in a row"}]}"#));
    }

    #[test]
    fn an_error_may_bear_its_mark_in_the_body() {
        let bare = HeaderMap::new();
        let inner =
            |key: &str| json!({"error": {"code": "", "message": "m", key: {"request-id": ID}}}).to_string();
        let graphs = [
            inner("innerError"),
            inner("innererror"),
            json!({"error": {"code": "c", "message": "m", "innerError": {"innerError": {"request-id": ID}}}}).to_string(),
            json!({"error": {"code": "Forbidden", "message": packed(ID)}}).to_string(),
            json!({"error": {"code": "UnknownError", "message": json!({"ErrorCode": "Forbidden", "Message": packed(ID)}).to_string()}})
                .to_string(),
            packed(ID),
        ];
        for body in &graphs {
            assert!(is_graphs_with(403, &bare, body), "{body}");
            assert!(!is_graphs_with(200, &bare, body), "a success needs the header: {body}");
        }
        let others = [
            json!({"error": {"code": "c", "message": "m"}}).to_string(),
            json!({"error": {"code": 403, "message": "m", "innerError": {"request-id": ID}}}).to_string(),
            json!({"error": {"code": "c", "innerError": {"request-id": ID}}}).to_string(),
            json!({"error": {"code": "c", "message": "m", "innerError": {"request-id": "<b>"}}}).to_string(),
            json!({"error": {"code": "c", "message": format!("Blocked. Activity ID: {ID}")}}).to_string(),
            json!({"error": {"code": "c", "message": packed("none")}}).to_string(),
            json!({"error": "invalid_grant", "correlation_id": ID}).to_string(),
            json!({"request-id": ID}).to_string(),
        ];
        for body in &others {
            assert!(!is_graphs_with(403, &bare, body), "{body}");
        }
    }
}

//! Graph's errors, unwrapped: Intune packs JSON into the message, at times twice.

use http::HeaderMap;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::answer::header_text;
use crate::challenge;

/// The longest message kept, in characters.
const LONGEST_MESSAGE: usize = 2_000;
/// Intune packs its JSON twice at most; one more for good measure.
const DEEPEST: usize = 4;

/// An error that Graph answered with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Microsoft Graph answered {status}{}{code}{}{message}", sep(code, " "), sep(message, ": "))]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// What the error comes down to.
    pub kind: ApiErrorKind,
    /// Graph's code, or Intune's where Graph tells none; may be empty.
    pub code: String,
    /// The part of the message that is meant for people; may be empty.
    pub message: String,
    /// The id Microsoft's support asks for: `request-id`, or Intune's activity id.
    pub request_id: Option<String>,
    /// The id this side gave the request, as Graph repeats it.
    pub client_request_id: Option<Uuid>,
}

fn sep<'a>(text: &str, separator: &'a str) -> &'a str {
    if text.is_empty() { "" } else { separator }
}

/// What an error comes down to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApiErrorKind {
    /// The account's role does not allow it: 403, or 401 with Intune's `Forbidden` inside.
    RoleDenied,
    /// The application lacks the scope.
    MissingScope,
    /// The token is not accepted.
    Unauthenticated,
    /// The token must satisfy claims it does not (continuous access evaluation).
    ClaimsChallenge,
    /// The device is outside the scope tags of the account's role, and the service says so.
    OutOfScopeTags,
    /// The tenant has no licence that covers it.
    NoLicence,
    /// What was asked for is not there, or is outside the account's scope tags and the service does not say so.
    NotFound,
    /// The service has no such route; nothing was executed.
    RouteUnknown,
    /// The request is wrong in the service's eyes.
    BadRequest,
    /// Too many requests.
    Throttled,
    /// The service failed; whether it executed anything is not known.
    Service,
    /// Anything else.
    Other,
}

impl ApiError {
    /// Reads an error answer. `body` may be anything; what is not Graph's JSON is not kept.
    pub(crate) fn read(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let parts = Parts::read(body);
        let kind = kind(status, &parts, challenge::claims(headers).is_some());
        Self {
            status,
            kind,
            request_id: header_text(headers, "request-id").or(parts.request_id).or(parts.activity_id),
            client_request_id: header_text(headers, "client-request-id")
                .and_then(|id| Uuid::parse_str(&id).ok())
                .or(parts.client_request_id),
            code: shortened(&parts.code),
            message: shortened(&parts.message),
        }
    }
}

/// Returns whether an error's body bears a mark of Graph or Intune.
///
/// Graph's is code and message with a request id in the inner error. Intune's is an activity id in a message that is JSON of
/// its own.
pub(crate) fn bears_mark(body: &[u8]) -> bool {
    let parts = Parts::read(body);
    parts.is_packed_with_id || parts.has_code_and_message && parts.request_id.is_some()
}

/// The pieces found while unwrapping.
#[derive(Default)]
struct Parts {
    code: String,
    message: String,
    forbidden_inside: bool,
    request_id: Option<String>,
    client_request_id: Option<Uuid>,
    activity_id: Option<String>,
    /// Whether Graph's own fields are both there and texts; either may be empty.
    has_code_and_message: bool,
    /// Whether a packed message tells an activity id that is one.
    is_packed_with_id: bool,
}

impl Parts {
    /// Unwraps a body, which may be anything.
    fn read(body: &[u8]) -> Self {
        let mut parts = Self::default();
        if let Ok(Value::Object(root)) = serde_json::from_slice::<Value>(body) {
            match root.get("error") {
                Some(Value::Object(error)) => parts.take_graph(error),
                _ => parts.take_intune(&root, 0),
            }
        }
        parts
    }

    /// `{"code", "message", "innerError" | "innererror": {…}}` (Graph documentation, errors).
    fn take_graph(&mut self, error: &Map<String, Value>) {
        self.has_code_and_message = text(error, "code").is_some() && text(error, "message").is_some();
        self.code = text(error, "code").unwrap_or_default().to_owned();
        self.take_message(text(error, "message").unwrap_or_default(), 0);
        let mut inner = inner_error(error);
        for _ in 0..DEEPEST {
            let Some(fields) = inner else { break };
            if self.request_id.is_none() {
                self.request_id = text(fields, "request-id").and_then(id_like);
            }
            if self.client_request_id.is_none() {
                self.client_request_id =
                    text(fields, "client-request-id").and_then(|id| Uuid::parse_str(id).ok());
            }
            inner = inner_error(fields);
        }
    }

    /// Intune's own shapes: `{"_version", "Message", …}` and `{"ErrorCode", "Message", …}`.
    fn take_intune(&mut self, fields: &Map<String, Value>, depth: usize) {
        if let Some(code) = text(fields, "ErrorCode").filter(|code| !code.is_empty()) {
            self.forbidden_inside |= code.eq_ignore_ascii_case("forbidden");
            if self.code.is_empty() || self.code == "UnknownError" {
                self.code = code.to_owned();
            }
        }
        let message = text(fields, "Message").or_else(|| text(fields, "message")).unwrap_or_default();
        self.take_message(message, depth + 1);
    }

    fn take_message(&mut self, message: &str, depth: usize) {
        let message = message.trim();
        if depth < DEEPEST
            && message.starts_with('{')
            && let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(message)
        {
            return self.take_intune(&fields, depth);
        }
        if self.activity_id.is_none() {
            self.activity_id = activity_id(message);
            self.is_packed_with_id =
                depth > 0 && self.activity_id.as_ref().is_some_and(|id| Uuid::parse_str(id).is_ok());
        }
        self.message = match message.find(" - Operation ID") {
            Some(end) => message[..end].trim_end().to_owned(),
            None => message.to_owned(),
        };
    }
}

fn text<'a>(fields: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    fields.get(key).and_then(Value::as_str)
}

/// Microsoft's text spells it `innererror`, the service `innerError`.
fn inner_error(fields: &Map<String, Value>) -> Option<&Map<String, Value>> {
    fields.get("innerError").or_else(|| fields.get("innererror")).and_then(Value::as_object)
}

/// An id as services give them, so that nothing else takes its place in a support case.
fn id_like(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = !text.is_empty()
        && text.len() <= 100
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.|".contains(c));
    fits.then(|| text.to_owned())
}

fn activity_id(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("Activity ID: ")?;
    id_like(rest.split_whitespace().next()?)
}

fn shortened(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_MESSAGE).collect()
}

/// How Intune says that a device is outside the scope tags of the account's role: the first as seen by others
/// (`microsoft/Intune-PowerShell-SDK#119`; with `tags` in `maurice-daly/DriverAutomationTool#864`).
const OUT_OF_SCOPE_TAGS: [&str; 4] =
    ["tag allowed by the current role", "tags allowed by the current role", "scope tag", "scopetag"];

/// How Graph and Intune say that the tenant has no licence: the first as seen by others
/// (`microsoftgraph/msgraph-beta-sdk-go#198`). Whole phrases, as an error may repeat what was searched for.
const NO_LICENCE: [&str; 8] = [
    "not applicable to target tenant",
    "tenant is not provisioned",
    "tenant is not licensed",
    "not licensed for",
    "not registered for intune",
    "intune license",
    "intune licence",
    "valid license",
];

fn kind(status: u16, parts: &Parts, claims_asked: bool) -> ApiErrorKind {
    let says = |words: &[&str]| {
        let (code, message) = (parts.code.to_lowercase(), parts.message.to_lowercase());
        words.iter().any(|word| code.contains(word) || message.contains(word))
    };
    if matches!(status, 400 | 404 | 405 | 501)
        && says(&[
            "no method match route template",
            "no odata route exists",
            "resource not found for the segment",
        ])
    {
        return ApiErrorKind::RouteUnknown;
    }
    let missing_scope = || says(&["must have one of the following scopes", "application is not authorized"]);
    let refuses = matches!(status, 400 | 403 | 404) || status == 401 && parts.forbidden_inside;
    if refuses && !claims_asked && !missing_scope() {
        if says(&OUT_OF_SCOPE_TAGS) {
            return ApiErrorKind::OutOfScopeTags;
        }
        if says(&NO_LICENCE) {
            return ApiErrorKind::NoLicence;
        }
    }
    if matches!(status, 401 | 403) {
        return if missing_scope() {
            ApiErrorKind::MissingScope
        } else if claims_asked {
            ApiErrorKind::ClaimsChallenge
        } else if status == 403 || parts.forbidden_inside {
            ApiErrorKind::RoleDenied
        } else {
            ApiErrorKind::Unauthenticated
        };
    }
    match status {
        400 => ApiErrorKind::BadRequest,
        404 => ApiErrorKind::NotFound,
        429 => ApiErrorKind::Throttled,
        500..=599 => ApiErrorKind::Service,
        _ => ApiErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIVITY: &str = "5fbd6a2b-1fe0-4a1c-9b0b-4c0d6c1e4a11";

    fn packed(text: &str) -> String {
        format!(
            r#"{{"_version":3,"Message":"{text} - Operation ID (for customer support): 00000000-0000-0000-0000-000000000000 - Activity ID: {ACTIVITY} - Url: https://fef.example/x('1')","CustomApiErrorPhrase":"","RetryAfter":null,"HttpHeaders":"{{}}"}}"#
        )
    }

    fn body(code: &str, message: &str) -> Vec<u8> {
        serde_json::json!({"error": {"code": code, "message": message}}).to_string().into_bytes()
    }

    fn read(status: u16, body: &[u8]) -> ApiError {
        ApiError::read(status, &HeaderMap::new(), body)
    }

    #[test]
    fn the_human_part_is_kept_and_the_activity_id_stands_in_for_the_request_id() {
        let error = read(400, &body("BadRequest", &packed("The device does not support this")));
        assert_eq!(error.message, "The device does not support this");
        assert_eq!(error.code, "BadRequest");
        assert_eq!(error.request_id.as_deref(), Some(ACTIVITY));
        assert_eq!(error.kind, ApiErrorKind::BadRequest);
    }

    #[test]
    fn a_doubly_packed_401_is_a_role_denial() {
        let inner = serde_json::json!({
            "ErrorCode": "Forbidden",
            "Message": packed("User is not authorized"),
            "Target": null,
        });
        let error = read(401, &body("UnknownError", &inner.to_string()));
        assert_eq!(error.kind, ApiErrorKind::RoleDenied);
        assert_eq!(error.code, "Forbidden");
        assert_eq!(error.message, "User is not authorized");
    }

    #[test]
    fn a_plain_401_is_an_expired_token() {
        let error = read(401, &body("InvalidAuthenticationToken", "Access token has expired."));
        assert_eq!(error.kind, ApiErrorKind::Unauthenticated);
    }

    #[test]
    fn scopes_and_roles_are_told_apart() {
        let scope = "Application is not authorized to perform this operation. Application must have one of the following scopes: X";
        assert_eq!(read(403, &body("Forbidden", scope)).kind, ApiErrorKind::MissingScope);
        assert_eq!(read(403, &body("Forbidden", &packed(scope))).kind, ApiErrorKind::MissingScope);
        let role = "User is not authorized to perform this operation";
        assert_eq!(read(403, &body("Forbidden", role)).kind, ApiErrorKind::RoleDenied);
    }

    #[test]
    fn scope_tags_and_licences_are_told_from_roles_and_from_what_is_gone() {
        let tags = "Resource does not contain a tag allowed by the current role.";
        let licence = "Request not applicable to target tenant.";
        for (status, code, message, kind) in [
            (404, "ResourceNotFound", tags, ApiErrorKind::OutOfScopeTags),
            (403, "Forbidden", tags, ApiErrorKind::OutOfScopeTags),
            (
                400,
                "ConditionNotMet",
                "Must define one or more tags allowed by the current role.",
                ApiErrorKind::OutOfScopeTags,
            ),
            (
                403,
                "Forbidden",
                "The device is not in a Scope Tag of the caller.",
                ApiErrorKind::OutOfScopeTags,
            ),
            (400, "BadRequest", licence, ApiErrorKind::NoLicence),
            (403, "Forbidden", "The tenant does not have an Intune license.", ApiErrorKind::NoLicence),
            (404, "NotFound", "Tenant is not provisioned.", ApiErrorKind::NoLicence),
            (403, "Forbidden", "User is not authorized to perform this operation", ApiErrorKind::RoleDenied),
            (404, "ResourceNotFound", "The requested resource does not exist.", ApiErrorKind::NotFound),
            (400, "BadRequest", "Invalid filter clause near 'License Manager'", ApiErrorKind::BadRequest),
            (500, "InternalError", licence, ApiErrorKind::Service),
            (429, "TooManyRequests", tags, ApiErrorKind::Throttled),
            (401, "InvalidAuthenticationToken", tags, ApiErrorKind::Unauthenticated),
        ] {
            assert_eq!(read(status, &body(code, message)).kind, kind, "{status} {message}");
            assert_eq!(read(status, &body(code, &packed(message))).kind, kind, "{status} {message}, packed");
        }
        let inner = serde_json::json!({ "ErrorCode": "Forbidden", "Message": packed(tags) });
        assert_eq!(read(401, &body("UnknownError", &inner.to_string())).kind, ApiErrorKind::OutOfScopeTags);
    }

    #[test]
    fn a_route_that_does_not_exist_is_told_from_a_device_that_does_not() {
        for (status, code, message) in [
            (400, "No method match route template", ""),
            (404, "", "No OData route exists that match template ~/singleton"),
            (405, "BadRequest", "Resource not found for the segment 'recoverPasscode'."),
            (501, "No method match route template", "No OData route exists"),
        ] {
            assert_eq!(
                read(status, &body(code, message)).kind,
                ApiErrorKind::RouteUnknown,
                "{status} {code}"
            );
        }
        assert_eq!(read(404, &body("ResourceNotFound", "gone")).kind, ApiErrorKind::NotFound);
        assert_eq!(
            read(500, &body("No method match route template", "")).kind,
            ApiErrorKind::Service,
            "after a 500 nobody knows what was executed"
        );
    }

    #[test]
    fn both_spellings_of_the_inner_error_are_read_and_the_header_goes_first() {
        for key in ["innerError", "innererror"] {
            let text = format!(
                r#"{{"error":{{"code":"","message":"m","{key}":{{"{key}":{{"request-id":"in","client-request-id":"{ACTIVITY}"}}}}}}}}"#
            );
            let error = read(500, text.as_bytes());
            assert_eq!((error.code.as_str(), error.request_id.as_deref()), ("", Some("in")));
            assert_eq!(error.client_request_id, Uuid::parse_str(ACTIVITY).ok());
            let mut headers = HeaderMap::new();
            headers.insert("request-id", "out".parse().unwrap());
            assert_eq!(ApiError::read(500, &headers, text.as_bytes()).request_id.as_deref(), Some("out"));
        }
    }

    #[test]
    fn a_body_that_is_no_json_is_tolerated_and_not_kept() {
        for bytes in [&b"<html>Bad gateway</html>"[..], b"", b"[1]", b"{\"error\":7}", b"\xff\xfe"] {
            let error = read(502, bytes);
            assert_eq!((error.kind, error.message.as_str()), (ApiErrorKind::Service, ""));
            assert_eq!(error.to_string(), "Microsoft Graph answered 502");
        }
    }

    #[test]
    fn a_message_packed_without_end_is_read_to_a_limit() {
        let mut message = "deep".to_owned();
        for _ in 0..20 {
            message = serde_json::json!({"Message": message}).to_string();
            if message.len() > 200_000 {
                break;
            }
        }
        assert!(read(400, &body("", &message)).message.chars().count() <= LONGEST_MESSAGE);
    }
}

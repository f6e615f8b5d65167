//! What faults do.

use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;

use crate::exchange::{Reply, Request};

/// What a fault does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// 429 in Graph's shape.
    TooManyRequests {
        /// The `Retry-After` header.
        retry_after: RetryAfter,
    },
    /// A server error in Intune's shape: 500, 503 or 504 (any other status works too).
    Status {
        /// The status.
        status: u16,
        /// The `Retry-After` header, if any.
        #[serde(default)]
        retry_after: Option<RetryAfter>,
        /// Whether the request is carried out all the same before the error is answered.
        #[serde(default)]
        executed: bool,
    },
    /// Something between answers in Graph's or Entra's place, such as a proxy or gateway: without their ids, by its own clock.
    Intermediary {
        /// The status.
        status: u16,
        /// What it says.
        body: IntermediaryBody,
        /// Whether it lets the request through first, so that it is carried out, and then replaces the answer.
        #[serde(default)]
        executed: bool,
        /// The `Retry-After` header, if any.
        #[serde(default)]
        retry_after: Option<RetryAfter>,
    },
    /// The connection is dropped hard (RST) and nothing is carried out.
    ResetBefore,
    /// The request is carried out, then the connection is dropped hard without an answer.
    ResetAfter,
    /// The request is carried out at once, the answer comes this much later.
    Slow {
        /// Milliseconds.
        millis: u64,
    },
    /// 401 `InvalidAuthenticationToken`, the token has expired.
    ExpiredToken,
    /// 401 with `insufficient_claims` among several `WWW-Authenticate` headers. A token obtained with the
    /// claims asked for passes.
    ClaimsChallenge,
    /// 403, the admin's Intune role does not allow it.
    #[serde(rename = "role_denied_403")]
    RoleDenied403,
    /// 401 `UnknownError`, the same refusal packed twice as JSON.
    #[serde(rename = "role_denied_401")]
    RoleDenied401,
    /// 403, the token lacks a scope.
    #[serde(rename = "missing_scope_403")]
    MissingScope403,
    /// 400 `No method match route template`.
    MissingRoute,
    /// 404 `ResourceNotFound`.
    #[serde(rename = "not_found_404")]
    NotFound404,
    /// 404 `ResourceNotFound`, the device is outside the scope tags of the admin's role.
    #[serde(rename = "out_of_scope_tags_404")]
    OutOfScopeTags404,
    /// 400, the tenant has no Intune licence.
    #[serde(rename = "no_licence_400")]
    NoLicence400,
    /// 200 with half of the JSON.
    MalformedJson,
    /// `$filter` is ignored: everything comes back.
    IgnoreFilter,
    /// The page with this number, counted from 1, answers 504.
    PageFails {
        /// The number of the page.
        page: u32,
    },
    /// A collection's `@odata.nextLink` points to another host, even on its last page.
    ForeignNextLink,
    /// A collection's `@odata.nextLink` is no address at all, even on its last page.
    BadNextLink,
    /// An error of Entra's: as JSON at the token and device code endpoints, sent back to the redirect address
    /// at the authorize endpoint.
    LoginError {
        /// OAuth's `error`, such as `invalid_grant` or `temporarily_unavailable`.
        error: String,
        /// The AADSTS number.
        code: u32,
        /// Entra's `suberror`.
        #[serde(default)]
        suberror: Option<String>,
        /// The text after the AADSTS number.
        #[serde(default)]
        description: Option<String>,
        /// The status, 400 if not given.
        #[serde(default)]
        status: Option<u16>,
        /// Claims to be asked for at the next sign-in.
        #[serde(default)]
        claims: Option<String>,
    },
}

/// A `Retry-After` header. As JSON: `{"integer":3}`, `{"fraction":0.249}`, `"date"` or `"missing"`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// Whole seconds.
    Integer(u64),
    /// Seconds with decimals.
    Fraction(f64),
    /// An HTTP date two to three seconds ahead.
    Date,
    /// No header.
    Missing,
}

impl RetryAfter {
    pub(crate) fn header(self, now: OffsetDateTime) -> Option<String> {
        match self {
            Self::Integer(seconds) => Some(seconds.to_string()),
            Self::Fraction(seconds) => Some(format!("{seconds}")),
            Self::Date => Some(crate::clock::http_date(now + Duration::from_secs(3))),
            Self::Missing => None,
        }
    }
}

/// What an intermediary says in its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntermediaryBody {
    /// A page for people.
    Page,
    /// JSON with an `error` that has neither Graph's ids nor its shape.
    Json,
    /// JSON in the shape of Graph's errors, without an id.
    GraphShaped,
    /// Nothing.
    Empty,
}

/// How far the clock of an intermediary is from the tenant's.
const OFF: Duration = Duration::from_secs(60 * 60);

/// Returns the answer of an intermediary.
pub(crate) fn between(
    status: u16,
    body: IntermediaryBody,
    retry_after: Option<RetryAfter>,
    now: OffsetDateTime,
) -> Reply {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let reply = match body {
        IntermediaryBody::Page => Reply::html(
            status,
            "<!DOCTYPE html><html><head><title>Blocked</title></head><body><h1>This request was blocked</h1><p>Ask the administrator of your network.</p></body></html>".to_owned(),
        ),
        IntermediaryBody::Json => Reply::json(status, &json!({ "error": "blocked", "policy": "default" })),
        IntermediaryBody::GraphShaped => {
            Reply::json(status, &json!({ "error": { "code": "Forbidden", "message": "Blocked by policy." } }))
        }
        IntermediaryBody::Empty => Reply::empty(status),
    };
    let reply = reply.with("via", "1.1 gateway.example").with("date", crate::clock::http_date(now + OFF));
    match retry_after.and_then(|after| after.header(now)) {
        Some(value) => reply.with("retry-after", value),
        None => reply,
    }
}

impl FaultKind {
    /// Returns one fault of each kind, with the values seen most often, for tables that must leave none out.
    #[must_use]
    pub fn one_of_each() -> Vec<Self> {
        vec![
            Self::TooManyRequests { retry_after: RetryAfter::Integer(10) },
            Self::Status { status: 503, retry_after: None, executed: false },
            Self::Intermediary {
                status: 403,
                body: IntermediaryBody::Page,
                executed: false,
                retry_after: None,
            },
            Self::ResetBefore,
            Self::ResetAfter,
            Self::Slow { millis: 150 },
            Self::ExpiredToken,
            Self::ClaimsChallenge,
            Self::RoleDenied403,
            Self::RoleDenied401,
            Self::MissingScope403,
            Self::MissingRoute,
            Self::NotFound404,
            Self::OutOfScopeTags404,
            Self::NoLicence400,
            Self::MalformedJson,
            Self::IgnoreFilter,
            Self::PageFails { page: 2 },
            Self::ForeignNextLink,
            Self::BadNextLink,
            Self::LoginError {
                error: "invalid_grant".to_owned(),
                code: 700_082,
                suberror: None,
                description: None,
                status: None,
                claims: None,
            },
        ]
    }

    /// Returns the name of the kind in JSON, such as `role_denied_403`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::TooManyRequests { .. } => "too_many_requests",
            Self::Status { .. } => "status",
            Self::Intermediary { .. } => "intermediary",
            Self::ResetBefore => "reset_before",
            Self::ResetAfter => "reset_after",
            Self::Slow { .. } => "slow",
            Self::ExpiredToken => "expired_token",
            Self::ClaimsChallenge => "claims_challenge",
            Self::RoleDenied403 => "role_denied_403",
            Self::RoleDenied401 => "role_denied_401",
            Self::MissingScope403 => "missing_scope_403",
            Self::MissingRoute => "missing_route",
            Self::NotFound404 => "not_found_404",
            Self::OutOfScopeTags404 => "out_of_scope_tags_404",
            Self::NoLicence400 => "no_licence_400",
            Self::MalformedJson => "malformed_json",
            Self::IgnoreFilter => "ignore_filter",
            Self::PageFails { .. } => "page_fails",
            Self::ForeignNextLink => "foreign_next_link",
            Self::BadNextLink => "bad_next_link",
            Self::LoginError { .. } => "login_error",
        }
    }

    /// Returns whether the fault answers in place of the real thing, in contrast to one that only bends the answer.
    pub(super) fn answers_instead(&self) -> bool {
        !matches!(
            self,
            Self::ResetAfter
                | Self::Slow { .. }
                | Self::IgnoreFilter
                | Self::ForeignNextLink
                | Self::BadNextLink
        )
    }

    /// Returns whether the request is of the sort that this kind can strike. Other requests are not counted.
    pub(super) fn concerns(&self, request: &Request, page: u32) -> bool {
        match self {
            Self::PageFails { page: failing } => *failing == page && request.method == http::Method::GET,
            Self::IgnoreFilter => request.parameter("$filter").is_some(),
            Self::ForeignNextLink | Self::BadNextLink => request.method == http::Method::GET,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_each_leaves_no_kind_out() {
        // Serde knows every kind there is and names them all when it is given none of them.
        let refused = serde_json::from_str::<FaultKind>(r#"{"kind":"meteor"}"#).unwrap_err().to_string();
        let known: Vec<&str> = refused.split('`').skip(3).step_by(2).collect();
        let each = FaultKind::one_of_each();
        assert_eq!(each.iter().map(FaultKind::name).collect::<Vec<_>>(), known);
        for kind in each {
            assert_eq!(serde_json::to_value(&kind).unwrap()["kind"], kind.name());
        }
    }
}

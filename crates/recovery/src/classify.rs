//! From what happened to a request to what may be done next. The engine's first rule lives here and nowhere else.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use unlatch_graph::{ApiError, ApiErrorKind, SendOutcome, TokenError};

use crate::state::ItemReason;

/// Whether a request was executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Execution {
    /// It certainly was not. Only then may it be repeated, and only as `repeat` says.
    NotExecuted {
        /// When the same request may go out again.
        repeat: RepeatWhen,
    },
    /// The service accepted it. That is not the device's outcome.
    Executed,
    /// It may have been. It is never repeated without a person.
    Unconfirmed,
}

/// When a request that was not executed may go out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RepeatWhen {
    /// Not at all: the answer would be the same.
    Never,
    /// After the time the service told, or a backoff where it told none.
    Held(Option<Duration>),
    /// Once, by the direct route: the service does not know the other one.
    Direct,
    /// After a backoff: there was no connection, or no token could be fetched.
    Connected,
    /// At once, the first time: the token was not accepted, and there is a new one.
    Renewed,
    /// After a person signed in again.
    SignedIn,
}

/// What happened, as one exhaustive rule. A status counts only in an answer of Graph's.
///
/// | what happened | execution |
/// |---|---|
/// | any 2xx of Graph's | executed |
/// | an answer that is not Graph's, of whatever status | unconfirmed |
/// | failed before the request was written; no token | not executed, again with a connection or a sign-in |
/// | 429 | not executed, again after Retry-After |
/// | 401 for a token that could be renewed | not executed, again at once, with the new one |
/// | 401 that asks for another sign-in | not executed, again after it |
/// | 4xx that says the route does not exist | not executed, once by the direct route |
/// | any other 4xx, role denials that come as 401 included | not executed, never again |
/// | 408 and 499 (Graph's own front gave up waiting for the service) | unconfirmed |
/// | 5xx, with or without Retry-After | unconfirmed |
/// | any other status | unconfirmed |
/// | timeout, reset or cut answer after the request was written | unconfirmed |
#[must_use]
pub fn classify(outcome: &SendOutcome) -> Execution {
    match outcome {
        SendOutcome::Accepted => Execution::Executed,
        SendOutcome::Lost(_) | SendOutcome::Intermediary { .. } => Execution::Unconfirmed,
        SendOutcome::NotConnected(_) => Execution::NotExecuted { repeat: RepeatWhen::Connected },
        SendOutcome::NoToken(TokenError::Unavailable(_)) => {
            Execution::NotExecuted { repeat: RepeatWhen::Connected }
        }
        SendOutcome::NoToken(TokenError::SignInNeeded { .. }) => {
            Execution::NotExecuted { repeat: RepeatWhen::SignedIn }
        }
        SendOutcome::TokenRenewed { .. } => Execution::NotExecuted { repeat: RepeatWhen::Renewed },
        SendOutcome::Answered { status, error, retry_after } => match status {
            429 => Execution::NotExecuted { repeat: RepeatWhen::Held(*retry_after) },
            408 | 499 => Execution::Unconfirmed,
            400..=498 => Execution::NotExecuted { repeat: repeat_after_refusal(error.kind) },
            _ => Execution::Unconfirmed,
        },
    }
}

fn repeat_after_refusal(kind: ApiErrorKind) -> RepeatWhen {
    match kind {
        ApiErrorKind::RouteUnknown => RepeatWhen::Direct,
        ApiErrorKind::Unauthenticated | ApiErrorKind::ClaimsChallenge => RepeatWhen::SignedIn,
        ApiErrorKind::RoleDenied
        | ApiErrorKind::MissingScope
        | ApiErrorKind::OutOfScopeTags
        | ApiErrorKind::NoLicence
        | ApiErrorKind::NotFound
        | ApiErrorKind::BadRequest
        | ApiErrorKind::Throttled
        | ApiErrorKind::Service
        | ApiErrorKind::Other => RepeatWhen::Never,
    }
}

/// Why Graph refused, in the words of an item.
#[must_use]
pub fn refusal(error: &ApiError) -> ItemReason {
    match error.kind {
        ApiErrorKind::RoleDenied => ItemReason::RoleDenied,
        ApiErrorKind::MissingScope => ItemReason::MissingScope,
        ApiErrorKind::OutOfScopeTags => ItemReason::OutOfScopeTags,
        ApiErrorKind::NoLicence => ItemReason::NoLicence,
        ApiErrorKind::NotFound => ItemReason::NotFound,
        ApiErrorKind::BadRequest | ApiErrorKind::RouteUnknown => ItemReason::BadRequest,
        ApiErrorKind::Throttled => ItemReason::Throttled,
        ApiErrorKind::Unauthenticated | ApiErrorKind::ClaimsChallenge => ItemReason::SignInNeeded,
        ApiErrorKind::Service | ApiErrorKind::Other => ItemReason::Other,
    }
}

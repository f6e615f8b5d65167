//! Why a read gave nothing.

use std::time::Duration;

use crate::api_error::ApiError;
use crate::pace::Hold;
use crate::token::TokenError;

/// Why a call has no result. Holds neither a token nor a URL with what was searched for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// Nothing was sent, for the reason given: what was typed or configured cannot be used.
    #[error("{0}")]
    InvalidInput(&'static str),
    /// There is no token to send.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Graph was not reached, or its answer was cut, after every attempt.
    #[error("Microsoft Graph cannot be reached: {0}")]
    Offline(String),
    /// The other side is not trusted, or speaks no TLS.
    #[error("no secure connection to Microsoft Graph: {0}")]
    Tls(String),
    /// Graph answered with an error.
    #[error(transparent)]
    Api(ApiError),
    /// An intermediary answered in Graph's place, such as a proxy. That says nothing about the session, the account or the device.
    #[error("something between Unlatch and Microsoft Graph answered with {status} (a proxy or gateway)")]
    Intermediary {
        /// HTTP status of its last answer.
        status: u16,
    },
    /// Graph throttled the request until the attempts ran out.
    #[error("Microsoft Graph is throttling requests")]
    Throttled {
        /// For how long the last answer asked to wait, if it did.
        retry_after: Option<Duration>,
        /// Graph's id of the last answer.
        request_id: Option<String>,
    },
    /// Nothing was sent: Graph asked to wait before, and what is left of that is too long to be sat out.
    #[error("Microsoft Graph asked to wait")]
    Held(Hold),
    /// Graph's answer cannot be understood.
    #[error("Microsoft Graph's answer cannot be understood: {what}")]
    BadAnswer {
        /// What is wrong with it; never a piece of the answer itself.
        what: String,
        /// Graph's id of the answer.
        request_id: Option<String>,
    },
    /// A page points to the next one on another host or above the configured address; it was not followed.
    #[error("a list continues at an address that is not Microsoft Graph's")]
    ForeignLink,
}

impl Error {
    /// Graph's id of the answer that failed, for a support case.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Api(error) => error.request_id.as_deref(),
            Self::Throttled { request_id, .. } | Self::BadAnswer { request_id, .. } => request_id.as_deref(),
            _ => None,
        }
    }

    /// Whether the next request of the same kind would fail the same way, so that asking for more rows is idle.
    pub(crate) fn is_general(&self) -> bool {
        use crate::api_error::ApiErrorKind as Kind;
        match self {
            Self::InvalidInput(_)
            | Self::Token(_)
            | Self::Offline(_)
            | Self::Intermediary { .. }
            | Self::Tls(_)
            | Self::Throttled { .. }
            | Self::Held(_)
            | Self::ForeignLink => true,
            Self::Api(error) => matches!(
                error.kind,
                Kind::RoleDenied
                    | Kind::MissingScope
                    | Kind::NoLicence
                    | Kind::Unauthenticated
                    | Kind::ClaimsChallenge
            ),
            Self::BadAnswer { .. } => false,
        }
    }
}

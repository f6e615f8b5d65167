//! Where access tokens come from. This crate knows only the trait; `unlatch-auth` implements it.

use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};

/// A bearer for Microsoft Graph. Debug shows nothing of it.
#[derive(Clone, Debug)]
pub struct AccessToken(SecretString);

impl AccessToken {
    /// Wraps a bearer.
    #[must_use]
    pub fn new(secret: SecretString) -> Self {
        Self(secret)
    }

    /// The bearer itself, for an `Authorization` header and nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for AccessToken {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// A person must sign in; `claims` is what the sign-in must satisfy (JSON, as decoded from the challenge).
    #[error("a sign-in is needed")]
    SignInNeeded {
        /// Claims of a challenge, to be sent with the next sign-in.
        claims: Option<String>,
    },
    /// The token endpoint could not be reached or failed; trying later may help. Holds no secret.
    #[error("no access token: {0}")]
    Unavailable(String),
}

/// Gives bearers for Graph. Implementations hold at most one refresh in flight.
pub trait TokenSource: Send + Sync + 'static {
    /// A bearer that is still good, refreshed beforehand where needed.
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, TokenError>>;

    /// A bearer other than `rejected`, which Graph answered with 401. `claims` is the decoded claims challenge, if there
    /// was one. If another caller has replaced `rejected` already, that newer bearer is returned without a request.
    fn renew<'a>(
        &'a self,
        rejected: &'a AccessToken,
        claims: Option<&'a str>,
    ) -> BoxFuture<'a, Result<AccessToken, TokenError>>;
}

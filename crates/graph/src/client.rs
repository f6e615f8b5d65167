//! The client as the rest of Unlatch sees it.

use std::sync::Arc;

use time::OffsetDateTime;
use url::Url;

use crate::device::Route;
use crate::error::Error;
use crate::id::DeviceId;
use crate::pace::Pace;
use crate::send::Sent;
use crate::token::{TokenError, TokenSource};
use crate::transport::Transport;

/// Tells the time of this machine.
pub type Clock = Arc<dyn Fn() -> OffsetDateTime + Send + Sync>;

/// Microsoft Graph for one signed-in account. Clones share connections, pace and clock.
#[derive(Clone)]
pub struct Client {
    pub(crate) transport: Arc<Transport>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("graph", &self.transport.address.as_str()).finish_non_exhaustive()
    }
}

impl Client {
    /// A client for the Graph at `graph_url` (with its version, such as `https://graph.microsoft.com/v1.0`): https, or
    /// http on loopback. `clock` is this machine's if none is given. No request is sent.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for an address that cannot be used, [`Error::Tls`] if the system's trust store cannot.
    pub fn new(graph_url: &Url, tokens: Arc<dyn TokenSource>, clock: Option<Clock>) -> Result<Self, Error> {
        Self::with_pace(graph_url, tokens, clock, Arc::new(Pace::new()))
    }

    /// As [`Client::new`], sharing the pace of another client of the same cloud and tenant, as after a new sign-in.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with_pace(
        graph_url: &Url,
        tokens: Arc<dyn TokenSource>,
        clock: Option<Clock>,
        pace: Arc<Pace>,
    ) -> Result<Self, Error> {
        let clock = clock.unwrap_or_else(|| Arc::new(OffsetDateTime::now_utc));
        Ok(Self { transport: Arc::new(Transport::new(graph_url, tokens, clock, pace)?) })
    }

    /// The pace of this app in this tenant.
    #[must_use]
    pub fn pace(&self) -> &Pace {
        &self.transport.pace
    }

    /// The pace, to be given to the next client of the same cloud and tenant.
    #[must_use]
    pub fn shared_pace(&self) -> Arc<Pace> {
        Arc::clone(&self.transport.pace)
    }

    /// The service's time: this machine's clock, corrected by the `Date` of the newest answer.
    #[must_use]
    pub fn server_now(&self) -> OffsetDateTime {
        self.transport.server_now()
    }

    /// Has a token at hand: what is asked next does not wait for one.
    ///
    /// # Errors
    /// [`TokenError`] if there is none.
    pub async fn fetch_token(&self) -> Result<(), TokenError> {
        self.transport.tokens.token().await.map(drop)
    }

    /// Sends `recoverPasscode` once. The caller holds a [`Pace::write_turn`] until it is over.
    ///
    /// It is never repeated here. After a 401 for a token that is not accepted a new token is fetched
    /// ([`SendOutcome::TokenRenewed`](crate::SendOutcome::TokenRenewed)), a 429 holds the pace; whether to send again is the
    /// caller's to decide.
    pub async fn recover_passcode(&self, route: &Route, device: &DeviceId) -> Sent {
        self.transport.recover_passcode(route, device).await
    }
}

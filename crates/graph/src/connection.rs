//! Connections to Graph: one client for reads, one for writes, and how a connection that has gone silent is noticed.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::address::Address;
use crate::error::Error;
use crate::failure::Failure;

const USER_AGENT: &str = concat!("Unlatch/", env!("CARGO_PKG_VERSION"));
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long a request may take, from its first byte to the answer's last. After that it is given up.
pub const REQUEST_LIMIT: Duration = Duration::from_secs(60);
/// How long a connection for reads may be silent before it is asked whether it still lives. After sleep or a change of network
/// the old one stays open, and each read on it would take [`REQUEST_LIMIT`]. A sixth of that is short enough for a person who
/// waits. It asks six times a minute at most.
const PING_AFTER: Duration = Duration::from_secs(10);
/// How long it may take to say so: several times the slowest round trip, by satellite.
const PING_LIMIT: Duration = Duration::from_secs(5);
/// How long a connection for reads is kept without a request on it. A run reads more often than that; a person who comes back
/// from elsewhere gets a new one, which costs a handshake.
const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// How long what was sent may go without the other side's receipt, and how long an idle connection waits before it asks for
/// one. HTTP/1.1 has no ping, so there the operating system has to notice.
const RECEIPT_LIMIT: Duration = Duration::from_secs(20);

/// How long connections and requests may take. Tests have shorter ones.
#[derive(Clone)]
pub(crate) struct Limits {
    pub(crate) request: Duration,
    pub(crate) ping_after: Duration,
    pub(crate) ping: Duration,
    /// The one certificate that is trusted.
    #[cfg(test)]
    pub(crate) trusted: Option<reqwest::Certificate>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request: REQUEST_LIMIT,
            ping_after: PING_AFTER,
            ping: PING_LIMIT,
            #[cfg(test)]
            trusted: None,
        }
    }
}

/// The client for reads, and which of several it is.
#[derive(Clone)]
pub(crate) struct Reader {
    pub(crate) client: reqwest::Client,
    generation: u64,
}

/// The connections to one Graph.
pub(crate) struct Connections {
    /// A connection that was left idle may be dead without this side knowing. The doubt that leaves after a write is worth a
    /// handshake for each, so none is kept.
    pub(crate) writes: reqwest::Client,
    reads: Mutex<Reader>,
    is_https: bool,
    limits: Limits,
}

impl Connections {
    /// Returns the connections to `address`, none of them open yet.
    ///
    /// # Errors
    /// [`Error::Tls`] if the system's trust store cannot be used.
    pub(crate) fn new(address: &Address, limits: Limits) -> Result<Self, Error> {
        let is_https = address.is_https();
        let reads = Reader { client: built(reading(is_https, &limits))?, generation: 0 };
        // Without pings: given up sooner, a write would leave doubt sooner and no less.
        let writes = built(builder(is_https, &limits).pool_max_idle_per_host(0))?;
        Ok(Self { writes, reads: Mutex::new(reads), is_https, limits })
    }

    /// Returns the client for reads.
    pub(crate) fn reader(&self) -> Reader {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the client for reads by one without connections, unless another read has done so since `reader` was had.
    pub(crate) fn replace(&self, reader: &Reader) {
        if self.reader().generation != reader.generation {
            return;
        }
        // It was built before, so it can be built again; if not, the old one goes on.
        let Ok(client) = built(reading(self.is_https, &self.limits)) else { return };
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        if reads.generation == reader.generation {
            *reads = Reader { client, generation: reader.generation + 1 };
        }
    }
}

fn built(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Error> {
    builder.build().map_err(|error| Error::Tls(Failure::read(error).into_text()))
}

/// Returns the builder of a client whose connections are asked whether they live.
fn reading(is_https: bool, limits: &Limits) -> reqwest::ClientBuilder {
    let builder = builder(is_https, limits)
        .pool_idle_timeout(IDLE_LIMIT)
        .http2_keep_alive_interval(limits.ping_after)
        .http2_keep_alive_timeout(limits.ping)
        .http2_keep_alive_while_idle(true)
        .tcp_keepalive(RECEIPT_LIMIT)
        .tcp_keepalive_interval(PING_LIMIT)
        .tcp_keepalive_retries(2);
    #[cfg(target_os = "linux")]
    let builder = builder.tcp_user_timeout(RECEIPT_LIMIT);
    builder
}

fn builder(is_https: bool, limits: &Limits) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(CONNECT_LIMIT)
        .timeout(limits.request)
        .user_agent(USER_AGENT);
    #[cfg(test)]
    if let Some(trusted) = &limits.trusted {
        return builder.https_only(true).no_proxy().tls_certs_only([trusted.clone()]);
    }
    if is_https {
        builder.https_only(true)
    } else {
        // Loopback: no proxy on the way, and no need for a trust store, which a bare machine may lack.
        builder.no_proxy().tls_certs_only(std::iter::empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_that_fail_together_replace_their_client_once() {
        let address = Address::new(&url::Url::parse("http://127.0.0.1:9/v1.0").unwrap()).unwrap();
        let connections = Connections::new(&address, Limits::default()).unwrap();
        let (one, other) = (connections.reader(), connections.reader());
        connections.replace(&one);
        connections.replace(&other);
        assert_eq!(connections.reader().generation, 1);
        connections.replace(&connections.reader());
        assert_eq!(connections.reader().generation, 2);
    }
}

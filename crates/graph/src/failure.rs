//! Why a request has no answer of Graph's.

use std::error::Error as StdError;

use crate::error::Error;

/// Why there is no answer. The texts hold no URL.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No connection was had, so nothing was written.
    NotConnected(String),
    /// The other side is not trusted or speaks no TLS. `written`: whether that came after the connection stood.
    Tls { text: String, written: bool },
    /// The connection broke, or the answer was cut.
    Broken(String),
    /// The answer did not come in time, or the connection has gone silent.
    TimedOut(String),
    /// The answer is longer than any page. Holds its request id.
    TooLong(Option<String>),
    /// An intermediary answered, with this status.
    Intermediary(u16),
}

impl Failure {
    pub(crate) fn read(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let connecting = error.is_connect() || error.is_builder();
        let mut deepest: &(dyn StdError + 'static) = &error;
        let mut tls = None;
        loop {
            if let Some(found) = deepest.downcast_ref::<rustls::Error>() {
                tls = Some(found.to_string());
            }
            // An io::Error's source skips the error it wraps.
            let wrapped = deepest
                .downcast_ref::<std::io::Error>()
                .and_then(|io| io.get_ref())
                .map(|inner| inner as &(dyn StdError + 'static));
            match wrapped.or_else(|| deepest.source()) {
                Some(next) => deepest = next,
                None => break,
            }
        }
        let text: String = deepest.to_string().chars().take(300).collect();
        match tls {
            Some(text) => Self::Tls { text, written: !connecting },
            None if connecting => Self::NotConnected(text),
            None if error.is_timeout() => Self::TimedOut(text),
            None => Self::Broken(text),
        }
    }

    /// Returns whether the service cannot have read anything of the request.
    pub(crate) fn before_the_request(&self) -> bool {
        matches!(self, Self::NotConnected(_) | Self::Tls { written: false, .. })
    }

    /// Returns whether the same read may succeed in a moment. An intermediary that cannot reach Graph says so with 502, 503 or 504
    /// (RFC 9110, section 15.6).
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::NotConnected(_) | Self::Broken(_) | Self::Intermediary(502..=504))
    }

    pub(crate) fn text(&self) -> &str {
        match self {
            Self::NotConnected(text) | Self::Tls { text, .. } | Self::Broken(text) | Self::TimedOut(text) => {
                text
            }
            Self::TooLong(_) => "the answer is too long",
            Self::Intermediary(_) => "an intermediary answered",
        }
    }

    pub(crate) fn into_text(self) -> String {
        self.text().to_owned()
    }

    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Tls { text, .. } => Error::Tls(text),
            Self::Intermediary(status) => Error::Intermediary { status },
            Self::TooLong(request_id) => Error::BadAnswer { what: "it is too long".to_owned(), request_id },
            other => Error::Offline(other.into_text()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;
    use url::Url;

    use super::*;
    use crate::address::Address;
    use crate::connection::{Connections, Limits};

    #[tokio::test]
    async fn an_answer_that_does_not_come_leaves_doubt_and_is_not_asked_for_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1.0/secret-path", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
        });
        let address = Address::new(&Url::parse(&url).unwrap()).unwrap();
        let limits = Limits { request: Duration::from_millis(100), ..Limits::default() };
        let connections = Connections::new(&address, limits).unwrap();
        let failure = Failure::read(connections.writes.post(url).send().await.unwrap_err());
        assert!(matches!(failure, Failure::TimedOut(_)), "{failure:?}");
        assert!(!failure.before_the_request() && !failure.may_pass());
        assert!(!format!("{failure:?}").contains("secret-path"));
    }
}

//! HTTP to the login host, and what can go wrong with it.

use std::error::Error as _;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::BoxFuture;
use http::header::DATE;
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use unlatch_graph::is_loopback;
use url::Url;
use uuid::Uuid;

use crate::entra_error::EntraError;

/// More than any answer of a login host holds, in bytes.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// Why a request to the login host gave nothing. Holds no secret.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Failure {
    /// Entra refused, and will refuse again.
    #[error("{0}")]
    Refused(Box<EntraError>),
    /// Entra is busy or broken; later may help.
    #[error("{0}")]
    Busy(Box<EntraError>),
    /// The host cannot be reached or the connection broke.
    #[error("{0}")]
    Offline(String),
    /// The connection is not safe.
    #[error("{0}")]
    Tls(String),
    /// The tenant's endpoints are on another host: it lives in another cloud.
    #[error("the tenant signs in on {0}")]
    OtherHost(String),
    /// The answer is not what the protocol says.
    #[error("{0}")]
    BadAnswer(String),
}

/// A client for one login host: it follows no redirect, repeats nothing, and gives up in time.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    client: reqwest::Client,
}

impl Wire {
    pub(crate) fn new(login_url: &Url) -> Result<Self, Failure> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("Unlatch/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .https_only(login_url.scheme() == "https")
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(Duration::from_secs(20))
            .timeout(Duration::from_secs(30))
            .pool_idle_timeout(Duration::from_secs(20));
        if is_loopback(login_url) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| Failure::Tls(chain(error)))?;
        Ok(Self { client })
    }

    /// Sends one request and reads its whole answer, whatever its status.
    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Failure> {
        let mut request: reqwest::Request =
            request.try_into().map_err(|error: reqwest::Error| Failure::BadAnswer(chain(error)))?;
        if let Ok(id) = Uuid::new_v4().to_string().parse() {
            request.headers_mut().insert("client-request-id", id);
        }
        let mut answer = self.client.execute(request).await.map_err(unreachable)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                return Err(Failure::BadAnswer("the login host sent an answer that is far too large".into()));
            }
            body.extend_from_slice(&chunk);
        }
        let mut whole = HttpResponse::new(body);
        *whole.status_mut() = answer.status();
        *whole.headers_mut() = answer.headers().clone();
        Ok(whole)
    }
}

/// One token request: it turns a busy answer into its own failure and remembers the server's clock.
pub(crate) struct Exchange<'a> {
    wire: &'a Wire,
    served_at: Mutex<Option<OffsetDateTime>>,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(wire: &'a Wire) -> Self {
        Self { wire, served_at: Mutex::new(None) }
    }

    /// The `Date` of the answer.
    pub(crate) fn served_at(&self) -> Option<OffsetDateTime> {
        self.served_at.lock().ok().and_then(|date| *date)
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Failure> {
        let answer = self.wire.send(request).await?;
        if let Ok(mut served_at) = self.served_at.lock() {
            *served_at = date_of(&answer);
        }
        busy(&answer).map_or(Ok(answer), Err)
    }
}

impl<'c> AsyncHttpClient<'c> for Exchange<'_> {
    type Error = Failure;
    type Future = BoxFuture<'c, Result<HttpResponse, Failure>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

/// The failure that a 429 or 5xx stands for.
pub(crate) fn busy(answer: &HttpResponse) -> Option<Failure> {
    let status = answer.status();
    if status.as_u16() != 429 && !status.is_server_error() {
        return None;
    }
    let told = EntraError::from_body(answer.body());
    let error = told.unwrap_or_else(|| {
        let description = format!("the sign-in service answered {}", status.as_u16());
        EntraError::from_redirect("temporarily_unavailable", None, Some(&description))
    });
    Some(Failure::Busy(Box::new(error)))
}

fn date_of(answer: &HttpResponse) -> Option<OffsetDateTime> {
    let text = answer.headers().get(DATE)?.to_str().ok()?;
    OffsetDateTime::parse(text, &Rfc2822).ok()
}

fn unreachable(error: reqwest::Error) -> Failure {
    let text = chain(error);
    let lower = text.to_ascii_lowercase();
    let unsafe_connection =
        ["certificate", "tls", "handshake", "corrupt message", "ssl"].iter().any(|word| lower.contains(word));
    if unsafe_connection { Failure::Tls(text) } else { Failure::Offline(text) }
}

/// The error and its causes on one line, without the address, which may hold what it should not.
fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

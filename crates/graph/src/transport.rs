//! Requests to Graph: the headers of each, and when a read is asked again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use url::Url;
use uuid::Uuid;

use crate::address::Address;
use crate::answer::{Answer, LONGEST_ERROR, LONGEST_PAGE, fresh_id, read_body};
use crate::api_error::{ApiError, ApiErrorKind};
use crate::challenge;
use crate::client::Clock;
use crate::connection::{Connections, Limits, Reader};
use crate::error::Error;
use crate::failure::Failure;
use crate::pace::{Kind, Pace};
use crate::provenance;
use crate::retry_after::{retry_after, server_date};
use crate::token::{AccessToken, TokenSource};

/// How often a read is tried that fails on the way or is answered 503 or 504.
const TRIES: u32 = 3;
/// How often a read is tried that is throttled.
const THROTTLED_TRIES: u32 = 6;
/// A read is not asked, or not asked again, if it would have to wait this long; Microsoft's own SDK does the same.
const TOO_LONG: Duration = Duration::from_secs(180);
/// The wait before the second try at a read that failed on the way; it doubles.
const FIRST_RETRY: Duration = Duration::from_millis(400);

/// What requests need.
pub(crate) struct Transport {
    pub(crate) address: Address,
    pub(crate) pace: Arc<Pace>,
    pub(crate) tokens: Arc<dyn TokenSource>,
    clock: Clock,
    /// How far the service's clock is ahead of this machine's.
    ahead: Mutex<time::Duration>,
    pub(crate) connections: Connections,
}

impl Transport {
    pub(crate) fn new(
        graph_url: &Url,
        tokens: Arc<dyn TokenSource>,
        clock: Clock,
        pace: Arc<Pace>,
    ) -> Result<Self, Error> {
        Self::with_limits(graph_url, tokens, clock, pace, Limits::default())
    }

    pub(crate) fn with_limits(
        graph_url: &Url,
        tokens: Arc<dyn TokenSource>,
        clock: Clock,
        pace: Arc<Pace>,
        limits: Limits,
    ) -> Result<Self, Error> {
        let address = Address::new(graph_url)?;
        Ok(Self {
            connections: Connections::new(&address, limits)?,
            address,
            pace,
            tokens,
            clock,
            ahead: Mutex::new(time::Duration::ZERO),
        })
    }

    /// This machine's clock, corrected by the `Date` of Graph's newest answer.
    pub(crate) fn server_now(&self) -> OffsetDateTime {
        let ahead = *self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.clock)();
        now.checked_add(ahead).unwrap_or(now)
    }

    /// Takes note of the service's clock, from an answer of Graph's, and gives it.
    pub(crate) fn note_date(&self, headers: &HeaderMap) -> Option<OffsetDateTime> {
        let date = server_date(headers)?;
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = date - (self.clock)();
        Some(date)
    }

    /// The wait an answer asks for.
    pub(crate) fn wait_asked(&self, headers: &HeaderMap) -> Option<Duration> {
        retry_after(headers, self.server_now())
    }

    /// A request with the headers that every one has.
    fn request(
        &self,
        client: &reqwest::Client,
        method: Method,
        url: Url,
        token: &AccessToken,
        id: Uuid,
    ) -> Option<reqwest::RequestBuilder> {
        let mut bearer = HeaderValue::from_str(&["Bearer ", token.expose()].concat()).ok()?;
        bearer.set_sensitive(true);
        Some(
            client
                .request(method, url)
                .header(AUTHORIZATION, bearer)
                .header(ACCEPT, HeaderValue::from_static("application/json"))
                .header("client-request-id", id.to_string()),
        )
    }

    /// A POST without a body, on a connection of its own. None if the token cannot be a header.
    pub(crate) fn post(&self, url: Url, token: &AccessToken, id: Uuid) -> Option<reqwest::RequestBuilder> {
        let request = self.request(&self.connections.writes, Method::POST, url, token, id)?;
        Some(request.header(http::header::CONTENT_LENGTH, HeaderValue::from_static("0")))
    }

    /// Reads `url` and parses the answer. `path` is how logs call it; `eventual` asks for advanced directory queries.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &'static str,
        url: Url,
        eventual: bool,
    ) -> Result<(T, Answer), Error> {
        let answer = self.read(path, url, eventual).await?;
        match serde_json::from_slice(&answer.body) {
            Ok(value) => Ok((value, answer)),
            // The parser's own words may quote the answer.
            Err(error) => {
                let what = match error.classify() {
                    serde_json::error::Category::Data => "its JSON has another shape than documented",
                    _ => "it is not JSON",
                };
                Err(answer.bad(what))
            }
        }
    }

    async fn read(&self, path: &'static str, url: Url, eventual: bool) -> Result<Answer, Error> {
        let mut tries = Tries::default();
        let mut renewed: Option<AccessToken> = None;
        let mut has_renewed = false;
        loop {
            self.pace.read_turn_within(TOO_LONG).await.map_err(Error::Held)?;
            let token = match renewed.take() {
                Some(token) => token,
                None => self.tokens.token().await?,
            };
            let reader = self.connections.reader();
            let answer = match self.read_once(&reader, path, url.clone(), eventual, &token).await {
                Ok(answer) => answer,
                Err(Failure::TimedOut(_)) if tries.timed_out() => {
                    // Most likely its connection is dead and nobody has closed it, as after sleep or on another network.
                    self.connections.replace(&reader);
                    continue;
                }
                Err(failure) if failure.may_pass() && tries.failed() => {
                    tokio::time::sleep(tries.pause()).await;
                    continue;
                }
                Err(failure) => return Err(failure.into_error()),
            };
            let status = answer.status;
            if status != StatusCode::TOO_MANY_REQUESTS {
                self.pace.answered(Kind::Read);
            }
            if status.is_success() {
                return Ok(answer);
            }
            let asked = self.wait_asked(&answer.headers);
            let error = ApiError::read(status.as_u16(), &answer.headers, &answer.body);
            match status.as_u16() {
                429 => {
                    self.pace.throttled(Kind::Read, asked);
                    if asked.is_some_and(|wait| wait >= TOO_LONG) || !tries.throttled() {
                        return Err(Error::Throttled { retry_after: asked, request_id: error.request_id });
                    }
                }
                503 | 504 if asked.is_none_or(|wait| wait < TOO_LONG) && tries.failed() => {
                    tokio::time::sleep(asked.unwrap_or_else(|| tries.pause())).await;
                }
                401 | 403 if !has_renewed && asks_for_a_new_token(&error) => {
                    has_renewed = true;
                    let claims = challenge::claims(&answer.headers);
                    renewed = Some(self.tokens.renew(&token, claims.as_deref()).await?);
                }
                _ => return Err(Error::Api(error)),
            }
        }
    }

    pub(crate) async fn read_once(
        &self,
        reader: &Reader,
        path: &'static str,
        url: Url,
        eventual: bool,
        token: &AccessToken,
    ) -> Result<Answer, Failure> {
        let id = fresh_id();
        let mut request = self
            .request(&reader.client, Method::GET, url, token, id)
            .ok_or_else(|| Failure::NotConnected(UNFIT_TOKEN.to_owned()))?;
        if eventual {
            request = request.header("ConsistencyLevel", HeaderValue::from_static("eventual"));
        }
        tracing::trace!(method = "GET", path, client_request_id = %id, "asking");
        let mut response = request.send().await.map_err(|error| {
            let failure = Failure::read(error);
            tracing::debug!(method = "GET", path, client_request_id = %id, failure = failure.text(), "no answer");
            failure
        })?;
        let status = response.status();
        let headers = response.headers().clone();
        tracing::debug!(
            method = "GET",
            path,
            status = status.as_u16(),
            request_id = crate::answer::header_text(&headers, "request-id"),
            client_request_id = %id,
            "answered"
        );
        let is_marked = provenance::is_marked(&headers);
        if status.is_success() && !is_marked {
            return Err(Failure::Intermediary(status.as_u16()));
        }
        let limit = if status.is_success() { LONGEST_PAGE } else { LONGEST_ERROR };
        let (body, whole) = match read_body(&mut response, limit).await {
            Ok(read) => read,
            // Without its body an error that is not marked says nothing.
            Err(_) if !is_marked => return Err(Failure::Intermediary(status.as_u16())),
            Err(error) => return Err(Failure::read(error)),
        };
        if !provenance::is_graphs(status, &headers, &body) {
            return Err(Failure::Intermediary(status.as_u16()));
        }
        self.note_date(&headers);
        if status.is_success() && !whole {
            return Err(Failure::TooLong(crate::answer::header_text(&headers, "request-id")));
        }
        Ok(Answer { status, headers, body })
    }
}

/// What is said of a token that cannot stand in a header.
pub(crate) const UNFIT_TOKEN: &str = "the access token cannot be sent";

/// Whether a new token may help: not where a role denies it, whatever the status.
pub(crate) fn asks_for_a_new_token(error: &ApiError) -> bool {
    matches!(error.kind, ApiErrorKind::Unauthenticated | ApiErrorKind::ClaimsChallenge)
}

/// How often a read was tried, and why again.
#[derive(Default)]
struct Tries {
    failed: u32,
    throttled: u32,
    timed_out: bool,
}

impl Tries {
    /// Counts a failure and gives whether another try is left.
    fn failed(&mut self) -> bool {
        self.failed += 1;
        self.failed < TRIES
    }

    /// Notes a time-out and gives whether another try is left: one, as each may take as long as a request may.
    fn timed_out(&mut self) -> bool {
        !std::mem::replace(&mut self.timed_out, true)
    }

    fn throttled(&mut self) -> bool {
        self.throttled += 1;
        self.throttled < THROTTLED_TRIES
    }

    fn pause(&self) -> Duration {
        (FIRST_RETRY * (1 << self.failed.saturating_sub(1).min(4))).mul_f64(rand::random_range(0.75..1.25))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_that_fails_on_the_way_has_three_tries_and_grows_patient() {
        let mut tries = Tries::default();
        assert!(tries.failed());
        let first = tries.pause();
        assert!(tries.failed() && tries.pause() > first);
        assert!(!tries.failed());
    }
}

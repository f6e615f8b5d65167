//! The one request that changes a device.

use std::time::Duration;

use bytes::Bytes;
use time::OffsetDateTime;
use url::Url;
use uuid::Uuid;

use crate::answer::{LONGEST_ERROR, fresh_id, header_text, read_body};
use crate::api_error::ApiError;
use crate::challenge;
use crate::device::Route;
use crate::failure::Failure;
use crate::id::DeviceId;
use crate::pace::Kind;
use crate::provenance;
use crate::token::{AccessToken, TokenError};
use crate::transport::{Transport, UNFIT_TOKEN, asks_for_a_new_token};

/// What became of one POST.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// The id this side gave the request; Intune's audit log shows it as the correlation id.
    pub client_request_id: Uuid,
    /// Graph's id of the answer; none of an answer that is not Graph's.
    pub request_id: Option<String>,
    /// The service's clock when Graph answered, to the second.
    pub server_date: Option<OffsetDateTime>,
    /// How it ended.
    pub outcome: SendOutcome,
}

/// How one POST ended.
#[derive(Debug, Clone, PartialEq)]
pub enum SendOutcome {
    /// Graph accepted it: 204, or any other 2xx, and the answer is Graph's. The device has not been heard of.
    Accepted,
    /// Graph answered with any other status.
    Answered {
        /// HTTP status.
        status: u16,
        /// The answer, unwrapped.
        error: ApiError,
        /// The wait it asked for.
        retry_after: Option<Duration>,
    },
    /// An intermediary answered in Graph's place, such as a proxy. It may have let the request through.
    Intermediary {
        /// HTTP status of its answer.
        status: u16,
    },
    /// It failed before the request was written: certainly nothing was executed. The text holds no URL.
    NotConnected(String),
    /// It failed after that (time-out, reset, cut answer): it may have been executed. The text holds no URL.
    Lost(String),
    /// There is no token; nothing was executed.
    NoToken(TokenError),
    /// Graph did not accept the token (401), so certainly nothing was executed, and there is a new one meanwhile. The next
    /// request goes out with that.
    TokenRenewed {
        /// The answer, unwrapped.
        error: ApiError,
    },
}

impl Transport {
    pub(crate) async fn recover_passcode(&self, route: &Route, device: &DeviceId) -> Sent {
        let (url, path) = self.address.recover_passcode(route, device);
        let token = match self.tokens.token().await {
            Ok(token) => token,
            Err(error) => return Sent::without_answer(fresh_id(), SendOutcome::NoToken(error)),
        };
        let (sent, claims) = self.post_once(path, url, &token).await;
        // A 401 is given before anything is executed. Where a new token may help it is fetched here; whether the request
        // goes out again is the caller's to decide and to record.
        match sent.outcome {
            SendOutcome::Answered { status: 401, error, .. } if asks_for_a_new_token(&error) => {
                let outcome = match self.tokens.renew(&token, claims.as_deref()).await {
                    Ok(_) => SendOutcome::TokenRenewed { error },
                    Err(error) => SendOutcome::NoToken(error),
                };
                Sent { outcome, ..sent }
            }
            outcome => Sent { outcome, ..sent },
        }
    }

    /// One POST, and the claims that its answer asks for.
    async fn post_once(&self, path: &'static str, url: Url, token: &AccessToken) -> (Sent, Option<String>) {
        let id = fresh_id();
        let Some(request) = self.post(url, token, id) else {
            let error = TokenError::Unavailable(UNFIT_TOKEN.to_owned());
            return (Sent::without_answer(id, SendOutcome::NoToken(error)), None);
        };
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                let failure = Failure::read(error);
                let written = !failure.before_the_request();
                tracing::debug!(method = "POST", path, client_request_id = %id, written, failure = failure.text(), "no answer");
                let outcome =
                    if written { SendOutcome::Lost } else { SendOutcome::NotConnected }(failure.into_text());
                return (Sent::without_answer(id, outcome), None);
            }
        };
        let status = response.status();
        let headers = response.headers().clone();
        let request_id = header_text(&headers, "request-id");
        tracing::debug!(
            method = "POST",
            path,
            status = status.as_u16(),
            request_id,
            client_request_id = %id,
            "answered"
        );
        let body = match read_body(&mut response, LONGEST_ERROR).await {
            Ok((body, _)) => body,
            // An error's status stands, whatever becomes of the words that explain it; a success may have been none.
            Err(error) if status.is_success() && provenance::is_marked(&headers) => {
                let lost = SendOutcome::Lost(Failure::read(error).into_text());
                return (Sent::without_answer(id, lost), None);
            }
            Err(_) => Bytes::new(),
        };
        if !provenance::is_graphs(status, &headers, &body) {
            tracing::debug!(method = "POST", path, client_request_id = %id, "the answer is not Graph's");
            let outcome = SendOutcome::Intermediary { status: status.as_u16() };
            return (Sent::without_answer(id, outcome), None);
        }
        let mut sent = Sent {
            client_request_id: id,
            request_id,
            server_date: self.note_date(&headers),
            outcome: SendOutcome::Accepted,
        };
        if status.as_u16() != 429 {
            self.pace.answered(Kind::Write);
        }
        if status.is_success() {
            return (sent, None);
        }
        let error = ApiError::read(status.as_u16(), &headers, &body);
        let retry_after = self.wait_asked(&headers);
        if status.as_u16() == 429 {
            self.pace.throttled(Kind::Write, retry_after);
        }
        sent.request_id = error.request_id.clone();
        sent.outcome = SendOutcome::Answered { status: status.as_u16(), error, retry_after };
        (sent, challenge::claims(&headers))
    }
}

impl Sent {
    fn without_answer(client_request_id: Uuid, outcome: SendOutcome) -> Self {
        Self { client_request_id, request_id: None, server_date: None, outcome }
    }
}

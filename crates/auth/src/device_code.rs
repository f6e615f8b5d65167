//! Signing in with a code that is typed on another device (RFC 8628), for computers without a usable browser. Many tenants
//! block it, so it is offered by hand and never used by itself.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use unlatch_graph::is_loopback;
use url::Url;

use crate::claims::with_capability;
use crate::entra_error::EntraError;
use crate::metadata::Metadata;
use crate::registration::Registration;
use crate::sign_in::{SignInError, SignedIn, tenant_id, who};
use crate::token_endpoint::{self, Issued};
use crate::wire::{Failure, Wire};

/// How long to wait between questions if the service does not say (RFC 8628, 3.2), and what `slow_down` adds (3.5).
const INTERVAL: Duration = Duration::from_secs(5);
/// The longest wait between two questions, however often the service cannot be reached.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);
/// No code is waited for longer than this; Entra's are good for 15 minutes.
const LONGEST_LIFE: Duration = Duration::from_secs(30 * 60);

/// How one sign-in with a code goes.
#[derive(Debug, Clone)]
pub struct DeviceCodeOptions {
    /// Ask for the permission to send the action as well.
    pub privileged: bool,
    /// Claims that a challenge asked for (JSON).
    pub claims: Option<String>,
    /// Ends the wait.
    pub cancel: CancellationToken,
}

/// What a person types where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceCode {
    /// The code to be typed.
    pub user_code: String,
    /// The page it is typed on: https, or http on this machine.
    pub verification_uri: Url,
    /// How long it is good, from now.
    pub expires_in: Duration,
}

/// The answer of the device authorization endpoint (RFC 8628, 3.2).
#[derive(Deserialize)]
pub(crate) struct Answer {
    device_code: SecretString,
    user_code: String,
    verification_uri: Url,
    expires_in: u64,
    interval: Option<u64>,
}

/// Asks for a code, shows it through `show`, and waits until a person has signed in with it somewhere, the code expires, or
/// `cancel` ends the wait.
///
/// # Errors
/// See [`SignInError`]. Nothing is kept when it fails.
pub async fn sign_in_with_device_code(
    registration: &Registration,
    options: DeviceCodeOptions,
    show: impl FnOnce(DeviceCode) + Send,
) -> Result<SignedIn, SignInError> {
    let cancel = options.cancel.clone();
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(SignInError::Cancelled),
        done = steps(registration, options, show) => done,
    }
}

async fn steps(
    registration: &Registration,
    options: DeviceCodeOptions,
    show: impl FnOnce(DeviceCode) + Send,
) -> Result<SignedIn, SignInError> {
    let wire = Wire::new(&registration.cloud.login_url)?;
    let metadata = Metadata::of_tenant(&wire, registration).await?;
    let tenant_id = tenant_id(registration, &metadata)?;
    let endpoint = metadata
        .device_authorization_endpoint
        .clone()
        .ok_or_else(|| SignInError::BadAnswer("the sign-in service offers no sign-in with a code".into()))?;
    let scopes = registration.cloud.scopes(options.privileged);
    let claims = with_capability(options.claims.as_deref());
    let form =
        [("client_id", registration.client_id.as_str()), ("scope", &scopes.join(" ")), ("claims", &claims)];
    let answer: Answer = token_endpoint::post(&wire, &endpoint, &form).await?.0;
    let code = checked(&answer)?;
    let expires = Instant::now() + code.expires_in;
    tracing::info!(seconds = code.expires_in.as_secs(), "waiting for a sign-in with a code");
    show(code);

    let polling =
        Polling { wire: &wire, metadata: &metadata, registration, claims: &claims, scopes: &scopes };
    let interval = answer.interval.map_or(INTERVAL, Duration::from_secs);
    let issued = match timeout_at(expires, polling.until_issued(&answer.device_code, interval)).await {
        Ok(issued) => issued?,
        Err(_) => return Err(SignInError::Refused(Box::new(expired()))),
    };
    let identity = who(registration, &tenant_id, &issued, None)?;
    tracing::info!(tenant = %identity.account.tenant_id, "signed in with a code");
    Ok(SignedIn { identity, issued, metadata })
}

/// What a person is shown must be fit to be shown and typed.
pub(crate) fn checked(answer: &Answer) -> Result<DeviceCode, SignInError> {
    let address = &answer.verification_uri;
    let safe = address.scheme() == "https" || address.scheme() == "http" && is_loopback(address);
    let typed = !answer.user_code.is_empty()
        && answer.user_code.len() <= 32
        && answer.user_code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !safe || !typed {
        return Err(SignInError::BadAnswer("the code, or the page for it, cannot be shown".into()));
    }
    Ok(DeviceCode {
        user_code: answer.user_code.clone(),
        verification_uri: address.clone(),
        expires_in: Duration::from_secs(answer.expires_in).min(LONGEST_LIFE),
    })
}

fn expired() -> EntraError {
    EntraError::from_redirect("expired_token", None, Some("The code has expired."))
}

struct Polling<'a> {
    wire: &'a Wire,
    metadata: &'a Metadata,
    registration: &'a Registration,
    claims: &'a str,
    scopes: &'a [String],
}

impl Polling<'_> {
    async fn until_issued(
        &self,
        device_code: &SecretString,
        interval: Duration,
    ) -> Result<Issued, SignInError> {
        let mut interval = interval.clamp(Duration::from_secs(1), LONGEST_INTERVAL);
        loop {
            sleep(interval).await;
            let form = [
                ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
                ("client_id", &self.registration.client_id),
                ("device_code", device_code.expose_secret()),
                ("claims", self.claims),
            ];
            match token_endpoint::ask(self.wire, &self.metadata.token_endpoint, &form, self.scopes).await {
                Ok(issued) => return Ok(issued),
                Err(Failure::Refused(error)) => match error.error.as_str() {
                    "authorization_pending" => {}
                    "slow_down" => interval = (interval + INTERVAL).min(LONGEST_INTERVAL),
                    _ if error.is_transient() => interval = (interval * 2).min(LONGEST_INTERVAL),
                    _ => return Err(SignInError::from_entra(error)),
                },
                // The person may be done by the time the service can be reached again (RFC 8628, 3.5).
                Err(Failure::Offline(_) | Failure::Busy(_)) => {
                    interval = (interval * 2).min(LONGEST_INTERVAL);
                }
                Err(failure) => return Err(failure.into()),
            }
        }
    }
}

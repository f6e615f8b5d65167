//! What `unlatch-fuzz` looks into: the reading of what Entra, a browser and a keychain give, without any of them. No part of
//! this crate's interface.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use oauth2::{HttpRequest, HttpResponse, RefreshToken};
use secrecy::SecretString;
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use unlatch_graph::AccessToken;
use url::Url;

use crate::account::Account;
use crate::claims;
use crate::cloud::Cloud;
use crate::device_code::{self, DeviceCode};
use crate::entra_error::EntraError;
use crate::id_token::{self, Expected};
use crate::known;
use crate::metadata::Metadata;
use crate::redirect::{Answer, ClosingPage, Gate, Patience, serve_one};
use crate::registration::Registration;
use crate::token_endpoint;
use crate::vault::entries::{Entries as _, Memory};
use crate::vault::parts;
use crate::wire::{Failure, busy};

/// The claims that a sign-in asks for after a challenge.
#[must_use]
pub fn claims_asked(challenge: &str) -> String {
    claims::with_capability(Some(challenge))
}

/// What a token endpoint issued.
pub struct Issued {
    /// The access token.
    pub access: AccessToken,
    /// How long it is good for.
    pub lifetime: Duration,
    /// Whether it may send the action.
    pub privileged: bool,
    /// The refresh token and the id token.
    pub secrets: [Option<SecretString>; 2],
}

/// Why an answer is none: all that is ever shown of it, and what Entra said.
pub struct Refused {
    /// Debug and Display of the failure.
    pub shown: String,
    /// What Entra said.
    pub entra: Option<Box<EntraError>>,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        let shown = format!("{failure:?} {failure}");
        let entra = match failure {
            Failure::Refused(error) | Failure::Busy(error) => Some(error),
            _ => None,
        };
        Self { shown, entra }
    }
}

/// What is made of a token endpoint's answer to a refresh.
///
/// # Errors
/// [`Refused`], if it issues nothing.
pub fn token_answer(answer: &HttpResponse, scopes: &[String]) -> Result<Issued, Refused> {
    let cloud = Cloud::global();
    let metadata = Metadata {
        issuer: String::new(),
        authorization_endpoint: cloud.login_url.clone(),
        token_endpoint: cloud.login_url.clone(),
        device_authorization_endpoint: None,
        end_session_endpoint: None,
        tenant_id: None,
    };
    let registration = Registration { cloud, tenant: String::new(), client_id: String::new() };
    let client = token_endpoint::client(&registration, &metadata);
    let send = |_: HttpRequest| ready(busy(answer).map_or_else(|| Ok(answer.clone()), Err));
    let token = RefreshToken::new("kept".to_owned());
    let answered = client.exchange_refresh_token(&token).request_async(&send).now_or_never();
    let nothing = || Failure::BadAnswer("an answer that is there is waited for".to_owned());
    let answer = answered.ok_or_else(nothing)?.map_err(token_endpoint::failure)?;
    let issued = token_endpoint::issued(answer, None, scopes)?;
    Ok(Issued {
        access: issued.access,
        lifetime: issued.lifetime,
        privileged: issued.privileged,
        secrets: [issued.refresh, issued.id_token],
    })
}

/// A refusal that came through the browser.
#[must_use]
pub fn refusal(error: &str, subcode: Option<&str>, description: Option<&str>) -> EntraError {
    EntraError::from_redirect(error, subcode, description)
}

/// The addresses in a tenant's OpenID metadata, and the tenant that it names.
#[must_use]
pub fn metadata(body: &[u8], login_url: &Url, tenant: &str) -> Option<(Vec<Url>, Option<String>)> {
    let read = Metadata::read(body, login_url, tenant).ok()?;
    let offered = [read.device_authorization_endpoint, read.end_session_endpoint];
    let addresses = [read.authorization_endpoint, read.token_endpoint].into_iter();
    Some((addresses.chain(offered.into_iter().flatten()).collect(), read.tenant_id))
}

/// The code that a person would be shown.
#[must_use]
pub fn device_code(body: &[u8]) -> Option<DeviceCode> {
    device_code::checked(&serde_json::from_slice(body).ok()?).ok()
}

/// Whom an id token is about.
///
/// # Errors
/// What is wrong with it.
pub fn identity(
    id_token: &str,
    client_id: &str,
    nonce: Option<&str>,
    now: OffsetDateTime,
) -> Result<Account, &'static str> {
    id_token::identity(id_token, &Expected { client_id, nonce, now }).map(|identity| identity.account)
}

/// What a keychain with these entries gives for a key, and what it gives after `after` was kept under that key, and after it
/// was deleted.
#[must_use]
pub fn kept(entries: &[(String, Vec<u8>)], key: &str, after: &SecretString) -> [Option<SecretString>; 3] {
    let memory = Memory::default();
    for (name, value) in entries {
        let _ = memory.set(name, value);
    }
    let load = || parts::load(&memory, key).ok().flatten();
    let before = load();
    let replaced = parts::store(&memory, key, after).ok().and_then(|()| load());
    let deleted = parts::delete(&memory, key).ok().and_then(|()| load());
    [before, replaced, deleted]
}

/// How many accounts a kept list names.
#[must_use]
pub fn known_accounts(list: &str) -> usize {
    known::read(Some(list.into())).accounts.len()
}

/// What came through the browser.
pub enum Through {
    /// A code.
    Code(SecretString),
    /// A refusal.
    Refusal(EntraError),
}

/// Gives what each connection says to the port of a sign-in, one after the other, and the answer after each, if there is one by
/// then. Gives too what each was told.
pub async fn redirect(
    port: u16,
    state: &str,
    issuer: &str,
    connections: &[&[u8]],
) -> Vec<(Option<Through>, Vec<u8>)> {
    let page = ClosingPage { title: "Done".into(), text: "Close this window.".into(), lang: "en".into() };
    let (sender, mut answer) = oneshot::channel();
    let gate = Arc::new(Gate::new(port, state, issuer, &page, sender));
    let mut heard = Vec::new();
    for said in connections {
        let (mut browser, served) = tokio::io::duplex(said.len().max(64 * 1024));
        let _ = browser.write_all(said).await;
        tokio::select! {
            biased;
            () = serve_one(served, Arc::clone(&gate), Patience::default()) => {}
            // By then it waits for more than was said.
            () = turns(50) => {}
        }
        let mut told = Vec::new();
        let _ = browser.read_to_end(&mut told).await;
        let through = answer.try_recv().ok().map(|answer| match answer {
            Answer::Code(code) => Through::Code(code),
            Answer::Error { error, subcode, description } => {
                Through::Refusal(refusal(&error, subcode.as_deref(), description.as_deref()))
            }
        });
        heard.push((through, told));
    }
    heard
}

async fn turns(many: usize) {
    for _ in 0..many {
        yield_now().await;
    }
}

//! Signing in: authorization code with PKCE (S256) in the system browser.

use std::fmt;
use std::time::Duration;

use oauth2::{CsrfToken, PkceCodeChallenge, RedirectUrl, Scope};
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::account::Account;
use crate::claims::with_capability;
use crate::entra_error::EntraError;
use crate::id_token::{self, Expected, Identity, PERSONAL_TENANT};
use crate::metadata::Metadata;
use crate::redirect::{Answer, ClosingPage, Redirect};
use crate::registration::Registration;
use crate::token_endpoint::{self, EntraClient, Issued};
use crate::wire::{Failure, Wire};

/// Opens an address where the person signs in.
pub trait Browser: Send + Sync {
    /// Returns as soon as the address is handed over.
    ///
    /// # Errors
    /// Why there is no browser, in words.
    fn open(&self, url: &Url) -> Result<(), String>;
}

/// How one sign-in goes.
#[derive(Debug, Clone)]
pub struct SignInOptions {
    /// From start to tokens.
    pub time_limit: Duration,
    /// The user name of the account that should sign in again. Without one the person chooses an account.
    pub login_hint: Option<String>,
    /// Have the account of the hint prove itself, although the browser may know it.
    pub afresh: bool,
    /// Claims that a challenge asked for (JSON).
    pub claims: Option<String>,
    /// Ask for the permission to send the action as well. Without it, searching can be approved and used.
    pub privileged: bool,
    /// The page the browser shows when it is done.
    pub closing_page: ClosingPage,
    /// Ends the wait.
    pub cancel: CancellationToken,
}

/// Why nobody signed in. No variant holds a code or a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The person gave up, here or in the browser.
    #[error("the sign-in was cancelled")]
    Cancelled,
    /// Nothing came back in time.
    #[error("the sign-in took too long")]
    TimedOut,
    /// No browser opened.
    #[error("no browser could be opened: {0}")]
    NoBrowser(String),
    /// No port could be opened for the answer.
    #[error("no local port could be opened for the sign-in: {0}")]
    Listener(String),
    /// Entra refused.
    #[error("the sign-in was refused: {0}")]
    Refused(Box<EntraError>),
    /// A personal Microsoft account, which Intune does not know.
    #[error("personal Microsoft accounts cannot be used; sign in with a work or school account")]
    PersonalAccount,
    /// The account signed in to another tenant than the configured one.
    #[error("{username} signed in to tenant {found}, not to {expected}")]
    WrongTenant {
        /// The configured tenant's id.
        expected: String,
        /// The tenant the account signed in to.
        found: String,
        /// Who signed in.
        username: String,
    },
    /// The tenant does not exist in this cloud.
    #[error("the tenant was not found: {0}")]
    UnknownTenant(Box<EntraError>),
    /// The tenant's endpoints are on another login host than the configured cloud's.
    #[error("the tenant belongs to another cloud: it signs in on {host}")]
    WrongCloud {
        /// Where the tenant signs in.
        host: String,
    },
    /// The application does not exist in the tenant, or is switched off.
    #[error("the application was not found in the tenant: {0}")]
    UnknownClient(Box<EntraError>),
    /// The login host cannot be reached.
    #[error("the sign-in service cannot be reached: {0}")]
    Offline(String),
    /// The connection to the login host is not safe.
    #[error("the connection to the sign-in service is not safe: {0}")]
    Tls(String),
    /// The login host's answer is not what the protocol says.
    #[error("the sign-in service gave an answer that makes no sense: {0}")]
    BadAnswer(String),
}

impl From<Failure> for SignInError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => Self::from_entra(error),
            Failure::Busy(error) => Self::Refused(error),
            Failure::Offline(text) => Self::Offline(text),
            Failure::Tls(text) => Self::Tls(text),
            Failure::OtherHost(host) => Self::WrongCloud { host },
            Failure::BadAnswer(text) => Self::BadAnswer(text),
        }
    }
}

impl SignInError {
    /// What a refusal means follows its words, never the AADSTS numbers (Microsoft identity platform, error codes).
    pub(crate) fn from_entra(error: Box<EntraError>) -> Self {
        match (error.error.as_str(), error.suberror.as_deref()) {
            ("invalid_tenant", _) => Self::UnknownTenant(error),
            ("unauthorized_client", _) => Self::UnknownClient(error),
            ("access_denied", Some("cancel")) => Self::Cancelled,
            _ => Self::Refused(error),
        }
    }
}

/// An account that just signed in, with its tokens. Make a [`Session`](crate::Session) of it.
pub struct SignedIn {
    pub(crate) identity: Identity,
    pub(crate) issued: Issued,
    pub(crate) metadata: Metadata,
}

impl SignedIn {
    /// Who signed in.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.identity.account
    }

    /// Whether the sign-in may send the action.
    #[must_use]
    pub fn may_send(&self) -> bool {
        self.issued.privileged
    }
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn").field("account", &self.identity.account).finish_non_exhaustive()
    }
}

/// Signs a person in through `browser` and waits for the answer on a port of this machine.
///
/// # Errors
/// See [`SignInError`]. Nothing is kept when it fails.
pub async fn sign_in(
    registration: &Registration,
    browser: &dyn Browser,
    options: SignInOptions,
) -> Result<SignedIn, SignInError> {
    let cancel = options.cancel.clone();
    let time_limit = options.time_limit;
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(SignInError::Cancelled),
        done = tokio::time::timeout(time_limit, steps(registration, browser, options)) => {
            done.unwrap_or(Err(SignInError::TimedOut))
        }
    }
}

async fn steps(
    registration: &Registration,
    browser: &dyn Browser,
    options: SignInOptions,
) -> Result<SignedIn, SignInError> {
    let wire = Wire::new(&registration.cloud.login_url)?;
    let metadata = Metadata::of_tenant(&wire, registration).await?;
    let tenant_id = tenant_id(registration, &metadata)?;
    let client = token_endpoint::client(registration, &metadata);

    let state = CsrfToken::new_random();
    let redirect = Redirect::bind(state.secret(), &metadata.issuer, &options.closing_page)
        .await
        .map_err(|error| SignInError::Listener(error.to_string()))?;
    let redirect_url =
        RedirectUrl::new(redirect.url()).map_err(|error| SignInError::Listener(error.to_string()))?;
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let nonce = CsrfToken::new_random();
    let scopes = registration.cloud.scopes(options.privileged);
    let claims = with_capability(options.claims.as_deref());
    let request = Request {
        scopes: &scopes,
        claims: &claims,
        state,
        nonce: nonce.secret(),
        challenge,
        redirect: &redirect_url,
    };
    let url = request.url(&client, options.login_hint.as_deref(), options.afresh);

    browser.open(&url).map_err(SignInError::NoBrowser)?;
    tracing::info!(port = redirect.port(), "waiting for the browser");
    let code = match redirect.answer().await {
        Answer::Code(code) => code,
        Answer::Error { error, subcode, description } => {
            let refused = EntraError::from_redirect(&error, subcode.as_deref(), description.as_deref());
            return Err(SignInError::from_entra(Box::new(refused)));
        }
    };
    let issued =
        token_endpoint::exchange_code(&wire, &client, &code, verifier, &redirect_url, &scopes, &claims)
            .await?;
    let identity = who(registration, &tenant_id, &issued, Some(nonce.secret()))?;
    tracing::info!(tenant = %identity.account.tenant_id, "signed in");
    Ok(SignedIn { identity, issued, metadata })
}

/// What goes into the address that the browser opens.
struct Request<'a> {
    scopes: &'a [String],
    claims: &'a str,
    state: CsrfToken,
    nonce: &'a str,
    challenge: PkceCodeChallenge,
    redirect: &'a RedirectUrl,
}

impl Request<'_> {
    fn url(self, client: &EntraClient, login_hint: Option<&str>, afresh: bool) -> Url {
        let request = client
            .authorize_url(move || self.state)
            .add_scopes(self.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(self.challenge)
            .set_redirect_uri(std::borrow::Cow::Borrowed(self.redirect))
            .add_extra_param("response_mode", "form_post")
            .add_extra_param("nonce", self.nonce)
            .add_extra_param("claims", self.claims);
        // Entra takes either a hint or a choice, not both.
        let request = match login_hint {
            Some(hint) if afresh => {
                request.add_extra_param("login_hint", hint.to_owned()).add_extra_param("prompt", "login")
            }
            Some(hint) => request.add_extra_param("login_hint", hint.to_owned()),
            None => request.add_extra_param("prompt", "select_account"),
        };
        request.url().0
    }
}

/// The id of a registration's tenant: as configured, or as the metadata of its domain tells.
pub(crate) fn tenant_id(registration: &Registration, metadata: &Metadata) -> Result<String, SignInError> {
    let told = registration.tenant_id().or_else(|| metadata.tenant_id.clone());
    told.ok_or_else(|| SignInError::BadAnswer("the tenant's OpenID metadata does not tell its id".into()))
}

/// The id of a tenant that is named by an id or a domain, from its OpenID metadata.
///
/// # Errors
/// [`SignInError::UnknownTenant`], [`SignInError::WrongCloud`], or why the service could not be asked.
pub async fn find_tenant(registration: &Registration) -> Result<String, SignInError> {
    let wire = Wire::new(&registration.cloud.login_url)?;
    tenant_id(registration, &Metadata::of_tenant(&wire, registration).await?)
}

/// Who signed in, and that it is somebody of the tenant that was asked for. A sign-in with a code has no nonce.
pub(crate) fn who(
    registration: &Registration,
    tenant_id: &str,
    issued: &Issued,
    nonce: Option<&str>,
) -> Result<Identity, SignInError> {
    let id_token: &SecretString = issued
        .id_token
        .as_ref()
        .ok_or_else(|| SignInError::BadAnswer("the sign-in service gave no id token".into()))?;
    let expected = Expected {
        client_id: &registration.client_id,
        nonce,
        now: issued.served_at.unwrap_or_else(OffsetDateTime::now_utc),
    };
    let identity = id_token::identity(id_token.expose_secret(), &expected)
        .map_err(|what| SignInError::BadAnswer(what.to_owned()))?;
    let account = &identity.account;
    if account.tenant_id == PERSONAL_TENANT {
        return Err(SignInError::PersonalAccount);
    }
    if account.tenant_id != tenant_id {
        return Err(SignInError::WrongTenant {
            expected: tenant_id.to_owned(),
            found: account.tenant_id.clone(),
            username: account.username.clone(),
        });
    }
    Ok(identity)
}

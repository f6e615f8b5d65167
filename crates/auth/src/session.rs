//! A signed-in account: it gives access tokens and keeps the refresh token.

use std::fmt;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use tokio::sync::{Mutex, OwnedMutexGuard, watch};
use unlatch_graph::{AccessToken, TokenError, TokenSource};

use crate::account::Account;
use crate::entra_error::EntraError;
use crate::id_token::{self, Expected};
use crate::known;
use crate::metadata::Metadata;
use crate::registration::Registration;
use crate::sign_in::SignedIn;
use crate::token_endpoint::{self, Issued};
use crate::vault::{AT_START, Vault, VaultError, VaultKey, VaultState};
use crate::wire::{Failure, Wire};

/// How long before its end an access token counts as used up (as Microsoft's own libraries do).
const EARLY: Duration = Duration::from_secs(5 * 60);

/// Why a session ended: somebody must sign in again.
#[derive(Clone, PartialEq, Eq)]
pub struct SignInNeeded {
    /// What Entra said, unless there was no refresh token to ask with.
    pub error: Option<EntraError>,
    /// What the next sign-in must satisfy (JSON). Not shown by Debug.
    pub claims: Option<String>,
}

impl fmt::Debug for SignInNeeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignInNeeded")
            .field("error", &self.error)
            .field("claims", &self.claims.as_ref().map(|_| "…"))
            .finish()
    }
}

/// Why no session could be restored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// The keychain cannot be read.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// A sign-in was of another account than the session's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("another account signed in")]
pub struct OtherAccount;

/// A signed-in account. Clones share it.
///
/// At most one refresh is in flight, and it runs to its end even if whoever asked has gone, so that a rotated refresh token
/// is never lost. The rotated token is in the keychain before the new access token is handed out.
#[derive(Clone)]
pub struct Session(Arc<Shared>);

struct Shared {
    registration: Registration,
    account: Account,
    vault: Vault,
    key: VaultKey,
    kept: StdMutex<VaultState>,
    ended: watch::Sender<Option<SignInNeeded>>,
    tokens: Arc<Mutex<Tokens>>,
}

struct Tokens {
    access: Option<Held>,
    refresh: Option<SecretString>,
    /// The keychain holds an older refresh token than `refresh`, or none.
    unsaved: bool,
    wire: Option<Wire>,
    metadata: Option<Metadata>,
    /// Set when only a new sign-in helps.
    over: Option<SignInNeeded>,
    last_failure: Option<(Instant, TokenError)>,
}

/// An access token and when it must be replaced. Both clocks count: one stops while the machine sleeps, the other is set
/// by people.
struct Held {
    token: AccessToken,
    until: (Instant, SystemTime),
}

impl Held {
    fn new(token: AccessToken, lifetime: Duration) -> Self {
        let good_for = good_for(lifetime);
        Self { token, until: (Instant::now() + good_for, SystemTime::now() + good_for) }
    }

    fn is_good(&self) -> bool {
        Instant::now() < self.until.0 && SystemTime::now() < self.until.1
    }
}

/// How long a token of that lifetime is used: until 5 minutes before its end, or for half its life if it is a short one.
fn good_for(lifetime: Duration) -> Duration {
    // A day more than the longest that Entra issues; clocks overflow on absurd numbers.
    let lifetime = lifetime.min(Duration::from_secs(52 * 3_600));
    lifetime.saturating_sub(EARLY).max(lifetime / 2)
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("cloud", &self.0.registration.cloud.name)
            .field("account", &self.0.account)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Takes over a fresh sign-in and keeps its refresh token. If the keychain does not take it, the session lives in
    /// memory, and [`kept`](Self::kept) says why.
    pub async fn begin(registration: Registration, vault: Vault, signed_in: SignedIn) -> Self {
        let SignedIn { account, issued, metadata } = signed_in;
        let session = Self::new(registration, account, vault, issued.refresh, Some(metadata));
        {
            let mut tokens = session.0.tokens.lock().await;
            tokens.access = Some(Held::new(issued.access, issued.lifetime));
            tokens.unsaved = tokens.refresh.is_some();
            session.0.save(&mut tokens).await;
        }
        session
    }

    /// Takes over a fresh sign-in of the same account, so that whoever uses this session goes on with it.
    ///
    /// # Errors
    /// [`OtherAccount`] if somebody else signed in; nothing is changed then.
    pub async fn continue_with(&self, signed_in: SignedIn) -> Result<(), OtherAccount> {
        let SignedIn { account, issued, metadata } = signed_in;
        if !self.0.account.is(&account) {
            return Err(OtherAccount);
        }
        let mut tokens = self.0.tokens.lock().await;
        tokens.over = None;
        tokens.last_failure = None;
        tokens.metadata = Some(metadata);
        tokens.access = Some(Held::new(issued.access, issued.lifetime));
        if let Some(refresh) = issued.refresh {
            tokens.refresh = Some(refresh);
            tokens.unsaved = true;
        }
        self.0.save(&mut tokens).await;
        self.0.ended.send_replace(None);
        Ok(())
    }

    /// The session of the account that signed in last with this registration, or none. Sends nothing: whether its refresh
    /// token is still good shows at the first [`token`](TokenSource::token).
    ///
    /// # Errors
    /// When the keychain cannot be read within 5 seconds a call.
    pub async fn restore(registration: Registration, vault: Vault) -> Result<Option<Self>, RestoreError> {
        let Some(account) = known::newest(&vault, &registration, AT_START).await? else { return Ok(None) };
        let key = VaultKey::refresh_token(&registration, &account);
        let Some(refresh) = vault.load_within(&key, AT_START).await? else { return Ok(None) };
        Ok(Some(Self::new(registration, account, vault, Some(refresh), None)))
    }

    fn new(
        registration: Registration,
        account: Account,
        vault: Vault,
        refresh: Option<SecretString>,
        metadata: Option<Metadata>,
    ) -> Self {
        let key = VaultKey::refresh_token(&registration, &account);
        let tokens = Tokens {
            access: None,
            refresh,
            unsaved: false,
            wire: None,
            metadata,
            over: None,
            last_failure: None,
        };
        Self(Arc::new(Shared {
            registration,
            account,
            vault,
            key,
            kept: StdMutex::new(VaultState::Ready),
            ended: watch::Sender::new(None),
            tokens: Arc::new(Mutex::new(tokens)),
        }))
    }

    /// Who is signed in.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.0.account
    }

    /// The registration the account signed in with.
    #[must_use]
    pub fn registration(&self) -> &Registration {
        &self.0.registration
    }

    /// `Ready` while the newest refresh token is in the keychain; otherwise why it is not, and the session ends with the
    /// application.
    #[must_use]
    pub fn kept(&self) -> VaultState {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells when only a new sign-in helps.
    #[must_use]
    pub fn ended(&self) -> watch::Receiver<Option<SignInNeeded>> {
        self.0.ended.subscribe()
    }

    /// Forgets every token and deletes what the keychain holds of this account. The browser's own sign-in stays.
    ///
    /// # Errors
    /// When the keychain could not delete everything; the tokens in memory are gone all the same.
    pub async fn sign_out(&self) -> Result<(), VaultError> {
        let mut tokens = self.0.tokens.lock().await;
        tokens.access = None;
        tokens.refresh = None;
        tokens.unsaved = false;
        tokens.over = Some(SignInNeeded { error: None, claims: None });
        let deleted = self.0.vault.delete(&self.0.key).await;
        let forgotten = known::forget(&self.0.vault, &self.0.registration, &self.0.account).await;
        match deleted.and(forgotten) {
            // What has no keychain has nothing in it.
            Err(VaultError::Absent) => Ok(()),
            result => result,
        }
    }

    /// A token for which `good` holds: the one that is held, or a refreshed one.
    async fn fitting(
        &self,
        claims: Option<&str>,
        good: impl Fn(&Held) -> bool,
    ) -> Result<AccessToken, TokenError> {
        let asked = Instant::now();
        let tokens = Arc::clone(&self.0.tokens).lock_owned().await;
        if let Some(over) = &tokens.over {
            return Err(TokenError::SignInNeeded { claims: over.claims.clone() });
        }
        if let Some(held) = tokens.access.as_ref().filter(|held| good(held)) {
            return Ok(held.token.clone());
        }
        if let Some((at, error)) = &tokens.last_failure
            && *at >= asked
        {
            return Err(error.clone());
        }
        let shared = Arc::clone(&self.0);
        let claims = claims.map(str::to_owned);
        let refresh = tokio::spawn(async move { shared.refresh(tokens, claims.as_deref()).await });
        refresh.await.unwrap_or_else(|_| Err(TokenError::Unavailable("the refresh broke off".into())))
    }
}

impl TokenSource for Session {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, TokenError>> {
        Box::pin(self.fitting(None, Held::is_good))
    }

    fn renew<'a>(
        &'a self,
        rejected: &'a AccessToken,
        claims: Option<&'a str>,
    ) -> BoxFuture<'a, Result<AccessToken, TokenError>> {
        Box::pin(self.fitting(claims, move |held| held.token != *rejected && held.is_good()))
    }
}

impl Shared {
    async fn refresh(
        &self,
        mut tokens: OwnedMutexGuard<Tokens>,
        claims: Option<&str>,
    ) -> Result<AccessToken, TokenError> {
        let error = match self.issue(&mut tokens, claims).await {
            Ok(issued) => {
                if let Some(newer) = issued.refresh {
                    tokens.refresh = Some(newer);
                    tokens.unsaved = true;
                }
                self.save(&mut tokens).await;
                tokens.access = Some(Held::new(issued.access.clone(), issued.lifetime));
                tokens.last_failure = None;
                return Ok(issued.access);
            }
            Err(Stop::Later(text)) => {
                tracing::warn!(reason = text, "no new access token for now");
                TokenError::Unavailable(text)
            }
            Err(Stop::SignIn(error)) => {
                let code = error.as_ref().map(|error| error.error.as_str()).unwrap_or_default();
                tracing::warn!(error = code, "the session has ended: a sign-in is needed");
                let told = error.as_ref().and_then(|error| error.claims.clone());
                let over = SignInNeeded {
                    error: error.map(|error| *error),
                    claims: told.or_else(|| claims.map(str::to_owned)),
                };
                tokens.access = None;
                tokens.over = Some(over.clone());
                let needed = TokenError::SignInNeeded { claims: over.claims.clone() };
                self.ended.send_replace(Some(over));
                needed
            }
        };
        tokens.last_failure = Some((Instant::now(), error.clone()));
        Err(error)
    }

    async fn issue(&self, tokens: &mut Tokens, claims: Option<&str>) -> Result<Issued, Stop> {
        let token = tokens.refresh.clone().ok_or(Stop::SignIn(None))?;
        let login_url = &self.registration.cloud.login_url;
        let wire = match &tokens.wire {
            Some(wire) => wire.clone(),
            None => tokens.wire.insert(Wire::new(login_url)?).clone(),
        };
        // By its id, which stays the account's tenant whatever becomes of a domain.
        let metadata = match &tokens.metadata {
            Some(metadata) => metadata.clone(),
            None => {
                let found = Metadata::fetch(&wire, login_url, &self.account.tenant_id).await?;
                tokens.metadata.insert(found).clone()
            }
        };
        let client = token_endpoint::client(&self.registration, &metadata);
        let scopes = self.registration.cloud.scopes();
        let issued = token_endpoint::refresh(&wire, &client, &token, &scopes, claims).await?;
        self.same_account(&issued)?;
        Ok(issued)
    }

    fn same_account(&self, issued: &Issued) -> Result<(), Stop> {
        let Some(id_token) = &issued.id_token else { return Ok(()) };
        let expected = Expected {
            client_id: &self.registration.client_id,
            nonce: None,
            now: issued.served_at.unwrap_or_else(OffsetDateTime::now_utc),
        };
        let account = id_token::account(id_token.expose_secret(), &expected)
            .map_err(|what| Stop::Later(what.to_owned()))?;
        if self.account.is(&account) {
            Ok(())
        } else {
            Err(Stop::Later("the sign-in service answered for another account".into()))
        }
    }

    /// Brings the keychain up to the newest refresh token, if it is behind.
    async fn save(&self, tokens: &mut Tokens) {
        let Some(refresh) = tokens.refresh.as_ref().filter(|_| tokens.unsaved) else { return };
        let result = match self.vault.store(&self.key, refresh).await {
            Ok(()) => known::remember(&self.vault, &self.registration, &self.account).await,
            Err(error) => Err(error),
        };
        let state = match &result {
            Ok(()) => {
                tokens.unsaved = false;
                VaultState::Ready
            }
            Err(error) => {
                tracing::warn!(%error, "the refresh token is kept in memory only");
                VaultState::from(error)
            }
        };
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

/// Why there is no newer token.
enum Stop {
    /// Only a sign-in helps.
    SignIn(Option<Box<EntraError>>),
    /// Trying later may help.
    Later(String),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) if !error.is_transient() => Self::SignIn(Some(error)),
            failure => Self::Later(failure.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_replaced_five_minutes_before_its_end() {
        assert_eq!(good_for(Duration::from_secs(3_600)), Duration::from_secs(3_300));
        assert_eq!(good_for(Duration::from_secs(28 * 3_600)), Duration::from_secs(28 * 3_600 - 300));
    }

    #[test]
    fn a_short_lived_token_is_used_for_half_its_life() {
        assert_eq!(good_for(Duration::from_secs(60)), Duration::from_secs(30));
        assert_eq!(good_for(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn an_absurd_lifetime_does_not_overflow_the_clocks() {
        let held = Held::new(AccessToken::new("x".into()), Duration::from_secs(u64::MAX));
        assert!(held.is_good());
    }
}

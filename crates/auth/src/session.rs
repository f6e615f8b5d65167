//! A signed-in account: it gives access tokens and keeps the refresh token.

use std::fmt;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use tokio::sync::{Mutex, OwnedMutexGuard, watch};
use unlatch_graph::{AccessToken, TokenError, TokenSource};
use url::Url;

use crate::account::Account;
use crate::claims::with_capability;
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

/// Why the session may not send the action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// It was not consented to; a sign-in that asks for it may help.
    #[error("sending the action was not consented to")]
    ConsentNeeded(Option<Box<EntraError>>),
    /// There is no token at all.
    #[error(transparent)]
    NoToken(#[from] TokenError),
}

/// Why a session stays locked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StillLocked {
    /// The sign-in is not kept in the keychain: only a new sign-in unlocks.
    #[error("the sign-in is not kept in the keychain")]
    NotKept,
    /// The keychain does not give it.
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
    /// What the newest claims challenge, or a refusal, asked for: the next sign-in must satisfy it.
    asked: StdMutex<Option<String>>,
    tokens: Arc<Mutex<Tokens>>,
}

struct Tokens {
    access: Option<Held>,
    refresh: Option<SecretString>,
    /// The keychain holds an older refresh token than `refresh`, or none.
    unsaved: bool,
    /// Tokens are given out only after [`Session::unlock`] or a sign-in.
    locked: bool,
    /// Ask for the permission to send the action with every refresh.
    privileged: bool,
    /// What the newest claims challenge asked for: every later token must satisfy it too.
    claims: Option<String>,
    /// Tells the sign-out page whom it is about.
    logout_hint: Option<String>,
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
    /// It may send the action.
    privileged: bool,
    /// The challenge it was asked for with.
    claims: Option<String>,
}

impl Held {
    fn new(issued: &Issued, claims: Option<String>) -> Self {
        let good_for = good_for(issued.lifetime);
        Self {
            token: issued.access.clone(),
            until: (Instant::now() + good_for, SystemTime::now() + good_for),
            privileged: issued.privileged,
            claims,
        }
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
        let session = Self::new(registration, signed_in.account().clone(), vault, None);
        let mut tokens = session.0.tokens.lock().await;
        session.0.take_over(&mut tokens, signed_in).await;
        drop(tokens);
        session
    }

    /// Takes over a fresh sign-in of the same account, so that whoever uses this session goes on with it.
    ///
    /// # Errors
    /// [`OtherAccount`] if somebody else signed in; nothing is changed then.
    pub async fn continue_with(&self, signed_in: SignedIn) -> Result<(), OtherAccount> {
        if !self.0.account.is(signed_in.account()) {
            return Err(OtherAccount);
        }
        let mut tokens = self.0.tokens.lock().await;
        self.0.take_over(&mut tokens, signed_in).await;
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
        Ok(Some(Self::new(registration, account, vault, Some(refresh))))
    }

    fn new(
        registration: Registration,
        account: Account,
        vault: Vault,
        refresh: Option<SecretString>,
    ) -> Self {
        let key = VaultKey::refresh_token(&registration, &account);
        let tokens = Tokens {
            access: None,
            refresh,
            unsaved: false,
            locked: false,
            privileged: false,
            claims: None,
            logout_hint: None,
            wire: None,
            metadata: None,
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
            asked: StdMutex::default(),
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

    /// The claims (JSON) that the next sign-in must satisfy, if a challenge or a refusal asked for any since the last one.
    #[must_use]
    pub fn asked_claims(&self) -> Option<String> {
        self.0.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes sure that the session may send the action: a token that may is asked for silently where the one that is held may
    /// not. A refusal leaves the session as it is.
    ///
    /// # Errors
    /// [`NotAllowed::ConsentNeeded`] when that was not consented to.
    pub async fn allow_sending(&self) -> Result<(), NotAllowed> {
        let tokens = Arc::clone(&self.0.tokens).lock_owned().await;
        self.0.usable(&tokens)?;
        if tokens.access.as_ref().is_some_and(|held| held.privileged && held.is_good()) {
            return Ok(());
        }
        let shared = Arc::clone(&self.0);
        let widening = tokio::spawn(async move { shared.widen(tokens).await });
        widening.await.unwrap_or_else(|_| Err(broken_off().into()))
    }

    /// Takes every token that the keychain can give back out of memory. None is given out until [`unlock`](Self::unlock) or a
    /// sign-in. A sign-in that the keychain does not hold is gone, and only a new one unlocks.
    pub async fn lock(&self) {
        let mut tokens = self.0.tokens.lock().await;
        tokens.access = None;
        tokens.refresh = None;
        tokens.locked = true;
    }

    /// Takes the refresh token from the keychain again, which opens in the person's own session of the operating system only. A
    /// session that was not locked must be kept there all the same.
    ///
    /// # Errors
    /// When it is not kept there, and then a locked session has ended, or when the keychain does not give it.
    pub async fn unlock(&self) -> Result<(), StillLocked> {
        let mut tokens = self.0.tokens.lock().await;
        let kept = if tokens.unsaved { None } else { self.0.vault.load(&self.0.key).await? };
        let was_locked = std::mem::replace(&mut tokens.locked, false);
        match kept {
            Some(refresh) if was_locked => tokens.refresh = Some(refresh),
            Some(_) => {}
            None => {
                if was_locked {
                    self.0.end(&mut tokens, SignInNeeded { error: None, claims: None });
                }
                return Err(StillLocked::NotKept);
            }
        }
        Ok(())
    }

    /// The page that ends the browser's own sign-in, if the service has one and can be asked (OpenID Connect RP-initiated
    /// logout; Entra takes `logout_hint` to know whose).
    pub async fn sign_out_url(&self) -> Option<Url> {
        let mut tokens = self.0.tokens.lock().await;
        let metadata = self.0.metadata(&mut tokens).await.ok()?;
        let mut url = metadata.end_session_endpoint?;
        let mut query = url.query_pairs_mut();
        query.append_pair("client_id", &self.0.registration.client_id);
        if let Some(hint) = &tokens.logout_hint {
            query.append_pair("logout_hint", hint);
        }
        drop(query);
        Some(url)
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
        let mut tokens = Arc::clone(&self.0.tokens).lock_owned().await;
        self.0.usable(&tokens)?;
        if let Some(held) = tokens.access.as_ref().filter(|held| good(held)) {
            return Ok(held.token.clone());
        }
        if let Some((at, error)) = &tokens.last_failure
            && *at >= asked
        {
            return Err(error.clone());
        }
        if let Some(claims) = claims {
            tokens.claims = Some(claims.to_owned());
            self.0.ask(claims);
        }
        let shared = Arc::clone(&self.0);
        let refresh = tokio::spawn(async move { shared.refresh(tokens).await });
        refresh.await.unwrap_or_else(|_| Err(broken_off()))
    }
}

fn broken_off() -> TokenError {
    TokenError::Unavailable("the refresh broke off".into())
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
        // A token that replaced the rejected one without those claims would be rejected as well.
        let meets = move |held: &Held| claims.is_none() || held.claims.as_deref() == claims;
        Box::pin(self.fitting(claims, move |held| held.token != *rejected && meets(held) && held.is_good()))
    }
}

impl Shared {
    /// Whether tokens may be had at all.
    fn usable(&self, tokens: &Tokens) -> Result<(), TokenError> {
        if let Some(over) = &tokens.over {
            return Err(TokenError::SignInNeeded { claims: over.claims.clone() });
        }
        if tokens.locked { Err(TokenError::Unavailable("the window is locked".into())) } else { Ok(()) }
    }

    fn ask(&self, claims: &str) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(claims.to_owned());
    }

    /// Puts a fresh sign-in in the place of whatever was there.
    async fn take_over(&self, tokens: &mut Tokens, signed_in: SignedIn) {
        let SignedIn { identity, issued, metadata } = signed_in;
        tokens.over = None;
        tokens.locked = false;
        tokens.last_failure = None;
        tokens.claims = None;
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = None;
        tokens.privileged = issued.privileged;
        tokens.logout_hint = identity.logout_hint;
        tokens.metadata = Some(metadata);
        self.hold(tokens, issued).await;
    }

    /// Holds newer tokens; the refresh token is in the keychain before the access token can be given out.
    async fn hold(&self, tokens: &mut Tokens, issued: Issued) {
        tokens.access = Some(Held::new(&issued, tokens.claims.clone()));
        if let Some(newer) = issued.refresh {
            tokens.refresh = Some(newer);
            tokens.unsaved = true;
        }
        self.save(tokens).await;
    }

    async fn refresh(&self, mut tokens: OwnedMutexGuard<Tokens>) -> Result<AccessToken, TokenError> {
        let mut answer = self.issue(&mut tokens).await;
        if tokens.privileged && matches!(&answer, Err(Stop::SignIn(Some(error))) if error.is_about_consent())
        {
            // The consent to sending was taken back; searching goes on.
            tokens.privileged = false;
            answer = self.issue(&mut tokens).await;
        }
        let error = match answer {
            Ok(issued) => {
                let access = issued.access.clone();
                self.hold(&mut tokens, issued).await;
                tokens.last_failure = None;
                return Ok(access);
            }
            Err(Stop::Later(text)) => {
                tracing::warn!("no new access token for now");
                // Entra's words may name the account.
                tracing::debug!(reason = text, "no new access token for now");
                TokenError::Unavailable(text)
            }
            Err(Stop::SignIn(error)) => self.over(&mut tokens, error),
        };
        tokens.last_failure = Some((Instant::now(), error.clone()));
        Err(error)
    }

    /// The service refused to go on without a sign-in.
    fn over(&self, tokens: &mut Tokens, error: Option<Box<EntraError>>) -> TokenError {
        let code = error.as_ref().map(|error| error.error.as_str()).unwrap_or_default();
        tracing::warn!(error = code, "the session has ended: a sign-in is needed");
        let told = error.as_ref().and_then(|error| error.claims.clone());
        let claims = told.or_else(|| tokens.claims.clone());
        self.end(tokens, SignInNeeded { error: error.map(|error| *error), claims: claims.clone() });
        TokenError::SignInNeeded { claims }
    }

    /// Nothing but a sign-in helps from now on.
    fn end(&self, tokens: &mut Tokens, why: SignInNeeded) {
        tokens.access = None;
        if let Some(claims) = &why.claims {
            self.ask(claims);
        }
        tokens.over = Some(why.clone());
        self.ended.send_replace(Some(why));
    }

    /// A refresh that asks for the permission to send the action. If that alone is refused, the session lives on.
    async fn widen(&self, mut tokens: OwnedMutexGuard<Tokens>) -> Result<(), NotAllowed> {
        let before = std::mem::replace(&mut tokens.privileged, true);
        let answer = self.issue(&mut tokens).await;
        tokens.privileged = before;
        match answer {
            Ok(issued) => {
                tokens.privileged = issued.privileged;
                self.hold(&mut tokens, issued).await;
                if tokens.privileged { Ok(()) } else { Err(NotAllowed::ConsentNeeded(None)) }
            }
            Err(Stop::SignIn(Some(error))) if error.is_about_consent() => {
                Err(NotAllowed::ConsentNeeded(Some(error)))
            }
            // It may be refused for what is asked for, or altogether: without it shows which.
            Err(Stop::SignIn(error)) => {
                tokens.privileged = false;
                match self.issue(&mut tokens).await {
                    Ok(issued) => {
                        self.hold(&mut tokens, issued).await;
                        if let Some(claims) = error.as_ref().and_then(|error| error.claims.as_deref()) {
                            self.ask(claims);
                        }
                        Err(NotAllowed::ConsentNeeded(error))
                    }
                    Err(Stop::SignIn(error)) => Err(self.over(&mut tokens, error).into()),
                    Err(Stop::Later(text)) => Err(TokenError::Unavailable(text).into()),
                }
            }
            Err(Stop::Later(text)) => Err(TokenError::Unavailable(text).into()),
        }
    }

    async fn issue(&self, tokens: &mut Tokens) -> Result<Issued, Stop> {
        let token = tokens.refresh.clone().ok_or(Stop::SignIn(None))?;
        let metadata = self.metadata(tokens).await?;
        let wire = self.wire(tokens)?;
        let client = token_endpoint::client(&self.registration, &metadata);
        let scopes = self.registration.cloud.scopes(tokens.privileged);
        let claims = with_capability(tokens.claims.as_deref());
        let issued = token_endpoint::refresh(&wire, &client, &token, &scopes, &claims).await?;
        if let Some(hint) = self.same_account(&issued)? {
            tokens.logout_hint = Some(hint);
        }
        Ok(issued)
    }

    fn wire(&self, tokens: &mut Tokens) -> Result<Wire, Failure> {
        match &tokens.wire {
            Some(wire) => Ok(wire.clone()),
            None => Ok(tokens.wire.insert(Wire::new(&self.registration.cloud.login_url)?).clone()),
        }
    }

    /// The endpoints of the account's tenant, by its id, which stays the tenant whatever becomes of a domain.
    async fn metadata(&self, tokens: &mut Tokens) -> Result<Metadata, Failure> {
        if let Some(metadata) = &tokens.metadata {
            return Ok(metadata.clone());
        }
        let wire = self.wire(tokens)?;
        let login_url = &self.registration.cloud.login_url;
        let found = Metadata::fetch(&wire, login_url, &self.account.tenant_id).await?;
        Ok(tokens.metadata.insert(found).clone())
    }

    /// Checks that the answer is the session's account's. Gives what the sign-out page takes to know it.
    fn same_account(&self, issued: &Issued) -> Result<Option<String>, Stop> {
        let Some(id_token) = &issued.id_token else { return Ok(None) };
        let expected = Expected {
            client_id: &self.registration.client_id,
            nonce: None,
            now: issued.served_at.unwrap_or_else(OffsetDateTime::now_utc),
        };
        let identity = id_token::identity(id_token.expose_secret(), &expected)
            .map_err(|what| Stop::Later(what.to_owned()))?;
        if self.account.is(&identity.account) {
            Ok(identity.logout_hint)
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
        let issued = Issued {
            access: AccessToken::new("x".into()),
            lifetime: Duration::from_secs(u64::MAX),
            refresh: None,
            privileged: false,
            id_token: None,
            served_at: None,
        };
        assert!(Held::new(&issued, None).is_good());
    }
}

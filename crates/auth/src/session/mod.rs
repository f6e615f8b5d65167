//! A signed-in account: it gives access tokens and keeps the refresh token.

mod refresh;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use futures::future::BoxFuture;
use secrecy::SecretString;
use tokio::sync::{Mutex, watch};
use unlatch_graph::{AccessToken, TokenError, TokenSource};
use url::Url;

use crate::account::Account;
use crate::entra_error::EntraError;
use crate::known;
use crate::metadata::Metadata;
use crate::registration::Registration;
use crate::sign_in::SignedIn;
use crate::token_endpoint::Issued;
use crate::vault::{AT_START, Vault, VaultError, VaultKey, VaultState};
use crate::wire::Wire;

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
    /// A sign-in is being taken over: nothing of it is locked away.
    kept_open: AtomicBool,
    /// How often somebody signed in, since this process began.
    sign_ins: AtomicU64,
    tokens: Arc<Mutex<Tokens>>,
}

struct Tokens {
    access: Option<Held>,
    refresh: Option<SecretString>,
    /// The keychain holds an older refresh token than `refresh`, or none.
    unsaved: bool,
    /// The list of accounts in the keychain lacks this one.
    unlisted: bool,
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
            unlisted: false,
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
            kept_open: AtomicBool::new(false),
            sign_ins: AtomicU64::new(0),
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

    /// How often somebody signed in to this session since the process began.
    #[must_use]
    pub fn sign_ins(&self) -> u64 {
        self.0.sign_ins.load(Ordering::Acquire)
    }

    /// Whether [`lock`](Self::lock) does nothing for now: a sign-in is being taken over, and what it opens is not decided yet.
    pub fn keep_open(&self, keep: bool) {
        self.0.kept_open.store(keep, Ordering::Release);
    }

    /// Takes every token that the keychain can give back out of memory. None is given out until [`unlock`](Self::unlock) or a
    /// sign-in. A sign-in that the keychain does not take is gone, and only a new one unlocks. While tokens are being asked for
    /// nothing is done; this is called again then.
    pub async fn lock(&self) {
        let Ok(mut tokens) = self.0.tokens.try_lock() else { return };
        if tokens.locked || self.0.kept_open.load(Ordering::Acquire) {
            return;
        }
        // The keychain may have come back since it last refused.
        self.0.save(&mut tokens).await;
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

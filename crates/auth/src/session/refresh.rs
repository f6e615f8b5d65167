//! How tokens are renewed, held and kept.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Instant;

use secrecy::ExposeSecret as _;
use time::OffsetDateTime;
use tokio::sync::OwnedMutexGuard;
use unlatch_graph::{AccessToken, TokenError};

use super::{Held, NotAllowed, Shared, SignInNeeded, Tokens};
use crate::claims::with_capability;
use crate::entra_error::EntraError;
use crate::id_token::{self, Expected};
use crate::known;
use crate::metadata::Metadata;
use crate::sign_in::SignedIn;
use crate::token_endpoint::{self, Issued};
use crate::vault::{VaultError, VaultState};
use crate::wire::{Failure, Wire};

impl Shared {
    /// Whether tokens may be had at all.
    pub(super) fn usable(&self, tokens: &Tokens) -> Result<(), TokenError> {
        if let Some(over) = &tokens.over {
            return Err(TokenError::SignInNeeded { claims: over.claims.clone() });
        }
        // Whatever waits for a sign-in goes on when the lock is opened.
        if tokens.locked { Err(TokenError::SignInNeeded { claims: None }) } else { Ok(()) }
    }

    pub(super) fn ask(&self, claims: &str) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(claims.to_owned());
    }

    /// Puts a fresh sign-in in the place of whatever was there.
    pub(super) async fn take_over(&self, tokens: &mut Tokens, signed_in: SignedIn) {
        let SignedIn { identity, issued, metadata } = signed_in;
        tokens.over = None;
        tokens.locked = false;
        tokens.last_failure = None;
        tokens.claims = None;
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = None;
        tokens.privileged = issued.privileged;
        tokens.logout_hint = identity.logout_hint;
        tokens.metadata = Some(metadata);
        self.sign_ins.fetch_add(1, Ordering::AcqRel);
        self.hold(tokens, issued).await;
    }

    /// Holds newer tokens; the refresh token is in the keychain before the access token can be given out.
    async fn hold(&self, tokens: &mut Tokens, issued: Issued) {
        tokens.access = Some(Held::new(&issued, tokens.claims.clone()));
        if let Some(newer) = issued.refresh {
            tokens.refresh = Some(newer);
            (tokens.unsaved, tokens.unlisted) = (true, true);
        }
        self.save(tokens).await;
    }

    pub(super) async fn refresh(
        &self,
        mut tokens: OwnedMutexGuard<Tokens>,
    ) -> Result<AccessToken, TokenError> {
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
    pub(super) fn end(&self, tokens: &mut Tokens, why: SignInNeeded) {
        tokens.access = None;
        if let Some(claims) = &why.claims {
            self.ask(claims);
        }
        tokens.over = Some(why.clone());
        self.ended.send_replace(Some(why));
    }

    /// A refresh that asks for the permission to send the action. If that alone is refused, the session lives on.
    pub(super) async fn widen(&self, mut tokens: OwnedMutexGuard<Tokens>) -> Result<(), NotAllowed> {
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
    pub(super) async fn metadata(&self, tokens: &mut Tokens) -> Result<Metadata, Failure> {
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
    pub(super) async fn save(&self, tokens: &mut Tokens) {
        if !(tokens.unsaved || tokens.unlisted) {
            return;
        }
        let result = self.try_to_save(tokens).await;
        let state = match &result {
            Ok(()) => VaultState::Ready,
            Err(error) => {
                tracing::warn!(%error, "the refresh token is kept in memory only");
                VaultState::from(error)
            }
        };
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    async fn try_to_save(&self, tokens: &mut Tokens) -> Result<(), VaultError> {
        let Some(refresh) = &tokens.refresh else { return Ok(()) };
        if tokens.unsaved {
            self.vault.store(&self.key, refresh).await?;
            tokens.unsaved = false;
        }
        known::remember(&self.vault, &self.registration, &self.account).await?;
        tokens.unlisted = false;
        Ok(())
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

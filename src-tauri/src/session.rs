//! Signing in, restoring and signing out, on a place.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use unlatch_auth::{ClosingPage, Registration, Session, SignInOptions, SignedIn};
use unlatch_graph::{Client, TokenError};
use unlatch_recovery::Principal;

use crate::convert;
use crate::error::CommandError;
use crate::place::{Desk, Place};
use crate::runs;
use crate::shown::Shown;

/// How long the browser may take.
const TIME_LIMIT: Duration = Duration::from_secs(5 * 60);

/// How long Graph may take to tell the tenant's name before its id is shown instead.
const NAME_LIMIT: Duration = Duration::from_secs(5);

/// Signs in through the browser. A sign-in that is under way already is ended first. The account that is signed in stays so
/// until another has taken its place; one whose session has ended is asked for first, with the claims that it must satisfy.
///
/// # Errors
/// Why nobody signed in.
pub async fn sign_in(place: &Arc<Place>, language: Option<&str>) -> Result<(), CommandError> {
    let registration = place.registration.clone().ok_or_else(CommandError::no_registration)?;
    let cancel = CancellationToken::new();
    if let Some(older) = place.session().signing_in.replace(cancel.clone()) {
        older.cancel();
    }
    let ended = place.session().desk.as_ref().and_then(|desk| {
        let why = desk.session.ended().borrow().clone();
        why.map(|why| (desk.account.username.clone(), why.claims))
    });
    let (login_hint, claims) = ended.map_or((None, None), |(account, claims)| (Some(account), claims));
    let options = SignInOptions {
        time_limit: TIME_LIMIT,
        login_hint,
        claims,
        closing_page: closing_page(language),
        cancel: cancel.clone(),
    };
    let outcome = match unlatch_auth::sign_in(&registration, place.browser.as_ref(), options).await {
        Ok(signed_in) => take_over(place, &registration, signed_in, &cancel).await,
        Err(error) => Err(error.into()),
    };
    if !cancel.is_cancelled() {
        place.session().signing_in = None;
    }
    let desk = outcome?;
    runs::go_on(place, &desk).await;
    Ok(())
}

/// Puts a fresh sign-in at the desk: the desk that is there if it is the same account's, or a new one.
async fn take_over(
    place: &Place,
    registration: &Registration,
    signed_in: SignedIn,
    cancel: &CancellationToken,
) -> Result<Arc<Desk>, CommandError> {
    if cancel.is_cancelled() {
        return Err(CommandError::sign_in_cancelled());
    }
    let before = place.session().desk.clone();
    if let Some(before) = before.filter(|desk| desk.session.account().is(signed_in.account())) {
        before.session.continue_with(signed_in).await.map_err(CommandError::internal)?;
        let is_there = place.session().desk.as_ref().is_some_and(|desk| Arc::ptr_eq(desk, &before));
        if !is_there {
            forget(&before.session).await;
            return Err(CommandError::sign_in_cancelled());
        }
        return Ok(before);
    }
    let session = Session::begin(registration.clone(), place.vault.clone(), signed_in).await;
    let seated = match desk(place, registration, session.clone()).await {
        Ok(desk) => seat(place, desk, cancel),
        Err(error) => Err(error),
    };
    match seated {
        Ok((desk, before)) => {
            if let Some(before) = before {
                forget(&before.session).await;
            }
            Ok(desk)
        }
        Err(error) => {
            forget(&session).await;
            Err(error)
        }
    }
}

/// Puts a new desk in the place, unless the sign-in was cancelled meanwhile. Gives the desk that stood there, too.
fn seat(
    place: &Place,
    desk: Arc<Desk>,
    cancel: &CancellationToken,
) -> Result<(Arc<Desk>, Option<Arc<Desk>>), CommandError> {
    let mut state = place.session();
    if cancel.is_cancelled() {
        return Err(CommandError::sign_in_cancelled());
    }
    let before = state.desk.replace(desk.clone());
    Ok((desk, before))
}

/// Lets go of a session that no desk holds any more.
async fn forget(session: &Session) {
    if let Err(error) = session.sign_out().await {
        tracing::warn!(%error, "the keychain still holds a sign-in that is no longer used");
    }
}

/// Stops waiting for the browser.
pub fn cancel(place: &Place) {
    if let Some(cancel) = place.session().signing_in.take() {
        cancel.cancel();
    }
}

/// Looks for a kept sign-in. What goes wrong is shown on the sign-in screen.
pub async fn restore(place: &Place) {
    let Some(registration) = place.registration.clone() else { return };
    let outcome = match Session::restore(registration.clone(), place.vault.clone()).await {
        Ok(None) => return,
        Ok(Some(session)) => desk(place, &registration, session).await,
        Err(error) => Err(CommandError::from(error)),
    };
    let desk = {
        let mut state = place.session();
        if state.desk.is_some() || state.signing_in.is_some() {
            return;
        }
        match outcome {
            Ok(desk) => state.desk.insert(desk).clone(),
            Err(problem) => {
                state.problem = Some(problem);
                return;
            }
        }
    };
    runs::go_on(place, &desk).await;
}

/// Signs out: the refresh token leaves the keychain and everything shown is forgotten.
///
/// # Errors
/// When the keychain does not let go of it. The window is signed out all the same, and signing out once more tries again.
pub async fn sign_out(place: &Place) -> Result<(), CommandError> {
    let before = std::mem::take(&mut *place.session());
    if let Some(cancel) = before.signing_in {
        cancel.cancel();
    }
    let Some(session) = before.desk.map(|desk| desk.session.clone()).or(before.leaving) else {
        return Ok(());
    };
    let deleted = session.sign_out().await;
    if deleted.is_err() {
        place.session().leaving = Some(session);
    }
    Ok(deleted?)
}

/// What works on an account's behalf. The tenant's name comes from Graph, if it tells in time.
async fn desk(
    place: &Place,
    registration: &Registration,
    session: Session,
) -> Result<Arc<Desk>, CommandError> {
    let tokens = Arc::new(session.clone());
    let client = Client::with_pace(&registration.cloud.graph_url, tokens, None, place.pace.clone())?;
    let tenant_name = match tokio::time::timeout(NAME_LIMIT, client.organization_name()).await {
        Ok(Ok(name)) => name,
        Ok(Err(error @ unlatch_graph::Error::Token(TokenError::SignInNeeded { .. }))) => {
            return Err(error.into());
        }
        Ok(Err(_)) | Err(_) => None,
    };
    let account = convert::account(session.account(), tenant_name);
    let principal = Principal {
        cloud: registration.cloud.name.to_string(),
        tenant_id: account.tenant_id.clone(),
        tenant_name: account.tenant_name.clone(),
        account: account.username.clone(),
        account_id: session.account().object_id.clone(),
    };
    Ok(Arc::new(Desk { session, client, account, principal, shown: Shown::default() }))
}

/// The page the browser shows at the end.
fn closing_page(language: Option<&str>) -> ClosingPage {
    let (lang, text) = match language {
        Some("es") => {
            ("es", "El inicio de sesión ha terminado. Puede cerrar esta página y volver a Unlatch.")
        }
        _ => ("en", "The sign-in has ended. You can close this page and go back to Unlatch."),
    };
    ClosingPage { title: "Unlatch".to_owned(), text: text.to_owned(), lang: lang.to_owned() }
}

#[cfg(test)]
mod tests {
    use unlatch_auth::{Browser, Cloud, Vault};
    use unlatch_demo_tenant::{DemoTenant, Options};
    use url::Url;

    use super::*;
    use crate::browser::NoBrowserNeeded;
    use crate::dto::Mode;

    /// A browser that nobody answers in.
    struct Silent;

    impl Browser for Silent {
        fn open(&self, _: &Url) -> Result<(), String> {
            Ok(())
        }
    }

    fn place(vault: &Vault, tenant: &Arc<DemoTenant>, browser: Arc<dyn Browser>) -> Arc<Place> {
        let cloud = Cloud::custom(tenant.login_url().clone(), tenant.graph_url().clone()).unwrap();
        let registration = Registration::new(cloud, tenant.tenant_id(), tenant.client_id()).unwrap();
        let engine = Err(CommandError::internal("no journal here"));
        let folder = std::path::PathBuf::new();
        Arc::new(Place::new(Mode::Tenant, Some(registration), vault.clone(), browser, folder, engine))
    }

    async fn tenant() -> Arc<DemoTenant> {
        Arc::new(DemoTenant::start(Options::default()).await.unwrap())
    }

    #[tokio::test]
    async fn a_sign_in_is_kept_and_restored_and_gone_after_signing_out() {
        let (vault, tenant) = (Vault::memory(), tenant().await);
        let first = place(&vault, &tenant, Arc::new(NoBrowserNeeded(tenant.clone())));
        sign_in(&first, None).await.unwrap();
        assert_eq!(first.desk().unwrap().account.username, tenant.admin_upn());

        let second = place(&vault, &tenant, Arc::new(Silent));
        restore(&second).await;
        assert_eq!(second.desk().unwrap().account.username, tenant.admin_upn());
        sign_out(&second).await.unwrap();

        let third = place(&vault, &tenant, Arc::new(Silent));
        restore(&third).await;
        assert!(third.desk().is_err());
    }

    #[tokio::test]
    async fn a_kept_sign_in_is_taken_up_without_a_connection() {
        let (vault, tenant) = (Vault::memory(), tenant().await);
        let first = place(&vault, &tenant, Arc::new(NoBrowserNeeded(tenant.clone())));
        sign_in(&first, None).await.unwrap();
        let tenant_id = tenant.tenant_id().to_owned();

        let second = place(&vault, &tenant, Arc::new(Silent));
        drop((first, tenant));
        restore(&second).await;
        let account = second.desk().unwrap().account.clone();
        assert_eq!(account.tenant_name, tenant_id, "without Graph the tenant goes by its id");
    }

    #[tokio::test]
    async fn a_sign_in_that_entra_ended_is_not_taken_up_and_says_why() {
        let (vault, tenant) = (Vault::memory(), tenant().await);
        let first = place(&vault, &tenant, Arc::new(NoBrowserNeeded(tenant.clone())));
        sign_in(&first, None).await.unwrap();
        tenant.revoke_refresh_tokens();

        let second = place(&vault, &tenant, Arc::new(Silent));
        restore(&second).await;
        assert!(second.desk().is_err());
        let problem = second.session().problem.clone();
        assert_eq!(problem.unwrap().code, crate::error::ErrorCode::SignedOut);
    }

    #[tokio::test]
    async fn signing_in_again_as_the_same_account_keeps_the_desk() {
        let (vault, tenant) = (Vault::memory(), tenant().await);
        let place = place(&vault, &tenant, Arc::new(NoBrowserNeeded(tenant.clone())));
        sign_in(&place, None).await.unwrap();
        let before = place.desk().unwrap();
        sign_in(&place, None).await.unwrap();
        assert!(Arc::ptr_eq(&before, &place.desk().unwrap()));
        sign_out(&place).await.unwrap();
        assert!(before.client.me().await.is_err(), "a session that was signed out must give no token");
    }

    #[tokio::test]
    async fn a_cancelled_sign_in_leaves_the_signed_in_account_where_it_is() {
        let (vault, tenant) = (Vault::memory(), tenant().await);
        let there = place(&vault, &tenant, Arc::new(NoBrowserNeeded(tenant.clone())));
        sign_in(&there, None).await.unwrap();

        let alone = place(&vault, &tenant, Arc::new(Silent));
        restore(&alone).await;
        let (ended, ()) = tokio::join!(sign_in(&alone, None), async {
            while alone.session().signing_in.is_none() {
                tokio::task::yield_now().await;
            }
            cancel(&alone);
        });
        assert_eq!(ended.unwrap_err().code, crate::error::ErrorCode::SignInCancelled);
        assert!(alone.desk().is_ok());
        assert!(alone.session().signing_in.is_none());
    }
}

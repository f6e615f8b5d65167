//! Signing in, restoring and signing out, on a place.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use unlatch_auth::{ClosingPage, Registration, Session, SignInOptions};
use unlatch_graph::Client;
use unlatch_recovery::{Principal, RunState};

use crate::convert;
use crate::error::CommandError;
use crate::state::{Desk, Place, SessionState};

/// How long the browser may take.
const TIME_LIMIT: Duration = Duration::from_secs(5 * 60);

/// How long Graph may take to tell the tenant's name before its id is shown instead.
const NAME_LIMIT: Duration = Duration::from_secs(5);

/// Signs in through the browser. A sign-in that is under way already is ended first.
///
/// # Errors
/// Why nobody is signed in now.
pub async fn sign_in(place: &Arc<Place>, language: Option<&str>) -> Result<(), CommandError> {
    let registration = place.registration.clone().ok_or_else(CommandError::no_registration)?;
    cancel(place);
    let cancel = CancellationToken::new();
    *place.session() = SessionState::SigningIn { cancel: cancel.clone() };
    let result = through_browser(place, registration, language, &cancel).await;
    let desk = {
        let mut state = place.session();
        if cancel.is_cancelled() {
            return Err(CommandError::sign_in_cancelled());
        }
        let desk = match result {
            Ok(desk) => desk,
            Err(error) => {
                *state = SessionState::SignedOut { problem: None };
                return Err(error);
            }
        };
        place.shown.belongs_to(&owner(&desk));
        *state = SessionState::SignedIn(desk.clone());
        desk
    };
    go_on(place, &desk).await;
    Ok(())
}

/// Runs that waited for this account go on.
async fn go_on(place: &Place, desk: &Desk) {
    let Ok(engine) = place.engine() else { return };
    let Ok(runs) = engine.runs(Some(&desk.principal.tenant_id)).await else { return };
    for run in runs.iter().filter(|run| run.state == RunState::SignInNeeded) {
        if let Err(error) = engine.resume(run.header.id, &desk.principal, desk.tenant()).await {
            tracing::warn!(run = %run.header.id, %error, "a waiting run does not go on");
        }
    }
}

async fn through_browser(
    place: &Place,
    registration: Registration,
    language: Option<&str>,
    cancel: &CancellationToken,
) -> Result<Arc<Desk>, CommandError> {
    let options = SignInOptions {
        time_limit: TIME_LIMIT,
        login_hint: None,
        claims: None,
        closing_page: closing_page(language),
        cancel: cancel.clone(),
    };
    let signed_in = unlatch_auth::sign_in(&registration, place.browser.as_ref(), options).await?;
    let session = Session::begin(registration.clone(), place.vault.clone(), signed_in).await;
    desk(place, &registration, session).await
}

/// Stops waiting for the browser.
pub fn cancel(place: &Place) {
    let mut state = place.session();
    if let SessionState::SigningIn { cancel } = &*state {
        cancel.cancel();
        *state = SessionState::SignedOut { problem: None };
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
    *place.session() = match outcome {
        Ok(desk) => {
            place.shown.belongs_to(&owner(&desk));
            SessionState::SignedIn(desk)
        }
        Err(problem) => SessionState::SignedOut { problem: Some(problem) },
    };
}

/// Signs out: the refresh token leaves the keychain and everything shown is forgotten.
///
/// # Errors
/// When the keychain does not let go of it; the window is signed out all the same.
pub async fn sign_out(place: &Place) -> Result<(), CommandError> {
    let before = std::mem::replace(&mut *place.session(), SessionState::SignedOut { problem: None });
    place.shown.clear();
    match before {
        SessionState::SignedIn(desk) => Ok(desk.session.sign_out().await?),
        SessionState::SigningIn { cancel } => {
            cancel.cancel();
            Ok(())
        }
        SessionState::SignedOut { .. } => Ok(()),
    }
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
        Ok(Err(unlatch_graph::Error::Token(error))) => {
            return Err(CommandError::from(unlatch_graph::Error::Token(error)));
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
    Ok(Arc::new(Desk { session, client, account, principal }))
}

/// Cloud, tenant and account, as one key.
fn owner(desk: &Desk) -> String {
    format!("{}/{}/{}", desk.principal.cloud, desk.principal.tenant_id, desk.principal.account_id)
}

/// The page the browser shows at the end.
fn closing_page(language: Option<&str>) -> ClosingPage {
    match language {
        Some("es") => ClosingPage {
            title: "Unlatch".to_owned(),
            text: "El inicio de sesión ha terminado. Puede cerrar esta página y volver a Unlatch.".to_owned(),
            lang: "es".to_owned(),
        },
        _ => ClosingPage {
            title: "Unlatch".to_owned(),
            text: "The sign-in has ended. You can close this page and go back to Unlatch.".to_owned(),
            lang: "en".to_owned(),
        },
    }
}

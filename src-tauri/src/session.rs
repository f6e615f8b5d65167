//! Signing in, restoring and signing out, on a place.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use unlatch_auth::{
    ClosingPage, DeviceCode, DeviceCodeOptions, NotAllowed, Registration, RestoreError, Session, SignInError,
    SignInOptions, SignedIn, VaultError, sign_in_with_device_code,
};
use unlatch_graph::Client;
use unlatch_recovery::Principal;

use crate::convert;
use crate::dto::AccountView;
use crate::error::{CommandError, ErrorCode};
use crate::language::speaks_spanish;
use crate::place::{Desk, Place};
use crate::runs;

/// How long the browser may take.
const TIME_LIMIT: Duration = Duration::from_secs(5 * 60);

/// How long the sign-in service may take to tell where its sign-out page is.
const PAGE_LIMIT: Duration = Duration::from_secs(5);

/// How long Graph may take to tell the tenant's name before its id is shown instead.
const NAME_LIMIT: Duration = Duration::from_secs(5);

/// Signs in through the browser. A sign-in that is under way already is ended first. The account that is signed in stays so
/// until another has taken its place. One whose session has ended is asked for first, with the claims that it must satisfy, and
/// so is one that is to be allowed to send the action (`privileged`).
///
/// # Errors
/// Why nobody signed in.
pub async fn sign_in(
    place: &Arc<Place>,
    privileged: bool,
    language: Option<&str>,
) -> Result<(), CommandError> {
    let (registration, cancel) = begin(place)?;
    let wanted = wanted(place, privileged);
    let options = SignInOptions {
        time_limit: TIME_LIMIT,
        login_hint: wanted.account,
        afresh: wanted.afresh,
        claims: wanted.claims,
        privileged,
        closing_page: closing_page(language),
        cancel: cancel.clone(),
    };
    let signed_in = unlatch_auth::sign_in(&registration, place.browser.as_ref(), options).await;
    end(place, &registration, &cancel, signed_in).await
}

/// Signs in with a code that is typed on another device, which `show` tells. Otherwise as [`sign_in`].
///
/// # Errors
/// Why nobody signed in.
pub async fn sign_in_with_code(
    place: &Arc<Place>,
    privileged: bool,
    show: impl FnOnce(DeviceCode) + Send,
) -> Result<(), CommandError> {
    let (registration, cancel) = begin(place)?;
    let claims = wanted(place, privileged).claims;
    let options = DeviceCodeOptions { privileged, claims, cancel: cancel.clone() };
    let signed_in = sign_in_with_device_code(&registration, options, show).await;
    let ended = end(place, &registration, &cancel, signed_in).await;
    ended.map_err(CommandError::with_code)
}

fn begin(place: &Place) -> Result<(Registration, CancellationToken), CommandError> {
    let registration = place.registration.clone().ok_or_else(CommandError::no_registration)?;
    let cancel = CancellationToken::new();
    if let Some(older) = place.session().signing_in.replace(cancel.clone()) {
        older.cancel();
    }
    Ok((registration, cancel))
}

/// Whom a sign-in is meant for, and what it must satisfy.
#[derive(Default)]
struct Wanted {
    account: Option<String>,
    /// Behind the lock whoever is there has to prove it, whatever the browser remembers.
    afresh: bool,
    claims: Option<String>,
}

fn wanted(place: &Place, privileged: bool) -> Wanted {
    let state = place.session();
    let Some(desk) = &state.desk else { return Wanted::default() };
    let claims = desk.session.asked_claims();
    let again = privileged || state.locked || claims.is_some() || desk.session.ended().borrow().is_some();
    if !again {
        return Wanted::default();
    }
    Wanted { account: Some(desk.account.username.clone()), afresh: state.locked, claims }
}

async fn end(
    place: &Place,
    registration: &Registration,
    cancel: &CancellationToken,
    signed_in: Result<SignedIn, SignInError>,
) -> Result<(), CommandError> {
    let outcome = match signed_in {
        Ok(signed_in) => take_over(place, registration, signed_in, cancel).await,
        Err(error) => Err(error.into()),
    };
    if !cancel.is_cancelled() {
        place.session().signing_in = None;
    }
    outcome.map(drop)
}

/// Makes sure that the account may send the action.
///
/// # Errors
/// `ConsentNeeded` when that was not consented to.
pub async fn allow_sending(desk: &Desk) -> Result<(), CommandError> {
    desk.session.allow_sending().await.map_err(|error| match error {
        NotAllowed::ConsentNeeded(entra) => CommandError::consent_needed(entra.as_deref()),
        NotAllowed::NoToken(error) => unlatch_graph::Error::Token(error).into(),
    })
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
    expect_admitted(place, &signed_in.account().tenant_id)?;
    let before = place.session().desk.clone();
    if let Some(before) = before.filter(|desk| desk.session.account().is(signed_in.account())) {
        // Until `lock::signed_in` decides what the sign-in opens, nothing of it is locked away.
        before.session.keep_open(true);
        if let Err(error) = before.session.continue_with(signed_in).await {
            before.session.keep_open(false);
            return Err(CommandError::internal(error));
        }
        let is_there = place.session().desk.as_ref().is_some_and(|desk| desk.is(&before));
        if !is_there {
            forget(place, &before.session).await;
            return Err(CommandError::sign_in_cancelled());
        }
        if before.is_named {
            return Ok(before);
        }
        return name(place, &before).await.ok_or_else(CommandError::sign_in_cancelled);
    }
    let session = Session::begin(registration.clone(), place.vault.clone(), signed_in).await;
    session.keep_open(true);
    let seated = match desk(place, registration, session.clone()) {
        Ok(desk) => seat(place, Arc::new(with_name(place, desk).await), cancel),
        Err(error) => Err(error),
    };
    match seated {
        Ok((desk, before)) => {
            if let Some(before) = before {
                forget(place, &before.session).await;
            }
            Ok(desk)
        }
        Err(error) => {
            forget(place, &session).await;
            Err(error)
        }
    }
}

/// Checks that policy lets an account of this tenant be here.
///
/// # Errors
/// `Forbidden`.
fn expect_admitted(place: &Place, tenant_id: &str) -> Result<(), CommandError> {
    place.expect_named()?;
    place.expect_allowed(tenant_id)
}

/// Puts a new desk in the place, unless policy does not let it be there or the sign-in was cancelled meanwhile. Gives the desk that stood there, too.
fn seat(
    place: &Place,
    desk: Arc<Desk>,
    cancel: &CancellationToken,
) -> Result<(Arc<Desk>, Option<Arc<Desk>>), CommandError> {
    let mut state = place.session();
    if cancel.is_cancelled() {
        return Err(CommandError::sign_in_cancelled());
    }
    // Policy may have changed while the account signed in. Whoever changes it looks at the desk afterwards.
    expect_admitted(place, &desk.account.tenant_id)?;
    state.problem = None;
    let before = state.desk.replace(desk.clone());
    Ok((desk, before))
}

/// Lets go of a session that no desk holds any more. What the keychain keeps of it all the same goes with the next sign-out.
async fn forget(place: &Place, session: &Session) {
    if let Err(error) = session.sign_out().await {
        tracing::warn!(%error, "the keychain still holds a sign-in that is no longer used");
        place.session().leaving.push(session.clone());
    }
}

/// Stops waiting for the browser.
pub fn cancel(place: &Place) {
    if let Some(cancel) = place.session().signing_in.take() {
        cancel.cancel();
    }
}

/// Looks for a kept sign-in and takes it up. What goes wrong is shown on the sign-in screen; one that Entra has ended is there to
/// be signed in again.
pub async fn restore(place: &Arc<Place>) {
    take_up(place).await;
    settle(place).await;
}

/// The first half of [`restore`], which asks the keychain alone: the account is at its desk, under the name its tenant had last. A
/// sign-in that policy does not allow to be kept, or to be there at all, leaves the keychain.
pub async fn take_up(place: &Place) {
    let Some(registration) = place.registration.clone().filter(|_| !place.is_barred()) else { return };
    if !place.vault.takes() {
        if let Err(error) = forget_kept(place).await {
            tracing::warn!(%error, "the keychain still holds a sign-in that is not to be kept");
        }
        return;
    }
    let outcome = match Session::restore(registration.clone(), place.vault.clone()).await {
        Ok(None) => return,
        Ok(Some(session)) => match place.expect_allowed(&session.account().tenant_id) {
            Ok(()) => desk(place, &registration, session),
            Err(error) => {
                forget(place, &session).await;
                Err(error)
            }
        },
        Err(error) => Err(CommandError::from(error)),
    };
    let (desk, locked) = {
        let mut state = place.session();
        if state.desk.is_some() || state.signing_in.is_some() {
            return;
        }
        match outcome {
            Ok(desk) => (state.desk.insert(Arc::new(desk)).clone(), state.locked),
            Err(problem) => {
                state.problem = Some(problem);
                return;
            }
        }
    };
    // The window was locked while this looked.
    if locked {
        desk.session.lock().await;
    }
}

/// The second half, which asks Entra and Graph: what waited goes on, and the tenant's name is asked for. Gives whether the account
/// is shown otherwise since.
pub async fn settle(place: &Arc<Place>) -> bool {
    let Ok(desk) = place.desk() else { return false };
    if place.is_locked() || place.is_barred() {
        return false;
    }
    runs::go_on(place, &desk).await;
    let named = name(place, &desk).await;
    named.is_some_and(|named| named.account != desk.account) || desk.session.ended().borrow().is_some()
}

/// Looks for a kept sign-in again where the keychain did not give it.
pub async fn restore_after_a_failure(place: &Arc<Place>) {
    let failed = {
        let mut state = place.session();
        let failed = state.desk.is_none()
            && state.signing_in.is_none()
            && state.problem.as_ref().is_some_and(|problem| problem.code == ErrorCode::Keychain);
        if failed {
            state.problem = None;
        }
        failed
    };
    if failed {
        restore(place).await;
    }
}

/// Signs out: the refresh token leaves the keychain and everything shown is forgotten. `browser`: the browser is sent to the
/// page that ends its own sign-in, too.
///
/// # Errors
/// When the keychain does not let go of it, or no browser opens. The window is signed out all the same, and signing out once
/// more tries again.
pub async fn sign_out(place: &Place, browser: bool) -> Result<(), CommandError> {
    let before = std::mem::take(&mut *place.session());
    if let Some(cancel) = before.signing_in {
        cancel.cancel();
    }
    let signed_in = before.desk.map(|desk| desk.session.clone());
    let opened = match (&signed_in, browser) {
        (Some(session), true) => open_sign_out_page(place, session).await,
        _ => Ok(()),
    };
    let mut deleted = Ok(());
    for session in signed_in.into_iter().chain(before.leaving) {
        if let Err(error) = session.sign_out().await {
            place.session().leaving.push(session);
            deleted = Err(error);
        }
    }
    deleted?;
    opened
}

async fn open_sign_out_page(place: &Place, session: &Session) -> Result<(), CommandError> {
    let page = tokio::time::timeout(PAGE_LIMIT, session.sign_out_url()).await.unwrap_or_default();
    let page = page.ok_or_else(|| CommandError::no_browser("the sign-out page is not known"))?;
    place.browser.open(&page).map_err(CommandError::no_browser)
}

/// Deletes what the keychain keeps of a place where nobody is signed in.
///
/// # Errors
/// When the keychain cannot tell or does not let go of it.
pub async fn forget_kept(place: &Place) -> Result<(), CommandError> {
    let Some(registration) = place.registration.clone() else { return Ok(()) };
    loop {
        match Session::restore(registration.clone(), place.vault.clone()).await {
            Ok(Some(kept)) => kept.sign_out().await?,
            Ok(None) | Err(RestoreError::Vault(VaultError::Absent)) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Nothing is asked on anybody's behalf here from now on, and nothing answered, before [`unlock`] or a sign-in.
pub fn close(place: &Place) {
    let mut state = place.session();
    state.following = None;
    state.locked = true;
    if let Some(cancel) = state.signing_in.take() {
        cancel.cancel();
    }
}

/// Takes the sign-in from the keychain again.
///
/// # Errors
/// `SignedOut` if it is not kept there, `Keychain` if the keychain does not give it: then a sign-in unlocks.
pub async fn unlock(place: &Place) -> Result<(), CommandError> {
    let desk = {
        let mut state = place.session();
        if state.desk.is_none() {
            // One that is restored from now on is not behind the lock.
            state.locked = false;
        }
        state.desk.clone()
    };
    match desk {
        Some(desk) => Ok(desk.session.unlock().await?),
        None => Ok(()),
    }
}

/// What waited for the sign-in, or for the lock to be opened, goes on.
pub async fn go_on(place: &Arc<Place>) {
    let Ok(desk) = place.desk() else { return };
    if place.is_locked() || place.is_barred() {
        return;
    }
    runs::go_on(place, &desk).await;
    if !desk.is_named {
        // Nobody waits for it: it was locked, or without a connection, when it was to be asked for.
        let place = place.clone();
        tauri::async_runtime::spawn(async move { name(&place, &desk).await });
    }
}

/// What works on an account's behalf, under the name that its tenant had last.
fn desk(place: &Place, registration: &Registration, session: Session) -> Result<Desk, CommandError> {
    let tokens = Arc::new(session.clone());
    let tenant_id = &session.account().tenant_id;
    place.open_books(tenant_id);
    let client = Client::with_pace(&registration.cloud.graph_url, tokens, None, place.pace(tenant_id))?;
    // The name that was configured says more than an id, if it is a domain.
    let configured = Some(&registration.tenant).filter(|tenant| tenant.contains('.')).unwrap_or(tenant_id);
    let name = place.tenant_name(tenant_id).unwrap_or_else(|| configured.clone());
    let account = convert::account(session.account(), name);
    let principal = Principal {
        cloud: registration.cloud.name.to_string(),
        tenant_id: account.tenant_id.clone(),
        tenant_name: account.tenant_name.clone(),
        account: account.username.clone(),
        account_id: session.account().object_id.clone(),
    };
    Ok(Desk { session, client, account, is_named: false, principal, shown: Arc::default() })
}

/// The same desk under the tenant's name, if Graph tells it in time, which it does to those who may read it.
async fn with_name(place: &Place, desk: Desk) -> Desk {
    let Ok(Ok(told)) = tokio::time::timeout(NAME_LIMIT, desk.client.organization_name()).await else {
        return desk;
    };
    let Some(name) = told else { return Desk { is_named: true, ..desk } };
    place.remember_tenant_name(&desk.account.tenant_id, &name);
    let account = AccountView { tenant_name: name.clone(), ..desk.account };
    let principal = Principal { tenant_name: name, ..desk.principal };
    Desk { is_named: true, account, principal, ..desk }
}

/// Puts a desk with the tenant's name where `desk` stands, and gives what stands there. None if that is another one by now.
async fn name(place: &Place, desk: &Arc<Desk>) -> Option<Arc<Desk>> {
    let named = Arc::new(with_name(place, Desk::clone(desk)).await);
    let mut state = place.session();
    let seated = state.desk.as_mut().filter(|seated| seated.is(desk))?;
    if named.is_named {
        seated.clone_from(&named);
    }
    Some(seated.clone())
}

/// The page the browser shows at the end.
fn closing_page(language: Option<&str>) -> ClosingPage {
    let (lang, text) = if speaks_spanish(language) {
        ("es", "El inicio de sesión ha terminado. Puede cerrar esta página y volver a Unlatch.")
    } else {
        ("en", "The sign-in has ended. You can close this page and go back to Unlatch.")
    };
    ClosingPage { title: "Unlatch".to_owned(), text: text.to_owned(), lang: lang.to_owned() }
}

#[cfg(test)]
mod tests;

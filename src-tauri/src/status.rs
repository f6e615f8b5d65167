//! What the window's frame shows.

use std::sync::{Arc, PoisonError};

use unlatch_settings::{CloudChoice, Settings, TenantChoice};

use crate::convert;
use crate::dto::{AccountView, AppStatus, KeychainView, Mode, PlaceView, SessionView, SettingsView};
use crate::error::CommandError;
use crate::lock;
use crate::place::Place;
use crate::state::AppState;

/// The frame as it stands.
pub fn of(state: &AppState) -> AppStatus {
    let place = state.shown();
    let (settings, problems) = state.settings.read().unwrap_or_else(PoisonError::into_inner).clone();
    AppStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        mode: place.mode,
        places: places(state),
        place: place.id(),
        locked: state.lock.is_locked(),
        lock_account: lock::way_in(state).desk().ok().map(|desk| desk.account.username.clone()),
        session: session(&place, state),
        keychain: keychain(&place),
        journal_problem: place.journal_problem(),
        journal_went_back: place.journal_went_back(),
        settings: view(&settings, state),
        config_problem: problems.first().map(convert::config_problem),
    }
}

fn places(state: &AppState) -> Vec<PlaceView> {
    let places = state.places();
    let fixed = !state.settings().several_tenants();
    let further: Vec<String> = places.further().iter().map(|place| place.id()).collect();
    let removable = |place: &Place| !fixed && further.contains(&place.id());
    let locked = state.lock.is_locked();
    let view = |place: &Arc<Place>| place_view(place, places.colour(&place.id()), removable(place), locked);
    places.all().map(view).collect()
}

fn place_view(place: &Place, colour: u8, removable: bool, locked: bool) -> PlaceView {
    let tenant = place.registration.as_ref().filter(|_| place.mode == Mode::Tenant);
    let state = place.session();
    PlaceView {
        id: place.id(),
        mode: place.mode,
        tenant: tenant.map(|registration| registration.tenant.clone()).unwrap_or_default(),
        admin_consent: place.registration.as_ref().map(|named| named.admin_consent_url(true).to_string()),
        account: state.desk.as_ref().map(|desk| coloured(&desk.account, colour)),
        signed_in: state.desk.as_ref().is_some_and(|desk| desk.session.ended().borrow().is_none())
            && (locked || !state.locked),
        run_under_way: place.is_sending(),
        removable,
    }
}

/// An account in the colour of its place.
pub fn coloured(account: &AccountView, tenant_colour: u8) -> AccountView {
    AccountView { tenant_colour, ..account.clone() }
}

fn session(place: &Place, app: &AppState) -> SessionView {
    let (locked, colour) = (app.lock.is_locked(), app.places().colour(&place.id()));
    let state = place.session();
    // The window is open, and the keychain has not given this tenant's sign-in back.
    if state.locked && !locked && state.desk.is_some() {
        return SessionView::SignedOut { problem: Some(CommandError::signed_out()) };
    }
    match (&state.desk, &state.signing_in) {
        (Some(desk), _) => match &*desk.session.ended().borrow() {
            Some(ended) => SessionView::SignedOut { problem: Some(CommandError::session_ended(ended)) },
            None => SessionView::SignedIn { account: coloured(&desk.account, colour) },
        },
        (None, Some(_)) => SessionView::SigningIn,
        (None, None) => SessionView::SignedOut { problem: state.problem.clone() },
    }
}

fn keychain(place: &Place) -> KeychainView {
    if place.mode == Mode::Demo {
        return KeychainView::NotUsed;
    }
    let kept = place.session().desk.as_ref().map(|desk| desk.session.kept());
    kept.map_or(KeychainView::NotUsed, |state| convert::keychain(&state))
}

/// Returns tenant, client id and cloud of the first tenant as the window shows them, as far as there are any.
pub fn first(settings: &Settings) -> (Option<String>, Option<String>, CloudChoice) {
    match settings.first() {
        Some(TenantChoice { tenant, client_id, cloud }) => (Some(tenant), Some(client_id), cloud),
        None => (settings.tenant.clone(), settings.client_id.clone(), settings.cloud.clone()),
    }
}

/// Returns a cloud's name to the window.
pub fn cloud_name(cloud: &CloudChoice) -> &str {
    match cloud {
        CloudChoice::Named(name) => name,
        CloudChoice::Custom { .. } => "custom",
    }
}

fn view(settings: &Settings, state: &AppState) -> SettingsView {
    let (tenant, client_id, cloud) = first(settings);
    SettingsView {
        tenant,
        client_id,
        cloud: cloud_name(&cloud).to_owned(),
        require_reason: settings.require_reason,
        max_run_size: settings.max_run_size,
        countdown_seconds: settings.countdown,
        idle_lock_minutes: settings.idle_lock_minutes,
        device_code: settings.device_code,
        keep_sign_in: settings.keep_sign_in,
        export: settings.export,
        clipboard: settings.clipboard,
        allowed_tenants: settings.allowed_tenants.clone(),
        several_tenants: settings.several_tenants(),
        language: settings.language.clone(),
        locked: settings.locked(),
        data_folder: state.data_folder.display().to_string(),
        config_file: state.sources.user.display().to_string(),
    }
}

//! What the window's frame shows.

use std::sync::PoisonError;

use unlatch_auth::VaultState;

use crate::config::{CloudChoice, Settings};
use crate::dto::{AppStatus, KeychainView, Mode, SessionView, SettingsView};
use crate::error::CommandError;
use crate::place::Place;
use crate::state::AppState;

/// The frame as it stands.
pub fn of(state: &AppState) -> AppStatus {
    let place = state.place();
    let (settings, problems) = state.settings.read().unwrap_or_else(PoisonError::into_inner).clone();
    AppStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        mode: place.mode,
        session: session(&place),
        keychain: keychain(&place),
        journal_problem: place.engine().err(),
        settings: view(&settings, state),
        config_problem: problems.first().cloned(),
    }
}

fn session(place: &Place) -> SessionView {
    let state = place.session();
    match (&state.desk, &state.signing_in) {
        (Some(desk), _) => match &*desk.session.ended().borrow() {
            Some(ended) => SessionView::SignedOut { problem: Some(CommandError::session_ended(ended)) },
            None => SessionView::SignedIn { account: desk.account.clone() },
        },
        (None, Some(_)) => SessionView::SigningIn,
        (None, None) => SessionView::SignedOut { problem: state.problem.clone() },
    }
}

fn keychain(place: &Place) -> KeychainView {
    if place.mode == Mode::Demo {
        return KeychainView::NotUsed;
    }
    match place.session().desk.as_ref().map(|desk| desk.session.kept()) {
        Some(VaultState::Ready) => KeychainView::Kept,
        Some(VaultState::Locked) => KeychainView::Locked,
        Some(VaultState::Absent) => KeychainView::Absent,
        Some(VaultState::Failed(_)) => KeychainView::Failed,
        None => KeychainView::NotUsed,
    }
}

fn view(settings: &Settings, state: &AppState) -> SettingsView {
    SettingsView {
        tenant: settings.tenant.clone(),
        client_id: settings.client_id.clone(),
        cloud: match &settings.cloud {
            CloudChoice::Named(name) => name.clone(),
            CloudChoice::Custom { .. } => "custom".to_owned(),
        },
        require_reason: settings.require_reason,
        max_run_size: settings.max_run_size,
        countdown_seconds: settings.countdown,
        language: settings.language.clone(),
        locked: settings.locked.clone(),
        data_folder: state.data_folder.display().to_string(),
        config_file: state.sources.user.display().to_string(),
    }
}

//! What the window's frame shows.

use std::sync::PoisonError;

use unlatch_auth::VaultState;

use crate::config::{CloudChoice, Settings};
use crate::dto::{AppStatus, KeychainView, Mode, SessionView, SettingsView};
use crate::error::CommandError;
use crate::state::{AppState, Place, SessionState};

/// The frame as it stands.
pub fn of(state: &AppState) -> AppStatus {
    let place = state.place();
    let (settings, problems) = state.settings.read().unwrap_or_else(PoisonError::into_inner).clone();
    AppStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        mode: place.mode,
        session: session(&place),
        keychain: keychain(&place),
        journal_problem: place.engine.as_ref().err().cloned(),
        settings: view(&settings, state),
        config_problem: problems.first().cloned(),
    }
}

fn session(place: &Place) -> SessionView {
    match &*place.session() {
        SessionState::SignedOut { problem } => SessionView::SignedOut { problem: problem.clone() },
        SessionState::SigningIn { .. } => SessionView::SigningIn,
        SessionState::SignedIn(desk) => match &*desk.session.ended().borrow() {
            Some(ended) => SessionView::SignedOut { problem: Some(CommandError::session_ended(ended)) },
            None => SessionView::SignedIn { account: desk.account.clone() },
        },
    }
}

fn keychain(place: &Place) -> KeychainView {
    if place.mode == Mode::Demo {
        return KeychainView::NotUsed;
    }
    match &*place.session() {
        SessionState::SignedIn(desk) => match desk.session.kept() {
            VaultState::Ready => KeychainView::Kept,
            VaultState::Locked => KeychainView::Locked,
            VaultState::Absent => KeychainView::Absent,
            VaultState::Failed(_) => KeychainView::Failed,
        },
        _ => KeychainView::NotUsed,
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
        language: settings.language.clone(),
        locked: settings.locked.clone(),
        data_folder: state.data_folder.display().to_string(),
        config_file: state.sources.user.display().to_string(),
    }
}

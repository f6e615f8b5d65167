//! Signing in and out, the demo tenant, and what the window's frame shows.

use tauri::State;
use tauri::ipc::Channel;

use crate::dto::{AppStatus, WindowNotice};
use crate::error::CommandError;
use crate::place::Place;
use crate::state::AppState;
use crate::{session, status};

/// Everything the window needs to draw its frame. Waits until a kept sign-in was looked for, and opens the journal again if it
/// could not be opened.
#[tauri::command]
#[specta::specta]
pub async fn app_status(state: State<'_, AppState>) -> Result<AppStatus, CommandError> {
    // The sender lives as long as the state, so waiting cannot fail.
    let _ = state.restored.subscribe().wait_for(|restored| *restored).await;
    state.place().open_journal_again();
    Ok(status::of(&state))
}

/// Tells of what happens outside the window. The newest caller is told.
#[tauri::command]
#[specta::specta]
pub async fn watch_window(
    on_notice: Channel<WindowNotice>,
    state: State<'_, AppState>,
) -> Result<(), CommandError> {
    state.listen(on_notice);
    Ok(())
}

/// Puts the demo tenant behind the window.
#[tauri::command]
#[specta::specta]
pub async fn start_demo(state: State<'_, AppState>) -> Result<AppStatus, CommandError> {
    let _changing = state.changing.lock().await;
    if !state.show_again(true) {
        state.show(Place::demo(&state.data_folder).await?);
    }
    Ok(status::of(&state))
}

/// Puts the configured tenant back behind the window.
#[tauri::command]
#[specta::specta]
pub async fn leave_demo(state: State<'_, AppState>) -> Result<AppStatus, CommandError> {
    let _changing = state.changing.lock().await;
    if !state.show_again(false) {
        state.show(Place::configured(&state.settings(), &state.data_folder));
        session::restore(&state.place()).await;
    }
    Ok(status::of(&state))
}

/// Opens the browser and waits until the sign-in is done, refused, cancelled or out of time.
#[tauri::command]
#[specta::specta]
pub async fn sign_in(state: State<'_, AppState>) -> Result<AppStatus, CommandError> {
    session::sign_in(&state.place(), state.settings().language.as_deref()).await?;
    Ok(status::of(&state))
}

/// Stops waiting for the browser.
#[tauri::command]
#[specta::specta]
pub async fn cancel_sign_in(state: State<'_, AppState>) -> Result<(), CommandError> {
    session::cancel(&state.place());
    Ok(())
}

/// Signs out and deletes the refresh token from the keychain.
#[tauri::command]
#[specta::specta]
pub async fn sign_out(state: State<'_, AppState>) -> Result<AppStatus, CommandError> {
    session::sign_out(&state.place()).await?;
    Ok(status::of(&state))
}

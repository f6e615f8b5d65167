//! Signing in and out, the lock, the demo tenant, and what the window's frame shows.

use std::sync::Arc;

use tauri::State;
use tauri::ipc::Channel;

use crate::dto::{AppStatus, DeviceCodeView, WindowNotice};
use crate::error::CommandError;
use crate::place::Place;
use crate::state::AppState;
use crate::{convert, lock, session, status};

/// Everything the window needs to draw its frame. Waits until a kept sign-in was looked for, and looks again for what could not
/// be had before: a journal that was mended, a keychain that was opened.
#[tauri::command]
#[specta::specta]
pub async fn app_status(state: State<'_, AppState>) -> Result<AppStatus, CommandError> {
    // The sender lives as long as the state, so waiting cannot fail.
    let _ = state.restored.subscribe().wait_for(|restored| *restored).await;
    let shown = state.shown();
    if shown.open_journal_again() {
        session::go_on(&shown).await;
    }
    session::restore_after_a_failure(&shown).await;
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
    state.lock.expect_open()?;
    if !state.places_mut().show("demo") {
        let demo = Arc::new(Place::demo(state.tenancies.clone()).await?);
        let mut places = state.places_mut();
        places.add(demo);
        places.show("demo");
    }
    Ok(status::of(&state))
}

/// Puts the first tenant back behind the window.
#[tauri::command]
#[specta::specta]
pub async fn leave_demo(state: State<'_, AppState>) -> Result<AppStatus, CommandError> {
    let _changing = state.changing.lock().await;
    state.lock.expect_open()?;
    let home = state.places().home().id();
    state.places_mut().show(&home);
    Ok(status::of(&state))
}

/// Opens the browser and waits until the sign-in is done, refused, cancelled or out of time. `privileged`: asks for the permission
/// to send the action as well. A locked window is open afterwards.
#[tauri::command]
#[specta::specta]
pub async fn sign_in(privileged: bool, state: State<'_, AppState>) -> Result<AppStatus, CommandError> {
    let (place, began) = (lock::door(&state)?, state.lock.count());
    session::sign_in(&place, privileged, state.settings().language.as_deref()).await?;
    lock::signed_in(&state, &place, began).await?;
    Ok(status::of(&state))
}

/// Waits until a person has signed in on another device with the code that comes through the channel. Otherwise as `sign_in`.
#[tauri::command]
#[specta::specta]
pub async fn sign_in_with_code(
    privileged: bool,
    on_code: Channel<DeviceCodeView>,
    state: State<'_, AppState>,
) -> Result<AppStatus, CommandError> {
    if !state.settings().device_code {
        return Err(CommandError::forbidden("signing in with a code is not allowed"));
    }
    let show = move |code| {
        if let Err(error) = on_code.send(convert::device_code(code)) {
            tracing::debug!(%error, "the window does not wait for a code");
        }
    };
    let (place, began) = (lock::door(&state)?, state.lock.count());
    session::sign_in_with_code(&place, privileged, show).await?;
    lock::signed_in(&state, &place, began).await?;
    Ok(status::of(&state))
}

/// Stops waiting for the browser, or for the code to be used.
#[tauri::command]
#[specta::specta]
pub async fn cancel_sign_in(state: State<'_, AppState>) -> Result<(), CommandError> {
    session::cancel(&lock::way_in(&state));
    Ok(())
}

/// Signs out and deletes the refresh token from the keychain. `browser`: opens the page that ends the browser's own sign-in, too.
#[tauri::command]
#[specta::specta]
pub async fn sign_out(browser: bool, state: State<'_, AppState>) -> Result<AppStatus, CommandError> {
    state.lock.expect_open()?;
    state.clipboard.clear_soon();
    session::sign_out(&state.shown(), browser).await?;
    Ok(status::of(&state))
}

/// Somebody used the keyboard or the pointer.
#[tauri::command]
#[specta::specta]
pub async fn touch(state: State<'_, AppState>) -> Result<(), CommandError> {
    lock::touch(&state).await;
    Ok(())
}

/// Locks the window at once.
#[tauri::command]
#[specta::specta]
pub async fn lock_window(state: State<'_, AppState>) -> Result<AppStatus, CommandError> {
    lock::lock(&state).await;
    Ok(status::of(&state))
}

/// Unlocks the window by the keychain.
#[tauri::command]
#[specta::specta]
pub async fn unlock(state: State<'_, AppState>) -> Result<AppStatus, CommandError> {
    lock::unlock(&state).await?;
    Ok(status::of(&state))
}

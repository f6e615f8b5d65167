//! Finding people and detected apps.

use std::future::Future;

use tauri::State;

use crate::convert;
use crate::dto::{AppsFound, UsersFound};
use crate::error::CommandError;
use crate::place::Desk;
use crate::state::AppState;

/// People whose name, user principal name or mail matches `text`.
#[tauri::command]
#[specta::specta]
pub async fn find_users(text: String, state: State<'_, AppState>) -> Result<UsersFound, CommandError> {
    let desk = state.place()?.desk()?;
    let found = newest(&state, &desk, "people", desk.client.find_users(&text)).await?;
    desk.shown.users(&found.rows);
    Ok(convert::users_found(found))
}

/// Detected apps whose name contains `text`.
#[tauri::command]
#[specta::specta]
pub async fn find_apps(text: String, state: State<'_, AppState>) -> Result<AppsFound, CommandError> {
    let desk = state.place()?.desk()?;
    let found = newest(&state, &desk, "apps", desk.client.find_apps(&text)).await?;
    desk.shown.apps(&found.rows);
    Ok(convert::apps_found(found))
}

/// Has one read go out although Graph asked a read to wait. If Graph answers it, nobody waits for that any longer. What a request
/// for a device was told stands.
#[tauri::command]
#[specta::specta]
pub async fn probe_hold(state: State<'_, AppState>) -> Result<(), CommandError> {
    Ok(state.place()?.desk()?.client.probe().await?)
}

/// Runs a search and ends the one of the same kind before it. Nothing comes of it behind the lock.
pub(super) async fn newest<T, E>(
    state: &AppState,
    desk: &Desk,
    kind: &'static str,
    search: impl Future<Output = Result<T, E>>,
) -> Result<T, CommandError>
where
    CommandError: From<E>,
{
    let superseded = desk.shown.newest_search(kind);
    tokio::select! {
        biased;
        () = superseded.cancelled() => Err(CommandError::superseded()),
        found = search => {
            state.lock.expect_open()?;
            found.map_err(CommandError::from)
        }
    }
}

//! Finding people, detected apps and managed devices.

use std::future::Future;

use tauri::State;
use unlatch_graph::{AppId, Found, ManagedDevice, Route, UserId};

use crate::convert;
use crate::dto::{AppsFound, DevicesFound, UsersFound};
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

/// The managed devices of a person who was shown.
#[tauri::command]
#[specta::specta]
pub async fn devices_of_user(
    user_id: String,
    state: State<'_, AppState>,
) -> Result<DevicesFound, CommandError> {
    let desk = state.place()?.desk()?;
    let id = UserId::new(user_id).map_err(|_| CommandError::invalid_input("not a user id"))?;
    let user = desk.shown.user(&id).ok_or_else(|| CommandError::invalid_input("this user was not shown"))?;
    let found = newest(&state, &desk, "devices", desk.client.devices_of_user(&user)).await?;
    Ok(remember(&desk, found, &Route::User(id)))
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

/// The managed devices on which a detected app that was shown was detected.
#[tauri::command]
#[specta::specta]
pub async fn devices_with_app(
    app_id: String,
    state: State<'_, AppState>,
) -> Result<DevicesFound, CommandError> {
    let desk = state.place()?.desk()?;
    let id = AppId::new(app_id).map_err(|_| CommandError::invalid_input("not a detected app id"))?;
    let app = desk.shown.app(&id).ok_or_else(|| CommandError::invalid_input("this app was not shown"))?;
    let found = newest(&state, &desk, "devices", desk.client.devices_with_app(&app)).await?;
    Ok(remember(&desk, found, &Route::App(id)))
}

/// The managed devices whose serial number is `text` or whose name contains it.
#[tauri::command]
#[specta::specta]
pub async fn find_devices(text: String, state: State<'_, AppState>) -> Result<DevicesFound, CommandError> {
    let desk = state.place()?.desk()?;
    let found = newest(&state, &desk, "devices", desk.client.find_devices(&text)).await?;
    Ok(remember(&desk, found, &Route::Direct))
}

/// Runs a search and ends the one of the same kind before it. Nothing comes of it behind the lock.
async fn newest<T>(
    state: &AppState,
    desk: &Desk,
    kind: &'static str,
    search: impl Future<Output = Result<T, unlatch_graph::Error>>,
) -> Result<T, CommandError> {
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

/// Remembers checked rows, so that they can be planned, and turns them into what the window shows.
fn remember(desk: &Desk, found: Found<ManagedDevice>, route: &Route) -> DevicesFound {
    desk.shown.devices(&found.rows, route);
    convert::devices_found(found, time::OffsetDateTime::now_utc())
}

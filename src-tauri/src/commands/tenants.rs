//! The tenants a person looks after, and setting one up.

use tauri::State;

use crate::dto::{AppStatus, SetupLink, SetupLinks, TenantCheck, TenantInput};
use crate::error::CommandError;
use crate::state::AppState;
use crate::{status, tenants};

/// Puts a tenant that was opened behind the window.
#[tauri::command]
#[specta::specta]
pub async fn show_place(place: String, state: State<'_, AppState>) -> Result<AppStatus, CommandError> {
    let _changing = state.changing.lock().await;
    state.lock.expect_open()?;
    if !state.places_mut().show(&place) {
        return Err(CommandError::invalid_input("no such place"));
    }
    Ok(status::of(&state))
}

/// Names a further tenant and puts it behind the window.
#[tauri::command]
#[specta::specta]
pub async fn add_place(input: TenantInput, state: State<'_, AppState>) -> Result<AppStatus, CommandError> {
    let _changing = state.changing.lock().await;
    state.lock.expect_open()?;
    tenants::add(&state, &input).await?;
    Ok(status::of(&state))
}

/// Signs out of a further tenant and takes it off the list.
#[tauri::command]
#[specta::specta]
pub async fn remove_place(place: String, state: State<'_, AppState>) -> Result<AppStatus, CommandError> {
    let _changing = state.changing.lock().await;
    state.lock.expect_open()?;
    tenants::remove(&state, &place).await?;
    Ok(status::of(&state))
}

/// Asks the cloud whether it has such a tenant. A newer question ends an older one.
#[tauri::command]
#[specta::specta]
pub async fn check_tenant(
    input: TenantInput,
    state: State<'_, AppState>,
) -> Result<TenantCheck, CommandError> {
    state.lock.expect_open()?;
    tenants::check(&state, &input).await
}

/// Addresses that help to set the application up, as far as what was typed makes them.
#[tauri::command]
#[specta::specta]
pub async fn setup_links(input: TenantInput, state: State<'_, AppState>) -> Result<SetupLinks, CommandError> {
    state.lock.expect_open()?;
    Ok(tenants::links(&state, &input))
}

/// Opens one of these addresses in the browser.
#[tauri::command]
#[specta::specta]
pub async fn open_setup_link(
    input: TenantInput,
    link: SetupLink,
    state: State<'_, AppState>,
) -> Result<(), CommandError> {
    state.lock.expect_open()?;
    tenants::open(&state, &input, link)
}

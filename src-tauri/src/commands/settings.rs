//! Changing the user's settings.

use tauri::State;

use crate::dto::{AppStatus, SettingsInput};
use crate::error::CommandError;
use crate::state::AppState;
use crate::{change, status};

/// Writes what a person changed into the user's file and puts it in force. Another tenant means another place, signed out.
#[tauri::command]
#[specta::specta]
pub async fn save_settings(
    input: SettingsInput,
    state: State<'_, AppState>,
) -> Result<AppStatus, CommandError> {
    let _changing = state.changing.lock().await;
    state.lock.expect_open()?;
    change::settings(&state, &input).await?;
    Ok(status::of(&state))
}

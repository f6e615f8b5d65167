//! What Unlatch is made of.

use tauri::{AppHandle, State};

use crate::error::CommandError;
use crate::state::AppState;

/// Lies in the built web UI, and with it in this program.
const NOTICES: &str = "third-party-notices.txt";

/// The packages in Unlatch that others made, and their licences.
#[tauri::command]
#[specta::specta]
pub async fn third_party_notices(app: AppHandle, state: State<'_, AppState>) -> Result<String, CommandError> {
    state.lock.expect_open()?;
    let notices = app.asset_resolver().get(NOTICES.to_owned());
    let notices = notices.ok_or_else(|| CommandError::internal(format!("{NOTICES} is not in this build")))?;
    String::from_utf8(notices.bytes().to_vec()).map_err(CommandError::internal)
}

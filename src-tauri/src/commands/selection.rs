//! What is selected, across all searches.

use tauri::State;

use crate::dto::{SelectWhat, SelectionState, TableQuery, TrayGrouping, TrayWindow};
use crate::error::CommandError;
use crate::state::AppState;

/// Selects or unselects rows of the table, as a query shows them.
#[tauri::command]
#[specta::specta]
pub async fn select_rows(
    search: u32,
    query: TableQuery,
    what: SelectWhat,
    on: bool,
    state: State<'_, AppState>,
) -> Result<SelectionState, CommandError> {
    let _ = (search, query, what, on, state);
    Err(CommandError::superseded())
}

/// Takes devices out of the selection.
#[tauri::command]
#[specta::specta]
pub async fn unselect(
    device_ids: Vec<String>,
    state: State<'_, AppState>,
) -> Result<SelectionState, CommandError> {
    let _ = (device_ids, state);
    Err(CommandError::superseded())
}

/// Takes everything out of the selection.
#[tauri::command]
#[specta::specta]
pub async fn clear_selection(state: State<'_, AppState>) -> Result<SelectionState, CommandError> {
    let _ = state;
    Err(CommandError::superseded())
}

/// Puts back what was cleared last.
#[tauri::command]
#[specta::specta]
pub async fn undo_clear(state: State<'_, AppState>) -> Result<SelectionState, CommandError> {
    let _ = state;
    Err(CommandError::superseded())
}

/// Selects again what the run that was started last from here was started for, as after it was stopped in the countdown.
/// Nothing changes for another run.
#[tauri::command]
#[specta::specta]
pub async fn put_back(run_id: String, state: State<'_, AppState>) -> Result<SelectionState, CommandError> {
    let _ = (run_id, state);
    Err(CommandError::superseded())
}

/// At most 200 rows of the tray, from a place on.
#[tauri::command]
#[specta::specta]
pub async fn tray_rows(
    grouping: TrayGrouping,
    from: u32,
    count: u32,
    state: State<'_, AppState>,
) -> Result<TrayWindow, CommandError> {
    let _ = (grouping, from, count, state);
    Err(CommandError::superseded())
}

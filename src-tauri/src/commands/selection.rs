//! What is selected, across all searches.

use std::collections::HashSet;

use tauri::State;
use time::OffsetDateTime;

use super::runs::parse;
use crate::dto::{SelectWhat, SelectionState, TableQuery, TrayGrouping, TrayWindow};
use crate::error::CommandError;
use crate::selection::Selection;
use crate::state::AppState;
use crate::workbench::MOST_ROWS;

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
    let desk = state.place()?.desk()?;
    desk.work().select(search, &query, &what, on, OffsetDateTime::now_utc())
}

/// Takes devices out of the selection.
#[tauri::command]
#[specta::specta]
pub async fn unselect(
    device_ids: Vec<String>,
    state: State<'_, AppState>,
) -> Result<SelectionState, CommandError> {
    let gone: HashSet<String> = device_ids.into_iter().collect();
    change(&state, |selection| selection.remove(|id| gone.contains(id.as_str())))
}

/// Takes everything out of the selection.
#[tauri::command]
#[specta::specta]
pub async fn clear_selection(state: State<'_, AppState>) -> Result<SelectionState, CommandError> {
    change(&state, Selection::clear)
}

/// Puts back what was cleared last.
#[tauri::command]
#[specta::specta]
pub async fn undo_clear(state: State<'_, AppState>) -> Result<SelectionState, CommandError> {
    change(&state, Selection::undo_clear)
}

/// Selects again what the run that was started last from here was started for, as after it was stopped in the countdown.
/// Nothing changes for another run.
#[tauri::command]
#[specta::specta]
pub async fn put_back(run_id: String, state: State<'_, AppState>) -> Result<SelectionState, CommandError> {
    let run = parse(&run_id)?;
    change(&state, |selection| selection.put_back(run))
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
    let desk = state.place()?.desk()?;
    let mut work = desk.work();
    Ok(work.selection.tray(grouping, from, count.min(MOST_ROWS), OffsetDateTime::now_utc()))
}

fn change(state: &AppState, act: impl FnOnce(&mut Selection)) -> Result<SelectionState, CommandError> {
    let desk = state.place()?.desk()?;
    let mut work = desk.work();
    act(&mut work.selection);
    Ok(work.selection.state(OffsetDateTime::now_utc()))
}

//! The table of devices on the desk.

use tauri::State;
use tauri::ipc::Channel;

use crate::dto::{Column, ColumnValue, DeviceDetails, DeviceQuestion, TableQuery, TableState, TableWindow};
use crate::error::CommandError;
use crate::state::AppState;

/// Asks for devices and makes a table of them, in the place of the one before. What was read is told through the channel as it comes,
/// at most twenty times a second; the answer is the table as it stands in the end.
#[tauri::command]
#[specta::specta]
pub async fn search_devices(
    question: DeviceQuestion,
    on_change: Channel<TableState>,
    state: State<'_, AppState>,
) -> Result<TableState, CommandError> {
    let _ = (question, on_change, state);
    Err(CommandError::superseded())
}

/// At most 200 rows of the table that meet a query, from a place on. `Superseded` for an older table.
#[tauri::command]
#[specta::specta]
pub async fn table_rows(
    search: u32,
    query: TableQuery,
    from: u32,
    count: u32,
    state: State<'_, AppState>,
) -> Result<TableWindow, CommandError> {
    let _ = (search, query, from, count, state);
    Err(CommandError::superseded())
}

/// The values of a column among all rows of the table, the most frequent first, at most 200.
#[tauri::command]
#[specta::specta]
pub async fn column_values(
    search: u32,
    column: Column,
    state: State<'_, AppState>,
) -> Result<Vec<ColumnValue>, CommandError> {
    let _ = (search, column, state);
    Err(CommandError::superseded())
}

/// Everything worth knowing of a device of the table, of the selection or of the journal, read afresh.
#[tauri::command]
#[specta::specta]
pub async fn device_details(
    device_id: String,
    state: State<'_, AppState>,
) -> Result<DeviceDetails, CommandError> {
    let _ = (device_id, state);
    Err(CommandError::superseded())
}

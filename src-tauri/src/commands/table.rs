//! The table of devices on the desk.

use tauri::State;
use tauri::ipc::Channel;
use time::OffsetDateTime;
use unlatch_graph::DeviceId;

use super::search::newest;
use crate::details;
use crate::dto::{Column, ColumnValue, DeviceDetails, DeviceQuestion, TableQuery, TableState, TableWindow};
use crate::error::CommandError;
use crate::find;
use crate::state::AppState;

/// Asks for devices and makes a table of them, in the place of the one before. What was read is told through the channel as it comes,
/// at most ten times a second; the answer is the table as it stands in the end.
#[tauri::command]
#[specta::specta]
pub async fn search_devices(
    question: DeviceQuestion,
    on_change: Channel<TableState>,
    state: State<'_, AppState>,
) -> Result<TableState, CommandError> {
    let desk = state.place()?.desk()?;
    let lock = state.lock.clone();
    let tell = move |table| {
        // A window that is locked or gone is told nothing.
        if !lock.is_locked() {
            let _ = on_change.send(table);
        }
    };
    newest(&state, &desk, "devices", find::devices(&desk, question, tell)).await
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
    let desk = state.place()?.desk()?;
    desk.work().window(search, &query, from, count, OffsetDateTime::now_utc())
}

/// The values of a column among all rows of the table, the most frequent first, at most 200.
#[tauri::command]
#[specta::specta]
pub async fn column_values(
    search: u32,
    column: Column,
    state: State<'_, AppState>,
) -> Result<Vec<ColumnValue>, CommandError> {
    let desk = state.place()?.desk()?;
    desk.work().values(search, column, OffsetDateTime::now_utc())
}

/// Everything worth knowing of a device of the table, of the selection or of the journal, read afresh.
#[tauri::command]
#[specta::specta]
pub async fn device_details(
    device_id: String,
    state: State<'_, AppState>,
) -> Result<DeviceDetails, CommandError> {
    let place = state.place()?;
    let desk = place.desk()?;
    let id = DeviceId::new(device_id).map_err(|_| CommandError::invalid_input("not a device id"))?;
    newest(&state, &desk, "details", details::of(&desk, place.engine().ok().as_ref(), &id)).await
}

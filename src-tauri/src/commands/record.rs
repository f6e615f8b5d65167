//! What is kept of runs: reports to hand over, and whether the journal is as it was written.

use tauri::State;

use super::runs::parse;
use crate::convert;
use crate::dto::{AppStatus, HistoryFound, HistoryQuery, JournalCheck, ReportFormat};
use crate::error::CommandError;
use crate::state::AppState;
use crate::{report, session, status};

/// Looks for runs and devices in the journal.
#[tauri::command]
#[specta::specta]
pub async fn search_history(
    query: HistoryQuery,
    state: State<'_, AppState>,
) -> Result<HistoryFound, CommandError> {
    let place = state.place()?;
    let (engine, desk) = (place.engine()?, place.desk()?);
    let found = engine.search(convert::history_query(query, &desk.account.tenant_id)?).await?;
    // The window may have been locked meanwhile.
    state.lock.expect_open()?;
    Ok(convert::history_found(&found))
}

/// Writes a report of a run into the person's folder for downloads, unless policy forbids it. Gives the file.
#[tauri::command]
#[specta::specta]
pub async fn export_run(
    run_id: String,
    format: ReportFormat,
    language: String,
    state: State<'_, AppState>,
) -> Result<String, CommandError> {
    let place = state.place()?;
    if !state.settings().export {
        return Err(CommandError::forbidden("writing reports"));
    }
    let (engine, id) = (place.engine()?, parse(&run_id)?);
    let run = engine.run(id).await?;
    let entries = engine.journal().entries(id).await?;
    let folder = report::folder(&state.data_folder);
    let written = tauri::async_runtime::spawn_blocking(move || {
        report::write(&folder, &run, &entries, format, &language)
    });
    let path = written.await.map_err(CommandError::internal)?.map_err(CommandError::report)?;
    Ok(path.display().to_string())
}

/// Looks through the whole journal. Nothing is changed.
#[tauri::command]
#[specta::specta]
pub async fn verify_journal(state: State<'_, AppState>) -> Result<JournalCheck, CommandError> {
    let engine = state.place()?.engine()?;
    Ok(convert::journal_check(&engine.journal().verify().await?))
}

/// Records that the signed-in account was told of the entries that the journal lost and lets runs be resumed. Runs that wait for a
/// sign-in go on.
#[tauri::command]
#[specta::specta]
pub async fn answer_went_back(state: State<'_, AppState>) -> Result<AppStatus, CommandError> {
    let place = state.place()?;
    let (engine, desk) = (place.engine()?, place.desk()?);
    engine.journal().answer_went_back(Some(desk.account.username.clone())).await?;
    session::go_on(&place).await;
    Ok(status::of(&state))
}

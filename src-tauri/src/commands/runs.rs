//! Planning, starting, watching and reading runs.

use std::sync::Arc;
use std::time::Duration;

use tauri::ipc::Channel;
use tauri::{AppHandle, State};
use tokio_util::sync::CancellationToken;
use unlatch_graph::Passcode;
use unlatch_recovery::{Engine, RunId};
use uuid::Uuid;

use crate::convert;
use crate::dto::{Confirmation, PlanView, RunProgress, RunSummary, RunView, RunsAtHand, SentAgain};
use crate::error::CommandError;
use crate::place::{Desk, Place};
use crate::plan;
use crate::runs;
use crate::secret;
use crate::session;
use crate::state::AppState;
use crate::status;

/// What recovering the selected devices will do, for a review. Nothing is sent.
#[tauri::command]
#[specta::specta]
pub async fn plan_run(state: State<'_, AppState>) -> Result<PlanView, CommandError> {
    let place = state.place()?;
    let (engine, desk) = (place.engine()?, place.desk()?);
    session::allow_sending(&desk).await?;
    let plan = plan::review(&desk, &engine, &state.settings()).await?;
    // The window may have been locked meanwhile.
    state.lock.expect_open()?;
    let account = status::coloured(&plan.account, state.places().colour(&place.id()));
    Ok(PlanView { account, ..plan })
}

/// Starts a reviewed plan. The count must be the number of devices that are left.
#[tauri::command]
#[specta::specta]
pub async fn start_run(
    confirmation: Confirmation,
    app: AppHandle,
    state: State<'_, AppState>,
) -> Result<RunView, CommandError> {
    let _changing = state.changing.lock().await;
    let Senders { place, engine, desk } = senders(&state).await?;
    let start = async |plan| Ok(engine.start(plan, desk.tenant()).await?);
    let (id, planned) = plan::confirm(&desk.shown, &confirmation, &state.settings(), start).await?;
    desk.work().selection.started(id, |device| planned.contains(device));
    runs::watch_over(app, place, engine.clone(), id);
    Ok(convert::run_view(&engine.run(id).await?))
}

/// Lets what an interrupted run had not sent go out, after the countdown.
#[tauri::command]
#[specta::specta]
pub async fn resume_run(
    run_id: String,
    app: AppHandle,
    state: State<'_, AppState>,
) -> Result<RunView, CommandError> {
    let _changing = state.changing.lock().await;
    let (Senders { place, engine, desk }, id) = (senders(&state).await?, parse(&run_id)?);
    engine.take_up(id, &desk.principal, desk.tenant()).await?;
    runs::watch_over(app, place, engine.clone(), id);
    Ok(convert::run_view(&engine.run(id).await?))
}

/// Gives up what an interrupted run had not sent.
#[tauri::command]
#[specta::specta]
pub async fn discard_run(run_id: String, state: State<'_, AppState>) -> Result<RunView, CommandError> {
    let place = state.place()?;
    let (engine, id) = (place.engine()?, parse(&run_id)?);
    place.desk()?;
    engine.discard(id).await?;
    Ok(convert::run_view(&engine.run(id).await?))
}

/// Sends to one device of a run again, after the countdown. One in doubt is asked first whether the earlier request arrived.
#[tauri::command]
#[specta::specta]
pub async fn send_again(
    run_id: String,
    position: u32,
    app: AppHandle,
    state: State<'_, AppState>,
) -> Result<SentAgain, CommandError> {
    let _changing = state.changing.lock().await;
    let (Senders { place, engine, desk }, id) = (senders(&state).await?, parse(&run_id)?);
    let sent = engine.send_again(id, position, &desk.principal, desk.tenant()).await?;
    runs::watch_over(app, place, engine.clone(), id);
    let run = convert::run_view(&engine.run(id).await?);
    Ok(SentAgain { run, settled: sent == unlatch_recovery::SentAgain::Settled })
}

/// The passcode that the service holds with what a device reported of its last request, fetched now. It is kept nowhere on this
/// side; null if the service tells none any more.
#[tauri::command]
#[specta::specta]
pub async fn show_passcode(
    run_id: String,
    position: u32,
    app: AppHandle,
    state: State<'_, AppState>,
) -> Result<Option<String>, CommandError> {
    let passcode = passcode(&state, &run_id, position).await?;
    secret::guard(&app, passcode.is_some());
    Ok(passcode.map(|passcode| passcode.expose().to_owned()))
}

async fn passcode(state: &AppState, run_id: &str, position: u32) -> Result<Option<Passcode>, CommandError> {
    let place = state.place()?;
    let (engine, desk) = (place.engine()?, place.desk()?);
    let passcode = engine.passcode(parse(run_id)?, position, &*desk.tenant()).await?;
    // The window may have been locked meanwhile.
    state.lock.expect_open()?;
    Ok(passcode)
}

/// Copies that passcode as a secret, without showing it, and clears the clipboard after 60 seconds if it is still there. False if
/// the service tells none any more.
#[tauri::command]
#[specta::specta]
pub async fn copy_passcode(
    run_id: String,
    position: u32,
    state: State<'_, AppState>,
) -> Result<bool, CommandError> {
    if !state.settings().clipboard {
        return Err(CommandError::forbidden("copying a passcode"));
    }
    let Some(passcode) = passcode(&state, &run_id, position).await? else { return Ok(false) };
    state.clipboard.copy(passcode).await?;
    Ok(true)
}

/// No passcode is shown any more: the window may be captured again.
#[tauri::command]
#[specta::specta]
pub fn hide_passcode(app: AppHandle) -> Result<(), CommandError> {
    secret::guard(&app, false);
    Ok(())
}

/// A run as it stands; what changes comes through the channel, until it is neither active nor followed or one is watched anew.
#[tauri::command]
#[specta::specta]
pub async fn watch_run(
    run_id: String,
    on_progress: Channel<RunProgress>,
    state: State<'_, AppState>,
) -> Result<RunView, CommandError> {
    let Telling { replaced, engine, id } = begin_telling(&state, &run_id)?;
    let changes = engine.watch(id);
    let now = engine.changes_since(id, 0).await?;
    state.lock.expect_open()?;
    if let Some(changes) = changes {
        runs::tell(state.lock.clone(), replaced, engine, id, changes, now.version, on_progress);
    }
    let RunProgress { summary, items } = convert::run_progress(&now);
    Ok(RunView { summary, items })
}

/// A run that the window is about to be told of.
struct Telling {
    replaced: CancellationToken,
    engine: Engine,
    id: RunId,
}

/// Begins to tell the window of a run instead of another. Nothing is waited for: of two that are asked for one after the other, the
/// second goes on.
fn begin_telling(state: &AppState, run_id: &str) -> Result<Telling, CommandError> {
    let (engine, id) = (state.place_to_read()?.engine()?, parse(run_id)?);
    Ok(Telling { replaced: state.telling.begin(), engine, id })
}

/// Stops a run before its next request. What is in flight is waited for. Whatever else may not be done now, this may.
#[tauri::command]
#[specta::specta]
pub async fn cancel_run(run_id: String, state: State<'_, AppState>) -> Result<(), CommandError> {
    state.lock.expect_open()?;
    state.shown().engine()?.cancel(parse(&run_id)?);
    Ok(())
}

/// Reads once what the devices of a run report.
#[tauri::command]
#[specta::specta]
pub async fn check_outcomes(run_id: String, state: State<'_, AppState>) -> Result<RunView, CommandError> {
    let place = state.place()?;
    let (engine, desk) = (place.engine()?, place.desk()?);
    let run = engine.check_outcomes(parse(&run_id)?, desk.tenant()).await?;
    state.lock.expect_open()?;
    Ok(convert::run_view(&run))
}

/// The runs in the signed-in tenant that somebody at the desk has to know of.
#[tauri::command]
#[specta::specta]
pub async fn list_runs(state: State<'_, AppState>) -> Result<RunsAtHand, CommandError> {
    let at_hand = at_hand(&state).await?;
    state.lock.expect_open()?;
    Ok(at_hand)
}

async fn at_hand(state: &AppState) -> Result<RunsAtHand, CommandError> {
    let place = state.place_to_read()?;
    let (engine, desk) = (place.engine()?, place.desk()?);
    let runs = engine.runs(Some(&desk.account.tenant_id)).await?;
    let newest = runs.first().map(|run| run.header.id.to_string());
    let open = runs.iter().map(convert::run_summary).filter(RunSummary::is_open).collect();
    Ok(RunsAtHand { newest, open })
}

/// One run, whole.
#[tauri::command]
#[specta::specta]
pub async fn get_run(run_id: String, state: State<'_, AppState>) -> Result<RunView, CommandError> {
    let run = state.place_to_read()?.engine()?.run(parse(&run_id)?).await?;
    state.lock.expect_open()?;
    Ok(convert::run_view(&run))
}

/// What a run needs to go out.
struct Senders {
    place: Arc<Place>,
    engine: Engine,
    desk: Arc<Desk>,
}

async fn senders(state: &AppState) -> Result<Senders, CommandError> {
    let place = state.place()?;
    let (engine, desk) = (place.engine()?, place.desk()?);
    session::allow_sending(&desk).await?;
    // The window may have been locked meanwhile.
    state.lock.expect_open()?;
    engine.set_countdown(Duration::from_secs(state.settings().countdown.into()));
    Ok(Senders { place, engine, desk })
}

/// A run's id.
///
/// # Errors
/// `InvalidInput`.
pub(super) fn parse(run_id: &str) -> Result<RunId, CommandError> {
    Uuid::try_parse(run_id).map(RunId::from).map_err(|_| CommandError::invalid_input("not a run id"))
}

#[cfg(test)]
mod tests {
    use unlatch_auth::Vault;

    use super::*;
    use crate::error::ErrorCode;
    use crate::testing;

    #[tokio::test]
    async fn runs_in_a_barred_tenant_are_read_and_a_refused_watch_ends_no_other() {
        let named = "11111111-1111-1111-1111-111111111111";
        let (state, _folder) =
            testing::state("", &format!("tenant = \"{named}\"\nclient_id = \"{named}\""), Vault::memory());
        let (place, run) = (state.shown(), RunId::random().to_string());
        let earlier = state.telling.begin();
        assert!(begin_telling(&state, &run).is_err() && !earlier.is_cancelled(), "nothing is known here yet");
        place.open_books(named);
        place.bar(true);
        assert_eq!(state.place().err().map(|error| error.code), Some(ErrorCode::Forbidden));
        let told = begin_telling(&state, &run).unwrap();
        assert!(earlier.is_cancelled() && !told.replaced.is_cancelled());
        assert_eq!(at_hand(&state).await.err().map(|error| error.code), Some(ErrorCode::SignedOut));
    }
}

//! Machine policy while the window is open: it is read again each minute, and what changed is put in force at once.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tauri::{AppHandle, Manager};
use unlatch_recovery::RunState;
use unlatch_settings::PolicyRead;

use crate::change;
use crate::dto::{Mode, WindowNotice};
use crate::error::{CommandError, ErrorCode};
use crate::place::Place;
use crate::session;
use crate::state::{self, AppState};
use crate::tenants;

/// How often policy is read again.
const BETWEEN_READS: Duration = Duration::from_secs(60);
/// How long policy must stay as it was read before it is put in force. It may be in the middle of being written.
const UNTIL_WRITTEN: Duration = Duration::from_secs(2);
/// What is wrong with a policy that is not there for the first time.
const GONE: &str = "it was there before and is gone; if it stays away, that counts in a minute";

/// Reads policy again each minute. Runs until the application ends.
pub async fn watch(app: AppHandle) {
    each_minute(&app.state::<AppState>()).await;
}

async fn each_minute(state: &AppState) {
    loop {
        tokio::time::sleep(BETWEEN_READS).await;
        read_again(state).await;
    }
}

/// Reads policy and takes it over. A change is read twice, and left to the next minute if both readings differ.
async fn read_again(state: &AppState) {
    let read = PolicyRead::new(&state.sources);
    if read != state.policy() {
        tokio::time::sleep(UNTIL_WRITTEN).await;
        if PolicyRead::new(&state.sources) != read {
            return;
        }
    }
    take(state, read).await;
}

/// Puts policy as it was read in force, unless what is in force says the same. A policy that is gone counts as broken at first.
pub async fn take(state: &AppState, read: PolicyRead) {
    let _changing = state.changing.lock().await;
    let (in_force, gone) = (state.policy(), read.clone().broken(GONE));
    let is_gone = read.is_empty() && !in_force.is_empty() && in_force != gone;
    let read = if is_gone { gone } else { read };
    if read != in_force {
        put_in_force(state, read).await;
    } else if let_go(state).await {
        tell(state);
    }
}

fn tell(state: &AppState) {
    tracing::info!("policy has changed");
    state.notify(WindowNotice::PolicyChanged);
}

/// Puts policy as it was read, and the user's file as it is now, in force: a tenant that is no longer named or allowed cannot be used any more, and one that is named anew is there.
/// Where policy is broken no tenant can be used, and all stay where they are. A run that is under way goes on and can be stopped.
/// The window is told if policy says something else, or somebody was signed out. `AppState::changing` must be held.
pub async fn put_in_force(state: &AppState, policy: PolicyRead) {
    let before = state.settings();
    let (settings, problems) = policy.load_again(&state.sources.user, &before);
    let is_new = policy != state.policy();
    *state.policy.lock().unwrap_or_else(PoisonError::into_inner) = policy;
    *state.settings.write().unwrap_or_else(PoisonError::into_inner) = (settings.clone(), problems);
    if before.clipboard && !settings.clipboard {
        state.clipboard.clear_soon();
    }
    let there: Vec<Arc<Place>> = state.places().tenants().cloned().collect();
    if settings.policy_broken {
        there.iter().filter(|place| place.mode == Mode::Tenant).for_each(|place| stop(place));
        if is_new {
            tell(state);
        }
        return;
    }
    let (home, further) = state::named(&settings, &there, |registration| state.place_for(registration));
    let named: Vec<Arc<Place>> = std::iter::once(&home).chain(&further).cloned().collect();
    state.places_mut().rename(home, further);
    let gone = state.places().leaving().to_vec();
    gone.iter().for_each(|place| stop(place));
    let (not_allowed, allowed): (Vec<_>, Vec<_>) =
        named.into_iter().partition(|place| account_refused(place).is_some());
    not_allowed.iter().for_each(|place| stop(place));
    // Opened before what stays barred is signed out.
    let opened: Vec<_> = allowed.into_iter().map(|place| (place.bar(false), place)).collect();
    let changed = let_go(state).await;
    for (was_barred, place) in opened {
        let is_added = there.iter().all(|there| !Arc::ptr_eq(there, &place));
        if state.usable(place.clone()).is_err() {
            continue;
        }
        if is_added {
            tenants::close_if_locked(state, &place);
        }
        // A kept sign-in may wait for a place that is new, and for one that was barred before it was looked for.
        if is_added || was_barred && !place.has_desk() {
            session::restore(&place).await;
        } else if was_barred {
            session::go_on(&place).await;
        }
    }
    if is_new || changed {
        tell(state);
    }
}

/// Nothing new is asked or sent in a place from now on.
fn stop(place: &Place) {
    place.bar(true);
    session::cancel(place);
    place.session().following = None;
}

/// Returns why the account that is signed in may not be there, if it may not. A place that is named by a domain learns its tenant from it.
fn account_refused(place: &Place) -> Option<CommandError> {
    let tenant_id = place.desk().ok()?.account.tenant_id.clone();
    place.expect_allowed(&tenant_id).err()
}

/// Signs out where policy does not let anybody be any more and no run is under way, and takes what is leaving off the list. What the
/// keychain does not let go of is tried again a minute later. Returns whether anything changed.
async fn let_go(state: &AppState) -> bool {
    if state.settings().policy_broken {
        return false;
    }
    // A sign-in may have ended while policy changed.
    state.places().tenants().filter(|place| account_refused(place).is_some()).for_each(|place| stop(place));
    let barred: Vec<Arc<Place>> =
        state.places().tenants().filter(|place| place.is_barred()).cloned().collect();
    let mut changed = false;
    for place in barred {
        if let Err(error) = leave(&place).await {
            if error.code != ErrorCode::RunUnderWay {
                tracing::warn!(%error, "a tenant that may not be used any more is not signed out yet");
            }
            continue;
        }
        tenants::close_if_locked(state, &place);
        let is_leaving = state.places().leaving().iter().any(|leaving| Arc::ptr_eq(leaving, &place));
        if is_leaving {
            state.places_mut().remove(&place.id());
        } else {
            place.bar(false);
        }
        changed = true;
    }
    changed
}

async fn leave(place: &Place) -> Result<(), CommandError> {
    // One that waits for a sign-in would wait without end: nobody can sign in here any more.
    if let Ok(engine) = place.engine() {
        for run in engine.runs(None).await?.iter().filter(|run| run.state == RunState::SignInNeeded) {
            engine.cancel(run.header.id);
        }
    }
    change::stand_still(place).await?;
    let refused = account_refused(place);
    session::sign_out(place, false).await?;
    session::forget_kept(place).await?;
    place.session().problem = refused;
    Ok(())
}

#[cfg(test)]
mod tests;

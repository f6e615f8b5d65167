//! Machine policy while the window is open: it is read again each minute, and what changed is put in force at once.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tauri::{AppHandle, Manager};
use unlatch_settings::{Problem, Settings, load_again, load_policy};

use crate::change;
use crate::dto::{Mode, WindowNotice};
use crate::error::{CommandError, ErrorCode};
use crate::place::Place;
use crate::session;
use crate::state::{self, AppState};
use crate::tenants;

/// How often policy is read again.
const BETWEEN_READS: Duration = Duration::from_secs(60);

/// What files or a policy say, and what is wrong with them.
pub type Loaded = (Settings, Vec<Problem>);

/// Reads policy again each minute. Runs until the application ends.
pub async fn watch(app: AppHandle) {
    each_minute(&app.state::<AppState>()).await;
}

async fn each_minute(state: &AppState) {
    let mut last = None;
    loop {
        tokio::time::sleep(BETWEEN_READS).await;
        read_again(state, &mut last).await;
    }
}

/// Reads policy, and puts it in force unless it says what it said `last`. The window is told of a change.
pub async fn read_again(state: &AppState, last: &mut Option<Loaded>) {
    let _changing = state.changing.lock().await;
    let now = load_policy(&state.sources);
    let changed = if last.as_ref() == Some(&now) {
        let_go(state).await
    } else {
        *last = Some(now);
        put_in_force(state, load_again(&state.sources, &state.settings())).await
    };
    if changed {
        tracing::info!("policy has changed");
        state.notify(WindowNotice::PolicyChanged);
    }
}

/// Puts what was read in force: a tenant that is no longer named or allowed cannot be used any more, and one that is named anew is there.
/// Where policy is broken no tenant can be used, and all stay where they are. A run that is under way goes on and can be stopped.
/// Returns whether anything changed. `AppState::changing` must be held.
pub async fn put_in_force(state: &AppState, (settings, problems): Loaded) -> bool {
    let before = (in_force(state), places(state));
    *state.settings.write().unwrap_or_else(PoisonError::into_inner) = (settings.clone(), problems);
    if before.0.0.clipboard && !settings.clipboard {
        state.clipboard.clear_soon();
    }
    let there: Vec<Arc<Place>> = state.places().tenants().cloned().collect();
    if settings.policy_broken {
        there.iter().filter(|place| place.mode == Mode::Tenant).for_each(|place| stop(place));
        return before != (in_force(state), places(state));
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
    let_go(state).await;
    for (was_barred, place) in opened {
        let is_new = there.iter().all(|there| !Arc::ptr_eq(there, &place));
        if state.usable(place.clone()).is_err() {
            continue;
        }
        if is_new {
            tenants::close_if_locked(state, &place);
        }
        // A kept sign-in may wait for a place that is new, and for one that was barred before it was looked for.
        if is_new || was_barred && !place.has_desk() {
            session::restore(&place).await;
        } else if was_barred {
            session::go_on(&place).await;
        }
    }
    before != (in_force(state), places(state))
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
    change::stand_still(place).await?;
    let refused = account_refused(place);
    session::sign_out(place, false).await?;
    session::forget_kept(place).await?;
    place.session().problem = refused;
    Ok(())
}

fn in_force(state: &AppState) -> Loaded {
    state.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The places as far as policy changes them.
fn places(state: &AppState) -> Vec<(String, bool, bool)> {
    state.places().all().map(|place| (place.id(), place.is_barred(), place.has_desk())).collect()
}

#[cfg(test)]
mod tests;

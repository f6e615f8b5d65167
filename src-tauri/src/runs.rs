//! Runs as the window sees them: their progress, going on after a sign-in, and asking what became of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tauri::async_runtime::JoinHandle;
use tauri::ipc::Channel;
use tauri::{AppHandle, Manager};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use unlatch_recovery::{Change, Engine, FollowEnd, ResumeError, RunId, RunState};

use crate::convert;
use crate::dto::RunProgress;
use crate::lock::IdleLock;
use crate::notice;
use crate::place::{Desk, Place};
use crate::state::AppState;

/// The shortest time between two messages to the window: twenty a second.
const PACE: Duration = Duration::from_millis(50);

/// Sends what changes after `version` until nothing does any more, the window is locked or gone, or `replaced` ends.
pub fn tell(
    lock: Arc<IdleLock>,
    replaced: CancellationToken,
    engine: Engine,
    id: RunId,
    mut changes: watch::Receiver<Change>,
    mut version: u64,
    channel: Channel<RunProgress>,
) {
    tauri::async_runtime::spawn(async move {
        let mut ticks = interval(PACE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let Some(changed) = replaced.run_until_cancelled(changes.changed()).await else { return };
            let live = changed.is_ok();
            ticks.tick().await;
            let Ok(progress) = engine.changes_since(id, version).await else { return };
            version = progress.version;
            let hidden = lock.is_locked();
            if hidden || channel.send(convert::run_progress(&progress)).is_err() || !live {
                return;
            }
        }
    });
}

/// How long after the journal, or a token, failed devices are asked again.
const REST: Duration = Duration::from_secs(60);

/// The asking on one account's behalf, which ends when this is dropped.
pub struct Following(JoinHandle<()>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Asks the devices of this tenant what became of the requests for them, until this account signs out.
pub fn follow(place: &Place, desk: &Arc<Desk>) {
    if place.is_barred() {
        return;
    }
    let Ok(engine) = place.engine() else { return };
    let (principal, tenant, signed_in) = (desk.principal.clone(), desk.tenant(), desk.session.clone());
    let asking = async move {
        loop {
            match engine.follow(&principal, tenant.clone()).await {
                FollowEnd::Journal(error) => tracing::warn!(%error, "what devices report cannot be recorded"),
                // Graph refused one token, and the sign-in is in force.
                FollowEnd::SignInNeeded if signed_in.ended().borrow().is_none() => {}
                FollowEnd::SignInNeeded | FollowEnd::Replaced => return,
            }
            tokio::time::sleep(REST).await;
        }
    };
    let mut session = place.session();
    if session.locked {
        return;
    }
    if session.desk.as_ref().is_some_and(|seated| seated.is(desk)) {
        session.following = Some(Following(tauri::async_runtime::spawn(asking)));
    }
}

/// Runs that wait for this account to sign in count down and go on, unless they were confirmed more than a day ago. Devices are
/// asked what became of the requests for them.
pub async fn go_on(place: &Place, desk: &Arc<Desk>) {
    if place.is_barred() {
        return;
    }
    follow(place, desk);
    let Ok(engine) = place.engine() else { return };
    let Ok(runs) = engine.runs(Some(&desk.principal.tenant_id)).await else { return };
    for run in runs.iter().filter(|run| run.state == RunState::SignInNeeded) {
        resume(&engine, run.header.id, desk).await;
    }
}

/// Runs that are watched over, each by one, so that each end is told once.
#[derive(Default)]
pub struct Watched(Mutex<HashMap<RunId, CancellationToken>>);

impl Watched {
    fn runs(&self) -> MutexGuard<'_, HashMap<RunId, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to watch over a run in the place of whoever does. The token ends when somebody else begins.
    fn begin(&self, run: RunId) -> CancellationToken {
        let token = CancellationToken::new();
        if let Some(before) = self.runs().insert(run, token.clone()) {
            before.cancel();
        }
        token
    }

    /// Ends to, unless somebody else does by now.
    fn end(&self, run: RunId, token: &CancellationToken) {
        let mut runs = self.runs();
        if !token.is_cancelled() {
            runs.remove(&run);
        }
    }
}

/// Watches over a run until it ends: when it comes to wait for a sign-in that has meanwhile been done, it goes on, once a sign-in.
/// Its end is told by the operating system if the window is not in front.
pub fn watch_over(app: AppHandle, place: Arc<Place>, engine: Engine, id: RunId) {
    let Some(mut changes) = engine.watch(id) else { return };
    let replaced = app.state::<AppState>().watched.begin(id);
    tauri::async_runtime::spawn(async move {
        // A run that has just been started, or goes on, is about to send.
        let mut told = Some(RunState::Starting);
        if !engine.is_sending() {
            told = engine.changes_since(id, u64::MAX).await.ok().map(|progress| progress.summary.state);
        }
        let mut gone_on_with: Option<(Arc<Desk>, u64)> = None;
        while replaced.run_until_cancelled(changes.changed()).await.is_some_and(|change| change.is_ok()) {
            let Ok(progress) = engine.changes_since(id, u64::MAX).await else { break };
            let state = progress.summary.state;
            if told != Some(state) {
                told = Some(state);
                if !matches!(state, RunState::Starting | RunState::Active | RunState::Cancelling) {
                    notice::run_ended(&app, &progress.summary);
                }
            }
            if state != RunState::SignInNeeded {
                continue;
            }
            let Ok(desk) = place.desk() else { continue };
            let sign_ins = desk.session.sign_ins();
            let tried =
                gone_on_with.as_ref().is_some_and(|(tried, count)| tried.is(&desk) && *count == sign_ins);
            if !tried && !place.is_locked() && !place.is_barred() && desk.session.ended().borrow().is_none() {
                resume(&engine, id, &desk).await;
                gone_on_with = Some((desk, sign_ins));
            }
        }
        app.state::<AppState>().watched.end(id, &replaced);
    });
}

async fn resume(engine: &Engine, id: RunId, desk: &Desk) {
    match engine.resume(id, &desk.principal, desk.tenant()).await {
        Ok(()) => {}
        // It has ended as interrupted and is told of as such: a person is asked anew.
        Err(ResumeError::Expired) => tracing::info!(run = %id, "a waiting run was confirmed too long ago"),
        Err(error) => {
            tracing::info!(run = %id, "a waiting run does not go on");
            // The words may name the account that it waits for.
            tracing::debug!(run = %id, %error, "a waiting run does not go on");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_nobody_watches_over_any_more_is_forgotten_and_one_that_somebody_else_does_is_not() {
        let (watched, run) = (Watched::default(), RunId::random());
        let first = watched.begin(run);
        let second = watched.begin(run);
        assert!(first.is_cancelled() && !second.is_cancelled());
        watched.end(run, &first);
        assert_eq!(watched.runs().len(), 1);
        watched.end(run, &second);
        assert!(watched.runs().is_empty());
    }
}

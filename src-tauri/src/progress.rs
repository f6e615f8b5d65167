//! Carries a run's progress into the window, at most twenty messages a second.

use std::time::Duration;

use tauri::ipc::Channel;
use tokio::time::{MissedTickBehavior, interval};
use unlatch_recovery::{Engine, RunId};

use crate::convert;
use crate::dto::RunProgress;

/// The shortest time between two messages.
const PACE: Duration = Duration::from_millis(50);

/// Sends what changes after `version` until the run has ended or the window is gone.
pub fn follow(engine: Engine, id: RunId, version: u64, channel: Channel<RunProgress>) {
    let Some(mut changes) = engine.watch(id) else { return };
    tauri::async_runtime::spawn(async move {
        let mut version = version;
        let mut ticks = interval(PACE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let live = changes.changed().await.is_ok();
            ticks.tick().await;
            let Ok(progress) = engine.changes_since(id, version).await else { return };
            version = progress.version;
            if channel.send(convert::run_progress(&progress)).is_err() || !live {
                return;
            }
        }
    });
}

//! The window's lock: after a time without input, or when a person asks for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tauri::{AppHandle, Manager};

use crate::dto::WindowNotice;
use crate::error::CommandError;
use crate::place::Place;
use crate::session;
use crate::state::AppState;

/// How often the time without input is looked at.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
/// How often a place that is sending is looked at, whether it has ended.
const UNTIL_SENT: Duration = Duration::from_millis(500);

/// Both clocks: one stops while the machine sleeps, the other is set by people.
#[derive(Debug, Clone, Copy)]
pub struct Moment(Instant, SystemTime);

impl Moment {
    fn now() -> Self {
        Self(Instant::now(), SystemTime::now())
    }

    /// How long ago it was by the clock that says longer.
    fn until(self, now: Self) -> Duration {
        let by_the_wall = now.1.duration_since(self.1).unwrap_or_default();
        now.0.saturating_duration_since(self.0).max(by_the_wall)
    }
}

/// Whether the window is locked, and when it was last touched.
pub struct IdleLock {
    locked: AtomicBool,
    touched: Mutex<Moment>,
    /// Held while places are locked or unlocked, so that the two never cross.
    changing: tokio::sync::Mutex<()>,
}

impl Default for IdleLock {
    fn default() -> Self {
        Self {
            locked: AtomicBool::new(false),
            touched: Mutex::new(Moment::now()),
            changing: Default::default(),
        }
    }
}

impl IdleLock {
    /// Whether the window is locked.
    pub fn is_locked(&self) -> bool {
        self.locked.load(Ordering::Acquire)
    }

    /// # Errors
    /// `Locked` while the window is.
    pub fn expect_open(&self) -> Result<(), CommandError> {
        if self.is_locked() { Err(CommandError::locked()) } else { Ok(()) }
    }

    /// Somebody used the keyboard or the pointer. A locked window is not opened by that.
    pub fn touch(&self) {
        *self.touched.lock().unwrap_or_else(PoisonError::into_inner) = Moment::now();
    }

    /// Whether it is time to lock. 0 minutes means never.
    fn is_due(&self, minutes: u32, now: Moment) -> bool {
        let touched = *self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        minutes > 0 && !self.is_locked() && touched.until(now) >= Duration::from_secs(u64::from(minutes) * 60)
    }
}

/// Locks the window when nobody has touched it for as long as the settings say. Runs until the application ends.
pub async fn watch(app: AppHandle) {
    loop {
        tokio::time::sleep(BETWEEN_LOOKS).await;
        let state = app.state::<AppState>();
        if state.lock.is_due(state.settings().idle_lock_minutes, Moment::now()) {
            lock(&state).await;
            if state.lock.is_locked() {
                tracing::info!("nobody has touched the window for a while: it is locked");
                state.notify(WindowNotice::Locked);
            }
        }
    }
}

/// Locks the window at once, unless nobody is signed in. Tokens leave memory as soon as no run needs them any more.
pub async fn lock(state: &AppState) {
    let places: Vec<Arc<Place>> = state.places().all().cloned().collect();
    let is_used = places.iter().any(|place| place.session().desk.is_some());
    if !is_used || state.lock.locked.swap(true, Ordering::AcqRel) {
        return;
    }
    for place in places {
        session::cancel(&place);
        place.session().following = None;
    }
    empty(state).await;
}

/// Takes the tokens out of memory of places where a run went on behind the lock, when it has ended. Runs until the application
/// ends.
pub async fn empty_when_sent(app: AppHandle) {
    loop {
        tokio::time::sleep(UNTIL_SENT).await;
        empty(&app.state::<AppState>()).await;
    }
}

/// Takes the tokens of every place where nothing is being sent out of memory, if the window is locked.
async fn empty(state: &AppState) {
    if !state.lock.is_locked() {
        return;
    }
    let _changing = state.lock.changing.lock().await;
    let places: Vec<Arc<Place>> = state.places().all().cloned().collect();
    for place in places.iter().filter(|place| !place.session().locked && !place.is_sending()) {
        // It may have been unlocked while this waited.
        if state.lock.is_locked() {
            session::lock(place).await;
        }
    }
}

/// Unlocks the window by the keychain, which opens in the person's own session of the operating system.
///
/// # Errors
/// Why it stays locked; a sign-in unlocks it then.
pub async fn unlock(state: &AppState) -> Result<(), CommandError> {
    let changing = state.lock.changing.lock().await;
    session::unlock(&state.shown()).await?;
    open(state, changing).await;
    Ok(())
}

/// Opens the window after a sign-in.
pub async fn open_after_sign_in(state: &AppState) {
    if state.lock.is_locked() {
        open(state, state.lock.changing.lock().await).await;
    }
}

async fn open(state: &AppState, _changing: tokio::sync::MutexGuard<'_, ()>) {
    let places: Vec<Arc<Place>> = state.places().all().cloned().collect();
    for place in places {
        // One whose keychain does not open asks for a sign-in when it is shown.
        if let Err(error) = session::unlock(&place).await {
            tracing::warn!(%error, "a tenant's sign-in could not be taken from the keychain");
        }
    }
    state.lock.touch();
    state.lock.locked.store(false, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_due_to_lock_after_that_many_minutes_by_either_clock_and_not_before() {
        let lock = IdleLock::default();
        let touched = *lock.touched.lock().unwrap();
        let after = |seconds| Duration::from_secs(seconds);
        let by_both = |seconds| Moment(touched.0 + after(seconds), touched.1 + after(seconds));
        assert!(!lock.is_due(15, by_both(899)));
        assert!(lock.is_due(15, by_both(900)));
        assert!(!lock.is_due(0, by_both(90_000)), "0 means never");
        assert!(lock.is_due(15, Moment(touched.0, touched.1 + after(900))), "the machine slept");
        assert!(
            lock.is_due(15, Moment(touched.0 + after(900), touched.1 - after(900))),
            "the clock was set back"
        );
        lock.locked.store(true, Ordering::Release);
        assert!(!lock.is_due(15, by_both(900)), "it is locked already");
    }

    #[test]
    fn a_locked_window_answers_nothing() {
        let lock = IdleLock::default();
        assert_eq!(lock.expect_open(), Ok(()));
        lock.locked.store(true, Ordering::Release);
        lock.touch();
        assert_eq!(lock.expect_open(), Err(CommandError::locked()));
    }
}

//! The window's lock: after a time without input, or when a person asks for it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tauri::{AppHandle, Manager};

use crate::dto::{Mode, WindowNotice};
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
    /// How often it was locked. A sign-in opens the lock behind which it began, and no later one.
    count: AtomicU64,
    touched: Mutex<Moment>,
    /// Held while places are emptied or opened, so that the two never cross.
    changing: tokio::sync::Mutex<()>,
}

impl Default for IdleLock {
    fn default() -> Self {
        Self {
            locked: AtomicBool::new(false),
            count: AtomicU64::new(0),
            touched: Mutex::new(Moment::now()),
            changing: tokio::sync::Mutex::default(),
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

    /// How often the window was locked until now.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    fn touch(&self) {
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
        // Whoever signs in uses the keyboard in the browser, or another device.
        if state.places().all().any(|place| place.session().signing_in.is_some()) {
            state.lock.touch();
        }
        lock_if_due(&state).await;
    }
}

async fn lock_if_due(state: &AppState) {
    if state.lock.is_due(state.settings().idle_lock_minutes, Moment::now()) {
        lock(state).await;
    }
}

/// Somebody used the keyboard or the pointer. That opens no lock, nor does it keep one open that was due, as after the machine
/// has slept.
pub async fn touch(state: &AppState) {
    lock_if_due(state).await;
    state.lock.touch();
}

/// Locks the window at once, unless nobody is signed in. Tokens leave memory as soon as no run needs them any more.
pub async fn lock(state: &AppState) {
    if !all(state).iter().any(|place| place.has_desk()) || state.lock.locked.swap(true, Ordering::AcqRel) {
        return;
    }
    state.lock.count.fetch_add(1, Ordering::AcqRel);
    tracing::info!("the window is locked");
    state.clipboard.clear_soon();
    all(state).iter().for_each(|place| session::close(place));
    // What is on the screen goes first; tokens may have to wait for what is asked for with them.
    state.notify(WindowNotice::Locked);
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

/// Takes the tokens of every locked place where nothing is being sent out of memory.
async fn empty(state: &AppState) {
    let _changing = state.lock.changing.lock().await;
    for place in all(state).iter().filter(|place| place.is_locked() && !place.is_sending()) {
        let desk = place.session().desk.clone();
        if let Some(desk) = desk {
            desk.session.lock().await;
        }
    }
}

/// Unlocks the window by the keychain, which opens in the person's own session of the operating system. The tenant that is shown
/// is asked for, or whichever somebody is signed in to; the demo tenant keeps nothing there and counts only if it is alone.
///
/// # Errors
/// Why it stays locked; a sign-in unlocks it then.
pub async fn unlock(state: &AppState) -> Result<(), CommandError> {
    let changing = state.lock.changing.lock().await;
    let proofs = proofs(state.shown(), all(state));
    let mut refused = None;
    for place in &proofs {
        match session::unlock(place).await {
            Ok(()) => {
                refused = None;
                break;
            }
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    match refused {
        Some(error) => Err(error),
        None => {
            open(state, None, changing).await;
            Ok(())
        }
    }
}

/// The places of which one must be opened by the keychain to open the window.
fn proofs(shown: Arc<Place>, all: Vec<Arc<Place>>) -> Vec<Arc<Place>> {
    let counts = |place: &Arc<Place>| place.has_desk() && place.mode != Mode::Demo;
    if counts(&shown) {
        return vec![shown];
    }
    let real: Vec<_> = all.iter().filter(|place| counts(place)).cloned().collect();
    if real.is_empty() { all.into_iter().filter(|place| place.has_desk()).collect() } else { real }
}

/// Where a sign-in leads: to the tenant that is shown, and behind the lock to one whose sign-in opens it.
pub fn way_in(state: &AppState) -> Arc<Place> {
    let shown = state.shown();
    if !state.lock.is_locked() {
        return shown;
    }
    proofs(shown.clone(), all(state)).into_iter().next().unwrap_or(shown)
}

/// The same, for one that begins.
///
/// # Errors
/// As [`AppState::usable`].
pub fn door(state: &AppState) -> Result<Arc<Place>, CommandError> {
    state.usable(way_in(state))
}

/// What a finished sign-in opens: its place, and the window if it began behind this very lock. `began` is [`IdleLock::count`]
/// of then.
///
/// # Errors
/// `Locked` when the window was locked meanwhile, or a sign-in to the demo tenant does not open what others are signed in to.
pub async fn signed_in(state: &AppState, place: &Arc<Place>, began: u64) -> Result<(), CommandError> {
    let changing = state.lock.changing.lock().await;
    let is_proof = proofs(place.clone(), all(state)).iter().any(|proof| Arc::ptr_eq(proof, place));
    {
        let mut session = place.session();
        // Whoever locks from now on closes it again.
        session.locked = false;
        if let Some(desk) = &session.desk {
            desk.session.keep_open(false);
        }
    }
    if !state.lock.is_locked() {
        drop(changing);
        session::go_on(place).await;
        return Ok(());
    }
    if state.lock.count() != began || !is_proof {
        session::close(place);
        return Err(CommandError::locked());
    }
    open(state, Some(place), changing).await;
    Ok(())
}

/// Opens the window and every place whose sign-in the keychain gives back. One that it does not give back asks for a sign-in.
async fn open(state: &AppState, signed_in: Option<&Arc<Place>>, changing: tokio::sync::MutexGuard<'_, ()>) {
    let mut opened = Vec::new();
    for place in all(state) {
        let is_open = signed_in.is_some_and(|signed_in| Arc::ptr_eq(signed_in, &place));
        match if is_open { Ok(()) } else { session::unlock(&place).await } {
            Ok(()) => opened.push(place),
            Err(error) => tracing::warn!(%error, "a tenant's sign-in could not be taken from the keychain"),
        }
    }
    for place in &opened {
        place.session().locked = false;
    }
    state.lock.touch();
    state.lock.locked.store(false, Ordering::Release);
    drop(changing);
    for place in &opened {
        session::go_on(place).await;
    }
}

fn all(state: &AppState) -> Vec<Arc<Place>> {
    state.places().all().cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use unlatch_auth::{Cloud, Registration, Vault};
    use unlatch_demo_tenant::{DemoTenant, Options};

    use super::*;
    use crate::browser::NoBrowserNeeded;
    use crate::tenancies::Tenancies;
    use unlatch_settings::Sources;

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

    /// A keychain that takes nothing.
    fn none() -> Vault {
        Vault::over("unlatch-test", || Err(keyring_core::Error::PlatformFailure("no bus".into())))
    }

    /// An application with nothing configured, and places beside it where the demo tenant's admin is signed in.
    async fn application(places: &[(Mode, Vault)]) -> (AppState, Vec<Arc<Place>>, Vec<Arc<DemoTenant>>) {
        let nowhere = PathBuf::from("/dev/null/nowhere");
        let sources = Sources { policy: None, user: nowhere.join("config.toml") };
        let tenancies = Arc::new(Tenancies::new(&nowhere));
        let state =
            AppState::new(sources, nowhere, Default::default(), tenancies.clone(), Vault::memory(), None);
        let (mut opened, mut tenants) = (Vec::new(), Vec::new());
        for (mode, vault) in places {
            let tenant = Arc::new(DemoTenant::start(Options::default()).await.unwrap());
            let cloud = Cloud::custom(tenant.login_url().clone(), tenant.graph_url().clone()).unwrap();
            let registration = Registration::new(cloud, tenant.tenant_id(), tenant.client_id()).unwrap();
            let browser = Arc::new(NoBrowserNeeded(tenant.clone()));
            let place =
                Arc::new(Place::new(*mode, Some(registration), vault.clone(), browser, tenancies.clone()));
            state.places_mut().add(place.clone());
            session::sign_in(&place, true, None).await.unwrap();
            signed_in(&state, &place, state.lock.count()).await.unwrap();
            opened.push(place);
            tenants.push(tenant);
        }
        (state, opened, tenants)
    }

    async fn answers(place: &Place) -> bool {
        place.desk().unwrap().client.me().await.is_ok()
    }

    #[tokio::test]
    async fn the_keychain_opens_every_place_that_it_holds_and_the_others_ask_for_a_sign_in() {
        let (state, places, _tenants) =
            application(&[(Mode::Tenant, Vault::memory()), (Mode::Tenant, none())]).await;
        state.places_mut().show(&places[0].id());
        lock(&state).await;
        assert!(state.place().is_err() && !answers(&places[0]).await && !answers(&places[1]).await);
        unlock(&state).await.unwrap();
        assert!(state.place().is_ok() && answers(&places[0]).await);
        state.places_mut().show(&places[1].id());
        assert!(state.place().is_err() && !answers(&places[1]).await, "its sign-in is kept nowhere");
    }

    #[tokio::test]
    async fn what_proves_nothing_opens_nothing() {
        let (state, places, _tenants) =
            application(&[(Mode::Tenant, none()), (Mode::Demo, Vault::memory())]).await;
        for shown in ["none", "demo"] {
            state.places_mut().show(shown);
            lock(&state).await;
            assert!(unlock(&state).await.is_err(), "{shown} opened the window");
            assert!(state.lock.is_locked() && !answers(&places[0]).await);
        }
        session::sign_in(&places[1], false, None).await.unwrap();
        let began = state.lock.count();
        assert!(signed_in(&state, &places[1], began).await.is_err(), "the demo's sign-in opened the window");
        session::sign_in(&places[0], false, None).await.unwrap();
        signed_in(&state, &places[0], began).await.unwrap();
        assert!(!state.lock.is_locked() && answers(&places[0]).await);
    }

    #[tokio::test]
    async fn a_sign_in_that_began_before_the_lock_stays_behind_it() {
        let (state, places, _tenants) = application(&[(Mode::Tenant, none())]).await;
        state.places_mut().show(&places[0].id());
        let began = state.lock.count();
        session::sign_in(&places[0], false, None).await.unwrap();
        lock(&state).await;
        assert!(signed_in(&state, &places[0], began).await.is_err());
        empty(&state).await;
        assert!(state.lock.is_locked() && !answers(&places[0]).await);
    }

    #[tokio::test]
    async fn a_sign_in_behind_the_lock_outlives_the_emptying_and_opens_for_good() {
        let (state, places, _tenants) =
            application(&[(Mode::Tenant, none()), (Mode::Demo, Vault::memory())]).await;
        state.places_mut().show("demo");
        lock(&state).await;
        // Whatever is shown, the way in leads to the tenant that somebody is signed in to.
        let (place, began) = (door(&state).unwrap(), state.lock.count());
        assert!(Arc::ptr_eq(&place, &places[0]));
        session::sign_in(&place, false, None).await.unwrap();
        empty(&state).await;
        signed_in(&state, &place, began).await.unwrap();
        empty(&state).await;
        assert!(!state.lock.is_locked() && answers(&place).await);
    }

    #[tokio::test]
    async fn a_touch_after_the_machine_slept_does_not_keep_the_window_open() {
        let (state, places, _tenants) = application(&[(Mode::Tenant, Vault::memory())]).await;
        let slept = Moment(Instant::now(), SystemTime::now() - Duration::from_secs(8 * 3_600));
        *state.lock.touched.lock().unwrap() = slept;
        touch(&state).await;
        assert!(state.lock.is_locked() && !answers(&places[0]).await);
    }

    #[tokio::test]
    async fn a_window_in_which_nobody_is_signed_in_does_not_lock() {
        let (state, _, _tenants) = application(&[]).await;
        lock(&state).await;
        assert!(!state.lock.is_locked());
    }
}

//! What the commands share. A `Place` is everything behind the window for one choice of tenant.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tauri::ipc::Channel;
use tokio_util::sync::CancellationToken;
use unlatch_auth::{Browser, Registration, Session, Vault};
use unlatch_demo_tenant::DemoTenant;
use unlatch_graph::{Client, Pace};
use unlatch_recovery::{Engine, Principal, Tenant};

use crate::config::{Settings, Sources};
use crate::dto::{AccountView, ConfigProblem, Mode, WindowNotice};
use crate::error::CommandError;
use crate::shown::Shown;

/// State of the whole application.
pub struct AppState {
    /// Where settings come from.
    pub sources: Sources,
    /// The folder of the journal and the logs.
    pub data_folder: PathBuf,
    /// Settings in force and what is wrong with their files.
    pub settings: RwLock<(Settings, Vec<ConfigProblem>)>,
    places: RwLock<Places>,
    /// Held while the place is being changed, so that two changes never cross.
    pub changing: tokio::sync::Mutex<()>,
    /// True once a kept sign-in was looked for.
    pub restored: tokio::sync::watch::Sender<bool>,
    listener: Mutex<Option<Channel<WindowNotice>>>,
}

/// The place behind the window, and the one it was exchanged for: one of them is the demo tenant, the other is not.
/// A place stays open with its runs while the other is shown.
struct Places {
    shown: Arc<Place>,
    other: Option<Arc<Place>>,
}

impl AppState {
    /// State on a first place.
    pub fn new(
        sources: Sources,
        data_folder: PathBuf,
        settings: (Settings, Vec<ConfigProblem>),
        place: Place,
    ) -> Self {
        Self {
            sources,
            data_folder,
            settings: RwLock::new(settings),
            places: RwLock::new(Places { shown: Arc::new(place), other: None }),
            changing: tokio::sync::Mutex::new(()),
            restored: tokio::sync::watch::Sender::new(false),
            listener: Mutex::default(),
        }
    }

    /// The folder of a place's journal.
    pub fn journal_folder(&self, place: &Place) -> PathBuf {
        if place.mode == Mode::Demo { self.data_folder.join("demo") } else { self.data_folder.clone() }
    }

    /// What is behind the window now.
    pub fn place(&self) -> Arc<Place> {
        self.places.read().unwrap_or_else(PoisonError::into_inner).shown.clone()
    }

    /// Puts a place of the other kind behind the window.
    pub fn show(&self, place: Place) {
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        places.other = Some(std::mem::replace(&mut places.shown, Arc::new(place)));
    }

    /// Puts the demo tenant, or what is not the demo tenant, back behind the window. False if it was never opened.
    pub fn show_again(&self, demo: bool) -> bool {
        let mut guard = self.places.write().unwrap_or_else(PoisonError::into_inner);
        let places = &mut *guard;
        if (places.shown.mode == Mode::Demo) == demo {
            return true;
        }
        let Some(other) = &mut places.other else { return false };
        std::mem::swap(&mut places.shown, other);
        true
    }

    /// What is not the demo tenant, if it was opened.
    pub fn home(&self) -> Option<Arc<Place>> {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        [Some(&places.shown), places.other.as_ref()]
            .into_iter()
            .flatten()
            .find(|place| place.mode != Mode::Demo)
            .cloned()
    }

    /// Exchanges what is not the demo tenant, whether it is behind the window or not.
    pub fn exchange_home(&self, place: Place) -> Arc<Place> {
        let home = Arc::new(place);
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        if places.shown.mode == Mode::Demo {
            places.other = Some(home.clone());
        } else {
            places.shown = home.clone();
        }
        home
    }

    /// Tells the window from now on through this channel.
    pub fn listen(&self, listener: Channel<WindowNotice>) {
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
    }

    /// Tells the window, if it listens.
    pub fn notify(&self, notice: WindowNotice) {
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(error)) = listener.as_ref().map(|listener| listener.send(notice)) {
            tracing::debug!(%error, "the window does not listen");
        }
    }

    /// A copy of the settings in force.
    pub fn settings(&self) -> Settings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).0.clone()
    }
}

/// Everything behind the window for one choice of tenant.
pub struct Place {
    /// Demo, tenant, or none.
    pub mode: Mode,
    /// The application registration, where one is configured.
    pub registration: Option<Registration>,
    /// Where refresh tokens are kept.
    pub vault: Vault,
    /// Opens the sign-in page.
    pub browser: Arc<dyn Browser>,
    engine: Mutex<Result<Engine, CommandError>>,
    /// Keeps the demo tenant alive.
    pub demo: Option<Arc<DemoTenant>>,
    /// The request limits of this application in this tenant, which outlive a sign-in.
    pub pace: Arc<Pace>,
    session: Mutex<SessionState>,
}

/// Who is signed in to a place.
#[derive(Default)]
pub struct SessionState {
    /// The signed-in account's desk. It stays while somebody signs in again.
    pub desk: Option<Arc<Desk>>,
    /// A session that was signed out and whose refresh token the keychain still holds.
    pub leaving: Option<Session>,
    /// Stops waiting for the browser, while it is open.
    pub signing_in: Option<CancellationToken>,
    /// Why a kept sign-in could not be taken up.
    pub problem: Option<CommandError>,
}

/// A signed-in account and what works on its behalf.
pub struct Desk {
    /// Tokens and where they are kept.
    pub session: Session,
    /// Graph on the account's behalf.
    pub client: Client,
    /// The account, as shown.
    pub account: AccountView,
    /// The same account, as the journal records it.
    pub principal: Principal,
    /// What this account was shown, checked.
    pub shown: Shown,
}

impl Desk {
    /// Graph, as the engine uses it.
    pub fn tenant(&self) -> Arc<dyn Tenant> {
        Arc::new(self.client.clone())
    }
}

impl Place {
    /// A place where nobody is signed in yet.
    pub fn new(
        mode: Mode,
        registration: Option<Registration>,
        vault: Vault,
        browser: Arc<dyn Browser>,
        engine: Result<Engine, CommandError>,
        demo: Option<Arc<DemoTenant>>,
    ) -> Self {
        let (engine, pace, session) = (Mutex::new(engine), Arc::default(), Mutex::default());
        Self { mode, registration, vault, browser, engine, demo, pace, session }
    }

    /// Who is signed in, to be read or changed. Never held over an await.
    pub fn session(&self) -> MutexGuard<'_, SessionState> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The signed-in account's desk.
    ///
    /// # Errors
    /// `SignedOut` when nobody is signed in.
    pub fn desk(&self) -> Result<Arc<Desk>, CommandError> {
        self.session().desk.clone().ok_or_else(CommandError::signed_out)
    }

    /// The engine.
    ///
    /// # Errors
    /// Why nothing can be recorded.
    pub fn engine(&self) -> Result<Engine, CommandError> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens the journal again if it could not be opened, as after a repair.
    pub fn open_journal_again(&self, open: impl FnOnce() -> Result<Engine, CommandError>) {
        let mut engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        if engine.is_err() {
            *engine = open();
        }
    }
}

//! A place: everything behind the window for one choice of tenant.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use unlatch_auth::{Browser, Cloud, Registration, Session, Vault};
use unlatch_demo_tenant::{DemoTenant, Options};
use unlatch_graph::{Client, Pace};
use unlatch_recovery::{Engine, EngineOptions, Journal, Principal, Tenant};

use crate::browser::{self, NoBrowserNeeded, SystemBrowser};
use crate::config::Settings;
use crate::dto::{AccountView, Mode};
use crate::error::CommandError;
use crate::runs::Following;
use crate::shown::Shown;

/// The name under which the keychain shows what Unlatch keeps.
const KEYCHAIN_SERVICE: &str = "Unlatch";

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
    journal_folder: PathBuf,
    engine: Mutex<Result<Engine, CommandError>>,
    /// The request limits of this application in this tenant, which outlive a sign-in.
    pub pace: Arc<Pace>,
    session: Mutex<SessionState>,
    /// Keeps the demo tenant alive.
    _demo: Option<Arc<DemoTenant>>,
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
    /// Asks devices what became of the requests for them, on the desk's behalf.
    pub following: Option<Following>,
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
        journal_folder: PathBuf,
        engine: Result<Engine, CommandError>,
    ) -> Self {
        let (engine, pace, session) = (Mutex::new(engine), Arc::default(), Mutex::default());
        Self { mode, registration, vault, browser, journal_folder, engine, pace, session, _demo: None }
    }

    /// The tenant that the settings name, or a place without one, with its journal in `data_folder`.
    pub fn configured(settings: &Settings, data_folder: &Path) -> Self {
        let engine = open_journal(data_folder);
        Self::named_by(settings, Vault::system(KEYCHAIN_SERVICE), data_folder.to_owned(), engine)
    }

    /// The tenant that other settings name, or a place without one, on the same keychain and the same engine.
    pub fn moved_to(&self, settings: &Settings) -> Self {
        Self::named_by(settings, self.vault.clone(), self.journal_folder.clone(), self.engine())
    }

    fn named_by(
        settings: &Settings,
        vault: Vault,
        journal_folder: PathBuf,
        engine: Result<Engine, CommandError>,
    ) -> Self {
        let registration = settings.registration().ok().flatten();
        let mode = if registration.is_some() { Mode::Tenant } else { Mode::Unconfigured };
        Self::new(mode, registration, vault, Arc::new(SystemBrowser), journal_folder, engine)
    }

    /// A demo tenant of its own, with a journal of its own below `data_folder`.
    ///
    /// # Errors
    /// When nothing can listen on loopback.
    pub async fn demo(data_folder: &Path) -> Result<Self, CommandError> {
        let tenant = DemoTenant::start(Options::default()).await.map_err(CommandError::internal)?;
        let cloud = Cloud::custom(tenant.login_url().clone(), tenant.graph_url().clone())
            .map_err(CommandError::internal)?;
        let registration = Registration::new(cloud, tenant.tenant_id(), tenant.client_id())
            .map_err(CommandError::internal)?;
        let tenant = Arc::new(tenant);
        let browser: Arc<dyn Browser> = if browser::at_hand() {
            Arc::new(SystemBrowser)
        } else {
            Arc::new(NoBrowserNeeded(tenant.clone()))
        };
        let folder = demo_folder(data_folder);
        let engine = open_journal(&folder);
        let place = Self::new(Mode::Demo, Some(registration), Vault::memory(), browser, folder, engine);
        Ok(Self { _demo: Some(tenant), ..place })
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
    pub fn open_journal_again(&self) {
        let mut engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        if engine.is_err() {
            *engine = open_journal(&self.journal_folder);
        }
    }
}

/// Where the journal of the demo tenant lies.
pub fn demo_folder(data_folder: &Path) -> PathBuf {
    data_folder.join("demo")
}

/// The engine on the journal of a folder.
fn open_journal(folder: &Path) -> Result<Engine, CommandError> {
    let journal = Journal::open(folder)?;
    Ok(Engine::new(journal, EngineOptions::default()))
}

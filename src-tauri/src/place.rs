//! A place: everything behind the window for one choice of tenant.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use unlatch_auth::{Browser, Cloud, Registration, Session, Vault};
use unlatch_demo_tenant::{DemoTenant, Options};
use unlatch_graph::{Client, Pace};
use unlatch_recovery::{Engine, Principal, Tenant};

use crate::browser::{self, NoBrowserNeeded, SystemBrowser};
use crate::convert;
use crate::dto::{AccountView, JournalLoss, Mode};
use crate::error::CommandError;
use crate::runs::Following;
use crate::shown::Shown;
use crate::tenancies::Tenancies;
use crate::workbench::Workbench;

/// How many colours tell tenants apart.
pub const COLOURS: u8 = 8;

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
    /// The ids of the tenants anybody may sign in to; none means any.
    allowed_tenants: Mutex<Option<Vec<String>>>,
    /// Policy does not let the tenant be used now: nothing new is asked or sent here.
    barred: AtomicBool,
    tenancies: Arc<Tenancies>,
    /// The engine of the tenant, once its id is known.
    books: Mutex<Option<Books>>,
    session: Mutex<SessionState>,
    /// Keeps the demo tenant alive.
    _demo: Option<Arc<DemoTenant>>,
}

/// Where what is done in a tenant is recorded.
struct Books {
    tenant_id: String,
    engine: Result<Engine, CommandError>,
}

/// Who is signed in to a place.
#[derive(Default)]
pub struct SessionState {
    /// The signed-in account's desk. It stays while somebody signs in again.
    pub desk: Option<Arc<Desk>>,
    /// Sessions that were signed out and whose refresh token the keychain still holds.
    pub leaving: Vec<Session>,
    /// Stops waiting for the browser, while it is open.
    pub signing_in: Option<CancellationToken>,
    /// Asks devices what became of the requests for them, on the desk's behalf.
    pub following: Option<Following>,
    /// Why a kept sign-in could not be taken up.
    pub problem: Option<CommandError>,
    /// Closed with the window's lock, and not opened since: nothing is asked here, and tokens leave memory.
    pub locked: bool,
}

/// A signed-in account and what works on its behalf.
#[derive(Clone)]
pub struct Desk {
    /// Tokens and where they are kept.
    pub session: Session,
    /// Graph on the account's behalf.
    pub client: Client,
    /// The account, as shown, but for the colour of its place.
    pub account: AccountView,
    /// Graph has told the tenant's name, or that it does not.
    pub is_named: bool,
    /// The same account, as the journal records it.
    pub principal: Principal,
    /// What this account was shown, checked.
    pub shown: Arc<Shown>,
}

impl Desk {
    /// Whether both are the same desk, whatever its tenant is called by now.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shown, &other.shown)
    }

    /// The table and the selection.
    pub fn work(&self) -> MutexGuard<'_, Workbench> {
        self.shown.work()
    }

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
        tenancies: Arc<Tenancies>,
    ) -> Self {
        let (books, session) = (Mutex::default(), Mutex::default());
        let (allowed_tenants, barred) = (Mutex::default(), AtomicBool::default());
        Self {
            mode,
            registration,
            vault,
            browser,
            allowed_tenants,
            barred,
            tenancies,
            books,
            session,
            _demo: None,
        }
    }

    /// Lets nobody sign in here from now on but to one of these tenants.
    pub fn allow(&self, allowed_tenants: Option<Vec<String>>) {
        *self.allowed_tenants.lock().unwrap_or_else(PoisonError::into_inner) = allowed_tenants;
    }

    /// Bars the place, or opens it again. Returns whether it was barred before.
    pub fn bar(&self, barred: bool) -> bool {
        self.barred.swap(barred, Ordering::AcqRel)
    }

    /// Returns whether policy keeps the tenant from being used.
    pub fn is_barred(&self) -> bool {
        self.barred.load(Ordering::Acquire)
    }

    /// Checks that policy does not keep the tenant from being used.
    ///
    /// # Errors
    /// `Forbidden`.
    pub fn expect_named(&self) -> Result<(), CommandError> {
        if self.is_barred() {
            return Err(CommandError::forbidden("the tenant is no longer one that may be used"));
        }
        Ok(())
    }

    /// Whether anybody may sign in to the tenant of that id here. A place that is named by a domain learns the id from a sign-in.
    ///
    /// # Errors
    /// `Forbidden`.
    pub fn expect_allowed(&self, tenant_id: &str) -> Result<(), CommandError> {
        let allowed = self.allowed_tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if unlatch_settings::is_allowed(allowed.as_deref(), tenant_id) {
            return Ok(());
        }
        Err(CommandError::forbidden(format!("the tenant {tenant_id} is none of those that are allowed")))
    }

    /// The tenant that a registration names, or a place without one.
    pub fn configured(registration: Option<Registration>, vault: Vault, tenancies: Arc<Tenancies>) -> Self {
        let mode = if registration.is_some() { Mode::Tenant } else { Mode::Unconfigured };
        Self::new(mode, registration, vault, Arc::new(SystemBrowser), tenancies)
    }

    /// A demo tenant of its own.
    ///
    /// # Errors
    /// When nothing can listen on loopback.
    pub async fn demo(tenancies: Arc<Tenancies>) -> Result<Self, CommandError> {
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
        let place = Self::new(Mode::Demo, Some(registration), Vault::memory(), browser, tenancies);
        Ok(Self { _demo: Some(tenant), ..place })
    }

    /// The keychain of the operating system, which takes nothing more where the sign-in is not to be kept.
    pub fn keychain(keeps: bool) -> Vault {
        let keychain = Vault::system(KEYCHAIN_SERVICE);
        if keeps { keychain } else { keychain.forgetting() }
    }

    /// Names the place to the window.
    pub fn id(&self) -> String {
        match (self.mode, &self.registration) {
            (Mode::Demo, _) => "demo".to_owned(),
            (_, None) => "none".to_owned(),
            (_, Some(Registration { cloud, tenant, client_id })) => {
                let digest = Sha256::digest(format!("{} {tenant} {client_id}", cloud.key()));
                digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
            }
        }
    }

    /// The colour a tenant of that name would have if there were no other.
    pub fn preferred_colour(&self) -> u8 {
        let tenant = self.registration.as_ref().map(|registration| registration.tenant.as_str());
        Sha256::digest(tenant.unwrap_or_default())[0] % COLOURS
    }

    /// Opens the journal of the tenant, whose id is known now.
    pub fn open_books(&self, tenant_id: &str) {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        if !books.as_ref().is_some_and(|books| books.tenant_id == tenant_id && books.engine.is_ok()) {
            let engine = self.tenancies.engine(&self.folder(tenant_id));
            *books = Some(Books { tenant_id: tenant_id.to_owned(), engine });
        }
    }

    /// Opens the journal again if it could not be opened, as after a repair. Gives whether it was opened now.
    pub fn open_journal_again(&self) -> bool {
        if self.journal_problem().is_none() {
            return false;
        }
        let books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let tenant_id = books.as_ref().map(|books| books.tenant_id.clone());
        drop(books);
        if let Some(tenant_id) = tenant_id {
            self.open_books(&tenant_id);
        }
        self.journal_problem().is_none()
    }

    /// The request limits of this application in the tenant, which outlive a sign-in.
    pub fn pace(&self, tenant_id: &str) -> Arc<Pace> {
        let client_id = self.registration.as_ref().map(|registration| registration.client_id.as_str());
        self.tenancies.pace(&self.folder(tenant_id), client_id.unwrap_or_default())
    }

    /// The name that Graph gave the tenant when it was last asked.
    pub fn tenant_name(&self, tenant_id: &str) -> Option<String> {
        self.tenancies.name(&self.folder(tenant_id))
    }

    /// Remembers the tenant's name, to be shown at the next start before Graph is asked.
    pub fn remember_tenant_name(&self, tenant_id: &str, name: &str) {
        self.tenancies.remember_name(&self.folder(tenant_id), name);
    }

    fn folder(&self, tenant_id: &str) -> std::path::PathBuf {
        match (&self.registration, self.mode) {
            (Some(registration), Mode::Tenant) => self.tenancies.folder(registration, tenant_id),
            _ => self.tenancies.demo_folder(),
        }
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
    /// Why nothing can be recorded; `SignedOut` while the tenant is not known.
    pub fn engine(&self) -> Result<Engine, CommandError> {
        let books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        books.as_ref().map_or_else(|| Err(CommandError::signed_out()), |books| books.engine.clone())
    }

    /// Why nothing can be recorded, if so.
    pub fn journal_problem(&self) -> Option<CommandError> {
        let books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        books.as_ref().and_then(|books| books.engine.as_ref().err().cloned())
    }

    /// The entries that the journal lost, until a person has answered that.
    pub fn journal_went_back(&self) -> Option<JournalLoss> {
        let engine = self.engine().ok()?;
        engine.journal().went_back().map(|loss| convert::journal_loss(&loss))
    }

    /// Whether it was closed with the window's lock and has not been opened since.
    pub fn is_locked(&self) -> bool {
        self.session().locked
    }

    /// Whether somebody has signed in here, even if that sign-in has ended.
    pub fn has_desk(&self) -> bool {
        self.session().desk.is_some()
    }

    /// Whether a run is under way here.
    pub fn is_sending(&self) -> bool {
        self.engine().is_ok_and(|engine| engine.is_sending())
    }
}

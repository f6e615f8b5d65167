//! Makes places: the configured tenant, or the demo tenant.

use std::path::Path;
use std::sync::Arc;

use unlatch_auth::{Browser, Cloud, Registration, Vault};
use unlatch_demo_tenant::{DemoTenant, Options};
use unlatch_recovery::{Engine, EngineOptions, Journal};

use crate::browser::{self, NoBrowserNeeded, SystemBrowser};
use crate::config::Settings;
use crate::dto::Mode;
use crate::error::CommandError;
use crate::state::Place;

/// The name under which the keychain shows what Unlatch keeps.
const KEYCHAIN_SERVICE: &str = "Unlatch";

/// The tenant that the settings name, or a place without one, on the journal of `data_folder`.
pub fn configured(settings: &Settings, data_folder: &Path) -> Place {
    with_engine(settings, Vault::system(KEYCHAIN_SERVICE), engine(data_folder))
}

/// The tenant that the settings name, or a place without one, on a keychain and an engine that are open already.
pub fn with_engine(settings: &Settings, vault: Vault, engine: Result<Engine, CommandError>) -> Place {
    let registration = settings.registration().ok().flatten();
    let mode = if registration.is_some() { Mode::Tenant } else { Mode::Unconfigured };
    Place::new(mode, registration, vault, Arc::new(SystemBrowser), engine, None)
}

/// A demo tenant of its own, with a journal of its own.
///
/// # Errors
/// When nothing can listen on loopback.
pub async fn demo(data_folder: &Path) -> Result<Place, CommandError> {
    let tenant = DemoTenant::start(Options::default()).await.map_err(CommandError::internal)?;
    let cloud = Cloud::custom(tenant.login_url().clone(), tenant.graph_url().clone())
        .map_err(CommandError::internal)?;
    let registration =
        Registration::new(cloud, tenant.tenant_id(), tenant.client_id()).map_err(CommandError::internal)?;
    let tenant = Arc::new(tenant);
    let browser: Arc<dyn Browser> =
        if browser::at_hand() { Arc::new(SystemBrowser) } else { Arc::new(NoBrowserNeeded(tenant.clone())) };
    let engine = engine(&data_folder.join("demo"));
    Ok(Place::new(Mode::Demo, Some(registration), Vault::memory(), browser, engine, Some(tenant)))
}

/// The engine on the journal of a folder.
///
/// # Errors
/// Why nothing can be recorded there.
pub fn engine(folder: &Path) -> Result<Engine, CommandError> {
    let journal = Journal::open(folder)?;
    Ok(Engine::new(journal, EngineOptions::default()))
}

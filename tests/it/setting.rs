//! What every test starts from: a demo tenant, a stage, and a configuration that names the tenant.

use std::path::PathBuf;

use unlatch_demo_tenant::{DemoTenant, Options, Pace};
use unlatch_e2e::{Failure, Keychain, Launch, Picks, Stage};

pub struct Setting {
    pub tenant: DemoTenant,
    pub stage: Stage,
    pub picks: Picks,
    config: PathBuf,
}

impl Setting {
    /// The tenant's device results wait until a test settles them, and runs start without a countdown.
    pub async fn new(name: &str, keychain: Keychain) -> Result<Self, Failure> {
        let options = Options { pace: Pace::manual(), ..Options::default() };
        Self::with(name, keychain, options, "countdown = 0\n").await
    }

    /// With a tenant and settings of its own.
    pub async fn with(
        name: &str,
        keychain: Keychain,
        options: Options,
        settings: &str,
    ) -> Result<Self, Failure> {
        let tenant = DemoTenant::start(options).await.map_err(|error| Failure::new(error.to_string()))?;
        let stage = Stage::set(name, keychain)?;
        // Settings may end in tables, which come after every key.
        let config = stage.write_config(&format!("language = \"en\"\n{}{settings}\n", named(&tenant)))?;
        let picks = Picks::from(&tenant.directory())?;
        Ok(Self { tenant, stage, picks, config })
    }

    /// Unlatch with that configuration.
    pub fn launch(&self) -> Launch {
        Launch::plain()
            .argument("--config")
            .argument(&self.config)
            .argument("--data-dir")
            .argument(self.stage.data_folder())
    }
}

/// The keys that name a tenant in a configuration file.
pub fn named(tenant: &DemoTenant) -> String {
    format!(
        "tenant = \"{}\"\nclient_id = \"{}\"\ncloud = {{ login_url = \"{}\", graph_url = \"{}\" }}\n",
        tenant.tenant_id(),
        tenant.client_id(),
        tenant.login_url(),
        tenant.graph_url()
    )
}

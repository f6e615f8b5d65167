//! An application for tests, over a demo tenant and files of its own.

use std::path::Path;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use unlatch_auth::Vault;
use unlatch_demo_tenant::{DemoTenant, Options};
use unlatch_graph::{DeviceId, Route};
use unlatch_recovery::{Action, Plan, PlanRules, PlannedItem, Principal};
use unlatch_settings::{Policy, PolicyRead, Sources};

use crate::state::AppState;
use crate::tenancies::Tenancies;

/// Returns the state over a user's file and a policy, which lie in the folder as `config.toml` and `policy.toml`.
pub fn state(user: &str, policy: &str, vault: Vault) -> (AppState, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    };
    let sources = Sources {
        policy: Some(Policy::File { path: file("policy.toml", policy), owner: own_id(folder.path()) }),
        user: file("config.toml", user),
    };
    let policy = PolicyRead::new(&sources);
    let settings = policy.load(&sources.user);
    let tenancies = Arc::new(Tenancies::new(folder.path()));
    let data = folder.path().to_owned();
    let mut state = AppState::new(sources, data, settings, tenancies, vault, None);
    state.policy = Mutex::new(policy);
    (state, folder)
}

/// Returns a state whose user's file names the demo tenant's cloud and whatever else is given.
pub async fn application(more: &str, policy: &str) -> (AppState, DemoTenant, TempDir) {
    let tenant = DemoTenant::start(Options::default()).await.unwrap();
    let (state, folder) = state(&format!("{}{more}", cloud(&tenant)), policy, Vault::memory());
    (state, tenant, folder)
}

/// Returns the line that names a demo tenant's cloud.
pub fn cloud(tenant: &DemoTenant) -> String {
    format!("cloud = {{ login_url = \"{}\", graph_url = \"{}\" }}\n", tenant.login_url(), tenant.graph_url())
}

/// Returns a plan over devices of these ids.
pub fn plan(principal: Principal, devices: &[&str]) -> Plan {
    let items = devices.iter().map(|id| PlannedItem {
        device_id: DeviceId::new(*id).unwrap(),
        route: Route::Direct,
        route_label: String::new(),
        name: "IPAD-1".to_owned(),
        serial: None,
        user_id: None,
        user: None,
        system: None,
    });
    let rules = PlanRules { max_items: 10, reason_required: false };
    Plan::new(principal, Action::RecoverPasscode, None, items.collect(), rules).unwrap()
}

/// The id of whoever runs this test.
#[cfg(unix)]
fn own_id(folder: &Path) -> u32 {
    std::os::unix::fs::MetadataExt::uid(&folder.metadata().unwrap())
}

#[cfg(not(unix))]
fn own_id(_: &Path) -> u32 {
    0
}

use std::sync::Mutex;

use tauri::ipc::{Channel, InvokeResponseBody};
use tempfile::TempDir;
use unlatch_auth::Vault;
use unlatch_demo_tenant::{DemoTenant, Options};
use unlatch_recovery::Plan;

use super::*;
use crate::browser::NoBrowserNeeded;
use crate::dto::{SettingsInput, TenantInput};
use crate::status;
use crate::testing;

/// Another tenant than the demo's.
const OTHER: &str = "11111111-1111-1111-1111-111111111111";
/// Another application.
const CLIENT: &str = "33333333-3333-3333-3333-333333333333";

fn code<T>(result: Result<T, CommandError>) -> Option<ErrorCode> {
    result.err().map(|error| error.code)
}

/// What names the demo tenant as the first one of a file.
fn first(tenant: &DemoTenant) -> String {
    let (id, client_id) = (tenant.tenant_id(), tenant.client_id());
    format!("tenant = \"{id}\"\nclient_id = \"{client_id}\"\n{}", testing::cloud(tenant))
}

fn table(tenant: &str, client_id: &str, cloud: &str) -> String {
    format!("[[tenants]]\ntenant = \"{tenant}\"\nclient_id = \"{client_id}\"\n{cloud}")
}

async fn demo() -> Arc<DemoTenant> {
    Arc::new(DemoTenant::start(Options::default()).await.unwrap())
}

/// A state whose user's file and policy are as given, and the demo tenant's admin signed in to the place that is shown.
async fn signed_in(tenant: &Arc<DemoTenant>, user: &str, policy: &str) -> (AppState, Vault, TempDir) {
    let vault = Vault::memory();
    let (state, folder) = testing::state(user, policy, vault.clone());
    let shown = state.shown();
    let browser = Arc::new(NoBrowserNeeded(tenant.clone()));
    let registration = shown.registration.clone();
    let before =
        Arc::new(Place::new(Mode::Tenant, registration, vault.clone(), browser, state.tenancies.clone()));
    session::sign_in(&before, true, None).await.unwrap();
    session::restore(&shown).await;
    assert!(shown.has_desk());
    (state, vault, folder)
}

fn write(folder: &TempDir, policy: &str) {
    std::fs::write(folder.path().join("policy.toml"), policy).unwrap();
}

async fn read(state: &AppState) {
    take(state, PolicyRead::new(&state.sources)).await;
}

/// What the window would be sent.
fn listen(state: &AppState) -> Arc<Mutex<Vec<String>>> {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = heard.clone();
    state.listen(Channel::new(move |body| {
        if let InvokeResponseBody::Json(text) = body {
            told.lock().unwrap().push(text);
        }
        Ok(())
    }));
    heard
}

/// What the form of the window sends when nothing in it is changed.
fn unchanged(state: &AppState) -> SettingsInput {
    let now = status::of(state).settings;
    SettingsInput {
        tenant: now.tenant.unwrap_or_default(),
        client_id: now.client_id.unwrap_or_default(),
        cloud: now.cloud,
        require_reason: now.require_reason,
        idle_lock_minutes: now.idle_lock_minutes,
        language: now.language,
    }
}

#[tokio::test]
async fn where_policy_names_tenants_the_window_opens_on_the_first_and_takes_no_other() {
    let user = format!("tenant = \"{OTHER}\"\nclient_id = \"{OTHER}\"\n");
    let policy = table("ours.example", OTHER, "") + &table("second.example", OTHER, "cloud = \"us-gov\"\n");
    let (state, _folder) = testing::state(&user, &policy, Vault::memory());
    let named = |place: &Place| place.registration.as_ref().map(|named| named.tenant.clone());
    assert_eq!(named(&state.shown()).as_deref(), Some("ours.example"));
    let further: Vec<_> = state.places().further().iter().map(|place| named(place)).collect();
    assert_eq!(further, [Some("second.example".to_owned())]);
    let shown = status::of(&state);
    assert_eq!(shown.settings.locked, ["tenant", "client_id", "cloud", "tenants", "allowed_tenants"]);
    assert_eq!(shown.settings.tenant.as_deref(), Some("ours.example"));
    assert!(!shown.settings.several_tenants && shown.places.iter().all(|place| !place.removable));

    // Whatever the page asks.
    for (tenant, client_id, cloud) in
        [(OTHER, OTHER, "global"), ("ours.example", CLIENT, "global"), ("ours.example", OTHER, "china")]
    {
        let input = SettingsInput {
            tenant: tenant.to_owned(),
            client_id: client_id.to_owned(),
            cloud: cloud.to_owned(),
            ..unchanged(&state)
        };
        assert_eq!(code(change::settings(&state, &input).await), Some(ErrorCode::Config), "{input:?}");
        let input = TenantInput {
            tenant: tenant.to_owned(),
            client_id: client_id.to_owned(),
            cloud: cloud.to_owned(),
        };
        assert_eq!(code(tenants::add(&state, &input).await), Some(ErrorCode::Forbidden));
    }
    assert_eq!(std::fs::read_to_string(&state.sources.user).unwrap(), user);
    let input = SettingsInput { language: Some("es".to_owned()), ..unchanged(&state) };
    change::settings(&state, &input).await.unwrap();
    assert_eq!(state.settings().language.as_deref(), Some("es"));
    assert_eq!(named(&state.shown()).as_deref(), Some("ours.example"), "nothing moves");
}

#[tokio::test]
async fn a_further_tenant_of_another_application_or_cloud_than_policy_sets_is_refused() {
    let (state, _folder) =
        testing::state("", &format!("client_id = \"{OTHER}\"\ncloud = \"us-gov\""), Vault::memory());
    for (client_id, cloud) in [(CLIENT, "us-gov"), (OTHER, "global")] {
        let input = TenantInput {
            tenant: "ours.example".to_owned(),
            client_id: client_id.to_owned(),
            cloud: cloud.to_owned(),
        };
        assert_eq!(code(tenants::add(&state, &input).await), Some(ErrorCode::Config), "{input:?}");
    }
    assert_eq!(std::fs::read_to_string(&state.sources.user).unwrap(), "");
}

#[tokio::test(start_paused = true)]
async fn policy_is_read_each_minute_and_the_window_is_told_of_a_change() {
    let (state, folder) = testing::state("", "export = false\nidle_lock_minutes = 60", Vault::memory());
    let heard = listen(&state);
    let look = async {
        tokio::time::sleep(Duration::from_secs(90)).await;
        assert!(heard.lock().unwrap().is_empty(), "nothing changed in the first minute");
        write(&folder, "idle_lock_minutes = 5\nclipboard = false");
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert!(!state.settings().export, "it is not a minute yet");
        tokio::time::sleep(Duration::from_secs(20)).await;
        let settings = state.settings();
        assert!(settings.export && !settings.clipboard && settings.idle_lock_minutes == 5);
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert_eq!(*heard.lock().unwrap(), ["\"policyChanged\""], "told once");
        // The user's own file is not read by the clock.
        std::fs::write(folder.path().join("config.toml"), "language = \"es\"").unwrap();
        tokio::time::sleep(Duration::from_secs(90)).await;
        assert_eq!(state.settings().language, None);
    };
    tokio::select! {
        () = each_minute(&state) => unreachable!(),
        () = look => {}
    }
}

#[tokio::test]
async fn a_tenant_that_policy_no_longer_names_is_signed_out_and_leaves_the_window() {
    let tenant = demo().await;
    let (state, vault, folder) = signed_in(&tenant, "", &first(&tenant)).await;
    let (before, heard) = (state.shown(), listen(&state));
    write(&folder, &table("other.example", OTHER, ""));
    read(&state).await;
    assert_eq!(state.shown().registration.as_ref().unwrap().tenant, "other.example");
    assert!(state.places().all().all(|place| place.id() != before.id()));
    assert!(!before.has_desk() && code(state.usable(before.clone())) == Some(ErrorCode::Forbidden));
    assert_eq!(*heard.lock().unwrap(), ["\"policyChanged\""]);
    let again = Arc::new(Place::configured(before.registration.clone(), vault, state.tenancies.clone()));
    session::restore(&again).await;
    assert!(!again.has_desk(), "its sign-in is in the keychain no more");

    write(&folder, &first(&tenant));
    read(&state).await;
    assert!(state.place().is_ok(), "it may be used again");
    assert_eq!(state.shown().id(), before.id());
}

#[tokio::test]
async fn a_sign_in_that_began_before_policy_changed_is_not_taken_over() {
    let tenant = demo().await;
    let (vault, browser) = (Vault::memory(), Arc::new(NoBrowserNeeded(tenant.clone())));
    let (state, _folder) = testing::state("", &first(&tenant), vault.clone());
    let registration = state.shown().registration.clone();
    let place =
        Arc::new(Place::new(Mode::Tenant, registration, vault.clone(), browser, state.tenancies.clone()));
    place.bar(true);
    assert_eq!(code(session::sign_in(&place, false, None).await), Some(ErrorCode::Forbidden));
    place.bar(false);
    session::restore(&place).await;
    assert!(!place.has_desk(), "nothing is kept of it");
}

fn plan(desk: &crate::place::Desk) -> Plan {
    testing::plan(desk.principal.clone(), &["a-device"])
}

#[tokio::test]
async fn a_run_under_way_keeps_its_tenant_in_the_window_to_be_stopped_and_for_nothing_else() {
    let tenant = demo().await;
    let (state, _vault, folder) = signed_in(&tenant, "", &first(&tenant)).await;
    let place = state.shown();
    let (engine, desk) = (place.engine().unwrap(), place.desk().unwrap());
    engine.set_countdown(Duration::from_secs(60));
    let run = engine.start(plan(&desk), desk.tenant()).await.unwrap();

    write(&folder, &table("other.example", OTHER, ""));
    read(&state).await;
    assert!(Arc::ptr_eq(&state.shown(), &place) && place.has_desk());
    assert_eq!(code(state.place()), Some(ErrorCode::Forbidden));
    assert_eq!(code(crate::lock::door(&state)), Some(ErrorCode::Forbidden));
    let home = state.places().home().registration.clone();
    assert_eq!(home.unwrap().tenant, "other.example");
    let removable = status::of(&state).places.iter().any(|place| place.removable);
    assert!(!removable && state.places_mut().show(&place.id()));

    // As `cancel_run` does.
    state.shown().engine().unwrap().cancel(run);
    let mut changes = engine.watch(run);
    while engine.run(run).await.unwrap().summary.state != RunState::Cancelled {
        changes.as_mut().unwrap().changed().await.unwrap();
    }
    read(&state).await;
    assert_eq!(state.shown().registration.as_ref().unwrap().tenant, "other.example");
    assert!(!place.has_desk() && state.places().leaving().is_empty());
    assert!(tenant.executed().is_empty());
}

#[tokio::test]
async fn an_account_of_a_tenant_that_is_no_longer_allowed_is_signed_out_where_a_domain_named_it() {
    let tenant = demo().await;
    let domain = tenant.admin_upn().split_once('@').unwrap().1.to_owned();
    let user = first(&tenant).replace(tenant.tenant_id(), &domain);
    let cloud = testing::cloud(&tenant);
    let allowed = |id: &str| format!("allowed_tenants = [\"{id}\"]\n");
    // Addresses of its own are policy's to name beside a list.
    let policy = format!("{cloud}{}", allowed(tenant.tenant_id()));
    let (state, _vault, folder) = signed_in(&tenant, &user, &policy).await;
    assert!(state.place().is_ok());
    write(&folder, &format!("{cloud}{}", allowed(OTHER)));
    read(&state).await;
    assert!(!state.shown().has_desk());
    let problem = state.shown().session().problem.clone();
    assert_eq!(problem.map(|problem| problem.code), Some(ErrorCode::Forbidden));
    assert_eq!(code(state.shown().expect_allowed(tenant.tenant_id())), Some(ErrorCode::Forbidden));
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_stops_every_tenant_until_it_is_mended() {
    let tenant = demo().await;
    let policy = format!("export = false\n{}", first(&tenant));
    let (state, _vault, folder) = signed_in(&tenant, "", &policy).await;
    let (place, heard) = (state.shown(), listen(&state));
    session::go_on(&place).await;
    assert!(place.session().following.is_some());
    write(&folder, "export = ");
    read(&state).await;
    assert_eq!(code(state.place()), Some(ErrorCode::Config));
    assert!(place.is_barred() && place.session().following.is_none(), "nothing is asked on its behalf");
    assert!(place.has_desk(), "nobody is signed out by a slip");
    let (settings, status) = (state.settings(), status::of(&state));
    assert!(!settings.export && status.config_problem.is_some());
    // What the user's own file sets is read and written as ever.
    let input = SettingsInput { language: Some("es".to_owned()), idle_lock_minutes: 7, ..unchanged(&state) };
    change::settings(&state, &input).await.unwrap();
    let settings = state.settings();
    assert_eq!((settings.language.as_deref(), settings.idle_lock_minutes), (Some("es"), 7));
    assert!(settings.policy_broken && !settings.export);

    write(&folder, &policy);
    read(&state).await;
    assert!(state.place().is_ok() && Arc::ptr_eq(&state.shown(), &place));
    assert!(place.session().following.is_some(), "what waited goes on");
    assert_eq!(heard.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_policy_that_is_mended_after_the_start_brings_its_tenants() {
    let tenant = demo().await;
    let (state, folder) = testing::state("", "tenant = ", Vault::memory());
    assert_eq!(state.shown().mode, Mode::Unconfigured);
    write(&folder, &first(&tenant));
    read(&state).await;
    assert_eq!(state.shown().registration.as_ref().unwrap().tenant, tenant.tenant_id());
    assert!(state.place().is_ok());
}

#[tokio::test]
async fn a_policy_that_was_gone_while_settings_were_saved_is_in_force_again_once_it_is_back() {
    let policy = "export = false\nrequire_reason = true";
    let (state, folder) = testing::state("", policy, Vault::memory());
    read(&state).await;
    let heard = listen(&state);
    std::fs::remove_file(folder.path().join("policy.toml")).unwrap();
    let input = SettingsInput { language: Some("es".to_owned()), ..unchanged(&state) };
    change::settings(&state, &input).await.unwrap();
    assert!(!state.settings().export, "a person's change does not lift policy");
    read(&state).await;
    assert!(state.settings().export || state.settings().policy_broken);
    write(&folder, policy);
    read(&state).await;
    let settings = state.settings();
    assert!(!settings.export && settings.require_reason && !settings.policy_broken);
    assert_eq!(
        *heard.lock().unwrap(),
        ["\"policyChanged\"", "\"policyChanged\""],
        "not of the person's own change"
    );
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_is_being_written_is_not_put_in_force() {
    let (state, folder) = testing::state("", "export = false\nclipboard = false", Vault::memory());
    write(&folder, "clipboard = false");
    let finish = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        write(&folder, "clipboard = false\nexport = false\nmax_run_size = 7");
    };
    tokio::join!(read_again(&state), finish);
    assert!(!state.settings().export, "what was half written lifts nothing");
    read_again(&state).await;
    let settings = state.settings();
    assert!(!settings.export && settings.max_run_size == 7);
}

#[tokio::test]
async fn a_policy_that_is_gone_signs_nobody_out_before_it_is_missed_twice() {
    let tenant = demo().await;
    let policy = first(&tenant);
    let (state, _vault, folder) = signed_in(&tenant, "", &policy).await;
    let place = state.shown();
    for empty in [true, false] {
        if empty {
            write(&folder, "");
        } else {
            std::fs::remove_file(folder.path().join("policy.toml")).unwrap();
        }
        read(&state).await;
        assert!(place.has_desk() && place.is_barred() && state.settings().policy_broken);
        write(&folder, &policy);
        read(&state).await;
        assert!(state.place().is_ok() && place.has_desk());
    }
    std::fs::remove_file(folder.path().join("policy.toml")).unwrap();
    read(&state).await;
    assert!(place.has_desk());
    read(&state).await;
    assert!(!place.has_desk() && !state.settings().policy_broken, "it is believed the second time");
}

/// Starts a run of one device, which waits for a sign-in as tokens have left memory.
async fn waiting_run(place: &Place) -> unlatch_recovery::RunId {
    let (engine, desk) = (place.engine().unwrap(), place.desk().unwrap());
    desk.session.lock().await;
    engine.set_countdown(Duration::ZERO);
    let run = engine.start(plan(&desk), desk.tenant()).await.unwrap();
    until(place, run, RunState::SignInNeeded).await;
    run
}

async fn until(place: &Place, run: unlatch_recovery::RunId, state: RunState) {
    let engine = place.engine().unwrap();
    let reached = async {
        while engine.run(run).await.unwrap().summary.state != state {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reached).await.unwrap();
}

#[tokio::test]
async fn a_run_that_waits_for_a_sign_in_is_cancelled_where_policy_bars_its_tenant() {
    let tenant = demo().await;
    let (state, _vault, folder) = signed_in(&tenant, "", &first(&tenant)).await;
    let place = state.shown();
    let run = waiting_run(&place).await;
    write(&folder, &table("other.example", OTHER, ""));
    read(&state).await;
    until(&place, run, RunState::Cancelled).await;
    read(&state).await;
    assert!(!place.has_desk() && state.places().leaving().is_empty());
}

#[tokio::test]
async fn a_waiting_run_does_not_go_on_behind_the_lock() {
    let tenant = demo().await;
    let (state, _vault, _folder) = signed_in(&tenant, "", &first(&tenant)).await;
    let place = state.shown();
    let run = waiting_run(&place).await;
    let engine = place.engine().unwrap();
    engine.set_countdown(Duration::from_secs(60));
    session::close(&place);
    session::go_on(&place).await;
    assert_eq!(engine.run(run).await.unwrap().summary.state, RunState::SignInNeeded);
}

#[tokio::test]
async fn a_save_signs_out_of_no_tenant_silently_and_leaves_its_token_to_policy() {
    let tenant = demo().await;
    let (state, vault, folder) = signed_in(&tenant, &first(&tenant), "").await;
    let place = state.shown();
    let run = waiting_run(&place).await;
    // The file names another first tenant since.
    let other = format!("tenant = \"{OTHER}\"\nclient_id = \"{OTHER}\"\n");
    std::fs::write(folder.path().join("config.toml"), other).unwrap();
    let input = SettingsInput { language: Some("es".to_owned()), ..unchanged(&state) };
    change::settings(&state, &input).await.unwrap();
    assert_eq!(state.settings().language.as_deref(), Some("es"));
    assert!(place.has_desk() && place.is_barred(), "it leaves when its run has ended");
    until(&place, run, RunState::Cancelled).await;
    read(&state).await;
    assert!(!place.has_desk());
    let again = Arc::new(Place::configured(place.registration.clone(), vault, state.tenancies.clone()));
    session::restore(&again).await;
    assert!(!again.has_desk(), "its token is in the keychain no more");
}

#[tokio::test]
async fn an_account_that_lands_in_a_tenant_no_longer_allowed_is_signed_out_by_the_next_look() {
    let tenant = demo().await;
    let (state, _vault, _folder) = signed_in(&tenant, "", &first(&tenant)).await;
    let place = state.shown();
    place.allow(Some(vec![OTHER.to_owned()]));
    read(&state).await;
    assert!(!place.has_desk());
}

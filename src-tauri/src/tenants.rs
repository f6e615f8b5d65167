//! Naming tenants: what can be said of one before anybody signs in, and the list of those a person looks after.

use std::sync::Arc;
use std::time::Duration;

use unlatch_auth::{Registration, SignInError, find_tenant};
use unlatch_settings::{CloudChoice, TenantChoice, user_file};

use crate::change;
use crate::dto::{SetupLink, SetupLinks, TenantCheck, TenantInput};
use crate::error::CommandError;
use crate::place::Place;
use crate::policy;
use crate::session;
use crate::state::AppState;

/// How long the sign-in service may take to tell whether two names are one tenant.
const CHECK_LIMIT: Duration = Duration::from_secs(5);

/// Stands in for an application where only the tenant is asked about.
const NO_CLIENT: &str = "00000000-0000-0000-0000-000000000000";

/// What was typed, with the cloud the settings have where it says `custom`.
fn choice(state: &AppState, input: &TenantInput) -> TenantChoice {
    let cloud = match (input.cloud.as_str(), state.settings().cloud) {
        ("custom", custom @ CloudChoice::Custom { .. }) => custom,
        (name, _) => CloudChoice::Named(name.to_owned()),
    };
    TenantChoice {
        tenant: input.tenant.trim().to_owned(),
        client_id: input.client_id.trim().to_owned(),
        cloud,
    }
}

fn registration(state: &AppState, choice: &TenantChoice) -> Result<Registration, CommandError> {
    state.settings().allowed(choice).map_err(refused)
}

fn refused((key, reason): (String, String)) -> CommandError {
    CommandError::config(format!("{key}: {reason}"))
}

/// Asks the cloud whether it has such a tenant.
///
/// # Errors
/// `Config` for what cannot be a tenant, `Superseded` when a newer question was asked meanwhile.
pub async fn check(state: &AppState, input: &TenantInput) -> Result<TenantCheck, CommandError> {
    let choice = TenantChoice { client_id: NO_CLIENT.to_owned(), ..choice(state, input) };
    let registration = registration(state, &choice)?;
    let superseded = state.newest_tenant_check();
    let found = tokio::select! {
        biased;
        () = superseded.cancelled() => return Err(CommandError::superseded()),
        found = find_tenant(&registration) => found,
    };
    Ok(match found {
        Ok(tenant_id) => TenantCheck::Found { tenant_id },
        Err(SignInError::UnknownTenant(_)) => TenantCheck::NotFound,
        Err(SignInError::WrongCloud { host }) => TenantCheck::OtherCloud { host },
        Err(error) => TenantCheck::NotAsked { problem: error.into() },
    })
}

/// Addresses that help to set the application up. Nothing is asked.
pub fn links(state: &AppState, input: &TenantInput) -> SetupLinks {
    let choice = choice(state, input);
    let cloud = unlatch_settings::cloud(&choice.cloud).ok();
    let registration = choice.registration().ok();
    let consent = |privileged| {
        registration.as_ref().map(|registration| registration.admin_consent_url(privileged).to_string())
    };
    SetupLinks {
        registrations: cloud.and_then(|cloud| cloud.registrations_url()).map(|url| url.to_string()),
        admin_consent: consent(true),
        admin_consent_to_search: consent(false),
    }
}

/// Opens one of these addresses in the browser.
///
/// # Errors
/// `Config` if what was typed does not make one, `NoBrowser`.
pub fn open(state: &AppState, input: &TenantInput, link: SetupLink) -> Result<(), CommandError> {
    let links = links(state, input);
    let address = match link {
        SetupLink::Registrations => links.registrations,
        SetupLink::AdminConsent => links.admin_consent,
        SetupLink::AdminConsentToSearch => links.admin_consent_to_search,
    };
    let address = address.and_then(|address| address.parse().ok());
    let address = address.ok_or_else(|| CommandError::config("tenant or client_id: not whole yet"))?;
    state.shown().browser.open(&address).map_err(CommandError::no_browser)
}

/// Names a further tenant, or the first, keeps it in the user's file and puts it behind the window.
///
/// # Errors
/// `Config` for what cannot be used or written, `TenantKnown`, `Forbidden` where policy names the tenants.
pub async fn add(state: &AppState, input: &TenantInput) -> Result<(), CommandError> {
    let settings = state.settings();
    if !settings.several_tenants() {
        return Err(CommandError::forbidden("the tenants are set by your organisation"));
    }
    let choice = choice(state, input);
    let registration = settings.allowed_further(&choice).map_err(refused)?;
    let place = state.usable(state.place_for(Some(registration)))?;
    let known: Vec<Arc<Place>> = state.places().all().cloned().collect();
    if known.iter().any(|known| known.id() == place.id()) || is_another_name(&place, &known).await {
        return Err(CommandError::tenant_known());
    }
    user_file::add_tenant(&state.sources.user, &choice).map_err(CommandError::config)?;
    policy::put_in_force(state, state.policy()).await;
    state.places_mut().show(&place.id());
    Ok(())
}

/// The window may have been locked since the place was asked for.
pub fn close_if_locked(state: &AppState, place: &Place) {
    if state.lock.is_locked() {
        session::close(place);
    }
}

/// Whether a place is the same application in the same tenant as one of these, under another name of the tenant. Where the
/// service does not tell in time it counts as another.
async fn is_another_name(place: &Place, known: &[Arc<Place>]) -> bool {
    let id = async |registration: &Registration| {
        tokio::time::timeout(CHECK_LIMIT, find_tenant(registration)).await.ok()?.ok()
    };
    let Some(new) = &place.registration else { return false };
    let alike = known.iter().filter_map(|known| known.registration.as_ref());
    let alike: Vec<_> =
        alike.filter(|known| known.cloud == new.cloud && known.client_id == new.client_id).collect();
    if alike.is_empty() {
        return false;
    }
    let Some(new) = id(new).await else { return false };
    for known in alike {
        if id(known).await.as_ref() == Some(&new) {
            return true;
        }
    }
    false
}

/// Signs out of a further tenant and takes it off the list.
///
/// # Errors
/// `InvalidInput` if it is not one, `RunUnderWay`, `Forbidden` where policy names the tenants, and when the file cannot be written
/// or the keychain does not let go.
pub async fn remove(state: &AppState, id: &str) -> Result<(), CommandError> {
    let place = state.places().further().iter().find(|place| place.id() == id).cloned();
    let place = place.ok_or_else(|| CommandError::invalid_input("not a further tenant"))?;
    if !state.settings().several_tenants() {
        return Err(CommandError::forbidden("the tenants are set by your organisation"));
    }
    change::stand_still(&place).await?;
    // What cannot be deleted now can be while the tenant is on the list.
    session::sign_out(&place, false).await?;
    session::forget_kept(&place).await?;
    let tenants = state.settings().tenants;
    let named = |choice: &TenantChoice| choice.registration().ok() == place.registration;
    // Named twice, it is taken off twice.
    for at in (0..tenants.len()).rev().filter(|at| tenants.get(*at).is_some_and(named)) {
        user_file::remove_tenant(&state.sources.user, at).map_err(CommandError::config)?;
    }
    state.places_mut().remove(id);
    policy::put_in_force(state, state.policy()).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use unlatch_demo_tenant::DemoTenant;
    use unlatch_settings::PolicyRead;

    use super::*;
    use crate::dto::SettingsInput;
    use crate::error::ErrorCode;
    use crate::status;
    use crate::testing::application;

    fn input(tenant: &DemoTenant, named: &str) -> TenantInput {
        TenantInput {
            tenant: named.to_owned(),
            client_id: tenant.client_id().to_owned(),
            cloud: "custom".to_owned(),
        }
    }

    fn code<T>(result: Result<T, CommandError>) -> Option<ErrorCode> {
        result.err().map(|error| error.code)
    }

    #[tokio::test]
    async fn a_tenant_is_added_once_whatever_it_is_called_and_taken_off_again() {
        let (state, tenant, _folder) = application("# ours\n", "").await;
        add(&state, &input(&tenant, tenant.tenant_id())).await.unwrap();
        let added = state.shown();
        assert_eq!(added.registration.as_ref().unwrap().tenant, tenant.tenant_id());
        let domain = tenant.admin_upn().split_once('@').unwrap().1;
        for named in [tenant.tenant_id(), domain] {
            assert_eq!(
                code(add(&state, &input(&tenant, named)).await),
                Some(ErrorCode::TenantKnown),
                "{named}"
            );
        }
        let kept = std::fs::read_to_string(&state.sources.user).unwrap();
        assert!(kept.contains("# ours") && kept.contains(tenant.tenant_id()), "{kept}");

        assert_eq!(
            code(remove(&state, "none").await),
            Some(ErrorCode::InvalidInput),
            "the first tenant stays"
        );
        remove(&state, &added.id()).await.unwrap();
        assert!(!std::fs::read_to_string(&state.sources.user).unwrap().contains(tenant.tenant_id()));
        assert_eq!(state.shown().id(), "none");
    }

    #[tokio::test]
    async fn a_policy_that_breaks_meanwhile_stops_every_tenant_and_allows_nothing_new() {
        let (state, tenant, folder) = application("", "export = false\nmax_run_size = 7").await;
        add(&state, &input(&tenant, tenant.tenant_id())).await.unwrap();
        assert!(state.place().is_ok());
        std::fs::write(folder.path().join("policy.toml"), "export = ").unwrap();
        policy::take(&state, PolicyRead::new(&state.sources)).await;
        assert_eq!(code(state.place()), Some(ErrorCode::Config));
        assert_eq!(code(crate::lock::door(&state)), Some(ErrorCode::Config));
        let settings = state.settings();
        assert!(!settings.export && settings.max_run_size == 7 && settings.policy_broken);
        // What the window itself changes is changed nevertheless, and nothing moves.
        let now = status::of(&state).settings;
        let changed = SettingsInput {
            tenant: now.tenant.unwrap_or_default(),
            client_id: now.client_id.unwrap_or_default(),
            cloud: now.cloud,
            require_reason: true,
            idle_lock_minutes: now.idle_lock_minutes,
            language: Some("es".to_owned()),
        };
        let shown = state.shown().id();
        change::settings(&state, &changed).await.unwrap();
        let settings = state.settings();
        assert!(settings.require_reason && !settings.export && settings.policy_broken);
        assert_eq!((settings.language.as_deref(), state.shown().id()), (Some("es"), shown));
        std::fs::write(folder.path().join("policy.toml"), "export = true").unwrap();
        policy::take(&state, PolicyRead::new(&state.sources)).await;
        assert!(state.place().is_ok() && state.settings().export);
    }

    #[tokio::test]
    async fn root_who_came_for_the_demo_gets_no_other_tenant() {
        let (mut state, tenant, _folder) = application("", "").await;
        add(&state, &input(&tenant, tenant.tenant_id())).await.unwrap();
        state.demo_only = true;
        assert_eq!(code(state.place()), Some(ErrorCode::Forbidden));
        assert_eq!(code(add(&state, &input(&tenant, "other.example")).await), Some(ErrorCode::Forbidden));
        let demo = Place::demo(state.tenancies.clone()).await.unwrap();
        state.places_mut().add(Arc::new(demo));
        assert!(state.places_mut().show("demo"));
        assert!(state.place().is_ok());
    }

    #[tokio::test]
    async fn where_policy_names_the_tenant_there_is_no_other() {
        let (state, tenant, _folder) = application("", "tenant = \"ours.example\"\n").await;
        let refused = add(&state, &input(&tenant, tenant.tenant_id())).await;
        assert_eq!(code(refused), Some(ErrorCode::Forbidden));
    }

    #[tokio::test]
    async fn a_tenant_is_checked_as_it_is_typed() {
        let (state, tenant, _folder) = application("", "").await;
        let found = check(&state, &input(&tenant, tenant.tenant_id())).await.unwrap();
        assert!(matches!(found, TenantCheck::Found { tenant_id } if tenant_id == tenant.tenant_id()));
        let missing = check(&state, &input(&tenant, "nobody.example")).await.unwrap();
        assert!(matches!(missing, TenantCheck::NotFound), "{missing:?}");
        assert_eq!(code(check(&state, &input(&tenant, "common")).await), Some(ErrorCode::Config));
        let older = input(&tenant, tenant.tenant_id());
        let (older, ()) = tokio::join!(check(&state, &older), async {
            state.newest_tenant_check();
        });
        assert_eq!(code(older), Some(ErrorCode::Superseded));
        drop(tenant);
        let (state, gone, _folder) = application("", "").await;
        let asked = input(&gone, gone.tenant_id());
        drop(gone);
        let unreachable = check(&state, &asked).await.unwrap();
        assert!(
            matches!(&unreachable, TenantCheck::NotAsked { problem } if problem.code == ErrorCode::Offline),
            "{unreachable:?}"
        );
    }

    #[tokio::test]
    async fn links_are_there_as_soon_as_what_was_typed_makes_them() {
        let (state, tenant, _folder) = application("", "").await;
        let half = TenantInput { client_id: String::new(), ..input(&tenant, tenant.tenant_id()) };
        assert!(links(&state, &half).admin_consent.is_none());
        let whole = links(&state, &input(&tenant, tenant.tenant_id()));
        let (all, to_search) = (whole.admin_consent.unwrap(), whole.admin_consent_to_search.unwrap());
        assert!(
            all.starts_with(tenant.login_url().as_str()) && all.contains("PrivilegedOperations"),
            "{all}"
        );
        assert!(!to_search.contains("PrivilegedOperations"), "{to_search}");
        assert!(whole.registrations.is_none(), "a custom cloud has no admin center of Microsoft's");
        let global = TenantInput { cloud: "global".to_owned(), ..half };
        assert!(links(&state, &global).registrations.is_some());
    }
}

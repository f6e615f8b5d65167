use unlatch_auth::{Browser, Cloud, Vault};
use unlatch_demo_tenant::{DemoTenant, Options};
use url::Url;

use super::*;
use crate::browser::NoBrowserNeeded;
use crate::dto::Mode;
use crate::tenancies::Tenancies;

/// A browser that nobody answers in.
struct Silent;

impl Browser for Silent {
    fn open(&self, _: &Url) -> Result<(), String> {
        Ok(())
    }
}

fn place(vault: &Vault, tenant: &Arc<DemoTenant>, browser: Arc<dyn Browser>) -> Arc<Place> {
    let cloud = Cloud::custom(tenant.login_url().clone(), tenant.graph_url().clone()).unwrap();
    let registration = Registration::new(cloud, tenant.tenant_id(), tenant.client_id()).unwrap();
    let nowhere = Arc::new(Tenancies::new(std::path::Path::new("/dev/null/no-journal-here")));
    Arc::new(Place::new(Mode::Tenant, Some(registration), vault.clone(), browser, nowhere))
}

async fn tenant() -> Arc<DemoTenant> {
    Arc::new(DemoTenant::start(Options::default()).await.unwrap())
}

#[tokio::test]
async fn a_sign_in_is_kept_and_restored_and_gone_after_signing_out() {
    let (vault, tenant) = (Vault::memory(), tenant().await);
    let first = place(&vault, &tenant, Arc::new(NoBrowserNeeded(tenant.clone())));
    sign_in(&first, true, None).await.unwrap();
    assert_eq!(first.desk().unwrap().account.username, tenant.admin_upn());

    let second = place(&vault, &tenant, Arc::new(Silent));
    restore(&second).await;
    assert_eq!(second.desk().unwrap().account.username, tenant.admin_upn());
    sign_out(&second, false).await.unwrap();

    let third = place(&vault, &tenant, Arc::new(Silent));
    restore(&third).await;
    assert!(third.desk().is_err());
}

#[tokio::test]
async fn a_kept_sign_in_is_taken_up_without_a_connection() {
    let (vault, tenant) = (Vault::memory(), tenant().await);
    let first = place(&vault, &tenant, Arc::new(NoBrowserNeeded(tenant.clone())));
    sign_in(&first, true, None).await.unwrap();
    let tenant_id = tenant.tenant_id().to_owned();

    let second = place(&vault, &tenant, Arc::new(Silent));
    drop((first, tenant));
    restore(&second).await;
    let account = second.desk().unwrap().account.clone();
    assert_eq!(account.tenant_name, tenant_id, "without Graph the tenant goes by its id");
}

#[tokio::test]
async fn a_kept_sign_in_is_shown_under_the_name_its_tenant_had_last_until_graph_tells_another() {
    let (vault, tenant) = (Vault::memory(), tenant().await);
    let folder = tempfile::tempdir().unwrap();
    let tenancies = Arc::new(Tenancies::new(folder.path()));
    let opened = |browser: Arc<dyn Browser>| {
        let registration = place(&vault, &tenant, browser.clone()).registration.clone();
        Arc::new(Place::new(Mode::Tenant, registration, vault.clone(), browser, tenancies.clone()))
    };
    let first = opened(Arc::new(NoBrowserNeeded(tenant.clone())));
    sign_in(&first, true, None).await.unwrap();
    let name = first.desk().unwrap().account.tenant_name.clone();
    assert!(name != tenant.tenant_id());

    let second = opened(Arc::new(Silent));
    take_up(&second).await;
    assert_eq!(second.desk().unwrap().account.tenant_name, name);
    assert!(!settle(&second).await, "nothing is shown otherwise");

    second.remember_tenant_name(tenant.tenant_id(), "As it was called before");
    let third = opened(Arc::new(Silent));
    take_up(&third).await;
    let before = third.desk().unwrap();
    assert_eq!(before.account.tenant_name, "As it was called before");
    assert!(settle(&third).await);
    let after = third.desk().unwrap();
    assert_eq!((&after.account.tenant_name, &after.principal.tenant_name), (&name, &name));
    assert!(after.is(&before), "what is selected stays");
}

#[tokio::test]
async fn a_sign_in_that_entra_ended_is_not_taken_up_and_says_why() {
    let (vault, tenant) = (Vault::memory(), tenant().await);
    let first = place(&vault, &tenant, Arc::new(NoBrowserNeeded(tenant.clone())));
    sign_in(&first, true, None).await.unwrap();
    tenant.revoke_refresh_tokens();

    let second = place(&vault, &tenant, Arc::new(Silent));
    take_up(&second).await;
    assert!(settle(&second).await, "the window has to be told");
    let desk = second.desk().unwrap();
    let ended = desk.session.ended().borrow().clone().unwrap();
    assert_eq!(CommandError::session_ended(&ended).help, Some(crate::entra_help::EntraHelp::SignInRevoked));
    assert!(ended.error.unwrap().correlation_id.is_some());
}

#[tokio::test]
async fn a_sign_in_that_is_found_behind_the_lock_stays_behind_it() {
    let (vault, tenant) = (Vault::memory(), tenant().await);
    let first = place(&vault, &tenant, Arc::new(NoBrowserNeeded(tenant.clone())));
    sign_in(&first, true, None).await.unwrap();
    let second = place(&vault, &tenant, Arc::new(Silent));
    close(&second);
    restore(&second).await;
    assert!(second.desk().unwrap().client.me().await.is_err(), "a locked place gives no token");
    unlock(&second).await.unwrap();
    assert!(second.desk().unwrap().client.me().await.is_ok());
}

#[tokio::test]
async fn a_place_that_is_taken_off_the_list_leaves_nothing_in_the_keychain() {
    let (vault, tenant) = (Vault::memory(), tenant().await);
    let first = place(&vault, &tenant, Arc::new(NoBrowserNeeded(tenant.clone())));
    sign_in(&first, true, None).await.unwrap();
    let never_opened = place(&vault, &tenant, Arc::new(Silent));
    forget_kept(&never_opened).await.unwrap();
    restore(&never_opened).await;
    assert!(never_opened.desk().is_err());
}

#[tokio::test]
async fn a_sign_in_that_is_not_to_be_kept_is_not_and_an_older_one_leaves_the_keychain() {
    let (vault, tenant) = (Vault::memory(), tenant().await);
    let before = place(&vault, &tenant, Arc::new(NoBrowserNeeded(tenant.clone())));
    sign_in(&before, true, None).await.unwrap();

    let forgetting = vault.clone().forgetting();
    let now = place(&forgetting, &tenant, Arc::new(NoBrowserNeeded(tenant.clone())));
    restore(&now).await;
    assert!(now.desk().is_err(), "what was kept before is not taken up");
    sign_in(&now, true, None).await.unwrap();
    let session = now.desk().unwrap().session.clone();
    assert_eq!(session.kept(), unlatch_auth::VaultState::Forbidden);
    assert!(now.desk().unwrap().client.me().await.is_ok(), "it lasts until the window closes");
    close(&now);
    session.lock().await;
    assert!(unlock(&now).await.is_err(), "behind the lock only a new sign-in helps");

    let after = place(&vault, &tenant, Arc::new(Silent));
    restore(&after).await;
    assert!(after.desk().is_err(), "the keychain holds nothing");
}

#[tokio::test]
async fn nobody_signs_in_to_a_tenant_that_is_not_allowed_and_what_was_kept_of_it_goes() {
    let (vault, tenant) = (Vault::memory(), tenant().await);
    let before = place(&vault, &tenant, Arc::new(NoBrowserNeeded(tenant.clone())));
    sign_in(&before, true, None).await.unwrap();
    let named = |allowed: &str| {
        let place = place(&vault, &tenant, Arc::new(NoBrowserNeeded(tenant.clone())));
        place.allow(Some(vec![allowed.to_owned()]));
        place
    };
    let ours = named(&tenant.tenant_id().to_uppercase());
    restore(&ours).await;
    assert!(ours.desk().is_ok());

    let others = named("11111111-1111-1111-1111-111111111111");
    restore(&others).await;
    assert_eq!(others.session().problem.clone().unwrap().code, ErrorCode::Forbidden);
    assert_eq!(sign_in(&others, true, None).await.unwrap_err().code, ErrorCode::Forbidden);
    assert!(others.desk().is_err() && others.session().signing_in.is_none());
    let after = place(&vault, &tenant, Arc::new(Silent));
    restore(&after).await;
    assert!(after.desk().is_err(), "the keychain holds nothing of it");
}

#[tokio::test]
async fn signing_in_again_as_the_same_account_keeps_the_desk() {
    let (vault, tenant) = (Vault::memory(), tenant().await);
    let place = place(&vault, &tenant, Arc::new(NoBrowserNeeded(tenant.clone())));
    sign_in(&place, true, None).await.unwrap();
    let before = place.desk().unwrap();
    sign_in(&place, true, None).await.unwrap();
    assert!(before.is(&place.desk().unwrap()));
    sign_out(&place, false).await.unwrap();
    assert!(before.client.me().await.is_err(), "a session that was signed out must give no token");
}

#[tokio::test]
async fn a_cancelled_sign_in_leaves_the_signed_in_account_where_it_is() {
    let (vault, tenant) = (Vault::memory(), tenant().await);
    let there = place(&vault, &tenant, Arc::new(NoBrowserNeeded(tenant.clone())));
    sign_in(&there, true, None).await.unwrap();

    let alone = place(&vault, &tenant, Arc::new(Silent));
    restore(&alone).await;
    let (ended, ()) = tokio::join!(sign_in(&alone, false, None), async {
        while alone.session().signing_in.is_none() {
            tokio::task::yield_now().await;
        }
        cancel(&alone);
    });
    assert_eq!(ended.unwrap_err().code, crate::error::ErrorCode::SignInCancelled);
    assert!(alone.desk().is_ok());
    assert!(alone.session().signing_in.is_none());
}

#[tokio::test]
async fn an_account_of_a_tenant_that_is_no_longer_allowed_takes_no_desk() {
    let (vault, tenant) = (Vault::memory(), tenant().await);
    let there = place(&vault, &tenant, Arc::new(NoBrowserNeeded(tenant.clone())));
    sign_in(&there, true, None).await.unwrap();
    let desk = there.session().desk.take().unwrap();
    there.allow(Some(vec!["11111111-1111-1111-1111-111111111111".to_owned()]));
    let refused = seat(&there, desk, &CancellationToken::new());
    assert_eq!(refused.err().map(|error| error.code), Some(ErrorCode::Forbidden));
    assert!(!there.has_desk());
}

use unlatch_auth::{Session, SignInError, Vault, sign_in};
use unlatch_demo_tenant::{Consent, DemoTenant};
use unlatch_graph::TokenSource as _;

use crate::browser::{TestBrowser, demo, options, registration};

async fn consented_to_nothing() -> DemoTenant {
    let tenant = demo().await;
    tenant.set_consent(Consent::Nothing);
    tenant
}

#[tokio::test]
async fn an_admin_who_accepts_is_signed_in_and_nobody_is_asked_again() {
    let tenant = consented_to_nothing().await;
    let registration = registration(&tenant);
    let signed_in = sign_in(&registration, &TestBrowser::admin(), options()).await.unwrap();
    let session = Session::begin(registration.clone(), Vault::memory(), signed_in).await;
    assert!(session.token().await.is_ok());
    assert!(tenant.consented().contains(&"DeviceManagementManagedDevices.Read.All".to_owned()));
    let browser = TestBrowser::picking("plain").declining();
    assert!(sign_in(&registration, &browser, options()).await.is_ok());
}

#[tokio::test]
async fn an_admin_who_cancels_is_not_signed_in() {
    let tenant = consented_to_nothing().await;
    let browser = TestBrowser::admin().declining();
    let result = sign_in(&registration(&tenant), &browser, options()).await;
    assert_eq!(result.unwrap_err(), SignInError::Cancelled);
    assert!(tenant.consented().is_empty());
}

#[tokio::test]
async fn an_account_that_may_not_consent_is_told_that_an_admin_is_needed() {
    let tenant = consented_to_nothing().await;
    let result = sign_in(&registration(&tenant), &TestBrowser::picking("plain"), options()).await;
    let error = result.unwrap_err();
    let SignInError::Refused(entra) = error else { panic!("{error:?}") };
    assert_eq!((entra.error.as_str(), &entra.codes[..]), ("access_denied", &[90_094][..]));
    assert!(tenant.consented().is_empty());
}

//! The permission to send the action, asked for at the first recovery.

use unlatch_demo_tenant::{Consent, Options, Pace};
use unlatch_e2e::{Failure, Keychain, Window};

use crate::desk::select_direct;
use crate::setting::Setting;

async fn searching_only(name: &str) -> Result<Setting, Failure> {
    let options = Options { pace: Pace::manual(), consent: Consent::ReadOnly, ..Options::default() };
    Setting::with(name, Keychain::Unlocked, options, "countdown = 0\n").await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn searching_works_without_the_permission_and_the_first_recovery_asks_for_it() -> Result<(), Failure> {
    let setting = searching_only("consent").await?;
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.sign_in().await?;
    select_direct(page, &setting.picks).await?;
    page.click("recover-button").await?;
    page.appears("consent-panel").await?;
    assert!(setting.tenant.executed().is_empty());

    page.click("ask-consent").await?;
    page.appears("confirm-dialog").await?;
    page.confirm("after the consent").await?;
    page.run_reaches(1, &["accepted"]).await?;
    assert_eq!(setting.tenant.executed().len(), 1);
    window.close().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn who_may_not_consent_is_told_who_can_and_keeps_the_selection() -> Result<(), Failure> {
    let setting = searching_only("consent-refused").await?;
    let launch = setting.launch().variable("UNLATCH_DEMO_CONSENT", "cancel");
    let window = Window::open(&setting.stage, &launch).await?;
    let page = window.page();
    page.sign_in().await?;
    select_direct(page, &setting.picks).await?;
    page.click("recover-button").await?;
    page.click("ask-consent").await?;
    page.until("the refusal", async || Ok(page.shows("consent-panel").await?.then_some(()))).await?;
    page.tray_holds(1).await?;
    assert!(!page.shows("confirm-dialog").await? && setting.tenant.executed().is_empty());
    window.close().await
}

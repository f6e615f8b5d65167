//! The sign-in across restarts.

use unlatch_e2e::{Failure, Keychain, Page, Window};

use crate::setting::Setting;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn a_sign_in_is_restored_from_the_keychain_and_a_sign_out_leaves_nothing_there() -> Result<(), Failure>
{
    let setting = Setting::new("restored", Keychain::Unlocked).await?;
    assert_eq!(setting.stage.session().secrets_kept()?, 0);
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    window.page().sign_in().await?;
    assert!(setting.stage.session().secrets_kept()? > 0, "the keychain is empty after a sign-in");
    window.close().await?;

    setting.tenant.clear_requests();
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    window.page().appears("search-input").await?;
    let requests = setting.tenant.requests();
    assert!(!requests.iter().any(|request| request.path.ends_with("/authorize")), "a browser was opened");
    let refreshed = |body: &str| body.contains("grant_type=refresh_token");
    assert!(requests.iter().any(|request| request.body.as_deref().is_some_and(refreshed)));

    window.page().sign_out().await?;
    let page = window.page();
    page.until("the keychain to be empty", async || {
        Ok((setting.stage.session().secrets_kept()? == 0).then_some(()))
    })
    .await?;
    window.close().await?;

    setting.tenant.clear_requests();
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    window.page().appears("sign-in").await?;
    assert!(!window.page().shows("search-input").await?);
    let asked: Vec<String> = setting.tenant.requests().into_iter().map(|request| request.path).collect();
    assert!(!asked.iter().any(|path| path.ends_with("/token")), "{asked:?}");
    window.close().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn without_a_keychain_a_sign_in_lasts_for_the_session_and_the_window_says_so() -> Result<(), Failure> {
    lasts_for_the_session("no-keychain", Keychain::Absent, "There is no system keychain").await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn with_a_locked_keychain_a_sign_in_lasts_for_the_session_and_the_window_says_so() -> Result<(), Failure>
{
    lasts_for_the_session("locked-keychain", Keychain::Locked, "The system keychain is locked").await
}

async fn lasts_for_the_session(name: &str, keychain: Keychain, words: &str) -> Result<(), Failure> {
    let setting = Setting::new(name, keychain).await?;
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    window.page().sign_in().await?;
    settings_say(window.page(), words).await?;
    window.close().await?;

    let window = Window::open(&setting.stage, &setting.launch()).await?;
    window.page().appears("sign-in").await?;
    window.close().await
}

async fn settings_say(page: Page<'_>, words: &str) -> Result<(), Failure> {
    page.click("account-menu").await?;
    page.click("open-settings").await?;
    page.appears("settings-view").await?;
    page.says(words).await
}

//! Signing in with a code on another device.

use unlatch_demo_tenant::{Options, Pace};
use unlatch_e2e::{Failure, Keychain, Window};

use crate::setting::Setting;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn a_person_signs_in_with_a_code_and_another_is_refused() -> Result<(), Failure> {
    let setting = Setting::new("device-code", Keychain::Unlocked).await?;
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.click("sign-in-with-code").await?;
    let declined = page.text_of("user-code").await?;
    assert!(setting.tenant.decline_device_code(declined.trim()));
    page.says("declined").await?;

    page.click("sign-in-with-code").await?;
    let code = page.text_of("user-code").await?;
    assert_ne!(code, declined);
    page.appears("code-left").await?;
    assert!(setting.tenant.approve_device_code(code.trim()));
    page.appears("search-input").await?;
    assert!(setting.stage.session().secrets_kept()? > 0);
    let opened = setting.tenant.requests().iter().any(|request| request.path.ends_with("/authorize"));
    assert!(!opened, "no browser is needed here");
    window.close().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn where_a_code_is_not_allowed_none_is_offered() -> Result<(), Failure> {
    let options = Options { pace: Pace::manual(), ..Options::default() };
    let setting = Setting::with("no-code", Keychain::Unlocked, options, "device_code = false\n").await?;
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    window.page().appears("sign-in").await?;
    assert!(!window.page().shows("sign-in-with-code").await?);
    window.close().await
}

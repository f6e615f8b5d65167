//! The window's lock.

use unlatch_demo_tenant::{ActionState, Options, Pace};
use unlatch_e2e::{Canaries, Failure, Keychain, Window};

use crate::desk::{select_by_user, select_direct};
use crate::setting::Setting;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn a_locked_window_holds_nothing_and_the_keychain_brings_everything_back() -> Result<(), Failure> {
    let setting = Setting::new("lock", Keychain::Unlocked).await?;
    let (tenant, picks) = (&setting.tenant, &setting.picks);
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.sign_in().await?;
    select_direct(page, picks).await?;
    page.review().await?;
    page.confirm("a passcode on the screen").await?;
    page.run_reaches(1, &["accepted"]).await?;
    tenant.settle_with_passcode(&picks.direct.id, "hush-4711-canary");
    page.click("check-outcomes").await?;
    page.run_reaches(1, &["done"]).await?;
    page.click("open-detail").await?;
    page.click("show-passcode").await?;
    page.says("hush-4711-canary").await?;
    page.click("back-to-desk").await?;
    select_by_user(page, picks).await?;
    page.tray_holds(2).await?;

    page.choose("lock").await?;
    page.appears("lock-view").await?;
    let held = page.everything_held().await?;
    for hidden in ["hush-4711-canary", picks.direct.id.as_str(), picks.user.upn.as_str()] {
        assert!(!held.contains(hidden), "the locked window still holds {hidden}");
    }
    // Nothing is asked on anybody's behalf while it is locked.
    tenant.expire_access_tokens();
    tenant.clear_requests();
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    assert!(tenant.requests().is_empty(), "{:?}", tenant.requests().len());

    page.click("unlock").await?;
    page.appears("search-input").await?;
    page.tray_holds(2).await?;
    page.review().await?;
    let refreshed = tenant.requests().iter().any(|request| request.path.ends_with("/token"));
    assert!(refreshed, "the token of before was still there");
    window.close().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn without_a_keychain_only_a_sign_in_unlocks() -> Result<(), Failure> {
    let setting = Setting::new("lock-in-memory", Keychain::Absent).await?;
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.sign_in().await?;
    select_direct(page, &setting.picks).await?;
    page.choose("lock").await?;
    page.appears("lock-view").await?;
    page.click("unlock").await?;
    page.appears("error-panel").await?;
    page.appears("lock-view").await?;
    page.click("sign-in-to-unlock").await?;
    page.appears("search-input").await?;
    page.tray_holds(1).await?;
    window.close().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn a_window_that_nobody_touches_locks_by_itself() -> Result<(), Failure> {
    let options = Options::default();
    let setting = Setting::with("lock-idle", Keychain::Unlocked, options, "idle_lock_minutes = 1\n").await?;
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.sign_in().await?;
    // Looking at it through the driver is no input.
    tokio::time::sleep(std::time::Duration::from_secs(45)).await;
    assert!(page.shows("search-input").await?, "it locked too early");
    page.appears("lock-view").await?;
    page.click("unlock").await?;
    page.appears("search-input").await?;
    window.close().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn a_run_goes_on_behind_the_lock() -> Result<(), Failure> {
    let options = Options { pace: Pace::manual(), ..Options::default() };
    let setting = Setting::with("lock-run", Keychain::Unlocked, options, "countdown = 3\n").await?;
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.sign_in().await?;
    select_direct(page, &setting.picks).await?;
    page.review().await?;
    page.confirm("locked in the countdown").await?;
    page.choose("lock").await?;
    page.appears("lock-run").await?;
    page.until("the request to arrive", async || Ok((setting.tenant.executed().len() == 1).then_some(())))
        .await?;
    page.click("unlock").await?;
    page.run_reaches(1, &["accepted"]).await?;
    setting.tenant.settle(&setting.picks.direct.id, ActionState::Done);
    page.click("check-outcomes").await?;
    page.run_reaches(1, &["done"]).await?;
    let canaries = Canaries::of(&setting.tenant.issued_secrets());
    assert_eq!(canaries.in_bytes(page.everything_held().await?.as_bytes()), Vec::<usize>::new());
    window.close().await
}

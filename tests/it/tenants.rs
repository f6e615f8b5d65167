//! Two tenants side by side.

use unlatch_demo_tenant::{DemoTenant, Options, Pace};
use unlatch_e2e::{Failure, Keychain, Page, Picks, Window};

use crate::desk::{select_by_user, select_direct};
use crate::setting::{Setting, named};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn a_selection_a_journal_and_a_token_never_leave_their_tenant() -> Result<(), Failure> {
    let options = |seed| Options { seed, pace: Pace::manual(), ..Options::default() };
    let other = DemoTenant::start(options(2)).await.map_err(|error| Failure::new(error.to_string()))?;
    let further = format!("countdown = 0\n[[tenants]]\n{}", named(&other));
    let setting = Setting::with("two-tenants", Keychain::Unlocked, options(1), &further).await?;
    let (first, others) = (&setting.picks, Picks::from(&other.directory())?);
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.sign_in().await?;
    select_by_user(page, first).await?;
    page.tray_holds(2).await?;

    let home = shown(page).await?;
    show_the_other(page, &home).await?;
    page.click("sign-in").await?;
    page.appears("search-input").await?;
    let theirs = shown(page).await?;
    assert_ne!(home, theirs);
    assert!(page.tray().await?.is_empty(), "the selection of the first tenant is in the second");
    select_direct(page, &others).await?;
    page.review().await?;
    page.confirm("in the second tenant").await?;
    page.run_reaches(1, &["accepted"]).await?;
    assert_eq!((setting.tenant.executed().len(), other.executed().len()), (0, 1));

    show_the_other(page, &theirs).await?;
    page.tray_holds(2).await?;
    page.review().await?;
    page.confirm("in the first tenant").await?;
    page.run_reaches(2, &["accepted"]).await?;
    assert_eq!((setting.tenant.executed().len(), other.executed().len()), (2, 1));
    assert_eq!(setting.stage.journals().len(), 2, "{:?}", setting.stage.journals());
    window.close().await?;

    // Each host saw its own tokens only.
    for (tenant, stranger) in [(&setting.tenant, &other), (&other, &setting.tenant)] {
        let secrets = stranger.issued_secrets();
        let carries = |text: &str| secrets.iter().any(|secret| text.contains(secret));
        let strayed = tenant.requests().iter().any(|request| {
            request.header("authorization").is_some_and(carries)
                || request.body.as_deref().is_some_and(carries)
        });
        assert!(!strayed, "a token of the other tenant was sent");
    }

    // Both are signed in again after a restart, and each shows its own run.
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.appears("search-input").await?;
    page.choose("open-history").await?;
    page.says("in the first tenant").await?;
    assert!(!page.words().await?.contains("in the second tenant"));
    page.choose("open-desk").await?;
    show_the_other(page, &home).await?;
    page.appears("search-input").await?;
    page.choose("open-history").await?;
    page.says("in the second tenant").await?;
    window.close().await
}

/// The id of the place that is checked in the account menu.
async fn shown(page: Page<'_>) -> Result<String, Failure> {
    page.click("account-menu").await?;
    let script = "return document.querySelector('[data-testid=\"place\"][aria-checked=\"true\"]')?.dataset.place ?? '';";
    let id = page.run(script, Vec::new()).await?.as_str().unwrap_or_default().to_owned();
    page.click("account-menu").await?;
    Ok(id)
}

async fn show_the_other(page: Page<'_>, than: &str) -> Result<(), Failure> {
    page.click("account-menu").await?;
    page.appears("place").await?;
    let script = "[...document.querySelectorAll('[data-testid=\"place\"]')]
        .find((place) => place.dataset.place !== arguments[0]).click();";
    page.run(script, vec![than.into()]).await.map(drop)
}

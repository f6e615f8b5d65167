//! The first start: nothing is configured yet.

use unlatch_demo_tenant::{DemoTenant, Options};
use unlatch_e2e::{Failure, Keychain, Launch, Stage, Window};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn the_set_up_says_what_is_missing_checks_the_tenant_and_leads_to_the_desk() -> Result<(), Failure> {
    let tenant =
        DemoTenant::start(Options::default()).await.map_err(|error| Failure::new(error.to_string()))?;
    let stage = Stage::set("set-up", Keychain::Unlocked)?;
    let config = stage.write_config(&format!(
        "language = \"en\"\ncloud = {{ login_url = \"{}\", graph_url = \"{}\" }}\n",
        tenant.login_url(),
        tenant.graph_url()
    ))?;
    let launch = Launch::plain().argument("--config").argument(&config).argument("--data-dir");
    let launch = launch.argument(stage.data_folder());
    let window = Window::open(&stage, &launch).await?;
    let page = window.page();
    page.appears("set-up-view").await?;
    page.appears("missing").await?;

    page.fill("setup-tenant", "00000000-1111-2222-3333-444444444444").await?;
    check_says(&window, "notFound").await?;
    page.fill("setup-tenant", tenant.tenant_id()).await?;
    check_says(&window, "found").await?;
    page.fill("setup-client-id", tenant.client_id()).await?;
    page.appears("missing-none").await?;
    assert!(tenant.requests().iter().all(|request| !request.path.ends_with("/token")));

    page.click("setup-save").await?;
    page.appears("search-input").await?;
    let kept = std::fs::read_to_string(&config)?;
    assert!(kept.contains(tenant.tenant_id()) && kept.contains(tenant.client_id()), "{kept}");
    window.close().await
}

async fn check_says(window: &Window<'_>, kind: &str) -> Result<(), Failure> {
    let page = window.page();
    let script = "return document.querySelector('[data-testid=\"tenant-check\"]')?.dataset.check ?? '';";
    page.until(&format!("the tenant to be {kind}"), async || {
        Ok((page.run(script, Vec::new()).await? == kind).then_some(()))
    })
    .await
}

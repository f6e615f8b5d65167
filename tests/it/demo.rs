//! The demo tenant inside the application, in dark colours and in Spanish.

use unlatch_demo_tenant::{DemoTenant, Options};
use unlatch_e2e::{Failure, Keychain, Launch, Picks, Stage, Window};

use crate::desk::select_direct;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn the_demo_runs_dark_and_in_spanish() -> Result<(), Failure> {
    let stage = Stage::set("demo", Keychain::Unlocked)?;
    let config = stage.write_config("language = \"es\"\ncountdown = 0\n")?;
    let launch = Launch::plain().argument("--demo").argument("--config").argument(config);
    let launch = launch.argument("--data-dir").argument(stage.data_folder()).dark();
    let window = Window::open(&stage, &launch).await?;
    let page = window.page();
    page.appears("demo-ribbon").await?;
    page.sign_in().await?;
    let look = "return [document.documentElement.lang, matchMedia('(prefers-color-scheme: dark)').matches,
        getComputedStyle(document.body).backgroundColor];";
    let look = page.run(look, Vec::new()).await?;
    assert_eq!(look[0], "es");
    assert_eq!(look[1], true);
    let background = look[2].as_str().unwrap_or_default();
    let light: Vec<f64> = background
        .split(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .filter_map(|number| number.parse().ok())
        .take(3)
        .collect();
    assert!(light.len() == 3 && light.iter().all(|part| *part < 100.0), "the background is {background}");

    // The same seed makes the same tenant, so a twin tells what there is to find.
    let twin =
        DemoTenant::start(Options::default()).await.map_err(|error| Failure::new(error.to_string()))?;
    let picks = Picks::from(&twin.directory())?;
    select_direct(page, &picks).await?;
    assert!(page.text_of("recover-button").await?.contains("Recuperar"));
    page.review().await?;
    page.confirm("INC-7 prueba").await?;
    page.run_reaches(1, &["accepted", "done", "failed", "notSupported"]).await?;
    assert_eq!(stage.session().secrets_kept()?, 0, "the demo keeps nothing");
    window.close().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn a_configuration_that_cannot_be_used_is_named_with_file_key_and_reason() -> Result<(), Failure> {
    let stage = Stage::set("bad-config", Keychain::Unlocked)?;
    let config = stage
        .write_config("tenant = \"contoso.example\"\nclient_id = \"not a guid\"\nlanguage = \"en\"\n")?;
    let launch = Launch::plain().argument("--config").argument(&config);
    let launch = launch.argument("--data-dir").argument(stage.data_folder());
    let window = Window::open(&stage, &launch).await?;
    let words = window.page().text_of("config-problem").await?;
    assert!(words.contains(&config.display().to_string()), "{words}");
    assert!(words.contains("client_id"), "{words}");
    window.close().await
}

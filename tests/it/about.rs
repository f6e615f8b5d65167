//! What the window says about Unlatch itself.

use std::time::{Duration, Instant};

use unlatch_e2e::{Failure, Keychain, Window};

use crate::setting::Setting;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn the_licences_of_what_others_made_are_built_in_and_soon_drawn() -> Result<(), Failure> {
    let setting = Setting::new("about", Keychain::Unlocked).await?;
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.sign_in().await?;
    page.choose("open-settings").await?;
    page.appears("open-about").await?;
    let asked = Instant::now();
    page.click("open-about").await?;
    page.appears("third-party-notices").await?;
    page.is_painted().await?;
    let took = asked.elapsed();
    // The driver's own words leave out what is not in sight.
    let text = "return document.querySelector('[data-testid=\"third-party-notices\"]').textContent;";
    let text = page.run(text, Vec::new()).await?;
    let text = text.as_str().unwrap_or_default();
    for part in ["tauri 2.", "svelte 5.", "Copyright (c) 2016", "END OF TERMS AND CONDITIONS"] {
        assert!(text.contains(part), "{part} is not in {} characters", text.len());
    }
    println!("{} characters of licences were drawn after {} ms", text.len(), took.as_millis());
    assert!(took < Duration::from_secs(5), "{took:?}");
    window.close().await
}

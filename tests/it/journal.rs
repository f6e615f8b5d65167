//! A journal that cannot be used.

use std::fs;

use unlatch_e2e::{Failure, Keychain, Window};

use crate::desk::select_direct;
use crate::setting::Setting;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn with_a_damaged_journal_nothing_is_sent_and_nothing_is_lost() -> Result<(), Failure> {
    let setting = Setting::new("damaged-journal", Keychain::Unlocked).await?;
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    window.page().sign_in().await?;
    window.close().await?;
    let journals = setting.stage.journals();
    let [journal] = journals.as_slice() else { panic!("{journals:?}") };
    let damaged = b"this is no journal".repeat(400);
    fs::write(journal, &damaged)?;
    // What a crash left beside it would mend it.
    for beside in ["sqlite-wal", "sqlite-shm"] {
        let _ = fs::remove_file(journal.with_extension(beside));
    }

    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.appears("search-input").await?;
    let words = page.text_of("journal-banner").await?;
    assert!(words.contains(&journal.display().to_string()), "the banner names the file: {words}");
    select_direct(page, &setting.picks).await?;
    let disabled = page
        .run("return document.querySelector('[data-testid=\"recover-button\"]').disabled;", Vec::new())
        .await?;
    assert_eq!(disabled, true, "what cannot be recorded cannot be sent");
    assert!(setting.tenant.executed().is_empty());
    assert_eq!(fs::read(journal)?, damaged, "the file is left as it was");

    // Moved away, as the banner says, it makes room for a new one without a restart.
    fs::rename(journal, journal.with_extension("damaged"))?;
    page.run("document.querySelector('[data-testid=\"journal-banner\"] button').click();", Vec::new())
        .await?;
    page.disappears("journal-banner").await?;
    page.review().await?;
    page.confirm("with a new journal").await?;
    page.run_reaches(1, &["accepted"]).await?;
    window.close().await
}

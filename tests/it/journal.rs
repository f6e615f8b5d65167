//! A journal that cannot be used, and one that lost its newest entries.

use std::fs;
use std::path::Path;

use unlatch_demo_tenant::{Options, Pace};
use unlatch_e2e::{Failure, Keychain, Window, key};

use crate::desk::{interrupt_a_run, open_the_run_at_hand, select_by_user, select_direct};
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
    assert!(page.is_disabled("recover-button").await?, "what cannot be recorded cannot be sent");
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

/// The journal's file and what SQLite keeps beside it, with what is in them.
fn files_of(journal: &Path) -> [(std::path::PathBuf, Option<Vec<u8>>); 3] {
    ["sqlite", "sqlite-wal", "sqlite-shm"].map(|ending| {
        let file = journal.with_extension(ending);
        let bytes = fs::read(&file).ok();
        (file, bytes)
    })
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn a_journal_that_was_put_back_is_asked_about_and_repeats_nothing() -> Result<(), Failure> {
    let options = Options { pace: Pace::manual(), ..Options::default() };
    let setting = Setting::with("went-back", Keychain::Unlocked, options, "countdown = 2\n").await?;
    let (tenant, picks) = (&setting.tenant, &setting.picks);
    interrupt_a_run(&setting).await?;
    let journals = setting.stage.journals();
    let [journal] = journals.as_slice() else { panic!("{journals:?}") };
    let copy = files_of(journal);

    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    open_the_run_at_hand(page).await?;
    page.click("resume-run").await?;
    page.run_reaches(2, &["accepted"]).await?;
    assert_eq!(tenant.executed().len(), 2);

    // What was sent to is left out of the next review, until a person puts it in.
    page.click("back-to-desk").await?;
    select_by_user(page, picks).await?;
    page.review().await?;
    assert!(page.text_of("confirm-left-out").await?.contains("2 left out"));
    let sent = page.text_of("warned").await?;
    assert!(sent.contains("2 devices were sent to already: 2 accepted"), "{sent}");
    assert!(page.is_disabled("confirm-button").await?);
    page.click("leave-out").await?;
    page.disappears("confirm-left-out").await?;
    assert!(!page.is_disabled("confirm-button").await?);
    window.close().await?;

    for (file, bytes) in copy {
        match bytes {
            Some(bytes) => fs::write(file, bytes)?,
            None => drop(fs::remove_file(file)),
        }
    }
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.appears("went-back-banner").await?;
    open_the_run_at_hand(page).await?;
    page.click("resume-run").await?;
    page.says("The journal lost entries").await?;
    assert_eq!(tenant.executed().len(), 2, "nothing goes out before a person has answered");

    // The answer is given with the keyboard alone.
    page.tab_to("went-back-look").await?;
    page.press(&[key::ENTER]).await?;
    page.appears("went-back").await?;
    page.press(&[key::ESCAPE]).await?;
    page.disappears("went-back").await?;
    page.focus_is("went-back-look").await?;
    page.press(&[key::ENTER]).await?;
    page.tab_to("went-back-answer").await?;
    page.press(&[key::ENTER]).await?;
    page.disappears("went-back-banner").await?;
    page.keeps_focus("the answer").await?;

    // The devices tell what the journal does not know any more.
    page.tab_to("resume-run").await?;
    page.press(&[key::ENTER]).await?;
    let items = page.run_reaches(2, &["stopped"]).await?;
    assert_eq!(items.len(), 2);
    assert_eq!(tenant.executed().len(), 2, "nothing is sent a second time");
    window.close().await
}

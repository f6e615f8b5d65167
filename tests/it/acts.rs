//! What a person does with a run beside confirming it.

use std::fs;
use std::time::Duration;

use serde_json::Value;
use unlatch_demo_tenant::{ActionState, Fault, FaultKind, Options, Pace};
use unlatch_e2e::{Canaries, Failure, Keychain, Window};

use crate::desk::{export, interrupt_a_run, open_the_run_at_hand, select_by_user, select_direct};
use crate::setting::Setting;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn a_run_can_be_stopped_in_its_countdown_and_its_selection_is_still_there() -> Result<(), Failure> {
    let options = Options { pace: Pace::manual(), ..Options::default() };
    let setting = Setting::with("countdown", Keychain::Unlocked, options, "countdown = 20\n").await?;
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.sign_in().await?;
    select_by_user(page, &setting.picks).await?;
    page.review().await?;
    assert!(page.text_of("confirm-dialog").await?.contains("It starts after 20 seconds"));
    page.confirm("too quick").await?;
    assert!(page.text_of("starting").await?.contains("Nothing goes out before then."));
    page.click("stop-start").await?;
    page.run_is("cancelled").await?;
    assert!(page.run_items().await?.iter().all(|item| item.state == "notSent"));
    page.click("back-to-selection").await?;
    page.tray_holds(2).await?;
    assert!(setting.tenant.executed().is_empty());
    window.close().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn what_a_crash_left_unsent_waits_for_a_person_who_sends_it_or_gives_it_up() -> Result<(), Failure> {
    let options = Options { pace: Pace::manual(), ..Options::default() };
    let setting = Setting::with("interrupted", Keychain::Unlocked, options, "countdown = 2\n").await?;
    let (tenant, picks) = (&setting.tenant, &setting.picks);
    interrupt_a_run(&setting).await?;

    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.says("Interrupted: 2 devices").await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(tenant.executed().is_empty(), "nothing goes out by itself");
    open_the_run_at_hand(page).await?;
    assert!(page.text_of("unsent").await?.contains("2 devices of this run were not sent to."));
    page.click("resume-run").await?;
    page.appears("starting").await?;
    page.run_reaches(2, &["accepted"]).await?;
    assert_eq!(tenant.executed().len(), 2);

    page.click("back-to-desk").await?;
    select_direct(page, picks).await?;
    page.review().await?;
    page.confirm("second").await?;
    page.appears("starting").await?;
    window.kill().await?;

    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    open_the_run_at_hand(page).await?;
    page.click("discard-run").await?;
    page.click("discard-yes").await?;
    page.run_is("cancelled").await?;
    page.disappears("unsent").await?;
    page.click("back-to-desk").await?;
    page.appears("search-input").await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!page.shows("runs-banner").await?);
    assert_eq!(tenant.executed().len(), 2);
    window.close().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn a_device_in_doubt_is_sent_to_again_by_two_clicks_and_followed_to_its_outcome() -> Result<(), Failure>
{
    let setting = Setting::new("send-again", Keychain::Unlocked).await?;
    let (tenant, picks) = (&setting.tenant, &setting.picks);
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.sign_in().await?;
    select_direct(page, picks).await?;
    page.review().await?;
    let gateway = FaultKind::Status { status: 504, retry_after: None, executed: false };
    tenant.add_fault(Fault::new(gateway).method("POST").times(1));
    page.confirm("in doubt").await?;
    page.run_reaches(1, &["unconfirmed"]).await?;
    page.click("open-detail").await?;
    page.click("send-again").await?;
    assert!(page.text_of("send-again-ask").await?.contains("The earlier request may have arrived."));
    assert!(tenant.executed().is_empty());
    page.click("send-again-confirm").await?;
    page.run_reaches(1, &["accepted"]).await?;
    assert_eq!(tenant.executed().len(), 1);
    // Nobody clicks for this.
    page.appears("followed").await?;
    // However often it is asked, the window is told of it through one channel, beside the window's own.
    for _ in 0..3 {
        page.click("check-outcomes").await?;
        page.until("the device to be asked", async || {
            let asking = "return document.querySelector('[data-testid=\"check-outcomes\"]').ariaDisabled;";
            Ok((page.run(asking, Vec::new()).await? == "false").then_some(()))
        })
        .await?;
    }
    let mut channels = Value::Null;
    let told = page
        .until("one channel", async || {
            channels = page.run("return window.__TAURI_INTERNALS__.callbacks.size;", Vec::new()).await?;
            Ok((channels == 2).then_some(()))
        })
        .await;
    told.map_err(|failure| failure.while_doing(&format!("{channels} callbacks")))?;
    tenant.settle(&picks.direct.id, ActionState::Done);
    page.run_reaches(1, &["done"]).await?;
    page.disappears("followed").await?;
    assert!(!page.shows("send-again").await?);
    window.close().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn a_passcode_is_shown_when_asked_for_and_is_nowhere_else() -> Result<(), Failure> {
    const PASSCODE: &str = "0O1l-canary-4711";
    let setting = Setting::new("passcode", Keychain::Unlocked).await?;
    let (tenant, picks) = (&setting.tenant, &setting.picks);
    let launch = setting.launch().variable("UNLATCH_LOG", "trace");
    let window = Window::open(&setting.stage, &launch).await?;
    let page = window.page();
    page.sign_in().await?;
    select_direct(page, picks).await?;
    page.review().await?;
    page.confirm("a passcode").await?;
    page.run_reaches(1, &["accepted"]).await?;
    tenant.settle_with_passcode(&picks.direct.id, PASSCODE);
    page.run_reaches(1, &["done"]).await?;
    page.click("open-detail").await?;
    let canaries = Canaries::of(&[PASSCODE.to_owned()]);
    assert!(canaries.in_bytes(page.everything_held().await?.as_bytes()).is_empty());
    page.click("show-passcode").await?;
    assert_eq!(page.text_of("passcode").await?, PASSCODE);
    page.click("hide-passcode").await?;
    page.disappears("passcode").await?;
    assert!(
        canaries.in_bytes(page.everything_held().await?.as_bytes()).is_empty(),
        "it is gone from the page"
    );
    for format in ["export-csv", "export-html", "export-jsonLines"] {
        page.click("export-run").await?;
        page.click(format).await?;
        page.appears("exported").await?;
    }
    window.close().await?;
    assert_eq!(canaries.in_folder(setting.stage.session().folder()), Vec::new(), "in a file");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn a_run_is_reported_in_three_forms_and_the_journal_tells_whether_it_was_touched() -> Result<(), Failure>
{
    let setting = Setting::new("report", Keychain::Unlocked).await?;
    let (tenant, picks) = (&setting.tenant, &setting.picks);
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.sign_in().await?;
    tenant.change_device(&picks.direct.id, |device| device.name = "=HYPERLINK(\"http://x\")".to_owned());
    select_direct(page, picks).await?;
    page.review().await?;
    page.confirm("=1+1 INC-9").await?;
    page.run_reaches(1, &["accepted"]).await?;
    let mut written = Vec::new();
    for format in ["csv", "jsonLines", "html"] {
        let path = export(page, format).await?;
        written.push(
            fs::read_to_string(&path)
                .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?,
        );
    }
    let [csv, lines, html] = written.try_into().unwrap_or_default();
    assert!(
        csv.starts_with('\u{feff}') && csv.contains("'=1+1 INC-9") && csv.contains("'=HYPERLINK"),
        "{csv}"
    );
    assert!(lines.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    assert!(
        html.contains("=HYPERLINK(&#34;http://x&#34;)") || html.contains("=HYPERLINK(&quot;http://x&quot;)"),
        "{html}"
    );

    page.click("account-menu").await?;
    page.click("open-history").await?;
    page.click("verify-journal").await?;
    page.appears("journal-whole").await?;
    window.close().await?;

    let check = || -> Result<(Option<i32>, String), Failure> {
        let mut command = setting.stage.session().command(unlatch_e2e::unlatch()?);
        command.args(["verify-journal", "--data-dir"]).arg(setting.stage.data_folder());
        let output = command.output()?;
        Ok((output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned()))
    };
    let (code, words) = check()?;
    assert!(code == Some(0) && words.contains("The journal is whole"), "{words}");
    // Somebody who may write the file hides who it was.
    let journal = rusqlite::Connection::open(&setting.stage.journals()[0]).unwrap();
    journal
        .execute_batch(
            "DROP TRIGGER run_is_never_changed; UPDATE run SET account = 'somebody.else@contoso.example'",
        )
        .unwrap();
    drop(journal);
    let (code, words) = check()?;
    assert!(code == Some(1) && words.contains("breaks at entry 1"), "{words}");
    Ok(())
}

//! A second Unlatch on the same data.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use unlatch_e2e::{Failure, Keychain, Running, Window, files_below};

use crate::desk::select_direct;
use crate::setting::Setting;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn a_second_start_ends_by_itself_and_leaves_the_journal_alone() -> Result<(), Failure> {
    let setting = Setting::new("second-instance", Keychain::Unlocked).await?;
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    window.page().sign_in().await?;
    select_direct(window.page(), &setting.picks).await?;
    window.page().review().await?;
    window.page().confirm("the first one").await?;
    window.page().run_reaches(1, &["accepted"]).await?;
    let before = journal(&setting.stage.data_folder());
    assert!(!before.is_empty(), "there is no journal to compare");

    let output = setting.stage.session().folder().join("second.log");
    let mut second = window.another()?;
    second.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&output)?);
    let mut second = Running::start("a second Unlatch", &mut second)?;
    second.wait(Duration::from_secs(20))?;

    assert_eq!(journal(&setting.stage.data_folder()), before);
    let words = fs::read_to_string(&output)?;
    assert!(!words.contains("panicked"), "{words}");
    // The first one says so and goes on.
    window.page().appears("notice-banner").await?;
    window.page().click("back-to-desk").await?;
    window.page().appears("search-input").await?;
    assert_eq!(setting.tenant.executed().len(), 1);
    window.close().await
}

/// Everything in the data folder but the logs, byte by byte.
fn journal(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let logs = folder.join("logs");
    let files = files_below(folder).into_iter().filter(|file| !file.starts_with(&logs));
    files.map(|file| (file.clone(), fs::read(&file).unwrap())).collect()
}

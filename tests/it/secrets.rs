//! Tokens, codes and passcodes stay where they belong.

use std::fs;

use unlatch_demo_tenant::ActionState;
use unlatch_e2e::{Canaries, Failure, Keychain, Window, files_below};

use crate::desk::{select_by_user, select_direct};
use crate::setting::Setting;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn no_secret_is_in_the_page_its_storage_the_data_folder_the_logs_or_the_output() -> Result<(), Failure>
{
    let setting = Setting::new("secrets", Keychain::Unlocked).await?;
    let (tenant, picks) = (&setting.tenant, &setting.picks);
    let launch = setting.launch().variable("UNLATCH_LOG", "trace").variable("RUST_LOG", "trace");
    let window = Window::open(&setting.stage, &launch).await?;
    let page = window.page();
    page.sign_in().await?;
    select_by_user(page, picks).await?;
    // A token renewed in the middle is a secret as well.
    tenant.expire_access_tokens();
    select_direct(page, picks).await?;
    page.review().await?;
    page.confirm("where do secrets go").await?;
    page.run_reaches(3, &["accepted"]).await?;
    // The answers of the devices hold passcodes.
    for device in picks.by_user.iter().chain([&picks.direct]) {
        tenant.settle(&device.id, ActionState::Done);
    }
    page.click("check-outcomes").await?;
    page.run_reaches(3, &["done"]).await?;

    let mut secrets = tenant.issued_secrets();
    assert!(secrets.len() >= 5, "a code and two sets of tokens were issued, and {} are known", secrets.len());
    secrets.extend(tenant.passcodes());
    assert!(secrets.iter().all(|secret| secret.len() >= 8), "a secret too short to look for");
    let canaries = Canaries::of(&secrets);

    let held = page.everything_held().await?;
    assert!(held.contains(&picks.direct.id), "the page tells nothing of what it holds");
    assert_eq!(canaries.in_bytes(held.as_bytes()), Vec::<usize>::new(), "in the page");

    window.close().await?;
    let logs = setting.stage.data_folder().join("logs");
    let logged =
        files_below(&logs).iter().any(|log| fs::read_to_string(log).is_ok_and(|log| log.contains("TRACE")));
    assert!(logged, "nothing was logged at TRACE in {}", logs.display());
    // The session's folder holds the data folder, every XDG folder, the home, and the output.
    assert_eq!(canaries.in_folder(setting.stage.session().folder()), Vec::new(), "in a file");
    Ok(())
}

//! Tokens, codes and passcodes stay where they belong.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use unlatch_e2e::{Canaries, Failure, Keychain, Window, files_below};

use crate::desk::{export, select_by_user, select_direct};
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
        tenant.settle_with_passcode(&device.id, &format!("canary-4711-{}", device.name));
    }
    page.click("check-outcomes").await?;
    page.run_reaches(3, &["done"]).await?;
    // Every report that can be exported, and a passcode that was on the screen.
    for format in ["csv", "html", "jsonLines"] {
        export(page, format).await?;
    }
    page.click("open-detail").await?;
    page.click("show-passcode").await?;
    page.appears("passcode").await?;
    let shown = page.everything_held().await?;
    assert!(tenant.passcodes().iter().any(|code| shown.contains(code)), "no passcode was on the screen");
    page.choose("lock").await?;
    page.appears("lock-view").await?;
    assert_eq!(
        Canaries::of(&tenant.passcodes()).in_bytes(page.everything_held().await?.as_bytes()),
        Vec::<usize>::new()
    );
    page.click("unlock").await?;
    page.appears("run-view").await?;
    let before = page.everything_held().await?;
    assert!(before.contains(&picks.direct.id), "the page tells nothing of what it holds");
    // A sign-in with a code has secrets of its own.
    page.choose("sign-out").await?;
    page.click("sign-out-browser").await?;
    page.click("sign-in-with-code").await?;
    let code = page.text_of("user-code").await?;
    assert!(tenant.approve_device_code(code.trim()));
    page.appears("search-input").await?;

    let mut secrets = tenant.issued_secrets();
    assert!(secrets.len() >= 5, "a code and two sets of tokens were issued, and {} are known", secrets.len());
    secrets.extend(tenant.passcodes());
    assert!(secrets.iter().all(|secret| secret.len() >= 8), "a secret too short to look for");
    let canaries = Canaries::of(&secrets);

    for held in [before, page.everything_held().await?] {
        assert_eq!(canaries.in_bytes(held.as_bytes()), Vec::<usize>::new(), "in the page");
    }

    window.close().await?;
    let logs = setting.stage.data_folder().join("logs");
    let logged: String = files_below(&logs).iter().flat_map(fs::read_to_string).collect();
    assert!(logged.contains("TRACE"), "nothing was logged at TRACE in {}", logs.display());
    // No name stands above DEBUG.
    let names = [
        tenant.admin_upn(),
        &picks.user.upn,
        &picks.user.display_name,
        &picks.direct.name,
        picks.serial(),
        &picks.by_user[0].name,
    ];
    let loud = |line: &&str| [" INFO ", " WARN ", " ERROR "].iter().any(|level| line.contains(level));
    let named = logged.lines().filter(loud).find(|line| names.iter().any(|name| line.contains(name)));
    assert_eq!(named, None, "a name in the log");
    assert!(logged.lines().any(|line| loud(&line)), "nothing was logged above DEBUG");
    let open = open_to_others(&setting.stage.data_folder());
    assert_eq!(open, Vec::<String>::new(), "files and folders that other accounts can open");
    // The session's folder holds the data folder, every XDG folder, the home, and the output.
    assert_eq!(canaries.in_folder(setting.stage.session().folder()), Vec::new(), "in a file");
    Ok(())
}

/// What lies in a folder, and the folder itself, as far as its mode gives anything to the group or to others.
fn open_to_others(folder: &Path) -> Vec<String> {
    let mut all = files_below(folder);
    assert!(all.len() > 2, "there is hardly anything in {}", folder.display());
    let folders: BTreeSet<PathBuf> = all
        .iter()
        .flat_map(|file| file.ancestors().skip(1))
        .filter(|above| above.starts_with(folder))
        .map(Path::to_owned)
        .collect();
    all.extend(folders);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let open = all.iter().filter(|path| mode(path) & 0o077 != 0);
    open.map(|path| format!("{} {:o}", path.display(), mode(path))).collect()
}

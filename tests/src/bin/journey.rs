//! `unlatch-journey [--lang en|es] [--dark]` takes the main job through the real window in a virtual display, on the
//! demo tenant, and keeps a screenshot of each step in `target/demo`, or `target/demo-es-dark` and so on.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command-line program")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use unlatch_demo_tenant::{DemoTenant, Options};
use unlatch_e2e::{Failure, Keychain, Launch, Page, Picks, SearchMode, Stage, Window};

/// What the devices of the demo tenant may have come to by the time they are asked.
const ANSWERED: [&str; 4] = ["accepted", "done", "failed", "notSupported"];

#[derive(Debug)]
struct Looks {
    language: String,
    dark: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let asked = looks(std::env::args().skip(1));
    let done = match asked {
        Ok(looks) => journey(&looks).await,
        Err(failure) => Err(failure),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("the journey ended early: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn looks(arguments: impl Iterator<Item = String>) -> Result<Looks, Failure> {
    let arguments: Vec<String> = arguments.collect();
    let mut rest: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut looks = Looks { language: "en".to_owned(), dark: false };
    loop {
        rest = match rest.as_slice() {
            [] => return Ok(looks),
            ["--dark", rest @ ..] => {
                looks.dark = true;
                rest.to_vec()
            }
            ["--lang", language @ ("en" | "es"), rest @ ..] => {
                (*language).clone_into(&mut looks.language);
                rest.to_vec()
            }
            _ => return Err(Failure::new("usage: unlatch-journey [--lang en|es] [--dark]")),
        };
    }
}

async fn journey(looks: &Looks) -> Result<(), Failure> {
    // The demo tenant lives inside Unlatch. The same seed makes the same one, so a twin tells what there is to find.
    let twin =
        DemoTenant::start(Options::default()).await.map_err(|error| Failure::new(error.to_string()))?;
    let picks = Picks::from(&twin.directory())?;
    let stage = Stage::set("journey", Keychain::Unlocked)?;
    let config = stage.write_config(&format!("language = \"{}\"\n", looks.language))?;
    let mut launch = Launch::plain().argument("--config").argument(config);
    launch = launch.argument("--data-dir").argument(stage.data_folder());
    if looks.dark {
        launch = launch.dark();
    }
    let mut album = Album::empty(&stage, looks)?;
    let window = Window::open(&stage, &launch).await?;
    let page = window.page();
    sign_in(page, &mut album).await?;
    select(page, &picks, &mut album).await?;
    recover(page, &mut album).await?;
    look_around(page, &mut album).await?;
    window.close().await?;
    println!("{} screenshots are in {}", album.count, album.folder.display());
    Ok(())
}

async fn sign_in(page: Page<'_>, album: &mut Album<'_>) -> Result<(), Failure> {
    page.appears("try-demo").await?;
    album.add(page, "sign-in", "Unlatch is open. No tenant is configured yet.").await?;
    page.click("try-demo").await?;
    page.appears("demo-ribbon").await?;
    page.appears("sign-in").await?;
    album.add(page, "demo-tenant", "The demo tenant is behind the window.").await?;
    page.sign_in().await?;
    album.add(page, "desk", "Signed in through the browser. The search has the focus.").await
}

async fn select(page: Page<'_>, picks: &Picks, album: &mut Album<'_>) -> Result<(), Failure> {
    page.search(SearchMode::User, picks.user_text()).await?;
    page.appears("user-option").await?;
    album.add(page, "people", &format!("Searched for the user {}.", picks.user_text())).await?;
    page.choose_user(&picks.user.upn).await?;
    let all: Vec<&str> = picks.devices_of_user.iter().map(|device| device.id.as_str()).collect();
    page.shows_devices(&all).await?;
    for device in &picks.by_user {
        page.tick(&device.id).await?;
    }
    page.tray_holds(2).await?;
    album
        .add(
            page,
            "devices-of-user",
            &format!("Selected two of the {} devices of {}.", all.len(), picks.user.display_name),
        )
        .await?;

    page.search(SearchMode::App, &picks.app.name).await?;
    page.appears("app-option").await?;
    album.add(page, "apps", &format!("Searched for the detected app {}.", picks.app.name)).await?;
    page.choose_app(&picks.app.version).await?;
    let all: Vec<&str> = picks.app.device_ids.iter().map(String::as_str).collect();
    page.shows_devices(&all).await?;
    for device in &picks.by_app {
        page.tick(&device.id).await?;
    }
    page.tray_holds(4).await?;
    album
        .add(page, "devices-with-app", &format!("Selected two of the {} devices that have it.", all.len()))
        .await?;

    page.search(SearchMode::Device, picks.serial()).await?;
    page.shows_devices(&[&picks.direct.id]).await?;
    page.tick(&picks.direct.id).await?;
    page.tray_holds(5).await?;
    album
        .add(page, "device", &format!("Selected the device with the serial number {}.", picks.serial()))
        .await
}

async fn recover(page: Page<'_>, album: &mut Album<'_>) -> Result<(), Failure> {
    page.review().await?;
    album.add(page, "review", "Reviewed what will happen to which device by which route.").await?;
    page.fill("reason-input", "INC-1042 lost passcode").await?;
    album.add(page, "reason", "Gave a reason.").await?;
    page.click("confirm-button").await?;
    page.appears("run-view").await?;
    album.add(page, "run", "Confirmed. The requests go out.").await?;
    page.run_reaches(5, &["accepted"]).await?;
    album.add(page, "accepted", "Graph accepted all five. No device has answered yet.").await?;
    // The devices of the demo tenant answer within 20 seconds, each in its own time.
    page.until("three devices to answer", async || {
        page.click("check-outcomes").await?;
        let items = page.run_items().await?;
        let answered = items.iter().filter(|item| item.state != "accepted").count();
        Ok((answered >= 3).then_some(()))
    })
    .await?;
    page.run_reaches(5, &ANSWERED).await?;
    album
        .add(page, "outcomes", "Asked for the outcomes. What the devices report is shown as they report it.")
        .await
}

async fn look_around(page: Page<'_>, album: &mut Album<'_>) -> Result<(), Failure> {
    for view in ["history", "settings"] {
        page.click("account-menu").await?;
        page.click(&format!("open-{view}")).await?;
        page.appears(&format!("{view}-view")).await?;
        album.add(page, view, &format!("Opened the {view}.")).await?;
    }
    page.click("account-menu").await?;
    page.appears("lock").await?;
    album.add(page, "account-menu", "Opened the account menu with the tenants.").await?;
    page.click("lock").await?;
    page.appears("lock-view").await?;
    album.add(page, "locked", "Locked the window.").await?;
    page.click("unlock").await?;
    page.choose("sign-out").await?;
    page.appears("sign-out-here").await?;
    album.add(page, "sign-out", "Asked how to sign out.").await?;
    page.click("sign-out-here").await?;
    page.click("sign-in-with-code").await?;
    page.appears("user-code").await?;
    album.add(page, "code", "Asked for a code to sign in on another device.").await?;
    page.click("cancel-sign-in").await?;
    page.appears("sign-in").await?;
    album.add(page, "signed-out", "Signed out.").await
}

/// The screenshots, numbered in order.
#[derive(Debug)]
struct Album<'a> {
    stage: &'a Stage,
    folder: PathBuf,
    count: u32,
}

impl<'a> Album<'a> {
    /// An album without the pictures of an earlier journey.
    fn empty(stage: &'a Stage, looks: &Looks) -> Result<Self, Failure> {
        let language = if looks.language == "en" { "" } else { looks.language.as_str() };
        let dark = if looks.dark { "dark" } else { "" };
        let name = ["demo", language, dark]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("-");
        let folder = unlatch_e2e::target_folder()?.join(name);
        fs::create_dir_all(&folder)?;
        for old in fs::read_dir(&folder)?.flatten().map(|entry| entry.path()).filter(|file| is_picture(file))
        {
            fs::remove_file(old)?;
        }
        Ok(Self { stage, folder, count: 0 })
    }

    async fn add(&mut self, page: Page<'_>, name: &str, words: &str) -> Result<(), Failure> {
        page.is_painted().await?;
        self.count += 1;
        let file = self.folder.join(format!("{:02}-{name}.png", self.count));
        self.stage.display().capture(&file)?;
        println!("{:>2}. {words}", self.count);
        Ok(())
    }
}

fn is_picture(file: &Path) -> bool {
    file.extension().is_some_and(|kind| kind == "png")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_read() {
        let read = |words: &[&str]| looks(words.iter().map(|word| (*word).to_owned()));
        assert!(read(&["--dark", "--lang", "es"]).is_ok_and(|looks| looks.dark && looks.language == "es"));
        assert!(read(&[]).is_ok_and(|looks| !looks.dark && looks.language == "en"));
        assert!(read(&["--lang"]).is_err() && read(&["--lang", "xx"]).is_err() && read(&["dark"]).is_err());
    }
}

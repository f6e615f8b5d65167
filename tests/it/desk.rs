//! The way over the desk that several tests share.

use std::collections::BTreeMap;
use std::path::PathBuf;

use unlatch_e2e::{Failure, Page, Picks, SearchMode, Window};

use crate::setting::Setting;

/// Finds the person and ticks two of the devices.
pub async fn select_by_user(page: Page<'_>, picks: &Picks) -> Result<(), Failure> {
    page.search(SearchMode::User, picks.user_text()).await?;
    page.choose_user(&picks.user.upn).await?;
    let all: Vec<&str> = picks.devices_of_user.iter().map(|device| device.id.as_str()).collect();
    page.shows_devices(&all).await?;
    for device in &picks.by_user {
        page.tick(&device.id).await?;
    }
    Ok(())
}

/// Finds the app and ticks two of the devices that have it.
pub async fn select_by_app(page: Page<'_>, picks: &Picks) -> Result<(), Failure> {
    page.search(SearchMode::App, &picks.app.name).await?;
    page.choose_app(&picks.app.version).await?;
    let all: Vec<&str> = picks.app.device_ids.iter().map(String::as_str).collect();
    page.shows_devices(&all).await?;
    for device in &picks.by_app {
        page.tick(&device.id).await?;
    }
    Ok(())
}

/// Finds one device by its serial number and ticks it.
pub async fn select_direct(page: Page<'_>, picks: &Picks) -> Result<(), Failure> {
    page.search(SearchMode::Device, picks.serial()).await?;
    page.shows_devices(&[&picks.direct.id]).await?;
    page.tick(&picks.direct.id).await
}

/// Opens the run that the desk says goes on or waits for a person.
pub async fn open_the_run_at_hand(page: Page<'_>) -> Result<(), Failure> {
    page.appears("runs-banner").await?;
    let script = "document.querySelector('[data-testid=\"runs-banner\"] button').click();";
    page.run(script, Vec::new()).await?;
    page.appears("run-view").await.map(drop)
}

/// Confirms a run of two devices in a window of its own and kills that in the countdown, which `setting` must have.
pub async fn interrupt_a_run(setting: &Setting) -> Result<(), Failure> {
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.sign_in().await?;
    select_by_user(page, &setting.picks).await?;
    page.review().await?;
    page.confirm("interrupted").await?;
    page.appears("starting").await?;
    window.kill().await
}

/// Exports the run that is shown as `csv`, `jsonLines` or `html`, and gives the file.
pub async fn export(page: Page<'_>, format: &str) -> Result<PathBuf, Failure> {
    page.click("export-run").await?;
    page.click(&format!("export-{format}")).await?;
    exported(page, if format == "jsonLines" { "jsonl" } else { format }).await
}

/// Waits until the page names a file with that ending, and gives it.
pub async fn exported(page: Page<'_>, ending: &str) -> Result<PathBuf, Failure> {
    let words = page
        .until("the file's name", async || {
            let words = page.text_of("exported").await?;
            let is_new = words.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).ends_with(ending);
            Ok(is_new.then_some(words))
        })
        .await?;
    let path: String = words
        .chars()
        .skip_while(|c| *c != '/')
        .take_while(|c| !('\u{2066}'..='\u{2069}').contains(c))
        .collect();
    Ok(path.trim().into())
}

/// The rows of a report as a spreadsheet reads them, each cell by the name of its column.
pub fn cells(report: &str) -> Result<Vec<BTreeMap<String, String>>, Failure> {
    let wrong = |error: csv::Error| Failure::new(error.to_string());
    let mut rows = csv::Reader::from_reader(report.trim_start_matches('\u{feff}').as_bytes());
    let headers = rows.headers().map_err(wrong)?.clone();
    let named = |row: csv::StringRecord| {
        headers.iter().zip(row.iter()).map(|(name, cell)| (name.to_owned(), cell.to_owned())).collect()
    };
    rows.records().map(|row| row.map(named).map_err(wrong)).collect()
}

//! The main job with the keyboard alone. Nothing here clicks, and no script does anything but look.

use std::collections::{BTreeMap, BTreeSet};

use unlatch_e2e::{Failure, Focus, Keychain, Page, Picks, Window, key};

use crate::desk::exported;
use crate::setting::Setting;

const REASON: &str = "INC-2077 keyboard alone";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn the_whole_job_is_done_with_the_keyboard_alone_and_the_focus_is_never_lost() -> Result<(), Failure> {
    let setting = Setting::new("keyboard", Keychain::Unlocked).await?;
    let (tenant, picks) = (&setting.tenant, &setting.picks);
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();

    page.tab_to("sign-in").await?;
    page.press(&[key::ENTER]).await?;
    page.focus_is("search-input").await?;
    by_user(page, picks).await?;
    let selected = by_app(page, picks).await?;

    page.press(&[key::CTRL, key::ENTER]).await?;
    page.appears("confirm-dialog").await?;
    page.keeps_focus("Ctrl+Enter").await?;
    assert!(tenant.executed().is_empty(), "nothing may be sent before the confirmation");
    page.tab_to("reason-input").await?;
    page.type_text(REASON).await?;
    page.press(&[key::ENTER]).await?;
    page.focus_is("reason-input").await?;
    assert!(tenant.executed().is_empty(), "Enter in a field confirms nothing");
    if page.shows("typed-count").await? {
        page.tab_to("typed-count").await?;
        page.type_text(&selected.len().to_string()).await?;
    }
    page.tab_to("confirm-button").await?;
    page.press(&[key::ENTER]).await?;
    page.appears("run-view").await?;
    page.keeps_focus("the confirmation").await?;
    page.run_is("finished").await?;
    page.keeps_focus("the end of the run").await?;

    page.tab_to("export-run").await?;
    page.press(&[key::SPACE]).await?;
    page.tab_to("export-csv").await?;
    page.press(&[key::ENTER]).await?;
    let file = std::fs::read_to_string(exported(page, "csv").await?)?;
    for device in &selected {
        assert!(file.contains(device), "{device} is not in the report");
    }
    page.keeps_focus("the export").await?;

    history(page, selected.len()).await?;

    let mut executed: BTreeMap<String, usize> = BTreeMap::new();
    for action in tenant.executed() {
        *executed.entry(action.device_id).or_default() += 1;
    }
    assert!(executed.values().all(|times| *times == 1), "{executed:?}");
    let got: BTreeSet<&str> = executed.keys().map(String::as_str).collect();
    assert!(got.iter().all(|device| selected.contains(*device)), "{got:?} of {selected:?}");
    for device in picks.by_user.iter().chain(&picks.by_app) {
        assert!(got.contains(device.id.as_str()), "{} was not sent to", device.name);
    }
    window.close().await
}

/// Finds the person and ticks two of the devices.
async fn by_user(page: Page<'_>, picks: &Picks) -> Result<(), Failure> {
    page.press(&[key::TAB]).await?;
    let away = page.keeps_focus("Tab").await?;
    assert_ne!(away.id, "search-input");
    page.press(&['/']).await?;
    page.focus_is("search-input").await?;
    page.type_text(picks.user_text()).await?;
    page.appears("user-option").await?;
    page.press(&[key::ENTER]).await?;
    let all: Vec<&str> = picks.devices_of_user.iter().map(|device| device.id.as_str()).collect();
    let rows = page.shows_devices(&all).await?;
    for place in 0..rows.len() as u64 {
        let focus = row_has_focus(page, place).await?;
        if picks.by_user.iter().any(|device| device.id == focus.device_id) {
            page.press(&[key::SPACE]).await?;
            page.until("the row to be ticked", async || {
                let rows = page.rows().await?;
                Ok(rows.into_iter().find(|row| row.index == place && row.ticked))
            })
            .await?;
        }
        page.press(&[key::DOWN]).await?;
    }
    row_has_focus(page, rows.len() as u64 - 1).await?;
    page.tray_holds(2).await.map(drop)
}

/// Finds the app and ticks all that have it. Gives everything that is selected.
async fn by_app(page: Page<'_>, picks: &Picks) -> Result<BTreeSet<String>, Failure> {
    page.press(&['/']).await?;
    page.focus_is("search-input").await?;
    page.press(&[key::CTRL, '2']).await?;
    page.focus_is("search-input").await?;
    page.press(&[key::CTRL, 'a']).await?;
    page.type_text(&picks.app.name).await?;
    page.appears("app-option").await?;
    let mut offered = Vec::new();
    while !offered.last().is_some_and(|option: &String| option.contains(&picks.app.version)) {
        if offered.len() > 30 {
            return Err(Failure::new(format!("{} is not among {offered:?}", picks.app.version)));
        }
        page.press(&[key::DOWN]).await?;
        offered.push(active_option(page).await?);
    }
    page.press(&[key::ENTER]).await?;
    let all: Vec<&str> = picks.app.device_ids.iter().map(String::as_str).collect();
    page.shows_devices(&all).await?;
    row_has_focus(page, 0).await?;
    page.until("the table to be complete", async || {
        let script = "return document.querySelector('[data-testid=\"select-all\"]')?.disabled === false;";
        Ok((page.run(script, Vec::new()).await? == true).then_some(()))
    })
    .await?;
    page.press(&[key::CTRL, 'a']).await?;
    let of_user = picks.by_user.iter().map(|device| device.id.clone());
    let selected: BTreeSet<String> = all.into_iter().map(str::to_owned).chain(of_user).collect();
    page.tray_holds(selected.len()).await?;
    row_has_focus(page, 0).await?;
    Ok(selected)
}

/// Finds the run again, and opens it at a device.
async fn history(page: Page<'_>, devices: usize) -> Result<(), Failure> {
    page.press(&[key::CTRL, 'k']).await?;
    page.focus_is("palette-input").await?;
    page.press(&[key::ESCAPE]).await?;
    page.disappears("palette").await?;
    page.keeps_focus("the palette was put away").await?;
    page.press(&[key::CTRL, 'k']).await?;
    page.focus_is("palette-input").await?;
    page.type_text("history").await?;
    page.appears("palette-option").await?;
    page.press(&[key::ENTER]).await?;
    page.appears("history-view").await?;
    page.keeps_focus("the history was opened").await?;
    page.tab_to("history-text").await?;
    page.type_text("inc-2077").await?;
    page.until("the devices of the run", async || {
        let script = "return document.querySelectorAll('[data-testid=\"history-item\"]').length;";
        Ok((page.run(script, Vec::new()).await? == devices).then_some(()))
    })
    .await?;
    page.focus_is("history-text").await?;
    page.tab_into("history-item").await?;
    page.press(&[key::ENTER]).await?;
    page.appears("run-view").await?;
    page.keeps_focus("the run was opened").await.map(drop)
}

async fn row_has_focus(page: Page<'_>, place: u64) -> Result<Focus, Failure> {
    page.until(&format!("row {place} to have the focus"), async || {
        let focus = page.focus().await?;
        Ok(focus.filter(|focus| focus.id == "device-row" && focus.index == Some(place) && focus.drawn))
    })
    .await
}

/// The words of the option that Enter would take.
async fn active_option(page: Page<'_>) -> Result<String, Failure> {
    let script = "const id = document.activeElement.getAttribute('aria-activedescendant');
        return (id && document.getElementById(id)?.innerText) ?? '';";
    Ok(page.run(script, Vec::new()).await?.as_str().unwrap_or_default().to_owned())
}

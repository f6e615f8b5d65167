//! A pasted or opened list, as after an incident.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use unlatch_demo_tenant::{Device, Options, Pace, Route};
use unlatch_e2e::{Failure, Keychain, Page, SearchMode, Window, can_take_it};

use crate::desk::{cells, export};
use crate::setting::Setting;

/// The list: 300 entries, of which 290 name one device.
struct List {
    text: String,
    /// The devices that are to be sent to.
    one: Vec<Device>,
    /// The devices between which nobody has chosen.
    several: Vec<String>,
}

const ONE: usize = 290;

async fn setting(name: &str) -> Result<(Setting, List), Failure> {
    let options = Options { pace: Pace::manual(), devices: 700, page_size: 200, ..Options::default() };
    let setting = Setting::with(name, Keychain::Unlocked, options, "countdown = 0\n").await?;
    let directory = setting.tenant.directory();
    let mut usable = directory.devices.into_iter().filter(can_take_it);
    let one: Vec<Device> = usable.by_ref().take(ONE).collect();
    let twins: Vec<Device> = usable.take(4).collect();
    assert_eq!((one.len(), twins.len()), (ONE, 4), "the tenant is too small");
    for pair in twins.chunks(2) {
        assert!(setting.tenant.set_serial(&pair[1].id, pair[0].serial.as_deref()));
    }
    let serial = |device: &Device| device.serial.clone().unwrap_or_default();
    let mut entries: Vec<String> = one.iter().map(serial).collect();
    entries.insert(20, serial(&twins[0]));
    entries.insert(200, serial(&twins[2]));
    for number in 0..5 {
        entries.insert(40 * number + 7, format!("UNKNOWN{number:04}"));
    }
    // The same again, differently written.
    entries.push(serial(&one[0]).to_lowercase());
    entries.push(format!("  {} ", serial(&one[100])));
    entries.push(serial(&one[289]));
    assert_eq!(entries.len(), 300);
    let several = twins.into_iter().map(|device| device.id).collect();
    Ok((setting, List { text: entries.join("\n"), one, several }))
}

async fn counts(page: Page<'_>) -> Result<[u64; 4], Failure> {
    let count = async |tab: &str| page.count_of(&format!("list-tab-{tab}")).await;
    Ok([count("one").await?, count("several").await?, count("none").await?, count("double").await?])
}

/// Waits until the list is looked up, as these counts tell.
async fn resolves(page: Page<'_>, expected: [u64; 4]) -> Result<(), Failure> {
    let limit = Duration::from_secs(60);
    page.until_within(limit, &format!("a list of {expected:?}"), async || {
        Ok((page.shows("list-tab-one").await? && counts(page).await? == expected).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn of_three_hundred_pasted_serials_those_that_name_one_device_are_recovered_once_each()
-> Result<(), Failure> {
    let (setting, list) = setting("list").await?;
    let tenant = &setting.tenant;
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.sign_in().await?;
    page.paste("search-input", &list.text).await?;
    page.until("the list to hold what was pasted", async || {
        Ok((page.value_of("list-input").await? == list.text).then_some(()))
    })
    .await?;
    page.click("list-lookup").await?;
    resolves(page, [290, 2, 5, 3]).await?;
    assert_eq!(page.selected().await?, 0, "nothing is selected by itself");

    // Each group by itself, and what is said of it.
    page.click("list-tab-several").await?;
    let several: Vec<&str> = list.several.iter().map(String::as_str).collect();
    let rows = page.shows_devices(&several).await?;
    assert!(rows.iter().all(|row| !row.ticked));
    page.click("list-tab-none").await?;
    page.says("UNKNOWN0004").await?;
    page.click("list-tab-double").await?;
    let notes = "return document.querySelectorAll('[data-testid=\"list-note\"]').length;";
    page.until("three double entries", async || Ok((page.run(notes, Vec::new()).await? == 3).then_some(())))
        .await?;

    page.click("list-tab-one").await?;
    page.select_all(ONE).await?;
    page.review().await?;
    page.fill("reason-input", "INC-4300 three hundred tablets").await?;
    let enabled = "return document.querySelector('[data-testid=\"confirm-button\"]').disabled === false;";
    assert_eq!(page.run(enabled, Vec::new()).await?, false, "the count has to be typed");
    page.fill("typed-count", "290").await?;
    page.click("confirm-button").await?;
    page.appears("run-view").await?;
    page.run_is("finished").await?;

    let expected: BTreeSet<&str> = list.one.iter().map(|device| device.id.as_str()).collect();
    expect_posts(&setting, &expected);
    expect_report(page, &list.one).await?;
    assert_eq!(tenant.executed().len(), ONE, "a report sends nothing");

    // What was started is no longer selected, and so cannot be sent to again by mistake.
    page.click("back-to-desk").await?;
    page.tray_holds(0).await?;
    window.close().await
}

/// The tenant's own log holds exactly a request for each of these, by the direct route.
fn expect_posts(setting: &Setting, expected: &BTreeSet<&str>) {
    let mut executed: BTreeMap<String, usize> = BTreeMap::new();
    for action in setting.tenant.executed() {
        assert_eq!(action.route, Route::Direct);
        *executed.entry(action.device_id).or_default() += 1;
    }
    let wrong: Vec<_> = executed.iter().filter(|(_, times)| **times != 1).collect();
    assert!(wrong.is_empty(), "sent to more than once: {wrong:?}");
    let got: BTreeSet<&str> = executed.keys().map(String::as_str).collect();
    assert_eq!(&got, expected);
    let posts = setting.tenant.requests().into_iter().filter(|request| request.method == "POST");
    let posts = posts.filter(|request| request.path.contains("/graph/")).count();
    assert_eq!(posts, expected.len(), "every request that was posted was executed");
}

async fn expect_report(page: Page<'_>, devices: &[Device]) -> Result<(), Failure> {
    let file = std::fs::read_to_string(export(page, "csv").await?)?;
    let rows = cells(&file)?;
    assert_eq!(rows.len(), devices.len());
    let told: BTreeMap<&str, &BTreeMap<String, String>> =
        rows.iter().map(|row| (row["Device id"].as_str(), row)).collect();
    for device in devices {
        let row = told.get(device.id.as_str()).unwrap_or_else(|| panic!("{} is not in it", device.name));
        assert_eq!(row["State"], "accepted", "{}", device.name);
        assert_eq!(Some(&row["Serial number"]), device.serial.as_ref());
        assert_eq!(row["Reason"], "INC-4300 three hundred tablets");
        assert_eq!(row["Attempts"], "1");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn a_file_is_looked_up_as_a_pasted_list_is() -> Result<(), Failure> {
    let (setting, list) = setting("list-file").await?;
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.sign_in().await?;
    let file = setting.stage.session().folder().join("devices.csv");
    // As a spreadsheet writes it.
    std::fs::write(&file, format!("\u{feff}{}\r\n", list.text.replace('\n', "\r\n")))?;
    page.click("mode-list").await?;
    page.open_file("list-file", &file).await?;
    page.until("the list to hold the file", async || {
        Ok(page.value_of("list-input").await?.contains("UNKNOWN0004").then_some(()))
    })
    .await?;
    page.click("list-lookup").await?;
    resolves(page, [290, 2, 5, 3]).await?;
    assert_eq!(page.selected().await?, 0);

    // Another search leaves the list, and what was ticked in it stays ticked.
    page.select_all(ONE).await?;
    let first = &list.one[0];
    page.search(SearchMode::Device, first.serial.as_deref().unwrap_or_default()).await?;
    assert!(page.shows_devices(&[&first.id]).await?[0].ticked);
    assert_eq!(page.selected().await?, ONE);
    assert!(setting.tenant.executed().is_empty());
    window.close().await
}

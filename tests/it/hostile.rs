//! Names that are meant to do harm, on every view: nothing runs, nothing breaks the layout, and no mark hides.

use unlatch_demo_tenant::{HOSTILE_USER, Options, Pace, hostile_texts};
use unlatch_e2e::{Failure, Keychain, Page, SearchMode, Window};

use crate::desk::{cells, export};
use crate::setting::Setting;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn hostile_names_run_nothing_break_nothing_and_hide_nothing_on_any_view() -> Result<(), Failure> {
    let options = Options { pace: Pace::manual(), hostile: true, ..Options::default() };
    let setting = Setting::with("hostile", Keychain::Unlocked, options, "countdown = 0\n").await?;
    let texts = hostile_texts();
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.sign_in().await?;

    // People and apps, as they are offered.
    page.search(SearchMode::User, "hostile").await?;
    page.appears("user-option").await?;
    harmless(page, "people").await?;
    page.search(SearchMode::App, "script").await?;
    page.appears("app-option").await?;
    harmless(page, "apps").await?;

    // Devices, all of one person whose own name is hostile.
    page.search(SearchMode::User, "hostile01").await?;
    page.choose_user(HOSTILE_USER).await?;
    page.until("the devices", async || Ok((page.rows().await?.len() > 5).then_some(()))).await?;
    harmless(page, "devices").await?;
    rows_are_even(page).await?;
    page.says("IPAD‹U+202E›gpj.exe").await?;
    page.says("IPADOS‹U+200B›-00012").await?;
    page.fill("table-filter", "hyperlink").await?;
    page.until("one row", async || Ok((page.rows().await?.len() == 1).then_some(()))).await?;
    page.click("open-details").await?;
    page.appears("details-pane").await?;
    page.until("the details to be read", async || {
        Ok(page.text_of("details-pane").await?.contains("=HYPERLINK").then_some(()))
    })
    .await?;
    harmless(page, "details").await?;
    page.click("details-close").await?;
    page.empty("table-filter").await?;
    page.until("the devices again", async || Ok((page.rows().await?.len() > 5).then_some(()))).await?;
    page.select_all(texts.len()).await?;
    page.tray_holds(texts.len()).await?;
    harmless(page, "the tray").await?;

    page.review().await?;
    harmless(page, "the review").await?;
    page.fill("reason-input", "=1+1 <img src=x onerror=window.ran=1>").await?;
    page.fill("typed-count", &texts.len().to_string()).await?;
    page.click("confirm-button").await?;
    page.appears("run-view").await?;
    page.run_is("finished").await?;
    assert_eq!(setting.tenant.executed().len(), texts.len(), "a name keeps nobody from being helped");
    harmless(page, "the run").await?;
    page.click("open-detail").await?;
    page.appears("item-detail").await?;
    harmless(page, "a device of the run").await?;
    reports_are_harmless(page, &texts).await?;

    page.choose("open-history").await?;
    page.appears("history-run").await?;
    harmless(page, "the history").await?;
    page.fill("history-text", "hyperlink").await?;
    page.appears("history-item").await?;
    page.until("the devices in the history", async || {
        Ok(page.words().await?.contains("=HYPERLINK").then_some(()))
    })
    .await?;
    harmless(page, "the history's devices").await?;
    window.close().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn a_list_of_hostile_names_is_looked_up_and_shown_as_harmlessly() -> Result<(), Failure> {
    let options = Options { pace: Pace::manual(), hostile: true, ..Options::default() };
    let setting = Setting::with("hostile-list", Keychain::Unlocked, options, "countdown = 0\n").await?;
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.sign_in().await?;
    let file = setting.stage.session().folder().join("hostile.txt");
    std::fs::write(&file, hostile_texts().join("\r\n"))?;
    page.click("mode-list").await?;
    page.open_file("list-file", &file).await?;
    page.until("the list to hold the file", async || {
        Ok(page.value_of("list-input").await?.contains("DROP TABLE").then_some(()))
    })
    .await?;
    harmless(page, "a list").await?;
    page.click("list-lookup").await?;
    page.appears("list-tab-none").await?;
    page.until("the list to be looked up", async || {
        let reading =
            page.run("return document.querySelector('[aria-busy=true]') !== null;", Vec::new()).await?;
        Ok((reading == false).then_some(()))
    })
    .await?;
    for tab in ["one", "several", "none", "double"] {
        page.click(&format!("list-tab-{tab}")).await?;
        harmless(page, &format!("{tab} of a list")).await?;
    }
    assert_eq!(page.selected().await?, 0);
    window.close().await
}

/// Nothing ran, nothing was loaded, and the page is no wider than the window.
async fn harmless(page: Page<'_>, view: &str) -> Result<(), Failure> {
    page.is_painted().await?;
    let script = "const root = document.documentElement;
        const foreign = 'script:not([src]), iframe, object, embed, svg[onload], img[onerror], [href^=\"javascript:\"]';
        return {
            ran: window.ran ?? null,
            made: document.body.querySelectorAll(foreign).length,
            wider: Math.max(root.scrollWidth, document.body.scrollWidth) - window.innerWidth,
            hidden: (document.body.innerText.match(/[\\u200b\\u202a-\\u202e\\u0000]/g) ?? []).length,
            loaded: performance.getEntriesByType('resource').map((entry) => entry.name)
                .filter((name) => name.includes('foreign.example')),
        };";
    let found = page.run(script, Vec::new()).await?;
    assert!(found["ran"].is_null(), "{view}: something ran");
    assert_eq!(found["made"], 0, "{view}: a name made an element");
    assert!(
        found["wider"].as_i64().is_some_and(|wider| wider <= 0),
        "{view} is {} px too wide",
        found["wider"]
    );
    assert_eq!(found["hidden"], 0, "{view}: a mark that turns or hides text is drawn as it is");
    assert_eq!(found["loaded"].as_array().map(Vec::len), Some(0), "{view}: {}", found["loaded"]);
    Ok(())
}

/// Every row of the table is as high as any other, whatever stands in it, from the first to the last.
async fn rows_are_even(page: Page<'_>) -> Result<(), Failure> {
    let script = "const rows = [...document.querySelectorAll('[data-testid=\"device-row\"]')];
        const grid = document.querySelector('[data-testid=\"results-grid\"]').getBoundingClientRect();
        return rows.map((row) => {
            const box = row.getBoundingClientRect();
            const cells = [...row.children].map((cell) => cell.getBoundingClientRect());
            return {
                height: box.height,
                inside: cells.every((cell) => cell.top >= box.top - 1 && cell.bottom <= box.bottom + 1),
                clipped: [...row.querySelectorAll('bdi')].every((text) =>
                    text.closest('.cut, [role=gridcell]').getBoundingClientRect().right <= Math.max(box.right, grid.right) + 1),
            };
        });";
    let rows = page.run(script, Vec::new()).await?;
    let rows = rows.as_array().cloned().unwrap_or_default();
    assert!(rows.len() > 5, "{rows:?}");
    for row in &rows {
        assert_eq!(row["height"].as_f64().map(f64::round), Some(32.0), "{row}");
        assert_eq!((row["inside"] == true, row["clipped"] == true), (true, true), "{row}");
    }
    Ok(())
}

async fn reports_are_harmless(page: Page<'_>, texts: &[String]) -> Result<(), Failure> {
    let csv = std::fs::read_to_string(export(page, "csv").await?)?;
    let rows = cells(&csv)?;
    assert_eq!(rows.len(), texts.len());
    for (column, cell) in rows.iter().flatten() {
        let first = cell.trim_start().chars().next();
        assert!(
            !first.is_some_and(|first| "=+-@\t\r\n".contains(first)),
            "{column} begins a formula: {cell:.40}"
        );
    }
    let names: Vec<&String> = rows.iter().map(|row| &row["Device name"]).collect();
    // A cell that could be a formula has apostrophes before it, and nothing else is changed.
    let bare = |text: &String| text.replace('\'', "");
    let kept = |text: &String| names.iter().any(|name| bare(name) == bare(text));
    // A name of nothing but a blank is none.
    for text in texts.iter().filter(|text| !text.trim().is_empty()) {
        assert!(kept(text), "a report keeps {text:.60?} whole");
    }

    let html = std::fs::read_to_string(export(page, "html").await?)?;
    for markup in
        ["<script>window.ran", "<img src=x", "<svg onload", "<iframe", "<style>*{", "href=\"javascript:"]
    {
        assert!(!html.contains(markup), "{markup} stands in the report");
    }
    assert!(html.contains("HYPERLINK"), "the report names the devices");
    Ok(())
}

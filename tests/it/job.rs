//! The main job, from the sign-in to the outcomes.

use std::collections::{BTreeMap, BTreeSet};

use unlatch_demo_tenant::{ActionState, RecordedRequest, Route};
use unlatch_e2e::{Failure, Keychain, SearchMode, Window};
use uuid::{Uuid, Version};

use crate::desk::{select_by_app, select_by_user, select_direct};
use crate::setting::Setting;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn the_whole_job_sends_what_was_selected_once_by_the_route_it_was_found_on() -> Result<(), Failure> {
    let setting = Setting::new("whole-job", Keychain::Unlocked).await?;
    let (tenant, picks) = (&setting.tenant, &setting.picks);
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.sign_in().await?;

    select_by_user(page, picks).await?;
    page.tray_holds(2).await?;
    select_by_app(page, picks).await?;
    page.tray_holds(4).await?;
    select_direct(page, picks).await?;
    let selected = page.tray_holds(5).await?;
    assert_eq!(set(selected.iter().map(String::as_str)), set(picks.device_ids()));

    // A device that is selected already shows as such wherever else it is found, and is not taken twice.
    let again = &picks.by_user[0];
    page.search(SearchMode::Device, again.serial.as_deref().unwrap_or_default()).await?;
    assert!(page.shows_devices(&[&again.id]).await?[0].ticked);
    page.tray_holds(5).await?;
    assert!(tenant.executed().is_empty(), "nothing may be sent before the confirmation");

    page.review().await?;
    let review = page.text_of("confirm-dialog").await?;
    for device in picks.by_user.iter().chain(&picks.by_app).chain([&picks.direct]) {
        assert!(review.contains(&device.name), "{} is not in the review:\n{review}", device.name);
    }
    page.confirm("INC-1042 lost passcode").await?;
    let items = page.run_reaches(5, &["accepted"]).await?;
    assert_eq!(set(items.iter().map(|item| item.device_id.as_str())), set(picks.device_ids()));

    expect_requests(&setting);

    // Accepted is not done: what the device answers is asked for, and told as it is.
    let outcomes = [
        (&picks.by_user[0].id, ActionState::Done, "done"),
        (&picks.by_user[1].id, ActionState::Failed, "failed"),
        (&picks.by_app[0].id, ActionState::NotSupported, "notSupported"),
    ];
    for (device, outcome, _) in &outcomes {
        tenant.settle(device, *outcome);
    }
    page.click("check-outcomes").await?;
    page.until("the outcomes to be shown", async || {
        let states: BTreeMap<_, _> =
            page.run_items().await?.into_iter().map(|item| (item.device_id, item.state)).collect();
        let shown =
            |(device, _, state): &(&String, _, &str)| states.get(*device).is_some_and(|now| now == state);
        Ok(outcomes.iter().all(shown).then_some(()))
    })
    .await?;
    let untouched = page.run_items().await?;
    let untouched =
        untouched.iter().filter(|item| item.state == "accepted").map(|item| item.device_id.as_str());
    assert_eq!(set(untouched), set([picks.by_app[1].id.as_str(), picks.direct.id.as_str()]));
    assert_eq!(tenant.executed().len(), 5, "asking for outcomes must send nothing again");

    page.click("account-menu").await?;
    page.click("open-history").await?;
    page.says("INC-1042 lost passcode").await?;
    window.close().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn what_was_recorded_is_there_after_a_crash() -> Result<(), Failure> {
    let setting = Setting::new("after-a-crash", Keychain::Unlocked).await?;
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    window.page().sign_in().await?;
    select_direct(window.page(), &setting.picks).await?;
    window.page().review().await?;
    window.page().confirm("before the crash").await?;
    window.page().run_reaches(1, &["accepted"]).await?;
    window.close().await?;

    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.appears("search-input").await?;
    page.click("account-menu").await?;
    page.click("open-history").await?;
    page.says("before the crash").await?;
    assert_eq!(setting.tenant.executed().len(), 1, "a restart must send nothing again");
    window.close().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn nothing_foreign_can_be_loaded_into_the_window() -> Result<(), Failure> {
    let setting = Setting::new("foreign", Keychain::Unlocked).await?;
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.appears("sign-in").await?;
    assert_eq!(page.violations().await?, Vec::<String>::new());
    // This also shows that a violation would be seen.
    let script = "const image = new Image(); image.src = 'https://foreign.example/a.png'; document.body.append(image);
        const style = document.createElement('style'); style.textContent = 'body { color: red }'; document.head.append(style);
        const code = document.createElement('script'); code.textContent = 'window.ran = true'; document.head.append(code);";
    page.run(script, Vec::new()).await?;
    let blocked = page
        .until("three things to be blocked", async || {
            let blocked = page.violations().await?;
            Ok((blocked.len() >= 3).then_some(blocked))
        })
        .await?;
    for directive in ["img-src https://foreign.example", "style-src", "script-src"] {
        assert!(blocked.iter().any(|seen| seen.starts_with(directive)), "{directive}: {blocked:?}");
    }
    assert!(page.run("return window.ran ?? null;", Vec::new()).await?.is_null());
    window.close_although_blocked().await
}

/// What the tenant's own log must hold after the run, and nothing else.
fn expect_requests(setting: &Setting) {
    let (tenant, picks) = (&setting.tenant, &setting.picks);
    let base = tenant.graph_url().path().trim_end_matches('/');
    let mut expected = BTreeMap::new();
    for device in &picks.by_user {
        let path = format!("{base}/users/{}/managedDevices/{}/recoverPasscode", picks.user.id, device.id);
        expected.insert(path, (device.id.as_str(), Route::User));
    }
    for device in &picks.by_app {
        let path = format!(
            "{base}/deviceManagement/detectedApps/{}/managedDevices/{}/recoverPasscode",
            picks.app.id, device.id
        );
        expected.insert(path, (device.id.as_str(), Route::DetectedApp));
    }
    let path = format!("{base}/deviceManagement/managedDevices/{}/recoverPasscode", picks.direct.id);
    expected.insert(path, (picks.direct.id.as_str(), Route::Direct));

    let requests = tenant.requests();
    let on_graph: Vec<&RecordedRequest> =
        requests.iter().filter(|request| request.path.starts_with(base)).collect();
    let posts: Vec<&&RecordedRequest> = on_graph.iter().filter(|request| request.method != "GET").collect();
    let sent: Vec<&str> = posts.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(sent.len(), 5, "one request for each device: {sent:?}");
    assert_eq!(set(sent), set(expected.keys().map(String::as_str)));
    for request in &posts {
        assert_eq!(request.method, "POST");
        assert_eq!(request.query, "");
        assert_eq!(request.status, Some(204), "{}", request.path);
        assert_eq!(request.header("content-length"), Some("0"), "{}", request.path);
        assert_eq!(request.header("content-type"), None);
        assert_eq!(request.header("transfer-encoding"), None);
        assert!(!request.has_body && request.body_len == 0);
        assert_eq!(request.header("accept"), Some("application/json"));
        assert_eq!(request.header("authorization"), Some("Bearer ***"));
    }
    let ids: Vec<Uuid> = on_graph
        .iter()
        .map(|request| {
            request.header("client-request-id").unwrap_or_else(|| panic!("{} has no id", request.path))
        })
        .map(|id| id.parse().unwrap())
        .collect();
    assert!(ids.iter().all(|id| id.get_version() == Some(Version::Random)));
    assert_eq!(set(&ids).len(), ids.len(), "every request has an id of its own");

    let executed = tenant.executed();
    assert_eq!(executed.len(), 5);
    for action in &executed {
        assert_eq!(expected.get(&action.path), Some(&(action.device_id.as_str(), action.route)));
    }
}

fn set<T: Ord>(values: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    values.into_iter().collect()
}

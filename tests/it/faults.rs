//! What Graph really does wrong, and what the window says of it.

use std::collections::BTreeMap;

use unlatch_demo_tenant::{Fault, FaultKind};
use unlatch_e2e::{Failure, Keychain, SearchMode, Window};

use crate::desk::{select_by_app, select_by_user, select_direct};
use crate::setting::Setting;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn when_graph_ignores_the_filter_only_what_matches_can_be_selected() -> Result<(), Failure> {
    let setting = Setting::new("ignored-filter", Keychain::Unlocked).await?;
    let all = setting.tenant.directory().devices.len();
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.sign_in().await?;
    setting.tenant.add_fault(Fault::new(FaultKind::IgnoreFilter));

    page.search(SearchMode::Device, setting.picks.serial()).await?;
    page.shows_devices(&[&setting.picks.direct.id]).await?;
    let notice = page.text_of("left-out").await?;
    assert!(notice.contains(&(all - 1).to_string()), "the notice tells how many were left out: {notice}");

    page.click("select-all").await?;
    assert_eq!(page.tray_holds(1).await?, std::slice::from_ref(&setting.picks.direct.id));
    window.close().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn each_device_tells_its_own_trouble_and_nothing_doubtful_is_sent_again() -> Result<(), Failure> {
    let setting = Setting::new("troubles", Keychain::Unlocked).await?;
    let (tenant, picks) = (&setting.tenant, &setting.picks);
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.sign_in().await?;
    select_by_user(page, picks).await?;
    select_by_app(page, picks).await?;
    select_direct(page, picks).await?;
    page.review().await?;

    let [first, second] = &picks.by_user;
    let [third, fourth] = &picks.by_app;
    let on_post = |kind, device: &str| Fault::new(kind).method("POST").device(device);
    // The answer is lost after the action ran, and before it.
    tenant.add_fault(on_post(FaultKind::ResetAfter, &first.id));
    tenant.add_fault(on_post(
        FaultKind::Status { status: 504, retry_after: None, executed: false },
        &second.id,
    ));
    // The route by the app does not exist; a role denial that comes as 401.
    tenant.add_fault(on_post(FaultKind::MissingRoute, &third.id).path_contains("detectedApps"));
    tenant.add_fault(on_post(FaultKind::RoleDenied401, &fourth.id));
    // Another person's device since it was confirmed.
    tenant.change_device(&picks.direct.id, |device| device.name = "SOMEBODY-ELSES".to_owned());

    page.confirm("troubles").await?;
    let items = page.run_reaches(5, &["unconfirmed", "accepted", "refused", "stopped"]).await?;
    let states: BTreeMap<&str, &str> =
        items.iter().map(|item| (item.device_id.as_str(), item.state.as_str())).collect();
    let expected = [
        (first, "unconfirmed"),
        (second, "unconfirmed"),
        (third, "accepted"),
        (fourth, "refused"),
        (&picks.direct, "stopped"),
    ];
    for (device, state) in expected {
        assert_eq!(states.get(device.id.as_str()), Some(&state), "{}", device.name);
    }
    page.appears("fell-back").await?;
    page.says("Your Intune role does not allow this on this device.").await?;
    page.says("SOMEBODY-ELSES").await?;

    let posts_to = |device: &str| {
        let requests = tenant.requests();
        requests.iter().filter(|request| request.method == "POST" && request.path.contains(device)).count()
    };
    assert_eq!(posts_to(&first.id), 1, "an answer that was lost is not asked for again");
    assert_eq!(posts_to(&second.id), 1);
    assert_eq!(posts_to(&third.id), 2, "once by the app's route, once directly");
    assert_eq!(posts_to(&fourth.id), 1, "a role denial is no reason to renew the token and send again");
    assert_eq!(posts_to(&picks.direct.id), 0, "a device that changed is not sent to");

    // What the devices report settles one of the two doubts; the other is left to a person.
    tenant.clear_faults();
    page.click("check-outcomes").await?;
    page.until("the doubt to be settled", async || {
        let items = page.run_items().await?;
        let state = |id: &str| items.iter().find(|item| item.device_id == id).map(|item| item.state.as_str());
        Ok((state(&first.id) == Some("accepted") && state(&second.id) == Some("unconfirmed")).then_some(()))
    })
    .await?;
    assert_eq!(tenant.executed().len(), 2);
    window.close().await
}

//! Every fault that the demo tenant knows, and what a technician sees of it.

use std::time::Duration;

use unlatch_demo_tenant::{Device, Fault, FaultKind, IntermediaryBody, Options, Pace, RetryAfter};
use unlatch_e2e::{Failure, Keychain, Page, SearchMode, Window};

use crate::setting::Setting;

/// Where a fault shows, and how.
enum Shows {
    /// On a device's request: its state, words in its row, and how many requests it got.
    Send { state: &'static str, words: &'static str, posts: usize },
    /// On the reading of a device right before its request, which then is not sent.
    Read { state: &'static str, words: &'static str },
    /// On a list of devices.
    Search { words: &'static str },
    /// On the sign-in.
    SignIn { words: &'static str },
}

/// How long all of them may take: 429s lower what may go out, in the end to 10 requests in 20 s, and what went out before counts.
const LONGEST: Duration = Duration::from_secs(90);

const SIGN_IN_AGAIN: &str = "const banners = ['signed-out-banner', 'run-sign-in'];
    banners.map((id) => document.querySelector(`[data-testid=\"${id}\"] button`)).find(Boolean)?.click();";

/// The words that a fault of each kind is to be met with. A kind that is added later does not compile here until it is in.
fn shows(kind: &FaultKind) -> Shows {
    use Shows::{Read, Search, Send, SignIn};
    const DOUBT: &str = "Unconfirmed: the answer was lost. It may have arrived.";
    const ACCEPTED: &str = "Request accepted. The device has not answered yet.";
    match kind {
        FaultKind::TooManyRequests { .. } => Send { state: "accepted", words: ACCEPTED, posts: 2 },
        // Let through or not, the answer says nothing; what the device reports settles what was executed.
        FaultKind::Intermediary { executed: true, .. } => {
            Send { state: "accepted", words: ACCEPTED, posts: 1 }
        }
        FaultKind::Intermediary { executed: false, .. } => Send {
            state: "unconfirmed",
            words: "Unconfirmed: something between Unlatch and Microsoft Graph answered with 403 (a proxy or gateway). The request may have arrived.",
            posts: 1,
        },
        // What was executed all the same is settled by what the device reports, without a second request.
        FaultKind::Status { executed: true, .. } | FaultKind::ResetAfter => {
            Send { state: "accepted", words: ACCEPTED, posts: 1 }
        }
        FaultKind::Status { executed: false, .. } | FaultKind::ResetBefore => {
            Send { state: "unconfirmed", words: DOUBT, posts: 1 }
        }
        FaultKind::Slow { .. } => Send { state: "accepted", words: ACCEPTED, posts: 1 },
        // A new token is had without anybody, and the request goes out with it.
        FaultKind::ExpiredToken | FaultKind::ClaimsChallenge => {
            Send { state: "accepted", words: ACCEPTED, posts: 2 }
        }
        FaultKind::RoleDenied403 | FaultKind::RoleDenied401 => Send {
            state: "refused",
            words: "Your Intune role does not allow this on this device. Ask for a role with Remote tasks › Reset passcode for its scope.",
            posts: 1,
        },
        FaultKind::MissingScope403 => Send {
            state: "refused",
            words: "The application lacks the permission. Ask an administrator to grant DeviceManagementManagedDevices.PrivilegedOperations.All.",
            posts: 1,
        },
        FaultKind::MissingRoute => Send {
            state: "refused",
            words: "Graph called the request wrong; nothing was executed. Hand the request id to support.",
            posts: 1,
        },
        FaultKind::NotFound404 => Send {
            state: "refused",
            words: "The device is gone, or outside your scope tags. Search for it again by its serial number.",
            posts: 1,
        },
        FaultKind::OutOfScopeTags404 => Send {
            state: "refused",
            words: "The device is outside the scope tags of your Intune role. Ask an Intune administrator to add the scope tag to your role, or hand the ticket to somebody whose role has it.",
            posts: 1,
        },
        FaultKind::NoLicence400 => Send {
            state: "refused",
            words: "The tenant has no Intune licence that covers this. Nothing can be sent until the licence is assigned or renewed.",
            posts: 1,
        },
        FaultKind::MalformedJson => Read {
            state: "stopped",
            words: "The device could not be read afresh, so nothing was sent. Recover it again later.",
        },
        FaultKind::IgnoreFilter => Search { words: "Graph ignored the filter:" },
        FaultKind::PageFails { .. } => Search { words: "The service failed." },
        FaultKind::ForeignNextLink | FaultKind::BadNextLink => {
            Search { words: "The service's answer could not be understood." }
        }
        FaultKind::LoginError { .. } => SignIn { words: "Your kept sign-in has expired. Sign in again." },
    }
}

/// One fault of each kind, and of those with several forms one of each that differs.
fn kinds() -> Vec<FaultKind> {
    let mut kinds = FaultKind::one_of_each();
    let wait = |kind: &mut FaultKind| {
        if let FaultKind::TooManyRequests { retry_after } = kind {
            *retry_after = RetryAfter::Integer(2);
        }
    };
    kinds.iter_mut().for_each(wait);
    for (status, executed) in [(500, false), (503, false), (504, false), (504, true)] {
        kinds.push(FaultKind::Status { status, retry_after: None, executed });
    }
    kinds.push(FaultKind::Intermediary {
        status: 200,
        body: IntermediaryBody::Json,
        executed: true,
        retry_after: None,
    });
    for retry_after in [RetryAfter::Fraction(0.4), RetryAfter::Date, RetryAfter::Missing] {
        kinds.push(FaultKind::TooManyRequests { retry_after });
    }
    kinds
}

/// Devices that can take the action, each found by its own serial number.
fn usable(setting: &Setting, count: usize) -> Vec<Device> {
    let devices = setting.tenant.directory().devices;
    let fit = |device: &Device| {
        device.serial.as_deref().is_some_and(|serial| serial.starts_with("SN"))
            && device.management_state == "managed"
            && device.management_agent == "mdm"
    };
    let found: Vec<_> = devices.into_iter().filter(fit).take(count).collect();
    assert_eq!(found.len(), count);
    found
}

async fn select(page: Page<'_>, device: &Device) -> Result<(), Failure> {
    page.search(SearchMode::Device, device.serial.as_deref().unwrap_or_default()).await?;
    page.shows_devices(&[&device.id]).await?;
    page.tick(&device.id).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn every_fault_on_a_request_shows_in_the_state_and_words_it_is_to() -> Result<(), Failure> {
    let setting = Setting::new("fault-table", Keychain::Unlocked).await?;
    let tenant = &setting.tenant;
    let of_a_device: Vec<_> = kinds()
        .into_iter()
        .filter(|kind| matches!(shows(kind), Shows::Send { .. } | Shows::Read { .. }))
        // The token that answers a challenge is everybody's, so this one is tried by itself below.
        .filter(|kind| !matches!(kind, FaultKind::ClaimsChallenge))
        .collect();
    let devices = usable(&setting, of_a_device.len());
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.sign_in().await?;
    for device in &devices {
        select(page, device).await?;
    }
    page.review().await?;
    for (kind, device) in of_a_device.iter().zip(&devices) {
        let fault = Fault::new(kind.clone()).device(&device.id);
        tenant.add_fault(match (kind, shows(kind)) {
            (_, Shows::Read { .. }) => fault.method("GET"),
            // These pass: the request goes out once more.
            (FaultKind::TooManyRequests { .. } | FaultKind::ExpiredToken, _) => fault.method("POST").times(1),
            _ => fault.method("POST"),
        });
    }
    if page.shows("typed-count").await? {
        page.fill("typed-count", &devices.len().to_string()).await?;
    }
    page.confirm("every fault").await?;
    // What was lost on the way back is found by asking the devices, which nobody has to do by hand.
    let expected = |id: &str| {
        let place = devices.iter().position(|device| device.id == id);
        place.map(|place| shows(&of_a_device[place]))
    };
    page.until_within(LONGEST, "every device to stand as it is to", async || {
        page.run("document.querySelector('[data-testid=\"run-view\"] [role=\"grid\"]').scrollTop;", Vec::new()).await?;
        let mut seen = std::collections::BTreeMap::new();
        // The table draws the rows in sight only.
        for top in (0..40).map(|step| step * 200) {
            let script = "const box = [...document.querySelectorAll('[data-testid=\"run-view\"] *')]
                .find((part) => part.scrollHeight > part.clientHeight + 1 && getComputedStyle(part).overflowY !== 'visible');
                if (box) box.scrollTop = arguments[0];";
            page.run(script, vec![top.into()]).await?;
            page.is_painted().await?;
            for item in page.run_items().await? {
                seen.insert(item.device_id.clone(), item);
            }
            if seen.len() == devices.len() {
                break;
            }
        }
        let stands = |device: &Device| match (seen.get(&device.id), expected(&device.id)) {
            (Some(item), Some(Shows::Send { state, words, .. } | Shows::Read { state, words })) => {
                item.state == state && item.text.contains(words)
            }
            _ => false,
        };
        let wrong: Vec<_> = devices.iter().filter(|device| !stands(device)).collect();
        match wrong.first() {
            None => Ok(Some(())),
            Some(device) => {
                let kind = devices.iter().position(|other| other.id == device.id).map(|place| &of_a_device[place]);
                let item = seen.get(&device.id).map(|item| format!("{}: {}", item.state, item.text));
                Err(Failure::new(format!("{kind:?} shows as {item:?}")))
            }
        }
    })
    .await?;
    for (kind, device) in of_a_device.iter().zip(&devices) {
        let requests = tenant.requests();
        let got = requests
            .iter()
            .filter(|request| request.method == "POST" && request.path.contains(&device.id))
            .count();
        let posts = match shows(kind) {
            Shows::Send { posts, .. } => posts,
            _ => 0,
        };
        assert_eq!(got, posts, "{kind:?}");
    }
    window.close().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn every_fault_on_a_list_a_sign_in_or_a_session_shows_in_the_words_it_is_to() -> Result<(), Failure> {
    let options = Options { pace: Pace::manual(), page_size: 40, ..Options::default() };
    let setting = Setting::with("fault-table-rest", Keychain::Unlocked, options, "countdown = 0\n").await?;
    let tenant = &setting.tenant;
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.appears("sign-in").await?;
    for kind in kinds() {
        let Shows::SignIn { words } = shows(&kind) else { continue };
        tenant.add_fault(Fault::new(kind));
        page.click("sign-in").await?;
        page.says(words).await?;
        tenant.clear_faults();
    }
    page.sign_in().await?;
    let [device, challenged] = &usable(&setting, 2)[..] else { return Err(Failure::new("no devices")) };
    for kind in kinds() {
        let Shows::Search { words } = shows(&kind) else { continue };
        tenant.add_fault(Fault::new(kind.clone()).path_contains("managedDevices"));
        let text = if matches!(kind, FaultKind::IgnoreFilter) { device.serial.as_deref() } else { Some("0") };
        page.search(SearchMode::Device, text.unwrap_or_default()).await?;
        page.says(words).await.map_err(|failure| failure.while_doing(&format!("{kind:?}")))?;
        tenant.clear_faults();
    }
    select(page, challenged).await?;
    page.review().await?;
    tenant.add_fault(Fault::new(FaultKind::ClaimsChallenge).method("POST"));
    page.confirm("challenged").await?;
    let Shows::Send { state, words, posts } = shows(&FaultKind::ClaimsChallenge) else {
        return Err(Failure::new("a claims challenge strikes a request"));
    };
    let items = page.run_reaches(1, &[state]).await?;
    assert!(items[0].text.contains(words), "{}", items[0].text);
    let requests = tenant.requests();
    let sent =
        requests.iter().filter(|request| request.method == "POST" && request.path.contains(&challenged.id));
    assert_eq!(sent.count(), posts);
    tenant.clear_faults();
    page.click("back-to-desk").await?;

    // The same challenge, when no token can be had without a person: the run waits and loses nothing.
    select(page, device).await?;
    page.review().await?;
    tenant.add_fault(Fault::new(FaultKind::ClaimsChallenge).method("POST"));
    tenant.revoke_refresh_tokens();
    page.confirm("paused").await?;
    page.says("Paused until you sign in again. Nothing is lost.").await?;
    assert_eq!(tenant.executed().len(), 1);
    page.run(SIGN_IN_AGAIN, Vec::new()).await?;
    page.run_reaches(1, &["accepted"]).await?;
    assert_eq!(tenant.executed().len(), 2);
    window.close().await
}

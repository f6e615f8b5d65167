//! The real program, killed again and again, against the tenant's own log.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use unlatch_demo_tenant::{Fault, FaultKind, Options, Pace, ResultPace};
use unlatch_e2e::{Failure, Keychain, SearchMode, Window};

use crate::desk::open_the_run_at_hand;
use crate::setting::Setting;

const KILLS: usize = 50;

/// A number that differs each time, without a crate for it.
struct Moments(u64);

impl Moments {
    fn next(&mut self, below: u64) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis((self.0 >> 33) % below)
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the window: cargo xtask test runs it"]
async fn killed_fifty_times_it_sends_to_no_device_twice_forgets_none_and_keeps_to_the_limit()
-> Result<(), Failure> {
    let pace = Pace {
        // What is asked for stays pending: nothing but the request itself can settle a doubt.
        results: ResultPace::Manual,
        throttling: true,
        ..Pace::default()
    };
    let options = Options { devices: 1_000, users: 300, pace, ..Options::default() };
    let setting =
        Setting::with("killed", Keychain::Unlocked, options, "countdown = 0\nmax_run_size = 1000\n").await?;
    let tenant = &setting.tenant;
    let window = Window::open(&setting.stage, &setting.launch()).await?;
    let page = window.page();
    page.sign_in().await?;
    page.search(SearchMode::Device, "0").await?;
    page.click("select-all").await?;
    page.review().await?;
    let selected = page.text_of("confirm-button").await?;
    let count: String = selected.chars().filter(char::is_ascii_digit).collect();
    page.fill("typed-count", &count).await?;
    let count: usize = count.parse().map_err(|_| Failure::new(selected))?;
    assert!(count > 700, "{count} devices are too few to be killed {KILLS} times over");
    tenant.clear_requests();
    // A request takes as long as over a real network, so that a kill finds some in flight. Some answers are lost.
    tenant.add_fault(
        Fault::new(FaultKind::Slow { millis: 250 }).method("POST").path_contains("recoverPasscode"),
    );
    let lost = Fault::new(FaultKind::ResetAfter).method("POST").path_contains("recoverPasscode");
    tenant.add_fault(lost.every(41));
    page.confirm("killed again and again").await?;

    let seed =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(7, |now| now.as_nanos());
    let mut moments = Moments(u64::try_from(seed % u128::from(u64::MAX)).unwrap_or(7));
    println!("seed {seed}");
    let mut window = Some(window);
    let mut sent_between = Vec::new();
    for kill in 0..KILLS {
        tokio::time::sleep(moments.next(2_200)).await;
        let Some(open) = window.take() else { break };
        open.kill().await?;
        sent_between.push(tenant.executed().len());
        let open = Window::open(&setting.stage, &setting.launch()).await?;
        // Now and then it is killed before anybody could do anything.
        if kill % 10 != 9 {
            open_the_run_at_hand(open.page()).await?;
            open.page().click("resume-run").await.map_err(|failure| {
                failure.while_doing(&format!("after {kill} kills and {} devices", tenant.executed().len()))
            })?;
        }
        window = Some(open);
    }
    sent_between.dedup();
    assert!(sent_between.len() > KILLS / 3, "most kills found requests going out: {sent_between:?}");

    tenant.clear_faults();
    let Some(window) = window else { return Err(Failure::new("no window is left")) };
    let page = window.page();
    if !page.shows("run-view").await? {
        open_the_run_at_hand(page).await?;
        page.click("resume-run").await?;
    }
    let mut state = String::new();
    for _ in 0..240 {
        let script = "return document.querySelector('[data-testid=\"run-view\"]')?.dataset.runState ?? '';";
        state = page.run(script, Vec::new()).await?.as_str().unwrap_or_default().to_owned();
        if state == "finished" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(state, "finished");
    page.click("check-outcomes").await?;
    // Every device is read, and reads keep to their limit.
    let start = std::time::Instant::now();
    while !page.shows("outcomes").await? && start.elapsed() < Duration::from_secs(90) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    page.appears("outcomes").await?;
    page.click("export-run").await?;
    page.click("export-csv").await?;
    let words = page.text_of("exported").await?;
    let path: String = words
        .chars()
        .skip_while(|c| *c != '/')
        .take_while(|c| !('\u{2066}'..='\u{2069}').contains(c))
        .collect();
    let file = fs::read_to_string(path.trim())?;
    page.click("account-menu").await?;
    page.click("open-history").await?;
    page.click("verify-journal").await?;
    page.appears("journal-whole").await?;
    window.close().await?;

    let told = states(&file)?;
    assert_eq!(told.len(), count);
    let mut executed: BTreeMap<String, usize> = BTreeMap::new();
    for action in tenant.executed() {
        *executed.entry(action.device_id).or_default() += 1;
    }
    let twice: Vec<_> = executed.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "sent to twice: {twice:?}");
    let outside: BTreeSet<_> = executed.keys().filter(|id| !told.contains_key(*id)).collect();
    assert!(outside.is_empty(), "never selected: {outside:?}");
    for (id, state) in &told {
        let was_executed = executed.contains_key(id);
        let fits = match state.as_str() {
            "accepted" => was_executed,
            // Killed between the record and the request, it cannot know that nothing went out.
            "unconfirmed" | "stopped" => !was_executed,
            _ => false,
        };
        assert!(fits, "{id} is {state}, executed: {was_executed}");
    }
    let requests = tenant.requests();
    let throttled = |method: &str| {
        requests.iter().filter(|request| request.method == method && request.status == Some(429)).count()
    };
    assert_eq!((throttled("POST"), throttled("GET")), (0, 0), "the limits hold across restarts");
    let doubts = told.values().filter(|state| *state == "unconfirmed").count();
    println!(
        "{count} devices, {} executed, {doubts} left in doubt that never arrived, {KILLS} kills",
        executed.len()
    );
    Ok(())
}

/// The state of each device, by its id, from a report.
fn states(report: &str) -> Result<BTreeMap<String, String>, Failure> {
    let mut rows = csv::Reader::from_reader(report.trim_start_matches('\u{feff}').as_bytes());
    let wrong = |error: csv::Error| Failure::new(error.to_string());
    let headers = rows.headers().map_err(wrong)?.clone();
    let place =
        |name: &str| headers.iter().position(|header| header == name).ok_or_else(|| Failure::new(name));
    let (id, state) = (place("Device id")?, place("State")?);
    rows.records()
        .map(|row| {
            let row = row.map_err(wrong)?;
            Ok((row[id].to_owned(), row[state].to_owned()))
        })
        .collect()
}

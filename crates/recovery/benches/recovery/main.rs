//! How fast runs are, beside the least that the service's limits and the round trips allow, and what a script would have done.
//! Every time is a ratio within this one run. `cargo xtask bench recovery` runs it.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::panic)]

mod figures;
mod large;
mod peer;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use secrecy::SecretString;
use unlatch_demo_tenant::{DemoTenant, Fault, FaultKind, Options};
use unlatch_graph::{AccessToken, Client, DeviceId, Pace, Route, TokenError, TokenSource};
use unlatch_recovery::{
    Action, Engine, EngineOptions, Journal, Plan, PlanRules, PlannedItem, Principal, RunRecord,
    no_mdm_channel, removal_pending,
};

use figures::Figures;

pub const DEVICES: usize = 1_000;
const IN_FLIGHT: usize = 8;
const ROUND_TRIP: Duration = Duration::from_millis(150);
const WINDOW: Duration = Duration::from_secs(20);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [child, folder, ..] = arguments.as_slice()
        && let Some(part) = child.strip_prefix("child-")
    {
        return large::child(part, folder.as_ref());
    }
    // Cargo says `--bench`; what follows is where the figures go.
    let target = arguments.iter().find(|argument| !argument.starts_with("--")).cloned();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut figures = Figures::default();
    runtime.block_on(async {
        at_the_limit(&mut figures).await;
        without_limits(&mut figures).await;
        journal_alone(&mut figures).await;
        in_a_storm(&mut figures).await;
        beside_the_peer(&mut figures).await;
    });
    large::measure(&mut figures);
    figures.conclude(target.as_deref());
}

/// A tenant with devices that take the action, and what a round trip costs.
pub struct Service {
    pub demo: DemoTenant,
    client: Client,
    items: Vec<PlannedItem>,
}

impl Service {
    /// `writes` in 20 s, or no limit.
    async fn start(writes: Option<usize>) -> Self {
        let pace = unlatch_demo_tenant::Pace {
            throttling: writes.is_some(),
            writes: writes.unwrap_or(unlatch_demo_tenant::Pace::DOCUMENTED_WRITES),
            ..unlatch_demo_tenant::Pace::default()
        };
        let options = Options { devices: DEVICES * 3 / 2, users: DEVICES, pace, ..Options::default() };
        let demo = DemoTenant::start(options).await.unwrap();
        let token = AccessToken::new(SecretString::from(demo.issue_access_token()));
        let pace = if writes.is_some() { Pace::new() } else { Pace::unlimited() };
        let tokens = Arc::new(Issued(token));
        // Read through a client of its own: these reads are no part of what is measured.
        let reader =
            Client::with_pace(demo.graph_url(), tokens.clone(), None, Arc::new(Pace::unlimited())).unwrap();
        let mut items = Vec::new();
        for device in demo.directory().devices {
            if items.len() == DEVICES {
                break;
            }
            let id = DeviceId::new(&device.id).unwrap();
            let read = reader.device(&id).await.unwrap();
            if removal_pending(&read).is_none() && no_mdm_channel(&read).is_none() {
                items.push(planned(&read));
            }
        }
        assert_eq!(items.len(), DEVICES);
        if writes.is_some() {
            // What was read counts against the limits too, until it is old.
            tokio::time::sleep(WINDOW + Duration::from_secs(1)).await;
        }
        demo.clear_requests();
        demo.add_fault(Fault::new(FaultKind::Slow { millis: 150 }));
        let client = Client::with_pace(demo.graph_url(), tokens, None, Arc::new(pace)).unwrap();
        Self { demo, client, items }
    }

    /// Runs all devices. Gives how long that took and how they stand when each was asked once.
    async fn run(&self) -> (Duration, RunRecord) {
        let folder = tempfile::tempdir().unwrap();
        let options = EngineOptions { countdown: Duration::ZERO, ..EngineOptions::default() };
        let engine = Engine::new(Journal::open(folder.path()).unwrap(), options);
        let plan = plan(self.items.clone());
        let begun = Instant::now();
        let id = engine.start(plan, Arc::new(self.client.clone())).await.unwrap();
        engine.finished(id).await;
        let took = begun.elapsed();
        self.demo.clear_faults();
        (took, engine.check_outcomes(id, Arc::new(self.client.clone())).await.unwrap())
    }

    pub fn device_ids(&self) -> Vec<&str> {
        self.items.iter().map(|item| item.device_id.as_str()).collect()
    }

    /// How many of the writes were answered 429.
    pub fn throttled(&self) -> (usize, usize) {
        let requests = self.demo.requests();
        let writes = requests.iter().filter(|request| request.method == "POST").count();
        (requests.iter().filter(|request| request.status == Some(429)).count(), writes)
    }

    /// How many devices were executed on more than once.
    pub fn executed_twice(&self) -> usize {
        let mut times: HashMap<String, usize> = HashMap::new();
        for action in self.demo.executed() {
            *times.entry(action.device_id).or_default() += 1;
        }
        times.values().filter(|times| **times > 1).count()
    }

    /// 2 % of the answers to writes become 504, 2 % are cut, each after the request was executed.
    fn break_some(&self) {
        let gateway = FaultKind::Status { status: 504, retry_after: None, executed: true };
        let on_writes = |kind| Fault::new(kind).method("POST").path_contains("recoverPasscode");
        self.demo.add_fault(on_writes(gateway).every(50));
        self.demo.add_fault(on_writes(FaultKind::ResetAfter).after(25).every(50));
    }
}

struct Issued(AccessToken);

impl TokenSource for Issued {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, TokenError>> {
        Box::pin(async { Ok(self.0.clone()) })
    }

    fn renew<'a>(
        &'a self,
        _: &'a AccessToken,
        _: Option<&'a str>,
    ) -> BoxFuture<'a, Result<AccessToken, TokenError>> {
        Box::pin(async { Err(TokenError::SignInNeeded { claims: None }) })
    }
}

pub fn planned(device: &unlatch_graph::ManagedDevice) -> PlannedItem {
    PlannedItem {
        device_id: device.id.clone(),
        route: Route::Direct,
        route_label: String::new(),
        name: device.device_name.clone(),
        serial: device.serial_number.clone(),
        user_id: device.user_id.clone(),
        user: device.user_principal_name.clone(),
        system: device.operating_system.clone(),
    }
}

pub fn plan(items: Vec<PlannedItem>) -> Plan {
    let principal = Principal {
        cloud: "global".into(),
        tenant_id: "11111111-1111-1111-1111-111111111111".into(),
        tenant_name: "Contoso".into(),
        account: "admin@contoso.example".into(),
        account_id: "22222222-2222-2222-2222-222222222222".into(),
    };
    let rules = PlanRules { max_items: items.len(), reason_required: true };
    Plan::new(principal, Action::RecoverPasscode, Some("INC-4711"), items, rules).unwrap()
}

/// The least that a limit and so many in flight allow: every window but the last is full, and the last takes its round trips.
fn least(limit: usize) -> f64 {
    let windows = (DEVICES - 1) / limit;
    let rest = DEVICES - windows * limit;
    let (windows, round_trips) = (windows as f64, rest.div_ceil(IN_FLIGHT) as f64);
    windows * WINDOW.as_secs_f64() + round_trips * ROUND_TRIP.as_secs_f64()
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

async fn at_the_limit(figures: &mut Figures) {
    println!("1,000 devices at the documented limit …");
    let service = Service::start(Some(200)).await;
    let (took, record) = service.run().await;
    assert_eq!(
        record.summary.counts.failed + record.summary.counts.not_sent,
        0,
        "{:?}",
        record.summary.counts
    );
    figures.at_most("at the documented limit, time", took.as_secs_f64() / least(200), "× least", 1.02);
    figures.at_most("at the documented limit, answers 429", service.throttled().0 as f64, "answers", 0.0);
}

async fn without_limits(figures: &mut Figures) {
    println!("1,000 devices without a limit …");
    let service = Service::start(None).await;
    let (took, record) = service.run().await;
    assert_eq!(
        record.summary.counts.failed + record.summary.counts.not_sent,
        0,
        "{:?}",
        record.summary.counts
    );
    let least = DEVICES.div_ceil(IN_FLIGHT) as f64 * ROUND_TRIP.as_secs_f64();
    figures.at_most("without a limit, time", took.as_secs_f64() / least, "× least", 1.10);
}

async fn journal_alone(figures: &mut Figures) {
    println!("the journal alone …");
    let cost = large::journal_cost(DEVICES).await;
    figures.told("journal, two durable commits a device", cost.as_secs_f64() * 1_000.0, "ms a device");
}

async fn in_a_storm(figures: &mut Figures) {
    println!("1,000 devices with the limit silently halved …");
    let service = Service::start(Some(100)).await;
    let (took, record) = service.run().await;
    assert_eq!(
        record.summary.counts.failed + record.summary.counts.not_sent,
        0,
        "{:?}",
        record.summary.counts
    );
    let (throttled, writes) = service.throttled();
    figures.at_most("limit halved, time", took.as_secs_f64() / least(100), "× least", 1.15);
    figures.at_most("limit halved, writes answered 429", share(throttled, writes) * 100.0, "%", 3.0);
}

async fn beside_the_peer(figures: &mut Figures) {
    println!("1,000 devices with broken answers, and a script on the same work …");
    let service = Service::start(Some(200)).await;
    service.break_some();
    let (took, record) = service.run().await;
    let counts = record.summary.counts;
    figures.told("broken answers, time", took.as_secs_f64() / least(200), "× least");
    figures.at_most("broken answers, answers 429", service.throttled().0 as f64, "answers", 0.0);
    figures.at_most(
        "broken answers, devices executed twice",
        service.executed_twice() as f64,
        "devices",
        0.0,
    );
    figures.at_most("broken answers, devices left unresolved", f64::from(counts.unconfirmed), "devices", 0.0);
    assert_eq!(counts.failed + counts.not_sent, 0, "{counts:?}");

    let service = Service::start(Some(200)).await;
    service.break_some();
    let token = service.demo.issue_access_token();
    let peer = peer::run(service.demo.graph_url().as_str(), &token, &service.device_ids()).await;
    figures.told("script, time", peer.seconds / least(200), "× least");
    figures.told("script, answers 429", service.throttled().0 as f64, "answers");
    figures.told("script, devices executed twice", service.executed_twice() as f64, "devices");
    figures.told("script, devices left unresolved", peer.unresolved as f64, "devices");
}

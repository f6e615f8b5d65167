//! A tenant that answers by script and notes what it was asked.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use secrecy::SecretString;
use time::OffsetDateTime;
use tokio::time::Instant;
use unlatch_graph::{
    ApiError, ApiErrorKind, ComplianceState, DeviceActionResult, DeviceId, Error, ManagedDevice,
    ManagementAgent, ManagementState, OwnerType, Pace, Passcode, Route, SendOutcome, Sent, TokenError,
    UserId,
};
use unlatch_recovery::{
    Action, Engine, EngineOptions, ItemRecord, Journal, Plan, PlanRules, PlannedItem, Principal, RunId,
    RunRecord, Tenant,
};
use uuid::Uuid;

/// A request that went out.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    pub device: DeviceId,
    pub route: Route,
    pub at: Instant,
}

type OnSend = dyn Fn(&DeviceId, &Route) + Send + Sync;
type OnAsk = dyn Fn(&DeviceId) + Send + Sync;

/// How many requests of a kind are on their way, and how many ever were at the same time.
#[derive(Default)]
pub struct InFlight {
    now: AtomicUsize,
    pub most: AtomicUsize,
}

pub struct Fake {
    pub devices: Mutex<HashMap<DeviceId, ManagedDevice>>,
    /// What the next reads of a device give; when it is used up, the device as it is.
    pub reads: Mutex<HashMap<DeviceId, VecDeque<Error>>>,
    /// How the next requests for a device end; when it is used up, they are accepted.
    pub script: Mutex<HashMap<DeviceId, VecDeque<SendOutcome>>>,
    pub results: Mutex<HashMap<DeviceId, Vec<DeviceActionResult>>>,
    /// What the next readings of results give, whatever the device; the last one first.
    pub next_results: Mutex<Vec<Vec<DeviceActionResult>>>,
    pub posts: Mutex<Vec<Post>>,
    pub reads_done: AtomicUsize,
    pub results_read: AtomicUsize,
    pub reading: InFlight,
    pub sending: InFlight,
    /// One way there and back.
    pub round_trip: Duration,
    /// How long it takes to have a token at hand.
    pub token_takes: Mutex<Duration>,
    pub pace: Mutex<Pace>,
    /// Called when a request arrives.
    pub on_send: Mutex<Option<Box<OnSend>>>,
    /// Called when what a device reports is asked for.
    pub on_ask: Mutex<Option<Box<OnAsk>>>,
    /// Called when the server's clock is asked for after a device was read, which is right before an intent is recorded.
    pub on_intent: Mutex<Option<Box<dyn Fn() + Send + Sync>>>,
    pub clock: unlatch_graph::Clock,
    /// Whether the server's clock is this machine's; otherwise it goes by tokio's alone.
    pub server_follows: std::sync::atomic::AtomicBool,
    pub begun: Instant,
}

/// Wall-clock time that goes by tokio's, so that it stands still and jumps with it.
pub fn paused_clock() -> unlatch_graph::Clock {
    let begun = Instant::now();
    Arc::new(move || time::macros::datetime!(2026-03-01 10:00 UTC) + begun.elapsed())
}

/// As [`paused_clock`], and further ahead by as many seconds as the number says: a machine that slept meanwhile.
pub fn sleeping_clock() -> (unlatch_graph::Clock, Arc<AtomicU64>) {
    let (clock, slept) = (paused_clock(), Arc::new(AtomicU64::new(0)));
    let shared = Arc::clone(&slept);
    (Arc::new(move || clock() + Duration::from_secs(shared.load(Ordering::SeqCst))), slept)
}

pub fn device_id(number: usize) -> DeviceId {
    DeviceId::new(format!("device-{number:05}")).unwrap()
}

pub fn device(number: usize) -> ManagedDevice {
    ManagedDevice {
        id: device_id(number),
        device_name: format!("Tablet {number}"),
        serial_number: Some(format!("S{number:06}")),
        user_id: Some(UserId::new(format!("user-{number}")).unwrap()),
        user_principal_name: Some(format!("user{number}@contoso.example")),
        user_display_name: None,
        email_address: None,
        operating_system: Some("iOS".into()),
        os_version: Some("18.1".into()),
        model: None,
        manufacturer: None,
        owner: OwnerType::Company,
        compliance_state: ComplianceState::Compliant,
        management_state: ManagementState::Managed,
        management_agent: ManagementAgent::Mdm,
        is_supervised: None,
        last_sync: None,
        enrolled: None,
    }
}

pub fn planned(device: &ManagedDevice, route: Route) -> PlannedItem {
    PlannedItem {
        device_id: device.id.clone(),
        route,
        route_label: "as found".into(),
        name: device.device_name.clone(),
        serial: device.serial_number.clone(),
        user_id: device.user_id.clone(),
        user: device.user_principal_name.clone(),
        system: device.operating_system.clone(),
    }
}

pub fn principal() -> Principal {
    Principal {
        cloud: "global".into(),
        tenant_id: "11111111-1111-1111-1111-111111111111".into(),
        tenant_name: "Contoso".into(),
        account: "admin@contoso.example".into(),
        account_id: "22222222-2222-2222-2222-222222222222".into(),
    }
}

pub fn plan_of(items: Vec<PlannedItem>) -> Plan {
    let rules = PlanRules { max_items: 100_000, reason_required: true };
    Plan::new(principal(), Action::RecoverPasscode, Some("INC-4711"), items, rules).unwrap()
}

/// Those of the fake's devices by the direct route.
pub fn plan_for(numbers: impl IntoIterator<Item = usize>) -> Plan {
    plan_of(numbers.into_iter().map(|number| planned(&device(number), Route::Direct)).collect())
}

/// All of the fake's devices by the direct route, in order.
pub fn plan(count: usize) -> Plan {
    plan_for(0..count)
}

impl Fake {
    pub fn new(count: usize) -> Self {
        Self {
            devices: Mutex::new((0..count).map(|number| (device_id(number), device(number))).collect()),
            reads: Mutex::default(),
            script: Mutex::default(),
            results: Mutex::default(),
            next_results: Mutex::default(),
            posts: Mutex::default(),
            reads_done: AtomicUsize::new(0),
            results_read: AtomicUsize::new(0),
            reading: InFlight::default(),
            sending: InFlight::default(),
            round_trip: Duration::from_millis(150),
            token_takes: Mutex::default(),
            pace: Mutex::default(),
            on_send: Mutex::default(),
            on_ask: Mutex::default(),
            on_intent: Mutex::default(),
            clock: paused_clock(),
            server_follows: true.into(),
            begun: Instant::now(),
        }
    }

    pub fn script(&self, number: usize, outcomes: impl IntoIterator<Item = SendOutcome>) {
        self.script.lock().unwrap().insert(device_id(number), outcomes.into_iter().collect());
    }

    pub fn script_read(&self, number: usize, errors: impl IntoIterator<Item = Error>) {
        self.reads.lock().unwrap().insert(device_id(number), errors.into_iter().collect());
    }

    pub fn change(&self, number: usize, change: impl FnOnce(&mut ManagedDevice)) {
        change(self.devices.lock().unwrap().get_mut(&device_id(number)).unwrap());
    }

    pub fn on_send(&self, hook: impl Fn(&DeviceId, &Route) + Send + Sync + 'static) {
        *self.on_send.lock().unwrap() = Some(Box::new(hook));
    }

    pub fn on_ask(&self, hook: impl Fn(&DeviceId) + Send + Sync + 'static) {
        *self.on_ask.lock().unwrap() = Some(Box::new(hook));
    }

    pub fn posts_for(&self, number: usize) -> Vec<Post> {
        let id = device_id(number);
        self.posts.lock().unwrap().iter().filter(|post| post.device == id).cloned().collect()
    }

    pub fn post_count(&self) -> usize {
        self.posts.lock().unwrap().len()
    }

    async fn travel(&self, which: &InFlight) {
        let now = which.now.fetch_add(1, Ordering::SeqCst) + 1;
        which.most.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(self.round_trip).await;
        which.now.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Tenant for Fake {
    fn fetch_token(&self) -> BoxFuture<'_, Result<(), TokenError>> {
        let takes = *self.token_takes.lock().unwrap();
        Box::pin(async move {
            tokio::time::sleep(takes).await;
            Ok(())
        })
    }

    fn device<'a>(
        &'a self,
        id: &'a DeviceId,
    ) -> BoxFuture<'a, Result<(ManagedDevice, Vec<DeviceActionResult>), Error>> {
        Box::pin(async move {
            self.travel(&self.reading).await;
            self.reads_done.fetch_add(1, Ordering::SeqCst);
            if let Some(error) = self.reads.lock().unwrap().get_mut(id).and_then(VecDeque::pop_front) {
                return Err(error);
            }
            let found = self.devices.lock().unwrap().get(id).cloned();
            let device = found.ok_or_else(|| Error::Api(api_error(404, ApiErrorKind::NotFound, "gone")))?;
            Ok((device, self.results.lock().unwrap().get(id).cloned().unwrap_or_default()))
        })
    }

    fn send<'a>(&'a self, action: Action, route: &'a Route, id: &'a DeviceId) -> BoxFuture<'a, Sent> {
        Box::pin(async move {
            assert_eq!(action, Action::RecoverPasscode);
            let post = Post { device: id.clone(), route: route.clone(), at: Instant::now() };
            self.posts.lock().unwrap().push(post);
            if let Some(hook) = &*self.on_send.lock().unwrap() {
                hook(id, route);
            }
            self.travel(&self.sending).await;
            let scripted = self.script.lock().unwrap().get_mut(id).and_then(VecDeque::pop_front);
            let outcome = scripted.unwrap_or(SendOutcome::Accepted);
            let is_heard = !matches!(
                outcome,
                SendOutcome::Lost(_)
                    | SendOutcome::Intermediary { .. }
                    | SendOutcome::NotConnected(_)
                    | SendOutcome::NoToken(_)
            );
            Sent {
                client_request_id: Uuid::new_v4(),
                request_id: Some(format!("request-{id}")),
                server_date: is_heard.then(|| (self.clock)()),
                outcome,
            }
        })
    }

    fn action_results<'a>(
        &'a self,
        id: &'a DeviceId,
    ) -> BoxFuture<'a, Result<Vec<DeviceActionResult>, Error>> {
        Box::pin(async move {
            if let Some(hook) = &*self.on_ask.lock().unwrap() {
                hook(id);
            }
            self.travel(&self.reading).await;
            self.results_read.fetch_add(1, Ordering::SeqCst);
            if let Some(error) = self.reads.lock().unwrap().get_mut(id).and_then(VecDeque::pop_front) {
                return Err(error);
            }
            if let Some(results) = self.next_results.lock().unwrap().pop() {
                return Ok(results);
            }
            Ok(self.results.lock().unwrap().get(id).cloned().unwrap_or_default())
        })
    }

    fn passcodes<'a>(
        &'a self,
        id: &'a DeviceId,
    ) -> BoxFuture<'a, Result<Vec<(DeviceActionResult, Passcode)>, Error>> {
        Box::pin(async move {
            self.travel(&self.reading).await;
            let results = self.results.lock().unwrap().get(id).cloned().unwrap_or_default();
            let passcode = |result| (result, Passcode::new(SecretString::from(format!("passcode of {id}"))));
            Ok(results.into_iter().filter(|result| result.has_passcode).map(passcode).collect())
        })
    }

    fn pace(&self) -> Pace {
        self.pace.lock().unwrap().clone()
    }

    fn server_now(&self) -> OffsetDateTime {
        if let Some(hook) = &*self.on_intent.lock().unwrap()
            && self.reads_done.load(Ordering::SeqCst) > 0
        {
            hook();
        }
        if self.server_follows.load(Ordering::SeqCst) {
            (self.clock)()
        } else {
            time::macros::datetime!(2026-03-01 10:00 UTC) + self.begun.elapsed()
        }
    }
}

pub fn api_error(status: u16, kind: ApiErrorKind, message: &str) -> ApiError {
    ApiError {
        status,
        kind,
        code: "Code".into(),
        message: message.into(),
        request_id: None,
        client_request_id: None,
    }
}

pub fn answered(status: u16, kind: ApiErrorKind) -> SendOutcome {
    SendOutcome::Answered { status, error: api_error(status, kind, "what Graph said"), retry_after: None }
}

pub fn throttled(retry_after: Option<Duration>) -> SendOutcome {
    SendOutcome::Answered {
        status: 429,
        error: api_error(429, ApiErrorKind::Throttled, "slow down"),
        retry_after,
    }
}

pub fn route_unknown() -> SendOutcome {
    answered(400, ApiErrorKind::RouteUnknown)
}

pub fn token_renewed() -> SendOutcome {
    SendOutcome::TokenRenewed { error: api_error(401, ApiErrorKind::Unauthenticated, "expired") }
}

pub fn lost() -> SendOutcome {
    SendOutcome::Lost("the connection was reset".into())
}

pub fn signed_out() -> SendOutcome {
    SendOutcome::NoToken(TokenError::SignInNeeded { claims: None })
}

/// An engine on a journal of its own, and a tenant.
pub struct Bench {
    pub folder: tempfile::TempDir,
    pub engine: Engine,
    pub tenant: Arc<Fake>,
}

impl Bench {
    pub fn new(count: usize) -> Self {
        Self::with(Fake::new(count))
    }

    pub fn with(tenant: Fake) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        let engine = Engine::new(journal, options(&tenant.clock));
        Self { folder, engine, tenant: Arc::new(tenant) }
    }

    pub async fn start(&self, plan: Plan) -> RunId {
        self.engine.start(plan, self.tenant.clone()).await.unwrap()
    }

    /// Runs a plan to its end.
    pub async fn run(&self, plan: Plan) -> RunRecord {
        let id = self.start(plan).await;
        self.end(id).await
    }

    /// The same tenant and folder with an engine that knows nothing but the journal.
    pub fn restarted(self) -> Self {
        let Self { folder, engine, tenant } = self;
        drop(engine);
        *tenant.pace.lock().unwrap() = Pace::new();
        let engine = Engine::new(crate::crash::reopen(folder.path()), options(&tenant.clock));
        Self { folder, engine, tenant }
    }

    /// What another process finds if this one ends right now: the journal alone. This one goes on.
    pub fn as_if_killed(&self, mut tenant: Fake) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["journal.sqlite", "journal.sqlite-wal"] {
            std::fs::copy(self.folder.path().join(name), folder.path().join(name)).unwrap();
        }
        tenant.clock = self.tenant.clock.clone();
        let engine = Engine::new(crate::crash::reopen(folder.path()), options(&tenant.clock));
        Self { folder, engine, tenant: Arc::new(tenant) }
    }

    /// Waits until that is true of the run.
    pub async fn until(&self, id: RunId, is_so: impl Fn(&RunRecord) -> bool) -> RunRecord {
        loop {
            let changes = self.engine.watch(id);
            let record = self.engine.run(id).await.unwrap();
            if is_so(&record) {
                return record;
            }
            changes.expect("the run changes no more").changed().await.unwrap();
        }
    }

    pub async fn end(&self, id: RunId) -> RunRecord {
        self.engine.finished(id).await;
        self.engine.run(id).await.unwrap()
    }
}

pub fn options(clock: &unlatch_graph::Clock) -> EngineOptions {
    let countdown = Duration::ZERO;
    EngineOptions { clock: clock.clone(), jitter: Arc::new(|| 0.5), countdown, ..EngineOptions::default() }
}

/// State and reason of an item, short enough for an assertion.
pub fn stand(item: &ItemRecord) -> (unlatch_recovery::ItemState, Option<unlatch_recovery::ItemReason>) {
    (item.standing.state, item.standing.reason)
}

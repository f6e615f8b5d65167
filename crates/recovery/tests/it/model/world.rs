//! The service, its clock and what it saw: all that outlives a process.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures::future::BoxFuture;
use secrecy::SecretString;
use time::OffsetDateTime;
use tokio::time::Instant;
use unlatch_graph::{
    ActionState, ApiErrorKind, Clock, DeviceActionResult, DeviceId, Error, Hold, Kind, ManagedDevice, Pace,
    Passcode, ProbeTurn, REQUEST_LIMIT, Route, SendOutcome, Sent, TokenError, WriteTurn,
};
use unlatch_recovery::{Action, ItemRecord, ItemState, Plan, Tenant};
use uuid::Uuid;

use super::setting::{ActedOn, Before, Fault, Setting};
use crate::fake::{answered, device, device_id, lost, route_unknown, throttled, token_renewed};

/// How many devices there are; one more is never selected.
pub const DEVICES: usize = 4;
/// How many writes the service takes in 20 s. Small, so that the limit always matters.
pub const WRITES: usize = 3;
const WINDOW: Duration = Duration::from_secs(20);
/// One way to the service.
const TRAVEL: Duration = Duration::from_millis(75);
/// When what was executed shows among the results.
const SHOWN_AFTER: Duration = Duration::from_secs(2);
/// A device that changed less long ago than this may still be sent to: nobody can read and send in the same instant.
const UNSEEN: Duration = Duration::from_millis(5_500);
/// A request whose intent is being recorded while another one is told to wait may still go out for so long.
const UNHEARD: Duration = Duration::from_millis(150);
/// For how long a person's act lasts, and a little more, as nobody can look and send in the same instant.
const ACT_LASTS: Duration = Duration::from_secs(24 * 60 * 60 + 6);

/// A request, as it truly went.
#[derive(Debug, Clone)]
struct Send {
    device: DeviceId,
    /// When it came in, by the service's clock.
    arrived: Option<OffsetDateTime>,
    /// Whether it may have been executed, for all that the sender can know.
    maybe: bool,
    executed: bool,
}

struct Shown {
    /// When it shows, by the service's clock.
    from: OffsetDateTime,
    /// The request that it belongs to; none for what other people sent.
    send: Option<usize>,
    result: DeviceActionResult,
}

struct State {
    /// The time at which everything stood still, and since when it goes on.
    stood_at: OffsetDateTime,
    woke: Option<Instant>,
    devices: Vec<ManagedDevice>,
    renamed: HashMap<DeviceId, OffsetDateTime>,
    results: HashMap<DeviceId, Vec<Shown>>,
    faults: VecDeque<Fault>,
    signed_in: bool,
    log: Vec<Send>,
    /// How many requests that may be executed a person has wanted for each device until now.
    allowed: HashMap<DeviceId, usize>,
    confirmed: HashMap<DeviceId, HashSet<String>>,
    /// Devices that a person wanted sent to again since the last request.
    asked_again: HashSet<DeviceId>,
    countdown: Duration,
    /// How far Intune's clock is ahead of the service's.
    intune_ahead: time::Duration,
    /// What was known of each device when a person last wanted it sent to.
    acts: HashMap<DeviceId, ActedOn>,
    /// The requests that the journal knows nothing of any more.
    lost: Vec<Range<usize>>,
    /// Devices that other people sent the action to as well.
    elsewhere: HashSet<DeviceId>,
    /// For how long the next reads are told to wait, if they are.
    read_faults: VecDeque<Option<Duration>>,
    /// From when on and until when a write was told to wait, as this process heard it.
    writes_held: Option<(OffsetDateTime, OffsetDateTime)>,
    /// How many requests this process was told the end of.
    heard: usize,
    broken: Vec<String>,
}

pub struct World {
    state: Mutex<State>,
    pace: Mutex<Arc<Pace>>,
}

impl State {
    fn now(&self) -> OffsetDateTime {
        self.stood_at + self.woke.map_or(Duration::ZERO, |woke| woke.elapsed())
    }

    fn maybe_sent(&self, device: &DeviceId) -> usize {
        self.log.iter().filter(|send| send.device == *device && send.maybe).count()
    }

    /// A request leaves. Gives its place in the log.
    fn leave(&mut self, device: &DeviceId) -> usize {
        let (sent, allowed) = (self.maybe_sent(device), self.allowed.get(device).copied().unwrap_or(0));
        if sent >= allowed {
            self.broken.push(format!("{device} is sent to once more than anybody wanted"));
        }
        let name =
            self.devices.iter().find(|known| known.id == *device).map(|known| known.device_name.clone());
        let confirmed = self.confirmed.get(device);
        let is_confirmed = confirmed.zip(name).is_some_and(|(names, name)| names.contains(&name));
        let is_unseen = self.renamed.get(device).is_some_and(|at| self.now() - *at < UNSEEN);
        if !is_confirmed && !is_unseen {
            self.broken.push(format!("{device} is not what anybody confirmed"));
        }
        self.check_rules(device);
        self.asked_again.remove(device);
        self.log.push(Send { device: device.clone(), arrived: None, maybe: true, executed: false });
        self.log.len() - 1
    }

    fn is_lost(&self, send: usize) -> bool {
        self.lost.iter().any(|range| range.contains(&send))
    }

    /// Whether the act, what the device has reported for so long that the read before the request shows it, or a hold forbids
    /// another request.
    fn check_rules(&mut self, device: &DeviceId) {
        let now = self.now();
        let mut broken = Vec::new();
        let act = self.acts.get(device).copied();
        if let Some(act) = act {
            if now - act.wanted < self.countdown {
                broken.push("is sent to before its countdown is over");
            }
            if now - act.wanted > ACT_LASTS {
                broken.push("is sent to by an act of more than a day ago");
            }
        }
        if self.writes_held.is_some_and(|(from, until)| from + UNHEARD < now && now < until) {
            broken.push("is sent to although a write was told to wait");
        }
        let seen = self.results.get(device).into_iter().flatten().filter(|shown| now - shown.from > UNSEEN);
        for shown in seen {
            let changed = shown.result.last_updated.map(|at| now - (at - self.intune_ahead));
            if !is_over(&shown.result.state) && changed.is_none_or(|ago| ago > UNSEEN) {
                broken.push("has the same action under way");
            }
            let (Some(send), Some(act), Some(started)) = (shown.send, act, shown.result.started) else {
                continue;
            };
            let later = self.log[send..].iter().filter(|send| send.device == *device && send.maybe).count();
            if act.in_doubt && !self.is_lost(send) && later == 1 {
                broken.push("reports the request that was in doubt");
            }
            if self.is_lost(send) && started > act.confirmed {
                broken.push("reports a request that the journal lost");
            }
        }
        self.broken.extend(broken.into_iter().map(|what| format!("{device} {what}")));
    }

    fn execute(&mut self, send: usize, after: Duration) {
        let device = self.log[send].device.clone();
        self.log[send].executed = true;
        self.report(&device, Some(send), "pending", self.now() + after, SHOWN_AFTER);
    }

    /// Adds a result that started then by the service's clock.
    fn report(
        &mut self,
        device: &DeviceId,
        send: Option<usize>,
        state: &str,
        started: OffsetDateTime,
        shown_after: Duration,
    ) {
        let by_intune = Some(started + self.intune_ahead);
        let result = DeviceActionResult {
            action_name: "recoverPasscode".into(),
            state: ActionState::from(state),
            started: by_intune,
            last_updated: by_intune,
            has_passcode: false,
        };
        let shown = Shown { from: started + shown_after, send, result };
        self.results.entry(device.clone()).or_default().push(shown);
    }
}

impl World {
    pub fn new(faults: &[Fault], setting: &Setting) -> Self {
        let mut state = State {
            stood_at: time::macros::datetime!(2026-03-01 10:00 UTC),
            woke: None,
            devices: (0..=DEVICES).map(device).collect(),
            renamed: HashMap::new(),
            results: HashMap::new(),
            faults: faults.iter().copied().collect(),
            signed_in: true,
            log: Vec::new(),
            allowed: HashMap::new(),
            confirmed: HashMap::new(),
            asked_again: HashSet::new(),
            countdown: setting.countdown,
            intune_ahead: time::Duration::milliseconds(setting.intune_ahead),
            acts: HashMap::new(),
            lost: Vec::new(),
            elsewhere: HashSet::new(),
            read_faults: setting.read_faults.iter().copied().collect(),
            writes_held: None,
            heard: 0,
            broken: Vec::new(),
        };
        for (number, word, minutes) in &setting.reported {
            let started = state.stood_at - time::Duration::minutes((*minutes).into());
            state.report(&device_id(*number), None, word, started, Duration::ZERO);
        }
        Self { state: Mutex::new(state), pace: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn pace(&self) -> Arc<Pace> {
        self.pace.lock().unwrap().clone()
    }

    /// A process starts: time goes on by its runtime's clock, and it knows of no earlier request.
    pub fn wake(&self) {
        *self.pace.lock().unwrap() = Arc::new(Pace::with_limits(WRITES, usize::MAX));
        let mut state = self.state();
        (state.woke, state.writes_held, state.heard) = (Some(Instant::now()), None, 0);
    }

    /// A process ends.
    pub fn fall_asleep(&self) {
        let mut state = self.state();
        (state.stood_at, state.woke) = (state.now(), None);
    }

    /// So long no process runs.
    pub fn sleep(&self, pause: Duration) {
        self.state().stood_at += pause;
    }

    pub fn clock(self: &Arc<Self>) -> Clock {
        let world = Arc::clone(self);
        Arc::new(move || world.state().now())
    }

    pub fn device_now(&self, number: usize) -> ManagedDevice {
        self.state().devices[number].clone()
    }

    pub fn rename(&self, number: usize) {
        let mut state = self.state();
        let now = state.now();
        state.devices[number].device_name.push('*');
        state.renamed.insert(device_id(number), now);
    }

    /// What is under way on that device comes to that state.
    pub fn settle(&self, number: usize, to: &str) {
        let mut state = self.state();
        let (now, by_intune) = (state.now(), state.now() + state.intune_ahead);
        for shown in state.results.entry(device_id(number)).or_default() {
            if shown.from <= now && !is_over(&shown.result.state) {
                (shown.result.state, shown.result.last_updated) = (ActionState::from(to), Some(by_intune));
            }
        }
    }

    /// Another person has the same action sent to that device, which carries it out.
    pub fn elsewhere(&self, number: usize) {
        let mut state = self.state();
        let now = state.now();
        state.report(&device_id(number), None, "done", now, SHOWN_AFTER);
        state.elsewhere.insert(device_id(number));
    }

    /// A person wants these devices sent to, with what is known of each.
    pub fn act(&self, devices: Vec<(DeviceId, ActedOn)>) {
        self.state().acts.extend(devices);
    }

    /// The journal forgets every request since there were so many.
    pub fn lose(&self, since: usize) {
        let mut state = self.state();
        let sends = state.log.len();
        state.lost.push(since..sends);
    }

    /// One read goes out past what reads were told to wait, because a person wants it.
    pub async fn probe(&self) {
        let told = self.state().read_faults.pop_front().flatten();
        let ask = async |turn: ProbeTurn| {
            tokio::time::sleep(2 * TRAVEL).await;
            match told {
                Some(wait) => turn.throttled(Some(wait)),
                None => turn.answered(),
            }
            Ok(())
        };
        let _ = self.pace().probe(ask).await;
    }

    pub fn sign_in(&self) {
        self.state().signed_in = true;
    }

    /// No fault any more, and whatever was executed is done.
    pub fn quiet_down(&self) {
        {
            let mut state = self.state();
            state.faults.clear();
            state.read_faults.clear();
            state.signed_in = true;
            let now = state.now();
            for shown in state.results.values_mut().flatten() {
                shown.from = shown.from.min(now);
            }
        }
        (0..DEVICES).for_each(|number| self.settle(number, "done"));
    }

    pub fn sends(&self) -> usize {
        self.state().log.len()
    }

    /// How many requests this process was told the end of.
    pub fn heard(&self) -> usize {
        self.state().heard
    }

    /// A person wants each of these devices sent to once from now on. Returns what stood before.
    pub fn permit<'a>(&self, devices: impl IntoIterator<Item = &'a DeviceId>) -> Before {
        let mut state = self.state();
        let before = Before { allowed: state.allowed.clone(), acts: state.acts.clone() };
        for device in devices {
            let allowed = state.maybe_sent(device) + 1;
            state.allowed.insert(device.clone(), allowed);
        }
        before
    }

    /// As [`World::permit`], for a plan, of which a person saw the names.
    pub fn permit_plan(&self, plan: &Plan) -> Before {
        for item in &plan.items {
            let confirmed = &mut self.state().confirmed;
            confirmed.entry(item.device_id.clone()).or_default().insert(item.name.clone());
        }
        self.permit(plan.items.iter().map(|item| &item.device_id))
    }

    /// As [`World::permit`], for a device that was sent to already.
    pub fn permit_again(&self, device: &DeviceId) -> Before {
        let before = self.permit([device]);
        self.state().asked_again.insert(device.clone());
        before
    }

    /// What a person wanted was refused.
    pub fn forbid(&self, before: Before) {
        let mut state = self.state();
        (state.allowed, state.acts) = (before.allowed, before.acts);
    }

    /// Whether a rule was broken by the requests alone. `intents` is how many the journal has for each device.
    pub fn check_requests(&self, intents: &HashMap<DeviceId, usize>) {
        let state = self.state();
        assert!(state.broken.is_empty(), "{:?}\n{:#?}", state.broken, state.log);
        for (number, send) in state.log.iter().enumerate() {
            assert!(state.allowed.contains_key(&send.device), "{} was never selected", send.device);
            if state.is_lost(number) {
                continue;
            }
            let recorded = state
                .log
                .iter()
                .enumerate()
                .filter(|(at, other)| other.device == send.device && other.maybe && !state.is_lost(*at));
            let sent = recorded.count();
            let known = intents.get(&send.device).copied().unwrap_or(0);
            assert!(known >= sent, "{}: {sent} requests, {known} in the journal", send.device);
        }
        // Requests that the journal lost count for nobody: the service throttles then, and that is kept to.
        let known = state.log.iter().enumerate().filter(|(send, _)| !state.is_lost(*send));
        let mut arrived: Vec<_> = known.filter_map(|(_, send)| send.arrived).collect();
        arrived.sort_unstable();
        for window in arrived.windows(WRITES + 1) {
            let within = window[WRITES] - window[0];
            assert!(within > WINDOW, "{} writes within {within}: {arrived:?}", WRITES + 1);
        }
    }

    /// Whether what is shown of a device is true, when everything has been quiet for long. `items` are those of all runs.
    pub fn check_items(&self, device: &DeviceId, items: &[ItemRecord]) {
        let state = self.state();
        let sends: Vec<_> = state.log.iter().filter(|send| send.device == *device && send.maybe).collect();
        let is_known = |item: &ItemRecord| {
            matches!(item.standing.state, ItemState::Done | ItemState::Failed | ItemState::Accepted)
        };
        let told = format!("{sends:#?}\n{items:#?}");
        assert!(
            sends.iter().any(|send| send.executed)
                || state.elsewhere.contains(device)
                || !items.iter().any(is_known),
            "nothing was executed: {told}"
        );
        let ([item], Some(last)) = (items, sends.last()) else { return };
        if !state.lost.is_empty() {
            return;
        }
        // What was in doubt when a person had another one sent, which did not go out, is in doubt as before.
        let was_in_doubt = state.acts.get(device).is_some_and(|act| act.in_doubt);
        if last.executed && (was_in_doubt || !state.asked_again.contains(device)) {
            assert!(matches!(item.standing.state, ItemState::Done | ItemState::Failed), "forgotten: {told}");
        }
    }

    /// What a journal would have if all were well.
    pub fn log_as_intents(&self) -> HashMap<DeviceId, usize> {
        let state = self.state();
        state.log.iter().map(|send| (send.device.clone(), state.maybe_sent(&send.device))).collect()
    }

    /// A request that comes in and is executed, whoever sent it.
    pub fn take(&self, number: usize) {
        let mut state = self.state();
        let send = state.leave(&device_id(number));
        state.log[send].arrived = Some(state.now());
        state.execute(send, Duration::ZERO);
    }

    /// The way of one request. Dropped on the way there it never comes in; dropped on the way back it was executed.
    async fn travel(&self, route: &Route, id: &DeviceId) -> SendOutcome {
        let send = self.state().leave(id);
        let never = |state: &mut State| state.log[send].maybe = false;
        let fault = {
            let mut state = self.state();
            let mut fault = state.faults.pop_front().unwrap_or(Fault::None);
            if matches!(fault, Fault::RouteUnknown) && *route == Route::Direct {
                fault = Fault::None;
            }
            state.signed_in &= !matches!(fault, Fault::SignedOut);
            if !state.signed_in {
                never(&mut state);
                return SendOutcome::NoToken(TokenError::SignInNeeded { claims: None });
            }
            if matches!(fault, Fault::NotConnected) {
                never(&mut state);
                return SendOutcome::NotConnected("refused".into());
            }
            fault
        };
        tokio::time::sleep(TRAVEL).await;
        {
            let mut state = self.state();
            if !matches!(fault, Fault::LostBefore | Fault::IntermediaryBefore(_)) {
                state.log[send].arrived = Some(state.now());
            }
            match fault {
                Fault::None | Fault::LostAfter | Fault::Silent => state.execute(send, Duration::ZERO),
                Fault::IntermediaryAfter(_) => state.execute(send, Duration::ZERO),
                Fault::GatewayLate(after) => state.execute(send, after),
                Fault::LostBefore | Fault::Gateway | Fault::IntermediaryBefore(_) | Fault::Busy => {}
                _ => never(&mut state),
            }
        }
        tokio::time::sleep(if matches!(fault, Fault::Silent) { REQUEST_LIMIT } else { TRAVEL }).await;
        match fault {
            Fault::None => SendOutcome::Accepted,
            Fault::LostBefore | Fault::LostAfter | Fault::Silent => lost(),
            Fault::Gateway | Fault::GatewayLate(_) => answered(504, ApiErrorKind::Service),
            Fault::Busy => answered(503, ApiErrorKind::Service),
            Fault::IntermediaryBefore(status) | Fault::IntermediaryAfter(status) => {
                SendOutcome::Intermediary { status }
            }
            Fault::Throttled(wait) => {
                let mut state = self.state();
                let now = state.now();
                let told = (now, now + wait.unwrap_or_default());
                // What is held already goes on.
                state.writes_held = Some(match state.writes_held.filter(|(_, until)| *until > now) {
                    Some((from, until)) => (from, until.max(told.1)),
                    None => told,
                });
                drop(state);
                // As a client does, whoever waits for the answer.
                if let Some(wait) = wait {
                    self.pace().hold(wait, Kind::Write);
                }
                throttled(wait)
            }
            Fault::RoleDenied => answered(403, ApiErrorKind::RoleDenied),
            Fault::RouteUnknown => route_unknown(),
            Fault::TokenRenewed => token_renewed(),
            Fault::NotConnected | Fault::SignedOut => unreachable!("told above"),
        }
    }

    fn read<T>(&self, what: impl FnOnce(&State, OffsetDateTime) -> T) -> Result<T, Error> {
        let mut state = self.state();
        if let Some(wait) = state.read_faults.pop_front().flatten() {
            return Err(Error::Throttled { retry_after: Some(wait), request_id: None });
        }
        match state.signed_in {
            true => Ok(what(&state, state.now())),
            false => Err(Error::Token(TokenError::SignInNeeded { claims: None })),
        }
    }
}

/// Told by hand, not by the code under test.
fn is_over(state: &ActionState) -> bool {
    matches!(
        state,
        ActionState::Done | ActionState::Failed | ActionState::NotSupported | ActionState::Canceled
    )
}

fn shown(state: &State, now: OffsetDateTime, id: &DeviceId) -> Vec<DeviceActionResult> {
    let results = state.results.get(id).into_iter().flatten();
    results.filter(|shown| shown.from <= now).map(|shown| shown.result.clone()).collect()
}

impl Tenant for World {
    fn fetch_token(&self) -> BoxFuture<'_, Result<(), TokenError>> {
        let signed_in = self.state().signed_in;
        Box::pin(
            async move { if signed_in { Ok(()) } else { Err(TokenError::SignInNeeded { claims: None }) } },
        )
    }

    fn device<'a>(
        &'a self,
        id: &'a DeviceId,
    ) -> BoxFuture<'a, Result<(ManagedDevice, Vec<DeviceActionResult>), Error>> {
        Box::pin(async move {
            tokio::time::sleep(2 * TRAVEL).await;
            self.read(|state, now| {
                let device = state.devices.iter().find(|device| device.id == *id).unwrap();
                (device.clone(), shown(state, now, id))
            })
        })
    }

    fn send<'a>(&'a self, _: Action, route: &'a Route, id: &'a DeviceId) -> BoxFuture<'a, Sent> {
        Box::pin(async move {
            let outcome = self.travel(route, id).await;
            self.state().heard += 1;
            let is_heard = matches!(outcome, SendOutcome::Accepted | SendOutcome::Answered { .. });
            // The header has whole seconds.
            let server_date = is_heard.then(|| self.state().now().replace_nanosecond(0).unwrap());
            Sent { client_request_id: Uuid::new_v4(), request_id: None, server_date, outcome }
        })
    }

    fn action_results<'a>(
        &'a self,
        id: &'a DeviceId,
    ) -> BoxFuture<'a, Result<Vec<DeviceActionResult>, Error>> {
        Box::pin(async move {
            tokio::time::sleep(2 * TRAVEL).await;
            self.read(|state, now| shown(state, now, id))
        })
    }

    fn passcodes<'a>(
        &'a self,
        _: &'a DeviceId,
    ) -> BoxFuture<'a, Result<Vec<(DeviceActionResult, Passcode)>, Error>> {
        let none: Vec<(DeviceActionResult, SecretString)> = Vec::new();
        Box::pin(async {
            Ok(none.into_iter().map(|(result, secret)| (result, Passcode::new(secret))).collect())
        })
    }

    fn write_turn(&self) -> BoxFuture<'_, WriteTurn> {
        Box::pin(async { self.pace().write_turn().await })
    }

    fn remember_writes(&self, ages: Vec<Duration>) {
        self.pace().remember_writes(ages);
    }

    fn quiet(&self) -> BoxFuture<'_, ()> {
        Box::pin(async { self.pace().quiet().await })
    }

    fn hold(&self, wait: Duration, told: Kind) {
        self.pace().hold(wait, told);
    }

    fn held(&self) -> Option<Hold> {
        self.pace().held()
    }

    fn hold_ended(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.pace().hold_ended())
    }

    fn server_now(&self) -> OffsetDateTime {
        self.state().now()
    }

    fn time_for_writes(&self, count: usize) -> Duration {
        self.pace().time_for_writes(count)
    }
}

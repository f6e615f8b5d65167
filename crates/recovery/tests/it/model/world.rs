//! The service, its clock and what it saw: all that outlives a process.

mod tenant;

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;
use unlatch_graph::{ActionState, Clock, DeviceActionResult, DeviceId, ManagedDevice, Pace, ProbeTurn};
use unlatch_recovery::{ItemRecord, ItemState, Plan, Tenant as _};

use super::setting::{ActedOn, Before, Fault, Setting};
use crate::fake::{device, device_id};

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
    pace: Mutex<Pace>,
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

    /// A process starts: time goes on by its runtime's clock, and it knows of no earlier request, and of a wait that a write was told
    /// what is recorded of it.
    pub fn wake(&self, recorded: Option<OffsetDateTime>) {
        *self.pace.lock().unwrap() = Pace::with_limits(WRITES, usize::MAX);
        let mut state = self.state();
        let known = |(from, until): (_, OffsetDateTime)| Some((from, until.min(recorded?)));
        state.writes_held = state.writes_held.and_then(known);
        (state.woke, state.heard) = (Some(Instant::now()), 0);
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
}

/// Told by hand, not by the code under test.
fn is_over(state: &ActionState) -> bool {
    matches!(
        state,
        ActionState::Done | ActionState::Failed | ActionState::NotSupported | ActionState::Canceled
    )
}

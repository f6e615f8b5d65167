//! What happens, one step after another, and what goes wrong meanwhile.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::setting::{Fault, Setting, fault, setting};
use super::world::DEVICES;

/// What happens next.
#[derive(Debug, Clone)]
pub enum Step {
    /// A person confirms a run of these devices.
    Start(Vec<usize>),
    /// So many milliseconds go by.
    Wait(u64),
    /// A person cancels that run, counted from the newest.
    Cancel(usize),
    /// A person lets the rest of an interrupted run go out.
    TakeUp(usize),
    /// A person gives the rest of an interrupted run up.
    Discard(usize),
    /// A person has one device of a run sent to again.
    SendAgain(usize, u32),
    /// A person asks what became of a run.
    Check(usize),
    /// Somebody signs in, and whatever waits for that goes on.
    SignIn,
    /// Somebody gives a device another name.
    Rename(usize),
    /// A device carries out, or refuses, what waits for it.
    Settle(usize, &'static str),
    /// Another person sends the same action to a device.
    Elsewhere(usize),
    /// A person has one read sent past what reads were told to wait.
    Probe,
    /// Another program keeps the journal from being written.
    Lock,
    /// That ends.
    Unlock,
    /// The journal is copied.
    BackUp,
    /// The process ends, the copy takes the journal's place, and another process is started so many milliseconds later.
    Restore(u64),
    /// The process ends and another one is started so many milliseconds later.
    Restart(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let run = 0_usize..3;
    prop_oneof![
        4 => vec(0..DEVICES, 1..=DEVICES).prop_map(|mut devices| {
            devices.sort_unstable();
            devices.dedup();
            Step::Start(devices)
        }),
        6 => prop_oneof![
            6 => 0_u64..400,
            6 => 400_u64..8_000,
            6 => 8_000_u64..90_000,
            1 => Just(25 * 60 * 60 * 1_000),
        ]
        .prop_map(Step::Wait),
        1 => Just(Step::Probe),
        1 => Just(Step::Lock),
        2 => Just(Step::Unlock),
        1 => Just(Step::BackUp),
        1 => (0_u64..20_000).prop_map(Step::Restore),
        1 => run.clone().prop_map(Step::Cancel),
        2 => run.clone().prop_map(Step::TakeUp),
        1 => run.clone().prop_map(Step::Discard),
        4 => (run.clone(), 0_u32..4).prop_map(|(run, position)| Step::SendAgain(run, position)),
        1 => run.prop_map(Step::Check),
        2 => Just(Step::SignIn),
        1 => (0..DEVICES).prop_map(Step::Rename),
        1 => (0..DEVICES).prop_map(Step::Elsewhere),
        3 => (0..DEVICES, prop_oneof![Just("done"), Just("failed"), Just("active"), Just("somethingNew")])
            .prop_map(|(device, state)| Step::Settle(device, state)),
        2 => (0_u64..5_000).prop_map(Step::Restart),
    ]
}

#[derive(Debug, Clone)]
pub struct Scenario {
    pub setting: Setting,
    pub steps: Vec<Step>,
    pub faults: Vec<Fault>,
}

/// Steps that lead to what random ones seldom meet, and the faults on the way. A run's first request goes out after `countdown`.
fn story(countdown: Duration) -> impl Strategy<Value = (Vec<Step>, Vec<Fault>)> {
    let counted_down = countdown.as_secs();
    let all = || Step::Start((0..DEVICES).collect());
    let (seconds, hours) = (|s: u64| Step::Wait(s * 1_000), |h: u64| Step::Wait(h * 60 * 60 * 1_000));
    let lost = || vec![Fault::LostAfter; DEVICES];
    prop_oneof![
        // The rest of a run goes out after the copy that is put back.
        (5_u64..60).prop_map(move |s| {
            let steps = vec![
                all(),
                seconds(7),
                Step::BackUp,
                seconds(s + 40),
                Step::Settle(3, "done"),
                Step::Restore(1_000),
            ];
            let resume = [Step::TakeUp(0), Step::TakeUp(0), seconds(s + 30)];
            (steps.into_iter().chain(resume).collect(), Vec::new())
        }),
        // A day goes by before a person signs in.
        (23_u64..30)
            .prop_map(move |h| (vec![all(), hours(h), Step::SignIn, seconds(90)], vec![Fault::SignedOut])),
        // A device reports the doubtful request while another one counts down, of the same run or of the next.
        (any::<bool>(), 0_usize..DEVICES, 1_u64..20).prop_map(move |(again, device, s)| {
            let position = u32::try_from(device).unwrap_or(0);
            let act = if again { Step::SendAgain(0, position) } else { Step::Start(vec![device]) };
            let late = vec![Fault::GatewayLate(Duration::from_secs(s + 10)); DEVICES];
            let report = [seconds(s + 10), Step::Settle(device, "done"), seconds(90)];
            (vec![all(), seconds(45), act].into_iter().chain(report).collect(), late)
        }),
        // A device is in a state that nobody knows.
        (0_usize..DEVICES).prop_map(move |device| {
            let state = Step::Settle(device, "somethingNew");
            (vec![all(), seconds(60), state, seconds(10), Step::Start(vec![device]), seconds(60)], lost())
        }),
        // Answers come while another program keeps the journal, for longer than they are tried to be recorded.
        (1_u64..20).prop_map(move |s| {
            let steps = vec![all(), seconds(counted_down + s), Step::Lock, seconds(90), Step::Unlock];
            (steps, vec![Fault::Silent; DEVICES])
        }),
        // The process dies while a write has been told to wait.
        (20_u64..60).prop_map(move |s| {
            let steps = vec![
                all(),
                seconds(counted_down + 3),
                Step::Restart(1_000),
                Step::TakeUp(0),
                Step::TakeUp(0),
                seconds(90),
            ];
            (steps, vec![Fault::Throttled(Some(Duration::from_secs(s)))])
        }),
        // A read is tried while a write has been told to wait.
        (20_u64..60).prop_map(move |s| {
            let steps = vec![all(), seconds(counted_down + 3), Step::Probe, seconds(90)];
            (steps, vec![Fault::Throttled(Some(Duration::from_secs(s)))])
        }),
    ]
}

pub fn scenario() -> impl Strategy<Value = Scenario> {
    let with_story = setting().prop_flat_map(|setting| {
        let story = story(setting.countdown);
        (Just(setting), story)
    });
    let told = (with_story, vec(step(), 0..4), vec(fault(), 0..4)).prop_map(
        |((setting, (mut steps, mut faults)), more, later)| {
            steps.extend(more);
            faults.extend(later);
            Scenario { setting, steps, faults }
        },
    );
    prop_oneof![3 => drawn(), 1 => told]
}

fn drawn() -> impl Strategy<Value = Scenario> {
    let start = (1..=DEVICES).prop_map(|count| Step::Start((0..count).collect()));
    (setting(), start, vec(step(), 0..10), vec(fault(), 0..24)).prop_map(
        |(setting, start, mut steps, faults)| {
            steps.insert(0, start);
            Scenario { setting, steps, faults }
        },
    )
}

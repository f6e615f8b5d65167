//! What the engine knows of time: who goes next, how long a request takes, and how long everything takes from now on.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use unlatch_graph::DeviceId;

use super::Shared;
use super::drive::Drive;
use super::run::Run;
use crate::outcome::SentRequest;
use crate::plan::RunId;
use crate::state::RunState;

/// What a request takes before any was sent.
const FIRST_GUESS: Duration = Duration::from_millis(300);

#[derive(Default)]
pub(super) struct Schedule(Mutex<Times>);

#[derive(Default)]
struct Times {
    /// Tickets of the workers that wait for their turn, in the order in which they came.
    near: BTreeSet<u64>,
    tickets: u64,
    /// What a request takes, smoothed.
    round_trip: Option<Duration>,
    /// The requests of this process for each device that may have been executed. One may be asked about as long as any run is
    /// followed, and there are no more than requests were sent.
    requests: HashMap<DeviceId, Vec<(SentRequest, RunId)>>,
}

impl Schedule {
    fn times(&self) -> MutexGuard<'_, Times> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the line for a turn, left when it is dropped.
pub(super) struct Near<'a> {
    schedule: &'a Schedule,
    ticket: u64,
}

impl Near<'_> {
    /// The how-manieth of the line this is, from 1.
    pub(super) fn rank(&self) -> usize {
        self.schedule.times().near.range(..=self.ticket).count()
    }
}

impl Drop for Near<'_> {
    fn drop(&mut self) {
        self.schedule.times().near.remove(&self.ticket);
    }
}

impl Shared {
    /// Takes a place at the end of the line.
    pub(super) fn come_near(&self) -> Near<'_> {
        let mut times = self.schedule.times();
        times.tickets += 1;
        let ticket = times.tickets;
        times.near.insert(ticket);
        Near { schedule: &self.schedule, ticket }
    }

    /// Takes note of how long a request was out.
    pub(super) fn note_round_trip(&self, took: Duration) {
        let mut times = self.schedule.times();
        times.round_trip =
            Some(times.round_trip.map_or(took, |before| before.mul_f64(0.9) + took.mul_f64(0.1)));
    }

    /// Takes note of a request that is about to go out.
    pub(super) fn note_request(&self, run: RunId, device: &DeviceId, request: SentRequest) {
        self.schedule.times().requests.entry(device.clone()).or_default().push((request, run));
    }

    /// Forgets a request that certainly was not executed.
    pub(super) fn forget_request(&self, run: RunId, device: &DeviceId, request: SentRequest) {
        if let Some(requests) = self.schedule.times().requests.get_mut(device) {
            requests.retain(|noted| *noted != (request, run));
        }
    }

    /// Returns the requests of other runs of this process for that device.
    pub(super) fn requests_beside(&self, run: RunId, device: &DeviceId) -> Vec<SentRequest> {
        let times = self.schedule.times();
        let others = times.requests.get(device).into_iter().flatten().filter(|(_, other)| *other != run);
        others.map(|(request, _)| *request).collect()
    }

    /// How long until everything of a run is sent: as long as the limit makes it, or as the requests themselves take, with so
    /// many in flight. Runs in the same tenant take turns, so of each other one as many go out meanwhile.
    pub(super) fn time_to_send(&self, run: &Run, drive: &Drive, waiting: u32) -> Option<Duration> {
        if waiting == 0 {
            return None;
        }
        let beside = self.others_waiting(run).map(|other| other.min(waiting)).sum::<u32>();
        let count = waiting.saturating_add(beside);
        let round_trip = self.schedule.times().round_trip.unwrap_or(FIRST_GUESS);
        let in_flight = u32::try_from(self.options.in_flight).unwrap_or(u32::MAX).max(1);
        let by_requests = round_trip * count.div_ceil(in_flight);
        let by_limit = drive.tenant().pace().time_for_writes(count as usize) + round_trip;
        Some(drive.starts_in() + by_requests.max(by_limit))
    }

    fn others_waiting(&self, run: &Run) -> impl Iterator<Item = u32> {
        let live = self.live();
        let others = live.runs.values().filter(|other| {
            other.header.id != run.header.id
                && other.header.principal.is_same_tenant(&run.header.principal)
                && matches!(other.state(), RunState::Starting | RunState::Active)
        });
        others.map(|other| other.waiting()).collect::<Vec<_>>().into_iter()
    }
}

//! Every request for one device that may have been executed, of all runs: what a new one is compared with.

use std::collections::HashMap;

use time::OffsetDateTime;
use unlatch_graph::{ActionState, DeviceId};

use crate::outcome::{Outcome, SendWindow, SentRequest};
use crate::plan::RunId;
use crate::record::{RunHeader, Standing};
use crate::state::ItemState;

/// Requests by device.
pub(crate) type RequestsByDevice = HashMap<DeviceId, DeviceRequests>;

/// For how long a device that reported the action done is told of as such.
const TOLD_FOR: time::Duration = time::Duration::days(1);

/// The newest request for a device, of any run of a tenant, as a review tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierRequest {
    /// Its run.
    pub run: RunHeader,
    /// Where its item stands.
    pub standing: Standing,
}

impl EarlierRequest {
    /// Returns whether another request may repeat what is done: this one has no final outcome, or was done within a day.
    #[must_use]
    pub fn is_warning(&self, now: OffsetDateTime) -> bool {
        match self.standing.state {
            ItemState::Done => self.standing.at.is_none_or(|at| now - at < TOLD_FOR),
            _ => self.standing.is_in_doubt(),
        }
    }
}

/// A request that may have been executed.
#[derive(Debug, Clone)]
pub(crate) struct DeviceRequest {
    /// Its run.
    pub(crate) run: RunHeader,
    /// Its item.
    pub(crate) position: u32,
    /// Where the item stood with it, or stands.
    pub(crate) standing: Standing,
    /// Whether it has no final outcome, nor has a later one for the same item.
    pub(crate) is_in_doubt: bool,
}

/// The requests for one device.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeviceRequests(Vec<DeviceRequest>);

impl DeviceRequests {
    /// Adds the requests of one item.
    pub(crate) fn add(&mut self, run: &RunHeader, position: u32, standing: &Standing) {
        let doubts = standing.doubts().count();
        let requests = standing.requests().enumerate().map(|(number, standing)| DeviceRequest {
            run: run.clone(),
            position,
            standing: standing.clone(),
            is_in_doubt: number < doubts,
        });
        self.0.extend(requests);
    }

    /// Returns the request that was about to go out last, by Graph's clock.
    pub(crate) fn newest(self) -> Option<EarlierRequest> {
        let newest = self.0.into_iter().max_by_key(|request| request.standing.intent)?;
        Some(EarlierRequest { run: newest.run, standing: newest.standing })
    }

    fn sent(&self) -> Vec<SentRequest> {
        self.0.iter().filter_map(|request| request.standing.request()).collect()
    }

    /// Returns each request with the results that belong to it.
    fn windows(&self) -> impl Iterator<Item = (&DeviceRequest, SendWindow)> {
        let sent = self.sent();
        self.0.iter().filter_map(move |request| {
            let mut window = request.standing.window(&sent)?;
            // Once its result is known to be over, what started later is another's.
            if let Some(started) =
                request.standing.observed_start.filter(|_| request.standing.state.is_final())
            {
                window.until = window.until.min(started);
            }
            Some((request, window))
        })
    }

    /// Returns what belongs to the requests that are known.
    pub(crate) fn known(&self) -> Vec<SendWindow> {
        self.windows().map(|(_, window)| window).collect()
    }

    /// Returns what belongs to the requests in doubt of one item, newest first.
    pub(crate) fn doubts_of(&self, run: RunId, position: u32) -> Vec<SendWindow> {
        let is_own = |request: &DeviceRequest| request.run.id == run && request.position == position;
        let own = self.windows().filter(|(request, _)| request.is_in_doubt && is_own(request));
        own.map(|(_, window)| window).collect()
    }

    /// Returns the requests in doubt of other runs than this one, with what belongs to each.
    pub(crate) fn doubts_beside(&self, run: RunId) -> Vec<(&DeviceRequest, SendWindow)> {
        self.windows().filter(|(request, _)| request.is_in_doubt && request.run.id != run).collect()
    }

    /// Returns what the device reported done of another run's request that went out after a moment, by Graph's clock.
    pub(crate) fn done_since(&self, run: RunId, since: OffsetDateTime) -> Option<Outcome> {
        let is_since = |request: &&DeviceRequest| {
            let standing = &request.standing;
            request.run.id != run
                && standing.state == ItemState::Done
                && standing.intent.is_some_and(|intent| intent > since)
        };
        let newest = self.0.iter().filter(is_since).max_by_key(|request| request.standing.intent)?;
        let Standing { observed_start, observed, intent, has_passcode, .. } = &newest.standing;
        Some(Outcome {
            state: ActionState::Done,
            started: observed_start.or(*intent)?,
            last_updated: observed.as_ref().and_then(|(_, updated)| *updated),
            has_passcode: *has_passcode,
        })
    }

    /// Returns the account whose request the action that started then belongs to, by the service's clock.
    pub(crate) fn sender_of(&self, started: OffsetDateTime) -> Option<&str> {
        let mut senders = self.windows().filter(|(_, window)| window.holds(started));
        senders.next().map(|(request, _)| request.run.principal.account.as_str())
    }
}

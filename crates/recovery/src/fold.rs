//! Where a run stands by what is recorded of it: a pure function, the same for a live run and for one found again.

use std::time::Duration;

use time::OffsetDateTime;
use unlatch_graph::{ActionState, REQUEST_LIMIT};

use crate::outcome::{SentRequest, later};
use crate::plan::PlannedItem;
use crate::record::{Entry, Event, ItemRecord, RunHeader, RunRecord, RunSummary, Standing, Verdict};
use crate::state::{ItemReason, ItemState, RunCounts, RunState};

/// For how long a person's act lets requests go out. After that a person is asked anew.
pub(crate) const ACT_LASTS: time::Duration = time::Duration::hours(24);

impl Standing {
    fn new() -> Self {
        Self {
            state: ItemState::Waiting,
            reason: None,
            message: None,
            found: None,
            status: None,
            code: None,
            fell_back: false,
            request_id: None,
            client_request_id: None,
            at: None,
            attempts: 0,
            intent: None,
            observed: None,
            has_passcode: false,
            gave_up: false,
            before: None,
            wanted: None,
            maybe_executed: false,
            baseline: None,
            observed_start: None,
            unanswered: false,
            intent_at: None,
            heard: None,
        }
    }

    /// Returns the last request that was about to go out.
    pub(crate) fn request(&self) -> Option<SentRequest> {
        Some(SentRequest { intent: self.intent?, baseline: self.baseline })
    }

    /// Returns where it stood with each request that may have been executed, newest first.
    pub(crate) fn requests(&self) -> impl Iterator<Item = &Self> {
        let all = std::iter::successors(Some(self), |standing| standing.before.as_deref());
        all.filter(|standing| standing.maybe_executed)
    }

    /// Returns whether the last request may have been executed and has no final outcome.
    fn is_unsettled(&self) -> bool {
        self.maybe_executed && !self.state.is_final()
    }

    /// Returns where it stood with each request in doubt, newest first: those that may have been executed and have no final
    /// outcome. The final outcome of one ends the doubt of those before it, as the device has worked on since.
    pub(crate) fn doubts(&self) -> impl Iterator<Item = &Self> {
        self.requests().take_while(|standing| standing.is_unsettled())
    }

    /// Returns the doubts before the last request that was about to go out.
    pub(crate) fn earlier_doubts(&self) -> impl Iterator<Item = &Self> {
        self.before.iter().flat_map(|before| before.doubts())
    }

    /// Returns whether one of its requests is in doubt.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.doubts().next().is_some()
    }

    /// When a request that was recorded as over at `at`, by this machine's clock, was over by the server's: the answer's
    /// date or, without one, as long after the intent as this machine waited, which is not longer than a request may take.
    pub(crate) fn heard_at(
        &self,
        at: OffsetDateTime,
        server_date: Option<OffsetDateTime>,
    ) -> Option<OffsetDateTime> {
        server_date.or_else(|| {
            let waited = Duration::try_from(at - self.intent_at?).unwrap_or_default();
            Some(later(self.intent?, waited.min(REQUEST_LIMIT)))
        })
    }

    /// Whether a person may have this device sent to again: nothing is on its way and the device has not reported it done.
    #[must_use]
    pub fn can_be_sent_again(&self) -> bool {
        match self.state {
            ItemState::Failed
            | ItemState::NotSupported
            | ItemState::Canceled
            | ItemState::Other
            | ItemState::Refused
            | ItemState::Stopped
            | ItemState::Unconfirmed
            | ItemState::NotSent => true,
            ItemState::Accepted => self.gave_up,
            ItemState::Waiting | ItemState::Sending | ItemState::Done => false,
        }
    }

    /// Whether the device is asked what became of the request.
    pub(crate) fn is_followed(&self) -> bool {
        self.state.is_followed() && self.intent.is_some() && !self.gave_up
    }

    /// Returns where it stands when a person has it sent again: as new, but for the requests before.
    fn again(self) -> Self {
        let before = if self.maybe_executed { Some(Box::new(self.clone())) } else { self.before };
        Self {
            attempts: self.attempts,
            intent: self.intent,
            intent_at: self.intent_at,
            heard: self.heard,
            before,
            ..Self::new()
        }
    }

    /// Settles it as something other than sent. If an earlier request is in doubt, it stands again where it stood with that one,
    /// and why the later one was not sent remains as a note.
    fn not_sent(&mut self, state: ItemState, reason: Option<ItemReason>) {
        if let Some(before) = self.before.take_if(|before| before.is_in_doubt()) {
            let reason = reason.or(before.reason);
            *self = Self { attempts: self.attempts, reason, found: None, ..*before };
            return;
        }
        (self.state, self.reason) = (state, reason);
        (self.unanswered, self.maybe_executed) = (false, false);
    }

    /// Takes in what was said with an answer or a stop. Beside an earlier request it is a note, which hides no word of the device's.
    fn said(&mut self, message: Option<&String>) {
        match self.state {
            ItemState::Other => {}
            ItemState::Accepted | ItemState::Unconfirmed if message.is_none() => {}
            _ => self.message = message.cloned(),
        }
    }

    fn unconfirmed(&mut self) {
        (self.state, self.unanswered) = (ItemState::Unconfirmed, false);
    }

    /// Whether that report may take the place of the one before: reports that were read at the same time may be recorded in
    /// any order, so an older one never does, and an outcome is never made open again.
    pub(crate) fn takes(&self, result: &str, last_updated: Option<OffsetDateTime>) -> bool {
        let Some((_, before)) = &self.observed else { return true };
        let is_older = matches!((last_updated, before), (Some(now), Some(before)) if now < *before);
        let reopens = self.state.is_final() && !observed_state(result).0.is_final();
        !is_older && !reopens
    }
}

/// Where a run stands by `entries`, in the order in which they were recorded: a pure function. `live` says whether the run is
/// still being worked on; of a run that is not, what has an intent and no answer is unconfirmed, and what has none was not sent.
#[must_use]
pub fn fold<'a>(
    header: RunHeader,
    items: Vec<PlannedItem>,
    entries: impl IntoIterator<Item = &'a Entry>,
    live: bool,
) -> RunRecord {
    let mut run = Fold::new(header);
    for entry in entries {
        run.apply(entry);
    }
    if !live {
        run.settle_if_interrupted();
    }
    run.record(&items)
}

/// The fold itself, one entry at a time.
#[derive(Debug, Clone)]
pub(crate) struct Fold {
    pub(crate) header: RunHeader,
    pub(crate) state: RunState,
    pub(crate) finished: Option<OffsetDateTime>,
    pub(crate) counts: RunCounts,
    pub(crate) standings: Vec<Standing>,
    /// Graph's clock when a person confirmed it, if that was recorded.
    pub(crate) confirmed: Option<OffsetDateTime>,
    /// When a person confirmed it or had the rest of it sent, by this machine's clock.
    pub(crate) wanted: OffsetDateTime,
    /// Whether the act by which it goes out is too long ago.
    expired: bool,
    /// How it had ended before a person let more of it go out.
    before: Option<RunState>,
}

impl Fold {
    pub(crate) fn new(header: RunHeader) -> Self {
        let total = header.total;
        let standings = (0..total).map(|_| Standing::new()).collect();
        let (state, counts) = (RunState::Starting, RunCounts::waiting(total));
        let (confirmed, wanted) = (None, header.started);
        Self {
            header,
            state,
            finished: None,
            counts,
            standings,
            confirmed,
            wanted,
            expired: false,
            before: None,
        }
    }

    /// Takes in one entry. A position that the run does not have is passed over.
    pub(crate) fn apply(&mut self, entry: &Entry) {
        match entry.position {
            Some(position) => self.apply_to_item(position as usize, entry),
            None => self.apply_to_run(entry),
        }
    }

    fn apply_to_run(&mut self, entry: &Entry) {
        match &entry.event {
            Event::RunStarted { server_now, .. } => self.confirmed = *server_now,
            Event::Began if self.state == RunState::Starting => self.state = RunState::Active,
            Event::Expired if self.state.is_active() => self.expired = true,
            Event::CancelAsked if self.state.is_active() => self.state = RunState::Cancelling,
            // Older versions recorded no countdown after a sign-in.
            Event::SignInNeeded if matches!(self.state, RunState::Starting | RunState::Active) => {
                self.state = RunState::SignInNeeded
            }
            // A countdown runs again.
            Event::Resumed if self.state == RunState::SignInNeeded => self.state = RunState::Starting,
            Event::TakenUp if !self.state.is_active() => {
                self.reopen();
                (self.wanted, self.expired) = (entry.at, false);
                for item in self.standings.iter_mut().filter(|item| item.state == ItemState::NotSent) {
                    self.counts.moved(ItemState::NotSent, ItemState::Waiting);
                    (item.state, item.reason) = (ItemState::Waiting, None);
                }
            }
            Event::Discarded if !self.state.is_active() => {
                (self.state, self.finished) = (RunState::Cancelled, Some(entry.at));
            }
            Event::RunEnded { state } => {
                let reason = match (state, self.state) {
                    (RunState::JournalFailed, _) => Some(ItemReason::JournalFailed),
                    (RunState::Interrupted, _) if self.expired => Some(ItemReason::Expired),
                    (RunState::Interrupted, RunState::SignInNeeded) => Some(ItemReason::SignInNeeded),
                    _ => None,
                };
                self.state = *state;
                self.finished = (*state != RunState::Interrupted).then_some(entry.at);
                self.settle(reason);
            }
            _ => {}
        }
    }

    fn reopen(&mut self) {
        self.before = Some(self.state);
        (self.state, self.finished) = (RunState::Starting, None);
    }

    /// Returns whether something of it would not have been sent at all if it ended now.
    pub(crate) fn leaves_unsent(&self) -> bool {
        let is_unsent = |item: &Standing| {
            item.state == ItemState::NotSent
                || item.state.is_open() && !item.unanswered && item.earlier_doubts().next().is_none()
        };
        self.standings.iter().any(is_unsent)
    }

    /// How a run ends of which nothing goes out any more and nobody cancelled what waits.
    pub(crate) fn end_state(&self) -> RunState {
        match self.before {
            Some(before) if self.counts.not_sent > 0 => before,
            _ if self.counts.waiting > 0 => RunState::Cancelled,
            _ => RunState::Finished,
        }
    }

    fn apply_to_item(&mut self, position: usize, entry: &Entry) {
        let Some(item) = self.standings.get_mut(position) else { return };
        let before = item.state;
        match &entry.event {
            Event::Intent { attempt, server_now, baseline, .. } => {
                item.state = ItemState::Sending;
                item.attempts = *attempt;
                (item.intent, item.intent_at, item.baseline) = (Some(*server_now), Some(entry.at), *baseline);
                (item.unanswered, item.maybe_executed) = (true, true);
                // What was answered to the request before says nothing of this one.
                (item.heard, item.message, item.status, item.code) = (None, None, None, None);
            }
            Event::Answer {
                verdict,
                status,
                code,
                message,
                request_id,
                client_request_id,
                server_date,
                intermediary,
            } => {
                item.heard = item.heard_at(entry.at, *server_date);
                (item.status, item.unanswered) = (*status, false);
                item.code.clone_from(code);
                item.request_id.clone_from(request_id);
                item.client_request_id = Some(*client_request_id);
                match verdict {
                    Verdict::Accepted => (item.state, item.reason) = (ItemState::Accepted, None),
                    Verdict::Refused(reason) => item.not_sent(ItemState::Refused, Some(*reason)),
                    Verdict::Stopped(reason) => item.not_sent(ItemState::Stopped, Some(*reason)),
                    Verdict::Again(_) => {
                        (item.state, item.reason, item.maybe_executed) = (ItemState::Waiting, None, false);
                    }
                    Verdict::Unconfirmed => {
                        item.unconfirmed();
                        item.reason = intermediary.then_some(ItemReason::Intermediary);
                    }
                }
                item.said(message.as_ref());
            }
            Event::Withdrawn => {
                item.state = ItemState::Waiting;
                item.attempts = item.attempts.saturating_sub(1);
                (item.unanswered, item.maybe_executed) = (false, false);
            }
            Event::FellBack => item.fell_back = true,
            Event::Stopped { reason, message, found } if item.state.is_open() => {
                item.not_sent(ItemState::Stopped, Some(*reason));
                item.said(message.as_ref());
                item.found.clone_from(found);
            }
            Event::SendAgainAsked if item.can_be_sent_again() => {
                *item = Standing { wanted: Some(entry.at), ..item.clone().again() };
            }
            Event::GaveUp if item.is_followed() => item.gave_up = true,
            Event::Observed { result, started, last_updated, has_passcode } if item.attempts > 0 => {
                // While a second request waits for its turn, what the device reports is about the one before.
                if !item.maybe_executed
                    && let Some(before) = item.before.take_if(|before| before.is_in_doubt())
                {
                    *item = Standing { attempts: item.attempts, ..*before };
                }
                if item.takes(result, *last_updated) {
                    (item.state, item.message) = observed_state(result);
                    (item.reason, item.found) = (None, None);
                    (item.unanswered, item.maybe_executed, item.gave_up) = (false, true, false);
                    item.has_passcode = *has_passcode;
                    item.observed = Some((result.clone(), *last_updated));
                    item.observed_start = *started;
                }
            }
            _ => return,
        }
        item.at = Some(entry.at);
        let after = item.state;
        self.counts.moved(before, after);
        match &entry.event {
            Event::SendAgainAsked if !self.state.is_active() => self.reopen(),
            // Runs of the first format have no entry for the end of the countdown.
            Event::Intent { .. } | Event::Stopped { .. } if self.state == RunState::Starting => {
                self.state = RunState::Active;
            }
            _ => {}
        }
    }

    /// Shows an item as being worked on, or as waiting again. That is not recorded.
    pub(crate) fn show(&mut self, position: u32, state: ItemState) {
        if let Some(item) = self.standings.get_mut(position as usize)
            && item.state.is_open()
            && !item.unanswered
        {
            self.counts.moved(item.state, state);
            item.state = state;
        }
    }

    fn settle(&mut self, reason: Option<ItemReason>) {
        for item in self.standings.iter_mut().filter(|item| item.state.is_open()) {
            let before = item.state;
            if item.unanswered {
                // The reason is one for which nothing was sent, and this may have been.
                item.unconfirmed();
                item.reason = None;
            } else {
                item.not_sent(ItemState::NotSent, reason);
            }
            self.counts.moved(before, item.state);
        }
    }

    pub(crate) fn settle_if_interrupted(&mut self) {
        if self.state.is_active() {
            let reason = match self.state {
                _ if self.expired => Some(ItemReason::Expired),
                RunState::SignInNeeded => Some(ItemReason::SignInNeeded),
                _ => None,
            };
            self.settle(reason);
            self.state = RunState::Interrupted;
        }
    }

    pub(crate) fn summary(&self) -> RunSummary {
        RunSummary {
            header: self.header.clone(),
            state: self.state,
            finished: self.finished,
            wanted_until: self.wanted.saturating_add(ACT_LASTS),
            counts: self.counts,
            starts_in: None,
            remaining: None,
            hold: None,
            followed: false,
        }
    }

    pub(crate) fn record(&self, items: &[PlannedItem]) -> RunRecord {
        let item = |(position, (planned, standing)): (usize, (&PlannedItem, &Standing))| ItemRecord {
            position: u32::try_from(position).unwrap_or(u32::MAX),
            planned: planned.clone(),
            standing: standing.clone(),
        };
        let items = items.iter().zip(&self.standings).enumerate().map(item).collect();
        RunRecord { summary: self.summary(), items }
    }
}

/// Returns Graph's `actionState` as a state of an item, and a word that is not known as it is.
fn observed_state(result: &str) -> (ItemState, Option<String>) {
    match ActionState::from(result) {
        ActionState::None | ActionState::Pending | ActionState::Active => (ItemState::Accepted, None),
        ActionState::Done => (ItemState::Done, None),
        ActionState::Failed => (ItemState::Failed, None),
        ActionState::NotSupported => (ItemState::NotSupported, None),
        ActionState::Canceled => (ItemState::Canceled, None),
        ActionState::Other(word) => (ItemState::Other, Some(word)),
    }
}

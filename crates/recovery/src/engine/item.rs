//! The way of one device: fresh read, comparison, turn, intent, request, answer.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;
use unlatch_graph::{
    ApiErrorKind, DeviceActionResult, Error, Hold, Kind, ManagedDevice, Route, SendOutcome, Sent, TokenError,
    WriteTurn,
};

use super::drive::{Drive, Due, Pass, Stopped};
use super::run::{FIRST_TRY_AGAIN, Run};
use super::schedule::Near;
use super::{Shared, asks_for_sign_in};
use crate::check::{Finding, Found, compare, pending};
use crate::classify::{Execution, RepeatWhen, classify, refusal};
use crate::journal::JournalError;
use crate::outcome::{Baseline, SentRequest, outcome_of, unknown_since};
use crate::plan::PlannedItem;
use crate::record::{Event, Verdict};
use crate::requests::DeviceRequests;
use crate::state::{ItemReason, ItemState};
use crate::tenant::Tenant;

/// A device that was read longer ago than this is read again before its request goes out.
const FRESH: Duration = Duration::from_secs(5);
/// How long before its turn a device is read: longer than a read takes, and shorter than anybody needs to change a device.
const AHEAD: Duration = Duration::from_millis(800);

/// When a device was read, by two clocks: tokio's stands still while the machine sleeps, the machine's may be set.
struct ReadAt {
    instant: Instant,
    time: OffsetDateTime,
}

impl ReadAt {
    fn now(shared: &Shared) -> Self {
        Self { instant: Instant::now(), time: (shared.options.clock)() }
    }

    fn is_fresh(&self, shared: &Shared) -> bool {
        let passed = (shared.options.clock)() - self.time;
        self.instant.elapsed() <= FRESH && passed.unsigned_abs() <= FRESH
    }
}

/// What follows after an attempt.
enum Next {
    /// Nothing; the item has come to its end.
    Over,
    /// Another attempt.
    Now,
    /// Another attempt, later.
    After(Duration),
    /// Another attempt, when somebody has signed in.
    SignIn,
}

/// One device on its way.
struct Way<'a> {
    shared: &'a Shared,
    run: &'a Arc<Run>,
    drive: &'a Drive,
    position: u32,
    planned: &'a PlannedItem,
    /// The route it goes out by: the one it was found on, until the service does not know that one.
    route: Route,
    /// How many requests were about to go out.
    intents: u32,
    /// The requests for this device before, of any run.
    earlier: DeviceRequests,
    /// What the newest read showed of the action.
    baseline: Option<Baseline>,
    not_before: Instant,
    /// How many attempts failed for want of a connection.
    failures: u32,
    /// How many attempts were throttled.
    throttled: u32,
    /// How many intents another program kept from being recorded.
    unrecorded: u32,
    /// How many reads were too long ago when their request was about to go out.
    stale: u32,
    /// Whether it went out again with a new token.
    renewed: bool,
}

/// Brings one item to its end, or leaves it unsent if the run stops.
pub(super) async fn work(shared: &Shared, run: &Arc<Run>, drive: &Drive, due: Due) {
    let Due { position, not_before } = due;
    let Some(planned) = run.items.get(position as usize) else { return };
    let Some(standing) = run.standing(position).filter(|standing| standing.state.is_open()) else { return };
    let mut way = Way {
        shared,
        run,
        drive,
        position,
        planned,
        route: planned.route.clone(),
        intents: standing.attempts,
        earlier: run.take_earlier(position),
        baseline: None,
        not_before,
        failures: 0,
        throttled: 0,
        unrecorded: 0,
        stale: 0,
        renewed: false,
    };
    // A stop leaves the item as it is; the end of the run settles it.
    let _: Result<(), Stopped> = way.go().await;
}

impl<'a> Way<'a> {
    async fn go(&mut self) -> Result<(), Stopped> {
        self.drive.unless_stopped(tokio::time::sleep_until(self.not_before)).await?;
        loop {
            let pass = self.drive.pass().await?;
            self.drive.count_down(self.shared, self.run).await?;
            match self.attempt(&pass).await? {
                Next::Over => return Ok(()),
                Next::Now => {}
                Next::After(wait) => {
                    self.run.show(self.position, ItemState::Waiting);
                    self.drive.unless_stopped(tokio::time::sleep(wait)).await?;
                }
                Next::SignIn => {
                    self.run.show(self.position, ItemState::Waiting);
                    self.drive.pause(self.shared, self.run, &pass).await?;
                }
            }
        }
    }

    async fn attempt(&mut self, pass: &Pass) -> Result<Next, Stopped> {
        let tenant = &*pass.tenant;
        let near = self.near(tenant).await?;
        self.run.show(self.position, ItemState::Sending);
        // The read comes right before the request, so neither may wait for a token.
        if let Err(error) = self.drive.unless_stopped(tenant.fetch_token()).await? {
            return self.without_token(error).await;
        }
        let mut read_at = ReadAt::now(self.shared);
        if let Some(next) = self.check(tenant).await? {
            return Ok(next);
        }
        // The turn comes last: a 429 that is heard before then holds this one as well.
        let place = self.drive.unless_stopped(self.shared.places.acquire()).await?.map_err(|_| Stopped)?;
        let turn = self.turn(tenant).await?;
        drop(near);
        while !read_at.is_fresh(self.shared) {
            if !self.may_be_read_again() {
                turn.unused();
                return self.stop_as_stale().await;
            }
            read_at = ReadAt::now(self.shared);
            let checked = self.check(tenant).await;
            if !matches!(checked, Ok(None)) {
                turn.unused();
                return checked.map(|next| next.unwrap_or(Next::Now));
            }
        }
        if self.drive.is_stopped() {
            turn.unused();
            return Err(Stopped);
        }
        if !self.drive.holds(pass) {
            turn.unused();
            return Ok(Next::SignIn);
        }
        if self.drive.has_expired(self.shared, self.run, Some(self.position)).await {
            turn.unused();
            return Err(Stopped);
        }
        let request = SentRequest { intent: tenant.server_now(), baseline: self.baseline };
        let attempt = self.intents + 1;
        let SentRequest { intent: server_now, baseline } = request;
        let intent = Event::Intent { attempt, route: self.route.clone(), server_now, baseline };
        match self.run.record_intent(self.shared, self.position, intent).await {
            Ok(()) => {}
            Err(JournalError::InUse { .. }) if self.may_be_recorded_again() => {
                turn.unused();
                return Ok(Next::After(FIRST_TRY_AGAIN * (1 << self.unrecorded)));
            }
            Err(_) => {
                turn.unused();
                self.drive.fail();
                return Err(Stopped);
            }
        }
        let (is_stopped, holds) = (self.drive.is_stopped(), self.drive.holds(pass));
        if is_stopped || !holds || !read_at.is_fresh(self.shared) {
            turn.unused();
            self.note(vec![Event::Withdrawn]).await?;
            return match (is_stopped, holds) {
                (true, _) => Err(Stopped),
                (false, false) => Ok(Next::SignIn),
                (false, true) if self.may_be_read_again() => Ok(Next::Now),
                (false, true) => self.stop_as_stale().await,
            };
        }
        self.intents = attempt;
        let (run, device) = (self.run.header.id, &self.planned.device_id);
        self.shared.note_request(run, device, request);
        let sent_at = Instant::now();
        let sent = tenant.send(self.run.header.action, &self.route, device).await;
        if matches!(classify(&sent.outcome), Execution::NotExecuted { .. }) {
            self.shared.forget_request(run, device, request);
        }
        if matches!(classify(&sent.outcome), Execution::NotExecuted { repeat: RepeatWhen::SignedIn }) {
            // Before another request takes this one's place.
            self.drive.lose(pass);
        }
        drop((turn, place));
        self.shared.note_round_trip(sent_at.elapsed());
        self.answered(tenant, sent).await
    }

    /// Waits until its turn is near, so that the device is read right before and not long before.
    async fn near(&self, tenant: &dyn Tenant) -> Result<Near<'a>, Stopped> {
        let (near, pace) = (self.shared.come_near(), tenant.pace());
        loop {
            let hold_ended = pace.hold_ended();
            let wait = pace.time_for_writes(near.rank());
            if wait <= AHEAD {
                return Ok(near);
            }
            // A person may end the hold; otherwise the time-out is the wait.
            let _ = self.drive.unless_stopped(tokio::time::timeout(wait - AHEAD, hold_ended)).await?;
        }
    }

    /// Waits for its turn. It was to come within [`AHEAD`]; an item that a 429 holds longer is not shown as being sent.
    async fn turn(&self, tenant: &dyn Tenant) -> Result<WriteTurn, Stopped> {
        let pace = tenant.pace();
        let mut turn = std::pin::pin!(self.drive.unless_stopped(pace.write_turn()));
        if let Ok(turn) = tokio::time::timeout(AHEAD, &mut turn).await {
            return turn;
        }
        self.run.show(self.position, ItemState::Waiting);
        let turn = turn.await?;
        self.run.show(self.position, ItemState::Sending);
        Ok(turn)
    }

    async fn note(&self, events: Vec<Event>) -> Result<(), Stopped> {
        let noted = self.shared.note(self.run, Some(self.position), events).await;
        // What is owed to the journal is asked about all the same.
        self.shared.follow_up(self.run, self.position);
        noted
    }

    /// Returns what follows when there is no token.
    async fn without_token(&mut self, error: TokenError) -> Result<Next, Stopped> {
        match error {
            TokenError::SignInNeeded { .. } => Ok(Next::SignIn),
            TokenError::Unavailable(_) if self.may_connect_again() => Ok(Next::After(self.backoff())),
            TokenError::Unavailable(_) => {
                self.stop(ItemReason::NotConnected, Some(error.to_string()), None).await
            }
        }
    }

    async fn stop(
        &self,
        reason: ItemReason,
        message: Option<String>,
        found: Option<Found>,
    ) -> Result<Next, Stopped> {
        // What the device reported of an earlier request may have settled it meanwhile.
        if self.run.standing(self.position).is_some_and(|standing| standing.state.is_open()) {
            self.note(vec![Event::Stopped { reason, message, found }]).await?;
        }
        Ok(Next::Over)
    }

    /// Reads the device and compares it with what was confirmed. Gives what follows unless the request may go out.
    async fn check(&mut self, tenant: &dyn Tenant) -> Result<Option<Next>, Stopped> {
        let read = async {
            // The semaphore is never closed; without a place the read would only be sooner.
            let _place = self.shared.reads.acquire().await;
            tenant.device(&self.planned.device_id).await
        };
        let error = match self.drive.unless_stopped(read).await? {
            Ok((device, results)) => return self.look(&device, &results).await,
            Err(error) => error,
        };
        if asks_for_sign_in(&error) {
            return Ok(Some(Next::SignIn));
        }
        let reason = match &error {
            Error::Throttled { retry_after, .. } if self.may_be_throttled_again() => {
                let held = self.hold(tenant, *retry_after, Kind::Read);
                self.note(vec![held]).await?;
                // The hold is waited for in the line, as it may end sooner.
                return Ok(Some(Next::After(self.throttle_backoff())));
            }
            // Nothing was asked, so nothing was told.
            Error::Held(_) => return Ok(Some(Next::After(Duration::ZERO))),
            Error::Offline(_) | Error::Intermediary { .. } | Error::Token(TokenError::Unavailable(_))
                if self.may_connect_again() =>
            {
                return Ok(Some(Next::After(self.backoff())));
            }
            Error::Intermediary { .. } => ItemReason::Intermediary,
            Error::Api(error) => match error.kind {
                ApiErrorKind::NotFound => ItemReason::NotFound,
                ApiErrorKind::RoleDenied => ItemReason::RoleDenied,
                ApiErrorKind::MissingScope => ItemReason::MissingScope,
                ApiErrorKind::OutOfScopeTags => ItemReason::OutOfScopeTags,
                ApiErrorKind::NoLicence => ItemReason::NoLicence,
                _ => ItemReason::NotRead,
            },
            _ => ItemReason::NotRead,
        };
        self.stop(reason, Some(said(&error)), None).await.map(Some)
    }

    /// What a device, read right now, says against sending to it.
    async fn look(
        &mut self,
        device: &ManagedDevice,
        results: &[DeviceActionResult],
    ) -> Result<Option<Next>, Stopped> {
        let (action, run) = (self.run.header.action, self.run.header.id);
        let own = self.earlier.doubts_of(run, self.position);
        if let Some(outcome) = own.iter().find_map(|window| outcome_of(action, window, results)) {
            // The request that was in doubt did arrive.
            self.note(vec![outcome.event()]).await?;
            return Ok(Some(Next::Over));
        }
        if let Err(Finding { reason, found }) = compare(self.planned, device) {
            return self.stop(reason, None, Some(found)).await.map(Some);
        }
        let sender = |started| self.earlier.sender_of(started).map(str::to_owned);
        if let Some(entry) = pending(action, results) {
            let found = Found::Pending { since: entry.started, by: entry.started.and_then(sender) };
            return self.stop(ItemReason::AlreadyPending, None, Some(found)).await.map(Some);
        }
        let beside = self.earlier.doubts_beside(run);
        let arrived = beside.iter().find_map(|(request, window)| {
            Some(((request.run.id, request.position), outcome_of(action, window, results)?))
        });
        if let Some(((run, position), _)) = &arrived {
            self.shared.take_news(*run, *position, results).await;
        }
        let done = || self.earlier.done_since(run, self.run.confirmed()?);
        let arrived = arrived.map(|(_, outcome)| outcome).or_else(done);
        // A journal that lost its newest entries does not know what was sent since.
        let since = self.run.confirmed();
        let unknown = || unknown_since(action, since?, &self.earlier.known(), results);
        if let Some(sent) = arrived.or_else(unknown) {
            let by = sender(sent.started);
            let found = Found::Sent { state: sent.state.as_str().to_owned(), since: Some(sent.started), by };
            return self.stop(ItemReason::AlreadySent, None, Some(found)).await.map(Some);
        }
        self.baseline = Some(Baseline::of(action, results));
        Ok(None)
    }

    /// Counts an attempt without a connection, and tells whether one more is left.
    fn may_connect_again(&mut self) -> bool {
        self.failures += 1;
        self.failures < self.shared.options.attempts
    }

    /// Counts a throttled attempt, and tells whether one more is left.
    fn may_be_throttled_again(&mut self) -> bool {
        self.throttled += 1;
        self.throttled < self.shared.options.throttled_attempts
    }

    /// Counts an intent that could not be recorded, and tells whether another may be.
    fn may_be_recorded_again(&mut self) -> bool {
        self.unrecorded += 1;
        self.unrecorded < self.shared.options.attempts
    }

    /// Counts a read that was too long ago, and tells whether another may follow.
    fn may_be_read_again(&mut self) -> bool {
        self.stale += 1;
        self.stale < self.shared.options.attempts
    }

    async fn stop_as_stale(&self) -> Result<Next, Stopped> {
        let message = format!("each time it took more than {FRESH:?} from reading the device to its request");
        self.stop(ItemReason::NotRead, Some(message), None).await
    }

    fn backoff(&self) -> Duration {
        self.shared.options.backoff(self.failures.saturating_sub(1))
    }

    fn throttle_backoff(&self) -> Duration {
        self.shared.options.backoff(self.throttled.saturating_sub(1))
    }

    /// Holds every sender for as long as a request of that kind was told, or for this item's own backoff if it was told nothing.
    /// Returns the entry of it: the wait is what was told or what is left of the hold, and never less than the backoff.
    fn hold(&self, tenant: &dyn Tenant, told: Option<Duration>, kind: Kind) -> Event {
        let (pace, backoff) = (tenant.pace(), self.throttle_backoff());
        let running = pace.held().unwrap_or(Hold { left: Duration::ZERO, told_by: kind });
        // The hold that runs already may be the other kind's, which this one must not take over.
        let Hold { left, told_by } = told.map_or(running, |left| Hold { left, told_by: kind });
        pace.hold(told.unwrap_or(backoff), kind);
        let wait_ms = u64::try_from(left.max(backoff).as_millis()).unwrap_or(u64::MAX);
        Event::Throttled { wait_ms, read: told_by == Kind::Read }
    }

    /// Records what became of a request. If that cannot be, the answer is shown, and recorded as soon as it can be.
    async fn answered(&mut self, tenant: &dyn Tenant, sent: Sent) -> Result<Next, Stopped> {
        let mut also = None;
        let (verdict, next) = match classify(&sent.outcome) {
            Execution::Executed => (Verdict::Accepted, Next::Over),
            Execution::Unconfirmed => {
                if let SendOutcome::Answered { retry_after: Some(wait), .. } = &sent.outcome {
                    tenant.pace().hold(*wait, Kind::Write);
                }
                (Verdict::Unconfirmed, Next::Over)
            }
            Execution::NotExecuted { repeat } => match repeat {
                RepeatWhen::Direct if self.route != Route::Direct => {
                    self.route = Route::Direct;
                    also = Some(Event::FellBack);
                    (Verdict::Again(repeat), Next::Now)
                }
                RepeatWhen::Never | RepeatWhen::Direct => (Verdict::Refused(why(&sent.outcome)), Next::Over),
                RepeatWhen::Held(told) => {
                    if self.may_be_throttled_again() {
                        also = Some(self.hold(tenant, told, Kind::Write));
                        // A hold that a read was told may end sooner.
                        let own = told.unwrap_or_default().max(self.throttle_backoff());
                        (Verdict::Again(repeat), Next::After(own))
                    } else {
                        self.hold(tenant, told, Kind::Write);
                        (Verdict::Refused(ItemReason::Throttled), Next::Over)
                    }
                }
                RepeatWhen::Connected => {
                    if self.may_connect_again() {
                        (Verdict::Again(repeat), Next::After(self.backoff()))
                    } else {
                        (Verdict::Stopped(ItemReason::NotConnected), Next::Over)
                    }
                }
                RepeatWhen::Renewed if !self.renewed => {
                    self.renewed = true;
                    (Verdict::Again(repeat), Next::Now)
                }
                // A token that was just renewed is not accepted either: that is for a person to see to.
                RepeatWhen::Renewed => (Verdict::Again(RepeatWhen::SignedIn), Next::SignIn),
                RepeatWhen::SignedIn => (Verdict::Again(repeat), Next::SignIn),
            },
        };
        let mut events = vec![answer(verdict, sent)];
        events.extend(also);
        self.note(events).await?;
        Ok(next)
    }
}

fn why(outcome: &SendOutcome) -> ItemReason {
    match outcome {
        SendOutcome::Answered { error, .. } | SendOutcome::TokenRenewed { error } => refusal(error),
        SendOutcome::NotConnected(_) | SendOutcome::NoToken(_) => ItemReason::NotConnected,
        SendOutcome::Intermediary { .. } => ItemReason::Intermediary,
        SendOutcome::Accepted | SendOutcome::Lost(_) => ItemReason::Other,
    }
}

fn answer(verdict: Verdict, sent: Sent) -> Event {
    let Sent { client_request_id, request_id, server_date, outcome } = sent;
    let intermediary = matches!(outcome, SendOutcome::Intermediary { .. });
    let (status, code, message, inner_id) = match outcome {
        SendOutcome::Accepted => (None, None, None, None),
        SendOutcome::Intermediary { status } => (Some(status), None, None, None),
        SendOutcome::Answered { status, error, .. } => {
            (Some(status), some(error.code), some(error.message), error.request_id)
        }
        SendOutcome::TokenRenewed { error } => {
            (Some(error.status), some(error.code), some(error.message), error.request_id)
        }
        SendOutcome::NotConnected(text) | SendOutcome::Lost(text) => (None, None, some(text), None),
        SendOutcome::NoToken(error) => (None, None, Some(error.to_string()), None),
    };
    Event::Answer {
        verdict,
        status,
        message: message.or_else(|| code.clone()),
        code,
        request_id: request_id.or(inner_id),
        client_request_id,
        server_date,
        intermediary,
    }
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// What went wrong with a read, in the service's words where it has any.
fn said(error: &Error) -> String {
    match error {
        Error::Api(api) if !api.message.is_empty() => api.message.clone(),
        _ => error.to_string(),
    }
}

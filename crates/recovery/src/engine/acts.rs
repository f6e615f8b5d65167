//! What a person does with a run that is not being sent: let the rest of it go out, give that up, send again, ask for a
//! passcode, ask the devices now.

use std::sync::Arc;

use futures::StreamExt as _;
use unlatch_graph::{DeviceActionResult, DeviceId, Error, Passcode};

use super::run::Run;
use super::shared::Shared;
use super::{CheckError, Engine, InAnotherRun, concerns_one_device};
use crate::journal::{JournalError, JournalWentBack};
use crate::outcome::outcome_of;
use crate::plan::{Principal, RunId};
use crate::record::{Event, RunRecord};
use crate::state::{ItemState, RunState};
use crate::tenant::Tenant;

/// Why a person's act on a run comes to nothing. Nothing was sent.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ActError {
    /// The run, or the device in it, stands otherwise than the act needs.
    #[error("the run has moved on")]
    MovedOn,
    /// Somebody else is signed in, or into another tenant.
    #[error("the run goes on only as {account}")]
    OtherAccount {
        /// The account that confirmed the run.
        account: String,
    },
    /// Some of the devices may still be sent to by another run.
    #[error(transparent)]
    InAnotherRun(#[from] InAnotherRun),
    /// The journal lost entries, and no person has answered that yet.
    #[error(transparent)]
    JournalWentBack(#[from] JournalWentBack),
    /// It cannot be recorded.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The device cannot be asked whether the earlier request arrived.
    #[error(transparent)]
    Graph(#[from] Error),
}

/// What came of sending again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentAgain {
    /// It goes out, after the countdown.
    Going,
    /// The device reports the earlier request, so nothing is sent.
    Settled,
}

impl Run {
    /// Whether it ended before everything was sent without anybody wanting that.
    fn can_be_taken_up(&self) -> bool {
        let ended = matches!(self.state(), RunState::Interrupted | RunState::JournalFailed);
        ended && self.drive().is_none() && !self.positions(|at| at.state == ItemState::NotSent).is_empty()
    }

    fn check_account(&self, principal: &Principal) -> Result<(), ActError> {
        if self.header.principal.is_same_account(principal) {
            return Ok(());
        }
        Err(ActError::OtherAccount { account: self.header.principal.account.clone() })
    }
}

impl Engine {
    /// Lets what an interrupted run had not sent go out, after the countdown. Every device is read and compared afresh.
    ///
    /// # Errors
    /// [`ActError`]; nothing is sent then.
    pub async fn take_up(
        &self,
        id: RunId,
        principal: &Principal,
        tenant: Arc<dyn Tenant>,
    ) -> Result<(), ActError> {
        self.0.journal.ensure_no_loss_waits()?;
        let _one = self.0.acting.lock().await;
        let run = self.0.hold_run(id).await?;
        if !run.can_be_taken_up() {
            return Err(ActError::MovedOn);
        }
        run.check_account(principal)?;
        let positions = run.positions(|at| at.state == ItemState::NotSent);
        self.go_on(&run, tenant, positions, None, Event::TakenUp).await
    }

    /// Gives up what an interrupted run had not sent.
    ///
    /// # Errors
    /// [`ActError`].
    pub async fn discard(&self, id: RunId) -> Result<(), ActError> {
        let _one = self.0.acting.lock().await;
        let run = self.0.hold_run(id).await?;
        if !run.can_be_taken_up() {
            return Err(ActError::MovedOn);
        }
        run.record_entries(&self.0, vec![self.0.entry(None, Event::Discarded)]).await?;
        Ok(())
    }

    /// Sends to one device again, because a person wants it: after a countdown, with the device read and compared afresh. If an
    /// earlier request is in doubt, the device is asked first.
    ///
    /// # Errors
    /// [`ActError`]; nothing is sent then.
    pub async fn send_again(
        &self,
        id: RunId,
        position: u32,
        principal: &Principal,
        tenant: Arc<dyn Tenant>,
    ) -> Result<SentAgain, ActError> {
        self.0.journal.ensure_no_loss_waits()?;
        let _one = self.0.acting.lock().await;
        let run = self.0.hold_run(id).await?;
        let standing = run.standing(position).filter(|standing| standing.can_be_sent_again());
        let standing = standing.ok_or(ActError::MovedOn)?;
        run.check_account(principal)?;
        if standing.is_in_doubt() && self.ask(&run, position, &*tenant).await? {
            return Ok(SentAgain::Settled);
        }
        // A run that is still being sent takes the device in; one that is ending is waited for.
        if let Some(drive) = run.drive() {
            self.0.live().expect_free(&run, &[position])?;
            self.0.read_earlier(&run, &[position]).await?;
            if drive.expect_one_more() {
                let asked = self.0.entry(Some(position), Event::SendAgainAsked);
                let recorded = run.record_entries(&self.0, vec![asked]).await;
                drive.add_expected(recorded.is_ok().then_some(position));
                return Ok(recorded.map(|()| SentAgain::Going)?);
            }
            drive.ended().await;
        }
        self.go_on(&run, tenant, vec![position], Some(position), Event::SendAgainAsked).await?;
        Ok(SentAgain::Going)
    }

    /// Records an act and sets these items going.
    async fn go_on(
        &self,
        run: &Arc<Run>,
        tenant: Arc<dyn Tenant>,
        positions: Vec<u32>,
        position: Option<u32>,
        act: Event,
    ) -> Result<(), ActError> {
        let _held = self.0.begin(run, &positions)?;
        self.0.recall_pace(run, &*tenant).await?;
        self.0.read_earlier(run, &positions).await?;
        run.record_entries(&self.0, vec![self.0.entry(position, act)]).await?;
        self.set_going(run, tenant, positions);
        Ok(())
    }

    /// Asks one device. Gives whether it reports something new, which is recorded.
    async fn ask(&self, run: &Arc<Run>, position: u32, tenant: &dyn Tenant) -> Result<bool, ActError> {
        let Some(item) = run.items.get(position as usize) else { return Ok(false) };
        let results = tenant.action_results(&item.device_id).await?;
        let is_news = run.record_news(&self.0, position, &results).await?;
        if is_news {
            self.0.follow_up(run, position);
        }
        Ok(is_news)
    }

    /// Reads a passcode that the service holds with what a device reported of its last request, if it still does.
    ///
    /// # Errors
    /// [`CheckError`].
    pub async fn passcode(
        &self,
        id: RunId,
        position: u32,
        tenant: &dyn Tenant,
    ) -> Result<Option<Passcode>, CheckError> {
        let run = self.0.hold_run(id).await?;
        let (Some(window), Some(item)) = (run.window(&self.0, position), run.items.get(position as usize))
        else {
            return Ok(None);
        };
        let found = tenant.passcodes(&item.device_id).await?;
        let action = run.header.action;
        let newest = found
            .into_iter()
            .filter(|(result, _)| outcome_of(action, &window, std::slice::from_ref(result)).is_some())
            .max_by_key(|(result, _)| result.started);
        Ok(newest.map(|(_, passcode)| passcode))
    }

    /// Reads once what the devices report, for every item that is not settled, and records what is new. An unconfirmed item
    /// whose device reports the action as started while the request was out was in fact accepted; one
    /// without such a report stays. A device that cannot be read is passed over.
    ///
    /// # Errors
    /// [`CheckError`]: the journal failed, or Graph cannot be asked at all (sign-in, connection, throttling).
    pub async fn check_outcomes(&self, id: RunId, tenant: Arc<dyn Tenant>) -> Result<RunRecord, CheckError> {
        let run = self.0.hold_run(id).await?;
        let open = run.positions(|at| at.state.is_followed() && at.intent.is_some());
        let read = |position: u32| {
            let (tenant, device) = (&tenant, device_at(&run, position));
            async move {
                let results = match &device {
                    Some(device) => tenant.action_results(device).await,
                    None => Ok(Vec::new()),
                };
                (position, results)
            }
        };
        let asked: Vec<_> = open.into_iter().map(read).collect();
        let mut reads = futures::stream::iter(asked).buffer_unordered(self.0.options.in_flight.max(1));
        let mut stopped_by = None;
        while let Some((position, read)) = reads.next().await {
            match read {
                Ok(results) => {
                    run.record_news(&self.0, position, &results).await?;
                }
                Err(error) if concerns_one_device(&error) => {
                    tracing::debug!(position, %error, "the outcome on a device could not be read");
                }
                Err(error) => {
                    stopped_by = Some(error);
                    break;
                }
            }
        }
        drop(reads);
        match stopped_by {
            Some(error) => Err(error.into()),
            None => Ok(run.record(&self.0)),
        }
    }
}

impl Shared {
    /// Records what a device reports of the last request for an item of some run, if that is new.
    pub(super) async fn take_news(&self, id: RunId, position: u32, results: &[DeviceActionResult]) {
        let recorded = async {
            let run = self.hold_run(id).await?;
            run.record_news(self, position, results).await
        };
        if let Err(error) = recorded.await {
            tracing::warn!(%error, "what a device reports of an earlier run was not recorded");
        }
    }
}

fn device_at(run: &Run, position: u32) -> Option<DeviceId> {
    run.items.get(position as usize).map(|item| item.device_id.clone())
}

impl Run {
    /// Records what a device reports of the last request for an item, if that is new. Returns whether it is.
    pub(super) async fn record_news(
        self: &Arc<Self>,
        shared: &Shared,
        position: u32,
        results: &[DeviceActionResult],
    ) -> Result<bool, JournalError> {
        let Some(event) = self.news(shared, position, results) else { return Ok(false) };
        self.record_entries(shared, vec![shared.entry(Some(position), event)]).await?;
        Ok(true)
    }

    fn news(&self, shared: &Shared, position: u32, results: &[DeviceActionResult]) -> Option<Event> {
        let standing = self.standing(position).filter(|standing| standing.state.is_followed())?;
        let outcome = outcome_of(self.header.action, &self.window(shared, position)?, results)?;
        outcome.is_news_to(&standing).then(|| outcome.event())
    }
}

//! What is recorded of a run, and where the run and its items stand by it.

use serde::{Deserialize, Serialize};
use std::time::Duration;
use time::OffsetDateTime;
use unlatch_graph::{Hold, Route};
use uuid::Uuid;

use crate::check::Found;
use crate::classify::RepeatWhen;
use crate::journal::ChainHash;
use crate::outcome::Baseline;
use crate::plan::{Action, PlannedItem, Principal, RunId};
use crate::state::{ItemReason, ItemState, RunCounts, RunState};

/// The part of a run that never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunHeader {
    /// Names the run.
    pub id: RunId,
    /// When it was confirmed, by this machine's clock.
    pub started: OffsetDateTime,
    /// As whom its requests go out.
    pub principal: Principal,
    /// What is done to every device.
    pub action: Action,
    /// Reason or ticket.
    pub reason: Option<String>,
    /// How many devices it has.
    pub total: u32,
}

/// What became of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// The service accepted it.
    Accepted,
    /// It was not executed and the service would not have it.
    Refused(ItemReason),
    /// It was not executed, and this side gave up.
    Stopped(ItemReason),
    /// It was not executed and goes out again.
    Again(RepeatWhen),
    /// It may have been executed.
    Unconfirmed,
}

/// One fact about a run or, with a position, about one of its items. Facts are only ever added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// The run was confirmed, with that many devices.
    RunStarted {
        /// How many.
        total: u32,
        /// What ties the run and its devices, as they were confirmed, to the chain of the journal.
        #[serde(default)]
        digest: Option<String>,
        /// Graph's clock when a person confirmed, as far as it was known; none in entries of versions that did not record it.
        #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
        server_now: Option<OffsetDateTime>,
    },
    /// The countdown is over and requests begin to go out.
    Began,
    /// A request is about to go out. If no answer follows, it may have arrived.
    Intent {
        /// Which request for this device it is, from 1.
        attempt: u32,
        /// The way it goes out.
        route: Route,
        /// The server's clock, as far as it is known.
        #[serde(with = "time::serde::rfc3339")]
        server_now: OffsetDateTime,
        /// What the read right before showed of this action; none in entries of versions that did not record it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        baseline: Option<Baseline>,
    },
    /// The request did not go out after all: the run was stopped in between.
    Withdrawn,
    /// What became of the request.
    Answer {
        /// What it means.
        verdict: Verdict,
        /// HTTP status, if there was one.
        status: Option<u16>,
        /// Graph's error code.
        code: Option<String>,
        /// What Graph or the connection said.
        message: Option<String>,
        /// Graph's id of the answer.
        request_id: Option<String>,
        /// This side's id of the request.
        client_request_id: Uuid,
        /// The answer's `Date`.
        #[serde(with = "time::serde::rfc3339::option")]
        server_date: Option<OffsetDateTime>,
        /// Whether an intermediary answered in Graph's place. Left out where it did not, as entries of earlier versions have it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        intermediary: bool,
    },
    /// The service does not know the route; the item goes out by the direct one.
    FellBack,
    /// Graph throttled; the item waits that long.
    Throttled {
        /// Milliseconds.
        wait_ms: u64,
        /// Whether a read was told, which asks nothing of a later process. Left out where a request was, as earlier versions have it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        read: bool,
    },
    /// The item was stopped before a request went out.
    Stopped {
        /// Why.
        reason: ItemReason,
        /// What Graph or the connection said.
        message: Option<String>,
        /// What was found of the device.
        #[serde(default)]
        found: Option<Found>,
    },
    /// A person asked that this device be sent to again.
    SendAgainAsked,
    /// The device was asked for seven days and has not answered; it is no longer asked.
    GaveUp,
    /// What the device reports, as the service named it.
    Observed {
        /// The action's state.
        result: String,
        /// When the action started, by the service's clock.
        #[serde(with = "time::serde::rfc3339::option")]
        started: Option<OffsetDateTime>,
        /// When the state was last changed, by the service's clock.
        #[serde(with = "time::serde::rfc3339::option")]
        last_updated: Option<OffsetDateTime>,
        /// Whether the service holds a passcode with it. The passcode itself is never recorded.
        #[serde(default)]
        has_passcode: bool,
    },
    /// A person asked to cancel.
    CancelAsked,
    /// A person let what an interrupted run had not sent go out.
    TakenUp,
    /// A person gave up what an interrupted run had not sent.
    Discarded,
    /// Nobody is signed in any more; the run waits.
    SignInNeeded,
    /// Somebody signed in again; the run counts down and goes on.
    Resumed,
    /// A person confirmed it, or had the rest sent, more than a day ago; nothing more goes out before that is asked anew.
    Expired,
    /// Nothing of the run goes out any more.
    RunEnded {
        /// How it ended.
        state: RunState,
    },
}

impl Event {
    /// The kind, as the journal's column has it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RunStarted { .. } => "run_started",
            Self::Began => "began",
            Self::Intent { .. } => "intent",
            Self::Withdrawn => "withdrawn",
            Self::Answer { .. } => "answer",
            Self::FellBack => "fell_back",
            Self::Throttled { .. } => "throttled",
            Self::Stopped { .. } => "stopped",
            Self::SendAgainAsked => "send_again_asked",
            Self::GaveUp => "gave_up",
            Self::Observed { .. } => "observed",
            Self::CancelAsked => "cancel_asked",
            Self::TakenUp => "taken_up",
            Self::Discarded => "discarded",
            Self::SignInNeeded => "sign_in_needed",
            Self::Resumed => "resumed",
            Self::Expired => "expired",
            Self::RunEnded { .. } => "run_ended",
        }
    }
}

/// An event with its time, by this machine's clock, and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When it was recorded.
    pub at: OffsetDateTime,
    /// Which item it is about; none for the run as a whole.
    pub position: Option<u32>,
    /// What happened.
    pub event: Event,
}

/// An entry as the journal holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its place in the journal, from 1.
    pub seq: u64,
    /// What ties it to every entry before it.
    pub hash: ChainHash,
    /// The entry.
    pub entry: Entry,
}

/// Where one item stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its state.
    pub state: ItemState,
    /// Why it was refused, stopped or not sent.
    pub reason: Option<ItemReason>,
    /// What Graph or the device said, for people.
    pub message: Option<String>,
    /// What was found of the device that kept it from being sent to.
    pub found: Option<Found>,
    /// HTTP status of the last answer.
    pub status: Option<u16>,
    /// Graph's error code of the last answer.
    pub code: Option<String>,
    /// Whether it went out by the direct route because Graph does not know the first one.
    pub fell_back: bool,
    /// Graph's request id of the last answer.
    pub request_id: Option<String>,
    /// This side's id of the last answered request; Intune's audit log shows it as the correlation id.
    pub client_request_id: Option<Uuid>,
    /// When the state was last changed, by this machine's clock.
    pub at: Option<OffsetDateTime>,
    /// How many requests were about to go out for it.
    pub attempts: u32,
    /// The server's clock at the last intent.
    pub intent: Option<OffsetDateTime>,
    /// What the device reported last, as the service named it, and when that was last changed.
    pub observed: Option<(String, Option<OffsetDateTime>)>,
    /// Whether the service holds a passcode with what the device reported.
    pub has_passcode: bool,
    /// Whether it is no longer asked, because it has not answered for seven days.
    pub gave_up: bool,
    /// Where it stood with the request before the one that a person asked for last, if that one may have been executed.
    pub(crate) before: Option<Box<Standing>>,
    /// When a person asked for this device alone, by this machine's clock.
    pub(crate) wanted: Option<OffsetDateTime>,
    /// Whether the last intent may have been executed.
    pub(crate) maybe_executed: bool,
    /// What the read right before the last intent showed.
    pub(crate) baseline: Option<Baseline>,
    /// When the action that the device reported last started, by the service's clock.
    pub(crate) observed_start: Option<OffsetDateTime>,
    /// Whether the last intent has no recorded answer.
    pub(crate) unanswered: bool,
    /// When the last intent was recorded, by this machine's clock.
    pub(crate) intent_at: Option<OffsetDateTime>,
    /// When the last request was answered or given up, by the server's clock.
    pub(crate) heard: Option<OffsetDateTime>,
}

/// One device of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemRecord {
    /// Its place in the run, from 0.
    pub position: u32,
    /// What was confirmed.
    pub planned: PlannedItem,
    /// Where it stands.
    pub standing: Standing,
}

/// A run, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    /// What never changes.
    pub header: RunHeader,
    /// Its state.
    pub state: RunState,
    /// When it ended.
    pub finished: Option<OffsetDateTime>,
    /// Until when the newest act for the run as a whole lets requests go out, by this machine's clock. After that a person is asked
    /// anew.
    pub wanted_until: OffsetDateTime,
    /// How many items are in which state.
    pub counts: RunCounts,
    /// How long until requests begin to go out, while it can be stopped before any does.
    pub starts_in: Option<Duration>,
    /// How long until everything is sent, from the schedule itself; none when nothing is left to send.
    pub remaining: Option<Duration>,
    /// The hold that every sender keeps.
    pub hold: Option<Hold>,
    /// Whether devices of it are still being asked what became of it.
    pub followed: bool,
}

/// A run, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// What lists show of it.
    pub summary: RunSummary,
    /// Every device, in order.
    pub items: Vec<ItemRecord>,
}

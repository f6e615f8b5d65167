//! Plans, runs, and what is kept of them.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{AccountView, DeviceRow, HoldView, JournalLoss, RouteView};

/// What will happen, for a full review before anything is sent.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PlanView {
    /// Names this plan to `start_run`; good for one start.
    pub plan_id: String,
    /// Tenant and account the requests go out as.
    pub account: AccountView,
    /// What happens to which device by which route.
    pub items: Vec<PlanItem>,
    /// Whether a reason must be given.
    pub reason_required: bool,
    /// Above this many devices the count must be typed.
    pub typed_count_above: u32,
    /// The most devices in one run.
    pub max_run_size: u32,
    /// How many seconds the run counts down, and can be stopped, before its first request.
    pub countdown_seconds: u32,
}

/// One device of a plan.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PlanItem {
    /// The device as it was shown.
    pub device: DeviceRow,
    /// How it was found.
    pub route: RouteView,
    /// Whether Microsoft documents the action for the device's platform.
    pub documented: bool,
    /// The newest request for the device that may have been executed, of any run of the tenant.
    pub earlier: Option<EarlierRequest>,
}

/// A request of an earlier run that may have been executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct EarlierRequest {
    /// Its run.
    pub run_id: String,
    /// Who confirmed it (user principal name).
    pub account: String,
    /// Where the device stands with it.
    pub state: ItemState,
    /// When it was about to go out.
    pub sent: Option<String>,
    /// When the state was last changed.
    pub at: Option<String>,
    /// Whether another request may repeat what is done: this one has no final outcome, or was done within a day.
    pub is_warning: bool,
}

/// A person's confirmation of a plan.
#[derive(Debug, Clone, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Confirmation {
    /// The plan.
    pub plan_id: String,
    /// Devices taken out during the review.
    pub leave_out: Vec<String>,
    /// Reason or ticket.
    pub reason: Option<String>,
    /// How many devices the person confirmed. Must equal what is left.
    pub count: u32,
}

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum RunState {
    /// The countdown runs; nothing was sent since.
    Starting,
    /// Requests are going out.
    Active,
    /// Cancel was asked for; what is in flight is waited for.
    Cancelling,
    /// Paused until somebody signs in again.
    SignInNeeded,
    /// Every item was sent or stopped.
    Finished,
    /// Cancelled by a person.
    Cancelled,
    /// The application ended before the run did.
    Interrupted,
    /// The journal could not be written, so nothing more was sent.
    JournalFailed,
}

/// The state of one device in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum ItemState {
    /// Its turn has not come.
    Waiting,
    /// The device is read afresh and the request goes out.
    Sending,
    /// Graph accepted the request. The device has not answered.
    Accepted,
    /// The device reports it done.
    Done,
    /// The device reports a failure.
    Failed,
    /// The device reports that it does not support the action.
    NotSupported,
    /// The action was cancelled on the service's side.
    Canceled,
    /// The device reports a state this version does not know; `message` holds it. It counts as under way.
    Other,
    /// Graph refused the request; nothing was executed.
    Refused,
    /// Stopped before sending, for `reason`.
    Stopped,
    /// The answer was lost: it may have arrived.
    Unconfirmed,
    /// Never sent.
    NotSent,
}

/// Why an item was refused or stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum ItemReason {
    /// The account's Intune role does not allow it on this device.
    RoleDenied,
    /// The application lacks the scope.
    MissingScope,
    /// The device is outside the scope tags of the account's Intune role.
    OutOfScopeTags,
    /// The tenant has no Intune licence that covers it.
    NoLicence,
    /// The device is gone, or outside the account's scope tags.
    NotFound,
    /// Name, serial or user differ from what was confirmed.
    Changed,
    /// A retire, wipe or delete is pending.
    RemovalPending,
    /// The same action waits for the device already.
    AlreadyPending,
    /// The device reports the same action as sent by another request.
    AlreadySent,
    /// The device is not managed through MDM.
    NoMdmChannel,
    /// It could not be read afresh, so nothing was sent.
    NotRead,
    /// Graph called the request wrong.
    BadRequest,
    /// Graph throttled it until the attempts ran out.
    Throttled,
    /// No connection was had; nothing was sent.
    NotConnected,
    /// Nobody is signed in any more.
    SignInNeeded,
    /// The journal could not be written, so nothing was sent.
    JournalFailed,
    /// A person confirmed it more than a day ago, so nothing was sent.
    Expired,
    /// An intermediary answered in Graph's place, such as a proxy.
    Intermediary,
    /// Graph answered with an error that has no class of its own.
    Other,
}

/// How many items are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RunCounts {
    /// All devices of the run.
    pub total: u32,
    /// Waiting or sending.
    pub waiting: u32,
    /// Accepted, the device has not answered.
    pub accepted: u32,
    /// The device answered: done.
    pub done: u32,
    /// The device answered: failed, not supported, cancelled or something else.
    pub answered: u32,
    /// Refused or stopped.
    pub failed: u32,
    /// Unconfirmed.
    pub unconfirmed: u32,
    /// Never sent.
    pub not_sent: u32,
}

/// One device of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ItemView {
    /// Its place in the run, from 0.
    pub position: u32,
    /// Managed device id.
    pub device_id: String,
    /// Name as confirmed.
    pub name: String,
    /// Serial as confirmed.
    pub serial: Option<String>,
    /// User as confirmed.
    pub user: Option<String>,
    /// Operating system and version as confirmed.
    pub system: Option<String>,
    /// How it was found.
    pub route: RouteView,
    /// Whether it went out by the direct route because Graph does not know the first one.
    pub fell_back: bool,
    /// Its state.
    pub state: ItemState,
    /// Why it was refused or stopped.
    pub reason: Option<ItemReason>,
    /// HTTP status of the last answer.
    pub status: Option<u16>,
    /// What Graph or the device said, for people.
    pub message: Option<String>,
    /// What was found of the device that kept it from being sent to.
    pub found: Option<FoundView>,
    /// Graph's request id of the last answer.
    pub request_id: Option<String>,
    /// The id this side gave the request; Intune's audit log shows it as the correlation id.
    pub client_request_id: Option<String>,
    /// When the state was last changed.
    pub at: Option<String>,
    /// How many requests went out for it, or were about to.
    pub attempts: u32,
    /// Whether a person may have it sent to again.
    pub can_send_again: bool,
    /// Whether the service holds a passcode with what the device reported.
    pub has_passcode: bool,
    /// Whether the device was silent for seven days and is no longer asked.
    pub gave_up: bool,
}

/// What was found of a device that must not be sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FoundView {
    /// What is other than what was confirmed.
    Differences { differences: Vec<DifferenceView> },
    /// Its management state or agent, as Graph names it.
    State { state: String },
    /// The same action waits already: since when, if Graph tells, and by whom, if the journal does.
    Pending { since: Option<String>, by: Option<String> },
    /// The same action was sent by another request: its state as Graph names it, when it started if Graph tells, and who sent
    /// it if the journal knows.
    Sent { state: String, since: Option<String>, by: Option<String> },
}

/// One field that is other than what was confirmed. Null stands for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DifferenceView {
    /// Which field.
    pub field: DeviceField,
    /// What was confirmed.
    pub then: Option<String>,
    /// What it is now.
    pub now: Option<String>,
}

/// A field by which a person knows a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum DeviceField {
    /// Managed device id.
    Id,
    /// Device name.
    Name,
    /// Serial number.
    Serial,
    /// Primary user.
    User,
}

/// A run, whole.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RunView {
    /// What a list shows of it.
    pub summary: RunSummary,
    /// Every device, in order.
    pub items: Vec<ItemView>,
}

/// A run, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// Names the run.
    pub id: String,
    /// When it was confirmed.
    pub started: String,
    /// When the last item was sent or stopped.
    pub finished: Option<String>,
    /// Until when what a person wanted of the run lets requests go out. After that a person is asked anew.
    pub wanted_until: String,
    /// Tenant name.
    pub tenant: String,
    /// Who confirmed it (user principal name).
    pub account: String,
    /// Reason or ticket.
    pub reason: Option<String>,
    /// Its state.
    pub state: RunState,
    /// How many items are in which state.
    pub counts: RunCounts,
    /// Seconds until everything is sent, from the schedule itself; none when nothing is left to send.
    pub remaining_seconds: Option<u32>,
    /// How long Graph asked everybody to wait, if it did.
    pub hold: Option<HoldView>,
    /// Seconds until the first request goes out, while the run can be stopped before any does.
    pub starts_in_seconds: Option<u32>,
    /// Whether devices of it are being asked what became of it.
    pub followed: bool,
}

/// The runs that somebody at the desk has to know of. All of them are the history's.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RunsAtHand {
    /// The newest run's id.
    pub newest: Option<String>,
    /// Those that go on or wait for a person, newest first.
    pub open: Vec<RunSummary>,
}

impl RunSummary {
    /// Whether it goes on, or waits for a person.
    pub fn is_open(&self) -> bool {
        match self.state {
            RunState::Starting | RunState::Active | RunState::Cancelling | RunState::SignInNeeded => true,
            RunState::Interrupted | RunState::JournalFailed => self.counts.not_sent > 0,
            RunState::Finished | RunState::Cancelled => false,
        }
    }
}

/// What changed in a run since the last message.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RunProgress {
    /// The run now.
    pub summary: RunSummary,
    /// The items that changed.
    pub items: Vec<ItemView>,
}

/// What came of sending to one device again.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SentAgain {
    /// The run now.
    pub run: RunView,
    /// Whether the device reports the earlier request, so that nothing is sent.
    pub settled: bool,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum ReportFormat {
    /// For a spreadsheet.
    Csv,
    /// Every recorded fact.
    JsonLines,
    /// A page for printing.
    Html,
}

/// Whether the journal is as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct JournalCheck {
    /// How many entries are whole: all of them, or those before the first break.
    pub entries: u32,
    /// The hash of the newest of these, in hexadecimal.
    pub head: Option<String>,
    /// Where the chain breaks for the first time, if it does.
    pub broken: Option<JournalBreak>,
    /// The entries that the journal itself says are lost, oldest first.
    pub losses: Vec<JournalLoss>,
    /// The newest entry that this computer knows of, if the file does not hold it and does not say so.
    pub behind: Option<u32>,
}

/// The first place at which the journal is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct JournalBreak {
    /// The entry, counted from 1.
    pub entry: u32,
    /// The run it is about, if that can still be told.
    pub run: Option<String>,
    /// What is wrong.
    pub what: BreakWhat,
}

/// What is wrong with the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum BreakWhat {
    /// The entry, or the order of the entries, was changed.
    Changed,
    /// The entry is not there any more.
    Missing,
    /// What was confirmed for the run was changed: who, why, or which devices.
    Header,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_or_waits_for_a_person_is_open() {
        let run = |state, not_sent| RunSummary {
            id: "id".into(),
            started: "2026-11-23T10:00:00Z".into(),
            finished: None,
            wanted_until: "2026-11-24T10:00:00Z".into(),
            tenant: "tenant".into(),
            account: "account".into(),
            reason: None,
            state,
            counts: RunCounts { not_sent, ..RunCounts::default() },
            remaining_seconds: None,
            hold: None,
            starts_in_seconds: None,
            followed: false,
        };
        for state in [RunState::Starting, RunState::Active, RunState::Cancelling, RunState::SignInNeeded] {
            assert!(run(state, 0).is_open(), "{state:?}");
        }
        for state in [RunState::Interrupted, RunState::JournalFailed] {
            assert!(run(state, 1).is_open(), "{state:?}");
            assert!(!run(state, 0).is_open(), "{state:?}: everything was sent or given up");
        }
        for state in [RunState::Finished, RunState::Cancelled] {
            assert!(!run(state, 1).is_open(), "{state:?}");
        }
    }
}

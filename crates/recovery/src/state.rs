//! The words for where a run and its items stand.

use serde::{Deserialize, Serialize};

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunState {
    /// Confirmed and recorded; a short countdown runs in which it can be stopped. Nothing has gone out.
    Starting,
    /// Requests are going out.
    Active,
    /// Cancel was asked for; what is in flight is waited for.
    Cancelling,
    /// Paused until somebody signs in again.
    SignInNeeded,
    /// Every item was sent or stopped.
    Finished,
    /// Cancelled by a person before every item was sent.
    Cancelled,
    /// The application ended before the run did.
    Interrupted,
    /// The journal could not be written, so nothing more was sent.
    JournalFailed,
}

impl RunState {
    /// Whether requests of this run may still go out.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Starting | Self::Active | Self::Cancelling | Self::SignInNeeded)
    }
}

/// The state of one device in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// The device reports a state this version does not know; the message holds it. It counts as under way.
    Other,
    /// Graph refused the request; nothing was executed.
    Refused,
    /// Stopped before anything was executed, for a reason.
    Stopped,
    /// The answer was lost or leaves doubt: it may have arrived. Never resent without a person.
    Unconfirmed,
    /// Never sent.
    NotSent,
}

impl ItemState {
    /// Whether what the device reports may still change it, so that the device is asked.
    #[must_use]
    pub fn is_followed(self) -> bool {
        matches!(self, Self::Accepted | Self::Unconfirmed | Self::Other)
    }

    /// Whether it is what a device reports at the end: nothing more is to come of the request.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::NotSupported | Self::Canceled)
    }

    /// Whether the item may still be sent by the run itself.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Sending)
    }
}

/// Why an item was refused, stopped or not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// The same action is already waiting for the device.
    AlreadyPending,
    /// The device reports the same action as sent by another request: one in doubt, or one that this journal does not know and
    /// that came after the run was confirmed.
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
    /// The journal could not be written.
    JournalFailed,
    /// A person confirmed it more than a day ago, so that is asked anew before anything is sent.
    Expired,
    /// An intermediary answered in Graph's place, such as a proxy.
    Intermediary,
    /// Graph answered with an error that has no class of its own.
    Other,
}

/// How many items are in which state. The parts sum to `total`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCounts {
    /// All devices of the run.
    pub total: u32,
    /// Waiting or sending.
    pub waiting: u32,
    /// Accepted, the device has not answered, or in a state that is not known.
    pub accepted: u32,
    /// The device answered: done.
    pub done: u32,
    /// The device answered: failed, not supported or cancelled.
    pub answered: u32,
    /// Refused or stopped.
    pub failed: u32,
    /// Unconfirmed.
    pub unconfirmed: u32,
    /// Never sent.
    pub not_sent: u32,
}

impl RunCounts {
    /// All waiting.
    pub(crate) fn waiting(total: u32) -> Self {
        Self { total, waiting: total, ..Self::default() }
    }

    fn part(&mut self, state: ItemState) -> &mut u32 {
        match state {
            ItemState::Waiting | ItemState::Sending => &mut self.waiting,
            ItemState::Accepted | ItemState::Other => &mut self.accepted,
            ItemState::Done => &mut self.done,
            ItemState::Failed | ItemState::NotSupported | ItemState::Canceled => &mut self.answered,
            ItemState::Refused | ItemState::Stopped => &mut self.failed,
            ItemState::Unconfirmed => &mut self.unconfirmed,
            ItemState::NotSent => &mut self.not_sent,
        }
    }

    /// One item went from one state to another.
    pub(crate) fn moved(&mut self, from: ItemState, to: ItemState) {
        let part = self.part(from);
        *part = part.saturating_sub(1);
        *self.part(to) += 1;
    }

    /// The sum of the parts.
    #[must_use]
    pub fn sum(&self) -> u32 {
        self.waiting
            + self.accepted
            + self.done
            + self.answered
            + self.failed
            + self.unconfirmed
            + self.not_sent
    }
}

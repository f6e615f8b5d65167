//! The keys of the words that the printed report is made of. The window's messages hold the words themselves.

use crate::check::Field;
use crate::state::{ItemReason, ItemState, RunState};

/// Every key that [`html`](super::html()) asks for.
pub const KEYS: &[&str] = &[
    "app_name",
    "col_account",
    "col_device",
    "col_name",
    "col_reason",
    "col_run_state",
    "col_serial",
    "col_started",
    "col_system",
    "col_user",
    "correlation_id",
    "count_accepted",
    "count_answered",
    "count_done",
    "count_failed",
    "count_not_sent",
    "count_unconfirmed",
    "count_waiting",
    "device_said",
    "error_code",
    "fell_back",
    "field_answer",
    "field_changed",
    "field_route",
    "field_tenant",
    "item_accepted",
    "item_canceled",
    "item_done",
    "item_failed",
    "item_not_sent",
    "item_not_supported",
    "item_other",
    "item_refused",
    "item_sending",
    "item_stopped",
    "item_unconfirmed",
    "item_waiting",
    "management_delete_pending",
    "management_retire_issued",
    "management_retire_pending",
    "management_wipe_issued",
    "management_wipe_pending",
    "none",
    "reason_already_pending",
    "reason_already_sent",
    "reason_bad_request",
    "reason_changed",
    "reason_expired",
    "reason_intermediary",
    "reason_journal_failed",
    "reason_missing_scope",
    "reason_no_licence",
    "reason_no_mdm_channel",
    "reason_not_connected",
    "reason_not_found",
    "reason_not_read",
    "reason_other",
    "reason_out_of_scope_tags",
    "reason_removal_pending",
    "reason_role_denied",
    "reason_sign_in_needed",
    "reason_throttled",
    "report_accepted_is_not_done",
    "report_action",
    "report_carried_out_by",
    "report_checked_by",
    "report_date",
    "report_devices",
    "report_device_id",
    "report_finished",
    "report_fingerprint",
    "report_found_state",
    "report_gave_up",
    "report_id",
    "report_not_finished",
    "report_pending_by",
    "report_pending_since",
    "report_reported_at",
    "report_requests",
    "report_status",
    "report_title",
    "report_utc",
    "request_id",
    "route_app",
    "route_direct",
    "route_user",
    "run_state_active",
    "run_state_cancelled",
    "run_state_cancelling",
    "run_state_finished",
    "run_state_interrupted",
    "run_state_journal_failed",
    "run_state_sign_in_needed",
    "run_state_starting",
];

pub(super) fn run_key(state: &RunState) -> &'static str {
    match state {
        RunState::Starting => "run_state_starting",
        RunState::Active => "run_state_active",
        RunState::Cancelling => "run_state_cancelling",
        RunState::SignInNeeded => "run_state_sign_in_needed",
        RunState::Finished => "run_state_finished",
        RunState::Cancelled => "run_state_cancelled",
        RunState::Interrupted => "run_state_interrupted",
        RunState::JournalFailed => "run_state_journal_failed",
    }
}

/// The management states that stop a device, as Graph spells them, and their keys.
pub(super) const STATES: &[(&str, &str)] = &[
    ("deletePending", "management_delete_pending"),
    ("retireIssued", "management_retire_issued"),
    ("retirePending", "management_retire_pending"),
    ("wipeIssued", "management_wipe_issued"),
    ("wipePending", "management_wipe_pending"),
];

pub(super) fn state_key(state: &str) -> Option<&'static str> {
    STATES.iter().find(|(name, _)| *name == state).map(|(_, key)| *key)
}

pub(super) fn item_key(state: &ItemState) -> &'static str {
    match state {
        ItemState::Waiting => "item_waiting",
        ItemState::Sending => "item_sending",
        ItemState::Accepted => "item_accepted",
        ItemState::Done => "item_done",
        ItemState::Failed => "item_failed",
        ItemState::NotSupported => "item_not_supported",
        ItemState::Canceled => "item_canceled",
        ItemState::Other => "item_other",
        ItemState::Refused => "item_refused",
        ItemState::Stopped => "item_stopped",
        ItemState::Unconfirmed => "item_unconfirmed",
        ItemState::NotSent => "item_not_sent",
    }
}

pub(super) fn reason_key(reason: &ItemReason) -> &'static str {
    match reason {
        ItemReason::RoleDenied => "reason_role_denied",
        ItemReason::MissingScope => "reason_missing_scope",
        ItemReason::OutOfScopeTags => "reason_out_of_scope_tags",
        ItemReason::NoLicence => "reason_no_licence",
        ItemReason::NotFound => "reason_not_found",
        ItemReason::Changed => "reason_changed",
        ItemReason::RemovalPending => "reason_removal_pending",
        ItemReason::AlreadyPending => "reason_already_pending",
        ItemReason::AlreadySent => "reason_already_sent",
        ItemReason::NoMdmChannel => "reason_no_mdm_channel",
        ItemReason::NotRead => "reason_not_read",
        ItemReason::BadRequest => "reason_bad_request",
        ItemReason::Throttled => "reason_throttled",
        ItemReason::NotConnected => "reason_not_connected",
        ItemReason::SignInNeeded => "reason_sign_in_needed",
        ItemReason::JournalFailed => "reason_journal_failed",
        ItemReason::Expired => "reason_expired",
        ItemReason::Intermediary => "reason_intermediary",
        ItemReason::Other => "reason_other",
    }
}

pub(super) fn field_key(field: &Field) -> &'static str {
    match field {
        Field::Id => "report_device_id",
        Field::Name => "col_name",
        Field::Serial => "col_serial",
        Field::User => "col_user",
    }
}

#[cfg(test)]
pub(super) mod tests {
    /// The variants of an enumeration that is matched here, by the names that the journal gives them.
    pub(in crate::report) fn states(of: &str) -> Vec<String> {
        let begins = format!("        {of}::");
        let variants =
            include_str!("words.rs").lines().filter_map(|line| line.strip_prefix(&begins)?.split_once(" =>"));
        variants.map(|(name, _)| format!("{}{}", name[..1].to_lowercase(), &name[1..])).collect()
    }
}

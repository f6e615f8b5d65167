//! From what the engine says to what the window shows.

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use unlatch_auth::{Account, DeviceCode, VaultState};
use unlatch_graph::{DetectedApp, Found, Hold, Kind, ManagedDevice, OwnerType, User};
use unlatch_recovery as engine;
use unlatch_recovery::{ItemRecord, RunRecord};
use unlatch_settings::Problem;

use crate::dto::{
    AccountView, AppRow, AppsFound, BreakWhat, ConfigProblem, DeviceCodeView, DeviceField, DeviceRow,
    DeviceWarning, DifferenceView, EarlierRequest, EntryRange, FoundView, HistoryFound, HistoryItem,
    HistoryQuery, HoldView, ItemReason, ItemState, ItemView, JournalBreak, JournalCheck, JournalLoss,
    JournalTrouble, KeychainView, RouteView, RunCounts, RunProgress, RunState, RunSummary, RunView, UserRow,
    UsersFound,
};
use crate::error::CommandError;
use crate::table::row::SILENT_DAYS;

/// An account with its tenant's name. The colour is its place's, and put in where it is shown.
pub fn account(account: &Account, tenant_name: String) -> AccountView {
    AccountView {
        name: account.name.clone(),
        username: account.username.clone(),
        tenant_id: account.tenant_id.clone(),
        tenant_name,
        tenant_colour: 0,
    }
}

/// The state of a keychain.
pub fn keychain(state: &VaultState) -> KeychainView {
    match state {
        VaultState::Ready => KeychainView::Kept,
        VaultState::Locked => KeychainView::Locked,
        VaultState::Absent => KeychainView::Absent,
        VaultState::Denied => KeychainView::Denied,
        VaultState::NoAnswer => KeychainView::NoAnswer,
        VaultState::Vanished => KeychainView::Vanished,
        VaultState::Forbidden => KeychainView::Forbidden,
        VaultState::Failed(_) => KeychainView::Failed,
    }
}

/// What is wrong with policy or with a file.
pub fn config_problem(problem: &Problem) -> ConfigProblem {
    let Problem { place, key, reason } = problem.clone();
    ConfigProblem { file: place, key, reason }
}

/// What a person types where, to sign in on another device.
pub fn device_code(code: DeviceCode) -> DeviceCodeView {
    DeviceCodeView {
        user_code: code.user_code,
        verification_uri: code.verification_uri.to_string(),
        expires_in_seconds: u32::try_from(code.expires_in.as_secs()).unwrap_or(u32::MAX),
    }
}

/// People found.
pub fn users_found(found: Found<User>) -> UsersFound {
    UsersFound {
        users: found.rows.into_iter().map(user_row).collect(),
        left_out: count(found.left_out),
        more: !found.complete,
    }
}

fn user_row(user: User) -> UserRow {
    UserRow {
        id: user.id.to_string(),
        display_name: user.display_name,
        user_principal_name: user.user_principal_name,
        mail: user.mail,
    }
}

/// Detected apps found.
pub fn apps_found(found: Found<DetectedApp>) -> AppsFound {
    AppsFound {
        apps: found.rows.into_iter().map(app_row).collect(),
        left_out: count(found.left_out),
        complete: found.complete,
        problem: found.stopped_by.map(CommandError::from),
    }
}

fn app_row(app: DetectedApp) -> AppRow {
    AppRow {
        id: app.id.to_string(),
        display_name: app.display_name,
        version: app.version,
        publisher: app.publisher,
        platform: app.platform.to_string(),
        device_count: app.device_count,
    }
}

/// One device, with what a person should know of it at `now`.
pub fn device_row(device: &ManagedDevice, now: OffsetDateTime) -> DeviceRow {
    DeviceRow {
        id: device.id.to_string(),
        name: device.device_name.clone(),
        serial: device.serial_number.clone(),
        user_principal_name: device.user_principal_name.clone(),
        user_display_name: device.user_display_name.clone(),
        operating_system: device.operating_system.clone(),
        os_version: device.os_version.clone(),
        model: device.model.clone(),
        owner: device.owner.to_string(),
        compliance: device.compliance_state.to_string(),
        management_state: device.management_state.to_string(),
        last_contact: device.last_sync.map(moment),
        enrolled: device.enrolled.map(moment),
        warnings: warnings(device, now),
    }
}

fn warnings(device: &ManagedDevice, now: OffsetDateTime) -> Vec<DeviceWarning> {
    let mut warnings = Vec::new();
    if let Some(state) = engine::removal_pending(device) {
        warnings.push(DeviceWarning::RemovalPending { state: state.to_string() });
    }
    if let Some(agent) = engine::no_mdm_channel(device) {
        warnings.push(DeviceWarning::NoMdmChannel { agent: agent.to_string() });
    }
    match device.last_sync {
        None => warnings.push(DeviceWarning::NeverSeen),
        Some(last) if now - last >= Duration::days(SILENT_DAYS) => {
            let days = u32::try_from((now - last).whole_days()).unwrap_or(u32::MAX);
            warnings.push(DeviceWarning::Silent { days });
        }
        Some(_) => {}
    }
    if device.owner == OwnerType::Personal {
        warnings.push(DeviceWarning::Personal);
    }
    warnings
}

/// An earlier request for a device, as a review at `now` tells of it.
pub fn earlier_request(request: &engine::EarlierRequest, now: OffsetDateTime) -> EarlierRequest {
    let engine::EarlierRequest { run, standing } = request;
    EarlierRequest {
        run_id: run.id.to_string(),
        account: run.principal.account.clone(),
        state: item_state(standing.state),
        sent: standing.intent.map(moment),
        at: standing.at.map(moment),
        is_warning: request.is_warning(now),
    }
}

/// A run with all its items.
pub fn run_view(run: &RunRecord) -> RunView {
    RunView { summary: run_summary(&run.summary), items: run.items.iter().map(item_view).collect() }
}

/// What changed in a run.
pub fn run_progress(progress: &engine::Progress) -> RunProgress {
    RunProgress {
        summary: run_summary(&progress.summary),
        items: progress.items.iter().map(item_view).collect(),
    }
}

/// A run without its items.
pub fn run_summary(run: &engine::RunSummary) -> RunSummary {
    RunSummary {
        id: run.header.id.to_string(),
        started: moment(run.header.started),
        finished: run.finished.map(moment),
        wanted_until: moment(run.wanted_until),
        tenant: run.header.principal.tenant_name.clone(),
        account: run.header.principal.account.clone(),
        reason: run.header.reason.clone(),
        state: run_state(run.state),
        counts: counts(run.counts),
        remaining_seconds: run.remaining.map(seconds),
        hold: run.hold.map(|told| hold(told, OffsetDateTime::now_utc())),
        starts_in_seconds: run.starts_in.map(seconds),
        followed: run.followed,
    }
}

/// One item of a run.
pub fn item_view(item: &ItemRecord) -> ItemView {
    let (planned, standing) = (&item.planned, &item.standing);
    ItemView {
        position: item.position,
        device_id: planned.device_id.to_string(),
        name: planned.name.clone(),
        serial: planned.serial.clone(),
        user: planned.user.clone(),
        system: planned.system.clone(),
        route: RouteView::named(&planned.route, planned.route_label.clone()),
        fell_back: standing.fell_back,
        state: item_state(standing.state),
        reason: standing.reason.map(item_reason),
        status: standing.status,
        message: standing.message.clone(),
        found: standing.found.as_ref().map(found),
        request_id: standing.request_id.clone(),
        client_request_id: standing.client_request_id.map(|id| id.to_string()),
        at: standing.at.map(moment),
        attempts: standing.attempts,
        can_send_again: standing.can_be_sent_again(),
        has_passcode: standing.has_passcode,
        gave_up: standing.gave_up,
    }
}

fn found(found: &engine::Found) -> FoundView {
    match found {
        engine::Found::Differences(differences) => {
            FoundView::Differences { differences: differences.iter().map(difference).collect() }
        }
        engine::Found::State(state) => FoundView::State { state: state.clone() },
        engine::Found::Pending { since, by } => {
            FoundView::Pending { since: since.map(moment), by: by.clone() }
        }
        engine::Found::Sent { state, since, by } => {
            FoundView::Sent { state: state.clone(), since: since.map(moment), by: by.clone() }
        }
    }
}

fn difference(difference: &engine::Difference) -> DifferenceView {
    let field = match difference.field {
        engine::Field::Id => DeviceField::Id,
        engine::Field::Name => DeviceField::Name,
        engine::Field::Serial => DeviceField::Serial,
        engine::Field::User => DeviceField::User,
    };
    DifferenceView { field, then: difference.then.clone(), now: difference.now.clone() }
}

/// What is looked for in the journal of a tenant.
///
/// # Errors
/// `InvalidInput` for a moment that is none.
pub fn history_query(query: HistoryQuery, tenant_id: &str) -> Result<engine::HistoryQuery, CommandError> {
    let moment = |text: Option<String>| {
        let parsed = text.map(|text| OffsetDateTime::parse(&text, &Rfc3339)).transpose();
        parsed.map_err(|_| CommandError::invalid_input("not a moment"))
    };
    Ok(engine::HistoryQuery {
        tenant_id: tenant_id.to_owned(),
        words: query.text,
        since: moment(query.since)?,
        until: moment(query.until)?,
    })
}

/// What the journal has of it.
pub fn history_found(found: &engine::HistoryFound) -> HistoryFound {
    HistoryFound {
        runs: found.runs.iter().map(run_summary).collect(),
        matching_runs: found.matching_runs,
        items: found.items.iter().map(history_item).collect(),
        matching: found.matching,
    }
}

/// One device of one run.
pub fn history_item(item: &engine::HistoryItem) -> HistoryItem {
    let engine::HistoryItem { run, item } = item;
    HistoryItem {
        run_id: run.id.to_string(),
        position: item.position,
        started: moment(run.started),
        account: run.principal.account.clone(),
        reason: run.reason.clone(),
        name: item.planned.name.clone(),
        serial: item.planned.serial.clone(),
        user: item.planned.user.clone(),
        state: item_state(item.standing.state),
        at: item.standing.at.map(moment),
    }
}

/// An entry's number.
fn entry(seq: u64) -> u32 {
    u32::try_from(seq).unwrap_or(u32::MAX)
}

/// The entries that the journal lost at one time.
pub fn journal_loss(loss: &engine::WentBack) -> JournalLoss {
    JournalLoss {
        at: moment(loss.at),
        known: entry(loss.known.seq),
        missing: loss.missing().map(|(first, last)| EntryRange { first: entry(first), last: entry(last) }),
    }
}

/// What a look at the whole journal found.
pub fn journal_check(verified: &engine::Verified) -> JournalCheck {
    JournalCheck {
        losses: verified.losses.iter().map(journal_loss).collect(),
        behind: verified.behind.map(|known| entry(known.seq)),
        entries: entry(verified.entries),
        head: verified.head.map(|hash| hash.to_string()),
        broken: verified.broken.map(|broken| JournalBreak {
            entry: entry(broken.seq),
            run: broken.run.map(|run| run.to_string()),
            what: match broken.what {
                engine::BreakKind::Changed => BreakWhat::Changed,
                engine::BreakKind::Missing => BreakWhat::Missing,
                engine::BreakKind::Header => BreakWhat::Header,
            },
        }),
    }
}

/// What is the matter with the journal, if it is one of those that the window tells apart.
pub fn journal_trouble(error: &engine::JournalError) -> Option<JournalTrouble> {
    use engine::JournalError as From;
    Some(match error {
        From::ReadOnly { .. } => JournalTrouble::ReadOnly,
        From::Corrupt { .. } => JournalTrouble::Damaged,
        From::Newer { .. } => JournalTrouble::Newer,
        From::FormatWentBack { .. } => JournalTrouble::OldCopy,
        From::InUse { .. } => JournalTrouble::InUse,
        From::NoLocks { .. } => JournalTrouble::NoLocks,
        From::Full { .. } => JournalTrouble::Full,
        From::Older { .. } | From::Io { .. } | From::NoSuchRun { .. } => return None,
    })
}

fn run_state(state: engine::RunState) -> RunState {
    use engine::RunState as From;
    match state {
        From::Starting => RunState::Starting,
        From::Active => RunState::Active,
        From::Cancelling => RunState::Cancelling,
        From::SignInNeeded => RunState::SignInNeeded,
        From::Finished => RunState::Finished,
        From::Cancelled => RunState::Cancelled,
        From::Interrupted => RunState::Interrupted,
        From::JournalFailed => RunState::JournalFailed,
    }
}

fn item_state(state: engine::ItemState) -> ItemState {
    use engine::ItemState as From;
    match state {
        From::Waiting => ItemState::Waiting,
        From::Sending => ItemState::Sending,
        From::Accepted => ItemState::Accepted,
        From::Done => ItemState::Done,
        From::Failed => ItemState::Failed,
        From::NotSupported => ItemState::NotSupported,
        From::Canceled => ItemState::Canceled,
        From::Other => ItemState::Other,
        From::Refused => ItemState::Refused,
        From::Stopped => ItemState::Stopped,
        From::Unconfirmed => ItemState::Unconfirmed,
        From::NotSent => ItemState::NotSent,
    }
}

fn item_reason(reason: engine::ItemReason) -> ItemReason {
    use engine::ItemReason as From;
    match reason {
        From::RoleDenied => ItemReason::RoleDenied,
        From::MissingScope => ItemReason::MissingScope,
        From::OutOfScopeTags => ItemReason::OutOfScopeTags,
        From::NoLicence => ItemReason::NoLicence,
        From::NotFound => ItemReason::NotFound,
        From::Changed => ItemReason::Changed,
        From::RemovalPending => ItemReason::RemovalPending,
        From::AlreadyPending => ItemReason::AlreadyPending,
        From::AlreadySent => ItemReason::AlreadySent,
        From::NoMdmChannel => ItemReason::NoMdmChannel,
        From::NotRead => ItemReason::NotRead,
        From::BadRequest => ItemReason::BadRequest,
        From::Throttled => ItemReason::Throttled,
        From::NotConnected => ItemReason::NotConnected,
        From::SignInNeeded => ItemReason::SignInNeeded,
        From::JournalFailed => ItemReason::JournalFailed,
        From::Expired => ItemReason::Expired,
        From::Intermediary => ItemReason::Intermediary,
        From::Other => ItemReason::Other,
    }
}

fn counts(counts: engine::RunCounts) -> RunCounts {
    RunCounts {
        total: counts.total,
        waiting: counts.waiting,
        accepted: counts.accepted,
        done: counts.done,
        answered: counts.answered,
        failed: counts.failed,
        unconfirmed: counts.unconfirmed,
        not_sent: counts.not_sent,
    }
}

/// A moment, in UTC; nothing for one that an offset puts out of all years.
pub fn moment(at: OffsetDateTime) -> String {
    at.checked_to_offset(time::UtcOffset::UTC).and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}

/// A wait in whole seconds, rounded up.
pub fn seconds(wait: std::time::Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX)
}

/// A hold, with the moment at which it ends.
pub fn hold(hold: Hold, now: OffsetDateTime) -> HoldView {
    HoldView {
        seconds: seconds(hold.left),
        until: moment(now.checked_add(hold.left.try_into().unwrap_or(Duration::MAX)).unwrap_or(now)),
        may_probe: hold.told_by == Kind::Read,
    }
}

/// A count for the window.
pub fn count(rows: usize) -> u32 {
    u32::try_from(rows).unwrap_or(u32::MAX)
}

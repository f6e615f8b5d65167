//! A recovery run: planned, confirmed, recorded, sent, and read back.
//!
//! The way of one device: fresh read, compared with what was confirmed → a turn within the write limit → *intent* committed to
//! the [`Journal`] → one POST → *answer* committed → the outcome read from `deviceActionResults`. The journal is the truth;
//! what [`Engine`] shows of a running run is the same fold over the same events.
//!
//! A request is repeated only when it certainly was not executed; [`classify`] is that rule.

mod check;
mod classify;
mod engine;
mod fold;
mod history;
mod journal;
mod outcome;
mod plan;
mod record;
pub mod report;
mod requests;
mod state;
mod tenant;

pub use check::{Difference, Field, Found, no_mdm_channel, removal_pending};
pub use classify::{Execution, RepeatWhen, classify, refusal};
pub use engine::{
    ActError, Change, CheckError, Engine, EngineOptions, FollowEnd, InAnotherRun, Progress, ResumeError,
    SentAgain, StartError,
};
pub use fold::fold;
pub use history::{HistoryFound, HistoryItem, HistoryQuery, MAX_HISTORY_ITEMS, MAX_HISTORY_RUNS};
pub use journal::{
    Break, BreakKind, ChainHash, ChainHead, Journal, JournalError, JournalOptions, JournalWentBack, Mark,
    MarkFile, MarkStore, Verified, WentBack,
};
pub use outcome::Baseline;
pub use plan::{Action, MAX_REASON, Plan, PlanError, PlanRules, PlannedItem, Principal, RunId, TenantKey};
pub use record::{Entry, Event, ItemRecord, Recorded, RunHeader, RunRecord, RunSummary, Standing, Verdict};
pub use requests::EarlierRequest;
pub use state::{ItemReason, ItemState, RunCounts, RunState};
pub use tenant::Tenant;

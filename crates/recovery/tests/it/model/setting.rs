//! How things stand at the beginning, and what goes wrong on the way.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;
use time::OffsetDateTime;
use unlatch_graph::DeviceId;

use super::world::DEVICES;

/// What happens to one request.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    None,
    LostBefore,
    LostAfter,
    /// No answer comes, and the request is given up.
    Silent,
    /// A gateway gives up waiting for the service, which executes nothing.
    Gateway,
    /// As that, and the service executes the request so much later.
    GatewayLate(Duration),
    /// Something between answers with that status, and the service hears nothing.
    IntermediaryBefore(u16),
    /// Something between lets the request through and replaces the answer by one with that status.
    IntermediaryAfter(u16),
    Throttled(Option<Duration>),
    Busy,
    NotConnected,
    RoleDenied,
    RouteUnknown,
    TokenRenewed,
    SignedOut,
}

pub fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        8 => Just(Fault::None),
        2 => Just(Fault::LostBefore),
        2 => Just(Fault::LostAfter),
        1 => Just(Fault::Silent),
        1 => Just(Fault::Gateway),
        1 => (0_u64..20).prop_map(|seconds| Fault::GatewayLate(Duration::from_secs(seconds))),
        1 => intermediary().prop_map(Fault::IntermediaryBefore),
        2 => intermediary().prop_map(Fault::IntermediaryAfter),
        2 => proptest::option::of((0_u64..15).prop_map(Duration::from_secs)).prop_map(Fault::Throttled),
        1 => Just(Fault::Busy),
        1 => Just(Fault::NotConnected),
        1 => Just(Fault::RoleDenied),
        1 => Just(Fault::RouteUnknown),
        1 => Just(Fault::TokenRenewed),
        1 => Just(Fault::SignedOut),
    ]
}

fn intermediary() -> impl Strategy<Value = u16> {
    proptest::sample::select(vec![200, 204, 302, 400, 401, 403, 404, 407, 413, 429, 503])
}

/// How things stand at the beginning.
#[derive(Debug, Clone)]
pub struct Setting {
    /// How many milliseconds Intune's clock, which gives results their times, is ahead of Graph's.
    pub intune_ahead: i64,
    /// Devices that report the action already, from so many minutes ago.
    pub reported: Vec<(usize, &'static str, u32)>,
    /// For how long what a person wanted can be stopped before its first request.
    pub countdown: Duration,
    /// For how long each of the first reads is told to wait, if it is.
    pub read_faults: Vec<Option<Duration>>,
}

pub fn setting() -> impl Strategy<Value = Setting> {
    let ahead = prop_oneof![
        3 => Just(0),
        2 => -2_000_i64..2_000,
        1 => (-9_i64..=9).prop_map(|hours| hours * 3_600_000),
    ];
    let state = proptest::sample::select(vec!["done", "failed", "pending", "somethingNew"]);
    // Long enough ago to be before every run by any of the clocks.
    let reported = proptest::collection::vec((0..DEVICES, state, 600_u32..2_000), 0..2);
    let wait = prop_oneof![1 => 1_u64..60, 1 => 60_u64..100_000].prop_map(Duration::from_secs);
    let read_fault = prop_oneof![12 => Just(None), 1 => wait.prop_map(Some)];
    let read_faults = prop_oneof![
        3 => Just(Vec::new()),
        1 => proptest::collection::vec(read_fault, 0..16),
    ];
    // Within the longer one a device has time to report.
    let countdown = prop_oneof![Just(5), Just(40)].prop_map(Duration::from_secs);
    (ahead, reported, countdown, read_faults).prop_map(|(intune_ahead, reported, countdown, read_faults)| {
        Setting { intune_ahead, reported, countdown, read_faults }
    })
}

/// What was known of a device when a person wanted it sent to.
#[derive(Debug, Clone, Copy)]
pub struct ActedOn {
    /// When that was.
    pub wanted: OffsetDateTime,
    /// When the run was confirmed.
    pub confirmed: OffsetDateTime,
    /// Whether an earlier request for it was in doubt.
    pub in_doubt: bool,
}

/// What a person had wanted before.
pub struct Before {
    pub allowed: HashMap<DeviceId, usize>,
    pub acts: HashMap<DeviceId, ActedOn>,
}

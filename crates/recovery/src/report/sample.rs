//! A run of which something can be reported, and things to write it to.

use std::io::{self, Write};

use time::OffsetDateTime;
use time::macros::datetime;
use unlatch_graph::{AppId, DeviceId, Route, UserId};
use uuid::Uuid;

use crate::check::{Difference, Field, Found};
use crate::fold::fold;
use crate::journal::ChainHash;
use crate::plan::{Action, PlannedItem, Principal};
use crate::record::{Entry, Event, Recorded, RunHeader, RunRecord, Verdict};
use crate::state::ItemReason;

pub(super) const RUN_ID: &str = "00000000-0000-0000-0000-000000000001";
const AT: OffsetDateTime = datetime!(2026-11-24 10:03:02 UTC);

pub(super) const DONE: usize = 0;
pub(super) const CHANGED: usize = 1;
pub(super) const REFUSED: usize = 2;
pub(super) const PENDING: usize = 3;
pub(super) const GAVE_UP: usize = 4;
pub(super) const OTHER: usize = 5;
pub(super) const WAITING: usize = 6;

fn planned(position: usize, name: &str, route: Route, label: &str) -> PlannedItem {
    PlannedItem {
        device_id: DeviceId::new(format!("d-{position}")).unwrap(),
        route,
        route_label: label.to_owned(),
        name: name.to_owned(),
        serial: Some(format!("S{}", name.chars().last().unwrap_or_default())),
        user_id: Some(UserId::new("u-1").unwrap()),
        user: Some("bo@contoso.com".to_owned()),
        system: Some("iOS 19".to_owned()),
    }
}

fn header(total: usize) -> RunHeader {
    RunHeader {
        id: RUN_ID.parse().unwrap(),
        started: AT,
        principal: Principal {
            cloud: "global".to_owned(),
            tenant_id: "t-1".to_owned(),
            tenant_name: "Contoso".to_owned(),
            account: "ana@contoso.com".to_owned(),
            account_id: "o-1".to_owned(),
        },
        action: Action::RecoverPasscode,
        reason: Some("INC-7".to_owned()),
        total: u32::try_from(total).unwrap(),
    }
}

fn intent() -> Event {
    Event::Intent { attempt: 1, route: Route::Direct, server_now: AT, baseline: None }
}

fn answer(verdict: Verdict, status: u16, code: Option<&str>, message: Option<&str>) -> Event {
    Event::Answer {
        verdict,
        status: Some(status),
        code: code.map(str::to_owned),
        message: message.map(str::to_owned),
        request_id: Some("graph-1".to_owned()),
        client_request_id: Uuid::from_u128(7),
        server_date: Some(AT),
        intermediary: false,
    }
}

fn stopped(reason: ItemReason, found: Found) -> Event {
    Event::Stopped { reason, message: None, found: Some(found) }
}

fn observed(result: &str, has_passcode: bool) -> Event {
    Event::Observed {
        result: result.to_owned(),
        started: Some(AT),
        last_updated: Some(datetime!(2026-11-24 10:05 UTC)),
        has_passcode,
    }
}

/// What is recorded of [`run`].
pub(super) fn entries() -> Vec<Recorded> {
    let difference = |field, then: &str, now: Option<&str>| Difference {
        field,
        then: Some(then.to_owned()),
        now: now.map(str::to_owned),
    };
    let changed = Found::Differences(vec![
        difference(Field::Name, "Phone 3", Some("Phone 4")),
        difference(Field::Serial, "S3", None),
    ]);
    let pending =
        Found::Pending { since: Some(datetime!(2026-11-24 9:00 UTC)), by: Some("cy@contoso.com".to_owned()) };
    let message = Some("Not allowed, says \"Intune\".\nAsk.");
    let denied = Verdict::Refused(ItemReason::RoleDenied);
    let facts = [
        (None, Event::RunStarted { total: 7, digest: None, server_now: None }),
        (None, Event::Began),
        (Some(DONE), Event::FellBack),
        (Some(DONE), intent()),
        (Some(DONE), answer(Verdict::Accepted, 204, None, None)),
        (Some(DONE), observed("done", true)),
        (Some(CHANGED), stopped(ItemReason::Changed, changed)),
        (Some(REFUSED), intent()),
        (Some(REFUSED), answer(denied, 403, Some("Forbidden"), message)),
        (Some(PENDING), stopped(ItemReason::AlreadyPending, pending)),
        (Some(GAVE_UP), intent()),
        (Some(GAVE_UP), answer(Verdict::Accepted, 204, None, None)),
        (Some(GAVE_UP), Event::GaveUp),
        (Some(OTHER), intent()),
        (Some(OTHER), answer(Verdict::Accepted, 204, None, None)),
        (Some(OTHER), observed("postponed", false)),
    ];
    let recorded = |(seq, (position, event)): (u64, (Option<usize>, Event))| Recorded {
        seq,
        hash: ChainHash([u8::try_from(seq).unwrap(); 32]),
        entry: Entry { at: AT, position: position.map(|position| u32::try_from(position).unwrap()), event },
    };
    (1..).zip(facts).map(recorded).collect()
}

/// A run that goes on, with a device in each kind of state.
pub(super) fn run() -> RunRecord {
    let user = Route::User(UserId::new("u-1").unwrap());
    let app = Route::App(AppId::new("a-1").unwrap());
    let items = vec![
        planned(DONE, "Tablet 7", user, "Bo Berg"),
        planned(CHANGED, "Phone 3", Route::Direct, ""),
        planned(REFUSED, "Phone 5", app, "Fleet"),
        planned(PENDING, "Phone 6", Route::Direct, ""),
        planned(GAVE_UP, "Phone 8", Route::Direct, ""),
        planned(OTHER, "Phone 9", Route::Direct, ""),
        PlannedItem {
            serial: None,
            user_id: None,
            user: None,
            system: None,
            ..planned(WAITING, "Phone 1", Route::Direct, "")
        },
    ];
    let entries = entries();
    fold(header(items.len()), items, entries.iter().map(|recorded| &recorded.entry), true)
}

/// A run of `count` devices, each as one of [`run`].
pub(super) fn of(count: usize) -> RunRecord {
    let mut run = run();
    run.items = run.items.iter().cycle().take(count).cloned().collect();
    run
}

/// A disk with little room.
pub(super) struct Full {
    room: usize,
}

impl Full {
    pub(super) fn after(room: usize) -> Self {
        Self { room }
    }
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.room = self.room.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Notes how much was written, and how much at once.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pub(super) total: usize,
    pub(super) largest: usize,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.total += bytes.len();
        self.largest = self.largest.max(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

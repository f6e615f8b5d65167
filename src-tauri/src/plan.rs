//! From what is selected to a plan, and from a confirmation to what is started.

use std::collections::{HashMap, HashSet};

use time::OffsetDateTime;
use unlatch_graph::{DeviceId, ManagedDevice};
use unlatch_recovery::{Action, EarlierRequest, Engine, Plan, PlanRules, PlannedItem};
use unlatch_settings::Settings;
use uuid::Uuid;

use crate::convert;
use crate::dto::{Confirmation, PlanItem, PlanView};
use crate::error::CommandError;
use crate::place::Desk;
use crate::selection::Origin;
use crate::shown::Shown;

/// Above this many devices the count must be typed.
pub const TYPED_COUNT_ABOVE: u32 = 20;

/// Plans what is selected and shows what it will do, with what the journal has of earlier requests for each device.
///
/// # Errors
/// `InvalidInput` for nothing, and for more than the settings allow. `Journal` if it cannot be read.
pub async fn review(desk: &Desk, engine: &Engine, settings: &Settings) -> Result<PlanView, CommandError> {
    let (mut items, planned) = selected(desk, settings)?;
    let rules = PlanRules { max_items: settings.max_run_size as usize, reason_required: false };
    let plan = Plan::new(desk.principal.clone(), Action::RecoverPasscode, None, planned, rules)?;
    let devices = plan.items.iter().map(|item| item.device_id.clone()).collect();
    let earlier = engine.earlier_requests(plan.principal.tenant(), plan.action, devices).await?;
    add_earlier(&mut items, &plan, &earlier, OffsetDateTime::now_utc());
    Ok(PlanView {
        plan_id: desk.shown.keep_plan(plan).to_string(),
        account: desk.account.clone(),
        items,
        reason_required: settings.require_reason,
        typed_count_above: TYPED_COUNT_ABOVE,
        max_run_size: settings.max_run_size,
        countdown_seconds: settings.countdown,
    })
}

/// Returns what is selected, as the review shows it and as a run takes it.
fn selected(desk: &Desk, settings: &Settings) -> Result<(Vec<PlanItem>, Vec<PlannedItem>), CommandError> {
    let now = OffsetDateTime::now_utc();
    let work = desk.work();
    if work.selection.len() > settings.max_run_size as usize {
        return Err(CommandError::invalid_input("more devices are selected than one run may have"));
    }
    let both = work.selection.devices().map(|(device, origin)| {
        let documented = Action::RecoverPasscode.is_documented_for(device.operating_system.as_deref());
        let (row, route) = (convert::device_row(&device, now), origin.view());
        (PlanItem { device: row, route, documented, earlier: None }, planned_item(device, origin))
    });
    Ok(both.unzip())
}

/// Adds to each device of a plan the newest request for it.
fn add_earlier(
    items: &mut [PlanItem],
    plan: &Plan,
    earlier: &HashMap<DeviceId, EarlierRequest>,
    now: OffsetDateTime,
) {
    for (item, planned) in items.iter_mut().zip(&plan.items) {
        let request = earlier.get(&planned.device_id);
        item.earlier = request.map(|request| convert::earlier_request(request, now));
    }
}

/// Starts the plan a person confirmed, less what they left out. It is taken away, so that it starts once, and waits on if it
/// does not start. Gives what `start` gives, and every device that was planned.
///
/// # Errors
/// `PlanMismatch` for an unknown plan or a count that is not the number of devices left, `InvalidInput` for a missing reason,
/// and whatever `start` fails with.
pub async fn confirm<T, F>(
    shown: &Shown,
    confirmation: &Confirmation,
    settings: &Settings,
    start: impl FnOnce(Plan) -> F,
) -> Result<(T, HashSet<DeviceId>), CommandError>
where
    F: Future<Output = Result<T, CommandError>>,
{
    let id = Uuid::try_parse(&confirmation.plan_id).map_err(|_| CommandError::plan_mismatch())?;
    let plan = shown.take_plan(id).ok_or_else(CommandError::plan_mismatch)?;
    let kept = plan.clone();
    let started = match reduced(plan, confirmation, settings) {
        Ok(plan) => start(plan).await,
        Err(error) => Err(error),
    };
    match started {
        Ok(started) => Ok((started, kept.items.into_iter().map(|item| item.device_id).collect())),
        Err(error) => {
            shown.put_back(id, kept);
            Err(error)
        }
    }
}

fn reduced(plan: Plan, confirmation: &Confirmation, settings: &Settings) -> Result<Plan, CommandError> {
    let left_out: HashSet<&str> = confirmation.leave_out.iter().map(String::as_str).collect();
    let mut items = plan.items;
    items.retain(|item| !left_out.contains(item.device_id.as_str()));
    if items.len() != confirmation.count as usize {
        return Err(CommandError::plan_mismatch());
    }
    let rules =
        PlanRules { max_items: settings.max_run_size as usize, reason_required: settings.require_reason };
    let reason = confirmation.reason.as_deref();
    Ok(Plan::new(plan.principal, plan.action, reason, items, rules)?)
}

fn planned_item(device: ManagedDevice, origin: &Origin) -> PlannedItem {
    let system = [device.operating_system.as_deref(), device.os_version.as_deref()];
    let system = system.into_iter().flatten().collect::<Vec<_>>().join(" ");
    PlannedItem {
        device_id: device.id,
        route: origin.route.clone(),
        route_label: origin.label.clone(),
        name: device.device_name,
        serial: device.serial_number,
        user_id: device.user_id,
        user: device.user_principal_name,
        system: (!system.is_empty()).then_some(system),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use unlatch_graph::Route;
    use unlatch_recovery::{Entry, Event, Principal, RunHeader, RunId, Verdict, fold};

    use super::*;
    use crate::dto::ItemState;
    use crate::error::ErrorCode;
    use crate::table::row::tests::device;
    use crate::testing;

    const NOW: OffsetDateTime = datetime!(2026-11-02 12:00 UTC);

    fn principal() -> Principal {
        Principal {
            cloud: "global".to_owned(),
            tenant_id: "t".to_owned(),
            tenant_name: "T".to_owned(),
            account: "a@t.example".to_owned(),
            account_id: "a".to_owned(),
        }
    }

    fn plan(devices: &[&str]) -> Plan {
        testing::plan(principal(), devices)
    }

    fn kept(shown: &Shown, devices: &[&str]) -> String {
        shown.keep_plan(plan(devices)).to_string()
    }

    /// A request that the journal has for a device: accepted at once and, with a `result`, reported on a minute later.
    fn sent_at(at: OffsetDateTime, device: &str, result: Option<&str>) -> (DeviceId, EarlierRequest) {
        let Plan { principal, action, reason, items, .. } = plan(&[device]);
        let run = RunHeader { id: RunId::random(), started: at, principal, action, reason, total: 1 };
        let intent = Event::Intent { attempt: 1, route: Route::Direct, server_now: at, baseline: None };
        let answer = Event::Answer {
            verdict: Verdict::Accepted,
            status: Some(204),
            code: None,
            message: None,
            request_id: None,
            client_request_id: Uuid::nil(),
            server_date: Some(at),
            intermediary: false,
        };
        let later = at + time::Duration::minutes(1);
        let observed = result.map(|result| Event::Observed {
            result: result.to_owned(),
            started: Some(at),
            last_updated: Some(later),
            has_passcode: false,
        });
        let entries = [(at, Some(intent)), (at, Some(answer)), (later, observed)];
        let entries: Vec<Entry> = entries
            .into_iter()
            .filter_map(|(at, event)| Some(Entry { at, position: Some(0), event: event? }))
            .collect();
        let standing = fold(run.clone(), items, &entries, false).items.remove(0).standing;
        (DeviceId::new(device).unwrap(), EarlierRequest { run, standing })
    }

    fn confirmation(plan_id: &str, leave_out: &[&str], count: u32) -> Confirmation {
        let leave_out = leave_out.iter().map(|id| (*id).to_owned()).collect();
        Confirmation { plan_id: plan_id.to_owned(), leave_out, reason: None, count }
    }

    async fn confirmed(
        shown: &Shown,
        confirmation: Confirmation,
        settings: &Settings,
    ) -> Result<Vec<String>, ErrorCode> {
        let started = confirm(shown, &confirmation, settings, async |plan| {
            Ok(plan.items.iter().map(|item| item.device_id.to_string()).collect())
        });
        started.await.map(|(started, _)| started).map_err(|error| error.code)
    }

    #[test]
    fn a_review_has_the_earlier_request_of_each_device_and_warns_of_those_that_a_second_may_repeat() {
        let hours = |hours| NOW - time::Duration::hours(hours);
        let earlier = HashMap::from([
            sent_at(hours(72), "accepted", None),
            sent_at(hours(23), "done", Some("done")),
            sent_at(hours(25), "done long ago", Some("done")),
            sent_at(hours(1), "failed", Some("failed")),
            sent_at(hours(48), "unknown state", Some("removeFromBlueprint")),
        ]);
        let devices = ["accepted", "done", "done long ago", "failed", "unknown state", "never"];
        let mut items: Vec<PlanItem> = (0..devices.len())
            .map(|number| PlanItem {
                device: convert::device_row(&device(number), NOW),
                route: Origin { route: Route::Direct, label: String::new() }.view(),
                documented: true,
                earlier: None,
            })
            .collect();
        add_earlier(&mut items, &plan(&devices), &earlier, NOW);
        let told = |item: &PlanItem| item.earlier.as_ref().map(|earlier| (earlier.state, earlier.is_warning));
        assert_eq!(
            items.iter().map(told).collect::<Vec<_>>(),
            [
                Some((ItemState::Accepted, true)),
                Some((ItemState::Done, true)),
                Some((ItemState::Done, false)),
                Some((ItemState::Failed, false)),
                Some((ItemState::Other, true)),
                None
            ]
        );
        let done = items[1].earlier.clone().unwrap();
        assert_eq!(done.run_id, earlier[&DeviceId::new("done").unwrap()].run.id.to_string());
        assert_eq!(done.account, "a@t.example");
        assert_eq!(done.sent.as_deref(), Some("2026-11-01T13:00:00Z"));
        assert_eq!(done.at.as_deref(), Some("2026-11-01T13:01:00Z"));
    }

    #[tokio::test]
    async fn a_plan_starts_once_without_what_was_left_out() {
        let shown = Shown::default();
        let id = kept(&shown, &["1", "2", "3"]);
        let settings = Settings::default();
        let started = confirmed(&shown, confirmation(&id, &["2"], 2), &settings).await;
        assert_eq!(started, Ok(vec!["1".to_owned(), "3".to_owned()]));
        let again = confirmed(&shown, confirmation(&id, &["2"], 2), &settings).await;
        assert_eq!(again, Err(ErrorCode::PlanMismatch));
    }

    #[tokio::test]
    async fn what_does_not_start_waits_on() {
        let shown = Shown::default();
        let id = kept(&shown, &["1", "2"]);
        let settings = Settings::default();
        let wrong_count = confirmed(&shown, confirmation(&id, &[], 3), &settings).await;
        assert_eq!(wrong_count, Err(ErrorCode::PlanMismatch));
        let strict = Settings { require_reason: true, ..Settings::default() };
        let no_reason = confirmed(&shown, confirmation(&id, &[], 2), &strict).await;
        assert_eq!(no_reason, Err(ErrorCode::InvalidInput));
        let failed: Result<((), _), _> = confirm(&shown, &confirmation(&id, &[], 2), &settings, async |_| {
            Err(CommandError::run_under_way())
        })
        .await;
        assert_eq!(failed.unwrap_err().code, ErrorCode::RunUnderWay);
        assert!(confirmed(&shown, confirmation(&id, &[], 2), &settings).await.is_ok());
    }
}

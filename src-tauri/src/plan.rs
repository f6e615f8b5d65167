//! From what is selected to a plan, and from a confirmation to what is started.

use std::collections::HashSet;

use time::OffsetDateTime;
use unlatch_graph::{DeviceId, ManagedDevice};
use unlatch_recovery::{Action, Plan, PlanRules, PlannedItem};
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

/// Plans what is selected and shows what it will do.
///
/// # Errors
/// `InvalidInput` for nothing, and for more than the settings allow.
pub fn review(desk: &Desk, settings: &Settings) -> Result<PlanView, CommandError> {
    let (shown, now) = (&desk.shown, OffsetDateTime::now_utc());
    let mut items = Vec::new();
    let mut planned = Vec::new();
    let work = desk.work();
    if work.selection.len() > settings.max_run_size as usize {
        return Err(CommandError::invalid_input("more devices are selected than one run may have"));
    }
    for (device, origin) in work.selection.devices() {
        let documented = Action::RecoverPasscode.is_documented_for(device.operating_system.as_deref());
        items.push(PlanItem { device: convert::device_row(&device, now), route: origin.view(), documented });
        planned.push(planned_item(device, origin));
    }
    drop(work);
    let rules = PlanRules { max_items: settings.max_run_size as usize, reason_required: false };
    let plan = Plan::new(desk.principal.clone(), Action::RecoverPasscode, None, planned, rules)?;
    Ok(PlanView {
        plan_id: shown.keep_plan(plan).to_string(),
        account: desk.account.clone(),
        items,
        reason_required: settings.require_reason,
        typed_count_above: TYPED_COUNT_ABOVE,
        max_run_size: settings.max_run_size,
        countdown_seconds: settings.countdown,
    })
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
    use unlatch_graph::Route;
    use unlatch_recovery::Principal;

    use super::*;
    use crate::error::ErrorCode;

    fn kept(shown: &Shown, devices: &[&str]) -> String {
        let items = devices.iter().map(|id| PlannedItem {
            device_id: DeviceId::new(*id).unwrap(),
            route: Route::Direct,
            route_label: String::new(),
            name: "IPAD-1".to_owned(),
            serial: None,
            user_id: None,
            user: None,
            system: None,
        });
        let principal = Principal {
            cloud: "global".to_owned(),
            tenant_id: "t".to_owned(),
            tenant_name: "T".to_owned(),
            account: "a@t.example".to_owned(),
            account_id: "a".to_owned(),
        };
        let rules = PlanRules { max_items: 10, reason_required: false };
        let plan = Plan::new(principal, Action::RecoverPasscode, None, items.collect(), rules).unwrap();
        shown.keep_plan(plan).to_string()
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

//! From ticked rows to a plan, and from a confirmation to what is started.

use std::collections::HashSet;

use time::OffsetDateTime;
use unlatch_graph::{AppId, DeviceId, Route, UserId};
use unlatch_recovery::{Action, Plan, PlanRules, PlannedItem};
use uuid::Uuid;

use crate::config::Settings;
use crate::convert;
use crate::dto::{Confirmation, PlanItem, PlanView, RouteView, SelectedDevice};
use crate::error::CommandError;
use crate::place::Desk;
use crate::shown::{Seen, Shown};

/// Above this many devices the count must be typed.
pub const TYPED_COUNT_ABOVE: u32 = 20;

/// Plans a selection and shows what it will do.
///
/// # Errors
/// `InvalidInput` for a device that was not shown by that route, for none, and for more than the settings allow.
pub fn review(
    desk: &Desk,
    selection: &[SelectedDevice],
    settings: &Settings,
) -> Result<PlanView, CommandError> {
    let (shown, now) = (&desk.shown, OffsetDateTime::now_utc());
    let mut taken = HashSet::new();
    let mut items = Vec::new();
    let mut planned = Vec::new();
    for selected in selection {
        let (seen, route) = seen(shown, selected)?;
        if !taken.insert(seen.device.id.clone()) {
            continue;
        }
        let route_view = RouteView::named(&route, label(shown, &route));
        planned.push(planned_item(&seen, route, &route_view));
        let documented = Action::RecoverPasscode.is_documented_for(seen.device.operating_system.as_deref());
        items.push(PlanItem {
            device: convert::device_row(&seen.device, now),
            route: route_view,
            documented,
        });
    }
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
/// does not start.
///
/// # Errors
/// `PlanMismatch` for an unknown plan or a count that is not the number of devices left, `InvalidInput` for a missing reason,
/// and whatever `start` fails with.
pub async fn confirm<T, F>(
    shown: &Shown,
    confirmation: &Confirmation,
    settings: &Settings,
    start: impl FnOnce(Plan) -> F,
) -> Result<T, CommandError>
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
    started.inspect_err(|_| shown.put_back(id, kept))
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

/// A device that was shown by the route it is selected with.
fn seen(shown: &Shown, selected: &SelectedDevice) -> Result<(Seen, Route), CommandError> {
    let wrong = || CommandError::invalid_input("this device was not shown by that route");
    let id = DeviceId::new(selected.device_id.clone()).map_err(|_| wrong())?;
    let route = match &selected.route {
        RouteView::User { id, .. } => Route::User(UserId::new(id.clone()).map_err(|_| wrong())?),
        RouteView::App { id, .. } => Route::App(AppId::new(id.clone()).map_err(|_| wrong())?),
        RouteView::Direct => Route::Direct,
    };
    let seen = shown.device(&id).filter(|seen| seen.routes.contains(&route)).ok_or_else(wrong)?;
    Ok((seen, route))
}

/// What people call the place a device was found at.
fn label(shown: &Shown, route: &Route) -> String {
    match route {
        Route::User(id) => shown.user(id).map(|user| user.display_name),
        Route::App(id) => shown.app(id).map(|app| match app.version {
            Some(version) => format!("{} {version}", app.display_name),
            None => app.display_name,
        }),
        Route::Direct => None,
    }
    .unwrap_or_default()
}

fn planned_item(seen: &Seen, route: Route, view: &RouteView) -> PlannedItem {
    let device = &seen.device;
    let system = [device.operating_system.as_deref(), device.os_version.as_deref()];
    let system = system.into_iter().flatten().collect::<Vec<_>>().join(" ");
    PlannedItem {
        device_id: device.id.clone(),
        route,
        route_label: view.label().to_owned(),
        name: device.device_name.clone(),
        serial: device.serial_number.clone(),
        user_id: device.user_id.clone(),
        user: device.user_principal_name.clone(),
        system: (!system.is_empty()).then_some(system),
    }
}

#[cfg(test)]
mod tests {
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
        started.await.map_err(|error| error.code)
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
        let failed: Result<(), _> = confirm(&shown, &confirmation(&id, &[], 2), &settings, async |_| {
            Err(CommandError::run_under_way())
        })
        .await;
        assert_eq!(failed.unwrap_err().code, ErrorCode::RunUnderWay);
        assert!(confirmed(&shown, confirmation(&id, &[], 2), &settings).await.is_ok());
    }

    #[test]
    fn a_device_counts_as_seen_only_by_the_route_it_was_shown_by() {
        let shown = Shown::default();
        let direct = SelectedDevice { device_id: "1".to_owned(), route: RouteView::Direct };
        assert_eq!(seen(&shown, &direct).err().unwrap().code, ErrorCode::InvalidInput);
    }
}

use unlatch_graph::Route;
use unlatch_recovery::{Action, Plan, PlanError, PlanRules, PlannedItem};

use crate::fake::{device, device_id, planned, principal};

fn make(items: Vec<PlannedItem>, reason: Option<&str>, rules: PlanRules) -> Result<Plan, PlanError> {
    Plan::new(principal(), Action::RecoverPasscode, reason, items, rules)
}

fn items(numbers: &[usize]) -> Vec<PlannedItem> {
    numbers.iter().map(|number| planned(&device(*number), Route::Direct)).collect()
}

const RULES: PlanRules = PlanRules { max_items: 3, reason_required: false };

#[test]
fn a_plan_holds_at_least_one_device_and_at_most_as_many_as_allowed() {
    assert_eq!(make(vec![], None, RULES), Err(PlanError::Empty));
    assert_eq!(make(items(&[1, 2, 3, 4]), None, RULES), Err(PlanError::TooMany { count: 4, max: 3 }));
    assert_eq!(make(items(&[1, 2, 3]), None, RULES).unwrap().items.len(), 3);
}

#[test]
fn no_device_is_in_a_plan_twice_even_by_another_route() {
    let mut twice = items(&[1, 2, 1]);
    twice[2].route = Route::App(unlatch_graph::AppId::new("app").unwrap());
    assert_eq!(make(twice, None, RULES), Err(PlanError::Twice(device_id(1))));
}

#[test]
fn a_reason_is_trimmed_bounded_and_required_where_asked_for() {
    let required = PlanRules { reason_required: true, ..RULES };
    assert_eq!(make(items(&[1]), Some("  INC-1\n"), required).unwrap().reason.as_deref(), Some("INC-1"));
    assert_eq!(make(items(&[1]), Some(" \t "), required), Err(PlanError::ReasonMissing));
    assert_eq!(make(items(&[1]), None, required), Err(PlanError::ReasonMissing));
    assert_eq!(make(items(&[1]), Some(" "), RULES).unwrap().reason, None);
    let long = "ñ".repeat(1_000);
    assert_eq!(make(items(&[1]), Some(&long), RULES).unwrap().reason, Some(long.clone()));
    assert_eq!(make(items(&[1]), Some(&(long + "x")), RULES), Err(PlanError::ReasonTooLong(1_001)));
}

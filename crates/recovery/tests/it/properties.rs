use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use time::OffsetDateTime;
use unlatch_graph::{ApiErrorKind, Error, Route, SendOutcome, TokenError, UserId};
use unlatch_recovery::{
    Action, Entry, Event, Execution, ItemReason, ItemState, RepeatWhen, RunHeader, RunId, RunState, Verdict,
    classify, fold,
};
use uuid::Uuid;

use crate::fake::{
    Bench, answered, api_error, device, lost, plan, planned, principal, route_unknown, throttled,
    token_renewed,
};

/// An outcome, and whether the service may have executed the request: told by hand, not by the code under test.
fn outcome() -> impl Strategy<Value = (SendOutcome, bool)> {
    prop_oneof![
        4 => Just((SendOutcome::Accepted, true)),
        2 => Just((lost(), true)),
        2 => (500_u16..=599, proptest::option::of(0_u64..5)).prop_map(|(status, wait)| {
            let error = api_error(status, ApiErrorKind::Service, "");
            (SendOutcome::Answered { status, error, retry_after: wait.map(Duration::from_secs) }, true)
        }),
        1 => Just((answered(408, ApiErrorKind::Other), true)),
        3 => proptest::option::of(0_u64..30)
            .prop_map(|wait| (throttled(wait.map(Duration::from_secs)), false)),
        2 => Just((route_unknown(), false)),
        1 => Just((token_renewed(), false)),
        2 => Just((SendOutcome::NotConnected("refused".into()), false)),
        1 => Just((SendOutcome::NoToken(TokenError::Unavailable("later".into())), false)),
        1 => (400_u16..=407).prop_map(|status| (answered(status, ApiErrorKind::RoleDenied), false)),
        1 => Just((answered(404, ApiErrorKind::NotFound), false)),
    ]
}

fn paused<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(test)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_no_device_gets_a_second_request_that_may_be_executed(
        scripts in vec(vec(outcome(), 0..7), 1..16),
        unreadable in vec(any::<bool>(), 16),
        routes in vec(any::<bool>(), 16),
        cancel_at in proptest::option::of(0_usize..24),
    ) {
        // A second renewed token pauses the run until a person signs in.
        let mut scripts = scripts;
        for script in &mut scripts {
            let mut renewals = 0;
            script.retain(|(outcome, _)| {
                renewals += usize::from(*outcome == token_renewed());
                *outcome != token_renewed() || renewals == 1
            });
        }
        paused(async {
            let count = scripts.len();
            let bench = Bench::new(count);
            let mut plan = plan(count);
            for (number, script) in scripts.iter().enumerate() {
                bench.tenant.script(number, script.iter().map(|(outcome, _)| outcome.clone()));
                if unreadable[number] {
                    bench.tenant.script_read(number, [Error::Throttled { retry_after: None, request_id: None }]);
                }
                if routes[number] {
                    plan.items[number].route = Route::User(UserId::new("user").unwrap());
                }
            }
            let id = bench.start(plan).await;
            if let Some(posts) = cancel_at {
                let (engine, tenant) = (bench.engine.clone(), std::sync::Arc::downgrade(&bench.tenant));
                bench.tenant.on_send(move |_, _| {
                    if tenant.upgrade().is_some_and(|tenant| tenant.post_count() > posts) {
                        engine.cancel(id);
                    }
                });
            }
            let record = bench.end(id).await;
            bench.tenant.on_send.lock().unwrap().take();
            assert_eq!(record.summary.counts.sum() as usize, count);
            assert!(record.items.iter().all(|item| !item.standing.state.is_open()));
            for (number, script) in scripts.iter().enumerate() {
                let posts = bench.tenant.posts_for(number);
                let executed: Vec<bool> =
                    (0..posts.len()).map(|post| script.get(post).is_none_or(|(_, executed)| *executed)).collect();
                let maybe = executed.iter().filter(|executed| **executed).count();
                assert!(maybe <= 1, "device {number}: {script:?}");
                assert!(maybe == 0 || executed.last() == Some(&true), "nothing follows what may be executed");
                let unknown = posts.iter().zip(script).filter(|(post, (outcome, _))| {
                    post.route == Route::Direct && *outcome == route_unknown()
                });
                assert!(unknown.count() <= 1, "an unknown direct route is not tried again");
                let state = record.items[number].standing.state;
                let sent = matches!(state, ItemState::Accepted | ItemState::Unconfirmed);
                assert_eq!(sent, maybe == 1, "device {number} is {state:?} after {script:?}");
            }
            drop(bench.engine);
            let journal = crate::crash::reopen(bench.folder.path());
            assert_eq!(journal.run(id).await.unwrap(), record, "the journal tells the same as the live run");
        });
    }
}

fn reason() -> impl Strategy<Value = ItemReason> {
    prop_oneof![
        Just(ItemReason::Throttled),
        Just(ItemReason::Changed),
        Just(ItemReason::NotFound),
        Just(ItemReason::OutOfScopeTags),
        Just(ItemReason::NoLicence),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let verdict = prop_oneof![
        Just(Verdict::Accepted),
        reason().prop_map(Verdict::Refused),
        reason().prop_map(Verdict::Stopped),
        Just(Verdict::Again(RepeatWhen::Direct)),
        Just(Verdict::Unconfirmed),
    ];
    let time = |seconds: i64| OffsetDateTime::from_unix_timestamp(1_700_000_000 + seconds).unwrap();
    prop_oneof![
        (1_u32..5, 0_i64..1_000).prop_map(move |(attempt, at)| Event::Intent {
            attempt,
            route: Route::Direct,
            server_now: time(at),
            baseline: None,
        }),
        (verdict, any::<u128>()).prop_map(|(verdict, id)| Event::Answer {
            verdict,
            status: None,
            code: None,
            message: None,
            request_id: None,
            client_request_id: Uuid::from_u128(id),
            server_date: None,
            intermediary: false,
        }),
        Just(Event::Withdrawn),
        Just(Event::FellBack),
        reason().prop_map(|reason| Event::Stopped { reason, message: None, found: None }),
        "done|failed|pending|new".prop_map(|result| Event::Observed {
            result,
            started: None,
            last_updated: None,
            has_passcode: false
        }),
        Just(Event::CancelAsked),
        Just(Event::SignInNeeded),
        Just(Event::Resumed),
        Just(Event::RunEnded { state: RunState::Finished }),
    ]
}

proptest! {
    #[test]
    fn a_fold_is_deterministic_counts_every_item_and_leaves_none_open_when_the_run_is_over(
        events in vec((proptest::option::of(0_u32..6), event()), 0..60),
        live in any::<bool>(),
    ) {
        let items: Vec<_> = (0..5).map(|number| planned(&device(number), Route::Direct)).collect();
        let header = RunHeader {
            id: RunId::from(Uuid::nil()),
            started: OffsetDateTime::UNIX_EPOCH,
            principal: principal(),
            action: Action::RecoverPasscode,
            reason: None,
            total: 5,
        };
        let entries: Vec<_> = events
            .into_iter()
            .map(|(position, event)| Entry { at: OffsetDateTime::UNIX_EPOCH, position, event })
            .collect();
        let first = fold(header.clone(), items.clone(), &entries, live);
        prop_assert_eq!(&first, &fold(header, items, &entries, live));
        prop_assert_eq!(first.summary.counts.sum(), 5);
        if !live {
            prop_assert!(!first.summary.state.is_active());
        }
        for (position, item) in (0_u32..).zip(&first.items) {
            let about = |wanted: fn(&Event) -> bool| {
                entries.iter().filter(|e| e.position == Some(position)).any(|e| wanted(&e.event))
            };
            if item.standing.state == ItemState::Accepted {
                let told = about(|event| {
                    matches!(event, Event::Answer { verdict: Verdict::Accepted, .. } | Event::Observed { .. })
                });
                prop_assert!(told);
            }
            if !about(|event| matches!(event, Event::Intent { .. } | Event::Answer { .. })) {
                prop_assert!(!matches!(item.standing.state, ItemState::Unconfirmed | ItemState::Accepted));
            }
        }
    }

    #[test]
    fn an_event_reads_back_as_it_was_written(event in event()) {
        let text = serde_json::to_string(&event).unwrap();
        prop_assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }

    #[test]
    fn a_status_that_is_no_plain_refusal_is_never_called_not_executed(status in 100_u16..=999) {
        let kinds = [
            ApiErrorKind::RoleDenied, ApiErrorKind::MissingScope, ApiErrorKind::Unauthenticated,
            ApiErrorKind::ClaimsChallenge, ApiErrorKind::NotFound, ApiErrorKind::RouteUnknown,
            ApiErrorKind::OutOfScopeTags, ApiErrorKind::NoLicence,
            ApiErrorKind::BadRequest, ApiErrorKind::Throttled, ApiErrorKind::Service, ApiErrorKind::Other,
        ];
        for kind in kinds {
            let execution = classify(&answered(status, kind));
            let refusal = (400..500).contains(&status) && status != 408 && status != 499;
            prop_assert_eq!(matches!(execution, Execution::NotExecuted { .. }), refusal);
            prop_assert_eq!(execution == Execution::Unconfirmed, !refusal);
        }
    }
}

#[test]
fn each_way_a_request_can_end_has_one_meaning() {
    let again = |repeat| Execution::NotExecuted { repeat };
    let wait = Duration::from_millis(249);
    let table = [
        (SendOutcome::Accepted, Execution::Executed),
        (lost(), Execution::Unconfirmed),
        (SendOutcome::Intermediary { status: 200 }, Execution::Unconfirmed),
        (SendOutcome::Intermediary { status: 401 }, Execution::Unconfirmed),
        (SendOutcome::Intermediary { status: 429 }, Execution::Unconfirmed),
        (SendOutcome::NotConnected("refused".into()), again(RepeatWhen::Connected)),
        (SendOutcome::NoToken(TokenError::Unavailable("down".into())), again(RepeatWhen::Connected)),
        (SendOutcome::NoToken(TokenError::SignInNeeded { claims: None }), again(RepeatWhen::SignedIn)),
        (throttled(Some(wait)), again(RepeatWhen::Held(Some(wait)))),
        (throttled(None), again(RepeatWhen::Held(None))),
        (token_renewed(), again(RepeatWhen::Renewed)),
        (answered(401, ApiErrorKind::ClaimsChallenge), again(RepeatWhen::SignedIn)),
        (answered(401, ApiErrorKind::Unauthenticated), again(RepeatWhen::SignedIn)),
        (answered(401, ApiErrorKind::RoleDenied), again(RepeatWhen::Never)),
        (answered(403, ApiErrorKind::MissingScope), again(RepeatWhen::Never)),
        (answered(404, ApiErrorKind::NotFound), again(RepeatWhen::Never)),
        (answered(404, ApiErrorKind::OutOfScopeTags), again(RepeatWhen::Never)),
        (answered(400, ApiErrorKind::NoLicence), again(RepeatWhen::Never)),
        (answered(503, ApiErrorKind::NoLicence), Execution::Unconfirmed),
        (route_unknown(), again(RepeatWhen::Direct)),
        (answered(404, ApiErrorKind::RouteUnknown), again(RepeatWhen::Direct)),
        (answered(503, ApiErrorKind::RouteUnknown), Execution::Unconfirmed),
        (answered(504, ApiErrorKind::Service), Execution::Unconfirmed),
    ];
    for (outcome, execution) in table {
        assert_eq!(classify(&outcome), execution, "{outcome:?}");
    }
}

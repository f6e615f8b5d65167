use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant as RealInstant};

use tokio::time::Instant;
use unlatch_graph::{
    ApiErrorKind, AppId, DeviceId, Error, Kind, ManagementAgent, ManagementState, Pace, Route, UserId,
};
use unlatch_recovery::{
    Difference, Event, Field, Found, ItemReason, ItemState, RunCounts, RunState, Tenant as _, Verdict,
};

use crate::fake::{
    Bench, Fake, answered, api_error, device, device_id, lost, plan, plan_for, plan_of, planned,
    route_unknown, stand, throttled, token_renewed,
};

const DEFAULT: RunCounts = RunCounts {
    total: 0,
    waiting: 0,
    accepted: 0,
    done: 0,
    answered: 0,
    failed: 0,
    unconfirmed: 0,
    not_sent: 0,
};

#[tokio::test(start_paused = true)]
async fn ten_thousand_devices_go_out_once_each_at_most_8_at_a_time_and_200_in_20_seconds() {
    let bench = Bench::new(10_000);
    let (real, begun) = (RealInstant::now(), Instant::now());
    let record = bench.run(plan(10_000)).await;
    assert!(real.elapsed() < Duration::from_secs(60), "{:?}", real.elapsed());
    assert!(begun.elapsed() > Duration::from_secs(49 * 20), "{:?}", begun.elapsed());
    assert_eq!(record.summary.state, RunState::Finished);
    assert_eq!(record.summary.counts, RunCounts { total: 10_000, accepted: 10_000, ..DEFAULT });
    assert_eq!(bench.tenant.sending.most.load(Ordering::SeqCst), 8);
    assert!(bench.tenant.reading.most.load(Ordering::SeqCst) <= 8);
    let posts = bench.tenant.posts.lock().unwrap();
    let mut devices: Vec<_> = posts.iter().map(|post| post.device.clone()).collect();
    devices.sort();
    devices.dedup();
    assert_eq!((posts.len(), devices.len()), (10_000, 10_000));
    for window in posts.windows(201) {
        assert!(window[200].at - window[0].at >= Duration::from_secs(20));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_out_before_its_intent_is_on_the_disk() {
    let bench = Bench::new(60);
    for (number, outcome) in [(3, route_unknown()), (7, throttled(None)), (9, lost())] {
        bench.tenant.script(number, [outcome]);
    }
    let file = bench.folder.path().join("journal.sqlite");
    bench.tenant.on_send(move |id, route| {
        // A connection of its own sees what is committed and nothing else.
        let journal = rusqlite::Connection::open(&file).unwrap();
        let (kind, body): (String, String) = journal
            .query_row(
                "SELECT kind, body FROM event JOIN item USING (run, position)
                 WHERE device_id = ? ORDER BY seq DESC LIMIT 1",
                [id.as_str()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!(kind, "intent");
        let Event::Intent { route: recorded, .. } = serde_json::from_str(&body).unwrap() else {
            panic!("{body}");
        };
        assert_eq!(&recorded, route);
    });
    let mut plan = plan(60);
    plan.items[3].route = Route::User(UserId::new("user-3").unwrap());
    let record = bench.run(plan).await;
    assert_eq!(record.summary.counts, RunCounts { total: 60, accepted: 59, unconfirmed: 1, ..DEFAULT });
    assert_eq!(bench.tenant.post_count(), 62);
}

#[tokio::test(start_paused = true)]
async fn an_accepted_item_tells_both_request_ids_and_its_time() {
    let bench = Bench::new(1);
    let record = bench.run(plan(1)).await;
    let standing = &record.items[0].standing;
    assert_eq!(standing.state, ItemState::Accepted);
    assert_eq!(standing.request_id.as_deref(), Some("request-device-00000"));
    assert!(standing.client_request_id.is_some() && standing.at.is_some());
    assert_eq!(record.summary.header.reason.as_deref(), Some("INC-4711"));
    assert!(record.summary.finished.is_some());
}

#[tokio::test(start_paused = true)]
async fn cancel_stops_before_the_next_send_and_waits_for_what_is_in_flight() {
    let bench = Bench::new(300);
    let (engine, tenant) = (bench.engine.clone(), bench.tenant.clone());
    let id = bench.start(plan(300)).await;
    tenant.on_send({
        let tenant = Arc::downgrade(&bench.tenant);
        move |_, _| {
            if tenant.upgrade().is_some_and(|tenant| tenant.post_count() == 40) {
                engine.cancel(id);
            }
        }
    });
    let record = bench.end(id).await;
    assert_eq!(record.summary.state, RunState::Cancelled);
    assert_eq!(bench.tenant.post_count(), 40);
    assert_eq!(record.summary.counts, RunCounts { total: 300, accepted: 40, not_sent: 260, ..DEFAULT });
    bench.tenant.on_send.lock().unwrap().take();
    assert_eq!(bench.engine.run(id).await.unwrap(), record, "the journal says the same");
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_items_all_went_out_is_finished_even_if_cancel_came_last() {
    let bench = Bench::new(1);
    let engine = bench.engine.clone();
    let id = bench.start(plan(1)).await;
    bench.tenant.on_send(move |_, _| engine.cancel(id));
    let record = bench.end(id).await;
    bench.tenant.on_send.lock().unwrap().take();
    assert_eq!((record.summary.state, record.summary.counts.accepted), (RunState::Finished, 1));
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_is_overtaken_by_cancel_is_withdrawn_and_nothing_goes_out() {
    let bench = Bench::new(1);
    let engine = bench.engine.clone();
    let id = bench.start(plan(1)).await;
    *bench.tenant.on_intent.lock().unwrap() = Some(Box::new(move || engine.cancel(id)));
    let record = bench.end(id).await;
    bench.tenant.on_intent.lock().unwrap().take();
    assert_eq!(bench.tenant.post_count(), 0);
    assert_eq!(stand(&record.items[0]), (ItemState::NotSent, None));
    assert_eq!(record.summary.state, RunState::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_429_waits_as_told_and_holds_every_sender() {
    let bench = Bench::new(40);
    bench.tenant.script(5, [throttled(Some(Duration::from_millis(7_500)))]);
    let record = bench.run(plan(40)).await;
    assert_eq!(record.summary.counts.accepted, 40);
    let again = bench.tenant.posts_for(5);
    assert_eq!(again.len(), 2);
    assert!(again[1].at - again[0].at >= Duration::from_millis(7_650), "{:?}", again[1].at - again[0].at);
    let answered_at = again[0].at + Duration::from_millis(150);
    let held = answered_at + Duration::from_millis(100)..answered_at + Duration::from_millis(7_500);
    let during = bench.tenant.posts.lock().unwrap().iter().filter(|post| held.contains(&post.at)).count();
    assert_eq!(during, 0);
    assert_eq!(record.items[5].standing.attempts, 2);
    let id = record.summary.header.id;
    let entries = bench.engine.run(id).await.unwrap();
    assert_eq!(entries.items[5].standing.message, None, "what Graph said of the first attempt is over");
}

#[tokio::test(start_paused = true)]
async fn throttled_without_end_is_refused_after_ten_attempts_however_little_was_told() {
    for told in [None, Some(0), Some(249), Some(1_000)] {
        let bench = Bench::new(1);
        bench.tenant.script(0, (0..20).map(|_| throttled(told.map(Duration::from_millis))));
        let record = bench.run(plan(1)).await;
        assert_eq!(stand(&record.items[0]), (ItemState::Refused, Some(ItemReason::Throttled)));
        let posts = bench.tenant.posts_for(0);
        assert_eq!(posts.len(), 10);
        for (pair, seconds) in posts.windows(2).zip([1, 2, 4, 8, 16, 32, 60, 60, 60]) {
            let waited = pair[1].at - pair[0].at;
            assert!(waited >= Duration::from_secs(seconds), "{told:?}: {waited:?}, not {seconds} s");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn reads_that_are_throttled_without_end_back_off_too() {
    let bench = Bench::new(1);
    let error = || Error::Throttled { retry_after: Some(Duration::ZERO), request_id: None };
    bench.tenant.script_read(0, (0..20).map(|_| error()));
    let begun = Instant::now();
    let record = bench.run(plan(1)).await;
    assert_eq!(stand(&record.items[0]), (ItemState::Stopped, Some(ItemReason::NotRead)));
    assert_eq!(bench.tenant.reads_done.load(Ordering::SeqCst), 10);
    assert!(begun.elapsed() >= Duration::from_secs(240), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_one_item_backs_off_beyond_what_was_told_does_not_hold_the_others() {
    let bench = Bench::new(400);
    bench.tenant.script(0, (0..20).map(|_| throttled(Some(Duration::ZERO))));
    let record = bench.run(plan(400)).await;
    assert_eq!(record.summary.counts, RunCounts { total: 400, accepted: 399, failed: 1, ..DEFAULT });
    let posts = bench.tenant.posts.lock().unwrap();
    let last_other = posts.iter().filter(|post| post.device != device_id(0)).map(|post| post.at).max();
    assert!(last_other.unwrap() - posts[0].at < Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn a_renewed_token_is_used_at_once_with_an_intent_and_a_read_of_its_own() {
    let bench = Bench::new(1);
    bench.tenant.script(0, [token_renewed()]);
    let begun = Instant::now();
    let record = bench.run(plan(1)).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "at once");
    assert_eq!(stand(&record.items[0]), (ItemState::Accepted, None));
    assert_eq!(record.items[0].standing.attempts, 2);
    assert_eq!((bench.tenant.post_count(), bench.tenant.reads_done.load(Ordering::SeqCst)), (2, 2));
    let id = record.summary.header.id;
    drop(bench.engine);
    let entries = crate::crash::reopen(bench.folder.path()).entries(id).await.unwrap();
    let kinds: Vec<_> = entries.iter().map(|recorded| recorded.entry.event.kind()).collect();
    assert_eq!(kinds, ["run_started", "began", "intent", "answer", "intent", "answer", "run_ended"]);
    let ids: Vec<_> = entries
        .iter()
        .filter_map(|entry| match &entry.entry.event {
            Event::Answer { client_request_id, status, .. } => Some((*client_request_id, *status)),
            _ => None,
        })
        .collect();
    assert_eq!((ids[0].1, ids[1].1), (Some(401), None));
    assert_ne!(ids[0].0, ids[1].0, "each request is found again by its own id");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_or_a_changed_device_comes_before_the_request_with_the_renewed_token() {
    let bench = Bench::new(2);
    bench.tenant.script(0, [token_renewed()]);
    let tenant = Arc::downgrade(&bench.tenant);
    bench.tenant.on_send(move |_, _| {
        tenant.upgrade().unwrap().change(0, |device| device.device_name = "Renamed".into());
    });
    let record = bench.run(plan_for([0])).await;
    assert_eq!(stand(&record.items[0]), (ItemState::Stopped, Some(ItemReason::Changed)));
    assert_eq!(bench.tenant.post_count(), 1);

    bench.tenant.script(1, [token_renewed()]);
    let id = bench.start(plan_for([1])).await;
    let engine = bench.engine.clone();
    bench.tenant.on_send(move |_, _| engine.cancel(id));
    let record = bench.end(id).await;
    bench.tenant.on_send.lock().unwrap().take();
    assert_eq!(stand(&record.items[0]), (ItemState::NotSent, None));
    assert_eq!(bench.tenant.posts_for(1).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_watches_first_and_then_asks_for_the_changes_never_misses_the_end() {
    let bench = Bench::new(40);
    for wait in 0..60 {
        let id = bench.start(plan(3)).await;
        tokio::time::sleep(Duration::from_millis(wait * 10)).await;
        let watched = bench.engine.watch(id);
        let mut progress = bench.engine.changes_since(id, 0).await.unwrap();
        assert_eq!(progress.items.len(), 3);
        if let Some(mut changes) = watched {
            while changes.changed().await.is_ok() {
                progress = bench.engine.changes_since(id, progress.version).await.unwrap();
            }
            progress = bench.engine.changes_since(id, progress.version).await.unwrap();
        }
        assert_eq!(progress.summary.state, RunState::Finished);
        assert_eq!(progress.summary.counts.accepted, 3);
        let late = bench.engine.changes_since(id, progress.version).await.unwrap();
        assert_eq!(late.summary, progress.summary);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_is_read_while_runs_begin_and_end_calls_none_of_them_interrupted() {
    let mut tenant = Fake::new(40);
    (tenant.pace, tenant.round_trip) = (Pace::unlimited().into(), Duration::from_micros(50));
    let bench = Bench::with(tenant);
    let runs = async {
        for number in 0..300 {
            let id = bench.start(plan_for([number % 40])).await;
            bench.engine.finished(id).await;
        }
    };
    let lists = async {
        loop {
            for summary in bench.engine.runs(None).await.unwrap() {
                assert!(
                    matches!(summary.state, RunState::Starting | RunState::Active | RunState::Finished),
                    "{summary:?}"
                );
            }
        }
    };
    tokio::select! {
        () = runs => {}
        () = lists => {}
    }
    assert_eq!(bench.engine.runs(None).await.unwrap().len(), 300);
}

#[tokio::test(start_paused = true)]
async fn a_route_that_the_service_does_not_know_is_left_for_the_direct_one_once() {
    let bench = Bench::new(3);
    let user = Route::User(UserId::new("user-0").unwrap());
    let app = Route::App(AppId::new("app-1").unwrap());
    let items = vec![
        planned(&device(0), user.clone()),
        planned(&device(1), app.clone()),
        planned(&device(2), Route::Direct),
    ];
    bench.tenant.script(0, [route_unknown()]);
    bench.tenant.script(1, [route_unknown(), route_unknown()]);
    bench.tenant.script(2, [route_unknown()]);
    let record = bench.run(plan_of(items)).await;
    let routes =
        |number| bench.tenant.posts_for(number).into_iter().map(|post| post.route).collect::<Vec<_>>();
    assert_eq!(routes(0), [user, Route::Direct]);
    assert_eq!(routes(1), [app, Route::Direct]);
    assert_eq!(routes(2), [Route::Direct]);
    assert_eq!(stand(&record.items[0]), (ItemState::Accepted, None));
    assert_eq!(stand(&record.items[1]), (ItemState::Refused, Some(ItemReason::BadRequest)));
    assert_eq!(stand(&record.items[2]), (ItemState::Refused, Some(ItemReason::BadRequest)));
    let fell_back: Vec<_> = record.items.iter().map(|item| item.standing.fell_back).collect();
    assert_eq!(fell_back, [true, true, false]);
    assert_eq!(record.items[0].standing.attempts, 2, "each with an intent of its own");
}

#[tokio::test(start_paused = true)]
async fn what_leaves_doubt_is_unconfirmed_and_never_sent_again() {
    let doubtful = [
        lost(),
        answered(500, ApiErrorKind::Service),
        answered(502, ApiErrorKind::Service),
        answered(503, ApiErrorKind::Service),
        answered(504, ApiErrorKind::Service),
        answered(408, ApiErrorKind::Other),
        answered(302, ApiErrorKind::Other),
        unlatch_graph::SendOutcome::Answered {
            status: 503,
            error: api_error(503, ApiErrorKind::Service, "later"),
            retry_after: Some(Duration::from_secs(2)),
        },
    ];
    let bench = Bench::new(doubtful.len());
    for (number, outcome) in doubtful.iter().enumerate() {
        bench.tenant.script(number, [outcome.clone()]);
    }
    let record = bench.run(plan(doubtful.len())).await;
    for (number, item) in record.items.iter().enumerate() {
        assert_eq!(stand(item), (ItemState::Unconfirmed, None), "{number}");
        assert_eq!(bench.tenant.posts_for(number).len(), 1, "{number}");
    }
    assert_eq!(record.summary.state, RunState::Finished);
    assert_eq!(record.items[0].standing.message.as_deref(), Some("the connection was reset"));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_with_its_reason_and_never_sent_again() {
    let refusals = [
        (403, ApiErrorKind::RoleDenied, ItemReason::RoleDenied),
        (401, ApiErrorKind::RoleDenied, ItemReason::RoleDenied),
        (403, ApiErrorKind::MissingScope, ItemReason::MissingScope),
        (404, ApiErrorKind::OutOfScopeTags, ItemReason::OutOfScopeTags),
        (400, ApiErrorKind::NoLicence, ItemReason::NoLicence),
        (404, ApiErrorKind::NotFound, ItemReason::NotFound),
        (400, ApiErrorKind::BadRequest, ItemReason::BadRequest),
        (409, ApiErrorKind::Other, ItemReason::Other),
    ];
    let bench = Bench::new(refusals.len());
    for (number, (status, kind, _)) in refusals.iter().enumerate() {
        bench.tenant.script(number, [answered(*status, *kind)]);
    }
    let record = bench.run(plan(refusals.len())).await;
    for (number, (_, _, reason)) in refusals.iter().enumerate() {
        assert_eq!(stand(&record.items[number]), (ItemState::Refused, Some(*reason)));
        assert_eq!(bench.tenant.posts_for(number).len(), 1);
        assert_eq!(record.items[number].standing.message.as_deref(), Some("what Graph said"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_may_not_be_read_is_stopped_for_what_graph_says_and_gets_no_request() {
    let refusals = [
        (404, ApiErrorKind::OutOfScopeTags, ItemReason::OutOfScopeTags),
        (400, ApiErrorKind::NoLicence, ItemReason::NoLicence),
        (404, ApiErrorKind::NotFound, ItemReason::NotFound),
        (400, ApiErrorKind::BadRequest, ItemReason::NotRead),
    ];
    let bench = Bench::new(refusals.len());
    for (number, (status, kind, _)) in refusals.iter().enumerate() {
        bench.tenant.script_read(number, [Error::Api(api_error(*status, *kind, "what Graph said"))]);
    }
    let record = bench.run(plan(refusals.len())).await;
    for (number, (_, _, reason)) in refusals.iter().enumerate() {
        assert_eq!(stand(&record.items[number]), (ItemState::Stopped, Some(*reason)));
    }
    assert_eq!(bench.tenant.post_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_connection_nothing_was_sent_and_it_is_tried_again_a_few_times() {
    let bench = Bench::new(2);
    let offline = || unlatch_graph::SendOutcome::NotConnected("refused".into());
    bench.tenant.script(0, [offline(), offline()]);
    bench.tenant.script(1, (0..9).map(|_| offline()));
    let record = bench.run(plan(2)).await;
    assert_eq!(stand(&record.items[0]), (ItemState::Accepted, None));
    assert_eq!(stand(&record.items[1]), (ItemState::Stopped, Some(ItemReason::NotConnected)));
    assert_eq!((bench.tenant.posts_for(0).len(), bench.tenant.posts_for(1).len()), (3, 5));
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_not_what_was_confirmed_is_stopped_before_anything_goes_out() {
    let bench = Bench::new(9);
    bench.tenant.change(0, |device| device.device_name = "Somebody else's".into());
    bench.tenant.change(1, |device| device.serial_number = Some("other".into()));
    bench.tenant.change(2, |device| device.user_id = Some(UserId::new("user-x").unwrap()));
    bench.tenant.devices.lock().unwrap().remove(&device_id(3));
    bench.tenant.change(4, |device| device.management_state = ManagementState::WipePending);
    bench.tenant.change(5, |device| device.management_agent = ManagementAgent::Eas);
    bench.tenant.script_read(6, [Error::BadAnswer { what: "no JSON".into(), request_id: None }]);
    bench.tenant.script_read(7, (0..9).map(|_| Error::Offline("no route to host".into())));
    let record = bench.run(plan(9)).await;
    let reasons: Vec<_> = record.items.iter().map(stand).collect();
    let stopped = |reason| (ItemState::Stopped, Some(reason));
    assert_eq!(
        reasons,
        [
            stopped(ItemReason::Changed),
            stopped(ItemReason::Changed),
            stopped(ItemReason::Changed),
            stopped(ItemReason::NotFound),
            stopped(ItemReason::RemovalPending),
            stopped(ItemReason::NoMdmChannel),
            stopped(ItemReason::NotRead),
            stopped(ItemReason::NotRead),
            (ItemState::Accepted, None),
        ]
    );
    assert_eq!(bench.tenant.post_count(), 1);
    let name =
        Difference { field: Field::Name, then: Some("Tablet 0".into()), now: Some("Somebody else's".into()) };
    assert_eq!(record.items[0].standing.found, Some(Found::Differences(vec![name])));
    assert_eq!(record.items[4].standing.found, Some(Found::State("wipePending".into())));
    assert_eq!(record.summary.counts, RunCounts { total: 9, accepted: 1, failed: 8, ..DEFAULT });
}

#[tokio::test(start_paused = true)]
async fn a_device_that_changes_while_its_turn_is_waited_for_is_read_again_and_stopped() {
    let bench = Bench::new(1);
    bench.tenant.pace().hold(Duration::from_secs(120), Kind::Write);
    let id = bench.start(plan(1)).await;
    tokio::time::sleep(Duration::from_secs(119)).await;
    assert_eq!(bench.tenant.reads_done.load(Ordering::SeqCst), 0, "what is read long before says nothing");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(bench.tenant.reads_done.load(Ordering::SeqCst), 1);
    // Everybody is told to hold again.
    bench.tenant.pace().hold(Duration::from_secs(60), Kind::Write);
    bench.tenant.change(0, |device| device.device_name = "Renamed".into());
    tokio::time::sleep(Duration::from_secs(10)).await;
    let held = bench.engine.run(id).await.unwrap();
    assert_eq!(stand(&held.items[0]), (ItemState::Waiting, None), "what is held is not shown as being sent");
    let record = bench.end(id).await;
    assert_eq!(stand(&record.items[0]), (ItemState::Stopped, Some(ItemReason::Changed)));
    assert_eq!(bench.tenant.post_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_a_request_was_told_outlasts_the_process_and_one_that_a_read_was_told_does_not() {
    let wait = Duration::from_secs(900);
    for (case, held) in [("write", true), ("read", false), ("read, and a write is told nothing", false)] {
        let bench = Bench::new(3);
        match case {
            "write" => bench.tenant.script(0, [throttled(Some(wait))]),
            "read" => {
                let error = Error::Throttled { retry_after: Some(wait), request_id: None };
                bench.tenant.script_read(0, [error]);
            }
            _ => {
                let pace = bench.tenant.pace();
                bench.tenant.script(0, [throttled(None)]);
                bench.tenant.on_send(move |id, _| {
                    if *id == device_id(0) {
                        pace.hold(wait, Kind::Read);
                    }
                });
            }
        }
        bench.start(plan_for([1, 0])).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(bench.tenant.posts_for(1).len(), 1);
        let bench = bench.as_if_killed(Fake::new(3));
        let begun = Instant::now();
        let id = bench.start(plan_for([2])).await;
        bench.end(id).await;
        let waited = begun.elapsed();
        assert_eq!(waited > wait - Duration::from_secs(70), held, "{case}: {waited:?}");
        assert!(waited < wait, "{waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn progress_tells_what_changed_and_never_holds_the_engine_up() {
    let bench = Bench::new(50);
    let id = bench.start(plan(50)).await;
    let mut changes = bench.engine.watch(id).unwrap();
    let mut idle = bench.engine.watch(id).unwrap();
    let first = bench.engine.changes_since(id, 0).await.unwrap();
    assert_eq!(first.items.len(), 50);
    assert!(first.summary.remaining.is_some());
    let mut items = first.items;
    let mut seen = first.version;
    while changes.changed().await.is_ok() {
        let progress = bench.engine.changes_since(id, seen).await.unwrap();
        assert_eq!(progress.summary.counts.sum(), 50);
        seen = progress.version;
        for item in progress.items {
            let position = item.position as usize;
            items[position] = item;
        }
    }
    let record = bench.engine.run(id).await.unwrap();
    assert_eq!(items, record.items, "following the changes ends where the journal is");
    assert_eq!(record.summary.remaining, None);
    assert!(idle.changed().await.is_ok(), "who never looked still sees the newest version");
    assert!(bench.engine.watch(id).is_none());
}

#[tokio::test(start_paused = true)]
async fn two_runs_share_the_places_and_both_come_to_their_end() {
    let bench = Bench::new(60);
    let halves = |range: std::ops::Range<usize>| {
        plan_of(range.map(|number| planned(&device(number), Route::Direct)).collect())
    };
    let first = bench.start(halves(0..30)).await;
    let second = bench.start(halves(30..60)).await;
    let (first, second) = (bench.end(first).await, bench.end(second).await);
    assert_eq!((first.summary.counts.accepted, second.summary.counts.accepted), (30, 30));
    assert_eq!(bench.tenant.sending.most.load(Ordering::SeqCst), 8);
    assert!(bench.tenant.reading.most.load(Ordering::SeqCst) <= 8);
    let runs = bench.engine.runs(Some("11111111-1111-1111-1111-111111111111")).await.unwrap();
    assert_eq!(runs, [second.summary, first.summary], "newest first");
    assert_eq!(bench.engine.runs(Some("another tenant")).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn the_journal_holds_the_whole_story_of_an_item() {
    let bench = Bench::new(1);
    bench.tenant.script(0, [throttled(Some(Duration::from_secs(3))), lost()]);
    let record = bench.run(plan(1)).await;
    let id = record.summary.header.id;
    drop(bench.engine);
    let journal = crate::crash::reopen(bench.folder.path());
    let entries = journal.entries(id).await.unwrap();
    let kinds: Vec<_> = entries.iter().map(|recorded| recorded.entry.event.kind()).collect();
    assert_eq!(
        kinds,
        ["run_started", "began", "intent", "answer", "throttled", "intent", "answer", "run_ended"]
    );
    assert!(matches!(entries[6].entry.event, Event::Answer { verdict: Verdict::Unconfirmed, .. }));
    assert!(matches!(entries[4].entry.event, Event::Throttled { wait_ms: 3_000, read: false }));
    assert_eq!(journal.run(id).await.unwrap(), record);
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_on_when_everybody_who_started_it_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let tenant = Arc::new(Fake::new(20));
    let journal = unlatch_recovery::Journal::open(folder.path()).unwrap();
    let engine = unlatch_recovery::Engine::new(journal.clone(), crate::fake::options(&tenant.clock));
    let id = engine.start(plan(20), tenant.clone()).await.unwrap();
    let mut changes = engine.watch(id).unwrap();
    drop(engine);
    while changes.changed().await.is_ok() {}
    assert_eq!(journal.run(id).await.unwrap().summary.counts.accepted, 20);
    let ids: Vec<DeviceId> = tenant.posts.lock().unwrap().iter().map(|post| post.device.clone()).collect();
    assert_eq!(ids.len(), 20);
}

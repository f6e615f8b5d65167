use std::time::Duration;

use unlatch_graph::{ApiErrorKind, Error, TokenError};
use unlatch_recovery::{CheckError, ItemState, RunCounts};

use crate::acts::result;
use crate::fake::{Bench, answered, api_error, device_id, lost, plan, plan_for, stand};

#[tokio::test(start_paused = true)]
async fn what_the_device_reports_becomes_the_state_of_the_item() {
    let words = ["none", "pending", "active", "done", "failed", "notSupported", "canceled", "somethingNew"];
    let bench = Bench::new(words.len() + 1);
    let record = bench.run(plan(words.len() + 1)).await;
    let later = (bench.tenant.clock)() + Duration::from_secs(1);
    for (number, word) in words.iter().enumerate() {
        bench.report(number, vec![result(word, later)]);
    }
    let id = record.summary.header.id;
    let record = bench.engine.check_outcomes(id, bench.tenant.clone()).await.unwrap();
    let states: Vec<_> = record.items.iter().map(|item| item.standing.state).collect();
    assert_eq!(
        states,
        [
            ItemState::Accepted,
            ItemState::Accepted,
            ItemState::Accepted,
            ItemState::Done,
            ItemState::Failed,
            ItemState::NotSupported,
            ItemState::Canceled,
            ItemState::Other,
            ItemState::Accepted,
        ]
    );
    assert_eq!(record.items[7].standing.message.as_deref(), Some("somethingNew"));
    let counts = RunCounts { total: 9, accepted: 5, done: 1, answered: 3, ..RunCounts::default() };
    assert_eq!(record.summary.counts, counts);

    // Items that have their outcome are not read again, and what is known already is not recorded again.
    bench.tenant.results_read.store(0, std::sync::atomic::Ordering::SeqCst);
    let again = bench.engine.check_outcomes(id, bench.tenant.clone()).await.unwrap();
    assert_eq!(again, record);
    // A word that nobody knows may not be the last one.
    assert_eq!(bench.tenant.results_read.load(std::sync::atomic::Ordering::SeqCst), 5);
}

#[tokio::test(start_paused = true)]
async fn an_unconfirmed_item_is_settled_by_an_entry_that_started_since_and_by_no_other() {
    let bench = Bench::new(4);
    for number in 0..4 {
        bench.tenant.script(number, [lost()]);
    }
    let before = (bench.tenant.clock)();
    for number in [1, 2] {
        bench.report(number, vec![result("done", before)]);
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let record = bench.run(plan(4)).await;
    let since = (bench.tenant.clock)();
    bench.report(0, vec![result("pending", since)]);
    bench.report(1, vec![result("done", before), result("done", since)]);
    let id = record.summary.header.id;
    let record = bench.engine.check_outcomes(id, bench.tenant.clone()).await.unwrap();
    let states: Vec<_> = record.items.iter().map(|item| item.standing.state).collect();
    assert_eq!(
        states,
        [ItemState::Accepted, ItemState::Done, ItemState::Unconfirmed, ItemState::Unconfirmed]
    );
    assert_eq!(bench.tenant.post_count(), 4, "looking sends nothing");
}

#[tokio::test(start_paused = true)]
async fn items_that_were_refused_or_stopped_are_not_looked_up() {
    let bench = Bench::new(2);
    bench.tenant.script(0, [answered(403, ApiErrorKind::RoleDenied)]);
    bench.tenant.devices.lock().unwrap().remove(&device_id(1));
    let record = bench.run(plan(2)).await;
    let after = bench.engine.check_outcomes(record.summary.header.id, bench.tenant.clone()).await.unwrap();
    assert_eq!(after, record);
    assert_eq!(bench.tenant.results_read.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn one_device_that_cannot_be_read_does_not_hide_the_others_and_a_lost_sign_in_is_told() {
    let bench = Bench::new(2);
    let record = bench.run(plan(2)).await;
    let id = record.summary.header.id;
    let since = (bench.tenant.clock)();
    bench.report(1, vec![result("done", since)]);
    bench.tenant.script_read(0, [Error::Api(api_error(404, ApiErrorKind::NotFound, "gone"))]);
    let record = bench.engine.check_outcomes(id, bench.tenant.clone()).await.unwrap();
    assert_eq!(record.items[0].standing.state, ItemState::Accepted);
    assert_eq!(record.items[1].standing.state, ItemState::Done);

    let signed_out = Error::Token(TokenError::SignInNeeded { claims: None });
    bench.tenant.script_read(0, [signed_out.clone()]);
    let told = bench.engine.check_outcomes(id, bench.tenant.clone()).await;
    assert_eq!(told, Err(CheckError::Graph(signed_out)));
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_started_long_after_the_request_was_over_settles_nothing() {
    let bench = Bench::new(2);
    bench.tenant.script(1, [lost()]);
    let record = bench.run(plan(2)).await;
    let later = (bench.tenant.clock)() + Duration::from_secs(24 * 60 * 60 + 2);
    for number in 0..2 {
        bench.report(number, vec![result("done", later)]);
    }
    let id = record.summary.header.id;
    let after = bench.engine.check_outcomes(id, bench.tenant.clone()).await.unwrap();
    assert_eq!(after, record, "another person asked for it elsewhere, a day later");
    for number in 0..2 {
        bench.report(number, vec![result("done", later - Duration::from_secs(10))]);
    }
    let after = bench.engine.check_outcomes(id, bench.tenant.clone()).await.unwrap();
    assert_eq!(after.summary.counts.done, 2);
}

#[tokio::test(start_paused = true)]
async fn intunes_clock_may_be_behind_or_ahead_of_graphs_by_a_second_or_by_hours() {
    for apart in [-1, 1, -7 * 3_600, 7 * 3_600] {
        let bench = Bench::new(3);
        bench.tenant.script(1, [lost()]);
        let at = |moment: time::OffsetDateTime| moment + time::Duration::seconds(apart);
        let old = at((bench.tenant.clock)()) - Duration::from_secs(8 * 3_600);
        bench.report(2, vec![result("failed", old)]);
        let record = bench.run(plan(3)).await;
        for number in 0..2 {
            bench.report(number, vec![result("done", at(record.items[number].standing.intent.unwrap()))]);
        }
        let id = record.summary.header.id;
        let after = bench.engine.check_outcomes(id, bench.tenant.clone()).await.unwrap();
        let states: Vec<_> = after.items.iter().map(|item| item.standing.state).collect();
        // What the read before its request showed is not the third one's, whatever the clocks say.
        assert_eq!(states, [ItemState::Done, ItemState::Done, ItemState::Accepted], "{apart} s apart");
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_may_be_a_later_runs_is_not_an_earlier_ones() {
    let bench = Bench::new(3);
    bench.tenant.script(1, [lost()]);
    let first = bench.run(plan(2)).await.summary.header.id;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let second = bench.run(plan_for([2, 1])).await.summary.header.id;
    for number in 0..3 {
        bench.report(number, vec![result("done", (bench.tenant.clock)())]);
    }
    let first = bench.engine.check_outcomes(first, bench.tenant.clone()).await.unwrap();
    let second = bench.engine.check_outcomes(second, bench.tenant.clone()).await.unwrap();
    let states: Vec<_> = first.items.iter().chain(&second.items).map(|item| stand(item).0).collect();
    assert_eq!(
        states,
        [ItemState::Done, ItemState::Unconfirmed, ItemState::Done, ItemState::Done],
        "the lost one stays unconfirmed; its device is at what the later run asked for"
    );
}

#[tokio::test(start_paused = true)]
async fn a_check_that_read_pending_before_another_read_done_does_not_take_that_back() {
    let bench = Bench::new(1);
    let id = bench.run(plan(1)).await.summary.header.id;
    let now = (bench.tenant.clock)();
    bench.report(0, vec![result("pending", now)]);
    let slow = bench.engine.check_outcomes(id, bench.tenant.clone());
    let quick = async {
        // Both have read that the item is open; only this one sees the device's answer, and is recorded first.
        let record = bench.engine.check_outcomes(id, bench.tenant.clone()).await.unwrap();
        record.items[0].standing.state
    };
    let mut done = result("done", now);
    done.last_updated = Some(now + Duration::from_secs(9));
    *bench.tenant.next_results.lock().unwrap() = vec![vec![result("pending", now)], vec![done]];
    let (quick, slow) = tokio::join!(quick, slow);
    assert_eq!((quick, slow.unwrap().items[0].standing.state), (ItemState::Done, ItemState::Done));
}

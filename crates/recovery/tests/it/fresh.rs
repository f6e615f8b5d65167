//! A machine that sleeps: tokio's clock stands still, the wall clock does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use unlatch_graph::Kind;
use unlatch_recovery::{ItemReason, ItemState, Tenant as _};

use crate::fake::{Bench, Fake, plan, sleeping_clock, stand};

fn bench() -> (Bench, Arc<AtomicU64>) {
    let (clock, slept) = sleeping_clock();
    let mut tenant = Fake::new(1);
    tenant.clock = clock;
    (Bench::with(tenant), slept)
}

#[tokio::test(start_paused = true)]
async fn a_device_that_was_read_before_the_machine_slept_is_read_again_after_its_turn_came() {
    let (bench, slept) = bench();
    bench.tenant.pace().hold(Duration::from_secs(5), Kind::Write);
    let id = bench.start(plan(1)).await;
    tokio::time::sleep(Duration::from_millis(4_500)).await;
    assert_eq!(bench.tenant.reads_done.load(Ordering::SeqCst), 1);
    slept.store(3_600, Ordering::SeqCst);
    bench.tenant.change(0, |device| device.device_name = "Renamed".into());
    let record = bench.end(id).await;
    assert_eq!(stand(&record.items[0]), (ItemState::Stopped, Some(ItemReason::Changed)));
    assert_eq!(bench.tenant.post_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_takes_longer_to_read_than_a_read_counts_is_stopped() {
    let mut tenant = Fake::new(1);
    tenant.round_trip = Duration::from_secs(6);
    let bench = Bench::with(tenant);
    let record = bench.run(plan(1)).await;
    assert_eq!(stand(&record.items[0]), (ItemState::Stopped, Some(ItemReason::NotRead)));
    assert_eq!((bench.tenant.post_count(), bench.tenant.reads_done.load(Ordering::SeqCst)), (0, 5));
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_takes_longer_to_record_than_a_read_counts_is_not_tried_for_ever() {
    let (bench, slept) = bench();
    *bench.tenant.on_intent.lock().unwrap() = Some(Box::new(move || {
        slept.fetch_add(6, Ordering::SeqCst);
    }));
    let record = bench.run(plan(1)).await;
    assert_eq!(stand(&record.items[0]), (ItemState::Stopped, Some(ItemReason::NotRead)));
    assert_eq!((bench.tenant.post_count(), bench.tenant.reads_done.load(Ordering::SeqCst)), (0, 5));
}

/// The machine sleeps between the intent and the request, once.
fn sleep_at_the_intent(bench: &Bench, slept: Arc<AtomicU64>, renamed: bool) {
    let tenant = Arc::downgrade(&bench.tenant);
    *bench.tenant.on_intent.lock().unwrap() = Some(Box::new(move || {
        if slept.swap(3_600, Ordering::SeqCst) == 0 && renamed {
            tenant.upgrade().unwrap().change(0, |device| device.device_name = "Renamed".into());
        }
    }));
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_the_machine_slept_on_is_withdrawn_and_the_device_is_read_again() {
    let (bench, slept) = bench();
    sleep_at_the_intent(&bench, slept, false);
    let record = bench.run(plan(1)).await;
    assert_eq!(stand(&record.items[0]), (ItemState::Accepted, None));
    assert_eq!((bench.tenant.post_count(), bench.tenant.reads_done.load(Ordering::SeqCst)), (1, 2));
    assert_eq!(record.items[0].standing.attempts, 1);
    let id = record.summary.header.id;
    drop(bench.engine);
    let entries = crate::crash::reopen(bench.folder.path()).entries(id).await.unwrap();
    let kinds: Vec<_> = entries.iter().map(|recorded| recorded.entry.event.kind()).collect();
    assert_eq!(kinds, ["run_started", "began", "intent", "withdrawn", "intent", "answer", "run_ended"]);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_changed_while_the_machine_slept_on_the_intent_is_stopped() {
    let (bench, slept) = bench();
    sleep_at_the_intent(&bench, slept, true);
    let record = bench.run(plan(1)).await;
    assert_eq!(stand(&record.items[0]), (ItemState::Stopped, Some(ItemReason::Changed)));
    assert_eq!((bench.tenant.post_count(), record.items[0].standing.attempts), (0, 0));
}

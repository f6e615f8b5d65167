//! What is found among the runs of the journal, and that it is what the engine shows.

use std::time::{Duration, Instant};

use rusqlite::params;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use unlatch_graph::{Route, UserId};
use unlatch_recovery::{
    Event, HistoryFound, HistoryItem, HistoryQuery, ItemState, Journal, MAX_HISTORY_ITEMS, MAX_HISTORY_RUNS,
    Plan, RunId, Verdict,
};
use uuid::Uuid;

use crate::crash::reopen;
use crate::fake::{Bench, Fake, device, device_id, options, plan, plan_for, plan_of, planned, principal};

fn query(words: &str) -> HistoryQuery {
    HistoryQuery { tenant_id: principal().tenant_id, words: words.into(), ..HistoryQuery::default() }
}

fn because(reason: &str, plan: Plan) -> Plan {
    let mut plan = plan;
    plan.reason = Some(reason.into());
    plan
}

impl Bench {
    async fn find(&self, words: &str) -> HistoryFound {
        self.engine.search(query(words)).await.unwrap()
    }

    /// The names of the devices that are found.
    async fn names(&self, words: &str) -> Vec<String> {
        let found = self.find(words).await;
        assert_eq!(found.matching as usize, found.items.len());
        assert_eq!(found.matching_runs as usize, found.runs.len());
        assert_eq!(runs(&found), of_items(&found), "each run that is shown has a device that matches");
        found.items.into_iter().map(|item| item.item.planned.name).collect()
    }
}

fn runs(found: &HistoryFound) -> Vec<RunId> {
    found.runs.iter().map(|run| run.header.id).collect()
}

fn of_items(found: &HistoryFound) -> Vec<RunId> {
    let mut ids: Vec<_> = found.items.iter().map(HistoryItem::run_id).collect();
    ids.dedup();
    ids
}

#[tokio::test(start_paused = true)]
async fn all_words_are_found_in_what_is_shown_of_a_device_or_its_run_case_and_accents_aside() {
    let bench = Bench::new(4);
    let mut items: Vec<_> = (0..3).map(|number| planned(&device(number), Route::Direct)).collect();
    items[0].name = "Zoë’s iPad".into();
    items[1].route = Route::User(UserId::new("user-1").unwrap());
    items[1].route_label = "Łukasz Żółć".into();
    items[2].route_label = "Łukasz".into();
    bench.tenant.change(0, |device| device.device_name = "Zoë’s iPad".into());
    let first = bench.run(because("INC-47 lost", plan_of(items))).await.summary.header.id;
    bench.run(because("Straße 9", plan_for([3]))).await;

    assert_eq!(bench.names("ZOE").await, ["Zoë’s iPad"]);
    assert_eq!(bench.names("s000001").await, ["Tablet 1"], "by serial number");
    assert_eq!(bench.names("user2@CONTOSO").await, ["Tablet 2"], "by user");
    assert_eq!(bench.names("lukasz zolc").await, ["Tablet 1"], "by the name of the user");
    assert_eq!(bench.names("LUKASZ").await, ["Tablet 1"], "the label of another route is nobody's name");
    assert_eq!(bench.names("strasse").await, ["Tablet 3"], "by reason");
    assert_eq!(bench.names("inc-47").await, ["Zoë’s iPad", "Tablet 1", "Tablet 2"]);
    assert_eq!(bench.names("lost tablet 000002").await, ["Tablet 2"], "each word where it is");
    assert_eq!(bench.names(&first.to_string()[..13]).await.len(), 3, "by the run");
    assert_eq!(bench.names("admin@contoso.example").await.len(), 4, "by account, the newest run first");
    assert_eq!(bench.names("admin@contoso.example").await[0], "Tablet 3");
    assert_eq!(bench.names("tablet nobody").await, [""; 0]);
    assert_eq!(bench.names("%").await, [""; 0], "no character stands for others");
}

#[tokio::test(start_paused = true)]
async fn without_words_every_run_of_the_tenant_and_time_is_found_and_no_device() {
    let bench = Bench::new(3);
    let mut ids = Vec::new();
    let mut started = Vec::new();
    for number in 0..3 {
        let run = bench.run(plan_for([number])).await;
        started.push(run.summary.header.started);
        ids.insert(0, run.summary.header.id);
        tokio::time::sleep(Duration::from_secs(3_600)).await;
    }
    let found = bench.find(" \u{200b} ").await;
    assert_eq!((runs(&found), found.items.len(), found.matching), (ids.clone(), 0, 0));
    assert_eq!(found.runs, bench.engine.runs(None).await.unwrap());

    let between = |since, until| HistoryQuery { since, until, ..query("") };
    let in_time = async |since, until| runs(&bench.engine.search(between(since, until)).await.unwrap());
    assert_eq!(in_time(Some(started[1]), None).await, ids[..2], "since a moment, with it");
    assert_eq!(in_time(None, Some(started[1])).await, ids[2..], "until a moment, without it");
    assert_eq!(in_time(Some(started[1]), Some(started[2])).await, ids[1..2]);
    let words = HistoryQuery { since: Some(started[2]), ..query("tablet") };
    assert_eq!(bench.engine.search(words).await.unwrap().matching, 1);

    let capitals = HistoryQuery { tenant_id: principal().tenant_id.to_uppercase(), ..query("") };
    assert_eq!(bench.engine.search(capitals).await.unwrap().runs.len(), 3);
    let other = HistoryQuery { tenant_id: "33333333-3333-3333-3333-333333333333".into(), ..query("tablet") };
    let other = bench.engine.search(other).await.unwrap();
    assert_eq!((other.runs.len(), other.matching), (0, 0), "another tenant's runs are not found");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_goes_on_is_found_as_the_engine_shows_it() {
    let mut tenant = Fake::new(40);
    tenant.round_trip = Duration::from_secs(1);
    let bench = Bench::with(tenant);
    let id = bench.start(plan(40)).await;
    let at_work = |counts: unlatch_recovery::RunCounts| counts.accepted > 8 && counts.waiting > 8;
    bench.until(id, |run| at_work(run.summary.counts)).await;

    // It goes on while it is looked at: both are looked at until nothing happened between them.
    let (found, shown) = loop {
        let (found, shown) = (bench.find("tablet").await, bench.engine.run(id).await.unwrap());
        if found.runs[0].counts == shown.summary.counts {
            break (found, shown);
        }
    };
    assert_eq!(found.items.len(), 40);
    assert!(found.items.iter().map(|found| &found.item).eq(&shown.items), "no older fold is shown");
    assert!(found.runs[0].state.is_active() && found.runs[0].remaining.is_some());
    assert!(found.items.iter().any(|found| found.item.standing.state == ItemState::Sending));
    let one = bench.engine.recoveries_of(&device_id(39), &principal().tenant_id).await.unwrap();
    assert_eq!(one[0].item, shown.items[39]);

    // Another process knows it by the journal alone, and nothing of it goes on.
    let killed = bench.as_if_killed(Fake::new(0));
    let found = killed.find("tablet").await;
    let shown = killed.engine.run(id).await.unwrap();
    assert!(found.items.iter().map(|found| &found.item).eq(&shown.items));
    assert_eq!(found.runs, [shown.summary]);
    assert!(found.items.iter().all(|found| !found.item.standing.state.is_open()));
    bench.end(id).await;
}

#[tokio::test(start_paused = true)]
async fn the_recoveries_of_one_device_are_found_newest_first() {
    let bench = Bench::new(3);
    let first = bench.run(plan(3)).await.summary.header.id;
    let second = bench.run(because("again", plan_for([2, 1]))).await.summary.header.id;
    bench.run(plan_for([0])).await;
    let tenant = principal().tenant_id;
    let recoveries = bench.engine.recoveries_of(&device_id(1), &tenant).await.unwrap();
    let stand = |found: &HistoryItem| (found.run_id(), found.item.position, found.item.standing.state);
    let stands: Vec<_> = recoveries.iter().map(stand).collect();
    assert_eq!(stands, [(second, 1, ItemState::Accepted), (first, 1, ItemState::Accepted)]);
    assert_eq!(recoveries[0].run.reason.as_deref(), Some("again"));
    assert_eq!(recoveries[0].item.planned.name, "Tablet 1");

    let unknown = unlatch_graph::DeviceId::new("device-unknown").unwrap();
    assert!(bench.engine.recoveries_of(&unknown, &tenant).await.unwrap().is_empty());
    let elsewhere = bench.engine.recoveries_of(&device_id(1), "another tenant").await.unwrap();
    assert!(elsewhere.is_empty());
}

#[tokio::test(start_paused = true)]
async fn of_many_devices_the_newest_are_shown_and_all_are_counted() {
    let bench = Bench::new(700);
    let old = bench.run(plan(700)).await.summary.header.id;
    let new = bench.run(plan_for(0..10)).await.summary.header.id;
    let found = bench.find("tablet").await;
    assert_eq!((found.matching, found.items.len()), (710, MAX_HISTORY_ITEMS));
    assert_eq!(runs(&found), [new, old], "a run is shown even if none of its devices is");
    assert_eq!(of_items(&found), [new, old]);
    assert_eq!(found.items[499].item.position, 489);
}

#[tokio::test(start_paused = true)]
async fn of_many_runs_the_newest_are_shown_and_all_are_counted() {
    let bench = Bench::new(1);
    let mut ids = Vec::new();
    for _ in 0..MAX_HISTORY_RUNS + 3 {
        ids.push(bench.run(plan(1)).await.summary.header.id);
    }
    ids.reverse();
    for words in ["", "tablet"] {
        let found = bench.find(words).await;
        assert_eq!(runs(&found), ids[..MAX_HISTORY_RUNS], "{words:?}");
        assert_eq!(found.matching_runs as usize, ids.len(), "{words:?}");
    }
    assert_eq!(of_items(&bench.find("tablet").await), ids, "a device is shown even if its run is not");
}

/// Devices of each run of a large journal.
const DEVICES: u32 = 500;

/// As that many runs leave it, without going through them.
fn large(folder: &std::path::Path, runs: u32) {
    drop(Journal::open(folder).unwrap());
    let mut file = rusqlite::Connection::open(folder.join("journal.sqlite")).unwrap();
    file.pragma_update(None, "synchronous", "OFF").unwrap();
    let transaction = file.transaction().unwrap();
    let at = |second: u32| {
        let at = OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + u64::from(second));
        (at, at.format(&Rfc3339).unwrap())
    };
    let mut header = transaction
        .prepare("INSERT INTO run VALUES (?1, ?2, ?3, 'global', ?4, 'Contoso', ?5, 'id', 'recoverPasscode', ?6, ?7)")
        .unwrap();
    let mut item = transaction
        .prepare(
            "INSERT INTO item VALUES (?1, ?2, ?3, '{\"kind\":\"direct\"}', '', ?4, ?5, NULL, ?6, 'iOS 18.1')",
        )
        .unwrap();
    let mut event = transaction
        .prepare("INSERT INTO event (run, position, at, kind, body, hash) VALUES (?1, ?2, ?3, ?4, ?5, zeroblob(32))")
        .unwrap();
    for run in 0..runs {
        let id = Uuid::from_u128(0xfeed_0000_0000 + u128::from(run)).to_string();
        let (now, written) = at(run * 100);
        let tenant = principal().tenant_id;
        let admin = if run % 2 == 0 { "alma@contoso.example" } else { "bjørn@contoso.example" };
        let reason = format!("INC-{run:05}");
        header.execute(params![run, id, written, tenant, admin, reason, DEVICES]).unwrap();
        let mut tell = |position: Option<u32>, fact: &Event| {
            let body = serde_json::to_string(fact).unwrap();
            event.execute(params![run, position, written, fact.kind(), body]).unwrap();
        };
        tell(None, &Event::Began);
        for position in 0..DEVICES {
            let number = (run * 97 + position) % 100_000;
            let name =
                if number == 4_711 { "Zoë’s iPad".to_owned() } else { format!("IPADOS-{number:05}") };
            let (serial, user) =
                (format!("SN{number:06}"), format!("user{:04}@contoso.example", number % 9_999));
            item.execute(params![run, position, format!("device-{number:05}"), name, serial, user]).unwrap();
            tell(Some(position), &intent(now));
            tell(Some(position), &answer(now));
            tell(Some(position), &observed(now));
        }
        tell(None, &Event::RunEnded { state: unlatch_recovery::RunState::Finished });
    }
    drop((header, item, event));
    transaction.commit().unwrap();
}

fn intent(now: OffsetDateTime) -> Event {
    Event::Intent { attempt: 1, route: Route::Direct, server_now: now, baseline: None }
}

fn answer(now: OffsetDateTime) -> Event {
    Event::Answer {
        verdict: Verdict::Accepted,
        status: Some(204),
        code: None,
        message: None,
        request_id: Some("7f0b0b1e-0000-4000-8000-000000000000".into()),
        client_request_id: Uuid::nil(),
        server_date: Some(now),
        intermediary: false,
    }
}

fn observed(now: OffsetDateTime) -> Event {
    Event::Observed {
        result: "done".into(),
        started: Some(now),
        last_updated: Some(now),
        has_passcode: false,
    }
}

/// Looked through, and only what is shown is folded. SQLite and the tests are built without optimisation, so the limits are far
/// above what a person meets. `UNLATCH_HISTORY_RUNS` sets another number of runs and has the times printed.
#[tokio::test]
async fn a_hundred_thousand_recorded_devices_are_looked_through_while_a_person_waits() {
    let set = std::env::var("UNLATCH_HISTORY_RUNS").ok().map(|runs| runs.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    large(folder.path(), set.unwrap_or(200));
    let clock: unlatch_graph::Clock = std::sync::Arc::new(OffsetDateTime::now_utc);
    let engine = unlatch_recovery::Engine::new(reopen(folder.path()), options(&clock));
    let timed = async |words: &str| {
        let begun = Instant::now();
        let found = engine.search(query(words)).await.unwrap();
        if set.is_some() {
            println!(
                "{words:?}: {} runs, {} devices, {:?}",
                found.matching_runs,
                found.matching,
                begun.elapsed()
            );
        }
        assert!(set.is_some() || begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        found
    };
    let rare = timed("zoe ipad").await;
    assert_eq!((rare.runs.len(), rare.items.len(), rare.matching), (5, 5, 5));
    assert!(rare.items.iter().all(|found| found.item.standing.state == ItemState::Done));
    let one = timed("inc-00115").await;
    assert_eq!((one.runs.len(), one.items.len(), one.matching), (1, DEVICES as usize, DEVICES));
    let none = timed("nobody").await;
    assert_eq!((none.runs.len(), none.matching), (0, 0));
    let begun = Instant::now();
    let device = unlatch_graph::DeviceId::new("device-04711").unwrap();
    let recoveries = engine.recoveries_of(&device, &principal().tenant_id).await.unwrap();
    assert_eq!(recoveries, rare.items);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    if set.is_some() {
        println!("one device: {:?}", begun.elapsed());
        for words in ["", "", "alma", "user"] {
            timed(words).await;
        }
    }
}

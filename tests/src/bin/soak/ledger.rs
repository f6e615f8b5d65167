//! Whether the journal and the demo tenant's own log tell the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use unlatch_demo_tenant::DemoTenant;
use unlatch_e2e::Failure;

/// How many requests may be in flight at the same time, and so without an answer after a kill.
const IN_FLIGHT: usize = 8;

/// A request that reached the tenant.
#[derive(Debug, Clone)]
struct Post {
    device: String,
    /// What the window called it.
    id: String,
}

/// One device of a run, by the journal.
#[derive(Debug, Default)]
struct Item {
    device: String,
    run: String,
    intents: usize,
    /// Intents whose request is known not to have gone out, or not to have been executed.
    harmless: usize,
    acts: usize,
    /// The last intent has neither an answer nor a withdrawal.
    open: bool,
    /// Every intent that stayed open.
    left_open: usize,
    answers: Vec<Answer>,
    in_doubt: bool,
}

#[derive(Debug)]
struct Answer {
    id: String,
    answered: bool,
    unconfirmed: bool,
}

/// What reached the tenant since the start, and how often Unlatch was killed.
#[derive(Debug, Default)]
pub struct Ledger {
    posts: Vec<Post>,
    kills: usize,
}

impl Ledger {
    /// How many requests to recover a passcode arrived.
    pub fn posts(&self) -> usize {
        self.posts.len()
    }

    /// Unlatch was killed: up to eight requests may have no answer in the journal.
    pub fn killed(&mut self) {
        self.kills += 1;
    }

    /// Takes what the tenant's log holds, which is empty afterwards.
    pub fn take_from(&mut self, tenant: &DemoTenant) {
        for request in tenant.requests() {
            let mut segments = request.path.rsplit('/');
            if request.method == "POST" && segments.next() == Some("recoverPasscode") {
                let device = segments.next().unwrap_or_default().to_owned();
                let id = request.header("client-request-id").unwrap_or_default().to_owned();
                self.posts.push(Post { device, id });
            }
        }
        tenant.clear_requests();
    }

    /// What the journal and the tenant do not tell alike, each in a sentence. `executed` is what the tenant really did: the
    /// device and the request's id.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn compare(&self, journal: &Path, executed: &[(String, String)]) -> Result<Vec<String>, Failure> {
        let (items, mut wrong) =
            read(journal).map_err(|error| Failure::new(format!("the journal: {error}")))?;
        wrong.extend(self.every_post_is_known(&items));
        wrong.extend(self.every_answer_was_given(&items));
        wrong.extend(nothing_twice(&items, executed));
        wrong.extend(no_doubt_is_left(&items, executed));
        Ok(wrong)
    }

    fn every_post_is_known(&self, items: &[Item]) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut answers: BTreeMap<&str, usize> = BTreeMap::new();
        for answer in items.iter().flat_map(|item| &item.answers) {
            *answers.entry(&answer.id).or_default() += 1;
        }
        let mut left_open: BTreeMap<&str, usize> = BTreeMap::new();
        for item in items {
            *left_open.entry(&item.device).or_default() += item.left_open;
        }
        let mut seen = BTreeSet::new();
        for Post { device, id } in &self.posts {
            if !seen.insert(id) {
                wrong.push(format!("request {id} for {device} arrived twice"));
            }
            match answers.get(id.as_str()) {
                Some(1) => {}
                Some(times) => wrong.push(format!("the journal has {times} answers to request {id}")),
                None => match left_open.get_mut(device.as_str()) {
                    Some(open) if *open > 0 => *open -= 1,
                    _ => wrong.push(format!("the journal knows nothing of request {id} for {device}")),
                },
            }
        }
        let open: usize = items.iter().map(|item| item.left_open).sum();
        if open > self.kills * IN_FLIGHT {
            wrong.push(format!("{open} intents have no answer after {} kills", self.kills));
        }
        wrong
    }

    fn every_answer_was_given(&self, items: &[Item]) -> Vec<String> {
        let arrived: BTreeSet<&str> = self.posts.iter().map(|post| post.id.as_str()).collect();
        let mut wrong = Vec::new();
        for item in items {
            for Answer { id, answered, unconfirmed } in &item.answers {
                let has_arrived = arrived.contains(id.as_str());
                if *answered && !has_arrived {
                    wrong.push(format!("the journal has an answer to {id}, which never arrived"));
                }
                if !answered && !unconfirmed && has_arrived {
                    wrong.push(format!("the journal says that {id} did not go out, and it arrived"));
                }
            }
            if item.answers.len() + item.left_open > item.intents {
                wrong.push(format!("{} in run {} has an answer without an intent", item.device, item.run));
            }
        }
        wrong
    }
}

impl Item {
    fn end_intent(&mut self) {
        if std::mem::take(&mut self.open) {
            self.left_open += 1;
        }
    }
}

/// Of the requests that may have been executed each device gets one, and one more for each act of a person.
fn nothing_twice(items: &[Item], executed: &[(String, String)]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut allowed: BTreeMap<&str, usize> = BTreeMap::new();
    for item in items {
        let most = 1 + item.acts;
        if item.intents - item.harmless > most {
            wrong.push(format!(
                "{} in run {} may have been sent to more than {most} times",
                item.device, item.run
            ));
        }
        *allowed.entry(&item.device).or_default() += most;
    }
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for (device, _) in executed {
        *times.entry(device).or_default() += 1;
    }
    for (device, times) in times {
        let most = allowed.get(device).copied().unwrap_or_default();
        if times > most {
            wrong.push(format!("the tenant did it {times} times on {device}, {most} were asked for"));
        }
    }
    wrong
}

/// The technician of the soak sends again what never arrived, and what arrived is settled by what the device reports.
fn no_doubt_is_left(items: &[Item], executed: &[(String, String)]) -> Vec<String> {
    let ids: BTreeSet<&str> = executed.iter().map(|(_, id)| id.as_str()).collect();
    let doubtful = items.iter().filter(|item| item.in_doubt);
    let told = |item: &Item| {
        let was_done = item.answers.iter().any(|answer| ids.contains(answer.id.as_str()));
        let what = if was_done { "and was done" } else { "and nobody sent it again" };
        format!("{} in run {} is unconfirmed, {what}", item.device, item.run)
    };
    doubtful.map(told).collect()
}

/// Every device of every run, and what is wrong with the runs themselves.
fn read(journal: &Path) -> rusqlite::Result<(Vec<Item>, Vec<String>)> {
    let connection = Connection::open_with_flags(journal, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut items: BTreeMap<(i64, i64), Item> = BTreeMap::new();
    let mut devices = connection.prepare(
        "SELECT item.run, item.position, item.device_id, run.id FROM item JOIN run ON run.key = item.run",
    )?;
    let mut rows = devices.query([])?;
    while let Some(row) = rows.next()? {
        let item = Item { device: row.get(2)?, run: row.get(3)?, ..Item::default() };
        items.insert((row.get(0)?, row.get(1)?), item);
    }
    let mut events = connection
        .prepare("SELECT run, position, kind, body FROM event WHERE position IS NOT NULL ORDER BY seq")?;
    let mut rows = events.query([])?;
    while let Some(row) = rows.next()? {
        let Some(item) = items.get_mut(&(row.get(0)?, row.get(1)?)) else { continue };
        let (kind, body): (String, String) = (row.get(2)?, row.get(3)?);
        apply(item, &kind, &serde_json::from_str(&body).unwrap_or_default());
    }
    for item in items.values_mut() {
        item.end_intent();
    }
    let mut unended = connection.prepare(
        "SELECT id FROM run WHERE NOT EXISTS (SELECT 1 FROM event WHERE event.run = run.key AND kind = 'run_ended')",
    )?;
    let unended: Vec<String> = unended.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let wrong = unended.into_iter().map(|run| format!("run {run} has no end")).collect();
    Ok((items.into_values().collect(), wrong))
}

fn apply(item: &mut Item, kind: &str, body: &Value) {
    match kind {
        "intent" => {
            item.end_intent();
            item.intents += 1;
            (item.open, item.in_doubt) = (true, true);
        }
        "withdrawn" => {
            item.harmless += 1;
            (item.open, item.in_doubt) = (false, false);
        }
        "answer" => {
            let answer = &body["answer"];
            let verdict = &answer["verdict"];
            let unconfirmed = verdict == "unconfirmed";
            item.harmless += usize::from(!unconfirmed && verdict != "accepted");
            (item.open, item.in_doubt) = (false, unconfirmed);
            let id = answer["clientRequestId"].as_str().unwrap_or_default().to_owned();
            // What was accepted is recorded without its status, which is always the same.
            let answered = verdict == "accepted" || answer["status"].is_u64();
            item.answers.push(Answer { id, answered, unconfirmed });
        }
        "send_again_asked" => item.acts += 1,
        "observed" => item.in_doubt = false,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(entries: &[(&str, Value)]) -> Item {
        let mut item = Item { device: "d".to_owned(), run: "r".to_owned(), ..Item::default() };
        for (kind, body) in entries {
            apply(&mut item, kind, body);
        }
        item.end_intent();
        item
    }

    fn answer(id: &str, verdict: &Value, status: Option<u16>) -> (&'static str, Value) {
        ("answer", json!({"answer": {"verdict": verdict, "status": status, "clientRequestId": id}}))
    }

    fn intent() -> (&'static str, Value) {
        ("intent", json!({"intent": {}}))
    }

    fn arrived(ids: &[&str]) -> Ledger {
        let post = |id: &&str| Post { device: "d".to_owned(), id: (*id).to_owned() };
        Ledger { posts: ids.iter().map(post).collect(), kills: 0 }
    }

    fn executed(ids: &[&str]) -> Vec<(String, String)> {
        ids.iter().map(|id| ("d".to_owned(), (*id).to_owned())).collect()
    }

    #[test]
    fn what_is_recorded_and_what_arrived_have_to_be_the_same() {
        let items = [item(&[intent(), answer("1", &json!("accepted"), None)])];
        assert!(arrived(&["1"]).every_post_is_known(&items).is_empty());
        assert!(arrived(&["1"]).every_answer_was_given(&items).is_empty());
        assert_eq!(arrived(&[]).every_answer_was_given(&items).len(), 1);
        assert_eq!(arrived(&["1", "2"]).every_post_is_known(&items).len(), 1);
        assert_eq!(arrived(&["1", "1"]).every_post_is_known(&items).len(), 1);
    }

    #[test]
    fn an_intent_without_an_answer_needs_a_kill_and_covers_one_request() {
        let items = [item(&[intent()])];
        assert_eq!(arrived(&["1"]).every_post_is_known(&items).len(), 1);
        let mut ledger = arrived(&["1"]);
        ledger.killed();
        assert!(ledger.every_post_is_known(&items).is_empty());
        let mut ledger = arrived(&["1", "2"]);
        ledger.killed();
        assert_eq!(ledger.every_post_is_known(&items).len(), 1);
        assert_eq!(no_doubt_is_left(&items, &[]).len(), 1);
    }

    #[test]
    fn a_second_request_needs_an_act_unless_the_first_was_not_executed() {
        let lost = || answer("1", &json!("unconfirmed"), None);
        let accepted = || answer("2", &json!("accepted"), None);
        let act = || ("send_again_asked", json!("sendAgainAsked"));
        let twice = [item(&[intent(), lost(), intent(), accepted()])];
        assert_eq!(nothing_twice(&twice, &executed(&["1", "2"])).len(), 2);
        let asked = [item(&[intent(), lost(), act(), intent(), accepted()])];
        assert!(nothing_twice(&asked, &executed(&["1", "2"])).is_empty());
        let held = [item(&[
            intent(),
            answer("1", &json!({"again": {"held": null}}), Some(429)),
            intent(),
            accepted(),
        ])];
        assert!(nothing_twice(&held, &executed(&["2"])).is_empty());
    }

    #[test]
    fn a_doubt_ends_with_what_the_device_reports() {
        let lost = || answer("1", &json!("unconfirmed"), Some(504));
        let doubtful = [item(&[intent(), lost()])];
        assert!(no_doubt_is_left(&doubtful, &executed(&["1"]))[0].ends_with("and was done"));
        let settled = [item(&[intent(), lost(), ("observed", json!({"observed": {}}))])];
        assert!(no_doubt_is_left(&settled, &executed(&["1"])).is_empty());
    }
}

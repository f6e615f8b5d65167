//! The report for programs: everything that is recorded.

use std::io::{self, BufWriter, Write};

use serde::Serialize;
use time::OffsetDateTime;
use unlatch_graph::Route;
use uuid::Uuid;

use crate::check::Found;
use crate::plan::RunId;
use crate::record::{Event, ItemRecord, Recorded, RunRecord, RunSummary};
use crate::state::{ItemReason, ItemState, RunCounts, RunState};

/// What the lines keep to. It grows when a field changes its meaning or goes, not when one is added.
const FORMAT: u32 = 1;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Line<'a> {
    Run {
        format: u32,
        id: RunId,
        #[serde(with = "time::serde::rfc3339")]
        started: OffsetDateTime,
        #[serde(with = "time::serde::rfc3339::option")]
        finished: Option<OffsetDateTime>,
        state: RunState,
        action: &'a str,
        reason: Option<&'a str>,
        cloud: &'a str,
        tenant_id: &'a str,
        tenant_name: &'a str,
        account: &'a str,
        account_id: &'a str,
        total: u32,
        counts: Counts,
    },
    Item {
        position: u32,
        planned: Planned<'a>,
        standing: Standing<'a>,
    },
    Entry {
        seq: u64,
        hash: String,
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
        position: Option<u32>,
        kind: &'a str,
        // The last field: whoever checks the chain needs its bytes as they stand.
        event: &'a Event,
    },
    End {
        items: usize,
        entries: usize,
        last_hash: Option<String>,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    total: u32,
    waiting: u32,
    accepted: u32,
    done: u32,
    answered: u32,
    failed: u32,
    unconfirmed: u32,
    not_sent: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Planned<'a> {
    device_id: &'a str,
    route: &'a Route,
    route_label: &'a str,
    name: &'a str,
    serial: Option<&'a str>,
    user_id: Option<&'a str>,
    user: Option<&'a str>,
    system: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Standing<'a> {
    state: ItemState,
    reason: Option<ItemReason>,
    found: Option<&'a Found>,
    status: Option<u16>,
    code: Option<&'a str>,
    message: Option<&'a str>,
    request_id: Option<&'a str>,
    client_request_id: Option<Uuid>,
    fell_back: bool,
    attempts: u32,
    #[serde(with = "time::serde::rfc3339::option")]
    intent: Option<OffsetDateTime>,
    observed: Option<Observed<'a>>,
    has_passcode: bool,
    gave_up: bool,
    #[serde(with = "time::serde::rfc3339::option")]
    at: Option<OffsetDateTime>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Observed<'a> {
    result: &'a str,
    #[serde(with = "time::serde::rfc3339::option")]
    last_updated: Option<OffsetDateTime>,
}

/// Writes the run as lines of JSON, each an object whose `type` tells its kind: one `run`; an `item` for every device, with what
/// was confirmed and where it stands; an `entry` for each of `entries`, as the journal recorded it, with its hash; one `end`
/// with the number of lines of both kinds and the hash of the last entry, so that a file that was cut off shows. Positions
/// count from 0 and times are RFC 3339.
///
/// An entry can be checked against the one before it in the journal (`seq` one less; 32 zero bytes stand before the first): its
/// `hash` is the SHA-256 over the hash before, `seq` (8 bytes, big-endian), the run's `id`, `position` (4 bytes, big-endian),
/// `at`, `kind` and the text of `event`, in that order, each after its length in bytes (8 bytes, big-endian); for a position of
/// null there are 8 bytes of `ff` and no field. What follows an entry of another run or of the journal itself, or was recorded
/// before a later version added a field to its event, can only be checked in the journal.
///
/// # Errors
/// What `out` says.
pub fn json_lines(run: &RunRecord, entries: &[Recorded], out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let mut write = |line: &Line<'_>| {
        serde_json::to_writer(&mut out, line)?;
        out.write_all(b"\n")
    };
    write(&run_line(&run.summary))?;
    for item in &run.items {
        write(&item_line(item))?;
    }
    for Recorded { seq, hash, entry } in entries {
        write(&Line::Entry {
            seq: *seq,
            hash: hash.to_string(),
            at: entry.at,
            position: entry.position,
            kind: entry.event.kind(),
            event: &entry.event,
        })?;
    }
    write(&Line::End {
        items: run.items.len(),
        entries: entries.len(),
        last_hash: entries.last().map(|last| last.hash.to_string()),
    })?;
    out.flush()
}

fn run_line(summary: &RunSummary) -> Line<'_> {
    let header = &summary.header;
    let RunCounts { total, waiting, accepted, done, answered, failed, unconfirmed, not_sent } =
        summary.counts;
    Line::Run {
        format: FORMAT,
        id: header.id,
        started: header.started,
        finished: summary.finished,
        state: summary.state,
        action: header.action.name(),
        reason: header.reason.as_deref(),
        cloud: &header.principal.cloud,
        tenant_id: &header.principal.tenant_id,
        tenant_name: &header.principal.tenant_name,
        account: &header.principal.account,
        account_id: &header.principal.account_id,
        total: header.total,
        counts: Counts { total, waiting, accepted, done, answered, failed, unconfirmed, not_sent },
    }
}

fn item_line(ItemRecord { position, planned, standing }: &ItemRecord) -> Line<'_> {
    Line::Item {
        position: *position,
        planned: Planned {
            device_id: planned.device_id.as_str(),
            route: &planned.route,
            route_label: &planned.route_label,
            name: &planned.name,
            serial: planned.serial.as_deref(),
            user_id: planned.user_id.as_ref().map(|id| id.as_str()),
            user: planned.user.as_deref(),
            system: planned.system.as_deref(),
        },
        standing: Standing {
            state: standing.state,
            reason: standing.reason,
            found: standing.found.as_ref(),
            status: standing.status,
            code: standing.code.as_deref(),
            message: standing.message.as_deref(),
            request_id: standing.request_id.as_deref(),
            client_request_id: standing.client_request_id,
            fell_back: standing.fell_back,
            attempts: standing.attempts,
            intent: standing.intent,
            observed: standing
                .observed
                .as_ref()
                .map(|(result, last_updated)| Observed { result, last_updated: *last_updated }),
            has_passcode: standing.has_passcode,
            gave_up: standing.gave_up,
            at: standing.at,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};
    use sha2::{Digest as _, Sha256};

    use super::super::sample;
    use super::*;
    use crate::journal::{ChainHash, Journal};
    use crate::record::RunHeader;

    fn lines(run: &RunRecord, entries: &[Recorded]) -> Vec<Value> {
        let mut file = Vec::new();
        json_lines(run, entries, &mut file).unwrap();
        assert_eq!(file.last(), Some(&b'\n'));
        let text = String::from_utf8(file).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn the_lines_are_the_run_then_its_devices_then_its_entries_then_the_end() {
        let (run, entries) = (sample::run(), sample::entries());
        let lines = lines(&run, &entries);
        let kinds: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
        let (items, recorded) = (run.items.len(), entries.len());
        let expected = [vec!["run"], vec!["item"; items], vec!["entry"; recorded], vec!["end"]].concat();
        assert_eq!(kinds, expected);
        let hash = entries.last().unwrap().hash.to_string();
        assert_eq!(
            lines.last().unwrap(),
            &json!({"type": "end", "items": items, "entries": recorded, "lastHash": hash})
        );
    }

    #[test]
    fn the_run_has_its_header_its_counts_and_how_it_ended() {
        assert_eq!(
            lines(&sample::run(), &[])[0],
            json!({
                "type": "run", "format": 1, "id": sample::RUN_ID, "started": "2026-11-24T10:03:02Z",
                "finished": null, "state": "active", "action": "recoverPasscode", "reason": "INC-7",
                "cloud": "global", "tenantId": "t-1", "tenantName": "Contoso", "account": "ana@contoso.com",
                "accountId": "o-1", "total": 7,
                "counts": {
                    "total": 7, "waiting": 1, "accepted": 2, "done": 1, "answered": 0, "failed": 3,
                    "unconfirmed": 0, "notSent": 0
                }
            })
        );
    }

    #[test]
    fn an_item_has_what_was_confirmed_and_where_it_stands() {
        let lines = lines(&sample::run(), &[]);
        assert_eq!(
            lines[1 + sample::DONE],
            json!({
                "type": "item", "position": 0,
                "planned": {
                    "deviceId": "d-0", "route": {"kind": "user", "id": "u-1"}, "routeLabel": "Bo Berg",
                    "name": "Tablet 7", "serial": "S7", "userId": "u-1", "user": "bo@contoso.com",
                    "system": "iOS 19"
                },
                "standing": {
                    "state": "done", "reason": null, "found": null, "status": 204, "code": null, "message": null,
                    "requestId": "graph-1", "clientRequestId": "00000000-0000-0000-0000-000000000007",
                    "fellBack": true, "attempts": 1, "intent": "2026-11-24T10:03:02Z",
                    "observed": {"result": "done", "lastUpdated": "2026-11-24T10:05:00Z"},
                    "hasPasscode": true, "gaveUp": false, "at": "2026-11-24T10:03:02Z"
                }
            })
        );
        assert_eq!(
            lines[1 + sample::CHANGED]["standing"]["found"],
            json!({"differences": [
                {"field": "name", "then": "Phone 3", "now": "Phone 4"},
                {"field": "serial", "then": "S3", "now": null}
            ]})
        );
    }

    #[test]
    fn an_entry_is_as_the_journal_recorded_it() {
        let entries = sample::entries();
        let lines = lines(&sample::run(), &entries);
        let written = lines.iter().filter(|line| line["type"] == "entry");
        for (line, recorded) in written.zip(&entries) {
            assert_eq!(line["seq"], recorded.seq);
            assert_eq!(line["hash"], recorded.hash.to_string());
            assert_eq!(line["position"], json!(recorded.entry.position));
            assert_eq!(line["kind"], recorded.entry.event.kind());
            assert_eq!(line["at"], "2026-11-24T10:03:02Z");
            let event: Event = serde_json::from_value(line["event"].clone()).unwrap();
            assert_eq!(event, recorded.entry.event);
        }
    }

    #[test]
    fn a_line_break_in_a_name_breaks_no_line() {
        let mut run = sample::run();
        let name = "Tablet\r\n{\"type\":\"end\"}\u{2028}\0\u{202e}=1";
        run.items[0].planned.name = name.to_owned();
        let lines = lines(&run, &[]);
        assert_eq!(lines.len(), run.items.len() + 2);
        assert_eq!(lines[1]["planned"]["name"], name);
    }

    /// How many entries follow from the one before them, as a reader finds who has nothing but the file and its description.
    /// None if one does not.
    fn chained(file: &str) -> Option<usize> {
        let mut before: Option<(u64, Vec<u8>)> = Some((0, vec![0; 32]));
        let (mut id, mut count) = (String::new(), 0);
        for line in file.lines() {
            let fields: Value = serde_json::from_str(line).unwrap();
            if fields["type"] == "run" {
                id = fields["id"].as_str().unwrap().to_owned();
            }
            if fields["type"] != "entry" {
                continue;
            }
            let seq = fields["seq"].as_u64().unwrap();
            let event = line.split_once("\"event\":").unwrap().1.strip_suffix('}').unwrap();
            let position = fields["position"].as_u64().map(|at| u32::try_from(at).unwrap().to_be_bytes());
            let hash = fields["hash"].as_str().unwrap();
            if let Some((_, before)) = before.filter(|(before, _)| before + 1 == seq) {
                let mut sum = Sha256::new();
                let mut take = |field: Option<&[u8]>| {
                    sum.update(field.map_or(u64::MAX, |field| field.len() as u64).to_be_bytes());
                    sum.update(field.unwrap_or_default());
                };
                take(Some(&before));
                take(Some(&seq.to_be_bytes()));
                take(Some(id.as_bytes()));
                take(position.as_ref().map(<[u8; 4]>::as_slice));
                for text in [fields["at"].as_str().unwrap(), fields["kind"].as_str().unwrap(), event] {
                    take(Some(text.as_bytes()));
                }
                if ChainHash(sum.finalize().into()).to_string() != hash {
                    return None;
                }
                count += 1;
            }
            let bytes = (0..64).step_by(2).map(|at| u8::from_str_radix(&hash[at..at + 2], 16).unwrap());
            before = Some((seq, bytes.collect()));
        }
        Some(count)
    }

    #[tokio::test]
    async fn a_reader_can_check_the_chain_with_nothing_but_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        let run = sample::run();
        let items: Arc<[_]> = run.items.iter().map(|item| item.planned.clone()).collect();
        let id = run.summary.header.id;
        journal.begin(run.summary.header.clone(), items.clone(), OffsetDateTime::UNIX_EPOCH).await.unwrap();
        let facts: Vec<_> = sample::entries().into_iter().skip(1).map(|recorded| recorded.entry).collect();
        let (first, second) = facts.split_at(4);
        journal.append(id, first.to_vec(), Box::new(Vec::new), Box::new(|_| ())).await.unwrap();
        journal
            .begin(
                RunHeader { id: RunId::random(), ..run.summary.header.clone() },
                items,
                OffsetDateTime::UNIX_EPOCH,
            )
            .await
            .unwrap();
        journal.append(id, second.to_vec(), Box::new(Vec::new), Box::new(|_| ())).await.unwrap();

        let mut file = Vec::new();
        let entries = journal.entries(id).await.unwrap();
        json_lines(&run, &entries, &mut file).unwrap();
        let file = String::from_utf8(file).unwrap();
        assert_eq!(chained(&file), Some(entries.len() - 1), "all but the one after the other run's");
        for (what, instead) in [
            ("\"status\":403", "\"status\":204"),
            ("\"kind\":\"began\"", "\"kind\":\"taken_up\""),
            ("\"seq\":4,", "\"seq\":3,"),
            (sample::RUN_ID, "00000000-0000-0000-0000-000000000002"),
        ] {
            let tampered = file.replace(what, instead);
            assert_ne!(tampered, file, "{what}");
            assert_ne!(chained(&tampered), chained(&file), "{what}");
        }
    }

    #[test]
    fn nothing_in_it_could_hold_a_passcode() {
        fn look(value: &Value, found: &mut Vec<(String, bool)>) {
            match value {
                Value::Object(fields) => {
                    for (key, value) in fields {
                        if key.to_lowercase().contains("passcode") {
                            found.push((key.clone(), value.is_boolean()));
                        }
                        look(value, found);
                    }
                }
                Value::Array(values) => values.iter().for_each(|value| look(value, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        lines(&sample::run(), &sample::entries()).iter().for_each(|line| look(line, &mut found));
        assert!(found.iter().any(|(key, _)| key == "hasPasscode"), "{found:?}");
        assert!(found.iter().all(|field| *field == ("hasPasscode".to_owned(), true)), "{found:?}");
    }

    #[test]
    fn a_run_without_entries_ends_without_a_hash() {
        assert_eq!(lines(&sample::run(), &[]).last().unwrap()["lastHash"], Value::Null);
    }

    #[test]
    fn a_disk_that_is_full_is_told_of_even_if_only_the_last_byte_is_lost() {
        let mut whole = sample::Pieces::default();
        json_lines(&sample::of(1_000), &[], &mut whole).unwrap();
        for room in [100, whole.total / 2, whole.total - 1] {
            let error = json_lines(&sample::of(1_000), &[], &mut sample::Full::after(room)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{room}");
        }
        json_lines(&sample::of(1_000), &[], &mut sample::Full::after(whole.total)).unwrap();
    }

    #[test]
    fn ten_thousand_devices_go_out_piece_by_piece() {
        let mut out = sample::Pieces::default();
        json_lines(&sample::of(10_000), &sample::entries(), &mut out).unwrap();
        assert!(out.total > 1_000_000 && out.largest <= 64 * 1024, "{out:?}");
    }
}

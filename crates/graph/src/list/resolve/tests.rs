use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::checks::comparable;
use crate::list::parse::entries;
use crate::wire::Row as _;

const ID: &str = "0000000a-0000-4000-8000-00000000000a";

fn known() -> Known {
    let mut known = Known::default();
    for row in [
        json!({"id": ID, "serialNumber": "SN1", "deviceName": "PC-1", "userPrincipalName": "anna@x.example",
            "emailAddress": "anna.m@x.example"}),
        json!({"id": "d2", "serialNumber": "SN2", "deviceName": "PC-2", "userPrincipalName": "anna@x.example",
            "emailAddress": "anna.m@x.example"}),
        json!({"id": "d3", "serialNumber": " sn3 ", "deviceName": "Zoë’s iPad", "userPrincipalName": "Bob@x.example"}),
        json!({"id": "d4", "serialNumber": "SN4", "deviceName": "PC-2"}),
        json!({"id": "d5", "serialNumber": "SN4", "deviceName": "iPad"}),
        json!({"id": "d6", "serialNumber": "PC-1", "deviceName": ""}),
        json!({"id": "d7", "serialNumber": "SN7", "deviceName": "SN7"}),
    ] {
        known.add(ManagedDevice::read(row).unwrap());
    }
    known
}

/// Each entry as `line text: outcome`, ids by their last letter.
fn said_of(text: &str, read: impl Fn(&str) -> bool) -> Vec<String> {
    said_in(known(), text, read)
}

fn said_in(known: Known, text: &str, read: impl Fn(&str) -> bool) -> Vec<String> {
    let last = |id: &crate::id::DeviceId| id.as_str().chars().next_back().unwrap();
    let (told, devices) = resolve(&entries(text).unwrap(), known, read);
    let mut named = HashSet::new();
    let said = told
        .into_iter()
        .map(|ListedEntry { line, text, outcome }| {
            let outcome = match outcome {
                Outcome::One(id) => {
                    named.insert(id.clone());
                    last(&id).to_string()
                }
                Outcome::Several(ids) => {
                    named.extend(ids.iter().cloned());
                    let only = if ids.len() == 1 { "only " } else { "" };
                    only.to_owned() + &ids.iter().map(last).map(String::from).collect::<Vec<_>>().join("|")
                }
                Outcome::None => "none".to_owned(),
                Outcome::Double { of_line } => format!("double of {of_line}"),
                Outcome::NotRead => "not read".to_owned(),
            };
            format!("{line} {text}: {outcome}")
        })
        .collect();
    assert_eq!(devices.len(), named.len(), "each device that is named, once");
    assert!(devices.iter().all(|device| named.contains(&device.id)));
    said
}

fn said(text: &str) -> Vec<String> {
    said_of(text, |_| true)
}

#[test]
fn a_text_names_a_device_by_each_property_whole_and_in_any_case() {
    for text in ["sn1", ID, &ID.to_uppercase(), "SN\u{200b}1"] {
        assert_eq!(said(text), [format!("1 {text}: a")]);
    }
    assert_eq!(said("ZOË’S IPAD"), ["1 ZOË’S IPAD: 3"]);
    assert_eq!(said("SN3\nSN"), ["1 SN3: 3", "2 SN: none"]);
    assert_eq!(said("BOB@x.example"), ["1 BOB@x.example: 3"]);
    assert_eq!(said("d2"), ["1 d2: none"], "an id is a GUID");
}

#[test]
fn what_names_several_devices_is_for_a_person_to_choose() {
    assert_eq!(said("anna@x.example"), ["1 anna@x.example: a|2"]);
    assert_eq!(said("anna.m@x.example"), ["1 anna.m@x.example: a|2"]);
    assert_eq!(said("SN4"), ["1 SN4: 4|5"]);
    assert_eq!(said("PC-1"), ["1 PC-1: a|6"], "the name of one and the serial number of another");
    assert_eq!(said("SN7"), ["1 SN7: 7"]);
}

#[test]
fn the_cells_of_a_row_are_one_entry_on_which_they_agree() {
    assert_eq!(
        said("PC-2;SN2;anna@x.example;anna.m@x.example;Windows 11"),
        ["1 PC-2, SN2, anna@x.example, anna.m@x.example: 2"]
    );
    assert_eq!(said("PC-1,anna@x.example"), ["1 PC-1, anna@x.example: a"]);
    assert_eq!(said("SN1,PC-2"), ["1 SN1, PC-2: a|2|4"], "they disagree");
    assert_eq!(said("SN1,bob@x.example"), ["1 SN1, bob@x.example: a|3"]);
}

#[test]
fn a_line_that_lists_devices_is_an_entry_for_each() {
    assert_eq!(said("SN1, SN2 SN3, SN9"), ["1 SN1: a", "1 SN2: 2", "1 SN3: 3"]);
    assert_eq!(said("SN1 SN2\nSN2"), ["1 SN1: a", "1 SN2: 2", "2 SN2: double of 1"]);
    assert_eq!(said("SN1, SN2, bob@x.example"), ["1 SN1: a", "1 SN2: 2", "1 bob@x.example: 3"]);
    assert_eq!(said("anna@x.example; bob@x.example"), ["1 anna@x.example: a|2", "1 bob@x.example: 3"]);
    assert_eq!(said("SN4, SN2"), ["1 SN4: 4|5", "1 SN2: 2"]);
}

#[test]
fn a_model_that_some_device_is_called_by_names_it_in_no_row() {
    // One row alone cannot be told from two devices; a column can.
    assert_eq!(said("SN1,iPad"), ["1 SN1, iPad: a|5"]);
    assert_eq!(said("SN7,iPad"), ["1 SN7, iPad: 5|7"], "whose name is its serial number");
    assert_eq!(said("SN2,iPad,anna@x.example"), ["1 SN2, iPad, anna@x.example: a|2|5"]);
    assert_eq!(said("SN1,iPad\nSN2,iPad"), ["1 SN1: a", "2 SN2: 2"]);
    // Between names nobody can tell whether it was meant.
    assert_eq!(said("Zoë’s iPad,iPad\nSN7,iPad"), ["1 Zoë’s iPad: only 3", "1 iPad: only 5", "2 SN7: 7"]);
}

#[test]
fn a_row_whose_device_is_not_there_names_no_other_one_for_certain() {
    assert_eq!(said("SN9,iPad\nSN8,iPad"), ["1 iPad: only 5", "2 iPad: double of 1"]);
    assert_eq!(said("iPad"), ["1 iPad: 5"], "alone it is no model");
    assert_eq!(said("OLD-1,Bob,bob@x.example"), ["1 bob@x.example: only 3"]);
    assert_eq!(said("OLD-1 of bob@x.example"), ["1 bob@x.example: only 3"]);
    assert_eq!(said("Bob <bob@x.example>"), ["1 bob@x.example: 3"]);
    assert_eq!(said("SN3,OLD-1,bob@x.example"), ["1 SN3, bob@x.example: 3"]);
    assert_eq!(said("SN1,SN2,iPad"), ["1 SN1: a", "1 SN2: 2", "1 iPad: only 5"]);
}

/// A tenant in which ANNA-LT1 is other hardware than it was.
fn replaced() -> Known {
    let mut known = known();
    for row in [
        json!({"id": "d8", "serialNumber": "C02NEW88", "deviceName": "ANNA-LT1", "userPrincipalName": "carla7@x.example",
            "model": "iPad12,1", "manufacturer": "ACME-1000", "osVersion": "22631x5", "userDisplayName": "Carla5"}),
        json!({"id": "d9", "serialNumber": "C02XY999", "deviceName": "BERND-LT2", "userPrincipalName": "bernd@x.example"}),
    ] {
        known.add(ManagedDevice::read(row).unwrap());
    }
    known
}

fn said_after(text: &str) -> Vec<String> {
    said_in(replaced(), text, |_| true)
}

#[test]
fn a_name_is_not_certain_beside_a_serial_number_that_is_not_its_devices() {
    let row = "SN-OLD;ANNA-LT1;carla7@x.example";
    let doubtful = "SN-OLD, ANNA-LT1, carla7@x.example: only 8";
    // The column holds serial numbers, as another line or the title says, or for all that can be known.
    assert_eq!(said_after(&format!("{row}\nSN2;PC-2;anna@x.example"))[0], format!("1 {doubtful}"));
    assert_eq!(said_after(&format!("Serial number;Device name;User\n{row}")), [format!("2 {doubtful}")]);
    assert_eq!(said_after(row), [format!("1 {doubtful}")]);
    assert_eq!(said_after("C02OLD77,ANNA-LT1"), ["1 C02OLD77, ANNA-LT1: only 8"]);
    assert_eq!(said_after("ANNA-LT1;;0123456789"), ["1 ANNA-LT1, 0123456789: only 8"]);
    assert_eq!(
        said_after("Device name;Service Tag\nANNA-LT1;HJKLMNP"),
        ["2 ANNA-LT1, HJKLMNP: only 8"],
        "some have no digit"
    );
    assert_eq!(
        said_after("Device name;Device ID\nANNA-LT1;0000000a-0000-4000-8000-0000000000ff"),
        ["2 ANNA-LT1, 0000000a-0000-4000-8000-0000000000ff: only 8"]
    );
    assert_eq!(
        said_after("HJKLMNP;bernd@x.example\nSN2;anna@x.example"),
        ["1 HJKLMNP, bernd@x.example: only 9", "2 SN2, anna@x.example: 2"]
    );
    assert_eq!(
        said_after("ANNA-LT1, C02OLD77, BERND-LT2"),
        ["1 ANNA-LT1, C02OLD77: only 8", "1 C02OLD77, BERND-LT2: only 9"]
    );
}

#[test]
fn a_row_between_blanks_or_with_a_label_is_doubted_as_one_between_separators() {
    assert_eq!(said_after("C02OLD77   ANNA-LT1"), ["1 C02OLD77, ANNA-LT1: only 8"]);
    assert_eq!(said_after("ANNA-LT1;Serial number: C02OLD77"), ["1 ANNA-LT1, C02OLD77: only 8"]);
    assert_eq!(
        said_after("Serial\tName\nVMware-56 4d 11\tANNA-LT1")[0],
        "2 VMware-56, 4d, 11, ANNA-LT1: only 8"
    );
    assert_eq!(said_after("Please unlock ANNA-LT1 (INC0012345)"), ["1 ANNA-LT1: 8"], "a sentence is no row");
}

#[test]
fn a_name_is_certain_beside_what_is_no_serial_number_or_its_devices_own() {
    assert_eq!(said_after("C02NEW88;ANNA-LT1"), ["1 C02NEW88, ANNA-LT1: 8"]);
    for cell in [
        "iPad12,1",
        "acme-1000",
        "22631X5",
        "carla5",
        "carla7",
        "Windows",
        "10.0.22631",
        "2026-11-03",
        "Finance",
    ] {
        assert_eq!(said_after(&format!("ANNA-LT1;\"{cell}\"")), ["1 ANNA-LT1: 8"], "{cell}");
    }
    assert_eq!(
        said_after("ANNA-LT1;iPad12-9"),
        ["1 ANNA-LT1, iPad12-9: only 8"],
        "another model than its own"
    );
    assert_eq!(said_after("Device name;Ticket\nANNA-LT1;INC0012345"), ["2 ANNA-LT1: 8"], "the title says so");
    assert_eq!(said_after("SN1;INC0012345"), ["1 SN1: a"], "hardware is what it is");
    // Two columns of words are no titles that anything rests on.
    assert_eq!(said_after("Wert;Teil\nANNA-LT1;C02OLD77"), ["2 ANNA-LT1, C02OLD77: only 8"]);
}

#[test]
fn a_name_that_is_a_serial_number_of_another_device_does_not_vouch_for_its_own() {
    assert_eq!(said("PC-1,anna@x.example"), ["1 PC-1, anna@x.example: a"]);
    assert_eq!(said("C02OLD77,PC-1,anna@x.example"), ["1 C02OLD77, PC-1, anna@x.example: only a"]);
}

#[test]
fn a_remark_beside_a_device_adds_none() {
    assert_eq!(said("SN1;Replacement for SN2"), ["1 SN1: a"]);
    assert_eq!(said("SN1;Replacement for SN2\nSN3;instead of SN7 (PC-2)"), ["1 SN1: a", "2 SN3: 3"]);
    assert_eq!(said("SN1;SN2;instead of SN7"), ["1 SN1: a", "1 SN2: 2"]);
    assert_eq!(said("SN1;not SN2 SN7"), ["1 SN1: a"]);
    // Nor does it make certain what the cells do not, but it can take the certainty away.
    assert_eq!(said("anna@x.example;the one with SN2"), ["1 anna@x.example: a|2"]);
    assert_eq!(said("bob@x.example;the one with SN2"), ["1 bob@x.example, SN2: 2|3"]);
    assert_eq!(said_after("ANNA-LT1;its number was C02XY999"), ["1 ANNA-LT1, C02XY999: 8|9"]);
    assert_eq!(
        said_after("ANNA-LT1;BERND-LT2;and also SN1"),
        ["1 ANNA-LT1, SN1: a|8", "1 BERND-LT2, SN1: a|9"]
    );
    assert_eq!(said_after("ANNA-LT1;stands beside BERND-LT2"), ["1 ANNA-LT1: 8"]);
    assert_eq!(said("SN1;given to bob@x.example"), ["1 SN1: a"]);
}

#[test]
fn a_sentence_with_commas_loses_nothing_and_makes_nothing_certain_of_it() {
    assert_eq!(said("Please unlock SN1, SN2 and SN3"), ["1 SN2: 2", "1 SN3: 3", "1 SN1: only a"]);
    assert_eq!(said("Please unlock SN1 SN2"), ["1 SN1: a", "1 SN2: 2"]);
}

#[test]
fn a_name_that_only_looks_alike_is_never_certain() {
    for text in ["Zoe’s iPad", "zoë’s  ipad", "Ｚoë’s iPad", "Zoë’s iPad\u{301}"] {
        assert_eq!(said(text), [format!("1 {text}: only 3")]);
    }
    for text in ["ZOË’S IPAD", "Zoe\u{308}’s iPad", "Zoë’s\u{200b} iPad"] {
        assert_eq!(said(text), [format!("1 {text}: 3")], "as Graph compares, or as it was pasted");
    }
    let with = |name: &str| {
        let mut known = known();
        known
            .add(ManagedDevice::read(json!({"id": "d8", "serialNumber": "S8", "deviceName": name})).unwrap());
        known
    };
    for (name, text) in [("Straße 1", "STRASSE 1"), ("KIOSK\u{200b}-1", "KIOSK-1"), ("ÅSA-1", "ASA-1")] {
        assert_eq!(said_in(with(name), text, |_| true), [format!("1 {text}: only 8")]);
        assert_eq!(said_in(with(name), name, |_| true), [format!("1 {name}: 8")]);
        // Where something is named exactly, it counts as what Graph would not have found: as nothing.
        assert_eq!(said_in(with(name), &format!("SN1;{text}"), |_| true), ["1 SN1: a"]);
        assert_eq!(said_in(with(name), &format!("SN9;{text};Anna"), |_| true), [format!("1 {text}: only 8")]);
    }
    assert_eq!(
        said_in(with("PC\u{200b}-2"), "PC-2", |_| true),
        ["1 PC-2: 2|4"],
        "and none beside the exact ones"
    );
    assert_eq!(said_in(with("SÑ1"), "SN1", |_| true), ["1 SN1: a"]);
    assert_eq!(said_in(with("S\u{200b}8"), "S\u{200b}8", |_| true), ["1 S\u{200b}8: 8"]);
}

#[test]
fn ten_times_the_lines_take_about_ten_times_as_long() {
    // A tenant of one user, so that each line names them all.
    let time = |count: usize| {
        let mut known = Known::default();
        let mut text = "Serial number;Device name;User;Model;Remark\n".to_owned();
        for place in 0..count {
            known.add(
                ManagedDevice::read(
                    json!({"id": format!("d{place}"), "serialNumber": format!("C02{place:05}"),
                    "deviceName": format!("KIOSK-{place}"), "userPrincipalName": "kiosk@x.example"}),
                )
                .unwrap(),
            );
            let serial = if place % 2 == 0 { "C02" } else { "OLD" };
            text.push_str(&format!(
                "{serial}{place:05};KIOSK-{place};kiosk@x.example;iPad;instead of C02{:05}\n",
                place / 2
            ));
        }
        let entries = entries(&text).unwrap();
        let began = std::time::Instant::now();
        let (told, _) = resolve(&entries, known, |_| true);
        let took = began.elapsed();
        let one = told.iter().filter(|entry| matches!(entry.outcome, Outcome::One(_))).count();
        assert_eq!((told.len(), one), (count, count.div_ceil(2)));
        took
    };
    // Other work on the machine may take its time out of one try.
    assert!((0..3).any(|_| time(8_000) < time(800) * 30));
}

#[test]
fn prose_finds_what_is_written_in_it_and_no_plain_word() {
    assert_eq!(said("Please unlock SN1 (anna@x.example), the iPad of Anna."), ["1 SN1, anna@x.example: a"]);
    assert_eq!(said("the iPad of Anna"), ["1 the iPad of Anna: none"]);
}

#[test]
fn the_same_text_or_device_again_is_double() {
    assert_eq!(
        said("SN1\nPC-9\nsn1\npc-9\nSN2,PC-2\nSN2\nSN2"),
        [
            "1 SN1: a",
            "2 PC-9: none",
            "3 sn1: double of 1",
            "4 pc-9: double of 2",
            "5 SN2, PC-2: 2",
            "6 SN2: double of 5",
            "7 SN2: double of 5",
        ]
    );
    assert_eq!(
        said(&format!("SN1\n{ID}\nanna@x.example\nanna@x.example")),
        [
            "1 SN1: a".to_owned(),
            format!("2 {ID}: double of 1"),
            "3 anna@x.example: a|2".to_owned(),
            "4 anna@x.example: double of 3".to_owned(),
        ]
    );
}

#[test]
fn a_header_is_no_entry_and_a_first_line_that_is_none_stays() {
    assert_eq!(said("Serial number\nSN1"), ["2 SN1: a"]);
    assert_eq!(said("Wert;Teil\nSN1;Windows"), ["2 SN1: a"]);
    assert_eq!(said("Device name,Primary user UPN,OS\nPC-2,anna@x.example,"), ["2 PC-2, anna@x.example: 2"]);
    assert_eq!(said("Unknown\nSN1"), ["1 Unknown: none", "2 SN1: a"]);
    assert_eq!(said("SN8;X9\nSN1;Windows"), ["1 SN8, X9: none", "2 SN1: a"]);
    assert_eq!(said("SN1\nSerial number"), ["1 SN1: a", "2 Serial number: none"]);
}

#[test]
fn what_was_not_read_is_never_none_and_never_one() {
    let read = |text: &str| !text.contains("SN1") && text != "SN9";
    assert_eq!(
        said_of("SN1\nSN9\nSN1,PC-2\nfoo SN9\nSN2\nSN9", read),
        [
            "1 SN1: not read",
            "2 SN9: not read",
            "3 SN1, PC-2: not read",
            "4 foo SN9: not read",
            "5 SN2: 2",
            "6 SN9: not read",
        ]
    );
}

fn texts() -> impl Strategy<Value = String> {
    let cell = prop::sample::select(vec![
        "SN1",
        "SN2",
        "sn3",
        "SN4",
        "SN7",
        "PC-1",
        "PC-2",
        "iPad",
        "anna@x.example",
        "bob@x.example",
        ID,
        "SN9",
        "Windows",
        "Serial number",
        "SN1 SN2",
        "the SN3",
    ]);
    let row = prop::collection::vec(cell, 1..4).prop_map(|cells| cells.join(";"));
    prop::collection::vec(row, 1..8).prop_map(|rows| rows.join("\n"))
}

proptest! {
    #[test]
    fn no_line_is_lost_and_no_device_is_one_twice(text in texts()) {
        let lines = entries(&text).unwrap();
        let (told, devices) = resolve(&lines, known(), |_| true);
        let mut ones = HashSet::new();
        for (place, entry) in lines.iter().enumerate() {
            let there = told.iter().any(|told| told.line == entry.line);
            prop_assert!(there || (place == 0 && entry.cells.iter().any(|cell| cell == "Serial number" || cell == "Windows")));
        }
        for entry in &told {
            match &entry.outcome {
                Outcome::One(id) => {
                    prop_assert!(ones.insert(id.clone()), "{} twice", id);
                    let device = devices.iter().find(|device| device.id == *id).unwrap();
                    let wanted = Wanted::new(entry.text.split(", "));
                    prop_assert!(wanted.names(device), "{:?}", entry);
                }
                Outcome::Several(ids) => prop_assert!(!ids.is_empty()),
                Outcome::Double { of_line } => prop_assert!(*of_line <= entry.line),
                Outcome::None | Outcome::NotRead => {}
            }
        }
    }

    #[test]
    fn a_device_answers_to_its_own_texts_and_to_no_other(text in "[A-Za-z0-9éÅ_@ -]{1,12}", other in "[A-Za-z0-9éÅ_@ -]{1,12}") {
        let device = |serial: &str, name: &str| ManagedDevice::read(json!({"id": "d", "serialNumber": serial, "deviceName": name})).unwrap();
        prop_assume!(!text.trim().is_empty());
        let wanted = Wanted::new([text.as_str()].into_iter());
        prop_assert!(wanted.names(&device(&text.to_uppercase(), "")));
        prop_assert!(wanted.names(&device("", &text)));
        prop_assume!(comparable(&text) != comparable(&other));
        prop_assert!(!wanted.names(&device(&other, &other)));
    }
}

#[test]
fn a_name_that_thousands_have_costs_no_more_than_a_choice() {
    let mut known = Known::default();
    for number in 0..3_000 {
        let row = json!({"id": format!("i{number}"), "serialNumber": format!("SN{number:05}"), "deviceName": "iPad"});
        known.add(ManagedDevice::read(row).unwrap());
    }
    // All in one line, in a line each, and all the serial numbers in one line.
    let serials = (0..3_000).map(|number| format!("SN{number:05}")).collect::<Vec<_>>().join(",");
    let text = format!("{}\n{}\n{serials}", "iPad,".repeat(20_000), "iPad\n".repeat(5_000));
    let (told, _) = resolve(&entries(&text).unwrap(), known, |_| true);
    let several = |entry: &ListedEntry| match &entry.outcome {
        Outcome::Several(ids) => ids.len(),
        _ => 0,
    };
    assert!(
        told.iter().map(several).sum::<usize>() <= 200 * 2,
        "{}",
        told.iter().map(several).sum::<usize>()
    );
    assert_eq!(told.iter().filter(|entry| matches!(entry.outcome, Outcome::One(_))).count(), 3_000);
}

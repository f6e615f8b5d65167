use proptest::prelude::*;
use serde_json::json;

use super::*;
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
    let last = |id: &crate::id::DeviceId| id.as_str().chars().next_back().unwrap();
    let (told, devices) = resolve(&entries(text).unwrap(), known(), read);
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
    assert_eq!(said("zoe’s  IPAD"), ["1 zoe’s  IPAD: 3"]);
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

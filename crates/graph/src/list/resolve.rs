//! Which devices an entry names: rules over what was found, without a request.

use std::collections::{BTreeSet, HashMap, HashSet};

use unicode_normalization::UnicodeNormalization as _;
use uuid::Uuid;

use super::parse::{Entry, words};
use super::{ListedEntry, Outcome};
use crate::checks::comparable;
use crate::device::ManagedDevice;
use crate::fold::invisible;

/// By what a text names a device, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum By {
    /// Managed-device id, a GUID.
    Id,
    /// Serial number.
    Serial,
    /// Device name.
    Name,
    /// User principal name or mail address of the primary user.
    Person,
}

impl By {
    const ALL: [Self; 4] = [Self::Id, Self::Serial, Self::Name, Self::Person];
}

/// A text without case, invisible characters and white space around it.
pub(super) fn plain(text: &str) -> String {
    visible(text).to_lowercase()
}

/// A text without invisible characters and white space around it.
pub(super) fn visible(text: &str) -> String {
    let visible: String = text.nfc().filter(|c| !invisible(*c) && !c.is_control()).collect();
    visible.trim().to_owned()
}

/// A managed-device id as it is compared; none for what is none.
pub(super) fn guid(text: &str) -> Option<String> {
    if text.len() == 36 { Uuid::try_parse(text).ok().map(|guid| guid.to_string()) } else { None }
}

/// What a text is compared by.
fn key_of_text(by: By, text: &str) -> Option<String> {
    let key = match by {
        By::Id => guid(&visible(text))?,
        By::Serial => plain(text),
        By::Name => comparable(text),
        By::Person => plain(text),
    };
    (!key.is_empty() && (by != By::Person || key.contains('@'))).then_some(key)
}

/// What a device is compared by; a person may have an address beside the user principal name.
fn keys_of_device(by: By, device: &ManagedDevice) -> [Option<String>; 2] {
    let key = |text: &str| key_of_text(by, text);
    match by {
        By::Id => [key(device.id.as_str()), None],
        By::Serial => [device.serial_number.as_deref().and_then(key), None],
        By::Name => [key(&device.device_name), None],
        By::Person => [
            device.user_principal_name.as_deref().and_then(key),
            device.email_address.as_deref().and_then(key),
        ],
    }
}

/// The texts of a list, to pick its devices out of all there are.
pub(super) struct Wanted(HashSet<(By, String)>);

impl Wanted {
    pub(super) fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        Self(texts.flat_map(|text| By::ALL.map(|by| Some((by, key_of_text(by, text)?)))).flatten().collect())
    }

    pub(super) fn names(&self, device: &ManagedDevice) -> bool {
        By::ALL
            .into_iter()
            .any(|by| keys_of_device(by, device).into_iter().flatten().any(|key| self.0.contains(&(by, key))))
    }
}

/// The devices that were found.
#[derive(Default)]
pub(super) struct Known {
    devices: Vec<ManagedDevice>,
    by: HashMap<(By, String), Vec<usize>>,
    ids: HashSet<String>,
}

impl Known {
    /// Adds a device, if it is not there yet.
    pub(super) fn add(&mut self, device: ManagedDevice) {
        if !self.ids.insert(plain(device.id.as_str())) {
            return;
        }
        let place = self.devices.len();
        for by in By::ALL {
            for key in keys_of_device(by, &device).into_iter().flatten() {
                let places = self.by.entry((by, key)).or_default();
                if places.last() != Some(&place) {
                    places.push(place);
                }
            }
        }
        self.devices.push(device);
    }

    /// Whether a text names a device.
    pub(super) fn names(&self, text: &str) -> bool {
        By::ALL
            .into_iter()
            .any(|by| key_of_text(by, text).is_some_and(|key| self.by.contains_key(&(by, key))))
    }

    fn part(&self, text: &str) -> Option<Part<'_>> {
        let by: Vec<_> = By::ALL
            .into_iter()
            .filter_map(|by| Some((by, self.by.get(&(by, key_of_text(by, text)?))?.as_slice())))
            .collect();
        let devices = by.iter().flat_map(|(_, places)| *places).copied().collect();
        (!by.is_empty()).then(|| Part { text: text.to_owned(), key: plain(text), by, devices })
    }

    /// The parts of an entry that name devices: its cells, and the words of cells that name none as a whole.
    fn parts(&self, entry: &Entry) -> Vec<Part<'_>> {
        let of_cell = |cell: &String| match self.part(cell) {
            Some(part) => vec![part],
            None => words(cell).filter_map(|word| self.part(word)).collect(),
        };
        entry.cells.iter().flat_map(of_cell).collect()
    }
}

/// A cell or a word that names devices.
struct Part<'a> {
    text: String,
    key: String,
    /// Which, by which property; at least one.
    by: Vec<(By, &'a [usize])>,
    /// All of them.
    devices: BTreeSet<usize>,
}

impl Part<'_> {
    /// By what it names devices most surely, and which.
    fn surest(&self) -> Option<&(By, &[usize])> {
        self.by.first()
    }

    fn is_only_a_name(&self) -> bool {
        self.by.iter().all(|(by, _)| *by == By::Name)
    }
}

/// What a line says.
enum Says {
    /// The parts at these places together name these devices.
    Together(Vec<usize>, BTreeSet<usize>),
    /// Each part speaks for itself.
    Each,
}

fn agreed<'a>(mut parts: impl Iterator<Item = &'a Part<'a>>) -> BTreeSet<usize> {
    let first = parts.next().map(|part| part.devices.clone()).unwrap_or_default();
    parts.fold(first, |mut agreed, part| {
        agreed.retain(|place| part.devices.contains(place));
        agreed
    })
}

/// Whether two of the parts name different devices by the same property. A name that is a serial number too counts as the latter.
fn differ(parts: &[Part<'_>]) -> bool {
    let mut named = HashMap::new();
    parts
        .iter()
        .filter_map(Part::surest)
        .any(|(by, places)| named.insert(by, places).is_some_and(|other| other != places))
}

/// What a line with at least one part says. `repeated` tells of a part that it stands in several such lines.
fn judge(parts: &[Part<'_>], repeated: impl Fn(&Part<'_>) -> bool) -> Says {
    let everywhere = || (0..parts.len()).collect();
    let differ = differ(parts);
    let alike = parts.iter().filter_map(Part::surest).map(|(by, _)| by).collect::<HashSet<_>>().len() == 1;
    let devices = agreed(parts.iter());
    if !devices.is_empty() && !(alike && differ) {
        return Says::Together(everywhere(), devices);
    }
    let all: BTreeSet<usize> = parts.iter().flat_map(|part| &part.devices).copied().collect();
    let none_agree = parts.iter().map(|part| part.devices.len()).sum::<usize>() == all.len();
    if differ && (alike || none_agree) {
        return Says::Each;
    }
    // A model or an operating system that some device is called by too: it stands in line after line.
    let telling: Vec<usize> = (0..parts.len())
        .filter(|place| !(parts[*place].is_only_a_name() && repeated(&parts[*place])))
        .collect();
    let devices = agreed(telling.iter().map(|place| &parts[*place]));
    if devices.is_empty() { Says::Together(everywhere(), all) } else { Says::Together(telling, devices) }
}

/// Goes through a list and says of each entry what became of it; also the devices that entries name, in their order. `read` tells
/// whether a text was looked up.
pub(super) fn resolve(
    entries: &[Entry],
    known: Known,
    read: impl Fn(&str) -> bool,
) -> (Vec<ListedEntry>, Vec<ManagedDevice>) {
    let parts: Vec<Vec<Part<'_>>> = entries.iter().map(|entry| known.parts(entry)).collect();
    let mut lines_of: HashMap<&str, usize> = HashMap::new();
    for parts in parts.iter().filter(|parts| parts.len() > 1) {
        for key in parts.iter().map(|part| part.key.as_str()).collect::<HashSet<_>>() {
            *lines_of.entry(key).or_default() += 1;
        }
    }
    let repeated = |part: &Part<'_>| lines_of.get(part.key.as_str()).is_some_and(|lines| *lines > 1);
    let is_read = |entry: &Entry| {
        entry.cells.iter().all(|cell| read(cell) && (known.names(cell) || words(cell).all(&read)))
    };

    let mut telling = Telling {
        known: &known,
        told: Vec::new(),
        texts: HashMap::new(),
        devices: HashMap::new(),
        order: Vec::new(),
    };
    for (place, (entry, parts)) in entries.iter().zip(&parts).enumerate() {
        let (is_read, whole) = (is_read(entry), || entry.cells.join(", "));
        let next = entries.get(1).filter(|_| is_read);
        if place == 0 && parts.is_empty() && is_header(entry, next) {
            continue;
        }
        if !is_read {
            telling.told.push(ListedEntry { line: entry.line, text: whole(), outcome: Outcome::NotRead });
        } else if parts.is_empty() {
            telling.tell(entry.line, whole(), None);
        } else {
            match judge(parts, &repeated) {
                Says::Together(places, devices) => {
                    let texts: Vec<_> = places.iter().map(|place| parts[*place].text.as_str()).collect();
                    telling.tell(entry.line, texts.join(", "), Some((devices, false)));
                }
                Says::Each => {
                    for part in parts {
                        let doubtful = part.is_only_a_name() && repeated(part);
                        telling.tell(entry.line, part.text.clone(), Some((part.devices.clone(), doubtful)));
                    }
                }
            }
        }
    }
    let Telling { told, order, .. } = telling;
    drop(parts);
    let mut devices: Vec<Option<ManagedDevice>> = known.devices.into_iter().map(Some).collect();
    (told, order.into_iter().filter_map(|place| devices[place].take()).collect())
}

/// What was said so far.
struct Telling<'a> {
    known: &'a Known,
    told: Vec<ListedEntry>,
    /// The line of each text.
    texts: HashMap<String, usize>,
    /// The line of each device that an entry names alone.
    devices: HashMap<usize, usize>,
    /// The devices that entries name, as they come.
    order: Vec<usize>,
}

impl Telling<'_> {
    fn tell(&mut self, line: usize, text: String, named: Option<(BTreeSet<usize>, bool)>) {
        let key = plain(&text);
        let outcome = match self.texts.get(&key) {
            Some(&of_line) => Outcome::Double { of_line },
            None => self.outcome(line, named),
        };
        // A third one is told of the first, not of the second.
        let first = if let Outcome::Double { of_line } = outcome { of_line } else { line };
        self.texts.insert(key, first);
        self.told.push(ListedEntry { line, text, outcome });
    }

    fn outcome(&mut self, line: usize, named: Option<(BTreeSet<usize>, bool)>) -> Outcome {
        let Some((places, doubtful)) = named else {
            return Outcome::None;
        };
        let id = |place: usize| self.known.devices[place].id.clone();
        let outcome = match places.first() {
            Some(&place) if places.len() == 1 && !doubtful => {
                if let Some(&of_line) = self.devices.get(&place) {
                    return Outcome::Double { of_line };
                }
                self.devices.insert(place, line);
                Outcome::One(id(place))
            }
            _ => Outcome::Several(places.iter().copied().map(id).collect()),
        };
        self.order.extend(places);
        outcome
    }
}

/// What columns with names, serial numbers, people or ids are called, letters and digits only.
const HEADERS: [&str; 37] = [
    "serialnumber",
    "serial",
    "serialno",
    "serialnr",
    "sn",
    "seriennummer",
    "numerodeserie",
    "devicename",
    "name",
    "device",
    "hostname",
    "computername",
    "computer",
    "geratename",
    "nombredeldispositivo",
    "nombre",
    "dispositivo",
    "manageddevicename",
    "upn",
    "userprincipalname",
    "primaryuserupn",
    "primaryuser",
    "user",
    "username",
    "useremail",
    "usuario",
    "email",
    "emailaddress",
    "mail",
    "correo",
    "primaryuseremailaddress",
    "deviceid",
    "manageddeviceid",
    "intunedeviceid",
    "id",
    "imei",
    "userdisplayname",
];

/// Whether a first line that names no device heads the columns: it has a usual name of one in it, or no digits and as many cells as
/// the line after it, two at least.
fn is_header(first: &Entry, second: Option<&Entry>) -> bool {
    let usual = |cell: &String| {
        let word: String = comparable(cell).chars().filter(|c| c.is_alphanumeric()).collect();
        HEADERS.contains(&word.as_str())
    };
    let wordy = |cell: &String| !cell.contains(|c: char| c.is_numeric() || c == '@');
    first.cells.iter().any(usual)
        || (first.cells.len() > 1
            && second.is_some_and(|second| second.cells.len() == first.cells.len())
            && first.cells.iter().all(wordy))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::parse::entries;
    use super::*;
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
                        only.to_owned()
                            + &ids.iter().map(last).map(String::from).collect::<Vec<_>>().join("|")
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
        assert_eq!(said("Zoë’s iPad,iPad\nSN7,iPad"), ["1 Zoë’s iPad: 3", "1 iPad: only 5", "2 SN7: 7"]);
    }

    #[test]
    fn prose_finds_what_is_written_in_it_and_no_plain_word() {
        assert_eq!(
            said("Please unlock SN1 (anna@x.example), the iPad of Anna."),
            ["1 SN1, anna@x.example: a"]
        );
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
        assert_eq!(
            said("Device name,Primary user UPN,OS\nPC-2,anna@x.example,"),
            ["2 PC-2, anna@x.example: 2"]
        );
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
}

//! Which devices an entry names: rules over what was found, without a request.

use std::collections::{BTreeSet, HashMap, HashSet};

use unicode_normalization::UnicodeNormalization as _;
use uuid::Uuid;

use super::parse::{Entry, could_be_an_id, words};
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

    /// What of an entry names devices: cells, and the words of cells that name none as a whole.
    fn line(&self, entry: &Entry) -> Line<'_> {
        let (mut parts, mut untold) = (Vec::new(), false);
        for cell in &entry.cells {
            if let Some(part) = self.part(cell) {
                parts.push(part);
                continue;
            }
            untold |= could_be_an_id(cell) && !cell.contains(char::is_whitespace);
            for word in words(cell) {
                match self.part(word) {
                    Some(part) => parts.push(part),
                    None => untold = true,
                }
            }
        }
        Line { parts, untold }
    }
}

/// What of a line names devices.
struct Line<'a> {
    parts: Vec<Part<'a>>,
    /// Whether something stands beside it that could name a device and names none.
    untold: bool,
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

    fn is_only(&self, by: By) -> bool {
        self.by.iter().all(|(other, _)| *other == by)
    }
}

/// What a line says.
enum Says {
    /// The parts at these places together name these devices.
    Together(Vec<usize>, BTreeSet<usize>),
    /// Each part speaks for itself. `alike`: all of them by the same property.
    Each { alike: bool },
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

/// What a line with at least one part says. `repeated` tells of a part that it stands in several lines beside other things.
fn judge(parts: &[Part<'_>], repeated: impl Fn(&Part<'_>) -> bool) -> Says {
    let everywhere = || (0..parts.len()).collect();
    let differ = differ(parts);
    let alike = parts.iter().filter_map(Part::surest).map(|(by, _)| by).collect::<HashSet<_>>().len() == 1;
    let devices = agreed(parts.iter());
    let a_list = alike && differ;
    if !devices.is_empty() && !a_list {
        return Says::Together(everywhere(), devices);
    }
    let all: BTreeSet<usize> = parts.iter().flat_map(|part| &part.devices).copied().collect();
    let none_agree = parts.iter().map(|part| part.devices.len()).sum::<usize>() == all.len();
    if a_list || (differ && none_agree) {
        return Says::Each { alike };
    }
    // A model or an operating system that some device is called by too: it stands in line after line.
    let telling: Vec<usize> = (0..parts.len())
        .filter(|place| !(parts[*place].is_only(By::Name) && repeated(&parts[*place])))
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
    let lines: Vec<Line<'_>> = entries.iter().map(|entry| known.line(entry)).collect();
    let mut lines_of: HashMap<&str, usize> = HashMap::new();
    let mut counted = HashSet::new();
    for (entry, line) in entries.iter().zip(&lines).filter(|(entry, _)| entry.cells.len() > 1) {
        if counted.insert(&entry.cells) {
            for key in line.parts.iter().map(|part| part.key.as_str()).collect::<HashSet<_>>() {
                *lines_of.entry(key).or_default() += 1;
            }
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
    for (place, (entry, Line { parts, untold })) in entries.iter().zip(&lines).enumerate() {
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
            // A plain word may be a model that some device is called by too; and whose device is not there may have another one.
            let may_be_a_model =
                |part: &Part<'_>| part.is_only(By::Name) && (repeated(part) || !could_be_an_id(&part.text));
            let may_be_another = |part: &Part<'_>| part.is_only(By::Person) && *untold;
            match judge(parts, repeated) {
                Says::Together(places, devices) => {
                    let said = || places.iter().map(|place| &parts[*place]);
                    let doubtful =
                        (entry.cells.len() > 1 && said().all(may_be_a_model)) || said().all(may_be_another);
                    let texts: Vec<_> = said().map(|part| part.text.as_str()).collect();
                    telling.tell(entry.line, texts.join(", "), Some((devices, doubtful)));
                }
                Says::Each { alike } => {
                    for part in parts {
                        let doubtful = may_be_a_model(part)
                            || may_be_another(part)
                            || (part.is_only(By::Name) && !alike);
                        telling.tell(entry.line, part.text.clone(), Some((part.devices.clone(), doubtful)));
                    }
                }
            }
        }
    }
    let Telling { told, order, .. } = telling;
    drop(lines);
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
mod tests;

//! The devices that were found, and what of a text names them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use unicode_normalization::UnicodeNormalization as _;
use uuid::Uuid;

use crate::checks::comparable;
use crate::device::ManagedDevice;
use crate::fold::invisible;

/// By what a text names a device, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::list) enum By {
    /// Managed-device id, a GUID.
    Id,
    /// Serial number.
    Serial,
    /// Device name.
    Name,
    /// User principal name or mail address of the primary user.
    Person,
    /// A device name that looks alike: the same but for accents, width, white space or characters that nobody sees. Graph does not
    /// find it, so it counts where nothing else does, and never for certain.
    LookAlike,
}

impl By {
    /// What Graph would find, too.
    const EXACT: [Self; 4] = [Self::Id, Self::Serial, Self::Name, Self::Person];
    const ALL: [Self; 5] = [Self::Id, Self::Serial, Self::Name, Self::Person, Self::LookAlike];
}

/// A text without case, invisible characters and white space around it.
pub(in crate::list) fn plain(text: &str) -> String {
    visible(text).to_lowercase()
}

/// A text without invisible characters and white space around it.
pub(in crate::list) fn visible(text: &str) -> String {
    if is_simple(text) {
        return text.trim().to_owned();
    }
    let visible: String = text.nfc().filter(|c| !invisible(*c) && !c.is_control()).collect();
    visible.trim().to_owned()
}

/// Whether there is nothing to compose in a text, nor to take out of it. Most are so, and lists are long.
fn is_simple(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// A text without control characters.
pub(in crate::list) fn written(text: &str) -> String {
    if is_simple(text) {
        return text.to_owned();
    }
    text.nfc().filter(|c| !c.is_control()).collect()
}

/// A managed-device id as it is compared; none for what is none.
pub(in crate::list) fn guid(text: &str) -> Option<String> {
    if text.len() == 36 { Uuid::try_parse(text).ok().map(|guid| guid.to_string()) } else { None }
}

fn stands(by: By, key: &str) -> bool {
    !key.is_empty() && (by != By::Person || key.contains('@'))
}

/// What a text is compared by. What nobody sees may have come along with it, or belong to a name.
fn keys_of_text(by: By, text: &str) -> [Option<String>; 2] {
    let keys = match by {
        By::Id => [guid(&visible(text)), None],
        By::Serial | By::Person => [Some(plain(text)), None],
        By::Name => {
            let plain = plain(text);
            let other = (!is_simple(text)).then(|| written(text).trim().to_lowercase());
            let other = other.filter(|written| *written != plain);
            [Some(plain), other]
        }
        By::LookAlike => [Some(comparable(text)), None],
    };
    keys.map(|key| key.filter(|key| stands(by, key)))
}

/// What a device is compared by; a person may have an address beside the user principal name.
fn keys_of_device(by: By, device: &ManagedDevice) -> [Option<String>; 2] {
    let told = |text: &Option<String>| text.as_deref().map(as_told);
    let keys = match by {
        By::Id => [guid(&visible(device.id.as_str())), None],
        By::Serial => [told(&device.serial_number), None],
        By::Name => [Some(as_told(&device.device_name)), None],
        By::Person => [told(&device.user_principal_name), told(&device.email_address)],
        By::LookAlike => [Some(comparable(&device.device_name)), None],
    };
    keys.map(|key| key.filter(|key| stands(by, key)))
}

/// A text of Graph's as it is compared: nothing is taken out of it, as Graph's own filters take nothing out.
fn as_told(text: &str) -> String {
    if text.is_ascii() {
        return text.trim().to_ascii_lowercase();
    }
    let text: String = text.nfc().collect();
    text.trim().to_lowercase()
}

/// The texts of a list, to pick its devices out of all there are.
pub(in crate::list) struct Wanted(HashSet<(By, String)>);

impl Wanted {
    pub(in crate::list) fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let keys = |text| By::ALL.into_iter().flat_map(move |by| keys_of_text(by, text).map(|key| (by, key)));
        Self(texts.flat_map(keys).filter_map(|(by, key)| Some((by, key?))).collect())
    }

    pub(in crate::list) fn names(&self, device: &ManagedDevice) -> bool {
        By::ALL
            .into_iter()
            .any(|by| keys_of_device(by, device).into_iter().flatten().any(|key| self.0.contains(&(by, key))))
    }
}

/// The devices that were found.
#[derive(Default)]
pub(in crate::list) struct Known {
    pub(super) devices: Vec<ManagedDevice>,
    by: HashMap<(By, String), Vec<usize>>,
    ids: HashSet<String>,
}

impl Known {
    /// Adds a device, if it is not there yet.
    pub(in crate::list) fn add(&mut self, device: ManagedDevice) {
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

    /// Whether a text names a device, exactly.
    pub(in crate::list) fn names(&self, text: &str) -> bool {
        By::EXACT.into_iter().any(|by| self.named(by, text).next().is_some())
    }

    fn named(&self, by: By, text: &str) -> impl Iterator<Item = &[usize]> {
        keys_of_text(by, text)
            .into_iter()
            .flatten()
            .filter_map(move |key| self.by.get(&(by, key)))
            .map(Vec::as_slice)
    }

    /// What a text names exactly.
    pub(super) fn part(&self, text: &str) -> Option<Part<'_>> {
        let by: Vec<_> = By::EXACT
            .into_iter()
            .filter_map(|by| Some((by, union(self.named(by, text).map(Cow::Borrowed))?)))
            .collect();
        let devices = union(by.iter().map(|(_, places)| places.clone()))?;
        Some(Part { place: 0, column: None, text: text.to_owned(), key: plain(text), by, devices })
    }

    /// The devices whose name looks like a text.
    pub(super) fn look_alikes(&self, text: &str) -> Option<&[usize]> {
        self.named(By::LookAlike, text).next()
    }
}

/// Places of devices, ascending. Many texts may name as many devices each, so they are not copied without need.
pub(super) type Places<'a> = Cow<'a, [usize]>;

/// All of these places; none for no set at all.
pub(super) fn union<'a>(mut sets: impl Iterator<Item = Places<'a>>) -> Option<Places<'a>> {
    let first = sets.next()?;
    let mut more = sets.filter(|set| *set != first).peekable();
    if more.peek().is_none() {
        drop(more);
        return Some(first);
    }
    let mut all: Vec<usize> = more.flat_map(Cow::into_owned).collect();
    all.extend_from_slice(&first);
    all.sort_unstable();
    all.dedup();
    Some(Cow::Owned(all))
}

/// Whether no place is in both.
pub(super) fn disjoint(a: &[usize], b: &[usize]) -> bool {
    let (few, many) = if a.len() < b.len() { (a, b) } else { (b, a) };
    !few.iter().any(|place| has(many, *place))
}

pub(super) fn has(places: &[usize], place: usize) -> bool {
    places.binary_search(&place).is_ok()
}

/// A cell or a word that names devices.
pub(super) struct Part<'a> {
    /// Its place in the line.
    pub(super) place: usize,
    /// The column, if it is a cell.
    pub(super) column: Option<usize>,
    pub(super) text: String,
    pub(super) key: String,
    /// Which, by which property; at least one.
    pub(super) by: Vec<(By, Places<'a>)>,
    /// All of them.
    pub(super) devices: Places<'a>,
}

impl Part<'_> {
    /// By what it names devices most surely, and which.
    pub(super) fn surest(&self) -> Option<(By, &[usize])> {
        self.by.first().map(|(by, places)| (*by, &**places))
    }

    pub(super) fn is_only(&self, by: By) -> bool {
        self.by.iter().all(|(other, _)| *other == by)
    }

    /// By what it names one of these devices most surely.
    pub(super) fn names_by(&self, devices: &[usize]) -> Option<By> {
        self.by.iter().find(|(_, places)| !disjoint(places, devices)).map(|(by, _)| *by)
    }
}

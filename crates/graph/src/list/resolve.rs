//! Which devices an entry names: rules over what was found, without a request.

mod columns;
mod known;
mod line;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use self::columns::{Columns, Header, header};
use self::known::{By, Part, Places, disjoint, has, union};
pub(super) use self::known::{Known, Wanted, guid, plain, visible, written};
use self::line::Line;
use super::parse::{Entry, could_be_an_id, words};
use super::{ListedEntry, Outcome};
use crate::device::ManagedDevice;

/// What a line says.
enum Says<'a> {
    /// The parts at these places together name these devices.
    Together(Vec<usize>, Places<'a>),
    /// Each part speaks for itself. `alike`: all of them by the same property.
    Each { alike: bool },
}

/// The devices that all of these parts name.
fn agreed<'a>(parts: &[&Part<'a>]) -> Places<'a> {
    let Some(fewest) = parts.iter().min_by_key(|part| part.devices.len()) else {
        return Cow::Borrowed(&[]);
    };
    if parts.iter().all(|part| part.devices == fewest.devices) {
        return fewest.devices.clone();
    }
    let all_name = |place: &&usize| parts.iter().all(|part| has(&part.devices, **place));
    Cow::Owned(fewest.devices.iter().filter(all_name).copied().collect())
}

/// The devices that any of these parts names.
fn any<'a>(parts: &[Part<'a>]) -> Places<'a> {
    union(parts.iter().map(|part| part.devices.clone())).unwrap_or_default()
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
fn judge<'a>(parts: &[Part<'a>], repeated: impl Fn(&Part<'_>) -> bool) -> Says<'a> {
    let everywhere = || (0..parts.len()).collect();
    let differ = differ(parts);
    let alike = parts.iter().filter_map(Part::surest).map(|(by, _)| by).collect::<HashSet<_>>().len() == 1;
    let a_list = alike && differ;
    if a_list {
        return Says::Each { alike };
    }
    let devices = agreed(&parts.iter().collect::<Vec<_>>());
    if !devices.is_empty() {
        return Says::Together(everywhere(), devices);
    }
    let all = any(parts);
    let none_agree = parts.iter().map(|part| part.devices.len()).sum::<usize>() == all.len();
    if differ && none_agree {
        return Says::Each { alike };
    }
    // A model or an operating system that some device is called by too: it stands in line after line.
    let telling: Vec<usize> = (0..parts.len())
        .filter(|place| !(parts[*place].is_only(By::Name) && repeated(&parts[*place])))
        .collect();
    let devices = agreed(&telling.iter().map(|place| &parts[*place]).collect::<Vec<_>>());
    if devices.is_empty() { Says::Together(everywhere(), all) } else { Says::Together(telling, devices) }
}

/// Goes through a list and says of each entry what became of it; also the devices that entries name, in their order. `read` tells
/// whether a text was looked up.
pub(super) fn resolve(
    entries: &[Entry],
    known: Known,
    read: impl Fn(&str) -> bool,
) -> (Vec<ListedEntry>, Vec<ManagedDevice>) {
    let lines: Vec<Line<'_>> = entries.iter().map(|entry| Line::new(entry, &known, &read)).collect();
    let mut lines_of: HashMap<&str, usize> = HashMap::new();
    let mut counted = HashSet::new();
    for (entry, line) in entries.iter().zip(&lines).filter(|(entry, _)| entry.cells.len() > 1) {
        if counted.insert(&entry.cells) {
            let parts = line.parts.iter().chain(&line.asides);
            for key in parts.map(|part| part.key.as_str()).collect::<HashSet<_>>() {
                *lines_of.entry(key).or_default() += 1;
            }
        }
    }
    let repeated = |part: &Part<'_>| lines_of.get(part.key.as_str()).is_some_and(|lines| *lines > 1);
    let first = entries.first().zip(lines.first()).filter(|(_, line)| line.parts.is_empty());
    let header = first.and_then(|(entry, line)| header(entry, entries.get(1).filter(|_| line.is_read)));
    let titles = entries.first().filter(|_| header == Some(Header::Usual));
    let columns = Columns::new(titles, &lines);

    let mut telling = Telling {
        known: &known,
        told: Vec::new(),
        texts: HashMap::new(),
        devices: HashMap::new(),
        order: Vec::new(),
        ordered: HashSet::new(),
    };
    for (place, (entry, line)) in entries.iter().zip(&lines).enumerate() {
        let whole = || entry.cells.join(", ");
        if line.parts.is_empty() {
            let alike = if line.is_read { look_alikes(entry, &known) } else { None };
            let is_header =
                place == 0 && header.is_some_and(|header| header == Header::Usual || alike.is_none());
            if is_header {
                continue;
            }
            if line.is_read {
                let (text, devices) =
                    alike.map_or_else(|| (whole(), None), |(text, devices)| (text, Some((devices, true))));
                telling.tell(entry.line, text, devices);
                continue;
            }
        }
        if !line.is_read {
            telling.told.push(ListedEntry { line: entry.line, text: whole(), outcome: Outcome::NotRead });
            continue;
        }
        for Claim { text, devices, doubtful } in
            claims(line, entry.cells.len() > 1, &columns, &known, repeated)
        {
            telling.tell(entry.line, text, Some((devices, doubtful)));
        }
    }
    let Telling { told, order, .. } = telling;
    drop(lines);
    let mut devices: Vec<Option<ManagedDevice>> = known.devices.into_iter().map(Some).collect();
    (told, order.into_iter().filter_map(|place| devices[place].take()).collect())
}

/// What an entry names, if it names something.
struct Claim<'a> {
    text: String,
    devices: Places<'a>,
    /// Whether a person has to say that they are meant.
    doubtful: bool,
}

/// The entries that a line with at least one part makes. `row`: it has several cells.
fn claims<'a>(
    line: &Line<'a>,
    row: bool,
    columns: &Columns,
    known: &'a Known,
    repeated: impl Fn(&Part<'_>) -> bool + Copy,
) -> Vec<Claim<'a>> {
    // A plain word may be a model that some device is called by too; and whose device is not there may have another one.
    let may_be_a_model =
        |part: &Part<'_>| part.is_only(By::Name) && (repeated(part) || !could_be_an_id(&part.text));
    let may_be_another = |part: &Part<'_>| part.is_only(By::Person) && line.untold;
    let serials = line.serials(columns);
    let claim = |said: &[&Part<'a>], devices: Places<'a>, contrary: &[&Part<'a>], doubtful: bool| {
        let strange = Line::strange(said, &devices, &serials, known);
        let named = [devices].into_iter().chain(contrary.iter().map(|part| part.devices.clone()));
        Claim {
            text: text_of(&[said, contrary].concat(), &strange),
            devices: union(named).unwrap_or_default(),
            doubtful: doubtful || !strange.is_empty() || !contrary.is_empty(),
        }
    };
    let (mut claims, named, contrary) = match judge(&line.parts, repeated) {
        Says::Together(places, devices) => {
            let said: Vec<&Part<'a>> = places.iter().map(|place| &line.parts[*place]).collect();
            let doubtful = (row && said.iter().all(|part| may_be_a_model(part)))
                || said.iter().all(|part| may_be_another(part));
            let contrary = line.contrary(&said, &devices);
            (vec![claim(&said, devices.clone(), &contrary, doubtful)], devices, contrary)
        }
        Says::Each { alike } => {
            let named = any(&line.parts);
            let contrary = line.contrary(&line.parts.iter().collect::<Vec<_>>(), &named);
            let each = line.parts.iter().map(|part| {
                let doubtful =
                    may_be_a_model(part) || may_be_another(part) || (part.is_only(By::Name) && !alike);
                claim(&[part], part.devices.clone(), &contrary, doubtful)
            });
            (each.collect(), named, contrary)
        }
    };
    // "Please unlock SN1, SN2": what a sentence names before is not lost, but could be a remark as well.
    let first = line.parts.first().map_or(0, |part| part.place);
    let before = line.asides.iter().take_while(|part| part.place < first);
    let more = before.filter(|part| contrary.is_empty() && disjoint(&part.devices, &named));
    claims.extend(more.map(|part| Claim {
        text: part.text.clone(),
        devices: part.devices.clone(),
        doubtful: true,
    }));
    claims
}

/// The text of an entry: its parts and what stands beside them, as they come.
fn text_of(parts: &[&Part<'_>], beside: &[(usize, &str)]) -> String {
    let mut texts: Vec<_> = parts.iter().map(|part| (part.place, part.text.as_str())).collect();
    texts.extend(beside);
    texts.sort_by_key(|(place, _)| *place);
    texts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(", ")
}

/// The devices whose names look like what stands in a line that names none, and what looks so.
fn look_alikes<'a>(entry: &Entry, known: &'a Known) -> Option<(String, Places<'a>)> {
    let (mut texts, mut sets) = (Vec::new(), Vec::new());
    for cell in &entry.cells {
        let whole = known.look_alikes(cell).map(|devices| (cell.as_str(), devices));
        let by_word = || words(cell).filter_map(|word| Some((word, known.look_alikes(word)?)));
        let found = whole.map_or_else(|| by_word().collect(), |whole| vec![whole]);
        for (text, devices) in found {
            texts.push(text);
            sets.push(Cow::Borrowed(devices));
        }
    }
    Some((texts.join(", "), union(sets.into_iter())?))
}

/// The most devices that one entry gives to choose from: a name that thousands have is no choice, and would be held once an entry.
const MOST_TO_CHOOSE_FROM: usize = 200;

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
    ordered: HashSet<usize>,
}

impl Telling<'_> {
    fn tell(&mut self, line: usize, text: String, named: Option<(Places<'_>, bool)>) {
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

    fn outcome(&mut self, line: usize, named: Option<(Places<'_>, bool)>) -> Outcome {
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
            _ => Outcome::Several(places.iter().copied().take(MOST_TO_CHOOSE_FROM).map(id).collect()),
        };
        let told = places.iter().take(MOST_TO_CHOOSE_FROM);
        self.order.extend(told.filter(|place| self.ordered.insert(**place)));
        outcome
    }
}

#[cfg(test)]
mod tests;

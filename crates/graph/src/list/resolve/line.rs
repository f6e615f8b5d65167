//! A line of a list, taken apart into what names devices and what does not.

use std::collections::HashSet;

use super::columns::{Columns, bare, is_of_serials};
use super::known::{By, Known, Part, disjoint};
use crate::device::ManagedDevice;
use crate::list::parse::{Entry, could_be_an_id, words};

/// The most texts beside an entry that it tells.
const MOST_TOLD: usize = 3;

/// What of a line names devices, and what stands beside it.
pub(super) struct Line<'a> {
    /// Cells that name devices, and cells of which each word does; words of other cells only where there is nothing else.
    pub(super) parts: Vec<Part<'a>>,
    /// Words that name devices in a remark beside such cells.
    pub(super) asides: Vec<Part<'a>>,
    /// What names none and stands alone in its cell, or in a row that is separated by blanks.
    strangers: Vec<Stranger>,
    /// Whether something stands there that could name a device and names none.
    pub(super) untold: bool,
    /// Whether all of it was looked up.
    pub(super) is_read: bool,
}

struct Stranger {
    place: usize,
    column: usize,
    text: String,
}

impl<'a> Line<'a> {
    pub(super) fn new(entry: &Entry, known: &'a Known, read: impl Fn(&str) -> bool) -> Self {
        let (mut parts, mut asides, mut strangers) = (Vec::new(), Vec::new(), Vec::new());
        let (mut untold, mut is_read, mut place) = (false, true, 0);
        for (cell, &column) in entry.cells.iter().zip(&entry.columns) {
            is_read &= read(cell);
            place += 1;
            if let Some(part) = known.part(cell) {
                parts.push(Part { place, column: Some(column), ..part });
                continue;
            }
            let blanks = cell.contains(char::is_whitespace);
            untold |= could_be_an_id(cell) && !blanks;
            let (mut named, mut unnamed) = (Vec::new(), Vec::new());
            for word in words(cell) {
                is_read &= read(word);
                place += 1;
                match known.part(word) {
                    Some(part) => named.push(Part { place, ..part }),
                    None => unnamed.push(Stranger { place, column, text: word.to_owned() }),
                }
            }
            untold |= !unnamed.is_empty();
            let texts = named.len() + unnamed.len();
            if unnamed.is_empty() && is_a_row(cell, texts, joins) {
                parts.append(&mut named);
            } else if !unnamed.is_empty() && is_a_row(cell, texts, |word| joins(word) || labels(word)) {
                strangers.append(&mut unnamed);
            } else if named.is_empty() {
                strangers.push(Stranger { place, column, text: cell.clone() });
            }
            asides.append(&mut named);
        }
        if parts.is_empty() {
            std::mem::swap(&mut parts, &mut asides);
        }
        Self { parts, asides, strangers, untold, is_read }
    }

    /// What could be serial numbers or ids of devices that are not there, each text once.
    pub(super) fn serials(&self, columns: &Columns) -> Vec<(usize, &str)> {
        let mut told = HashSet::new();
        self.strangers
            .iter()
            .filter(|stranger| columns.could_be_a_serial(&stranger.text, stranger.column))
            .filter(|stranger| told.insert(&stranger.text))
            .map(|stranger| (stranger.place, stranger.text.as_str()))
            .collect()
    }

    /// What beside these parts of it makes the only device that they name doubtful: texts that could be the serial number or the id
    /// of another one, if they name it by nothing that sure.
    pub(super) fn strange<'b>(
        said: &[&Part<'_>],
        devices: &[usize],
        serials: &[(usize, &'b str)],
        known: &Known,
    ) -> Vec<(usize, &'b str)> {
        match devices {
            [device] if surest(said, devices) > Some(By::Serial) => serials
                .iter()
                .filter(|(_, text)| !tells(&known.devices[*device], text))
                .take(MOST_TOLD)
                .copied()
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The words of remarks that name none of these devices, but others more surely than these parts of it name them.
    pub(super) fn contrary(&self, said: &[&Part<'_>], devices: &[usize]) -> Vec<&Part<'a>> {
        let by = surest(said, devices);
        let surer = |part: &&Part<'_>| part.surest().map(|(by, _)| by) < by;
        let asides = self.asides.iter().filter(surer);
        asides.filter(|part| disjoint(&part.devices, devices)).take(MOST_TOLD).collect()
    }
}

/// By what parts name some of these devices most surely.
fn surest(said: &[&Part<'_>], devices: &[usize]) -> Option<By> {
    said.iter().filter_map(|part| part.names_by(devices)).min()
}

/// Whether a cell is nothing but texts that could name devices, as many as said, between blanks, and words that are let pass.
fn is_a_row(cell: &str, texts: usize, passes: impl Fn(&str) -> bool) -> bool {
    cell.split_whitespace().filter(|word| !passes(word)).count() <= texts
}

/// Whether a word does no more than to join two texts.
fn joins(word: &str) -> bool {
    ["&", "+", "and", "und", "y", "e"].contains(&word)
}

/// Whether a word says that a serial number or an id follows.
fn labels(word: &str) -> bool {
    let word = bare(word);
    is_of_serials(&word) || ["number", "no", "nr"].contains(&word.as_str())
}

/// Whether a text is something else that the device tells.
fn tells(device: &ManagedDevice, text: &str) -> bool {
    let told = [
        &device.model,
        &device.os_version,
        &device.operating_system,
        &device.manufacturer,
        &device.user_display_name,
        &device.user_principal_name,
        &device.email_address,
    ];
    let text = text.to_lowercase();
    let same = |told: &str| told.trim().to_lowercase() == text;
    told.into_iter()
        .flatten()
        .any(|told| same(told) || told.split_once('@').is_some_and(|(user, _)| same(user)))
}

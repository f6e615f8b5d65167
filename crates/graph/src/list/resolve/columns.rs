//! What the columns of a list hold: by their titles, and by what their cells name.

use std::collections::HashSet;

use super::known::By;
use super::line::Line;
use crate::checks::comparable;
use crate::list::parse::{Entry, could_be_an_id};

/// What columns with names, serial numbers, people or ids are called, letters and digits only.
const TITLES: &[&str] = &[
    "serialnumber",
    "serial",
    "serialno",
    "serialnr",
    "sn",
    "seriennummer",
    "servicetag",
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

/// A text as titles are compared: letters and digits only.
pub(super) fn bare(text: &str) -> String {
    comparable(text).chars().filter(|c| c.is_alphanumeric()).collect()
}

fn is_usual(cell: &str) -> bool {
    TITLES.contains(&bare(cell).as_str())
}

/// Whether a title, made bare, is one of serial numbers or managed-device ids.
pub(super) fn is_of_serials(bare: &str) -> bool {
    ["serial", "serie", "servicetag"].iter().any(|part| bare.contains(part))
        || ["sn", "id", "deviceid", "manageddeviceid", "intunedeviceid"].contains(&bare)
}

/// What heads the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    /// With a usual title in it.
    Usual,
    /// No digits and as many cells as the line after it, two at least: it says nothing for certain.
    Wordy,
}

/// Whether a first line that names no device heads the columns.
pub(super) fn header(first: &Entry, second: Option<&Entry>) -> Option<Header> {
    let wordy = |cell: &String| !cell.contains(|c: char| c.is_numeric() || c == '@');
    if first.cells.iter().any(|cell| is_usual(cell)) {
        return Some(Header::Usual);
    }
    let is_wordy = first.cells.len() > 1
        && second.is_some_and(|second| second.cells.len() == first.cells.len())
        && first.cells.iter().all(wordy);
    is_wordy.then_some(Header::Wordy)
}

/// Which columns hold serial numbers or managed-device ids, as far as it can be known.
#[derive(Default)]
pub(super) struct Columns {
    serials: HashSet<usize>,
    others: HashSet<usize>,
}

impl Columns {
    /// `titles` is the first line, if it has a usual title.
    pub(super) fn new(titles: Option<&Entry>, lines: &[Line<'_>]) -> Self {
        let mut columns = Self::default();
        for (cell, column) in titles.into_iter().flat_map(|entry| entry.cells.iter().zip(&entry.columns)) {
            let kind = if is_of_serials(&bare(cell)) { &mut columns.serials } else { &mut columns.others };
            kind.insert(*column);
        }
        for part in lines.iter().flat_map(|line| &line.parts) {
            if let (Some(column), Some((By::Id | By::Serial, _))) = (part.column, part.surest()) {
                columns.serials.insert(column);
            }
        }
        columns
    }

    /// Whether a text that names nothing, in this column, could be the serial number or the id of a device that is not there.
    pub(super) fn could_be_a_serial(&self, text: &str, column: usize) -> bool {
        if self.serials.contains(&column) {
            let letters = text.chars().filter(|c| c.is_alphanumeric()).count();
            return could_be_an_id(text) || (letters >= SHORTEST && !text.contains(char::is_whitespace));
        }
        !self.others.contains(&column) && looks_like_a_serial(text)
    }
}

/// The least letters and digits of a text that is taken for a serial number by its looks.
const SHORTEST: usize = 5;

/// Letters and digits without white space, one of them a digit, or in capitals around a hyphen; no date and no version.
fn looks_like_a_serial(text: &str) -> bool {
    let joins = |c: char| matches!(c, '-' | '_' | '/');
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let digits = text.chars().filter(|c| c.is_numeric()).count();
    let tells = digits > 0 || (text.contains('-') && !text.contains(char::is_lowercase));
    tells
        && letters + digits >= SHORTEST
        && text.chars().all(|c| c.is_alphanumeric() || joins(c))
        && (letters > 0 || !text.contains(joins))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_told_by_its_looks() {
        for text in ["C02XK1AB", "5CG1234XYZ", "012345678953", "PF-1ABCD", "SN-OLD", "hjk12lm"] {
            assert!(looks_like_a_serial(text), "{text}");
        }
        for text in [
            "Windows",
            "10.0.22631",
            "2026-11-03",
            "16.4.1",
            "iPad",
            "Finance-North",
            "SN9",
            "iPad 12,1",
            "-----",
        ] {
            assert!(!looks_like_a_serial(text), "{text}");
        }
    }

    #[test]
    fn titles_of_serials_and_ids_are_known_from_others() {
        for title in
            ["Serial number", "S/N", "Seriennummer", "N\u{ba} de serie", "Service Tag", "ID", "Device ID"]
        {
            assert!(is_of_serials(&bare(title)), "{title}");
        }
        for title in ["Device name", "Ticket", "Azure AD Device ID", "User", "IMEI", "Model"] {
            assert!(!is_of_serials(&bare(title)), "{title}");
        }
    }
}

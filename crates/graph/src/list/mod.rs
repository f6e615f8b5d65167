//! A list of serial numbers, device names, user principal names, mail addresses or managed-device ids, and the devices it
//! names.

mod ask;
mod parse;
mod resolve;

pub use parse::{Entry, ListError, entries};

use crate::device::ManagedDevice;
use crate::error::Error;
use crate::id::DeviceId;

/// What became of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// Its entries, in its order. A line that lists several devices makes several of them.
    pub entries: Vec<ListedEntry>,
    /// The devices that entries name, in the order of the entries, each once and checked against what stands in the list.
    pub devices: Vec<ManagedDevice>,
    /// How many rows Graph returned that do not match or cannot be read. Graph ignores filters it does not support.
    pub left_out: usize,
    /// Whether everything there is was read; otherwise some entries may be [`Outcome::NotRead`].
    pub complete: bool,
    /// Why something was not read.
    pub stopped_by: Option<Error>,
}

/// An entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedEntry {
    /// Its line, from 1.
    pub line: usize,
    /// The cells that name devices and those that make it doubtful, or all of the line where none does, joined by commas.
    pub text: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It names one device.
    One(DeviceId),
    /// It names these devices, or its cells disagree about them: a person has to choose. It is a single device where it cannot be
    /// told whether that one was meant: a plain word beside other cells, as a model is, which some device is called by; a name or
    /// a person beside what could be a serial number or id of another device, and is none that was found; a name that is the same
    /// but for accents, width, white space or characters that nobody sees; or a device in the words before what a line names.
    /// At most 200 of them.
    Several(Vec<DeviceId>),
    /// It names no device.
    None,
    /// An earlier entry says the same or names the same single device.
    Double {
        /// The line of that entry, from 1.
        of_line: usize,
    },
    /// It could not be looked up, so nobody knows.
    NotRead,
}

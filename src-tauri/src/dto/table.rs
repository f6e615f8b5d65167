//! The table of devices on the desk and what is selected in it. Both live on the engine's side; the window asks for the rows it draws.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{DeviceRow, RouteView};
use crate::error::CommandError;

/// What devices are asked for by.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum DeviceQuestion {
    /// The devices of a person who was shown.
    User { id: String },
    /// The devices on which an app that was shown was detected.
    App { id: String },
    /// Devices whose serial number is the text or whose name contains it.
    Text { text: String },
    /// The devices that a pasted or opened list names: serial numbers, device names, user principal names or ids.
    List { text: String },
}

/// How far a table is read, and the truth about the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TableState {
    /// Names this table. Each question makes a new one.
    pub search: u32,
    /// Devices so far, each once.
    pub loaded: u32,
    /// Whether rows are still being read.
    pub loading: bool,
    /// Whether every page was read. Select-all is off while this is false.
    pub complete: bool,
    /// Rows that Graph returned and that do not match.
    pub left_out: u32,
    /// How many devices Graph itself counts, where it does.
    pub counted: Option<u32>,
    /// How much of what is known to be read was read: devices of an app, or entries of a list.
    pub progress: Option<ReadProgress>,
    /// Why reading ended early.
    pub problem: Option<CommandError>,
    /// What became of the lines of a list.
    pub list: Option<ListView>,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ReadProgress {
    /// Read so far.
    pub done: u32,
    /// To be read in all.
    pub total: u32,
}

/// What became of the entries of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ListView {
    /// Entries of the list.
    pub entries: u32,
    /// Entries that name one device.
    pub one: u32,
    /// Entries that name several devices, so that a person has to choose.
    pub several: u32,
    /// Entries that name no device.
    pub none: u32,
    /// Entries that say again what an earlier one said.
    pub double: u32,
    /// Entries that could not be looked up.
    pub not_read: u32,
    /// The entries that are not simply one device, in the order of the list; at most 5,000.
    pub notes: Vec<ListNote>,
}

/// An entry of a list that is not simply one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ListNote {
    /// Its line, from 1.
    pub line: u32,
    /// What stands there.
    pub text: String,
    /// What became of it.
    pub kind: ListNoteKind,
    /// The line that said the same before, for a double one.
    pub same_as: Option<u32>,
}

/// What became of an entry of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum ListNoteKind {
    /// It names several devices.
    Several,
    /// It names no device.
    None,
    /// An earlier entry named the same.
    Double,
    /// It could not be looked up.
    NotRead,
}

/// Which devices of a list are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum ListGroup {
    /// Those that an entry names alone.
    One,
    /// Those between which a person has to choose.
    Several,
}

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum Column {
    /// Device name.
    Name,
    /// Serial number.
    Serial,
    /// Display name and user principal name of the primary user.
    User,
    /// Operating system and its version.
    System,
    /// Model.
    Model,
    /// Owner.
    Owner,
    /// Compliance state.
    Compliance,
    /// Last contact.
    LastContact,
    /// When it was enrolled.
    Enrolled,
    /// Management state.
    ManagementState,
    /// What a person should know; sorted by how much there is.
    Warnings,
}

/// A condition on one column. Several are all to be met.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ColumnFilter {
    /// The words of the column contain the text, case and accents aside.
    Contains { column: Column, text: String },
    /// The column is one of these, as [`ColumnValue::value`] gives them.
    OneOf { column: Column, values: Vec<String> },
    /// The moment lies at least so many days back, or there is none.
    Before { column: Column, days: u32 },
    /// The moment lies less than so many days back.
    Within { column: Column, days: u32 },
}

/// What of the table is shown, and in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TableQuery {
    /// Words that are all to be found in name, serial number, user, system or model.
    pub text: String,
    /// Conditions on columns.
    pub filters: Vec<ColumnFilter>,
    /// The order; none keeps the one the rows were found in.
    pub sort: Option<TableSort>,
    /// Of a list: which devices; without it those that an entry names alone.
    pub group: Option<ListGroup>,
}

/// An order of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TableSort {
    /// By which column. Rows without a value come last. It counts once the table is read: until then rows come in as they are found.
    pub column: Column,
    /// Greatest first.
    pub descending: bool,
}

/// The rows that the window draws.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TableWindow {
    /// Checked rows so far, as in [`TableState`].
    pub loaded: u32,
    /// Whether rows are still being read.
    pub loading: bool,
    /// How many rows meet the query.
    pub matching: u32,
    /// How many of those are selected.
    pub selected: u32,
    /// The place of the first of `rows` among those that meet it.
    pub from: u32,
    /// The rows.
    pub rows: Vec<TableRow>,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TableRow {
    /// The device.
    pub device: DeviceRow,
    /// Whether it is selected.
    pub selected: bool,
    /// By which other search it was selected, if by another.
    pub elsewhere: Option<RouteView>,
    /// The entries of the list that name it, in a table of a list.
    pub entry: Option<String>,
}

/// A value that a column has, and how often among all rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ColumnValue {
    /// The value as Graph gives it; for warnings their kind; empty where there is none.
    pub value: String,
    /// In how many rows.
    pub count: u32,
}

/// What is to be selected or unselected.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SelectWhat {
    /// One device of the table.
    One { id: String },
    /// The devices from one to another, both with it, in the order shown.
    Range { from: String, to: String },
    /// Every row that meets the query. Refused while the table is not complete, and for what of a list is not clear.
    Matching,
}

/// What is selected, across all searches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SelectionState {
    /// Rises with every change.
    pub version: u32,
    /// How many devices are selected.
    pub size: u32,
    /// How many of them have a warning.
    pub warned: u32,
    /// How many devices of the last addition were selected through another search already.
    pub doubled: u32,
    /// Whether what was cleared last can be had back.
    pub can_undo: bool,
}

/// How the tray is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum TrayGrouping {
    /// By the search that found a device first.
    Found,
    /// By primary user.
    User,
    /// By operating system.
    System,
}

/// The rows of the tray that the window draws.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TrayWindow {
    /// The selection as it was when they were taken.
    pub state: SelectionState,
    /// How many rows there are, headings with them.
    pub total: u32,
    /// The place of the first of `rows`.
    pub from: u32,
    /// The rows.
    pub rows: Vec<TrayRow>,
}

/// One row of the tray.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum TrayRow {
    /// The head of the devices found by one search.
    Search { route: RouteView, count: u32 },
    /// The head of a user's devices, or of those without one.
    User { name: Option<String>, username: Option<String>, count: u32 },
    /// The head of the devices with an operating system, or of those that tell none.
    System { name: Option<String>, count: u32 },
    /// A device.
    Device { device: Box<DeviceRow> },
}

//! What the window is told of the journal's file.

use serde::Serialize;
use specta::Type;

/// What is the matter with the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum JournalTrouble {
    /// The file or its folder cannot be written.
    ReadOnly,
    /// It is damaged, or is no journal of Unlatch.
    Damaged,
    /// A newer version of Unlatch wrote it.
    Newer,
    /// It is a copy of the first format, and this computer knew a later one.
    OldCopy,
    /// Another program has it.
    InUse,
    /// Its file system keeps no locks.
    NoLocks,
    /// The disk, or the account's share of it, is full.
    Full,
}

/// Entries that this computer had written and the file was found without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct JournalLoss {
    /// When that was found.
    pub at: String,
    /// The newest entry that this computer knew of.
    pub known: u32,
    /// The entries that are known to be missing; null if as many were there, but others.
    pub missing: Option<EntryRange>,
}

/// Entries that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct EntryRange {
    /// The first.
    pub first: u32,
    /// The last.
    pub last: u32,
}

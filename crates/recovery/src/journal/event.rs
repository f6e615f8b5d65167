//! What the journal says of itself: entries that belong to no run.

use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::chain::ChainHash;
use super::mark::Mark;

/// An entry, named so that nothing else can pass for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainHead {
    /// Its number, from 1.
    pub seq: u64,
    /// Its hash.
    pub hash: ChainHash,
}

/// The journal's file was found without the newest entry that this computer knew of: it was restored from a copy, or entries
/// were taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WentBack {
    /// The entry that says so.
    pub entry: u64,
    /// When that was found, by this machine's clock.
    pub at: OffsetDateTime,
    /// The newest entry that this computer knew of.
    pub known: ChainHead,
    /// The newest entry that was there; none if the file was empty.
    pub found: Option<ChainHead>,
}

impl WentBack {
    /// Returns the first and the last number of the entries that are known to be missing. None if as many entries were there,
    /// but others.
    #[must_use]
    pub fn missing(&self) -> Option<(u64, u64)> {
        let first = self.found.map_or(0, |found| found.seq) + 1;
        (first <= self.known.seq).then_some((first, self.known.seq))
    }
}

/// The journal lost entries that this computer had written, and no person has been asked about that yet. Nothing is resumed or
/// sent again meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the journal lost entries that this computer had written; that has to be looked at before anything is resumed"
)]
pub struct JournalWentBack;

/// One fact about the journal itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum JournalEvent {
    /// The file was brought from one format to another.
    Upgraded { from: u32, to: u32 },
    /// The file was found without the newest entry that this computer knew of.
    WentBack { known: ChainHead, found: Option<ChainHead> },
    /// A person was told so and lets runs be resumed.
    WentBackSeen { account: Option<String> },
}

const WENT_BACK: &str = "went_back";

impl JournalEvent {
    /// The kind, as the journal's column has it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Upgraded { .. } => "upgraded",
            Self::WentBack { .. } => WENT_BACK,
            Self::WentBackSeen { .. } => "went_back_seen",
        }
    }
}

/// Returns what an entry without a run says of a loss.
pub(super) fn loss(seq: i64, at: &str, kind: &str, body: &str) -> Option<WentBack> {
    let at = OffsetDateTime::parse(at, &Rfc3339).ok()?;
    match serde_json::from_str(body).ok()? {
        JournalEvent::WentBack { known, found } if kind == WENT_BACK => {
            Some(WentBack { entry: seq.unsigned_abs(), at, known, found })
        }
        _ => None,
    }
}

/// Compares what is there with the mark. `newest` is the newest entry that is there.
pub(super) fn compare(
    connection: &Connection,
    newest: Option<ChainHead>,
    mark: Option<&Mark>,
) -> rusqlite::Result<Option<JournalEvent>> {
    let Some(mark) = mark else { return Ok(None) };
    let hash = |row: &Row<'_>| Ok(row.get(0).ok());
    // A hash that is none is another one.
    let there: Option<ChainHash> = connection
        .prepare("SELECT hash FROM event WHERE seq = ?")?
        .query_map([i64::try_from(mark.seq).unwrap_or(i64::MAX)], hash)?
        .next()
        .transpose()?
        .flatten();
    let known = ChainHead { seq: mark.seq, hash: mark.hash };
    // A mark that could not be written since names a loss that is told already.
    if there == Some(mark.hash) || losses(connection)?.iter().any(|loss| loss.known == known) {
        return Ok(None);
    }
    Ok(Some(JournalEvent::WentBack { known, found: newest }))
}

/// Returns every loss that the journal tells of, oldest first.
fn losses(connection: &Connection) -> rusqlite::Result<Vec<WentBack>> {
    let mut rows = connection.prepare(
        "SELECT seq, at, kind, body FROM event WHERE run IS NULL AND kind = 'went_back' ORDER BY seq",
    )?;
    let told = |row: &Row<'_>| {
        Ok(loss(row.get(0)?, row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_str()?, row.get_ref(3)?.as_str()?))
    };
    rows.query_map([], told)?.filter_map(Result::transpose).collect()
}

/// Returns the newest loss that no person has been asked about.
pub(super) fn unanswered(connection: &Connection) -> rusqlite::Result<Option<WentBack>> {
    let mut rows = connection.prepare(
        "SELECT seq, at, kind, body FROM event
         WHERE run IS NULL AND kind = 'went_back' AND seq >
             ifnull((SELECT max(seq) FROM event WHERE run IS NULL AND kind = 'went_back_seen'), 0)
         ORDER BY seq DESC LIMIT 1",
    )?;
    let mut rows = rows.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let seq: i64 = row.get(0)?;
    let told = loss(seq, row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_str()?, row.get_ref(3)?.as_str()?);
    // One that was changed afterwards is still one; the check tells of the change.
    let before = ChainHead { seq: seq.saturating_sub(1).unsigned_abs(), hash: ChainHash::START };
    let changed =
        WentBack { entry: seq.unsigned_abs(), at: OffsetDateTime::UNIX_EPOCH, known: before, found: None };
    Ok(Some(told.unwrap_or(changed)))
}

//! A secret of any length over entries of a limited one.
//!
//! Windows keeps at most 2,560 bytes in an entry, which is 1,280 characters where a store makes UTF-16 of them, and an Entra
//! refresh token has about 1,500. Secrets are therefore written as base64 text (KWallet takes nothing but UTF-8) in parts, and
//! a header entry names the parts that count. There are two slots: a new secret goes into the one the header does not name,
//! then the header changes over in one write, then the other slot is emptied. Whenever the process dies, what is there is the
//! old secret whole or the new one whole.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::VaultError;
use super::entries::Entries;

/// Characters in one part: below 1,280, so that a part also fits as UTF-16.
const PART_CHARS: usize = 1_200;
/// More parts than any secret of this application has.
const MOST_PARTS: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Slot {
    A,
    B,
}

impl Slot {
    fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    fn part(self, key: &str, index: usize) -> String {
        let letter = match self {
            Self::A => 'a',
            Self::B => 'b',
        };
        format!("{key}#{letter}{index}")
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    version: u8,
    generation: u64,
    slot: Slot,
    parts: usize,
    sha256: String,
}

const VERSION: u8 = 1;

/// The secret, or none if it is not there whole.
pub(crate) fn load(entries: &dyn Entries, key: &str) -> Result<Option<SecretString>, VaultError> {
    let Some(header) = header(entries, key)? else { return Ok(None) };
    let mut text = Zeroizing::new(Vec::with_capacity(header.parts * PART_CHARS));
    for index in 0..header.parts {
        match entries.get(&header.slot.part(key, index))? {
            Some(part) => text.extend_from_slice(&part),
            None => {
                tracing::warn!("a kept secret lacks a part and counts as absent");
                return Ok(None);
            }
        }
    }
    let secret = STANDARD.decode(&*text).ok().map(Zeroizing::new);
    let whole = secret.filter(|secret| checksum(secret) == header.sha256);
    let secret = whole.and_then(|secret| std::str::from_utf8(&secret).map(SecretString::from).ok());
    if secret.is_none() {
        tracing::warn!("a kept secret does not match its checksum and counts as absent");
    }
    Ok(secret)
}

/// Replaces the secret.
pub(crate) fn store(entries: &dyn Entries, key: &str, secret: &SecretString) -> Result<(), VaultError> {
    let secret = secret.expose_secret().as_bytes();
    let text = Zeroizing::new(STANDARD.encode(secret));
    let chunks: Vec<&[u8]> = text.as_bytes().chunks(PART_CHARS).collect();
    if chunks.len() > MOST_PARTS {
        return Err(VaultError::Failed("the secret is too long to be kept".into()));
    }
    let old = header(entries, key)?;
    let slot = old.as_ref().map_or(Slot::A, |old| old.slot.other());
    for (index, chunk) in chunks.iter().enumerate() {
        entries.set(&slot.part(key, index), chunk)?;
    }
    let header = Header {
        version: VERSION,
        generation: old.map_or(1, |old| old.generation.saturating_add(1)),
        slot,
        parts: chunks.len(),
        sha256: checksum(secret),
    };
    let header =
        serde_json::to_vec(&header).map_err(|_| VaultError::Failed("no header can be made".into()))?;
    entries.set(key, &header)?;
    // The new secret is in force; what cannot be tidied now is tidied by the next write.
    let tidied = empty(entries, key, slot.other(), 0).and_then(|()| empty(entries, key, slot, chunks.len()));
    if let Err(error) = tidied {
        tracing::warn!(%error, "parts of an older secret could not be deleted yet");
    }
    Ok(())
}

/// Deletes the secret, header first, so that it is absent from the first step on.
pub(crate) fn delete(entries: &dyn Entries, key: &str) -> Result<(), VaultError> {
    let results =
        [entries.delete(key).map(drop), empty(entries, key, Slot::A, 0), empty(entries, key, Slot::B, 0)];
    results.into_iter().collect()
}

/// Deletes the parts of a slot from `first` on. They are written upwards and deleted downwards, so no gap ever hides one.
fn empty(entries: &dyn Entries, key: &str, slot: Slot, first: usize) -> Result<(), VaultError> {
    let mut end = first;
    while end < MOST_PARTS && entries.get(&slot.part(key, end))?.is_some() {
        end += 1;
    }
    (first..end).rev().try_for_each(|index| entries.delete(&slot.part(key, index)).map(drop))
}

fn header(entries: &dyn Entries, key: &str) -> Result<Option<Header>, VaultError> {
    let Some(bytes) = entries.get(key)? else { return Ok(None) };
    let header: Option<Header> = serde_json::from_slice(&bytes).ok();
    Ok(header.filter(|header| header.version == VERSION && header.parts <= MOST_PARTS))
}

fn checksum(secret: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(secret))
}

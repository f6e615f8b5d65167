//! What ties each entry to all before it: a hash over the entry and the hash of the one before.
//!
//! Who changes an entry, takes one out or puts one in breaks the chain there. It has no key: who may write the file can also
//! make the whole chain anew. The hash of the newest entry, noted elsewhere, gives that away too.

use std::fmt;
use std::str::FromStr;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

/// The SHA-256 that ties an entry to all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainHash(pub [u8; 32]);

impl ChainHash {
    /// What stands before the first entry.
    pub(super) const START: Self = Self([0; 32]);
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The text is not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a hash of 64 hexadecimal digits")]
pub struct NoHash;

impl FromStr for ChainHash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        let mut hash = [0; 32];
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(NoHash);
        }
        for (byte, at) in hash.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| NoHash)?;
        }
        Ok(Self(hash))
    }
}

impl Serialize for ChainHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ChainHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl ToSql for ChainHash {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl FromSql for ChainHash {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        let hash = bytes
            .try_into()
            .map_err(|_| FromSqlError::InvalidBlobSize { expected_size: 32, blob_size: bytes.len() })?;
        Ok(Self(hash))
    }
}

/// An entry as the table holds it. One about the journal itself has an empty run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link<'a> {
    pub(super) seq: i64,
    pub(super) run: &'a str,
    pub(super) position: Option<u32>,
    pub(super) at: &'a str,
    pub(super) kind: &'a str,
    pub(super) body: &'a str,
}

impl Link<'_> {
    /// The hash of this entry after one with the hash `before`.
    pub(super) fn after(&self, before: ChainHash) -> ChainHash {
        let mut sum = Sum::default();
        sum.take(&before.0);
        sum.take(&self.seq.to_be_bytes());
        sum.take(self.run.as_bytes());
        sum.take_or_nothing(self.position.map(u32::to_be_bytes).as_ref().map(<[u8; 4]>::as_slice));
        for text in [self.at, self.kind, self.body] {
            sum.take(text.as_bytes());
        }
        ChainHash(sum.0.finalize().into())
    }
}

/// A hash over fields of any length: each goes in with its length, so that none can pass for a part of its neighbour.
#[derive(Default)]
pub(super) struct Sum(Sha256);

impl Sum {
    pub(super) fn take(&mut self, field: &[u8]) {
        self.0.update((field.len() as u64).to_be_bytes());
        self.0.update(field);
    }

    /// As [`Sum::take`]; nothing differs from an empty field.
    pub(super) fn take_or_nothing(&mut self, field: Option<&[u8]>) {
        match field {
            Some(field) => self.take(field),
            None => self.0.update(u64::MAX.to_be_bytes()),
        }
    }

    pub(super) fn finish(self) -> ChainHash {
        ChainHash(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: Link<'_> = Link { seq: 1, run: "r", position: Some(0), at: "t", kind: "k", body: "b" };

    #[test]
    fn every_field_and_the_entry_before_count() {
        let hash = LINK.after(ChainHash::START);
        let others = [
            Link { seq: 2, ..LINK },
            Link { run: "s", ..LINK },
            Link { position: None, ..LINK },
            Link { position: Some(1), ..LINK },
            Link { at: "u", ..LINK },
            Link { kind: "l", ..LINK },
            Link { body: "c", ..LINK },
            Link { at: "tk", kind: "", ..LINK },
        ];
        for other in others {
            assert_ne!(other.after(ChainHash::START), hash, "{other:?}");
        }
        assert_ne!(LINK.after(hash), hash);
        assert_eq!(LINK.after(ChainHash::START), hash);
    }

    #[test]
    fn nothing_is_not_an_empty_field() {
        let sum = |field| {
            let mut sum = Sum::default();
            sum.take_or_nothing(field);
            sum.finish()
        };
        assert_ne!(sum(None), sum(Some(b"".as_slice())));
    }

    #[test]
    fn a_hash_is_written_in_hexadecimal() {
        let text = ChainHash([0xab; 32]).to_string();
        assert_eq!((text.len(), &text[..4]), (64, "abab"));
        assert_eq!(text.parse(), Ok(ChainHash([0xab; 32])));
        for text in ["", &text[1..], &text.replace('a', "g"), &"é".repeat(32), &format!("+{}", &text[1..])] {
            assert_eq!(text.parse::<ChainHash>(), Err(NoHash), "{text}");
        }
    }
}

//! Ids as Graph gives them: opaque text, seldom more than a GUID, sometimes 64 hex digits, never to be trusted in a path.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// The longest id taken, in characters.
const LONGEST: usize = 256;

/// Why a text cannot be an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// There is no text.
    #[error("an id is empty")]
    Empty,
    /// More than 256 characters.
    #[error("an id is longer than 256 characters")]
    TooLong,
    /// Control characters, which a URL loses without a word.
    #[error("an id holds control characters")]
    ControlCharacter,
    /// `.` or `..`, which a URL reads as a step in its path, however they are written.
    #[error("an id is a relative path")]
    RelativePath,
}

fn checked(text: String) -> Result<String, InvalidId> {
    if text.is_empty() {
        Err(InvalidId::Empty)
    } else if text.chars().count() > LONGEST {
        Err(InvalidId::TooLong)
    } else if text.chars().any(char::is_control) {
        Err(InvalidId::ControlCharacter)
    } else if matches!(text.as_str(), "." | "..") {
        Err(InvalidId::RelativePath)
    } else {
        Ok(text)
    }
}

/// Hashes the small letters of an id, many at once: selections of 100,000 devices are looked up by it.
fn hash(id: &str, state: &mut impl Hasher) {
    for part in id.as_bytes().chunks(64) {
        let mut lower = [0; 64];
        let lower = &mut lower[..part.len()];
        lower.copy_from_slice(part);
        lower.make_ascii_lowercase();
        state.write(lower);
    }
    state.write_u8(u8::MAX);
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Compared without case: services write the same id in small letters, in capitals, or as it was written to them.
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes a text of 1 to 256 characters without control characters. `/`, `'` and `%` are harmless: the id
            /// is always encoded as one segment of a path.
            pub fn new(id: impl Into<String>) -> Result<Self, InvalidId> {
                checked(id.into()).map(Self)
            }

            /// The id as Graph gave it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.eq_ignore_ascii_case(&other.0)
            }
        }

        impl Eq for $name {}

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                hash(&self.0, state);
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                let [own, others] = [self, other].map(|id| id.0.bytes().map(|byte| byte.to_ascii_lowercase()));
                own.cmp(others)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(id: String) -> Result<Self, InvalidId> {
                Self::new(id)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

id! {
    /// The id of a managed device.
    DeviceId
}
id! {
    /// The object id of a person in the directory.
    UserId
}
id! {
    /// The id of a detected app: 64 hex digits or a GUID, one for each name, version and platform.
    AppId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_but_harmless_ids_are_taken() {
        for id in ["a/b", "o'brien", "100%", "..a", "%2e%2e", "é", &"x".repeat(256)] {
            assert_eq!(DeviceId::new(id).unwrap().as_str(), id);
        }
    }

    #[test]
    fn ids_that_a_path_would_lose_are_refused() {
        assert_eq!(DeviceId::new(""), Err(InvalidId::Empty));
        assert_eq!(DeviceId::new("."), Err(InvalidId::RelativePath));
        assert_eq!(DeviceId::new(".."), Err(InvalidId::RelativePath));
        assert_eq!(DeviceId::new("a\tb"), Err(InvalidId::ControlCharacter));
        assert_eq!(DeviceId::new("x".repeat(257)), Err(InvalidId::TooLong));
    }

    #[test]
    fn ids_that_differ_in_case_alone_are_one_id() {
        use std::collections::{BTreeSet, HashSet};
        let ids = ["0F-a1", "0f-A1", "0f-a2"].map(|id| DeviceId::new(id).unwrap());
        assert_eq!(ids[0], ids[1]);
        assert_ne!(ids[0], ids[2]);
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 2);
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 2);
        assert_eq!(ids[1].as_str(), "0f-A1", "and each is as Graph gave it");
    }

    #[test]
    fn an_id_is_plain_text_in_json_and_is_checked_on_the_way_in() {
        let id: UserId = serde_json::from_str("\"u/1\"").unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"u/1\"");
        assert!(serde_json::from_str::<UserId>("\"..\"").is_err());
    }
}

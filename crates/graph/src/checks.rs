//! Whether a row answers the question that was asked. Graph ignores filters it does not support and then returns
//! everything, so its word alone puts no row before a person.

use unicode_normalization::UnicodeNormalization as _;

use crate::device::{DetectedApp, ManagedDevice, User};
use crate::error::Error;
use crate::fold::{folded, invisible};
use crate::id::DeviceId;

/// The longest search, in characters.
pub(crate) const LONGEST_TERM: usize = 256;

/// What somebody searches for: 1 to 256 characters with something to compare in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    sent: String,
    folded: String,
}

impl Term {
    /// Trims `text` and makes runs of white space and control characters one space.
    pub(crate) fn new(text: &str) -> Result<Self, Error> {
        let sent: String = text
            .split(|c: char| c.is_whitespace() || c.is_control())
            .map(|word| word.trim_matches(invisible))
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
            .nfc()
            .collect();
        let compared = comparable(&sent);
        if compared.is_empty() {
            return Err(Error::InvalidInput("there is nothing to search for"));
        }
        if sent.chars().count() > LONGEST_TERM {
            return Err(Error::InvalidInput("the search is longer than 256 characters"));
        }
        Ok(Self { sent, folded: compared })
    }

    /// The text for Graph.
    pub(crate) fn as_str(&self) -> &str {
        &self.sent
    }
}

/// Folded, with every run of white space as one space.
pub(crate) fn comparable(text: &str) -> String {
    folded(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A person matches if every word is part of the display name, the user principal name or the mail address.
pub(crate) fn is_person(user: &User, term: &Term) -> bool {
    let fields = [
        folded(&user.display_name),
        folded(&user.user_principal_name),
        folded(user.mail.as_deref().unwrap_or_default()),
    ];
    term.folded.split_whitespace().all(|word| fields.iter().any(|field| field.contains(word)))
}

/// A device is a user's if it names the user's object id or, where it names none, the user principal name: names are given
/// to somebody else, ids are not.
pub(crate) fn is_device_of(device: &ManagedDevice, user: &User) -> bool {
    let same = |a: &str, b: &str| !a.is_empty() && a.to_lowercase() == b.to_lowercase();
    match (&device.user_id, device.user_principal_name.as_deref()) {
        (Some(id), _) => same(id.as_str(), user.id.as_str()),
        (None, Some(upn)) => same(upn, &user.user_principal_name),
        (None, None) => false,
    }
}

/// A device answers a search if its serial number is the text or its name contains it.
pub(crate) fn is_device(device: &ManagedDevice, term: &Term) -> bool {
    comparable(&device.device_name).contains(&term.folded)
        || device
            .serial_number
            .as_deref()
            .is_some_and(|serial| serial.trim().to_lowercase() == term.sent.to_lowercase())
}

/// An app answers a search if its display name contains the text.
pub(crate) fn is_app(app: &DetectedApp, term: &Term) -> bool {
    comparable(&app.display_name).contains(&term.folded)
}

/// Whether the device that was read is the one a row spoke of: the same id, and the same name where the row has one.
pub(crate) fn agrees(id: &DeviceId, name: &str, read: &ManagedDevice) -> bool {
    let name = name.trim();
    id == &read.id && (name.is_empty() || name.to_lowercase() == read.device_name.trim().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AppId, UserId};
    use crate::open::{ComplianceState, ManagementAgent, ManagementState, OwnerType, Platform};
    use proptest::prelude::*;

    fn device(name: &str, serial: Option<&str>) -> ManagedDevice {
        ManagedDevice {
            id: DeviceId::new("d1").unwrap(),
            device_name: name.to_owned(),
            serial_number: serial.map(str::to_owned),
            user_id: None,
            user_principal_name: None,
            user_display_name: None,
            email_address: None,
            operating_system: None,
            os_version: None,
            model: None,
            manufacturer: None,
            owner: OwnerType::Unknown,
            compliance_state: ComplianceState::Unknown,
            management_state: ManagementState::Unknown,
            management_agent: ManagementAgent::Unknown,
            is_supervised: None,
            last_sync: None,
            enrolled: None,
        }
    }

    fn user(name: &str, upn: &str, mail: Option<&str>) -> User {
        User {
            id: UserId::new("U-1").unwrap(),
            display_name: name.to_owned(),
            user_principal_name: upn.to_owned(),
            mail: mail.map(str::to_owned),
        }
    }

    fn term(text: &str) -> Term {
        Term::new(text).unwrap()
    }

    #[test]
    fn a_search_with_nothing_in_it_is_refused() {
        for text in ["", "   ", "\t\n", "\u{200b}\u{feff}", "\u{301}\u{308}", "\u{0}"] {
            assert_eq!(
                Term::new(text),
                Err(Error::InvalidInput("there is nothing to search for")),
                "{text:?} would be part of every name"
            );
        }
    }

    #[test]
    fn a_search_is_trimmed_and_not_longer_than_256() {
        assert_eq!(term("  Zoe\u{308}\u{0}\tÅström\n").as_str(), "Zoë Åström");
        assert!(Term::new(&format!("  {}  ", "x".repeat(256))).is_ok());
        assert!(Term::new(&"x".repeat(257)).is_err());
        assert!(Term::new(&"x".repeat(5_000)).is_err());
    }

    #[test]
    fn every_word_must_be_found_in_a_person() {
        let zoe = user("Zoë Åström", "zastrom@contoso.example", Some("zoe@mail.example"));
        for text in ["zoe", "ASTROM zoe", "astr contoso", "zoe@mail"] {
            assert!(is_person(&zoe, &term(text)), "{text}");
        }
        for text in ["zoe miller", "fabrikam"] {
            assert!(!is_person(&zoe, &term(text)), "{text}");
        }
    }

    #[test]
    fn a_device_is_a_users_by_id_and_by_name_only_where_it_has_no_id() {
        let anna = user("Anna", "Anna@contoso.example", None);
        let mut row = device("x", None);
        assert!(!is_device_of(&row, &anna), "a row that tells no user is nobody's");
        row.user_principal_name = Some("anna@CONTOSO.example".to_owned());
        assert!(is_device_of(&row, &anna));
        row.user_principal_name = Some("other@contoso.example".to_owned());
        assert!(!is_device_of(&row, &anna));
        row.user_id = Some(UserId::new("u-1").unwrap());
        assert!(is_device_of(&row, &anna));
        row.user_principal_name = Some("anna@contoso.example".to_owned());
        row.user_id = Some(UserId::new("u-2").unwrap());
        assert!(!is_device_of(&row, &anna), "the id names somebody else, whatever the name");
        let nameless = user("", "", None);
        assert!(!is_device_of(&device("x", None), &nameless));
    }

    #[test]
    fn a_serial_must_be_whole_and_a_name_may_be_part() {
        let row = device("Tablet-Küche 7", Some(" C02XK1AB "));
        for text in ["c02xk1ab", "küche", "KUCHE 7", "tablet"] {
            assert!(is_device(&row, &term(text)), "{text}");
        }
        for text in ["C02XK1", "02XK1AB", "phone"] {
            assert!(!is_device(&row, &term(text)), "{text}");
        }
    }

    #[test]
    fn a_device_that_was_read_must_be_the_one_of_the_row() {
        let (id, front) = (DeviceId::new("D1").unwrap(), device("FRONT DESK ", Some("s")));
        assert!(agrees(&id, "Front desk", &front));
        assert!(agrees(&id, "", &front));
        assert!(!agrees(&id, "Back desk", &front));
        assert!(!agrees(&DeviceId::new("d2").unwrap(), "Front desk", &front));
    }

    proptest! {
        #[test]
        fn a_part_of_a_name_always_finds_it(name in "[A-Za-zÀ-ÿ0-9' &\"_-]{1,40}", from in 0usize..40, len in 1usize..20) {
            let part: String = name.chars().skip(from).take(len).collect();
            prop_assume!(!part.trim().is_empty());
            let app = DetectedApp {
                id: AppId::new("a").unwrap(),
                display_name: name.clone(),
                version: None,
                publisher: None,
                platform: Platform::Unknown,
                device_count: 1,
            };
            prop_assert!(is_device(&device(&name, None), &term(&part)));
            prop_assert!(is_app(&app, &term(&part)));
            prop_assert!(is_person(&user(&name, "", None), &term(&part)));
        }

        #[test]
        fn what_is_in_no_field_finds_nothing(name in "[a-m]{0,20}", text in "[n-z]{1,10}") {
            prop_assert!(!is_device(&device(&name, Some(&name)), &term(&text)));
            prop_assert!(!is_person(&user(&name, &name, Some(&name)), &term(&text)));
        }
    }
}

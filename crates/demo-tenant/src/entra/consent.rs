//! What the app registration has been consented to, and what stands between an account and a code because of it.

use std::collections::BTreeSet;

use crate::entra::errors::LoginError;
use crate::entra::scopes::Scopes;
use crate::entra::tokens::Account;
use crate::exchange::Form;
use crate::options::Consent;
use crate::tenant::{Tenant, lock};

/// A delegated permission of Graph (Graph documentation, permissions reference).
#[derive(Debug)]
pub(crate) struct Permission {
    pub(crate) name: &'static str,
    /// As the consent page words it.
    pub(crate) title: &'static str,
    /// Whether only an administrator may consent.
    pub(crate) admin: bool,
}

const fn permission(name: &'static str, title: &'static str, admin: bool) -> Permission {
    Permission { name, title, admin }
}

/// The one that lets devices be acted on.
const PRIVILEGED: &str = "DeviceManagementManagedDevices.PrivilegedOperations.All";

/// Every registration begins with this one, so it is never asked for.
const FROM_THE_START: &str = "User.Read";

/// The permissions of the app registration, by name.
pub(crate) const PERMISSIONS: [Permission; 8] = [
    permission(PRIVILEGED, "Perform user-impacting remote actions on Microsoft Intune devices", true),
    permission("DeviceManagementManagedDevices.Read.All", "Read Microsoft Intune devices", true),
    permission(
        "DeviceManagementManagedDevices.ReadWrite.All",
        "Read and write Microsoft Intune devices",
        true,
    ),
    permission("Directory.Read.All", "Read directory data", true),
    permission("Organization.Read.All", "Read organization information", true),
    permission(FROM_THE_START, "Sign in and read user profile", false),
    permission("User.Read.All", "Read all users' full profiles", true),
    permission("User.ReadBasic.All", "Read all users' basic profiles", false),
];

/// The permission of this name, in any case.
pub(crate) fn permission_named(name: &str) -> Option<&'static Permission> {
    PERMISSIONS.iter().find(|permission| permission.name.eq_ignore_ascii_case(name))
}

/// Who consented to what.
#[derive(Debug, Default)]
pub(crate) struct Consents {
    organization: BTreeSet<&'static str>,
    people: Vec<(Account, &'static str)>,
}

impl Consents {
    /// Forgets all consent and begins anew.
    pub(crate) fn set(&mut self, consent: Consent) {
        self.people.clear();
        let names = PERMISSIONS.iter().map(|permission| permission.name);
        self.organization = match consent {
            Consent::All => names.collect(),
            Consent::ReadOnly => names.filter(|name| *name != PRIVILEGED).collect(),
            Consent::Nothing => BTreeSet::new(),
        };
    }

    /// Consents for the organization; false for a permission the registration does not have.
    pub(crate) fn grant(&mut self, name: &str) -> bool {
        let known = permission_named(name);
        self.organization.extend(known.map(|permission| permission.name));
        known.is_some()
    }

    /// Withdraws the organization's consent and everybody's own; false for a permission the registration does not have.
    pub(crate) fn revoke(&mut self, name: &str) -> bool {
        let Some(permission) = permission_named(name) else { return false };
        self.organization.remove(permission.name);
        self.people.retain(|(_, name)| *name != permission.name);
        true
    }

    /// What the organization consented to.
    pub(crate) fn of_organization(&self) -> Vec<String> {
        self.organization.iter().map(|name| (*name).to_owned()).collect()
    }

    /// What a token of the account's carries, whatever is asked for: all that was consented to earlier (Entra
    /// documentation, scopes and permissions).
    pub(crate) fn of(&self, account: Account) -> BTreeSet<String> {
        let own = self.people.iter().filter(|(whose, _)| *whose == account).map(|(_, name)| name);
        self.organization.iter().chain(own).chain([&FROM_THE_START]).map(|name| (*name).to_owned()).collect()
    }

    /// What is asked for and was not consented to. `.default` asks for all there is, but only of a registration that
    /// was consented to nothing (Entra documentation, the `.default` scope).
    pub(crate) fn missing(&self, account: Account, scopes: &Scopes) -> Vec<&'static Permission> {
        let has = self.of(account);
        let untouched = has.len() == 1;
        PERMISSIONS
            .iter()
            .filter(|permission| scopes.has(permission.name) || scopes.default && untouched)
            .filter(|permission| !has.contains(permission.name))
            .collect()
    }

    /// The admin's consent is the organization's, anybody else's is their own.
    fn accept(&mut self, account: Account, asked: &[&'static Permission]) {
        let names = asked.iter().map(|permission| permission.name);
        match account {
            Account::Admin => self.organization.extend(names),
            Account::Plain | Account::Personal => self.people.extend(names.map(|name| (account, name))),
        }
    }
}

/// What somebody did on the consent page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Accept,
    Cancel,
}

impl Answer {
    pub(crate) fn of(fields: &Form) -> Option<Self> {
        match fields.get("demo_consent")? {
            "accept" => Some(Self::Accept),
            "cancel" => Some(Self::Cancel),
            _ => None,
        }
    }
}

/// What comes between an account and its code.
#[derive(Debug)]
pub(crate) enum Gate {
    Open,
    /// The page that asks for these.
    Ask(Vec<&'static Permission>),
    /// The page that says that an administrator is needed.
    NeedsAdmin,
}

/// Looks whether all that is asked for was consented to, and takes an answer if there is one.
///
/// # Errors
/// AADSTS65004 for who cancels, 90094 for who goes back without an administrator, 65001 where no page may be shown.
pub(crate) fn gate(
    tenant: &Tenant,
    account: Account,
    scopes: &Scopes,
    prompt: Option<&str>,
    answer: Option<Answer>,
) -> Result<Gate, LoginError> {
    let mut ledger = lock(&tenant.ledger);
    let asked = match prompt {
        Some("consent") => {
            let named = |permission: &&Permission| scopes.default || scopes.has(permission.name);
            PERMISSIONS.iter().filter(named).collect()
        }
        _ => ledger.consents.missing(account, scopes),
    };
    if asked.is_empty() {
        return Ok(Gate::Open);
    }
    if prompt == Some("none") {
        return Err(LoginError::no_consent(tenant, "interaction_required"));
    }
    let for_admins = account != Account::Admin && asked.iter().any(|permission| permission.admin);
    match answer {
        None if for_admins => Ok(Gate::NeedsAdmin),
        None => Ok(Gate::Ask(asked)),
        Some(_) if for_admins => {
            Err(LoginError::new("access_denied", 90_094, "The grant requires admin permission."))
        }
        Some(Answer::Cancel) => Err(LoginError::declined().suberror("cancel")),
        Some(Answer::Accept) => {
            ledger.consents.accept(account, &asked);
            Ok(Gate::Open)
        }
    }
}

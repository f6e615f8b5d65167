//! Who is signed in.

use serde::{Deserialize, Serialize};

/// A work or school account, as its id token describes it. Good for showing and as a key, never for authorization
/// (Microsoft identity platform, ID tokens: only confidential clients gain from validating one).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The tenant the tokens act on (`tid`, a GUID in lower case).
    pub tenant_id: String,
    /// The account's object id in that tenant (`oid`).
    pub object_id: String,
    /// The user principal name (`preferred_username`).
    pub username: String,
    /// The display name (`name`), or the user principal name if Entra gives none.
    pub name: String,
}

impl Account {
    /// Whether both are the same account of the same tenant, whatever it is called now.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.tenant_id == other.tenant_id && self.object_id == other.object_id
    }
}

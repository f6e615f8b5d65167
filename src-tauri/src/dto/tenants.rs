//! Tenants and how to sign in to them.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{AccountView, Mode};
use crate::error::CommandError;

/// A tenant that can be put behind the window.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PlaceView {
    /// Names it to `show_place` and `remove_place`.
    pub id: String,
    /// Demo, tenant, or none configured yet.
    pub mode: Mode,
    /// The tenant as it was named: an id or a domain. Empty for the demo tenant and where none is configured.
    pub tenant: String,
    /// Where an administrator consents to searching and sending there. None for a place without a tenant.
    pub admin_consent: Option<String>,
    /// Who is signed in there, or was before the sign-in ended.
    pub account: Option<AccountView>,
    /// Whether that sign-in is in force.
    pub signed_in: bool,
    /// Whether a run is under way there.
    pub run_under_way: bool,
    /// Whether it can be taken off the list: the first one and the demo tenant cannot.
    pub removable: bool,
}

/// A tenant and an application in it, as a person names them.
#[derive(Debug, Clone, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TenantInput {
    /// Tenant id or verified domain.
    pub tenant: String,
    /// Application (client) id, a GUID; may be empty where only the tenant is asked for.
    pub client_id: String,
    /// `global`, `us-gov`, `us-gov-dod` or `china`; `custom` means the table in the file.
    pub cloud: String,
}

/// What a cloud's sign-in service says of a tenant.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum TenantCheck {
    /// It exists; its id is `tenant_id`.
    Found { tenant_id: String },
    /// The cloud knows no such tenant.
    NotFound,
    /// It exists, and signs in on another host: it belongs to another cloud.
    OtherCloud { host: String },
    /// The service could not be asked.
    NotAsked { problem: CommandError },
}

/// Addresses that help to set the application up.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SetupLinks {
    /// Where applications are registered: the Microsoft Entra admin center of the cloud. None for a custom cloud.
    pub registrations: Option<String>,
    /// Where an administrator consents for the whole organisation, to be opened here or sent to one. None while tenant or
    /// client id are not whole.
    pub admin_consent: Option<String>,
    /// The same without the permission to send the action: enough for searching.
    pub admin_consent_to_search: Option<String>,
}

/// One of [`SetupLinks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum SetupLink {
    /// Where applications are registered.
    Registrations,
    /// Consent to everything.
    AdminConsent,
    /// Consent to searching alone.
    AdminConsentToSearch,
}

/// What to type where, to sign in on another device.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DeviceCodeView {
    /// The code to be typed.
    pub user_code: String,
    /// The page it is typed on.
    pub verification_uri: String,
    /// For how many seconds from now it is good.
    pub expires_in_seconds: u32,
}

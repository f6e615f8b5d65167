//! The application's registration in one tenant.

use url::Url;
use uuid::Uuid;

use crate::cloud::Cloud;

/// Which application, in which tenant, in which cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The cloud.
    pub cloud: Cloud,
    /// The tenant's id (a GUID) or one of its verified domains, in lower case.
    pub tenant: String,
    /// The application (client) id, a GUID in lower case.
    pub client_id: String,
}

/// Why a registration is no good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// The client id is not a GUID.
    #[error("the application (client) id must be a GUID such as 00000000-0000-0000-0000-000000000000")]
    ClientId,
    /// The tenant is neither a GUID nor a domain name.
    #[error("the tenant must be its id (a GUID) or one of its domain names such as contoso.com")]
    Tenant,
    /// `common`, `organizations` or `consumers`, which name no one tenant.
    #[error("the tenant must be one tenant: its id or a domain name, not {0:?}")]
    ManyTenants(String),
}

impl Registration {
    /// Checks the form of `tenant` and `client_id`; whether they exist only Entra can tell.
    ///
    /// # Errors
    /// When either has a form Entra cannot know.
    pub fn new(cloud: Cloud, tenant: &str, client_id: &str) -> Result<Self, RegistrationError> {
        let tenant = tenant.trim().to_ascii_lowercase();
        if matches!(tenant.as_str(), "common" | "organizations" | "consumers") {
            return Err(RegistrationError::ManyTenants(tenant));
        }
        let tenant = match guid(&tenant) {
            Some(id) => id,
            None if is_domain(&tenant) => tenant,
            None => return Err(RegistrationError::Tenant),
        };
        let client_id = guid(client_id.trim()).ok_or(RegistrationError::ClientId)?;
        Ok(Self { cloud, tenant, client_id })
    }

    /// Where an administrator consents to the application for the whole organisation (Microsoft identity platform, admin
    /// consent endpoint). `privileged`: to sending the action as well as to searching.
    #[must_use]
    pub fn admin_consent_url(&self, privileged: bool) -> Url {
        let mut url = self.cloud.login_url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend([&self.tenant, "v2.0", "adminconsent"]);
        }
        url.query_pairs_mut().extend_pairs([
            ("client_id", self.client_id.as_str()),
            ("scope", &self.cloud.scopes(privileged).join(" ")),
            ("redirect_uri", "http://localhost"),
        ]);
        url
    }

    /// The tenant's id, if it is an id that was configured.
    #[must_use]
    pub fn tenant_id(&self) -> Option<String> {
        guid(&self.tenant)
    }
}

/// The text as a GUID in lower case with hyphens, if that is what it is.
pub(crate) fn guid(text: &str) -> Option<String> {
    let hyphenated = text.len() == 36;
    Uuid::try_parse(text).ok().filter(|_| hyphenated).map(|id| id.hyphenated().to_string())
}

/// Whether the text is a domain name of at least two labels (RFC 1123).
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let labels: Vec<&str> = text.split('.').collect();
    let numeric_end = labels.last().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    text.len() <= 253 && labels.len() >= 2 && !numeric_end && labels.into_iter().all(label)
}

//! Which scopes the demo app registration has, and how a request spells them.

use std::collections::BTreeSet;

use crate::entra::errors::LoginError;
use crate::tenant::Tenant;

/// Scopes of OpenID Connect itself.
const OPENID: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// The Graph permissions the app registration was granted.
const GRANTED: [&str; 8] = [
    "DeviceManagementManagedDevices.PrivilegedOperations.All",
    "DeviceManagementManagedDevices.Read.All",
    "DeviceManagementManagedDevices.ReadWrite.All",
    "Directory.Read.All",
    "Organization.Read.All",
    "User.Read",
    "User.Read.All",
    "User.ReadBasic.All",
];

/// What a request asked for and what comes of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scopes {
    /// As the request spelled them, for the answer's `scope`.
    pub(crate) asked: Vec<String>,
    /// By their short names.
    pub(crate) granted: BTreeSet<String>,
}

impl Scopes {
    pub(crate) fn all() -> Self {
        let granted: BTreeSet<String> =
            GRANTED.iter().chain(&OPENID).map(|name| (*name).to_owned()).collect();
        Self { asked: granted.iter().cloned().collect(), granted }
    }

    /// Reads a `scope` parameter.
    ///
    /// # Errors
    /// AADSTS70011 for a scope nobody defines, 500011 for a resource nobody knows.
    pub(crate) fn parse(tenant: &Tenant, text: &str) -> Result<Self, LoginError> {
        let mut scopes = Self::default();
        // A token carries what was consented to earlier too, and every registration begins with this one.
        scopes.granted.insert("User.Read".to_owned());
        for asked in text.split_whitespace() {
            let name = short_name(tenant, asked)?;
            if name == ".default" {
                scopes.granted.extend(GRANTED.iter().map(|name| (*name).to_owned()));
            } else if let Some(known) =
                GRANTED.iter().chain(&OPENID).find(|known| known.eq_ignore_ascii_case(name))
            {
                scopes.granted.insert((*known).to_owned());
            } else {
                return Err(LoginError::new(
                    "invalid_scope",
                    70_011,
                    &format!(
                        "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {asked} is not valid."
                    ),
                ));
            }
            scopes.asked.push(asked.to_owned());
        }
        Ok(scopes)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.granted.contains(name)
    }

    /// The answer's `scope`: Entra leaves `offline_access` out of it.
    pub(crate) fn echoed(&self) -> String {
        let shown = self.asked.iter().filter(|scope| !scope.eq_ignore_ascii_case("offline_access"));
        shown.map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

/// The scope's name without its resource, which must be this Graph or the worldwide one.
fn short_name<'a>(tenant: &Tenant, scope: &'a str) -> Result<&'a str, LoginError> {
    let Some((resource, name)) = scope.rsplit_once('/').filter(|(resource, _)| resource.contains("://"))
    else {
        return Ok(scope);
    };
    let resource = resource.trim_end_matches('/');
    let graph = tenant.graph_url.as_str();
    if resource == "https://graph.microsoft.com" || resource == tenant.origin || graph.starts_with(resource) {
        return Ok(name);
    }
    Err(LoginError::new(
        "invalid_resource",
        500_011,
        &format!(
            "The resource principal named {resource} was not found in the tenant named Contoso (demo). This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant."
        ),
    ))
}

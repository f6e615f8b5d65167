//! How a request spells its scopes, and how the answer does.

use std::collections::BTreeSet;

use crate::entra::consent::{PERMISSIONS, permission_named};
use crate::entra::errors::LoginError;
use crate::tenant::Tenant;

/// Scopes of OpenID Connect itself, which nobody has to consent to here.
const OPENID: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// What a request asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scopes {
    /// As the request spelled them, for the answer's `scope`.
    spelled: Vec<String>,
    /// By their short names.
    names: BTreeSet<&'static str>,
    /// Whether all that the registration has was asked for.
    pub(crate) default: bool,
}

/// By their short names, everything there is.
pub(crate) fn all() -> BTreeSet<String> {
    PERMISSIONS.iter().map(|permission| permission.name).chain(OPENID).map(str::to_owned).collect()
}

impl Scopes {
    /// Reads a `scope` parameter.
    ///
    /// # Errors
    /// AADSTS70011 for a scope nobody defines, 500011 for a resource nobody knows.
    pub(crate) fn parse(tenant: &Tenant, text: &str) -> Result<Self, LoginError> {
        let mut scopes = Self::default();
        for spelled in text.split_whitespace() {
            let name = short_name(tenant, spelled)?;
            let known = permission_named(name)
                .map(|permission| permission.name)
                .or_else(|| OPENID.into_iter().find(|known| known.eq_ignore_ascii_case(name)));
            match known {
                Some(known) => _ = scopes.names.insert(known),
                None if name == ".default" => scopes.default = true,
                None => {
                    return Err(LoginError::new(
                        "invalid_scope",
                        70_011,
                        &format!(
                            "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {spelled} is not valid."
                        ),
                    ));
                }
            }
            scopes.spelled.push(spelled.to_owned());
        }
        Ok(scopes)
    }

    /// The same with the OpenID scopes of an earlier request, which a later one need not repeat.
    pub(crate) fn after(mut self, earlier: &Self) -> Self {
        self.names.extend(OPENID.into_iter().filter(|name| earlier.has(name)));
        self
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The answer's `scope`: as asked, then what else the token carries, with the resource in front if the request put
    /// it there. Entra leaves `offline_access` out of it.
    pub(crate) fn echoed(&self, carried: &BTreeSet<String>) -> String {
        let name_of = |spelled: &str| match spelled.rsplit_once('/') {
            Some((_, name)) => name.to_ascii_lowercase(),
            None => spelled.to_ascii_lowercase(),
        };
        let asked: BTreeSet<String> = self.spelled.iter().map(|spelled| name_of(spelled)).collect();
        let resource = self.spelled.iter().find_map(|spelled| Some(spelled.rsplit_once('/')?.0));
        let others = carried.iter().filter(|name| !asked.contains(&name.to_ascii_lowercase()));
        let others = others.map(|name| match resource {
            Some(resource) => format!("{resource}/{name}"),
            None => name.clone(),
        });
        self.spelled
            .iter()
            .filter(|spelled| !["offline_access", ".default"].contains(&name_of(spelled).as_str()))
            .cloned()
            .chain(others)
            .collect::<Vec<_>>()
            .join(" ")
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

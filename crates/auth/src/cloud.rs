//! Microsoft's clouds: where a person signs in and where Graph is.

use std::fmt;

use serde::{Deserialize, Serialize};
use unlatch_graph::is_loopback;
use url::Url;

/// What finding people and devices takes.
const SEARCH_SCOPES: [&str; 2] = ["User.ReadBasic.All", "DeviceManagementManagedDevices.Read.All"];
/// What sending the action takes (Graph documentation, recoverPasscode).
pub(crate) const PRIVILEGED_SCOPE: &str = "DeviceManagementManagedDevices.PrivilegedOperations.All";

/// Which cloud. Tokens, registrations and kept sign-ins never cross from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CloudName {
    /// The worldwide cloud, GCC included.
    Global,
    /// US Government L4 (GCC High).
    UsGov,
    /// US Government L5 (DoD).
    UsGovDod,
    /// China, operated by 21Vianet.
    China,
    /// Hosts given by the configuration.
    Custom,
}

impl CloudName {
    /// The name as the configuration writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::UsGov => "us-gov",
            Self::UsGovDod => "us-gov-dod",
            Self::China => "china",
            Self::Custom => "custom",
        }
    }
}

impl fmt::Display for CloudName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A cloud's hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloud {
    /// Which one.
    pub name: CloudName,
    /// Where the OpenID metadata and the sign-in are, without a slash at the end of its path unless that is all there is.
    pub login_url: Url,
    /// Graph with its version, such as `https://graph.microsoft.com/v1.0`, without a slash at the end.
    pub graph_url: Url,
}

/// Why a custom cloud's address is no good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Neither https nor http to this machine.
    #[error("{key} must be an https address, or http on this machine only")]
    NotSecure {
        /// `login_url` or `graph_url`.
        key: &'static str,
    },
    /// A user name, a password, a query or a fragment is in it, or a host is missing.
    #[error("{key} must be a plain address without user name, query or fragment")]
    NotPlain {
        /// `login_url` or `graph_url`.
        key: &'static str,
    },
    /// Graph's address does not name the version this application speaks.
    #[error("graph_url must end in /v1.0")]
    NoVersion,
}

impl Cloud {
    /// The worldwide cloud, GCC included (Graph documentation, national cloud deployments).
    #[must_use]
    pub fn global() -> Self {
        Self::known(
            CloudName::Global,
            "https://login.microsoftonline.com",
            "https://graph.microsoft.com/v1.0",
        )
    }

    /// US Government L4 (GCC High).
    #[must_use]
    pub fn us_gov() -> Self {
        Self::known(CloudName::UsGov, "https://login.microsoftonline.us", "https://graph.microsoft.us/v1.0")
    }

    /// US Government L5 (DoD).
    #[must_use]
    pub fn us_gov_dod() -> Self {
        Self::known(
            CloudName::UsGovDod,
            "https://login.microsoftonline.us",
            "https://dod-graph.microsoft.us/v1.0",
        )
    }

    /// China, operated by 21Vianet. The login host is the one Entra's documentation names since 2025; the older
    /// `login.chinacloudapi.cn` is deprecated.
    #[must_use]
    pub fn china() -> Self {
        Self::known(
            CloudName::China,
            "https://login.partner.microsoftonline.cn",
            "https://microsoftgraph.chinacloudapi.cn/v1.0",
        )
    }

    /// Hosts of the configuration's own. Slashes at the end do not count.
    ///
    /// # Errors
    /// When an address is neither https nor http on loopback, when it holds more than scheme, host, port and path, or when
    /// `graph_url` does not end in `/v1.0`.
    pub fn custom(login_url: Url, graph_url: Url) -> Result<Self, ConfigError> {
        let login_url = checked("login_url", login_url)?;
        let graph_url = checked("graph_url", graph_url)?;
        if !graph_url.path().ends_with("/v1.0") {
            return Err(ConfigError::NoVersion);
        }
        Ok(Self { name: CloudName::Custom, login_url, graph_url })
    }

    #[allow(clippy::expect_used, reason = "the addresses are constants, and a test builds every one")]
    fn known(name: CloudName, login: &'static str, graph: &'static str) -> Self {
        let address = |text| Url::parse(text).expect("a constant address is valid");
        Self { name, login_url: address(login), graph_url: address(graph) }
    }

    /// Where applications are registered, for a cloud of Microsoft's (Microsoft identity platform, national clouds).
    #[must_use]
    pub fn registrations_url(&self) -> Option<Url> {
        let host = match self.name {
            CloudName::Global => "entra.microsoft.com",
            CloudName::UsGov | CloudName::UsGovDod => "portal.azure.us",
            CloudName::China => "portal.azure.cn",
            CloudName::Custom => return None,
        };
        Url::parse(&format!("https://{host}/#view/Microsoft_AAD_RegisteredApps/ApplicationsListBlade")).ok()
    }

    /// Tells this cloud from every other where names are not enough: two custom clouds differ by their addresses.
    #[must_use]
    pub fn key(&self) -> String {
        match self.name {
            CloudName::Custom => format!("custom:{} {}", self.login_url, self.graph_url),
            name => name.as_str().to_owned(),
        }
    }

    /// The scopes that are asked for: Graph's with the cloud's own Graph host in front (Graph documentation, national
    /// clouds), then the OpenID ones. `privileged`: with the one that sending the action takes.
    pub(crate) fn scopes(&self, privileged: bool) -> Vec<String> {
        let graph = self.graph_url.origin().ascii_serialization();
        SEARCH_SCOPES
            .into_iter()
            .chain(privileged.then_some(PRIVILEGED_SCOPE))
            .map(|scope| format!("{graph}/{scope}"))
            .chain(["openid", "profile", "offline_access"].map(str::to_owned))
            .collect()
    }
}

fn checked(key: &'static str, mut url: Url) -> Result<Url, ConfigError> {
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        _ => return Err(ConfigError::NotSecure { key }),
    }
    let plain = url.host().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !plain {
        return Err(ConfigError::NotPlain { key });
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

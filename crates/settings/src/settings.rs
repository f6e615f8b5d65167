//! The settings in force.

use toml::Value;
use unlatch_auth::{Cloud, Registration, RegistrationError};
use url::Url;

use crate::binding;
use crate::keys::KEYS;

/// The most devices in one run unless the settings say otherwise.
pub const DEFAULT_MAX_RUN_SIZE: u32 = 1_000;

/// No setting allows a run larger than this.
pub const LARGEST_RUN: u32 = 10_000;

/// The most minutes without input after which the window locks.
pub const LONGEST_IDLE_LOCK: u32 = 240;

/// How many seconds a run counts down unless the settings say otherwise.
const DEFAULT_COUNTDOWN: u32 = 5;

/// After how many minutes without input the window locks unless the settings say otherwise.
const DEFAULT_IDLE_LOCK: u32 = 15;

/// Which cloud the tenant lives in, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloudChoice {
    /// One of Microsoft's clouds by the name it has in the file.
    Named(String),
    /// Hosts given in the file.
    Custom {
        /// Base of the sign-in service.
        login_url: Url,
        /// Base of Microsoft Graph, version included.
        graph_url: Url,
    },
}

/// A further tenant, for those who look after several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantChoice {
    /// Tenant id or verified domain.
    pub tenant: String,
    /// Application (client) id.
    pub client_id: String,
    /// The cloud.
    pub cloud: CloudChoice,
}

impl TenantChoice {
    /// The application registration it names.
    ///
    /// # Errors
    /// The key that cannot be used, and why.
    pub fn registration(&self) -> Result<Registration, (String, String)> {
        let cloud = cloud(&self.cloud).map_err(|reason| ("cloud".to_owned(), reason))?;
        Registration::new(cloud, &self.tenant, &self.client_id).map_err(|error| {
            let key = match error {
                RegistrationError::ClientId => "client_id",
                _ => "tenant",
            };
            (key.to_owned(), error.to_string())
        })
    }
}

/// Where the value of a key comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Machine policy, which nobody can change in the window.
    Policy,
    /// The user's file.
    User,
    /// Nobody says anything.
    Default,
}

/// The settings in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Tenant id or verified domain.
    pub tenant: Option<String>,
    /// Application (client) id.
    pub client_id: Option<String>,
    /// The cloud.
    pub cloud: CloudChoice,
    /// Further tenants.
    pub tenants: Vec<TenantChoice>,
    /// The ids of the tenants in which anybody may sign in; none means any.
    pub allowed_tenants: Option<Vec<String>>,
    /// Whether every run needs a reason.
    pub require_reason: bool,
    /// The most devices in one run.
    pub max_run_size: u32,
    /// How many seconds a run counts down before its first request.
    pub countdown: u32,
    /// After how many minutes without input the window locks; 0 means never.
    pub idle_lock_minutes: u32,
    /// Whether signing in with a code on another device is allowed.
    pub device_code: bool,
    /// Whether the keychain may keep the sign-in. Otherwise it lasts until the window closes or locks.
    pub keep_sign_in: bool,
    /// Whether reports may be written.
    pub export: bool,
    /// Whether a passcode may be copied.
    pub clipboard: bool,
    /// `en`, `es`, or the system's.
    pub language: Option<String>,
    /// The keys that policy sets.
    pub fixed: Vec<String>,
    /// The keys of the user's file that are in force.
    pub own: Vec<String>,
    /// The keys of the user's file that policy takes the force from.
    pub ignored: Vec<String>,
    /// Set when policy cannot be read or used as a whole. Then no tenant can be used, as what policy forbids is not known.
    pub policy_broken: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tenant: None,
            client_id: None,
            cloud: CloudChoice::Named("global".to_owned()),
            tenants: Vec::new(),
            allowed_tenants: None,
            require_reason: false,
            max_run_size: DEFAULT_MAX_RUN_SIZE,
            countdown: DEFAULT_COUNTDOWN,
            idle_lock_minutes: DEFAULT_IDLE_LOCK,
            device_code: true,
            keep_sign_in: true,
            export: true,
            clipboard: true,
            language: None,
            fixed: Vec::new(),
            own: Vec::new(),
            ignored: Vec::new(),
            policy_broken: false,
        }
    }
}

impl Settings {
    /// Returns the first registration, or none while tenant or client id is missing. Where policy names `tenants` and no `tenant`, the
    /// first of those that are allowed is the first of all.
    ///
    /// # Errors
    /// The key that cannot be used, and why.
    pub fn registration(&self) -> Result<Option<Registration>, (String, String)> {
        self.first().map(|choice| self.allowed(&choice)).transpose()
    }

    /// Returns what [`Self::registration`] is made of.
    #[must_use]
    pub fn first(&self) -> Option<TenantChoice> {
        if self.policy_broken {
            return None;
        }
        if let (Some(tenant), Some(client_id)) = (self.tenant.clone(), self.client_id.clone()) {
            return Some(TenantChoice { tenant, client_id, cloud: self.cloud.clone() });
        }
        let mut of_policy = self.tenants.iter().filter(|_| self.is_fixed("tenants"));
        of_policy.find(|choice| self.allowed(choice).is_ok()).cloned()
    }

    /// The registration of a choice, if its tenant is allowed as far as its name tells. Of a domain only a sign-in tells the id.
    ///
    /// # Errors
    /// The key that cannot be used, and why.
    pub fn allowed(&self, choice: &TenantChoice) -> Result<Registration, (String, String)> {
        let registration = choice.registration()?;
        if !self.allows_cloud(&choice.cloud) {
            let reason = "has addresses of its own, which only policy may give where it names tenants";
            return Err(("cloud".to_owned(), reason.to_owned()));
        }
        match registration.tenant_id() {
            Some(id) if !self.allows(&id) => {
                Err(("tenant".to_owned(), "is none of the tenants that are allowed".to_owned()))
            }
            _ => Ok(registration),
        }
    }

    /// Returns the registration of a further tenant. What policy sets for the first one binds those that a user names, too.
    ///
    /// # Errors
    /// As [`Self::allowed`].
    pub fn allowed_further(&self, choice: &TenantChoice) -> Result<Registration, (String, String)> {
        let registration = self.allowed(choice)?;
        if self.is_fixed("tenants") {
            return Ok(registration);
        }
        for key in binding::checking("tenants").filter(|key| self.is_fixed(key)) {
            let own = self.client_id.as_deref();
            let agrees = match key {
                "client_id" => own.is_some_and(|own| own.eq_ignore_ascii_case(&registration.client_id)),
                "cloud" => choice.cloud == self.cloud,
                // `allowed_tenants` binds policy's own tenants as well.
                _ => true,
            };
            if !agrees {
                return Err((key.to_owned(), "is not the one that policy sets".to_owned()));
            }
        }
        Ok(registration)
    }

    /// Whether a cloud may be used. Who answers in Entra's place says which tenant it is, so where policy names tenants only policy
    /// names addresses.
    fn allows_cloud(&self, cloud: &CloudChoice) -> bool {
        let is_bound = ["tenant", "tenants", "allowed_tenants"].into_iter().any(|key| self.is_fixed(key));
        let is_policys = self.is_fixed("cloud") && *cloud == self.cloud
            || self.is_fixed("tenants") && self.tenants.iter().any(|choice| choice.cloud == *cloud);
        !matches!(cloud, CloudChoice::Custom { .. }) || !is_bound || is_policys
    }

    /// Whether anybody may sign in to the tenant of that id.
    #[must_use]
    pub fn allows(&self, tenant_id: &str) -> bool {
        is_allowed(self.allowed_tenants.as_deref(), tenant_id)
    }

    /// Returns whether a user may name further tenants.
    #[must_use]
    pub fn several_tenants(&self) -> bool {
        !self.policy_broken && !self.is_locked("tenants")
    }

    /// Returns the registrations of the further tenants that are allowed.
    #[must_use]
    pub fn further_registrations(&self) -> Vec<Registration> {
        let tenants = self.tenants.iter().filter(|_| !self.policy_broken);
        tenants.filter_map(|choice| self.allowed_further(choice).ok()).collect()
    }

    /// Whether policy sets a key.
    #[must_use]
    pub fn is_fixed(&self, key: &str) -> bool {
        self.fixed.iter().any(|fixed| fixed == key)
    }

    /// Returns whether the user's file has no say in a key: policy sets it, or another key that overrides it.
    #[must_use]
    pub fn is_locked(&self, key: &str) -> bool {
        self.is_fixed(key) || binding::overriding(key).any(|policy| self.is_fixed(policy))
    }

    /// Returns the keys in which the user's file has no say.
    #[must_use]
    pub fn locked(&self) -> Vec<String> {
        KEYS.iter().map(|key| key.name).filter(|key| self.is_locked(key)).map(str::to_owned).collect()
    }

    /// Returns the keys of policy that take the force from the user's `key`.
    #[must_use]
    pub fn overriding(&self, key: &str) -> Vec<&'static str> {
        let same = KEYS.iter().map(|known| known.name).filter(|known| *known == key);
        same.chain(binding::overriding(key)).filter(|policy| self.is_fixed(policy)).collect()
    }

    /// Where the value of a key comes from.
    #[must_use]
    pub fn origin(&self, key: &str) -> Origin {
        if self.is_fixed(key) {
            Origin::Policy
        } else if self.own.iter().any(|own| own == key) {
            Origin::User
        } else {
            Origin::Default
        }
    }

    /// The value of a key as it would be written in a file; none where there is no value, as where any tenant is allowed.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<Value> {
        let texts = |texts: &Vec<String>| Value::Array(texts.iter().cloned().map(Value::from).collect());
        match key {
            "tenant" => self.tenant.clone().map(Value::from),
            "client_id" => self.client_id.clone().map(Value::from),
            "cloud" => Some(cloud_value(&self.cloud)),
            "tenants" => {
                (!self.tenants.is_empty()).then(|| Value::Array(self.tenants.iter().map(table).collect()))
            }
            "allowed_tenants" => self.allowed_tenants.as_ref().map(texts),
            "require_reason" => Some(self.require_reason.into()),
            "max_run_size" => Some(i64::from(self.max_run_size).into()),
            "countdown" => Some(i64::from(self.countdown).into()),
            "idle_lock_minutes" => Some(i64::from(self.idle_lock_minutes).into()),
            "device_code" => Some(self.device_code.into()),
            "keep_sign_in" => Some(self.keep_sign_in.into()),
            "export" => Some(self.export.into()),
            "clipboard" => Some(self.clipboard.into()),
            "language" => self.language.clone().map(Value::from),
            _ => None,
        }
    }
}

/// Whether the tenant of that id is among the allowed ones; without a list, any is.
#[must_use]
pub fn is_allowed(allowed: Option<&[String]>, tenant_id: &str) -> bool {
    allowed.is_none_or(|allowed| allowed.iter().any(|id| id.eq_ignore_ascii_case(tenant_id)))
}

fn table(choice: &TenantChoice) -> Value {
    let fields = [
        ("tenant", choice.tenant.clone().into()),
        ("client_id", choice.client_id.clone().into()),
        ("cloud", cloud_value(&choice.cloud)),
    ];
    Value::Table(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn cloud_value(cloud: &CloudChoice) -> Value {
    match cloud {
        CloudChoice::Named(name) => name.clone().into(),
        CloudChoice::Custom { login_url, graph_url } => {
            let fields = [("login_url", login_url), ("graph_url", graph_url)];
            Value::Table(fields.into_iter().map(|(key, url)| (key.to_owned(), url.as_str().into())).collect())
        }
    }
}

/// The cloud a choice names.
///
/// # Errors
/// Why there is no such cloud.
pub fn cloud(choice: &CloudChoice) -> Result<Cloud, String> {
    match choice {
        CloudChoice::Named(name) => match name.as_str() {
            "global" => Ok(Cloud::global()),
            "us-gov" => Ok(Cloud::us_gov()),
            "us-gov-dod" => Ok(Cloud::us_gov_dod()),
            "china" => Ok(Cloud::china()),
            other => Err(format!("\"{other}\" is none of global, us-gov, us-gov-dod, china")),
        },
        CloudChoice::Custom { login_url, graph_url } => {
            Cloud::custom(login_url.clone(), graph_url.clone()).map_err(|error| error.to_string())
        }
    }
}

//! Settings: machine policy wins over the user's file, key by key. Everything wrong is named with file, key and reason.

use std::path::{Path, PathBuf};

use toml::{Table, Value};
use unlatch_auth::{Cloud, Registration};
use url::Url;

use crate::dto::ConfigProblem;

/// The most devices in one run unless the settings say otherwise.
pub const DEFAULT_MAX_RUN_SIZE: u32 = 1_000;

/// No setting allows a run larger than this.
pub const LARGEST_RUN: u32 = 10_000;

/// How many seconds a run counts down unless the settings say otherwise, and at most.
const DEFAULT_COUNTDOWN: u32 = 5;
const LONGEST_COUNTDOWN: u32 = 60;

/// After how many minutes without input the window locks unless the settings say otherwise, and at most.
const DEFAULT_IDLE_LOCK: u32 = 15;
pub const LONGEST_IDLE_LOCK: u32 = 240;

/// The keys a file may hold.
const KEYS: [&str; 10] = [
    "tenant",
    "client_id",
    "cloud",
    "tenants",
    "require_reason",
    "max_run_size",
    "countdown",
    "idle_lock_minutes",
    "device_code",
    "language",
];

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
                unlatch_auth::RegistrationError::ClientId => "client_id",
                _ => "tenant",
            };
            (key.to_owned(), error.to_string())
        })
    }
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
    /// `en`, `es`, or the system's.
    pub language: Option<String>,
    /// The keys that policy fixes.
    pub locked: Vec<String>,
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
            require_reason: false,
            max_run_size: DEFAULT_MAX_RUN_SIZE,
            countdown: DEFAULT_COUNTDOWN,
            idle_lock_minutes: DEFAULT_IDLE_LOCK,
            device_code: true,
            language: None,
            locked: Vec::new(),
            policy_broken: false,
        }
    }
}

/// Whether what is said outside the window is said in Spanish: in the language of the settings or, where they name none, of the
/// system, as the window.
pub fn speaks_spanish(language: Option<&str>) -> bool {
    let of_the_system = sys_locale::get_locale().unwrap_or_default();
    language.unwrap_or(&of_the_system).starts_with("es")
}

impl Settings {
    /// The application registration these settings name, or none while tenant or client id is missing.
    ///
    /// # Errors
    /// The key that cannot be used, and why.
    pub fn registration(&self) -> Result<Option<Registration>, (String, String)> {
        if self.policy_broken {
            return Ok(None);
        }
        let (Some(tenant), Some(client_id)) = (&self.tenant, &self.client_id) else { return Ok(None) };
        let choice =
            TenantChoice { tenant: tenant.clone(), client_id: client_id.clone(), cloud: self.cloud.clone() };
        choice.registration().map(Some)
    }

    /// Whether further tenants may be named: not where policy names the tenant, or the further ones.
    #[must_use]
    pub fn several_tenants(&self) -> bool {
        !self.policy_broken && !self.locked.iter().any(|key| ["tenant", "tenants"].contains(&key.as_str()))
    }

    /// The registrations of the further tenants. None where policy allows none.
    #[must_use]
    pub fn further_registrations(&self) -> Vec<Registration> {
        let fixed = self.locked.iter().any(|key| key == "tenants");
        if self.policy_broken || !(fixed || self.several_tenants()) {
            return Vec::new();
        }
        self.tenants.iter().filter_map(|choice| choice.registration().ok()).collect()
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

/// Where settings come from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// Machine policy. A file that is not there fixes nothing.
    pub policy: Option<PathBuf>,
    /// The user's file.
    pub user: PathBuf,
}

/// Reads both files. What is wrong is left at its default and reported, what is wrong with policy first.
pub fn load(sources: &Sources) -> (Settings, Vec<ConfigProblem>) {
    let mut settings = Settings::default();
    let mut problems = Vec::new();
    let mut fixed = Table::new();
    if let Some(policy) = &sources.policy {
        fixed = table(policy, &mut problems);
        settings.locked = fixed.keys().cloned().collect();
        put(&mut settings, &fixed, policy, &mut problems);
        settings.policy_broken = !problems.is_empty();
    }
    let mut own = table(&sources.user, &mut problems);
    own.retain(|key, _| !fixed.contains_key(key));
    put(&mut settings, &own, &sources.user, &mut problems);
    if let Err((key, reason)) = settings.registration() {
        let file =
            sources.policy.as_ref().filter(|_| settings.locked.contains(&key)).unwrap_or(&sources.user);
        problems.push(ConfigProblem { file: file.display().to_string(), key: Some(key), reason });
    }
    (settings, problems)
}

/// Puts the values of one file in their places.
fn put(settings: &mut Settings, values: &Table, file: &Path, problems: &mut Vec<ConfigProblem>) {
    for (key, value) in values {
        if let Err(reason) = apply(settings, key, value) {
            problems.push(ConfigProblem { file: file.display().to_string(), key: Some(key.clone()), reason });
        }
    }
}

/// The known keys of one file.
fn table(file: &Path, problems: &mut Vec<ConfigProblem>) -> Table {
    let mut problem = |key: Option<String>, reason: String| {
        problems.push(ConfigProblem { file: file.display().to_string(), key, reason });
    };
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Table::new(),
        Err(error) => {
            problem(None, error.to_string());
            return Table::new();
        }
    };
    let parsed: Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let at = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            problem(None, format!("{at}{}", error.message()));
            return Table::new();
        }
    };
    let (known, unknown): (Table, Table) =
        parsed.into_iter().partition(|(key, _)| KEYS.contains(&key.as_str()));
    for (key, _) in unknown {
        problem(Some(key), format!("unknown key; known are {}", KEYS.join(", ")));
    }
    known
}

/// Puts one value in its place.
fn apply(settings: &mut Settings, key: &str, value: &Value) -> Result<(), String> {
    match key {
        "tenant" => settings.tenant = Some(text(value)?),
        "client_id" => settings.client_id = Some(text(value)?),
        "cloud" => settings.cloud = cloud_choice(value)?,
        "require_reason" => settings.require_reason = value.as_bool().ok_or("must be true or false")?,
        "max_run_size" => settings.max_run_size = number(value, 1..=LARGEST_RUN)?,
        "countdown" => settings.countdown = number(value, 0..=LONGEST_COUNTDOWN)?,
        "tenants" => settings.tenants = tenants(value)?,
        "idle_lock_minutes" => settings.idle_lock_minutes = number(value, 0..=LONGEST_IDLE_LOCK)?,
        "device_code" => settings.device_code = value.as_bool().ok_or("must be true or false")?,
        "language" => {
            let language = text(value)?;
            is_language(&language)?;
            settings.language = Some(language);
        }
        _ => {}
    }
    Ok(())
}

/// Whether the window speaks a language.
///
/// # Errors
/// Which it speaks.
pub fn is_language(language: &str) -> Result<(), String> {
    if ["en", "es"].contains(&language) { Ok(()) } else { Err("must be \"en\" or \"es\"".to_owned()) }
}

fn number(value: &Value, allowed: std::ops::RangeInclusive<u32>) -> Result<u32, String> {
    let number = value.as_integer().and_then(|number| u32::try_from(number).ok());
    let wrong = || format!("must be a whole number from {} to {}", allowed.start(), allowed.end());
    number.filter(|number| allowed.contains(number)).ok_or_else(wrong)
}

/// A text that is not empty.
fn text(value: &Value) -> Result<String, String> {
    let text = value.as_str().ok_or("must be a text in quotes")?.trim();
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// Tables that each name a tenant, an application and, where it is not the worldwide one, a cloud.
fn tenants(value: &Value) -> Result<Vec<TenantChoice>, String> {
    let tables = value.as_array().ok_or("must be tables: [[tenants]]")?;
    let choice = |table: &Value| {
        let table = table.as_table().ok_or("must be tables: [[tenants]]")?;
        if let Some(stray) =
            table.keys().find(|key| !["tenant", "client_id", "cloud"].contains(&key.as_str()))
        {
            return Err(format!("unknown key {stray}; known are tenant, client_id, cloud"));
        }
        let named = |key: &str| {
            let value = table.get(key).ok_or_else(|| format!("{key} is missing"))?;
            text(value).map_err(|reason| format!("{key} {reason}"))
        };
        let cloud = match table.get("cloud") {
            Some(value) => cloud_choice(value).map_err(|reason| format!("cloud {reason}"))?,
            None => CloudChoice::Named("global".to_owned()),
        };
        let choice = TenantChoice { tenant: named("tenant")?, client_id: named("client_id")?, cloud };
        choice.registration().map_err(|(key, reason)| format!("{key}: {reason}"))?;
        Ok(choice)
    };
    tables.iter().map(choice).collect()
}

/// A cloud by name, or as a table of two addresses.
fn cloud_choice(value: &Value) -> Result<CloudChoice, String> {
    let choice = match value {
        Value::Table(table) => {
            if let Some(stray) = table.keys().find(|key| !["login_url", "graph_url"].contains(&key.as_str()))
            {
                return Err(format!("unknown key {stray}; a table needs login_url and graph_url"));
            }
            let address = |key: &str| -> Result<Url, String> {
                let text =
                    table.get(key).and_then(Value::as_str).ok_or_else(|| format!("{key} is missing"))?;
                Url::parse(text).map_err(|error| format!("{key}: {error}"))
            };
            CloudChoice::Custom { login_url: address("login_url")?, graph_url: address("graph_url")? }
        }
        other => CloudChoice::Named(text(other)?),
    };
    cloud(&choice)?;
    Ok(choice)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: &str = "11111111-2222-3333-4444-555555555555";

    /// Both files, in a folder that lasts as long as the first value.
    fn files(user: &str, policy: &str) -> (tempfile::TempDir, Sources) {
        let folder = tempfile::tempdir().unwrap();
        let sources = Sources {
            policy: Some(folder.path().join("policy.toml")),
            user: folder.path().join("config.toml"),
        };
        std::fs::write(&sources.user, user).unwrap();
        std::fs::write(sources.policy.as_ref().unwrap(), policy).unwrap();
        (folder, sources)
    }

    #[test]
    fn policy_wins_key_by_key_and_is_shown_as_locked() {
        let (_folder, sources) = files(
            &format!("tenant = \"mine.example\"\nclient_id = \"{CLIENT}\"\nlanguage = \"es\""),
            "tenant = \"ours.example\"\nrequire_reason = true",
        );
        let (settings, problems) = load(&sources);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(settings.tenant.as_deref(), Some("ours.example"));
        assert_eq!(settings.language.as_deref(), Some("es"));
        assert!(settings.require_reason);
        assert_eq!(settings.locked, ["require_reason", "tenant"]);
    }

    #[test]
    fn with_a_broken_policy_no_tenant_can_be_used_and_it_is_named_first() {
        for policy in ["tenant = ", "require_reason = \"yes\"", "tenent = \"ours.example\""] {
            let user = format!("tenant = \"mine.example\"\nclient_id = \"{CLIENT}\"\nmax_run_size = 0");
            let (_folder, sources) = files(&user, policy);
            let (settings, problems) = load(&sources);
            assert_eq!(settings.registration(), Ok(None), "{policy}");
            assert!(problems[0].file.ends_with("policy.toml"), "{policy}: {problems:?}");
        }
    }

    #[test]
    fn missing_files_give_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let sources = Sources { policy: None, user: folder.path().join("none.toml") };
        assert_eq!(load(&sources), (Settings::default(), Vec::new()));
    }

    #[test]
    fn each_fault_is_named_with_file_key_and_reason() {
        for (text, key, reason) in [
            ("tenant = 5", Some("tenant"), "text in quotes"),
            ("tenent = \"x\"", Some("tenent"), "unknown key"),
            ("max_run_size = 0", Some("max_run_size"), "from 1 to"),
            ("require_reason = \"yes\"", Some("require_reason"), "true or false"),
            ("countdown = 61", Some("countdown"), "from 0 to 60"),
            ("idle_lock_minutes = 241", Some("idle_lock_minutes"), "from 0 to 240"),
            ("device_code = 1", Some("device_code"), "true or false"),
            ("language = \"de\"", Some("language"), "\"en\" or \"es\""),
            ("cloud = \"mars\"", Some("cloud"), "none of global"),
            (
                "cloud = { login_url = \"http://login.example\", graph_url = \"https://g.example/v1.0\" }",
                Some("cloud"),
                "https",
            ),
            ("cloud = { login_url = \"https://login.example\" }", Some("cloud"), "graph_url is missing"),
            ("tenant = \"a.example\"\nclient_id = \"abc\"", Some("client_id"), ""),
            ("tenant = \"common\"\nclient_id = \"11111111-2222-3333-4444-555555555555\"", Some("tenant"), ""),
            ("a = \nb = 2", None, "line 1"),
        ] {
            let (_folder, sources) = files(text, "");
            let (_, problems) = load(&sources);
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
            assert_eq!(problems[0].key.as_deref(), key, "{text}");
            assert!(problems[0].reason.contains(reason), "{text}: {}", problems[0].reason);
            assert!(problems[0].file.ends_with("config.toml"));
        }
    }

    #[test]
    fn a_custom_cloud_may_use_plain_http_on_loopback_only() {
        let (_folder, sources) = files(
            "[cloud]\nlogin_url = \"http://127.0.0.1:9/login\"\ngraph_url = \"http://127.0.0.1:9/graph/v1.0\"",
            "",
        );
        let (settings, problems) = load(&sources);
        assert!(problems.is_empty(), "{problems:?}");
        assert!(matches!(settings.cloud, CloudChoice::Custom { .. }));
    }

    #[test]
    fn further_tenants_are_read_and_policy_may_fix_or_forbid_them() {
        let further = format!(
            "[[tenants]]\ntenant = \"fabrikam.example\"\nclient_id = \"{CLIENT}\"\ncloud = \"china\"\n"
        );
        let (_folder, sources) = files(&further, "");
        let (settings, problems) = load(&sources);
        assert!(problems.is_empty() && settings.several_tenants(), "{problems:?}");
        assert_eq!(settings.further_registrations()[0].tenant, "fabrikam.example");

        let (_folder, sources) = files(&further, "tenant = \"ours.example\"");
        assert!(load(&sources).0.further_registrations().is_empty(), "policy names the one tenant there is");
        let (_folder, sources) = files("", &further);
        let (settings, _) = load(&sources);
        assert_eq!((settings.further_registrations().len(), settings.several_tenants()), (1, false));
    }

    #[test]
    fn a_fault_in_a_further_tenant_is_named() {
        for (text, reason) in [
            ("tenants = \"x\"", "[[tenants]]"),
            ("[[tenants]]\ntenant = \"a.example\"", "client_id is missing"),
            (
                "[[tenants]]\ntenant = \"common\"\nclient_id = \"11111111-2222-3333-4444-555555555555\"",
                "tenant: ",
            ),
            ("[[tenants]]\nname = \"x\"", "unknown key name"),
        ] {
            let (_folder, sources) = files(text, "");
            let (_, problems) = load(&sources);
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
            assert!(problems[0].reason.contains(reason), "{text}: {}", problems[0].reason);
        }
    }
}

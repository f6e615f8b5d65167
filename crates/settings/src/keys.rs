//! The keys that a file or a policy may hold, and what each takes.

use std::ops::RangeInclusive;

use toml::Value;
use url::Url;
use uuid::Uuid;

use crate::settings::{CloudChoice, LARGEST_RUN, LONGEST_IDLE_LOCK, Settings, TenantChoice, cloud};

/// The most seconds that a run can be made to count down.
const LONGEST_COUNTDOWN: u32 = 60;

/// One key.
#[derive(Debug)]
pub struct Key {
    /// Its name, the same on every system.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
}

/// What a key takes.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text that is not empty.
    Text,
    /// Yes or no.
    Flag,
    /// A whole number.
    Number(RangeInclusive<u32>),
    /// `en` or `es`.
    Language,
    /// A cloud by name, or two addresses.
    Cloud,
    /// Tables that each name a tenant, an application and perhaps a cloud.
    Tenants,
    /// Ids of tenants.
    TenantIds,
}

/// Every key there is.
pub const KEYS: [Key; 14] = [
    Key { name: "tenant", kind: Kind::Text },
    Key { name: "client_id", kind: Kind::Text },
    Key { name: "cloud", kind: Kind::Cloud },
    Key { name: "tenants", kind: Kind::Tenants },
    Key { name: "allowed_tenants", kind: Kind::TenantIds },
    Key { name: "require_reason", kind: Kind::Flag },
    Key { name: "max_run_size", kind: Kind::Number(1..=LARGEST_RUN) },
    Key { name: "countdown", kind: Kind::Number(0..=LONGEST_COUNTDOWN) },
    Key { name: "idle_lock_minutes", kind: Kind::Number(0..=LONGEST_IDLE_LOCK) },
    Key { name: "device_code", kind: Kind::Flag },
    Key { name: "keep_sign_in", kind: Kind::Flag },
    Key { name: "export", kind: Kind::Flag },
    Key { name: "clipboard", kind: Kind::Flag },
    Key { name: "language", kind: Kind::Language },
];

/// The key of that name.
pub(crate) fn key(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Whether the window speaks a language.
///
/// # Errors
/// Which it speaks.
pub fn is_language(language: &str) -> Result<(), String> {
    if ["en", "es"].contains(&language) { Ok(()) } else { Err("must be \"en\" or \"es\"".to_owned()) }
}

/// Puts one value in its place.
pub(crate) fn apply(settings: &mut Settings, key: &Key, value: &Value) -> Result<(), String> {
    match key.name {
        "tenant" => settings.tenant = Some(text(value)?),
        "client_id" => settings.client_id = Some(text(value)?),
        "cloud" => settings.cloud = cloud_choice(value)?,
        "tenants" => settings.tenants = tenants(value)?,
        "allowed_tenants" => settings.allowed_tenants = Some(tenant_ids(value)?),
        "require_reason" => settings.require_reason = flag(value)?,
        "max_run_size" => settings.max_run_size = number(value, key)?,
        "countdown" => settings.countdown = number(value, key)?,
        "idle_lock_minutes" => settings.idle_lock_minutes = number(value, key)?,
        "device_code" => settings.device_code = flag(value)?,
        "keep_sign_in" => settings.keep_sign_in = flag(value)?,
        "export" => settings.export = flag(value)?,
        "clipboard" => settings.clipboard = flag(value)?,
        "language" => {
            let language = text(value)?;
            is_language(&language)?;
            settings.language = Some(language);
        }
        _ => {}
    }
    Ok(())
}

fn flag(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "must be true or false".to_owned())
}

fn number(value: &Value, key: &Key) -> Result<u32, String> {
    let Kind::Number(allowed) = &key.kind else { return Err("takes no number".to_owned()) };
    let number = value.as_integer().and_then(|number| u32::try_from(number).ok());
    let wrong = || format!("must be a whole number from {} to {}", allowed.start(), allowed.end());
    number.filter(|number| allowed.contains(number)).ok_or_else(wrong)
}

/// A text that is not empty.
fn text(value: &Value) -> Result<String, String> {
    let text = value.as_str().ok_or("must be a text in quotes")?.trim();
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// Ids of tenants, at least one. A domain would not do: the tenant that holds it may change.
fn tenant_ids(value: &Value) -> Result<Vec<String>, String> {
    let wrong = || "must be a list of tenant ids such as 00000000-0000-0000-0000-000000000000".to_owned();
    let ids = value.as_array().filter(|ids| !ids.is_empty()).ok_or_else(wrong)?;
    let id = |id: &Value| {
        let id = id.as_str().map(str::trim).filter(|id| id.len() == 36).ok_or_else(wrong)?;
        Uuid::try_parse(id).map(|id| id.to_string()).map_err(|_| wrong())
    };
    ids.iter().map(id).collect()
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

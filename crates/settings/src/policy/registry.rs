//! Policy in the registry of Windows, as Group Policy and Intune's administrative templates write it.

use toml::{Table, Value};
use windows_registry::{Key, LOCAL_MACHINE, Type};

/// What an absent key is called (`HRESULT_FROM_WIN32(ERROR_FILE_NOT_FOUND)`).
const NOT_FOUND: i32 = 0x8007_0002_u32.cast_signed();

/// The deepest that keys lie in each other: `tenants\1\cloud`.
const DEEPEST: u8 = 3;

/// Reads a key below `HKEY_LOCAL_MACHINE`, if it is there.
pub(super) fn read(path: &str) -> Result<Table, String> {
    match LOCAL_MACHINE.open(path) {
        Ok(key) => table(&key, DEEPEST),
        Err(error) if error.code().0 == NOT_FOUND => Ok(Table::new()),
        Err(error) => Err(error.to_string()),
    }
}

/// The values of a key, and its subkeys as tables. Names are the same in upper and lower case there.
fn table(key: &Key, depth: u8) -> Result<Table, String> {
    let mut table = Table::new();
    for (name, value) in key.values().map_err(in_words("the key"))? {
        // The value without a name says nothing.
        if name.is_empty() {
            continue;
        }
        let value = match value.ty() {
            Type::U32 => Value::Integer(u32::try_from(value).map_err(in_words(&name))?.into()),
            Type::U64 => {
                let number = u64::try_from(value).map_err(in_words(&name))?;
                Value::Integer(i64::try_from(number).map_err(|error| format!("{name}: {error}"))?)
            }
            Type::String => Value::String(String::try_from(value).map_err(in_words(&name))?),
            Type::MultiString => {
                let texts: Vec<String> = value.try_into().map_err(in_words(&name))?;
                Value::Array(texts.into_iter().filter(|text| !text.is_empty()).map(Value::String).collect())
            }
            _ => return Err(format!("{name} must be REG_SZ, REG_DWORD or REG_MULTI_SZ")),
        };
        table.insert(name.to_ascii_lowercase(), value);
    }
    if depth == 0 {
        return Ok(table);
    }
    for name in key.keys().map_err(in_words("the key"))? {
        let below = self::table(&key.open(&name).map_err(in_words(&name))?, depth - 1)?;
        let name = name.to_ascii_lowercase();
        // A list of a template is a key of numbered values, and a list of tables one of numbered keys.
        let is_list = ["allowed_tenants", "tenants"].contains(&name.as_str());
        let value = if is_list {
            Value::Array(below.into_iter().map(|(_, value)| value).collect())
        } else {
            Value::Table(below)
        };
        table.insert(name, value);
    }
    Ok(table)
}

fn in_words<Error: std::fmt::Display>(what: &str) -> impl Fn(Error) -> String {
    move |error| format!("{what}: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;
    use crate::{Origin, Sources, load};

    /// A key of this test's own below `HKEY_LOCAL_MACHINE`, taken away at the end.
    struct Own(String);

    impl Own {
        fn new() -> (Self, Key) {
            let own = Self(format!(
                r"Software\Policies\Unlatch test {}",
                uuid::Uuid::from_u128(std::process::id().into())
            ));
            let key = LOCAL_MACHINE.create(&own.0).unwrap();
            (own, key)
        }
    }

    impl Drop for Own {
        fn drop(&mut self) {
            LOCAL_MACHINE.remove_tree(&self.0).unwrap();
        }
    }

    const TENANT: &str = "11111111-1111-1111-1111-111111111111";

    // One test, as all of it is one key of the machine's.
    #[test]
    fn the_registry_is_read_as_a_template_writes_it() {
        let (own, key) = Own::new();
        key.set_string("Tenant", TENANT).unwrap();
        key.set_string("client_id", TENANT).unwrap();
        key.set_u32("export", 0).unwrap();
        key.set_u32("require_reason", 1).unwrap();
        key.set_u64("max_run_size", 50).unwrap();
        key.create("allowed_tenants").unwrap().set_string("1", TENANT).unwrap();
        let further = key.create(r"tenants\1").unwrap();
        further.set_string("tenant", "fabrikam.example").unwrap();
        further.set_string("client_id", TENANT).unwrap();
        further.set_string("cloud", "china").unwrap();
        let hosts = key.create("cloud").unwrap();
        hosts.set_string("login_url", "https://login.example/").unwrap();
        hosts.set_string("graph_url", "https://graph.example/v1.0").unwrap();

        let user = std::env::temp_dir().join("no-such-config.toml");
        let sources = Sources { policy: Some(Policy::Registry(own.0.clone())), user };
        let (settings, problems) = load(&sources);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(settings.tenant.as_deref(), Some(TENANT));
        assert!(!settings.export && settings.require_reason && settings.clipboard);
        assert_eq!(settings.max_run_size, 50);
        assert_eq!(settings.allowed_tenants.as_deref(), Some(&[TENANT.to_owned()][..]));
        assert_eq!(settings.tenants[0].tenant, "fabrikam.example");
        assert!(matches!(settings.cloud, crate::CloudChoice::Custom { .. }));
        assert_eq!(
            (settings.origin("export"), settings.origin("clipboard")),
            (Origin::Policy, Origin::Default)
        );

        key.set_u32("clipboard", 2).unwrap();
        let (settings, problems) = load(&sources);
        assert!(settings.policy_broken && problems[0].key.as_deref() == Some("clipboard"), "{problems:?}");
        assert!(problems[0].place.starts_with(r"HKLM\Software\Policies"));
        key.remove_value("clipboard").unwrap();
        key.set_bytes("language", Type::Bytes, b"en").unwrap();
        assert!(load(&sources).0.policy_broken, "a value of another kind is not passed over");
    }

    #[test]
    fn a_key_that_is_not_there_fixes_nothing() {
        assert!(read(r"Software\Policies\Unlatch test, which nobody made").unwrap().is_empty());
    }
}

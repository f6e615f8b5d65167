//! Writing into the user's configuration file. Comments and everything else in it stay.

use std::path::Path;

use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, value};

use crate::settings::{CloudChoice, TenantChoice};

/// Writes `changes` into the user's file and keeps its comments and other keys. `None` removes a key.
///
/// # Errors
/// A text that names the file and what went wrong.
pub fn save(user: &Path, changes: &[(&str, Option<toml_edit::Value>)]) -> Result<(), String> {
    edit(user, |document| {
        for (key, changed) in changes {
            match changed {
                Some(changed) => {
                    let mut changed = changed.clone();
                    if let Some(before) = document.get(key).and_then(Item::as_value) {
                        // What stands around it, as a comment behind it does.
                        *changed.decor_mut() = before.decor().clone();
                    }
                    document[key] = value(changed);
                }
                None => {
                    document.remove(key);
                }
            }
        }
        Ok(())
    })
}

/// Adds a further tenant to the user's file.
///
/// # Errors
/// As [`save`], and where the file has something else than a list of tenants in that place.
pub fn add_tenant(user: &Path, choice: &TenantChoice) -> Result<(), String> {
    edit(user, |document| {
        let mut table = Table::new();
        table["tenant"] = value(&choice.tenant);
        table["client_id"] = value(&choice.client_id);
        match &choice.cloud {
            CloudChoice::Named(name) => table["cloud"] = value(name),
            CloudChoice::Custom { login_url, graph_url } => {
                let mut hosts = InlineTable::new();
                hosts.insert("login_url", login_url.as_str().into());
                hosts.insert("graph_url", graph_url.as_str().into());
                table["cloud"] = value(hosts);
            }
        }
        let tables = document.entry("tenants").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
        // An array in line is rewritten as tables.
        if let Some(array) = tables.as_array().map(|array| array.iter().cloned().collect::<Vec<_>>()) {
            let mut rewritten = ArrayOfTables::new();
            for item in array {
                let toml_edit::Value::InlineTable(inline) = item else { return Err(NO_TABLES.to_owned()) };
                rewritten.push(inline.into_table());
            }
            *tables = Item::ArrayOfTables(rewritten);
        }
        tables.as_array_of_tables_mut().ok_or(NO_TABLES)?.push(table);
        Ok(())
    })
}

/// Takes the further tenant at that place of the list out of the user's file.
///
/// # Errors
/// As [`save`].
pub fn remove_tenant(user: &Path, at: usize) -> Result<(), String> {
    edit(user, |document| {
        match document.get_mut("tenants") {
            Some(Item::ArrayOfTables(tables)) if at < tables.len() => {
                tables.remove(at);
            }
            Some(Item::Value(toml_edit::Value::Array(array))) if at < array.len() => {
                array.remove(at);
            }
            _ => {}
        }
        Ok(())
    })
}

const NO_TABLES: &str = "tenants must be tables: [[tenants]]";

fn edit(user: &Path, change: impl FnOnce(&mut DocumentMut) -> Result<(), String>) -> Result<(), String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", user.display());
    let text = match std::fs::read_to_string(user) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(named(&error)),
    };
    let mut document: DocumentMut = text.parse().map_err(|error| named(&error))?;
    change(&mut document).map_err(|reason| named(&reason))?;
    if let Some(folder) = user.parent() {
        std::fs::create_dir_all(folder).map_err(|error| named(&error))?;
    }
    let unfinished = user.with_extension("toml.new");
    std::fs::write(&unfinished, document.to_string()).map_err(|error| named(&error))?;
    std::fs::rename(&unfinished, user).map_err(|error| named(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# ours\nmax_run_size = 7 # small\nlanguage = \"en\"\n";

    fn file(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        std::fs::write(&file, text).unwrap();
        (folder, file)
    }

    fn choice(tenant: &str) -> TenantChoice {
        TenantChoice {
            tenant: tenant.to_owned(),
            client_id: "11111111-2222-3333-4444-555555555555".to_owned(),
            cloud: CloudChoice::Named("global".to_owned()),
        }
    }

    #[test]
    fn saving_keeps_comments_and_other_keys() {
        let (_folder, file) = file(FILE);
        save(&file, &[("tenant", Some("a.example".into())), ("language", None)]).unwrap();
        let text = std::fs::read_to_string(file).unwrap();
        assert_eq!(text, "# ours\nmax_run_size = 7 # small\ntenant = \"a.example\"\n");
    }

    #[test]
    fn the_comment_behind_a_value_stays_when_the_value_is_changed() {
        let (_folder, file) = file(FILE);
        save(&file, &[("max_run_size", Some(9.into()))]).unwrap();
        assert_eq!(std::fs::read_to_string(file).unwrap(), FILE.replace("= 7", "= 9"));
    }

    #[test]
    fn nothing_takes_the_place_of_what_is_no_list_of_tenants() {
        for text in ["tenants = 5\n", "tenants = [\"a.example\"]\n", "[tenants]\na = 1\n"] {
            let (_folder, file) = file(text);
            assert!(add_tenant(&file, &choice("a.example")).unwrap_err().contains("[[tenants]]"), "{text}");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        }
    }

    #[test]
    fn a_further_tenant_is_added_and_removed_and_the_rest_stays() {
        for start in [FILE.to_owned(), format!("{FILE}tenants = []\n")] {
            let (_folder, file) = file(&start);
            add_tenant(&file, &choice("a.example")).unwrap();
            add_tenant(&file, &choice("b.example")).unwrap();
            let sources = crate::Sources { policy: None, user: file.clone() };
            let (settings, problems) = crate::load(&sources);
            assert!(problems.is_empty(), "{problems:?}");
            assert_eq!(settings.tenants, [choice("a.example"), choice("b.example")]);
            remove_tenant(&file, 0).unwrap();
            assert_eq!(crate::load(&sources).0.tenants, [choice("b.example")]);
            assert!(std::fs::read_to_string(&file).unwrap().starts_with(FILE));
        }
    }
}

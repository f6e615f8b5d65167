//! What is configured: a policy and the user's file.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use toml::{Table, Value};
use unlatch_graph::is_loopback;
use unlatch_settings::{
    CloudChoice, KEYS, LARGEST_RUN, LONGEST_IDLE_LOCK, Settings, TenantChoice, load_text, user_file,
};

use crate::{first_line, in_memory};

const ID: &str = "11111111-2222-3333-4444-555555555555";

/// A policy and the user's file, with a line `----` between them: what policy fixes the user's file does not change, every value
/// is one that is allowed, and with a broken policy no tenant can be used.
pub fn both(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let (policy, user) = text.split_once("\n----\n").unwrap_or(("", text));
    let (settings, problems) = load_text(policy, user);
    assert!((1..=LARGEST_RUN).contains(&settings.max_run_size) && settings.countdown <= 60);
    assert!(settings.idle_lock_minutes <= LONGEST_IDLE_LOCK);
    assert!(settings.language.as_deref().is_none_or(|language| ["en", "es"].contains(&language)));
    let registrations: Vec<_> =
        settings.registration().ok().flatten().into_iter().chain(settings.further_registrations()).collect();
    assert!(!settings.policy_broken || registrations.is_empty());
    for registration in &registrations {
        for url in [&registration.cloud.login_url, &registration.cloud.graph_url] {
            assert!(url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url)), "{url}");
        }
    }
    for problem in &problems {
        let is_about = |key: &String| settings.fixed.contains(key) == (problem.place == "policy");
        // An unknown key of a policy is not among those that it sets.
        let unknown = |key: &String| KEYS.iter().all(|known| known.name != key.as_str());
        assert!(problem.key.as_ref().is_none_or(|key| is_about(key) || unknown(key)), "{problem:?}");
    }
    let (alone, _) = load_text(policy, "");
    assert_eq!(alone.policy_broken, settings.policy_broken);
    for key in &settings.locked() {
        assert_eq!(settings.value(key), alone.value(key), "the user's file changed {key}");
    }
    written_back(&settings);
    problems.is_empty() && (!settings.fixed.is_empty() || !settings.own.is_empty())
}

/// Every value is read as the same when it is written into a file.
fn written_back(settings: &Settings) {
    let values = KEYS.iter().filter_map(|key| Some((key.name.to_owned(), settings.value(key.name)?)));
    let written: Table = values.collect();
    let (again, _) = load_text("", &written.to_string());
    for key in &KEYS {
        assert_eq!(again.value(key.name), settings.value(key.name), "{}", key.name);
    }
}

/// A change to the user's file in the first line (`set KEY TEXT`, `drop KEY`, `add TENANT`, `take NUMBER`), then the file:
/// everything else in it stays, comments too, and a file that cannot be changed is as it was.
pub fn edit(data: &[u8]) -> bool {
    let Some((change, text)) = first_line(data) else { return false };
    let mut words = change.splitn(3, ' ');
    let [verb, what, value] = [(); 3].map(|()| words.next().unwrap_or_default());
    let folder = in_memory();
    let file = folder.path().join("config.toml");
    fs::write(&file, text).expect("a file");
    let is_known = |what: &str| KEYS.iter().any(|key| key.name == what);
    let (key, done) = match verb {
        "set" if is_known(what) => (what, user_file::save(&file, &[(what, Some(value.into()))])),
        "drop" if is_known(what) => (what, user_file::save(&file, &[(what, None)])),
        "add" => ("tenants", user_file::add_tenant(&file, &choice(what))),
        "take" => ("tenants", user_file::remove_tenant(&file, what.parse().unwrap_or_default())),
        _ => return false,
    };
    assert!(names_in(&folder).iter().all(|name| name == "config.toml"), "something is left over");
    let now = fs::read(&file).expect("a file");
    if done.is_err() {
        assert_eq!(now, text, "a change that failed changed the file");
        return false;
    }
    let (before, now) = (String::from_utf8_lossy(text), String::from_utf8_lossy(&now));
    let (mut table, mut changed) = (parsed(&before), parsed(&now));
    let (old, new) = (table.remove(key), changed.remove(key));
    assert_eq!(table, changed, "another key changed");
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let (was, mut is) = (list(old.as_ref()), list(new.as_ref()));
    match verb {
        "set" => {
            assert_eq!(new.as_ref().and_then(Value::as_str), Some(value));
            // A table, and a list over several lines, take what is in them along.
            if !matches!(old, Some(Value::Table(_) | Value::Array(_))) {
                let in_old = old.as_ref().and_then(Value::as_str).map_or(0, marks);
                assert!(marks(&before) + marks(value) <= marks(&now) + in_old, "{before}\n{now}");
            }
        }
        "drop" => assert_eq!(new, None),
        "add" => {
            let added = is.pop().expect("what was added");
            assert_eq!(added.get("tenant").and_then(Value::as_str), Some(what));
            assert_eq!(was, is, "another tenant changed");
            assert!(old.is_none_or(|old| old.is_array()), "what was no list is gone");
        }
        _ => {
            let at: usize = what.parse().unwrap_or_default();
            let stay = was.into_iter().enumerate().filter(|(place, _)| *place != at).map(|(_, value)| value);
            assert_eq!(stay.collect::<Vec<_>>(), is);
        }
    }
    true
}

fn choice(tenant: &str) -> TenantChoice {
    TenantChoice {
        tenant: tenant.to_owned(),
        client_id: ID.to_owned(),
        cloud: CloudChoice::Named("global".to_owned()),
    }
}

fn parsed(text: &str) -> Table {
    text.parse().expect("a file that was changed can be read")
}

/// How many marks of a comment there are, in texts too.
fn marks(text: &str) -> usize {
    text.matches('#').count()
}

fn names_in(folder: &TempDir) -> Vec<String> {
    let names = |folder: &Path| fs::read_dir(folder).expect("a folder");
    names(folder.path()).flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

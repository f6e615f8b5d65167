//! Reading both places. Machine policy wins over the user's file, key by key.

use std::path::{Path, PathBuf};

use toml::Table;

use crate::keys::{self, KEYS};
use crate::policy::Policy;
use crate::settings::Settings;

/// Something wrong with policy or with the user's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, or what people call the place.
    pub place: String,
    /// The key, or none if the whole cannot be read.
    pub key: Option<String>,
    /// What is wrong with it.
    pub reason: String,
}

/// Where settings come from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// Machine policy.
    pub policy: Option<Policy>,
    /// The user's file.
    pub user: PathBuf,
}

/// What one reading of policy found.
#[derive(Debug, Clone, Default)]
pub struct PolicyRead(Option<(String, Result<Table, String>)>);

/// Two readings are equal if they say the same.
impl PartialEq for PolicyRead {
    fn eq(&self, other: &Self) -> bool {
        self.alone() == other.alone()
    }
}

impl PolicyRead {
    /// Reads policy once.
    #[must_use]
    pub fn new(sources: &Sources) -> Self {
        Self(sources.policy.as_ref().map(|policy| (policy.place(), policy.read())))
    }

    /// Returns whether policy sets nothing and nothing is wrong with it, as when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let (settings, problems) = self.alone();
        settings.fixed.is_empty() && problems.is_empty()
    }

    /// Returns the same with a mistake in the place of what was found, so that no tenant can be used.
    #[must_use]
    pub fn broken(self, reason: &str) -> Self {
        Self(self.0.map(|(place, _)| (place, Err(reason.to_owned()))))
    }

    /// Merges it with the user's file, which is read now. What is wrong is left at its default and reported, what is wrong with policy first.
    #[must_use]
    pub fn load(&self, user: &Path) -> (Settings, Vec<Problem>) {
        merge(self.0.clone(), &user.display().to_string(), user_table(user))
    }

    /// Merges both as [`Self::load`] does. If policy cannot be read, what it said in `last` still holds, and `policy_broken` is set.
    #[must_use]
    pub fn load_again(&self, user: &Path, last: &Settings) -> (Settings, Vec<Problem>) {
        let place = self.0.as_ref().map(|(place, _)| place.clone()).unwrap_or_default();
        let (user, own) = (user.display().to_string(), user_table(user));
        let read = merge(self.0.clone(), &user, own.clone());
        if !read.0.policy_broken {
            return read;
        }
        let held = last.fixed.iter().filter_map(|key| Some((key.clone(), last.value(key)?))).collect();
        let (held, _) = merge(Some((place, Ok(held))), &user, own);
        (Settings { policy_broken: true, ..held }, read.1)
    }

    /// What it says without the user's file.
    fn alone(&self) -> (Settings, Vec<Problem>) {
        merge(self.0.clone(), "", Ok(Table::new()))
    }
}

/// Reads both. What is wrong is left at its default and reported, what is wrong with policy first.
#[must_use]
pub fn load(sources: &Sources) -> (Settings, Vec<Problem>) {
    PolicyRead::new(sources).load(&sources.user)
}

/// Reads both from texts that were read elsewhere, as [`load`] does.
#[must_use]
pub fn load_text(policy: &str, user: &str) -> (Settings, Vec<Problem>) {
    merge(Some(("policy".to_owned(), parse(policy))), "config", parse(user))
}

fn merge(
    policy: Option<(String, Result<Table, String>)>,
    user: &str,
    own: Result<Table, String>,
) -> (Settings, Vec<Problem>) {
    let mut settings = Settings::default();
    let mut problems = Vec::new();
    let policy_place = policy.as_ref().map_or_else(String::new, |(place, _)| place.clone());
    if let Some((place, read)) = policy {
        let fixed = known(read, &place, &mut problems);
        settings.fixed = fixed.keys().cloned().collect();
        put(&mut settings, &fixed, &place, &mut problems);
        if let (true, Err((key, reason))) = (problems.is_empty(), names_a_tenant(&settings)) {
            problems.push(Problem { place, key: Some(key), reason });
        }
        settings.policy_broken = !problems.is_empty();
    }
    let own = known(own, user, &mut problems);
    let (own, ignored): (Table, Table) = own.into_iter().partition(|(key, _)| !settings.is_locked(key));
    settings.own = own.keys().cloned().collect();
    settings.ignored = ignored.keys().cloned().collect();
    put(&mut settings, &own, user, &mut problems);
    let mut problem = |(key, reason): (String, String)| {
        let place = if settings.is_fixed(&key) { policy_place.clone() } else { user.to_owned() };
        problems.push(Problem { place, key: Some(key), reason });
    };
    if let Err(wrong) = settings.registration() {
        problem(wrong);
    }
    for choice in settings.tenants.iter().filter(|_| !settings.policy_broken) {
        if let Err((key, reason)) = settings.allowed_further(choice) {
            let what =
                if key == "tenant" { choice.tenant.clone() } else { format!("{}: {key}", choice.tenant) };
            problem(("tenants".to_owned(), format!("{what} {reason}")));
        }
    }
    (settings, problems)
}

/// Checks that a policy with `tenants` names what no user can add to it.
fn names_a_tenant(policy: &Settings) -> Result<(), (String, String)> {
    let wrong = |key: &str, reason: &str| Err((key.to_owned(), reason.to_owned()));
    match (&policy.tenant, &policy.client_id) {
        _ if !policy.is_fixed("tenants") => Ok(()),
        (Some(_), None) => wrong("tenant", "needs client_id beside it, as policy names tenants"),
        (None, _) if policy.tenants.is_empty() => wrong("tenants", "names no tenant, so none could be used"),
        _ => Ok(()),
    }
}

/// Puts the values of one place where they belong.
fn put(settings: &mut Settings, values: &Table, place: &str, problems: &mut Vec<Problem>) {
    for (name, value) in values {
        let Some(key) = keys::key(name) else { continue };
        if let Err(reason) = keys::apply(settings, key, value) {
            problems.push(Problem { place: place.to_owned(), key: Some(name.clone()), reason });
        }
    }
}

/// The known keys of what was read.
fn known(read: Result<Table, String>, place: &str, problems: &mut Vec<Problem>) -> Table {
    let mut problem = |key: Option<String>, reason: String| {
        problems.push(Problem { place: place.to_owned(), key, reason });
    };
    let table = match read {
        Ok(table) => table,
        Err(reason) => {
            problem(None, reason);
            return Table::new();
        }
    };
    let (known, unknown): (Table, Table) = table.into_iter().partition(|(name, _)| keys::key(name).is_some());
    for (name, _) in unknown {
        let names: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
        problem(Some(name), format!("unknown key; known are {}", names.join(", ")));
    }
    known
}

fn user_table(file: &Path) -> Result<Table, String> {
    match std::fs::read_to_string(file) {
        Ok(text) => parse(&text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Table::new()),
        Err(error) => Err(error.to_string()),
    }
}

/// A file's text.
pub(crate) fn parse(text: &str) -> Result<Table, String> {
    text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        let at = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        format!("{at}{}", error.message())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CloudChoice, Origin};

    const CLIENT: &str = "11111111-2222-3333-4444-555555555555";

    fn own_id(_folder: &Path) -> u32 {
        #[cfg(unix)]
        return std::os::unix::fs::MetadataExt::uid(&_folder.metadata().unwrap());
        #[cfg(not(unix))]
        0
    }

    /// Both files, in a folder that lasts as long as the first value.
    fn files(user: &str, policy: &str) -> (tempfile::TempDir, Sources) {
        let folder = tempfile::tempdir().unwrap();
        let (path, owner) = (folder.path().join("policy.toml"), own_id(folder.path()));
        std::fs::write(&path, policy).unwrap();
        let sources =
            Sources { policy: Some(Policy::File { path, owner }), user: folder.path().join("config.toml") };
        std::fs::write(&sources.user, user).unwrap();
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
        assert_eq!(settings.ignored, ["tenant"]);
        assert_eq!(settings.language.as_deref(), Some("es"));
        assert!(settings.require_reason);
        assert_eq!(settings.fixed, ["require_reason", "tenant"]);
        let origins = ["tenant", "language", "export"].map(|key| settings.origin(key));
        assert_eq!(origins, [Origin::Policy, Origin::User, Origin::Default]);
    }

    #[test]
    fn only_allowed_tenants_can_be_used() {
        const OURS: &str = "AAAAAAAA-1111-1111-1111-111111111111";
        let allowed = format!("allowed_tenants = [\"{OURS}\"]");
        let user = |tenant: &str| {
            format!(
                "tenant = \"{tenant}\"\nclient_id = \"{CLIENT}\"\n[[tenants]]\ntenant = \"{CLIENT}\"\nclient_id = \"{CLIENT}\""
            )
        };
        let (_folder, sources) = files(&user(OURS), &allowed);
        let (settings, problems) = load(&sources);
        assert!(settings.registration().unwrap().is_some() && settings.further_registrations().is_empty());
        assert!(problems.len() == 1 && problems[0].key.as_deref() == Some("tenants"), "{problems:?}");

        let (_folder, sources) = files(&user(CLIENT), &allowed);
        let (settings, problems) = load(&sources);
        assert!(settings.registration().is_err());
        assert!(
            problems.iter().all(|problem| problem.reason.contains("none of the tenants that are allowed"))
        );

        // Which tenant a domain belongs to is known when somebody signs in.
        let (_folder, sources) = files(&user("ours.example"), &allowed);
        let settings = load(&sources).0;
        assert!(settings.registration().unwrap().is_some());
        assert!(settings.allows(&OURS.to_lowercase()) && !settings.allows(CLIENT));
        assert!(Settings::default().allows(CLIENT));
    }

    #[test]
    fn where_policy_names_tenants_only_policy_names_addresses() {
        let cloud = "{ login_url = \"https://login.example\", graph_url = \"https://graph.example/v1.0\" }";
        let own = format!("tenant = \"{CLIENT}\"\nclient_id = \"{CLIENT}\"\n");
        let custom = format!("cloud = {cloud}\n");
        let further =
            format!("[[tenants]]\ntenant = \"{CLIENT}\"\nclient_id = \"{CLIENT}\"\ncloud = {cloud}\n");
        let allowed = format!("allowed_tenants = [\"{CLIENT}\"]\n");
        for (policy, user, is_usable) in [
            ("", format!("{own}{custom}"), true),
            (allowed.as_str(), format!("{own}{custom}"), false),
            // Without force, as policy names the tenant.
            (own.as_str(), custom.clone(), true),
            (format!("{allowed}{custom}").as_str(), own.clone(), true),
        ] {
            let (settings, problems) = load_text(policy, &user);
            assert_eq!(settings.registration().is_ok(), is_usable, "{policy}{user}");
            assert!(problems.iter().all(|problem| problem.key.as_deref() == Some("cloud")), "{problems:?}");
        }
        assert_eq!(load_text("", &further).0.further_registrations().len(), 1);
        assert_eq!(load_text(&allowed, &further).0.further_registrations().len(), 0);
        assert_eq!(load_text(&further, "").0.further_registrations().len(), 1);
    }

    #[test]
    fn every_key_is_read_and_written_back_as_it_was() {
        let all = format!(
            "tenant = \"ours.example\"\nclient_id = \"{CLIENT}\"\ncloud = \"china\"\nallowed_tenants = [\"{CLIENT}\"]\n\
             require_reason = true\nmax_run_size = 7\ncountdown = 9\nidle_lock_minutes = 3\ndevice_code = false\n\
             keep_sign_in = false\nexport = false\nclipboard = false\nlanguage = \"es\"\n\
             [[tenants]]\ntenant = \"b.example\"\nclient_id = \"{CLIENT}\"\ncloud = \"us-gov\"\n"
        );
        let (settings, problems) = load_text(&all, "");
        assert!(problems.is_empty(), "{problems:?}");
        let written: Table = parse(&all).unwrap();
        assert_eq!(written.len(), KEYS.len(), "a key is missing in this test");
        for (name, value) in written {
            assert_eq!(settings.value(&name).as_ref(), Some(&value), "{name}");
            assert!(
                Settings::default().value(&name).as_ref() != Some(&value),
                "{name} is at its default here"
            );
        }
    }

    #[test]
    fn with_a_broken_policy_no_tenant_can_be_used_and_it_is_named_first() {
        for policy in ["tenant = ", "require_reason = \"yes\"", "tenent = \"ours.example\""] {
            let user = format!("tenant = \"mine.example\"\nclient_id = \"{CLIENT}\"\nmax_run_size = 0");
            let (_folder, sources) = files(&user, policy);
            let (settings, problems) = load(&sources);
            assert_eq!(settings.registration(), Ok(None), "{policy}");
            assert!(problems[0].place.ends_with("policy.toml"), "{policy}: {problems:?}");
        }
    }

    #[test]
    fn where_policy_breaks_later_what_it_said_last_holds_and_the_users_own_keys_are_read() {
        let (_folder, sources) = files("language = \"en\"", "export = false\nmax_run_size = 7");
        let (last, _) = load(&sources);
        let Some(Policy::File { path, .. }) = &sources.policy else { unreachable!() };
        std::fs::write(path, "export = ").unwrap();
        std::fs::write(&sources.user, "language = \"es\"\nexport = true\ncountdown = 9").unwrap();
        let again = |last| PolicyRead::new(&sources).load_again(&sources.user, last);
        let (settings, problems) = again(&last);
        assert!(settings.policy_broken && !settings.export && settings.max_run_size == 7);
        assert_eq!((settings.language.as_deref(), settings.countdown), (Some("es"), 9));
        assert!(problems[0].place.ends_with("policy.toml"), "{problems:?}");
        // And after one more look.
        assert_eq!(again(&settings).0, settings);
        std::fs::write(path, "clipboard = false").unwrap();
        let (settings, problems) = again(&settings);
        assert!(problems.is_empty() && settings.export && !settings.clipboard && !settings.policy_broken);
    }

    #[test]
    fn what_policy_says_is_compared_without_the_users_file() {
        let (_folder, sources) = files("language = \"es\"", "export = false");
        let before = PolicyRead::new(&sources);
        std::fs::write(&sources.user, "language = ").unwrap();
        assert_eq!(PolicyRead::new(&sources), before);
        let Some(Policy::File { path, .. }) = &sources.policy else { unreachable!() };
        std::fs::write(path, "export = true").unwrap();
        assert_ne!(PolicyRead::new(&sources), before);
    }

    #[test]
    fn a_file_that_is_gone_or_empty_sets_nothing_and_a_broken_one_is_not_empty() {
        let (_folder, sources) = files("", "export = false");
        let Some(Policy::File { path, .. }) = &sources.policy else { unreachable!() };
        let set = PolicyRead::new(&sources);
        std::fs::write(path, "# nothing yet").unwrap();
        let empty = PolicyRead::new(&sources);
        std::fs::remove_file(path).unwrap();
        let gone = PolicyRead::new(&sources);
        assert!(!set.is_empty() && empty.is_empty() && gone.is_empty() && empty == gone);
        let broken = gone.broken("is gone");
        let (settings, problems) = broken.load_again(&sources.user, &set.load(&sources.user).0);
        assert!(!broken.is_empty() && settings.policy_broken && !settings.export);
        assert_eq!(problems[0].reason, "is gone");
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
            ("export = \"no\"", Some("export"), "true or false"),
            ("allowed_tenants = []", Some("allowed_tenants"), "a list of tenant ids"),
            ("allowed_tenants = [\"ours.example\"]", Some("allowed_tenants"), "a list of tenant ids"),
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
            assert!(problems[0].place.ends_with("config.toml"));
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

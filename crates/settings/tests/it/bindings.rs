//! Which keys of the user's file have force beside a policy: every pair of keys, against the one table.

use unlatch_settings::{BINDINGS, Binding, KEYS, Origin, Settings, load_text};

const GUIDE: &str = include_str!("../../../../docs/administrators-guide.md");
const OURS: &str = "11111111-1111-1111-1111-111111111111";
const THEIRS: &str = "22222222-2222-2222-2222-222222222222";

/// What policy says of a key.
fn policy(key: &str) -> String {
    match key {
        "tenant" | "client_id" => format!("{key} = \"{OURS}\"\n"),
        "cloud" => "cloud = \"china\"\n".to_owned(),
        "tenants" => tenants(OURS, OURS, "china"),
        "allowed_tenants" => format!("allowed_tenants = [\"{OURS}\"]\n"),
        "max_run_size" | "countdown" | "idle_lock_minutes" => format!("{key} = 7\n"),
        "language" => "language = \"es\"\n".to_owned(),
        "require_reason" => "require_reason = true\n".to_owned(),
        _ => format!("{key} = false\n"),
    }
}

/// What a user says of it, who means something else.
fn user(key: &str) -> String {
    match key {
        "tenant" | "client_id" => format!("{key} = \"{THEIRS}\"\n"),
        "cloud" => {
            "cloud = { login_url = \"https://login.example/\", graph_url = \"https://graph.example/v1.0\" }\n"
                .to_owned()
        }
        "tenants" => tenants(THEIRS, THEIRS, "us-gov"),
        "allowed_tenants" => format!("allowed_tenants = [\"{THEIRS}\"]\n"),
        "max_run_size" | "countdown" | "idle_lock_minutes" => format!("{key} = 9\n"),
        "language" => "language = \"en\"\n".to_owned(),
        "require_reason" => "require_reason = false\n".to_owned(),
        _ => format!("{key} = true\n"),
    }
}

/// What makes a registration of a user's key, so that it can be refused.
fn beside(key: &str) -> String {
    match key {
        "tenant" => user("client_id"),
        "client_id" => format!("tenant = \"{OURS}\"\n"),
        "cloud" => format!("tenant = \"{OURS}\"\nclient_id = \"{OURS}\"\n"),
        _ => String::new(),
    }
}

/// What a user says of a key that agrees with everything that policy says above.
fn agreeing(key: &str) -> String {
    match key {
        "cloud" => "cloud = \"china\"\n".to_owned(),
        key => policy(key),
    }
}

fn tenants(tenant: &str, client_id: &str, cloud: &str) -> String {
    format!("[[tenants]]\ntenant = \"{tenant}\"\nclient_id = \"{client_id}\"\ncloud = \"{cloud}\"\n")
}

fn row(policy: &str) -> Option<&'static Binding> {
    BINDINGS.iter().find(|binding| binding.policy == policy)
}

#[test]
fn of_every_pair_of_keys_the_table_says_what_is_in_force() {
    for (set, other) in KEYS.iter().flat_map(|set| KEYS.iter().map(move |other| (set.name, other.name))) {
        let pair = format!("policy sets {set}, the user's file {other}");
        let overrides = set == other || row(set).is_some_and(|row| row.overrides.contains(&other));
        let checks = row(set).is_some_and(|row| row.checks.contains(&other));
        let (settings, problems) = load_text(&policy(set), &format!("{}{}", beside(other), user(other)));
        let alone = load_text(&policy(set), "").0;
        let users = load_text("", &user(other)).0;
        assert!(!settings.policy_broken, "{pair}: {problems:?}");
        assert_eq!(settings.value(set), alone.value(set), "{pair}");
        assert_eq!(settings.origin(set), Origin::Policy, "{pair}");
        assert_eq!(settings.is_locked(other), overrides, "{pair}");
        assert_eq!(settings.locked().iter().any(|key| key == other), overrides, "{pair}");
        assert_eq!(settings.ignored.iter().any(|key| key == other), overrides, "{pair}");
        assert_eq!(settings.overriding(other), if overrides { vec![set] } else { vec![] }, "{pair}");
        let expected = if overrides { &alone } else { &users };
        assert_eq!(settings.value(other), expected.value(other), "{pair}");
        let origin = match (set == other, overrides) {
            (true, _) => Origin::Policy,
            (_, true) => Origin::Default,
            _ => Origin::User,
        };
        assert_eq!(settings.origin(other), origin, "{pair}");
        assert_eq!(!problems.is_empty(), checks, "{pair}: {problems:?}");
        assert!(problems.iter().all(|problem| problem.place == "config"), "{pair}: {problems:?}");
        if checks {
            let refused = (settings.registration().ok().flatten(), settings.further_registrations());
            assert_eq!(refused, (None, Vec::new()), "{pair}");
            let agreed = format!("{}{}", beside(other).replace(THEIRS, OURS), agreeing(other));
            let (settings, problems) = load_text(&policy(set), &agreed);
            assert!(problems.is_empty(), "{pair}: {problems:?}");
            assert!(settings.registration().unwrap().is_some() || !settings.tenants.is_empty(), "{pair}");
        }
    }
}

#[test]
fn every_row_names_keys_that_there_are_and_no_key_twice() {
    let known = |name: &str| KEYS.iter().any(|key| key.name == name);
    for (at, row) in BINDINGS.iter().enumerate() {
        assert!(BINDINGS.iter().skip(at + 1).all(|other| other.policy != row.policy), "{}", row.policy);
        let named: Vec<&str> = row.overrides.iter().chain(row.checks).copied().collect();
        assert!(known(row.policy) && !named.contains(&row.policy) && named.iter().all(|name| known(name)));
        assert!(row.overrides.iter().all(|name| !row.checks.contains(name)), "{}", row.policy);
    }
}

#[test]
fn the_guide_has_the_same_table() {
    let names = |keys: &[&str]| {
        let quoted: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
        if quoted.is_empty() { "none".to_owned() } else { quoted.join(", ") }
    };
    let rows = BINDINGS.iter().map(|Binding { policy, overrides, checks }| {
        format!("| `{policy}` | {} | {} |", names(overrides), names(checks))
    });
    let (_, after) = GUIDE.split_once("| policy sets |").expect("the table");
    let there: Vec<&str> = after.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert_eq!(there, rows.collect::<Vec<_>>());
}

#[test]
fn no_user_works_in_a_tenant_that_a_policy_with_tenants_does_not_name() {
    let own = format!("tenant = \"{THEIRS}\"\nclient_id = \"{THEIRS}\"\ncloud = \"us-gov\"\n");
    let (settings, problems) = load_text(&tenants(OURS, OURS, "china"), &own);
    assert!(problems.is_empty(), "{problems:?}");
    let first = settings.registration().unwrap().unwrap();
    assert_eq!(
        (first.tenant.as_str(), first.client_id.as_str()),
        (OURS, OURS),
        "policy's first is the first"
    );
    assert!(settings.further_registrations().iter().all(|further| further.tenant == OURS));
    assert_eq!(settings.ignored, ["client_id", "cloud", "tenant"]);
    assert!(!settings.several_tenants());
}

#[test]
fn a_policy_without_a_usable_tenant_is_a_mistake_with_its_key() {
    for (policy, key) in [
        ("tenants = []\n".to_owned(), "tenants"),
        (format!("tenant = \"{THEIRS}\"\n{}", tenants(OURS, OURS, "china")), "tenant"),
    ] {
        let (settings, problems) = load_text(&policy, &format!("client_id = \"{OURS}\"\n"));
        assert!(settings.policy_broken, "{policy}");
        assert_eq!(problems[0].key.as_deref(), Some(key), "{problems:?}");
    }
    let no_further = format!("tenant = \"{OURS}\"\nclient_id = \"{OURS}\"\ntenants = []\n");
    assert_eq!(load_text(&no_further, "").1, []);
    assert_eq!(
        load_text("", "tenants = []\n"),
        (Settings { own: vec!["tenants".to_owned()], ..Settings::default() }, vec![])
    );
}

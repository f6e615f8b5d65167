//! What a `package-lock.json` may hold.

use serde_json::Value;

/// npm's settings beside a lock file: no package runs a script when it is installed.
const NO_SCRIPTS: &str = "ignore-scripts=true";

/// The breaches in a lock file, given npm's settings beside it.
pub fn breaches(name: &str, text: &str, settings: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    if text.contains("\"resolved\":") {
        breaches.push(format!(
            "{name} names a registry; npm leaves it out with omit-lockfile-registry-resolved=true"
        ));
    }
    if !settings.lines().any(|line| line == NO_SCRIPTS) {
        breaches.push(format!("{name} has no .npmrc with {NO_SCRIPTS} beside it"));
    }
    match packages(text) {
        Some(packages) => breaches.extend(packages.iter().flat_map(|(package, facts)| {
            let without = facts["integrity"].as_str().is_none_or(|sum| !sum.starts_with("sha512-"));
            let scripts = facts["hasInstallScript"] == Value::Bool(true);
            [
                without.then(|| format!("{name}: {package} has no SHA-512 to be compared with")),
                scripts.then(|| {
                    format!("{name}: {package} has a script that wants to run when it is installed")
                }),
            ]
            .into_iter()
            .flatten()
        })),
        None => breaches.push(format!("{name} is no lock file of npm 7 or newer")),
    }
    breaches
}

/// The packages of a lock file, by their folder. The project itself comes without a name and is left out.
pub fn packages(text: &str) -> Option<Vec<(String, Value)>> {
    let Value::Object(mut lock) = serde_json::from_str(text).ok()? else { return None };
    let Value::Object(packages) = lock.remove("packages")? else { return None };
    Some(packages.into_iter().filter(|(folder, _)| !folder.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches_of(package: &str) -> Vec<String> {
        let text = format!(r#"{{ "packages": {{ "": {{}}, "node_modules/a": {{ {package} }} }} }}"#);
        breaches("ui/package-lock.json", &text, "ignore-scripts=true\n")
    }

    #[test]
    fn a_package_with_a_sum_and_no_script_is_no_breach() {
        assert!(breaches_of(r#""integrity": "sha512-x""#).is_empty());
    }

    #[test]
    fn a_package_without_a_sum_is_a_breach() {
        assert_eq!(breaches_of("").len(), 1);
        assert_eq!(breaches_of(r#""integrity": "sha1-x""#).len(), 1);
    }

    #[test]
    fn a_script_that_runs_at_installation_is_a_breach() {
        assert_eq!(breaches_of(r#""integrity": "sha512-x", "hasInstallScript": true"#).len(), 1);
    }

    #[test]
    fn a_registry_in_the_lock_file_is_a_breach() {
        let package = r#""integrity": "sha512-x", "resolved": "https://registry.example/a.tgz""#;
        assert_eq!(breaches_of(package).len(), 1);
    }

    #[test]
    fn a_lock_file_whose_folder_lets_scripts_run_is_a_breach() {
        assert_eq!(breaches("a/package-lock.json", r#"{ "packages": {} }"#, "").len(), 1);
        assert_eq!(breaches("a/package-lock.json", "{}", "ignore-scripts=true").len(), 1);
    }
}

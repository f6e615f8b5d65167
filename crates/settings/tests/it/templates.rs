//! The administrative template for Windows, the profile for macOS and the file for Linux.

use std::collections::BTreeSet;

use roxmltree::{Document, Node, ParsingOptions};
use unlatch_settings::{KEYS, Kind, Settings, load_text};

const ADMX: &str = include_str!("../../../../packaging/windows/policy/unlatch.admx");
const ADML: [&str; 2] = [
    include_str!("../../../../packaging/windows/policy/en-US/unlatch.adml"),
    include_str!("../../../../packaging/windows/policy/es-ES/unlatch.adml"),
];
const PROFILE: &str = include_str!("../../../../packaging/macos/unlatch.mobileconfig");
const FILE: &str = include_str!("../../../../packaging/linux/policy.toml");

/// Tables in a list, which neither a template nor a profile editor offers.
const BY_HAND: &str = "tenants";

fn all<'a>(document: &'a Document<'a>, name: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    document.descendants().filter(move |node| node.has_tag_name(name) || node.tag_name().name() == name)
}

fn names() -> BTreeSet<&'static str> {
    KEYS.iter().map(|key| key.name).filter(|name| *name != BY_HAND).collect()
}

#[test]
fn the_template_sets_every_key_within_its_bounds_where_windows_reads_it() {
    let template = Document::parse(ADMX).unwrap();
    let policies: Vec<Node> = all(&template, "policy").collect();
    assert_eq!(
        policies.iter().map(|policy| policy.attribute("name").unwrap()).collect::<BTreeSet<_>>(),
        names()
    );
    for policy in policies {
        let name = policy.attribute("name").unwrap();
        let kind = &KEYS.iter().find(|key| key.name == name).unwrap().kind;
        assert_eq!(policy.attribute("key"), Some(r"Software\Policies\Unlatch"), "{name}");
        assert_eq!(policy.attribute("class"), Some("Machine"), "{name}");
        let element = policy.descendants().find(|node| node.attribute("id") == Some(name));
        let written = element.unwrap_or(policy);
        match kind {
            Kind::TenantIds => {
                assert_eq!(written.attribute("key"), Some(r"Software\Policies\Unlatch\allowed_tenants"))
            }
            _ => assert_eq!(written.attribute("valueName"), Some(name)),
        }
        if let Kind::Number(allowed) = kind {
            let bound = |bound: &str| written.attribute(bound).unwrap().parse::<u32>().unwrap();
            assert_eq!(bound("minValue")..=bound("maxValue"), *allowed, "{name}");
        }
        for value in written.descendants().filter(|node| node.tag_name().name() == "string") {
            let text = format!("{name} = {:?}", value.text().unwrap());
            assert!(load_text(&text, "").1.is_empty(), "{text}");
        }
    }
}

#[test]
fn the_template_has_words_for_everything_in_both_languages() {
    let wanted = |kind: &str| -> BTreeSet<String> {
        let begin = format!("$({kind}.");
        ADMX.split(&begin).skip(1).map(|rest| rest.split(')').next().unwrap().to_owned()).collect()
    };
    for language in ADML {
        let words = Document::parse(language).unwrap();
        for (kind, tag) in [("string", "string"), ("presentation", "presentation")] {
            let there: BTreeSet<String> =
                all(&words, tag).map(|node| node.attribute("id").unwrap().to_owned()).collect();
            assert_eq!(there, wanted(kind), "{kind}");
        }
        assert!(all(&words, "string").all(|node| node.text().is_some_and(|text| !text.trim().is_empty())));
    }
}

#[test]
fn the_profile_sets_every_key_to_something_that_can_be_used() {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let profile = Document::parse_with_options(PROFILE, options).unwrap();
    let settings =
        profile.descendants().find(|node| node.text() == Some("io.github.unlatch.desktop")).unwrap();
    let fields: Vec<Node> = settings.parent().unwrap().children().filter(Node::is_element).collect();
    let mut found = BTreeSet::new();
    let mut text = String::new();
    for pair in fields.chunks(2) {
        let (name, value) = (pair[0].text().unwrap(), pair[1]);
        let Some(key) = KEYS.iter().find(|key| key.name == name) else {
            assert!(name.starts_with("Payload"), "{name}");
            continue;
        };
        found.insert(key.name);
        let strings =
            || value.descendants().filter(|node| node.has_tag_name("string")).filter_map(|node| node.text());
        let written = match value.tag_name().name() {
            "true" | "false" => value.tag_name().name().to_owned(),
            "integer" => value.text().unwrap().to_owned(),
            "array" => format!("{:?}", strings().collect::<Vec<_>>()),
            _ => format!("{:?}", value.text().unwrap()),
        };
        text += &format!("{name} = {written}\n");
    }
    assert_eq!(found, names());
    let (settings, problems) = load_text(&text, "");
    assert!(problems.is_empty() && settings.registration().unwrap().is_some(), "{problems:?}");
}

#[test]
fn the_file_names_every_key_and_fixes_nothing_before_it_is_edited() {
    let (settings, problems) = load_text(FILE, "");
    assert!(problems.is_empty() && settings == Settings::default(), "{problems:?}");
    let edited: String = FILE
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| !line.starts_with(' '))
        .map(|line| format!("{line}\n"))
        .collect();
    let (settings, problems) = load_text(&edited, "");
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(settings.fixed.len(), KEYS.len());
}

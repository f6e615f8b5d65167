//! The report for printing.

use std::fmt::Display;
use std::io::{self, BufWriter, Write};

use askama::Template;
use time::OffsetDateTime;
use unlatch_graph::Route;

use super::{PLAIN_TIME, is_unseen, utc, words};
use crate::check::Found;
use crate::journal::ChainHash;
use crate::plan::PlannedItem;
use crate::record::{ItemRecord, RunRecord};
use crate::state::ItemState;

/// The page. Whatever it shows goes through the template, which escapes it.
#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    run: &'a RunRecord,
    words: &'a dyn Fn(&str) -> String,
    lang: &'a str,
    fingerprint: Option<ChainHash>,
}

/// Words around a name, which is kept from changing the direction in which they are read.
struct Phrase {
    before: String,
    name: String,
    after: String,
}

/// A piece of a name, or one character of it that a reader would not see, told by its code point.
struct Part {
    text: String,
    is_unseen: bool,
}

/// Writes the run as one page for printing, which loads nothing and runs nothing. `words` gives the words of a key of
/// [`KEYS`](super::KEYS) in the language `lang` (BCP 47); the names in braces that some of them hold are filled in here.
/// `fingerprint` is the hash of the run's newest entry in the journal: noted elsewhere, as on paper, it gives away a journal that was made
/// anew. All times are UTC.
///
/// # Errors
/// What `out` says.
pub fn html(
    run: &RunRecord,
    words: &dyn Fn(&str) -> String,
    lang: &str,
    out: &mut dyn Write,
    fingerprint: Option<ChainHash>,
) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    Page { run, words, lang, fingerprint }.write_into(&mut out)?;
    out.flush()
}

impl Page<'_> {
    fn say(&self, key: &str) -> String {
        (self.words)(key)
    }

    fn time(&self, at: &OffsetDateTime) -> String {
        utc(*at, PLAIN_TIME)
    }

    /// A name in pieces, so that none passes for another by what is not seen of it. Line breaks are no part of that.
    fn parts(&self, name: impl AsRef<str>) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        for c in name.as_ref().chars() {
            let is_unseen = is_unseen(c) || c.is_control() && !matches!(c, '\t' | '\n' | '\r');
            match parts.last_mut() {
                _ if is_unseen => parts.push(Part { text: format!("U+{:04X}", u32::from(c)), is_unseen }),
                Some(part) if !part.is_unseen => part.text.push(c),
                _ => parts.push(Part { text: c.into(), is_unseen }),
            }
        }
        parts
    }

    /// The words of `key` with `name` where they have `{place}`, or at their end.
    fn phrase(&self, key: &str, place: &str, name: impl Display) -> Phrase {
        let text = self.say(key);
        let place = format!("{{{place}}}");
        let (before, after) = text.split_once(&place).unwrap_or((&text, ""));
        Phrase { before: before.to_owned(), name: name.to_string(), after: after.to_owned() }
    }

    /// A state that Intune gave, in words where there are any.
    fn state(&self, state: &str) -> String {
        words::state_key(state).map_or_else(|| state.to_owned(), |key| self.say(key))
    }

    /// The route in words; none for the direct one, which has no name in it.
    fn route(&self, planned: &PlannedItem) -> Option<Phrase> {
        let (key, id) = match &planned.route {
            Route::User(id) => ("route_user", id.as_str()),
            Route::App(id) => ("route_app", id.as_str()),
            Route::Direct => return None,
        };
        let label = if planned.route_label.is_empty() { id } else { &planned.route_label };
        Some(self.phrase(key, "label", label))
    }

    fn counts(&self) -> [(&'static str, u32); 8] {
        let counts = &self.run.summary.counts;
        [
            ("report_devices", counts.total),
            ("count_waiting", counts.waiting),
            ("count_accepted", counts.accepted),
            ("count_done", counts.done),
            ("count_answered", counts.answered),
            ("count_failed", counts.failed),
            ("count_unconfirmed", counts.unconfirmed),
            ("count_not_sent", counts.not_sent),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use proptest::prelude::*;
    use sha2::{Digest as _, Sha256};

    use super::super::{KEYS, sample};
    use super::*;
    use crate::check::{Difference, Field};
    use crate::state::{ItemReason, RunState};

    /// The key itself, with a place where the window's words have one.
    fn words(key: &str) -> String {
        match key {
            "route_user" | "route_app" => format!("[{key} {{label}}]"),
            "report_found_state" => format!("[{key} {{state}}]"),
            "report_pending_since" | "report_reported_at" => format!("[{key} {{time}}]"),
            "report_pending_by" => format!("[{key} {{account}}]"),
            "device_said" => format!("[{key} {{message}}]"),
            _ => format!("[{key}]"),
        }
    }

    fn written(run: &RunRecord, lang: &str) -> String {
        let mut page = Vec::new();
        html(run, &words, lang, &mut page, Some(ChainHash([0xab; 32]))).unwrap();
        String::from_utf8(page).unwrap()
    }

    /// A tag's name, and its attributes with their values.
    type Tag = (String, Vec<(String, String)>);

    /// The tags of the page with their attributes, and its text between them. The style counts as neither.
    fn read(page: &str) -> (Vec<Tag>, String) {
        let (before, rest) = page.split_once("<style>").unwrap();
        let (_, after) = rest.split_once("</style>").unwrap();
        let (mut tags, mut text) = (Vec::new(), String::new());
        let mut rest = format!("{before}{after}");
        while let Some((before, after)) = rest.split_once('<') {
            text.push_str(before);
            let (tag, after) = after.split_once('>').unwrap();
            let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
            let (mut left, mut found) = (attributes, Vec::new());
            while let Some((attribute, after)) = left.split_once("=\"") {
                let (value, after) = after.split_once('"').unwrap();
                found.push((attribute.trim().to_owned(), value.to_owned()));
                left = after;
            }
            if !left.trim().is_empty() {
                found.push((left.trim().to_owned(), String::new()));
            }
            tags.push((name.to_owned(), found));
            rest = after.to_owned();
        }
        text.push_str(&rest);
        for (escaped, plain) in
            [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")]
        {
            text = text.replace(escaped, plain);
        }
        (tags, text)
    }

    fn style(page: &str) -> &str {
        page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0
    }

    /// How often the page shows a text of [`run_of`]: 4 times in its head, 4 names, the code and the id of the answer and the
    /// message or report of each of 7 devices, 2 labels of a route, and 4 times as what was found.
    const PLACES: usize = 4 + 7 * 7 + 2 + 4;

    /// Every text of a run that comes from elsewhere is `text`.
    fn run_of(text: &str) -> RunRecord {
        let mut run = sample::run();
        let header = &mut run.summary.header;
        header.reason = Some(text.to_owned());
        let principal = &mut header.principal;
        for field in [&mut principal.tenant_name, &mut principal.tenant_id, &mut principal.account] {
            text.clone_into(field);
        }
        for ItemRecord { planned, standing, .. } in &mut run.items {
            for field in [&mut planned.name, &mut planned.route_label] {
                text.clone_into(field);
            }
            for field in [&mut planned.serial, &mut planned.user, &mut planned.system] {
                *field = Some(text.to_owned());
            }
            for field in [&mut standing.message, &mut standing.code, &mut standing.request_id] {
                *field = Some(text.to_owned());
            }
            standing.observed = Some((text.to_owned(), None));
        }
        let value = || Some(text.to_owned());
        let difference = Difference { field: Field::User, then: value(), now: value() };
        run.items[0].standing.found = Some(Found::Differences(vec![difference]));
        run.items[1].standing.found = Some(Found::State(text.to_owned()));
        run.items[2].standing.found = Some(Found::Pending { since: None, by: value() });
        run
    }

    const HOSTILE: [&str; 9] = [
        "<script>alert(1)</script>",
        "<img src=https://evil.example/x onerror=alert(1)>",
        "\"><svg onload=alert(1)>",
        "' style='background:url(//evil.example)",
        "</bdi></td></table></style><script src=x>",
        "<!-- <base href=//evil.example>",
        "&lt;script&gt;&#60;b&#62;",
        "{{ self.say(\"x\") }}{% raw %}",
        "]]>\u{0}<iframe>",
    ];

    #[test]
    fn the_page_has_no_script_and_loads_nothing() {
        for text in HOSTILE {
            let page = written(&run_of(text), "en");
            let (tags, _) = read(&page);
            for (name, attributes) in &tags {
                let name = name.trim_start_matches('/');
                let known = [
                    "!doctype", "html", "head", "meta", "title", "body", "header", "footer", "h1", "p", "dl",
                    "dt", "dd", "div", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "strong",
                    "bdi", "span", "code",
                ];
                assert!(known.contains(&name), "{name} of {text:?}");
                for (attribute, _) in attributes {
                    let known =
                        ["lang", "charset", "http-equiv", "content", "name", "class", "scope", "html"];
                    assert!(known.contains(&attribute.as_str()), "{attribute} of {name} of {text:?}");
                }
            }
            let style = style(&page);
            assert!(["url(", "@import", "//", "\\"].iter().all(|outside| !style.contains(outside)));
        }
    }

    #[test]
    fn the_policy_of_the_page_allows_its_own_style_and_nothing_else() {
        let page = written(&sample::run(), "en");
        let hash = BASE64_STANDARD.encode(Sha256::digest(style(&page).as_bytes()));
        let policy =
            format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'");
        let (tags, _) = read(&page);
        let place = tags.iter().position(|(_, attributes)| {
            attributes.contains(&("http-equiv".to_owned(), "Content-Security-Policy".to_owned()))
        });
        let place = place.unwrap();
        assert_eq!(tags[place].1[1], ("content".to_owned(), policy));
        assert_eq!(page.matches("<style").count(), 1);
        assert!(page.find("Content-Security-Policy").unwrap() < page.find("<style").unwrap());
    }

    #[test]
    fn hostile_names_are_read_as_they_are() {
        for text in HOSTILE {
            let (_, shown) = read(&written(&run_of(text), "en"));
            let expected = text.replace('\0', "U+0000");
            assert_eq!(shown.matches(expected.as_str()).count(), PLACES, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_adds_a_tag_or_an_attribute(text in "(\\PC|[<>\"'&=/ !-]){0,24}") {
            let without_marks = |page: &str| {
                let (tags, _) = read(page);
                tags.into_iter().filter(|(name, _)| !name.ends_with("span")).collect::<Vec<_>>()
            };
            prop_assert_eq!(
                without_marks(&written(&run_of(&text), "en")),
                without_marks(&written(&run_of("x"), "en"))
            );
        }
    }

    #[test]
    fn what_is_not_seen_of_a_name_is_shown() {
        for c in [
            '\u{202e}',
            '\u{2066}',
            '\u{200f}',
            '\u{200b}',
            '\u{200d}',
            '\u{feff}',
            '\u{ad}',
            '\u{3164}',
            '\u{2028}',
            '\u{fe0f}',
            '\u{e0041}',
            '\0',
            '\u{1b}',
            '\u{85}',
        ] {
            let page = written(&run_of(&format!("Tab{c}let")), "en");
            let shown = format!("<bdi>Tab<span class=\"unseen\">U+{:04X}</span>let</bdi>", u32::from(c));
            assert!(page.contains(&shown) && !page.contains(c), "{c:?}");
            assert_eq!(page.matches(&shown).count(), PLACES, "{c:?}");
        }
        for name in ["Teléfono de José", "טאבלט 7", "平板 7", "two\nlines"] {
            let page = written(&run_of(name), "en");
            assert!(
                page.contains(&format!("<bdi>{name}</bdi>")) && !page.contains("class=\"unseen\""),
                "{name}"
            );
        }
    }

    #[test]
    fn the_page_tells_its_language() {
        assert!(written(&sample::run(), "es").contains("<html lang=\"es\">"));
        assert!(!written(&sample::run(), "\"><script>").contains("<script"));
    }

    #[test]
    fn the_page_has_the_run_its_counts_its_devices_and_room_to_sign() {
        let (tags, text) = read(&written(&sample::run(), "en"));
        for part in [
            "[field_tenant]Contoso (t-1)",
            "[col_account]ana@contoso.com",
            "[col_reason]INC-7",
            "[col_started]2026-11-24 10:03:02",
            "[report_finished][report_not_finished]",
            sample::RUN_ID,
            "[report_devices]7",
            "[count_waiting]1",
            "[count_failed]3",
            "[route_user Bo Berg]",
            "[fell_back]",
            "[col_name]: Phone 3 → Phone 4",
            "[col_serial]: S3 → [none]",
            "[report_pending_since 2026-11-24 09:00:00]",
            "[report_pending_by cy@contoso.com]",
            "[report_status]: 403",
            "[error_code]: Forbidden",
            "Not allowed, says \"Intune\".\nAsk.",
            "[device_said postponed]",
            "[report_gave_up]",
            "[report_reported_at 2026-11-24 10:05:00]",
            "[report_carried_out_by][report_date]",
            "[report_checked_by][report_date]",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(tags.iter().filter(|(name, _)| name == "tr").count(), 1 + sample::run().items.len());
    }

    #[test]
    fn the_page_has_the_fingerprint_if_there_is_one() {
        assert!(written(&sample::run(), "en").contains(&format!("<code>{}</code>", "ab".repeat(32))));
        let mut page = Vec::new();
        html(&sample::run(), &words, "en", &mut page, None).unwrap();
        assert!(!String::from_utf8(page).unwrap().contains("report_fingerprint"));
    }

    #[test]
    fn the_keys_are_those_that_are_asked_for() {
        let asked = RefCell::new(BTreeSet::new());
        let say = |key: &str| {
            asked.borrow_mut().insert(key.to_owned());
            words(key)
        };
        let mut run = sample::run();
        let differences = [Field::Id, Field::Name, Field::Serial, Field::User].map(|field| Difference {
            field,
            then: None,
            now: None,
        });
        run.items[0].standing.found = Some(Found::Differences(differences.to_vec()));
        let named = |name: &str| serde_json::Value::String(name.to_owned());
        let any = run.items[5].clone();
        for (state, _) in words::STATES {
            run.items.push(any.clone());
            run.items.last_mut().unwrap().standing.found = Some(Found::State((*state).to_owned()));
        }
        // By their names, as the journal has them.
        for name in words::tests::states("ItemReason") {
            let reason: ItemReason = serde_json::from_value(named(&name)).unwrap();
            run.items.push(any.clone());
            run.items.last_mut().unwrap().standing.reason = Some(reason);
        }
        for name in words::tests::states("ItemState") {
            run.items.push(any.clone());
            run.items.last_mut().unwrap().standing.state = serde_json::from_value(named(&name)).unwrap();
        }
        for name in words::tests::states("RunState") {
            let state: RunState = serde_json::from_value(named(&name)).unwrap();
            run.summary.state = state;
            html(&run, &say, "en", &mut Vec::new(), Some(ChainHash([0; 32]))).unwrap();
        }
        let keys: BTreeSet<String> = KEYS.iter().map(|key| (*key).to_owned()).collect();
        assert_eq!(keys.len(), KEYS.len(), "none twice");
        assert_eq!(asked.into_inner(), keys);
    }

    #[test]
    fn a_disk_that_is_full_is_told_of_even_if_only_the_last_byte_is_lost() {
        let mut whole = sample::Pieces::default();
        html(&sample::of(1_000), &words, "en", &mut whole, None).unwrap();
        for room in [100, whole.total / 2, whole.total - 1] {
            let error =
                html(&sample::of(1_000), &words, "en", &mut sample::Full::after(room), None).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{room}");
        }
        html(&sample::of(1_000), &words, "en", &mut sample::Full::after(whole.total), None).unwrap();
    }

    #[test]
    fn ten_thousand_devices_go_out_piece_by_piece() {
        let mut out = sample::Pieces::default();
        html(&sample::of(10_000), &words, "en", &mut out, None).unwrap();
        assert!(out.total > 1_000_000 && out.largest <= 64 * 1024, "{out:?}");
    }
}

//! What Microsoft Graph sends.

use std::collections::HashSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{DATE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;
use unlatch_graph::fuzzing;
use unlatch_graph::{ApiErrorKind, Found, User, UserId, folded};
use url::Url;

use crate::{first_line, head_and_body};

const NOW: OffsetDateTime = datetime!(2026-11-03 10:00:00 UTC);

/// `Retry-After` in the first line, `Date` in the second: a wait is never longer than a day nor shorter than was asked for.
pub fn retry_after(data: &[u8]) -> bool {
    let mut headers = HeaderMap::new();
    let mut lines = data.split(|byte| *byte == b'\n');
    for name in [RETRY_AFTER, DATE] {
        let value = lines.next().and_then(|line| HeaderValue::from_bytes(line).ok());
        headers.extend(value.map(|value| (name, value)));
    }
    let Some(wait) = fuzzing::retry_after(&headers, NOW) else { return false };
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    assert!(wait <= DAY);
    let text = headers.get(RETRY_AFTER).and_then(|text| text.to_str().ok()).unwrap_or_default().trim();
    if let Ok(seconds) = text.parse::<u64>() {
        assert_eq!(wait, Duration::from_secs(seconds).min(DAY), "{text}");
    } else if let Ok(seconds) = text.parse::<f64>() {
        let least = seconds.min(DAY.as_secs_f64());
        assert!(wait.as_secs_f64() > least - 1e-6 && wait.as_secs_f64() < least + 0.002, "{text}: {wait:?}");
    }
    true
}

/// A link to a next page: one that is followed stays at the host, and below the path, of the Graph that was configured.
pub fn next_link(data: &[u8]) -> bool {
    let Ok(link) = std::str::from_utf8(data) else { return false };
    let mut followed = false;
    for root in ["https://graph.microsoft.com/v1.0", "http://127.0.0.1:8080/v1.0/", "http://[::1]/"] {
        let root = Url::parse(root).expect("an address");
        if let Some(url) = fuzzing::next_link(&root, link) {
            assert_eq!(url.scheme(), root.scheme());
            assert_eq!((url.host(), url.port()), (root.host(), root.port()));
            let below = [root.path().trim_end_matches('/'), "/"].concat();
            assert!(
                url.path().starts_with(&below) && !url.path().split('/').any(|step| step == ".."),
                "{url}"
            );
            assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
            assert_eq!(
                Url::parse(url.as_str()).as_ref(),
                Ok(&url),
                "it is another address when it is read again"
            );
            assert_eq!(fuzzing::next_link(&root, url.as_str()), Some(url));
            followed = true;
        }
        // Whatever Graph writes into a token of its own is followed.
        let mut own = root.clone();
        if let Ok(mut path) = own.path_segments_mut() {
            path.pop_if_empty().push("users");
        }
        own.query_pairs_mut().append_pair("$skiptoken", link);
        assert_eq!(fuzzing::next_link(&root, own.as_str()).as_ref(), Some(&own));
    }
    followed
}

/// A `WWW-Authenticate` header in each line: what is taken as claims is a JSON object, and an honest challenge is taken whole.
pub fn challenge(data: &[u8]) -> bool {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(20) {
        headers.extend(HeaderValue::from_bytes(line).map(|value| (WWW_AUTHENTICATE, value)));
    }
    let honest =
        json!({"access_token": {"nbf": {"essential": true, "value": String::from_utf8_lossy(data)}}})
            .to_string();
    let asked =
        ["Bearer realm=\"\", error=\"insufficient_claims\", claims=\"", &STANDARD.encode(&honest), "\""]
            .concat();
    if let Ok(asked) = HeaderValue::from_str(&asked)
        && asked.len() < 16_000
    {
        let alone = HeaderMap::from_iter([(WWW_AUTHENTICATE, asked)]);
        assert_eq!(fuzzing::claims(&alone).as_ref(), Some(&honest));
    }
    let Some(claims) = fuzzing::claims(&headers) else { return false };
    assert!(claims.len() <= 16 * 1024);
    assert!(serde_json::from_str::<Value>(&claims).is_ok_and(|claims| claims.is_object()));
    true
}

/// An error answer: its status, its headers (`name: value`), an empty line, its body. What is kept of it can be shown.
pub fn error(data: &[u8]) -> bool {
    let (head, body) = head_and_body(data);
    let Some((status, head)) = first_line(head) else { return false };
    let Ok(status) = status.trim().parse::<u16>() else { return false };
    let headers: HeaderMap = head.split(|byte| *byte == b'\n').filter_map(header).collect();
    let error = fuzzing::api_error(status, &headers, body);
    assert_eq!(error.status, status);
    for text in [&error.code, &error.message] {
        assert!(text.chars().count() <= 2_000 && !text.contains(char::is_control), "{text:?}");
    }
    assert!(
        error
            .request_id
            .as_ref()
            .is_none_or(|id| !id.is_empty() && id.len() <= 200 && !id.contains(char::is_control))
    );
    assert!(!error.to_string().contains(char::is_control));
    // What is taken for Graph's tells the id that support asks for, and a success has it in its header.
    if fuzzing::is_graphs(status, &headers, body) == Some(true) {
        assert!(error.request_id.is_some(), "{status} without an id is taken for Graph's");
        assert!(!(200..300).contains(&status) || headers.contains_key("request-id"));
    }
    let may_be = match error.kind {
        ApiErrorKind::ClaimsChallenge => matches!(status, 401 | 403) && fuzzing::claims(&headers).is_some(),
        ApiErrorKind::RoleDenied | ApiErrorKind::MissingScope => matches!(status, 401 | 403),
        ApiErrorKind::Unauthenticated => status == 401,
        // Read as "nothing was executed": never where the service may have executed something.
        ApiErrorKind::RouteUnknown | ApiErrorKind::OutOfScopeTags | ApiErrorKind::NoLicence => {
            status < 500 || status == 501
        }
        ApiErrorKind::Throttled => status == 429,
        _ => true,
    };
    assert!(may_be, "{status} is {:?}", error.kind);
    !error.message.is_empty()
}

fn header(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let at = line.iter().position(|byte| *byte == b':')?;
    let name = HeaderName::from_bytes(&line[..at]).ok()?;
    Some((name, HeaderValue::from_bytes(line[at + 1..].trim_ascii()).ok()?))
}

/// A single device with what it reports: a passcode is given only for an action that is about one, and shows in nothing else.
pub fn device(data: &[u8]) -> bool {
    let read = fuzzing::device(data);
    let results = fuzzing::results(data);
    let passcodes = fuzzing::passcodes(data);
    assert_eq!(results.is_some(), passcodes.is_some());
    let (results, passcodes) = (results.unwrap_or_default(), passcodes.unwrap_or_default());
    let told: Vec<_> = results.iter().filter(|result| result.has_passcode).collect();
    assert_eq!(told, passcodes.iter().map(|(result, _)| result).collect::<Vec<_>>());
    for (result, passcode) in &passcodes {
        let action = result.action_name.to_ascii_lowercase();
        assert!(matches!(action.as_str(), "recoverpasscode" | "resetpasscode"), "{action}");
        assert!(!passcode.expose().trim().is_empty());
        assert_eq!(format!("{passcode:?}"), "Passcode(SecretBox<str>([REDACTED]))");
    }
    if let Some((device, facts)) = &read {
        assert!(!device.id.as_str().is_empty() && !matches!(device.id.as_str(), "." | ".."));
        for at in [device.last_sync, device.enrolled, facts.grace_until].into_iter().flatten() {
            assert!(at.year() > 1 && at.offset().is_utc(), "{at}");
        }
        assert!(
            facts.storage_bytes != Some(0)
                && (facts.storage_bytes.is_some() || facts.free_storage_bytes.is_none())
        );
    }
    read.is_some() && !results.is_empty()
}

/// A question in the first line (`people`, `apps` or `devices` and a text, or `user`, an id and a name), then pages with an
/// empty line between them: no row comes through that does not answer the question, none twice, none that is not in the pages.
pub fn page(data: &[u8]) -> bool {
    let Some((question, mut rest)) = first_line(data) else { return false };
    let (kind, text) = question.split_once(' ').unwrap_or((question, ""));
    let mut pages = Vec::new();
    while !rest.is_empty() && pages.len() < 8 {
        let (page, after) = head_and_body(rest);
        pages.push(page);
        rest = after;
    }
    let rows: Vec<Value> = pages.iter().filter_map(|page| rows(page)).flatten().collect();
    match kind {
        "people" => {
            let words = comparable(text);
            let is_asked = |row: &Value| {
                let fields =
                    ["displayName", "userPrincipalName", "mail"].map(|field| folded(told(row, field)));
                words.split(' ').all(|word| fields.iter().any(|field| field.contains(word)))
            };
            let found = fuzzing::people(text, &pages);
            holds(
                found,
                |row| row.id.as_str(),
                &rows,
                is_asked,
                &["displayName", "userPrincipalName", "mail"],
                text,
            )
        }
        "apps" => {
            let is_asked = |row: &Value| comparable(told(row, "displayName")).contains(&comparable(text));
            holds(fuzzing::apps(text, &pages), |row| row.id.as_str(), &rows, is_asked, &["displayName"], text)
        }
        "devices" => {
            let serial = |text: &str| comparable(text).replace(' ', "");
            let is_asked = |row: &Value| {
                comparable(told(row, "deviceName")).contains(&comparable(text))
                    || serial(told(row, "serialNumber")) == serial(text)
            };
            holds(
                fuzzing::devices(text, &pages),
                |row| row.id.as_str(),
                &rows,
                is_asked,
                &["deviceName"],
                text,
            )
        }
        "user" => {
            let (id, name) = text.split_once(' ').unwrap_or((text, ""));
            let Ok(user_id) = UserId::new(id) else { return false };
            let user = User {
                id: user_id,
                display_name: String::new(),
                user_principal_name: name.to_owned(),
                mail: None,
            };
            let is_asked = |row: &Value| {
                let (of_id, of_name) = (told(row, "userId"), told(row, "userPrincipalName"));
                comparable(of_id) == comparable(id)
                    || (!name.is_empty() && comparable(of_name) == comparable(name))
            };
            holds(fuzzing::devices_of(&user, &pages), |row| row.id.as_str(), &rows, is_asked, &[], text)
        }
        _ => false,
    }
}

/// What was found against what is in the pages: `is_asked` is the question as a person would put it.
fn holds<T>(
    found: Option<Found<T>>,
    id: impl Fn(&T) -> &str,
    rows: &[Value],
    is_asked: impl Fn(&Value) -> bool,
    fields: &[&str],
    text: &str,
) -> bool {
    let Some(found) = found else { return false };
    let mut ids = HashSet::new();
    for row in &found.rows {
        assert!(ids.insert(id(row).to_lowercase()), "{} comes twice", id(row));
        let is_there = rows.iter().any(|raw| told(raw, "id") == id(row) && is_asked(raw));
        assert!(is_there, "{} was not asked for", id(row));
    }
    assert!(found.rows.len() + found.left_out <= rows.len());
    // A row that plainly answers the question is not lost. Plain: nothing in it that is folded away.
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    for row in rows.iter().filter(|row| plain(text) && plain(told(row, "id")) && told(row, "id").len() < 36) {
        let says = |field: &&str| told(row, field).to_ascii_lowercase().contains(&text.to_ascii_lowercase());
        let is_lost = fields.iter().any(|field| told(row, field).is_ascii() && says(field))
            && !ids.contains(&told(row, "id").to_lowercase());
        assert!(!is_lost, "{row} is left out");
    }
    !found.rows.is_empty()
}

/// The rows of a page, whatever else is in it.
fn rows(page: &[u8]) -> Option<Vec<Value>> {
    #[derive(Deserialize)]
    struct Page {
        value: Vec<Value>,
    }
    Some(serde_json::from_slice::<Page>(page).ok()?.value)
}

fn told<'a>(row: &'a Value, field: &str) -> &'a str {
    row.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn comparable(text: &str) -> String {
    let spaced = text.replace(|c: char| c.is_control(), " ");
    folded(&spaced).split_whitespace().collect::<Vec<_>>().join(" ")
}

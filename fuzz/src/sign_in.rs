//! What Entra, a browser and a keychain give to a sign-in.

use std::cell::RefCell;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use time::OffsetDateTime;
use time::macros::datetime;
use unlatch_auth::EntraError;
use unlatch_auth::fuzzing::{self, Through};
use unlatch_graph::is_loopback;
use url::Url;

use crate::{first_line, head_and_body};

const NOW: OffsetDateTime = datetime!(2026-11-03 10:00:00 UTC);

/// An answer of the token endpoint: its status, its content type, an empty line, its body. No secret of it is in what is shown
/// of a failure, and the permission to send is there only if it was granted.
pub fn token_answer(data: &[u8]) -> bool {
    const CANARY: &str = "0.AXk-a-secret-that-is-shown-nowhere";
    let (head, body) = head_and_body(data);
    let Some((status, kind)) = first_line(head) else { return false };
    let Ok(status) =
        status.trim().parse().map_err(drop).and_then(|status| StatusCode::from_u16(status).map_err(drop))
    else {
        return false;
    };
    let mut answer = Response::new(body.to_vec());
    *answer.status_mut() = status;
    answer.headers_mut().extend(HeaderValue::from_bytes(kind).map(|kind| (CONTENT_TYPE, kind)));
    let asked = ["https://graph.microsoft.com/DeviceManagementManagedDevices.Read.All".to_owned()];
    let mut told: Value = serde_json::from_slice(body).unwrap_or_default();
    match fuzzing::token_answer(&answer, &asked) {
        Ok(issued) => {
            assert!(status.is_success() && !issued.access.expose().is_empty());
            let granted = told["scope"].as_str().unwrap_or_default().to_ascii_lowercase();
            assert!(!issued.privileged || granted.contains("privilegedoperations.all"), "{granted}");
            assert!(issued.secrets[0].as_ref().is_none_or(|refresh| !refresh.expose_secret().is_empty()));
            assert_eq!(format!("{:?}", issued.access), "AccessToken(SecretBox<str>([REDACTED]))");
            true
        }
        Err(refused) => {
            // The same answer with secrets that would be known again.
            for name in ["access_token", "refresh_token", "id_token", "claims"] {
                if let Some(secret) = told.get_mut(name).filter(|value| value.is_string()) {
                    *secret = CANARY.into();
                }
            }
            let answer = answer.map(|_| told.to_string().into_bytes());
            if let Err(refused) = fuzzing::token_answer(&answer, &asked) {
                assert!(!refused.shown.contains(CANARY), "{}", refused.shown);
            }
            refused.entra.as_deref().is_some_and(can_be_shown)
        }
    }
}

/// A refusal that came through the browser: error, subcode and description, a line each.
pub fn refusal(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let mut lines = text.splitn(3, '\n');
    let error = lines.next().unwrap_or_default();
    let refusal = fuzzing::refusal(error, lines.next(), lines.next());
    can_be_shown(&refusal) && !refusal.codes.is_empty()
}

fn can_be_shown(error: &EntraError) -> bool {
    let short = [
        Some(&error.error),
        error.suberror.as_ref(),
        error.correlation_id.as_ref(),
        error.timestamp.as_ref(),
    ];
    assert!(
        short
            .into_iter()
            .flatten()
            .all(|text| text.chars().count() <= 64 && !text.contains(char::is_control))
    );
    assert!(error.description.chars().count() <= 1_000 && !error.to_string().contains(char::is_control));
    true
}

/// An id token, or the JSON in one: an account is of a tenant and has a name, and only for the application and the sign-in
/// that asked.
pub fn id_token(data: &[u8]) -> bool {
    const CLIENT: &str = "11111111-2222-3333-4444-555555555555";
    const NONCE: &str = "a-nonce-of-this-sign-in";
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let token = if text.starts_with('{') {
        ["e30.", &URL_SAFE_NO_PAD.encode(text), ".c2ln"].concat()
    } else {
        text.to_owned()
    };
    let Ok(account) = fuzzing::identity(&token, CLIENT, Some(NONCE), NOW) else { return false };
    let payload = token.split('.').nth(1).unwrap_or_default().trim_end_matches('=');
    let told: Value = URL_SAFE_NO_PAD
        .decode(payload)
        .ok()
        .and_then(|json| serde_json::from_slice(&json).ok())
        .unwrap_or_default();
    assert_eq!(told["nonce"], NONCE);
    assert!(told["aud"].as_str().is_some_and(|aud| aud.eq_ignore_ascii_case(CLIENT)));
    assert!(told["exp"].as_i64().is_some_and(|end| end >= NOW.unix_timestamp() - 301));
    assert!(
        account.tenant_id.len() == 36
            && account.tenant_id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-'))
    );
    assert!(!account.username.is_empty() && !account.name.is_empty());
    for (client, nonce) in [("another", NONCE), (CLIENT, "another")] {
        assert!(fuzzing::identity(&token, client, Some(nonce), NOW).is_err());
    }
    true
}

/// A tenant's OpenID metadata, and the answer of the device authorization endpoint: every address is on the login host, and a
/// code can be typed on a safe page.
pub fn sign_in_document(data: &[u8]) -> bool {
    const TENANT: &str = "99999999-8888-7777-6666-555555555555";
    let login = Url::parse("https://login.microsoftonline.com").expect("an address");
    let metadata = fuzzing::metadata(data, &login, TENANT);
    if let Some((addresses, tenant)) = &metadata {
        assert!(addresses.iter().all(|address| address.origin() == login.origin()), "{addresses:?}");
        assert!(tenant.as_deref().is_none_or(|tenant| tenant == TENANT));
    }
    let code = fuzzing::device_code(data);
    if let Some(code) = &code {
        let page = &code.verification_uri;
        assert!(page.scheme() == "https" || (page.scheme() == "http" && is_loopback(page)), "{page}");
        assert!((1..=32).contains(&code.user_code.len()) && code.user_code.is_ascii());
        assert!(code.expires_in.as_secs() <= 30 * 60);
    }
    metadata.is_some() || code.is_some()
}

/// What a keychain holds: the key's entry in the first line, then one part a line (`a0=…`). What is read is whole or nothing, and
/// whatever is there, a secret that is kept replaces it.
pub fn kept_secret(data: &[u8]) -> bool {
    const KEY: &str = "global/tenant/client/account";
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut entries = vec![(KEY.to_owned(), lines.next().unwrap_or_default().to_vec())];
    for line in lines {
        let Some(at) = line.iter().position(|byte| *byte == b'=') else { continue };
        let name = String::from_utf8_lossy(&line[..at]);
        entries.push((format!("{KEY}#{name}"), line[at + 1..].to_vec()));
    }
    let after = SecretString::from(STANDARD.encode(data));
    let [before, replaced, deleted] = fuzzing::kept(&entries, KEY, &after);
    if let Some(before) = &before {
        let parts: Vec<u8> = entries[1..].iter().flat_map(|(_, part)| part.clone()).collect();
        assert!(before.expose_secret().len() <= parts.len());
        let _ = fuzzing::known_accounts(before.expose_secret());
    }
    // More than fits is refused, and what was there stays.
    let fits = after.expose_secret().len() <= 50_000;
    assert!(!fits || replaced.is_some_and(|replaced| replaced.expose_secret() == after.expose_secret()));
    assert!(deleted.is_none());
    let _ = fuzzing::known_accounts(&String::from_utf8_lossy(data));
    before.is_some()
}

/// What connections to the port of a sign-in say, with a line `----` between them: at most one is taken, it is a form that was
/// posted with the state of this sign-in, and nothing of it is told back.
pub fn redirect(data: &[u8]) -> bool {
    const PORT: u16 = 50_123;
    const STATE: &str = "state-of-this-sign-in";
    thread_local! {
        static RUNTIME: RefCell<tokio::runtime::Runtime> = RefCell::new(
            tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime"),
        );
    }
    let mut connections = between(data, b"\n----\n");
    connections.truncate(4);
    // All of it again: whatever was taken is not taken twice.
    let again = connections.clone();
    connections.extend(again);
    let heard = RUNTIME.with_borrow(|runtime| {
        runtime.block_on(fuzzing::redirect(PORT, STATE, "https://login.example/v2.0", &connections))
    });
    let mut taken = 0;
    for (said, (through, told)) in connections.iter().zip(&heard) {
        let told = told.strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(told);
        let closes = told.starts_with(b"HTTP/1.1 200") || told.starts_with(b"HTTP/1.0 200");
        assert_eq!(closes, through.is_some(), "{}", String::from_utf8_lossy(told));
        let Some(through) = through else { continue };
        taken += 1;
        let request = String::from_utf8_lossy(said);
        let request = request.trim_start_matches(['\r', '\n']);
        assert!(request.starts_with("POST "), "{request}");
        assert!(request.to_ascii_lowercase().contains(&format!("localhost:{PORT}")), "{request}");
        let told = String::from_utf8_lossy(told);
        assert!(told.contains("no-store") && !told.contains(STATE));
        match through {
            Through::Code(code) => {
                let code = code.expose_secret();
                assert!(!code.is_empty() && (!code.contains("AXk") || !told.contains(code)));
            }
            Through::Refusal(error) => assert!(can_be_shown(error)),
        }
    }
    assert!(taken <= 1);
    taken == 1
}

fn between<'a>(data: &'a [u8], mark: &[u8]) -> Vec<&'a [u8]> {
    let (mut found, mut rest) = (Vec::new(), data);
    while let Some(at) = rest.windows(mark.len()).position(|window| window == mark) {
        found.push(&rest[..at]);
        rest = &rest[at + mark.len()..];
    }
    found.push(rest);
    found
}

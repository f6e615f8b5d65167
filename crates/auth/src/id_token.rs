//! The claims of an id token. It came straight from the token endpoint over TLS, so its signature tells a public client
//! nothing more (Microsoft identity platform, ID tokens); what is cheap to check is checked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use subtle::ConstantTimeEq;
use time::{Duration, OffsetDateTime};

use crate::account::Account;
use crate::registration::guid;

/// The tenant that every personal Microsoft account is in (Microsoft identity platform, ID token claims, `tid`).
pub(crate) const PERSONAL_TENANT: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// How wrong a clock may be when the answer does not carry the server's.
const CLOCK_LEEWAY: Duration = Duration::minutes(5);

#[derive(Deserialize)]
struct Claims {
    aud: String,
    exp: i64,
    tid: String,
    oid: Option<String>,
    nonce: Option<String>,
    preferred_username: Option<String>,
    upn: Option<String>,
    email: Option<String>,
    name: Option<String>,
    login_hint: Option<String>,
}

/// Who an id token is about.
pub(crate) struct Identity {
    pub account: Account,
    /// What the sign-out page takes to know whom it is about (optional claim `login_hint`).
    pub logout_hint: Option<String>,
}

/// What an id token must say.
pub(crate) struct Expected<'a> {
    pub client_id: &'a str,
    /// The nonce of the sign-in; a refreshed id token has none.
    pub nonce: Option<&'a str>,
    pub now: OffsetDateTime,
}

/// Reads out of an id token whom it is about.
///
/// # Errors
/// What is wrong with it, in words without any of its contents.
pub(crate) fn identity(id_token: &str, expected: &Expected<'_>) -> Result<Identity, &'static str> {
    let mut parts = id_token.split('.');
    let (Some(_), Some(payload), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("the id token is not a signed token");
    };
    let payload = URL_SAFE_NO_PAD
        .decode(payload.trim_end_matches('='))
        .map_err(|_| "the id token is not in its usual encoding")?;
    let claims: Claims = serde_json::from_slice(&payload)
        .map_err(|_| "the id token lacks a claim that tells who signed in")?;
    if !claims.aud.eq_ignore_ascii_case(expected.client_id) {
        return Err("the id token is meant for another application");
    }
    if let Some(nonce) = expected.nonce {
        let told = claims.nonce.as_deref().unwrap_or_default();
        if !bool::from(told.as_bytes().ct_eq(nonce.as_bytes())) {
            return Err("the id token belongs to another sign-in");
        }
    }
    let expires =
        OffsetDateTime::from_unix_timestamp(claims.exp).map_err(|_| "the id token has no valid end")?;
    if expires.saturating_add(CLOCK_LEEWAY) < expected.now {
        return Err("the id token has expired");
    }
    let tenant_id = guid(&claims.tid).ok_or("the id token names no tenant")?;
    let personal = tenant_id == PERSONAL_TENANT;
    let object_id = claims
        .oid
        .filter(|id| !id.is_empty())
        .or_else(|| personal.then(String::new))
        .ok_or("the id token names no account")?;
    let username = [claims.preferred_username, claims.upn, claims.email]
        .into_iter()
        .flatten()
        .find(|text| !text.is_empty())
        .ok_or("the id token gives no user name")?;
    let name = claims.name.filter(|text| !text.is_empty()).unwrap_or_else(|| username.clone());
    let account = Account { tenant_id, object_id, username, name };
    Ok(Identity { account, logout_hint: claims.login_hint.filter(|hint| !hint.is_empty()) })
}

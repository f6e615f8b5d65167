//! What was issued: tokens, codes, and who they are for.

use std::collections::{BTreeSet, HashMap};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngExt;
use serde_json::json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::entra::CONSUMER_TENANT;
use crate::entra::consent::Consents;
use crate::entra::scopes::{self, Scopes};
use crate::tenant::Tenant;

/// The lengths Entra's own have (measured by others: 2,931 and 1,524 characters).
const ACCESS_LENGTH: usize = 2_931;
const REFRESH_LENGTH: usize = 1_524;
const CODE_LENGTH: usize = 1_040;

/// How long an access token lasts, in seconds.
pub(crate) const ACCESS_SECONDS: i64 = 3_599;

/// The accounts the sign-in page offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Account {
    /// May do everything.
    Admin,
    /// A work account without any Intune role.
    Plain,
    /// A personal Microsoft account, which lives in another tenant.
    Personal,
}

impl Account {
    pub(crate) const ALL: [Self; 3] = [Self::Admin, Self::Plain, Self::Personal];

    /// Its name in the sign-in form.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Plain => "plain",
            Self::Personal => "personal",
        }
    }

    pub(crate) fn of_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|account| account.key() == key)
    }

    pub(crate) fn upn(self) -> &'static str {
        match self {
            Self::Admin => "alma@contoso.example",
            Self::Plain => "noor@contoso.example",
            Self::Personal => "someone@outlook.example",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Admin => "Demo admin",
            Self::Plain => "Noor (no Intune role)",
            Self::Personal => "Someone (personal account)",
        }
    }

    pub(crate) fn object_id(self) -> &'static str {
        match self {
            Self::Admin => "6f1f8a0e-51b3-4a55-9d5c-0a1ad31f0001",
            Self::Plain => "6f1f8a0e-51b3-4a55-9d5c-0a1ad31f0002",
            Self::Personal => "00000000-0000-0000-66f3-3332eca7ea81",
        }
    }

    /// The value of the `login_hint` claim: opaque, good as `login_hint` and `logout_hint` (Entra documentation,
    /// optional claims).
    pub(crate) fn opaque_hint(self) -> String {
        format!("O.{}", URL_SAFE_NO_PAD.encode(self.object_id()))
    }

    /// The account that a hint names, by its principal name or the claim of its id token.
    pub(crate) fn hinted(hint: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|account| hint.eq_ignore_ascii_case(account.upn()) || hint == account.opaque_hint())
    }

    fn tenant_id(self, tenant: &Tenant) -> &str {
        if self == Self::Personal { CONSUMER_TENANT } else { &tenant.tenant_id }
    }
}

/// What stands behind an access token.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) account: Account,
    /// By their short names.
    pub(crate) scopes: BTreeSet<String>,
    /// The `claims` parameter it was obtained with.
    pub(crate) claims: Option<String>,
    /// Whether its client said that it understands claims challenges.
    pub(crate) challengeable: bool,
    pub(crate) expires: OffsetDateTime,
}

impl Access {
    /// One given past the sign-in. Whoever asks for it understands claims challenges.
    pub(crate) fn of_admin(scopes: BTreeSet<String>, now: OffsetDateTime) -> Self {
        let expires = now + Duration::seconds(ACCESS_SECONDS);
        Self { account: Account::Admin, scopes, claims: None, challengeable: true, expires }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Refresh {
    pub(crate) account: Account,
    pub(crate) scopes: Scopes,
    pub(crate) revoked: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) account: Account,
    pub(crate) scopes: Scopes,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: String,
    pub(crate) nonce: Option<String>,
    pub(crate) claims: Option<String>,
    pub(crate) issued: OffsetDateTime,
    pub(crate) redeemed: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct DeviceCode {
    pub(crate) user_code: String,
    pub(crate) scopes: Scopes,
    pub(crate) claims: Option<String>,
    pub(crate) issued: OffsetDateTime,
    pub(crate) polled: Option<OffsetDateTime>,
    pub(crate) decision: Decision,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Waiting,
    Approved(Account),
    Declined,
    Redeemed,
}

/// Everything ever issued.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) access: HashMap<String, Access>,
    pub(crate) refresh: HashMap<String, Refresh>,
    pub(crate) codes: HashMap<String, Code>,
    pub(crate) device_codes: HashMap<String, DeviceCode>,
    pub(crate) consents: Consents,
    issued: Vec<String>,
}

impl Ledger {
    pub(crate) fn issued(&self) -> Vec<String> {
        self.issued.clone()
    }

    /// Makes a secret and notes it.
    pub(crate) fn secret(&mut self, make: impl FnOnce() -> String) -> String {
        let secret = make();
        self.issued.push(secret.clone());
        secret
    }

    pub(crate) fn add_access(&mut self, access: Access) -> String {
        let token = self
            .secret(|| format!("eyJ0eXAiOiJKV1QiLCJub25jZSI6{}", opaque(ACCESS_LENGTH - 28, &[260, 2_300])));
        self.access.insert(token.clone(), access);
        token
    }

    /// Takes a token given from outside as the admin's.
    pub(crate) fn accept(&mut self, token: &str, now: OffsetDateTime) {
        self.issued.push(token.to_owned());
        let access = Access::of_admin(scopes::all(), now);
        self.access.insert(token.to_owned(), Access { expires: now + Duration::days(3_650), ..access });
    }

    pub(crate) fn add_refresh(&mut self, account: Account, scopes: Scopes) -> String {
        let token = self.secret(|| format!("1.AXoA{}", opaque(REFRESH_LENGTH - 6, &[60])));
        self.refresh.insert(token.clone(), Refresh { account, scopes, revoked: false });
        token
    }

    pub(crate) fn add_code(&mut self, code: Code) -> String {
        let text = self.secret(|| format!("1.AXoA{}", opaque(CODE_LENGTH - 6, &[60])));
        self.codes.insert(text.clone(), code);
        text
    }

    pub(crate) fn expire_access(&mut self) {
        for access in self.access.values_mut() {
            access.expires = OffsetDateTime::UNIX_EPOCH;
        }
    }

    pub(crate) fn revoke_refresh(&mut self) {
        for refresh in self.refresh.values_mut() {
            refresh.revoked = true;
        }
    }
}

/// Random base64url text of a length, with dots at some places.
fn opaque(length: usize, dots: &[usize]) -> String {
    let mut rng = rand::rng();
    let bytes: Vec<u8> = (0..length).map(|_| rng.random()).collect();
    let text = URL_SAFE_NO_PAD.encode(bytes);
    text.chars()
        .take(length)
        .enumerate()
        .map(|(place, letter)| if dots.contains(&place) { '.' } else { letter })
        .collect()
}

pub(crate) fn device_code() -> String {
    format!("DAQABAAEAAA{}", opaque(220, &[]))
}

/// The code a person types: nine capitals and digits, none that look alike.
pub(crate) fn user_code() -> String {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut rng = rand::rng();
    (0..9).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())])).collect()
}

/// An id token: a JWT whose claims are true and whose signature is noise, as a public client that gets it over
/// the token endpoint need not check it (OpenID Connect Core, 3.1.3.7).
pub(crate) fn id_token(
    tenant: &Tenant,
    account: Account,
    nonce: Option<&str>,
    now: OffsetDateTime,
) -> String {
    let home = account.tenant_id(tenant);
    let mut claims = json!({
        "aud": tenant.client_id,
        "iss": format!("{}/{home}/v2.0", tenant.login_url),
        "iat": now.unix_timestamp() - 300,
        "login_hint": account.opaque_hint(),
        "nbf": now.unix_timestamp() - 300,
        "exp": now.unix_timestamp() + 3_600,
        "name": account.name(),
        "oid": account.object_id(),
        "preferred_username": account.upn(),
        "rh": format!("1.AXoA{}", Uuid::new_v4().simple()),
        "sid": Uuid::new_v4(),
        "sub": format!("{}-{}", account.key(), tenant.client_id),
        "tid": home,
        "uti": Uuid::new_v4().simple().to_string(),
        "ver": "2.0",
    });
    if let Some(nonce) = nonce {
        claims["nonce"] = json!(nonce);
    }
    let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"RS256","kid":"demo-key-1"}"#);
    let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("{header}.{payload}.{}", opaque(342, &[]))
}

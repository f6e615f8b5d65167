//! The token endpoint: authorization code with PKCE, refresh with rotation, device code.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::Duration;

use crate::entra::errors::LoginError;
use crate::entra::scopes::Scopes;
use crate::entra::tokens::{ACCESS_SECONDS, Access, Account, Decision, id_token};
use crate::entra::{check_client, device_code};
use crate::exchange::{Form, Reply, Request};
use crate::tenant::{Tenant, lock};

pub(crate) fn token(tenant: &Tenant, request: &Request) -> Result<Reply, LoginError> {
    let form = request.form();
    check_client(tenant, form.get("client_id"))?;
    if form.get("client_secret").is_some() || form.get("client_assertion").is_some() {
        return Err(LoginError::new(
            "invalid_client",
            700_025,
            "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
        )
        .status(StatusCode::UNAUTHORIZED));
    }
    match form.get("grant_type") {
        None => Err(LoginError::missing("grant_type")),
        Some("authorization_code") => with_code(tenant, &form),
        Some("refresh_token") => with_refresh_token(tenant, &form),
        Some("urn:ietf:params:oauth:grant-type:device_code" | "device_code") => {
            with_device_code(tenant, &form)
        }
        Some(other) => Err(LoginError::new(
            "unsupported_grant_type",
            70_003,
            &format!("The app requested an unsupported grant type '{other}'."),
        )),
    }
}

/// What a grant turns into.
struct Grant {
    account: Account,
    scopes: Scopes,
    nonce: Option<String>,
    claims: Option<String>,
    challengeable: bool,
}

/// Whether a `claims` parameter says that the client understands claims challenges: the capability `cp1`, in any case
/// (Entra documentation, claims challenges and client capabilities).
fn declares_cp1(claims: Option<&str>) -> bool {
    let claims = claims.and_then(|claims| serde_json::from_str::<Value>(claims).ok()).unwrap_or_default();
    let values = claims.pointer("/access_token/xms_cc/values").and_then(Value::as_array);
    values.is_some_and(|values| {
        values.iter().filter_map(Value::as_str).any(|value| value.eq_ignore_ascii_case("cp1"))
    })
}

impl Grant {
    fn issue(self, tenant: &Tenant) -> Result<Reply, LoginError> {
        let now = tenant.clock.now();
        let mut ledger = lock(&tenant.ledger);
        if !ledger.consents.missing(self.account, &self.scopes).is_empty() {
            return Err(LoginError::no_consent(tenant, "invalid_grant"));
        }
        let consented = ledger.consents.of(self.account);
        let id_token = self
            .scopes
            .has("openid")
            .then(|| ledger.secret(|| id_token(tenant, self.account, self.nonce.as_deref(), now)));
        let refresh_token =
            self.scopes.has("offline_access").then(|| ledger.add_refresh(self.account, self.scopes.clone()));
        let echoed = self.scopes.echoed(&consented);
        let access = Access {
            account: self.account,
            scopes: consented,
            claims: self.claims,
            challengeable: self.challengeable,
            expires: now + Duration::seconds(ACCESS_SECONDS),
        };
        let mut value = json!({
            "token_type": "Bearer",
            "scope": echoed,
            "expires_in": ACCESS_SECONDS,
            "ext_expires_in": ACCESS_SECONDS,
            "access_token": ledger.add_access(access),
        });
        if let Some(token) = refresh_token {
            value["refresh_token"] = json!(token);
        }
        if let Some(token) = id_token {
            value["id_token"] = json!(token);
        }
        Ok(Reply::json(StatusCode::OK, &value)
            .with("cache-control", "no-store, no-cache")
            .with("pragma", "no-cache"))
    }
}

fn with_code(tenant: &Tenant, form: &Form) -> Result<Reply, LoginError> {
    let text = form.get("code").ok_or_else(|| LoginError::missing("code"))?;
    let verifier = form.get("code_verifier").ok_or_else(|| LoginError::missing("code_verifier"))?;
    let redirect_uri = form.get("redirect_uri").ok_or_else(|| LoginError::missing("redirect_uri"))?;
    let asked = form.get("scope").map(|scope| Scopes::parse(tenant, scope)).transpose()?;
    let now = tenant.clock.now();
    let code = {
        let mut ledger = lock(&tenant.ledger);
        let Some(code) = ledger.codes.get_mut(text) else {
            return Err(LoginError::new(
                "invalid_grant",
                70_000,
                "The provided value for the input parameter 'code' is not valid.",
            ));
        };
        if code.redeemed {
            return Err(LoginError::new(
                "invalid_grant",
                54_005,
                "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.",
            ));
        }
        code.redeemed = true;
        code.clone()
    };
    if now - code.issued > Duration::minutes(10) {
        return Err(LoginError::new(
            "invalid_grant",
            70_008,
            "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.",
        ));
    }
    if redirect_uri != code.redirect_uri {
        return Err(LoginError::new(
            "invalid_client",
            500_112,
            &format!(
                "The reply address '{redirect_uri}' does not match the reply address '{}' provided when requesting Authorization code.",
                code.redirect_uri
            ),
        ));
    }
    let length = verifier.len();
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    if !(43..=128).contains(&length) || challenge != code.challenge {
        return Err(LoginError::new(
            "invalid_grant",
            501_481,
            "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
        ));
    }
    let challengeable = declares_cp1(form.get("claims")) || declares_cp1(code.claims.as_deref());
    let claims = form.get("claims").map(str::to_owned).or(code.claims);
    let scopes = asked.map(|asked| asked.after(&code.scopes)).unwrap_or(code.scopes);
    Grant { account: code.account, scopes, nonce: code.nonce, claims, challengeable }.issue(tenant)
}

fn with_refresh_token(tenant: &Tenant, form: &Form) -> Result<Reply, LoginError> {
    let text = form.get("refresh_token").ok_or_else(|| LoginError::missing("refresh_token"))?;
    let asked = form.get("scope").map(|scope| Scopes::parse(tenant, scope)).transpose()?;
    let refresh = lock(&tenant.ledger).refresh.get(text).cloned();
    let refresh = refresh.ok_or_else(|| {
        LoginError::new("invalid_grant", 9_002_313, "Invalid request. Request is malformed or invalid.")
            .suberror("bad_token")
    })?;
    if refresh.revoked {
        return Err(LoginError::new(
            "invalid_grant",
            50_173,
            "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.",
        )
        .suberror("bad_token"));
    }
    let scopes = asked.unwrap_or(refresh.scopes);
    let claims = form.get("claims").map(str::to_owned);
    let challengeable = declares_cp1(claims.as_deref());
    Grant { account: refresh.account, scopes, nonce: None, claims, challengeable }.issue(tenant)
}

fn with_device_code(tenant: &Tenant, form: &Form) -> Result<Reply, LoginError> {
    // Microsoft's own client sends the code twice, under both names.
    let text = form.get("device_code").or_else(|| form.get("code"));
    let text = text.ok_or_else(|| LoginError::missing("device_code"))?;
    let now = tenant.clock.now();
    let mut ledger = lock(&tenant.ledger);
    let Some(code) = ledger.device_codes.get_mut(text) else {
        return Err(LoginError::new(
            "bad_verification_code",
            70_018,
            "Invalid verification code. The verification code is invalid or was mistyped.",
        ));
    };
    if now - code.issued > Duration::seconds(device_code::LIFETIME_SECONDS) {
        return Err(LoginError::new(
            "expired_token",
            70_019,
            "Verification code expired. Have the user retry the sign-in.",
        ));
    }
    let polled = code.polled.replace(now);
    match code.decision {
        Decision::Approved(account) => {
            code.decision = Decision::Redeemed;
            let (scopes, claims) = (code.scopes.clone(), code.claims.clone());
            drop(ledger);
            let challengeable = declares_cp1(form.get("claims")) || declares_cp1(claims.as_deref());
            Grant { account, scopes, nonce: None, claims, challengeable }.issue(tenant)
        }
        Decision::Declined => Err(LoginError::new(
            "authorization_declined",
            70_020,
            "The end user denied the authorization request.",
        )),
        Decision::Redeemed => Err(LoginError::new("invalid_grant", 90_120, "The code was already used.")),
        Decision::Waiting => {
            let interval = tenant.options.pace.device_code_interval;
            if polled.is_some_and(|polled| now - polled < interval) {
                return Err(LoginError::new("slow_down", 70_016, "The client polls too fast."));
            }
            Err(LoginError::new(
                "authorization_pending",
                70_016,
                "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
            ))
        }
    }
}

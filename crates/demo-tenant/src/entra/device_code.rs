//! The device code flow: the endpoint that starts it and the page where a person approves it.

use http::{Method, StatusCode};
use serde_json::json;

use crate::entra::check_client;
use crate::entra::errors::LoginError;
use crate::entra::pages;
use crate::entra::scopes::Scopes;
use crate::entra::tokens::{Account, Decision, DeviceCode, device_code, user_code};
use crate::exchange::{Reply, Request};
use crate::tenant::{Tenant, lock};

/// Fifteen minutes (Entra documentation, device authorization grant).
pub(crate) const LIFETIME_SECONDS: i64 = 900;

pub(crate) fn start(tenant: &Tenant, request: &Request) -> Result<Reply, LoginError> {
    let form = request.form();
    check_client(tenant, form.get("client_id"))?;
    let scope = form.get("scope").ok_or_else(|| LoginError::missing("scope"))?;
    let code = DeviceCode {
        user_code: user_code(),
        scopes: Scopes::parse(tenant, scope)?,
        claims: form.get("claims").map(str::to_owned),
        issued: tenant.clock.now(),
        polled: None,
        decision: Decision::Waiting,
    };
    let verification_uri = format!("{}/device", tenant.login_url);
    let mut ledger = lock(&tenant.ledger);
    let secret = ledger.secret(device_code);
    let value = json!({
        "user_code": code.user_code,
        "device_code": secret,
        "verification_uri": verification_uri,
        "expires_in": LIFETIME_SECONDS,
        "interval": tenant.options.pace.device_code_interval.as_secs(),
        "message": format!(
            "To sign in, use a web browser to open the page {verification_uri} and enter the code {} to authenticate.",
            code.user_code
        ),
    });
    ledger.device_codes.insert(secret, code);
    Ok(Reply::json(StatusCode::OK, &value).with("cache-control", "no-store, no-cache"))
}

/// Settles a flow by the code a person was shown; false when no flow waits under it.
pub(crate) fn decide(tenant: &Tenant, user_code: &str, decision: Decision) -> bool {
    let user_code = user_code.trim().to_ascii_uppercase();
    let mut ledger = lock(&tenant.ledger);
    let waiting = ledger
        .device_codes
        .values_mut()
        .find(|code| code.user_code == user_code && code.decision == Decision::Waiting);
    match waiting {
        Some(code) => {
            code.decision = decision;
            true
        }
        None => false,
    }
}

pub(crate) fn page(tenant: &Tenant, request: &Request) -> Reply {
    if request.method != Method::POST {
        return pages::device_code_form(tenant.login_url.as_str(), None);
    }
    let form = request.form();
    let code = form.get("user_code").unwrap_or_default();
    let decision = match form.get("account") {
        Some("decline") => Some(Decision::Declined),
        Some(key) => Account::of_key(key).map(Decision::Approved),
        None => None,
    };
    match decision {
        Some(decision) if decide(tenant, code, decision) => pages::device_code_done(),
        _ => pages::device_code_form(
            tenant.login_url.as_str(),
            Some("That code did not work. Check it and try again."),
        ),
    }
}

//! The device code flow: the endpoint that starts it and the page where a person approves it.

use http::{Method, StatusCode};
use serde_json::json;

use crate::entra::check_client;
use crate::entra::consent::{self, Answer, Gate};
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

/// What became of a decision about a flow.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decided {
    Done,
    /// No flow waits under that code.
    Unknown,
    /// The account may not consent to what is asked for; the flow waits on.
    NeedsAdmin,
}

/// Settles a flow by the code a person was shown. Who approves consents to what is asked for, too.
pub(crate) fn decide(tenant: &Tenant, user_code: &str, decision: Decision) -> Decided {
    let user_code = user_code.trim().to_ascii_uppercase();
    let waits = |code: &&mut DeviceCode| code.user_code == user_code && code.decision == Decision::Waiting;
    let scopes = lock(&tenant.ledger).device_codes.values_mut().find(waits).map(|code| code.scopes.clone());
    let Some(scopes) = scopes else { return Decided::Unknown };
    if let Decision::Approved(account) = decision {
        match consent::gate(tenant, account, &scopes, None, Some(Answer::Accept)) {
            Ok(Gate::Open) => {}
            Ok(Gate::Ask(_) | Gate::NeedsAdmin) | Err(_) => return Decided::NeedsAdmin,
        }
    }
    match lock(&tenant.ledger).device_codes.values_mut().find(waits) {
        Some(code) => {
            code.decision = decision;
            Decided::Done
        }
        None => Decided::Unknown,
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
    let problem = match decision.map(|decision| decide(tenant, code, decision)) {
        Some(Decided::Done) => return pages::device_code_done(),
        Some(Decided::NeedsAdmin) => pages::ADMIN_NEEDED,
        Some(Decided::Unknown) | None => "That code did not work. Check it and try again.",
    };
    pages::device_code_form(tenant.login_url.as_str(), Some(problem))
}

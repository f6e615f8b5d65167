//! What drives a tenant from outside the process: requests seen, faults, the directory, the ground truth, what
//! becomes of a device, and what the app has been consented to.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::exchange::{Reply, Request};
use crate::faults::Fault;
use crate::options::Consent;
use crate::tenant::{Tenant, lock};

/// The body of `recover-elsewhere`.
#[derive(Deserialize)]
struct OnDevice {
    device_id: String,
}

/// The body of `settle-with-passcode`.
#[derive(Deserialize)]
struct WithPasscode {
    device_id: String,
    passcode: String,
}

/// The body of `change-device`; what is not there stays as it is.
#[derive(Deserialize)]
struct Changed {
    device_id: String,
    name: Option<String>,
    serial: Option<String>,
    /// By object id or principal name.
    user: Option<String>,
}

/// The body of `grant` and `revoke`.
#[derive(Deserialize)]
struct OfScope {
    scope: String,
}

/// The body of `consent`.
#[derive(Deserialize)]
struct Consented {
    consent: Consent,
}

pub(crate) fn answer(tenant: &Tenant, request: &Request, rest: &[String]) -> Reply {
    let [what] = rest else {
        return Reply::empty(StatusCode::NOT_FOUND);
    };
    match (&request.method, what.as_str()) {
        (&Method::GET, "requests") => lines(&lock(&tenant.log).all()),
        (&Method::DELETE, "requests") => {
            lock(&tenant.log).clear();
            Reply::empty(StatusCode::NO_CONTENT)
        }
        (&Method::GET, "executed") => lines(&lock(&tenant.store).executed),
        (&Method::GET, "faults") => Reply::json(StatusCode::OK, &json!(lock(&tenant.faults).all())),
        (&Method::DELETE, "faults") => {
            lock(&tenant.faults).clear();
            Reply::empty(StatusCode::NO_CONTENT)
        }
        (&Method::POST, "faults") => told(request, |fault: Fault| {
            lock(&tenant.faults).add(fault, tenant.clock.now());
            true
        }),
        (&Method::POST, "recover-elsewhere") => told(request, |on: OnDevice| {
            lock(&tenant.store).begin_elsewhere(&on.device_id, tenant.clock.now())
        }),
        (&Method::POST, "settle-with-passcode") => told(request, |with: WithPasscode| {
            lock(&tenant.store).settle_with_passcode(&with.device_id, &with.passcode, tenant.clock.now())
        }),
        (&Method::POST, "change-device") => told(request, |to: Changed| change(tenant, to)),
        (&Method::GET, "consent") => {
            Reply::json(StatusCode::OK, &json!(lock(&tenant.ledger).consents.of_organization()))
        }
        (&Method::POST, "consent") => told(request, |to: Consented| {
            lock(&tenant.ledger).consents.set(to.consent);
            true
        }),
        (&Method::POST, "grant") => {
            told(request, |of: OfScope| lock(&tenant.ledger).consents.grant(&of.scope))
        }
        (&Method::POST, "revoke") => {
            told(request, |of: OfScope| lock(&tenant.ledger).consents.revoke(&of.scope))
        }
        (&Method::GET, "directory") => {
            Reply::json(StatusCode::OK, &json!(lock(&tenant.store).snapshot(tenant.clock.now())))
        }
        _ => Reply::empty(StatusCode::NOT_FOUND),
    }
}

fn change(tenant: &Tenant, to: Changed) -> bool {
    let mut store = lock(&tenant.store);
    let given = to.user.as_deref().is_none_or(|user| store.give(&to.device_id, Some(user)));
    given
        && store.change(&to.device_id, |device| {
            device.name = to.name.unwrap_or(std::mem::take(&mut device.name));
            device.serial = to.serial.or(device.serial.take());
        })
}

/// Does what the body asks for; 404 when there is nothing to do it to.
fn told<T: DeserializeOwned>(request: &Request, act: impl FnOnce(T) -> bool) -> Reply {
    match serde_json::from_slice(&request.body).map(act) {
        Ok(true) => Reply::empty(StatusCode::NO_CONTENT),
        Ok(false) => Reply::empty(StatusCode::NOT_FOUND),
        Err(error) => Reply::json(StatusCode::BAD_REQUEST, &json!({ "error": error.to_string() })),
    }
}

fn lines<T: serde::Serialize>(items: &[T]) -> Reply {
    let mut text = Vec::new();
    for item in items {
        if serde_json::to_writer(&mut text, item).is_ok() {
            text.push(b'\n');
        }
    }
    Reply::empty(StatusCode::OK).with("content-type", "application/x-ndjson").body(text)
}

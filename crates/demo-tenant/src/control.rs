//! What drives a tenant from outside the process: requests seen, faults, the directory, the ground truth.

use http::{Method, StatusCode};
use serde_json::json;

use crate::exchange::{Reply, Request};
use crate::faults::Fault;
use crate::tenant::{Tenant, lock};

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
        (&Method::POST, "faults") => match serde_json::from_slice::<Fault>(&request.body) {
            Ok(fault) => {
                lock(&tenant.faults).add(fault, tenant.clock.now());
                Reply::empty(StatusCode::NO_CONTENT)
            }
            Err(error) => Reply::json(StatusCode::BAD_REQUEST, &json!({ "error": error.to_string() })),
        },
        (&Method::GET, "directory") => {
            Reply::json(StatusCode::OK, &json!(lock(&tenant.store).snapshot(tenant.clock.now())))
        }
        _ => Reply::empty(StatusCode::NOT_FOUND),
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

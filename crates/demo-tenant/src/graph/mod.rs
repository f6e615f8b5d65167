//! The Microsoft Graph v1.0 part, below `/graph/v1.0`.

mod actions;
mod apps;
mod collection;
mod devices;
mod errors;
mod filter;
mod search;
mod throttle;
mod users;

use http::{Method, StatusCode};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::data::Route;
use crate::entra::{Access, Account};
use crate::exchange::{Reply, Request};
use crate::faults::{self, FaultKind, Struck};
use crate::graph::errors::Refusal;
use crate::tenant::{Tenant, lock};

pub(crate) use collection::page_number;
pub(crate) use throttle::Throttle;

/// What every answer to one request refers to.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request,
    pub(crate) struck: &'a Struck,
    pub(crate) request_id: String,
    pub(crate) client_request_id: String,
    pub(crate) now: OffsetDateTime,
}

/// The scopes that let one read managed devices and detected apps.
const READ_DEVICES: [&str; 2] =
    ["DeviceManagementManagedDevices.ReadWrite.All", "DeviceManagementManagedDevices.Read.All"];

/// The scope of recoverPasscode and its siblings.
const PRIVILEGED: [&str; 1] = ["DeviceManagementManagedDevices.PrivilegedOperations.All"];

const READ_USERS: [&str; 3] = ["User.ReadBasic.All", "User.Read.All", "Directory.Read.All"];

pub(crate) fn answer(tenant: &Tenant, request: &Request, rest: &[String], struck: &Struck) -> Reply {
    let request_id = Uuid::new_v4().to_string();
    let client_request_id =
        request.header("client-request-id").map_or_else(|| request_id.clone(), str::to_owned);
    let call = Call { request, struck, request_id, client_request_id, now: tenant.clock.now() };
    let parts: Vec<&str> = rest.iter().map(String::as_str).collect();
    if let Some(FaultKind::Intermediary { status, body, executed, retry_after }) =
        struck.instead.as_ref().map(|instead| &instead.kind)
    {
        if *executed {
            // Whatever the real answer is, the client will not hear it.
            let _ = admitted(tenant, &call, &parts);
        }
        return faults::between(*status, *body, *retry_after, call.now);
    }
    let reply = handle(tenant, &call, &parts).unwrap_or_else(|refusal| refusal.reply(tenant, &call));
    let diagnostic = json!({ "ServerInfo": {
        "DataCenter": "West Europe", "Slice": "E", "Ring": "5", "ScaleUnit": "007", "RoleInstance": "DEMO00000001",
    }});
    reply
        .with("request-id", &call.request_id)
        .with("client-request-id", &call.client_request_id)
        .with("x-ms-ags-diagnostic", diagnostic.to_string())
        .with("cache-control", "no-store")
}

fn handle(tenant: &Tenant, call: &Call<'_>, parts: &[&str]) -> Result<Reply, Refusal> {
    if let Some(instead) = &call.struck.instead {
        if matches!(instead.kind, FaultKind::Status { executed: true, .. }) {
            // Whatever the real answer is, the client will not hear it.
            let _ = admitted(tenant, call, parts);
        }
        // Only who declared that it understands a challenge gets one (Entra documentation, claims challenges and client
        // capabilities).
        let challengeable = || tenant.access(call.request).is_some_and(|access| access.challengeable);
        if matches!(instead.kind, FaultKind::ClaimsChallenge) && !challengeable() {
            return Err(Refusal::Token("Access token has expired or is not yet valid."));
        }
        return Err(Refusal::Fault(Box::new(instead.kind.clone()), instead.claims.clone()));
    }
    admitted(tenant, call, parts)
}

fn admitted(tenant: &Tenant, call: &Call<'_>, parts: &[&str]) -> Result<Reply, Refusal> {
    if call.request.bearer().is_none_or(str::is_empty) {
        return Err(Refusal::Token("Access token is empty."));
    }
    let access = tenant
        .access(call.request)
        .ok_or(Refusal::Token("Lifetime validation failed, the token is expired."))?;
    let pace = &tenant.options.pace;
    if pace.throttling {
        lock(&tenant.throttle)
            .admit(&call.request.method, pace.writes)
            .map_err(|wait| Refusal::TooMany(throttle::retry_after(pace.retry_after, &wait)))?;
    }
    route(tenant, call, &access, parts)
}

fn route(tenant: &Tenant, call: &Call<'_>, access: &Access, parts: &[&str]) -> Result<Reply, Refusal> {
    match (&call.request.method, parts) {
        (&Method::GET, ["me"]) => {
            directory_scope(access, &["User.Read", "User.ReadBasic.All", "User.Read.All"])?;
            users::me(tenant, call, access.account)
        }
        (&Method::GET, ["organization"]) => {
            directory_scope(access, &["User.Read", "Organization.Read.All", "Directory.Read.All"])?;
            Ok(users::organization(tenant))
        }
        (&Method::GET, ["users"]) => {
            directory_scope(access, &READ_USERS)?;
            users::list(tenant, call)
        }
        (&Method::GET, ["users", user]) => {
            directory_scope(access, &READ_USERS)?;
            users::one(tenant, call, user)
        }
        (&Method::GET, ["users", user, "managedDevices"]) => {
            device_scope(access, &READ_DEVICES)?;
            devices::of_user(tenant, call, user)
        }
        (&Method::GET, ["deviceManagement", "managedDevices"]) => {
            device_scope(access, &READ_DEVICES)?;
            devices::list(tenant, call)
        }
        (&Method::GET, ["deviceManagement", "managedDeviceOverview"]) => {
            device_scope(access, &READ_DEVICES)?;
            Ok(devices::overview(tenant))
        }
        (&Method::GET, ["deviceManagement", "managedDevices", id]) => {
            device_scope(access, &READ_DEVICES)?;
            devices::one(tenant, call, id)
        }
        (&Method::GET, ["deviceManagement", "detectedApps"]) => {
            device_scope(access, &READ_DEVICES)?;
            apps::list(tenant, call)
        }
        (&Method::GET, ["deviceManagement", "detectedApps", app]) => {
            device_scope(access, &READ_DEVICES)?;
            apps::one(tenant, call, app)
        }
        (&Method::GET, ["deviceManagement", "detectedApps", app, "managedDevices"]) => {
            device_scope(access, &READ_DEVICES)?;
            apps::devices(tenant, call, app)
        }
        (&Method::POST, ["users", user, "managedDevices", device, "recoverPasscode"]) => {
            device_scope(access, &PRIVILEGED)?;
            actions::recover(tenant, call, Route::User, Some(user), device)
        }
        (&Method::POST, ["deviceManagement", "managedDevices", device, "recoverPasscode"]) => {
            device_scope(access, &PRIVILEGED)?;
            actions::recover(tenant, call, Route::Direct, None, device)
        }
        (
            &Method::POST,
            ["deviceManagement", "detectedApps", app, "managedDevices", device, "recoverPasscode"],
        ) => {
            device_scope(access, &PRIVILEGED)?;
            actions::recover(tenant, call, Route::DetectedApp, Some(app), device)
        }
        (_, ["users" | "deviceManagement", ..]) => Err(Refusal::NoRoute),
        _ => Err(Refusal::NoSegment(parts.first().map_or_else(String::new, |part| (*part).to_owned()))),
    }
}

/// Directory calls: a missing scope is `Authorization_RequestDenied`.
fn directory_scope(access: &Access, any_of: &[&str]) -> Result<(), Refusal> {
    if any_of.iter().any(|scope| access.scopes.contains(*scope)) { Ok(()) } else { Err(Refusal::Directory) }
}

/// Device calls: first the scope, then the account's Intune role.
fn device_scope(access: &Access, any_of: &'static [&'static str]) -> Result<(), Refusal> {
    if !any_of.iter().any(|scope| access.scopes.contains(*scope)) {
        return Err(Refusal::Scope(any_of));
    }
    match access.account {
        Account::Admin => Ok(()),
        Account::Plain | Account::Personal => Err(Refusal::Role),
    }
}

/// A 200 with Graph's JSON.
fn ok(value: &serde_json::Value) -> Reply {
    Reply::graph(StatusCode::OK, value)
}

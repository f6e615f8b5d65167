//! The Entra ID part: OpenID metadata, authorize, token, device code and logout, below `/login/{tenant}`.

mod admin_consent;
mod answer_form;
mod authorize;
mod consent;
mod device_code;
mod errors;
mod pages;
mod scopes;
mod token;
mod tokens;

use http::{Method, StatusCode};
use serde_json::json;

use crate::entra::tokens::Decision;
use crate::exchange::{Reply, Request};
use crate::faults::{self, FaultKind, Struck};
use crate::tenant::{Tenant, lock};

pub use answer_form::{AnswerForm, ConsentForm};
pub(crate) use authorize::sign_in_form;
pub(crate) use consent::Answer;
pub(crate) use errors::LoginError;
pub(crate) use tokens::{Access, Account, Ledger};

/// The tenant that personal Microsoft accounts live in (Entra documentation, id token claims, `tid`).
pub(crate) const CONSUMER_TENANT: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

pub(crate) fn issue_admin_token(tenant: &Tenant) -> String {
    let access = Access::of_admin(scopes::all(), tenant.clock.now());
    lock(&tenant.ledger).add_access(access)
}

pub(crate) fn issue_token_with_scopes(tenant: &Tenant, scopes: &[&str]) -> String {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let access = Access::of_admin(scopes, tenant.clock.now());
    lock(&tenant.ledger).add_access(access)
}

pub(crate) fn decide_device_code(tenant: &Tenant, user_code: &str, approved: bool) -> bool {
    let decision = if approved { Decision::Approved(Account::Admin) } else { Decision::Declined };
    device_code::decide(tenant, user_code, decision) == device_code::Decided::Done
}

pub(crate) fn answer(tenant: &Tenant, request: &Request, segments: &[String], struck: &Struck) -> Reply {
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    if let ["device"] = parts.as_slice() {
        return device_code::page(tenant, request);
    }
    let [authority, rest @ ..] = parts.as_slice() else {
        return Reply::empty(StatusCode::NOT_FOUND);
    };
    let login_error = struck.instead.as_ref().and_then(|instead| LoginError::of_fault(&instead.kind));
    let known = check_authority(tenant, authority);
    match (&request.method, rest) {
        (&Method::GET, ["v2.0", ".well-known", "openid-configuration"]) => match known {
            Ok(()) => metadata(tenant, authority),
            Err(error) => error.json(tenant),
        },
        (&Method::GET, ["discovery", "v2.0", "keys"]) => Reply::json(StatusCode::OK, &json!({ "keys": [] })),
        (&Method::GET | &Method::POST, ["oauth2", "v2.0", "authorize"]) => {
            authorize::authorize(tenant, request, authority, known, login_error)
        }
        (&Method::POST, ["oauth2", "v2.0", "token"]) => known
            .and(login_error.map_or(Ok(()), Err))
            .and_then(|()| token::token(tenant, request))
            .into_reply(tenant),
        (&Method::POST, ["oauth2", "v2.0", "devicecode"]) => known
            .and(login_error.map_or(Ok(()), Err))
            .and_then(|()| device_code::start(tenant, request))
            .into_reply(tenant),
        (&Method::GET | &Method::POST, ["v2.0", "adminconsent"]) => {
            admin_consent::answer(tenant, request, authority, known)
        }
        (&Method::GET | &Method::POST, ["oauth2", "v2.0", "logout"]) => logout(request),
        (_, ["oauth2", "v2.0", "token" | "devicecode"]) => LoginError::new(
            "invalid_request",
            900_561,
            "The endpoint only accepts POST requests. Received a GET request.",
        )
        .json(tenant),
        _ => Reply::empty(StatusCode::NOT_FOUND),
    }
}

/// Ends the browser's sign-in and goes on to where the app asked, if that is an address of its own (Entra
/// documentation, OpenID Connect, send a sign-out request).
fn logout(request: &Request) -> Reply {
    let fields = request.fields();
    match fields.get("post_logout_redirect_uri").filter(|address| authorize::registered(address)) {
        Some(address) => authorize::redirect(address, fields.get("state").map(|state| ("state", state))),
        None => pages::signed_out(),
    }
}

/// The answer to a fault that is no error of Entra's own.
pub(crate) fn fault(tenant: &Tenant, kind: &FaultKind) -> Reply {
    match kind {
        FaultKind::Intermediary { status, body, retry_after, .. } => {
            faults::between(*status, *body, *retry_after, tenant.clock.now())
        }
        FaultKind::MalformedJson => {
            Reply::json(StatusCode::OK, &json!(null)).body(r#"{"token_type":"Bearer","sco"#)
        }
        FaultKind::TooManyRequests { retry_after } => {
            let reply =
                LoginError::new("temporarily_unavailable", 50_196, "The server is busy.").json(tenant);
            let reply = Reply { status: StatusCode::TOO_MANY_REQUESTS, ..reply };
            match retry_after.header(tenant.clock.now()) {
                Some(value) => reply.with("retry-after", value),
                None => reply,
            }
        }
        FaultKind::Status { status, retry_after, .. } => {
            let reply = LoginError::new(
                "temporarily_unavailable",
                90_033,
                "A transient error has occurred. Please try again.",
            )
            .json(tenant);
            let reply = Reply {
                status: StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                ..reply
            };
            match retry_after.and_then(|after| after.header(tenant.clock.now())) {
                Some(value) => reply.with("retry-after", value),
                None => reply,
            }
        }
        FaultKind::NotFound404 | FaultKind::MissingRoute => Reply::empty(StatusCode::NOT_FOUND),
        _ => LoginError::new("server_error", 90_033, "A transient error has occurred. Please try again.")
            .json(tenant),
    }
}

trait IntoReply {
    fn into_reply(self, tenant: &Tenant) -> Reply;
}

impl IntoReply for Result<Reply, LoginError> {
    fn into_reply(self, tenant: &Tenant) -> Reply {
        self.unwrap_or_else(|error| error.json(tenant))
    }
}

/// Only this tenant's id and domain, and `organizations`, lead anywhere.
fn check_authority(tenant: &Tenant, authority: &str) -> Result<(), LoginError> {
    let authority = authority.to_ascii_lowercase();
    if authority == tenant.tenant_id || authority == crate::generate::DOMAIN || authority == "organizations" {
        return Ok(());
    }
    if authority == "common" {
        return Err(LoginError::new(
            "invalid_request",
            50_194,
            &format!(
                "Application '{}'(Unlatch) is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such apps created after '10/15/2018'. Use a tenant-specific endpoint or configure the application to be multi-tenant.",
                tenant.client_id
            ),
        ));
    }
    Err(LoginError::new(
        "invalid_request",
        90_002,
        &format!(
            "Tenant '{authority}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."
        ),
    ))
}

fn check_client(tenant: &Tenant, client_id: Option<&str>) -> Result<(), LoginError> {
    match client_id {
        None => Err(LoginError::missing("client_id")),
        Some(given) if given.eq_ignore_ascii_case(&tenant.client_id) => Ok(()),
        Some(given) => Err(LoginError::new(
            "unauthorized_client",
            700_016,
            &format!(
                "Application with identifier '{given}' was not found in the directory 'Contoso (demo)'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."
            ),
        )),
    }
}

fn metadata(tenant: &Tenant, authority: &str) -> Reply {
    let base = format!("{}/{authority}", tenant.login_url);
    let issuer =
        if authority.eq_ignore_ascii_case("organizations") { "{tenantid}" } else { &tenant.tenant_id };
    let value = json!({
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic", "self_signed_tls_client_auth"],
        "jwks_uri": format!("{base}/discovery/v2.0/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": format!("{}/{issuer}/v2.0", tenant.login_url),
        "request_uri_parameter_supported": false,
        "userinfo_endpoint": format!("{}/oidc/userinfo", tenant.graph_url),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
        "http_logout_supported": true,
        "frontchannel_logout_supported": true,
        "end_session_endpoint": format!("{base}/oauth2/v2.0/logout"),
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "name", "tid", "oid", "ver", "login_hint"],
        "tenant_region_scope": "EU",
        "cloud_instance_name": "demo.invalid",
        "msgraph_host": tenant.graph_url.authority(),
    });
    Reply::json(StatusCode::OK, &value)
}

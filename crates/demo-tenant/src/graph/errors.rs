//! Graph's error bodies, and Intune's, which pack JSON into the message.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::zoneless;
use crate::exchange::Reply;
use crate::faults::FaultKind;
use crate::graph::Call;
use crate::tenant::Tenant;

/// Why a call is refused.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// 400 with a code and a text.
    Bad(&'static str, String),
    /// 400, Intune has no such route.
    NoRoute,
    /// 400, Graph has no such segment.
    NoSegment(String),
    /// 401, the token is missing, unknown or expired.
    Token(&'static str),
    /// 403, a directory scope is missing.
    Directory,
    /// 403, one of these device scopes is missing.
    Scope(&'static [&'static str]),
    /// 403, the account's role does not allow it.
    Role,
    /// 404 of the directory, about this id.
    NoUser(String),
    /// 404 of Intune.
    NoDevice,
    /// 429 with this `Retry-After`.
    TooMany(Option<String>),
    /// What a fault says, with the claims of a challenge.
    Fault(Box<FaultKind>, String),
}

impl Refusal {
    pub(crate) fn reply(self, tenant: &Tenant, call: &Call<'_>) -> Reply {
        let refusal = Body { tenant, call };
        match self {
            Self::Bad(code, message) => refusal.graph(StatusCode::BAD_REQUEST, code, &message),
            Self::NoRoute => refusal.no_route(),
            Self::NoSegment(segment) => refusal.graph(
                StatusCode::BAD_REQUEST,
                "BadRequest",
                &format!("Resource not found for the segment '{segment}'."),
            ),
            Self::Token(message) => refusal.token(message),
            Self::Directory => refusal.graph(
                StatusCode::FORBIDDEN,
                "Authorization_RequestDenied",
                "Insufficient privileges to complete the operation.",
            ),
            Self::Scope(scopes) => refusal.scope(scopes),
            Self::Role => refusal.role(),
            Self::NoUser(id) => refusal.graph(
                StatusCode::NOT_FOUND,
                "Request_ResourceNotFound",
                &format!("Resource '{id}' does not exist or one of its queried reference-property objects are not present."),
            ),
            Self::NoDevice => refusal.not_found(),
            Self::TooMany(retry_after) => refusal.too_many(retry_after),
            Self::Fault(kind, claims) => refusal.fault(&kind, &claims),
        }
    }
}

struct Body<'a> {
    tenant: &'a Tenant,
    call: &'a Call<'a>,
}

impl Body<'_> {
    /// `{"error":{"code","message","innerError"}}` (Graph documentation, error responses).
    fn graph(&self, status: StatusCode, code: &str, message: &str) -> Reply {
        let value = json!({ "error": { "code": code, "message": message, "innerError": {
            "date": zoneless(self.call.now),
            "request-id": self.call.request_id,
            "client-request-id": self.call.client_request_id,
        }}});
        Reply::graph(status, &value)
    }

    /// Intune's form: the message is JSON of its own, whose own text ends in identifiers for support.
    fn intune(&self, status: StatusCode, code: &str, text: &str) -> Reply {
        self.graph(status, code, &self.packed(text).to_string())
    }

    fn packed(&self, text: &str) -> Value {
        let path = self.call.request.path.trim_start_matches("/graph/v1.0/");
        let message = format!(
            "{text} - Operation ID (for customer support): {} - Activity ID: {} - Url: https://fef.demo01.manage.microsoft.example/DeviceFE/StatelessDeviceFEService/{path}?api-version=2025-10-01",
            Uuid::nil(),
            self.call.request_id
        );
        json!({
            "_version": 3,
            "Message": message,
            "CustomApiErrorPhrase": "",
            "RetryAfter": null,
            "ErrorSourceService": "",
            "HttpHeaders": "{}",
        })
    }

    fn no_route(&self) -> Reply {
        let path = self.call.request.path.trim_start_matches("/graph/v1.0/");
        let text = format!(
            "No OData route exists that match template ~/singleton/navigation/key with http verb {} for request /DeviceFE/StatelessDeviceFEService/{path}.",
            self.call.request.method
        );
        self.intune(StatusCode::BAD_REQUEST, "No method match route template", &text)
    }

    fn authenticate(&self) -> String {
        format!(
            "Bearer realm=\"\", authorization_uri=\"{}/common/oauth2/authorize\", client_id=\"00000003-0000-0000-c000-000000000000\"",
            self.tenant.login_url
        )
    }

    fn token(&self, message: &str) -> Reply {
        self.graph(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message)
            .with("www-authenticate", self.authenticate())
    }

    fn scope(&self, scopes: &[&str]) -> Reply {
        let text = format!(
            "Application is not authorized to perform this operation. Application must have one of the following scopes: {}",
            scopes.join(", ")
        );
        self.intune(StatusCode::FORBIDDEN, "Forbidden", &text)
    }

    fn role(&self) -> Reply {
        self.intune(StatusCode::FORBIDDEN, "Forbidden", "User is not authorized to perform this operation")
    }

    /// The same refusal as a 401, packed twice, as seen by users of device actions.
    fn role_as_401(&self) -> Reply {
        let realm = format!("Bearer realm=\"urn:intune:service,{},{}\"", Uuid::new_v4(), Uuid::new_v4());
        let mut inner = self.packed("User is not authorized to perform this operation");
        inner["HttpHeaders"] = json!(json!({ "WWW-Authenticate": realm }).to_string());
        let message = json!({
            "ErrorCode": "Forbidden",
            "Message": inner.to_string(),
            "Target": null,
            "Details": null,
            "InnerError": null,
            "InstanceAnnotations": [],
        });
        self.graph(StatusCode::UNAUTHORIZED, "UnknownError", &message.to_string())
    }

    fn not_found(&self) -> Reply {
        self.intune(StatusCode::NOT_FOUND, "ResourceNotFound", "The requested resource does not exist.")
    }

    /// As seen by others on a single device (`microsoft/Intune-PowerShell-SDK#119`).
    fn out_of_scope_tags(&self) -> Reply {
        let text = "Resource does not contain a tag allowed by the current role.";
        self.intune(StatusCode::NOT_FOUND, "ResourceNotFound", text)
    }

    /// As seen by others in tenants without Intune (`microsoftgraph/msgraph-beta-sdk-go#198`). Graph says it itself, so
    /// nothing is packed.
    fn no_licence(&self) -> Reply {
        self.graph(StatusCode::BAD_REQUEST, "BadRequest", "Request not applicable to target tenant.")
    }

    /// The documented body of a throttled call (Graph documentation, throttling guidance).
    fn too_many(&self, retry_after: Option<String>) -> Reply {
        let value = json!({ "error": {
            "code": "TooManyRequests",
            "message": "Please retry again later.",
            "innerError": {
                "code": "429",
                "date": zoneless(self.call.now),
                "message": "Please retry after",
                "request-id": self.call.request_id,
                "client-request-id": self.call.client_request_id,
                "status": "429",
            },
        }});
        with_retry_after(Reply::graph(StatusCode::TOO_MANY_REQUESTS, &value), retry_after)
    }

    fn unavailable(&self, status: u16, retry_after: Option<String>) -> Reply {
        let known = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let reply = match status {
            503 => self.intune(
                known,
                "CancelledOnServiceTimeout",
                "The operation was cancelled because the service did not answer in time (ScenarioTimeout=15000ms)",
            ),
            504 => self.graph(known, "UnknownError", "Gateway Timeout"),
            _ => self.intune(known, "InternalError", "An internal server error has occurred"),
        };
        with_retry_after(reply, retry_after)
    }

    fn challenge(&self, claims: &str) -> Reply {
        let claims = STANDARD.encode(claims);
        let message = "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp";
        self.graph(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message)
            .with("www-authenticate", "PoP realm=\"\", nonce=\"demo\"")
            .with(
                "www-authenticate",
                format!(
                    "Bearer realm=\"\", error=\"insufficient_claims\", authorization_uri=\"{}/common/oauth2/authorize\", error_description=\"Continuous access evaluation resulted in challenge\", claims=\"{claims}\"",
                    self.tenant.login_url
                ),
            )
            .with("www-authenticate", "Negotiate")
    }

    fn fault(&self, kind: &FaultKind, claims: &str) -> Reply {
        match kind {
            FaultKind::TooManyRequests { retry_after } => self.too_many(retry_after.header(self.call.now)),
            FaultKind::Status { status, retry_after, .. } => {
                self.unavailable(*status, retry_after.and_then(|after| after.header(self.call.now)))
            }
            FaultKind::PageFails { .. } => self.unavailable(504, None),
            FaultKind::ExpiredToken => self.token("Lifetime validation failed, the token is expired."),
            FaultKind::ClaimsChallenge => self.challenge(claims),
            FaultKind::RoleDenied403 => self.role(),
            FaultKind::RoleDenied401 => self.role_as_401(),
            FaultKind::MissingScope403 => {
                self.scope(&["DeviceManagementManagedDevices.PrivilegedOperations.All"])
            }
            FaultKind::MissingRoute => self.no_route(),
            FaultKind::NotFound404 => self.not_found(),
            FaultKind::OutOfScopeTags404 => self.out_of_scope_tags(),
            FaultKind::NoLicence400 => self.no_licence(),
            FaultKind::MalformedJson => Reply::graph(StatusCode::OK, &Value::Null)
                .body(r#"{"@odata.context":"broken","value":[{"id":"#),
            FaultKind::LoginError { .. }
            | FaultKind::Intermediary { .. }
            | FaultKind::ResetBefore
            | FaultKind::ResetAfter
            | FaultKind::Slow { .. }
            | FaultKind::IgnoreFilter
            | FaultKind::ForeignNextLink
            | FaultKind::BadNextLink => self.unavailable(500, None),
        }
    }
}

fn with_retry_after(reply: Reply, retry_after: Option<String>) -> Reply {
    match retry_after {
        Some(value) => reply.with("retry-after", value),
        None => reply,
    }
}

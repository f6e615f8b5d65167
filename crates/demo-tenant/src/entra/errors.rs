//! Entra's errors: OAuth's code, the AADSTS number, and the identifiers support asks for.

use http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use crate::clock::entra_time;
use crate::exchange::Reply;
use crate::faults::FaultKind;
use crate::tenant::Tenant;

#[derive(Debug)]
pub(crate) struct LoginError {
    pub(crate) error: String,
    pub(crate) code: u32,
    text: String,
    suberror: Option<String>,
    claims: Option<String>,
    status: StatusCode,
}

impl LoginError {
    pub(crate) fn new(error: &str, code: u32, text: &str) -> Self {
        Self {
            error: error.to_owned(),
            code,
            text: text.to_owned(),
            suberror: None,
            claims: None,
            status: StatusCode::BAD_REQUEST,
        }
    }

    pub(crate) fn suberror(mut self, suberror: &str) -> Self {
        self.suberror = Some(suberror.to_owned());
        self
    }

    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn missing(parameter: &str) -> Self {
        let text = format!("The request body must contain the following parameter: '{parameter}'.");
        Self::new("invalid_request", 900_144, &text)
    }

    /// AADSTS65001, as seen in the answers to refreshes (`O365/python-o365#323`) and told for `prompt=none` (Entra
    /// documentation, authorization code flow, error codes for authorization endpoint errors).
    pub(crate) fn no_consent(tenant: &Tenant, error: &str) -> Self {
        let text = format!(
            "The user or administrator has not consented to use the application with ID '{}' named 'Unlatch'. Send an interactive authorization request for this user and resource.",
            tenant.client_id
        );
        Self::new(error, 65_001, &text).suberror("consent_required")
    }

    pub(crate) fn declined() -> Self {
        Self::new("access_denied", 65_004, "User declined to consent to access the app.")
    }

    pub(crate) fn of_fault(kind: &FaultKind) -> Option<Self> {
        let FaultKind::LoginError { error, code, suberror, description, status, claims } = kind else {
            return None;
        };
        Some(Self {
            error: error.clone(),
            code: *code,
            text: description.clone().unwrap_or_else(|| usual_text(*code).to_owned()),
            suberror: suberror.clone(),
            claims: claims.clone(),
            status: status
                .and_then(|status| StatusCode::from_u16(status).ok())
                .unwrap_or(StatusCode::BAD_REQUEST),
        })
    }

    /// `AADSTS50011: … Trace ID: … Correlation ID: … Timestamp: …` in one text.
    pub(crate) fn description(&self, tenant: &Tenant) -> String {
        self.described(tenant, Uuid::new_v4(), Uuid::new_v4())
    }

    fn described(&self, tenant: &Tenant, trace: Uuid, correlation: Uuid) -> String {
        let now = entra_time(tenant.clock.now());
        format!(
            "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {now}",
            self.code, self.text
        )
    }

    /// The fields that go back to the app through the browser. There, giving up is told as `error_subcode`.
    pub(crate) fn fields(&self, tenant: &Tenant) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("error", self.error.clone()),
            ("error_description", self.description(tenant)),
            ("error_uri", self.uri(tenant)),
        ];
        match self.suberror.as_deref() {
            Some("cancel") => fields.push(("error_subcode", "cancel".to_owned())),
            Some(suberror) => fields.push(("suberror", suberror.to_owned())),
            None => {}
        }
        fields
    }

    fn uri(&self, tenant: &Tenant) -> String {
        format!("{}/error?code={}", tenant.login_url, self.code)
    }

    /// The JSON body of the token and device code endpoints (Entra documentation, error response).
    pub(crate) fn json(&self, tenant: &Tenant) -> Reply {
        let (trace, correlation) = (Uuid::new_v4(), Uuid::new_v4());
        let mut value = json!({
            "error": self.error,
            "error_description": self.described(tenant, trace, correlation),
            "error_codes": [self.code],
            "timestamp": entra_time(tenant.clock.now()),
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": self.uri(tenant),
        });
        if let Some(suberror) = &self.suberror {
            value["suberror"] = json!(suberror);
        }
        if let Some(claims) = &self.claims {
            value["claims"] = json!(claims);
        }
        Reply::json(self.status, &value)
            .with("cache-control", "no-store, no-cache")
            .with("pragma", "no-cache")
    }
}

/// Microsoft's words for the numbers a fault is likely to name (Entra documentation, AADSTS error codes).
fn usual_text(code: u32) -> &'static str {
    match code {
        50_076 => {
            "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access the resource."
        }
        50_173 => "The provided grant has expired due to it being revoked, a fresh auth token is needed.",
        53_003 => {
            "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."
        }
        65_001 => "The user or administrator has not consented to use the application.",
        65_004 => "User declined to consent to access the app.",
        70_008 | 700_082 => "The refresh token has expired due to inactivity.",
        70_043 => {
            "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access."
        }
        90_033 => "A transient error has occurred. Please try again.",
        90_094 => "Admin consent is required for the permissions requested by this application.",
        7_000_218 => {
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
        }
        _ => "The request could not be completed.",
    }
}

//! A tenant's OpenID metadata: where its endpoints are, and its id when only a domain is known.

use http::header::ACCEPT;
use oauth2::HttpRequest;
use serde::Deserialize;
use url::Url;

use crate::entra_error::EntraError;
use crate::registration::{Registration, guid};
use crate::sign_in::SignInError;
use crate::wire::{Failure, Wire, busy};

/// A tenant's endpoints, all of them on the login host that was configured.
#[derive(Debug, Clone)]
pub(crate) struct Metadata {
    /// Who answers for the tenant, as it writes itself.
    pub issuer: String,
    pub authorization_endpoint: Url,
    pub token_endpoint: Url,
    /// Where a sign-in with a code begins, if that is offered.
    pub device_authorization_endpoint: Option<Url>,
    /// Where the browser's sign-in ends, if that is offered.
    pub end_session_endpoint: Option<Url>,
    /// The GUID that the issuer names, where it names one.
    pub tenant_id: Option<String>,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    device_authorization_endpoint: Option<Url>,
    end_session_endpoint: Option<Url>,
}

impl Metadata {
    /// Reads the metadata of a registration's tenant.
    pub(crate) async fn of_tenant(wire: &Wire, registration: &Registration) -> Result<Self, SignInError> {
        let found = Self::fetch(wire, &registration.cloud.login_url, &registration.tenant).await;
        found.map_err(|failure| match failure {
            // Nothing but the tenant was named in the request, so nothing else can have been refused.
            Failure::Refused(error) => SignInError::UnknownTenant(error),
            failure => failure.into(),
        })
    }

    /// Reads `{login}/{tenant}/v2.0/.well-known/openid-configuration` (Microsoft identity platform, OpenID Connect).
    pub(crate) async fn fetch(wire: &Wire, login_url: &Url, tenant: &str) -> Result<Self, Failure> {
        let mut url = login_url.clone();
        url.path_segments_mut()
            .map_err(|()| Failure::BadAnswer("the login address has no path".into()))?
            .pop_if_empty()
            .extend([tenant, "v2.0", ".well-known", "openid-configuration"]);
        let request = HttpRequest::new(Vec::new());
        let (mut parts, body) = request.into_parts();
        parts.uri =
            url.as_str().parse().map_err(|_| Failure::BadAnswer("the login address is not usable".into()))?;
        parts.headers.insert(ACCEPT, http::HeaderValue::from_static("application/json"));
        let answer = wire.send(HttpRequest::from_parts(parts, body)).await?;
        if let Some(failure) = busy(&answer) {
            return Err(failure);
        }
        if !answer.status().is_success() {
            return Err(EntraError::from_body(answer.body()).map_or_else(
                || {
                    Failure::BadAnswer(format!(
                        "the tenant's OpenID metadata answered {}",
                        answer.status().as_u16()
                    ))
                },
                |error| Failure::Refused(Box::new(error)),
            ));
        }
        Self::read(answer.body(), login_url, tenant)
    }

    /// Takes a tenant's metadata if every address in it is on the login host, and names no other tenant.
    pub(crate) fn read(body: &[u8], login_url: &Url, tenant: &str) -> Result<Self, Failure> {
        let document: Document = serde_json::from_slice(body)
            .map_err(|_| Failure::BadAnswer("the tenant's OpenID metadata cannot be read".into()))?;
        let endpoints = [Some(&document.authorization_endpoint), Some(&document.token_endpoint)];
        let offered =
            [document.device_authorization_endpoint.as_ref(), document.end_session_endpoint.as_ref()];
        for endpoint in endpoints.into_iter().chain(offered).flatten() {
            if endpoint.origin() != login_url.origin() {
                return Err(Failure::OtherHost(endpoint.host_str().unwrap_or_default().to_owned()));
            }
        }
        let tenant_id = issuer_tenant(&document.issuer);
        if let (Some(asked), Some(found)) = (guid(tenant), &tenant_id)
            && asked != *found
        {
            return Err(Failure::BadAnswer("the tenant's OpenID metadata names another tenant".into()));
        }
        Ok(Self {
            issuer: document.issuer,
            authorization_endpoint: document.authorization_endpoint,
            token_endpoint: document.token_endpoint,
            device_authorization_endpoint: document.device_authorization_endpoint,
            end_session_endpoint: document.end_session_endpoint,
            tenant_id,
        })
    }
}

/// The GUID in an issuer such as `https://login.microsoftonline.com/{tenant id}/v2.0`.
fn issuer_tenant(issuer: &str) -> Option<String> {
    Url::parse(issuer).ok()?.path_segments()?.find_map(guid)
}

//! Requests to the token endpoint: a code for tokens, a refresh token for newer ones.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use oauth2::basic::{BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, Client, ClientId, EndpointNotSet, EndpointSet, ExtraTokenFields,
    PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, Scope, StandardRevocableToken,
    StandardTokenResponse, TokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use unlatch_graph::AccessToken;

use crate::entra_error::ErrorAnswer;
use crate::metadata::Metadata;
use crate::registration::Registration;
use crate::wire::{Exchange, Failure, Wire};

/// The id token beside the fields every OAuth answer has. Its contents show in no Debug.
#[derive(Deserialize, Serialize)]
pub(crate) struct IdTokenField {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

impl fmt::Debug for IdTokenField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdTokenField")
    }
}

impl ExtraTokenFields for IdTokenField {}

type Answer = StandardTokenResponse<IdTokenField, BasicTokenType>;

/// `oauth2`'s client with Entra's own error answer and the id token.
pub(crate) type EntraClient = Client<
    ErrorAnswer,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// What the token endpoint issued.
pub(crate) struct Issued {
    pub access: AccessToken,
    /// How long the access token is good for, from now.
    pub lifetime: Duration,
    pub refresh: Option<SecretString>,
    pub id_token: Option<SecretString>,
    /// The server's clock, where it told.
    pub served_at: Option<OffsetDateTime>,
}

/// The client of a registration, with a tenant's endpoints.
pub(crate) fn client(registration: &Registration, metadata: &Metadata) -> EntraClient {
    Client::new(ClientId::new(registration.client_id.clone()))
        .set_auth_type(AuthType::RequestBody)
        .set_auth_uri(AuthUrl::from_url(metadata.authorization_endpoint.clone()))
        .set_token_uri(TokenUrl::from_url(metadata.token_endpoint.clone()))
}

/// Exchanges an authorization code.
pub(crate) async fn exchange_code(
    wire: &Wire,
    client: &EntraClient,
    code: &SecretString,
    verifier: PkceCodeVerifier,
    redirect: &RedirectUrl,
    scopes: &[String],
) -> Result<Issued, Failure> {
    let exchange = Exchange::new(wire);
    let answer = client
        .exchange_code(AuthorizationCode::new(code.expose_secret().to_owned()))
        .set_pkce_verifier(verifier)
        .set_redirect_uri(Cow::Borrowed(redirect))
        .add_extra_param("scope", scopes.join(" "))
        .request_async(&exchange)
        .await
        .map_err(failure)?;
    issued(answer, &exchange)
}

/// Exchanges a refresh token. `claims` is what a challenge asked for, as JSON.
pub(crate) async fn refresh(
    wire: &Wire,
    client: &EntraClient,
    token: &SecretString,
    scopes: &[String],
    claims: Option<&str>,
) -> Result<Issued, Failure> {
    let exchange = Exchange::new(wire);
    let token = RefreshToken::new(token.expose_secret().to_owned());
    let mut request =
        client.exchange_refresh_token(&token).add_scopes(scopes.iter().cloned().map(Scope::new));
    if let Some(claims) = claims {
        request = request.add_extra_param("claims", claims.to_owned());
    }
    let answer = request.request_async(&exchange).await.map_err(failure)?;
    issued(answer, &exchange)
}

fn issued(answer: Answer, exchange: &Exchange<'_>) -> Result<Issued, Failure> {
    if !matches!(answer.token_type(), BasicTokenType::Bearer) {
        return Err(Failure::BadAnswer("the token endpoint issued a token that is not a bearer".into()));
    }
    if answer.access_token().secret().is_empty() {
        return Err(Failure::BadAnswer("the token endpoint issued an empty token".into()));
    }
    Ok(Issued {
        access: AccessToken::new(answer.access_token().secret().clone().into()),
        lifetime: answer.expires_in().unwrap_or(Duration::from_secs(3_600)),
        refresh: answer
            .refresh_token()
            .filter(|token| !token.secret().is_empty())
            .map(|token| token.secret().clone().into()),
        id_token: answer.extra_fields().id_token.clone().map(SecretString::from),
        served_at: exchange.served_at(),
    })
}

/// `RequestTokenError::Parse` holds the whole answer, tokens and all, and its message may quote values: neither is passed on.
fn failure(error: RequestTokenError<Failure, ErrorAnswer>) -> Failure {
    match error {
        RequestTokenError::ServerResponse(answer) => Failure::Refused(Box::new(answer.into())),
        RequestTokenError::Request(failure) => failure,
        RequestTokenError::Parse(error, _) => {
            let kind = match error.inner().classify() {
                serde_json::error::Category::Data => "lacks a field or has one of the wrong kind",
                _ => "is not JSON",
            };
            Failure::BadAnswer(format!("the token endpoint's answer {kind}"))
        }
        RequestTokenError::Other(_) => {
            Failure::BadAnswer("the token endpoint's answer is empty or not declared as JSON".into())
        }
    }
}

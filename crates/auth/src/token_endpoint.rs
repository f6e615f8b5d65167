//! Requests to the token endpoint: a code for tokens, a refresh token for newer ones.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use oauth2::basic::{BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType};
use oauth2::{
    AsyncHttpClient as _, AuthType, AuthUrl, AuthorizationCode, Client, ClientId, EndpointNotSet,
    EndpointSet, ExtraTokenFields, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, Scope,
    StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use unlatch_graph::AccessToken;
use url::Url;

use crate::cloud::PRIVILEGED_SCOPE;
use crate::entra_error::{EntraError, ErrorAnswer};
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

pub(crate) type Answer = StandardTokenResponse<IdTokenField, BasicTokenType>;

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
    /// Whether the access token may send the action.
    pub privileged: bool,
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

/// Exchanges an authorization code. `claims` are those the code was asked for with.
pub(crate) async fn exchange_code(
    wire: &Wire,
    client: &EntraClient,
    code: &SecretString,
    verifier: PkceCodeVerifier,
    redirect: &RedirectUrl,
    scopes: &[String],
    claims: &str,
) -> Result<Issued, Failure> {
    let exchange = Exchange::new(wire);
    let answer = client
        .exchange_code(AuthorizationCode::new(code.expose_secret().to_owned()))
        .set_pkce_verifier(verifier)
        .set_redirect_uri(Cow::Borrowed(redirect))
        .add_extra_param("scope", scopes.join(" "))
        .add_extra_param("claims", claims.to_owned())
        .request_async(&exchange)
        .await
        .map_err(failure)?;
    issued(answer, exchange.served_at(), scopes)
}

/// Exchanges a refresh token.
pub(crate) async fn refresh(
    wire: &Wire,
    client: &EntraClient,
    token: &SecretString,
    scopes: &[String],
    claims: &str,
) -> Result<Issued, Failure> {
    let exchange = Exchange::new(wire);
    let token = RefreshToken::new(token.expose_secret().to_owned());
    let request = client
        .exchange_refresh_token(&token)
        .add_scopes(scopes.iter().cloned().map(Scope::new))
        .add_extra_param("claims", claims.to_owned());
    let answer = request.request_async(&exchange).await.map_err(failure)?;
    issued(answer, exchange.served_at(), scopes)
}

/// Asks the token endpoint with a form of another grant than `oauth2` makes with Entra's errors kept whole.
pub(crate) async fn ask(
    wire: &Wire,
    endpoint: &Url,
    form: &[(&str, &str)],
    scopes: &[String],
) -> Result<Issued, Failure> {
    let (answer, served_at) = post(wire, endpoint, form).await?;
    issued(answer, served_at, scopes)
}

/// Posts a form and reads the JSON of the answer, and the server's clock where it told.
pub(crate) async fn post<T: DeserializeOwned>(
    wire: &Wire,
    endpoint: &Url,
    form: &[(&str, &str)],
) -> Result<(T, Option<OffsetDateTime>), Failure> {
    let unusable = || Failure::BadAnswer("an address of the sign-in service is not usable".into());
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = http::Request::post(endpoint.as_str())
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body.into_bytes())
        .map_err(|_| unusable())?;
    let exchange = Exchange::new(wire);
    let answer = exchange.call(request).await?;
    if !answer.status().is_success() {
        return Err(EntraError::from_body(answer.body()).map_or_else(
            || Failure::BadAnswer(format!("the sign-in service answered {}", answer.status().as_u16())),
            |error| Failure::Refused(Box::new(error)),
        ));
    }
    let value = serde_json::from_slice(answer.body()).map_err(|error| not_understood(&error))?;
    Ok((value, exchange.served_at()))
}

/// `asked` is what counts as granted where the answer does not tell (RFC 6749, 5.1).
pub(crate) fn issued(
    answer: Answer,
    served_at: Option<OffsetDateTime>,
    asked: &[String],
) -> Result<Issued, Failure> {
    if !matches!(answer.token_type(), BasicTokenType::Bearer) {
        return Err(Failure::BadAnswer("the token endpoint issued a token that is not a bearer".into()));
    }
    if answer.access_token().secret().is_empty() {
        return Err(Failure::BadAnswer("the token endpoint issued an empty token".into()));
    }
    let is_privileged = |scope: &str| {
        scope.rsplit('/').next().is_some_and(|name| name.eq_ignore_ascii_case(PRIVILEGED_SCOPE))
    };
    let privileged = match answer.scopes() {
        Some(granted) => granted.iter().any(|scope| is_privileged(scope)),
        None => asked.iter().any(|scope| is_privileged(scope)),
    };
    Ok(Issued {
        privileged,
        access: AccessToken::new(answer.access_token().secret().clone().into()),
        lifetime: answer.expires_in().unwrap_or(Duration::from_secs(3_600)),
        refresh: answer
            .refresh_token()
            .filter(|token| !token.secret().is_empty())
            .map(|token| token.secret().clone().into()),
        id_token: answer.extra_fields().id_token.clone().map(SecretString::from),
        served_at,
    })
}

/// `RequestTokenError::Parse` holds the whole answer, tokens and all, and its message may quote values: neither is passed on.
pub(crate) fn failure(error: RequestTokenError<Failure, ErrorAnswer>) -> Failure {
    match error {
        RequestTokenError::ServerResponse(answer) => Failure::Refused(Box::new(answer.into())),
        RequestTokenError::Request(failure) => failure,
        RequestTokenError::Parse(error, _) => not_understood(error.inner()),
        RequestTokenError::Other(_) => {
            Failure::BadAnswer("the token endpoint's answer is empty or not declared as JSON".into())
        }
    }
}

/// The parser's own words may quote the answer.
fn not_understood(error: &serde_json::Error) -> Failure {
    let kind = match error.classify() {
        serde_json::error::Category::Data => "lacks a field or has one of the wrong kind",
        _ => "is not JSON",
    };
    Failure::BadAnswer(format!("the sign-in service's answer {kind}"))
}

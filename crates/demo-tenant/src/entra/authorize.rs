//! The authorize endpoint: checks the request, shows the account picker, hands the code over.

use http::StatusCode;
use url::Url;

use crate::entra::consent::{self, Answer, Gate};
use crate::entra::errors::LoginError;
use crate::entra::scopes::Scopes;
use crate::entra::tokens::{Account, Code};
use crate::entra::{check_client, pages};
use crate::exchange::{Form, Reply, Request};
use crate::tenant::{Tenant, lock};

/// A checked request.
struct Sought {
    redirect_uri: String,
    form_post: bool,
    state: Option<String>,
}

pub(crate) fn authorize(
    tenant: &Tenant,
    request: &Request,
    authority: &str,
    known: Result<(), LoginError>,
    fault: Option<LoginError>,
) -> Reply {
    let fields = request.fields();
    // What is wrong with the tenant, the app or the redirect address is shown to the person, never sent on.
    let sought = match known.and_then(|()| sought(tenant, &fields)) {
        Ok(sought) => sought,
        Err(error) => return pages::refused(&error.description(tenant)),
    };
    if let Some(error) = fault {
        return refuse(tenant, &sought, &error);
    }
    let code = match requested(tenant, &fields, &sought) {
        Ok(code) => code,
        Err(error) => return refuse(tenant, &sought, &error),
    };
    let action = format!("{}/{authority}/oauth2/v2.0/authorize", tenant.login_url);
    let account = match account(&fields) {
        Ok(Some(account)) => account,
        Ok(None) => return pages::account_picker(&action, &fields.0),
        Err(error) => return refuse(tenant, &sought, &error),
    };
    match consent::gate(tenant, account, &code.scopes, fields.get("prompt"), Answer::of(&fields)) {
        Ok(Gate::Open) => {
            let code = lock(&tenant.ledger).add_code(Code { account, ..code });
            hand_over(&sought, &[("code", &code), ("session_state", &uuid::Uuid::new_v4().to_string())])
        }
        Ok(Gate::Ask(asked)) => pages::consent(&action, account, &asked, &fields.0),
        Ok(Gate::NeedsAdmin) => pages::needs_admin(&action, account, &fields.0),
        Err(error) => refuse(tenant, &sought, &error),
    }
}

/// The fields a browser would post to the redirect address if the admin signed in and, where a consent page comes
/// up, answered it so; and that address.
///
/// # Errors
/// Entra's own words when the request is refused.
pub(crate) fn sign_in_form(
    tenant: &Tenant,
    authorize_url: &Url,
    answer: Answer,
) -> Result<(String, Vec<(String, String)>), String> {
    let fields = Form(authorize_url.query_pairs().into_owned().collect());
    let authority = authorize_url
        .as_str()
        .strip_prefix(tenant.login_url.as_str())
        .and_then(|rest| rest.trim_start_matches('/').split('/').next())
        .unwrap_or_default();
    let sought = crate::entra::check_authority(tenant, authority)
        .and_then(|()| sought(tenant, &fields))
        .map_err(|error| error.description(tenant))?;
    let code = requested(tenant, &fields, &sought).map_err(|error| error.description(tenant))?;
    let mut form = match consent::gate(tenant, code.account, &code.scopes, fields.get("prompt"), Some(answer))
    {
        Ok(_) => vec![("code".to_owned(), lock(&tenant.ledger).add_code(code))],
        Err(error) => {
            error.fields(tenant).into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
        }
    };
    form.extend(sought.state.map(|state| ("state".to_owned(), state)));
    Ok((sought.redirect_uri, form))
}

fn sought(tenant: &Tenant, fields: &Form) -> Result<Sought, LoginError> {
    check_client(tenant, fields.get("client_id"))?;
    let redirect_uri = fields
        .get("redirect_uri")
        .ok_or_else(|| LoginError::new("invalid_request", 900_971, "No reply address provided."))?;
    check_redirect(tenant, redirect_uri)?;
    let form_post = match fields.get("response_mode") {
        None | Some("query") => false,
        Some("form_post") => true,
        Some(other) => {
            let text = format!("The demo tenant does not support response_mode '{other}'.");
            return Err(LoginError::new("invalid_request", 900_144, &text));
        }
    };
    Ok(Sought {
        redirect_uri: redirect_uri.to_owned(),
        form_post,
        state: fields.get("state").map(str::to_owned),
    })
}

pub(crate) fn check_redirect(tenant: &Tenant, redirect_uri: &str) -> Result<(), LoginError> {
    if registered(redirect_uri) {
        return Ok(());
    }
    Err(LoginError::new(
        "invalid_request",
        50_011,
        &format!(
            "The redirect URI '{redirect_uri}' specified in the request does not match the redirect URIs configured for the application '{}'. Make sure the redirect URI sent in the request matches one added to your application in the Azure portal.",
            tenant.client_id
        ),
    ))
}

/// `http://localhost` is registered; its port is ignored when matching, its path is not
/// (Entra documentation, redirect URI restrictions).
pub(crate) fn registered(redirect_uri: &str) -> bool {
    Url::parse(redirect_uri).is_ok_and(|url| {
        redirect_uri.starts_with("http://localhost")
            && url.host_str() == Some("localhost")
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

fn requested(tenant: &Tenant, fields: &Form, sought: &Sought) -> Result<Code, LoginError> {
    if fields.get("response_type") != Some("code") {
        return Err(LoginError::new(
            "unsupported_response_type",
            700_054,
            "response_type must be 'code' for this application.",
        ));
    }
    let scope = fields.get("scope").ok_or_else(|| LoginError::missing("scope"))?;
    let scopes = Scopes::parse(tenant, scope)?;
    let challenge = fields.get("code_challenge").ok_or_else(|| {
        LoginError::new(
            "invalid_request",
            9_002_325,
            "Proof Key for Code Exchange is required for this application.",
        )
    })?;
    if fields.get("code_challenge_method") != Some("S256") || challenge.len() != 43 {
        return Err(LoginError::new(
            "invalid_request",
            50_147,
            "The code_challenge must be a SHA-256 digest with code_challenge_method 'S256'.",
        ));
    }
    Ok(Code {
        account: Account::Admin,
        scopes,
        redirect_uri: sought.redirect_uri.clone(),
        challenge: challenge.to_owned(),
        nonce: fields.get("nonce").map(str::to_owned),
        claims: fields.get("claims").map(str::to_owned),
        issued: tenant.clock.now(),
        redeemed: false,
    })
}

/// Who signs in: the one picked, the one hinted at, or nobody yet.
fn account(fields: &Form) -> Result<Option<Account>, LoginError> {
    match fields.get("demo_account") {
        Some("cancel") => {
            return Err(LoginError::declined());
        }
        Some(key) => return Ok(Account::of_key(key)),
        None => {}
    }
    let prompt = fields.get("prompt");
    if fields.get("demo_sign_in") == Some("1") {
        return Ok(Some(Account::Admin));
    }
    let hinted = fields.get("login_hint").and_then(Account::hinted);
    if hinted.is_some() && !matches!(prompt, Some("select_account" | "login")) {
        return Ok(hinted);
    }
    if prompt == Some("none") {
        return Err(LoginError::new(
            "login_required",
            50_058,
            "A silent sign-in request was sent but no user is signed in.",
        ));
    }
    Ok(None)
}

fn refuse(tenant: &Tenant, sought: &Sought, error: &LoginError) -> Reply {
    let fields = error.fields(tenant);
    hand_over(sought, &fields.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>())
}

/// Sends the browser back to the app, by a form or by a redirect.
fn hand_over(sought: &Sought, fields: &[(&str, &str)]) -> Reply {
    let mut fields: Vec<(&str, &str)> = fields.to_vec();
    fields.extend(sought.state.as_deref().map(|state| ("state", state)));
    if sought.form_post {
        return pages::form_post(&sought.redirect_uri, &fields);
    }
    redirect(&sought.redirect_uri, fields)
}

/// Sends the browser to an address with these fields in its query.
pub(crate) fn redirect<'a>(address: &str, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Reply {
    match Url::parse(address) {
        Ok(mut url) => {
            for (name, value) in fields {
                url.query_pairs_mut().append_pair(name, value);
            }
            Reply::empty(StatusCode::FOUND).with("location", url.as_str()).with("cache-control", "no-store")
        }
        Err(_) => Reply::empty(StatusCode::BAD_REQUEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_localhost_is_registered_on_any_port_and_without_a_path() {
        for good in ["http://localhost", "http://localhost/", "http://localhost:49152", "http://localhost:1/"]
        {
            assert!(registered(good), "{good}");
        }
        for bad in [
            "https://localhost:1",
            "http://127.0.0.1:1",
            "http://localhost:1/callback",
            "http://localhost.evil.example",
            "http://localhost@evil.example",
            "http://localhost:1/?x=1",
            "HTTP://LOCALHOST:1",
            "",
        ] {
            assert!(!registered(bad), "{bad}");
        }
    }
}

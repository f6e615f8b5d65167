//! The admin consent endpoint: an administrator consents for the organization without signing in to the app (Entra
//! documentation, admin consent).

use crate::entra::authorize::{check_redirect, redirect};
use crate::entra::consent::{self, Answer, Gate};
use crate::entra::errors::LoginError;
use crate::entra::scopes::Scopes;
use crate::entra::tokens::Account;
use crate::entra::{check_client, pages};
use crate::exchange::{Form, Reply, Request};
use crate::tenant::Tenant;

pub(crate) fn answer(
    tenant: &Tenant,
    request: &Request,
    authority: &str,
    known: Result<(), LoginError>,
) -> Reply {
    let fields = request.fields();
    let scopes = match known.and_then(|()| checked(tenant, &fields)) {
        Ok(scopes) => scopes,
        Err(error) => return pages::refused(&error.description(tenant)),
    };
    // The page comes up even if nothing is missing, so it asks as `prompt=consent` does.
    match consent::gate(tenant, Account::Admin, &scopes, Some("consent"), Answer::of(&fields)) {
        Ok(Gate::Ask(asked)) => {
            let action = format!("{}/{authority}/v2.0/adminconsent", tenant.login_url);
            pages::consent(&action, Account::Admin, &asked, &fields.0)
        }
        Ok(Gate::Open | Gate::NeedsAdmin) => granted(tenant, &fields),
        Err(error) => refused(tenant, &fields, &error),
    }
}

fn checked(tenant: &Tenant, fields: &Form) -> Result<Scopes, LoginError> {
    check_client(tenant, fields.get("client_id"))?;
    if let Some(address) = fields.get("redirect_uri") {
        check_redirect(tenant, address)?;
    }
    Scopes::parse(tenant, fields.get("scope").ok_or_else(|| LoginError::missing("scope"))?)
}

fn granted(tenant: &Tenant, fields: &Form) -> Reply {
    let Some(address) = fields.get("redirect_uri") else { return pages::consent_done(true) };
    let mut back = vec![("admin_consent", "True"), ("tenant", tenant.tenant_id.as_str())];
    back.extend(fields.get("scope").map(|scope| ("scope", scope)));
    back.extend(fields.get("state").map(|state| ("state", state)));
    redirect(address, back)
}

/// As seen by others after *Cancel*, without `tenant` (`MicrosoftDocs/azure-docs#114009`).
fn refused(tenant: &Tenant, fields: &Form, error: &LoginError) -> Reply {
    let Some(address) = fields.get("redirect_uri") else { return pages::consent_done(false) };
    let error = error.fields(tenant);
    let mut back: Vec<(&str, &str)> = error.iter().map(|(name, value)| (*name, value.as_str())).collect();
    back.retain(|(name, _)| *name != "error_subcode");
    back.push(("admin_consent", "True"));
    back.extend(fields.get("state").map(|state| ("state", state)));
    redirect(address, back)
}

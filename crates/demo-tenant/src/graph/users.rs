//! `/me`, `/organization` and `/users`.

use http::StatusCode;
use serde_json::{Value, json};

use crate::data::User;
use crate::entra::Account;
use crate::exchange::Reply;
use crate::graph::collection::{self, Page};
use crate::graph::errors::Refusal;
use crate::graph::filter::{self, Filter, Literal, same};
use crate::graph::{Call, ok, search};
use crate::tenant::{Tenant, lock};

/// What a user shows when nothing is selected (Graph documentation, list users).
const USUAL: [&str; 11] = [
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
];

const KNOWN: [&str; 15] = [
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
    "accountEnabled",
    "department",
    "userType",
    "onPremisesSyncEnabled",
];

const PAGE: usize = 100;
const LARGEST_PAGE: usize = 999;

fn property(user: &User, name: &str) -> Value {
    match name {
        "id" => json!(user.id),
        "displayName" => json!(user.display_name),
        "userPrincipalName" => json!(user.upn),
        "mail" => json!(user.mail),
        "givenName" => json!(user.given_name),
        "surname" => json!(user.surname),
        "jobTitle" => json!(user.job_title),
        "businessPhones" => json!([]),
        "accountEnabled" => json!(true),
        "userType" => json!("Member"),
        _ => Value::Null,
    }
}

fn with_context(tenant_context: &str, mut value: Value) -> Value {
    value["@odata.context"] = json!(tenant_context);
    value
}

pub(crate) fn me(tenant: &Tenant, call: &Call<'_>, account: Account) -> Result<Reply, Refusal> {
    let user = User {
        id: account.object_id().to_owned(),
        upn: account.upn().to_owned(),
        display_name: account.name().to_owned(),
        mail: Some(account.upn().to_owned()),
        given_name: None,
        surname: None,
        job_title: Some("Demonstration".to_owned()),
    };
    let select = collection::selected(call.request, "user", &KNOWN)?;
    Ok(ok(&with_context(
        &format!("{}/$metadata#users/$entity", tenant.graph_url),
        collection::row(select.as_deref(), &USUAL, |name| property(&user, name)),
    )))
}

pub(crate) fn organization(tenant: &Tenant) -> Reply {
    ok(&json!({
        "@odata.context": format!("{}/$metadata#organization", tenant.graph_url),
        "value": [{
            "id": tenant.tenant_id,
            "displayName": "Contoso (demo)",
            "tenantType": "AAD",
            "countryLetterCode": "DE",
            "verifiedDomains": [{
                "capabilities": "Email, OfficeCommunicationsOnline",
                "isDefault": true,
                "isInitial": true,
                "name": crate::generate::DOMAIN,
                "type": "Managed",
            }],
        }],
    }))
}

pub(crate) fn list(tenant: &Tenant, call: &Call<'_>) -> Result<Reply, Refusal> {
    let request = call.request;
    if request.parameter("$skip").is_some() {
        return Err(Refusal::Bad(
            "Request_BadRequest",
            "'$skip' is not supported by the service.".to_owned(),
        ));
    }
    let page = Page::of(request, PAGE, usize::MAX)?;
    if page.size() > LARGEST_PAGE {
        let text = format!(
            "Invalid page size specified: '{}'. Must be between 1 and {LARGEST_PAGE} inclusive.",
            page.size()
        );
        return Err(Refusal::Bad("Request_UnsupportedQuery", text));
    }
    let select = collection::selected(request, "user", &KNOWN)?;
    let search = match request.parameter("$search") {
        None => None,
        Some(_)
            if !request
                .header("consistencylevel")
                .is_some_and(|level| level.eq_ignore_ascii_case("eventual")) =>
        {
            return Err(Refusal::Bad(
                "Request_UnsupportedQuery",
                "Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'".to_owned(),
            ));
        }
        Some(text) => Some(search::parse(&text).map_err(|text| Refusal::Bad("BadRequest", text))?),
    };
    let filter = match request.parameter("$filter") {
        Some(text) if !call.struck.ignore_filter => {
            Some(filter::parse(&text).filter(supported).ok_or_else(|| {
                Refusal::Bad(
                    "Request_UnsupportedQuery",
                    "Unsupported or invalid query filter clause specified.".to_owned(),
                )
            })?)
        }
        _ => None,
    };
    let store = lock(&tenant.store);
    let mut found: Vec<&User> = store
        .users
        .iter()
        .filter(|user| search.as_ref().is_none_or(|search| search::finds(search, user)))
        .filter(|user| filter.as_ref().is_none_or(|filter| passes(user, filter)))
        .collect();
    if search.is_some() {
        found.sort_by_cached_key(|user| search::fold(&user.display_name));
    }
    let total = found.len();
    let rows = page
        .take(found.into_iter())
        .map(|user| collection::row(select.as_deref(), &USUAL, |name| property(user, name)))
        .collect();
    Ok(collection::answer(tenant, call, "users", page, total, rows))
}

pub(crate) fn one(tenant: &Tenant, call: &Call<'_>, key: &str) -> Result<Reply, Refusal> {
    let select = collection::selected(call.request, "user", &KNOWN)?;
    let store = lock(&tenant.store);
    let user = store.user(key).ok_or_else(|| Refusal::NoUser(key.to_owned()))?;
    let value = collection::row(select.as_deref(), &USUAL, |name| property(user, name));
    let context = format!("{}/$metadata#users/$entity", tenant.graph_url);
    Ok(Reply::graph(StatusCode::OK, &with_context(&context, value)))
}

const FILTERABLE: [&str; 7] =
    ["id", "displayName", "userPrincipalName", "mail", "givenName", "surname", "jobTitle"];

/// The directory refuses what it does not support, in contrast to Intune.
fn supported(filter: &Filter) -> bool {
    match filter {
        Filter::And(terms) | Filter::Or(terms) => terms.iter().all(supported),
        Filter::Call { function, property, .. } => {
            function == "startswith" && FILTERABLE.contains(&property.as_str())
        }
        Filter::Compare { property, operator, value } => {
            operator == "eq" && matches!(value, Literal::Text(_)) && FILTERABLE.contains(&property.as_str())
        }
    }
}

fn passes(user: &User, filter: &Filter) -> bool {
    let text = |name: &str| property(user, name).as_str().map(str::to_owned);
    match filter {
        Filter::And(terms) => terms.iter().all(|term| passes(user, term)),
        Filter::Or(terms) => terms.iter().any(|term| passes(user, term)),
        Filter::Call { property, value, .. } => {
            text(property).is_some_and(|text| text.to_lowercase().starts_with(&value.to_lowercase()))
        }
        Filter::Compare { property, value, .. } => {
            matches!(value, Literal::Text(value) if text(property).is_some_and(|text| same(&text, value)))
        }
    }
}

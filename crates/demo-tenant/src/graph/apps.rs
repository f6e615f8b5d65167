//! Detected apps: one row per name and version, and the devices a row was found on.

use serde_json::{Value, json};

use crate::data::{App, Device};
use crate::exchange::Reply;
use crate::graph::collection::{self, Page};
use crate::graph::errors::Refusal;
use crate::graph::filter::{self, Filter, Literal};
use crate::graph::{Call, devices, ok};
use crate::options::AppFilter;
use crate::tenant::{Tenant, lock};

const PROPERTIES: [&str; 7] =
    ["id", "displayName", "version", "sizeInByte", "deviceCount", "publisher", "platform"];

fn property(app: &App, name: &str) -> Value {
    match name {
        "id" => json!(app.id),
        "displayName" => json!(app.name),
        "version" => json!(app.version),
        "sizeInByte" => json!(app.size),
        "deviceCount" => json!(app.device_count),
        "publisher" => json!(app.publisher),
        "platform" => json!(app.platform),
        _ => Value::Null,
    }
}

pub(crate) fn list(tenant: &Tenant, call: &Call<'_>) -> Result<Reply, Refusal> {
    if call.request.parameter("$expand").is_some() {
        return Err(Refusal::Bad(
            "BadRequest",
            "Expand is not supported on a collection of detected apps.".to_owned(),
        ));
    }
    let filter = match (call.request.parameter("$filter"), tenant.options.app_filter) {
        (Some(text), AppFilter::Honoured) if !call.struck.ignore_filter => {
            filter::parse(&text).filter(supported)
        }
        (Some(_), AppFilter::Refused) => {
            return Err(Refusal::Bad(
                "BadRequest",
                "The filter on detected apps is not supported.".to_owned(),
            ));
        }
        _ => None,
    };
    let most = tenant.options.page_size.max(1);
    let page = Page::of(call.request, most, most)?;
    let select = collection::selected(call.request, "detectedApp", &PROPERTIES)?;
    let store = lock(&tenant.store);
    let found: Vec<&App> =
        store.apps.iter().filter(|app| filter.as_ref().is_none_or(|filter| passes(app, filter))).collect();
    let total = found.len();
    let rows = page
        .take(found.into_iter())
        .map(|app| collection::row(select.as_deref(), &PROPERTIES, |name| property(app, name)))
        .collect();
    Ok(collection::answer(tenant, call, "deviceManagement/detectedApps", page, total, rows))
}

fn supported(filter: &Filter) -> bool {
    match filter {
        Filter::Call { function, property, .. } => function == "contains" && property == "displayName",
        Filter::Compare { property, operator, value } => {
            operator == "eq" && property == "displayName" && matches!(value, Literal::Text(_))
        }
        Filter::And(_) | Filter::Or(_) => false,
    }
}

fn passes(app: &App, filter: &Filter) -> bool {
    match filter {
        Filter::Call { value, .. } => filter::contains(&app.name, value),
        Filter::Compare { value: Literal::Text(value), .. } => filter::same(&app.name, value),
        _ => false,
    }
}

fn find<'a>(apps: &'a [App], id: &str) -> Result<&'a App, Refusal> {
    apps.iter().find(|app| app.id.eq_ignore_ascii_case(id)).ok_or(Refusal::NoDevice)
}

/// A single detected app comes without its name and count, as seen by users in 2021; the list has them.
pub(crate) fn one(tenant: &Tenant, call: &Call<'_>, id: &str) -> Result<Reply, Refusal> {
    let select = collection::selected(call.request, "detectedApp", &PROPERTIES)?;
    let store = lock(&tenant.store);
    let app = find(&store.apps, id)?;
    let mut value = collection::row(select.as_deref(), &PROPERTIES, |name| match name {
        "id" => json!(app.id),
        "deviceCount" | "sizeInByte" => json!(0),
        "platform" => json!("unknown"),
        _ => Value::Null,
    });
    value["@odata.context"] =
        json!(format!("{}/$metadata#deviceManagement/detectedApps/$entity", tenant.graph_url));
    Ok(ok(&value))
}

pub(crate) fn devices(tenant: &Tenant, call: &Call<'_>, id: &str) -> Result<Reply, Refusal> {
    let most = tenant.options.page_size.max(1);
    let page = Page::of(call.request, most, most)?;
    let select = collection::selected(call.request, "managedDevice", &devices::PROPERTIES)?;
    let store = lock(&tenant.store);
    let app = find(&store.apps, id)?;
    let found: Vec<&Device> = app.device_ids.iter().filter_map(|id| store.device(id)).collect();
    let total = found.len();
    let rows =
        page.take(found.into_iter()).map(|device| devices::sparse_row(device, select.as_deref())).collect();
    let entity_set = format!("deviceManagement/detectedApps('{}')/managedDevices", app.id);
    Ok(collection::answer(tenant, call, &entity_set, page, total, rows))
}

/// Whether the app was found on the device.
///
/// # Errors
/// 404 for an app nobody knows.
pub(crate) fn has_device(apps: &[App], app: &str, device: &str) -> Result<bool, Refusal> {
    Ok(find(apps, app)?.device_ids.iter().any(|id| id == device))
}

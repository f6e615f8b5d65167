//! Pages of rows: `$top`, `$skip`, `$skiptoken`, `$select` and `@odata.nextLink`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::exchange::{Reply, Request, percent_decode};
use crate::faults::BrokenLink;
use crate::graph::errors::Refusal;
use crate::graph::{Call, ok};
use crate::tenant::Tenant;

/// Which rows a request asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    number: u32,
    offset: usize,
    size: usize,
}

impl Page {
    /// # Errors
    /// 400 for a `$top` that is no positive number or a `$skiptoken` that was not given out.
    pub(crate) fn of(request: &Request, default: usize, most: usize) -> Result<Self, Refusal> {
        let size = match request.parameter("$top") {
            None => default,
            Some(top) => match top.parse::<usize>() {
                Ok(top) if top > 0 => top.min(most),
                _ => {
                    let text = format!(
                        "Invalid value '{top}' for $top query option found. The $top query option requires a non-negative integer value."
                    );
                    return Err(Refusal::Bad("BadRequest", text));
                }
            },
        };
        match request.parameter("$skiptoken") {
            Some(token) => {
                let (number, offset) = read_token(&token).ok_or_else(|| {
                    Refusal::Bad("BadRequest", "Skip token is not valid or has expired.".to_owned())
                })?;
                Ok(Self { number, offset, size })
            }
            None => {
                let skip = request.parameter("$skip").and_then(|skip| skip.parse().ok()).unwrap_or(0);
                Ok(Self { number: 1, offset: skip, size })
            }
        }
    }

    /// Returns how many rows the request asks for.
    pub(crate) fn size(self) -> usize {
        self.size
    }

    /// The page's share of the rows.
    pub(crate) fn take<T>(self, rows: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
        rows.skip(self.offset).take(self.size)
    }

    fn next(self, total: usize) -> Option<String> {
        let offset = self.offset.checked_add(self.size).filter(|offset| *offset < total)?;
        Some(self.token(offset))
    }

    /// The page's share of those rows that pass, and the token of the next page. What a token tells is the place among all
    /// rows, so that no page looks at what an earlier one has looked at.
    pub(crate) fn pick<T>(
        self,
        rows: impl Iterator<Item = T>,
        passes: impl Fn(&T) -> bool,
    ) -> (Vec<T>, Option<String>) {
        let (from, skip) = if self.number > 1 { (self.offset, 0) } else { (0, self.offset) };
        let mut passing = rows.enumerate().skip(from).filter(|(_, row)| passes(row)).skip(skip);
        let picked: Vec<T> = passing.by_ref().take(self.size).map(|(_, row)| row).collect();
        let next = passing.next().map(|(place, _)| self.token(place));
        (picked, next)
    }

    fn token(self, place: usize) -> String {
        URL_SAFE_NO_PAD.encode(format!("unlatch-demo|{}|{place}", self.number + 1))
    }
}

/// Whether the number of all rows is asked for.
pub(crate) fn counts(request: &Request) -> bool {
    request.parameter("$count").is_some_and(|count| count == "true")
}

fn read_token(token: &str) -> Option<(u32, usize)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (number, offset) = text.strip_prefix("unlatch-demo|")?.split_once('|')?;
    Some((number.parse().ok().filter(|number| *number < u32::MAX)?, offset.parse().ok()?))
}

/// The number of the page a request asks for, counted from 1.
pub(crate) fn page_number(request: &Request) -> u32 {
    request.parameter("$skiptoken").and_then(|token| read_token(&token)).map_or(1, |(number, _)| number)
}

/// The names in `$select`, none if all are wanted.
///
/// # Errors
/// 400 for a property the type does not have.
pub(crate) fn selected(
    request: &Request,
    entity: &str,
    known: &[&str],
) -> Result<Option<Vec<String>>, Refusal> {
    let Some(select) = request.parameter("$select").filter(|select| !select.trim().is_empty()) else {
        return Ok(None);
    };
    let mut names = Vec::new();
    for name in select.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        // Graph takes property names in any case and answers with its own.
        match known.iter().find(|known| known.eq_ignore_ascii_case(name)) {
            Some(known) => names.push((*known).to_owned()),
            None => {
                let text =
                    format!("Could not find a property named '{name}' on type 'microsoft.graph.{entity}'.");
                return Err(Refusal::Bad("BadRequest", text));
            }
        }
    }
    Ok(Some(names))
}

/// One row: the selected properties, or all of the usual ones.
pub(crate) fn row(select: Option<&[String]>, usual: &[&str], property: impl Fn(&str) -> Value) -> Value {
    let mut row = Map::new();
    match select {
        Some(names) => row.extend(names.iter().map(|name| (name.clone(), property(name)))),
        None => row.extend(usual.iter().map(|name| ((*name).to_owned(), property(name)))),
    }
    Value::Object(row)
}

/// A page of a collection with its link to the next one.
pub(crate) fn answer(
    tenant: &Tenant,
    call: &Call<'_>,
    entity_set: &str,
    page: Page,
    total: usize,
    rows: Vec<Value>,
) -> Reply {
    let total_asked_for = counts(call.request).then_some(total);
    answer_with(tenant, call, entity_set, page.next(total), total_asked_for, rows)
}

/// A page of a collection with a link to the next one, if there is a token for that, and the number of all rows, if that is told.
pub(crate) fn answer_with(
    tenant: &Tenant,
    call: &Call<'_>,
    entity_set: &str,
    next: Option<String>,
    total: Option<usize>,
    rows: Vec<Value>,
) -> Reply {
    let mut value = json!({ "@odata.context": format!("{}/$metadata#{entity_set}", tenant.graph_url) });
    if let Some(total) = total {
        value["@odata.count"] = json!(total);
    }
    let link = |token: &str| {
        let kept = call.request.query.split('&').filter(|field| {
            let name = field.split('=').next().and_then(percent_decode).unwrap_or_default();
            !field.is_empty() && name != "$skiptoken" && name != "$skip"
        });
        let mut query: Vec<&str> = kept.collect();
        let token = format!("$skiptoken={token}");
        query.push(&token);
        format!("{}{}?{}", tenant.origin, call.request.path, query.join("&"))
    };
    let next = match call.struck.next_link {
        Some(BrokenLink::Foreign) => Some(format!(
            "https://graph.elsewhere.example{}?$skiptoken=abc",
            call.request.path.trim_start_matches("/graph")
        )),
        Some(BrokenLink::Bad) => Some("http://[not an address".to_owned()),
        None => next.map(|token| link(&token)),
    };
    if let Some(next) = next {
        value["@odata.nextLink"] = json!(next);
    }
    value["value"] = Value::Array(rows);
    ok(&value)
}

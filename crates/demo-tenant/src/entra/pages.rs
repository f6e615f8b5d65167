//! The pages a person sees while signing in. Plain HTML; scripts and styles only by nonce.

use http::StatusCode;
use url::Url;
use uuid::Uuid;

use crate::entra::consent::Permission;
use crate::entra::tokens::Account;
use crate::exchange::Reply;

const STYLE: &str = "body{font:15px system-ui,sans-serif;max-width:28rem;margin:4rem auto;padding:0 1rem;color:#242424;background:#fff}\
h1{font-size:1.25rem}button{display:block;width:100%;margin:.5rem 0;padding:.7rem 1rem;font:inherit;text-align:left;border:1px solid #8a8a8a;\
border-radius:4px;background:#fff;cursor:pointer}button:focus-visible{outline:2px solid #0f6cbd}small{color:#616161}\
.ribbon{background:#fff4ce;border:1px solid #c19c00;padding:.4rem .7rem;border-radius:4px}";

fn page(status: StatusCode, title: &str, form_action: &str, body: &str, script: &str) -> Reply {
    let nonce = Uuid::new_v4().simple().to_string();
    let script = match script {
        "" => String::new(),
        script => format!("<script nonce=\"{nonce}\">{script}</script>"),
    };
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style nonce=\"{nonce}\">{STYLE}</style></head>\
<body><p class=\"ribbon\">Demo tenant: nothing here is real.</p><main><h1>{title}</h1>{body}</main>{script}</body></html>"
    );
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; form-action {form_action}; base-uri 'none'; frame-ancestors 'none'"
    );
    Reply::html(status, html)
        .with("content-security-policy", policy)
        .with("referrer-policy", "no-referrer")
        .with("cache-control", "no-store")
}

pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn hidden(name: &str, value: &str) -> String {
    format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value))
}

pub(crate) fn refused(description: &str) -> Reply {
    let body = format!(
        "<p>Sorry, but we’re having trouble signing you in.</p><p id=\"error\">{}</p>",
        escape(description)
    );
    page(StatusCode::BAD_REQUEST, "Sign in", "'none'", &body, "")
}

/// The origin a form may post to: where the browser ends up counts too, so the redirect address is named.
fn form_target(redirect_uri: &str) -> String {
    Url::parse(redirect_uri).map_or_else(|_| "'none'".to_owned(), |url| url.origin().ascii_serialization())
}

/// The fields of a request, to be sent once more, without some of them.
fn passed_on(fields: &[(String, String)], but: &[&str]) -> String {
    let kept = fields.iter().filter(|(name, _)| !but.contains(&name.as_str()));
    kept.map(|(name, value)| hidden(name, value)).collect()
}

/// Where the forms of a page of the authorize endpoint may lead.
fn form_targets(fields: &[(String, String)]) -> String {
    let redirect = fields.iter().find(|(name, _)| name == "redirect_uri");
    format!("'self' {}", redirect.map_or_else(String::new, |(_, address)| form_target(address)))
}

pub(crate) fn account_picker(action: &str, fields: &[(String, String)]) -> Reply {
    let passed = passed_on(fields, &["demo_account"]);
    let accounts: String = Account::ALL
        .iter()
        .map(|account| {
            format!(
                "<button name=\"demo_account\" value=\"{}\" id=\"account-{}\">{}<br><small>{}</small></button>",
                account.key(),
                account.key(),
                escape(account.name()),
                escape(account.upn())
            )
        })
        .collect();
    let body = format!(
        "<form method=\"get\" action=\"{}\">{passed}{accounts}<button name=\"demo_account\" value=\"cancel\" id=\"account-cancel\">Cancel</button></form>",
        escape(action)
    );
    page(StatusCode::OK, "Pick an account", &form_targets(fields), &body, "")
}

/// What is asked for, to be accepted or not. The admin answers for the organization.
pub(crate) fn consent(
    action: &str,
    account: Account,
    asked: &[&Permission],
    fields: &[(String, String)],
) -> Reply {
    let passed = passed_on(fields, &["demo_account", "demo_consent", "demo_sign_in"]);
    let asked: String = asked
        .iter()
        .map(|permission| {
            format!("<li>{}<br><small>{}</small></li>", escape(permission.title), escape(permission.name))
        })
        .collect();
    let whose = match account {
        Account::Admin => "<p>Accepting consents on behalf of your organization.</p>",
        Account::Plain | Account::Personal => "",
    };
    let body = format!(
        "<p>{}</p><p><strong>Unlatch</strong> would like to:</p><ul>{asked}</ul>{whose}<form id=\"consent\" method=\"post\" action=\"{}\">{passed}{}<button name=\"demo_consent\" value=\"accept\" id=\"consent-accept\">Accept</button><button name=\"demo_consent\" value=\"cancel\" id=\"consent-cancel\">Cancel</button></form>",
        escape(account.upn()),
        escape(action),
        hidden("demo_account", account.key())
    );
    page(StatusCode::OK, "Permissions requested", &form_targets(fields), &body, "")
}

/// The words of the page for accounts that may not consent (seen by others: `microsoftgraph/microsoft-graph-docs#3917`).
pub(crate) const ADMIN_NEEDED: &str = "Unlatch needs permission to access resources in your organization that only an admin can grant. Please ask an admin to grant permission to this app before you can use it.";

pub(crate) fn needs_admin(action: &str, account: Account, fields: &[(String, String)]) -> Reply {
    let own = ["demo_account", "demo_consent", "demo_sign_in", "login_hint"];
    let passed = passed_on(fields, &own);
    let body = format!(
        "<p>{}</p><p id=\"error\">{ADMIN_NEEDED}</p><form method=\"get\" action=\"{action}\">{passed}<button id=\"consent-as-admin\">Have an admin account? Sign in with that account</button></form>\
<form id=\"consent\" method=\"post\" action=\"{action}\">{passed}{}<button name=\"demo_consent\" value=\"cancel\" id=\"consent-return\">Return to the application without granting consent</button></form><p><small>AADSTS90094: The grant requires admin permission.</small></p>",
        escape(account.upn()),
        hidden("demo_account", account.key()),
        action = escape(action)
    );
    page(StatusCode::OK, "Need admin approval", &form_targets(fields), &body, "")
}

/// The page that posts itself to the app, with a button for browsers that do not run its script.
pub(crate) fn form_post(redirect_uri: &str, fields: &[(&str, &str)]) -> Reply {
    let fields: String = fields.iter().map(|(name, value)| hidden(name, value)).collect();
    let body = format!(
        "<form id=\"answer\" method=\"post\" action=\"{}\">{fields}<p>If nothing happens, go on by hand.</p><button id=\"continue\">Continue</button></form>",
        escape(redirect_uri)
    );
    let script = "document.getElementById('answer').submit();";
    page(StatusCode::OK, "Working…", &form_target(redirect_uri), &body, script)
}

pub(crate) fn device_code_form(login_url: &str, problem: Option<&str>) -> Reply {
    let problem = problem.map_or(String::new(), |problem| format!("<p id=\"error\">{}</p>", escape(problem)));
    let accounts: String = Account::ALL
        .iter()
        .map(|account| {
            format!(
                "<button name=\"account\" value=\"{}\">Approve as {}</button>",
                account.key(),
                escape(account.name())
            )
        })
        .collect();
    let body = format!(
        "{problem}<form method=\"post\" action=\"{}/device\"><label>Code <input name=\"user_code\" autofocus autocomplete=\"off\"></label>{accounts}<button name=\"account\" value=\"decline\">Decline</button></form>",
        escape(login_url)
    );
    page(StatusCode::OK, "Enter code", "'self'", &body, "")
}

pub(crate) fn device_code_done() -> Reply {
    closing("<p>Go back to the app on your device.</p>")
}

/// The end of an admin consent that leads nowhere.
pub(crate) fn consent_done(granted: bool) -> Reply {
    closing(match granted {
        true => "<p id=\"consented\">The permissions have been granted for your organization.</p>",
        false => "<p id=\"error\">No permission has been granted.</p>",
    })
}

fn closing(text: &str) -> Reply {
    page(StatusCode::OK, "You can close this window", "'none'", text, "")
}

pub(crate) fn signed_out() -> Reply {
    page(
        StatusCode::OK,
        "You signed out",
        "'none'",
        "<p>It’s a good idea to close all browser windows.</p>",
        "",
    )
}

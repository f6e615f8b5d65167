//! The pages a person sees while signing in. Plain HTML; scripts and styles only by nonce.

use http::StatusCode;
use url::Url;
use uuid::Uuid;

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

pub(crate) fn account_picker(login_url: &str, authority: &str, fields: &[(String, String)]) -> Reply {
    let passed: String = fields
        .iter()
        .filter(|(name, _)| name != "demo_account")
        .map(|(name, value)| hidden(name, value))
        .collect();
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
        "<form method=\"get\" action=\"{}/{}/oauth2/v2.0/authorize\">{passed}{accounts}<button name=\"demo_account\" value=\"cancel\" id=\"account-cancel\">Cancel</button></form>",
        escape(login_url),
        escape(authority)
    );
    let redirect =
        fields.iter().find(|(name, _)| name == "redirect_uri").map_or("", |(_, value)| value.as_str());
    page(StatusCode::OK, "Pick an account", &format!("'self' {}", form_target(redirect)), &body, "")
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
    page(
        StatusCode::OK,
        "You can close this window",
        "'none'",
        "<p>Go back to the app on your device.</p>",
        "",
    )
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

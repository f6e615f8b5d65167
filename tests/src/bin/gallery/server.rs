//! Serves the UI on the fake engine under the policy of the packaged window.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use unlatch_e2e::Failure;
use url::Url;

#[derive(Debug)]
struct Served {
    folder: PathBuf,
    policy: HeaderValue,
}

/// Serves a folder on loopback for as long as this process runs. Gives where.
///
/// # Errors
/// When there is nothing to serve, or no port.
pub async fn serve(folder: PathBuf, policy: &str) -> Result<Url, Failure> {
    let page = folder.join("gallery.html");
    if !page.is_file() {
        return Err(Failure::new(format!(
            "{} is missing: build it with `npm run build:fake`",
            page.display()
        )));
    }
    let policy = HeaderValue::from_str(policy).map_err(|error| Failure::new(error.to_string()))?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = format!("http://{}/gallery.html", listener.local_addr()?);
    let app = Router::new().fallback(file).with_state(Arc::new(Served { folder, policy }));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Url::parse(&address).map_err(|error| Failure::new(error.to_string()))
}

/// The Content-Security-Policy of the packaged window, without its way to the engine.
///
/// # Errors
/// When the configuration has none.
pub fn policy(configuration: &str) -> Result<String, Failure> {
    let configuration: Value =
        serde_json::from_str(configuration).map_err(|error| Failure::new(error.to_string()))?;
    let policy = configuration
        .pointer("/app/security/csp")
        .and_then(Value::as_str)
        .ok_or_else(|| Failure::new("tauri.conf.json has no app.security.csp"))?;
    let parts = policy.split(';').map(str::trim).filter(|part| !part.is_empty());
    let kept: Vec<&str> = parts
        .map(|part| if part.starts_with("connect-src ") { "connect-src 'none'" } else { part })
        .collect();
    Ok(kept.join("; "))
}

async fn file(State(served): State<Arc<Served>>, asked: Uri) -> Response {
    let Some((path, kind)) = inside(asked.path()) else { return StatusCode::NOT_FOUND.into_response() };
    let Ok(bytes) = fs::read(served.folder.join(path)) else { return StatusCode::NOT_FOUND.into_response() };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_SECURITY_POLICY, served.policy.clone()),
    ];
    (headers, bytes).into_response()
}

/// A path below the folder and what kind of file it is.
fn inside(asked: &str) -> Option<(&Path, &'static str)> {
    let path = Path::new(asked.strip_prefix('/')?);
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let kind = match path.extension()?.to_str()? {
        "html" => "text/html",
        "js" => "text/javascript",
        "css" => "text/css",
        "svg" => "image/svg+xml",
        _ => return None,
    };
    Some((path, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_is_that_of_the_window_without_its_engine() {
        let configuration = r#"{"app":{"security":{"csp":"default-src 'none'; connect-src ipc: http://ipc.localhost; base-uri 'none'"}}}"#;
        assert_eq!(policy(configuration).unwrap(), "default-src 'none'; connect-src 'none'; base-uri 'none'");
        assert!(policy("{}").is_err());
    }

    #[test]
    fn nothing_outside_the_folder_is_served() {
        assert_eq!(inside("/assets/a.js"), Some((Path::new("assets/a.js"), "text/javascript")));
        assert!(inside("/../a.js").is_none() && inside("//etc/a.js").is_none() && inside("/a.exe").is_none());
    }
}

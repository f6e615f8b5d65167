//! Opening the sign-in page.

use std::sync::Arc;

use unlatch_auth::Browser;
use unlatch_demo_tenant::DemoTenant;
use unlatch_graph::is_loopback;
use url::Url;

/// The browser of the system: on Linux what `xdg-open` starts, so `$BROWSER` counts.
pub struct SystemBrowser;

impl Browser for SystemBrowser {
    fn open(&self, url: &Url) -> Result<(), String> {
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(url)) {
            return Err("only https addresses are opened".to_owned());
        }
        tauri_plugin_opener::open_url(url.as_str(), None::<&str>).map_err(|error| error.to_string())
    }
}

/// Signs the demo tenant's own admin in, on a machine that has no browser.
pub struct NoBrowserNeeded(pub Arc<DemoTenant>);

impl Browser for NoBrowserNeeded {
    fn open(&self, url: &Url) -> Result<(), String> {
        let (tenant, url) = (self.0.clone(), url.clone());
        tauri::async_runtime::spawn(async move {
            if let Err(error) = tenant.sign_in_without_browser(&url).await {
                tracing::warn!(%error, "the demo tenant could not sign its admin in");
            }
        });
        Ok(())
    }
}

/// Whether this machine seems to have a browser.
pub fn at_hand() -> bool {
    const ON_LINUX: [&str; 9] = [
        "x-www-browser",
        "firefox",
        "firefox-esr",
        "chromium",
        "google-chrome",
        "microsoft-edge",
        "brave-browser",
        "epiphany",
        "konqueror",
    ];
    if !cfg!(target_os = "linux") || std::env::var_os("BROWSER").is_some_and(|browser| !browser.is_empty()) {
        return true;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| ON_LINUX.iter().any(|name| folder.join(name).is_file()))
}

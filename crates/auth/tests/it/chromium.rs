//! Chromium without a window, and a person in front of it.

use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use fantoccini::error::CmdError;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::time::Instant;
use unlatch_auth::Browser;
use url::Url;

/// How long a page may take to come. More than it ever should, as machines may be busy.
const PATIENCE: Duration = Duration::from_secs(30);
/// The pages of `tests/foreign/server.mjs` that ask for something.
const ASKING: &str = "form#sign-in, form#pick, form#consent";

/// A browser with a fresh profile. It ends with its driver, and that with this.
pub struct Chromium {
    client: Client,
    _driver: Child,
    _output: Lines<BufReader<ChildStdout>>,
    _profile: TempDir,
}

impl Chromium {
    pub async fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .env("HOME", profile.path())
            .env("TMPDIR", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut output = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = loop {
            let line = output.next_line().await.unwrap().unwrap();
            if let Some((_, port)) = line.split_once("successfully on port ") {
                break port.trim_end_matches('.').to_owned();
            }
        };
        let profile_argument = format!("--user-data-dir={}", profile.path().join("profile").display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // The server's own pages ask for a font from elsewhere. There is no elsewhere in a test.
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
            "--no-proxy-server",
            // Over a pipe the browser ends with its driver, however that ends.
            "--remote-debugging-pipe",
            &profile_argument,
        ];
        let mut capabilities = Capabilities::new();
        capabilities.insert("goog:chromeOptions".to_owned(), json!({ "args": arguments }));
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap();
        Self { client, _driver: driver, _output: output, _profile: profile }
    }

    /// Opens the address of a sign-in and does what the pages ask for, until the browser is back on `localhost`: signs in as
    /// that account and agrees to everything, or, without one, gives up at the first page.
    pub async fn sign_in(&self, username: Option<&str>, opened: Url) -> Seen {
        let client = &self.client;
        client.goto(opened.as_str()).await.unwrap();
        let mut pages = Vec::new();
        until("the answer", async || {
            if client.current_url().await?.host_str() == Some("localhost") {
                return Ok(Some(()));
            }
            let form = client.find(Locator::Css(ASKING)).await?;
            let page = form.attr("id").await?.unwrap_or_default();
            if pages.last() == Some(&page) {
                return Ok(None);
            }
            if let ("sign-in", Some(username)) = (page.as_str(), username) {
                let field = form.find(Locator::Css("[name=upn]")).await?;
                field.clear().await?;
                field.send_keys(username).await?;
            }
            let button = if username.is_some() { "[name=go]" } else { "[name=cancel]" };
            form.find(Locator::Css(button)).await?.click().await?;
            pages.push(page);
            Ok(None)
        })
        .await;
        let heading = self.text("main h1").await;
        let sentence = self.text("main p").await;
        let address = client.current_url().await.unwrap().to_string();
        let display =
            client.execute("return getComputedStyle(document.body).display", Vec::new()).await.unwrap();
        Seen { opened, pages, address, heading, sentence, styled: display == "grid" }
    }

    /// The text of the first such element, once there is one.
    async fn text(&self, selector: &str) -> String {
        until(selector, async || Ok(Some(self.client.find(Locator::Css(selector)).await?.text().await?)))
            .await
    }

    pub async fn close(self) {
        self.client.close().await.unwrap();
    }
}

/// What a person saw on the way, and last.
#[derive(Debug)]
pub struct Seen {
    /// The address that was opened.
    pub opened: Url,
    /// The pages that asked for something.
    pub pages: Vec<String>,
    /// What the address bar shows at the end.
    pub address: String,
    /// The heading of the page at the end.
    pub heading: String,
    /// The sentence below it.
    pub sentence: String,
    /// Whether that page's own style is in force.
    pub styled: bool,
}

/// Hands the address over to whoever sits in front of the browser.
pub struct Handover(Mutex<Option<oneshot::Sender<Url>>>);

impl Handover {
    pub fn new() -> (Self, oneshot::Receiver<Url>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Mutex::new(Some(sender))), receiver)
    }
}

impl Browser for Handover {
    fn open(&self, url: &Url) -> Result<(), String> {
        let sender = self.0.lock().unwrap().take().ok_or("opened twice")?;
        sender.send(url.clone()).map_err(|_| "nobody is there".to_owned())
    }
}

/// Asks again and again until there is an answer. What fails meanwhile may be a page that is on its way out.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Result<Option<T>, CmdError>) -> T {
    let start = Instant::now();
    loop {
        let answer = ask().await;
        if let Ok(Some(found)) = answer {
            return found;
        }
        if start.elapsed() > PATIENCE {
            let failure = answer.err().map(|error| error.to_string()).unwrap_or_default();
            panic!("still waiting for {what}: {}", failure.lines().next().unwrap_or_default());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

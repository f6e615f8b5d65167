//! Chromium without a window, and a person in front of it.

use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use fantoccini::elements::Element;
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
use unlatch_auth::{Browser, DeviceCode};
use url::Url;

use crate::browser::page_words;

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

    /// Opens the address of a sign-in and does what the pages ask for, until the browser is back on our page: signs in as that
    /// account and agrees to everything, or, without one, gives up at the first page.
    pub async fn sign_in(&self, username: Option<&str>, opened: Url) -> Seen {
        let client = &self.client;
        client.goto(opened.as_str()).await.unwrap();
        let pages = self.answer_pages(username, &page_words().title).await;
        let sentence = self.text("main p").await;
        let address = client.current_url().await.unwrap().to_string();
        let display =
            client.execute("return getComputedStyle(document.body).display", Vec::new()).await.unwrap();
        Seen { opened, pages, address, sentence, styled: display == "grid" }
    }

    /// Types a code on its page and, if it is shown again, signs in as that account, or, without one, gives up.
    pub async fn type_code(&self, username: Option<&str>, code: &DeviceCode) -> Vec<String> {
        self.client.goto(code.verification_uri.as_str()).await.unwrap();
        let field = self.first("input[name=user_code]").await;
        field.send_keys(&code.user_code).await.unwrap();
        self.press("button[form='op.deviceInputForm']").await;
        assert_eq!(self.text("code").await, code.user_code);
        match username {
            Some(_) => {
                self.press("button[form='op.deviceConfirmForm'][autofocus]").await;
                self.answer_pages(username, "Sign-in Success").await
            }
            None => {
                self.press("button[name=abort]").await;
                until("the interruption", async || {
                    let words = self.client.find(Locator::Css("p.red")).await?.text().await?;
                    Ok((words == "The Sign-in request was interrupted").then(Vec::new))
                })
                .await
            }
        }
    }

    /// Opens a page for signing out and agrees to it.
    pub async fn sign_out(&self, page: &Url) {
        self.client.goto(page.as_str()).await.unwrap();
        assert!(self.text("h1").await.starts_with("Do you want to sign-out"));
        self.press("button[name=logout]").await;
        self.answer_pages(None, "Sign-out Success").await;
    }

    /// Does what each page asks for until one has that heading. Gives the pages that asked.
    async fn answer_pages(&self, username: Option<&str>, heading: &str) -> Vec<String> {
        let mut pages = Vec::new();
        until(heading, async || {
            if let Ok(found) = self.client.find(Locator::Css("h1")).await
                && found.text().await? == heading
            {
                return Ok(Some(()));
            }
            let form = self.client.find(Locator::Css(ASKING)).await?;
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
        pages
    }

    /// The first such element, once there is one.
    async fn first(&self, selector: &str) -> Element {
        until(selector, async || Ok(Some(self.client.find(Locator::Css(selector)).await?))).await
    }

    async fn press(&self, selector: &str) {
        self.first(selector).await.click().await.unwrap();
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
    /// The sentence on the page at the end.
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

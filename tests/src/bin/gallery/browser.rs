//! Chromium without a window, as large and as dark as it is told to be.

use std::process::Stdio;
use std::time::Duration;

use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::Instant;
use unlatch_e2e::Failure;
use url::{ParseError, Url};

use crate::finding::Finding;
use crate::shots::Looks;

/// How long a scene may take until it stands still.
const PATIENCE: Duration = Duration::from_secs(30);
const WATCH: &str = include_str!("watch.js");
const LAYOUT: &str = include_str!("layout.js");
/// Gives what axe finds, in the form of the other findings.
const AXE: &str = "
const [options, done] = [arguments[0], arguments[1]];
axe.run(document, options).then(
  ({ violations }) => done(violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, any }) =>
      ['axe ' + id, window.galleryName(document.querySelector(target.flat().at(-1))), any[0]?.message ?? help]))),
  (error) => done([['error', 'axe', String(error)]]));";

/// A browser with a fresh profile. It ends with its driver, and that with this.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    _driver: Child,
    _output: Lines<BufReader<ChildStdout>>,
    _profile: TempDir,
}

impl Browser {
    /// Starts it; `axe` is the source of axe-core, which every page gets.
    ///
    /// # Errors
    /// When there is no Chromium or no driver of it.
    pub async fn start(axe: &str) -> Result<Self, Failure> {
        let profile = tempfile::tempdir()?;
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .env("HOME", profile.path())
            .env("TMPDIR", profile.path())
            // Pictures show local times.
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Failure::new(format!("chromedriver cannot be started: {error}")))?;
        let output = driver.stdout.take().ok_or_else(|| Failure::new("chromedriver has no output"))?;
        let mut output = BufReader::new(output).lines();
        let port = loop {
            let line = output.next_line().await?.ok_or_else(|| Failure::new("chromedriver ended at once"))?;
            if let Some((_, port)) = line.split_once("successfully on port ") {
                break port.trim_end_matches('.').to_owned();
            }
        };
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--force-color-profile=srgb",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
            "--no-proxy-server",
            // Over a pipe the browser ends with its driver, however that ends.
            "--remote-debugging-pipe",
            &format!("--user-data-dir={}", profile.path().join("profile").display()),
        ];
        let mut capabilities = Capabilities::new();
        capabilities.insert("goog:chromeOptions".to_owned(), json!({ "args": arguments }));
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .map_err(|error| Failure::new(format!("Chromium cannot be started: {error}")))?;
        let browser = Self { client, _driver: driver, _output: output, _profile: profile };
        for source in [WATCH, axe] {
            browser.tell("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await?;
        }
        Ok(browser)
    }

    async fn tell(&self, method: &str, parameters: Value) -> Result<Value, Failure> {
        let body = json!({ "cmd": method, "params": parameters }).to_string();
        Ok(self.client.issue_cmd(DevTools(body)).await?)
    }

    async fn ask(&self, script: &str) -> Result<Value, Failure> {
        Ok(self.client.execute(script, Vec::new()).await?)
    }

    /// Makes the page as large, as dark and as quiet as that.
    pub async fn look(&self, looks: &Looks) -> Result<(), Failure> {
        let (width, height) = looks.size;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.tell("Emulation.setDeviceMetricsOverride", size).await?;
        let wanted = json!([
            { "name": "prefers-color-scheme", "value": looks.theme.name() },
            { "name": "prefers-reduced-motion", "value": looks.emulated.motion() },
            { "name": "prefers-contrast", "value": looks.emulated.contrast() },
            { "name": "forced-colors", "value": looks.emulated.colours() },
        ]);
        self.tell("Emulation.setEmulatedMedia", json!({ "features": wanted })).await?;
        Ok(())
    }

    /// Opens a page of the gallery and waits until it stands still.
    pub async fn open(&self, address: &Url) -> Result<(), Failure> {
        self.client.goto(address.as_str()).await?;
        let start = Instant::now();
        loop {
            let state = self
                .ask("const { ready, failed } = document.documentElement.dataset; return { ready, failed }")
                .await?;
            if let Some(failed) = state["failed"].as_str() {
                return Err(Failure::new(failed));
            }
            if state["ready"].is_string() {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                let wrongs = self.wrongs().await?;
                let words: Vec<&str> = wrongs.iter().map(|wrong| wrong.words.as_str()).collect();
                return Err(Failure::new(format!("the page does not come to rest; {}", words.join("; "))));
            }
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    /// Waits until what was changed by [`Browser::look`] is drawn.
    pub async fn settle(&self) -> Result<(), Failure> {
        let script = "const done = arguments[0];
            const ending = () => document.getAnimations().filter(({ effect }) => effect.getComputedTiming().endTime !== Infinity);
            const frames = (then) => requestAnimationFrame(() => requestAnimationFrame(then));
            frames(() => Promise.allSettled(ending().map(({ finished }) => finished)).then(() => frames(() => done())));";
        self.client.execute_async(script, Vec::new()).await?;
        Ok(())
    }

    /// What the list of scenes says of each.
    pub async fn scenes(&self) -> Result<Value, Failure> {
        self.ask("return [...document.querySelectorAll('[data-scene]')].map(({ dataset }) => [dataset.scene, Number(dataset.from)])")
            .await
    }

    /// What axe finds.
    pub async fn axe(&self, options: Value) -> Result<Vec<Finding>, Failure> {
        Ok(Finding::all(&self.client.execute_async(AXE, vec![options]).await?))
    }

    /// What is wrong with the layout.
    pub async fn layout(&self) -> Result<Vec<Finding>, Failure> {
        Ok(Finding::all(&self.ask(LAYOUT).await?))
    }

    /// What went wrong in the page since it was opened.
    pub async fn wrongs(&self) -> Result<Vec<Finding>, Failure> {
        Ok(Finding::all(&self.ask("return window.galleryWrong.splice(0)").await?))
    }

    /// The page as a PNG.
    pub async fn picture(&self) -> Result<Vec<u8>, Failure> {
        Ok(self.client.screenshot().await?)
    }

    /// Ends it.
    pub async fn close(self) -> Result<(), Failure> {
        Ok(self.client.close().await?)
    }
}

/// A command of the browser's own tools, which its driver passes on.
#[derive(Debug)]
struct DevTools(String);

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.0.clone()))
    }
}

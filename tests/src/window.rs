//! Unlatch in a window, with WebKitWebDriver at the controls.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use fantoccini::wd::TimeoutConfiguration;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::display::{HEIGHT, WIDTH};
use crate::failure::Failure;
use crate::page::Page;
use crate::process::Running;
use crate::stage::Stage;

/// The most one question to the driver may take.
const ANSWER: Duration = Duration::from_secs(30);

/// What Unlatch is started with.
#[derive(Debug, Clone, Default)]
pub struct Launch {
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
}

impl Launch {
    /// With no arguments but the one without which root, as whom tests often run, gets no window.
    #[must_use]
    pub fn plain() -> Self {
        Self::default().argument("--allow-root")
    }

    /// Adds an argument.
    #[must_use]
    pub fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// A command that starts a program with this on a stage, with nobody at the controls.
    ///
    /// # Errors
    /// When the demo browser was not built.
    pub fn command(&self, stage: &Stage, program: &Path) -> Result<Command, Failure> {
        let mut command = stage.session().command(program);
        command.envs(variables(stage, self)?).args(&self.arguments);
        Ok(command)
    }

    /// In dark colours, whatever the desktop says.
    #[must_use]
    pub fn dark(self) -> Self {
        self.variable("GTK_THEME", "Adwaita:dark")
    }
}

/// A window that is open. Call [`Window::close`] before another is opened on the same stage.
#[derive(Debug)]
pub struct Window<'a> {
    stage: &'a Stage,
    launch: Launch,
    client: Option<Client>,
    driver: Running,
    log: PathBuf,
}

impl<'a> Window<'a> {
    /// Starts Unlatch and waits until its page can be asked.
    ///
    /// # Errors
    /// When the driver or Unlatch does not come up; the words say which and hold the last lines of output.
    pub async fn open(stage: &'a Stage, launch: &Launch) -> Result<Window<'a>, Failure> {
        let program = crate::unlatch()?;
        let log = stage.session().folder().join("output.log");
        let (driver, port) = start_driver(stage, launch, &log)?;
        let mut window = Window { stage, launch: launch.clone(), client: None, driver, log };
        let arguments: Vec<Value> =
            launch.arguments.iter().map(|argument| json!(argument.to_string_lossy())).collect();
        let mut capabilities = fantoccini::wd::Capabilities::new();
        capabilities.insert(
            "webkitgtk:browserOptions".to_owned(),
            json!({"binary": program.to_string_lossy(), "args": arguments}),
        );
        let address = format!("http://127.0.0.1:{port}");
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let connecting = builder.capabilities(capabilities).connect(&address);
        let client = match tokio::time::timeout(ANSWER, connecting).await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return Err(window.not_opened(&program, &error.to_string())),
            Err(_) => return Err(window.not_opened(&program, "no answer within 30 seconds")),
        };
        let limits =
            TimeoutConfiguration::new(Some(Duration::from_secs(20)), Some(Duration::from_secs(20)), None);
        client.update_timeouts(limits).await?;
        client.set_window_rect(0, 0, WIDTH, HEIGHT).await?;
        window.client = Some(client);
        window.page().listen_for_violations().await?;
        Ok(window)
    }

    /// The resident memory of Unlatch and of all its processes, in bytes.
    ///
    /// # Errors
    /// When Unlatch was not built.
    pub fn resident(&self) -> Result<u64, Failure> {
        Ok(self.stage.session().resident(&crate::unlatch()?))
    }

    /// The processes of Unlatch: its own and all that it started.
    ///
    /// # Errors
    /// When Unlatch was not built.
    pub fn family(&self) -> Result<Vec<u32>, Failure> {
        Ok(self.stage.session().family(&crate::unlatch()?))
    }

    /// The page in the window.
    #[must_use]
    pub fn page(&self) -> Page<'_> {
        Page::of(self)
    }

    /// The stage it stands on.
    #[must_use]
    pub fn stage(&self) -> &Stage {
        self.stage
    }

    /// Closes the window the hard way: the process is killed, as in a crash. Until then nothing may have been blocked by the
    /// content security policy.
    ///
    /// # Errors
    /// When something was, or when it is still there ten seconds later.
    pub async fn close(self) -> Result<(), Failure> {
        let blocked = self.page().violations().await?;
        if blocked.is_empty() {
            return self.close_although_blocked().await;
        }
        let words = format!("the content security policy was violated: {blocked:?}");
        Err(self.with_evidence(Failure::new(words)).await)
    }

    /// Closes the window the hard way, whatever the content security policy has blocked.
    ///
    /// # Errors
    /// When it is still there ten seconds later.
    pub async fn close_although_blocked(mut self) -> Result<(), Failure> {
        if let Some(client) = self.client.take() {
            answered(client.close()).await?;
        }
        self.is_gone(&crate::unlatch()?).await
    }

    async fn is_gone(&self, program: &Path) -> Result<(), Failure> {
        let start = Instant::now();
        while self.stage.session().runs(program) {
            if start.elapsed() > Duration::from_secs(10) {
                return Err(Failure::new("Unlatch still runs ten seconds after its window was closed"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Kills Unlatch (SIGKILL) with no warning, and lets go of its driver.
    ///
    /// # Errors
    /// When its content security policy had blocked something, when it was not running, or still is ten seconds later.
    pub async fn kill(mut self) -> Result<(), Failure> {
        let program = crate::unlatch()?;
        // A page that has no time to answer has nothing to hide.
        let blocked = tokio::time::timeout(Duration::from_millis(500), self.page().violations()).await;
        if let Ok(Ok(blocked)) = blocked
            && !blocked.is_empty()
        {
            return Err(Failure::new(format!("the content security policy was violated: {blocked:?}")));
        }
        if self.stage.session().kill(&program) == 0 {
            return Err(Failure::new("there was nothing to kill"));
        }
        // The driver notices by itself; what it says of it does not matter.
        if let Some(client) = self.client.take() {
            let _ = answered(client.close()).await;
        }
        self.is_gone(&program).await
    }

    /// A command that starts Unlatch once more on the same stage, as a person might, with nobody at the controls.
    ///
    /// # Errors
    /// When Unlatch was not built.
    pub fn another(&self) -> Result<Command, Failure> {
        self.launch.command(self.stage, &crate::unlatch()?)
    }

    /// What Unlatch wrote to its standard output and error so far, this start and earlier ones on this stage.
    #[must_use]
    pub fn output(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    pub(crate) fn client(&self) -> Result<&Client, Failure> {
        self.client.as_ref().ok_or_else(|| Failure::new("the window is closed"))
    }

    /// Adds to a failure where the evidence of it lies.
    pub(crate) async fn with_evidence(&self, failure: Failure) -> Failure {
        let source = match &self.client {
            Some(client) => answered(client.source()).await.ok(),
            None => None,
        };
        let place = self.stage.keep_evidence(source.as_deref(), &self.log);
        Failure::new(format!("{failure}; screenshot, page and output are in {}", place.display()))
    }

    fn not_opened(&mut self, program: &Path, why: &str) -> Failure {
        let place = self.stage.keep_evidence(None, &self.log);
        let output = self.output();
        let last: Vec<&str> = output.lines().rev().take(20).collect();
        let last = last.into_iter().rev().collect::<Vec<_>>().join("\n  ");
        let driver = match self.driver.ended() {
            Some(status) => format!("; the web driver ended with {status}"),
            None => String::new(),
        };
        Failure::new(format!(
            "no window of {} ({why}{driver}); a screenshot is in {}; its last words:\n  {last}",
            program.display(),
            place.display()
        ))
    }
}

impl Drop for Window<'_> {
    /// Keeps evidence if the test fails on an assertion. The processes end with the driver and the session.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let source = self.client.as_ref().and_then(|client| {
                let handle = tokio::runtime::Handle::try_current().ok()?;
                tokio::task::block_in_place(|| handle.block_on(answered(client.source()))).ok()
            });
            self.stage.keep_evidence(source.as_deref(), &self.log);
        }
    }
}

/// Waits for the driver, but not for ever.
pub(crate) async fn answered<T>(
    question: impl Future<Output = Result<T, fantoccini::error::CmdError>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(ANSWER, question).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Failure::new("the web driver did not answer within 30 seconds")),
    }
}

/// What a window on that stage needs to know, over what the session tells.
fn variables(stage: &Stage, launch: &Launch) -> Result<Vec<(OsString, OsString)>, Failure> {
    let mut variables: Vec<(OsString, OsString)> = [
        ("DISPLAY", stage.display().name()),
        ("GDK_BACKEND", "x11"),
        ("WEBKIT_DISABLE_DMABUF_RENDERER", "1"),
        ("LIBGL_ALWAYS_SOFTWARE", "1"),
        ("NO_AT_BRIDGE", "1"),
        ("LC_ALL", "C.UTF-8"),
        ("TZ", "UTC"),
    ]
    .map(|(name, value)| (name.into(), value.into()))
    .to_vec();
    variables.push(("BROWSER".into(), crate::built("unlatch-demo-browser")?.into()));
    variables.extend(launch.variables.iter().cloned());
    Ok(variables)
}

fn start_driver(stage: &Stage, launch: &Launch, log: &Path) -> Result<(Running, u16), Failure> {
    let output = fs::OpenOptions::new().create(true).append(true).open(log)?;
    // Another program may take the port between its choice and its use.
    for _ in 0..3 {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut command = stage.session().command("WebKitWebDriver");
        command.args(["--host=127.0.0.1", &format!("--port={port}")]);
        command.stdout(output.try_clone()?).stderr(output.try_clone()?);
        command.envs(variables(stage, launch)?).env("TAURI_WEBVIEW_AUTOMATION", "true");
        let mut driver = Running::start("WebKitWebDriver", &mut command)?;
        let start = Instant::now();
        while driver.ended().is_none() {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok((driver, port));
            }
            if start.elapsed() > Duration::from_secs(10) {
                return Err(Failure::new("WebKitWebDriver does not listen"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    Err(Failure::new("WebKitWebDriver ends as soon as it is started"))
}

//! Any page: its parts by their `data-testid`, and how a person waits for them, clicks and types.

use std::path::Path;
use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::{Client, Locator};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::window::{Window, answered};

/// How long anything on the page may take to appear.
pub const TIME_LIMIT: Duration = Duration::from_secs(20);

const BETWEEN_LOOKS: Duration = Duration::from_millis(40);

const ENTER: &str = "\u{E007}";

/// The page in a window.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    window: &'a Window<'a>,
}

impl<'a> Page<'a> {
    pub(crate) fn of(window: &'a Window<'a>) -> Self {
        Self { window }
    }

    pub(crate) fn client(&self) -> Result<&'a Client, Failure> {
        self.window.client()
    }

    pub(crate) async fn with_evidence(&self, failure: Failure) -> Failure {
        self.window.with_evidence(failure).await
    }

    /// Waits for a part and gives it.
    ///
    /// # Errors
    /// When it does not appear in time.
    pub async fn appears(&self, id: &str) -> Result<Element, Failure> {
        self.until(&format!("{id} to appear"), async || self.find(id).await).await
    }

    /// Waits until a part is no longer there.
    ///
    /// # Errors
    /// When it stays.
    pub async fn disappears(&self, id: &str) -> Result<(), Failure> {
        self.until(&format!("{id} to disappear"), async || Ok(self.find(id).await?.is_none().then_some(())))
            .await
    }

    /// Whether a part is there now.
    ///
    /// # Errors
    /// When the driver does not answer.
    pub async fn shows(&self, id: &str) -> Result<bool, Failure> {
        Ok(self.find(id).await?.is_some())
    }

    /// Returns whether a part that is there cannot be used now.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn is_disabled(&self, id: &str) -> Result<bool, Failure> {
        let script = "return document.querySelector(arguments[0]).disabled;";
        Ok(self.run(script, vec![selector(id).into()]).await? == true)
    }

    /// Clicks a part as soon as it can be clicked.
    ///
    /// # Errors
    /// When it cannot be in time: absent, disabled or covered.
    pub async fn click(&self, id: &str) -> Result<(), Failure> {
        self.click_at(&selector(id), id).await
    }

    /// Clicks the first part with that name whose words hold `text`.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn click_the_one_with(&self, id: &str, text: &str) -> Result<(), Failure> {
        let script = "return [...document.querySelectorAll(arguments[0])]
            .findIndex((part) => part.innerText.includes(arguments[1]));";
        self.until(&format!("{id} with “{text}”"), async || {
            let place = self.run(script, vec![json!(selector(id)), json!(text)]).await?;
            let Some(place) = place.as_u64().and_then(|place| usize::try_from(place).ok()) else {
                return Ok(None);
            };
            let parts = answered(self.window.client()?.find_all(Locator::Css(&selector(id)))).await?;
            let Some(part) = parts.get(place) else { return Ok(None) };
            answered(part.click()).await?;
            Ok(Some(()))
        })
        .await
    }

    /// Replaces what stands in a field. The driver cannot type what lies beyond the basic plane, such as emoji.
    ///
    /// # Errors
    /// When the field does not appear or does not take the text.
    pub async fn fill(&self, id: &str, text: &str) -> Result<(), Failure> {
        let field = self.appears(id).await?;
        answered(field.click()).await?;
        answered(field.clear()).await?;
        answered(field.send_keys(text)).await?;
        self.until(&format!("{id} to hold what was typed"), async || {
            Ok((answered(field.prop("value")).await?.as_deref() == Some(text)).then_some(()))
        })
        .await
    }

    /// Pastes a text into a field, as from the clipboard.
    ///
    /// # Errors
    /// When the field does not appear.
    pub async fn paste(&self, id: &str, text: &str) -> Result<(), Failure> {
        self.appears(id).await?;
        let script = "const field = document.querySelector(arguments[0]);
            field.focus();
            const clipboardData = new DataTransfer();
            clipboardData.setData('text/plain', arguments[1]);
            field.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));";
        self.run(script, vec![json!(selector(id)), json!(text)]).await.map(drop)
    }

    /// Gives a file to a part that opens files.
    ///
    /// # Errors
    /// When it does not take it.
    pub async fn open_file(&self, id: &str, file: &Path) -> Result<(), Failure> {
        let field = self.appears(id).await?;
        answered(field.send_keys(&file.to_string_lossy())).await
    }

    /// What stands in a field.
    ///
    /// # Errors
    /// When it does not appear.
    pub async fn value_of(&self, id: &str) -> Result<String, Failure> {
        let field = self.appears(id).await?;
        Ok(answered(field.prop("value")).await?.unwrap_or_default())
    }

    /// Presses Enter in a part.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn press_enter(&self, id: &str) -> Result<(), Failure> {
        let part = self.appears(id).await?;
        answered(part.send_keys(ENTER)).await
    }

    /// The words in a part, once it is there.
    ///
    /// # Errors
    /// When it does not appear.
    pub async fn text_of(&self, id: &str) -> Result<String, Failure> {
        let part = self.appears(id).await?;
        answered(part.text()).await
    }

    /// All the words on the page.
    ///
    /// # Errors
    /// When the driver does not answer.
    pub async fn words(&self) -> Result<String, Failure> {
        let words = self.run("return document.body.innerText;", Vec::new()).await?;
        Ok(words.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until the page says something.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn says(&self, words: &str) -> Result<(), Failure> {
        self.until(&format!("the words “{words}”"), async || {
            Ok(self.words().await?.contains(words).then_some(()))
        })
        .await
    }

    /// Runs a script in the page and gives what it returns.
    ///
    /// # Errors
    /// When it throws or the driver does not answer.
    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> Result<Value, Failure> {
        answered(self.window.client()?.execute(script, arguments)).await
    }

    /// Runs a script that gives what it found to the function that is its last argument.
    ///
    /// # Errors
    /// When it throws or the driver does not answer.
    pub async fn run_async(&self, script: &str, arguments: Vec<Value>) -> Result<Value, Failure> {
        answered(self.window.client()?.execute_async(script, arguments)).await
    }

    /// Waits until what the page holds is on the screen: transitions have ended and two frames were drawn since.
    ///
    /// # Errors
    /// When the driver does not answer.
    pub async fn is_painted(&self) -> Result<(), Failure> {
        let script = "const done = arguments[0];
            const ending = document.getAnimations()
                .filter((animation) => animation.effect?.getComputedTiming().endTime !== Infinity);
            const frame = () => new Promise((drawn) => requestAnimationFrame(drawn));
            Promise.allSettled(ending.map((animation) => animation.finished)).then(frame).then(frame).then(() => done(true));";
        answered(self.window.client()?.execute_async(script, Vec::new())).await.map(drop)
    }

    /// Looks again and again until there is something to give.
    ///
    /// # Errors
    /// When there is nothing in time: the words name what was waited for, what the page complains of, and where the
    /// evidence is.
    pub async fn until<T>(
        &self,
        what: &str,
        look: impl AsyncFnMut() -> Result<Option<T>, Failure>,
    ) -> Result<T, Failure> {
        self.until_within(TIME_LIMIT, what, look).await
    }

    /// As [`Page::until`], for what takes longer.
    ///
    /// # Errors
    /// When there is nothing in time.
    pub async fn until_within<T>(
        &self,
        limit: Duration,
        what: &str,
        mut look: impl AsyncFnMut() -> Result<Option<T>, Failure>,
    ) -> Result<T, Failure> {
        let start = Instant::now();
        loop {
            let trouble = match look().await {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => None,
                Err(failure) => Some(failure),
            };
            if start.elapsed() > limit {
                let mut words = format!("waited {} s for {what}", limit.as_secs());
                if let Some(trouble) = trouble {
                    words = format!("{words}, lastly: {trouble}");
                }
                if let Ok(Some(complaint)) = self.complaint().await {
                    words = format!("{words}; the page says: {complaint}");
                }
                return Err(self.window.with_evidence(Failure::new(words)).await);
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    // What the page must not do, and what it holds.

    pub(crate) async fn listen_for_violations(&self) -> Result<(), Failure> {
        // What was blocked while the page was loaded is told afterwards, where the webview keeps it.
        let script = "window.__violations = [];
            const told = (directive, what) => window.__violations.push(`${directive} ${what}`);
            document.addEventListener('securitypolicyviolation', (violation) =>
                told(violation.violatedDirective, violation.blockedURI));
            if (window.ReportingObserver) new ReportingObserver((reports) => reports.forEach(({ body }) =>
                told(body.effectiveDirective, body.blockedURL)), { types: ['csp-violation'], buffered: true }).observe();";
        self.run(script, Vec::new()).await.map(drop)
    }

    /// What the content security policy has blocked since the window opened.
    ///
    /// # Errors
    /// When the page was loaded anew, so that nothing is known.
    pub async fn violations(&self) -> Result<Vec<String>, Failure> {
        let seen = self.run("return window.__violations ?? null;", Vec::new()).await?;
        let seen = seen.as_array().ok_or_else(|| Failure::new("the page was loaded anew"))?;
        Ok(seen.iter().map(|seen| seen.as_str().unwrap_or_default().to_owned()).collect())
    }

    /// Everything the page holds that a script can read: its markup, the fields' values, every storage, and the
    /// addresses of all it loaded.
    ///
    /// # Errors
    /// When the driver does not answer.
    pub async fn everything_held(&self) -> Result<String, Failure> {
        let script = "const done = arguments[0];
            const fields = [...document.querySelectorAll('input, textarea')].map((field) => field.value);
            const stores = [localStorage, sessionStorage].map((store) => JSON.stringify({ ...store }));
            const loaded = performance.getEntries().map((entry) => entry.name);
            const databases = indexedDB.databases ? indexedDB.databases() : Promise.resolve([]);
            databases.catch(() => []).then((databases) => done([
                document.documentElement.outerHTML, document.documentElement.textContent, ...fields, ...stores,
                document.cookie, location.href, JSON.stringify(history.state), JSON.stringify(databases), ...loaded,
            ].join('\\n')));";
        let held = answered(self.window.client()?.execute_async(script, Vec::new())).await?;
        held.as_str().map(str::to_owned).ok_or_else(|| Failure::new("the page told nothing of what it holds"))
    }

    async fn complaint(&self) -> Result<Option<String>, Failure> {
        match self.find("error-panel").await? {
            Some(panel) => Ok(Some(answered(panel.text()).await?)),
            None => Ok(None),
        }
    }

    async fn find(&self, id: &str) -> Result<Option<Element>, Failure> {
        let found = answered(self.window.client()?.find_all(Locator::Css(&selector(id)))).await?;
        Ok(found.into_iter().next())
    }

    /// A click that the driver refuses was not made, so it is tried again.
    pub(crate) async fn click_at(&self, selector: &str, name: &str) -> Result<(), Failure> {
        self.until(&format!("{name} to take a click"), async || {
            let found = answered(self.window.client()?.find_all(Locator::Css(selector))).await?;
            let Some(part) = found.into_iter().next() else { return Ok(None) };
            if !answered(part.is_enabled()).await? {
                return Ok(None);
            }
            answered(part.click()).await?;
            Ok(Some(()))
        })
        .await
    }
}

pub(crate) fn selector(id: &str) -> String {
    format!("[data-testid=\"{id}\"]")
}

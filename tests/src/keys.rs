//! The keyboard: keys go to whatever has the focus, as a person's do.

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use serde_json::Value;

use crate::failure::Failure;
use crate::page::Page;
use crate::window::answered;

/// Keys that are no letters, as WebDriver names them.
pub mod key {
    /// Backspace.
    pub const BACKSPACE: char = '\u{E003}';
    /// Tab.
    pub const TAB: char = '\u{E004}';
    /// Enter.
    pub const ENTER: char = '\u{E007}';
    /// Control.
    pub const CTRL: char = '\u{E009}';
    /// Escape.
    pub const ESCAPE: char = '\u{E00C}';
    /// The space bar.
    pub const SPACE: char = ' ';
    /// Arrow down.
    pub const DOWN: char = '\u{E015}';
}

/// The most presses of Tab that lead to a part.
const TABS: usize = 80;

/// What has the focus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Focus {
    /// Its own name, if it has one.
    pub id: String,
    /// The name of the part that it lies in, which may be itself.
    pub part: String,
    /// The place of the row that it is or lies in.
    pub index: Option<u64>,
    /// The managed device id of that row.
    pub device_id: String,
    /// Whether it has a place on the screen.
    pub drawn: bool,
}

impl Page<'_> {
    /// Presses keys together: each is held until all are down.
    ///
    /// # Errors
    /// When the driver does not take them.
    pub async fn press(&self, keys: &[char]) -> Result<(), Failure> {
        let mut actions = KeyActions::new("keyboard".to_owned());
        for value in keys {
            actions = actions.then(KeyAction::Down { value: *value });
        }
        for value in keys.iter().rev() {
            actions = actions.then(KeyAction::Up { value: *value });
        }
        answered(self.client()?.perform_actions(actions)).await
    }

    /// Empties a field as a person does, so that the page hears of it.
    ///
    /// # Errors
    /// When it does not become empty.
    pub async fn empty(&self, id: &str) -> Result<(), Failure> {
        self.click(id).await?;
        self.press(&[key::CTRL, 'a']).await?;
        self.press(&[key::BACKSPACE]).await?;
        self.until(&format!("{id} to be empty"), async || {
            Ok(self.value_of(id).await?.is_empty().then_some(()))
        })
        .await
    }

    /// Types a text, key by key.
    ///
    /// # Errors
    /// When the driver does not take it.
    pub async fn type_text(&self, text: &str) -> Result<(), Failure> {
        for letter in text.chars() {
            self.press(&[letter]).await?;
        }
        Ok(())
    }

    /// What has the focus; nothing when the page as a whole has it.
    ///
    /// # Errors
    /// When the driver does not answer.
    pub async fn focus(&self) -> Result<Option<Focus>, Failure> {
        let script = "const at = document.activeElement;
            if (at === null || at === document.body || at === document.documentElement) return null;
            const box = at.getBoundingClientRect();
            const row = at.closest('[data-index]');
            return {
                id: at.dataset.testid ?? '', part: at.closest('[data-testid]')?.dataset.testid ?? '',
                index: row ? Number(row.dataset.index) : null, device: row?.dataset.deviceId ?? '',
                drawn: box.width > 0 && box.height > 0,
            };";
        let at = self.run(script, Vec::new()).await?;
        let word = |name: &str| at.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(at.is_object().then(|| Focus {
            id: word("id"),
            part: word("part"),
            index: at.get("index").and_then(Value::as_u64),
            device_id: word("device"),
            drawn: at.get("drawn").and_then(Value::as_bool).unwrap_or_default(),
        }))
    }

    /// Waits until something on the screen has the focus. `after` says what was done before.
    ///
    /// # Errors
    /// When the focus stays lost.
    pub async fn keeps_focus(&self, after: &str) -> Result<Focus, Failure> {
        self.until(&format!("the focus to be somewhere after {after}"), async || {
            Ok(self.focus().await?.filter(|focus| focus.drawn))
        })
        .await
    }

    /// Waits until that part itself has the focus.
    ///
    /// # Errors
    /// When it does not get it in time.
    pub async fn focus_is(&self, id: &str) -> Result<Focus, Failure> {
        let what = format!("{id} to have the focus");
        let mut seen = None;
        let found = self
            .until(&what, async || {
                seen = self.focus().await?;
                Ok(seen.clone().filter(|focus| focus.id == id && focus.drawn))
            })
            .await;
        found.map_err(|failure| failure.while_doing(&format!("the focus is at {seen:?}")))
    }

    /// Presses Tab until that part itself has the focus. At each stop the focus must be somewhere on the screen, or at the end
    /// of the page.
    ///
    /// # Errors
    /// When Tab does not lead there.
    pub async fn tab_to(&self, id: &str) -> Result<Focus, Failure> {
        self.tab_until(id, |focus| focus.id == id).await
    }

    /// As [`Page::tab_to`], to anything that takes the focus within that part.
    ///
    /// # Errors
    /// When Tab does not lead there.
    pub async fn tab_into(&self, part: &str) -> Result<Focus, Failure> {
        self.tab_until(part, |focus| focus.part == part).await
    }

    async fn tab_until(&self, name: &str, arrived: impl Fn(&Focus) -> bool) -> Result<Focus, Failure> {
        self.appears(name).await?;
        let mut way = Vec::new();
        for _ in 0..TABS {
            if let Some(focus) = self.focus().await? {
                if arrived(&focus) {
                    return Ok(focus);
                }
                way.push(focus.part);
            }
            self.press(&[key::TAB]).await?;
        }
        Err(self.with_evidence(Failure::new(format!("Tab does not lead to {name}, but to {way:?}"))).await)
    }
}

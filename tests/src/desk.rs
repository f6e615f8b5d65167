//! The parts of this page, and what a person does with them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::failure::Failure;
use crate::page::{Page, selector};

/// So many devices the tray draws at once, if there are as many.
const TRAY_DRAWS: usize = 8;

/// What is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchMode {
    /// People, then their devices.
    User,
    /// Detected apps, then the devices that have them.
    App,
    /// Devices by name or serial number.
    Device,
    /// Devices that a list names.
    List,
}

impl SearchMode {
    fn button(self) -> &'static str {
        match self {
            Self::User => "mode-user",
            Self::App => "mode-app",
            Self::Device => "mode-device",
            Self::List => "mode-list",
        }
    }
}

/// A device in the table of results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Managed device id.
    pub device_id: String,
    /// Its place in the table, from 0.
    pub index: u64,
    /// The words in the row.
    pub text: String,
    /// Whether it is ticked.
    pub ticked: bool,
}

/// A device in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunItem {
    /// Managed device id.
    pub device_id: String,
    /// Its state, by the name it has in the code.
    pub state: String,
    /// The words in the row.
    pub text: String,
}

impl Page<'_> {
    /// Signs in and waits for the desk. The browser of the session does the rest.
    ///
    /// # Errors
    /// When the desk does not appear.
    pub async fn sign_in(&self) -> Result<(), Failure> {
        self.click("sign-in").await?;
        self.appears("search-input").await.map(drop)
    }

    /// Chooses an item of the account menu.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn choose(&self, item: &str) -> Result<(), Failure> {
        self.click("account-menu").await?;
        self.click(item).await
    }

    /// Signs out and waits for the sign-in screen.
    ///
    /// # Errors
    /// When it does not appear.
    pub async fn sign_out(&self) -> Result<(), Failure> {
        self.choose("sign-out").await?;
        self.click("sign-out-here").await?;
        self.appears("sign-in").await.map(drop)
    }

    /// Types into the search box. People are found while typing; the other searches start with Enter.
    ///
    /// # Errors
    /// When the box is not there.
    pub async fn search(&self, mode: SearchMode, text: &str) -> Result<(), Failure> {
        self.click(mode.button()).await?;
        self.fill("search-input", text).await?;
        if mode != SearchMode::User {
            self.press_enter("search-input").await?;
        }
        Ok(())
    }

    /// Chooses a person among those found.
    ///
    /// # Errors
    /// When nobody found has that text.
    pub async fn choose_user(&self, text: &str) -> Result<(), Failure> {
        self.click_the_one_with("user-option", text).await
    }

    /// Chooses a detected app among those found.
    ///
    /// # Errors
    /// When none found has that text.
    pub async fn choose_app(&self, text: &str) -> Result<(), Failure> {
        self.click_the_one_with("app-option", text).await
    }

    /// The devices of the table that are drawn. A long table draws those in sight.
    ///
    /// # Errors
    /// When the driver does not answer.
    pub async fn rows(&self) -> Result<Vec<Row>, Failure> {
        let script = "return [...document.querySelectorAll(arguments[0])].map((row) => {
            const box = row.querySelector(arguments[1]);
            const ticked = box !== null && (box.checked === true || box.getAttribute('aria-checked') === 'true');
            return { id: row.dataset.deviceId ?? '', index: Number(row.dataset.index), text: row.innerText, ticked };
        });";
        let rows =
            self.run(script, vec![json!(selector("device-row")), json!(selector("device-check"))]).await?;
        let row = |row: &Value| Row {
            device_id: word(row, "id"),
            index: row.get("index").and_then(Value::as_u64).unwrap_or_default(),
            text: word(row, "text"),
            ticked: row.get("ticked").and_then(Value::as_bool).unwrap_or_default(),
        };
        Ok(rows.as_array().map(|rows| rows.iter().map(row).collect()).unwrap_or_default())
    }

    /// Waits until the table holds exactly these devices, in any order: few enough that all are drawn.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn shows_devices(&self, ids: &[&str]) -> Result<Vec<Row>, Failure> {
        let mut expected: Vec<&str> = ids.to_vec();
        expected.sort_unstable();
        self.until(&format!("the table to hold {expected:?}"), async || {
            let rows = self.rows().await?;
            let mut found: Vec<&str> = rows.iter().map(|row| row.device_id.as_str()).collect();
            found.sort_unstable();
            Ok((found == expected).then_some(rows))
        })
        .await
    }

    /// Ticks or unticks a device in the table, and waits until the box shows it.
    ///
    /// # Errors
    /// When it is not there or does not change.
    pub async fn tick(&self, device_id: &str) -> Result<(), Failure> {
        let now =
            |rows: Vec<Row>| rows.into_iter().find(|row| row.device_id == device_id).map(|row| row.ticked);
        let row = format!("{}[data-device-id=\"{device_id}\"]", selector("device-row"));
        let before = self.until(&format!("device {device_id}"), async || Ok(now(self.rows().await?))).await?;
        self.click_at(&format!("{row} {}", selector("device-check")), "device-check").await?;
        self.until(&format!("device {device_id} to be ticked"), async || {
            Ok((now(self.rows().await?) == Some(!before)).then_some(()))
        })
        .await
    }

    /// The devices of the tray that are drawn, by their ids if the tray tells them, else by their words.
    ///
    /// # Errors
    /// When the driver does not answer.
    pub async fn tray(&self) -> Result<Vec<String>, Failure> {
        let script = "return [...document.querySelectorAll(arguments[0])]
            .map((item) => item.dataset.deviceId ?? item.innerText);";
        let items = self.run(script, vec![json!(selector("tray-item"))]).await?;
        let text = |item: &Value| item.as_str().unwrap_or_default().to_owned();
        Ok(items.as_array().map(|items| items.iter().map(text).collect()).unwrap_or_default())
    }

    /// How many devices are selected: what the tray says, which is not there without any.
    ///
    /// # Errors
    /// When the driver does not answer.
    pub async fn selected(&self) -> Result<usize, Failure> {
        let script = "return Number(document.querySelector(arguments[0])?.dataset.count ?? 0);";
        let count = self.run(script, vec![json!(selector("tray"))]).await?;
        Ok(count.as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or_default())
    }

    /// Waits until that many devices are selected, and gives those that the tray draws, which are all if they are few.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn tray_holds(&self, count: usize) -> Result<Vec<String>, Failure> {
        self.until(&format!("{count} devices in the tray"), async || {
            if self.selected().await? != count {
                return Ok(None);
            }
            let items = self.tray().await?;
            Ok((items.len() >= count.min(TRAY_DRAWS)).then_some(items))
        })
        .await
    }

    /// Ticks every row that the table shows, once all are read.
    ///
    /// # Errors
    /// When that cannot be done in time.
    pub async fn select_all(&self, count: usize) -> Result<(), Failure> {
        self.click("select-all").await?;
        let drawn =
            "const box = document.querySelector(arguments[0]); return box.checked && !box.indeterminate;";
        self.until(&format!("{count} selected devices, and the box of all of them ticked"), async || {
            let is_ticked = self.run(drawn, vec![json!(selector("select-all"))]).await? == json!(true);
            Ok((is_ticked && self.selected().await? == count).then_some(()))
        })
        .await
    }

    /// The number that a part bears, as the tabs of a list do.
    ///
    /// # Errors
    /// When the part does not appear.
    pub async fn count_of(&self, id: &str) -> Result<u64, Failure> {
        self.appears(id).await?;
        let script = "return Number(document.querySelector(arguments[0]).dataset.count);";
        let count = self.run(script, vec![json!(selector(id))]).await?;
        count.as_u64().ok_or_else(|| Failure::new(format!("{id} bears no number")))
    }

    /// Opens the review of the selection.
    ///
    /// # Errors
    /// When it does not open.
    pub async fn review(&self) -> Result<(), Failure> {
        self.click("recover-button").await?;
        self.appears("confirm-dialog").await.map(drop)
    }

    /// Gives a reason and confirms.
    ///
    /// # Errors
    /// When the run does not open.
    pub async fn confirm(&self, reason: &str) -> Result<(), Failure> {
        self.fill("reason-input", reason).await?;
        self.click("confirm-button").await?;
        self.appears("run-view").await.map(drop)
    }

    /// Waits, up to two minutes, until the run is in that state, by the name it has in the code.
    ///
    /// # Errors
    /// When it does not get there in time.
    pub async fn run_is(&self, state: &str) -> Result<(), Failure> {
        let script = "return document.querySelector(arguments[0])?.dataset.runState ?? '';";
        self.until_within(Duration::from_secs(120), &format!("the run to be {state}"), async || {
            let now = self.run(script, vec![json!(selector("run-view"))]).await?;
            Ok((now == state).then_some(()))
        })
        .await
    }

    /// The devices of the run that are drawn. A long run draws those in sight.
    ///
    /// # Errors
    /// When the driver does not answer.
    pub async fn run_items(&self) -> Result<Vec<RunItem>, Failure> {
        let script = "return [...document.querySelectorAll(arguments[0])].map((item) => ({
            id: item.dataset.deviceId ?? '', state: item.dataset.state ?? '', text: item.innerText,
        }));";
        let items = self.run(script, vec![json!(selector("run-item"))]).await?;
        let item = |item: &Value| RunItem {
            device_id: word(item, "id"),
            state: word(item, "state"),
            text: word(item, "text"),
        };
        Ok(items.as_array().map(|items| items.iter().map(item).collect()).unwrap_or_default())
    }

    /// Opens what is known of a device in the run, which is among those in sight.
    ///
    /// # Errors
    /// When it is not.
    pub async fn open_item(&self, device_id: &str) -> Result<(), Failure> {
        let row = format!("{}[data-device-id=\"{device_id}\"]", selector("run-item"));
        self.click_at(&format!("{row} {}", selector("open-detail")), "open-detail").await?;
        self.appears("item-detail").await.map(drop)
    }

    /// Waits until that many devices are in the run and each is in one of these states.
    ///
    /// # Errors
    /// When they are not in time; the words tell the states there are.
    pub async fn run_reaches(&self, count: usize, states: &[&str]) -> Result<Vec<RunItem>, Failure> {
        let mut seen = Vec::new();
        let reached = self
            .until(&format!("{count} devices to be {}", states.join(" or ")), async || {
                seen = self.run_items().await?;
                let all =
                    seen.len() == count && seen.iter().all(|item| states.contains(&item.state.as_str()));
                Ok(all.then(|| seen.clone()))
            })
            .await;
        reached.map_err(|failure| {
            let states: Vec<&str> = seen.iter().map(|item| item.state.as_str()).collect();
            failure.while_doing(&format!("the states are {states:?}"))
        })
    }
}

fn word(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

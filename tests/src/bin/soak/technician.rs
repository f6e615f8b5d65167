//! What a technician does in a cycle, with everything that goes wrong meanwhile.

use std::time::Duration;

use serde::Serialize;
use unlatch_demo_tenant::{ActionState, DemoTenant, Device, Fault, FaultKind, RetryAfter};
use unlatch_e2e::{Failure, Page, Picks, SearchMode};

/// The longest that a large run, or asking all its devices, may take.
const PATIENCE: Duration = Duration::from_secs(240);
/// For how long the tenant is away.
const AWAY: Duration = Duration::from_secs(3);

/// What was done so far.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Done {
    pub calls: u64,
    pub incidents: u64,
    pub searches: u64,
    pub runs: u64,
    pub devices: u64,
    pub stopped: u64,
    pub sent_again: u64,
    pub passcodes: u64,
    pub reports: u64,
    pub histories: u64,
    pub locks: u64,
    pub sign_ins: u64,
    pub outages: u64,
    pub faults: u64,
    pub kills: u64,
}

/// Somebody who works with the demo tenant all day.
#[derive(Debug)]
pub struct Technician<'a> {
    pub tenant: &'a DemoTenant,
    pub picks: Picks,
    /// The devices of an incident.
    pub incident: Vec<Device>,
    pub done: Done,
    /// How many of the executed actions were settled.
    settled: usize,
    reasons: u64,
}

impl<'a> Technician<'a> {
    /// With a tenant, and an incident of that many devices.
    ///
    /// # Errors
    /// When the tenant is too small.
    pub fn new(tenant: &'a DemoTenant, incident: usize) -> Result<Self, Failure> {
        let directory = tenant.directory();
        let picks = Picks::from(&directory)?;
        let taken = picks.device_ids();
        let fit = |device: &Device| unlatch_e2e::can_take_it(device) && !taken.contains(&device.id.as_str());
        let devices: Vec<Device> = directory.devices.into_iter().filter(fit).take(incident).collect();
        if devices.len() < incident {
            return Err(Failure::new(format!("the demo tenant has {} devices to recover", devices.len())));
        }
        Ok(Self { tenant, picks, incident: devices, done: Done::default(), settled: 0, reasons: 0 })
    }

    /// Half of a technician's calls in an hour, and an incident.
    ///
    /// # Errors
    /// When the window does not do what it is to.
    pub async fn works(&mut self, page: Page<'_>) -> Result<(), Failure> {
        self.call_that_a_lock_comes_into(page).await.map_err(during("the call with the lock"))?;
        self.call_with_lost_answers(page).await.map_err(during("the call with lost answers"))?;
        self.call_for_a_passcode(page).await.map_err(during("the call for a passcode"))?;
        self.call_stopped_at_first(page).await.map_err(during("the call that is stopped at first"))?;
        self.call_in_an_outage(page).await.map_err(during("the call in an outage"))?;
        self.call_with_a_list(page).await.map_err(during("the call with a list"))?;
        self.done.calls += 6;
        self.has_an_incident(page).await.map_err(during("the incident"))?;
        self.done.incidents += 1;
        self.looks_back(page).await.map_err(during("looking back"))?;
        self.changes_shifts(page).await.map_err(during("signing out and in"))
    }

    /// By a person, with a token that has just expired; the window is locked while the run starts.
    async fn call_that_a_lock_comes_into(&mut self, page: Page<'_>) -> Result<(), Failure> {
        self.tenant.expire_access_tokens();
        self.fault(Fault::new(FaultKind::ExpiredToken).method("GET").times(1));
        self.finds_by_user(page).await?;
        self.reads_of(page, &self.picks.by_user[0].id.clone()).await?;
        self.begins(page, 2).await?;
        page.choose("lock").await?;
        page.appears("lock-view").await?;
        page.click("unlock").await?;
        page.appears("run-view").await?;
        self.done.locks += 1;
        self.ends(page).await
    }

    /// By an app. One answer is lost after the request was carried out, one before; the latter is sent again.
    async fn call_with_lost_answers(&mut self, page: Page<'_>) -> Result<(), Failure> {
        self.done.searches += 1;
        page.search(SearchMode::App, &self.picks.app.name).await?;
        page.choose_app(&self.picks.app.version).await?;
        let all: Vec<&str> = self.picks.app.device_ids.iter().map(String::as_str).collect();
        page.shows_devices(&all).await?;
        let [first, second] = self.picks.by_app.clone();
        page.tick(&first.id).await?;
        page.tick(&second.id).await?;
        let lost = |executed| FaultKind::Status { status: 504, retry_after: None, executed };
        self.fault(Fault::new(lost(true)).method("POST").device(&first.id).times(1));
        self.fault(Fault::new(lost(false)).method("POST").device(&second.id).times(1));
        self.begins(page, 2).await?;
        page.run_is("finished").await?;
        self.sends_again(page, &second.id).await?;
        self.ends(page).await
    }

    /// By a serial number; the service is slow. The device reports a passcode, which is shown and hidden.
    async fn call_for_a_passcode(&mut self, page: Page<'_>) -> Result<(), Failure> {
        let slow = || Fault::new(FaultKind::Slow { millis: 1_200 }).times(1);
        self.fault(slow().method("GET"));
        self.finds_directly(page).await?;
        self.fault(slow().method("POST"));
        self.begins(page, 1).await?;
        page.run_is("finished").await?;
        let id = self.picks.direct.id.clone();
        self.tenant.settle_with_passcode(&id, "soak-4711");
        self.ends_without_leaving(page).await?;
        page.open_item(&id).await?;
        page.click("show-passcode").await?;
        page.appears("passcode").await?;
        page.click("hide-passcode").await?;
        page.disappears("passcode").await?;
        self.done.passcodes += 1;
        page.click("back-to-desk").await
    }

    /// Stopped while it counts down, then sent after all, with a claims challenge.
    async fn call_stopped_at_first(&mut self, page: Page<'_>) -> Result<(), Failure> {
        self.finds_directly(page).await?;
        self.begins(page, 1).await?;
        page.click("stop-start").await?;
        page.run_is("cancelled").await?;
        self.done.stopped += 1;
        page.click("back-to-selection").await?;
        page.tray_holds(1).await?;
        self.fault(Fault::new(FaultKind::ClaimsChallenge).method("POST"));
        self.begins(page, 1).await?;
        page.run_is("finished").await?;
        self.tenant.clear_faults();
        self.ends(page).await
    }

    /// The tenant cannot be reached when devices are looked for, and not when the run begins.
    async fn call_in_an_outage(&mut self, page: Page<'_>) -> Result<(), Failure> {
        self.tenant.go_away().await;
        page.search(SearchMode::Device, self.picks.serial()).await?;
        page.says("The service cannot be reached.").await?;
        self.comes_back().await?;
        self.finds_directly(page).await?;
        self.begins(page, 1).await?;
        self.tenant.go_away().await;
        tokio::time::sleep(COUNTDOWN + AWAY).await;
        self.comes_back().await?;
        self.ends(page).await
    }

    /// A short list. The first answer is cut off after the request was carried out.
    async fn call_with_a_list(&mut self, page: Page<'_>) -> Result<(), Failure> {
        let devices: Vec<Device> = self.incident.iter().take(3).cloned().collect();
        self.looks_up(page, &devices).await?;
        self.fault(Fault::new(FaultKind::ResetAfter).method("POST").device(&devices[0].id).times(1));
        self.begins(page, 3).await?;
        self.ends(page).await
    }

    /// A long list, sorted and filtered; some answers are lost and the service throttles once. Then three reports.
    async fn has_an_incident(&mut self, page: Page<'_>) -> Result<(), Failure> {
        let devices = self.incident.clone();
        self.looks_up(page, &devices).await?;
        for column in ["column-name", "column-serial"] {
            page.click(column).await?;
        }
        let some = devices[0].serial.clone().unwrap_or_default();
        filters(page, &some).await?;
        page.shows_devices(&[&devices[0].id]).await?;
        filters(page, "").await?;
        page.until("every row", async || Ok((page.rows().await?.len() > 1).then_some(()))).await?;

        let on_post = |kind| Fault::new(kind).method("POST").path_contains("recoverPasscode");
        self.fault(on_post(FaultKind::ResetAfter).every(97));
        let held = FaultKind::TooManyRequests { retry_after: RetryAfter::Integer(1) };
        self.fault(on_post(held).after(u32::try_from(devices.len() * 4 / 5).unwrap_or_default()).times(1));
        self.begins(page, devices.len()).await?;
        self.ends_without_leaving(page).await?;
        self.tenant.clear_faults();
        for format in ["csv", "html", "jsonLines"] {
            page.click("export-run").await?;
            page.click(&format!("export-{format}")).await?;
            page.appears("exported").await?;
            self.done.reports += 1;
        }
        page.click("back-to-desk").await
    }

    /// The history, the check of the journal, the settings.
    async fn looks_back(&mut self, page: Page<'_>) -> Result<(), Failure> {
        for _ in 0..2 {
            page.choose("open-history").await?;
            page.appears("history-counts").await?;
            page.fill("history-text", self.picks.serial()).await?;
            page.appears("history-item").await?;
            page.click("history-clear").await?;
            page.click("verify-journal").await?;
            page.appears("journal-whole").await?;
            page.choose("open-settings").await?;
            page.appears("settings-view").await?;
            self.done.histories += 1;
        }
        page.choose("open-desk").await?;
        page.appears("search-input").await.map(drop)
    }

    async fn changes_shifts(&mut self, page: Page<'_>) -> Result<(), Failure> {
        page.sign_out().await?;
        page.sign_in().await?;
        self.done.sign_ins += 1;
        Ok(())
    }

    /// A run of a few devices that begins to go out.
    ///
    /// # Errors
    /// When it does not.
    pub async fn begins_a_run(&mut self, page: Page<'_>) -> Result<(), Failure> {
        let devices: Vec<Device> = self.incident.iter().take(20).cloned().collect();
        self.looks_up(page, &devices).await?;
        self.fault(Fault::new(FaultKind::Slow { millis: 400 }).method("POST"));
        self.begins(page, devices.len()).await
    }

    /// After a crash: what is left of the run is sent, what is in doubt is sent again.
    ///
    /// # Errors
    /// When the window does not offer it.
    pub async fn takes_up(&mut self, page: Page<'_>) -> Result<(), Failure> {
        self.tenant.clear_faults();
        page.appears("runs-banner").await?;
        page.run("document.querySelector('[data-testid=\"runs-banner\"] button').click();", Vec::new())
            .await?;
        page.appears("run-view").await?;
        page.until("the run to be opened", async || Ok((!page.run_items().await?.is_empty()).then_some(())))
            .await?;
        if page.shows("resume-run").await? {
            page.click("resume-run").await?;
        }
        page.run_is("finished").await?;
        self.settles();
        self.asks(page).await?;
        loop {
            let script = "const filter = document.querySelector('[data-testid=\"run-filter-unconfirmed\"]');
                if (filter && filter.getAttribute('aria-pressed') !== 'true') filter.click();";
            page.run(script, Vec::new()).await?;
            let items = page.run_items().await?;
            let Some(doubtful) = items.into_iter().find(|item| item.state == "unconfirmed") else { break };
            self.sends_again(page, &doubtful.device_id).await?;
            self.settles();
            self.asks(page).await?;
        }
        self.is_answered(page).await?;
        page.click("back-to-desk").await?;
        page.appears("search-input").await.map(drop)
    }

    async fn finds_by_user(&mut self, page: Page<'_>) -> Result<(), Failure> {
        self.done.searches += 1;
        page.search(SearchMode::User, self.picks.user_text()).await?;
        page.choose_user(&self.picks.user.upn).await?;
        let all: Vec<&str> = self.picks.devices_of_user.iter().map(|device| device.id.as_str()).collect();
        page.shows_devices(&all).await?;
        for device in &self.picks.by_user {
            page.tick(&device.id).await?;
        }
        Ok(())
    }

    async fn finds_directly(&mut self, page: Page<'_>) -> Result<(), Failure> {
        self.done.searches += 1;
        page.search(SearchMode::Device, self.picks.serial()).await?;
        page.shows_devices(&[&self.picks.direct.id]).await?;
        page.tick(&self.picks.direct.id).await
    }

    /// The details of a device, which are read afresh.
    async fn reads_of(&self, page: Page<'_>, device: &str) -> Result<(), Failure> {
        let script = "document.querySelector(`[data-device-id=\"${arguments[0]}\"] [data-testid=\"open-details\"]`).click();";
        page.run(script, vec![device.into()]).await?;
        page.appears("details-recoveries").await?;
        page.click("details-close").await?;
        page.disappears("details-pane").await
    }

    /// Pastes the serial numbers of these devices and selects them all.
    async fn looks_up(&mut self, page: Page<'_>, devices: &[Device]) -> Result<(), Failure> {
        self.done.searches += 1;
        let list: Vec<&str> = devices.iter().filter_map(|device| device.serial.as_deref()).collect();
        let list = list.join("\n");
        page.click("mode-device").await?;
        page.paste("search-input", &list).await?;
        page.until("the list to hold what was pasted", async || {
            Ok((page.value_of("list-input").await? == list).then_some(()))
        })
        .await?;
        page.click("list-lookup").await?;
        let wanted = devices.len() as u64;
        page.until_within(PATIENCE, &format!("a list of {wanted}"), async || {
            Ok((page.shows("list-tab-one").await? && page.count_of("list-tab-one").await? == wanted)
                .then_some(()))
        })
        .await?;
        page.select_all(devices.len()).await
    }

    /// Reviews what is selected and confirms it.
    async fn begins(&mut self, page: Page<'_>, devices: usize) -> Result<(), Failure> {
        page.tray_holds(devices).await?;
        page.review().await?;
        // The same devices are called about again and again: those that were sent to already are left out at the start.
        let put_in = "document.querySelector('[data-kind=\"sent\"] [data-testid=\"leave-out\"]')?.click();";
        page.run(put_in, Vec::new()).await?;
        if page.shows("typed-count").await? {
            page.fill("typed-count", &devices.to_string()).await?;
        }
        self.reasons += 1;
        page.confirm(&format!("INC-{:06}", self.reasons)).await?;
        self.done.runs += 1;
        self.done.devices += devices as u64;
        Ok(())
    }

    /// Sends once more to a device of the run that is shown.
    async fn sends_again(&mut self, page: Page<'_>, device: &str) -> Result<(), Failure> {
        page.open_item(device).await?;
        page.click("send-again").await?;
        page.click("send-again-confirm").await?;
        page.until("the device to be sent to again", async || {
            let items = page.run_items().await?;
            let item = items.into_iter().find(|item| item.device_id == device);
            Ok(item.is_none_or(|item| item.state != "unconfirmed" && item.state != "sending").then_some(()))
        })
        .await?;
        self.done.sent_again += 1;
        Ok(())
    }

    async fn ends(&mut self, page: Page<'_>) -> Result<(), Failure> {
        self.ends_without_leaving(page).await?;
        page.click("back-to-desk").await?;
        page.appears("search-input").await.map(drop)
    }

    /// Everything is sent, every device reports, and the run knows.
    async fn ends_without_leaving(&mut self, page: Page<'_>) -> Result<(), Failure> {
        page.run_is("finished").await?;
        self.settles();
        self.asks(page).await?;
        self.is_answered(page).await
    }

    /// Every device that was sent to reports that it is done.
    fn settles(&mut self) {
        let executed = self.tenant.executed();
        for action in &executed[self.settled..] {
            self.tenant.settle(&action.device_id, ActionState::Done);
        }
        self.settled = executed.len();
    }

    /// The button goes as soon as every device has answered, which may be now.
    async fn asks(&self, page: Page<'_>) -> Result<(), Failure> {
        let script =
            "document.querySelector('[data-testid=\"check-outcomes\"][aria-disabled=\"false\"]')?.click();";
        page.run(script, Vec::new()).await?;
        page.until_within(PATIENCE, "the devices to be asked", async || {
            let script = "return document.querySelector('[data-testid=\"check-outcomes\"][aria-disabled=\"true\"]') === null;";
            Ok((page.run(script, Vec::new()).await? == true).then_some(()))
        })
        .await
    }

    async fn is_answered(&self, page: Page<'_>) -> Result<(), Failure> {
        page.until_within(PATIENCE, "every device to have answered", async || {
            let open = page.shows("check-outcomes").await? || page.shows("followed").await?;
            Ok((!open).then_some(()))
        })
        .await
    }

    fn fault(&mut self, fault: Fault) {
        self.done.faults += 1;
        self.tenant.add_fault(fault);
    }

    async fn comes_back(&mut self) -> Result<(), Failure> {
        self.done.outages += 1;
        self.tenant.come_back().await.map_err(|error| Failure::new(error.to_string()))
    }
}

async fn filters(page: Page<'_>, text: &str) -> Result<(), Failure> {
    let script = "const field = document.querySelector('[data-testid=\"table-filter\"]');
        Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, arguments[0]);
        field.dispatchEvent(new Event('input', { bubbles: true }));";
    page.run(script, vec![text.into()]).await.map(drop)
}

/// How long a run waits before its first request: as the configuration says.
pub const COUNTDOWN: Duration = Duration::from_secs(2);

fn during(what: &str) -> impl Fn(Failure) -> Failure {
    move |failure| failure.while_doing(what)
}

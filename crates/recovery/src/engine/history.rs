//! What was done before, of what is over and of what goes on.

use std::collections::HashMap;
use std::sync::Arc;

use unlatch_graph::DeviceId;

use super::Engine;
use super::run::Run;
use crate::history::{HistoryFound, HistoryItem, HistoryQuery};
use crate::journal::JournalError;
use crate::plan::{Action, RunId, TenantKey};
use crate::record::RunSummary;
use crate::requests::EarlierRequest;

/// The runs that were held in memory when the journal was read.
type Live = HashMap<RunId, Arc<Run>>;

impl Engine {
    /// The runs, newest first, of that tenant (by id) or of all, as they stand now.
    ///
    /// # Errors
    /// [`JournalError`], if the journal cannot be read.
    pub async fn runs(&self, tenant: Option<&str>) -> Result<Vec<RunSummary>, JournalError> {
        let (mut runs, live) = self.beside_live(|| self.0.journal.runs(tenant)).await?;
        self.refresh(&mut runs, &live);
        Ok(runs)
    }

    /// The runs of a tenant and the devices in them that match, as they stand now.
    ///
    /// # Errors
    /// [`JournalError`], if the journal cannot be read.
    pub async fn search(&self, query: HistoryQuery) -> Result<HistoryFound, JournalError> {
        let (mut found, live) = self.beside_live(|| self.0.journal.search(query.clone())).await?;
        self.refresh(&mut found.runs, &live);
        refresh_items(&mut found.items, &live);
        Ok(found)
    }

    /// What was done with one device in a tenant, as it stands now, newest first, at most
    /// [`MAX_HISTORY_ITEMS`](crate::MAX_HISTORY_ITEMS) times.
    ///
    /// # Errors
    /// [`JournalError`], if the journal cannot be read.
    pub async fn recoveries_of(
        &self,
        device: &DeviceId,
        tenant_id: &str,
    ) -> Result<Vec<HistoryItem>, JournalError> {
        let read = || self.0.journal.recoveries_of(device.clone(), tenant_id.to_owned());
        let (mut items, live) = self.beside_live(read).await?;
        refresh_items(&mut items, &live);
        Ok(items)
    }

    /// Returns the newest request for each of these devices that may have been executed, of any run in a tenant: what a review has
    /// to tell before another one goes out. A device that has none is left out.
    ///
    /// # Errors
    /// [`JournalError`], if the journal cannot be read.
    pub async fn earlier_requests(
        &self,
        tenant: TenantKey,
        action: Action,
        devices: Vec<DeviceId>,
    ) -> Result<HashMap<DeviceId, EarlierRequest>, JournalError> {
        let mut found = self.0.journal.requests_for(tenant, action, devices.clone()).await?;
        let newest = |device: DeviceId| {
            let newest = found.remove(&device)?.newest()?;
            Some((device, newest))
        };
        Ok(devices.into_iter().filter_map(newest).collect())
    }

    /// Reads the journal, and tells which runs are to be asked themselves.
    async fn beside_live<T, F>(&self, read: impl Fn() -> F) -> Result<(T, Live), JournalError>
    where
        F: Future<Output = Result<T, JournalError>>,
    {
        loop {
            // A run that ends while the journal is read is among these, one that begins makes it be read again: of neither
            // the journal alone would tell the truth.
            let (live, begun) = {
                let live = self.0.live();
                (live.runs.clone(), live.begun)
            };
            let read = read().await?;
            if self.0.live().begun == begun {
                return Ok((read, live));
            }
        }
    }

    fn refresh(&self, runs: &mut [RunSummary], live: &Live) {
        for summary in runs {
            if let Some(run) = live.get(&summary.header.id) {
                *summary = run.summary(&self.0);
            }
        }
    }
}

fn refresh_items(items: &mut [HistoryItem], live: &Live) {
    for HistoryItem { run, item } in items {
        if let Some(standing) = live.get(&run.id).and_then(|run| run.standing(item.position)) {
            item.standing = standing;
        }
    }
}

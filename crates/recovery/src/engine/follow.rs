//! Following: each device that a request was accepted for, or may have reached, is asked until it has answered, soon at first
//! and then ever more rarely, for seven days.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt as _};
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use unlatch_graph::{DeviceActionResult, Error};

use super::run::Run;
use super::{Engine, Shared, asks_for_sign_in, concerns_one_device};
use crate::journal::JournalError;
use crate::plan::{Principal, TenantKey};
use crate::record::{Event, Standing};
use crate::tenant::Tenant;

/// For how long a device is asked.
const ASKED_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How far back unanswered requests are looked for: longer than they are asked for, so that giving up is recorded too.
const LOOKED_BACK: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long after its request a device is asked for the first time.
const SOONEST: Duration = Duration::from_secs(3);
/// The longest time between two questions.
const RAREST: Duration = Duration::from_secs(60 * 60);
/// How much time each device found in the journal gets at a start, so that not all are asked at once: half of what the limit
/// for reads would allow, as nobody knows what an earlier process read.
const SPREAD: Duration = Duration::from_millis(20);
/// And how much all of them get at least.
const SPREAD_ALL: Duration = Duration::from_secs(4);
/// How many devices are asked at the same time.
const AT_ONCE: usize = 4;

/// Why following ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FollowEnd {
    /// Nobody is signed in any more.
    SignInNeeded,
    /// Somebody else follows now.
    Replaced,
    /// What devices report cannot be recorded.
    Journal(JournalError),
}

/// Who asks, and where news for that one go.
#[derive(Default)]
pub(super) struct Asking(Mutex<Option<Asker>>);

struct Asker {
    tenant: TenantKey,
    news: mpsc::UnboundedSender<News>,
    replaced: CancellationToken,
}

/// A device is to be asked, for the first time after so long.
struct News {
    run: Arc<Run>,
    position: u32,
    wait: Duration,
}

impl Shared {
    /// Has the device of an item asked, if it is to be and somebody asks in its tenant.
    pub(super) fn follow_up(&self, run: &Run, position: u32) {
        let asking = self.asking.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(asker) = asking.as_ref().filter(|asker| asker.tenant == run.header.principal.tenant())
        else {
            return;
        };
        if !run.is_open_at(position) {
            return;
        }
        if let Some(run) = self.run(run.header.id)
            && run.begin_following(position)
        {
            let wait = self.until_next(time::Duration::ZERO);
            // If whoever asks has just ended, the next one looks for itself.
            let _ = asker.news.send(News { run, position, wait });
        }
    }

    /// How long until a device is asked again: half as long as since its request, between 3 s and an hour, give or take a fifth.
    fn until_next(&self, since: time::Duration) -> Duration {
        let half = Duration::try_from(since).unwrap_or_default() / 2;
        half.clamp(SOONEST, RAREST).mul_f64(0.8 + 0.4 * (self.options.jitter)().clamp(0.0, 1.0))
    }
}

impl Run {
    fn is_open_at(&self, position: u32) -> bool {
        self.standing(position).is_some_and(|standing| standing.is_followed())
    }
}

/// A device to be asked at a certain time.
struct Due {
    at: Instant,
    run: Arc<Run>,
    position: u32,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at).then_with(|| self.position.cmp(&other.position))
    }
}

/// Ends all following when it is dropped, however that comes, unless somebody else follows by then.
struct Followed<'a> {
    shared: &'a Shared,
    replaced: CancellationToken,
}

impl Drop for Followed<'_> {
    fn drop(&mut self) {
        let mut asking = self.shared.asking.0.lock().unwrap_or_else(PoisonError::into_inner);
        if self.replaced.is_cancelled() {
            return;
        }
        *asking = None;
        self.shared.end_all_following();
    }
}

impl Engine {
    /// Asks the devices in a tenant what became of the requests for them, those of earlier processes too, and records what
    /// they report. Goes on until it is dropped, the sign-in ends, or somebody else follows. Whoever is signed in may ask, not
    /// only who sent.
    pub async fn follow(&self, principal: &Principal, tenant: Arc<dyn Tenant>) -> FollowEnd {
        let (news, mut incoming) = mpsc::unbounded_channel();
        let (key, replaced) = (principal.tenant(), CancellationToken::new());
        let _followed = {
            let mut asking = self.0.asking.0.lock().unwrap_or_else(PoisonError::into_inner);
            let asker = Asker { tenant: key.clone(), news: news.clone(), replaced: replaced.clone() };
            if let Some(before) = asking.replace(asker) {
                before.replaced.cancel();
                self.0.end_all_following();
            }
            Followed { shared: &self.0, replaced: replaced.clone() }
        };
        if let Err(error) = self.look_back(&key, &news).await {
            return FollowEnd::Journal(error);
        }
        let mut due = BinaryHeap::new();
        let mut reads = FuturesUnordered::new();
        let (mut rest, mut failures) = (Instant::now(), 0);
        loop {
            let next = due.peek().map(|Reverse(next): &Reverse<Due>| next.at.max(rest));
            tokio::select! {
                biased;
                () = replaced.cancelled() => return FollowEnd::Replaced,
                Some(News { run, position, wait }) = incoming.recv() => {
                    let at = Instant::now() + wait;
                    due.push(Reverse(Due { at, run, position }));
                }
                Some((Due { run, position, .. }, results)) = reads.next() => {
                    let results: Result<Vec<DeviceActionResult>, Error> = results;
                    let wait = match results {
                        Ok(results) => {
                            failures = 0;
                            match self.0.take_answer(&run, position, &results, tenant.server_now()).await {
                                Ok(wait) => wait,
                                Err(error) => return FollowEnd::Journal(error),
                            }
                        }
                        Err(error) if asks_for_sign_in(&error) => return FollowEnd::SignInNeeded,
                        Err(error) => {
                            tracing::debug!(position, %error, "a device could not be asked");
                            if !concerns_one_device(&error) {
                                rest = Instant::now() + self.0.options.backoff(failures);
                                failures += 1;
                            }
                            self.0.wait_of(&run, position)
                        }
                    };
                    match wait {
                        Some(wait) => due.push(Reverse(Due { at: Instant::now() + wait, run, position })),
                        None => {
                            run.end_following(position);
                            // It may be asked about anew since.
                            self.0.follow_up(&run, position);
                            if !run.is_followed() {
                                run.tell();
                                self.0.release(&run);
                            }
                        }
                    }
                }
                () = tokio::time::sleep_until(next.unwrap_or(rest)), if next.is_some() && reads.len() < AT_ONCE => {
                    if let Some(Reverse(next)) = due.pop() {
                        let tenant = Arc::clone(&tenant);
                        reads.push(async move {
                            let results = match next.run.items.get(next.position as usize) {
                                Some(item) => {
                                    tenant.pace().quiet().await;
                                    tenant.action_results(&item.device_id).await
                                }
                                None => Ok(Vec::new()),
                            };
                            (next, results)
                        });
                    }
                }
            }
        }
    }

    /// Has everything asked that is not settled yet: of runs held in memory, and of those the journal has.
    async fn look_back(
        &self,
        tenant: &TenantKey,
        news: &mpsc::UnboundedSender<News>,
    ) -> Result<(), JournalError> {
        let now = (self.0.options.clock)();
        let mut ids = self.0.journal.runs_sent_within(tenant.clone(), now, LOOKED_BACK).await?;
        let held: Vec<_> = self.0.live().runs.keys().copied().collect();
        ids.extend(held);
        let mut found = Vec::new();
        for id in ids {
            let run = self.0.hold_run(id).await?;
            if run.header.principal.tenant() != *tenant {
                continue;
            }
            for position in run.positions(Standing::is_followed) {
                if run.begin_following(position) {
                    found.push((Arc::clone(&run), position));
                }
            }
            run.tell();
        }
        let spread = SPREAD_ALL.max(SPREAD.saturating_mul(u32::try_from(found.len()).unwrap_or(u32::MAX)));
        for (run, position) in found {
            let wait = spread.mul_f64((self.0.options.jitter)().clamp(0.0, 1.0));
            // The receiver is the caller's.
            let _ = news.send(News { run, position, wait });
        }
        Ok(())
    }
}

impl Shared {
    fn end_all_following(&self) {
        let runs: Vec<_> = self.live().runs.values().cloned().collect();
        for run in runs {
            run.end_all_following();
            run.tell();
            self.release(&run);
        }
    }

    fn since_intent(&self, run: &Run, position: u32) -> Option<time::Duration> {
        Some((self.options.clock)() - run.standing(position)?.intent_at?)
    }

    /// Records what a device reports, which Graph told at `server_now` by its own clock: this machine's may be set. Returns how
    /// long until it is asked again, if it is.
    async fn take_answer(
        &self,
        run: &Arc<Run>,
        position: u32,
        results: &[DeviceActionResult],
        server_now: OffsetDateTime,
    ) -> Result<Option<Duration>, JournalError> {
        run.record_news(self, position, results).await?;
        let intent = run.standing(position).and_then(|standing| standing.intent);
        let is_old = intent.is_some_and(|intent| server_now - intent >= ASKED_FOR);
        if is_old && run.is_open_at(position) {
            run.record_entries(self, vec![self.entry(Some(position), Event::GaveUp)]).await?;
        }
        Ok(self.wait_of(run, position))
    }

    fn wait_of(&self, run: &Run, position: u32) -> Option<Duration> {
        let is_open = run.is_open_at(position);
        // A device that is being sent to again is asked when that request is over.
        is_open.then(|| self.until_next(self.since_intent(run, position).unwrap_or_default()))
    }
}

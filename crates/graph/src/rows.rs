//! Rows as they come: what a search for devices tells while it reads, and how it ended.

use std::future::Future;
use std::ops::ControlFlow;

use futures::StreamExt as _;
use futures::stream::FuturesOrdered;
use serde_json::Value;

use crate::device::ManagedDevice;
use crate::error::Error;
use crate::paging::{End, Sieve};

/// How many questions are under way at a time where each device or each text is asked about by itself.
pub(crate) const AT_A_TIME: usize = 8;

/// Hears of every [`Step`], on the task that reads and in between two requests. It should not take long.
pub type Tell<'a> = &'a (dyn Fn(Step) + Send + Sync);

/// What a search tells while it reads.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Checked rows, in Graph's order; each device once over the whole search.
    Rows(Vec<ManagedDevice>),
    /// How many rows Graph returned so far that do not match or cannot be read.
    LeftOut(usize),
    /// How much was read of what there is to read.
    Progress {
        /// Read so far.
        done: usize,
        /// To be read in all; 0 where nobody knows.
        total: usize,
    },
}

/// How a search ended whose rows were told as they came.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// How many rows Graph returned that do not match or cannot be read. Graph ignores filters it does not support.
    pub left_out: usize,
    /// Whether everything there is was read.
    pub complete: bool,
    /// Why reading ended early, if an error ended it.
    pub stopped_by: Option<Error>,
    /// How many rows Graph itself counts, where it does.
    pub counted: Option<u32>,
}

/// A sieve that tells what comes through, page by page, and keeps nothing of it but ids.
pub(crate) struct Telling<'a, F> {
    sieve: Sieve<ManagedDevice, F>,
    left_out: usize,
    tell: Tell<'a>,
}

impl<'a, F: Fn(&ManagedDevice) -> bool> Telling<'a, F> {
    pub(crate) fn new(matches: F, tell: Tell<'a>) -> Self {
        Self { sieve: Sieve::new(matches), left_out: 0, tell }
    }

    pub(crate) fn page(&mut self, page: Vec<Value>) {
        let rows: Vec<_> = self.sieve.sift_page(page).collect();
        if !rows.is_empty() {
            (self.tell)(Step::Rows(rows));
        }
        let left_out = self.sieve.left_out();
        if left_out != self.left_out {
            self.left_out = left_out;
            (self.tell)(Step::LeftOut(left_out));
        }
    }

    pub(crate) fn ended(self, end: End) -> Ended {
        Ended {
            left_out: self.sieve.left_out(),
            complete: end.complete,
            stopped_by: end.stopped_by,
            counted: None,
        }
    }
}

/// Works `jobs` off, few at a time, and gives what comes of them to `each` in their order, until that breaks off.
pub(crate) async fn few_at_a_time<J, T, W: Future<Output = T>>(
    jobs: impl IntoIterator<Item = J>,
    work: impl Fn(J) -> W,
    mut each: impl FnMut(T) -> ControlFlow<()>,
) {
    let mut jobs = jobs.into_iter();
    let mut working: FuturesOrdered<W> = jobs.by_ref().take(AT_A_TIME).map(&work).collect();
    while let Some(done) = working.next().await {
        if each(done).is_break() {
            return;
        }
        working.extend(jobs.next().map(&work));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;

    use super::*;

    #[test]
    fn each_device_is_told_once_and_what_is_left_out_is_counted_once() {
        let steps = Mutex::new(Vec::new());
        let tell = |step| steps.lock().unwrap().push(step);
        let mut telling = Telling::new(|device: &ManagedDevice| device.device_name == "yes", &tell);
        let row = |id: &str, name: &str| json!({"id": id, "deviceName": name});
        telling.page(vec![row("a", "yes"), row("b", "no"), row("a", "yes"), json!(7)]);
        // `a` does not match any more, but it was told; `b` matches by now.
        telling.page(vec![row("a", "no"), row("b", "yes"), row("c", "no")]);
        telling.page(vec![row("c", "no")]);
        let ended = telling.ended(End { complete: true, stopped_by: None });
        assert_eq!(ended.left_out, 2, "c, and the row that cannot be read");
        let told: Vec<String> = steps
            .into_inner()
            .unwrap()
            .into_iter()
            .map(|step| match step {
                Step::Rows(rows) => rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>().join("+"),
                Step::LeftOut(count) => count.to_string(),
                Step::Progress { .. } => "progress".to_owned(),
            })
            .collect();
        assert_eq!(told, ["a", "2", "b"]);
    }

    #[tokio::test]
    async fn jobs_end_in_their_order_and_none_is_begun_after_the_end() {
        let (begun, most, under_way) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let work = async |job: usize| {
            begun.fetch_add(1, Ordering::SeqCst);
            most.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            for _ in 0..(100 - job % 7) {
                tokio::task::yield_now().await;
            }
            under_way.fetch_sub(1, Ordering::SeqCst);
            job
        };
        let mut done = Vec::new();
        let each = |job| {
            done.push(job);
            if done.len() < 20 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        few_at_a_time(0..1_000, work, each).await;
        assert_eq!(done, (0..20).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::SeqCst), AT_A_TIME);
        assert!(begun.load(Ordering::SeqCst) <= 20 + AT_A_TIME);
    }
}

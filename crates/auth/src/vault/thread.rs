//! The thread that talks to the keychain.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;

use super::VaultError;
use super::entries::Entries;

pub(super) type Open = Box<dyn Fn() -> Result<Box<dyn Entries>, VaultError> + Send + Sync>;
type Job = Box<dyn FnOnce(&mut Opened) + Send>;

/// What becomes of a call whose turn comes after its caller has given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Late {
    /// It is left out.
    Skip,
    /// It runs all the same.
    Run,
}

/// Calls to one keychain, one after the other.
///
/// There is never a second thread beside one that waits for an answer: a write that hung could otherwise end after a newer
/// one and put an older token back. While the keychain owes an answer, later calls fail at once; when the answer comes (a
/// person attends to the prompt), it can be used again.
pub(super) struct Keychain {
    open: Arc<Open>,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    progress: Arc<Progress>,
}

/// Numbers of calls: the newest made, the newest that ended, and the newest that a caller gave up on.
#[derive(Default)]
struct Progress {
    made: AtomicU64,
    ended: AtomicU64,
    given_up: AtomicU64,
}

impl Progress {
    fn owes_an_answer(&self) -> bool {
        self.ended.load(Ordering::Acquire) < self.given_up.load(Ordering::Acquire)
    }
}

/// Records the end of a call, even one that panics.
struct Ended<'a>(&'a Progress, u64);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.ended.fetch_max(self.1, Ordering::AcqRel);
    }
}

/// The keychain as the thread sees it: opened at the first call, and again after a failure.
struct Opened {
    open: Arc<Open>,
    entries: Option<Box<dyn Entries>>,
    /// It has been opened before.
    known: bool,
}

impl Opened {
    /// Runs `work`, which may be run again from its beginning.
    fn run<T>(&mut self, work: impl Fn(&dyn Entries) -> Result<T, VaultError>) -> Result<T, VaultError> {
        let (mut entries, is_old) = match self.entries.take() {
            Some(entries) => (entries, true),
            None => (self.opened()?, false),
        };
        let mut result = work(entries.as_ref());
        // An old connection may be broken where the keychain is not, as after its service was started anew.
        if is_old && matches!(result, Err(VaultError::Failed(_) | VaultError::Vanished)) {
            entries = self.opened()?;
            result = work(entries.as_ref());
        }
        // After a failure the connection may be gone for good; a locked keychain is still the same one.
        if matches!(result, Ok(_) | Err(VaultError::Locked)) {
            self.entries = Some(entries);
        }
        result
    }

    fn opened(&mut self) -> Result<Box<dyn Entries>, VaultError> {
        match (self.open)() {
            Ok(entries) => {
                self.known = true;
                Ok(entries)
            }
            Err(VaultError::Absent) if self.known => Err(VaultError::Vanished),
            Err(error) => Err(error),
        }
    }
}

impl Keychain {
    pub(super) fn new(open: Open) -> Self {
        Self { open: Arc::new(open), jobs: Mutex::default(), progress: Arc::default() }
    }

    /// Runs `work` on the thread.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        limit: Duration,
        late: Late,
        work: impl Fn(&dyn Entries) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let blocked = self.progress.owes_an_answer();
        if blocked && late == Late::Skip {
            return Err(VaultError::NoAnswer);
        }
        let number = self.progress.made.fetch_add(1, Ordering::AcqRel) + 1;
        let progress = Arc::clone(&self.progress);
        let (reply, answer) = oneshot::channel();
        self.send(Box::new(move |opened| {
            let _ended = Ended(&progress, number);
            if late == Late::Run || !reply.is_closed() {
                let result = opened.run(work);
                // A caller that has given up hears nothing.
                let _ = reply.send(result);
            }
        }))?;
        if blocked {
            self.progress.given_up.fetch_max(number, Ordering::AcqRel);
            return Err(VaultError::NoAnswer);
        }
        match tokio::time::timeout(limit, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(VaultError::Failed("its store broke down".into())),
            Err(_) => {
                self.progress.given_up.fetch_max(number, Ordering::AcqRel);
                tracing::warn!(seconds = limit.as_secs(), "the keychain did not answer");
                Err(VaultError::NoAnswer)
            }
        }
    }

    fn send(&self, job: Job) -> Result<(), VaultError> {
        let unusable = |text: &str| VaultError::Failed(text.to_owned());
        let mut jobs = self.jobs.lock().map_err(|_| unusable("its thread cannot be reached"))?;
        let job = match jobs.as_ref() {
            None => job,
            Some(sender) => match sender.send(job) {
                Ok(()) => return Ok(()),
                Err(mpsc::SendError(job)) => job,
            },
        };
        let (sender, receiver) = mpsc::channel::<Job>();
        let open = Arc::clone(&self.open);
        std::thread::Builder::new()
            .name("keychain".into())
            .spawn(move || {
                let mut opened = Opened { open, entries: None, known: false };
                for job in receiver {
                    // A store that panics has lost its connection (it was taken out) and nothing else.
                    if catch_unwind(AssertUnwindSafe(|| job(&mut opened))).is_err() {
                        tracing::error!("the keychain's store panicked");
                    }
                }
            })
            .map_err(|_| unusable("its thread cannot start"))?;
        let sent = sender.send(job);
        *jobs = Some(sender);
        sent.map_err(|_| unusable("its thread ended"))
    }
}

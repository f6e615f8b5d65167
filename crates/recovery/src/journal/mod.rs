//! The journal: one SQLite file in which every run, every intent and every answer is kept. Nothing in it is ever changed or
//! deleted. One thread owns the connection that writes; a commit returns only after the disk has it.

mod chain;
mod error;
mod event;
mod mark;
mod read;
mod requests;
mod schema;
mod search;
mod upgrade;
mod verify;
mod writer;

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use time::OffsetDateTime;
use unlatch_graph::{Clock, DeviceId};

use crate::fold::Fold;
use crate::history::{HistoryFound, HistoryItem, HistoryQuery};
use crate::outcome::SentRequest;
use crate::plan::{Action, PlannedItem, RunId, TenantKey};
use crate::record::{Entry, Recorded, RunHeader, RunRecord, RunSummary};
use crate::requests::RequestsByDevice;
pub use chain::ChainHash;
pub use error::JournalError;
use error::from_sqlite;
use event::JournalEvent;
pub use event::{ChainHead, JournalWentBack, WentBack};
pub use mark::{Mark, MarkFile, MarkStore};
pub use verify::{Break, BreakKind, Verified};
pub(crate) use writer::{First, Then};

/// How a journal is opened.
#[derive(Clone)]
pub struct JournalOptions {
    /// The most pages (of 4,096 bytes) the file may grow to; none in normal use. A journal at its limit answers
    /// [`JournalError::Full`].
    pub max_pages: Option<u32>,
    /// Called on the writing thread after each commit, before anybody hears of it; none in normal use.
    pub on_commit: Option<Arc<dyn Fn() + Send + Sync>>,
    /// Keeps a mark of the newest entry outside the folder, so that a file that was put back from a copy shows. Without it
    /// nothing is compared.
    pub marks: Option<Arc<dyn MarkStore>>,
    /// How often at most the mark is written between a run's start and its end.
    pub mark_every: Duration,
    /// How long another program's hold on the file is waited for before [`JournalError::InUse`] is answered.
    pub busy_timeout: Duration,
    /// This machine's clock, for entries about the journal itself.
    pub clock: Clock,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            max_pages: None,
            on_commit: None,
            marks: None,
            mark_every: Duration::from_secs(1),
            busy_timeout: schema::BUSY_TIMEOUT,
            clock: Arc::new(OffsetDateTime::now_utc),
        }
    }
}

/// The journal. Clones share it; it is closed, and its folder free for another process, when the last one is dropped.
#[derive(Clone)]
pub struct Journal(Arc<Open>);

struct Open {
    path: PathBuf,
    clock: Clock,
    /// The loss that no person has been asked about.
    went_back: Arc<Mutex<Option<WentBack>>>,
    writer: Thread<writer::Command>,
    reader: Thread<read::Query>,
    _lock: File,
}

/// A thread that owns a connection and ends when its queue is closed.
struct Thread<T> {
    queue: Option<mpsc::Sender<T>>,
    handle: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Thread<T> {
    fn start(
        name: &str,
        path: &Path,
        work: impl FnOnce(mpsc::Receiver<T>) + Send + 'static,
    ) -> Result<Self, JournalError> {
        let (queue, commands) = mpsc::channel();
        let handle = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work(commands))
            .map_err(|error| JournalError::Io { path: path.to_owned(), text: error.to_string() })?;
        Ok(Self { queue: Some(queue), handle: Some(handle) })
    }

    /// Whether the command was taken.
    fn send(&self, command: T) -> bool {
        self.queue.as_ref().is_some_and(|queue| queue.send(command).is_ok())
    }

    fn stop(&mut self) {
        self.queue = None;
        if let Some(handle) = self.handle.take()
            && handle.join().is_err()
        {
            tracing::error!("a thread of the journal panicked");
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // The connection that writes is closed last: it then moves the write-ahead log into the file.
        self.reader.stop();
        self.writer.stop();
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Journal").field(&self.0.path).finish()
    }
}

impl Journal {
    /// Opens the journal in `folder`, or makes both. Blocks until the file is checked.
    ///
    /// # Errors
    /// [`JournalError`] says which file is at fault and what to do. No error leaves the file other than it was.
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        Self::open_with(folder, JournalOptions::default())
    }

    /// As [`Journal::open`], with options.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn open_with(folder: &Path, options: JournalOptions) -> Result<Self, JournalError> {
        let lock = schema::lock(folder)?;
        let path = schema::file_in(folder);
        let mark = mark::read(options.marks.as_ref());
        let (connection, head) = schema::open(&path, &options, mark.as_ref())?;
        let went_back = event::unanswered(&connection).map_err(|error| from_sqlite(&path, &error))?;
        if let Some(WentBack { entry, known, .. }) = &went_back {
            tracing::warn!(
                entry,
                known = known.seq,
                "the journal lost entries that this computer had written"
            );
        }
        schema::write_ahead(&path, &connection)?;
        let mut marker = mark::Marker::new(options.marks.clone(), options.mark_every);
        if mark != Some(head.mark()) {
            marker.note(head.mark());
            marker.write();
        }
        let read_connection = schema::open_reader(&path, &options)?;
        let (clock, marks) = (Arc::clone(&options.clock), options.marks.clone());
        let writer = Thread::start("unlatch-journal", &path, {
            let path = path.clone();
            move |commands| writer::run(connection, head, &path, &options, marker, &commands)
        })?;
        let reader = Thread::start("unlatch-journal-read", &path, {
            let path = path.clone();
            move |queries| read::Reader::new(read_connection, path, marks).run(&queries)
        })?;
        let went_back = Arc::new(Mutex::new(went_back));
        Ok(Self(Arc::new(Open { path, clock, went_back, writer, reader, _lock: lock })))
    }

    /// Returns the newest time when the file was found without entries that this computer had written, until a person has
    /// answered it.
    #[must_use]
    pub fn went_back(&self) -> Option<WentBack> {
        *self.0.went_back.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns an error while a loss waits for a person's answer.
    pub(crate) fn ensure_no_loss_waits(&self) -> Result<(), JournalWentBack> {
        self.went_back().map_or(Ok(()), |_| Err(JournalWentBack))
    }

    /// Records that a person, signed in to that account, was told of the loss and lets runs be resumed. It is not asked about
    /// again. Without a loss that waits nothing is recorded.
    ///
    /// # Errors
    /// [`JournalError`], if it cannot be recorded; the loss then still waits.
    pub async fn answer_went_back(&self, account: Option<String>) -> Result<(), JournalError> {
        if self.went_back().is_none() {
            return Ok(());
        }
        let (event, at) = (JournalEvent::WentBackSeen { account }, (self.0.clock)());
        let waits = Arc::clone(&self.0.went_back);
        let then: Then = Box::new(move |written| {
            if written.is_ok() {
                *waits.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
        });
        self.tell(|reply| writer::Command::About { event, at, then, reply }).await
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The runs, newest first, of that tenant (by id) or of all, as the journal alone has them: a run without an end counts as
    /// interrupted. [`crate::Engine::runs`] also knows which of them are being worked on.
    ///
    /// # Errors
    /// [`JournalError`], if the file cannot be read.
    pub async fn runs(&self, tenant: Option<&str>) -> Result<Vec<RunSummary>, JournalError> {
        let tenant = tenant.map(str::to_owned);
        self.ask(|reply| read::Query::Runs { tenant, reply }).await
    }

    /// A run as the journal alone has it: without an end it counts as interrupted, an intent without an answer as unconfirmed.
    ///
    /// # Errors
    /// [`JournalError::NoSuchRun`], or why the file cannot be read.
    pub async fn run(&self, id: RunId) -> Result<RunRecord, JournalError> {
        self.ask(|reply| read::Query::Run { id, reply }).await
    }

    /// As [`crate::Engine::search`], by the journal alone.
    pub(crate) async fn search(&self, query: HistoryQuery) -> Result<HistoryFound, JournalError> {
        self.ask(|reply| read::Query::Search { query, reply }).await
    }

    /// As [`crate::Engine::recoveries_of`], by the journal alone.
    pub(crate) async fn recoveries_of(
        &self,
        device: DeviceId,
        tenant_id: String,
    ) -> Result<Vec<HistoryItem>, JournalError> {
        self.ask(|reply| read::Query::RecoveriesOf { device, tenant_id, reply }).await
    }

    /// The entries of a run, in the order in which they were recorded.
    ///
    /// # Errors
    /// [`JournalError::NoSuchRun`], or why the file cannot be read.
    pub async fn entries(&self, id: RunId) -> Result<Vec<Recorded>, JournalError> {
        self.ask(|reply| read::Query::Entries { id, reply }).await
    }

    /// Whether the journal is as it was written, and where it first is not.
    ///
    /// # Errors
    /// [`JournalError`], if the file cannot be read.
    pub async fn verify(&self) -> Result<Verified, JournalError> {
        self.ask(|reply| read::Query::Verify { reply }).await
    }

    /// Whether there is a journal in `folder`, whatever is in it.
    #[must_use]
    pub fn is_in(folder: &Path) -> bool {
        schema::file_in(folder).exists()
    }

    /// As [`Journal::verify`], of the journal in `folder`, which is opened for nothing but reading and may be in use. Blocks.
    ///
    /// # Errors
    /// [`JournalError`], if there is none, it cannot be read, or it has another format than this version's.
    pub fn verify_in(folder: &Path) -> Result<Verified, JournalError> {
        Self::verify_against(folder, None)
    }

    /// As [`Journal::verify_in`], and compares the journal with its mark.
    ///
    /// # Errors
    /// As [`Journal::verify_in`].
    pub fn verify_against(
        folder: &Path,
        marks: Option<Arc<dyn MarkStore>>,
    ) -> Result<Verified, JournalError> {
        let path = schema::file_in(folder);
        let connection = schema::open_to_look(&path)?;
        let mark = mark::read(marks.as_ref());
        verify::verify(&connection, mark.as_ref()).map_err(|error| from_sqlite(&path, &error))
    }

    /// Where a run stands by its entries alone, and its devices.
    pub(crate) async fn fold(&self, id: RunId) -> Result<(Fold, Vec<PlannedItem>), JournalError> {
        self.ask(|reply| read::Query::Fold { id, reply }).await
    }

    /// Returns the runs in a tenant of which a request was about to go out within that time before now, or before the newest
    /// request of all if a clock was set since; oldest first.
    pub(crate) async fn runs_sent_within(
        &self,
        tenant: TenantKey,
        now: OffsetDateTime,
        within: Duration,
    ) -> Result<Vec<RunId>, JournalError> {
        self.ask(|reply| read::Query::SentWithin { tenant, now, within, reply }).await
    }

    /// When requests in that tenant were over, by this machine's clock, as far as they were about to go out after `since`;
    /// none for one whose answer is not known.
    pub(crate) async fn requests_since(
        &self,
        tenant: TenantKey,
        since: OffsetDateTime,
    ) -> Result<Vec<Option<OffsetDateTime>>, JournalError> {
        self.ask(|reply| read::Query::RequestsSince { tenant, since, reply }).await
    }

    /// Until when requests in that tenant were told to wait, by this machine's clock, of all that were told after `since`.
    pub(crate) async fn holds_since(
        &self,
        tenant: TenantKey,
        since: OffsetDateTime,
    ) -> Result<Vec<OffsetDateTime>, JournalError> {
        self.ask(|reply| read::Query::HoldsSince { tenant, since, reply }).await
    }

    /// Returns every request of an action in a tenant for these devices that may have been executed.
    pub(crate) async fn requests_for(
        &self,
        tenant: TenantKey,
        action: Action,
        devices: Vec<DeviceId>,
    ) -> Result<RequestsByDevice, JournalError> {
        self.ask(|reply| read::Query::RequestsFor { tenant, action, devices, reply }).await
    }

    /// Returns, for the items of a run by position, the requests that other runs recorded for the same devices after this run's
    /// first entry and that may have been executed.
    pub(crate) async fn later_requests(
        &self,
        id: RunId,
    ) -> Result<HashMap<u32, Vec<SentRequest>>, JournalError> {
        self.ask(|reply| read::Query::LaterRequests { id, reply }).await
    }

    /// Records a run with its items, whole or not at all, which a person confirmed at that time by Graph's clock.
    pub(crate) async fn begin(
        &self,
        header: RunHeader,
        items: Arc<[PlannedItem]>,
        server_now: OffsetDateTime,
    ) -> Result<(), JournalError> {
        self.tell(|reply| writer::Command::Begin { header, items, server_now, reply }).await
    }

    /// Records entries of one run, with those that `first` returns before them, all of them or none, after whatever was given to be
    /// recorded before this call. They are on the disk when the future is done, which need not be waited for.
    pub(crate) fn append(
        &self,
        run: RunId,
        entries: Vec<Entry>,
        first: First,
        then: Then,
    ) -> impl Future<Output = Result<(), JournalError>> + use<'_> {
        self.tell(move |reply| writer::Command::Append { run, entries, first: Some(first), then, reply })
    }

    fn tell<T: Send + 'static>(
        &self,
        command: impl FnOnce(Reply<T>) -> writer::Command,
    ) -> impl Future<Output = Result<T, JournalError>> {
        let (reply, answer) = mpsc::sync_channel(1);
        let taken = self.0.writer.send(command(reply));
        self.answer(taken, answer)
    }

    async fn ask<T: Send + 'static>(
        &self,
        query: impl FnOnce(Reply<T>) -> read::Query,
    ) -> Result<T, JournalError> {
        let (reply, answer) = mpsc::sync_channel(1);
        let taken = self.0.reader.send(query(reply));
        self.answer(taken, answer).await
    }

    /// Waits on tokio's blocking pool, so that a paused clock stands still while the disk is at work.
    async fn answer<T: Send + 'static>(
        &self,
        taken: bool,
        answer: mpsc::Receiver<Result<T, JournalError>>,
    ) -> Result<T, JournalError> {
        let answer = if taken {
            tokio::task::spawn_blocking(move || answer.recv()).await.ok().and_then(Result::ok)
        } else {
            None
        };
        answer.unwrap_or_else(|| {
            Err(JournalError::Io { path: self.0.path.clone(), text: "the journal is closed".to_owned() })
        })
    }
}

type Reply<T> = mpsc::SyncSender<Result<T, JournalError>>;

//! How the texts of a list are looked up: asked for few, and all devices read and compared for many.

use std::collections::HashSet;
use std::ops::ControlFlow;

use serde_json::Value;

use super::Listed;
use super::parse::{Entry, words};
use super::resolve::{Known, Wanted, guid, plain, resolve, visible, written};
use crate::address::quoted;
use crate::checks::{LONGEST_TERM, comparable};
use crate::client::Client;
use crate::device::ManagedDevice;
use crate::error::Error;
use crate::id::DeviceId;
use crate::paging::{End, Ids};
use crate::rows::{Step, Tell, few_at_a_time};
use crate::search::{DEVICES, is_gone, refuses_the_filter};
use crate::wire::{DEVICE_FIELDS, Row as _};

/// The most texts that are asked for. Beyond that all devices are read: at 1,000 a page that is fewer requests in most tenants,
/// and does not rest on filters.
const MOST_ASKED: usize = 400;
/// How many serial numbers are asked for at a time.
const SERIALS_AT_A_TIME: usize = 15;
/// The longest URL, in characters; services and proxies on the way set limits from 2,048 on.
const LONGEST_URL: usize = 2_000;

impl Client {
    /// The devices that a list names. Each text is compared with managed-device ids (as a GUID), serial numbers, device names and,
    /// with an `@` in it, user principal names and mail addresses, whole; a cell of several words that names nothing also word by
    /// word. Up to 400 texts are asked for, by the filters that Graph's metadata (2026-08) tells of managedDevice:
    /// `serialNumber` with `eq` and `or`, `deviceName` with `eq`, `userPrincipalName` with `eq`, `emailAddress` with `contains`.
    /// For more, or as soon as Graph ignores or refuses a filter, all devices are read once and compared on this side; names that
    /// only look alike come along then, and are never certain.
    ///
    /// `tell` hears of progress alone: texts of the list, or devices while all are read (`total` is 0 then).
    ///
    /// # Errors
    /// Any [`Error`] if nothing could be read at all; otherwise it ends up in [`Listed::stopped_by`], and what it kept from being
    /// read is [`Outcome::NotRead`](super::Outcome::NotRead).
    pub async fn find_listed(&self, entries: &[Entry], tell: Tell<'_>) -> Result<Listed, Error> {
        let cells = || entries.iter().flat_map(|entry| entry.cells.iter().map(String::as_str));
        let mut reading = Reading::default();
        self.look_up(&mut reading, entries, cells(), tell).await;
        let rest: Vec<&str> = cells().filter(|cell| !reading.known.names(cell)).flat_map(words).collect();
        self.look_up(&mut reading, entries, rest.into_iter(), tell).await;

        if let (false, Some(error)) = (reading.answered, &reading.stopped_by) {
            return Err(error.clone());
        }
        let Reading { known, looked_up, swept, left_out, unreadable, stopped_by, .. } = reading;
        let read = |text: &str| swept == Some(true) || is_endless(text) || looked_up.contains(&plain(text));
        let (entries, devices) = resolve(entries, known, read);
        Ok(Listed {
            entries,
            devices,
            left_out: left_out.len() + unreadable,
            complete: stopped_by.is_none(),
            stopped_by,
        })
    }

    /// Looks texts up that were not yet, unless reading has ended.
    async fn look_up<'a>(
        &self,
        reading: &mut Reading,
        entries: &[Entry],
        texts: impl Iterator<Item = &'a str>,
        tell: Tell<'_>,
    ) {
        if reading.over || reading.swept.is_some() {
            return;
        }
        let mut new = HashSet::new();
        let texts: Vec<&str> = texts
            .filter(|text| {
                let key = plain(text);
                !is_endless(text) && !reading.looked_up.contains(&key) && new.insert(key)
            })
            .collect();
        let before = reading.asked;
        if before + texts.len() > MOST_ASKED || texts.iter().any(|text| self.is_too_long_to_ask(text)) {
            return self.sweep(reading, entries, tell).await;
        }
        reading.asked += texts.len();

        let questions = self.questions(&texts);
        let mut open = vec![0_usize; texts.len()];
        questions.iter().flat_map(|question| &question.texts).for_each(|place| open[*place] += 1);
        let (mut done, mut refused) = (0, false);
        few_at_a_time(
            questions,
            |question| self.ask(question),
            |(question, answer)| {
                let told = !answer.rows.is_empty() || !answer.strangers.is_empty();
                reading.answered |= told || matches!(answer.end, Ok(End { stopped_by: None, .. }));
                reading.take(answer.rows, &answer.strangers, answer.unreadable);
                if !answer.strangers.is_empty() {
                    refused = true;
                    return ControlFlow::Break(());
                }
                match answer.end {
                    Ok(End { stopped_by: None, .. }) => {}
                    Err(error) if refuses_the_filter(&error) && !error.is_general() => {
                        refused = true;
                        return ControlFlow::Break(());
                    }
                    Err(error) | Ok(End { stopped_by: Some(error), .. }) => {
                        reading.over = error.is_general();
                        reading.stopped_by.get_or_insert(error);
                        return if reading.over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
                    }
                }
                for place in question.texts {
                    open[place] -= 1;
                    if open[place] == 0 {
                        done += 1;
                        reading.looked_up.insert(plain(texts[place]));
                    }
                }
                tell(Step::Progress { done: before + done, total: before + texts.len() });
                ControlFlow::Continue(())
            },
        )
        .await;
        if refused {
            self.sweep(reading, entries, tell).await;
        }
    }

    /// Reads all devices and keeps those that the list names.
    async fn sweep(&self, reading: &mut Reading, entries: &[Entry], tell: Tell<'_>) {
        let cells = || entries.iter().flat_map(|entry| entry.cells.iter().map(String::as_str));
        let wanted = Wanted::new(cells().chain(cells().flat_map(words)));
        let devices = ["deviceManagement", "managedDevices"];
        let url = self.transport.address.asking(&devices, &[("$select", DEVICE_FIELDS)]);
        let mut done = 0;
        let take = |page: Vec<Value>| {
            done += page.len();
            let (mut rows, mut unreadable) = (Vec::new(), 0);
            for row in page {
                match ManagedDevice::read(row) {
                    Some(device) if wanted.names(&device) => rows.push(device),
                    Some(_) => {}
                    None => unreadable += 1,
                }
            }
            reading.take(rows, &[], unreadable);
            tell(Step::Progress { done, total: 0 });
        };
        let end = self.transport.pages(DEVICES, url, take).await;
        reading.answered |= end.is_ok();
        match end {
            Ok(End { complete: true, .. }) => {
                reading.swept = Some(true);
                // Whatever was not answered before is known now.
                reading.stopped_by = None;
            }
            Ok(End { stopped_by, .. }) => {
                reading.swept = Some(false);
                reading.stopped_by = stopped_by.or(reading.stopped_by.take());
            }
            Err(error) => {
                reading.swept = Some(false);
                reading.stopped_by = Some(error);
            }
        }
    }

    /// What is asked for these texts.
    fn questions(&self, texts: &[&str]) -> Vec<Question> {
        let mut questions: Vec<Question> = Vec::new();
        let mut serials: Vec<String> = Vec::new();
        let mut asked: Vec<usize> = Vec::new();
        for (place, text) in texts.iter().enumerate() {
            let one_more = [serials.as_slice(), &[visible(text)]].concat();
            let filter = Ask::Serials(one_more.clone()).filter();
            if !serials.is_empty()
                && (serials.len() == SERIALS_AT_A_TIME
                    || self.asking_devices(&filter).as_str().len() > LONGEST_URL)
            {
                let ask = Ask::Serials(std::mem::replace(&mut serials, vec![visible(text)]));
                questions.push(Question { texts: std::mem::replace(&mut asked, vec![place]), ask });
            } else {
                serials = one_more;
                asked.push(place);
            }
        }
        if !serials.is_empty() {
            questions.push(Question { texts: asked, ask: Ask::Serials(serials) });
        }
        for (place, text) in texts.iter().enumerate() {
            let (visible, written) = (visible(text), written(text));
            let mut also = |ask| questions.push(Question { texts: vec![place], ask });
            if let Some(id) = guid(&visible).and_then(|guid| DeviceId::new(guid).ok()) {
                also(Ask::Id(id));
            }
            if visible.contains('@') {
                also(Ask::Upn(visible.clone()));
                also(Ask::Mail(visible.clone()));
            }
            // Joiners and direction marks may belong to a name, or have come along with it.
            if written != visible {
                also(Ask::Name(written));
            }
            also(Ask::Name(visible));
        }
        questions
    }

    fn is_too_long_to_ask(&self, text: &str) -> bool {
        let longest = [Ask::Name(written(text)), Ask::Mail(written(text))].map(|ask| ask.filter());
        longest.iter().any(|filter| self.asking_devices(filter).as_str().len() > LONGEST_URL)
    }

    async fn ask(&self, question: Question) -> (Question, Answered) {
        let mut answered =
            Answered { rows: Vec::new(), strangers: Vec::new(), unreadable: 0, end: Ok(End::WHOLE) };
        if let Ask::Id(id) = &question.ask {
            match self.device(id).await {
                Ok(device) => answered.rows.push(device),
                Err(error) if is_gone(&error) => {}
                // It stays unread: what a single read says is no word on filters.
                Err(error) => answered.end = Ok(End::stopped(error)),
            }
            return (question, answered);
        }
        let url = self.asking_devices(&question.ask.filter());
        let Answered { rows, strangers, unreadable, end } = &mut answered;
        let take = |page: Vec<Value>| {
            for row in page {
                match ManagedDevice::read(row) {
                    Some(device) if question.ask.is_answered_by(&device) => rows.push(device),
                    Some(device) => strangers.push(device.id),
                    None => *unreadable += 1,
                }
            }
            // The filter was ignored: what follows are all the others.
            if strangers.is_empty() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        *end = self.transport.pages_until(DEVICES, url, take).await;
        (question, answered)
    }
}

/// Whether a text is longer than anything a device is called by.
fn is_endless(text: &str) -> bool {
    text.chars().count() > LONGEST_TERM
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    known: Known,
    /// Texts of which every question was answered, as they are compared.
    looked_up: HashSet<String>,
    asked: usize,
    /// Whether all devices were read, once that was tried.
    swept: Option<bool>,
    /// Whether anything was answered at all.
    answered: bool,
    /// Whether the next question would fail as the last one did.
    over: bool,
    left_out: Ids,
    unreadable: usize,
    stopped_by: Option<Error>,
}

impl Reading {
    fn take(&mut self, rows: Vec<ManagedDevice>, strangers: &[DeviceId], unreadable: usize) {
        for stranger in strangers {
            self.left_out.insert(stranger.as_str());
        }
        for row in rows {
            self.left_out.remove(row.id.as_str());
            self.known.add(row);
        }
        self.unreadable += unreadable;
    }
}

/// A question, and the places of the texts it is about.
struct Question {
    texts: Vec<usize>,
    ask: Ask,
}

enum Ask {
    Id(DeviceId),
    Serials(Vec<String>),
    Name(String),
    Upn(String),
    Mail(String),
}

impl Ask {
    /// The filter; none is needed for an id.
    fn filter(&self) -> String {
        match self {
            Self::Id(_) => String::new(),
            Self::Serials(serials) => serials
                .iter()
                .map(|serial| ["serialNumber eq ", &quoted(serial)].concat())
                .collect::<Vec<_>>()
                .join(" or "),
            Self::Name(name) => ["deviceName eq ", &quoted(name)].concat(),
            Self::Upn(upn) => ["userPrincipalName eq ", &quoted(upn)].concat(),
            Self::Mail(mail) => ["contains(emailAddress,", &quoted(mail), ")"].concat(),
        }
    }

    /// Whether a row is what was asked for; otherwise the filter was ignored.
    fn is_answered_by(&self, device: &ManagedDevice) -> bool {
        let told = |text: &Option<String>| plain(text.as_deref().unwrap_or_default());
        match self {
            Self::Id(id) => device.id == *id,
            Self::Serials(serials) => {
                let serial = told(&device.serial_number);
                serials.iter().any(|asked| plain(asked) == serial)
            }
            Self::Name(name) => comparable(&device.device_name) == comparable(name),
            Self::Upn(upn) => told(&device.user_principal_name) == plain(upn),
            Self::Mail(mail) => told(&device.email_address).contains(&plain(mail)),
        }
    }
}

struct Answered {
    rows: Vec<ManagedDevice>,
    /// Rows that do not answer the question.
    strangers: Vec<DeviceId>,
    unreadable: usize,
    end: Result<End, Error>,
}

//! From a question to a table.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use unlatch_graph::{
    AppId, DetectedApp, Ended, Entry as ListEntry, Error, Listed as Found, ListedEntry, Outcome, Route, Step,
    User, UserId,
};

use crate::convert;
use crate::dto::{Column, DeviceQuestion, ListGroup, ListNote, ListNoteKind, ListView, TableState};
use crate::error::CommandError;
use crate::place::Desk;
use crate::selection::Origin;
use crate::shown::Shown;
use crate::table::{Listed, TableEnd};

/// The shortest time between two messages to the window while rows come.
const PACE: Duration = Duration::from_millis(100);
/// From how many devices on orders are made beforehand, and by which columns.
const MANY: u32 = 5_000;
const ORDERED: [Column; 8] = [
    Column::Name,
    Column::Serial,
    Column::User,
    Column::System,
    Column::LastContact,
    Column::Warnings,
    Column::Owner,
    Column::Model,
];
/// How long the entries of one row may become, in bytes.
const MOST_TEXT: usize = 300;
/// The most entries of a list that are told apart.
const MOST_NOTES: usize = 5_000;

/// A question whose subject was shown.
enum Asked {
    User(User),
    App(DetectedApp),
    Text(String),
    List(Vec<ListEntry>),
}

impl Asked {
    fn new(shown: &Shown, question: DeviceQuestion) -> Result<Self, CommandError> {
        let wrong = |message: &str| CommandError::invalid_input(message);
        Ok(match question {
            DeviceQuestion::User { id } => {
                let id = UserId::new(id).map_err(|_| wrong("not a user id"))?;
                Self::User(shown.user(&id).ok_or_else(|| wrong("this user was not shown"))?)
            }
            DeviceQuestion::App { id } => {
                let id = AppId::new(id).map_err(|_| wrong("not a detected app id"))?;
                Self::App(shown.app(&id).ok_or_else(|| wrong("this app was not shown"))?)
            }
            DeviceQuestion::Text { text } => Self::Text(text),
            DeviceQuestion::List { text } => {
                Self::List(unlatch_graph::entries(&text).map_err(|error| wrong(&error.to_string()))?)
            }
        })
    }

    fn origin(&self) -> Origin {
        match self {
            Self::User(user) => {
                Origin { route: Route::User(user.id.clone()), label: user.display_name.clone() }
            }
            Self::App(app) => {
                let words = [Some(app.display_name.as_str()), app.version.as_deref()];
                let label = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
                Origin { route: Route::App(app.id.clone()), label }
            }
            Self::Text(_) | Self::List(_) => Origin { route: Route::Direct, label: String::new() },
        }
    }
}

/// Asks Graph and fills a new table with what it answers, telling how far it has come.
///
/// # Errors
/// `InvalidInput` for a question about somebody or something that was not shown, and for a list that is empty or too long; any error
/// of Graph if nothing could be read at all.
pub async fn devices(
    desk: &Desk,
    question: DeviceQuestion,
    tell: impl Fn(TableState) + Send + Sync,
) -> Result<TableState, CommandError> {
    let asked = Asked::new(&desk.shown, question)?;
    let search = desk.work().begin(asked.origin());
    let told = Mutex::new(Instant::now());
    let step = |step: Step| {
        let mut work = desk.work();
        let Some(table) = work.table(search) else { return };
        match step {
            Step::Rows(rows) => table.push(rows),
            Step::LeftOut(count) => table.leave_out(count),
            Step::Progress { done, total } => table.progress(done, total),
        }
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.elapsed() >= PACE {
            *told = Instant::now();
            tell(table.state());
        }
    };
    let client = &desk.client;
    let read = match &asked {
        Asked::User(user) => client.devices_of_user(user, &step).await,
        Asked::App(app) => client.devices_with_app(app, &step).await,
        Asked::Text(text) => client.find_devices(text, &step).await,
        Asked::List(entries) => match client.find_listed(entries, &step).await {
            Ok(found) => return finish_list(desk, search, found),
            Err(error) => Err(error),
        },
    };
    let mut work = desk.work();
    let table = work.table(search).ok_or_else(CommandError::superseded)?;
    match read {
        Ok(Ended { left_out, complete, stopped_by, counted }) => {
            table.leave_out(left_out);
            table.finish(end(complete, counted, stopped_by), None);
            let state = table.state();
            if state.loaded > MANY {
                tauri::async_runtime::spawn(prepare(desk.shown.clone(), search));
            }
            Ok(state)
        }
        Err(error) => {
            table.finish(end(false, None, Some(error.clone())), None);
            Err(error.into())
        }
    }
}

/// Makes the orders of a long table while a person looks at it, one at a time, so that nobody waits for the bench meanwhile.
async fn prepare(shown: Arc<Shown>, search: u32) {
    for column in ORDERED {
        match shown.work().table(search) {
            Some(table) => table.prepare(column, OffsetDateTime::now_utc()),
            None => return,
        }
        tokio::time::sleep(PACE).await;
    }
}

fn end(complete: bool, counted: Option<u32>, stopped_by: Option<Error>) -> TableEnd {
    TableEnd { complete, counted, problem: stopped_by.map(CommandError::from) }
}

fn finish_list(desk: &Desk, search: u32, found: Found) -> Result<TableState, CommandError> {
    let Found { entries, devices, left_out, complete, stopped_by } = found;
    let by_id: HashMap<_, _> = devices.iter().map(|device| (device.id.clone(), device)).collect();
    let mut rows = Vec::new();
    let mut of_rows: Vec<(ListGroup, String)> = Vec::new();
    let mut places = HashMap::new();
    for entry in &entries {
        let (group, ids) = match &entry.outcome {
            Outcome::One(id) => (ListGroup::One, std::slice::from_ref(id)),
            Outcome::Several(ids) => (ListGroup::Several, ids.as_slice()),
            Outcome::None | Outcome::Double { .. } | Outcome::NotRead => continue,
        };
        for id in ids {
            let Some(device) = by_id.get(id) else { continue };
            match places.entry((group == ListGroup::One, id)) {
                Entry::Vacant(place) => {
                    place.insert(rows.len());
                    rows.push((*device).clone());
                    of_rows.push((group, entry.text.clone()));
                }
                // Two entries may have one device among those they could mean; it stands there for both.
                Entry::Occupied(place) => {
                    if let Some((_, text)) = of_rows.get_mut(*place.get())
                        && text.len() < MOST_TEXT
                    {
                        text.push_str(" · ");
                        text.push_str(&entry.text);
                    }
                }
            }
        }
    }
    let view = list_view(&entries);
    let mut work = desk.work();
    let table = work.table(search).ok_or_else(CommandError::superseded)?;
    table.push(rows);
    table.leave_out(left_out);
    table.finish(end(complete, None, stopped_by), Some(Listed { view, rows: of_rows, devices: by_id.len() }));
    Ok(table.state())
}

fn list_view(entries: &[ListedEntry]) -> ListView {
    let mut view = ListView {
        entries: convert::count(entries.len()),
        one: 0,
        several: 0,
        none: 0,
        double: 0,
        not_read: 0,
        notes: Vec::new(),
    };
    for entry in entries {
        let (count, note) = match entry.outcome {
            Outcome::One(_) => (&mut view.one, None),
            Outcome::Several(_) => (&mut view.several, Some(ListNoteKind::Several)),
            Outcome::None => (&mut view.none, Some(ListNoteKind::None)),
            Outcome::Double { .. } => (&mut view.double, Some(ListNoteKind::Double)),
            Outcome::NotRead => (&mut view.not_read, Some(ListNoteKind::NotRead)),
        };
        *count += 1;
        if let Some(kind) = note
            && view.notes.len() < MOST_NOTES
        {
            let same_as = match entry.outcome {
                Outcome::Double { of_line } => Some(convert::count(of_line)),
                _ => None,
            };
            view.notes.push(ListNote {
                line: convert::count(entry.line),
                text: entry.text.clone(),
                kind,
                same_as,
            });
        }
    }
    view
}

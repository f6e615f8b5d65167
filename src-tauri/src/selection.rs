//! What a person selected, across all searches. Each device is in it once, by the search that it was selected from first.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use indexmap::IndexMap;
use time::OffsetDateTime;
use unlatch_graph::{DeviceId, ManagedDevice, Route};
use unlatch_recovery::RunId;

use crate::convert;
use crate::dto::{RouteView, SelectionState, TrayGrouping, TrayRow, TrayWindow};
use crate::table::row::Row;

/// How devices were found.
#[derive(Debug, PartialEq, Eq)]
pub struct Origin {
    /// The route their requests go out by.
    pub route: Route,
    /// What people call it.
    pub label: String,
}

impl Origin {
    /// As the window takes it.
    pub fn view(&self) -> RouteView {
        RouteView::named(&self.route, self.label.clone())
    }
}

/// A row that is known by its device's id.
struct Held(Arc<Row>);

impl Borrow<DeviceId> for Held {
    fn borrow(&self) -> &DeviceId {
        &self.0.id
    }
}

impl Hash for Held {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Held {}

type Devices = IndexMap<Held, Arc<Origin>, foldhash::fast::RandomState>;

/// The selected devices, in the order in which they were selected.
#[derive(Default)]
pub struct Selection {
    devices: Devices,
    version: u64,
    doubled: usize,
    /// What was cleared last, as long as nothing was selected since.
    cleared: Option<Devices>,
    /// What the run that was started last was started for.
    started: Option<(RunId, Devices)>,
    tray: Option<Tray>,
}

/// The rows of the tray, for one version and grouping.
struct Tray {
    of: (u64, TrayGrouping),
    rows: Vec<Line>,
}

/// A heading, by the first device under it, or a device, each by its place in the selection.
#[derive(Clone, Copy)]
enum Line {
    Heading { first: usize, count: u32 },
    Device(usize),
}

impl Selection {
    /// Rises with every change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How many devices it holds.
    pub fn len(&self) -> usize {
        self.devices.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    /// By which search a device is selected, if it is.
    pub fn origin(&self, id: &DeviceId) -> Option<&Arc<Origin>> {
        self.devices.get(id)
    }

    /// A device of it.
    pub fn device(&self, id: &DeviceId) -> Option<ManagedDevice> {
        self.devices.get_key_value(id).map(|(held, _)| held.0.device())
    }

    /// Every device and how it was found.
    pub fn devices(&self) -> impl Iterator<Item = (ManagedDevice, &Origin)> {
        self.devices.iter().map(|(held, origin)| (held.0.device(), &**origin))
    }

    /// Selects rows of a search. Those that another search has already stay with that one.
    pub fn add<'a>(&mut self, rows: impl Iterator<Item = &'a Arc<Row>>, origin: &Arc<Origin>) {
        self.doubled = 0;
        self.devices.reserve(rows.size_hint().1.unwrap_or_default());
        for row in rows {
            match self.devices.entry(Held(row.clone())) {
                indexmap::map::Entry::Vacant(free) => {
                    free.insert(origin.clone());
                }
                indexmap::map::Entry::Occupied(first) => {
                    self.doubled += usize::from(first.get().route != origin.route);
                }
            }
        }
        self.cleared = None;
        self.version += 1;
    }

    /// Takes devices out.
    pub fn remove(&mut self, goes: impl Fn(&DeviceId) -> bool) {
        self.devices.retain(|held, _| !goes(&held.0.id));
        self.doubled = 0;
        self.version += 1;
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        let cleared = std::mem::take(&mut self.devices);
        if !cleared.is_empty() {
            self.cleared = Some(cleared);
        }
        self.doubled = 0;
        self.version += 1;
    }

    /// Puts back what was cleared last.
    pub fn undo_clear(&mut self) {
        if let Some(cleared) = self.cleared.take() {
            self.put_in_front(cleared);
        }
    }

    /// A run was started for these devices, which are not selected any more.
    pub fn started(&mut self, run: RunId, devices: impl Fn(&DeviceId) -> bool) {
        let (gone, left) =
            std::mem::take(&mut self.devices).into_iter().partition(|(held, _)| devices(&held.0.id));
        self.devices = left;
        self.started = Some((run, gone));
        self.doubled = 0;
        self.version += 1;
    }

    /// Selects again what a run was started for, if it is the last one.
    pub fn put_back(&mut self, run: RunId) {
        if let Some((_, devices)) = self.started.take_if(|(last, _)| *last == run) {
            self.put_in_front(devices);
        }
    }

    fn put_in_front(&mut self, devices: Devices) {
        let later = std::mem::replace(&mut self.devices, devices);
        for (held, origin) in later {
            self.devices.entry(held).or_insert(origin);
        }
        self.doubled = 0;
        self.version += 1;
    }

    /// What the window shows of it at `now`.
    pub fn state(&self, now: OffsetDateTime) -> SelectionState {
        let warned = self.devices.keys().filter(|held| held.0.warnings(now).next().is_some()).count();
        SelectionState {
            version: (self.version % u64::from(u32::MAX)) as u32,
            size: convert::count(self.devices.len()),
            warned: convert::count(warned),
            doubled: convert::count(self.doubled),
            can_undo: self.cleared.is_some(),
        }
    }

    /// Rows of the tray from a place on.
    pub fn tray(&mut self, grouping: TrayGrouping, from: u32, count: u32, now: OffsetDateTime) -> TrayWindow {
        let of = (self.version, grouping);
        let tray = match self.tray.take() {
            Some(tray) if tray.of == of => tray,
            _ => Tray { of, rows: self.lines(grouping) },
        };
        let lines = tray.rows.iter().skip(from as usize).take(count as usize);
        let rows = lines.filter_map(|line| self.tray_row(*line, grouping, now)).collect();
        let total = convert::count(tray.rows.len());
        self.tray = Some(tray);
        TrayWindow { state: self.state(now), total, from, rows }
    }

    /// Headings and devices, in the order in which each group was begun.
    fn lines(&self, grouping: TrayGrouping) -> Vec<Line> {
        let mut groups: IndexMap<&str, Vec<usize>> = IndexMap::new();
        let mut routes: IndexMap<&Route, Vec<usize>> = IndexMap::new();
        for (at, (held, origin)) in self.devices.iter().enumerate() {
            match grouping {
                TrayGrouping::Found => routes.entry(&origin.route).or_default().push(at),
                TrayGrouping::User => groups.entry(held.0.user_key()).or_default().push(at),
                TrayGrouping::System => groups.entry(held.0.system()).or_default().push(at),
            }
        }
        routes
            .into_values()
            .chain(groups.into_values())
            .flat_map(|devices| {
                let first = devices.first().copied().unwrap_or_default();
                std::iter::once(Line::Heading { first, count: convert::count(devices.len()) })
                    .chain(devices.into_iter().map(Line::Device))
            })
            .collect()
    }

    fn tray_row(&self, line: Line, grouping: TrayGrouping, now: OffsetDateTime) -> Option<TrayRow> {
        let named = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
        Some(match line {
            Line::Device(at) => {
                let (held, _) = self.devices.get_index(at)?;
                TrayRow::Device { device: Box::new(convert::device_row(&held.0.device(), now)) }
            }
            Line::Heading { first, count } => {
                let (held, origin) = self.devices.get_index(first)?;
                match grouping {
                    TrayGrouping::Found => TrayRow::Search { route: origin.view(), count },
                    TrayGrouping::User => TrayRow::User {
                        name: named(held.0.user_name()),
                        username: named(held.0.user_principal_name()),
                        count,
                    },
                    TrayGrouping::System => TrayRow::System { name: named(held.0.system()), count },
                }
            }
        })
    }
}

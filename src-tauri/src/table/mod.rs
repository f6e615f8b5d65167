//! The table of devices on the desk: what one question found, and what of it is shown in which order.

mod haystack;
mod order;
pub mod row;

use std::collections::HashMap;
use std::sync::Arc;

use time::{Duration, OffsetDateTime};
use unlatch_graph::{DeviceId, ManagedDevice};

use self::haystack::Haystack;
use self::order::Order;
use self::row::{Row, Words};
use crate::convert;
use crate::dto::{
    Column, ColumnFilter, ColumnValue, ListGroup, ListView, ReadProgress, TableQuery, TableState,
};
use crate::error::CommandError;
use crate::selection::Origin;

/// The most values of a column that are listed.
const MOST_VALUES: usize = 200;

/// What one question found.
pub struct Table {
    /// Names it.
    search: u32,
    /// How its devices were found.
    origin: Arc<Origin>,
    rows: Vec<Arc<Row>>,
    words: Words,
    haystack: Haystack,
    listed: Option<Listed>,
    end: Option<TableEnd>,
    left_out: u32,
    progress: Option<ReadProgress>,
    /// Rises with every row, so that what was made of fewer is made anew.
    version: u64,
    orders: HashMap<Column, Order>,
    columns: HashMap<Column, Haystack>,
    view: Option<View>,
    ticks: Ticks,
}

/// What became of a list, and which entry and group each row belongs to.
pub struct Listed {
    /// For the window.
    pub view: ListView,
    /// One a row.
    pub rows: Vec<(ListGroup, String)>,
    /// How many devices these are.
    pub devices: usize,
}

/// How the reading of a table ended.
pub struct TableEnd {
    /// Whether everything there is was read.
    pub complete: bool,
    /// How many devices Graph itself counts.
    pub counted: Option<u32>,
    /// Why it ended early.
    pub problem: Option<CommandError>,
}

/// The rows that meet a query, in its order.
struct View {
    query: TableQuery,
    version: u64,
    rows: Arc<[u32]>,
    /// How many of them are selected, as of a version of the selection.
    selected: Option<(u64, u32)>,
}

/// Which rows are selected, as of a version of the selection.
#[derive(Default)]
struct Ticks {
    /// Of the selection, and how many rows there were.
    at: Option<(u64, usize)>,
    rows: Vec<bool>,
}

impl Table {
    /// An empty table, about to be filled.
    pub fn new(search: u32, origin: Origin) -> Self {
        Self {
            search,
            origin: Arc::new(origin),
            rows: Vec::new(),
            words: Words::default(),
            haystack: Haystack::default(),
            listed: None,
            end: None,
            left_out: 0,
            progress: None,
            version: 0,
            orders: HashMap::new(),
            columns: HashMap::new(),
            view: None,
            ticks: Ticks::default(),
        }
    }

    /// Names it.
    pub fn search(&self) -> u32 {
        self.search
    }

    /// How its devices were found.
    pub fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    /// Adds checked rows.
    pub fn push(&mut self, devices: Vec<ManagedDevice>) {
        for device in devices {
            let row = Row::new(device, &mut self.words);
            self.haystack.push(
                [row.name(), row.serial(), row.user_name(), row.user_principal_name(), row.system()]
                    .into_iter()
                    .chain([row.version(), row.model()]),
            );
            self.rows.push(Arc::new(row));
        }
        self.version += 1;
        self.orders.clear();
        self.columns.clear();
    }

    /// Tells how many rows did not come through so far.
    pub fn leave_out(&mut self, count: usize) {
        self.left_out = convert::count(count);
    }

    /// Tells how far reading has come.
    pub fn progress(&mut self, done: usize, total: usize) {
        self.progress = Some(ReadProgress { done: convert::count(done), total: convert::count(total) });
    }

    /// Everything there will be is there.
    pub fn finish(&mut self, end: TableEnd, listed: Option<Listed>) {
        self.rows.shrink_to_fit();
        self.listed = listed;
        self.end = Some(end);
        self.version += 1;
    }

    /// Whether every page was read.
    pub fn is_complete(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.complete)
    }

    /// How many devices there are so far.
    pub fn loaded(&self) -> u32 {
        convert::count(self.listed.as_ref().map_or(self.rows.len(), |listed| listed.devices))
    }

    /// Whether rows are still being read.
    pub fn is_loading(&self) -> bool {
        self.end.is_none()
    }

    /// How far it is read, and the truth about the rest.
    pub fn state(&self) -> TableState {
        TableState {
            search: self.search,
            loaded: self.loaded(),
            loading: self.is_loading(),
            complete: self.is_complete(),
            left_out: self.left_out,
            counted: self.end.as_ref().and_then(|end| end.counted),
            progress: self.progress,
            problem: self.end.as_ref().and_then(|end| end.problem.clone()),
            list: self.listed.as_ref().map(|listed| listed.view.clone()),
        }
    }

    /// A row.
    pub fn row(&self, at: u32) -> Option<&Arc<Row>> {
        self.rows.get(at as usize)
    }

    /// The entry of a list that names a row.
    pub fn entry(&self, at: u32) -> Option<&str> {
        self.listed.as_ref().and_then(|listed| listed.rows.get(at as usize)).map(|(_, entry)| entry.as_str())
    }

    /// A device of it.
    pub fn device(&self, id: &DeviceId) -> Option<ManagedDevice> {
        self.rows.iter().find(|row| row.id == *id).map(|row| row.device())
    }

    /// The rows that meet a query at `now`, in its order.
    pub fn view(&mut self, query: &TableQuery, now: OffsetDateTime) -> Arc<[u32]> {
        if let Some(view) = &self.view
            && view.version == self.version
            && view.query == *query
        {
            return view.rows.clone();
        }
        let rows = self.meet(query, now);
        self.view =
            Some(View { query: query.clone(), version: self.version, rows: rows.clone(), selected: None });
        rows
    }

    /// How many rows of the view last made are selected; `is_selected` tells it of one, as of a version of the selection.
    pub fn selected(&mut self, selection: u64, is_selected: impl Fn(&Row) -> bool) -> u32 {
        let Some(mut view) = self.view.take() else { return 0 };
        let count = match view.selected {
            Some((version, count)) if version == selection => count,
            _ => {
                let ticks = self.ticks(selection, is_selected);
                convert::count(
                    view.rows.iter().filter(|row| ticks.get(**row as usize) == Some(&true)).count(),
                )
            }
        };
        view.selected = Some((selection, count));
        self.view = Some(view);
        count
    }

    /// All rows of a view were selected or unselected, which made this version of the selection out of that one.
    pub fn set_ticks(&mut self, rows: &[u32], on: bool, from: u64, to: u64) {
        // In a list a device can stand in two rows.
        if self.listed.is_none() && self.ticks.at == Some((from, self.rows.len())) {
            for row in rows {
                if let Some(tick) = self.ticks.rows.get_mut(*row as usize) {
                    *tick = on;
                }
            }
            self.ticks.at = Some((to, self.rows.len()));
        }
    }

    fn ticks(&mut self, selection: u64, is_selected: impl Fn(&Row) -> bool) -> &[bool] {
        if self.ticks.at != Some((selection, self.rows.len())) {
            self.ticks.rows.clear();
            self.ticks.rows.extend(self.rows.iter().map(|row| is_selected(row)));
            self.ticks.at = Some((selection, self.rows.len()));
        }
        &self.ticks.rows
    }

    /// Makes the order by a column, so that it is there when a person asks for it.
    pub fn prepare(&mut self, column: Column, now: OffsetDateTime) {
        order_of(&mut self.orders, &self.rows, column, now);
    }

    /// The values of a column among all rows, the most frequent first.
    pub fn values(&self, column: Column, now: OffsetDateTime) -> Vec<ColumnValue> {
        let mut counts: HashMap<&str, u32> = HashMap::new();
        for row in &self.rows {
            each_value(row, column, now, |value| *counts.entry(value).or_default() += 1);
        }
        let mut values: Vec<ColumnValue> =
            counts.into_iter().map(|(value, count)| ColumnValue { value: value.to_owned(), count }).collect();
        values.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
        values.truncate(MOST_VALUES);
        values
    }

    fn meet(&mut self, query: &TableQuery, now: OffsetDateTime) -> Arc<[u32]> {
        let mut meets: Option<Vec<bool>> = None;
        let count = self.rows.len();
        let mut keep = |kept: Vec<bool>| match &mut meets {
            None => meets = Some(kept),
            Some(meets) => meets.iter_mut().zip(kept).for_each(|(meets, kept)| *meets &= kept),
        };
        if let Some(rows) = self.haystack.rows_with(&query.text) {
            keep(marked(&rows, count));
        }
        for filter in &query.filters {
            let rows = &self.rows;
            match filter {
                ColumnFilter::Contains { column, text } => {
                    let haystack = self.columns.entry(*column).or_insert_with(|| {
                        let mut haystack = Haystack::default();
                        rows.iter().for_each(|row| haystack.push(texts(row, *column).into_iter()));
                        haystack
                    });
                    if let Some(rows) = haystack.rows_with(text) {
                        keep(marked(&rows, count));
                    }
                }
                ColumnFilter::OneOf { column, values } => {
                    keep(rows.iter().map(|row| has_one(row, *column, values, now)).collect());
                }
                ColumnFilter::Before { column, days } => {
                    keep(rows.iter().map(|row| lies_back(row, *column, *days, now)).collect());
                }
                ColumnFilter::Within { column, days } => {
                    keep(rows.iter().map(|row| !lies_back(row, *column, *days, now)).collect());
                }
            }
        }
        if let Some(listed) = &self.listed {
            // What is not clear is shown only when it is asked for, so that it is never selected with the rest.
            let group = query.group.unwrap_or(ListGroup::One);
            keep(listed.rows.iter().map(|(of, _)| *of == group).collect());
        }
        let shown = |row: &u32| meets.as_ref().is_none_or(|meets| meets.get(*row as usize) == Some(&true));
        // While rows come in they stay where they are, so that none slides under a pointer.
        match query.sort.filter(|_| !self.is_loading()) {
            None => (0..convert::count(count)).filter(shown).collect(),
            Some(sort) => {
                let order = order_of(&mut self.orders, &self.rows, sort.column, now);
                order.rows(sort.descending).filter(shown).collect()
            }
        }
    }
}

fn order_of<'a>(
    orders: &'a mut HashMap<Column, Order>,
    rows: &[Arc<Row>],
    column: Column,
    now: OffsetDateTime,
) -> &'a Order {
    orders.entry(column).or_insert_with(|| Order::new(rows.iter().map(|row| &**row), column, now))
}

fn marked(rows: &[u32], count: usize) -> Vec<bool> {
    let mut marked = vec![false; count];
    for row in rows {
        marked[*row as usize] = true;
    }
    marked
}

/// The words that stand in a column.
fn texts(row: &Row, column: Column) -> [&str; 2] {
    match column {
        Column::Name => [row.name(), ""],
        Column::Serial => [row.serial(), ""],
        Column::User => [row.user_name(), row.user_principal_name()],
        Column::System => [row.system(), row.version()],
        Column::Model => [row.model(), ""],
        Column::Owner => [row.owner(), ""],
        Column::Compliance => [row.compliance(), ""],
        Column::ManagementState => [row.management_state(), ""],
        Column::LastContact | Column::Enrolled | Column::Warnings => ["", ""],
    }
}

/// Tells each value that a row has in a column; an empty one if it has none.
fn each_value<'a>(row: &'a Row, column: Column, now: OffsetDateTime, mut tell: impl FnMut(&'a str)) {
    match column {
        Column::User => tell(row.user()),
        Column::System => tell(row.system()),
        Column::Warnings => {
            let mut none = true;
            for warning in row.warnings(now) {
                none = false;
                tell(warning);
            }
            if none {
                tell("");
            }
        }
        column => tell(texts(row, column)[0]),
    }
}

fn has_one(row: &Row, column: Column, values: &[String], now: OffsetDateTime) -> bool {
    let mut found = false;
    each_value(row, column, now, |value| found |= values.iter().any(|wanted| wanted == value));
    found
}

/// Whether a moment lies at least so many days back; one that never was does.
fn lies_back(row: &Row, column: Column, days: u32, now: OffsetDateTime) -> bool {
    let at = if column == Column::Enrolled { row.enrolled } else { row.last_sync };
    at.is_none_or(|at| now - at >= Duration::days(i64::from(days)))
}

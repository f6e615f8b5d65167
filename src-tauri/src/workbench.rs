//! What lies on a desk: the table of the newest question, and what was selected.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};

use time::OffsetDateTime;
use unlatch_graph::{DeviceId, ManagedDevice};

use crate::convert;
use crate::dto::{
    Column, ColumnValue, ListGroup, SelectWhat, SelectionState, TableQuery, TableRow, TableWindow,
};
use crate::error::CommandError;
use crate::selection::{Origin, Selection};
use crate::table::Table;

/// The most rows that are given at once.
pub const MOST_ROWS: u32 = 200;

/// The name of the next table.
static SEARCHES: AtomicU32 = AtomicU32::new(1);

/// The table of the newest question, and what was selected across all of them.
#[derive(Default)]
pub struct Workbench {
    table: Option<Table>,
    /// What was selected.
    pub selection: Selection,
}

impl Workbench {
    /// Puts an empty table in the place of the one before, and gives its name.
    pub fn begin(&mut self, origin: Origin) -> u32 {
        // No two tables of any tenant have one name, so that what is asked of one is never answered by another.
        let search = SEARCHES.fetch_add(1, Ordering::Relaxed);
        self.table = Some(Table::new(search, origin));
        search
    }

    /// The table of a question, if it is the newest.
    pub fn table(&mut self, search: u32) -> Option<&mut Table> {
        self.table.as_mut().filter(|table| table.search() == search)
    }

    /// Rows that meet a query, from a place on.
    ///
    /// # Errors
    /// `Superseded` for an older table.
    pub fn window(
        &mut self,
        search: u32,
        query: &TableQuery,
        from: u32,
        count: u32,
        now: OffsetDateTime,
    ) -> Result<TableWindow, CommandError> {
        let (table, selection) = self.parts(search)?;
        let view = table.view(query, now);
        let selected = if selection.is_empty() {
            0
        } else {
            table.selected(selection.version(), |row| selection.origin(&row.id).is_some())
        };
        let rows = view.iter().skip(from as usize).take(count.min(MOST_ROWS) as usize).filter_map(|at| {
            let row = table.row(*at)?;
            let by = selection.origin(&row.id);
            Some(TableRow {
                device: convert::device_row(&row.device(), now),
                selected: by.is_some(),
                elsewhere: by.filter(|by| by.route != table.origin().route).map(|by| by.view()),
                entry: table.entry(*at).map(str::to_owned),
            })
        });
        Ok(TableWindow {
            loaded: table.loaded(),
            loading: table.is_loading(),
            matching: convert::count(view.len()),
            selected,
            from,
            rows: rows.collect(),
        })
    }

    /// The values of a column.
    ///
    /// # Errors
    /// `Superseded` for an older table.
    pub fn values(
        &mut self,
        search: u32,
        column: Column,
        now: OffsetDateTime,
    ) -> Result<Vec<ColumnValue>, CommandError> {
        Ok(self.parts(search)?.0.values(column, now))
    }

    /// Selects or unselects rows as a query shows them.
    ///
    /// # Errors
    /// `Superseded` for an older table, `InvalidInput` for a device that the query does not show, for all of a table that is
    /// not complete, and for all between which a person has to choose.
    pub fn select(
        &mut self,
        search: u32,
        query: &TableQuery,
        what: &SelectWhat,
        on: bool,
        now: OffsetDateTime,
    ) -> Result<SelectionState, CommandError> {
        let (table, selection) = self.parts(search)?;
        let view = table.view(query, now);
        let place = |id: &str| {
            let found = view.iter().position(|at| table.row(*at).is_some_and(|row| row.id.as_str() == id));
            found.ok_or_else(|| CommandError::invalid_input("this device is not shown"))
        };
        let rows = match what {
            SelectWhat::Matching if !table.is_complete() => {
                return Err(CommandError::invalid_input("the table is not complete"));
            }
            SelectWhat::Matching if on && query.group == Some(ListGroup::Several) => {
                return Err(CommandError::invalid_input("what is not clear is selected one by one"));
            }
            SelectWhat::Matching => &view[..],
            SelectWhat::One { id } => {
                let at = place(id)?;
                &view[at..=at]
            }
            SelectWhat::Range { from, to } => {
                let (from, to) = (place(from)?, place(to)?);
                &view[from.min(to)..=from.max(to)]
            }
        };
        let before = selection.version();
        let chosen = || rows.iter().filter_map(|at| table.row(*at));
        if on {
            let origin = table.origin().clone();
            selection.add(chosen(), &origin);
        } else {
            let goes: HashSet<&DeviceId, foldhash::fast::RandomState> = chosen().map(|row| &row.id).collect();
            selection.remove(|id| goes.contains(id));
        }
        table.set_ticks(rows, on, before, selection.version());
        Ok(selection.state(now))
    }

    /// A device of the table or the selection.
    pub fn device(&self, id: &DeviceId) -> Option<ManagedDevice> {
        self.table.as_ref().and_then(|table| table.device(id)).or_else(|| self.selection.device(id))
    }

    fn parts(&mut self, search: u32) -> Result<(&mut Table, &mut Selection), CommandError> {
        let table = self.table.as_mut().filter(|table| table.search() == search);
        Ok((table.ok_or_else(CommandError::superseded)?, &mut self.selection))
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use unlatch_graph::{AppId, Route};
    use unlatch_recovery::RunId;
    use uuid::Uuid;

    use super::*;
    use crate::dto::{ColumnFilter, ListView, TableSort, TrayGrouping, TrayRow};
    use crate::error::ErrorCode;
    use crate::table::row::tests::device;
    use crate::table::{Listed, TableEnd};

    const NOW: OffsetDateTime = datetime!(2026-11-02 10:00 UTC);

    fn direct() -> Origin {
        Origin { route: Route::Direct, label: String::new() }
    }

    fn app() -> Origin {
        Origin { route: Route::App(AppId::new("a").unwrap()), label: "Exam Browser".to_owned() }
    }

    fn end(complete: bool) -> TableEnd {
        TableEnd { complete, counted: None, problem: None }
    }

    /// A bench with a complete table of devices 0 to `count`.
    fn bench(origin: Origin, count: usize) -> (Workbench, u32) {
        let mut bench = Workbench::default();
        let search = search(&mut bench, origin, (0..count).collect());
        (bench, search)
    }

    fn search(bench: &mut Workbench, origin: Origin, numbers: Vec<usize>) -> u32 {
        let search = bench.begin(origin);
        let table = bench.table(search).unwrap();
        numbers.into_iter().for_each(|number| table.push(vec![device(number)]));
        table.finish(end(true), None);
        search
    }

    fn text(text: &str) -> TableQuery {
        TableQuery { text: text.to_owned(), ..TableQuery::default() }
    }

    fn by(column: Column, descending: bool) -> TableQuery {
        TableQuery { sort: Some(TableSort { column, descending }), ..TableQuery::default() }
    }

    fn ids(bench: &mut Workbench, search: u32, query: &TableQuery) -> Vec<String> {
        let window = bench.window(search, query, 0, MOST_ROWS, NOW).unwrap();
        window.rows.into_iter().map(|row| row.device.id).collect()
    }

    fn selected(bench: &Workbench) -> Vec<String> {
        bench.selection.devices().map(|(device, _)| device.id.to_string()).collect()
    }

    fn one(id: &str) -> SelectWhat {
        SelectWhat::One { id: id.to_owned() }
    }

    fn range(from: &str, to: &str) -> SelectWhat {
        SelectWhat::Range { from: from.to_owned(), to: to.to_owned() }
    }

    #[test]
    fn a_window_holds_the_rows_asked_for_and_counts_all_that_match() {
        let (mut bench, search) = bench(direct(), 1_000);
        let window = bench.window(search, &text("zoe ipados"), 100, 10, NOW).unwrap();
        assert_eq!((window.matching, window.from, window.rows.len()), (500, 100, 10));
        assert_eq!(window.rows[0].device.id, "d-200");
        assert_eq!(bench.window(search, &text(""), 0, 5_000, NOW).unwrap().rows.len(), 200);
        assert_eq!(bench.window(search, &text(""), 5_000, 10, NOW).unwrap().rows.len(), 0);
    }

    #[test]
    fn an_older_table_is_superseded() {
        let (mut bench, first) = bench(direct(), 3);
        search(&mut bench, direct(), vec![1]);
        let refused = bench.window(first, &text(""), 0, 10, NOW).unwrap_err();
        assert_eq!(refused.code, ErrorCode::Superseded);
        let refused = bench.select(first, &text(""), &one("d-1"), true, NOW).unwrap_err();
        assert_eq!(refused.code, ErrorCode::Superseded);
    }

    #[test]
    fn filters_of_every_kind_all_have_to_be_met() {
        let (mut bench, search) = bench(direct(), 60);
        let with = |filters: Vec<ColumnFilter>| TableQuery { filters, ..TableQuery::default() };
        let personal = ColumnFilter::OneOf { column: Column::Owner, values: vec!["personal".to_owned()] };
        let windows = ColumnFilter::OneOf { column: Column::System, values: vec!["Windows".to_owned()] };
        let serial = ColumnFilter::Contains { column: Column::Serial, text: "sn00001".to_owned() };
        assert_eq!(ids(&mut bench, search, &with(vec![personal.clone(), windows, serial])), ["d-15"]);
        let warned = ColumnFilter::OneOf { column: Column::Warnings, values: vec!["personal".to_owned()] };
        assert_eq!(
            ids(&mut bench, search, &with(vec![warned])),
            ids(&mut bench, search, &with(vec![personal]))
        );
        let recent = ColumnFilter::Within { column: Column::LastContact, days: 1 };
        assert_eq!(ids(&mut bench, search, &with(vec![recent])).len(), 0, "one day is not less than one day");
        let old = ColumnFilter::Before { column: Column::LastContact, days: 1 };
        assert_eq!(ids(&mut bench, search, &with(vec![old])).len(), 60);
        let never = ColumnFilter::Before { column: Column::Enrolled, days: 9_999 };
        assert_eq!(ids(&mut bench, search, &with(vec![never])).len(), 60, "what was never is longest ago");
    }

    #[test]
    fn rows_that_come_later_are_added_at_the_end_and_ordered_when_all_are_there() {
        let mut bench = Workbench::default();
        let search = bench.begin(direct());
        bench.table(search).unwrap().push(vec![device(10), device(9)]);
        assert_eq!(ids(&mut bench, search, &by(Column::Name, false)), ["d-10", "d-9"]);
        assert!(bench.table(search).unwrap().is_loading());
        bench.table(search).unwrap().push(vec![device(1), device(11)]);
        assert_eq!(ids(&mut bench, search, &by(Column::Name, true)), ["d-10", "d-9", "d-1", "d-11"]);
        assert_eq!(ids(&mut bench, search, &text("ipad-1")), ["d-10", "d-1", "d-11"]);
        bench.table(search).unwrap().finish(end(false), None);
        assert_eq!(ids(&mut bench, search, &by(Column::Name, true)), ["d-11", "d-10", "d-9", "d-1"]);
    }

    #[test]
    fn all_that_match_are_selected_only_once_the_table_is_complete() {
        let mut bench = Workbench::default();
        let search = bench.begin(direct());
        bench.table(search).unwrap().push((0..50).map(device).collect());
        let all = |bench: &mut Workbench, on| {
            bench.select(search, &text("windows"), &SelectWhat::Matching, on, NOW)
        };
        assert_eq!(all(&mut bench, true).unwrap_err().code, ErrorCode::InvalidInput);
        bench.table(search).unwrap().finish(end(false), None);
        assert_eq!(all(&mut bench, true).unwrap_err().code, ErrorCode::InvalidInput);
        bench.table(search).unwrap().finish(end(true), None);
        assert_eq!(all(&mut bench, true).unwrap().size, 25);
        assert_eq!(bench.window(search, &text("windows"), 0, 1, NOW).unwrap().selected, 25);
        assert_eq!(bench.window(search, &text(""), 0, 1, NOW).unwrap().selected, 25);
        bench.select(search, &text(""), &one("d-0"), true, NOW).unwrap();
        assert_eq!(all(&mut bench, false).unwrap().size, 1);
        assert_eq!(bench.window(search, &text(""), 0, 1, NOW).unwrap().selected, 1);
    }

    #[test]
    fn a_range_goes_by_the_order_that_is_shown() {
        let (mut bench, search) = bench(direct(), 12);
        let newest_first = by(Column::Name, true);
        bench.select(search, &newest_first, &range("d-8", "d-11"), true, NOW).unwrap();
        assert_eq!(selected(&bench), ["d-11", "d-10", "d-9", "d-8"]);
        bench.select(search, &newest_first, &range("d-9", "d-10"), false, NOW).unwrap();
        assert_eq!(selected(&bench), ["d-11", "d-8"]);
        let hidden = bench.select(search, &text("windows"), &range("d-1", "d-2"), true, NOW).unwrap_err();
        assert_eq!(hidden.code, ErrorCode::InvalidInput, "d-2 is filtered out");
    }

    #[test]
    fn a_device_stays_with_the_search_it_was_selected_from_first() {
        let (mut bench, first) = bench(app(), 3);
        bench.select(first, &text(""), &SelectWhat::Matching, true, NOW).unwrap();
        let second = search(&mut bench, direct(), vec![2, 3]);
        let state = bench.select(second, &text(""), &SelectWhat::Matching, true, NOW).unwrap();
        assert_eq!((state.size, state.doubled), (4, 1));
        let window = bench.window(second, &text(""), 0, 10, NOW).unwrap();
        assert_eq!(window.selected, 2);
        assert_eq!(window.rows[0].elsewhere, Some(app().view()));
        assert_eq!(window.rows[1].elsewhere, None);
        let routes: Vec<Route> = bench.selection.devices().map(|(_, origin)| origin.route.clone()).collect();
        assert_eq!(routes[2..], [app().route, Route::Direct]);
    }

    #[test]
    fn what_was_cleared_or_started_can_be_had_back() {
        let (mut bench, search) = bench(direct(), 5);
        bench.select(search, &text(""), &range("d-0", "d-3"), true, NOW).unwrap();
        bench.selection.clear();
        assert!(bench.selection.state(NOW).can_undo);
        bench.selection.undo_clear();
        assert_eq!(selected(&bench), ["d-0", "d-1", "d-2", "d-3"]);
        let (run, other) = (RunId::from(Uuid::from_u128(1)), RunId::from(Uuid::from_u128(2)));
        bench.selection.started(run, |id| id.as_str() < "d-2");
        assert_eq!(selected(&bench), ["d-2", "d-3"]);
        bench.selection.put_back(other);
        assert_eq!(selected(&bench), ["d-2", "d-3"]);
        bench.selection.put_back(run);
        bench.selection.put_back(run);
        assert_eq!(selected(&bench), ["d-0", "d-1", "d-2", "d-3"]);
    }

    #[test]
    fn the_tray_groups_by_search_user_and_system() {
        let (mut bench, first) = bench(app(), 2);
        bench.select(first, &text(""), &SelectWhat::Matching, true, NOW).unwrap();
        let second = search(&mut bench, direct(), vec![7, 2]);
        bench.select(second, &text(""), &SelectWhat::Matching, true, NOW).unwrap();
        let tray = |bench: &mut Workbench, grouping| -> Vec<String> {
            let window = bench.selection.tray(grouping, 0, 100, NOW);
            assert_eq!(window.total as usize, window.rows.len());
            let row = |row: TrayRow| match row {
                TrayRow::Search { route, count } => format!("{} {count}", route.label()),
                TrayRow::User { username, count, .. } => format!("{} {count}", username.unwrap_or_default()),
                TrayRow::System { name, count } => format!("{} {count}", name.unwrap_or_default()),
                TrayRow::Device { device } => device.id,
            };
            window.rows.into_iter().map(row).collect()
        };
        assert_eq!(
            tray(&mut bench, TrayGrouping::Found),
            ["Exam Browser 2", "d-0", "d-1", " 2", "d-7", "d-2"]
        );
        // Devices 0 and 7 have one user.
        assert_eq!(
            tray(&mut bench, TrayGrouping::User)[..4],
            ["user0@contoso.example 2", "d-0", "d-7", "user1@contoso.example 1"]
        );
        assert_eq!(tray(&mut bench, TrayGrouping::System)[..3], ["iPadOS 2", "d-0", "d-2"]);
        let part = bench.selection.tray(TrayGrouping::System, 2, 2, NOW);
        assert_eq!((part.total, part.from, part.rows.len()), (6, 2, 2));
    }

    #[test]
    fn the_groups_of_a_list_are_shown_apart() {
        let mut bench = Workbench::default();
        let search = bench.begin(direct());
        let table = bench.table(search).unwrap();
        table.push(vec![device(1), device(2), device(3), device(1)]);
        let view =
            ListView { entries: 3, one: 1, several: 1, none: 1, double: 0, not_read: 0, notes: Vec::new() };
        let rows = [ListGroup::One, ListGroup::Several, ListGroup::Several, ListGroup::Several];
        let rows = rows.into_iter().map(|group| (group, "SN".to_owned())).collect();
        table.finish(end(true), Some(Listed { view, rows, devices: 3 }));
        assert_eq!(table.state().loaded, 3, "a device is counted once");
        let of = |group| TableQuery { group: Some(group), ..TableQuery::default() };
        assert_eq!(ids(&mut bench, search, &of(ListGroup::One)), ["d-1"]);
        assert_eq!(ids(&mut bench, search, &text("")), ["d-1"], "what is not clear has to be asked for");
        assert_eq!(ids(&mut bench, search, &of(ListGroup::Several)), ["d-2", "d-3", "d-1"]);
        bench.select(search, &of(ListGroup::One), &SelectWhat::Matching, true, NOW).unwrap();
        let window = bench.window(search, &of(ListGroup::Several), 0, 10, NOW).unwrap();
        assert_eq!(window.selected, 1, "the same device, named in another way");
        assert_eq!(window.rows[2].entry.as_deref(), Some("SN"));
        let all =
            bench.select(search, &of(ListGroup::Several), &SelectWhat::Matching, true, NOW).unwrap_err();
        assert_eq!(all.code, ErrorCode::InvalidInput);
        assert_eq!(selected(&bench), ["d-1"]);
    }

    #[test]
    fn the_values_of_a_column_are_counted() {
        let (mut bench, search) = bench(direct(), 10);
        let values = |bench: &mut Workbench, column| -> Vec<(String, u32)> {
            let values = bench.values(search, column, NOW).unwrap();
            values.into_iter().map(|value| (value.value, value.count)).collect()
        };
        assert_eq!(
            values(&mut bench, Column::Owner),
            [("company".to_owned(), 8), ("personal".to_owned(), 2)]
        );
        assert_eq!(values(&mut bench, Column::Model), [(String::new(), 10)]);
        assert_eq!(values(&mut bench, Column::Warnings), [(String::new(), 8), ("personal".to_owned(), 2)]);
    }
}

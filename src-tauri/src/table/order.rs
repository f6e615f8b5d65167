//! The order of rows by a column.

use time::OffsetDateTime;
use unlatch_graph::folded;

use super::row::Row;
use crate::dto::Column;

/// The rows by one column, ascending, and behind them those that have no value.
pub struct Order {
    rows: Vec<u32>,
    /// How many of them have a value.
    present: usize,
}

impl Order {
    /// The order of `rows` by `column`: numbers within a text by their value, case and accents aside, equal ones as they were found.
    pub fn new<'a>(rows: impl Iterator<Item = &'a Row>, column: Column, now: OffsetDateTime) -> Self {
        let mut keys = Keys::default();
        let mut system = String::new();
        for row in rows {
            match column {
                Column::Name => keys.push_text(row.name()),
                Column::Serial => keys.push_text(row.serial()),
                Column::User => keys.push_text(row.user()),
                Column::System => {
                    system.clear();
                    system.extend([row.system(), " ", row.version()]);
                    keys.push_text(system.trim());
                }
                Column::Model => keys.push_text(row.model()),
                Column::Owner => keys.push_text(row.owner()),
                Column::Compliance => keys.push_text(row.compliance()),
                Column::ManagementState => keys.push_text(row.management_state()),
                Column::LastContact => keys.push_moment(row.last_sync),
                Column::Enrolled => keys.push_moment(row.enrolled),
                Column::Warnings => keys.push_count(row.warnings(now).count()),
            }
        }
        keys.order()
    }

    /// The rows in this order or the other way around; those without a value come last either way.
    pub fn rows(&self, descending: bool) -> impl Iterator<Item = u32> + '_ {
        let (present, absent) = self.rows.split_at(self.present);
        let (up, down) = if descending { (&[][..], present) } else { (present, &[][..]) };
        up.iter().chain(down.iter().rev()).chain(absent).copied()
    }
}

/// One key a row, in one piece of memory. An empty one is no value.
#[derive(Default)]
struct Keys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Keys {
    fn close(&mut self) {
        self.ends.push(self.bytes.len());
    }

    /// A run of digits is put behind its own length, so that 9 comes before 10.
    fn push_text(&mut self, text: &str) {
        if text.is_ascii() {
            self.push_plain(text)
        } else {
            self.push_plain(&folded(text))
        }
        self.close();
    }

    fn push_plain(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        while let Some((&first, after)) = rest.split_first() {
            if first.is_ascii_digit() {
                let run = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let digits = &rest[..run];
                let zeros = digits.iter().take_while(|digit| **digit == b'0').count().min(run - 1);
                let digits = &digits[zeros..];
                self.bytes.push(b'0');
                self.bytes.push(u8::try_from(digits.len()).unwrap_or(u8::MAX));
                self.bytes.extend_from_slice(digits);
                rest = &rest[run..];
            } else {
                self.bytes.push(first.to_ascii_lowercase());
                rest = after;
            }
        }
    }

    fn push_moment(&mut self, at: Option<OffsetDateTime>) {
        if let Some(at) = at {
            // With its sign turned over a number compares as its bytes do.
            self.bytes.extend_from_slice(&(at.unix_timestamp() ^ i64::MIN).to_be_bytes());
        }
        self.close();
    }

    fn push_count(&mut self, count: usize) {
        if count > 0 {
            self.bytes.push(u8::try_from(count).unwrap_or(u8::MAX));
        }
        self.close();
    }

    fn key(&self, at: u32) -> &[u8] {
        let at = at as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start..self.ends[at]]
    }

    fn order(&self) -> Order {
        let count = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        let (mut present, absent): (Vec<_>, Vec<_>) =
            (0..count).map(|at| (front(self.key(at)), at)).partition(|(_, at)| !self.key(*at).is_empty());
        present.sort_unstable_by(|(a, at_a), (b, at_b)| {
            a.cmp(b).then_with(|| self.key(*at_a).cmp(self.key(*at_b))).then(at_a.cmp(at_b))
        });
        let rows = present.iter().chain(&absent).map(|(_, at)| *at).collect();
        Order { rows, present: present.len() }
    }
}

/// The front of a key as a number, which settles most comparisons without a look at the key.
fn front(key: &[u8]) -> u128 {
    let mut front = [0; 16];
    let length = key.len().min(16);
    front[..length].copy_from_slice(&key[..length]);
    u128::from_be_bytes(front)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::table::row::Words;
    use crate::table::row::tests::device;

    const NOW: OffsetDateTime = datetime!(2026-11-02 10:00 UTC);

    fn named(names: &[&str]) -> Vec<Row> {
        let mut words = Words::default();
        let rows = names.iter().enumerate().map(|(number, name)| {
            let mut device = device(number);
            device.device_name = (*name).to_owned();
            Row::new(device, &mut words)
        });
        rows.collect()
    }

    fn by_name(names: &[&str], descending: bool) -> Vec<String> {
        let rows = named(names);
        let order = Order::new(rows.iter(), Column::Name, NOW);
        order.rows(descending).map(|at| rows[at as usize].name().to_owned()).collect()
    }

    #[test]
    fn numbers_in_names_count_by_their_value() {
        let names = ["IPAD-10", "ipad-9", "", "IPAD-009b", "Ipad-2", "IPAD"];
        assert_eq!(by_name(&names, false), ["IPAD", "Ipad-2", "ipad-9", "IPAD-009b", "IPAD-10", ""]);
        assert_eq!(by_name(&names, true), ["IPAD-10", "IPAD-009b", "ipad-9", "Ipad-2", "IPAD", ""]);
    }

    #[test]
    fn accents_and_case_do_not_part_names_and_equal_ones_stay_as_found() {
        assert_eq!(
            by_name(&["Zoé", "ZOE", "Ångström", "zoe", "b"], false),
            ["Ångström", "b", "Zoé", "ZOE", "zoe"]
        );
    }

    #[test]
    fn moments_are_in_their_order_also_before_1970() {
        let mut rows = named(&["a", "b", "c", "d"]);
        rows[0].last_sync = Some(datetime!(2026-01-01 0:00 UTC));
        rows[1].last_sync = None;
        rows[2].last_sync = Some(datetime!(1960-01-01 0:00 UTC));
        rows[3].last_sync = Some(datetime!(2001-01-01 0:00 UTC));
        let order = Order::new(rows.iter(), Column::LastContact, NOW);
        assert_eq!(order.rows(false).collect::<Vec<_>>(), [2, 3, 0, 1]);
        assert_eq!(order.rows(true).collect::<Vec<_>>(), [0, 3, 2, 1]);
    }
}

//! Whether a figure that was read at the same resting point of each cycle is flat.

use serde::Serialize;

/// A figure over the cycles after the warm-up.
#[derive(Debug, Clone, Serialize)]
pub struct Course {
    pub name: String,
    pub unit: &'static str,
    /// The median of the first third, and of the last.
    pub first: f64,
    pub last: f64,
    /// The median of the slopes between every two cycles (Theil and Sen): a third of the values may be anything.
    pub each_cycle: f64,
    /// The most that it may grow with each cycle, if it is judged.
    pub limit: Option<f64>,
    /// The most that it may come to, if that is judged.
    pub ceiling: Option<f64>,
    pub holds: bool,
}

impl Course {
    /// A figure that is told and not judged.
    pub fn told(name: &str, unit: &'static str, values: &[f64]) -> Self {
        let third = values.len().div_ceil(3);
        let first = median(&values[..third]);
        let last = median(&values[values.len() - third..]);
        let each_cycle = slope(values);
        Self { name: name.to_owned(), unit, first, last, each_cycle, limit: None, ceiling: None, holds: true }
    }

    /// A figure that may wander, and not grow by more than that with each cycle.
    pub fn limited(name: &str, unit: &'static str, values: &[f64], limit: f64) -> Self {
        let told = Self::told(name, unit, values);
        Self { limit: Some(limit), holds: told.each_cycle <= limit, ..told }
    }

    /// A figure that may do as it likes below that, by the median of its last third.
    pub fn below(name: &str, unit: &'static str, values: &[f64], ceiling: f64) -> Self {
        let told = Self::told(name, unit, values);
        Self { ceiling: Some(ceiling), holds: told.last <= ceiling, ..told }
    }

    /// A figure that must not grow at all: neither from the first third to the last, nor in the middle of all slopes.
    pub fn still(name: &str, values: &[f64]) -> Self {
        let told = Self::told(name, "", values);
        Self { limit: Some(0.0), holds: told.last <= told.first && told.each_cycle <= 0.0, ..told }
    }

    /// A figure that may come to be a few more, once, from the first third to the last.
    pub fn nearly_still(name: &str, values: &[f64], more: f64) -> Self {
        let told = Self::told(name, "", values);
        let limit = more / (values.len() as f64 / 2.0);
        Self { limit: Some(limit), holds: told.last <= told.first + more && told.each_cycle <= limit, ..told }
    }
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

fn slope(values: &[f64]) -> f64 {
    let mut slopes = Vec::new();
    for (at, value) in values.iter().enumerate() {
        let later = values.iter().enumerate().skip(at + 1);
        slopes.extend(later.map(|(then, other)| (other - value) / (then - at) as f64));
    }
    median(&slopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leak_is_seen_through_values_that_wander() {
        let wandering = |leak: f64| -> Vec<f64> {
            (0..20).map(|cycle| 100.0 + f64::from(cycle * 3 % 5) * 3.0 + f64::from(cycle) * leak).collect()
        };
        assert!(Course::limited("m", "MB", &wandering(0.0), 0.2).holds);
        assert!(!Course::limited("m", "MB", &wandering(0.5), 0.2).holds);
    }

    #[test]
    fn a_few_wild_values_are_no_leak() {
        let mut values = vec![100.0; 15];
        values[12..].fill(900.0);
        assert!(Course::limited("m", "MB", &values, 0.1).holds);
    }

    #[test]
    fn descriptors_may_come_and_go_but_not_stay() {
        assert!(Course::still("d", &[40.0, 41.0, 40.0, 40.0, 42.0, 40.0, 40.0]).holds);
        assert!(!Course::still("d", &[40.0, 40.0, 41.0, 41.0, 42.0, 42.0, 43.0]).holds);
        assert!(!Course::still("d", &[40.0, 40.0, 40.0, 40.0, 40.0, 41.0, 41.0]).holds);
    }

    #[test]
    fn what_wanders_has_a_ceiling() {
        assert!(Course::below("m", "MB", &[90.0, 120.0, 180.0, 170.0], 300.0).holds);
        assert!(!Course::below("m", "MB", &[90.0, 200.0, 310.0, 420.0], 300.0).holds);
    }

    #[test]
    fn a_pool_may_take_its_size_and_not_more() {
        let pool = [11.0, 11.0, 11.0, 11.0, 13.0, 13.0, 13.0, 13.0, 13.0];
        assert!(Course::nearly_still("t", &pool, 3.0).holds);
        let leak: Vec<f64> = (0..9).map(|cycle| 11.0 + f64::from(cycle)).collect();
        assert!(!Course::nearly_still("t", &leak, 3.0).holds);
    }

    #[test]
    fn the_median_of_two_is_between_them() {
        assert_eq!(median(&[1.0, 2.0]), 1.5);
        assert_eq!(median(&[]), 0.0);
    }
}

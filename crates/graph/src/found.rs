//! The answer to a search.

use crate::error::Error;

/// Rows that were checked against what was asked, and the truth about the rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Found<T> {
    /// The rows that match, each id once, in Graph's order.
    pub rows: Vec<T>,
    /// How many rows Graph returned that do not match or cannot be read. Graph ignores filters it does not support.
    pub left_out: usize,
    /// Whether everything there is was read.
    pub complete: bool,
    /// Why reading ended early, if an error ended it.
    pub stopped_by: Option<Error>,
    /// How many rows Graph itself counts, where it does.
    pub counted: Option<u32>,
}

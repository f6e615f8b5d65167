//! Tests of what administrators are given to set policy with, against the keys there are.

mod bindings;
mod templates;

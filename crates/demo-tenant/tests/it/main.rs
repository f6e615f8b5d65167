//! Drives the demo tenant over real HTTP, as its clients do.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod consent;
mod desk_data;
mod entra;
mod faults;
mod graph;
mod program;
mod recovery;
mod support;

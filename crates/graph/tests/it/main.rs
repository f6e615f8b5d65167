//! The client against the demo tenant and against servers that misbehave on purpose.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod apps;
mod details;
mod devices;
mod fixture;
mod intermediary;
mod list;
mod paging;
mod people;
mod probing;
mod retries;
mod rows;
mod sending;
mod unpacking;
mod unreachable;
mod wire;

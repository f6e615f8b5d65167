//! Runs in paused time against a scripted tenant, the journal on a real disk, crashes of real processes, and one run over HTTP.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, clippy::print_stdout)]

mod acts;
mod chain;
mod crash;
mod demo;
mod fake;
mod following;
mod fresh;
mod history;
mod intermediary;
mod journal;
mod known;
mod model;
mod outcomes;
mod overlap;
mod plan;
mod properties;
mod run;
mod sign_in;
mod went_back;

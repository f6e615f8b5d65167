//! Microsoft Graph as Unlatch needs it: people, detected apps, managed devices and `recoverPasscode`.
//!
//! Graph answers a `$filter` it does not support with every row and status 200, so each list here is checked row by row
//! against the question that was asked before anybody sees it ([`Found`], [`Step`]). A read may be repeated; the one request that
//! changes a device is not ([`Client::recover_passcode`]).

mod address;
mod answer;
mod api_error;
mod challenge;
mod checks;
mod client;
mod connection;
mod device;
mod error;
mod facts;
mod failure;
mod fold;
mod found;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod id;
mod list;
mod open;
mod pace;
mod paging;
mod probe;
mod provenance;
mod retry_after;
mod rows;
mod search;
mod send;
#[cfg(test)]
mod silent_break;
mod token;
mod transport;
mod wire;

pub use address::is_loopback;
pub use api_error::{ApiError, ApiErrorKind};
pub use client::{Client, Clock};
pub use connection::REQUEST_LIMIT;
pub use device::{DetectedApp, DeviceActionResult, ManagedDevice, Me, Passcode, Route, User};
pub use error::Error;
pub use facts::DeviceFacts;
pub use fold::folded;
pub use found::Found;
pub use id::{AppId, DeviceId, InvalidId, UserId};
pub use list::{Entry, ListError, Listed, ListedEntry, Outcome, entries};
pub use open::{ActionState, ComplianceState, ManagementAgent, ManagementState, OwnerType, Platform};
pub use pace::{Hold, Kind, Pace, ProbeTurn, WriteTurn};
pub use retry_after::LONGEST_WAIT;
pub use rows::{Ended, Step, Tell};
pub use send::{SendOutcome, Sent};
pub use token::{AccessToken, TokenError, TokenSource};

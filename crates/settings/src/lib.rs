//! What Unlatch is configured to do. Machine policy wins over the user's file, key by key, and everything that is wrong is named
//! with its place, its key and the reason.
//!
//! Policy is a file of root's on Linux, `HKLM\Software\Policies\Unlatch` on Windows and the managed preferences of the application
//! on macOS. Where it cannot be read as a whole, or could have been written by somebody else, no tenant can be used: what it
//! forbids is not known then.

mod binding;
mod keys;
mod load;
mod policy;
mod settings;
pub mod user_file;

pub use binding::{BINDINGS, Binding};
pub use keys::{KEYS, Key, Kind, is_language};
pub use load::{PolicyRead, Problem, Sources, load, load_text};
pub use policy::Policy;
pub use settings::{
    CloudChoice, DEFAULT_MAX_RUN_SIZE, LARGEST_RUN, LONGEST_IDLE_LOCK, Origin, Settings, TenantChoice, cloud,
    is_allowed,
};

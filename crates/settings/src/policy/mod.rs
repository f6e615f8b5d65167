//! Machine policy: what the administrator of the computer decides for everybody who uses it.

mod file;
#[cfg(target_os = "macos")]
mod preferences;
#[cfg(windows)]
mod registry;

use std::path::PathBuf;

use toml::Table;
#[cfg(any(windows, target_os = "macos"))]
use toml::Value;

/// Where policy lies on Linux.
#[cfg(target_os = "linux")]
const FILE: &str = "/etc/unlatch/policy.toml";

/// Where policy lies on Windows, below `HKEY_LOCAL_MACHINE`. Only administrators may write there.
#[cfg(windows)]
const REGISTRY: &str = r"Software\Policies\Unlatch";

/// Where machine policy is read.
#[derive(Debug, Clone)]
pub enum Policy {
    /// A file that counts only if it and its folder belong to `owner` and nobody else may write to them. On systems without such
    /// owners it always counts.
    File {
        /// The file. One that is not there fixes nothing.
        path: PathBuf,
        /// The user id, 0 for root.
        owner: u32,
    },
    /// A key of the registry below `HKEY_LOCAL_MACHINE`.
    #[cfg(windows)]
    Registry(String),
    /// The managed preferences of the application, as a configuration profile sets them.
    #[cfg(target_os = "macos")]
    ManagedPreferences,
}

impl Policy {
    /// Where this system has it.
    #[must_use]
    pub fn of_this_machine() -> Option<Self> {
        #[cfg(target_os = "linux")]
        return Some(Self::File { path: PathBuf::from(FILE), owner: 0 });
        #[cfg(windows)]
        return Some(Self::Registry(REGISTRY.to_owned()));
        #[cfg(target_os = "macos")]
        return Some(Self::ManagedPreferences);
        #[cfg(not(any(target_os = "linux", windows, target_os = "macos")))]
        None
    }

    /// What people call the place.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::File { path, .. } => path.display().to_string(),
            #[cfg(windows)]
            Self::Registry(key) => format!(r"HKLM\{key}"),
            #[cfg(target_os = "macos")]
            Self::ManagedPreferences => "managed preferences".to_owned(),
        }
    }

    /// What is there, nothing if there is no policy.
    pub(crate) fn read(&self) -> Result<Table, String> {
        match self {
            Self::File { path, owner } => file::read(path, *owner),
            #[cfg(windows)]
            Self::Registry(key) => registry::read(key).map(with_flags),
            #[cfg(target_os = "macos")]
            Self::ManagedPreferences => preferences::read().map(with_flags),
        }
    }
}

/// The registry has no yes and no, and a profile may write them as numbers: 1 and 0 stand for them where a key takes them.
#[cfg(any(windows, target_os = "macos"))]
fn with_flags(mut table: Table) -> Table {
    for (name, value) in &mut table {
        let is_flag = crate::keys::key(name).is_some_and(|key| key.kind == crate::Kind::Flag);
        if let (true, Value::Integer(number @ 0..=1)) = (is_flag, &*value) {
            *value = Value::Boolean(*number == 1);
        }
    }
    table
}

//! How a demo tenant is laid out and how fast it moves.

use std::time::Duration;

use serde::Deserialize;

/// What [`DemoTenant::start`](crate::DemoTenant::start) builds.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// The same seed and the same counts make the same people, devices, apps and outcomes.
    pub seed: u64,
    /// How many people the directory holds, `user0001@contoso.example` onwards.
    pub users: usize,
    /// How many managed devices there are, at most 1,000,000.
    pub devices: usize,
    /// How many detected-app rows there are; a row is one name and version.
    pub apps: usize,
    /// A bearer token accepted as the admin's, with every scope.
    pub access_token: Option<String>,
    /// How fast device results move, and whether requests are throttled.
    pub pace: Pace,
    /// The most rows a page of devices or detected apps holds. Intune's own number is 1,000.
    pub page_size: usize,
    /// What becomes of a `$filter` on detected apps, which is undocumented.
    pub app_filter: AppFilter,
    /// What every device's name begins with, so that one search finds them all; the hostile ones
    /// keep theirs. Nothing in normal use.
    pub device_prefix: String,
    /// Whether people, devices and apps with names that are meant to do harm lie among the others. The devices belong to
    /// [`HOSTILE_USER`](crate::HOSTILE_USER).
    pub hostile: bool,
    /// What the app registration has been consented to at the start.
    pub consent: Consent,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            seed: 1,
            users: 60,
            devices: 200,
            apps: 40,
            access_token: None,
            pace: Pace::default(),
            page_size: 1_000,
            app_filter: AppFilter::Honoured,
            device_prefix: String::new(),
            hostile: false,
            consent: Consent::All,
        }
    }
}

/// What the organization has consented to. Everybody's own consent comes on top of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// Everything the registration asks for.
    #[default]
    All,
    /// All but `DeviceManagementManagedDevices.PrivilegedOperations.All`.
    ReadOnly,
    /// Nothing but `User.Read`, which every registration begins with.
    Nothing,
}

/// The speed of the tenant.
#[derive(Debug, Clone)]
pub struct Pace {
    /// When a device reports on an accepted action.
    pub results: ResultPace,
    /// Whether the limits are kept: `writes`, and the documented 2,000 requests of any kind in 20 s.
    pub throttling: bool,
    /// How many writes are let through in 20 s, at least 1. Documented are [`Pace::DOCUMENTED_WRITES`]; a
    /// tenant that allows fewer says so nowhere but in its 429 answers.
    pub writes: usize,
    /// How a throttled request is told when to come back.
    pub retry_after: RetryAfterStyle,
    /// The polling interval of the device code flow, 5 s at Entra. Faster polling is told to slow down.
    pub device_code_interval: Duration,
}

impl Default for Pace {
    /// The pace of a demo: results within 2 to 20 s, throttling as documented.
    fn default() -> Self {
        Self {
            results: ResultPace::After { from: Duration::from_secs(2), to: Duration::from_secs(20) },
            throttling: true,
            writes: Self::DOCUMENTED_WRITES,
            retry_after: RetryAfterStyle::Integer,
            device_code_interval: Duration::from_secs(5),
        }
    }
}

impl Pace {
    /// The writes Intune admits in 20 s from one app in one tenant (Graph documentation, throttling limits,
    /// Intune devices).
    pub const DOCUMENTED_WRITES: usize = 200;

    /// The pace of a test: results within 5 to 50 ms, no throttling, no waiting between device code polls.
    #[must_use]
    pub fn fast() -> Self {
        Self {
            results: ResultPace::After { from: Duration::from_millis(5), to: Duration::from_millis(50) },
            throttling: false,
            writes: Self::DOCUMENTED_WRITES,
            retry_after: RetryAfterStyle::Integer,
            device_code_interval: Duration::ZERO,
        }
    }

    /// As [`Pace::fast`], but a result stays pending until [`DemoTenant::settle`](crate::DemoTenant::settle).
    #[must_use]
    pub fn manual() -> Self {
        Self { results: ResultPace::Manual, ..Self::fast() }
    }
}

/// When a device reports on an accepted action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultPace {
    /// Each device after a time of its own between these two; it is `active` from half of that time on.
    After {
        /// The shortest time to the outcome.
        from: Duration,
        /// The longest.
        to: Duration,
    },
    /// Only when told, by [`DemoTenant::settle`](crate::DemoTenant::settle).
    Manual,
}

/// The form of the `Retry-After` header on a throttled request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfterStyle {
    /// Whole seconds, as documented.
    Integer,
    /// Seconds with decimals, as seen in `$batch` answers.
    Fraction,
    /// No header, as seen on detected apps.
    Missing,
    /// Mostly whole seconds, each third answer fractional and each seventh without.
    Mixed,
}

/// What becomes of a `$filter` on detected apps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppFilter {
    /// `contains(displayName,'x')` and `displayName eq 'x'` work.
    Honoured,
    /// Ignored silently: every row comes back.
    Ignored,
    /// Answered with 400.
    Refused,
}

//! Daily log files in the data folder. Only this application's own lines are written below WARN: other crates would put
//! addresses, headers and bodies there, and a list of what is allowed is safer than one of what is not. Its own lines name
//! devices and runs by their ids, requests by their routes; names of people and devices stand at DEBUG and below, secrets nowhere.

use std::path::Path;

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How many days of log files are kept.
const DAYS_KEPT: usize = 14;

/// The crates of this application.
const OWN: [&str; 5] =
    ["unlatch", "unlatch_auth", "unlatch_graph", "unlatch_recovery", "unlatch_demo_tenant"];

/// Starts logging into `folder`, at INFO or as the environment variable `UNLATCH_LOG` says. Logging ends when the guard is dropped.
///
/// # Errors
/// When the folder cannot be written; the application goes on without a log.
pub fn start(folder: &Path) -> Result<WorkerGuard, String> {
    let files = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("unlatch")
        .filename_suffix("log")
        .max_log_files(DAYS_KEPT)
        .build(folder)
        .map_err(|error| error.to_string())?;
    let (writer, guard) = tracing_appender::non_blocking(files);
    let asked = std::env::var("UNLATCH_LOG").unwrap_or_default();
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    tracing_subscriber::registry()
        .with(lines)
        .with(allowed(&asked))
        .try_init()
        .map_err(|error| error.to_string())?;
    Ok(guard)
}

/// What is written when that level is asked for; INFO if it is none.
fn allowed(level: &str) -> Targets {
    let level = Some(level.trim()).filter(|level| !level.is_empty());
    let level = level.and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let own = OWN.map(|name| (name, level));
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_targets(own)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn other_crates_write_nothing_below_warn_whatever_is_asked_for() {
        for asked in ["trace", "TRACE", "debug"] {
            let allowed = allowed(asked);
            for other in ["h2::codec", "hyper_util::client", "reqwest::connect", "zbus", "keyring_core"] {
                assert!(!allowed.would_enable(other, &Level::INFO), "{other}");
                assert!(allowed.would_enable(other, &Level::WARN), "{other}");
            }
            assert!(allowed.would_enable("unlatch_graph::transport", &Level::DEBUG));
            assert!(allowed.would_enable("unlatch::session", &Level::DEBUG));
        }
    }

    #[test]
    fn without_a_level_it_is_info() {
        for asked in ["", "loud", "unlatch=trace"] {
            assert!(allowed(asked).would_enable("unlatch_auth", &Level::INFO), "{asked}");
            assert!(!allowed(asked).would_enable("unlatch_auth", &Level::DEBUG), "{asked}");
        }
        assert!(!allowed("error").would_enable("h2", &Level::WARN));
        assert!(!allowed("off").would_enable("unlatch", &Level::ERROR));
    }
}

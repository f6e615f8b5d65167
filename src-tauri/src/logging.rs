//! Daily log files in the data folder. Device ids may appear, names and secrets never above DEBUG or at all.

use std::path::Path;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;

/// How many days of log files are kept.
const DAYS_KEPT: usize = 14;

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
    let filter = EnvFilter::try_from_env("UNLATCH_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(false)
        .try_init()
        .map_err(|error| error.to_string())?;
    Ok(guard)
}

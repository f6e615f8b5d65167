//! The tenant's clock: wall time that follows tokio's, so that a test with paused time moves throttling
//! windows and device results along with everything else.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use tokio::time::Instant;

/// The service's minimum date, which Intune shows for "never".
pub(crate) const NEVER: &str = "0001-01-01T00:00:00Z";

#[derive(Debug)]
pub(crate) struct Clock {
    wall: OffsetDateTime,
    start: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { wall: OffsetDateTime::now_utc(), start: Instant::now() }
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.wall + self.start.elapsed()
    }
}

/// `2026-11-23T10:00:00.123Z`, as Graph writes a `DateTimeOffset`.
pub(crate) fn timestamp(at: OffsetDateTime) -> String {
    let at = at.replace_nanosecond(at.nanosecond() / 1_000_000 * 1_000_000).unwrap_or(at);
    at.format(&Rfc3339).unwrap_or_else(|_| NEVER.to_owned())
}

/// `2026-11-23T10:00:00`, the zone-less form in `innerError.date`.
pub(crate) fn zoneless(at: OffsetDateTime) -> String {
    at.format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]")).unwrap_or_default()
}

/// `2026-11-23 10:00:00Z`, as Entra writes it into an error description.
pub(crate) fn entra_time(at: OffsetDateTime) -> String {
    at.format(format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z")).unwrap_or_default()
}

/// `Mon, 23 Nov 2026 10:00:00 GMT`, the form of HTTP headers.
pub(crate) fn http_date(at: OffsetDateTime) -> String {
    let form = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    at.format(form).unwrap_or_default()
}

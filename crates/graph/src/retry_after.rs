//! `Retry-After`: whole seconds, fractions of a second (seen from Intune) or an HTTP date; at times missing.

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use time::OffsetDateTime;

/// The longest wait taken at its word.
pub const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The wait asked for, rounded up to a millisecond. A date counts from the answer's own `Date`, or from `now`.
pub(crate) fn retry_after(headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if plain {
        let seconds: f64 = text.parse().ok()?;
        let millis = (seconds.min(LONGEST_WAIT.as_secs_f64()) * 1_000.0 - 1e-6).ceil().max(0.0);
        return Some(Duration::from_millis(millis as u64));
    }
    let until = http_date(text)?;
    let wait = until - server_date(headers).unwrap_or(now);
    Some(Duration::try_from(wait).unwrap_or_default().min(LONGEST_WAIT))
}

/// The service's clock when it answered, to the second.
pub(crate) fn server_date(headers: &HeaderMap) -> Option<OffsetDateTime> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

fn http_date(text: &str) -> Option<OffsetDateTime> {
    httpdate::parse_http_date(text).ok().map(OffsetDateTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-03 10:00:00 UTC);

    fn wait(values: &[(http::HeaderName, &str)]) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            headers.insert(name, value.parse().unwrap());
        }
        retry_after(&headers, NOW)
    }

    #[test]
    fn every_form_is_read() {
        assert_eq!(wait(&[(RETRY_AFTER, "10")]), Some(Duration::from_secs(10)));
        assert_eq!(wait(&[(RETRY_AFTER, "0.249")]), Some(Duration::from_millis(249)));
        assert_eq!(wait(&[(RETRY_AFTER, "0.1231")]), Some(Duration::from_millis(124)));
        assert_eq!(wait(&[(RETRY_AFTER, "0")]), Some(Duration::ZERO));
        let date = "Tue, 03 Nov 2026 10:00:30 GMT";
        assert_eq!(wait(&[(RETRY_AFTER, date)]), Some(Duration::from_secs(30)));
        let past = "Tue, 03 Nov 2026 09:00:30 GMT";
        assert_eq!(wait(&[(RETRY_AFTER, past)]), Some(Duration::ZERO));
    }

    #[test]
    fn a_date_counts_from_the_services_own_clock() {
        let (date, until) = ("Tue, 03 Nov 2026 12:00:00 GMT", "Tue, 03 Nov 2026 12:00:05 GMT");
        assert_eq!(wait(&[(DATE, date), (RETRY_AFTER, until)]), Some(Duration::from_secs(5)));
    }

    #[test]
    fn nonsense_is_no_wait_and_eternity_is_a_day() {
        for text in ["", "soon", "-3", "1e9", "NaN", "inf", "1.2.3", "."] {
            assert_eq!(wait(&[(RETRY_AFTER, text)]), None, "{text}");
        }
        assert_eq!(wait(&[]), None);
        assert_eq!(wait(&[(RETRY_AFTER, &"9".repeat(400))]), Some(LONGEST_WAIT));
    }
}

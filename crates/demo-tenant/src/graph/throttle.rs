//! Intune's limits for one app and tenant: writes and requests of any kind in any trailing 20 s (Graph
//! documentation, throttling limits, Intune devices).

use std::collections::VecDeque;
use std::time::Duration;

use http::Method;
use tokio::time::Instant;

use crate::options::RetryAfterStyle;

const WINDOW: Duration = Duration::from_secs(20);
/// Requests of any kind in a window, as documented.
const REQUESTS: usize = 2_000;

#[derive(Debug, Default)]
pub(crate) struct Throttle {
    writes: VecDeque<Instant>,
    requests: VecDeque<Instant>,
    throttled: u64,
}

/// How long a throttled caller should wait, and the how-manieth it is.
#[derive(Debug)]
pub(crate) struct Wait {
    time: Duration,
    number: u64,
}

impl Throttle {
    /// Counts the request against `most_writes` and the limit of all requests. Throttled calls count too, as
    /// documented.
    ///
    /// # Errors
    /// The time until the window has room again.
    pub(crate) fn admit(&mut self, method: &Method, most_writes: usize) -> Result<(), Wait> {
        let now = Instant::now();
        let requests = count(&mut self.requests, REQUESTS, now);
        let writes =
            if method == Method::GET { None } else { count(&mut self.writes, most_writes.max(1), now) };
        match requests.max(writes) {
            None => Ok(()),
            Some(time) => {
                self.throttled += 1;
                Err(Wait { time, number: self.throttled })
            }
        }
    }
}

fn count(window: &mut VecDeque<Instant>, limit: usize, now: Instant) -> Option<Duration> {
    while window.front().is_some_and(|at| now.duration_since(*at) >= WINDOW) {
        window.pop_front();
    }
    window.push_back(now);
    let over = window.len().checked_sub(limit).filter(|over| *over > 0)?;
    // There is room again once so many have left the window that a new one fits.
    window.get(over).map(|at| (*at + WINDOW).duration_since(now))
}

/// The `Retry-After` header, never shorter than the wait.
pub(crate) fn retry_after(style: RetryAfterStyle, wait: &Wait) -> Option<String> {
    let seconds = wait.time.as_secs_f64();
    let whole = Some(format!("{}", seconds.ceil().max(1.0)));
    let fraction = Some(format!("{:.3}", seconds + 0.001));
    match style {
        RetryAfterStyle::Integer => whole,
        RetryAfterStyle::Fraction => fraction,
        RetryAfterStyle::Missing => None,
        RetryAfterStyle::Mixed if wait.number.is_multiple_of(7) => None,
        RetryAfterStyle::Mixed if wait.number.is_multiple_of(3) => fraction,
        RetryAfterStyle::Mixed => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Pace;

    fn admit(throttle: &mut Throttle, method: &Method) -> Result<(), Wait> {
        throttle.admit(method, Pace::DOCUMENTED_WRITES)
    }

    #[tokio::test(start_paused = true)]
    async fn after_waiting_as_told_there_is_room_again() {
        let mut throttle = Throttle::default();
        for _ in 0..Pace::DOCUMENTED_WRITES {
            admit(&mut throttle, &Method::POST).unwrap();
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        let wait = admit(&mut throttle, &Method::POST).unwrap_err();
        assert!(wait.time <= Duration::from_secs(19), "{:?}", wait.time);
        admit(&mut throttle, &Method::GET).unwrap();
        tokio::time::advance(wait.time - Duration::from_millis(1)).await;
        let wait = admit(&mut throttle, &Method::POST).unwrap_err();
        tokio::time::advance(wait.time).await;
        admit(&mut throttle, &Method::POST).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_of_writes_is_the_one_given_and_at_least_one() {
        for (most, admitted) in [(0, 1), (1, 1), (40, 40), (usize::MAX, 300)] {
            let mut throttle = Throttle::default();
            let passed = (0..300).filter(|_| throttle.admit(&Method::POST, most).is_ok()).count();
            assert_eq!(passed, admitted, "of 300 with a limit of {most}");
        }
    }

    #[test]
    fn a_wait_is_told_in_each_style() {
        let wait = |number| Wait { time: Duration::from_millis(1_400), number };
        assert_eq!(retry_after(RetryAfterStyle::Integer, &wait(1)).as_deref(), Some("2"));
        assert_eq!(retry_after(RetryAfterStyle::Fraction, &wait(1)).as_deref(), Some("1.401"));
        assert_eq!(retry_after(RetryAfterStyle::Missing, &wait(1)), None);
        let mixed: Vec<_> =
            (1..=7).map(|number| retry_after(RetryAfterStyle::Mixed, &wait(number))).collect();
        assert_eq!(mixed[2].as_deref(), Some("1.401"));
        assert_eq!(mixed[6], None);
    }
}

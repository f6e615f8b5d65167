//! What counts within the service's window, and how much of the limit is used.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The window the service counts in: 20 s (Graph documentation, Intune devices throttling limits).
pub(super) const WINDOW: Duration = Duration::from_secs(20);
/// The allowance never falls below this.
const LEAST: usize = 10;
/// How long after a 429 the allowance grows for the first time, and at most.
const FIRST_REST: Duration = Duration::from_secs(60);
const LONGEST_REST: Duration = Duration::from_secs(600);
/// How often it grows from then on.
const STEP: Duration = Duration::from_secs(20);
/// By which part of the limit it grows.
const PARTS: usize = 25;
/// 429s that come closer together than this belong to one burst, whatever wait they ask for.
const BURST: Duration = Duration::from_secs(1);

/// One limit: what counts against it, and the part of it that is used, which a 429 lowers.
#[derive(Debug, Clone)]
pub(super) struct Window {
    limit: usize,
    /// How long a turn counts after it is over.
    counts_for: Duration,
    /// Turns that are out.
    out: usize,
    /// When turns were over, oldest first, as long as they count.
    over: VecDeque<Instant>,
    /// When requests were throttled, oldest first, as long as they count.
    throttled: VecDeque<Instant>,
    allowance: usize,
    /// What it was lowered to last: what the service let through before it grew.
    settled: usize,
    /// When it grows next; none at the limit.
    grows_at: Option<Instant>,
    /// How long it rests after the next 429.
    rest: Duration,
    /// Whether it has grown since the last 429.
    has_grown: bool,
    /// Until then further 429s belong to the last burst.
    burst_until: Option<Instant>,
}

/// When the next turn is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Free {
    Now,
    At(Instant),
    /// When a turn that is out is over.
    WhenOneEnds,
}

impl Window {
    pub(super) fn new(limit: usize, counts_for: Duration) -> Self {
        Self {
            limit: limit.max(1),
            counts_for,
            out: 0,
            over: VecDeque::new(),
            throttled: VecDeque::new(),
            allowance: limit.max(1),
            settled: 0,
            grows_at: None,
            rest: FIRST_REST,
            has_grown: false,
            burst_until: None,
        }
    }

    pub(super) fn allowance(&self) -> usize {
        self.allowance
    }

    /// How many turns count.
    pub(super) fn in_use(&self) -> usize {
        self.out + self.over.len()
    }

    /// Forgets what does not count any more, and lets the allowance grow.
    pub(super) fn pass(&mut self, now: Instant) {
        for times in [&mut self.over, &mut self.throttled] {
            while times.front().is_some_and(|at| now.duration_since(*at) >= self.counts_for) {
                times.pop_front();
            }
        }
        while let Some(at) = self.grows_at.filter(|at| *at <= now) {
            self.has_grown = true;
            self.allowance = self.limit.min(self.allowance.saturating_add((self.limit / PARTS).max(1)));
            self.grows_at = (self.allowance < self.limit).then(|| at + STEP);
            if self.grows_at.is_none() {
                (self.rest, self.has_grown) = (FIRST_REST, false);
            }
        }
    }

    /// When a turn is free, with what counts now.
    pub(super) fn free(&self) -> Free {
        let Some(too_many) = self.in_use().checked_sub(self.allowance) else { return Free::Now };
        match self.over.get(too_many) {
            Some(over) => Free::At(*over + self.counts_for),
            None => Free::WhenOneEnds,
        }
    }

    /// When no more than half of the allowance is in use, if it is more now.
    pub(super) fn half_free(&self) -> Option<Free> {
        let too_many = self.in_use().checked_sub(self.allowance / 2 + 1)?;
        Some(self.over.get(too_many).map_or(Free::WhenOneEnds, |over| Free::At(*over + self.counts_for)))
    }

    pub(super) fn take(&mut self) {
        self.out += 1;
    }

    /// A turn is over, and counts from now on for as long as the window is.
    pub(super) fn end(&mut self, now: Instant) {
        self.give_back();
        self.over.push_back(now);
    }

    /// A turn was not used.
    pub(super) fn give_back(&mut self) {
        self.out = self.out.saturating_sub(1);
    }

    /// Counts turns that were over then. Older ones are let in before newer ones.
    pub(super) fn remember(&mut self, over: impl IntoIterator<Item = Instant>) {
        self.over.extend(over);
        self.over.make_contiguous().sort_unstable();
    }

    /// Takes note of a 429 that asks for that wait. The allowance falls to what it was before it grew or, if it has not grown, to
    /// half or to what the service let through in the window, whichever is more; once for all requests that were out together.
    pub(super) fn throttle(&mut self, now: Instant, wait: Duration) {
        self.pass(now);
        let is_new = self.burst_until.is_none_or(|until| until <= now);
        if is_new {
            let through = self.over.len().saturating_sub(self.throttled.len());
            let least = LEAST.min(self.limit);
            let lower = if self.has_grown { self.settled } else { self.allowance / 2 };
            self.allowance = lower.max(through).max(least).min(self.allowance);
            self.settled = self.allowance;
            if self.has_grown {
                self.rest = (self.rest * 2).min(LONGEST_REST);
            }
            self.has_grown = false;
            self.grows_at = Some(now + self.rest);
        }
        self.burst_until = Some(now + wait.max(BURST)).max(self.burst_until);
        self.throttled.push_back(now);
    }

    /// As it is, with every turn that is out over now.
    pub(super) fn played_from(&self, now: Instant) -> Self {
        let mut played = self.clone();
        while played.out > 0 {
            played.end(now);
        }
        played
    }
}

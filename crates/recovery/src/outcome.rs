//! What a device reports of the action that was sent to it, and whose report it is.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use unlatch_graph::{ActionState, DeviceActionResult, REQUEST_LIMIT};

use crate::plan::Action;
use crate::record::{Event, Standing};

/// How much later than the answer an action may have started and still be the request's, where nothing but the clock tells:
/// Graph's front and Intune behind it need not agree on the time, and a request that was given up may still be on its way
/// through them. Nothing documents how long; a minute is ample for clocks and short for a person who asks for the same action
/// elsewhere.
const SLACK: Duration = Duration::from_secs(60);
/// How far Intune's clock may be from Graph's, where the read before the request tells what is older: what started later than
/// that after the answer is another request's.
const CLOCKS_APART: Duration = Duration::from_secs(24 * 60 * 60);

/// What the read right before a request showed of its action, by Intune's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Baseline {
    /// The newest start among the results; none if no result bore the action's name.
    #[serde(with = "time::serde::rfc3339::option")]
    pub newest_start: Option<OffsetDateTime>,
}

impl Baseline {
    /// Returns the baseline that these results make.
    #[must_use]
    pub fn of(action: Action, results: &[DeviceActionResult]) -> Self {
        Self { newest_start: of_action(action, results).map(|(started, _)| started).max() }
    }

    /// Returns whether a result that started then is newer.
    fn precedes(self, started: OffsetDateTime) -> bool {
        self.newest_start.is_none_or(|newest| newest < started)
    }
}

/// The results that bear the action's name, letter case aside, with their starts. One without a start proves nothing.
fn of_action(
    action: Action,
    results: &[DeviceActionResult],
) -> impl Iterator<Item = (OffsetDateTime, &DeviceActionResult)> {
    results
        .iter()
        .filter(move |result| result.action_name.eq_ignore_ascii_case(action.name()))
        .filter_map(|result| Some((result.started?, result)))
}

/// A request that may have been executed, as far as telling its result from another's needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SentRequest {
    /// The recorded intent, by Graph's clock.
    pub(crate) intent: OffsetDateTime,
    /// What the read before it showed; none in entries of versions that did not record it.
    pub(crate) baseline: Option<Baseline>,
}

impl SentRequest {
    /// Returns whether a result that started then may be this request's, as far as what is older tells.
    fn begins_before(&self, started: OffsetDateTime) -> bool {
        match self.baseline {
            Some(baseline) => baseline.precedes(started),
            // The server's `Date` has whole seconds, so the second in which the intent falls counts as a whole.
            None => whole_second(self.intent) <= started,
        }
    }
}

/// Which results belong to one request: those that the read before it did not show, up to the next request for the device.
/// Entries of versions that did not record what was shown go by the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SendWindow {
    /// The request.
    pub(crate) request: SentRequest,
    /// The last moment at which its action may have started.
    pub(crate) until: OffsetDateTime,
    /// The next request for the same device: what may be that one's is not this one's.
    pub(crate) next: Option<SentRequest>,
}

impl SendWindow {
    /// Returns whether a result that started then belongs to the request.
    pub(crate) fn holds(&self, started: OffsetDateTime) -> bool {
        self.request.begins_before(started)
            && started <= self.until
            && self.next.is_none_or(|next| !next.begins_before(started))
    }
}

fn whole_second(at: OffsetDateTime) -> OffsetDateTime {
    at - Duration::from_nanos(u64::from(at.nanosecond()))
}

/// That long after a moment, or the last moment there is: the service's clock and a journal may say any.
pub(crate) fn later(moment: OffsetDateTime, by: Duration) -> OffsetDateTime {
    moment.saturating_add(by.try_into().unwrap_or(time::Duration::MAX))
}

impl Standing {
    /// Returns which results belong to the last request, if it may have been executed. `others` are requests for the same device
    /// in other runs.
    pub(crate) fn window(&self, others: &[SentRequest]) -> Option<SendWindow> {
        let request = self.request().filter(|_| self.maybe_executed)?;
        let heard = self.heard.unwrap_or_else(|| later(request.intent, REQUEST_LIMIT)).max(request.intent);
        let next = others.iter().copied().filter(|other| other.intent > request.intent);
        // By the clock alone, an action that started before this request may be that of one before it, which is in doubt as well.
        let first = match (request.baseline, self.earlier_doubts().last().and_then(Standing::request)) {
            (None, Some(first)) if self.state == crate::state::ItemState::Unconfirmed => first,
            _ => request,
        };
        let slack = if request.baseline.is_some() { CLOCKS_APART } else { SLACK };
        Some(SendWindow {
            request: first,
            until: later(heard, slack),
            next: next.min_by_key(|other| other.intent),
        })
    }
}

/// What was found in `deviceActionResults` about one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The action's state.
    pub(crate) state: ActionState,
    /// When it started, by the service's clock.
    pub(crate) started: OffsetDateTime,
    /// When the state was last changed, by the service's clock.
    pub(crate) last_updated: Option<OffsetDateTime>,
    /// Whether the service holds a passcode with it.
    pub(crate) has_passcode: bool,
}

impl Outcome {
    fn of(started: OffsetDateTime, result: &DeviceActionResult) -> Self {
        Self {
            state: result.state.clone(),
            started,
            last_updated: result.last_updated,
            has_passcode: result.has_passcode,
        }
    }

    pub(crate) fn event(&self) -> Event {
        Event::Observed {
            result: self.state.as_str().to_owned(),
            started: Some(self.started),
            last_updated: self.last_updated,
            has_passcode: self.has_passcode,
        }
    }

    pub(crate) fn is_news_to(&self, standing: &Standing) -> bool {
        let differs = standing
            .observed
            .as_ref()
            .is_none_or(|(result, updated)| result != self.state.as_str() || *updated != self.last_updated);
        differs && standing.takes(self.state.as_str(), self.last_updated)
    }
}

/// Returns the newest result that belongs to a request. Old results linger in the list, and other people ask for the same action
/// elsewhere.
pub(crate) fn outcome_of(
    action: Action,
    window: &SendWindow,
    results: &[DeviceActionResult],
) -> Option<Outcome> {
    of_action(action, results)
        .filter(|(started, _)| window.holds(*started))
        .max_by_key(|(started, _)| *started)
        .map(|(started, result)| Outcome::of(started, result))
}

/// Returns the newest result of the action that started after a moment and belongs to none of these requests.
pub(crate) fn unknown_since(
    action: Action,
    since: OffsetDateTime,
    known: &[SendWindow],
    results: &[DeviceActionResult],
) -> Option<Outcome> {
    of_action(action, results)
        .filter(|(started, _)| *started > since && !known.iter().any(|window| window.holds(*started)))
        .max_by_key(|(started, _)| *started)
        .map(|(started, result)| Outcome::of(started, result))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Verdict;
    use crate::state::ItemState;
    use time::macros::datetime;

    const INTENT: OffsetDateTime = datetime!(2026-03-01 10:00:05.7 UTC);
    /// As an entry without a baseline has it.
    const WINDOW: SendWindow = SendWindow {
        request: SentRequest { intent: INTENT, baseline: None },
        until: datetime!(2026-03-01 10:01:06 UTC),
        next: None,
    };

    fn by_clock(intent: OffsetDateTime) -> SentRequest {
        SentRequest { intent, baseline: None }
    }

    fn after(newest_start: Option<OffsetDateTime>) -> Option<Baseline> {
        Some(Baseline { newest_start })
    }

    fn result(name: &str, started: Option<OffsetDateTime>) -> DeviceActionResult {
        DeviceActionResult {
            action_name: name.into(),
            state: ActionState::Done,
            started,
            last_updated: started,
            has_passcode: false,
        }
    }

    fn found(results: &[DeviceActionResult]) -> Option<OffsetDateTime> {
        outcome_of(Action::RecoverPasscode, &WINDOW, results).map(|outcome| outcome.started)
    }

    #[test]
    fn an_entry_that_started_before_the_request_is_an_old_one() {
        assert_eq!(found(&[result("recoverPasscode", Some(datetime!(2026-03-01 10:00:04.9 UTC)))]), None);
    }

    #[test]
    fn the_second_of_the_intent_counts_as_a_whole() {
        let same = datetime!(2026-03-01 10:00:05 UTC);
        assert_eq!(found(&[result("recoverPasscode", Some(same))]), Some(same));
    }

    #[test]
    fn an_entry_that_started_after_the_window_is_somebody_elses() {
        let last = WINDOW.until;
        assert_eq!(found(&[result("recoverPasscode", Some(last))]), Some(last));
        let after = last + Duration::from_nanos(1);
        assert_eq!(found(&[result("recoverPasscode", Some(after))]), None);
        let both = [result("recoverPasscode", Some(after)), result("recoverPasscode", Some(INTENT))];
        assert_eq!(found(&both), Some(INTENT));
    }

    #[test]
    fn an_entry_that_started_in_the_second_of_the_next_intent_or_later_is_that_ones() {
        let next = datetime!(2026-03-01 10:00:20.4 UTC);
        let window = SendWindow { next: Some(by_clock(next)), ..WINDOW };
        for (started, mine) in [
            (datetime!(2026-03-01 10:00:19.9 UTC), true),
            (datetime!(2026-03-01 10:00:20 UTC), false),
            (datetime!(2026-03-01 10:00:30 UTC), false),
        ] {
            let results = [result("recoverPasscode", Some(started))];
            assert_eq!(outcome_of(Action::RecoverPasscode, &window, &results).is_some(), mine, "{started}");
        }
    }

    fn standing(after: &[(OffsetDateTime, Event)]) -> Standing {
        let header = crate::record::RunHeader {
            id: crate::plan::RunId::random(),
            started: INTENT,
            principal: crate::plan::Principal {
                cloud: String::new(),
                tenant_id: String::new(),
                tenant_name: String::new(),
                account: String::new(),
                account_id: String::new(),
            },
            action: Action::RecoverPasscode,
            reason: None,
            total: 1,
        };
        let mut fold = crate::fold::Fold::new(header);
        let intent = Event::Intent {
            attempt: 1,
            route: unlatch_graph::Route::Direct,
            server_now: INTENT,
            baseline: None,
        };
        for (at, event) in [(HERE, intent)].iter().chain(after) {
            fold.apply(&crate::record::Entry { at: *at, position: Some(0), event: event.clone() });
        }
        fold.standings.remove(0)
    }

    /// This machine's clock at the intent, far from the server's.
    const HERE: OffsetDateTime = datetime!(2026-03-01 07:30 UTC);

    fn over(verdict: Verdict, server_date: Option<OffsetDateTime>) -> Event {
        Event::Answer {
            verdict,
            status: None,
            code: None,
            message: None,
            request_id: None,
            client_request_id: uuid::Uuid::nil(),
            server_date,
            intermediary: false,
        }
    }

    #[test]
    fn the_window_ends_a_little_after_the_answer_or_after_the_request_was_given_up() {
        let until = |after: &[(OffsetDateTime, Event)]| standing(after).window(&[]).unwrap().until - SLACK;
        assert_eq!(until(&[]), INTENT + REQUEST_LIMIT, "a crash: nobody knows when it was over");
        let date = datetime!(2026-03-01 10:00:09 UTC);
        assert_eq!(until(&[(HERE, over(Verdict::Accepted, Some(date)))]), date);
        let early = datetime!(2026-03-01 10:00:05 UTC);
        assert_eq!(until(&[(HERE, over(Verdict::Accepted, Some(early)))]), INTENT);
        for (waited, counted) in [(7, 7), (60, 60), (5_000, 60), (-3, 0)] {
            let given_up = HERE + time::Duration::seconds(waited);
            assert_eq!(
                until(&[(given_up, over(Verdict::Unconfirmed, None))]),
                INTENT + time::Duration::seconds(counted),
                "{waited}"
            );
        }
    }

    #[test]
    fn the_window_of_a_request_at_the_end_of_all_time_ends_there() {
        let last = time::PrimitiveDateTime::MAX.assume_utc();
        let request = Standing { intent: Some(last), intent_at: Some(HERE), ..standing(&[]) };
        assert_eq!(request.window(&[]).unwrap().until, last);
        assert_eq!(request.heard_at(HERE + REQUEST_LIMIT, None), Some(last));
    }

    #[test]
    fn the_next_intent_is_the_first_one_after_the_request() {
        let at = |seconds| INTENT + time::Duration::seconds(seconds);
        let standing = standing(&[]);
        let window = standing.window(&[at(40), at(-9), at(12), at(0)].map(by_clock)).unwrap();
        assert_eq!(window.next, Some(by_clock(at(12))));
        assert_eq!(standing.window(&[by_clock(at(-1))]).unwrap().next, None);
    }

    #[test]
    fn with_a_baseline_the_clock_of_intune_may_be_hours_from_that_of_graph() {
        let at = |hours| INTENT + time::Duration::hours(hours);
        let window = |newest| SendWindow {
            request: SentRequest { intent: INTENT, baseline: after(newest) },
            until: later(INTENT, CLOCKS_APART),
            next: None,
        };
        for hours in [-9, 0, 9] {
            let (before, after) = (at(hours) - time::Duration::minutes(1), at(hours));
            let results = [result("recoverPasscode", Some(before)), result("recoverPasscode", Some(after))];
            let action = Action::RecoverPasscode;
            let found = |window| outcome_of(action, &window, &results).map(|outcome| outcome.started);
            assert_eq!(found(window(Some(before))), Some(after), "{hours}");
            assert_eq!(found(window(Some(after))), None, "what was shown before is an old one");
            assert_eq!(Baseline::of(action, &results[..1]), Baseline { newest_start: Some(before) });
        }
        let nothing_before = window(None);
        assert!(nothing_before.holds(at(-9)));
        assert!(!nothing_before.holds(at(25)), "a day later it is another request's");
        assert_eq!(
            Baseline::of(Action::RecoverPasscode, &[result("resetPasscode", Some(INTENT))]).newest_start,
            None
        );
    }

    #[test]
    fn what_the_read_before_the_next_request_showed_ends_what_belongs_to_the_one_before() {
        let at = |seconds| INTENT + time::Duration::seconds(seconds);
        let next = SentRequest { intent: at(60), baseline: after(Some(at(-3_000))) };
        let window = SendWindow {
            request: SentRequest { intent: INTENT, baseline: after(Some(at(-4_000))) },
            until: later(INTENT, CLOCKS_APART),
            next: Some(next),
        };
        assert!(window.holds(at(-3_500)) && window.holds(at(-3_000)));
        assert!(!window.holds(at(-2_999)) && !window.holds(at(-4_000)));
    }

    #[test]
    fn a_result_is_unknown_if_it_started_since_and_belongs_to_no_request() {
        let at = |seconds| INTENT + time::Duration::seconds(seconds);
        let since = |results: &[DeviceActionResult], known: &[SendWindow]| {
            unknown_since(Action::RecoverPasscode, INTENT, known, results).map(|outcome| outcome.started)
        };
        let sent = [result("recoverPasscode", Some(at(5)))];
        assert_eq!(since(&sent, &[]), Some(at(5)));
        assert_eq!(since(&sent, &[WINDOW]), None);
        assert_eq!(since(&[result("recoverPasscode", Some(INTENT))], &[]), None);
        assert_eq!(since(&[result("resetPasscode", Some(at(5)))], &[]), None);
    }

    #[test]
    fn an_older_report_and_one_that_would_reopen_an_outcome_change_nothing() {
        let at = |seconds| Some(INTENT + time::Duration::seconds(seconds));
        let seen = |result: &str, updated| {
            let result = result.to_owned();
            (
                HERE,
                Event::Observed { result, started: Some(INTENT), last_updated: updated, has_passcode: false },
            )
        };
        let last = |reports: &[(&str, Option<OffsetDateTime>)]| {
            let mut events = vec![(HERE, over(Verdict::Accepted, Some(INTENT)))];
            events.extend(reports.iter().map(|(result, updated)| seen(result, *updated)));
            let standing = standing(&events);
            (standing.state, standing.observed.unwrap().0)
        };
        let done = (ItemState::Done, "done".to_owned());
        assert_eq!(last(&[("done", at(9)), ("pending", at(1))]), done);
        assert_eq!(last(&[("done", at(9)), ("pending", None)]), done);
        assert_eq!(
            last(&[("done", at(9)), ("pending", at(20))]),
            done,
            "an outcome is never made open again"
        );
        assert_eq!(last(&[("done", at(9)), ("failed", at(1))]), done);
        assert_eq!(last(&[("active", at(9)), ("pending", at(1))]).1, "active");
        assert_eq!(last(&[("pending", at(1)), ("done", at(9))]), done);
        assert_eq!(last(&[("failed", at(1)), ("done", at(9))]), done, "a newer outcome counts");
    }

    #[test]
    fn other_actions_and_entries_without_a_start_prove_nothing() {
        let later = Some(datetime!(2026-03-01 10:01 UTC));
        assert_eq!(found(&[result("resetPasscode", later), result("recoverPasscode", None)]), None);
        assert_eq!(found(&[]), None);
    }

    #[test]
    fn letter_case_of_the_name_does_not_matter_and_the_latest_entry_counts() {
        let (first, second) = (datetime!(2026-03-01 10:00:06 UTC), datetime!(2026-03-01 10:00:09 UTC));
        assert_eq!(
            found(&[result("RecoverPasscode", Some(second)), result("recoverPasscode", Some(first))]),
            Some(second)
        );
    }
}

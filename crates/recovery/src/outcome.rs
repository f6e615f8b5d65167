//! What a device reports of the action that was sent to it.

use std::time::Duration;

use time::OffsetDateTime;
use unlatch_graph::{ActionState, DeviceActionResult};

use crate::plan::Action;
use crate::record::{Event, Standing};

/// What was found in `deviceActionResults` about one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The action's state.
    pub state: ActionState,
    /// When it started, by the service's clock.
    pub started: OffsetDateTime,
    /// When the state was last changed, by the service's clock.
    pub last_updated: Option<OffsetDateTime>,
}

impl Outcome {
    pub(crate) fn event(&self) -> Event {
        Event::Observed {
            result: self.state.as_str().to_owned(),
            started: Some(self.started),
            last_updated: self.last_updated,
        }
    }

    pub(crate) fn is_news_to(&self, standing: &Standing) -> bool {
        standing
            .observed
            .as_ref()
            .is_none_or(|(result, updated)| result != self.state.as_str() || *updated != self.last_updated)
    }
}

/// The entry that belongs to a request whose intent was recorded at `intent` by the server's clock: it bears the action's name
/// (letter case aside) and started then or later. Old results linger in the list, and an entry without a start proves nothing.
/// The server's `Date` has whole seconds, so the second in which the intent fell counts as a whole.
#[must_use]
pub fn outcome_of(action: Action, intent: OffsetDateTime, results: &[DeviceActionResult]) -> Option<Outcome> {
    let second = intent - Duration::from_nanos(u64::from(intent.nanosecond()));
    results
        .iter()
        .filter(|result| result.action_name.eq_ignore_ascii_case(action.name()))
        .filter_map(|result| Some((result.started?, result)))
        .filter(|(started, _)| *started >= second)
        .max_by_key(|(started, _)| *started)
        .map(|(started, result)| Outcome {
            state: result.state.clone(),
            started,
            last_updated: result.last_updated,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const INTENT: OffsetDateTime = datetime!(2026-03-01 10:00:05.7 UTC);

    fn result(name: &str, started: Option<OffsetDateTime>) -> DeviceActionResult {
        DeviceActionResult {
            action_name: name.into(),
            state: ActionState::Done,
            started,
            last_updated: started,
        }
    }

    fn found(results: &[DeviceActionResult]) -> Option<OffsetDateTime> {
        outcome_of(Action::RecoverPasscode, INTENT, results).map(|outcome| outcome.started)
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

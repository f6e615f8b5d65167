//! The service as the engine asks it.

use std::time::Duration;

use futures::future::BoxFuture;
use secrecy::SecretString;
use time::OffsetDateTime;
use unlatch_graph::{
    ApiErrorKind, DeviceActionResult, DeviceId, Error, Kind, ManagedDevice, Pace, Passcode, REQUEST_LIMIT,
    Route, SendOutcome, Sent, TokenError,
};
use unlatch_recovery::{Action, Tenant};
use uuid::Uuid;

use super::{Fault, State, TRAVEL, World};
use crate::fake::{answered, lost, route_unknown, throttled, token_renewed};

impl World {
    /// The way of one request. Dropped on the way there it never comes in; dropped on the way back it was executed.
    async fn travel(&self, route: &Route, id: &DeviceId) -> SendOutcome {
        let send = self.state().leave(id);
        let never = |state: &mut State| state.log[send].maybe = false;
        let fault = {
            let mut state = self.state();
            let mut fault = state.faults.pop_front().unwrap_or(Fault::None);
            if matches!(fault, Fault::RouteUnknown) && *route == Route::Direct {
                fault = Fault::None;
            }
            state.signed_in &= !matches!(fault, Fault::SignedOut);
            if !state.signed_in {
                never(&mut state);
                return SendOutcome::NoToken(TokenError::SignInNeeded { claims: None });
            }
            if matches!(fault, Fault::NotConnected) {
                never(&mut state);
                return SendOutcome::NotConnected("refused".into());
            }
            fault
        };
        tokio::time::sleep(TRAVEL).await;
        {
            let mut state = self.state();
            if !matches!(fault, Fault::LostBefore | Fault::IntermediaryBefore(_)) {
                state.log[send].arrived = Some(state.now());
            }
            match fault {
                Fault::None | Fault::LostAfter | Fault::Silent => state.execute(send, Duration::ZERO),
                Fault::IntermediaryAfter(_) => state.execute(send, Duration::ZERO),
                Fault::GatewayLate(after) => state.execute(send, after),
                Fault::LostBefore | Fault::Gateway | Fault::IntermediaryBefore(_) | Fault::Busy => {}
                _ => never(&mut state),
            }
        }
        tokio::time::sleep(if matches!(fault, Fault::Silent) { REQUEST_LIMIT } else { TRAVEL }).await;
        match fault {
            Fault::None => SendOutcome::Accepted,
            Fault::LostBefore | Fault::LostAfter | Fault::Silent => lost(),
            Fault::Gateway | Fault::GatewayLate(_) => answered(504, ApiErrorKind::Service),
            Fault::Busy => answered(503, ApiErrorKind::Service),
            Fault::IntermediaryBefore(status) | Fault::IntermediaryAfter(status) => {
                SendOutcome::Intermediary { status }
            }
            Fault::Throttled(wait) => {
                let mut state = self.state();
                let now = state.now();
                let told = (now, now + wait.unwrap_or_default());
                // What is held already goes on.
                state.writes_held = Some(match state.writes_held.filter(|(_, until)| *until > now) {
                    Some((from, until)) => (from, until.max(told.1)),
                    None => told,
                });
                drop(state);
                // As a client does, whoever waits for the answer.
                if let Some(wait) = wait {
                    self.pace().hold(wait, Kind::Write);
                }
                throttled(wait)
            }
            Fault::RoleDenied => answered(403, ApiErrorKind::RoleDenied),
            Fault::RouteUnknown => route_unknown(),
            Fault::TokenRenewed => token_renewed(),
            Fault::NotConnected | Fault::SignedOut => unreachable!("told above"),
        }
    }

    fn read<T>(&self, what: impl FnOnce(&State, OffsetDateTime) -> T) -> Result<T, Error> {
        let mut state = self.state();
        if let Some(wait) = state.read_faults.pop_front().flatten() {
            return Err(Error::Throttled { retry_after: Some(wait), request_id: None });
        }
        match state.signed_in {
            true => Ok(what(&state, state.now())),
            false => Err(Error::Token(TokenError::SignInNeeded { claims: None })),
        }
    }
}

fn shown(state: &State, now: OffsetDateTime, id: &DeviceId) -> Vec<DeviceActionResult> {
    let results = state.results.get(id).into_iter().flatten();
    results.filter(|shown| shown.from <= now).map(|shown| shown.result.clone()).collect()
}

impl Tenant for World {
    fn fetch_token(&self) -> BoxFuture<'_, Result<(), TokenError>> {
        let signed_in = self.state().signed_in;
        Box::pin(
            async move { if signed_in { Ok(()) } else { Err(TokenError::SignInNeeded { claims: None }) } },
        )
    }

    fn device<'a>(
        &'a self,
        id: &'a DeviceId,
    ) -> BoxFuture<'a, Result<(ManagedDevice, Vec<DeviceActionResult>), Error>> {
        Box::pin(async move {
            tokio::time::sleep(2 * TRAVEL).await;
            self.read(|state, now| {
                let device = state.devices.iter().find(|device| device.id == *id).unwrap();
                (device.clone(), shown(state, now, id))
            })
        })
    }

    fn send<'a>(&'a self, _: Action, route: &'a Route, id: &'a DeviceId) -> BoxFuture<'a, Sent> {
        Box::pin(async move {
            let outcome = self.travel(route, id).await;
            self.state().heard += 1;
            let is_heard = matches!(outcome, SendOutcome::Accepted | SendOutcome::Answered { .. });
            // The header has whole seconds.
            let server_date = is_heard.then(|| self.state().now().replace_nanosecond(0).unwrap());
            Sent { client_request_id: Uuid::new_v4(), request_id: None, server_date, outcome }
        })
    }

    fn action_results<'a>(
        &'a self,
        id: &'a DeviceId,
    ) -> BoxFuture<'a, Result<Vec<DeviceActionResult>, Error>> {
        Box::pin(async move {
            tokio::time::sleep(2 * TRAVEL).await;
            self.read(|state, now| shown(state, now, id))
        })
    }

    fn passcodes<'a>(
        &'a self,
        _: &'a DeviceId,
    ) -> BoxFuture<'a, Result<Vec<(DeviceActionResult, Passcode)>, Error>> {
        let none: Vec<(DeviceActionResult, SecretString)> = Vec::new();
        Box::pin(async {
            Ok(none.into_iter().map(|(result, secret)| (result, Passcode::new(secret))).collect())
        })
    }

    fn pace(&self) -> Pace {
        self.pace.lock().unwrap().clone()
    }

    fn server_now(&self) -> OffsetDateTime {
        self.state().now()
    }
}

//! The tenant as a run needs it. Tests put their own behind it.

use std::time::Duration;

use futures::future::BoxFuture;
use time::OffsetDateTime;
use unlatch_graph::{
    Client, DeviceActionResult, DeviceId, Error, Hold, Kind, ManagedDevice, Passcode, Route, Sent,
    TokenError, WriteTurn,
};

use crate::plan::Action;

/// A signed-in view of one tenant. All runs and searches in one tenant share its pace.
pub trait Tenant: Send + Sync + 'static {
    /// Has a token at hand that lasts for a read and the request after it, so that neither waits for one.
    fn fetch_token(&self) -> BoxFuture<'_, Result<(), TokenError>>;

    /// Reads one device afresh, with what it reports of the actions sent to it.
    fn device<'a>(
        &'a self,
        id: &'a DeviceId,
    ) -> BoxFuture<'a, Result<(ManagedDevice, Vec<DeviceActionResult>), Error>>;

    /// Sends one request, which nothing below may repeat. The caller holds a [`Tenant::write_turn`] until this is over, and
    /// has recorded the intent.
    fn send<'a>(&'a self, action: Action, route: &'a Route, id: &'a DeviceId) -> BoxFuture<'a, Sent>;

    /// Reads what the device reports of the actions sent to it. Holds no passcode.
    fn action_results<'a>(
        &'a self,
        id: &'a DeviceId,
    ) -> BoxFuture<'a, Result<Vec<DeviceActionResult>, Error>>;

    /// Reads the passcodes among these, with the entries they came in. They are held nowhere else.
    fn passcodes<'a>(
        &'a self,
        id: &'a DeviceId,
    ) -> BoxFuture<'a, Result<Vec<(DeviceActionResult, Passcode)>, Error>>;

    /// Waits until one more write is within the limit. It counts until 20 s after the turn is dropped.
    fn write_turn(&self) -> BoxFuture<'_, WriteTurn>;

    /// Counts writes that were over that long ago, if none were counted before: what goes out from then on is known.
    fn remember_writes(&self, ages: Vec<Duration>);

    /// Waits until there is room for reads that nobody waits for.
    fn quiet(&self) -> BoxFuture<'_, ()>;

    /// Keeps every sender of this tenant waiting for that long, as a request of that kind was told.
    fn hold(&self, wait: Duration, told: Kind);

    /// Returns the hold that every sender keeps.
    fn held(&self) -> Option<Hold>;

    /// Resolves when a hold ends before its time. It counts from this call on, not from the first poll.
    fn hold_ended(&self) -> BoxFuture<'_, ()>;

    /// Returns how much of the hold is left.
    fn hold_left(&self) -> Option<Duration> {
        self.held().map(|hold| hold.left)
    }

    /// The server's clock, as far as it is known.
    fn server_now(&self) -> OffsetDateTime;

    /// How long the limit alone makes that many writes take from now on.
    fn time_for_writes(&self, count: usize) -> Duration;
}

impl Tenant for Client {
    fn fetch_token(&self) -> BoxFuture<'_, Result<(), TokenError>> {
        Box::pin(Client::fetch_token(self))
    }

    fn device<'a>(
        &'a self,
        id: &'a DeviceId,
    ) -> BoxFuture<'a, Result<(ManagedDevice, Vec<DeviceActionResult>), Error>> {
        Box::pin(self.device_with_results(id))
    }

    fn send<'a>(&'a self, action: Action, route: &'a Route, id: &'a DeviceId) -> BoxFuture<'a, Sent> {
        match action {
            Action::RecoverPasscode => Box::pin(self.recover_passcode(route, id)),
        }
    }

    fn action_results<'a>(
        &'a self,
        id: &'a DeviceId,
    ) -> BoxFuture<'a, Result<Vec<DeviceActionResult>, Error>> {
        Box::pin(Client::action_results(self, id))
    }

    fn passcodes<'a>(
        &'a self,
        id: &'a DeviceId,
    ) -> BoxFuture<'a, Result<Vec<(DeviceActionResult, Passcode)>, Error>> {
        Box::pin(Client::passcodes(self, id))
    }

    fn write_turn(&self) -> BoxFuture<'_, WriteTurn> {
        Box::pin(self.pace().write_turn())
    }

    fn remember_writes(&self, ages: Vec<Duration>) {
        self.pace().remember_writes(ages);
    }

    fn quiet(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.pace().quiet())
    }

    fn hold(&self, wait: Duration, told: Kind) {
        self.pace().hold(wait, told);
    }

    fn held(&self) -> Option<Hold> {
        self.pace().held()
    }

    fn hold_ended(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.pace().hold_ended())
    }

    fn server_now(&self) -> OffsetDateTime {
        Client::server_now(self)
    }

    fn time_for_writes(&self, count: usize) -> Duration {
        self.pace().time_for_writes(count)
    }
}

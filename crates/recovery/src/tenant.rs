//! The tenant as a run needs it. Tests put their own behind it.

use futures::future::BoxFuture;
use time::OffsetDateTime;
use unlatch_graph::{
    Client, DeviceActionResult, DeviceId, Error, ManagedDevice, Pace, Passcode, Route, Sent, TokenError,
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

    /// Sends one request, which nothing below may repeat. The caller holds a [`Pace::write_turn`] until this is over, and
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

    /// Returns the pace that everything sent in this tenant shares.
    fn pace(&self) -> Pace;

    /// The server's clock, as far as it is known.
    fn server_now(&self) -> OffsetDateTime;
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

    fn pace(&self) -> Pace {
        Client::pace(self).clone()
    }

    fn server_now(&self) -> OffsetDateTime {
        Client::server_now(self)
    }
}

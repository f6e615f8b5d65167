//! One read past a hold, to learn whether Graph answers again.

use http::StatusCode;

use crate::api_error::ApiError;
use crate::client::Client;
use crate::error::Error;
use crate::failure::Failure;
use crate::search::DEVICES;
use crate::transport::Transport;

impl Client {
    /// Sends one read past every hold, because a person asks for it. The read is never repeated here, and two at a time are one.
    ///
    /// Any answer of Graph but 429 and 5xx ends the hold that a read was told. A 429 replaces it by its own wait; if that names none,
    /// the hold goes on. What a write was told stands in any case.
    ///
    /// # Errors
    /// [`Error::Throttled`] after a 429, any other [`Error`] if nothing was learned. Requests are still held then.
    pub async fn probe(&self) -> Result<(), Error> {
        self.transport.probe().await
    }
}

impl Transport {
    async fn probe(&self) -> Result<(), Error> {
        let url =
            self.address.asking(&["deviceManagement", "managedDevices"], &[("$top", "1"), ("$select", "id")]);
        let ask = async |turn: crate::pace::ProbeTurn| {
            let token = self.tokens.token().await?;
            let reader = self.connections.reader();
            let answer =
                self.read_once(&reader, DEVICES, url, false, &token).await.map_err(Failure::into_error)?;
            let error = || ApiError::read(answer.status.as_u16(), &answer.headers, &answer.body);
            if answer.status == StatusCode::TOO_MANY_REQUESTS {
                let asked = self.wait_asked(&answer.headers);
                turn.throttled(asked);
                return Err(Error::Throttled { retry_after: asked, request_id: error().request_id });
            }
            // A service that is away for a moment has not got as far as to count.
            if answer.status.is_server_error() {
                return Err(Error::Api(error()));
            }
            turn.answered();
            Ok(())
        };
        self.pace.probe(ask).await
    }
}

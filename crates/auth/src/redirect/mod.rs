//! The loopback end of a sign-in: one port of this machine, open for one answer.
//!
//! Entra ignores the port of `http://localhost` when it matches a redirect address (Microsoft identity platform, redirect
//! URIs). A browser may take `localhost` as either 127.0.0.1 or [::1], so the same port is held on both: nobody else can
//! own the other half.

mod page;
mod request;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use secrecy::SecretString;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};

pub use page::ClosingPage;
pub(crate) use request::Gate;

/// How often another port is tried when the IPv6 half of the first is taken.
const PORT_ATTEMPTS: usize = 32;
/// The oldest connection makes room when there are more than this.
const MOST_CONNECTIONS: usize = 128;

/// What came back through the browser.
pub(crate) enum Answer {
    /// An authorization code.
    Code(SecretString),
    /// A refusal.
    Error { error: String, subcode: Option<String>, description: Option<String> },
}

/// How long a connection may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// From the first byte of the request to the last byte of its answer.
    connection: Duration,
    /// For answers still on their way to the browser when the one that counts has come.
    closing: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connection: Duration::from_secs(10), closing: Duration::from_secs(2) }
    }
}

/// The open port. Dropping it closes the port and every connection.
pub(crate) struct Redirect {
    v4: TcpListener,
    v6: Option<TcpListener>,
    port: u16,
    gate: Arc<Gate>,
    answer: oneshot::Receiver<Answer>,
    patience: Patience,
}

impl Redirect {
    /// Opens a free port for the answer that carries `state` and, if it names who it is from, names `issuer`.
    pub(crate) async fn bind(state: &str, issuer: &str, page: &ClosingPage) -> io::Result<Self> {
        let (v4, v6, port) = listeners().await?;
        let (sender, answer) = oneshot::channel();
        let gate = Arc::new(Gate::new(port, state, issuer, page, sender));
        Ok(Self { v4, v6, port, gate, answer, patience: Patience::default() })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The redirect address, without a path, as it is registered.
    pub(crate) fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Serves the port until the one answer has come, then closes it.
    pub(crate) async fn answer(self) -> Answer {
        let Self { v4, v6, port: _, gate, mut answer, patience } = self;
        let mut open = Connections::default();
        let answer = loop {
            tokio::select! {
                Ok(answer) = &mut answer => break answer,
                stream = accept(&v4) => open.serve(stream, &gate, patience),
                stream = accept_some(v6.as_ref()) => open.serve(stream, &gate, patience),
            }
        };
        drop((v4, v6));
        // The browser still reads the closing page.
        tokio::spawn(tokio::time::timeout(patience.closing, open.finish()));
        answer
    }
}

/// Binds one port on 127.0.0.1 and, where the machine has IPv6, the same on [::1].
async fn listeners() -> io::Result<(TcpListener, Option<TcpListener>, u16)> {
    let mut taken = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..PORT_ATTEMPTS {
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = v4.local_addr()?.port();
        match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
            Ok(v6) => return Ok((v4, Some(v6), port)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => taken = error,
            Err(error) => {
                tracing::debug!(%error, "no IPv6 on this machine");
                return Ok((v4, None, port));
            }
        }
    }
    Err(taken)
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // Out of file descriptors, or a connection that ended before it was taken.
            Err(error) => {
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn accept_some(listener: Option<&TcpListener>) -> TcpStream {
    match listener {
        Some(listener) => accept(listener).await,
        None => std::future::pending().await,
    }
}

/// The connections being served. Dropping it ends them all.
#[derive(Default)]
struct Connections {
    tasks: JoinSet<()>,
    oldest_first: VecDeque<AbortHandle>,
}

impl Connections {
    fn serve(&mut self, stream: TcpStream, gate: &Arc<Gate>, patience: Patience) {
        while self.tasks.try_join_next().is_some() {}
        self.oldest_first.retain(|task| !task.is_finished());
        if self.oldest_first.len() >= MOST_CONNECTIONS
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            oldest.abort();
        }
        self.oldest_first.push_back(self.tasks.spawn(serve_one(stream, Arc::clone(gate), patience)));
    }

    async fn finish(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Serves one connection to its end.
pub(crate) async fn serve_one(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    gate: Arc<Gate>,
    patience: Patience,
) {
    let service = service_fn(|request| gate.pass(request));
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(16 * 1024)
        .timer(TokioTimer::new())
        .header_read_timeout(patience.connection)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(patience.connection, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) => tracing::debug!("a connection to the sign-in port ended badly"),
        Err(_) => tracing::debug!("a connection to the sign-in port took too long"),
    }
}

//! The accept loop: one task a connection, which dies at once when a fault says so.

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::ACCEPT_ENCODING;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::clock::http_date;
use crate::exchange::{Answer, Reply, Request};
use crate::tenant::{Tenant, lock};

/// The most a request body may hold, in bytes.
const MOST_BODY: usize = 1 << 20;

/// Why a tenant did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken, or there is no loopback.
    #[error("cannot listen on 127.0.0.1:{port}")]
    Listen {
        /// The port asked for.
        port: u16,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The tenant's own address is not a URL.
    #[error("cannot form the tenant's address")]
    Address(#[from] url::ParseError),
}

/// A fault: the connection is to be dropped without an answer.
#[derive(Debug, thiserror::Error)]
#[error("dropped by a fault")]
struct Dropped;

pub(crate) async fn listen(port: u16) -> Result<(TcpListener, u16), StartError> {
    let failed = |source| StartError::Listen { port, source };
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    Ok((listener, port))
}

pub(crate) async fn serve(listener: TcpListener, tenant: Arc<Tenant>, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let (tenant, stop) = (Arc::clone(&tenant), stop.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = connection(stream, tenant) => {}
                        () = stop.cancelled() => {}
                    }
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: others will close theirs.
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, tenant: Arc<Tenant>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let tenant = Arc::clone(&tenant);
        async move { exchange(&tenant, request).await }
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if let Err(error) = std::pin::Pin::new(&mut connection).await
        && error.is_user()
    {
        // With no time to linger the socket closes by RST, as a dying front end does it.
        let _ = connection.into_parts().io.into_inner().set_zero_linger();
    }
}

async fn exchange(
    tenant: &Tenant,
    request: http::Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Dropped> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, MOST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Ok(respond(tenant, Reply::empty(StatusCode::PAYLOAD_TOO_LARGE))),
    };
    let packs =
        head.headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            value.split(',').any(|coding| coding.trim().split(';').next() == Some("gzip"))
        });
    let request = Request {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body,
    };
    let number = (!request.path.starts_with("/_demo"))
        .then(|| lock(&tenant.log).arrived(&request, tenant.clock.now()));
    match tenant.answer(&request) {
        Answer::Reset => Err(Dropped),
        Answer::Reply(reply, delay) => {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            if let Some(number) = number {
                lock(&tenant.log).answered(number, reply.status.as_u16());
            }
            Ok(respond(tenant, if packs { packed(reply) } else { reply }))
        }
    }
}

fn respond(tenant: &Tenant, reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() = reply.status;
    let is_dated = reply.headers.iter().any(|(name, _)| *name == "date");
    let date = (!is_dated).then(|| ("date", http_date(tenant.clock.now())));
    for (name, value) in reply.headers.into_iter().chain(date) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// A body that is shorter goes into one packet as it is.
const LEAST_PACKED: usize = 1_400;

/// Packs a body, as Graph does for who asks for gzip.
fn packed(reply: Reply) -> Reply {
    if reply.body.len() < LEAST_PACKED {
        return reply;
    }
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    match packer.write_all(&reply.body).and_then(|()| packer.finish()) {
        Ok(body) => reply.body(body).with("content-encoding", "gzip").with("vary", "Accept-Encoding"),
        Err(_) => reply,
    }
}

/// Posts a form to `http://localhost:{port}` as a browser would, and gives the status of the answer.
///
/// # Errors
/// When nothing listens there, or what listens does not speak HTTP.
pub(crate) async fn post_form(port: u16, form: &str) -> std::io::Result<u16> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = match TcpStream::connect(("127.0.0.1", port)).await {
        Ok(stream) => stream,
        Err(_) => TcpStream::connect(("::1", port)).await?,
    };
    let head = format!(
        "POST / HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        form.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(form.as_bytes()).await?;
    let mut answer = Vec::new();
    let mut some = [0; 4_096];
    while !answer.windows(2).any(|pair| pair == b"\r\n") {
        match stream.read(&mut some).await? {
            0 => break,
            count => answer.extend_from_slice(&some[..count]),
        }
    }
    let line = String::from_utf8_lossy(&answer);
    let status =
        line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).and_then(|digits| digits.parse().ok());
    status.ok_or_else(|| std::io::Error::other("the redirect address does not speak HTTP"))
}

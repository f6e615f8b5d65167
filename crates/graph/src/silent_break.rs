//! A connection whose far leg has gone mute: nothing closes it, and nothing comes back on it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Method, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use time::OffsetDateTime;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use url::Url;

use crate::client::Client;
use crate::connection::Limits;
use crate::device::Route;
use crate::id::DeviceId;
use crate::pace::Pace;
use crate::send::SendOutcome;
use crate::token::{AccessToken, TokenError, TokenSource};
use crate::transport::Transport;

struct Token;

impl TokenSource for Token {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, TokenError>> {
        Box::pin(async { Ok(AccessToken::new("t".to_owned().into())) })
    }

    fn renew<'a>(
        &'a self,
        _: &'a AccessToken,
        _: Option<&'a str>,
    ) -> BoxFuture<'a, Result<AccessToken, TokenError>> {
        self.token()
    }
}

/// A Graph that speaks HTTP/2 over TLS, behind a forwarder.
struct Far {
    graph_url: Url,
    certificate: reqwest::Certificate,
    posts: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    /// The connections up to this one are mute.
    mute: watch::Sender<usize>,
    /// Whether a POST makes its connection mute before it is answered.
    mutes_posts: Arc<Mutex<bool>>,
}

impl Far {
    async fn start() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let certificate = reqwest::Certificate::from_der(made.cert.der()).unwrap();
        let (posts, connections) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (mute, _) = watch::channel(0);
        let mutes_posts = Arc::<Mutex<bool>>::default();
        let answer = {
            let (posts, connections, mute, mutes) =
                (Arc::clone(&posts), Arc::clone(&connections), mute.clone(), Arc::clone(&mutes_posts));
            move |method: &Method| {
                let is_post = *method == Method::POST;
                if is_post {
                    posts.fetch_add(1, Ordering::SeqCst);
                    if *mutes.lock().unwrap() {
                        mute.send_replace(connections.load(Ordering::SeqCst));
                    }
                }
                let body = if is_post { "" } else { r#"{"id":"me"}"# };
                let answer =
                    Response::builder().status(if is_post { 204 } else { 200 }).header("request-id", "r");
                Ok::<_, Infallible>(answer.body(Full::new(Bytes::from(body))).unwrap())
            }
        };
        let graph = serve(TlsAcceptor::from(Arc::new(config)), answer).await;
        let port = forward(graph, Arc::clone(&connections), mute.clone()).await;
        let graph_url = Url::parse(&format!("https://localhost:{port}/v1.0")).unwrap();
        Self { graph_url, certificate, posts, connections, mute, mutes_posts }
    }

    fn client(&self, limits: Limits) -> Client {
        let limits = Limits { trusted: Some(self.certificate.clone()), ..limits };
        let clock = Arc::new(OffsetDateTime::now_utc);
        let pace = Arc::new(Pace::new());
        let transport = Transport::with_limits(&self.graph_url, Arc::new(Token), clock, pace, limits);
        Client { transport: Arc::new(transport.unwrap()) }
    }

    /// Makes every connection mute that stands. Later ones are not.
    fn go_mute(&self) {
        self.mute.send_replace(self.connections.load(Ordering::SeqCst));
    }
}

async fn serve(
    acceptor: TlsAcceptor,
    answer: impl Fn(&Method) -> Result<Response<Full<Bytes>>, Infallible> + Clone + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, answer) = (acceptor.clone(), answer.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(move |request: http::Request<Incoming>| {
                    let answered = answer(request.method());
                    // A test makes the connection mute before the answer can be on it.
                    async move {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        answered
                    }
                });
                let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    at
}

/// Forwards connections to `graph`, each until it is mute: then it stays open, takes nothing and gives nothing.
async fn forward(graph: SocketAddr, connections: Arc<AtomicUsize>, mute: watch::Sender<usize>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let number = connections.fetch_add(1, Ordering::SeqCst) + 1;
            let (near_in, near_out) = near.into_split();
            let (far_in, far_out) = TcpStream::connect(graph).await.unwrap().into_split();
            tokio::spawn(pump(near_in, far_out, number, mute.subscribe()));
            tokio::spawn(pump(far_in, near_out, number, mute.subscribe()));
        }
    });
    port
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    number: usize,
    mut mute: watch::Receiver<usize>,
) {
    let mut piece = [0; 4_096];
    loop {
        tokio::select! {
            biased;
            true = async { mute.wait_for(|last| *last >= number).await.is_ok() } => std::future::pending::<()>().await,
            read = from.read(&mut piece) => match read {
                Ok(count) if count > 0 && to.write_all(&piece[..count]).await.is_ok() => {}
                _ => return,
            },
        }
    }
}

const NEVER: Duration = Duration::from_secs(3_600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_on_a_connection_that_went_mute_comes_back_within_seconds() {
    let far = Far::start().await;
    let pings = Limits {
        ping_after: Duration::from_millis(200),
        ping: Duration::from_millis(200),
        ..Limits::default()
    };
    let client = far.client(pings);
    client.me().await.unwrap();
    client.me().await.unwrap();
    assert_eq!(far.connections.load(Ordering::SeqCst), 1, "reads share a connection");
    far.go_mute();
    let begun = Instant::now();
    let reads = futures::future::join_all((0..4).map(|_| client.me())).await;
    assert!(reads.iter().all(Result::is_ok), "{reads:?}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());

    // It is noticed without a read, too, and the next read waits for nothing.
    far.go_mute();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    client.me().await.unwrap();
    assert!(begun.elapsed() < Duration::from_millis(400), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_timed_out_is_tried_once_more_on_a_new_connection() {
    let far = Far::start().await;
    let client =
        far.client(Limits { request: Duration::from_millis(500), ping_after: NEVER, ..Limits::default() });
    client.me().await.unwrap();
    far.go_mute();
    let begun = Instant::now();
    let reads = futures::future::join_all((0..4).map(|_| client.me())).await;
    assert!(reads.iter().all(Result::is_ok), "{reads:?}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    // Several that begin at the same time may begin a connection each; one of them stays.
    let before = far.connections.load(Ordering::SeqCst);
    client.me().await.unwrap();
    assert_eq!(far.connections.load(Ordering::SeqCst), before);

    // Where no connection answers, twice is all.
    far.mute.send_replace(usize::MAX);
    let begun = Instant::now();
    assert!(client.me().await.is_err());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(far.connections.load(Ordering::SeqCst), before + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_whose_connection_goes_mute_is_lost_and_never_repeated() {
    let far = Far::start().await;
    let limits = Limits {
        request: Duration::from_secs(1),
        ping_after: Duration::from_millis(100),
        ping: Duration::from_millis(100),
        ..Limits::default()
    };
    let client = far.client(limits);
    client.me().await.unwrap();
    *far.mutes_posts.lock().unwrap() = true;
    let sent = client.recover_passcode(&Route::Direct, &DeviceId::new("d").unwrap()).await;
    assert!(matches!(sent.outcome, SendOutcome::Lost(_)), "{sent:?}");
    client.me().await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(far.posts.load(Ordering::SeqCst), 1);
}

//! Tokens, a demo tenant with a client, and a server that answers bytes as told.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use unlatch_demo_tenant::{DemoTenant, Options, Pace, RecordedRequest};
use unlatch_graph::{
    AccessToken, Client, DetectedApp, Ended, Error, Found, ManagedDevice, Step, TokenError, TokenSource, User,
};
use url::Url;

/// Gives `first` until it is rejected, then what `next` says.
pub struct Tokens {
    current: Mutex<AccessToken>,
    next: Mutex<Vec<Result<AccessToken, TokenError>>>,
    /// The claims of each renewal.
    pub renewals: Mutex<Vec<Option<String>>>,
}

impl Tokens {
    pub fn new(first: &str, next: Vec<Result<&str, TokenError>>) -> Arc<Self> {
        let next = next.into_iter().rev().map(|token| token.map(token_of)).collect();
        Arc::new(Self {
            current: Mutex::new(token_of(first)),
            next: Mutex::new(next),
            renewals: Mutex::default(),
        })
    }

    pub fn renewed(&self) -> Vec<Option<String>> {
        self.renewals.lock().unwrap().clone()
    }
}

fn token_of(text: &str) -> AccessToken {
    AccessToken::new(text.to_owned().into())
}

impl TokenSource for Tokens {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, TokenError>> {
        async { Ok(self.current.lock().unwrap().clone()) }.boxed()
    }

    fn renew<'a>(
        &'a self,
        rejected: &'a AccessToken,
        claims: Option<&'a str>,
    ) -> BoxFuture<'a, Result<AccessToken, TokenError>> {
        async move {
            assert_eq!(*rejected, *self.current.lock().unwrap(), "only the token in use is rejected");
            self.renewals.lock().unwrap().push(claims.map(str::to_owned));
            let next = self
                .next
                .lock()
                .unwrap()
                .pop()
                .unwrap_or(Err(TokenError::SignInNeeded { claims: claims.map(str::to_owned) }));
            if let Ok(token) = &next {
                *self.current.lock().unwrap() = token.clone();
            }
            next
        }
        .boxed()
    }
}

/// Has no token to give.
pub struct NoTokens;

impl TokenSource for NoTokens {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, TokenError>> {
        futures::future::ready(Err(TokenError::SignInNeeded { claims: None })).boxed()
    }

    fn renew<'a>(
        &'a self,
        _: &'a AccessToken,
        _: Option<&'a str>,
    ) -> BoxFuture<'a, Result<AccessToken, TokenError>> {
        self.token()
    }
}

/// A demo tenant and a client of it.
pub async fn demo_with(options: Options) -> (DemoTenant, Client) {
    let tenant = DemoTenant::start(options).await.unwrap();
    let tokens = Tokens::new(&tenant.issue_access_token(), Vec::new());
    let client = Client::new(tenant.graph_url(), tokens, None).unwrap();
    (tenant, client)
}

pub async fn demo() -> (DemoTenant, Client) {
    demo_with(Options { pace: Pace::fast(), ..Options::default() }).await
}

pub fn posts(tenant: &DemoTenant) -> Vec<RecordedRequest> {
    tenant.requests().into_iter().filter(|request| request.method == "POST").collect()
}

/// What a found list comes down to in an assertion: how many, left out, complete.
pub fn shape<T>(found: &Found<T>) -> (usize, usize, bool) {
    (found.rows.len(), found.left_out, found.complete)
}

/// Keeps what a search tells.
#[derive(Default)]
pub struct Told(Mutex<Vec<Step>>);

impl Told {
    pub fn tell(&self) -> impl Fn(Step) + Send + Sync {
        |step| self.0.lock().unwrap().push(step)
    }

    pub fn steps(&self) -> Vec<Step> {
        self.0.lock().unwrap().clone()
    }

    /// All rows that were told, and how it ended.
    fn into_found(self, ended: Ended) -> Found<ManagedDevice> {
        let mut rows: Vec<ManagedDevice> = Vec::new();
        let mut left_out = 0;
        for step in self.0.into_inner().unwrap() {
            match step {
                Step::Rows(more) => {
                    assert!(!more.is_empty());
                    rows.extend(more);
                }
                Step::LeftOut(count) => left_out = count,
                Step::Progress { done, total } => assert!(done <= total),
            }
        }
        let ids: HashSet<_> = rows.iter().map(|row| &row.id).collect();
        assert_eq!(ids.len(), rows.len(), "each device once");
        assert_eq!(left_out, ended.left_out, "told as it ended");
        let Ended { left_out, complete, stopped_by, counted } = ended;
        Found { rows, left_out, complete, stopped_by, counted }
    }
}

pub async fn find_devices(client: &Client, text: &str) -> Result<Found<ManagedDevice>, Error> {
    let told = Told::default();
    let ended = client.find_devices(text, &told.tell()).await?;
    Ok(told.into_found(ended))
}

pub async fn devices_of(client: &Client, user: &User) -> Result<Found<ManagedDevice>, Error> {
    let told = Told::default();
    let ended = client.devices_of_user(user, &told.tell()).await?;
    Ok(told.into_found(ended))
}

pub async fn devices_with(client: &Client, app: &DetectedApp) -> Result<Found<ManagedDevice>, Error> {
    let told = Told::default();
    let ended = client.devices_with_app(app, &told.tell()).await?;
    Ok(told.into_found(ended))
}

/// What a server does with one request.
pub enum Reaction {
    /// Writes this and closes.
    Answer(Vec<u8>),
    /// Closes hard, without a word.
    Reset,
}

/// JSON of Graph's with status and extra headers, as bytes on the wire. It has a request id, the given one or `srv-1`.
pub fn json(status: u16, headers: &[(&str, &str)], body: &str) -> Reaction {
    if headers.iter().any(|(name, _)| *name == "request-id") {
        return between(status, headers, body);
    }
    between(status, &[headers, &[("request-id", "srv-1")]].concat(), body)
}

/// An answer without Graph's mark, as something between gives it, unless `headers` or `body` have one.
pub fn between(status: u16, headers: &[(&str, &str)], body: &str) -> Reaction {
    let mut head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    Reaction::Answer(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

pub fn error_body(code: &str, message: &str) -> String {
    serde_json::json!({"error": {"code": code, "message": message}}).to_string()
}

/// A server on loopback that keeps every byte it was sent.
pub struct Scripted {
    pub graph_url: Url,
    pub seen: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Scripted {
    /// `script` is given the number of the request, from 0, and its head.
    pub async fn start(script: impl Fn(usize, &str) -> Reaction + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let graph_url = Url::parse(&format!("http://{}/v1.0", listener.local_addr().unwrap())).unwrap();
        let seen: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let (kept, script, count) = (Arc::clone(&seen), Arc::new(script), Arc::new(AtomicUsize::new(0)));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (kept, script, count) = (Arc::clone(&kept), Arc::clone(&script), Arc::clone(&count));
                tokio::spawn(async move {
                    let Some(request) = read_request(&mut stream).await else { return };
                    let head = String::from_utf8_lossy(&request).into_owned();
                    kept.lock().unwrap().push(request);
                    match script(count.fetch_add(1, Ordering::SeqCst), &head) {
                        Reaction::Answer(bytes) => {
                            let _ = stream.write_all(&bytes).await;
                            let _ = stream.shutdown().await;
                        }
                        Reaction::Reset => {
                            let _ = stream.set_zero_linger();
                        }
                    }
                });
            }
        });
        Self { graph_url, seen }
    }

    pub fn client(&self) -> Client {
        self.client_with(Tokens::new("first-token", vec![Ok("second-token")]))
    }

    pub fn client_with(&self, tokens: Arc<dyn TokenSource>) -> Client {
        Client::new(&self.graph_url, tokens, None).unwrap()
    }

    pub fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }
}

/// Reads up to the end of the head, and whatever came with it.
async fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => request.extend_from_slice(&piece[..count]),
        }
    }
    Some(request)
}

/// The request id that an error tells.
pub fn has_request_id(error: &Error) -> bool {
    error.request_id().is_some_and(|id| !id.is_empty())
}

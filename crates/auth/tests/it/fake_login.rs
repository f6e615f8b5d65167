//! A login server whose answers a test writes itself, for what the demo tenant does not do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use unlatch_auth::{Browser, Cloud, Registration};
use url::Url;

use crate::browser::field;

pub const TENANT: &str = "11111111-2222-3333-4444-555555555555";
pub const CLIENT: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

pub type Fields = HashMap<String, String>;
type TokenAnswer = Box<dyn FnMut(&Fields, &str) -> (u16, String) + Send>;

/// Runs until it is dropped.
pub struct FakeLogin {
    pub url: Url,
    shared: Arc<Shared>,
    server: tokio::task::JoinHandle<()>,
}

struct Shared {
    base: Url,
    /// Replaces the metadata if set.
    metadata: Mutex<Option<(u16, String)>>,
    device_code: Mutex<Value>,
    token: Mutex<TokenAnswer>,
    nonce: Mutex<String>,
    seen: Mutex<Vec<Fields>>,
}

impl FakeLogin {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let shared = Arc::new(Shared {
            base: url.clone(),
            metadata: Mutex::default(),
            device_code: Mutex::default(),
            token: Mutex::new(Box::new(|_, nonce| (200, tokens(nonce, &json!({})).to_string()))),
            nonce: Mutex::default(),
            seen: Mutex::default(),
        });
        let router = Router::new()
            .route("/{tenant}/v2.0/.well-known/openid-configuration", get(metadata))
            .route("/{tenant}/oauth2/v2.0/token", post(token))
            .route("/{tenant}/oauth2/v2.0/devicecode", post(device_code))
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, server }
    }

    /// Answers the token endpoint from now on; the second argument is the nonce of the sign-in.
    pub fn on_token(&self, answer: impl FnMut(&Fields, &str) -> (u16, String) + Send + 'static) {
        *self.shared.token.lock().unwrap() = Box::new(answer);
    }

    pub fn set_metadata(&self, status: u16, body: impl Into<String>) {
        *self.shared.metadata.lock().unwrap() = Some((status, body.into()));
    }

    /// The metadata without a sign-in by code and without a sign-out.
    pub fn offer_only_signing_in(&self) {
        let mut document = document(&self.url, &self.url.join(TENANT).unwrap());
        let fields = document.as_object_mut().unwrap();
        fields.remove("device_authorization_endpoint").unwrap();
        fields.remove("end_session_endpoint").unwrap();
        self.set_metadata(200, document.to_string());
    }

    pub fn set_device_code(&self, answer: Value) {
        *self.shared.device_code.lock().unwrap() = answer;
    }

    /// The forms the token endpoint got.
    pub fn seen(&self) -> Vec<Fields> {
        self.shared.seen.lock().unwrap().clone()
    }

    pub fn registration(&self) -> Registration {
        let graph = self.url.join("/graph/v1.0").unwrap();
        let cloud = Cloud::custom(self.url.clone(), graph).unwrap();
        Registration::new(cloud, TENANT, CLIENT).unwrap()
    }
}

impl Drop for FakeLogin {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Hands a code over as soon as the address is opened.
impl Browser for FakeLogin {
    fn open(&self, url: &Url) -> Result<(), String> {
        *self.shared.nonce.lock().unwrap() = field(url, "nonce").unwrap();
        let redirect = field(url, "redirect_uri").unwrap();
        let fields = [("code", "a-code".to_owned()), ("state", field(url, "state").unwrap())];
        tokio::spawn(async move {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            client.post(redirect).form(&fields).send().await.unwrap();
        });
        Ok(())
    }
}

/// A whole answer of the token endpoint; the members of `changes` replace its own, null takes one out, and those of its
/// member `claims` do the same within the id token.
pub fn tokens(nonce: &str, changes: &Value) -> Value {
    let mut claims = json!({
        "aud": CLIENT, "tid": TENANT, "oid": "0b1ec700-0000-0000-0000-000000000001", "nonce": nonce,
        "exp": 4_102_444_800_i64, "preferred_username": "alma@contoso.example", "name": "Alma",
    });
    merge(&mut claims, &changes["claims"]);
    let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
    let mut answer = json!({
        "token_type": "Bearer", "scope": "openid", "expires_in": 3600,
        "access_token": "access-one", "refresh_token": "refresh-one",
        "id_token": format!("e30.{payload}.c2ln"),
    });
    merge(&mut answer, changes);
    answer.as_object_mut().unwrap().remove("claims");
    answer
}

fn merge(into: &mut Value, changes: &Value) {
    for (key, value) in changes.as_object().into_iter().flatten() {
        if value.is_null() {
            into.as_object_mut().unwrap().remove(key);
        } else {
            into[key] = value.clone();
        }
    }
}

async fn metadata(State(shared): State<Arc<Shared>>, Path(tenant): Path<String>) -> Response {
    if let Some((status, body)) = shared.metadata.lock().unwrap().clone() {
        return json_answer(status, body);
    }
    let base = shared.base.join(&tenant).unwrap();
    json_answer(200, document(&shared.base, &base).to_string())
}

fn document(login: &Url, base: &Url) -> Value {
    json!({
        "issuer": format!("{login}{TENANT}/v2.0"),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
        "end_session_endpoint": format!("{base}/oauth2/v2.0/logout"),
    })
}

async fn device_code(State(shared): State<Arc<Shared>>) -> Response {
    json_answer(200, shared.device_code.lock().unwrap().to_string())
}

async fn token(State(shared): State<Arc<Shared>>, Form(fields): Form<Fields>) -> Response {
    shared.seen.lock().unwrap().push(fields.clone());
    let nonce = shared.nonce.lock().unwrap().clone();
    let (status, body) = (shared.token.lock().unwrap())(&fields, &nonce);
    json_answer(status, body)
}

fn json_answer(status: u16, body: String) -> Response {
    (StatusCode::from_u16(status).unwrap(), [("content-type", "application/json")], body).into_response()
}

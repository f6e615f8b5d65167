//! Which request is the answer. Everything else is turned away and the wait goes on.

use std::convert::Infallible;
use std::sync::Mutex;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, PRAGMA, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::Answer;
use super::page::{ClosingPage, content_security_policy};

/// The most a form may hold, in bytes.
const LARGEST_FORM: usize = 64 * 1024;

/// Lets one request through: a form posted to `/` with the right `state`.
pub(crate) struct Gate {
    host: String,
    state: SecretString,
    issuer: String,
    page: String,
    policy: String,
    answer: Mutex<Option<oneshot::Sender<Answer>>>,
}

/// Why a request is not the answer, as the status it gets.
type Refusal = StatusCode;

impl Gate {
    pub(crate) fn new(
        port: u16,
        state: &str,
        issuer: &str,
        page: &ClosingPage,
        answer: oneshot::Sender<Answer>,
    ) -> Self {
        Self {
            host: format!("localhost:{port}"),
            state: state.to_owned().into(),
            issuer: issuer.to_owned(),
            page: page.html(),
            policy: content_security_policy(),
            answer: Mutex::new(Some(answer)),
        }
    }

    pub(crate) async fn pass(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let response = match self.answer_in(request).await {
            Ok(()) => self.closing_page(),
            Err(status) => {
                tracing::warn!(status = status.as_u16(), "a request to the sign-in port was turned away");
                self.refusal(status)
            }
        };
        Ok(response)
    }

    async fn answer_in(&self, request: Request<Incoming>) -> Result<(), Refusal> {
        let headers = request.headers();
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok()).unwrap_or_default();
        if hosts.next().is_some() || !self.host.eq_ignore_ascii_case(host) {
            return Err(StatusCode::MISDIRECTED_REQUEST);
        }
        if request.uri().path() != "/" {
            return Err(StatusCode::NOT_FOUND);
        }
        // A code in a GET would stay in the browser's history.
        if request.method() != Method::POST {
            return Err(StatusCode::METHOD_NOT_ALLOWED);
        }
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        let body = Limited::new(request.into_body(), LARGEST_FORM).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                StatusCode::PAYLOAD_TOO_LARGE
            } else {
                StatusCode::BAD_REQUEST
            }
        })?;
        let body = Zeroizing::new(body.to_bytes().to_vec());
        let answer = self.read(&body)?;
        let sender = self.answer.lock().ok().and_then(|mut sender| sender.take()).ok_or(StatusCode::GONE)?;
        sender.send(answer).map_err(|_| StatusCode::GONE)
    }

    fn read(&self, body: &[u8]) -> Result<Answer, Refusal> {
        let mut form = Form::default();
        for (key, value) in url::form_urlencoded::parse(body) {
            let field = match key.as_ref() {
                "state" => &mut form.state,
                "iss" => &mut form.issuer,
                "code" => &mut form.code,
                "error" => &mut form.error,
                "error_subcode" => &mut form.subcode,
                "error_description" => &mut form.description,
                _ => continue,
            };
            // A field given twice is nobody's honest answer.
            if field.replace(Zeroizing::new(value.into_owned())).is_some() {
                return Err(StatusCode::BAD_REQUEST);
            }
        }
        let told = form.state.ok_or(StatusCode::BAD_REQUEST)?;
        if !bool::from(told.as_bytes().ct_eq(self.state.expose_secret().as_bytes())) {
            return Err(StatusCode::BAD_REQUEST);
        }
        // Entra does not name itself; who does must be the one that was asked (RFC 9207).
        if form.issuer.is_some_and(|issuer| *issuer != self.issuer) {
            return Err(StatusCode::BAD_REQUEST);
        }
        match (form.code, form.error) {
            (Some(code), None) if !code.is_empty() => Ok(Answer::Code(code.as_str().into())),
            (None, Some(error)) if !error.is_empty() => Ok(Answer::Error {
                error: error.to_string(),
                subcode: form.subcode.map(|text| text.to_string()),
                description: form.description.map(|text| text.to_string()),
            }),
            _ => Err(StatusCode::BAD_REQUEST),
        }
    }

    fn closing_page(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::from(self.page.clone()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        self.hardened(response)
    }

    fn refusal(&self, status: StatusCode) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        *response.status_mut() = status;
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        }
        self.hardened(response)
    }

    fn hardened(&self, mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Ok(policy) = HeaderValue::from_str(&self.policy) {
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}

#[derive(Default)]
struct Form {
    state: Option<Zeroizing<String>>,
    issuer: Option<Zeroizing<String>>,
    code: Option<Zeroizing<String>>,
    error: Option<Zeroizing<String>>,
    subcode: Option<Zeroizing<String>>,
    description: Option<Zeroizing<String>>,
}

//! A client for the tenant and the few calls most tests make.

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use unlatch_demo_tenant::{DemoTenant, Options, Pace};

pub struct Bench {
    pub tenant: DemoTenant,
    pub http: Client,
    pub token: String,
}

pub fn quick() -> Options {
    Options { pace: Pace::fast(), ..Options::default() }
}

impl Bench {
    pub async fn start() -> Self {
        Self::with(quick()).await
    }

    pub async fn with(options: Options) -> Self {
        let tenant = DemoTenant::start(options).await.unwrap();
        let token = tenant.issue_access_token();
        let http = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .unwrap();
        Self { tenant, http, token }
    }

    pub fn graph(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.tenant.graph_url()))
            .bearer_auth(&self.token)
            .header("accept", "application/json")
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        read(self.graph(Method::GET, path).send().await.unwrap()).await
    }

    /// The rows of a page that must be answered.
    pub async fn rows(&self, path: &str) -> Vec<Value> {
        let (status, body) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body["value"].as_array().unwrap().clone()
    }

    pub async fn post(&self, path: &str) -> Response {
        self.graph(Method::POST, path).header("content-length", "0").send().await.unwrap()
    }

    pub async fn recover(&self, device: &str) -> Response {
        self.post(&format!("/deviceManagement/managedDevices/{device}/recoverPasscode")).await
    }

    pub fn login(&self, path: &str) -> String {
        format!("{}/{}{path}", self.tenant.login_url(), self.tenant.tenant_id())
    }
}

pub async fn read(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

pub fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

//! A sign-in service that somebody else made: `oidc-provider`, in a process of its own (`tests/foreign/server.mjs`).

use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use unlatch_auth::{Account, Cloud, Registration};
use url::Url;

use crate::fake_login::{CLIENT, TENANT};

/// Runs until it is dropped.
pub struct ForeignLogin {
    pub url: Url,
    people: Vec<Person>,
    http: reqwest::Client,
    /// It ends when this closes, even if this process is killed.
    _stdin: ChildStdin,
    _process: Child,
}

#[derive(Deserialize)]
struct Ready {
    port: u16,
    people: Vec<Person>,
}

#[derive(Deserialize)]
struct Person {
    upn: String,
    name: String,
    oid: String,
}

/// A request to the token endpoint, as the server saw it.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct TokenRequest {
    pub grant: String,
    pub error: Option<String>,
}

impl ForeignLogin {
    /// Its access tokens are good for so long.
    pub async fn start(access: Duration) -> Self {
        let mut process = Command::new("node")
            .arg("tests/foreign/server.mjs")
            .env("UNLATCH_FOREIGN_TENANT", TENANT)
            .env("UNLATCH_FOREIGN_CLIENT", CLIENT)
            .env("UNLATCH_FOREIGN_ACCESS_SECONDS", access.as_secs().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
        let Ready { port, people } = serde_json::from_str(&line).unwrap();
        let url = Url::parse(&format!("http://127.0.0.1:{port}")).unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { url, people, http, _stdin: process.stdin.take().unwrap(), _process: process }
    }

    pub fn registration(&self) -> Registration {
        let cloud = Cloud::custom(self.url.clone(), self.url.join("/v1.0").unwrap()).unwrap();
        Registration::new(cloud, TENANT, CLIENT).unwrap()
    }

    /// Graph, as a resource that tokens are for.
    pub fn graph(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// The first person the server knows.
    pub fn somebody(&self) -> Account {
        let Person { upn, name, oid } = &self.people[0];
        Account {
            tenant_id: TENANT.into(),
            object_id: oid.clone(),
            username: upn.clone(),
            name: name.clone(),
        }
    }

    /// The requests of that grant so far.
    pub async fn token_requests(&self, grant: &str) -> Vec<TokenRequest> {
        let answer = self.http.get(self.url.join("/_control/token-requests").unwrap()).send().await.unwrap();
        let all: Vec<TokenRequest> = answer.json().await.unwrap();
        all.into_iter().filter(|request| request.grant == grant).collect()
    }

    /// Access tokens that are issued from now on are good for so long.
    pub async fn set_access(&self, access: Duration) {
        let url = self.url.join("/_control/access-seconds").unwrap();
        self.http.post(url).body(access.as_secs().to_string()).send().await.unwrap();
    }

    /// What the server says about a token (RFC 7662).
    pub async fn introspected(&self, token: &str) -> Value {
        self.post("token/introspection", &[("token", token)]).await
    }

    /// Whether the server would take that token. A refresh token that was used is none that it would.
    pub async fn takes(&self, token: &str) -> bool {
        self.introspected(token).await["active"].as_bool().unwrap()
    }

    /// Uses a refresh token behind the client's back.
    pub async fn refresh(&self, token: &str) -> Value {
        self.post("token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Value {
        let url = self.url.join(&format!("/{TENANT}/v2.0/{path}")).unwrap();
        let fields: Vec<_> = fields.iter().copied().chain([("client_id", CLIENT)]).collect();
        self.http.post(url).form(&fields).send().await.unwrap().json().await.unwrap()
    }
}

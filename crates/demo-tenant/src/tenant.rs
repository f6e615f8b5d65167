//! The tenant's whole state, and the way of a request through it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode};
use url::Url;

use crate::clock::Clock;
use crate::control;
use crate::data::Store;
use crate::entra::{self, Access, Ledger};
use crate::exchange::{Answer, Reply, Request};
use crate::faults::{FaultKind, Faults, Part, Struck};
use crate::generate::{self, Stream};
use crate::graph::{self, Throttle};
use crate::options::Options;
use crate::record::RequestLog;
use crate::server::StartError;

/// Where Graph begins.
const GRAPH: &str = "/graph/v1.0";

#[derive(Debug)]
pub(crate) struct Tenant {
    pub(crate) options: Options,
    pub(crate) clock: Clock,
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub(crate) origin: String,
    pub(crate) login_url: Url,
    pub(crate) graph_url: Url,
    pub(crate) tenant_id: String,
    pub(crate) client_id: String,
    pub(crate) store: Mutex<Store>,
    pub(crate) ledger: Mutex<Ledger>,
    pub(crate) throttle: Mutex<Throttle>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) log: Mutex<RequestLog>,
}

/// Locks; a panic elsewhere while it was held does not make the data useless.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tenant {
    pub(crate) fn new(options: Options, port: u16) -> Result<Self, StartError> {
        let clock = Clock::start();
        let mut rng = generate::stream(options.seed, Stream::Tenant, 0);
        let origin = format!("http://127.0.0.1:{port}");
        let mut ledger = Ledger::default();
        ledger.consents.set(options.consent);
        if let Some(token) = &options.access_token {
            ledger.accept(token, clock.now());
        }
        Ok(Self {
            login_url: Url::parse(&format!("{origin}/login"))?,
            graph_url: Url::parse(&format!("{origin}{GRAPH}"))?,
            tenant_id: generate::guid(&mut rng),
            client_id: generate::guid(&mut rng),
            store: Mutex::new(Store::new(generate::directory(&options, clock.now()))),
            ledger: Mutex::new(ledger),
            throttle: Mutex::default(),
            faults: Mutex::default(),
            log: Mutex::default(),
            options,
            clock,
            origin,
        })
    }

    /// What stands behind the request's bearer, if it is known and has not expired.
    pub(crate) fn access(&self, request: &Request) -> Option<Access> {
        let now = self.clock.now();
        lock(&self.ledger).access.get(request.bearer()?).filter(|access| access.expires > now).cloned()
    }

    pub(crate) fn answer(&self, request: &Request) -> Answer {
        let Some(segments) = request.segments() else {
            return now(Reply::empty(StatusCode::BAD_REQUEST));
        };
        match segments.split_first() {
            Some((first, rest)) if first == "_demo" => now(control::answer(self, request, rest)),
            Some((first, rest)) if first == "login" => self.recorded(request, Part::Login, |struck| {
                let fault = struck.instead.as_ref().map(|instead| &instead.kind);
                match fault.filter(|kind| !matches!(kind, FaultKind::LoginError { .. })) {
                    Some(kind) => entra::fault(self, kind),
                    None => entra::answer(self, request, rest, struck),
                }
            }),
            Some((first, [version, rest @ ..])) if first == "graph" && version == "v1.0" => {
                self.recorded(request, Part::Graph, |struck| graph::answer(self, request, rest, struck))
            }
            _ => self.recorded(request, Part::Graph, |_| Reply::empty(StatusCode::NOT_FOUND)),
        }
    }

    fn recorded(&self, request: &Request, part: Part, handle: impl FnOnce(&Struck) -> Reply) -> Answer {
        let length_missing = part == Part::Graph
            && !matches!(request.method, Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS)
            && !request.states_its_length();
        if length_missing {
            // Microsoft's front end answers this before anything behind it sees the request.
            return now(
                Reply::html(
                    StatusCode::LENGTH_REQUIRED,
                    "<!DOCTYPE HTML><HTML><HEAD><TITLE>Length Required</TITLE></HEAD><BODY><h2>Length Required</h2><hr><p>HTTP Error 411. The request must be chunked or have a content length.</p></BODY></HTML>".to_owned(),
                )
                .with("connection", "close"),
            );
        }
        let claims = match part {
            Part::Graph => self.access(request).and_then(|access| access.claims),
            Part::Login => None,
        };
        let page = graph::page_number(request);
        let struck = lock(&self.faults).strike(request, part, page, claims.as_deref());
        if struck.instead.as_ref().is_some_and(|instead| matches!(instead.kind, FaultKind::ResetBefore)) {
            return Answer::Reset;
        }
        let reply = handle(&struck);
        if struck.reset_after { Answer::Reset } else { Answer::Reply(reply, struck.delay) }
    }
}

fn now(reply: Reply) -> Answer {
    Answer::Reply(reply, Duration::ZERO)
}

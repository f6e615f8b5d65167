//! Faults that can be switched on: what they match and how often. What they do is in `kind.rs`.

mod kind;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub(crate) use kind::between;
pub use kind::{FaultKind, IntermediaryBody, RetryAfter};

use crate::exchange::{Request, percent_decode};

/// A fault. As JSON: `{"kind":"status","status":503,"matches":{"path_contains":"recoverPasscode"},"times":1}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Which requests it strikes.
    #[serde(default)]
    pub matches: Matches,
    /// How often it strikes; without a number, until it is cleared.
    #[serde(default)]
    pub times: Option<u32>,
    /// How many matching requests pass before it strikes for the first time.
    #[serde(default)]
    pub after: u32,
    /// From then on it strikes the first of this many matching requests and lets the others pass; without a
    /// number, or with 0, it strikes each.
    #[serde(default)]
    pub every: Option<u32>,
    /// What it does.
    #[serde(flatten)]
    pub kind: FaultKind,
}

impl Fault {
    /// A fault on every request of the part it speaks of, until it is cleared.
    #[must_use]
    pub fn new(kind: FaultKind) -> Self {
        Self { matches: Matches::default(), times: None, after: 0, every: None, kind }
    }

    /// Strikes only requests of this method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.matches.method = Some(method.to_owned());
        self
    }

    /// Strikes only requests whose path and query contain this text, encoded or decoded.
    #[must_use]
    pub fn path_contains(mut self, text: &str) -> Self {
        self.matches.path_contains = Some(text.to_owned());
        self
    }

    /// Strikes only requests that name this device in their path.
    #[must_use]
    pub fn device(mut self, id: &str) -> Self {
        self.matches.device_id = Some(id.to_owned());
        self
    }

    /// Strikes this often and no more.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Lets this many matching requests pass first.
    #[must_use]
    pub fn after(mut self, passes: u32) -> Self {
        self.after = passes;
        self
    }

    /// Strikes the 1st, the n+1st, the 2n+1st … of the requests it does not let pass first.
    #[must_use]
    pub fn every(mut self, n: u32) -> Self {
        self.every = Some(n);
        self
    }
}

/// Which requests a fault strikes. All that is given must hold. Without `path_contains` a fault strikes
/// Graph only, and [`FaultKind::LoginError`] the token endpoint only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matches {
    /// The method, in any case.
    #[serde(default)]
    pub method: Option<String>,
    /// A text in path and query, encoded or decoded.
    #[serde(default)]
    pub path_contains: Option<String>,
    /// A managed-device id that is a whole segment of the path.
    #[serde(default)]
    pub device_id: Option<String>,
}

/// The part of the tenant a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Login,
    Graph,
}

/// All the faults that strike one request.
#[derive(Debug, Default)]
pub(crate) struct Struck {
    /// Answered instead of the real thing.
    pub(crate) instead: Option<Instead>,
    pub(crate) reset_after: bool,
    pub(crate) delay: Duration,
    pub(crate) ignore_filter: bool,
    pub(crate) next_link: Option<BrokenLink>,
}

#[derive(Debug)]
pub(crate) struct Instead {
    pub(crate) kind: FaultKind,
    /// The claims a challenge asks for.
    pub(crate) claims: String,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum BrokenLink {
    Foreign,
    Bad,
}

#[derive(Debug, Default)]
pub(crate) struct Faults {
    armed: Vec<Armed>,
    challenges: i64,
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    seen: u32,
    struck: u32,
    claims: String,
}

impl Armed {
    fn is_spent(&self) -> bool {
        self.fault.times.is_some_and(|times| self.struck >= times)
    }
}

/// A request as faults look at it, decoded once for all of them.
struct Asked<'a> {
    request: &'a Request,
    part: Part,
    segments: Vec<String>,
    /// Path and query as they arrived.
    raw: String,
    /// The same percent-decoded, if that is text.
    plain: Option<String>,
}

impl<'a> Asked<'a> {
    fn of(request: &'a Request, part: Part) -> Self {
        let raw = format!("{}?{}", request.path, request.query);
        let plain = percent_decode(&raw);
        Self { request, part, segments: request.segments().unwrap_or_default(), raw, plain }
    }
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault, now: OffsetDateTime) {
        self.challenges += 1;
        let not_before = now.unix_timestamp() + self.challenges;
        let claims = format!(r#"{{"access_token":{{"nbf":{{"essential":true,"value":"{not_before}"}}}}}}"#);
        self.armed.push(Armed { fault, seen: 0, struck: 0, claims });
    }

    pub(crate) fn clear(&mut self) {
        self.armed.clear();
    }

    pub(crate) fn all(&self) -> Vec<Fault> {
        self.armed.iter().map(|armed| armed.fault.clone()).collect()
    }

    /// Finds what strikes the request and counts it. `page` is the page of a collection the request asks for,
    /// `token_claims` what its bearer was obtained with.
    pub(crate) fn strike(
        &mut self,
        request: &Request,
        part: Part,
        page: u32,
        token_claims: Option<&str>,
    ) -> Struck {
        let mut struck = Struck::default();
        if self.armed.is_empty() {
            return struck;
        }
        let asked = Asked::of(request, part);
        for armed in self.armed.iter_mut().filter(|armed| !armed.is_spent()) {
            let instead = armed.fault.kind.answers_instead();
            if instead && struck.instead.is_some()
                || !armed.fault.matches(&asked)
                || !armed.fault.kind.concerns(request, page)
                || matches!(armed.fault.kind, FaultKind::ClaimsChallenge)
                    && token_claims.is_some_and(|claims| satisfies(claims, &armed.claims))
            {
                continue;
            }
            armed.seen = armed.seen.saturating_add(1);
            if !armed.fault.has_its_turn(armed.seen) {
                continue;
            }
            armed.struck = armed.struck.saturating_add(1);
            match &armed.fault.kind {
                FaultKind::ResetAfter => struck.reset_after = true,
                FaultKind::Slow { millis } => struck.delay += Duration::from_millis(*millis),
                FaultKind::IgnoreFilter => struck.ignore_filter = true,
                FaultKind::ForeignNextLink => struck.next_link = Some(BrokenLink::Foreign),
                FaultKind::BadNextLink => struck.next_link = Some(BrokenLink::Bad),
                kind => struck.instead = Some(Instead { kind: kind.clone(), claims: armed.claims.clone() }),
            }
        }
        struck
    }
}

/// Whether a token obtained with `given` claims answers a challenge for `asked`, the `nbf` of which is unique.
fn satisfies(given: &str, asked: &str) -> bool {
    let not_before = |text: &str| {
        let claims = serde_json::from_str::<serde_json::Value>(text).ok()?;
        claims.pointer("/access_token/nbf/value")?.as_str().map(str::to_owned)
    };
    not_before(asked).is_some_and(|value| not_before(given) == Some(value))
}

impl Fault {
    /// Whether it strikes the request that is the `seen`th it matches.
    fn has_its_turn(&self, seen: u32) -> bool {
        let place = seen.checked_sub(self.after).filter(|place| *place > 0);
        place.is_some_and(|place| (place - 1).is_multiple_of(self.every.unwrap_or(1).max(1)))
    }

    fn matches(&self, asked: &Asked<'_>) -> bool {
        let Matches { method, path_contains, device_id } = &self.matches;
        if method.as_ref().is_some_and(|method| !method.eq_ignore_ascii_case(asked.request.method.as_str())) {
            return false;
        }
        if let Some(id) = device_id {
            let named = asked.segments.iter().any(|segment| segment == id);
            if !named {
                return false;
            }
        }
        match path_contains {
            Some(text) => {
                asked.raw.contains(text) || asked.plain.as_ref().is_some_and(|plain| plain.contains(text))
            }
            None if matches!(self.kind, FaultKind::LoginError { .. }) => {
                asked.part == Part::Login && asked.request.path.ends_with("/token")
            }
            None => asked.part == Part::Graph,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: http::Method, path: &str) -> Request {
        Request {
            method,
            path: path.to_owned(),
            query: String::new(),
            headers: http::HeaderMap::new(),
            body: bytes::Bytes::new(),
        }
    }

    #[test]
    fn a_fault_reads_from_flat_json() {
        let text = r#"{"kind":"too_many_requests","retry_after":{"fraction":0.249},"times":2,"matches":{"method":"post"}}"#;
        let fault: Fault = serde_json::from_str(text).unwrap();
        let expected = Fault::new(FaultKind::TooManyRequests { retry_after: RetryAfter::Fraction(0.249) });
        assert_eq!(fault, expected.times(2).method("post"));
        let plain: Fault = serde_json::from_str(r#"{"kind":"role_denied_401"}"#).unwrap();
        assert_eq!(plain, Fault::new(FaultKind::RoleDenied401));
        let now_and_then: Fault = serde_json::from_str(r#"{"kind":"reset_after","every":50}"#).unwrap();
        assert_eq!(now_and_then, Fault::new(FaultKind::ResetAfter).every(50));
    }

    #[test]
    fn a_fault_waits_for_its_turn_and_then_strikes_as_often_as_told() {
        let mut faults = Faults::default();
        faults.add(Fault::new(FaultKind::ResetBefore).after(1).times(2), OffsetDateTime::UNIX_EPOCH);
        let get = request(http::Method::GET, "/graph/v1.0/me");
        let struck: Vec<bool> =
            (0..5).map(|_| faults.strike(&get, Part::Graph, 1, None).instead.is_some()).collect();
        assert_eq!(struck, [false, true, true, false, false]);
    }

    #[test]
    fn a_fault_strikes_one_of_every_so_many_from_its_turn_on() {
        let get = request(http::Method::GET, "/graph/v1.0/me");
        let post = request(http::Method::POST, "/graph/v1.0/me");
        let struck = |fault: Fault| -> Vec<usize> {
            let mut faults = Faults::default();
            faults.add(fault.method("GET"), OffsetDateTime::UNIX_EPOCH);
            let mut strikes = |request| faults.strike(request, Part::Graph, 1, None).instead.is_some();
            (1..=12).filter(|_| !strikes(&post) && strikes(&get)).collect()
        };
        let fault = || Fault::new(FaultKind::ResetBefore);
        assert_eq!(struck(fault().every(4)), [1, 5, 9]);
        assert_eq!(struck(fault().after(2).every(4)), [3, 7, 11]);
        assert_eq!(struck(fault().after(2).every(4).times(2)), [3, 7]);
        assert_eq!(struck(fault().every(1).times(2)), [1, 2]);
        assert_eq!(struck(fault().every(0).times(2)), [1, 2]);
    }

    #[test]
    fn a_graph_fault_leaves_the_sign_in_alone_unless_its_path_says_otherwise() {
        let mut faults = Faults::default();
        faults.add(Fault::new(FaultKind::ExpiredToken), OffsetDateTime::UNIX_EPOCH);
        let token = request(http::Method::POST, "/login/t/oauth2/v2.0/token");
        assert!(faults.strike(&token, Part::Login, 1, None).instead.is_none());
        faults.add(Fault::new(FaultKind::ResetBefore).path_contains("/token"), OffsetDateTime::UNIX_EPOCH);
        assert!(faults.strike(&token, Part::Login, 1, None).instead.is_some());
    }
}

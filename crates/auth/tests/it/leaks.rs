//! No secret shows: in anything logged at TRACE by any crate, nor in the Debug or Display of anything public.

use std::fmt::{self, Write as _};
use std::sync::{Mutex, Once, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use unlatch_auth::{Session, Vault, sign_in};
use unlatch_demo_tenant::{Fault, FaultKind};
use unlatch_graph::TokenSource as _;

use crate::browser::{TestBrowser, demo, options, registration};

static LOGGED: Mutex<String> = Mutex::new(String::new());
static CAPTURE: Once = Once::new();

fn note(text: &str) {
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    logged.push_str(text);
    logged.push('\n');
}

struct Capture;

#[derive(Default)]
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, " {field}={value}");
    }
}

impl Subscriber for Capture {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::default();
        span.record(&mut fields);
        note(&format!("{}{}", span.metadata().name(), fields.0));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        note(&fields.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        note(&format!("{}{}", event.metadata().target(), fields.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl log::Log for Capture {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        note(&format!("{} {}", record.target(), record.args()));
    }

    fn flush(&self) {}
}

/// Collects what every thread logs, from now to the end of the process.
fn capture() {
    CAPTURE.call_once(|| {
        tracing::subscriber::set_global_default(Capture).unwrap();
        log::set_logger(&Capture).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
}

#[tokio::test]
async fn no_secret_shows_in_logs_at_trace_or_in_what_is_printed() {
    capture();
    let tenant = demo().await;
    let registration = registration(&tenant);
    let browser = TestBrowser::admin();
    let mut shown = String::new();

    let signed_in = sign_in(&registration, &browser, options()).await.unwrap();
    let _ = write!(shown, "{signed_in:?}");
    let vault = Vault::memory();
    let session = Session::begin(registration.clone(), vault.clone(), signed_in).await;
    let first = session.token().await.unwrap();
    let second = session.renew(&first, Some("{\"marked-claims\":1}")).await.unwrap();
    let _ = write!(shown, "{session:?} {vault:?} {second:?} {:?}", session.account());

    tenant.add_fault(Fault::new(FaultKind::MalformedJson).path_contains("/token"));
    let malformed = session.renew(&second, None).await.unwrap_err();
    let at_sign_in = sign_in(&registration, &browser, options()).await.unwrap_err();
    let _ = write!(shown, "{malformed:?} {malformed} {at_sign_in:?} {at_sign_in}");
    tenant.clear_faults();

    let restored = Session::restore(registration.clone(), vault).await.unwrap().unwrap();
    tenant.revoke_refresh_tokens();
    let refused = restored.token().await.unwrap_err();
    let ended = restored.ended().borrow().clone();
    let _ = write!(shown, "{restored:?} {refused:?} {refused} {ended:?} {:?}", session.ended());

    let logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(logged.contains("unlatch_auth"), "the capture captures");
    assert!(logged.contains("hyper") || logged.contains("reqwest"), "other crates are captured too");
    let mut secrets = tenant.issued_secrets();
    assert!(secrets.len() >= 7);
    for name in ["state", "nonce", "code_challenge"] {
        secrets.extend(browser.opened().iter().filter_map(|url| crate::browser::field(url, name)));
    }
    secrets.push("marked-claims".into());
    for secret in &secrets {
        // A piece is a leak as well. Heads are left out, since every id token has the same.
        let piece: String = secret.chars().skip(secret.len() / 2).take(24).collect();
        assert!(!logged.contains(&piece), "in the log: …{piece}…");
        assert!(!shown.contains(&piece), "printed: …{piece}…");
    }
}

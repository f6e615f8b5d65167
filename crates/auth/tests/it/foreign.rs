//! The sign-in against a server that nobody here made, with a real browser.

use std::time::Duration;

use futures::future::join_all;
use secrecy::ExposeSecret as _;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use unlatch_auth::{
    DeviceCodeOptions, NotAllowed, Session, SignInError, SignInOptions, SignedIn, Vault, VaultKey, sign_in,
    sign_in_with_device_code,
};
use unlatch_graph::{TokenError, TokenSource as _};

use crate::browser::{field, options, page_words};
use crate::chromium::{Chromium, Handover, Seen};
use crate::faulty_store::FaultyStore;
use crate::foreign_login::ForeignLogin;

const HOUR: Duration = Duration::from_secs(3_600);
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Signs in as that account, or gives up in the browser if there is none, and tells what was seen there.
async fn through(
    chromium: &Chromium,
    server: &ForeignLogin,
    username: Option<&str>,
) -> (Result<SignedIn, SignInError>, Seen) {
    with(options(), chromium, server, username).await
}

async fn with(
    mut options: SignInOptions,
    chromium: &Chromium,
    server: &ForeignLogin,
    username: Option<&str>,
) -> (Result<SignedIn, SignInError>, Seen) {
    let registration = server.registration();
    options.time_limit = Duration::from_secs(120);
    let (browser, address) = Handover::new();
    let program = async {
        let result = sign_in(&registration, &browser, options).await;
        drop(browser);
        result
    };
    let person = async { Some(chromium.sign_in(username, address.await.ok()?).await) };
    match tokio::join!(program, person) {
        (result, Some(seen)) => (result, seen),
        (result, None) => panic!("no address was opened: {:?}", result.err()),
    }
}

async fn begin(server: &ForeignLogin, vault: Vault) -> Session {
    let chromium = Chromium::start().await;
    let (signed_in, _) = through(&chromium, server, Some(&server.somebody().username)).await;
    let session = Session::begin(server.registration(), vault, signed_in.unwrap()).await;
    chromium.close().await;
    session
}

/// The same with a code that is typed in the browser, not before the service was asked in vain whether it was.
async fn with_code(
    chromium: &Chromium,
    server: &ForeignLogin,
    username: Option<&str>,
) -> (Result<SignedIn, SignInError>, Vec<String>) {
    let registration = server.registration();
    let options = DeviceCodeOptions { privileged: true, claims: None, cancel: CancellationToken::new() };
    let (show, shown) = oneshot::channel();
    let program = sign_in_with_device_code(&registration, options, |code| show.send(code).unwrap());
    let person = async {
        let code = shown.await.ok()?;
        while server.token_requests(DEVICE_CODE).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Some(chromium.type_code(username, &code).await)
    };
    match tokio::join!(program, person) {
        (result, Some(pages)) => (result, pages),
        (result, None) => panic!("no code was shown: {:?}", result.err()),
    }
}

/// The browser ends on our page, and nothing of the answer is in its address.
fn assert_closing_page(seen: &Seen) {
    let redirect = field(&seen.opened, "redirect_uri").unwrap();
    assert_eq!(seen.address, format!("{redirect}/"));
    assert_eq!(seen.sentence, page_words().text);
    assert!(seen.styled, "the page's policy shuts out its own style");
}

#[tokio::test]
#[ignore = "needs Node, oidc-provider and Chromium: cargo xtask test runs it"]
async fn foreign_sign_in_by_form_post_ends_on_the_closing_page_as_the_account_the_server_knows() {
    let server = ForeignLogin::start(HOUR).await;
    let chromium = Chromium::start().await;
    let somebody = server.somebody();
    let (signed_in, seen) = through(&chromium, &server, Some(&somebody.username)).await;
    let signed_in = signed_in.unwrap();
    assert_eq!(signed_in.account(), &somebody);
    assert_closing_page(&seen);
    assert_eq!(seen.pages, ["sign-in", "consent"]);

    let session = Session::begin(server.registration(), Vault::memory(), signed_in).await;
    let token = session.token().await.unwrap();
    let told = server.introspected(token.expose()).await;
    assert_eq!(told["aud"], server.graph());
    let asked = field(&seen.opened, "scope").unwrap();
    let of_graph: Vec<&str> = asked.split(' ').filter(|scope| scope.starts_with(&server.graph())).collect();
    assert_eq!(told["scope"], of_graph.join(" "));
    chromium.close().await;
}

#[tokio::test]
#[ignore = "needs Node, oidc-provider and Chromium: cargo xtask test runs it"]
async fn foreign_refresh_tokens_are_used_once_each_and_the_keychain_has_the_newest() {
    let server = ForeignLogin::start(HOUR).await;
    let vault = Vault::memory();
    let session = begin(&server, vault.clone()).await;
    let key = VaultKey::refresh_token(&server.registration(), session.account());
    let kept = async || vault.load(&key).await.unwrap().unwrap().expose_secret().to_owned();
    let mut used = Vec::new();
    for _ in 0..4 {
        used.push(kept().await);
        let old = session.token().await.unwrap();
        let newer = session.renew(&old, None).await.unwrap();
        assert_ne!(newer, old);
        assert!(server.takes(newer.expose()).await);
        assert!(server.takes(&kept().await).await, "the keychain has the newest");
        for token in &used {
            assert!(!server.takes(token).await, "each is used once");
        }
    }

    // As after the process died.
    drop(session);
    used.push(kept().await);
    let restored = Session::restore(server.registration(), vault.clone()).await.unwrap().unwrap();
    let token = restored.token().await.unwrap();
    assert!(server.takes(token.expose()).await && server.takes(&kept().await).await);
    let refreshes = server.token_requests("refresh_token").await;
    assert_eq!(refreshes.len(), 5);
    assert!(refreshes.iter().all(|request| request.error.is_none()), "{refreshes:?}");

    // Had one been used twice, the server would have taken everything back, as it does now.
    assert_eq!(server.refresh(&used[1]).await["error"], "invalid_grant");
    assert!(!server.takes(&kept().await).await && !server.takes(token.expose()).await);
    assert_eq!(restored.renew(&token, None).await, Err(TokenError::SignInNeeded { claims: None }));
}

#[tokio::test]
#[ignore = "needs Node, oidc-provider and Chromium: cargo xtask test runs it"]
async fn foreign_fifty_callers_with_an_expired_token_cause_one_refresh() {
    let server = ForeignLogin::start(Duration::from_secs(4)).await;
    let session = begin(&server, Vault::memory()).await;
    let old = session.token().await.unwrap();
    while server.takes(old.expose()).await {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // The next one must outlast the questions of all fifty, however busy the machine is.
    server.set_access(HOUR).await;
    let before = server.token_requests("refresh_token").await.len();
    let fresh = join_all((0..50).map(|_| session.token())).await;
    let newer = fresh[0].clone().unwrap();
    assert!(newer != old && fresh.iter().all(|token| token.as_ref() == Ok(&newer)));
    assert_eq!(server.token_requests("refresh_token").await.len(), before + 1);
    assert!(server.takes(newer.expose()).await);
}

#[tokio::test]
#[ignore = "needs Node, oidc-provider and Chromium: cargo xtask test runs it"]
async fn foreign_cancel_in_the_browser_comes_back_as_a_refusal() {
    let server = ForeignLogin::start(HOUR).await;
    let chromium = Chromium::start().await;
    let (result, seen) = through(&chromium, &server, None).await;
    let SignInError::Refused(error) = result.unwrap_err() else { panic!("not as a refusal") };
    assert_eq!(error.error, "access_denied");
    assert_eq!(error.description, "The person gave up.");
    assert_eq!(seen.pages, ["sign-in"]);
    assert_closing_page(&seen);
    assert_eq!(server.token_requests("authorization_code").await, []);
    chromium.close().await;
}

#[tokio::test]
#[ignore = "needs Node, oidc-provider and Chromium: cargo xtask test runs it"]
async fn foreign_sending_is_allowed_only_as_far_as_it_was_consented_to_and_a_refusal_ends_nothing() {
    let server = ForeignLogin::start(HOUR).await;
    let chromium = Chromium::start().await;
    let username = server.somebody().username;
    let mut searching = options();
    searching.privileged = false;
    let (signed_in, _) = with(searching, &chromium, &server, Some(&username)).await;
    let vault = Vault::memory();
    let session = Session::begin(server.registration(), vault.clone(), signed_in.unwrap()).await;
    let Err(NotAllowed::ConsentNeeded(Some(error))) = session.allow_sending().await else {
        panic!("nobody consented")
    };
    assert_eq!(error.error, "invalid_scope");
    let old = session.token().await.unwrap();
    assert!(server.takes(session.renew(&old, None).await.unwrap().expose()).await);

    let (signed_in, _) = through(&chromium, &server, Some(&username)).await;
    session.continue_with(signed_in.unwrap()).await.unwrap();
    let restored = Session::restore(server.registration(), vault).await.unwrap().unwrap();
    restored.allow_sending().await.unwrap();
    let token = restored.token().await.unwrap();
    let scope = server.introspected(token.expose()).await["scope"].to_string();
    assert!(scope.contains("PrivilegedOperations"), "{scope}");
    chromium.close().await;
}

#[tokio::test]
#[ignore = "needs Node, oidc-provider and Chromium: cargo xtask test runs it"]
async fn foreign_device_code_typed_in_a_browser_signs_in_and_the_session_goes_on() {
    let server = ForeignLogin::start(HOUR).await;
    let chromium = Chromium::start().await;
    let somebody = server.somebody();
    let (signed_in, pages) = with_code(&chromium, &server, Some(&somebody.username)).await;
    let signed_in = signed_in.unwrap();
    assert_eq!(signed_in.account(), &somebody);
    assert_eq!(pages, ["sign-in", "consent"]);
    let requests = server.token_requests(DEVICE_CODE).await;
    assert_eq!(requests[0].error.as_deref(), Some("authorization_pending"));
    let session = Session::begin(server.registration(), Vault::memory(), signed_in).await;
    let old = session.token().await.unwrap();
    assert!(server.takes(session.renew(&old, None).await.unwrap().expose()).await);
    chromium.close().await;
}

#[tokio::test]
#[ignore = "needs Node, oidc-provider and Chromium: cargo xtask test runs it"]
async fn foreign_device_code_given_up_in_the_browser_comes_back_as_a_refusal() {
    let server = ForeignLogin::start(HOUR).await;
    let chromium = Chromium::start().await;
    let (result, _) = with_code(&chromium, &server, None).await;
    let SignInError::Refused(error) = result.unwrap_err() else { panic!("not as a refusal") };
    assert_eq!(error.error, "access_denied");
    chromium.close().await;
}

#[tokio::test]
#[ignore = "needs Node, oidc-provider and Chromium: cargo xtask test runs it"]
async fn foreign_sign_out_leaves_nothing_in_the_keychain_and_the_browser_has_to_sign_in_again() {
    let server = ForeignLogin::start(HOUR).await;
    let chromium = Chromium::start().await;
    let username = server.somebody().username;
    let store = FaultyStore::default();
    let (signed_in, _) = through(&chromium, &server, Some(&username)).await;
    let session = Session::begin(server.registration(), store.vault(), signed_in.unwrap()).await;
    let page = session.sign_out_url().await.unwrap();
    assert!(field(&page, "logout_hint").is_some());
    session.sign_out().await.unwrap();
    assert_eq!(store.len(), 0);

    let (_, seen) = through(&chromium, &server, Some(&username)).await;
    assert_eq!(seen.pages, ["pick", "consent"], "the browser's own sign-in is still there");
    chromium.sign_out(&page).await;
    let (_, seen) = through(&chromium, &server, Some(&username)).await;
    assert_eq!(seen.pages, ["sign-in", "consent"]);
    chromium.close().await;
}

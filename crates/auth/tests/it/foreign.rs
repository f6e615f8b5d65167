//! The sign-in against a server that nobody here made, with a real browser.

use std::time::Duration;

use futures::future::join_all;
use secrecy::ExposeSecret as _;
use unlatch_auth::{Session, SignInError, SignedIn, Vault, VaultKey, sign_in};
use unlatch_graph::{TokenError, TokenSource as _};

use crate::browser::{field, options, page_words};
use crate::chromium::{Chromium, Handover, Seen};
use crate::foreign_login::ForeignLogin;

const HOUR: Duration = Duration::from_secs(3_600);

/// Signs in as that account, or gives up in the browser if there is none, and tells what was seen there.
async fn through(
    chromium: &Chromium,
    server: &ForeignLogin,
    username: Option<&str>,
) -> (Result<SignedIn, SignInError>, Seen) {
    let registration = server.registration();
    let mut options = options();
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

/// The browser ends on our page, and nothing of the answer is in its address.
fn assert_closing_page(seen: &Seen) {
    let redirect = field(&seen.opened, "redirect_uri").unwrap();
    assert_eq!(seen.address, format!("{redirect}/"));
    let words = page_words();
    assert_eq!((&seen.heading, &seen.sentence), (&words.title, &words.text));
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

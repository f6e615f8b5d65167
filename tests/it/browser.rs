//! The browser that signs the demo tenant's admin in.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use unlatch_demo_tenant::{DemoTenant, Options};
use unlatch_e2e::{Failure, built};
use url::Url;

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_browser_hands_the_code_to_the_application() -> Result<(), Failure> {
    let tenant =
        DemoTenant::start(Options::default()).await.map_err(|error| Failure::new(error.to_string()))?;
    let application = TcpListener::bind("127.0.0.1:0")?;
    let redirect = format!("http://localhost:{}/", application.local_addr()?.port());
    let mut address = Url::parse(&format!("{}/", tenant.login_url().as_str().trim_end_matches('/'))).unwrap();
    address = address.join(&format!("{}/oauth2/v2.0/authorize", tenant.tenant_id())).unwrap();
    address.query_pairs_mut().extend_pairs([
        ("client_id", tenant.client_id()),
        ("response_type", "code"),
        ("response_mode", "form_post"),
        ("redirect_uri", &redirect),
        ("scope", "openid profile offline_access"),
        ("state", "a<b>&'c'"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ]);
    let program = built("unlatch-demo-browser")?;
    let browser = tokio::task::spawn_blocking(move || Command::new(program).arg(address.as_str()).output());
    let (post, mut connection) =
        tokio::task::spawn_blocking(move || one_post(&application)).await.unwrap()?;
    connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    drop(connection);
    let output = browser.await.unwrap()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(post.as_bytes()).into_owned().collect();
    assert!(fields.iter().any(|(name, value)| name == "state" && value == "a<b>&'c'"), "{fields:?}");
    let code = fields.iter().find(|(name, _)| name == "code").map(|(_, code)| code.clone());
    assert!(code.is_some_and(|code| tenant.issued_secrets().contains(&code)));
    Ok(())
}

/// The body of the one request that arrives, and where to answer it.
fn one_post(application: &TcpListener) -> Result<(String, TcpStream), Failure> {
    let (mut connection, _) = application.accept()?;
    let mut text = String::new();
    let mut bytes = [0; 4096];
    loop {
        let read = connection.read(&mut bytes)?;
        text.push_str(&String::from_utf8_lossy(&bytes[..read]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if length.is_some_and(|length: usize| body.len() >= length) || read == 0 {
            let body = body.to_owned();
            return Ok((body, connection));
        }
    }
}

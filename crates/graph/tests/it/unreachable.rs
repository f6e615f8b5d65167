//! Hosts that are not there, or not who they say.

use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use unlatch_graph::{Client, DeviceId, Error, Route, SendOutcome};
use url::Url;

use crate::fixture::Tokens;

fn client(scheme: &str, port: u16) -> Client {
    let url = Url::parse(&format!("{scheme}://localhost:{port}/v1.0")).unwrap();
    Client::new(&url, Tokens::new("secret-bearer", Vec::new()), None).unwrap()
}

#[tokio::test]
async fn an_address_that_is_not_https_is_refused_off_loopback() {
    for url in ["http://graph.example/v1.0", "https://u:p@graph.example/v1.0", "file:///v1.0"] {
        let url = Url::parse(url).unwrap();
        let refused = Client::new(&url, Tokens::new("t", Vec::new()), None);
        assert!(matches!(refused, Err(Error::InvalidInput(_))), "{url}");
    }
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_offline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = client("http", port).find_users("secret-search").await.unwrap_err();
    assert!(matches!(&error, Error::Offline(text) if !text.is_empty()), "{error:?}");
    let shown = format!("{error:?} {error}");
    assert!(!shown.contains("secret-search") && !shown.contains("secret-bearer"), "{shown}");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_a_tls_error_and_nothing_is_sent() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            assert!(acceptor.accept(stream).await.is_err(), "no handshake comes to an end");
        }
    });
    let client = client("https", port);
    let error = client.me().await.unwrap_err();
    assert!(matches!(&error, Error::Tls(text) if text.contains("certificate")), "{error:?}");
    let sent = client.recover_passcode(&Route::Direct, &DeviceId::new("d").unwrap()).await;
    assert!(matches!(sent.outcome, SendOutcome::NotConnected(_)), "{sent:?}");
}

#[tokio::test]
async fn a_host_that_speaks_no_tls_is_a_tls_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let error = client("https", port).me().await.unwrap_err();
    assert!(matches!(error, Error::Tls(_)), "{error:?}");
}

//! Bodies as they come packed, and with a byte order mark before them.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use unlatch_graph::{ApiErrorKind, DeviceId, Error, Route, SendOutcome};

use crate::fixture::{Reaction, Scripted, demo, find_devices, json};

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn gzip(body: &[u8]) -> Reaction {
    let head = format!(
        "HTTP/1.1 200 OK\r\nrequest-id: r\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    Reaction::Answer([head.as_bytes(), body].concat())
}

#[tokio::test]
async fn a_read_asks_for_gzip_and_unpacks_it() {
    let server = Scripted::start(|_, head| {
        let asks = head.to_lowercase().contains("accept-encoding: gzip");
        if asks { gzip(&packed(br#"{"id":"me"}"#)) } else { json(200, &[], r#"{"id":"plain"}"#) }
    })
    .await;
    assert_eq!(server.client().me().await.unwrap().id.as_str(), "me");
}

#[tokio::test]
async fn a_page_of_the_demo_tenant_comes_packed() {
    let (tenant, client) = demo().await;
    assert!(!find_devices(&client, "a").await.unwrap().rows.is_empty());
    assert!(tenant.requests().iter().all(|request| request.header("accept-encoding") == Some("gzip")));
}

#[tokio::test]
async fn the_limit_of_a_page_counts_what_is_unpacked() {
    // A mebibyte more than a page may have, all of it spaces.
    let body = packed(&vec![b' '; 65 << 20]);
    assert!(body.len() < 1 << 20, "{} bytes on the way", body.len());
    let server = Scripted::start(move |_, _| gzip(&body)).await;
    match server.client().me().await.unwrap_err() {
        Error::BadAnswer { what, .. } => assert_eq!(what, "it is too long"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_packed_answer_that_is_cut_is_asked_for_again() {
    let whole = packed(br#"{"id":"me"}"#);
    let server = Scripted::start(move |count, _| match count {
        0 => gzip(&whole[..whole.len() - 9]),
        _ => gzip(&whole),
    })
    .await;
    assert_eq!(server.client().me().await.unwrap().id.as_str(), "me");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_byte_order_mark_before_json_is_passed_over() {
    let server = Scripted::start(|_, _| json(200, &[], "\u{feff}{\"id\":\"me\"}")).await;
    assert_eq!(server.client().me().await.unwrap().id.as_str(), "me");

    let error = r#"{"error":{"code":"ResourceNotFound","message":"gone"}}"#;
    let server = Scripted::start(move |_, _| json(404, &[], &["\u{feff}", error].concat())).await;
    let sent = server.client().recover_passcode(&Route::Direct, &DeviceId::new("d").unwrap()).await;
    match sent.outcome {
        SendOutcome::Answered { error, .. } => {
            assert_eq!((error.kind, error.message.as_str()), (ApiErrorKind::NotFound, "gone"));
        }
        other => panic!("{other:?}"),
    }
}

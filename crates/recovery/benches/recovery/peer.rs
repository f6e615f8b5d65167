//! A script on the same work: Microsoft's own client for JavaScript, as its documents show it.

use std::path::Path;
use std::process::Stdio;

use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

#[derive(Deserialize)]
pub struct Peer {
    pub seconds: f64,
    pub unresolved: usize,
}

pub async fn run(graph: &str, token: &str, devices: &[&str]) -> Peer {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/recovery/peer");
    let mut node = Command::new("node")
        .arg("peer.mjs")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let work = json!({ "graph": graph, "token": token, "devices": devices }).to_string();
    let mut stdin = node.stdin.take().unwrap();
    stdin.write_all(work.as_bytes()).await.unwrap();
    drop(stdin);
    let output = node.wait_with_output().await.unwrap();
    assert!(output.status.success(), "the script failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

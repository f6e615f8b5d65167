use tokio::process::Command;

#[cfg(unix)]
#[tokio::test]
async fn the_program_says_where_it_is_takes_the_token_and_stops_when_told() {
    use std::process::Stdio;

    use serde_json::Value;
    use tokio::io::{AsyncBufReadExt, BufReader};

    let mut program = Command::new(env!("CARGO_BIN_EXE_unlatch-demo-tenant"))
        .args(["--devices", "7", "--users", "3", "--access-token", "from-outside"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let line: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    for name in ["login_url", "graph_url", "tenant", "client_id"] {
        assert!(line[name].is_string(), "{name}");
    }
    let url = format!("{}/deviceManagement/managedDevices", line["graph_url"].as_str().unwrap());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let body: Value = http.get(url).bearer_auth("from-outside").send().await.unwrap().json().await.unwrap();
    assert_eq!(body["value"].as_array().unwrap().len(), 7);
    let stopped = Command::new("kill").arg(program.id().unwrap().to_string()).status().await.unwrap();
    assert!(stopped.success());
    assert!(program.wait().await.unwrap().success());
    assert_eq!(lines.next_line().await.unwrap(), None);
}

#[tokio::test]
async fn a_wrong_argument_is_named() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_unlatch-demo-tenant")).arg("--frobnicate").output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("unknown argument --frobnicate"));
}

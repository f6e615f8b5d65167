//! The demo tenant as a program: prints one JSON line with its addresses and runs until it is told to stop.
#![allow(clippy::print_stdout, reason = "the line on standard output is the program's interface")]
#![allow(clippy::print_stderr, reason = "usage and start errors go to standard error")]

use std::process::ExitCode;

use serde_json::json;
use unlatch_demo_tenant::{Consent, DemoTenant, Options};

const USAGE: &str = "usage: unlatch-demo-tenant [--port N] [--seed S] [--users N] [--devices N] [--apps N] [--writes N] [--device-prefix T] [--hostile yes|no] [--consent all|read-only|nothing] [--access-token T]";

#[tokio::main]
async fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("unlatch-demo-tenant: {problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let tenant = match DemoTenant::start(options).await {
        Ok(tenant) => tenant,
        Err(error) => {
            let reason =
                std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
            eprintln!("unlatch-demo-tenant: {error}{reason}");
            return ExitCode::FAILURE;
        }
    };
    let line = json!({
        "login_url": tenant.login_url(),
        "graph_url": tenant.graph_url(),
        "tenant": tenant.tenant_id(),
        "client_id": tenant.client_id(),
    });
    println!("{line}");
    match stopped().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("unlatch-demo-tenant: cannot wait for signals: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the command line; nothing when help is asked for.
fn options(arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options::default();
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (argument, None),
        };
        if matches!(name.as_str(), "--help" | "-h") {
            return Ok(None);
        }
        let known = [
            "--port",
            "--seed",
            "--users",
            "--devices",
            "--apps",
            "--writes",
            "--device-prefix",
            "--hostile",
            "--consent",
            "--access-token",
        ];
        if !known.contains(&name.as_str()) {
            return Err(format!("unknown argument {name}"));
        }
        let value = value.or_else(|| arguments.next()).ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--port" => options.port = number(&name, &value)?,
            "--seed" => options.seed = number(&name, &value)?,
            "--users" => options.users = number(&name, &value)?,
            "--devices" => options.devices = number(&name, &value)?,
            "--apps" => options.apps = number(&name, &value)?,
            "--writes" => options.pace.writes = number(&name, &value)?,
            "--device-prefix" => options.device_prefix = value,
            "--hostile" => options.hostile = yes_or_no(&value).ok_or_else(|| refused(&name, &value))?,
            "--consent" => options.consent = consent(&value).ok_or_else(|| refused(&name, &value))?,
            _ => options.access_token = Some(value).filter(|token| !token.is_empty()),
        }
    }
    Ok(Some(options))
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| refused(name, value))
}

fn yes_or_no(value: &str) -> Option<bool> {
    match value {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

fn consent(value: &str) -> Option<Consent> {
    match value {
        "all" => Some(Consent::All),
        "read-only" => Some(Consent::ReadOnly),
        "nothing" => Some(Consent::Nothing),
        _ => None,
    }
}

fn refused(name: &str, value: &str) -> String {
    format!("{name} does not take '{value}'")
}

#[cfg(unix)]
async fn stopped() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn stopped() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Option<Options>, String> {
        options(arguments.iter().map(|argument| (*argument).to_owned()))
    }

    #[test]
    fn arguments_are_read_with_and_without_an_equals_sign() {
        let options = read(&["--port", "8080", "--devices=7", "--writes=100", "--access-token", "abc"])
            .unwrap()
            .unwrap();
        assert_eq!((options.port, options.devices, options.pace.writes), (8080, 7, 100));
        assert_eq!(options.access_token.as_deref(), Some("abc"));
        let options = read(&["--hostile=yes", "--device-prefix", "C-"]).unwrap().unwrap();
        assert!(options.hostile && options.device_prefix == "C-");
        assert_eq!(read(&["--consent", "read-only"]).unwrap().unwrap().consent, Consent::ReadOnly);
    }

    #[test]
    fn wrong_arguments_are_named() {
        assert_eq!(read(&["--port", "70000"]).unwrap_err(), "--port does not take '70000'");
        assert_eq!(read(&["--users"]).unwrap_err(), "--users needs a value");
        assert_eq!(read(&["--consent=some"]).unwrap_err(), "--consent does not take 'some'");
        assert_eq!(read(&["--hostile=maybe"]).unwrap_err(), "--hostile does not take 'maybe'");
        assert_eq!(read(&["--frobnicate"]).unwrap_err(), "unknown argument --frobnicate");
    }
}

//! `unlatch-session unlocked|locked|empty|absent PROGRAM [ARGUMENT…]` runs a program in a desktop session of its own whose
//! keychain is in that state, and ends with the program's exit code.
#![allow(clippy::print_stderr, reason = "this is a command-line program")]

use std::ffi::OsString;
use std::process::ExitCode;

use unlatch_e2e::{Failure, Keychain, Session};

fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("unlatch-session: {failure}");
            ExitCode::from(125)
        }
    }
}

fn run() -> Result<u8, Failure> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(state), Some(program)) = (arguments.next(), arguments.next()) else {
        return Err(Failure::new("usage: unlatch-session unlocked|locked|empty|absent PROGRAM [ARGUMENT…]"));
    };
    let session = Session::start(keychain(&state)?)?;
    let status =
        session.command(&program).args(arguments).status().map_err(|error| {
            Failure::new(format!("{} cannot be started: {error}", program.to_string_lossy()))
        })?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(124))
}

fn keychain(state: &OsString) -> Result<Keychain, Failure> {
    match state.to_str() {
        Some("unlocked") => Ok(Keychain::Unlocked),
        Some("locked") => Ok(Keychain::Locked),
        Some("empty") => Ok(Keychain::Empty),
        Some("absent") => Ok(Keychain::Absent),
        _ => Err(Failure::new("the keychain is unlocked, locked, empty or absent")),
    }
}

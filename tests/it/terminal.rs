//! What Unlatch says to the terminal, without a window.

use std::fs;
use std::process::{Output, Stdio};

use unlatch_e2e::{Failure, Keychain, Session};

/// Runs the program to its end and gives what it said.
fn said(session: &Session, arguments: &[&str]) -> Result<(Option<i32>, String), Failure> {
    let Output { status, stdout, stderr } =
        session.command(unlatch_e2e::unlatch()?).args(arguments).output()?;
    Ok((status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned()))
}

/// The end of a pipe that nobody reads.
fn closed() -> Result<Stdio, Failure> {
    let (reader, writer) = std::io::pipe()?;
    drop(reader);
    Ok(writer.into())
}

#[test]
#[ignore = "needs the program: cargo xtask test runs it"]
fn the_settings_in_force_are_printed_with_where_they_come_from() -> Result<(), Failure> {
    let session = Session::start(Keychain::Absent)?;
    let file = session.folder().join("unlatch.toml");
    let name = file.display().to_string();
    fs::write(&file, "export = false\ntenant = \"ours.example\"\n")?;
    let (code, text) = said(&session, &["policy", "--config", &name])?;
    assert_eq!(code, Some(0), "{text}");
    let line = |key: &str| text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    assert!(line("policy").ends_with("/etc/unlatch/policy.toml"), "{text}");
    assert!(line("export").contains("user file") && line("export").ends_with("false"), "{text}");
    assert!(line("clipboard").contains("default") && line("clipboard").ends_with("true"), "{text}");

    // Whoever reads may stop, as `head` does.
    let mut unread = session.command(unlatch_e2e::unlatch()?);
    unread.args(["policy", "--config", &name]).stdout(closed()?).stderr(Stdio::piped());
    let unread = unread.output()?;
    assert_eq!((unread.status.code(), String::from_utf8_lossy(&unread.stderr).as_ref()), (Some(0), ""));

    fs::write(&file, "exprot = false\n")?;
    let (code, text) = said(&session, &["policy", "--config", &name])?;
    assert!(code == Some(1) && text.contains("exprot: unknown key"), "{text}");
    Ok(())
}

#[test]
#[ignore = "needs the program: cargo xtask test runs it"]
fn root_gets_no_window_unless_it_is_meant() -> Result<(), Failure> {
    let session = Session::start(Keychain::Absent)?;
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let folder = session.folder().join("unlatch").display().to_string();
    // Without a display neither gets one; what counts is who is told why.
    let start = |more: &str| said(&session, &["--data-dir", &folder, more]);
    let refused = |text: &str| text.contains("start it as yourself, or with --allow-root");
    let (code, text) = start("--config=/dev/null")?;
    assert!(code == Some(2) && refused(&text) == is_root, "{text}");
    let (code, text) = said(&session, &["verify-journal", "--demo", "--data-dir", &folder])?;
    assert!(code == Some(2) && text.contains("there is no journal yet"), "{text}");
    let (code, text) = start("--allow-root")?;
    assert!(code == Some(2) && !refused(&text) && text.contains("there is no display"), "{text}");
    Ok(())
}

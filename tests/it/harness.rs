//! The stage itself: what the other tests rely on.

use unlatch_e2e::{Failure, Keychain, Session};

#[test]
#[ignore = "needs D-Bus and gnome-keyring: cargo xtask test runs it"]
fn a_session_has_the_keychain_it_was_asked_for() -> Result<(), Failure> {
    let open = Session::start(Keychain::Unlocked)?;
    assert_eq!(open.secrets_kept()?, 0);
    let locked = Session::start(Keychain::Locked)?;
    assert_eq!(locked.secrets_kept()?, 0);
    let absent = Session::start(Keychain::Absent)?;
    assert!(absent.secrets_kept().unwrap_err().to_string().contains("ServiceUnknown"));
    Ok(())
}

#[test]
#[ignore = "needs D-Bus and gnome-keyring: cargo xtask test runs it"]
fn nothing_of_a_session_is_left_when_it_ends() -> Result<(), Failure> {
    let session = Session::start(Keychain::Locked)?;
    let folder = session.folder().to_owned();
    assert!(runs_somewhere(&folder));
    drop(session);
    assert!(!runs_somewhere(&folder) && !folder.exists());
    Ok(())
}

/// Whether any process knows of the folder.
fn runs_somewhere(folder: &std::path::Path) -> bool {
    let name = folder.to_str().unwrap().as_bytes();
    let knows = |environment: Vec<u8>| environment.windows(name.len()).any(|window| window == name);
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes.filter_map(|process| std::fs::read(process.path().join("environ")).ok()).any(knows)
}

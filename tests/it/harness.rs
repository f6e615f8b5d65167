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

/// A window that is closed, or killed, is asked what its content security policy blocked; a test that leaves it to its end is not.
#[test]
fn every_test_closes_the_windows_it_opens() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("it");
    let mut tests = 0;
    for file in std::fs::read_dir(folder).unwrap().flatten() {
        let text = std::fs::read_to_string(file.path()).unwrap();
        for test in text.split("#[tokio::test").skip(1).filter(|test| test.contains("Window::open(")) {
            tests += 1;
            let name = test.split("fn ").nth(1).and_then(|rest| rest.split('(').next()).unwrap_or_default();
            let ends = [".close().await", ".kill().await", ".close_although_blocked().await"];
            assert!(ends.iter().any(|end| test.contains(end)), "{name} leaves its window open");
        }
    }
    assert!(tests > 30, "{tests}");
}

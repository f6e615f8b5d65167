//! The program and its package, tried in Wine.
//!
//! There is no WebView2 in Wine, so no window opens there. What the program does without one is tried.

use std::fs;
use std::path::{Path, PathBuf};

use super::state::State;
use super::wine::{Said, Wine};
use crate::{files, shell};

/// The packages that come and go.
pub struct Packages {
    /// Of an earlier version, with another program.
    pub older: PathBuf,
    /// The one that was made.
    pub current: PathBuf,
    /// Of the same version, made once more.
    pub again: PathBuf,
    /// The program that the current ones hold.
    pub program: PathBuf,
}

/// Folders and keys that Windows Installer makes for itself with the first package, and keeps, with nothing in them.
const KEPT: [&str; 10] = [
    "C:\\windows\\Installer\\",
    "HKLM\\Software\\Classes\\Installer",
    "HKLM\\Software\\Classes\\Installer\\Features",
    "HKLM\\Software\\Classes\\Installer\\Products",
    "HKLM\\Software\\Classes\\Installer\\UpgradeCodes",
    "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Installer\\UpgradeCodes",
    "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Installer\\UserData",
    "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Installer\\UserData\\S-1-5-18",
    "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Installer\\UserData\\S-1-5-18\\Components",
    "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Installer\\UserData\\S-1-5-18\\Products",
];

const FOLDER: &str = "C:\\Program Files\\Unlatch\\";
const UNINSTALL: &str = "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\{";
const POLICY: &str = "HKLM\\Software\\Policies\\Unlatch";

/// `ERROR_INSTALL_FAILURE`, as far as an exit code reaches on Linux.
const REFUSED: i32 = 1603 & 0xFF;

/// Has the engine leave a journal in `folder`.
///
/// # Errors
/// In words.
pub fn leave_journal(folder: &Path) -> Result<(), String> {
    files::empty_folder(folder)?;
    let test = "chain::a_journal_is_left_for_another_program";
    let mut cargo = shell::cargo(&["test", "--package", "unlatch-recovery", "--test", "it", "--"]);
    cargo.args(["--ignored", "--exact", test]).env("UNLATCH_JOURNAL_FOLDER", folder);
    shell::run(&mut cargo)?;
    if journal(folder).is_file() { Ok(()) } else { Err(format!("{test} left no journal")) }
}

fn journal(folder: &Path) -> PathBuf {
    folder.join("journal.sqlite")
}

/// Asks the program for all that it does without a window; what it says comes through a pipe.
///
/// # Errors
/// What it did not do.
pub fn answers(wine: &Wine, exe: &Path, left: &Path) -> Result<(), String> {
    let said = wine.ask(exe, &["--version"])?;
    let right = said.code == Some(0) && said.out == format!("unlatch {}\n", env!("CARGO_PKG_VERSION"));
    expect(right, "it says its version", &said)?;
    let said = wine.ask(exe, &["--help"])?;
    let right = said.code == Some(0) && said.out.contains("verify-journal") && said.err.is_empty();
    expect(right, "it says how it is used", &said)?;
    let said = wine.ask(exe, &["--no-such-flag"])?;
    let right = said.code == Some(2) && said.err.contains("Usage: unlatch") && said.out.is_empty();
    expect(right, "it refuses a flag that it does not know", &said)?;

    let data = wine.on_c("tried");
    let verify = || wine.ask(exe, &["verify-journal", "--data-dir", "C:\\tried"]);
    let said = verify()?;
    expect(
        said.code == Some(2) && said.err.contains("there is no journal yet"),
        "it finds no journal",
        &said,
    )?;
    let kept = keep_journal(left, &data)?;
    let said = verify()?;
    expect(is_whole(&said), "it finds a journal of Linux whole", &said)?;
    let mut bytes = files::read(&kept)?;
    let word = b"unconfirmed";
    let at =
        bytes.windows(word.len()).rposition(|part| part == word).ok_or("the journal has no such entry")?;
    bytes[at..at + word.len()].copy_from_slice(b"Unconfirmed");
    files::write(&kept, &bytes)?;
    let said = verify()?;
    let right = said.code == Some(1) && said.out.contains("The journal is not whole. It breaks at entry");
    expect(right, "it finds one letter that was changed", &said)?;
    fs::remove_dir_all(&data).map_err(files::named(&data))?;

    let said = wine.ask(exe, &["policy"])?;
    let right =
        said.code == Some(0) && said.out.contains(POLICY) && is_in_force(&said, "export default true");
    expect(right, "it says that there is no policy", &said)?;
    set_policy(wine, "0")?;
    let said = wine.ask(exe, &["policy"])?;
    let right = said.code == Some(0) && is_in_force(&said, "export policy false");
    expect(right, "it says what policy forbids", &said)?;
    set_policy(wine, "7")?;
    let said = wine.ask(exe, &["policy"])?;
    let right = said.code == Some(1) && said.out.contains("No tenant can be used");
    expect(right, "it says that policy is damaged", &said)?;
    let said = wine.ask(Path::new("reg"), &["delete", POLICY, "/f"])?;
    expect(said.code == Some(0), "the policy is taken away", &said)
}

/// Installs, upgrades, goes back in vain and removes, silently, and compares what there is with what there was before.
///
/// # Errors
/// What was not as it must be.
pub fn comes_and_goes(wine: &Wine, packages: &Packages, left: &Path) -> Result<(), String> {
    let exe = wine.on_c("Program Files/Unlatch/unlatch.exe");
    let before = State::of(wine)?;

    let said = wine.ask(Path::new("msiexec"), &["/i", &in_wine(&packages.older), "/qn"])?;
    expect(said.code == Some(0), "an older version is installed silently", &said)?;
    let state = State::of(wine)?;
    expect(versions(&state) == ["0.0.1"], "it is there as version 0.0.1", &versions(&state))?;
    expect(files::read(&exe)? != files::read(&packages.program)?, "it has a program of its own", &exe)?;

    let data = wine.user_folder()?.join("AppData/Local/unlatch");
    keep_journal(left, &data)?;
    set_policy(wine, "0")?;

    let said = wine.ask(Path::new("msiexec"), &["/i", &in_wine(&packages.current), "/qn"])?;
    expect(said.code == Some(0), "it is upgraded silently", &said)?;
    let state = State::of(wine)?;
    let now = [env!("CARGO_PKG_VERSION")];
    expect(versions(&state) == now, "the new version took its place", &versions(&state))?;
    expect(files::read(&exe)? == files::read(&packages.program)?, "the new program came with it", &exe)?;
    let files: Vec<_> = state.below(FOLDER).filter_map(|line| line.split(' ').next()).collect();
    let expected = ["LICENSE-APACHE.txt", "LICENSE-MIT.txt", "WebView2Loader.dll", "unlatch.exe"];
    expect(files == expected, "beside it are WebView2Loader.dll and the licences alone", &files)?;
    let shortcuts: Vec<_> = state.since(&before).into_iter().filter(|line| line.contains(".lnk ")).collect();
    let right = shortcuts.len() == 1 && shortcuts[0].contains("\\Start Menu\\Programs\\Unlatch.lnk ");
    expect(right, "there is one shortcut, in the start menu", &shortcuts)?;
    let listed = ["\"DisplayName\"=\"Unlatch\"", "\"Publisher\"=\"Unlatch\"", "\"NoModify\"=dword:00000001"];
    let missing: Vec<_> = listed.iter().filter(|value| !state.has(&[UNINSTALL, value])).collect();
    expect(missing.is_empty(), "the list of programs names it", &missing)?;
    let said = wine.ask(&exe, &["verify-journal"])?;
    expect(is_whole(&said), "the installed program finds the person's journal, and it is whole", &said)?;
    let said = wine.ask(&exe, &["policy"])?;
    expect(is_in_force(&said, "export policy false"), "it follows the machine's policy", &said)?;

    let said = wine.ask(Path::new("msiexec"), &["/i", &in_wine(&packages.again), "/qn"])?;
    expect(said.code == Some(0), "a package of the same version is installed", &said)?;
    let state = State::of(wine)?;
    expect(versions(&state) == now, "it is listed once nevertheless", &versions(&state))?;

    let said = wine.ask(Path::new("msiexec"), &["/i", &in_wine(&packages.older), "/qn"])?;
    expect(said.code == Some(REFUSED), "the older version is refused", &said)?;
    let after = State::of(wine)?;
    let changed = [after.since(&state), state.since(&after)].concat();
    expect(changed.is_empty(), "the refusal changes nothing", &changed)?;

    let code = state.below(UNINSTALL).find_map(|line| line.split('}').next()).ok_or("it is not listed")?;
    let said = wine.ask(Path::new("msiexec"), &["/x", &format!("{{{code}}}"), "/qn"])?;
    expect(said.code == Some(0), "it is removed silently", &said)?;
    let state = State::of(wine)?;
    let (own, other): (Vec<_>, Vec<_>) = state.since(&before).into_iter().partition(|line| is_own(line));
    let other: Vec<_> = other.into_iter().filter(|line| !KEPT.contains(line)).collect();
    expect(other.is_empty(), "nothing of it is left", &other)?;
    let lost = before.since(&state);
    expect(lost.is_empty(), "nothing else went with it", &lost)?;
    let right =
        ["journal.sqlite ", "\"export\""].iter().all(|part| own.iter().any(|line| line.contains(part)));
    expect(right, "the journal and the policy are still there", &own)
}

/// Has an administrator forbid reports, with 0 as the value.
fn set_policy(wine: &Wine, value: &str) -> Result<(), String> {
    let said =
        wine.ask(Path::new("reg"), &["add", POLICY, "/v", "export", "/t", "REG_DWORD", "/d", value, "/f"])?;
    if said.code == Some(0) { Ok(()) } else { Err(format!("reg could not set policy: {said:?}")) }
}

/// Whether a key has this value from there, in the words `key origin value`.
fn is_in_force(said: &Said, words: &str) -> bool {
    said.out.lines().any(|line| line.split_whitespace().eq(words.split(' ')))
}

/// Whether it belongs to a person or to the machine's policy.
fn is_own(line: &str) -> bool {
    line.contains("\\AppData\\Local\\unlatch\\") || line.starts_with("HKLM\\Software\\Policies")
}

/// The versions under which Unlatch stands in the list of programs.
fn versions(state: &State) -> Vec<&str> {
    state
        .below(UNINSTALL)
        .filter_map(|line| line.split("\"DisplayVersion\"=\"").nth(1)?.strip_suffix('"'))
        .collect()
}

/// Puts the journal that was left where the one of a tenant lies below a data folder.
fn keep_journal(left: &Path, data: &Path) -> Result<PathBuf, String> {
    let folder = data.join("tenants/global-11111111-2222-3333-4444-555555555555");
    files::copy(&journal(left), &journal(&folder))?;
    Ok(journal(&folder))
}

fn is_whole(said: &Said) -> bool {
    said.code == Some(0) && said.out.contains("The journal is whole") && said.out.contains("newest")
}

/// How Wine names a file of the machine under it.
fn in_wine(path: &Path) -> String {
    format!("Z:{}", path.display().to_string().replace('/', "\\"))
}

fn expect(right: bool, what: &str, found: &impl std::fmt::Debug) -> Result<(), String> {
    if right {
        println!("- {what}");
        Ok(())
    } else {
        Err(format!("it is not so that {what}; found: {found:#?}"))
    }
}

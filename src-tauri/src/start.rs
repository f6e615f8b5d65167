//! From the command line to an open window.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use tauri::plugin::TauriPlugin;
use tauri::{AppHandle, Manager, RunEvent};
use unlatch_settings::{Policy, PolicyRead, Sources};
use url::Url;

use crate::args::{self, Args, Asked};
use crate::dto::{Mode, WindowNotice};
use crate::error::CommandError;
use crate::place::Place;
use crate::state::AppState;
use crate::tenancies::Tenancies;
use crate::terminal::{self, fail, say};
use crate::{commands, lock, logging, policy, session};

/// Reads the command line, opens the window and runs until it closes.
pub fn run() -> ExitCode {
    if let Some(code) = without_doors() {
        return code;
    }
    let args = match args::parse(std::env::args_os().skip(1)) {
        Ok(Asked::Start(args)) => args,
        Ok(Asked::VerifyJournal(args)) => return terminal::verify_journal(&args),
        Ok(Asked::Policy(args)) => return terminal::policy(&args),
        Ok(Asked::Print(text)) => {
            say(&text);
            return ExitCode::SUCCESS;
        }
        Err(text) => return fail(&text),
    };
    if is_root() && !(args.demo || args.allow_root) {
        return fail(ROOT);
    }
    only_for_this_account();
    let Some(data_folder) = data_folder(&args) else { return fail(NO_FOLDER) };
    // A folder that somebody named may be there for others, too. What is made in it is not.
    let is_given = args.data_dir.is_some() && data_folder.is_dir();
    if !is_given && let Err(error) = create_private(&data_folder) {
        return fail(&format!("{}: {error}", data_folder.display()));
    }
    let logs = data_folder.join("logs");
    let log = create_private(&logs).map_err(|error| error.to_string()).and_then(|()| logging::start(&logs));
    if let Err(error) = &log {
        say(&format!("no log is written: {error}"));
    }
    if !has_display() {
        return fail("there is no display to open a window on (neither WAYLAND_DISPLAY nor DISPLAY is set)");
    }
    let state = match begin(&args, data_folder) {
        Ok(state) => state,
        Err(error) => return fail(&error.to_string()),
    };
    let builder = commands::builder();
    let outcome = one_instance(tauri::Builder::default())
        .plugin(stay_at_home())
        .plugin(
            tauri_plugin_window_state::Builder::default()
                .with_state_flags(
                    tauri_plugin_window_state::StateFlags::SIZE
                        | tauri_plugin_window_state::StateFlags::MAXIMIZED,
                )
                .build(),
        )
        .invoke_handler(builder.invoke_handler())
        .manage(state)
        .setup(|app| {
            attend(app.handle());
            Ok(())
        })
        .build(tauri::generate_context!());
    match outcome {
        Ok(app) => {
            app.run(|app, event| {
                if let (RunEvent::Exit, Some(state)) = (event, app.try_state::<AppState>()) {
                    state.clipboard.end();
                }
            });
            ExitCode::SUCCESS
        }
        Err(error) => fail(&format!("the window could not be opened: {error}")),
    }
}

/// What a start without a folder for data says.
pub const NO_FOLDER: &str = "no folder for data was found; name one with --data-dir";

const ROOT: &str = "as root, Unlatch would keep a sign-in and a journal that are not yours, and show pages from the \
    network with every right there is; start it as yourself, or with --allow-root if you mean it";

/// Whether the program runs as root.
fn is_root() -> bool {
    #[cfg(unix)]
    return rustix::process::geteuid().is_root();
    #[cfg(not(unix))]
    false
}

/// Whatever is written from now on, whoever writes it, is this account's alone: files 0600 and folders 0700 at most. A crash leaves no
/// picture of the memory, which holds tokens.
fn only_for_this_account() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit, umask};

        umask(rustix::fs::Mode::from_raw_mode(0o077));
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        // Lowering a limit is everybody's right.
        let _ = setrlimit(Resource::Core, none);
    }
}

/// The folder for the journal and the logs.
pub fn data_folder(args: &Args) -> Option<PathBuf> {
    args.data_dir.clone().or_else(|| dirs::data_local_dir().map(|dir| dir.join("unlatch")))
}

/// Where settings come from.
pub fn sources(args: &Args, data_folder: &Path) -> Sources {
    let user = args.config.clone().or_else(|| dirs::config_dir().map(|dir| dir.join("unlatch/config.toml")));
    let user = user.unwrap_or_else(|| data_folder.join("config.toml"));
    Sources { policy: Policy::of_this_machine(), user }
}

/// Where the marks of journals' newest entries are kept: outside the data folder, so that who restores that leaves them, and on the
/// same computer as the journals. Who names a settings file has them beside it.
pub fn marks_folder(args: &Args) -> Option<PathBuf> {
    let beside = |file: &PathBuf| Some(file.parent()?.join("journals"));
    args.config.as_ref().map_or_else(marks_folder_of_user, beside)
}

/// Settings roam with a profile and journals do not, so a mark from another computer would name entries that never were here.
#[cfg(windows)]
fn marks_folder_of_user() -> Option<PathBuf> {
    dirs::data_local_dir().map(|dir| dir.join("unlatch-journals"))
}

/// Settings and data share a folder.
#[cfg(target_os = "macos")]
fn marks_folder_of_user() -> Option<PathBuf> {
    dirs::preference_dir().map(|dir| dir.join("unlatch/journals"))
}

#[cfg(not(any(windows, target_os = "macos")))]
fn marks_folder_of_user() -> Option<PathBuf> {
    dirs::config_dir().map(|dir| dir.join("unlatch/journals"))
}

/// Whether a window can be opened at all. GTK ends a program that asks in vain.
fn has_display() -> bool {
    !cfg!(target_os = "linux")
        || ["WAYLAND_DISPLAY", "DISPLAY"]
            .iter()
            .any(|variable| std::env::var_os(variable).is_some_and(|value| !value.is_empty()))
}

/// Puts the first place behind the window that is to open. While the window's own beginning keeps one processor busy, another opens the
/// keychain, which is the longest part of looking for a kept sign-in.
fn begin(args: &Args, data_folder: PathBuf) -> Result<AppState, CommandError> {
    let sources = sources(args, &data_folder);
    let policy = PolicyRead::new(&sources);
    let settings = policy.load(&sources.user);
    let tenancies = Arc::new(Tenancies::new(&data_folder).with_marks(marks_folder(args)));
    let demo =
        if args.demo { Some(tauri::async_runtime::block_on(Place::demo(tenancies.clone()))?) } else { None };
    let keychain = Place::keychain(settings.0.keep_sign_in);
    let mut state = AppState::new(sources, data_folder, settings, tenancies, keychain, demo);
    state.policy = Mutex::new(policy);
    state.demo_only = is_root() && !args.allow_root;
    let shown = state.shown();
    if shown.mode == Mode::Tenant {
        tauri::async_runtime::spawn(async move { shown.vault.open().await });
    }
    Ok(state)
}

/// Sees to what goes on while the window is there, first to the kept sign-ins.
fn attend(app: &AppHandle) {
    let is_demo = app.state::<AppState>().shown().mode == Mode::Demo;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), demo = is_demo, "unlatch starts");
    tauri::async_runtime::spawn(lock::watch(app.clone()));
    tauri::async_runtime::spawn(lock::empty_when_sent(app.clone()));
    tauri::async_runtime::spawn(policy::watch(app.clone()));
    let handle = app.clone();
    tauri::async_runtime::spawn(async move {
        let state = handle.state::<AppState>();
        let shown = state.shown();
        let others: Vec<Arc<Place>> = state
            .places()
            .all()
            .filter(|place| !state.demo_only && !Arc::ptr_eq(place, &shown))
            .cloned()
            .collect();
        // The one that is shown is waited for, as far as the keychain goes. What Entra and Graph say to it comes later.
        session::take_up(&shown).await;
        state.restored.send_replace(true);
        for place in &others {
            session::take_up(place).await;
        }
        // The window is drawn first.
        state.until_heard().await;
        if !others.is_empty() {
            state.notify(WindowNotice::AccountChanged);
        }
        for place in std::iter::once(&shown).chain(&others) {
            if session::settle(place).await {
                state.notify(WindowNotice::AccountChanged);
            }
        }
    });
}

/// A second start raises the window of the first. macOS sees to that itself; the plugin would listen in a folder of all accounts there.
#[cfg(target_os = "macos")]
fn one_instance(builder: tauri::Builder<tauri::Wry>) -> tauri::Builder<tauri::Wry> {
    builder
}

/// A second start raises the window of the first.
#[cfg(not(target_os = "macos"))]
fn one_instance(builder: tauri::Builder<tauri::Wry>) -> tauri::Builder<tauri::Wry> {
    builder.plugin(tauri_plugin_single_instance::init(|app, _, _| {
        if let Some(window) = app.get_webview_window("main") {
            // A window that cannot be raised is still there.
            let _ = window.unminimize();
            let _ = window.set_focus();
        }
        if let Some(state) = app.try_state::<AppState>() {
            state.notify(WindowNotice::StartedAgain);
        }
    }))
}

/// Keeps the window on its own pages: a link or a script that leads elsewhere leads nowhere.
fn stay_at_home() -> TauriPlugin<tauri::Wry> {
    tauri::plugin::Builder::new("stay-at-home").on_navigation(|_, url| is_own_page(url)).build()
}

/// Whether an address is one of the window's own: `tauri://localhost`, on Windows `http://tauri.localhost`, and in a build
/// without the embedded UI Vite's development server.
fn is_own_page(url: &Url) -> bool {
    match (url.scheme(), url.host_str()) {
        ("tauri", Some("localhost")) => true,
        ("http" | "https", Some("tauri.localhost")) => cfg!(windows),
        ("http", Some("localhost")) => cfg!(not(feature = "custom-protocol")),
        _ => false,
    }
}

/// Makes a folder for this user alone, and narrows one that was wider.
fn create_private(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    #[cfg(unix)]
    std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

/// Whether an environment variable opens a released window to others: to remote control or an inspector of the webview, to another
/// webview's program, to certificates that are not the system's.
fn is_door(variable: &str) -> bool {
    const DOORS: [&str; 4] = ["TAURI_WEBVIEW_AUTOMATION", "GTK_DEBUG", "SSL_CERT_FILE", "SSL_CERT_DIR"];
    // Windows does not tell letters by their size.
    let variable = variable.to_ascii_uppercase();
    DOORS.contains(&variable.as_str())
        || ["WEBVIEW2_", "WEBKIT_INSPECTOR_"].iter().any(|kind| variable.starts_with(kind))
}

/// A released build that was given such variables starts itself anew without them and gives that one's exit code; a debug build is
/// driven by tests.
fn without_doors() -> Option<ExitCode> {
    let variables = std::env::vars_os().map(|(name, _)| name);
    let doors: Vec<_> = variables.filter(|name| is_door(&name.to_string_lossy())).collect();
    if cfg!(any(debug_assertions, feature = "remote-control")) || doors.is_empty() {
        return None;
    }
    let mut again = match std::env::current_exe() {
        Ok(program) => std::process::Command::new(program),
        Err(error) => return Some(fail(&error.to_string())),
    };
    again.args(std::env::args_os().skip(1));
    for door in doors {
        again.env_remove(door);
    }
    Some(in_place_of_this(&mut again))
}

/// Only comes back if that program cannot be started.
#[cfg(unix)]
fn in_place_of_this(program: &mut std::process::Command) -> ExitCode {
    fail(&std::os::unix::process::CommandExt::exec(program).to_string())
}

#[cfg(not(unix))]
fn in_place_of_this(program: &mut std::process::Command) -> ExitCode {
    match program.status() {
        Ok(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            code.map_or(ExitCode::FAILURE, ExitCode::from)
        }
        Err(error) => fail(&error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_a_released_window_to_others_is_a_door() {
        for door in
            ["TAURI_WEBVIEW_AUTOMATION", "WEBVIEW2_USER_DATA_FOLDER", "WebView2_Release_Channel", "GTK_DEBUG"]
        {
            assert!(is_door(door), "{door}");
        }
        for other in ["GTK_MODULES", "HTTPS_PROXY", "DISPLAY", "GTK_THEME", "XDG_DATA_HOME", "UNLATCH_LOG"] {
            assert!(!is_door(other), "{other}");
        }
    }

    #[test]
    fn the_window_stays_on_its_own_pages() {
        let is_own = |text: &str| is_own_page(&Url::parse(text).unwrap());
        assert!(is_own("tauri://localhost/"));
        for foreign in [
            "https://evil.example/",
            "http://localhost:5173/",
            "tauri://evil.example/",
            "data:text/html,x",
            "about:blank",
        ] {
            assert!(!is_own(foreign), "{foreign}");
        }
    }
}

//! From the command line to an open window.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use tauri::plugin::TauriPlugin;
use tauri::{App, Manager, RunEvent};
use unlatch_recovery::{Break, BreakKind, Journal, Verified};
use url::Url;

use crate::args::{self, Args, Asked};
use crate::config::{self, Sources};
use crate::dto::WindowNotice;
use crate::error::CommandError;
use crate::place::Place;
use crate::state::AppState;
use crate::tenancies::{self, Tenancies};
use crate::{commands, lock, logging, session};

/// Where machine policy lies.
const POLICY: &str = "/etc/unlatch/policy.toml";

/// Reads the command line, opens the window and runs until it closes.
pub fn run() -> ExitCode {
    if let Some(code) = without_remote_control() {
        return code;
    }
    let args = match args::parse(std::env::args_os().skip(1)) {
        Ok(Asked::Start(args)) => args,
        Ok(Asked::VerifyJournal(args)) => return verify_journal(&args),
        Ok(Asked::Print(text)) => {
            say(&text);
            return ExitCode::SUCCESS;
        }
        Err(text) => return fail(&text),
    };
    let Some(data_folder) = data_folder(&args) else { return fail(NO_FOLDER) };
    if let Err(error) = create_private(&data_folder) {
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
    let builder = commands::builder();
    let outcome = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, _, _| {
            if let Some(window) = app.get_webview_window("main") {
                // A window that cannot be raised is still there.
                let _ = window.unminimize();
                let _ = window.set_focus();
            }
            if let Some(state) = app.try_state::<AppState>() {
                state.notify(WindowNotice::StartedAgain);
            }
        }))
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
        .setup(move |app| {
            set_up(app, &args, data_folder)?;
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

const NO_FOLDER: &str = "no folder for data was found; name one with --data-dir";

fn data_folder(args: &Args) -> Option<PathBuf> {
    args.data_dir.clone().or_else(|| dirs::data_local_dir().map(|dir| dir.join("unlatch")))
}

/// Says whether the journal of each tenant is as it was written. 0 if all are, 1 if one is not, 2 if one cannot be read.
fn verify_journal(args: &Args) -> ExitCode {
    let Some(folder) = data_folder(args) else { return fail(NO_FOLDER) };
    let folders =
        if args.demo { vec![tenancies::demo_folder(&folder)] } else { tenancies::journal_folders(&folder) };
    if folders.is_empty() {
        return fail(&format!("{}: there is no journal yet", folder.display()));
    }
    let mut whole = true;
    for folder in &folders {
        say(&format!("journal  {}", folder.display()));
        match Journal::verify_in(folder) {
            Ok(verified) => whole &= say_verified(verified),
            Err(error) => return fail(&error.to_string()),
        }
    }
    if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Says what was found in one journal, and gives whether it is whole.
fn say_verified(Verified { entries, head, broken }: Verified) -> bool {
    if let Some(head) = head {
        say(&format!("entries  {entries}\nnewest   {head}"));
    } else {
        say("entries  0");
    }
    let Some(Break { seq, run, what }) = broken else {
        say("The journal is whole: nothing was changed, taken out or put in.");
        return true;
    };
    let what = match what {
        BreakKind::Changed => "the entry, or the order of the entries, was changed",
        BreakKind::Missing => "the entry is not there any more",
        BreakKind::Header => "what was confirmed for the run was changed: who, why, or which devices",
    };
    let run = run.map(|run| format!(", of run {run}")).unwrap_or_default();
    say(&format!(
        "The journal is not whole. It breaks at entry {seq}{run}: {what}. Whatever comes after it proves nothing."
    ));
    false
}

/// Whether a window can be opened at all. GTK ends a program that asks in vain.
fn has_display() -> bool {
    !cfg!(target_os = "linux")
        || ["WAYLAND_DISPLAY", "DISPLAY"]
            .iter()
            .any(|variable| std::env::var_os(variable).is_some_and(|value| !value.is_empty()))
}

/// Puts the first place behind the window. The kept sign-in is looked for while the window opens.
fn set_up(app: &App, args: &Args, data_folder: PathBuf) -> Result<(), CommandError> {
    let user = args.config.clone().or_else(|| dirs::config_dir().map(|dir| dir.join("unlatch/config.toml")));
    let user = user.unwrap_or_else(|| data_folder.join("config.toml"));
    tracing::info!(version = env!("CARGO_PKG_VERSION"), demo = args.demo, "unlatch starts");
    let sources = Sources { policy: cfg!(unix).then(|| PathBuf::from(POLICY)), user };
    let settings = config::load(&sources);
    let tenancies = Arc::new(Tenancies::new(&data_folder));
    let demo =
        if args.demo { Some(tauri::async_runtime::block_on(Place::demo(tenancies.clone()))?) } else { None };
    app.manage(AppState::new(sources, data_folder, settings, tenancies, Place::keychain(), demo));
    tauri::async_runtime::spawn(lock::watch(app.handle().clone()));
    tauri::async_runtime::spawn(lock::empty_when_sent(app.handle().clone()));
    let handle = app.handle().clone();
    tauri::async_runtime::spawn(async move {
        let state = handle.state::<AppState>();
        let shown = state.shown();
        let others: Vec<Arc<Place>> =
            state.places().all().filter(|place| !Arc::ptr_eq(place, &shown)).cloned().collect();
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
    Ok(())
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

/// Makes a folder, for this user alone.
fn create_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Two environment variables open the webview to remote control even in released builds: one of WebKitGTK's, one of WebView2's.
/// A released build starts itself anew without them and gives that one's exit code; a debug build is driven by tests.
fn without_remote_control() -> Option<ExitCode> {
    const DOORS: [&str; 2] = ["TAURI_WEBVIEW_AUTOMATION", "WEBVIEW2_ADDITIONAL_BROWSER_ARGUMENTS"];
    if cfg!(any(debug_assertions, feature = "remote-control"))
        || DOORS.iter().all(|door| std::env::var_os(door).is_none())
    {
        return None;
    }
    let mut again = match std::env::current_exe() {
        Ok(program) => std::process::Command::new(program),
        Err(error) => return Some(fail(&error.to_string())),
    };
    again.args(std::env::args_os().skip(1));
    for door in DOORS {
        again.env_remove(door);
    }
    Some(match again.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => fail(&error.to_string()),
    })
}

#[allow(clippy::print_stderr, reason = "said to the terminal before there is a window or a log")]
fn fail(text: &str) -> ExitCode {
    eprintln!("unlatch: {text}");
    ExitCode::from(2)
}

#[allow(clippy::print_stdout, reason = "answers what was asked for at the terminal")]
fn say(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

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

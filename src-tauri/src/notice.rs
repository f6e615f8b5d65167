//! A notification of the operating system when a run has ended and the window is not in front.

use tauri::{AppHandle, Manager, UserAttentionType};
use unlatch_recovery::{RunCounts, RunState, RunSummary};

use crate::language;
use crate::state::AppState;

/// Tells that a run has sent what it had to send, unless the window is in front. It names no device and nobody, as others may see it.
pub fn run_ended(app: &AppHandle, run: &RunSummary) {
    let Some(window) = app.get_webview_window("main") else { return };
    if window.is_focused().unwrap_or(false) && !window.is_minimized().unwrap_or(false) {
        return;
    }
    let language = app.state::<AppState>().settings().language;
    let (title, body) = words(run.state, run.counts, language::speaks_spanish(language.as_deref()));
    show(app.config().identifier.clone(), title, body);
    // Where the taskbar can say so, it does.
    let _ = window.request_user_attention(Some(UserAttentionType::Informational));
}

/// Shows it from a thread that may wait for the desktop.
fn show(identifier: String, title: &'static str, body: String) {
    tauri::async_runtime::spawn_blocking(move || {
        let mut notification = notify_rust::Notification::new();
        notification.appname("Unlatch").summary(title).body(&body).auto_icon();
        #[cfg(windows)]
        notification.app_id(&identifier);
        #[cfg(target_os = "macos")]
        // Refused when it was said before.
        let _ = notify_rust::set_application(&identifier);
        tracing::debug!(identifier, "a notification is shown");
        if let Err(error) = notification.show() {
            tracing::info!(%error, "no notification could be shown");
        }
    });
}

fn words(state: RunState, counts: RunCounts, spanish: bool) -> (&'static str, String) {
    let accepted = counts.accepted + counts.done + counts.answered;
    let pick = |english: &'static str, other: &'static str| if spanish { other } else { english };
    let title = match state {
        RunState::Cancelled => pick("Recovery cancelled", "Recuperación cancelada"),
        RunState::JournalFailed => pick("Recovery stopped", "Recuperación detenida"),
        RunState::SignInNeeded => {
            pick("Recovery waits for a sign-in", "La recuperación espera un inicio de sesión")
        }
        // A run whose confirmation is more than a day old ends so while the window is open.
        RunState::Interrupted => pick("Recovery interrupted", "Recuperación interrumpida"),
        _ => pick("Recovery sent", "Recuperación enviada"),
    };
    let word = |count: u32, one: [&'static str; 2], several: [&'static str; 2]| {
        let [english, other] = if count == 1 { one } else { several };
        format!("{count} {}", pick(english, other))
    };
    let mut told = vec![word(accepted, ["accepted", "aceptada"], ["accepted", "aceptadas"])];
    let refused = ["refused or stopped", "rechazada o detenida"];
    for (count, one, several) in [
        (counts.failed, refused, ["refused or stopped", "rechazadas o detenidas"]),
        (counts.unconfirmed, ["unconfirmed", "sin confirmar"], ["unconfirmed", "sin confirmar"]),
        (counts.waiting + counts.not_sent, ["not sent", "sin enviar"], ["not sent", "sin enviar"]),
    ] {
        if count > 0 {
            told.push(word(count, one, several));
        }
    }
    let devices = word(counts.total, ["device", "dispositivo"], ["devices", "dispositivos"]);
    (title, format!("{devices}: {}.", told.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_counts_in_either_language() {
        let counts =
            RunCounts { total: 12, accepted: 7, done: 1, failed: 3, unconfirmed: 1, ..Default::default() };
        let (title, body) = words(RunState::Finished, counts, false);
        assert_eq!(
            (title, body.as_str()),
            ("Recovery sent", "12 devices: 8 accepted, 3 refused or stopped, 1 unconfirmed.")
        );
        let (title, body) = words(RunState::Cancelled, counts, true);
        let single = RunCounts { total: 1, accepted: 1, ..Default::default() };
        assert_eq!(words(RunState::Finished, single, true).1, "1 dispositivo: 1 aceptada.");
        assert_eq!(words(RunState::Interrupted, single, false).0, "Recovery interrupted");
        assert_eq!(title, "Recuperación cancelada");
        assert_eq!(body, "12 dispositivos: 8 aceptadas, 3 rechazadas o detenidas, 1 sin confirmar.");
    }
}

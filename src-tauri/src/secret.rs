//! A passcode on its way out: on the screen and in the clipboard.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use arboard::Clipboard;
use tauri::{AppHandle, Manager};
use unlatch_graph::Passcode;

use crate::error::CommandError;

/// How long a copied passcode stays in the clipboard.
const STAYS: Duration = Duration::from_secs(60);
/// How often clearing is tried, a second apart, while somebody else holds the clipboard.
const TRIES: usize = 30;

/// The clipboard, and the secret that was put into it last.
#[derive(Clone, Default)]
pub struct SecretClipboard(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    /// Kept, as what was copied goes with it on X11 and Wayland.
    clipboard: Option<Clipboard>,
    secret: Option<Passcode>,
    /// How often something was copied, so that an older timer clears nothing newer.
    copies: u64,
}

impl SecretClipboard {
    /// Copies a passcode, marked as a secret for clipboard histories, and clears it after 60 seconds if it is still there.
    ///
    /// # Errors
    /// `Internal` if there is no clipboard.
    pub async fn copy(&self, passcode: Passcode) -> Result<(), CommandError> {
        let this = self.clone();
        let put = tauri::async_runtime::spawn_blocking(move || this.put(passcode));
        let copies = put.await.map_err(CommandError::internal)??;
        let this = self.clone();
        tauri::async_runtime::spawn(async move {
            // By the clock on the wall: the other one stands still while a machine sleeps.
            let until = SystemTime::now() + STAYS;
            while until.duration_since(SystemTime::now()).is_ok_and(|left| !left.is_zero() && left <= STAYS) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            this.clear_until_done(Some(copies)).await;
        });
        Ok(())
    }

    fn put(&self, passcode: Passcode) -> Result<u64, CommandError> {
        let mut held = self.held();
        if held.clipboard.is_none() {
            held.clipboard = Some(Clipboard::new().map_err(CommandError::internal)?);
        }
        // Known before it is out, as a failure may come after the text was set.
        held.copies += 1;
        let copies = held.copies;
        let Held { clipboard, secret, .. } = &mut *held;
        let secret = secret.insert(passcode);
        if let Some(clipboard) = clipboard {
            let set = clipboard.set();
            #[cfg(target_os = "linux")]
            let set = arboard::SetExtLinux::exclude_from_history(set);
            #[cfg(target_os = "windows")]
            let set =
                arboard::SetExtWindows::exclude_from_history(arboard::SetExtWindows::exclude_from_cloud(
                    arboard::SetExtWindows::exclude_from_monitoring(set),
                ));
            #[cfg(target_os = "macos")]
            let set = arboard::SetExtApple::exclude_from_history(set);
            if let Err(error) = set.text(secret.expose()) {
                drop(held);
                self.clear(Some(copies));
                return Err(CommandError::internal(error));
            }
        }
        Ok(copies)
    }

    /// Clears the clipboard if the secret is still in it; with a number only if that was the newest copy. Gives whether nothing is left
    /// to be done: somebody else may hold the clipboard for a moment.
    pub fn clear(&self, copy: Option<u64>) -> bool {
        let mut held = self.held();
        if copy.is_some_and(|copy| copy != held.copies) {
            return true;
        }
        let Held { clipboard, secret, .. } = &mut *held;
        let (Some(clipboard), Some(ours)) = (clipboard, secret.as_ref()) else { return true };
        let is_over = match clipboard.get_text() {
            Ok(text) if text == ours.expose() => clipboard.clear().is_ok(),
            Ok(_) | Err(arboard::Error::ContentNotAvailable) => true,
            Err(_) => false,
        };
        if is_over {
            *secret = None;
        }
        is_over
    }

    /// Clears it now, and goes on trying for a while. For when the window is locked or somebody signs out.
    pub fn clear_soon(&self) {
        let this = self.clone();
        tauri::async_runtime::spawn(async move { this.clear_until_done(None).await });
    }

    async fn clear_until_done(&self, copy: Option<u64>) {
        for _ in 0..TRIES {
            let this = self.clone();
            // The clipboard's owner may be slow to answer, which holds nobody else up.
            if tauri::async_runtime::spawn_blocking(move || this.clear(copy)).await.unwrap_or(true) {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        tracing::warn!("the clipboard could not be cleared");
    }

    /// The application ends. On Linux the text goes with it; elsewhere the clipboard is cleared, but not waited for without end.
    pub fn end(&self) {
        if cfg!(target_os = "linux") {
            return;
        }
        let (this, (done, wait)) = (self.clone(), std::sync::mpsc::channel());
        std::thread::spawn(move || {
            this.clear(None);
            // Nobody may wait any more.
            let _ = done.send(());
        });
        let _ = wait.recv_timeout(Duration::from_secs(2));
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the window out of screenshots and recordings while a passcode is on it, where the operating system can: on Windows and macOS.
pub fn guard(app: &AppHandle, on: bool) {
    if let Some(window) = app.get_webview_window("main")
        && let Err(error) = window.set_content_protected(on)
    {
        tracing::warn!(%error, on, "the window's protection from capture could not be changed");
    }
}

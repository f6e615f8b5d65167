//! A passcode on its way out: on the screen and in the clipboard.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arboard::Clipboard;
use tauri::{AppHandle, Manager};
use unlatch_graph::Passcode;

use crate::error::CommandError;

/// How long a copied passcode stays in the clipboard.
const STAYS: Duration = Duration::from_secs(60);

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
            tokio::time::sleep(STAYS).await;
            let clear = tauri::async_runtime::spawn_blocking(move || this.clear(Some(copies)));
            // The clipboard is cleared in any case when the application ends.
            let _ = clear.await;
        });
        Ok(())
    }

    fn put(&self, passcode: Passcode) -> Result<u64, CommandError> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.clipboard.is_none() {
            held.clipboard = Some(Clipboard::new().map_err(CommandError::internal)?);
        }
        if let Some(clipboard) = &mut held.clipboard {
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
            set.text(passcode.expose()).map_err(CommandError::internal)?;
        }
        held.secret = Some(passcode);
        held.copies += 1;
        Ok(held.copies)
    }

    /// Clears the clipboard if the secret is still in it; with a number only if that was the newest copy.
    pub fn clear(&self, copy: Option<u64>) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if copy.is_some_and(|copy| copy != held.copies) {
            return;
        }
        let Some(secret) = held.secret.take() else { return };
        let Some(clipboard) = &mut held.clipboard else { return };
        if clipboard.get_text().is_ok_and(|text| text == secret.expose())
            && let Err(error) = clipboard.clear()
        {
            tracing::warn!(%error, "the clipboard could not be cleared");
        }
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

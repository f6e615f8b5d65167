//! A session and a display together: what one test needs to open windows in.

use std::fs;
use std::path::{Path, PathBuf};

use crate::canary::files_below;
use crate::display::Display;
use crate::failure::Failure;
use crate::session::{Keychain, Session};

/// A session with a virtual display, and a folder for what is to be kept of it.
#[derive(Debug)]
pub struct Stage {
    // The session ends first: its windows need the display.
    session: Session,
    display: Display,
    evidence: PathBuf,
}

impl Stage {
    /// Sets a stage. `name` names the folder under `target/e2e` that gets the evidence of a failure.
    ///
    /// # Errors
    /// When the display or the session does not come up.
    pub fn set(name: &str, keychain: Keychain) -> Result<Self, Failure> {
        let session = Session::start(keychain)?;
        let display = Display::start(session.folder())?;
        let evidence = crate::target_folder()?.join("e2e").join(name);
        if evidence.exists() {
            fs::remove_dir_all(&evidence)?;
        }
        Ok(Self { session, display, evidence })
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The display.
    #[must_use]
    pub fn display(&self) -> &Display {
        &self.display
    }

    /// The folder given to Unlatch as `--data-dir`.
    #[must_use]
    pub fn data_folder(&self) -> PathBuf {
        self.session.folder().join("unlatch")
    }

    /// The journals in the data folder, one for each tenant that somebody signed in to.
    #[must_use]
    pub fn journals(&self) -> Vec<PathBuf> {
        let tenants = files_below(&self.data_folder().join("tenants"));
        tenants.into_iter().filter(|file| file.ends_with("journal.sqlite")).collect()
    }

    /// Writes a configuration file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_config(&self, text: &str) -> Result<PathBuf, Failure> {
        let file = self.session.folder().join("config.toml");
        fs::write(&file, text)?;
        Ok(file)
    }

    /// Keeps a screenshot, the page's source and the application's output. A failure here is not the test's.
    pub(crate) fn keep_evidence(&self, source: Option<&str>, log: &Path) -> PathBuf {
        let _ = fs::create_dir_all(&self.evidence);
        let _ = self.display.capture(&self.evidence.join("screen.png"));
        if let Some(source) = source {
            let _ = fs::write(self.evidence.join("page.html"), source);
        }
        let _ = fs::copy(log, self.evidence.join("output.log"));
        self.evidence.clone()
    }
}

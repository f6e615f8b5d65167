//! What the commands share: settings, and the places that were opened.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tauri::ipc::Channel;

use crate::config::{Settings, Sources};
use crate::dto::{ConfigProblem, Mode, WindowNotice};
use crate::place::Place;

/// State of the whole application.
pub struct AppState {
    /// Where settings come from.
    pub sources: Sources,
    /// The folder of the journal and the logs.
    pub data_folder: PathBuf,
    /// Settings in force and what is wrong with their files.
    pub settings: RwLock<(Settings, Vec<ConfigProblem>)>,
    places: RwLock<Places>,
    /// Held while the place is being changed, so that two changes never cross.
    pub changing: tokio::sync::Mutex<()>,
    /// True once a kept sign-in was looked for.
    pub restored: tokio::sync::watch::Sender<bool>,
    listener: Mutex<Option<Channel<WindowNotice>>>,
}

/// The place behind the window, and the one it was exchanged for: one of them is the demo tenant, the other is not.
/// A place stays open with its runs while the other is shown.
struct Places {
    shown: Arc<Place>,
    other: Option<Arc<Place>>,
}

impl AppState {
    /// State on a first place.
    pub fn new(
        sources: Sources,
        data_folder: PathBuf,
        settings: (Settings, Vec<ConfigProblem>),
        place: Place,
    ) -> Self {
        Self {
            sources,
            data_folder,
            settings: RwLock::new(settings),
            places: RwLock::new(Places { shown: Arc::new(place), other: None }),
            changing: tokio::sync::Mutex::new(()),
            restored: tokio::sync::watch::Sender::new(false),
            listener: Mutex::default(),
        }
    }

    /// What is behind the window now.
    pub fn place(&self) -> Arc<Place> {
        self.places.read().unwrap_or_else(PoisonError::into_inner).shown.clone()
    }

    /// Puts a place of the other kind behind the window.
    pub fn show(&self, place: Place) {
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        places.other = Some(std::mem::replace(&mut places.shown, Arc::new(place)));
    }

    /// Puts the demo tenant, or what is not the demo tenant, back behind the window. False if it was never opened.
    pub fn show_again(&self, demo: bool) -> bool {
        let mut guard = self.places.write().unwrap_or_else(PoisonError::into_inner);
        let places = &mut *guard;
        if (places.shown.mode == Mode::Demo) == demo {
            return true;
        }
        let Some(other) = &mut places.other else { return false };
        std::mem::swap(&mut places.shown, other);
        true
    }

    /// What is not the demo tenant, if it was opened.
    pub fn home(&self) -> Option<Arc<Place>> {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        [Some(&places.shown), places.other.as_ref()]
            .into_iter()
            .flatten()
            .find(|place| place.mode != Mode::Demo)
            .cloned()
    }

    /// Exchanges what is not the demo tenant, whether it is behind the window or not.
    pub fn exchange_home(&self, place: Place) -> Arc<Place> {
        let home = Arc::new(place);
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        if places.shown.mode == Mode::Demo {
            places.other = Some(home.clone());
        } else {
            places.shown = home.clone();
        }
        home
    }

    /// Tells the window from now on through this channel.
    pub fn listen(&self, listener: Channel<WindowNotice>) {
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
    }

    /// Tells the window, if it listens.
    pub fn notify(&self, notice: WindowNotice) {
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(error)) = listener.as_ref().map(|listener| listener.send(notice)) {
            tracing::debug!(%error, "the window does not listen");
        }
    }

    /// A copy of the settings in force.
    pub fn settings(&self) -> Settings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).0.clone()
    }
}

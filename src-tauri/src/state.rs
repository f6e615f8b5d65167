//! What the commands share: settings, and the places that were opened.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tauri::ipc::Channel;
use tokio_util::sync::CancellationToken;
use unlatch_auth::{Registration, Vault};
use unlatch_settings::{PolicyRead, Problem, Settings, Sources};

use crate::dto::{Mode, WindowNotice};
use crate::error::CommandError;
use crate::lock::IdleLock;
use crate::place::{COLOURS, Place};
use crate::runs::Watched;
use crate::secret::SecretClipboard;
use crate::tenancies::Tenancies;

/// Something of which only the newest goes on.
#[derive(Default)]
pub struct Newest(Mutex<CancellationToken>);

impl Newest {
    /// Begins the newest and ends the one before. The token ends when another one begins.
    pub fn begin(&self) -> CancellationToken {
        let token = CancellationToken::new();
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *newest, token.clone()).cancel();
        token
    }
}

/// State of the whole application.
pub struct AppState {
    /// Where settings come from.
    pub sources: Sources,
    /// The folder of the journal and the logs.
    pub data_folder: PathBuf,
    /// The reading of policy that is in force.
    pub policy: Mutex<PolicyRead>,
    /// Settings in force and what is wrong with their files.
    pub settings: RwLock<(Settings, Vec<Problem>)>,
    /// The journals and request limits of all tenants.
    pub tenancies: Arc<Tenancies>,
    places: RwLock<Places>,
    /// Set for root who came for the demo tenant: no other may be used.
    pub demo_only: bool,
    /// Held while the place is being changed, so that two changes never cross.
    pub changing: tokio::sync::Mutex<()>,
    /// True once a kept sign-in was looked for.
    pub restored: tokio::sync::watch::Sender<bool>,
    /// Whether the window is locked, and since when nobody has touched it.
    pub lock: Arc<IdleLock>,
    /// The question about a tenant that is being named.
    tenant_check: Newest,
    /// The run that the window is told of, which draws one at a time.
    pub telling: Newest,
    listener: tokio::sync::watch::Sender<Option<Channel<WindowNotice>>>,
    /// Runs that are watched over.
    pub watched: Watched,
    /// Where a copied passcode is for a minute.
    pub clipboard: SecretClipboard,
}

/// The places that were opened. One is shown; the others stay open with their runs.
pub struct Places {
    /// What the settings name first, or a place without a tenant.
    home: Arc<Place>,
    /// The further tenants.
    further: Vec<Arc<Place>>,
    /// Those that the settings name no more, until they are signed out.
    leaving: Vec<Arc<Place>>,
    demo: Option<Arc<Place>>,
    /// The id of the one behind the window.
    shown: String,
}

impl Places {
    /// Every place, the demo tenant last.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Place>> {
        self.tenants().chain(&self.demo)
    }

    /// Every place but the demo tenant.
    pub fn tenants(&self) -> impl Iterator<Item = &Arc<Place>> {
        std::iter::once(&self.home).chain(&self.further).chain(&self.leaving)
    }

    fn get(&self, id: &str) -> Option<&Arc<Place>> {
        self.all().find(|place| place.id() == id)
    }

    /// What is behind the window.
    pub fn shown(&self) -> &Arc<Place> {
        self.get(&self.shown).unwrap_or(&self.home)
    }

    /// The colour of a place, which no other has as long as there are colours. Those that were there first keep theirs.
    pub fn colour(&self, id: &str) -> u8 {
        let mut taken = Vec::new();
        for place in self.all() {
            let preferred = place.preferred_colour();
            let free =
                (0..COLOURS).map(|step| (preferred + step) % COLOURS).find(|colour| !taken.contains(colour));
            let colour = free.unwrap_or(preferred);
            if place.id() == id {
                return colour;
            }
            taken.push(colour);
        }
        0
    }

    /// What the settings name first.
    pub fn home(&self) -> &Arc<Place> {
        &self.home
    }

    /// The further tenants.
    pub fn further(&self) -> &[Arc<Place>] {
        &self.further
    }

    /// The places that the settings name no more.
    pub fn leaving(&self) -> &[Arc<Place>] {
        &self.leaving
    }

    /// Puts the places that the settings name now where the others were. Tenants that are not among them are leaving.
    pub fn rename(&mut self, home: Arc<Place>, further: Vec<Arc<Place>>) {
        let before: Vec<Arc<Place>> = self.tenants().cloned().collect();
        (self.home, self.further, self.leaving) = (home, further, Vec::new());
        let gone = before.into_iter().filter(|place| place.mode == Mode::Tenant);
        self.leaving = gone.filter(|place| self.get(&place.id()).is_none()).collect();
        if self.get(&self.shown).is_none() {
            self.shown = self.home.id();
        }
    }

    /// Puts another place where the first one is, behind the window if that one was.
    pub fn exchange_home(&mut self, place: Arc<Place>) {
        if self.shown == self.home.id() {
            self.shown = place.id();
        }
        self.home = place;
    }

    /// Puts a place beside the others.
    pub fn add(&mut self, place: Arc<Place>) {
        match place.mode {
            Mode::Demo => self.demo = Some(place),
            Mode::Tenant | Mode::Unconfigured => self.further.push(place),
        }
    }

    /// Takes a further tenant, or one that is leaving, away. The first one takes its place behind the window.
    pub fn remove(&mut self, id: &str) {
        self.further.retain(|place| place.id() != id);
        self.leaving.retain(|place| place.id() != id);
        if self.shown == id {
            self.shown = self.home.id();
        }
    }

    /// Puts a place behind the window. False if there is none of that id.
    pub fn show(&mut self, id: &str) -> bool {
        let known = self.get(id).is_some();
        if known {
            self.shown = id.to_owned();
        }
        known
    }
}

impl AppState {
    /// State on the places that the settings name, whose sign-ins are kept in `vault`, and the demo tenant's, which is shown then.
    pub fn new(
        sources: Sources,
        data_folder: PathBuf,
        settings: (Settings, Vec<Problem>),
        tenancies: Arc<Tenancies>,
        vault: Vault,
        demo: Option<Place>,
    ) -> Self {
        let make = |registration| Arc::new(Place::configured(registration, vault.clone(), tenancies.clone()));
        let (home, further) = named(&settings.0, &[], make);
        let mut places = Places { shown: home.id(), home, further, leaving: Vec::new(), demo: None };
        if let Some(demo) = demo {
            places.shown = demo.id();
            places.add(Arc::new(demo));
        }
        Self {
            sources,
            data_folder,
            policy: Mutex::default(),
            settings: RwLock::new(settings),
            tenancies,
            places: RwLock::new(places),
            demo_only: false,
            changing: tokio::sync::Mutex::new(()),
            restored: tokio::sync::watch::Sender::new(false),
            lock: Arc::default(),
            tenant_check: Newest::default(),
            telling: Newest::default(),
            listener: tokio::sync::watch::Sender::default(),
            watched: Watched::default(),
            clipboard: SecretClipboard::default(),
        }
    }

    /// The places, to be looked at.
    pub fn places(&self) -> RwLockReadGuard<'_, Places> {
        self.places.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The places, to be changed.
    pub fn places_mut(&self) -> RwLockWriteGuard<'_, Places> {
        self.places.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a registration on the same keychain as the others, not yet among them.
    pub fn place_for(&self, registration: Option<Registration>) -> Arc<Place> {
        let vault = self.places().home().vault.clone();
        let place = Place::configured(registration, vault, self.tenancies.clone());
        place.allow(self.settings().allowed_tenants);
        Arc::new(place)
    }

    /// What is behind the window now, locked or not.
    pub fn shown(&self) -> Arc<Place> {
        self.places().shown().clone()
    }

    /// What is behind the window now.
    ///
    /// # Errors
    /// `Locked` while the window is, `SignedOut` where the keychain has not given the sign-in back since, and as [`Self::usable`].
    pub fn place(&self) -> Result<Arc<Place>, CommandError> {
        self.lock.expect_open()?;
        let shown = self.usable(self.shown())?;
        if shown.is_locked() && shown.has_desk() { Err(CommandError::signed_out()) } else { Ok(shown) }
    }

    /// Returns what is behind the window now, to be read only, even where policy does not let it be used.
    ///
    /// # Errors
    /// As [`Self::place`], but for [`Self::usable`].
    pub fn place_to_read(&self) -> Result<Arc<Place>, CommandError> {
        self.lock.expect_open()?;
        let shown = self.shown();
        if shown.is_locked() && shown.has_desk() { Err(CommandError::signed_out()) } else { Ok(shown) }
    }

    /// A place, if it may be used now. The demo tenant always may.
    ///
    /// # Errors
    /// `Config` while policy cannot be read, as what it forbids is not known then; `Forbidden` for root who came for the demo, and for a
    /// tenant that policy no longer names or allows.
    pub fn usable(&self, place: Arc<Place>) -> Result<Arc<Place>, CommandError> {
        if place.mode == Mode::Demo {
            return Ok(place);
        }
        if self.demo_only {
            return Err(CommandError::forbidden("as root, the demo tenant only, without --allow-root"));
        }
        if self.settings().policy_broken {
            return Err(CommandError::config("policy cannot be used; `unlatch policy` says why"));
        }
        place.expect_named()?;
        Ok(place)
    }

    /// Begins a question about a tenant and ends the one before it.
    pub fn newest_tenant_check(&self) -> CancellationToken {
        self.tenant_check.begin()
    }

    /// Tells the window from now on through this channel.
    pub fn listen(&self, listener: Channel<WindowNotice>) {
        self.listener.send_replace(Some(listener));
    }

    /// Waits until the window listens.
    pub async fn until_heard(&self) {
        // The sender lives as long as the state, so waiting cannot fail.
        let _ = self.listener.subscribe().wait_for(Option::is_some).await;
    }

    /// Tells the window, if it listens.
    pub fn notify(&self, notice: WindowNotice) {
        if let Some(Err(error)) = self.listener.borrow().as_ref().map(|listener| listener.send(notice)) {
            tracing::debug!(%error, "the window does not listen");
        }
    }

    /// Returns a copy of the reading of policy that is in force.
    pub fn policy(&self) -> PolicyRead {
        self.policy.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A copy of the settings in force.
    pub fn settings(&self) -> Settings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).0.clone()
    }
}

/// Returns the places that the settings name, the first one apart. One of `there` stays the same.
pub fn named(
    settings: &Settings,
    there: &[Arc<Place>],
    make: impl Fn(Option<Registration>) -> Arc<Place>,
) -> (Arc<Place>, Vec<Arc<Place>>) {
    let place = |registration| {
        let made = make(registration);
        let place = there.iter().find(|place| place.id() == made.id()).cloned().unwrap_or(made);
        place.allow(settings.allowed_tenants.clone());
        place
    };
    let home = place(settings.registration().ok().flatten());
    let mut further: Vec<Arc<Place>> = Vec::new();
    for registration in settings.further_registrations() {
        let next = place(Some(registration));
        // Named twice, it is one place.
        if home.id() != next.id() && further.iter().all(|other| other.id() != next.id()) {
            further.push(next);
        }
    }
    (home, further)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use unlatch_auth::Cloud;

    use super::*;

    #[test]
    fn no_two_tenants_have_one_colour_and_each_keeps_its_own_when_another_comes() {
        let tenancies = Arc::new(Tenancies::new(Path::new("/dev/null/nowhere")));
        let place = |number: usize| {
            let client = "11111111-2222-3333-4444-555555555555";
            let named =
                Registration::new(Cloud::global(), &format!("tenant-{number}.example"), client).unwrap();
            Arc::new(Place::configured(Some(named), Vault::memory(), tenancies.clone()))
        };
        let home = place(0);
        let mut places =
            Places { shown: home.id(), home, further: Vec::new(), leaving: Vec::new(), demo: None };
        let mut colours = vec![places.colour(&places.home().id())];
        for number in 1..usize::from(COLOURS) {
            let newest = place(number);
            places.add(newest.clone());
            colours.push(places.colour(&newest.id()));
            let now: Vec<u8> = places.all().map(|place| places.colour(&place.id())).collect();
            assert_eq!(now, colours, "a colour changed");
        }
        let mut different = colours.clone();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), colours.len(), "{colours:?}");
        places.add(place(99));
        assert!(places.colour(&place(99).id()) < COLOURS, "more tenants than colours");
    }
}

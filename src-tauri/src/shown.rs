//! What the window was shown on behalf of one account. Only a device that was shown, checked, can be selected, and only what is selected can be
//! planned, by the route it was found on.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use unlatch_graph::{AppId, DetectedApp, User, UserId};
use unlatch_recovery::Plan;
use uuid::Uuid;

use crate::workbench::Workbench;

/// How many plans may wait for their confirmation. The oldest goes first.
const WAITING_PLANS: usize = 8;

/// The people and apps of all searches, the devices of the newest one, what was selected, and the plans made from it.
#[derive(Default)]
pub struct Shown {
    inner: Mutex<Inner>,
    work: Mutex<Workbench>,
}

#[derive(Default)]
struct Inner {
    users: HashMap<UserId, User>,
    apps: HashMap<AppId, DetectedApp>,
    plans: Vec<(Uuid, Plan)>,
    searches: HashMap<&'static str, CancellationToken>,
}

impl Shown {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers people.
    pub fn users(&self, users: &[User]) {
        self.inner().users.extend(users.iter().map(|user| (user.id.clone(), user.clone())));
    }

    /// Remembers apps.
    pub fn apps(&self, apps: &[DetectedApp]) {
        self.inner().apps.extend(apps.iter().map(|app| (app.id.clone(), app.clone())));
    }

    /// The table and the selection, to be looked at or changed. Never held over an await.
    pub fn work(&self) -> MutexGuard<'_, Workbench> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A person that was shown.
    pub fn user(&self, id: &UserId) -> Option<User> {
        self.inner().users.get(id).cloned()
    }

    /// An app that was shown.
    pub fn app(&self, id: &AppId) -> Option<DetectedApp> {
        self.inner().apps.get(id).cloned()
    }

    /// Keeps a plan until it is confirmed and gives it a name.
    pub fn keep_plan(&self, plan: Plan) -> Uuid {
        let id = Uuid::new_v4();
        let mut inner = self.inner();
        while inner.plans.len() >= WAITING_PLANS {
            inner.plans.remove(0);
        }
        inner.plans.push((id, plan));
        id
    }

    /// Takes a plan, so that it starts once; [`put_back`](Self::put_back) if its confirmation does not hold.
    pub fn take_plan(&self, id: Uuid) -> Option<Plan> {
        let mut inner = self.inner();
        let place = inner.plans.iter().position(|(known, _)| *known == id)?;
        Some(inner.plans.remove(place).1)
    }

    /// Puts a plan back to wait for another confirmation.
    pub fn put_back(&self, id: Uuid, plan: Plan) {
        self.inner().plans.push((id, plan));
    }

    /// Starts a search of a kind and ends the one before it.
    pub fn newest_search(&self, kind: &'static str) -> CancellationToken {
        let token = CancellationToken::new();
        if let Some(older) = self.inner().searches.insert(kind, token.clone()) {
            older.cancel();
        }
        token
    }
}

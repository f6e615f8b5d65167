//! recoverPasscode by its three routes, and what a device makes of it.

use http::StatusCode;
use rand::RngExt;
use time::Duration;

use crate::data::{ActionState, Device, ExecutedAction, Recovery, Route};
use crate::exchange::Reply;
use crate::generate::{self, Stream};
use crate::graph::errors::Refusal;
use crate::graph::{Call, apps, devices};
use crate::options::ResultPace;
use crate::tenant::{Tenant, lock};

/// Days of silence after which a device is taken to be in a drawer: it never answers.
const SILENT_DAYS: i64 = 30;

/// Accepts the action: 204, and the outcome later in `deviceActionResults`. `parent` is the user or the app of
/// the route.
///
/// # Errors
/// 400 for an id of the wrong form, 404 for an unknown one or a device that does not belong to the parent.
pub(crate) fn recover(
    tenant: &Tenant,
    call: &Call<'_>,
    route: Route,
    parent: Option<&str>,
    device: &str,
) -> Result<Reply, Refusal> {
    let mut store = lock(&tenant.store);
    let device = devices::find(&store, device)?;
    let belongs = match (route, parent) {
        (Route::User, Some(user)) => {
            let user = store.user(user).ok_or_else(|| Refusal::NoUser(user.to_owned()))?;
            device.user_id.as_deref() == Some(user.id.as_str())
        }
        (Route::DetectedApp, Some(app)) => apps::has_device(&store.apps, app, &device.id)?,
        _ => true,
    };
    if !belongs {
        return Err(Refusal::NoDevice);
    }
    let recovery = recovery(tenant, call, device);
    let executed = ExecutedAction {
        at: call.now,
        device_id: device.id.clone(),
        device_name: device.name.clone(),
        route,
        path: call.request.path.clone(),
        client_request_id: call.request.header("client-request-id").map(str::to_owned),
    };
    store.begin(executed.device_id.clone(), recovery);
    store.executed.push(executed);
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// What will come of it, the same for the same seed and device.
fn recovery(tenant: &Tenant, call: &Call<'_>, device: &Device) -> Recovery {
    let number = device.id.bytes().fold(0u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut rng = generate::stream(tenant.options.seed, Stream::Outcome, number & 0x00ff_ffff_ffff_ffff);
    let draw = rng.random_range(0..100u32);
    let share = rng.random_range(0.0..1.0);
    let outcome = match device.operating_system.as_ref() {
        "iOS" | "iPadOS" if device.is_supervised => match draw {
            0..=87 => ActionState::Done,
            _ => ActionState::Failed,
        },
        "iOS" | "iPadOS" => match draw {
            0..=64 => ActionState::Failed,
            _ => ActionState::NotSupported,
        },
        "Android" => match draw {
            0..=39 => ActionState::Done,
            40..=69 => ActionState::Failed,
            _ => ActionState::NotSupported,
        },
        _ => ActionState::NotSupported,
    };
    // A third of the successes name a passcode. Nothing but Graph's own answer may ever hold it.
    let passcode =
        (outcome == ActionState::Done && rng.random_ratio(1, 3)).then(|| generate::secret_word(&mut rng));
    let heard_of = device.last_sync.is_some_and(|at| call.now - at < Duration::days(SILENT_DAYS));
    let settled_at = match tenant.options.pace.results {
        ResultPace::After { from, to } if heard_of => {
            let spread = to.saturating_sub(from).mul_f64(share);
            Some(call.now + from + spread)
        }
        _ => None,
    };
    let active_at = settled_at.map(|settled| call.now + (settled - call.now) / 2);
    Recovery { started: call.now, active_at, settled_at, outcome, passcode }
}

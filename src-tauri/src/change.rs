//! Puts changed settings in force.

use unlatch_settings::{CloudChoice, LONGEST_IDLE_LOCK, user_file};

use crate::dto::SettingsInput;
use crate::error::CommandError;
use crate::place::Place;
use crate::policy;
use crate::session;
use crate::state::AppState;
use crate::status;

/// Writes what differs into the user's file, reads that anew, and moves to the tenant it names.
///
/// # Errors
/// `Config` with the key that policy fixes or binds, or that cannot be used, or when the file cannot be written; `RunUnderWay` for another
/// tenant while a run goes on in this one; as [`AppState::usable`] for another tenant. Nothing is changed then.
pub async fn settings(state: &AppState, input: &SettingsInput) -> Result<(), CommandError> {
    let before = state.settings();
    let mut after = before.clone();
    after.require_reason = input.require_reason;
    after.idle_lock_minutes = input.idle_lock_minutes;
    after.language = input.language.as_deref().and_then(filled);

    let mut changes: Vec<(&str, Option<toml_edit::Value>)> = Vec::new();
    // What names the first tenant is compared with what the window shows of it.
    let (tenant, client_id, cloud) = status::first(&before);
    if filled(&input.tenant) != tenant {
        after.tenant = filled(&input.tenant);
        changes.push(("tenant", after.tenant.clone().map(Into::into)));
    }
    if filled(&input.client_id) != client_id {
        after.client_id = filled(&input.client_id);
        changes.push(("client_id", after.client_id.clone().map(Into::into)));
    }
    if input.cloud != status::cloud_name(&cloud) {
        after.cloud = CloudChoice::Named(input.cloud.clone());
        changes.push(("cloud", Some(input.cloud.clone().into())));
    }
    if after.require_reason != before.require_reason {
        changes.push(("require_reason", Some(after.require_reason.into())));
    }
    if after.idle_lock_minutes != before.idle_lock_minutes {
        if after.idle_lock_minutes > LONGEST_IDLE_LOCK {
            let reason = format!("idle_lock_minutes: must be from 0 to {}", LONGEST_IDLE_LOCK);
            return Err(CommandError::config(reason));
        }
        changes.push(("idle_lock_minutes", Some(i64::from(after.idle_lock_minutes).into())));
    }
    if after.language != before.language {
        changes.push(("language", after.language.clone().map(Into::into)));
    }
    if let Some((key, _)) = changes.iter().find(|(key, _)| before.is_locked(key)) {
        return Err(CommandError::config(format!("{key} is set by your organisation")));
    }
    unlatch_settings::cloud(&after.cloud)
        .map_err(|reason| CommandError::config(format!("cloud: {reason}")))?;
    if let Some(language) = &after.language {
        unlatch_settings::is_language(language)
            .map_err(|reason| CommandError::config(format!("language: {reason}")))?;
    }
    let registration = after.registration();
    let registration =
        registration.map_err(|(key, reason)| CommandError::config(format!("{key}: {reason}")))?;
    let home = state.places().home().clone();
    // While policy is broken, which tenant it names is not known: the first one stays where it is, and cannot be used.
    let moves = home.registration != registration && !before.policy_broken;
    if moves {
        stand_still(&home).await?;
        let place = state.usable(state.place_for(registration))?;
        if state.places().further().iter().any(|further| further.id() == place.id()) {
            return Err(CommandError::tenant_known());
        }
    }
    user_file::save(&state.sources.user, &changes).map_err(CommandError::config)?;

    let policy = state.policy();
    let (loaded, _) = policy.load_again(&state.sources.user, &before);
    if moves && home.registration != loaded.registration().ok().flatten() {
        // The person left it, and may come back to the sign-in that is kept.
        session::cancel(&home);
        let nowhere = state.place_for(None);
        state.places_mut().exchange_home(nowhere);
    }
    policy::put_in_force(state, policy).await;
    Ok(())
}

/// Another tenant must wait until no run of this one is under way: it could no longer be found there to be stopped.
///
/// # Errors
/// `RunUnderWay`, or why the journal cannot be read.
pub async fn stand_still(home: &Place) -> Result<(), CommandError> {
    let Ok(engine) = home.engine() else { return Ok(()) };
    if engine.runs(None).await?.iter().any(|run| run.state.is_active()) {
        return Err(CommandError::run_under_way());
    }
    Ok(())
}

fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

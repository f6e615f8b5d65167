//! Puts changed settings in force.

use std::sync::PoisonError;

use crate::config::{self, CloudChoice};
use crate::dto::SettingsInput;
use crate::error::CommandError;
use crate::state::AppState;
use crate::{place, session};

/// Writes what differs into the user's file, reads everything anew, and moves to the tenant it names.
///
/// # Errors
/// `Config` with the key that policy fixes or that cannot be used, or when the file cannot be written. Nothing is changed then.
pub async fn settings(state: &AppState, input: &SettingsInput) -> Result<(), CommandError> {
    let before = state.settings();
    let mut after = before.clone();
    after.tenant = filled(&input.tenant);
    after.client_id = filled(&input.client_id);
    if input.cloud != "custom" {
        after.cloud = CloudChoice::Named(input.cloud.clone());
    }
    after.require_reason = input.require_reason;
    after.language = input.language.as_deref().and_then(filled);

    let mut changes: Vec<(&str, Option<toml_edit::Value>)> = Vec::new();
    if after.tenant != before.tenant {
        changes.push(("tenant", after.tenant.clone().map(Into::into)));
    }
    if after.client_id != before.client_id {
        changes.push(("client_id", after.client_id.clone().map(Into::into)));
    }
    if after.cloud != before.cloud {
        changes.push(("cloud", Some(input.cloud.clone().into())));
    }
    if after.require_reason != before.require_reason {
        changes.push(("require_reason", Some(after.require_reason.into())));
    }
    if after.language != before.language {
        changes.push(("language", after.language.clone().map(Into::into)));
    }
    if let Some((key, _)) = changes.iter().find(|(key, _)| before.locked.iter().any(|locked| locked == key)) {
        return Err(CommandError::config(format!("{key} is set by your organisation")));
    }
    after.registration().map_err(|(key, reason)| CommandError::config(format!("{key}: {reason}")))?;
    config::save(&state.sources.user, &changes).map_err(CommandError::config)?;

    let loaded = config::load(&state.sources);
    let moved = loaded.0.registration().ok() != before.registration().ok();
    *state.settings.write().unwrap_or_else(PoisonError::into_inner) = loaded;
    if moved {
        let settings = state.settings();
        let home = state.exchange_home(|home| place::with_engine(&settings, home.engine.clone()));
        if let Some(home) = home {
            session::restore(&home).await;
        }
    }
    Ok(())
}

fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

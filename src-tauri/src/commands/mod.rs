//! What the window may call, one file a feature. A command validates, calls the engine and maps the error.

pub mod about;
pub mod record;
pub mod runs;
pub mod search;
pub mod selection;
pub mod session;
pub mod settings;
pub mod table;
pub mod tenants;

use tauri_specta::{Builder, collect_commands};

/// Every command, as Tauri and the generated TypeScript see them.
#[must_use]
pub fn builder() -> Builder<tauri::Wry> {
    Builder::new().disable_serde_phases().commands(collect_commands![
        session::app_status,
        session::watch_window,
        session::start_demo,
        session::leave_demo,
        session::sign_in,
        session::sign_in_with_code,
        session::cancel_sign_in,
        session::sign_out,
        session::touch,
        session::lock_window,
        session::unlock,
        tenants::show_place,
        tenants::add_place,
        tenants::remove_place,
        tenants::check_tenant,
        tenants::setup_links,
        tenants::open_setup_link,
        settings::save_settings,
        search::find_users,
        search::find_apps,
        search::probe_hold,
        table::search_devices,
        table::table_rows,
        table::column_values,
        table::device_details,
        selection::select_rows,
        selection::unselect,
        selection::clear_selection,
        selection::undo_clear,
        selection::put_back,
        selection::tray_rows,
        runs::plan_run,
        runs::start_run,
        runs::resume_run,
        runs::discard_run,
        runs::send_again,
        runs::show_passcode,
        runs::copy_passcode,
        runs::hide_passcode,
        runs::watch_run,
        runs::cancel_run,
        runs::check_outcomes,
        runs::list_runs,
        runs::get_run,
        record::search_history,
        record::export_run,
        record::verify_journal,
        record::answer_went_back,
        about::third_party_notices,
    ])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use specta_typescript::Typescript;

    const HEADER: &str = "// Generated from src-tauri/src: `UNLATCH_WRITE_BINDINGS=1 cargo test -p unlatch bindings` writes it anew.\n";

    #[test]
    fn the_checked_in_bindings_are_what_the_commands_say() {
        let checked_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/src/backend/bindings.ts");
        let folder = tempfile::tempdir().unwrap();
        let fresh = folder.path().join("bindings.ts");
        super::builder().export(Typescript::default().header(HEADER), &fresh).unwrap();
        let fresh = std::fs::read_to_string(fresh).unwrap();
        if std::env::var_os("UNLATCH_WRITE_BINDINGS").is_some() {
            std::fs::write(&checked_in, &fresh).unwrap();
        }
        let known = std::fs::read_to_string(&checked_in).unwrap_or_default();
        assert!(known == fresh, "ui/src/backend/bindings.ts is out of date: see its first line");
    }

    #[test]
    fn every_command_has_a_permission_in_the_one_capability() {
        let capability: serde_json::Value =
            serde_json::from_str(include_str!("../../capabilities/main.json")).unwrap();
        let allowed: Vec<&str> =
            capability["permissions"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        let bindings = tempfile::tempdir().unwrap();
        let file = bindings.path().join("bindings.ts");
        super::builder().export(Typescript::default(), &file).unwrap();
        let text = std::fs::read_to_string(file).unwrap();
        let mut commands: Vec<String> = text
            .split("(\"")
            .skip(1)
            .filter_map(|rest| rest.split_once('"'))
            .map(|(name, _)| format!("allow-{}", name.replace('_', "-")))
            .collect();
        commands.dedup();
        let mut allowed: Vec<String> = allowed.into_iter().map(str::to_owned).collect();
        commands.sort();
        allowed.sort();
        assert_eq!(commands, allowed);
    }
}

//! Declares the window's commands, so that each needs a permission of its own, and what Windows is told about the program.

/// Every command of `src/commands`. A command missing here does not reach the window.
const COMMANDS: &[&str] = &[
    "app_status",
    "watch_window",
    "start_demo",
    "leave_demo",
    "sign_in",
    "sign_in_with_code",
    "cancel_sign_in",
    "sign_out",
    "touch",
    "lock_window",
    "unlock",
    "show_place",
    "add_place",
    "remove_place",
    "check_tenant",
    "setup_links",
    "open_setup_link",
    "save_settings",
    "find_users",
    "find_apps",
    "probe_hold",
    "search_devices",
    "table_rows",
    "column_values",
    "device_details",
    "select_rows",
    "unselect",
    "clear_selection",
    "undo_clear",
    "put_back",
    "tray_rows",
    "plan_run",
    "start_run",
    "resume_run",
    "discard_run",
    "send_again",
    "show_passcode",
    "copy_passcode",
    "hide_passcode",
    "watch_run",
    "cancel_run",
    "check_outcomes",
    "list_runs",
    "get_run",
    "search_history",
    "export_run",
    "verify_journal",
    "answer_went_back",
    "third_party_notices",
];

/// What Windows is told about the program: it asks for no more rights than its user has, draws for each screen, and takes long paths.
const WINDOWS: &str = include_str!("../packaging/windows/unlatch.manifest");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let manifest = tauri_build::AppManifest::new().commands(COMMANDS);
    let windows = tauri_build::WindowsAttributes::new().app_manifest(WINDOWS);
    let attributes = tauri_build::Attributes::new().app_manifest(manifest).windows_attributes(windows);
    tauri_build::try_build(attributes)?;
    Ok(())
}

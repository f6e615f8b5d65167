//! A window with nothing behind it, built as Unlatch is. `cargo xtask bench window` measures Unlatch against it.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tauri::Builder::default().run(tauri::generate_context!("examples/empty/tauri.conf.json"))?;
    Ok(())
}

//! The language of what is said outside the window.

/// Whether it is Spanish: in the language of the settings or, where they name none, of the system, as the window.
pub fn speaks_spanish(language: Option<&str>) -> bool {
    let of_the_system = sys_locale::get_locale().unwrap_or_default();
    language.unwrap_or(&of_the_system).starts_with("es")
}

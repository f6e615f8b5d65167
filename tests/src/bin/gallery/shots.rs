//! Which pictures are taken of which scene.

use serde_json::Value;

/// The window as it opens, and the smallest it can be.
const SIZES: [(u32, u32); 2] = [(1280, 800), (640, 480)];
/// Where words are drawn longer.
const STRETCHED: [(u32, u32); 2] = [(1280, 800), (820, 600)];
/// The window as it opens, at 200 %.
const ZOOMED: (u32, u32) = (640, 400);
const WINDOW: (u32, u32) = SIZES[0];

/// Scenes that are also looked at as a person with other needs has them.
const EMULATED: [&str; 8] = [
    "desk-tray",
    "desk-incomplete",
    "confirmation-25",
    "run-running",
    "run-detail",
    "history",
    "settings",
    "sign-in-several",
];

/// Where the table has least room beside what else is open, and in which scenes.
const CROWDED: ((u32, u32), [&str; 2]) = ((1180, 760), ["details", "details-and-tray"]);

/// A scene as the gallery lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    /// Its name.
    pub name: String,
    /// It exists in windows of at most this width; 0 for all.
    pub from: u32,
}

impl Scene {
    /// Reads `[[name, from], …]`.
    pub fn all(listed: &Value) -> Vec<Self> {
        let read = |one: &Value| {
            let from = one[1].as_u64().and_then(|from| u32::try_from(from).ok()).unwrap_or_default();
            Some(Self { name: one[0].as_str()?.to_owned(), from })
        };
        listed.as_array().map(|all| all.iter().filter_map(read).collect()).unwrap_or_default()
    }
}

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// As CSS names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// What the system asks of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emulated {
    /// Nothing.
    Nothing,
    /// The system's own few colours.
    Forced,
    /// Less motion.
    Still,
    /// More contrast.
    Contrast,
    /// Twice as large.
    Zoomed,
}

impl Emulated {
    /// The value of `forced-colors`.
    pub fn colours(self) -> &'static str {
        if self == Self::Forced { "active" } else { "none" }
    }

    /// The value of `prefers-reduced-motion`.
    pub fn motion(self) -> &'static str {
        if self == Self::Still { "reduce" } else { "no-preference" }
    }

    /// The value of `prefers-contrast`.
    pub fn contrast(self) -> &'static str {
        if self == Self::Contrast { "more" } else { "no-preference" }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Forced => "-forced-colors",
            Self::Still => "-reduced-motion",
            Self::Contrast => "-more-contrast",
            Self::Zoomed => "-zoom-200",
        }
    }
}

/// How one picture looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looks {
    /// Width and height in CSS pixels.
    pub size: (u32, u32),
    /// Its theme.
    pub theme: Theme,
    /// What the system asks for.
    pub emulated: Emulated,
}

/// One opening of a scene, and the pictures that are taken of it without opening it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The scene.
    pub scene: String,
    /// `en` or `es`.
    pub language: &'static str,
    /// Whether words are drawn 40 % longer.
    pub stretched: bool,
    /// The pictures.
    pub looks: Vec<Looks>,
}

impl Opening {
    /// The hash that opens it.
    pub fn hash(&self) -> String {
        let stretch = if self.stretched { "&stretch=1" } else { "" };
        format!("scene={}&lang={}{stretch}", self.scene, self.language)
    }

    /// The name of a picture of it.
    pub fn picture(&self, looks: &Looks) -> String {
        let stretch = if self.stretched { "-stretch" } else { "" };
        let (width, height) = looks.size;
        let (theme, suffix) = (looks.theme.name(), looks.emulated.suffix());
        format!("{}-{}-{theme}-{width}x{height}{stretch}{suffix}", self.scene, self.language)
    }
}

/// Every opening of a scene. `fewer` leaves out what others come close to: of the small window one language in each theme.
pub fn openings(scene: &Scene, fewer: bool) -> Vec<Opening> {
    let fits = |size: (u32, u32)| scene.from == 0 || size.0 <= scene.from;
    let looks = |size, theme, emulated| Looks { size, theme, emulated };
    let opening =
        |language, stretched, looks| Opening { scene: scene.name.clone(), language, stretched, looks };
    let mut openings = Vec::new();
    for size in SIZES.into_iter().filter(|size| fits(*size)) {
        for language in ["en", "es"] {
            let themes: &[Theme] = match (fewer && size != WINDOW && scene.from == 0, language) {
                (false, _) => &[Theme::Light, Theme::Dark],
                (true, "en") => &[],
                (true, _) => &[Theme::Dark],
            };
            if !themes.is_empty() {
                let looks = themes.iter().map(|theme| looks(size, *theme, Emulated::Nothing)).collect();
                openings.push(opening(language, false, looks));
            }
        }
    }
    for size in STRETCHED.into_iter().filter(|size| fits(*size)) {
        openings.push(opening("en", true, vec![looks(size, Theme::Light, Emulated::Nothing)]));
    }
    let (size, crowded) = CROWDED;
    if crowded.contains(&scene.name.as_str()) {
        openings.push(opening("es", false, vec![looks(size, Theme::Light, Emulated::Nothing)]));
    }
    if EMULATED.contains(&scene.name.as_str()) {
        let asked = [Emulated::Forced, Emulated::Still, Emulated::Contrast];
        openings.push(opening("en", false, asked.map(|asked| looks(WINDOW, Theme::Dark, asked)).to_vec()));
        openings.push(opening("es", false, vec![looks(ZOOMED, Theme::Light, Emulated::Zoomed)]));
    }
    openings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures(name: &str, from: u32, fewer: bool) -> Vec<String> {
        let openings = openings(&Scene { name: name.to_owned(), from }, fewer);
        openings.iter().flat_map(|opening| opening.looks.iter().map(|looks| opening.picture(looks))).collect()
    }

    #[test]
    fn every_scene_is_seen_in_both_themes_and_languages_and_sizes() {
        let all = pictures("desk", 0, false);
        for language in ["en", "es"] {
            for theme in ["light", "dark"] {
                for size in ["1280x800", "640x480"] {
                    assert!(all.contains(&format!("desk-{language}-{theme}-{size}")), "{all:?}");
                }
            }
        }
        assert_eq!(all.len(), 10);
        let fewer = pictures("desk", 0, true);
        assert!(fewer.iter().all(|picture| all.contains(picture)));
        assert_eq!(fewer.len(), 7);
    }

    #[test]
    fn what_exists_in_small_windows_only_is_seen_there() {
        let all = pictures("tray", 899, false);
        assert!(all.iter().all(|picture| !picture.contains("1280")) && all.len() == 5, "{all:?}");
    }

    #[test]
    fn some_are_seen_with_other_needs() {
        let all = pictures("settings", 0, true);
        for ending in ["-forced-colors", "-reduced-motion", "-more-contrast", "640x400-zoom-200"] {
            assert!(all.iter().any(|picture| picture.ends_with(ending)), "{ending}");
        }
    }

    #[test]
    fn the_table_is_seen_with_all_else_open() {
        let all = pictures("details-and-tray", 0, true);
        assert!(all.contains(&"details-and-tray-es-light-1180x760".to_owned()), "{all:?}");
    }

    #[test]
    fn the_list_of_scenes_is_read() {
        let scenes = Scene::all(&serde_json::json!([["desk", 0], ["tray", 899]]));
        assert_eq!(scenes[1], Scene { name: "tray".to_owned(), from: 899 });
        assert_eq!(scenes.len(), 2);
    }
}

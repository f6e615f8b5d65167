//! The Debian packages that building, running and testing take.

use std::process::Command;

use crate::shell;

/// To build Unlatch and run it.
const BUILD: [&str; 7] = [
    "build-essential",
    "pkg-config",
    "libwebkit2gtk-4.1-dev",
    "librsvg2-dev",
    "xdg-utils",
    "librsvg2-bin",
    "imagemagick",
];

/// To drive it in a virtual display, with a keychain of its own, and to sign in with a browser.
const HEADLESS: [&str; 9] = [
    "webkit2gtk-driver",
    "chromium",
    "chromium-driver",
    "xvfb",
    "dbus",
    "gnome-keyring",
    "adwaita-icon-theme",
    "fonts-dejavu-core",
    "fonts-noto-color-emoji",
];

/// To build for Windows, the standard library included, and to run what comes of it.
const WINDOWS: [&str; 8] = [
    "build-essential",
    "cargo-web",
    "rustc-web",
    "rust-web-src",
    "gcc-mingw-w64-x86-64",
    "mingw-w64-x86-64-dev",
    "wine",
    "wine64",
];

/// To make packages of it; build-essential has the rest.
const BUNDLE: [&str; 1] = ["rpm"];

/// To test those packages.
const BUNDLE_TEST: [&str; 7] =
    ["lintian", "desktop-file-utils", "appstream", "man-db", "mmdebstrap", "xdotool", "x11-utils"];

/// To check how documents and messages are spelled.
const DOCUMENTS: [&str; 3] = ["hunspell", "hunspell-en-gb", "hunspell-es"];

/// To run tests at another time.
const CLOCK: [&str; 2] = ["faketime", "tzdata"];

/// To make an MSI, besides.
const WINDOWS_BUNDLE: [&str; 2] = ["msitools", "wixl"];

/// To build libFuzzer.
const FUZZ: [&str; 1] = ["build-essential"];

/// What the packages are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Build Unlatch and open it on a display.
    Build,
    /// Check the documents.
    Documents,
    /// Check everything that needs no test run.
    Check,
    /// The same, driven in a virtual display.
    Headless,
    /// Check and test everything.
    Test,
    /// Test at other times.
    Clock,
    /// Build what has no window for Windows and run its tests in Wine.
    Windows,
    /// Build Unlatch for Windows, make a package of it and try both in Wine.
    WindowsBundle,
    /// Make packages for Linux.
    Bundle,
    /// The same, and test them.
    BundleTest,
    /// Build what has no window with libFuzzer.
    Fuzz,
}

/// Installs what is missing and says what.
///
/// # Errors
/// When it cannot be installed; the words tell what is missing.
pub fn install(purpose: Purpose) -> Result<(), String> {
    let needed: Vec<&str> = match purpose {
        Purpose::Build => BUILD.to_vec(),
        Purpose::Documents => DOCUMENTS.to_vec(),
        Purpose::Check => BUILD.iter().chain(&DOCUMENTS).copied().collect(),
        Purpose::Headless => BUILD.iter().chain(&HEADLESS).copied().collect(),
        Purpose::Test => BUILD.iter().chain(&HEADLESS).chain(&DOCUMENTS).chain(&CLOCK).copied().collect(),
        Purpose::Clock => BUILD.iter().chain(&DOCUMENTS).chain(&CLOCK).copied().collect(),
        Purpose::Windows => WINDOWS.to_vec(),
        Purpose::WindowsBundle => WINDOWS.iter().chain(&WINDOWS_BUNDLE).copied().collect(),
        Purpose::Bundle => BUILD.iter().chain(&BUNDLE).copied().collect(),
        Purpose::BundleTest => {
            BUILD.iter().chain(&HEADLESS).chain(&BUNDLE).chain(&BUNDLE_TEST).copied().collect()
        }
        Purpose::Fuzz => FUZZ.to_vec(),
    };
    let Ok(known) = installed() else {
        println!(
            "This is not a Debian-like system, so nothing is installed. What these Debian packages hold must be there:\n  {}",
            needed.join(" ")
        );
        return Ok(());
    };
    let missing = missing(&needed, &known);
    if missing.is_empty() {
        println!("Debian packages: all {} are installed.", needed.len());
        return Ok(());
    }
    println!("Debian packages to install: {}", missing.join(" "));
    apt_get(&["update", "--quiet"])?;
    // Debian's Rust, for one, would take the place of another one of Debian's.
    let mut arguments = vec!["install", "--yes", "--quiet", "--no-install-recommends", "--no-remove"];
    arguments.extend(&missing);
    apt_get(&arguments)
}

fn installed() -> Result<String, String> {
    shell::output(
        shell::program("dpkg-query").args(["--show", "--showformat=${binary:Package} ${db:Status-Status}\n"]),
    )
}

/// The needed packages that `dpkg-query` does not show as installed. It names the architecture of some.
fn missing<'a>(needed: &[&'a str], known: &str) -> Vec<&'a str> {
    let is_installed = |name: &str| {
        known.lines().any(|line| {
            let Some((package, status)) = line.split_once(' ') else { return false };
            status == "installed" && package.split(':').next() == Some(name)
        })
    };
    needed.iter().copied().filter(|name| !is_installed(name)).collect()
}

/// Runs `apt-get` as root, and once more if the mirror fails.
fn apt_get(arguments: &[&str]) -> Result<(), String> {
    let run = || shell::run(as_root("apt-get")?.env("DEBIAN_FRONTEND", "noninteractive").args(arguments));
    run().or_else(|words| {
        println!("{words}; once more");
        run()
    })
}

/// A program that is run as root, by way of sudo where that is needed.
///
/// # Errors
/// When it cannot be told who runs this.
pub fn as_root(name: &str) -> Result<Command, String> {
    if is_root()? {
        return Ok(shell::program(name));
    }
    let mut command = shell::program("sudo");
    command.args(["--preserve-env=DISPLAY,DEBIAN_FRONTEND", name]);
    Ok(command)
}

fn is_root() -> Result<bool, String> {
    Ok(shell::output(shell::program("id").arg("-u"))?.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_really_installed_counts() {
        let known = "xvfb installed\nlibwebkit2gtk-4.1-dev:amd64 installed\ndbus config-files\nxvfb-extra installed\n";
        let needed = ["xvfb", "libwebkit2gtk-4.1-dev", "dbus", "xvfb-ex"];
        assert_eq!(missing(&needed, known), ["dbus", "xvfb-ex"]);
    }
}

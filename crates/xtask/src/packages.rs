//! The Debian packages that building, running and testing take.

use std::process::Command;

use crate::shell;

/// To build Unlatch and run it.
const BUILD: [&str; 5] =
    ["build-essential", "pkg-config", "libwebkit2gtk-4.1-dev", "librsvg2-dev", "xdg-utils"];

/// To drive it in a virtual display, with a keychain of its own, and to sign in with a browser.
const HEADLESS: [&str; 10] = [
    "webkit2gtk-driver",
    "chromium",
    "chromium-driver",
    "xvfb",
    "dbus",
    "gnome-keyring",
    "imagemagick",
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

/// To build libFuzzer.
const FUZZ: [&str; 1] = ["build-essential"];

/// What the packages are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Build Unlatch and open it on a display.
    Build,
    /// The same, driven in a virtual display.
    Headless,
    /// Build what has no window for Windows and run its tests in Wine.
    Windows,
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
        Purpose::Headless => BUILD.iter().chain(&HEADLESS).copied().collect(),
        Purpose::Windows => WINDOWS.to_vec(),
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
    shell::run(&mut as_root(arguments)?).or_else(|words| {
        println!("{words}; once more");
        shell::run(&mut as_root(arguments)?)
    })
}

fn as_root(arguments: &[&str]) -> Result<Command, String> {
    let mut command = if is_root()? {
        let mut command = shell::program("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    } else {
        let mut command = shell::program("sudo");
        command.args(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        command
    };
    command.args(arguments);
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

//! The MSI, made by `wixl` of what `packaging/windows/unlatch.wxs` says.

use std::path::{Path, PathBuf};

use super::program::Program;
use crate::{files, shell};

/// As the window has itself known to Windows, so that its notifications come under its name.
const IDENTIFIER: &str = "io.github.unlatch.desktop";

/// Unlatch's, for ever. In capital letters, as Windows Installer has them.
const UPGRADE_CODE: &str = "4E2919FB-DFD2-4CE9-AC47-74F2F3599D72";

/// What `wixl` leaves out, as changes to the tables of the package.
fn amendments(version: &str) -> [String; 6] {
    [
        // Windows Installer keeps a file that has a version rather than put one in its place that seems to have none; then the old package
        // takes the kept one with it.
        format!("UPDATE `File` SET `Version` = '{version}.0', `Language` = '1033' WHERE `File` = 'Program'"),
        // From 0.0.0 on (256), up to this version (512). That number is a part of the row's key, which cannot be changed.
        "DELETE FROM `Upgrade` WHERE `ActionProperty` = 'OLDERFOUND'".to_owned(),
        format!(
            "INSERT INTO `Upgrade` (`UpgradeCode`, `VersionMin`, `VersionMax`, `Attributes`, `ActionProperty`) \
             VALUES ('{{{UPGRADE_CODE}}}', '0.0.0', '{version}', 768, 'OLDERFOUND')"
        ),
        // What somebody pinned to the taskbar stays there through an upgrade.
        "UPDATE `InstallExecuteSequence` SET `Condition` = 'NOT UPGRADINGPRODUCTCODE' WHERE `Action` = 'RemoveShortcuts'"
            .to_owned(),
        "CREATE TABLE `MsiShortcutProperty` (`MsiShortcutProperty` CHAR(72) NOT NULL, `Shortcut_` CHAR(72) NOT NULL, \
         `PropertyKey` CHAR(255) NOT NULL LOCALIZABLE, `PropVariantValue` CHAR(255) NOT NULL LOCALIZABLE \
         PRIMARY KEY `MsiShortcutProperty`)"
            .to_owned(),
        format!(
            "INSERT INTO `MsiShortcutProperty` (`MsiShortcutProperty`, `Shortcut_`, `PropertyKey`, `PropVariantValue`) \
             VALUES ('Identifier', 'StartMenu', 'System.AppUserModel.ID', '{IDENTIFIER}')"
        ),
    ]
}

/// Makes the package of a program in `folder`, where its files are gathered, as `name`.
///
/// # Errors
/// In words.
pub fn make(folder: &Path, program: &Program, version: &str, name: &str) -> Result<PathBuf, String> {
    let version = of_three_numbers(version)?;
    let root = shell::root();
    for (from, to) in [
        (program.exe.clone(), "unlatch.exe"),
        (program.loader.clone(), "WebView2Loader.dll"),
        (root.join("icons/icon.ico"), "icon.ico"),
        (root.join("LICENSE-APACHE"), "LICENSE-APACHE.txt"),
        (root.join("LICENSE-MIT"), "LICENSE-MIT.txt"),
    ] {
        files::copy(&from, &folder.join(to))?;
    }
    let mut wixl = shell::program("wixl");
    wixl.args(["--arch", "x64", "--define", "Loader=yes", "--define"]).arg(format!("Version={version}"));
    wixl.args(["--output", name]).arg(root.join("packaging/windows/unlatch.wxs"));
    shell::run(wixl.current_dir(folder))?;
    let package = folder.join(name);
    for amendment in amendments(version) {
        shell::output(shell::program("msibuild").arg(&package).args(["-q", &amendment]))?;
    }
    expect_amended(&package, version)?;
    Ok(package)
}

/// A change that meets no row is none, and is not told.
fn expect_amended(package: &Path, version: &str) -> Result<(), String> {
    for (table, row) in [
        ("File", format!("\t{version}.0\t1033\t")),
        ("Upgrade", format!("\t0.0.0\t{version}\t\t768\t\tOLDERFOUND")),
        ("InstallExecuteSequence", "RemoveShortcuts\tNOT UPGRADINGPRODUCTCODE\t".to_owned()),
        ("MsiShortcutProperty", format!("\tStartMenu\tSystem.AppUserModel.ID\t{IDENTIFIER}")),
    ] {
        let rows = shell::output(shell::program("msiinfo").arg("export").arg(package).arg(table))?;
        if !rows.contains(&row) {
            return Err(format!("the table {table} of the package lacks {row:?}:\n{rows}"));
        }
    }
    Ok(())
}

/// The version as Windows Installer compares it: three numbers, without what marks a version before the release.
fn of_three_numbers(version: &str) -> Result<&str, String> {
    let numbers = version.split(['-', '+']).next().unwrap_or(version);
    let parts: Vec<Option<u16>> = numbers.split('.').map(|part| part.parse().ok()).collect();
    match parts.as_slice() {
        [Some(..=255), Some(..=255), Some(_)] => Ok(numbers),
        _ => Err(format!("Windows Installer takes no version {version}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_three_numbers_that_windows_installer_takes() {
        assert_eq!(of_three_numbers("1.20.300-rc.1"), Ok("1.20.300"));
        for wrong in ["1.2", "1.2.3.4", "256.0.0", "1.2.65536", "1.x.0"] {
            assert!(of_three_numbers(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn whoever_makes_the_package_it_is_the_same_product() {
        let read = |name| files::read_text(&shell::root().join(name)).unwrap();
        let (wxs, tauri) = (read("packaging/windows/unlatch.wxs"), read("src-tauri/tauri.windows.conf.json"));
        let after = |text: &str, before: &str| {
            text.split(before).skip(1).map(|rest| rest[..36].to_ascii_uppercase()).collect::<Vec<_>>()
        };
        let codes = [
            after(&tauri, "\"upgradeCode\": \""),
            after(&wxs, "UpgradeCode=\""),
            after(&wxs, "<Upgrade Id=\""),
        ];
        assert_eq!(codes.concat(), [UPGRADE_CODE; 3]);
    }

    #[test]
    fn the_shortcut_has_the_identifier_of_the_application() {
        let settings = files::read_text(&shell::root().join("src-tauri/tauri.conf.json")).unwrap();
        assert!(settings.contains(&format!("\"identifier\": \"{IDENTIFIER}\"")));
    }
}

//! `unlatch.exe`: how it is built here, and what must be true of such a file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{TARGET, cargo};
use crate::traces::{self, contains, utf16};
use crate::{files, shell};

/// As it is released. `trim-paths` keeps folders of the machine out of it.
const BUILD: [&str; 11] = [
    "build",
    "-Zbuild-std=std,panic_unwind",
    "-Ztrim-paths",
    "--config=profile.release.trim-paths=\"all\"",
    "--target",
    TARGET,
    "--release",
    "--package",
    "unlatch",
    "--bin",
    "unlatch",
];

/// What it may ask of others: libraries that are part of every Windows 10, and the one that lies beside it.
const LIBRARIES: [&str; 26] = [
    "advapi32.dll",
    "bcrypt.dll",
    "bcryptprimitives.dll",
    "combase.dll",
    "comctl32.dll",
    "comdlg32.dll",
    "crypt32.dll",
    "dwmapi.dll",
    "gdi32.dll",
    "imm32.dll",
    "kernel32.dll",
    "msvcrt.dll",
    "ncrypt.dll",
    "ntdll.dll",
    "ole32.dll",
    "oleaut32.dll",
    "propsys.dll",
    "rpcrt4.dll",
    "secur32.dll",
    "shell32.dll",
    "shlwapi.dll",
    "user32.dll",
    "userenv.dll",
    "uxtheme.dll",
    "webview2loader.dll",
    "ws2_32.dll",
];

/// What the linker must have said of it, in the words of `objdump`: no console, an address that cannot be guessed, no data that is run.
const SAID: [&str; 4] = ["(Windows GUI)", "HIGH_ENTROPY_VA", "DYNAMIC_BASE", "NX_COMPAT"];

/// A program for Windows, and the library that must lie beside it.
pub struct Program {
    /// `unlatch.exe`.
    pub exe: PathBuf,
    /// `WebView2Loader.dll`.
    pub loader: PathBuf,
}

/// Builds it, with the web UI that is in `ui/dist`.
///
/// # Errors
/// In words.
pub fn build(folder: &Path) -> Result<Program, String> {
    shell::run(cargo(folder).args(BUILD))?;
    let built = folder.join(TARGET).join("release");
    Ok(Program { exe: built.join("unlatch.exe"), loader: built.join("WebView2Loader.dll") })
}

/// Looks at what was built.
///
/// # Errors
/// Whatever is wrong with it, one a line.
pub fn examine(program: &Program) -> Result<(), String> {
    let exe = files::read(&program.exe)?;
    let told = shell::output(shell::program("x86_64-w64-mingw32-objdump").arg("-p").arg(&program.exe))?;
    let mut wrong = Vec::new();
    let libraries = imported(&told);
    let strange = libraries.iter().filter(|name| !is_known(name));
    wrong.extend(strange.map(|name| format!("it needs {name}, which not every Windows has")));
    if libraries.is_empty() {
        wrong.push("nothing is known of the libraries it needs".to_owned());
    }
    wrong.extend(SAID.iter().filter(|said| !told.contains(**said)).map(|said| format!("it is not {said}")));
    // The version, and who made it, as a person reads them in the file's properties.
    let version = env!("CARGO_PKG_VERSION");
    for (key, value) in [("ProductVersion", version), ("ProductName", "Unlatch"), ("CompanyName", "Unlatch")]
    {
        if !has_entry(&exe, key, value) {
            wrong.push(format!("its {key} is not {value}"));
        }
    }
    // Compilers of resources keep the manifest as it is written, but for the space between.
    for setting in ["level=\"asInvoker\"", "PerMonitorV2</dpiAwareness>", "true</longPathAware>"] {
        if !contains(&exe, setting.as_bytes()) {
            wrong.push(format!("its manifest lacks {setting}"));
        }
    }
    for picture in pictures(&files::read(&shell::root().join("icons/icon.ico"))?) {
        if !contains(&exe, &picture) {
            wrong.push(format!("a picture of its icon is missing, of {} bytes", picture.len()));
        }
    }
    wrong.extend(traces::expect_none(&exe).err());
    println!("{} bytes, needs {}", exe.len(), libraries.join(", "));
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// The same program with an older version in its properties, for packages that are upgraded.
///
/// # Errors
/// When it has no such properties.
pub fn aged(mut exe: Vec<u8>) -> Result<Vec<u8>, String> {
    // VS_FIXEDFILEINFO: signature, version of the structure, version of the file as two numbers of 32 bits.
    const SIGNATURE: [u8; 4] = 0xFEEF_04BD_u32.to_le_bytes();
    let at = exe.windows(4).position(|bytes| bytes == SIGNATURE).ok_or("the program has no version")?;
    let version = exe.get_mut(at + 8..at + 16).ok_or("the program's version is cut off")?;
    version.fill(0);
    Ok(exe)
}

/// The libraries that `objdump -p` names, in small letters and in order, each once.
fn imported(told: &str) -> Vec<String> {
    let names = told.lines().filter_map(|line| line.trim().strip_prefix("DLL Name: "));
    let names: BTreeSet<_> = names.map(|name| name.trim().to_ascii_lowercase()).collect();
    names.into_iter().collect()
}

/// Names that begin so stand for parts of Windows itself.
fn is_known(name: &str) -> bool {
    LIBRARIES.contains(&name) || name.starts_with("api-ms-win-")
}

/// Whether the properties hold this, as a key, its end, space up to a multiple of four bytes and the value.
fn has_entry(exe: &[u8], key: &str, value: &str) -> bool {
    let end = |text: &str| utf16(&format!("{text}\0"));
    [0, 2].iter().any(|space| contains(exe, &[end(key), vec![0; *space], end(value)].concat()))
}

/// The pictures of an icon file: a count at 4, then 16 bytes for each, with its size at 8 and its place at 12.
fn pictures(icon: &[u8]) -> Vec<Vec<u8>> {
    let number = |at: usize| {
        let bytes = icon.get(at..at + 4)?;
        usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
    };
    let count = usize::from(icon.get(4).copied().unwrap_or_default());
    let picture = |index: usize| {
        let (size, place) = (number(6 + index * 16 + 8)?, number(6 + index * 16 + 12)?);
        icon.get(place..place + size).map(<[u8]>::to_vec)
    };
    (0..count).filter_map(picture).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libraries_are_read_and_a_strange_one_is_not_known() {
        let told = "\tDLL Name: KERNEL32.dll\n\tvma:\n\tDLL Name: libgcc_s_seh-1.dll\n";
        let names = imported(told);
        assert_eq!(names, ["kernel32.dll", "libgcc_s_seh-1.dll"]);
        assert_eq!(names.iter().map(|name| is_known(name)).collect::<Vec<_>>(), [true, false]);
        assert!(is_known("api-ms-win-core-synch-l1-2-0.dll"));
    }

    #[test]
    fn an_entry_is_found_with_its_value_and_not_with_a_longer_one() {
        let exe = [vec![1, 2, 3], utf16("CompanyName\0"), vec![0, 0], utf16("Unlatch\0")].concat();
        assert!(has_entry(&exe, "CompanyName", "Unlatch"));
        assert!(!has_entry(&exe, "CompanyName", "Unlat"));
        assert!(!has_entry(&exe, "ProductName", "Unlatch"));
    }

    #[test]
    fn every_picture_of_the_icon_is_read() {
        let icon = files::read(&shell::root().join("icons/icon.ico")).unwrap();
        let pictures = pictures(&icon);
        assert_eq!(pictures.len(), usize::from(icon[4]));
        assert!(pictures.len() > 1 && pictures.iter().all(|picture| picture.len() > 100));
    }

    #[test]
    fn an_aged_program_differs_in_its_version_alone() {
        let mut exe = vec![7; 40];
        exe[8..12].copy_from_slice(&0xFEEF_04BD_u32.to_le_bytes());
        let aged = aged(exe.clone()).unwrap();
        assert_eq!(aged[16..24], [0; 8]);
        assert_eq!((&aged[..16], &aged[24..]), (&exe[..16], &exe[24..]));
        assert!(super::aged(vec![7; 40]).is_err());
    }
}

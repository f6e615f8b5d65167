//! Policy in a file.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use toml::Table;

use crate::load::parse;

/// Reads the file, if it is there and is to be trusted. In a folder of others its absence is not to be trusted either: they may have
/// taken it away.
pub(super) fn read(path: &Path, owner: u32) -> Result<Table, String> {
    match path.parent().map(Path::metadata) {
        Some(Ok(folder)) => trusted(&folder, owner).map_err(|reason| format!("its folder {reason}"))?,
        Some(Err(error)) if error.kind() == ErrorKind::NotFound => return Ok(Table::new()),
        Some(Err(error)) => return Err(format!("its folder: {error}")),
        None => {}
    }
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound && path.symlink_metadata().is_err() => {
            return Ok(Table::new());
        }
        Err(error) => return Err(error.to_string()),
    };
    // What was opened is what is asked about: a name may lead elsewhere a moment later.
    trusted(&file.metadata().map_err(|error| error.to_string())?, owner)
        .map_err(|reason| format!("the file {reason}"))?;
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|error| error.to_string())?;
    parse(&text)
}

/// Whether nobody but `owner` can have written it.
///
/// # Errors
/// Who else can.
#[cfg(unix)]
fn trusted(metadata: &std::fs::Metadata, owner: u32) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;

    /// The group and everybody else may write.
    const OTHERS_WRITE: u32 = 0o022;
    let (found, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    if found != owner {
        return Err(format!("belongs to the user {found} and must belong to {owner}"));
    }
    if mode & OTHERS_WRITE != 0 {
        return Err(format!("can be written to by others (mode {mode:o}) and must not be"));
    }
    Ok(())
}

#[cfg(not(unix))]
fn trusted(_: &std::fs::Metadata, _: u32) -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::path::PathBuf;

    use super::*;

    fn file() -> (tempfile::TempDir, PathBuf, u32) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        std::fs::write(&path, "export = false").unwrap();
        set_mode(&path, 0o644);
        let owner = std::fs::metadata(&path).unwrap().uid();
        (folder, path, owner)
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_that_only_its_owner_can_write_counts() {
        let (_folder, path, owner) = file();
        assert_eq!(read(&path, owner).unwrap()["export"].as_bool(), Some(false));
        assert!(read(&path.with_extension("none"), owner).unwrap().is_empty(), "no file fixes nothing");
    }

    #[test]
    fn a_file_or_folder_that_others_can_write_to_is_refused() {
        let (folder, path, owner) = file();
        for mode in [0o666, 0o664, 0o646] {
            set_mode(&path, mode);
            let reason = read(&path, owner).unwrap_err();
            assert!(reason.starts_with("the file can be written to by others"), "{reason}");
        }
        set_mode(&path, 0o644);
        set_mode(folder.path(), 0o777);
        for path in [&path, &path.with_extension("none")] {
            let reason = read(path, owner).unwrap_err();
            assert!(reason.starts_with("its folder can be written to by others"), "{reason}");
        }
    }

    #[test]
    fn a_link_that_leads_nowhere_is_refused_and_no_folder_is_no_policy() {
        let (folder, path, owner) = file();
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink(path.with_extension("none"), &link).unwrap();
        assert!(read(&link, owner).is_err());
        assert!(read(&folder.path().join("none/policy.toml"), owner).unwrap().is_empty());
    }

    #[test]
    fn a_file_of_somebody_else_is_refused() {
        let (_folder, path, owner) = file();
        let reason = read(&path, owner + 1).unwrap_err();
        assert!(reason.contains(&format!("belongs to the user {owner}")), "{reason}");
    }

    #[test]
    fn a_link_to_a_file_of_others_is_refused() {
        let (folder, path, owner) = file();
        set_mode(&path, 0o666);
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(read(&link, owner).is_err());
    }
}

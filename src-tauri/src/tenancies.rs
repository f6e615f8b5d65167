//! What belongs to one tenant of one cloud, whichever place works in it: the journal with its engine, and the request limits
//! of an application there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use unlatch_auth::{CloudName, Registration};
use unlatch_graph::Pace;
use unlatch_recovery::{Engine, EngineOptions, Journal, JournalOptions, MarkFile, MarkStore};

use crate::error::CommandError;

/// The file with the tenant's name, beside its journal.
const NAME: &str = "tenant-name";

/// The longest display name of a directory object, in bytes (Microsoft Entra: 256 characters of up to four bytes).
const LONGEST_NAME: usize = 1_024;

/// The engines and request limits of every tenant that was opened.
pub struct Tenancies {
    data_folder: PathBuf,
    marks: Option<PathBuf>,
    engines: Mutex<HashMap<PathBuf, Engine>>,
    paces: Mutex<HashMap<(PathBuf, String), Arc<Pace>>>,
}

impl Tenancies {
    /// Journals lie below `data_folder`. They have no marks.
    pub fn new(data_folder: &Path) -> Self {
        Self {
            data_folder: data_folder.to_owned(),
            marks: None,
            engines: Mutex::default(),
            paces: Mutex::default(),
        }
    }

    /// The same with a folder for the marks of the journals' newest entries.
    pub fn with_marks(self, marks: Option<PathBuf>) -> Self {
        Self { marks, ..self }
    }

    /// Where the journal of a registration's tenant lies. `tenant_id` is its id, whatever name was configured.
    pub fn folder(&self, registration: &Registration, tenant_id: &str) -> PathBuf {
        let cloud = &registration.cloud;
        let name = match cloud.name {
            // Two custom clouds are two, although they share a name.
            CloudName::Custom => {
                let digest = Sha256::digest(cloud.key());
                let short: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
                format!("{}-{short}-{tenant_id}", cloud.name)
            }
            name => format!("{name}-{tenant_id}"),
        };
        tenants_folder(&self.data_folder).join(name)
    }

    /// Where the journal of the demo tenant lies.
    pub fn demo_folder(&self) -> PathBuf {
        demo_folder(&self.data_folder)
    }

    /// The engine on the journal of a folder.
    ///
    /// # Errors
    /// Why nothing can be recorded there.
    pub fn engine(&self, folder: &Path) -> Result<Engine, CommandError> {
        let mut engines = self.engines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = engines.get(folder) {
            return Ok(engine.clone());
        }
        let marks = self.marks.as_deref().filter(|_| folder != self.demo_folder());
        let marks = marks.map(|marks| mark_of(marks, folder));
        let journal = Journal::open_with(folder, JournalOptions { marks, ..JournalOptions::default() })?;
        let engine = Engine::new(journal, EngineOptions::default());
        engines.insert(folder.to_owned(), engine.clone());
        Ok(engine)
    }

    /// The request limits of an application in a folder's tenant.
    pub fn pace(&self, folder: &Path, client_id: &str) -> Arc<Pace> {
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        paces.entry((folder.to_owned(), client_id.to_owned())).or_default().clone()
    }

    /// The name of the tenant in whose folder this is, as it was last remembered.
    pub fn name(&self, folder: &Path) -> Option<String> {
        let name = std::fs::read_to_string(folder.join(NAME)).ok()?;
        Some(name).filter(|name| !name.trim().is_empty() && name.len() <= LONGEST_NAME)
    }

    /// Remembers a tenant's name in its folder, which is there once its journal was opened.
    pub fn remember_name(&self, folder: &Path, name: &str) {
        if self.name(folder).as_deref() != Some(name)
            && let Err(error) = std::fs::write(folder.join(NAME), name)
        {
            tracing::debug!(%error, "the tenant's name is not remembered");
        }
    }
}

/// Where the journal of the demo tenant lies.
pub fn demo_folder(data_folder: &Path) -> PathBuf {
    data_folder.join("demo")
}

/// Where the mark of the journal in `folder` is kept. Another data folder, or another tenant, has another one.
pub fn mark_of(marks: &Path, folder: &Path) -> Arc<dyn MarkStore> {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let digest = Sha256::digest(folder.as_os_str().as_encoded_bytes());
    let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Arc::new(MarkFile::new(marks.join(format!("{name}.mark"))))
}

/// The folders of all journals but the demo tenant's, in order.
pub fn journal_folders(data_folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(tenants_folder(data_folder)).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn tenants_folder(data_folder: &Path) -> PathBuf {
    data_folder.join("tenants")
}

#[cfg(test)]
mod tests {
    use unlatch_auth::Cloud;
    use unlatch_recovery::{ChainHash, Mark};
    use url::Url;

    use super::*;

    const TENANT: &str = "11111111-2222-3333-4444-555555555555";

    fn registration(cloud: Cloud) -> Registration {
        Registration::new(cloud, TENANT, TENANT).unwrap()
    }

    fn custom(port: u16) -> Cloud {
        let url = |path: &str| Url::parse(&format!("http://127.0.0.1:{port}/{path}")).unwrap();
        Cloud::custom(url("login"), url("v1.0")).unwrap()
    }

    #[test]
    fn a_tenant_of_each_cloud_has_a_journal_and_limits_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let tenancies = Tenancies::new(folder.path());
        let clouds =
            [Cloud::global(), Cloud::us_gov(), Cloud::us_gov_dod(), Cloud::china(), custom(1), custom(2)];
        let mut folders: Vec<_> =
            clouds.map(|cloud| tenancies.folder(&registration(cloud), TENANT)).into_iter().collect();
        folders.sort();
        folders.dedup();
        assert_eq!(folders.len(), 6, "{folders:?}");
        let paces = [&folders[0], &folders[1], &folders[0]].map(|folder| tenancies.pace(folder, "app"));
        assert!(!Arc::ptr_eq(&paces[0], &paces[1]) && Arc::ptr_eq(&paces[0], &paces[2]));
        assert!(!Arc::ptr_eq(&paces[0], &tenancies.pace(&folders[0], "another app")));
    }

    #[test]
    fn a_tenants_name_is_remembered_where_its_journal_lies() {
        let folder = tempfile::tempdir().unwrap();
        let tenancies = Tenancies::new(folder.path());
        assert_eq!(tenancies.name(folder.path()), None);
        tenancies.remember_name(folder.path(), "Contoso");
        assert_eq!(tenancies.name(folder.path()).as_deref(), Some("Contoso"));
        for unfit in [" ", &"x".repeat(2_000)] {
            tenancies.remember_name(folder.path(), unfit);
            assert_eq!(tenancies.name(folder.path()), None);
        }
        tenancies.remember_name(&folder.path().join("nowhere"), "Contoso");
    }

    #[tokio::test]
    async fn one_journal_is_opened_once_for_all_who_work_in_its_tenant() {
        let folder = tempfile::tempdir().unwrap();
        let tenancies = Tenancies::new(folder.path());
        let place = tenancies.folder(&registration(Cloud::global()), TENANT);
        let (one, two) = (tenancies.engine(&place).unwrap(), tenancies.engine(&place).unwrap());
        assert_eq!(one.journal().path(), two.journal().path());
        assert_eq!(journal_folders(folder.path()), [place]);
    }

    #[tokio::test]
    async fn each_journal_has_a_mark_outside_the_data_folder_and_the_demo_tenants_has_none() {
        let (data, marks) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let tenancies = || Tenancies::new(data.path()).with_marks(Some(marks.path().to_owned()));
        let tenant = tenancies().folder(&registration(Cloud::global()), TENANT);
        let mark = Mark { seq: 9, hash: ChainHash([7; 32]), format: 3 };
        for folder in [&tenant, &tenancies().demo_folder()] {
            mark_of(marks.path(), folder).write(&mark).unwrap();
        }
        let lost = tenancies().engine(&tenant).unwrap().journal().went_back();
        assert_eq!(lost.map(|lost| lost.known.seq), Some(9));
        let demo = tenancies().demo_folder();
        assert_eq!(tenancies().engine(&demo).unwrap().journal().went_back(), None);
        let elsewhere = Tenancies::new(&data.path().join("other")).with_marks(Some(marks.path().to_owned()));
        let other = elsewhere.folder(&registration(Cloud::global()), TENANT);
        let journal = elsewhere.engine(&other).unwrap();
        assert_eq!(journal.journal().went_back(), None, "another data folder is not known");
    }
}

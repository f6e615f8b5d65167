//! Which people, apps and devices of a demo tenant a journey uses.

use unlatch_demo_tenant::{App, Device, Directory, User};

use crate::failure::Failure;

/// Two devices found by their user, two by an app they have, and one by its serial number. No device is in two of
/// these, and each can take the action.
#[derive(Debug, Clone)]
pub struct Picks {
    /// A person with three devices or more.
    pub user: User,
    /// Every device of that person.
    pub devices_of_user: Vec<Device>,
    /// Two of them.
    pub by_user: [Device; 2],
    /// An app on a handful of devices.
    pub app: App,
    /// Two of the devices that have it.
    pub by_app: [Device; 2],
    /// A device to be found by its serial number.
    pub direct: Device,
}

impl Picks {
    /// Picks from a directory.
    ///
    /// # Errors
    /// When the directory is too small for it.
    pub fn from(directory: &Directory) -> Result<Self, Failure> {
        let (user, by_user) = directory
            .users
            .iter()
            .filter(|user| directory.devices_of(&user.id).count() >= 3)
            .find_map(|user| Some((user, two(directory.devices_of(&user.id))?)))
            .ok_or_else(|| Failure::new("nobody in the demo tenant has devices enough"))?;
        let others = |device: &&Device| device.user_id.as_deref() != Some(user.id.as_str());
        let with = |app: &App| {
            let devices = app.device_ids.iter().filter_map(|id| directory.device(id));
            two(devices.filter(others))
        };
        let (app, by_app) = directory
            .apps
            .iter()
            .filter(|app| (2..=10).contains(&app.device_ids.len()) && is_unmistakable(app, directory))
            .find_map(|app| Some((app, with(app)?)))
            .ok_or_else(|| Failure::new("no app in the demo tenant is on a handful of devices"))?;
        let direct = directory
            .devices
            .iter()
            .filter(others)
            .filter(|device| !app.device_ids.contains(&device.id))
            .find(|device| can_take_it(device))
            .ok_or_else(|| Failure::new("the demo tenant has no device left"))?;
        Ok(Self {
            user: user.clone(),
            devices_of_user: directory.devices_of(&user.id).cloned().collect(),
            by_user,
            app: app.clone(),
            by_app,
            direct: direct.clone(),
        })
    }

    /// The ids of all five.
    #[must_use]
    pub fn device_ids(&self) -> Vec<&str> {
        let all = self.by_user.iter().chain(&self.by_app).chain([&self.direct]);
        all.map(|device| device.id.as_str()).collect()
    }

    /// What to type to find the person: the principal name up to the at sign.
    #[must_use]
    pub fn user_text(&self) -> &str {
        self.user.upn.split('@').next().unwrap_or_default()
    }

    /// The serial number of the device found by it.
    #[must_use]
    pub fn serial(&self) -> &str {
        self.direct.serial.as_deref().unwrap_or_default()
    }
}

/// Whether its version tells an app from all others that its name finds.
fn is_unmistakable(app: &App, directory: &Directory) -> bool {
    let others = directory.apps.iter().filter(|other| other.id != app.id);
    let mistaken = |other: &App| other.name.contains(&app.name) && other.version.contains(&app.version);
    app.name.is_ascii() && !others.into_iter().any(mistaken)
}

fn two<'a>(devices: impl Iterator<Item = &'a Device>) -> Option<[Device; 2]> {
    let mut devices = devices.filter(|device| can_take_it(device));
    Some([devices.next()?.clone(), devices.next()?.clone()])
}

/// Managed through MDM, with nothing pending that would go first, and with a serial number of its own.
#[must_use]
pub fn can_take_it(device: &Device) -> bool {
    let serial = device.serial.as_deref().is_some_and(|serial| serial.starts_with("SN"));
    serial && device.management_state == "managed" && device.management_agent == "mdm"
}

#[cfg(test)]
mod tests {
    use unlatch_demo_tenant::{DemoTenant, Options};

    use super::*;

    #[tokio::test]
    async fn the_demo_tenant_has_five_different_devices_to_pick() {
        let tenant = DemoTenant::start(Options::default()).await.unwrap();
        let picks = Picks::from(&tenant.directory()).unwrap();
        let mut ids = picks.device_ids();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 5);
        assert_eq!(picks.user_text(), "user0003");
    }
}

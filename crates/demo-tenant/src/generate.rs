//! Makes a directory from a seed. Each object draws from a stream of its own, so that the hundredth device is
//! the same whether two hundred or a hundred thousand are asked for.

use std::borrow::Cow;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use time::{Duration, OffsetDateTime};

use crate::data::{ActionResult, ActionState, App, Device, Directory, User, Word};
use crate::facts;
use crate::hostile;
use crate::names;
use crate::options::Options;

/// The domain of every principal name.
pub(crate) const DOMAIN: &str = "contoso.example";

/// The most devices a tenant may hold.
const MOST_DEVICES: usize = 1_000_000;

/// The streams of randomness, one for each sort of object.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Tenant = 1,
    User = 2,
    Device = 3,
    App = 4,
    Outcome = 5,
    Facts = 6,
    Hostile = 7,
}

/// A generator for one object, the same for the same seed, stream and number.
pub(crate) fn stream(seed: u64, stream: Stream, number: u64) -> StdRng {
    StdRng::seed_from_u64(mix(mix(seed) ^ mix((stream as u64) << 56 | number)))
}

/// The finishing step of SplitMix64.
fn mix(value: u64) -> u64 {
    let mut value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

pub(crate) fn guid(rng: &mut StdRng) -> String {
    uuid::Builder::from_random_bytes(rng.random()).into_uuid().to_string()
}

pub(crate) fn directory(options: &Options, now: OffsetDateTime) -> Directory {
    let seed = options.seed;
    let users: Vec<User> = (1..=options.users).map(|number| user(seed, number)).collect();
    let count = options.devices.min(MOST_DEVICES);
    let owners = Owners::of(options.users, count);
    let mut kinds = Vec::with_capacity(count);
    let mut devices = Vec::with_capacity(count);
    for number in 1..=count {
        let mut rng = stream(seed, Stream::Device, number as u64);
        let kind = kind(number, &mut rng);
        let owner = owners.of_device(number, &mut rng).and_then(|place| users.get(place));
        let mut device = device(number, kind, owner, now, &mut rng);
        facts::fill(&mut device, seed, number, now);
        put_before_name(&mut device, &options.device_prefix);
        devices.push(device);
        kinds.push(kind.apps);
    }
    let apps = apps(options, &devices, &kinds);
    let mut directory = Directory { users, devices, apps };
    if options.hostile {
        hostile::lay_among(&mut directory, seed, now);
    }
    directory
}

fn put_before_name(device: &mut Device, prefix: &str) {
    device.name.insert_str(0, prefix);
    for result in device.action_results.iter_mut().filter(|result| result.action_name == "setDeviceName") {
        result.passcode = Some(device.name.clone());
    }
}

fn user(seed: u64, number: usize) -> User {
    let mut rng = stream(seed, Stream::User, number as u64);
    let given = names::GIVEN_NAMES.choose(&mut rng).copied().unwrap_or_default();
    let surname = names::SURNAMES.choose(&mut rng).copied().unwrap_or_default();
    let job = names::JOB_TITLES.choose(&mut rng).copied();
    let notable = names::NOTABLE_USERS.get(number - 1).copied();
    let display_name = notable.map_or_else(|| format!("{given} {surname}"), str::to_owned);
    let (given, surname) = match notable {
        Some(name) => name.split_once(' ').unwrap_or((name, "")),
        None => (given, surname),
    };
    let upn = format!("user{number:04}@{DOMAIN}");
    let mail = match number % 13 {
        9 => None,
        11 => Some(format!("{}{number}@mail.{DOMAIN}", surname.to_lowercase().replace([' ', '\''], ""))),
        _ => Some(upn.clone()),
    };
    User {
        id: guid(&mut rng),
        upn,
        display_name,
        mail,
        given_name: Some(given.to_owned()),
        surname: Some(surname.to_owned()).filter(|surname| !surname.is_empty()),
        job_title: job.map(str::to_owned),
    }
}

/// Who owns which device. The first users are fixed: one device, none, three, one, three.
struct Owners {
    users: usize,
    fixed: Vec<(usize, usize)>,
}

impl Owners {
    const FIXED_USERS: usize = 5;

    fn of(users: usize, devices: usize) -> Self {
        let wide = [(1, 0), (12, 2), (44, 2), (90, 2), (2, 3), (3, 4), (4, 4), (5, 4)];
        let narrow = [(1, 0), (2, 2), (3, 2), (4, 2), (5, 3), (6, 4), (7, 4), (8, 4)];
        let fixed = if devices >= 90 { wide } else { narrow };
        Self { users, fixed: fixed.into_iter().filter(|(_, user)| *user < users).collect() }
    }

    fn of_device(&self, number: usize, rng: &mut StdRng) -> Option<usize> {
        let without = rng.random_ratio(1, 25);
        let free = self.users.saturating_sub(Self::FIXED_USERS);
        let drawn = (free > 0).then(|| Self::FIXED_USERS + rng.random_range(0..free));
        match self.fixed.iter().find(|(device, _)| *device == number) {
            Some((_, user)) => Some(*user),
            None if without => None,
            None => drawn,
        }
    }
}

fn kind(number: usize, rng: &mut StdRng) -> &'static names::Kind {
    let mut draw = rng.random_range(0..100u32);
    let fixed = match number {
        12 => Some(0),
        44 | 50 => Some(1),
        90 => Some(2),
        _ => None,
    };
    if let Some(kind) = fixed.and_then(|place: usize| names::KINDS.get(place)) {
        return kind;
    }
    for kind in &names::KINDS {
        if draw < kind.share {
            return kind;
        }
        draw -= kind.share;
    }
    &names::KINDS[0]
}

fn device(
    number: usize,
    kind: &'static names::Kind,
    owner: Option<&User>,
    now: OffsetDateTime,
    rng: &mut StdRng,
) -> Device {
    let pick =
        |words: &'static [&'static str], rng: &mut StdRng| words.choose(rng).copied().unwrap_or_default();
    let id = guid(rng);
    let odd = names::ODD_DEVICE_NAMES.iter().find(|(place, _)| *place == number).map(|(_, name)| *name);
    let name = odd.map_or_else(|| format!("{}-{number:05}", kind.prefix), str::to_owned);
    let apple = kind.manufacturer == "Apple";
    let mobile = matches!(kind.system, "iOS" | "iPadOS" | "Android");
    let personal = rng.random_ratio(if mobile { 3 } else { 1 }, 10);
    let owner_type = match number {
        12 | 90 => "company",
        44 => "personal",
        _ if rng.random_ratio(1, 60) => "unknown",
        _ if personal => "personal",
        _ => "company",
    };
    let supervised = apple && owner_type == "company" && rng.random_ratio(9, 10);
    let last_sync = last_sync(number, now, rng);
    let enrolled = last_sync.unwrap_or(now - Duration::days(120)) - Duration::days(rng.random_range(1..900));
    let agent = match kind.system {
        "Android" => "googleCloudDevicePolicyController",
        "Windows" if rng.random_ratio(1, 12) => "msSense",
        "Windows" if rng.random_ratio(1, 8) => "configurationManagerClientMdm",
        _ => "mdm",
    };
    let state = match rng.random_range(0..100u32) {
        0 | 1 => "retirePending",
        2 => "wipePending",
        3 => "unhealthy",
        _ => "managed",
    };
    let compliance = match rng.random_range(0..20u32) {
        0 | 1 => "noncompliant",
        2 => "unknown",
        3 => "inGracePeriod",
        4 if agent.starts_with("configuration") => "configManager",
        _ => "compliant",
    };
    let enrollment = match (kind.system, owner_type) {
        ("Windows", _) => "windowsAutoEnrollment",
        (_, "personal") if apple => "appleUserEnrollment",
        _ if apple && owner.is_none() => "appleBulkWithoutUser",
        _ if apple => "appleBulkWithUser",
        _ => "userEnrollment",
    };
    let total = [64i64, 128, 256, 512].choose(rng).copied().unwrap_or(64) * 1_000_000_000;
    let upn = owner.map(|owner| match number % 41 {
        // The principal name a device was enrolled with need not be the one its user has today.
        17 => owner.upn.replace("user", "former.user"),
        _ => owner.upn.clone(),
    });
    let serial = match number {
        20 | 21 => Some("0".to_owned()),
        22 => Some(String::new()),
        23 => None,
        _ => Some(format!("SN{number:06}")),
    };
    let results = old_results(&name, now, rng);
    Device {
        managed_name: format!("{}_{}_{number}", owner.map_or("", |owner| owner.upn.as_str()), kind.system),
        id,
        name,
        serial,
        user_id: owner.map(|owner| owner.id.clone()),
        user_principal_name: upn,
        user_display_name: owner.map(|owner| owner.display_name.clone()),
        email_address: owner.map(|owner| owner.mail.clone().unwrap_or_else(|| owner.upn.clone())),
        operating_system: Cow::Borrowed(kind.system),
        os_version: Cow::Borrowed(pick(kind.versions, rng)),
        model: Cow::Borrowed(pick(kind.models, rng)),
        manufacturer: Cow::Borrowed(kind.manufacturer),
        imei: mobile.then(|| format!("35{:013}", rng.random_range(0..10_000_000_000_000u64))),
        last_sync,
        enrolled,
        owner: Cow::Borrowed(owner_type),
        compliance_state: Cow::Borrowed(compliance),
        management_agent: Cow::Borrowed(agent),
        management_state: Cow::Borrowed(state),
        enrollment_type: Cow::Borrowed(enrollment),
        is_supervised: supervised,
        is_encrypted: rng.random_ratio(9, 10),
        azure_ad_device_id: rng.random_ratio(19, 20).then(|| guid(rng)),
        total_storage: total,
        free_storage: rng.random_range(0..total),
        phone_number: None,
        wifi_mac: None,
        ethernet_mac: None,
        category: Cow::Borrowed("Unassigned"),
        notes: None,
        jail_broken: Cow::Borrowed("Unknown"),
        patch_level: None,
        grace_until: None,
        activation_lock_bypass_code: supervised.then(|| secret_word(rng)),
        action_results: results,
    }
}

/// When the device was last heard of: mostly within two days, some over ninety days ago, some never.
fn last_sync(number: usize, now: OffsetDateTime, rng: &mut StdRng) -> Option<OffsetDateTime> {
    let minutes = match rng.random_range(0..100u32) {
        0..=54 => rng.random_range(2..2 * 24 * 60),
        55..=76 => rng.random_range(2 * 24 * 60..30 * 24 * 60),
        77..=88 => rng.random_range(30 * 24 * 60..90 * 24 * 60),
        89..=96 => rng.random_range(91 * 24 * 60..500 * 24 * 60),
        _ => return if number == 12 { Some(now - Duration::hours(2)) } else { None },
    };
    match number {
        1 => Some(now - Duration::minutes(7)),
        12 => Some(now - Duration::hours(2)),
        44 => Some(now - Duration::days(93)),
        90 => None,
        _ => Some(now - Duration::minutes(minutes)),
    }
}

/// Results of earlier actions that linger on some devices.
fn old_results(name: &str, now: OffsetDateTime, rng: &mut StdRng) -> Vec<ActionResult> {
    let started = now - Duration::minutes(rng.random_range(60..60 * 24 * 60));
    let entry = |action: &'static str, state, passcode: Option<String>| ActionResult {
        action_name: Word::Borrowed(action),
        state,
        started,
        updated: started + Duration::seconds(95),
        passcode,
    };
    let code = secret_word(rng);
    match rng.random_range(0..100u32) {
        0..=5 => vec![entry("setDeviceName", ActionState::Done, Some(name.to_owned()))],
        6..=9 => vec![entry("syncDevice", ActionState::Done, None)],
        10..=11 => vec![entry("recoverPasscode", ActionState::Done, Some(code))],
        12..=13 => vec![entry("recoverPasscode", ActionState::Failed, None)],
        14 => vec![
            entry("resetPasscode", ActionState::Done, Some(code)),
            entry("rebootNow", ActionState::Canceled, None),
        ],
        _ => Vec::new(),
    }
}

/// A word no other text holds by chance, so that a test can look for it everywhere.
pub(crate) fn secret_word(rng: &mut StdRng) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789";
    (0..12).filter_map(|_| LETTERS.choose(rng)).map(|letter| char::from(*letter)).collect()
}

struct AppRow {
    name: String,
    publisher: &'static str,
    platform: &'static str,
    common: u64,
    version: &'static str,
    /// Rows of one group are versions of one app; a device holds one of them.
    group: usize,
    first: usize,
    of: usize,
}

fn apps(options: &Options, devices: &[Device], kinds: &[&'static str]) -> Vec<App> {
    let rows = app_rows(options.apps);
    let mut found: Vec<Vec<String>> = vec![Vec::new(); rows.len()];
    for (place, row) in rows.iter().enumerate() {
        let mut fallback = None;
        for (number, device) in devices.iter().enumerate() {
            if kinds.get(number).is_none_or(|kind| *kind != row.platform) || device.owner != "company" {
                continue;
            }
            let draw = mix(mix(options.seed)
                ^ mix((Stream::App as u64) << 56 | (row.group as u64) << 32 | number as u64));
            let version = row.first + usize::try_from(draw >> 32).unwrap_or_default() % row.of.max(1);
            if draw % 100 < row.common && version == place {
                found[place].push(device.id.clone());
            } else if fallback.is_none() || number % 7 == row.group % 7 && number < 200 {
                fallback = Some(device);
            }
        }
        // No app is shown that nobody has, in a tenant small enough for chance to make one.
        if found[place].is_empty()
            && let Some(device) = fallback
        {
            found[place].push(device.id.clone());
        }
    }
    let built = rows.into_iter().zip(found).enumerate().map(|(place, (row, device_ids))| {
        let mut rng = stream(options.seed, Stream::App, place as u64);
        let id = rng.random::<[u8; 32]>().iter().map(|byte| format!("{byte:02x}")).collect();
        App {
            id,
            name: row.name,
            version: row.version.to_owned(),
            publisher: Some(row.publisher.to_owned()).filter(|publisher| !publisher.is_empty()),
            platform: Cow::Borrowed(row.platform),
            size: if place % 3 == 0 { rng.random_range(1_000_000..900_000_000) } else { 0 },
            device_count: device_ids.len() + usize::from(place % 9 == 8),
            device_ids,
        }
    });
    built.collect()
}

fn app_rows(count: usize) -> Vec<AppRow> {
    let mut rows = Vec::with_capacity(count);
    for (group, (name, publisher, platform, common, versions)) in names::APPS.iter().enumerate() {
        let first = rows.len();
        let of = versions.len().min(count.saturating_sub(first));
        for version in versions.iter().take(of) {
            rows.push(AppRow {
                name: (*name).to_owned(),
                publisher,
                platform,
                common: *common,
                version,
                group,
                first,
                of,
            });
        }
    }
    let platforms = ["ios", "windows", "macOS", "androidDedicatedAndFullyManaged"];
    while rows.len() < count {
        let first = rows.len();
        rows.push(AppRow {
            name: format!("Line of business app {:03}", first + 1),
            publisher: "Contoso",
            platform: platforms[first % platforms.len()],
            common: 5,
            version: "1.0",
            group: first + names::APPS.len(),
            first,
            of: 1,
        });
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_is_the_same_in_a_small_and_in_a_large_tenant() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
        let small = directory(&Options { devices: 120, ..Options::default() }, now);
        let large = directory(&Options { devices: 3_000, ..Options::default() }, now);
        assert_eq!(small.devices, large.devices[..120]);
        assert_eq!(small.users, large.users);
        let other = directory(&Options { devices: 120, seed: 2, ..Options::default() }, now);
        assert_ne!(small.devices[5].id, other.devices[5].id);
    }

    #[test]
    fn the_first_users_have_one_none_and_three_devices() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
        for devices in [200, 10] {
            let directory = directory(&Options { devices, ..Options::default() }, now);
            let counts: Vec<usize> =
                directory.users.iter().take(5).map(|user| directory.devices_of(&user.id).count()).collect();
            assert_eq!(counts, [1, 0, 3, 1, 3]);
        }
    }

    #[test]
    fn personal_devices_have_no_detected_apps_and_every_app_is_somewhere() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
        let directory = directory(&Options::default(), now);
        assert_eq!(directory.apps.len(), 40);
        for app in &directory.apps {
            assert!(!app.device_ids.is_empty(), "{} {}", app.name, app.version);
            for id in &app.device_ids {
                assert_eq!(directory.device(id).unwrap().owner, "company");
            }
        }
    }

    #[test]
    fn an_empty_tenant_is_a_tenant() {
        let options = Options { users: 0, devices: 0, apps: 0, ..Options::default() };
        let directory = directory(&options, OffsetDateTime::UNIX_EPOCH);
        assert!(directory.users.is_empty() && directory.devices.is_empty() && directory.apps.is_empty());
    }
}

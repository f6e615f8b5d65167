//! What a device tells beside what it is recognised by. Drawn from a stream of its own, so that the rest of a device stays as it
//! was before there were these.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use time::{Duration, OffsetDateTime};

use crate::data::{Device, Word};
use crate::generate::{Stream, stream};

const CATEGORIES: [&str; 4] = ["Classroom", "Field", "Kiosk", "Loan pool"];

const NOTES: [&str; 4] = [
    "Returned with a cracked corner",
    "Loaned to reception until further notice",
    "Spare; charge monthly & keep in cabinet 4",
    "Ticket 30211: battery replaced",
];

/// Fills in the facts of the device with that number.
pub(crate) fn fill(device: &mut Device, seed: u64, number: usize, now: OffsetDateTime) {
    let rng = &mut stream(seed, Stream::Facts, number as u64);
    let phone = matches!(&*device.operating_system, "iOS" | "Android");
    let computer = matches!(&*device.operating_system, "Windows" | "macOS");
    device.phone_number =
        (phone && rng.random_ratio(2, 3)).then(|| format!("+1555{:07}", rng.random_range(0..10_000_000u32)));
    device.wifi_mac = rng.random_ratio(29, 30).then(|| mac(rng));
    device.ethernet_mac = (computer && rng.random_ratio(1, 2)).then(|| mac(rng));
    if rng.random_ratio(1, 4) {
        device.category = word(&CATEGORIES, rng);
    }
    if rng.random_ratio(1, 6) {
        device.notes = NOTES.choose(rng).map(|note| (*note).to_owned());
    }
    device.jail_broken = Word::Borrowed(match &*device.operating_system {
        "iOS" | "iPadOS" | "Android" if rng.random_ratio(1, 150) => "True",
        "iOS" | "iPadOS" | "Android" => "False",
        _ => "Unknown",
    });
    device.patch_level = (device.operating_system == "Android").then(|| {
        let month = now - Duration::days(30 * i64::from(rng.random_range(1..=11u32)));
        format!("{}-{:02}-{:02}", month.year(), u8::from(month.month()), [1, 5][rng.random_range(0..2)])
    });
    device.grace_until = (device.compliance_state == "inGracePeriod")
        .then(|| now + Duration::hours(rng.random_range(6..14 * 24)));
}

fn mac(rng: &mut StdRng) -> String {
    rng.random::<[u8; 6]>().iter().map(|byte| format!("{byte:02X}")).collect()
}

fn word(words: &'static [&'static str], rng: &mut StdRng) -> Word {
    Word::Borrowed(words.choose(rng).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use crate::generate::directory;
    use crate::options::Options;

    #[test]
    fn a_patch_level_is_of_the_year_before_whatever_day_it_is() {
        for now in [
            datetime!(2026-11-30 18:00 UTC),
            datetime!(2028-02-29 23:30 UTC),
            datetime!(2030-12-31 23:30 UTC),
            datetime!(2031-03-01 0:30 UTC),
        ] {
            let today = now.date().to_string();
            let year_before = now.date().replace_day(1).unwrap() - time::Duration::days(365);
            let devices = directory(&Options { devices: 400, ..Options::default() }, now).devices;
            let levels: Vec<String> = devices.into_iter().filter_map(|device| device.patch_level).collect();
            assert!(levels.len() > 10);
            for level in levels {
                assert!(level <= today && level > year_before.to_string(), "{level} on {today}");
            }
        }
    }
}

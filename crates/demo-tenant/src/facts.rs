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
    "Returned 2026-09-02, cracked corner",
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
    device.patch_level = (device.operating_system == "Android")
        .then(|| format!("2026-{:02}-{:02}", rng.random_range(1..=11u32), [1, 5][rng.random_range(0..2)]));
    device.grace_until = (device.compliance_state == "inGracePeriod")
        .then(|| now + Duration::hours(rng.random_range(6..14 * 24)));
}

fn mac(rng: &mut StdRng) -> String {
    rng.random::<[u8; 6]>().iter().map(|byte| format!("{byte:02X}")).collect()
}

fn word(words: &'static [&'static str], rng: &mut StdRng) -> Word {
    Word::Borrowed(words.choose(rng).copied().unwrap_or_default())
}

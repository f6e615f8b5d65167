//! What a soak came to: a table to read and a file to compare.

use serde::Serialize;
use unlatch_e2e::Failure;

use crate::flat::Course;
use crate::sample::{Held, Sample};
use crate::technician::Done;

/// A figure of a sample.
type Reading = fn(&Sample) -> u64;

/// How many cycles must be left after the warm-up for a course to be judged.
const ENOUGH: usize = 6;
/// A technician's hour: so many calls, and one incident.
const CALLS_OF_AN_HOUR: u64 = 12;

/// The most that memory may grow with each cycle, in MB. A run of three hundred devices that stays in the window's memory is 0.8.
const WINDOW_MEMORY: f64 = 0.25;
const NETWORK_MEMORY: f64 = 0.1;
/// Until the journal has this size, SQLite's caches may still fill: 2 MB for each of two connections, of which one holds what is
/// written and the other what is read, a third as much.
const CACHED_JOURNAL: u64 = 6_000_000;
/// What is alive in the page is 7 to 11 MB, by the moment at which it is collected.
const LIVING: f64 = 0.3;
/// What the page's process holds says little of what is alive in it: its allocators keep most of what was freed, as `malloc_trim` shows,
/// which gave 30 MB of 38 back.
const WEB_CEILING: f64 = 300.0;

#[derive(Debug, Default, Serialize)]
pub struct Verdict {
    pub minutes: f64,
    pub done: Done,
    pub posts: u64,
    pub courses: Vec<Course>,
    /// What the journal, the tenant and the samples do not tell as they are to.
    pub wrong: Vec<String>,
    /// Just signed in, on an empty journal.
    pub fresh: Sample,
    pub samples: Vec<Sample>,
    /// After a long rest.
    pub rested: Sample,
    /// A new process on the whole journal.
    pub again: Sample,
}

impl Verdict {
    /// Judges the samples after the warm-up, which is a third of the cycles and at least three: until then the page's heap takes
    /// the size that its collector lets it have. While the caches of the journal fill, the window may hold each of its pages
    /// twice.
    pub fn judge(&mut self) {
        let warm = self.samples.len().div_ceil(3).max(3).min(self.samples.len());
        let samples = &self.samples[warm..];
        if samples.len() < ENOUGH {
            self.wrong.push(format!(
                "{} cycles after {warm} to warm up are too few to tell growth from chance: give it more minutes",
                samples.len()
            ));
            return;
        }
        let values = |of: Reading| samples.iter().map(|sample| of(sample) as f64).collect::<Vec<_>>();
        let megabytes =
            |of: Reading| samples.iter().map(|sample| of(sample) as f64 / 1e6).collect::<Vec<_>>();
        let journal = Course::told("journal", "MB", &megabytes(|s| s.journal));
        let is_cached = samples[0].journal < CACHED_JOURNAL;
        let window = WINDOW_MEMORY + if is_cached { 2.0 * journal.each_cycle } else { 0.0 };
        let mut courses = vec![
            Course::limited("memory of the window", "MB", &megabytes(|s| s.window.memory), window),
            Course::below("memory of the page", "MB", &megabytes(|s| s.web.memory), WEB_CEILING),
            Course::limited("alive in the page", "MB", &megabytes(|s| s.living), LIVING),
            Course::limited(
                "memory of the network process",
                "MB",
                &megabytes(|s| s.network.memory),
                NETWORK_MEMORY,
            ),
            Course::told("proportional, all", "MB", &megabytes(|s| all(s, |held| held.proportional))),
            Course::told("resident, all", "MB", &megabytes(|s| all(s, |held| held.resident))),
            journal,
            Course::told("logs", "MB", &megabytes(|s| s.logs)),
        ];
        let still: [(&str, Reading); 11] = [
            ("descriptors of the window", |s| s.window.descriptors),
            ("descriptors of the page", |s| s.web.descriptors),
            ("descriptors of the network process", |s| s.network.descriptors),
            ("connections of the window", |s| s.window.connections),
            ("threads of the window", |s| s.window.threads),
            ("threads of the network process", |s| s.network.threads),
            ("processes", |s| s.window.processes + s.web.processes + s.network.processes),
            ("other processes", |s| s.others),
            ("D-Bus connections", |s| s.bus),
            ("elements in the page", |s| s.elements),
            ("answers that the page waits for", |s| s.callbacks),
        ];
        courses.extend(still.into_iter().map(|(name, of)| Course::still(name, &values(of))));
        // Its collector and its compiler take threads as they need them, up to as many as there are processors.
        courses.push(Course::nearly_still("threads of the page", &values(|s| s.web.threads), 3.0));
        self.courses = courses;
    }

    pub fn holds(&self) -> bool {
        self.wrong.is_empty() && self.courses.iter().all(|course| course.holds)
    }

    pub fn json(&self) -> Result<String, Failure> {
        serde_json::to_string_pretty(self)
            .map(|text| text + "\n")
            .map_err(|error| Failure::new(error.to_string()))
    }

    pub fn print(&self) {
        let done = &self.done;
        println!("\n{:.1} minutes, {} cycles:", self.minutes, done.incidents);
        println!(
            "  {} calls and {} incidents, as in {:.1} hours of a technician with {CALLS_OF_AN_HOUR} calls and one incident in each",
            done.calls,
            done.incidents,
            (done.calls as f64 / CALLS_OF_AN_HOUR as f64).min(done.incidents as f64)
        );
        println!(
            "  {} searches, {} runs with {} devices, {} requests, {} stopped in time, {} sent again, {} passcodes, {} reports, {} looks at the history",
            done.searches,
            done.runs,
            done.devices,
            self.posts,
            done.stopped,
            done.sent_again,
            done.passcodes,
            done.reports,
            done.histories
        );
        println!(
            "  {} locks, {} sign-ins, {} outages, {} faults, {} kills",
            done.locks, done.sign_ins, done.outages, done.faults, done.kills
        );
        if !self.courses.is_empty() {
            println!("\n{:36} {:>10} {:>10} {:>12}", "", "first", "last", "each cycle");
        }
        for course in &self.courses {
            let limit = match (course.limit, course.ceiling) {
                (Some(limit), _) => format!("at most {limit:.2} each cycle"),
                (None, Some(ceiling)) => format!("at most {ceiling:.0}"),
                (None, None) => String::new(),
            };
            let mark = if course.holds { "" } else { "  ← grows" };
            println!(
                "{:36} {:>10.2} {:>10.2} {:>12.3} {:3} {limit}{mark}",
                course.name, course.first, course.last, course.each_cycle, course.unit
            );
        }
        if !self.samples.is_empty() {
            println!("\n{:36} {}", "fresh, empty journal", line(&self.fresh));
            println!("{:36} {}", "after a long rest", line(&self.rested));
            println!("{:36} {}", "fresh, the whole journal", line(&self.again));
        }
        for words in self.wrong.iter().take(20) {
            println!("wrong: {words}");
        }
        if self.wrong.len() > 20 {
            println!("and {} more", self.wrong.len() - 20);
        }
        let measured = if self.samples.is_empty() { "consistent" } else { "flat and consistent" };
        println!("\n{}", if self.holds() { measured } else { "NOT as it is to be" });
    }
}

fn all(sample: &Sample, of: fn(&Held) -> u64) -> u64 {
    of(&sample.window) + of(&sample.web) + of(&sample.network)
}

/// A sample in a line.
pub fn line(sample: &Sample) -> String {
    let of = |held: &Held| {
        format!(
            "{:.1} MB {} fds {} tcp {} threads",
            held.memory as f64 / 1e6,
            held.descriptors,
            held.connections,
            held.threads
        )
    };
    format!(
        "cycle {:>3} at {:>5} s: window {}, page {}, network {}, {} others, {} on D-Bus, {} elements, journal {:.1} MB",
        sample.cycle,
        sample.at,
        of(&sample.window),
        of(&sample.web),
        of(&sample.network),
        sample.others,
        sample.bus,
        sample.elements,
        sample.journal as f64 / 1e6
    )
}

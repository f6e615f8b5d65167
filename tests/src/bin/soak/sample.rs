//! What Unlatch holds at a moment: memory, descriptors, threads, and what it has written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Serialize;
use unlatch_e2e::{Failure, Stage, Window};

/// What one kind of process holds; several of one name are summed.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Held {
    pub processes: u64,
    /// Bytes of this process alone and its part of those it shares, files excepted: what a leak grows.
    pub memory: u64,
    /// The same with files, which others on the machine share or not.
    pub proportional: u64,
    pub resident: u64,
    pub threads: u64,
    /// Open descriptors without TCP connections, which come and go with what is asked of the service.
    pub descriptors: u64,
    pub connections: u64,
}

/// One look at everything.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Sample {
    /// The cycle that had ended, from 1; 0 is before the first.
    pub cycle: usize,
    /// Seconds since the start of the soak.
    pub at: u64,
    pub window: Held,
    pub web: Held,
    pub network: Held,
    /// Every other process that Unlatch started and that is still there, those included that ended and were not waited for.
    pub others: u64,
    /// Connections to the session's D-Bus, of everybody.
    pub bus: u64,
    /// Elements in the page.
    pub elements: u64,
    /// Answers and messages that the page waits for.
    pub callbacks: u64,
    /// Bytes that were alive in the page at the last full collection of its own accord; 0 if WebKit does not tell.
    pub living: u64,
    /// Bytes of the journal, its write-ahead log left out.
    pub journal: u64,
    pub logs: u64,
}

impl Sample {
    /// Looks at a window at rest.
    ///
    /// # Errors
    /// When it is not there any more.
    pub async fn take(window: &Window<'_>, cycle: usize, at: u64) -> Result<Self, Failure> {
        let mut sample = Self { cycle, at, ..Self::default() };
        for pid in window.family()? {
            let Ok(name) = fs::read_to_string(format!("/proc/{pid}/comm")) else { continue };
            let held = match name.trim() {
                "unlatch" => &mut sample.window,
                "WebKitWebProces" => &mut sample.web,
                "WebKitNetworkPr" => &mut sample.network,
                _ => {
                    sample.others += 1;
                    continue;
                }
            };
            held.add(pid);
        }
        if sample.window.processes != 1 || sample.web.processes == 0 {
            return Err(Failure::new(format!("Unlatch's processes are not as they were: {sample:?}")));
        }
        let stage = window.stage();
        sample.bus = connected(stage)?;
        let elements = window.page().run("return document.querySelectorAll('*').length;", Vec::new()).await?;
        sample.elements = elements.as_u64().unwrap_or_default();
        let callbacks = "return window.__TAURI_INTERNALS__.callbacks.size;";
        let callbacks = window.page().run(callbacks, Vec::new()).await?;
        sample.callbacks = callbacks.as_u64().unwrap_or_default();
        sample.living = living(&window.output());
        sample.journal =
            stage.journals().iter().filter_map(|file| fs::metadata(file).ok()).map(|file| file.len()).sum();
        sample.logs = size_below(&stage.data_folder().join("logs"));
        Ok(sample)
    }

    /// Every figure by its name, in the order in which they are shown.
    pub fn figures(&self) -> Vec<(String, f64)> {
        let mut figures = Vec::new();
        let mut add = |name: String, value: u64| figures.push((name, value as f64));
        for (name, held) in [("window", &self.window), ("web", &self.web), ("network", &self.network)] {
            add(format!("{name} memory"), held.memory);
            add(format!("{name} proportional"), held.proportional);
            add(format!("{name} resident"), held.resident);
            add(format!("{name} threads"), held.threads);
            add(format!("{name} descriptors"), held.descriptors);
            add(format!("{name} connections"), held.connections);
            add(format!("{name} processes"), held.processes);
        }
        add("other processes".to_owned(), self.others);
        add("D-Bus connections".to_owned(), self.bus);
        add("elements".to_owned(), self.elements);
        add("callbacks".to_owned(), self.callbacks);
        add("living".to_owned(), self.living);
        add("journal".to_owned(), self.journal);
        add("logs".to_owned(), self.logs);
        figures
    }
}

impl Held {
    /// A process that ends meanwhile holds nothing.
    fn add(&mut self, pid: u32) {
        self.processes += 1;
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let bytes = |key: &str| field(&rollup, key) * 1024;
        self.memory += bytes("Pss_Anon:") + bytes("Pss_Shmem:") + bytes("SwapPss:");
        self.proportional += bytes("Pss:");
        self.resident += bytes("Rss:");
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        self.threads += field(&status, "Threads:");
        let tcp = tcp_sockets(pid);
        let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return };
        for target in descriptors.flatten().filter_map(|entry| fs::read_link(entry.path()).ok()) {
            if tcp.contains(&*target.to_string_lossy()) {
                self.connections += 1;
            } else {
                self.descriptors += 1;
            }
        }
    }
}

fn field(text: &str, key: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// What the last full collection left, as `JSC_logGC` has it told: `[GC<0x7f>: START M 30917kb => FullCollection, … => 6910kb, p=…`.
fn living(output: &str) -> u64 {
    let mut last = 0;
    for full in output.split("=> FullCollection").skip(1) {
        let ended = full.split("START M").next().unwrap_or_default();
        let left =
            ended.split(" => ").skip(1).find_map(|rest| rest.split_once("kb, p=")?.0.parse::<u64>().ok());
        last = left.unwrap_or(last);
    }
    last * 1024
}

/// The TCP sockets that this process can see, as its descriptors name them.
fn tcp_sockets(pid: u32) -> BTreeSet<String> {
    let tables = ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("/proc/{pid}/net/{table}")));
    let lines = tables.iter().flatten().flat_map(|table| table.lines().skip(1));
    lines.filter_map(|line| Some(format!("socket:[{}]", line.split_whitespace().nth(9)?))).collect()
}

/// Who is connected to the session's D-Bus, the one who asks left out.
fn connected(stage: &Stage) -> Result<u64, Failure> {
    let mut ask = stage.session().command("dbus-send");
    ask.args(["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus"]);
    let answer = ask.arg("org.freedesktop.DBus.ListNames").output()?;
    let names = String::from_utf8_lossy(&answer.stdout).matches("string \":").count();
    Ok((names as u64).saturating_sub(1))
}

fn size_below(folder: &Path) -> u64 {
    let files = unlatch_e2e::files_below(folder);
    files.iter().filter_map(|file| fs::metadata(file).ok()).map(|file| file.len()).sum()
}

/// The samples as a table for spreadsheets.
pub fn csv(samples: &[Sample]) -> String {
    let mut lines = Vec::new();
    for sample in samples {
        let figures: BTreeMap<usize, (String, f64)> = sample.figures().into_iter().enumerate().collect();
        if lines.is_empty() {
            let names: Vec<&str> = figures.values().map(|(name, _)| name.as_str()).collect();
            lines.push(format!("cycle,seconds,{}", names.join(",")));
        }
        let values: Vec<String> = figures.values().map(|(_, value)| format!("{value}")).collect();
        lines.push(format!("{},{},{}", sample.cycle, sample.at, values.join(",")));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alive_is_what_the_last_full_collection_left() {
        let log = "[GC<0x7f>: START M 30917kb => FullCollection, a=0kb i#1:N<Cs> 2+0 v=1kb => 6910kb, p=1.7ms (max 2.3), cycle 32ms END]
            GC END!
            [GC<0x7f>: START M 4627kb => EdenCollection, a=0kb => 4284kb, p=1.7ms END]";
        assert_eq!(living(log), 6910 * 1024);
        assert_eq!(
            living(&format!("{log}\n[GC<0x7f>: START M 9000kb => FullCollection, a=0kb")),
            6910 * 1024
        );
        assert_eq!(living("nothing of it"), 0);
    }
}

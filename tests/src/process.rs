//! Child processes that end with their owner.

use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::failure::Failure;

/// How long a process may take to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(3);

/// A started program. Dropping it ends it: first politely, so that it cleans up after itself, then for good.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
}

impl Running {
    /// Starts a program.
    ///
    /// # Errors
    /// When it cannot be started; the words name it.
    pub fn start(name: &str, command: &mut Command) -> Result<Self, Failure> {
        let child = command.spawn().map_err(|error| {
            Failure::new(format!(
                "{name} cannot be started ({error}); `cargo xtask test` installs what is needed"
            ))
        })?;
        Ok(Self { name: name.to_owned(), child })
    }

    /// The started process itself, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When it still runs after `limit`.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus, Failure> {
        self.ended_within(limit)
            .ok_or_else(|| Failure::new(format!("{} still runs after {limit:?}", self.name)))
    }

    fn ended_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            if start.elapsed() > limit {
                return None;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended().is_some() {
            return;
        }
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        if self.ended_within(PATIENCE).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Ends what a session left behind: every process that carries `variable` with exactly `value` in its
/// environment. The value is unique to one session, so nothing else can be hit. D-Bus services and web processes
/// outlive the program that caused them, which is why their parents' ids are not enough.
pub fn end_all_with(variable: &str, value: &Path) {
    let mark = format!("{variable}={}", value.display());
    for signal in [Signal::TERM, Signal::KILL] {
        let start = Instant::now();
        loop {
            let left = carrying(&mark);
            if left.is_empty() {
                return;
            }
            if start.elapsed() > PATIENCE {
                break;
            }
            for pid in left {
                let _ = kill_process(pid, signal);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn carrying(mark: &str) -> Vec<Pid> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let own = std::process::id();
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| *pid != own && is_marked(*pid, mark))
        .filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?))
        .collect()
}

/// The processes with that mark that run that program.
fn running(variable: &str, value: &Path, program: &Path) -> Vec<Pid> {
    let mark = format!("{variable}={}", value.display());
    let Ok(program) = program.canonicalize() else { return Vec::new() };
    let runs = |pid: &Pid| {
        std::fs::read_link(format!("/proc/{}/exe", pid.as_raw_nonzero()))
            .is_ok_and(|running| running == program)
    };
    carrying(&mark).into_iter().filter(runs).collect()
}

/// Whether a process with that mark runs that program.
pub fn runs_with(variable: &str, value: &Path, program: &Path) -> bool {
    !running(variable, value, program).is_empty()
}

/// Whatever runs that program with that mark, and all that they started.
pub fn family_with(variable: &str, value: &Path, program: &Path) -> Vec<u32> {
    let pids = running(variable, value, program);
    let pids = pids.iter().filter_map(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok());
    // One that another of them started is told once.
    let all: std::collections::BTreeSet<u32> = pids.flat_map(family_of).collect();
    all.into_iter().collect()
}

/// The resident memory of that program, with that mark, and of all that it started, in bytes.
pub fn resident_with(variable: &str, value: &Path, program: &Path) -> u64 {
    let pids = running(variable, value, program);
    pids.iter().filter_map(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok()).map(resident_of).sum()
}

/// Kills (SIGKILL) whatever runs that program with that mark. Gives how many there were.
pub fn kill_with(variable: &str, value: &Path, program: &Path) -> usize {
    let found = running(variable, value, program);
    found.iter().filter(|pid| kill_process(**pid, Signal::KILL).is_ok()).count()
}

/// The resident memory of a process and of all that it started, in bytes.
#[must_use]
pub fn resident_of(root: u32) -> u64 {
    family_of(root).into_iter().filter_map(resident).sum()
}

/// A process and all that it started, those included that have ended and that nobody has waited for.
fn family_of(root: u32) -> Vec<u32> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parents: Vec<(u32, u32)> = pids.filter_map(|pid| Some((pid, parent_of(pid)?))).collect();
    let mut family = vec![root];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    family
}

fn parent_of(pid: u32) -> Option<u32> {
    status_of(pid, "PPid:")
}

fn resident(pid: u32) -> Option<u64> {
    status_of::<u64>(pid, "VmRSS:").map(|kibibytes| kibibytes * 1024)
}

fn status_of<T: std::str::FromStr>(pid: u32, key: &str) -> Option<T> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse().ok())
}

/// An ended process that nobody has waited for shows an empty environment, so it does not count.
fn is_marked(pid: u32, mark: &str) -> bool {
    std::fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|environment| environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    #[test]
    fn a_dropped_process_is_gone() {
        let running = Running::start("sleep", Command::new("sleep").arg("600")).unwrap();
        let place = format!("/proc/{}", running.child.id());
        assert!(Path::new(&place).exists());
        drop(running);
        assert!(!Path::new(&place).exists());
    }

    #[test]
    fn an_orphan_is_found_by_its_mark_and_nothing_else_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let start = |value: &Path| {
            let mut shell = Command::new("sh");
            shell.args(["-c", "sleep 600 & echo $!"]).env("UNLATCH_TEST_MARK", value).stdout(Stdio::piped());
            shell
        };
        let orphan = |command: &mut Command| -> u32 {
            let mut running = Running::start("sh", command).unwrap();
            let out = running.child().stdout.take().unwrap();
            let mut line = String::new();
            std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).unwrap();
            line.trim().parse().unwrap()
        };
        let marked = orphan(&mut start(folder.path()));
        let mut other =
            Running::start("sleep", Command::new("sleep").arg("600").env("UNLATCH_TEST_MARK", "x")).unwrap();
        end_all_with("UNLATCH_TEST_MARK", folder.path());
        assert!(!is_marked(marked, &format!("UNLATCH_TEST_MARK={}", folder.path().display())));
        assert!(other.ended().is_none());
    }

    #[test]
    fn a_missing_program_is_named() {
        let failure = Running::start("the moon", &mut Command::new("no-such-program-anywhere")).unwrap_err();
        assert!(failure.to_string().contains("the moon cannot be started"), "{failure}");
    }
}

//! Steps in order. A step that fails does not stop the others, save those that build on it.

use std::time::{Duration, Instant};

/// What a step came to.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    Failed(String),
    /// Another step, named here, did not end well.
    NotRun(&'static str),
}

#[derive(Debug)]
struct Step {
    name: &'static str,
    took: Duration,
    outcome: Outcome,
}

/// The steps taken so far, and what the runners said about themselves.
#[derive(Debug, Default)]
pub struct Steps {
    taken: Vec<Step>,
    summaries: Vec<String>,
}

impl Steps {
    /// Takes a step, unless one of `needs` did not end well.
    pub fn take(
        &mut self,
        name: &'static str,
        needs: &[&'static str],
        work: impl FnOnce() -> Result<(), String>,
    ) {
        self.take_and_keep(name, needs, || (Vec::new(), work()));
    }

    /// As [`Steps::take`], for work that gives summary lines to show again at the end.
    pub fn take_and_keep(
        &mut self,
        name: &'static str,
        needs: &[&'static str],
        work: impl FnOnce() -> (Vec<String>, Result<(), String>),
    ) {
        let broken = needs.iter().find(|need| !self.ended_well(need));
        if let Some(broken) = broken {
            println!("\n== {name}: not run, because «{broken}» failed");
            self.taken.push(Step { name, took: Duration::ZERO, outcome: Outcome::NotRun(broken) });
            return;
        }
        println!("\n== {name}");
        let start = Instant::now();
        let (summaries, ended) = work();
        let outcome = match ended {
            Ok(()) => Outcome::Done,
            Err(words) => {
                println!("{name} failed: {words}");
                Outcome::Failed(words)
            }
        };
        self.summaries.extend(summaries.into_iter().map(|summary| format!("{name}: {}", summary.trim())));
        self.taken.push(Step { name, took: start.elapsed(), outcome });
    }

    fn ended_well(&self, name: &str) -> bool {
        self.taken.iter().any(|step| step.name == name && step.outcome == Outcome::Done)
    }

    /// Prints what came of it all and tells whether every step ended well. The runners' own lines come last.
    pub fn conclude(self) -> bool {
        println!("\n== steps");
        for line in self.table() {
            println!("{line}");
        }
        for step in &self.taken {
            if let Outcome::Failed(words) = &step.outcome {
                println!("\n{} failed: {words}", step.name);
            }
        }
        if !self.summaries.is_empty() {
            println!("\n== what the runners say");
            for summary in &self.summaries {
                println!("{summary}");
            }
        }
        self.taken.iter().all(|step| step.outcome == Outcome::Done)
    }

    fn table(&self) -> Vec<String> {
        let width = self.taken.iter().map(|step| step.name.chars().count()).max().unwrap_or_default();
        let line = |step: &Step| {
            let outcome = match &step.outcome {
                Outcome::Done => "done".to_owned(),
                Outcome::Failed(_) => "FAILED".to_owned(),
                Outcome::NotRun(broken) => format!("NOT RUN ({broken})"),
            };
            format!("{:width$}  {:>8.1} s  {outcome}", step.name, step.took.as_secs_f64())
        };
        self.taken.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_stops_only_what_builds_on_it_and_fails_the_whole() {
        let mut steps = Steps::default();
        steps.take("build", &[], || Err("no".to_owned()));
        let mut ran = false;
        steps.take("test", &["build"], || {
            ran = true;
            Ok(())
        });
        steps.take("lint", &[], || Ok(()));
        assert!(!ran);
        assert!(steps.ended_well("lint"));
        let table = steps.table();
        assert!(
            table[0].ends_with("FAILED")
                && table[1].ends_with("NOT RUN (build)")
                && table[2].ends_with("done")
        );
        assert!(!steps.conclude());
    }

    #[test]
    fn what_is_not_run_spreads() {
        let mut steps = Steps::default();
        steps.take("a", &[], || Err("no".to_owned()));
        steps.take("b", &["a"], || Ok(()));
        steps.take("c", &["b"], || Ok(()));
        assert!(!steps.ended_well("c"));
    }

    #[test]
    fn all_well_is_well() {
        let mut steps = Steps::default();
        steps.take_and_keep("a", &[], || (vec!["1 passed".to_owned()], Ok(())));
        assert_eq!(steps.summaries, ["a: 1 passed"]);
        assert!(steps.conclude());
    }
}

//! `unlatch-soak [--minutes N | --quick] [--folder DIR]` works with the real window for that long against a demo tenant with
//! faults, and looks after each cycle, at rest, at what Unlatch holds. It ends with 1 if that grows, or if the journal and the
//! tenant's own log do not tell the same. `cargo xtask soak` runs it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command-line program")]
#![allow(missing_docs, reason = "a program has no readers of its items")]

mod flat;
mod ledger;
mod sample;
mod technician;
mod verdict;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use unlatch_demo_tenant::{DemoTenant, Options, Pace};
use unlatch_e2e::{Failure, Keychain, Launch, Stage, Window};

use ledger::Ledger;
use sample::Sample;
use technician::{COUNTDOWN, Technician};
use verdict::Verdict;

/// How long a window rests before it is looked at: longer than the ten seconds after which an idle thread for blocking work ends.
const REST: Duration = Duration::from_secs(12);
/// How long it rests once at the end.
const LONG_REST: Duration = Duration::from_secs(60);
/// How many devices an incident has.
const INCIDENT: usize = 300;
const SMALL_INCIDENT: usize = 30;

#[derive(Debug, Clone, PartialEq)]
struct Asked {
    minutes: u64,
    /// What a person does in one cycle, with a small incident, and whether it was recorded: nothing is measured.
    quick: bool,
    folder: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let asked = match asked(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(failure) => {
            eprintln!("unlatch-soak: {failure}\nusage: unlatch-soak [--minutes N | --quick] [--folder DIR]");
            return ExitCode::from(2);
        }
    };
    match soak(&asked).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("the soak ended early: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn asked(arguments: impl Iterator<Item = String>) -> Result<Asked, Failure> {
    let mut asked = Asked { minutes: 60, quick: false, folder: None };
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| Failure::new(format!("{argument} needs a value")));
        match argument.as_str() {
            "--minutes" => {
                let minutes = value()?.parse().ok().filter(|minutes| *minutes > 0);
                asked.minutes = minutes.ok_or_else(|| Failure::new("--minutes takes a number"))?;
            }
            "--quick" => asked.quick = true,
            "--folder" => asked.folder = Some(value()?.into()),
            _ => return Err(Failure::new(format!("unknown: {argument}"))),
        }
    }
    Ok(asked)
}

/// What a soak works with, and what it has seen so far.
struct Soak<'a> {
    stage: &'a Stage,
    launch: Launch,
    technician: Technician<'a>,
    ledger: Ledger,
    begun: Instant,
}

async fn soak(asked: &Asked) -> Result<bool, Failure> {
    let pace = Pace { throttling: true, ..Pace::manual() };
    let options = Options { devices: 800, users: 250, page_size: 200, pace, ..Options::default() };
    let tenant = DemoTenant::start(options).await.map_err(|error| Failure::new(error.to_string()))?;
    let stage = Stage::set("soak", Keychain::Unlocked)?;
    let config = stage.write_config(&format!(
        "language = \"en\"\ncountdown = {}\nidle_lock_minutes = 0\ntenant = \"{}\"\nclient_id = \"{}\"\ncloud = {{ login_url = \"{}\", graph_url = \"{}\" }}\n",
        COUNTDOWN.as_secs(),
        tenant.tenant_id(),
        tenant.client_id(),
        tenant.login_url(),
        tenant.graph_url()
    ))?;
    // What is freed goes back at once, as far as it can: what each thread would keep in an arena of its own, and what stays in the
    // heap of the large pieces that were freed, takes hours to reach its size and hides a leak until then.
    let launch = Launch::plain()
        .variable("MALLOC_ARENA_MAX", "1")
        .variable("MALLOC_MMAP_THRESHOLD_", "65536")
        .variable("MALLOC_TRIM_THRESHOLD_", "65536")
        // The page's collector tells what it finds. Nothing makes it collect.
        .variable("JSC_logGC", "1");
    let launch = launch.argument("--config").argument(config);
    let technician = Technician::new(&tenant, if asked.quick { SMALL_INCIDENT } else { INCIDENT })?;
    let soak = Soak {
        stage: &stage,
        launch: launch.argument("--data-dir").argument(stage.data_folder()),
        technician,
        ledger: Ledger::default(),
        begun: Instant::now(),
    };
    let verdict = soak.run(asked).await;
    verdict.print();
    if let Some(folder) = &asked.folder {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("soak.json"), verdict.json()?)?;
        println!("\n{}", folder.join("soak.json").display());
        if !verdict.holds() {
            fs::write(folder.join("samples.csv"), sample::csv(&verdict.samples))?;
            println!("{}", folder.join("samples.csv").display());
        }
    }
    Ok(verdict.holds())
}

impl<'a> Soak<'a> {
    async fn run(mut self, asked: &Asked) -> Verdict {
        let mut verdict = Verdict::default();
        match self.work(asked, &mut verdict).await {
            Ok(wrong) => verdict.wrong = wrong,
            Err(failure) => verdict.wrong.push(format!("it ended early: {failure}")),
        }
        verdict.minutes = self.begun.elapsed().as_secs_f64() / 60.0;
        verdict.posts = self.ledger.posts() as u64;
        verdict.done = self.technician.done;
        if !asked.quick {
            verdict.judge();
        }
        verdict
    }

    /// Works until the time is over and gives what is wrong with the journal.
    async fn work(&mut self, asked: &Asked, verdict: &mut Verdict) -> Result<Vec<String>, Failure> {
        let mut window = Window::open(self.stage, &self.launch).await?;
        window.page().sign_in().await?;
        self.technician.done.sign_ins += 1;
        if asked.quick {
            self.technician.works(window.page()).await?;
        } else {
            window = self.cycles(window, asked.minutes, verdict).await?;
        }
        window.close().await?;
        let mut wrong = self.compare()?;
        wrong.extend(self.verify()?);
        Ok(wrong)
    }

    /// Cycles of one process between two kills, until the time is over.
    async fn cycles(
        &mut self,
        window: Window<'a>,
        minutes: u64,
        verdict: &mut Verdict,
    ) -> Result<Window<'a>, Failure> {
        verdict.fresh = self.look(&window, 0).await?;
        let window = self.is_killed(window).await?;
        let enough = Duration::from_secs(minutes * 60);
        while self.begun.elapsed() < enough {
            let cycle = verdict.samples.len() + 1;
            if let Err(failure) = self.technician.works(window.page()).await {
                return Err(failure.while_doing(&format!("cycle {cycle}")));
            }
            let sample = self.look(&window, cycle).await?;
            println!("{}", verdict::line(&sample));
            verdict.samples.push(sample);
            if !self.compare()?.is_empty() {
                break;
            }
        }
        tokio::time::sleep(LONG_REST).await;
        verdict.rested = self.look(&window, verdict.samples.len()).await?;

        // The same on a journal with everything in it: what it costs to have it is no leak.
        let window = self.is_killed(window).await?;
        verdict.again = self.look(&window, verdict.samples.len()).await?;
        Ok(window)
    }

    /// Lets the window rest and looks at it. The service has closed its idle connections by then, as services do.
    async fn look(&mut self, window: &Window<'_>, cycle: usize) -> Result<Sample, Failure> {
        let tenant = self.technician.tenant;
        tenant.go_away().await;
        tenant.come_back().await.map_err(|error| Failure::new(error.to_string()))?;
        tokio::time::sleep(REST).await;
        Sample::take(window, cycle, self.begun.elapsed().as_secs()).await
    }

    /// Kills Unlatch while requests go out, and has the run taken up in a new window.
    async fn is_killed(&mut self, window: Window<'a>) -> Result<Window<'a>, Failure> {
        self.technician.begins_a_run(window.page()).await?;
        tokio::time::sleep(COUNTDOWN + Duration::from_millis(500)).await;
        window.kill().await?;
        self.ledger.killed();
        self.technician.done.kills += 1;
        let window = Window::open(self.stage, &self.launch).await?;
        window.page().appears("search-input").await?;
        self.technician
            .takes_up(window.page())
            .await
            .map_err(|failure| failure.while_doing("after a kill"))?;
        Ok(window)
    }

    fn compare(&mut self) -> Result<Vec<String>, Failure> {
        self.ledger.take_from(self.technician.tenant);
        let executed = self.technician.tenant.executed().into_iter();
        let executed: Vec<_> =
            executed.map(|action| (action.device_id, action.client_request_id.unwrap_or_default())).collect();
        match self.stage.journals().as_slice() {
            [journal] => self.ledger.compare(journal, &executed),
            others => Ok(vec![format!("there are {} journals", others.len())]),
        }
    }

    /// What `unlatch verify-journal` says, if it is not that the journal is whole.
    fn verify(&self) -> Result<Option<String>, Failure> {
        let mut command = self.stage.session().command(unlatch_e2e::unlatch()?);
        command.args(["verify-journal", "--data-dir"]).arg(self.stage.data_folder());
        let output = command.output()?;
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        let whole = output.status.success() && words.contains("The journal is whole");
        Ok((!whole).then(|| format!("verify-journal: {words}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let read = |words: &[&str]| asked(words.iter().map(|word| (*word).to_owned()));
        assert_eq!(read(&[]).unwrap(), Asked { minutes: 60, quick: false, folder: None });
        let both = Asked { minutes: 5, quick: false, folder: Some("a".into()) };
        assert_eq!(read(&["--minutes", "5", "--folder", "a"]).unwrap(), both);
        assert!(read(&["--quick"]).unwrap().quick);
        for wrong in [&["--minutes"][..], &["--minutes", "0"], &["--minutes", "x"], &["--hours"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}

//! A run of 100,000 devices in processes of its own, and the journal without a service.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use time::OffsetDateTime;
use unlatch_graph::{
    ComplianceState, DeviceActionResult, DeviceId, Error, ManagedDevice, ManagementAgent, ManagementState,
    OwnerType, Pace, Passcode, Route, SendOutcome, Sent, TokenError, UserId,
};
use unlatch_recovery::{Action, Engine, EngineOptions, Journal, Tenant};
use uuid::Uuid;

use crate::figures::Figures;
use crate::{plan, planned};

const LARGE: usize = 100_000;

/// Accepts everything at once, at a pace that keeps to no limit.
struct AtOnce(Pace);

fn device(number: usize) -> ManagedDevice {
    ManagedDevice {
        id: DeviceId::new(format!("00000000-0000-4000-8000-{number:012}")).unwrap(),
        device_name: format!("TABLET-{number:06}"),
        serial_number: Some(format!("F9FZ{number:08}")),
        user_id: Some(UserId::new(format!("11111111-0000-4000-8000-{number:012}")).unwrap()),
        user_principal_name: Some(format!("user{number:06}@contoso.example")),
        user_display_name: None,
        email_address: None,
        operating_system: Some("iOS".into()),
        os_version: Some("18.1".into()),
        model: None,
        manufacturer: None,
        owner: OwnerType::Company,
        compliance_state: ComplianceState::Compliant,
        management_state: ManagementState::Managed,
        management_agent: ManagementAgent::Mdm,
        is_supervised: None,
        last_sync: None,
        enrolled: None,
    }
}

impl Tenant for AtOnce {
    fn fetch_token(&self) -> BoxFuture<'_, Result<(), TokenError>> {
        Box::pin(async { Ok(()) })
    }

    fn device<'a>(
        &'a self,
        id: &'a DeviceId,
    ) -> BoxFuture<'a, Result<(ManagedDevice, Vec<DeviceActionResult>), Error>> {
        let number = id.as_str().rsplit('-').next().and_then(|number| number.parse().ok()).unwrap();
        Box::pin(async move { Ok((device(number), Vec::new())) })
    }

    fn send<'a>(&'a self, _: Action, _: &'a Route, _: &'a DeviceId) -> BoxFuture<'a, Sent> {
        Box::pin(async {
            Sent {
                client_request_id: Uuid::new_v4(),
                request_id: Some(Uuid::new_v4().to_string()),
                server_date: Some(OffsetDateTime::now_utc()),
                outcome: SendOutcome::Accepted,
            }
        })
    }

    fn action_results<'a>(
        &'a self,
        _: &'a DeviceId,
    ) -> BoxFuture<'a, Result<Vec<DeviceActionResult>, Error>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn passcodes<'a>(
        &'a self,
        _: &'a DeviceId,
    ) -> BoxFuture<'a, Result<Vec<(DeviceActionResult, Passcode)>, Error>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn pace(&self) -> Pace {
        self.0.clone()
    }

    fn server_now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

fn options() -> EngineOptions {
    EngineOptions { countdown: Duration::ZERO, ..EngineOptions::default() }
}

async fn run(folder: &Path, count: usize) {
    let engine = Engine::new(Journal::open(folder).unwrap(), options());
    let items = (0..count).map(|number| planned(&device(number))).collect();
    let id = engine.start(plan(items), Arc::new(AtOnce(Pace::unlimited()))).await.unwrap();
    engine.finished(id).await;
}

/// What the journal costs a device when the service costs nothing.
pub async fn journal_cost(count: usize) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    run(folder.path(), count).await;
    begun.elapsed() / u32::try_from(count).unwrap()
}

/// In a process of its own: plans, journals and sends a large run, or opens it again. Says how long that took, in seconds, and the most
/// memory it had, in MB.
pub fn child(part: &str, folder: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let begun = Instant::now();
    runtime.block_on(async {
        if part == "run" {
            return run(folder, LARGE).await;
        }
        let engine = Engine::new(Journal::open(folder).unwrap(), options());
        let runs = engine.runs(None).await.unwrap();
        let record = engine.run(runs[0].header.id).await.unwrap();
        assert_eq!(record.summary.counts.accepted as usize, LARGE);
    });
    println!("{} {}", begun.elapsed().as_secs_f64(), peak_memory());
}

/// MB, as the system counts it.
fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap() / 1024.0
}

pub fn measure(figures: &mut Figures) {
    println!("100,000 devices …");
    let folder = tempfile::tempdir().unwrap();
    let part = |part: &str| {
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new(program);
        command.arg(format!("child-{part}")).arg(folder.path()).stderr(Stdio::inherit());
        let output = command.output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        let (seconds, memory) = text.trim().split_once(' ').unwrap();
        (seconds.parse::<f64>().unwrap(), memory.parse::<f64>().unwrap())
    };
    let (seconds, memory) = part("run");
    figures.told("100,000 devices planned, journaled and sent", seconds, "s");
    figures.at_most("100,000 devices, peak memory of the run", memory, "MB", 200.0);
    let (seconds, memory) = part("reopen");
    figures.at_most("100,000 devices, opened again", seconds, "s", 1.0);
    figures.at_most("100,000 devices, peak memory of that", memory, "MB", 200.0);
}

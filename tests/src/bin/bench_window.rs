//! `unlatch-bench-window [FILE]` measures the window: its start and memory against an empty Tauri window built the same way, and a
//! table of 100,000 devices against one of 200. Every claim is a ratio within this one run. `cargo xtask bench window` runs it.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::panic)]

#[path = "../../../crates/recovery/benches/recovery/figures.rs"]
mod figures;

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use unlatch_demo_tenant::{DemoTenant, Options, Pace};
use unlatch_e2e::{Failure, Keychain, Launch, Page, Running, SearchMode, Stage, Window, resident_of};

use figures::Figures;

/// How often each window is started.
const STARTS: usize = 15;
/// The accent colour, which both windows show as soon as they can be used.
const MARK: [u8; 3] = [0x0f, 0x6c, 0xbd];
/// How many pixels of it in every fourth row: the ring around a line of text has twice as many.
const MARK_PIXELS: usize = 10;
/// How long a window rests before its memory is read.
const REST: Duration = Duration::from_secs(4);

/// Told beside the time to the next paint: until the engine has them and the tray shows how many.
const COUNTED: &str = "selecting all and counting";

const FEW: usize = 200;
const MANY: usize = 100_000;

#[tokio::main]
async fn main() {
    let file = std::env::args().nth(1);
    let mut figures = Figures::default();
    measure(&mut figures).await.unwrap_or_else(|failure| panic!("{failure}"));
    figures.conclude(file.as_deref());
}

async fn measure(figures: &mut Figures) -> Result<(), Failure> {
    starts(figures).await?;
    let few = table(FEW).await?;
    let many = table(MANY).await?;
    for (of_few, of_many) in few.times.iter().zip(&many.times) {
        let name = of_few.name;
        figures.told(&format!("{name}, {FEW} devices"), of_few.median(), "ms");
        if name == COUNTED {
            figures.told(&format!("{name}, {MANY} devices"), of_many.median(), "ms");
            continue;
        }
        figures.at_most(&format!("{name}, {MANY} devices"), of_many.median(), "ms", 50.0);
        figures.at_most(
            &format!("{name}, {MANY} devices to {FEW}"),
            of_many.median() / of_few.median(),
            "times",
            1.5,
        );
        figures.told(&format!("{name}, {MANY} devices, slowest"), of_many.slowest(), "ms");
    }
    figures.told("memory with 200 devices", few.memory, "MB");
    figures.at_most("memory more with 100,000 devices", many.memory - few.memory, "MB", 120.0);
    Ok(())
}

/// A demo tenant of that many devices, and a configuration that names it.
async fn tenant(stage: &Stage, devices: usize) -> Result<(DemoTenant, Launch), Failure> {
    let pace = Pace { throttling: false, ..Pace::manual() };
    let options =
        Options { devices, users: devices / 3, device_prefix: ALL.to_owned(), pace, ..Options::default() };
    let tenant = DemoTenant::start(options).await.map_err(|error| Failure::new(error.to_string()))?;
    let config = stage.write_config(&format!(
        "language = \"en\"\ntenant = \"{}\"\nclient_id = \"{}\"\ncloud = {{ login_url = \"{}\", graph_url = \"{}\" }}\n",
        tenant.tenant_id(),
        tenant.client_id(),
        tenant.login_url(),
        tenant.graph_url()
    ))?;
    let launch = Launch::plain().argument("--config").argument(config);
    Ok((tenant, launch.argument("--data-dir").argument(stage.data_folder())))
}

/// Starts both windows in turn, Unlatch with a kept sign-in, and reads the memory of all their processes.
async fn starts(figures: &mut Figures) -> Result<(), Failure> {
    let stage = Stage::set("bench-start", Keychain::Unlocked)?;
    let (_tenant, launch) = tenant(&stage, FEW).await?;
    let window = Window::open(&stage, &launch).await?;
    window.page().sign_in().await?;
    window.close().await?;
    let empty = unlatch_e2e::built("examples/empty_window")?;
    let (mut own, mut others) = (Vec::new(), Vec::new());
    let (mut own_memory, mut others_memory) = (Vec::new(), Vec::new());
    for turn in 0..=STARTS {
        let (time, memory) = start(&stage, &unlatch_e2e::unlatch()?, &launch).await?;
        let (empty_time, empty_memory) = start(&stage, &empty, &Launch::plain()).await?;
        // The first of each warms the caches.
        if turn > 0 {
            own.push(time);
            own_memory.push(memory);
            others.push(empty_time);
            others_memory.push(empty_memory);
        }
    }
    let (time, empty_time) = (median(&own), median(&others));
    figures.told("start of an empty window", empty_time, "ms");
    figures.told("start to the signed-in desk", time, "ms");
    figures.at_most("start to an empty window's", time / empty_time, "times", 1.25);
    let (memory, empty_memory) = (median(&own_memory), median(&others_memory));
    figures.told("memory of an empty window", empty_memory, "MB");
    figures.told("memory of the signed-in desk", memory, "MB");
    figures.at_most("memory to an empty window's", memory / empty_memory, "times", 1.25);
    Ok(())
}

/// Milliseconds from the start of a program until its window shows the mark, and its memory in MB after a rest.
async fn start(stage: &Stage, program: &Path, launch: &Launch) -> Result<(f64, f64), Failure> {
    let mut command = launch.command(stage, program)?;
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let begun = Instant::now();
    let mut running = Running::start("the window", &mut command)?;
    while stage.display().pixels_of(MARK)? < MARK_PIXELS {
        if let Some(status) = running.ended() {
            return Err(Failure::new(format!("{} ended with {status}", program.display())));
        }
        if begun.elapsed() > Duration::from_secs(30) {
            return Err(Failure::new(format!("{} shows nothing", program.display())));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let time = begun.elapsed().as_secs_f64() * 1_000.0;
    tokio::time::sleep(REST).await;
    let memory = megabytes(resident_of(running.child().id()));
    drop(running);
    // The next one must not see this one's mark.
    while stage.display().pixels_of(MARK)? > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok((time, memory))
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1_000_000.0
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The times of one kind of interaction, in milliseconds.
struct Times {
    name: &'static str,
    each: Vec<f64>,
}

impl Times {
    fn median(&self) -> f64 {
        median(&self.each)
    }

    fn slowest(&self) -> f64 {
        self.each.iter().copied().fold(0.0, f64::max)
    }
}

struct Measured {
    times: Vec<Times>,
    memory: f64,
}

/// What a person does in the page, and how long it takes until that is painted: from the event to the frame after the table shows it.
const WATCH: &str = "
    const part = (id) => document.querySelector(`[data-testid=\"${id}\"]`);
    const grid = () => part('results-grid');
    const rows = () => [...document.querySelectorAll('[data-testid=\"device-row\"]')];
    const settled = () => grid() && grid().getAttribute('aria-busy') !== 'true' && !part('blank-row');
    const frame = () => new Promise((drawn) => requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = drawn;
        port2.postMessage(null);
    }));
    const timed = async (act, shown) => {
        await frame();
        const begun = performance.now();
        act();
        for (;;) {
            await frame();
            if (settled() && shown()) return performance.now() - begun;
            if (performance.now() - begun > 10000) throw new Error('nothing came of it');
        }
    };
    const finish = arguments[arguments.length - 1];
    const report = (measuring) => measuring().then(finish, (error) => finish({ error: String(error) }));
";

const TYPING: &str = "report(async () => {
    const field = part('table-filter');
    const times = [];
    const write = (text) => () => {
        field.focus();
        Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, text);
        field.dispatchEvent(new Event('input', { bubbles: true }));
    };
    for (const word of ['1', '12', '123', '12', '1', '', '0', '01', '0', '', 'i', 'ip', 'ipa', 'ipad', '']) {
        times.push(await timed(write(word), () => part('table-filter').value === word));
    }
    return times;
});";

const SORTING: &str = "report(async () => {
    const times = [];
    for (const column of ['column-serial', 'column-name', 'column-user', 'column-lastContact']) {
        for (let turn = 0; turn < 3; turn += 1) {
            const head = () => part(column).closest('[aria-sort]') ?? part(column);
            const before = head().getAttribute('aria-sort');
            times.push(await timed(() => part(column).click(), () => head().getAttribute('aria-sort') !== before));
        }
    }
    return times;
});";

const SCROLLING: &str = "report(async () => {
    const row = rows()[0];
    let box = row.parentElement;
    while (box && !/auto|scroll/.test(getComputedStyle(box).overflowY)) box = box.parentElement;
    const times = [];
    for (let turn = 1; turn <= 20; turn += 1) {
        const to = Math.round((box.scrollHeight - box.clientHeight) * ((turn * 7) % 20) / 20);
        const middle = () => {
            const at = box.getBoundingClientRect();
            const under = document.elementFromPoint(at.left + 200, at.top + at.height / 2);
            return under?.closest('[data-testid=\"device-row\"]') ?? null;
        };
        const before = middle()?.dataset.deviceId;
        times.push(await timed(() => { box.scrollTop = to; }, () => middle() && middle().dataset.deviceId !== before));
    }
    box.scrollTop = 0;
    return times;
});";

const SELECTING: &str = "report(async () => {
    const times = [];
    for (let turn = 0; turn < 8; turn += 1) {
        const on = String(turn % 2 === 0);
        const ticked = () => rows().every((row) => row.getAttribute('aria-selected') === on);
        times.push(await timed(() => part('select-all').click(), ticked));
        // The next click is made when the tray has counted this one.
        await timed(() => {}, () => (on === 'true') === (Number(part('tray')?.dataset.count ?? 0) > 0));
    }
    return times;
});";

/// The same until the tray has counted, too.
const COUNTING: &str = "report(async () => {
    const times = [];
    for (let turn = 0; turn < 8; turn += 1) {
        const on = String(turn % 2 === 0);
        const ticked = () => rows().every((row) => row.getAttribute('aria-selected') === on);
        const counted = () => (on === 'true') === (Number(part('tray')?.dataset.count ?? 0) > 0);
        times.push(await timed(() => part('select-all').click(), () => ticked() && counted()));
    }
    return times;
});";

/// Finds that many devices, then types in the filter, sorts, scrolls and selects all.
async fn table(devices: usize) -> Result<Measured, Failure> {
    let stage = Stage::set("bench-table", Keychain::Unlocked)?;
    let (_tenant, launch) = tenant(&stage, devices).await?;
    let window = Window::open(&stage, &launch).await?;
    let page = window.page();
    page.sign_in().await?;
    page.search(SearchMode::Device, ALL).await?;
    let whole = json!(devices + 1).to_string();
    page.until_within(Duration::from_secs(180), "every device to be read", async || {
        let script = "const grid = document.querySelector('[data-testid=\"results-grid\"]');
            const all = document.querySelector('[data-testid=\"select-all\"]');
            return all && !all.disabled ? grid.getAttribute('aria-rowcount') : null;";
        Ok((page.run(script, Vec::new()).await? == json!(whole)).then_some(()))
    })
    .await?;
    let mut times = Vec::new();
    for (name, script) in [
        ("typing in the filter", TYPING),
        ("sorting", SORTING),
        ("scrolling", SCROLLING),
        ("selecting all", SELECTING),
        (COUNTED, COUNTING),
    ] {
        let each = timed(page, script).await.map_err(|failure| Failure::new(format!("{name}: {failure}")))?;
        times.push(Times { name, each });
    }
    tokio::time::sleep(REST).await;
    let memory = megabytes(window.resident()?);
    window.close().await?;
    Ok(Measured { times, memory })
}

/// What every device's name in the tenant begins with.
const ALL: &str = "BENCH-";

async fn timed(page: Page<'_>, script: &str) -> Result<Vec<f64>, Failure> {
    let answer = page.run_async(&format!("{WATCH}{script}"), Vec::new()).await?;
    match answer {
        Value::Array(times) => Ok(times.iter().filter_map(Value::as_f64).collect()),
        other => Err(Failure::new(format!("the page could not be measured: {other}"))),
    }
}

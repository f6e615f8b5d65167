//! `unlatch-gallery [--checks] [SCENE…]` opens every scene of the UI's gallery in Chromium, looks for what is wrong with it, with
//! axe and by its layout, and keeps a picture of each in `target/screenshots`. With `--checks` it keeps none, and leaves out sizes
//! that others come close to.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command-line program")]

mod browser;
mod finding;
mod server;
mod shots;

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use unlatch_e2e::Failure;
use url::Url;

use crate::browser::Browser;
use crate::finding::{Finding, Report};
use crate::shots::{Emulated, Looks, Opening, Scene, openings};

/// How many browsers look at the same time.
const BROWSERS: usize = 2;
/// WCAG 2.0 to 2.2, A and AA, and what is good practice beyond it.
const TAGS: [&str; 6] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match exhibit(&arguments).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("the gallery ended early: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// What all browsers share.
#[derive(Debug)]
struct Gallery {
    address: Url,
    pictures: Option<PathBuf>,
    open: Mutex<VecDeque<Opening>>,
    report: Mutex<Report>,
}

/// Gives whether nothing is wrong.
async fn exhibit(arguments: &[String]) -> Result<bool, Failure> {
    let checks = arguments.iter().any(|argument| argument == "--checks");
    let named: Vec<&String> = arguments.iter().filter(|argument| *argument != "--checks").collect();
    if let Some(unknown) = named.iter().find(|argument| argument.starts_with('-')) {
        return Err(Failure::new(format!("{unknown}: usage: unlatch-gallery [--checks] [SCENE…]")));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| {
        fs::read_to_string(root.join(path)).map_err(|error| Failure::new(format!("{path}: {error}")))
    };
    let policy = server::policy(&read("src-tauri/tauri.conf.json")?)?;
    let axe = read("ui/node_modules/axe-core/axe.min.js")?;
    let address = server::serve(root.join("ui/dist-fake"), &policy).await?;

    let mut browsers = vec![Browser::start(&axe).await?];
    let listed = list(&browsers[0], &address).await?;
    let scenes: Vec<&Scene> =
        listed.iter().filter(|scene| named.is_empty() || named.contains(&&scene.name)).collect();
    if scenes.is_empty() {
        return Err(Failure::new("the gallery has no such scene"));
    }
    while browsers.len() < BROWSERS {
        browsers.push(Browser::start(&axe).await?);
    }
    let pictures = if checks { None } else { Some(unlatch_e2e::target_folder()?.join("screenshots")) };
    if let Some(folder) = &pictures {
        fs::create_dir_all(folder)?;
        forget(folder, named.is_empty())?;
    }
    let gallery = Arc::new(Gallery {
        address,
        pictures,
        open: Mutex::new(scenes.iter().flat_map(|scene| openings(scene, checks)).collect()),
        report: Mutex::default(),
    });
    let looking: Vec<_> = browsers
        .into_iter()
        .map(|browser| tokio::spawn(look_around(browser, Arc::clone(&gallery))))
        .collect();
    for browser in looking {
        browser.await.map_err(|error| Failure::new(error.to_string()))??;
    }
    let report = gallery.report.lock().unwrap_or_else(PoisonError::into_inner);
    for paragraph in report.paragraphs() {
        println!("{paragraph}");
    }
    if let Some(folder) = &gallery.pictures {
        println!("the pictures are in {}", folder.display());
    }
    println!("gallery: {} scenes, {} pictures, {} findings", scenes.len(), report.pictures(), report.len());
    Ok(report.len() == 0)
}

/// Removes the pictures of an earlier time, if all of them are taken anew.
fn forget(folder: &Path, all: bool) -> Result<(), Failure> {
    let files = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    for old in files.filter(|file| all && file.extension().is_some_and(|kind| kind == "png")) {
        fs::remove_file(old)?;
    }
    Ok(())
}

async fn list(browser: &Browser, address: &Url) -> Result<Vec<Scene>, Failure> {
    browser.open(address).await?;
    Ok(Scene::all(&browser.scenes().await?))
}

/// Takes one opening after another until none is left.
async fn look_around(browser: Browser, gallery: Arc<Gallery>) -> Result<(), Failure> {
    let mut turn = 0;
    loop {
        let next = gallery.open.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(opening) = next else { return browser.close().await };
        turn += 1;
        let mut address = gallery.address.clone();
        // Another query, so that the page is a new one and not the same with another hash.
        address.set_query(Some(&format!("turn={turn}")));
        address.set_fragment(Some(&opening.hash()));
        if let Some(first) = opening.looks.first() {
            browser.look(first).await?;
        }
        let opened = browser.open(&address).await;
        for (at, looks) in opening.looks.iter().enumerate() {
            let picture = opening.picture(looks);
            let mut found = match &opened {
                Ok(()) => look_at(&browser, looks, at == 0).await?,
                Err(failure) => vec![Finding::unplayed(&opening.scene, failure.to_string())],
            };
            found.extend(browser.wrongs().await?);
            if let Some(folder) = &gallery.pictures {
                fs::write(folder.join(format!("{picture}.png")), browser.picture().await?)?;
            }
            gallery.report.lock().unwrap_or_else(PoisonError::into_inner).add(&picture, found);
            if opened.is_err() {
                break;
            }
        }
    }
}

/// What is wrong with the page as it looks. After the first look at an opening only what depends on looks is judged again.
async fn look_at(browser: &Browser, looks: &Looks, first: bool) -> Result<Vec<Finding>, Failure> {
    browser.look(looks).await?;
    browser.settle().await?;
    let mut found = browser.layout().await?;
    if looks.emulated != Emulated::Forced {
        found.extend(browser.axe(axe_options(first)).await?);
    }
    Ok(found)
}

fn axe_options(first: bool) -> Value {
    let only = if first {
        json!({ "type": "tag", "values": TAGS })
    } else {
        json!({ "type": "rule", "values": ["color-contrast", "target-size", "link-in-text-block"] })
    };
    json!({ "runOnly": only, "resultTypes": ["violations"] })
}

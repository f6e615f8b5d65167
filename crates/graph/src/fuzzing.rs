//! What `unlatch-fuzz` looks into: the reading of what Graph sends, without a request. No part of this crate's interface.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use time::OffsetDateTime;
use url::Url;

use crate::address::Address;
use crate::api_error::ApiError;
use crate::checks::{self, Term};
use crate::device::{DetectedApp, DeviceActionResult, ManagedDevice, Passcode, User};
use crate::facts::{self, DeviceFacts};
use crate::found::Found;
use crate::paging::{End, Sieve};
use crate::wire::{self, Page, Row, Secret, WireResults};
use crate::{challenge, provenance, retry_after};

fn sifted<T: Row>(pages: &[&[u8]], matches: impl Fn(&T) -> bool) -> Option<Found<T>> {
    let (mut sieve, mut rows) = (Sieve::new(matches), Vec::new());
    for page in pages {
        let page: Page = serde_json::from_slice(page).ok()?;
        rows.extend(sieve.sift_page(page.value));
    }
    Some(sieve.into_found(rows, End::WHOLE))
}

/// The people that a search lets through; none if the text cannot be searched for or a page is none.
#[must_use]
pub fn people(text: &str, pages: &[&[u8]]) -> Option<Found<User>> {
    let term = Term::new(text).ok()?;
    sifted(pages, |user| checks::is_person(user, &term))
}

/// As [`people`], of detected apps.
#[must_use]
pub fn apps(text: &str, pages: &[&[u8]]) -> Option<Found<DetectedApp>> {
    let term = Term::new(text).ok()?;
    sifted(pages, |app| checks::is_app(app, &term))
}

/// As [`people`], of devices.
#[must_use]
pub fn devices(text: &str, pages: &[&[u8]]) -> Option<Found<ManagedDevice>> {
    let term = Term::new(text).ok()?;
    sifted(pages, |device| checks::is_device(device, &term))
}

/// The devices that a person's list lets through; none if a page is none.
#[must_use]
pub fn devices_of(user: &User, pages: &[&[u8]]) -> Option<Found<ManagedDevice>> {
    sifted(pages, |device| checks::is_device_of(device, user))
}

/// A single device with what is told of it.
#[must_use]
pub fn device(body: &[u8]) -> Option<(ManagedDevice, DeviceFacts)> {
    Some((wire::device(body)?, facts::facts(body)))
}

/// What a device reports of the actions asked of it.
#[must_use]
pub fn results(body: &[u8]) -> Option<Vec<DeviceActionResult>> {
    Some(serde_json::from_slice::<WireResults>(body).ok()?.into_results())
}

/// The passcodes in what a device reports.
#[must_use]
pub fn passcodes(body: &[u8]) -> Option<Vec<(DeviceActionResult, Passcode)>> {
    Some(serde_json::from_slice::<WireResults<Secret>>(body).ok()?.into_passcodes())
}

/// An error answer.
#[must_use]
pub fn api_error(status: u16, headers: &HeaderMap, body: &[u8]) -> ApiError {
    ApiError::read(status, headers, body)
}

/// Returns whether an answer is Graph's; none if the status is none.
#[must_use]
pub fn is_graphs(status: u16, headers: &HeaderMap, body: &[u8]) -> Option<bool> {
    Some(provenance::is_graphs(StatusCode::from_u16(status).ok()?, headers, body))
}

/// The wait that an answer asks for.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    retry_after::retry_after(headers, now)
}

/// The claims that an answer asks for.
#[must_use]
pub fn claims(headers: &HeaderMap) -> Option<String> {
    challenge::claims(headers)
}

/// Where a list goes on that begins below `graph_url`; none if the link is not followed.
#[must_use]
pub fn next_link(graph_url: &Url, link: &str) -> Option<Url> {
    Address::new(graph_url).ok()?.below(link)
}

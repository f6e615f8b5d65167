//! What Unlatch asks of Graph, and how each answer is checked.

use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::address::quoted;
use crate::answer::Answer;
use crate::api_error::ApiErrorKind;
use crate::checks::{self, Term};
use crate::client::Client;
use crate::device::{DetectedApp, DeviceActionResult, ManagedDevice, Me, Passcode, User};
use crate::error::Error;
use crate::facts::{self, DeviceFacts, FACT_FIELDS};
use crate::found::Found;
use crate::id::DeviceId;
use crate::paging::{End, Sieve};
use crate::rows::{AT_A_TIME, Ended, Step, Tell, Telling, few_at_a_time};
use crate::wire::{self, DEVICE_FIELDS, Page, RESULTS, Row as _, WireOrganization, WireResults};

/// The most people shown.
const MOST_PEOPLE: usize = 25;
const MOST_PEOPLE_TEXT: &str = "25";
const PERSON_FIELDS: &str = "id,displayName,userPrincipalName,mail";

pub(crate) const DEVICES: &str = "/deviceManagement/managedDevices";
pub(crate) const DEVICE: &str = "/deviceManagement/managedDevices/{device}";
const APPS: &str = "/deviceManagement/detectedApps";

impl Client {
    /// Who is signed in (`GET /me`).
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn me(&self) -> Result<Me, Error> {
        let url = self.transport.address.asking(&["me"], &[("$select", "id,displayName,userPrincipalName")]);
        let (value, answer) = self.transport.get::<Value>("/me", url, false).await?;
        User::read(value).map(Me::from).ok_or_else(|| answer.bad("it names no account"))
    }

    /// The tenant's display name (`GET /organization`); none if the account may not read it.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn organization_name(&self) -> Result<Option<String>, Error> {
        let url = self.transport.address.asking(&["organization"], &[("$select", "id,displayName")]);
        match self.transport.get::<Page>("/organization", url, false).await {
            Ok((page, _)) => Ok(page
                .value
                .into_iter()
                .find_map(|row| serde_json::from_value::<WireOrganization>(row).ok()?.display_name)),
            Err(Error::Api(error)) if error.status == StatusCode::FORBIDDEN => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// At most 25 people, each word of `text` found in display name, user principal name or mail. `complete` is false
    /// when there are more.
    ///
    /// Graph's `$search` finds words from their start (Graph documentation, $search). Where it is refused, and for `&`,
    /// which it is known to trip over, names are compared from their start by `$filter`.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a text that is empty or longer than 256 characters; any other [`Error`].
    pub async fn find_users(&self, text: &str) -> Result<Found<User>, Error> {
        let term = Term::new(text)?;
        if !term.as_str().contains('&') {
            match self.people(&term, ("$search", search_clause(&term)), true).await {
                Err(Error::Api(error)) if matches!(error.status, 400 | 501) => {}
                found => return found,
            }
        }
        let text = quoted(term.as_str());
        let filter = ["displayName", "userPrincipalName", "mail"]
            .map(|property| ["startswith(", property, ",", &text, ")"].concat())
            .join(" or ");
        self.people(&term, ("$filter", filter), false).await
    }

    async fn people(
        &self,
        term: &Term,
        (key, clause): (&str, String),
        eventual: bool,
    ) -> Result<Found<User>, Error> {
        let url = self.transport.address.asking(
            &["users"],
            &[(key, clause.as_str()), ("$select", PERSON_FIELDS), ("$top", MOST_PEOPLE_TEXT)],
        );
        let mut sieve = Sieve::new(|user: &User| checks::is_person(user, term));
        let (page, next) = self.transport.page("/users", url, eventual).await?;
        let people = sieve.sift_page(page).collect();
        let mut found = sieve.into_found(people, End { complete: next.is_none(), stopped_by: None });
        if found.rows.len() > MOST_PEOPLE {
            found.rows.truncate(MOST_PEOPLE);
            found.complete = false;
        }
        Ok(found)
    }

    /// The devices whose primary user is `user`, by object id or user principal name, told page by page.
    ///
    /// # Errors
    /// Any [`Error`] of the first page; a later one ends up in [`Ended::stopped_by`].
    pub async fn devices_of_user(&self, user: &User, tell: Tell<'_>) -> Result<Ended, Error> {
        let address = &self.transport.address;
        let mut telling = Telling::new(|device: &ManagedDevice| checks::is_device_of(device, user), tell);
        let url =
            address.asking(&["users", user.id.as_str(), "managedDevices"], &[("$select", DEVICE_FIELDS)]);
        let read = self.transport.pages("/users/{user}/managedDevices", url, |page| telling.page(page)).await;
        let end = match read {
            // Newer documents do not list this route any more; the filter on the user's name is in all of them.
            Err(Error::Api(error))
                if error.kind == ApiErrorKind::RouteUnknown && !user.user_principal_name.is_empty() =>
            {
                let filter = ["userPrincipalName eq ", &quoted(&user.user_principal_name)].concat();
                self.transport.pages(DEVICES, self.asking_devices(&filter), |page| telling.page(page)).await?
            }
            read => read?,
        };
        Ok(telling.ended(end))
    }

    /// The devices whose serial number is `text` or whose name contains it, told page by page.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a text that is empty or longer than 256 characters; any other [`Error`] if nothing
    /// could be read at all.
    pub async fn find_devices(&self, text: &str, tell: Tell<'_>) -> Result<Ended, Error> {
        let term = Term::new(text)?;
        let text = quoted(term.as_str());
        // Two questions, as Graph's documentation of managedDevice allows no "or" between properties.
        let serial = ["serialNumber eq ", &text].concat();
        let name = ["contains(deviceName,", &text, ")"].concat();
        let telling = Telling::new(|device: &ManagedDevice| checks::is_device(device, &term), tell);
        let telling = Mutex::new(telling);
        let ask = async |filter: &str| {
            let take = |page| telling.lock().unwrap_or_else(PoisonError::into_inner).page(page);
            self.transport.pages(DEVICES, self.asking_devices(filter), take).await
        };
        let end = match futures::join!(ask(&serial), ask(&name)) {
            (Err(error), Err(_)) => return Err(error),
            (Err(error), Ok(_)) | (Ok(_), Err(error)) => End { complete: false, stopped_by: Some(error) },
            (Ok(a), Ok(b)) => {
                End { complete: a.complete && b.complete, stopped_by: a.stopped_by.or(b.stopped_by) }
            }
        };
        Ok(telling.into_inner().unwrap_or_else(PoisonError::into_inner).ended(end))
    }

    /// Where devices are asked for that pass a filter.
    pub(crate) fn asking_devices(&self, filter: &str) -> url::Url {
        self.transport.address.asking(
            &["deviceManagement", "managedDevices"],
            &[("$filter", filter), ("$select", DEVICE_FIELDS)],
        )
    }

    /// The detected apps whose display name contains `name`, one row for each name, version and platform. Where Graph
    /// refuses the filter (no document says it takes one) or ignores it and breaks off, every app is read and compared here.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a text that is empty or longer than 256 characters; any other [`Error`] if nothing
    /// could be read at all.
    pub async fn find_apps(&self, name: &str) -> Result<Found<DetectedApp>, Error> {
        let term = Term::new(name)?;
        let apps = ["deviceManagement", "detectedApps"];
        let filter = ["contains(displayName,", &quoted(term.as_str()), ")"].concat();
        let mut sieve = Sieve::new(|app: &DetectedApp| checks::is_app(app, &term));

        let url = self.transport.address.asking(&apps, &[("$filter", filter.as_str())]);
        let mut rows = Vec::new();
        let filtered = self.transport.pages(APPS, url, |page| rows.extend(sieve.sift_page(page))).await;
        let broke_off = match filtered {
            Ok(end) if end.complete || sieve.left_out() == 0 => return Ok(sieve.into_found(rows, end)),
            Ok(_) => true,
            Err(error) if refuses_the_filter(&error) => false,
            Err(error) => return Err(error),
        };
        let url = self.transport.address.of(&apps);
        let all = self.transport.pages(APPS, url, |page| rows.extend(sieve.sift_page(page))).await;
        match all {
            Ok(end) => Ok(sieve.into_found(rows, end)),
            Err(error) if broke_off => {
                Ok(sieve.into_found(rows, End { complete: false, stopped_by: Some(error) }))
            }
            Err(error) => Err(error),
        }
    }

    /// The devices an app was detected on. Graph fills few fields of that list, so each device is read by itself and told in
    /// small groups; one that is gone meanwhile or is not the one of the row is left out. `counted` is the app's own count,
    /// which may differ.
    ///
    /// # Errors
    /// Any [`Error`] of the first page; a later one ends up in [`Ended::stopped_by`].
    pub async fn devices_with_app(&self, app: &DetectedApp, tell: Tell<'_>) -> Result<Ended, Error> {
        let url = self.transport.address.of(&[
            "deviceManagement",
            "detectedApps",
            app.id.as_str(),
            "managedDevices",
        ]);
        let mut sieve = Sieve::new(|_: &ManagedDevice| true);
        let mut listed = Vec::new();
        let take = |page: Vec<Value>| {
            listed.extend(sieve.sift_page(page).map(|row| DeviceRef { id: row.id, name: row.device_name }));
        };
        let path = "/deviceManagement/detectedApps/{app}/managedDevices";
        let end = self.transport.pages(path, url, take).await?;
        let mut ended = Ended {
            left_out: sieve.left_out(),
            complete: end.complete,
            stopped_by: end.stopped_by,
            counted: Some(app.device_count),
        };

        let (mut done, total) = (0, listed.len());
        tell(Step::Progress { done, total });
        let mut group = Vec::new();
        few_at_a_time(
            listed,
            |row| self.read_row(row),
            |(row, read)| {
                done += 1;
                match read {
                    Ok((device, _)) if checks::agrees(&row.id, &row.name, &device) => group.push(device),
                    Ok(_) => ended.left_out += 1,
                    Err(error) if is_gone(&error) => ended.left_out += 1,
                    Err(error) => {
                        let general = error.is_general();
                        ended.complete = false;
                        ended.stopped_by.get_or_insert(error);
                        if general {
                            return ControlFlow::Break(());
                        }
                    }
                }
                if done % AT_A_TIME == 0 {
                    tell_group(tell, &mut group, &ended, Step::Progress { done, total });
                }
                ControlFlow::Continue(())
            },
        )
        .await;
        tell_group(tell, &mut group, &ended, Step::Progress { done, total });
        Ok(ended)
    }

    /// One device, read afresh, with what it reports of the actions asked of it (`deviceActionResults`, which only a single
    /// read fills).
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::BadAnswer`] if Graph gives another device than the one asked for.
    pub async fn device_with_results(
        &self,
        id: &DeviceId,
    ) -> Result<(ManagedDevice, Vec<DeviceActionResult>), Error> {
        let select = [DEVICE_FIELDS, ",", RESULTS].concat();
        let (device, results, _) = self.read_with_results(id, &select).await?;
        Ok((device, results))
    }

    async fn read_with_results(
        &self,
        id: &DeviceId,
        select: &str,
    ) -> Result<(ManagedDevice, Vec<DeviceActionResult>, Answer), Error> {
        let url = self.transport.address.device(id, select);
        let (results, answer) = self.transport.get::<WireResults>(DEVICE, url, false).await?;
        // Read a second time and not out of a tree of values, which would hold whatever secret came with the results.
        let device = wire::device(&answer.body).ok_or_else(|| answer.bad("it is no device"))?;
        Ok((as_asked(id, device, &answer)?, results.into_results(), answer))
    }

    /// Everything worth knowing of one device, read afresh: the device, what lists have no room for, and what it reports of
    /// the actions asked of it, in Graph's order.
    ///
    /// # Errors
    /// As [`Client::device_with_results`].
    pub async fn device_details(
        &self,
        id: &DeviceId,
    ) -> Result<(ManagedDevice, DeviceFacts, Vec<DeviceActionResult>), Error> {
        let select = [DEVICE_FIELDS, ",", FACT_FIELDS, ",", RESULTS].concat();
        let (device, results, answer) = self.read_with_results(id, &select).await?;
        Ok((device, facts::facts(&answer.body), results))
    }

    /// One device, read afresh.
    ///
    /// # Errors
    /// As [`Client::device_with_results`].
    pub async fn device(&self, id: &DeviceId) -> Result<ManagedDevice, Error> {
        let (device, answer) = self.read_device(id).await?;
        as_asked(id, device, &answer)
    }

    async fn read_row(&self, row: DeviceRef) -> (DeviceRef, Result<(ManagedDevice, Answer), Error>) {
        let read = self.read_device(&row.id).await;
        (row, read)
    }

    async fn read_device(&self, id: &DeviceId) -> Result<(ManagedDevice, Answer), Error> {
        let url = self.transport.address.device(id, DEVICE_FIELDS);
        let (value, answer) = self.transport.get::<Value>(DEVICE, url, false).await?;
        match ManagedDevice::read(value) {
            Some(device) => Ok((device, answer)),
            None => Err(answer.bad("it is no device")),
        }
    }

    /// What the device reports of the actions asked of it.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::BadAnswer`] if Graph gives another device than the one asked for.
    pub async fn action_results(&self, id: &DeviceId) -> Result<Vec<DeviceActionResult>, Error> {
        Ok(self.results_of(id).await?.into_results())
    }

    async fn results_of<P>(&self, id: &DeviceId) -> Result<WireResults<P>, Error>
    where
        WireResults<P>: DeserializeOwned,
    {
        let url = self.transport.address.device(id, &["id,", RESULTS].concat());
        let (results, answer) = self.transport.get::<WireResults<P>>(DEVICE, url, false).await?;
        match &results.id {
            Some(given) if given.eq_ignore_ascii_case(id.as_str()) => Ok(results),
            _ => Err(answer.bad(ANOTHER_DEVICE)),
        }
    }

    /// The passcodes that Graph holds with what the device reports, each with the result it came in. Only these become
    /// values, and only where [`DeviceActionResult::has_passcode`] says so.
    ///
    /// # Errors
    /// As [`Client::action_results`].
    pub async fn passcodes(&self, id: &DeviceId) -> Result<Vec<(DeviceActionResult, Passcode)>, Error> {
        Ok(self.results_of::<wire::Secret>(id).await?.into_passcodes())
    }
}

/// Of a row below an app only what is compared with the device itself: an app may be on every device there is.
struct DeviceRef {
    id: DeviceId,
    name: String,
}

fn tell_group(tell: Tell<'_>, group: &mut Vec<ManagedDevice>, ended: &Ended, progress: Step) {
    if !group.is_empty() {
        tell(Step::Rows(std::mem::take(group)));
    }
    tell(Step::LeftOut(ended.left_out));
    tell(progress);
}

const ANOTHER_DEVICE: &str = "it is another device than the one asked for";

/// Whether a device that was listed is not there any more, or not for this account.
pub(crate) fn is_gone(error: &Error) -> bool {
    matches!(error, Error::Api(error)
        if matches!(error.kind, ApiErrorKind::NotFound | ApiErrorKind::OutOfScopeTags))
}

pub(crate) fn as_asked(
    id: &DeviceId,
    device: ManagedDevice,
    answer: &Answer,
) -> Result<ManagedDevice, Error> {
    if device.id == *id {
        return Ok(device);
    }
    Err(answer.bad(ANOTHER_DEVICE))
}

/// `"displayName:…" OR "userPrincipalName:…" OR "mail:…"`, with `\` and `"` escaped (Graph documentation, $search).
fn search_clause(term: &Term) -> String {
    let text = term.as_str().replace('\\', "\\\\").replace('"', "\\\"");
    ["displayName", "userPrincipalName", "mail"]
        .map(|property| ["\"", property, ":", &text, "\""].concat())
        .join(" OR ")
}

/// A refusal that has to do with what was asked, not with who asked or how often.
pub(crate) fn refuses_the_filter(error: &Error) -> bool {
    matches!(error, Error::Api(error) if error.status == 501
        || ((400..500).contains(&error.status) && !matches!(error.status, 401 | 403 | 429)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_backslashes_do_not_end_a_search_clause() {
        let term = Term::new(r#"a"b\c"#).unwrap();
        assert_eq!(
            search_clause(&term),
            r#""displayName:a\"b\\c" OR "userPrincipalName:a\"b\\c" OR "mail:a\"b\\c""#
        );
    }
}

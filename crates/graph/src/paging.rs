//! Lists that come in pages, and the sieve their rows go through.

use std::collections::HashSet;
use std::marker::PhantomData;
use std::ops::ControlFlow;

use serde_json::Value;
use url::Url;
use uuid::Uuid;

use crate::error::Error;
use crate::found::Found;
use crate::transport::Transport;
use crate::wire::{Page, Row};

/// The most pages of one list: a million rows at Intune's 1,000 a page.
const MOST_PAGES: usize = 1_000;

/// How the reading of a list ended.
pub(crate) struct End {
    pub(crate) complete: bool,
    pub(crate) stopped_by: Option<Error>,
}

impl End {
    /// Everything was read.
    pub(crate) const WHOLE: Self = Self { complete: true, stopped_by: None };

    pub(crate) fn stopped(error: Error) -> Self {
        Self { complete: false, stopped_by: Some(error) }
    }
}

/// A set of ids. Nearly all are GUIDs, which take 16 bytes here instead of a text each; how they are written does not count.
#[derive(Default)]
pub(crate) struct Ids {
    guids: HashSet<u128>,
    others: HashSet<Box<str>>,
}

impl Ids {
    /// Adds an id and gives whether it was new.
    pub(crate) fn insert(&mut self, id: &str) -> bool {
        match guid(id) {
            Some(guid) => self.guids.insert(guid),
            None => self.others.insert(id.into()),
        }
    }

    /// Takes an id out, if it is in.
    pub(crate) fn remove(&mut self, id: &str) {
        match guid(id) {
            Some(guid) => self.guids.remove(&guid),
            None => self.others.remove(id),
        };
    }

    fn contains(&self, id: &str) -> bool {
        guid(id).map_or_else(|| self.others.contains(id), |guid| self.guids.contains(&guid))
    }

    pub(crate) fn len(&self) -> usize {
        self.guids.len() + self.others.len()
    }
}

fn guid(id: &str) -> Option<u128> {
    // 36 characters are the usual form; the parser takes others too.
    if id.len() == 36 { Uuid::try_parse(id).ok().map(|guid| guid.as_u128()) } else { None }
}

/// Lets rows through that match, each id once, and counts the others. It keeps ids, no rows.
pub(crate) struct Sieve<T, F> {
    matches: F,
    seen: Ids,
    /// Ids that never matched.
    left_out: Ids,
    unreadable: usize,
    row: PhantomData<fn() -> T>,
}

impl<T: Row, F: Fn(&T) -> bool> Sieve<T, F> {
    pub(crate) fn new(matches: F) -> Self {
        Self { matches, seen: Ids::default(), left_out: Ids::default(), unreadable: 0, row: PhantomData }
    }

    /// The row, if it matches and comes for the first time.
    pub(crate) fn sift(&mut self, value: Value) -> Option<T> {
        let Some(row) = T::read(value) else {
            self.unreadable += 1;
            return None;
        };
        if (self.matches)(&row) {
            self.left_out.remove(row.id());
            return self.seen.insert(row.id()).then_some(row);
        }
        if !self.seen.contains(row.id()) {
            self.left_out.insert(row.id());
        }
        None
    }

    /// The rows of a page that match and come for the first time.
    pub(crate) fn sift_page(&mut self, page: Vec<Value>) -> impl Iterator<Item = T> {
        page.into_iter().filter_map(|row| self.sift(row))
    }

    /// How many rows did not come through.
    pub(crate) fn left_out(&self) -> usize {
        self.left_out.len() + self.unreadable
    }

    /// What was found, with the rows that came through.
    pub(crate) fn into_found(self, rows: Vec<T>, end: End) -> Found<T> {
        Found {
            left_out: self.left_out(),
            rows,
            complete: end.complete,
            stopped_by: end.stopped_by,
            counted: None,
        }
    }
}

impl Transport {
    /// Reads one page; gives its rows and the link to the next page.
    pub(crate) async fn page(
        &self,
        path: &'static str,
        url: Url,
        eventual: bool,
    ) -> Result<(Vec<Value>, Option<Result<String, Error>>), Error> {
        let (page, answer) = self.get::<Page>(path, url, eventual).await?;
        let next = match page.next {
            None | Some(Value::Null) => None,
            Some(Value::String(link)) => Some(Ok(link)),
            Some(_) => Some(Err(answer.bad("its link to the next page is not a text"))),
        };
        Ok((page.value, next))
    }

    /// Reads a list to its end and gives its pages to `take`. An error of the first page is an error; a later one ends the
    /// list where it stands.
    pub(crate) async fn pages(
        &self,
        path: &'static str,
        first: Url,
        mut take: impl FnMut(Vec<Value>),
    ) -> Result<End, Error> {
        let take = |page| {
            take(page);
            ControlFlow::Continue(())
        };
        self.pages_until(path, first, take).await
    }

    /// As [`Transport::pages`], until `take` has enough.
    pub(crate) async fn pages_until(
        &self,
        path: &'static str,
        first: Url,
        mut take: impl FnMut(Vec<Value>) -> ControlFlow<()>,
    ) -> Result<End, Error> {
        let mut visited = HashSet::from([first.as_str().to_owned()]);
        let (mut rows, mut next) = self.page(path, first, false).await?;
        loop {
            if take(rows).is_break() {
                return Ok(End { complete: false, stopped_by: None });
            }
            let link = match next {
                None => return Ok(End::WHOLE),
                Some(Err(error)) => return Ok(End::stopped(error)),
                Some(Ok(link)) => link,
            };
            let Some(url) = self.address.below(&link) else {
                return Ok(End::stopped(Error::ForeignLink));
            };
            if !visited.insert(url.as_str().to_owned()) {
                return Ok(End::stopped(unended("its pages point back to one that was read")));
            }
            if visited.len() > MOST_PAGES {
                return Ok(End::stopped(unended("it has more than 1,000 pages")));
            }
            (rows, next) = match self.page(path, url, false).await {
                Ok(page) => page,
                Err(error) => return Ok(End::stopped(error)),
            };
        }
    }
}

fn unended(what: &str) -> Error {
    Error::BadAnswer { what: what.to_owned(), request_id: None }
}

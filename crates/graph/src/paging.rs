//! Lists that come in pages, and the sieve their rows go through.

use std::collections::HashSet;

use serde_json::Value;
use url::Url;

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
    fn stopped(error: Error) -> Self {
        Self { complete: false, stopped_by: Some(error) }
    }
}

/// Lets rows through that match, each id once, and counts the others.
pub(crate) struct Sieve<T, F> {
    matches: F,
    rows: Vec<T>,
    seen: HashSet<String>,
    left_out: HashSet<String>,
    unreadable: usize,
}

impl<T: Row, F: Fn(&T) -> bool> Sieve<T, F> {
    pub(crate) fn new(matches: F) -> Self {
        Self { matches, rows: Vec::new(), seen: HashSet::new(), left_out: HashSet::new(), unreadable: 0 }
    }

    pub(crate) fn take(&mut self, value: Value) {
        match T::read(value) {
            Some(row) => self.take_row(row),
            None => self.unreadable += 1,
        }
    }

    fn take_row(&mut self, row: T) {
        let id = row.id().to_owned();
        if !(self.matches)(&row) {
            self.left_out.insert(id);
        } else if self.seen.insert(id) {
            self.rows.push(row);
        }
    }

    /// Takes over what another sieve of the same search has.
    pub(crate) fn absorb<G>(&mut self, other: Sieve<T, G>) {
        for row in other.rows {
            self.take_row(row);
        }
        self.left_out.extend(other.left_out);
        self.unreadable += other.unreadable;
    }

    /// How many rows did not come through.
    pub(crate) fn left_out(&self) -> usize {
        self.left_out.iter().filter(|id| !self.seen.contains(*id)).count() + self.unreadable
    }

    pub(crate) fn into_found(self, end: End) -> Found<T> {
        Found {
            left_out: self.left_out(),
            rows: self.rows,
            complete: end.complete,
            stopped_by: end.stopped_by,
            counted: None,
        }
    }
}

impl Transport {
    /// Reads one page and gives its rows to `take`; gives the link to the next page.
    pub(crate) async fn page(
        &self,
        path: &'static str,
        url: Url,
        eventual: bool,
        take: &mut impl FnMut(Value),
    ) -> Result<Option<Result<String, Error>>, Error> {
        let (page, answer) = self.get::<Page>(path, url, eventual).await?;
        page.value.into_iter().for_each(take);
        Ok(match page.next {
            None | Some(Value::Null) => None,
            Some(Value::String(link)) => Some(Ok(link)),
            Some(_) => Some(Err(answer.bad("its link to the next page is not a text"))),
        })
    }

    /// Reads a list to its end. An error of the first page is an error; a later one ends the list where it stands.
    pub(crate) async fn pages(
        &self,
        path: &'static str,
        first: Url,
        mut take: impl FnMut(Value),
    ) -> Result<End, Error> {
        let mut visited = HashSet::from([first.as_str().to_owned()]);
        let mut next = self.page(path, first, false, &mut take).await?;
        loop {
            let link = match next {
                None => return Ok(End { complete: true, stopped_by: None }),
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
            next = match self.page(path, url, false, &mut take).await {
                Ok(next) => next,
                Err(error) => return Ok(End::stopped(error)),
            };
        }
    }
}

fn unended(what: &str) -> Error {
    Error::BadAnswer { what: what.to_owned(), request_id: None }
}

// SPDX-License-Identifier: Apache-2.0
//! The one place that knows which copy is the present one. Everything here may block.
//!
//! A question first looks at the file, at most once in [`AccessOptions::look_every`]: one `stat`, and nothing
//! more while nothing has changed. If it has, a copy is taken, unless the last one was taken so recently that
//! copying would occupy the share. While somebody keeps writing, the
//! last good copy answers, and its age is told. A file that is away, or is no longer an Access file, is an
//! error all the same: its last copy must not pass for the present.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use jetdb::RowPosition;
use silsila_source::{Columns, CopyState, Key, Row, Schema, SourceError, Value};

use crate::AccessOptions;
use crate::book::{Book, Sheet};
use crate::cells::Cell;
use crate::copy::{self, NoCopy, Seen, Taken};
use crate::fault::{self, Asked};
use crate::finder::Finder;
use crate::shelf::{Of, Shelf};
use crate::watch::Look;
use crate::window::{Filling, Window};
use crate::{equal, order};

/// A copy of a file that had changed a moment before is compared again so much later: a time of change that
/// counts in seconds may hide a second change.
const SETTLING: Duration = Duration::from_secs(15);
/// A file that somebody has open is compared so often even if it looks unchanged: Windows may tell the time
/// of a change only when the file is closed.
const WHILE_OPEN: Duration = Duration::from_secs(600);
/// The bytes of memory that a key of ordinary length takes in a window.
const LIKELY_KEY: usize = 64;

/// Rows in the order of a key.
pub(crate) struct InOrder<'a> {
    pub table: &'a str,
    pub columns: &'a [String],
    /// The columns that make the order.
    pub by: &'a [String],
    /// Only rows whose first column of the order has a value.
    pub valued: bool,
    /// Strictly after these values; fewer values than columns come before all that begin with them.
    pub after: Option<Vec<Value>>,
    pub limit: usize,
}

/// The copy that answers.
struct Held {
    book: Book,
    shelf: Shelf,
    seen: Seen,
    /// When the file is compared again although it looks the same.
    compare_at: Option<Instant>,
    /// Why the copy is older than the file, while it is.
    behind: Option<String>,
}

/// The file, its present copy, and the questions.
pub(crate) struct Desk {
    options: AccessOptions,
    held: Option<Held>,
    looked: Option<Instant>,
    rest_until: Option<Instant>,
}

impl Desk {
    pub fn new(options: AccessOptions) -> Self {
        Self {
            options,
            held: None,
            looked: None,
            rest_until: None,
        }
    }

    /// Forgets the copy, whatever state it is in.
    pub fn forget(&mut self) {
        self.held = None;
        self.looked = None;
    }

    /// How old the copy is that answered last.
    pub fn state(&self) -> Option<CopyState> {
        let held = self.held.as_ref()?;
        Some(CopyState {
            taken_ms: ms(held.seen.begun),
            modified_ms: held.seen.look.modified_ms(),
            behind: held.behind.clone(),
        })
    }

    /// The present copy.
    fn held(&mut self) -> Result<&mut Held, SourceError> {
        let now = Instant::now();
        let fresh = self
            .looked
            .is_some_and(|at| now - at < self.options.look_every);
        if self.held.is_none() || !fresh {
            self.look(now)?;
            self.looked = Some(Instant::now());
        }
        self.held.as_mut().ok_or_else(|| {
            // `look` gives an error or a copy.
            fault::no_copy(
                &self.options.name,
                &self.options.file,
                NoCopy::Changing(self.options.attempts),
            )
        })
    }

    fn look(&mut self, now: Instant) -> Result<(), SourceError> {
        if let Some(held) = &mut self.held {
            let look = Look::at(&self.options.file).map_err(|error| {
                fault::no_copy(&self.options.name, &self.options.file, copy::no_look(error))
            })?;
            let due = held.compare_at.is_some_and(|at| now >= at);
            if look == held.seen.look && !due {
                held.behind = None;
                return Ok(());
            }
            if let Some(until) = self.rest_until.filter(|until| now < *until) {
                if look != held.seen.look {
                    let seconds = (until - now).as_secs() + 1;
                    held.behind = Some(format!(
                        "the file has changed; the next copy is taken in {seconds} s, so that the share can rest"
                    ));
                }
                return Ok(());
            }
        }
        let known = self.held.as_ref().map(|held| held.seen.digest);
        let taken = copy::take(&self.options, known.as_ref());
        self.rest_until = Some(Instant::now() + now.elapsed() * self.options.rest);
        match (taken, &mut self.held) {
            (Ok(Taken::New(book, seen)), _) => {
                tracing::info!(
                    source = self.options.name,
                    bytes = seen.look.size,
                    millis = seen.took.as_millis(),
                    "took a copy of the file"
                );
                self.held = Some(Held {
                    book: *book,
                    shelf: Shelf::new(self.options.index_memory),
                    seen,
                    compare_at: compare_at(&seen),
                    behind: None,
                });
                Ok(())
            }
            (Ok(Taken::Same(seen)), Some(held)) => {
                held.seen = seen;
                held.compare_at = compare_at(&seen);
                held.behind = None;
                Ok(())
            }
            // Somebody writes on and on: what was whole a while ago is better than nothing.
            (Err(NoCopy::Changing(attempts)), Some(held)) => {
                held.behind = Some(format!(
                    "the file was written to during each of {attempts} attempts to copy it"
                ));
                Ok(())
            }
            (Err(fault), _) => Err(fault::no_copy(
                &self.options.name,
                &self.options.file,
                fault,
            )),
            (Ok(Taken::Same(_)), None) => Ok(()),
        }
    }

    pub fn schema(&mut self) -> Result<Schema, SourceError> {
        let tables = self.held()?.book.tables();
        Ok(Schema { tables })
    }

    pub fn count(&mut self, table: &str) -> Result<u64, SourceError> {
        let source = self.options.name.clone();
        let asked = Asked {
            source: &source,
            table,
        };
        Ok(self.held()?.book.sheet(asked)?.census.rows)
    }

    /// What the file is, and what an operator should know of it.
    pub fn greet(&mut self) -> Result<(String, Vec<String>), SourceError> {
        let held = self.held()?;
        let mut notes = held.book.notes();
        if let Some(behind) = &held.behind {
            notes.insert(0, format!("the copy is older than the file: {behind}"));
        }
        Ok((held.book.product().to_owned(), notes))
    }

    /// Rows in the order of some columns.
    pub fn in_order(&mut self, wanted: &InOrder<'_>) -> Result<Vec<Row>, SourceError> {
        let source = self.options.name.clone();
        let asked = Asked {
            source: &source,
            table: wanted.table,
        };
        let held = self.held()?;
        let sheet = held.book.sheet(asked)?;
        let columns = sheet.wanted(asked, wanted.columns)?;
        let by = sheet.wanted(asked, wanted.by)?;
        let names = Columns::new(wanted.columns.iter().map(String::as_str));
        let mut after = wanted.after.as_deref().map(order::encode_all);
        let mut rows = Vec::new();
        loop {
            let window = held.window(asked, &sheet, &by, wanted, after.as_deref())?;
            let (places, more) = window.next(after.as_deref(), wanted.limit - rows.len());
            held.book.rows(asked, &sheet, &columns, &places, |values| {
                rows.push(Row::new(names.clone(), values));
            })?;
            match more {
                Some(more) if rows.len() < wanted.limit => after = Some(more.to_vec()),
                _ => return Ok(rows),
            }
        }
    }

    /// The rows whose columns equal one of the keys.
    pub fn find(
        &mut self,
        table: &str,
        columns: &[String],
        by: &[String],
        keys: &[Key],
    ) -> Result<Vec<Row>, SourceError> {
        let source = self.options.name.clone();
        let asked = Asked {
            source: &source,
            table,
        };
        let held = self.held()?;
        let sheet = held.book.sheet(asked)?;
        let shown = sheet.wanted(asked, columns)?;
        let matched = sheet.wanted(asked, by)?;
        let wanted: HashSet<Vec<u8>> = keys
            .iter()
            .filter_map(|key| same(&matched, &key.0))
            .collect();
        let places = held.places(asked, &sheet, &matched, by, &wanted)?;
        let names = Columns::new(columns.iter().map(String::as_str));
        let mut rows = Vec::with_capacity(places.len());
        held.book.rows(asked, &sheet, &shown, &places, |values| {
            rows.push(Row::new(names.clone(), values));
        })?;
        Ok(rows)
    }
}

impl Held {
    /// The window in which the scan walks on.
    fn window(
        &mut self,
        asked: Asked<'_>,
        sheet: &Sheet,
        by: &[&Cell],
        wanted: &InOrder<'_>,
        after: Option<&[u8]>,
    ) -> Result<Arc<Window>, SourceError> {
        let of = Of {
            table: wanted.table.to_owned(),
            columns: wanted.by.to_vec(),
        };
        if let Some(window) = self.shelf.window(&of, |window| window.covers(after)) {
            return Ok(window);
        }
        // Vectors grow by doubling: half of what an index may take is what may be in it.
        let room = self.shelf.most() / 2;
        self.shelf.clear_for(self.shelf.most());
        let likely = usize::try_from(sheet.census.rows)
            .unwrap_or(usize::MAX)
            .saturating_mul(LIKELY_KEY);
        // A window over the whole table serves every later scan; but not where it would end before `after`.
        let from = after.filter(|_| likely > room);
        let mut window = self.walk(asked, sheet, by, wanted.valued, Filling::begin(from, room))?;
        if !window.covers(after) {
            window = self.walk(asked, sheet, by, wanted.valued, Filling::begin(after, room))?;
        }
        Ok(self.shelf.put_window(of, window))
    }

    fn walk(
        &mut self,
        asked: Asked<'_>,
        sheet: &Sheet,
        by: &[&Cell],
        valued: bool,
        mut filling: Filling,
    ) -> Result<Window, SourceError> {
        let mut key = Vec::new();
        self.book.each(asked, sheet, by, |at, values| {
            if valued && values.first().is_none_or(Value::is_null) {
                return;
            }
            key.clear();
            for value in &values {
                order::encode(value, &mut key);
            }
            filling.take(&key, at);
        })?;
        Ok(filling.finish())
    }

    /// Where the rows lie whose columns equal one of the wanted values.
    fn places(
        &mut self,
        asked: Asked<'_>,
        sheet: &Sheet,
        matched: &[&Cell],
        by: &[String],
        wanted: &HashSet<Vec<u8>>,
    ) -> Result<Vec<RowPosition>, SourceError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let Some(finder) = self.finder(asked, sheet, matched, by)? else {
            // Too many rows for an index: the table is gone through for these keys alone.
            let mut places = Vec::new();
            self.book.each(asked, sheet, matched, |at, values| {
                if same(matched, &values).is_some_and(|bytes| wanted.contains(&bytes)) {
                    places.push(at);
                }
            })?;
            return Ok(places);
        };
        let mut places: Vec<RowPosition> =
            wanted.iter().flat_map(|value| finder.find(value)).collect();
        places.sort_unstable();
        places.dedup();
        let mut equal = Vec::with_capacity(places.len());
        self.book.rows(asked, sheet, matched, &places, |values| {
            let same = same(matched, &values);
            equal.push(same.is_some_and(|bytes| wanted.contains(&bytes)));
        })?;
        let mut equal = equal.into_iter();
        places.retain(|_| equal.next().unwrap_or(false));
        Ok(places)
    }

    fn finder(
        &mut self,
        asked: Asked<'_>,
        sheet: &Sheet,
        matched: &[&Cell],
        by: &[String],
    ) -> Result<Option<Arc<Finder>>, SourceError> {
        let of = Of {
            table: asked.table.to_owned(),
            columns: by.to_vec(),
        };
        if let Some(finder) = self.shelf.finder(&of) {
            return Ok(Some(finder));
        }
        let size = Finder::size_for(sheet.census.rows);
        if size > self.shelf.most() {
            return Ok(None);
        }
        self.shelf.clear_for(size);
        let mut finder = Finder::begin(sheet.census.rows);
        self.book.each(asked, sheet, matched, |at, values| {
            if let Some(bytes) = same(matched, &values) {
                finder.take(&bytes, at);
            }
        })?;
        Ok(Some(self.shelf.put_finder(of, finder.finish())))
    }
}

/// What several values are found by together; `None` where one of them can equal nothing.
fn same(matched: &[&Cell], values: &[Value]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for (cell, value) in matched.iter().zip(values) {
        let bytes = equal::comparable(cell.shape, value)?;
        out.extend((bytes.len() as u64).to_be_bytes());
        out.extend(bytes);
    }
    (matched.len() == values.len()).then_some(out)
}

fn compare_at(seen: &Seen) -> Option<Instant> {
    let recent = seen.look.is_recent(seen.begun);
    let pause = if recent { SETTLING } else { WHILE_OPEN };
    (recent || seen.contested).then(|| Instant::now() + pause)
}

fn ms(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

// SPDX-License-Identifier: Apache-2.0
//! Changes by watermark: what makes a new row appear within seconds. A watermark is only a shortcut; the
//! sweep finds whatever it does not show.

use std::collections::HashMap;

use silsila_mapping::Mapping;
use silsila_source::{Changes, Key, Row, Value};

use crate::dependants::ChangedRows;
use crate::intake::{Intake, distinct_keys};
use crate::newest::Newest;
use crate::plan::View;
use crate::tables::progress;
use crate::watch::{ServerClock, Watch, believed};
use crate::{Phase, PipelineError};

/// Changed rows that may gather before their dependants are followed.
const GATHERED: usize = 10_000;
impl Intake {
    /// Before the first sweep: finds the newest watermark, so that changes made while the sweep runs are
    /// polled from then on. The rows that the overlap would bring again are noted and left to the sweep.
    pub fn first_watch(
        &self,
        mapping: &Mapping,
        clock: Option<ServerClock>,
    ) -> Result<Watch, PipelineError> {
        let mut watch = Watch::resume(self.newest_watermark(mapping, clock)?);
        let latest = clock.and_then(|c| c.latest());
        let mut noted = HashMap::new();
        let Some(since) = watch.since(latest.as_ref(), self.options.overlap) else {
            return Ok(watch);
        };
        let mut page = Page::Since(Some(since));
        while let (rows, Some((watermark, key))) = self.changes_page(mapping, &page)? {
            let full = rows.len() >= self.options.chunk_rows;
            watch.fresh(rows, mapping.key(), &mut noted);
            page = Page::After(watermark, key);
            if !full {
                break;
            }
        }
        watch.recent = noted;
        Ok(watch)
    }

    fn newest_watermark(
        &self,
        mapping: &Mapping,
        clock: Option<ServerClock>,
    ) -> Result<Option<Value>, PipelineError> {
        let _polling = self.board.enter(Phase::Polling);
        let Some(first) = self.first_since(mapping, None)? else {
            return Ok(None);
        };
        let latest = clock.and_then(|c| c.latest());
        let Some(mut search) = Newest::between(first, latest) else {
            return Ok(None);
        };
        while let Some(probe) = search.probe() {
            let found = self.first_since(mapping, Some(&probe))?;
            search.answer(probe, found);
        }
        Ok(search.found())
    }

    fn first_since(
        &self,
        mapping: &Mapping,
        since: Option<&Value>,
    ) -> Result<Option<Value>, PipelineError> {
        let Some(watermark) = mapping.changed() else {
            return Ok(None);
        };
        let mut columns = mapping.key().to_vec();
        if !columns.iter().any(|c| c == watermark) {
            columns.push(watermark.to_owned());
        }
        let rows = self.wait(self.options.source.changes(Changes {
            table: mapping.table(),
            columns: &columns,
            key: mapping.key(),
            watermark,
            since,
            after: None,
            limit: 1,
        }))?;
        Ok(rows.first().and_then(|row| row.get(watermark).cloned()))
    }

    /// Polls every mapping that has a watermark, patients first, and then what depends on the changed rows.
    /// Answers how many changed rows there were.
    pub fn poll(
        &self,
        watches: &mut HashMap<i64, Watch>,
        clock: Option<ServerClock>,
        sweep: u64,
    ) -> Result<u64, PipelineError> {
        let latest = clock.and_then(|c| c.latest());
        let view = View {
            sweep,
            forced: false,
            retry: false,
        };
        let mut changed = ChangedRows::default();
        let mut count = 0;
        let mut read = Vec::new();
        for (mapping, id) in self.mappings() {
            if mapping.changed().is_none() {
                continue;
            }
            let watch = watches.entry(id).or_default();
            let mut noted = HashMap::new();
            let mut page = Page::Since(watch.since(latest.as_ref(), self.options.overlap));
            let mut last = None;
            loop {
                let (rows, next) = self.changes_page(mapping, &page)?;
                let Some((watermark, key)) = next else { break };
                let full = rows.len() >= self.options.chunk_rows;
                let fresh = watch.fresh(rows, mapping.key(), &mut noted);
                count += fresh.len() as u64;
                self.take(mapping, &fresh, view)?;
                changed.add(mapping, fresh);
                if changed.len() >= GATHERED {
                    self.follow(&std::mem::take(&mut changed), view)?;
                }
                if believed(&watermark, latest.as_ref()) {
                    last = Some(watermark.clone());
                }
                page = Page::After(watermark, key);
                if !full {
                    break;
                }
            }
            read.push((mapping, id, noted, last));
        }
        self.follow(&changed, view)?;
        // Only now is this round behind us: one that broke off brings the same rows, and their dependants,
        // again.
        for (mapping, id, noted, last) in read {
            let Some(watch) = watches.get_mut(&id) else {
                continue;
            };
            watch.recent = noted;
            if let Some(last) = last {
                self.write_watermark(mapping, id, watch, last)?;
            }
        }
        Ok(count)
    }

    fn write_watermark(
        &self,
        mapping: &Mapping,
        id: i64,
        watch: &mut Watch,
        last: Value,
    ) -> Result<(), PipelineError> {
        let before = watch.newest.clone();
        watch.advance(last);
        if watch.newest != before
            && let Some(newest) = &watch.newest
        {
            self.store
                .local(|txn| progress::set_watermark(txn, id, newest))?;
            self.show_watermark(mapping.name(), newest);
        }
        Ok(())
    }

    pub fn show_watermark(&self, mapping: &str, watermark: &Value) {
        let text = crate::key_text::key_text(&Key(vec![watermark.clone()]));
        self.board.update(|status| {
            if let Some(m) = status.mapping_mut(mapping) {
                m.watermark = Some(text);
            }
        });
    }

    /// One page of changed rows, and where the next begins.
    fn changes_page(&self, mapping: &Mapping, page: &Page) -> Result<ChangesPage, PipelineError> {
        let _polling = self.board.enter(Phase::Polling);
        let Some(watermark) = mapping.changed() else {
            return Ok((Vec::new(), None));
        };
        let (since, after) = match page {
            Page::Since(since) => (since.as_ref(), None),
            Page::After(watermark, key) => (None, Some((watermark, key))),
        };
        let rows = self.wait(self.options.source.changes(Changes {
            table: mapping.table(),
            columns: mapping.columns(),
            key: mapping.key(),
            watermark,
            since,
            after,
            limit: self.options.chunk_rows,
        }))?;
        let next = rows
            .last()
            .and_then(|row| Some((row.get(watermark)?.clone(), row.key(mapping.key())?)));
        Ok((rows, next))
    }

    /// Maps and commits rows that a poll, a reverse lookup or a retry brought.
    pub fn take(&self, mapping: &Mapping, rows: &[Row], view: View) -> Result<(), PipelineError> {
        for chunk in rows.chunks(self.options.chunk_rows.max(1)) {
            let chunk = if self.doubtful_keys.contains(mapping.name()) {
                // A row that shares its key must not come alone.
                self.rows_of(mapping, &distinct_keys(chunk, mapping.key()))?
            } else {
                chunk.to_vec()
            };
            let batch = self.join(mapping, chunk)?;
            let plan = self.plan(mapping, &batch, view)?;
            if !plan.changes.is_empty() {
                self.commit(plan.changes, |_| Ok(()))?;
            }
        }
        Ok(())
    }

    /// Rows of a mapping by key.
    pub fn rows_of(&self, mapping: &Mapping, keys: &[Key]) -> Result<Vec<Row>, PipelineError> {
        self.fetch(mapping.table(), mapping.columns(), mapping.key(), keys)
    }
}

enum Page {
    Since(Option<Value>),
    After(Value, Key),
}

type ChangesPage = (Vec<Row>, Option<(Value, Key)>);

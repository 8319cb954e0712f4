// SPDX-License-Identifier: Apache-2.0
//! One mapping's part of a sweep: the table in key order, chunk by chunk, and then what vanished.
//!
//! While one chunk is committed the next is mapped and the one after it is read. A slice of a sweep ends
//! with nothing in flight, so that polls, retries and orders find the tables at rest.

use std::collections::{HashSet, VecDeque};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use silsila_mapping::{Batch, Mapping};
use silsila_source::{Key, Scan, Value};

use crate::intake::{Intake, distinct_keys};
use crate::plan::{Plan, View};
use crate::tables::{progress, rows};
use crate::{Phase, PipelineError, tables};

/// Where a mapping's scan stands. In memory it is ahead of the store's cursor by at most [`UNWRITTEN`]
/// unchanged rows, which a restart reads again.
pub(crate) struct SweepRun {
    pub number: u64,
    pub mapping: i64,
    pub forced: bool,
    after: Option<Key>,
    swept: u64,
    tail: VecDeque<Key>,
    /// Unchanged rows that the store does not know to have been seen yet.
    unmarked: HashSet<Vec<u8>>,
}

/// Unchanged rows are marked as seen in the store when so many have gathered: a sweep of a small table
/// that has not changed writes nothing at all.
const UNWRITTEN: usize = 20_000;

/// A chunk that was read and joined.
struct Joined<'m> {
    batch: Batch<'m>,
    last: Key,
    rows: u64,
    newest: Vec<Key>,
}

/// A chunk that was mapped.
struct Planned {
    plan: Plan,
    last: Key,
    rows: u64,
    newest: Vec<Key>,
}

/// What the reading thread hands on.
enum Read<T> {
    Chunk(T),
    EndOfTable,
}

type Answer<T> = Result<Read<T>, PipelineError>;

impl SweepRun {
    pub fn resume(row: progress::MappingRow) -> Self {
        Self {
            number: row.sweep,
            mapping: row.id,
            forced: row.forced,
            // Without a cursor the scan begins anew, and the newest keys are those of the last sweep.
            tail: if row.cursor.is_some() {
                row.tail.into()
            } else {
                VecDeque::new()
            },
            after: row.cursor,
            swept: row.swept,
            unmarked: HashSet::new(),
        }
    }

    /// The last keys that the scan saw.
    pub fn tail(&self) -> Vec<Key> {
        self.tail.iter().cloned().collect()
    }

    fn view(&self) -> View {
        View {
            sweep: self.number,
            forced: self.forced,
            retry: false,
        }
    }
}

impl Intake {
    /// Scans until the end of the table or until `until`, whichever comes first, but at least one chunk.
    /// Answers whether the end was reached.
    pub fn scan_slice(
        &self,
        mapping: &Mapping,
        run: &mut SweepRun,
        until: Instant,
    ) -> Result<bool, PipelineError> {
        let (after, view) = (run.after.clone(), run.view());
        let (to_plan, joined) = sync_channel::<Answer<Joined<'_>>>(1);
        let (to_commit, planned) = sync_channel::<Answer<Planned>>(1);
        std::thread::scope(|scope| {
            let reader = scope.spawn(move || self.read_chunks(mapping, after, until, &to_plan));
            let planner = scope.spawn(move || self.plan_chunks(mapping, view, &joined, &to_commit));
            let ended = self.commit_chunks(run, planned);
            // A thread that panicked said nothing more, and what came before it is committed.
            let panicked = reader.join().is_err() | planner.join().is_err();
            if panicked {
                Err(PipelineError::Panicked)
            } else {
                ended
            }
        })
    }

    /// Commits what comes, and answers whether the end of the table was reached. Leaving early drops the
    /// receiver, and the two other threads end at their next send.
    fn commit_chunks(
        &self,
        run: &mut SweepRun,
        planned: Receiver<Answer<Planned>>,
    ) -> Result<bool, PipelineError> {
        let mut ended = false;
        for answer in planned {
            match answer? {
                Read::Chunk(chunk) => self.commit_chunk(run, chunk)?,
                Read::EndOfTable => ended = true,
            }
        }
        Ok(ended)
    }

    fn read_chunks<'m>(
        &self,
        mapping: &'m Mapping,
        mut after: Option<Key>,
        until: Instant,
        to_plan: &SyncSender<Answer<Joined<'m>>>,
    ) {
        let full = self.options.chunk_rows as u64;
        loop {
            let answer = self.read_chunk(mapping, after.as_ref());
            let (last, short) = match &answer {
                Ok(Read::Chunk(chunk)) => (Some(chunk.last.clone()), chunk.rows < full),
                _ => (None, false),
            };
            let over = last.is_none();
            if to_plan.send(answer).is_err() || over {
                return;
            }
            if short {
                // Nobody is left to hear it when this fails.
                let _ = to_plan.send(Ok(Read::EndOfTable));
                return;
            }
            if Instant::now() >= until {
                return;
            }
            after = last;
        }
    }

    fn read_chunk<'m>(&self, mapping: &'m Mapping, after: Option<&Key>) -> Answer<Joined<'m>> {
        let mut rows = {
            let _scanning = self.board.enter(Phase::Scanning);
            self.wait(self.options.source.scan(Scan {
                table: mapping.table(),
                columns: mapping.columns(),
                key: mapping.key(),
                after,
                limit: self.options.chunk_rows,
            }))?
        };
        let Some(last) = rows.last().and_then(|row| row.key(mapping.key())) else {
            return Ok(Read::EndOfTable);
        };
        let keys = distinct_keys(&rows, mapping.key());
        let newest = keys[keys.len().saturating_sub(self.tail_length())..].to_vec();
        let count = rows.len() as u64;
        let whole = !last.0.iter().any(Value::is_null);
        if whole && self.doubtful_keys.contains(mapping.name()) {
            // Rows that share the last key may lie beyond the chunk, where no scan looks for them.
            rows.retain(|row| row.key(mapping.key()).as_ref() != Some(&last));
            rows.extend(self.rows_of(mapping, std::slice::from_ref(&last))?);
        }
        Ok(Read::Chunk(Joined {
            batch: self.join(mapping, rows)?,
            last,
            rows: count,
            newest,
        }))
    }

    fn plan_chunks<'m>(
        &self,
        mapping: &'m Mapping,
        view: View,
        joined: &Receiver<Answer<Joined<'m>>>,
        to_commit: &SyncSender<Answer<Planned>>,
    ) {
        for answer in joined {
            let answer = answer.and_then(|read| match read {
                Read::EndOfTable => Ok(Read::EndOfTable),
                Read::Chunk(chunk) => Ok(Read::Chunk(Planned {
                    plan: self.plan(mapping, &chunk.batch, view)?,
                    last: chunk.last,
                    rows: chunk.rows,
                    newest: chunk.newest,
                })),
            });
            let failed = answer.is_err();
            if to_commit.send(answer).is_err() || failed {
                return;
            }
        }
    }

    fn commit_chunk(&self, run: &mut SweepRun, chunk: Planned) -> Result<(), PipelineError> {
        run.unmarked.extend(chunk.plan.unchanged);
        run.tail.extend(chunk.newest);
        while run.tail.len() > self.tail_length() {
            run.tail.pop_front();
        }
        run.swept += chunk.rows;
        run.after = Some(chunk.last);
        let write = run.unmarked.is_empty() || run.unmarked.len() >= UNWRITTEN;
        if write {
            self.commit(chunk.plan.changes, |txn| write_position(txn, run))?;
            run.unmarked.clear();
        } else if !chunk.plan.changes.is_empty() {
            self.commit(chunk.plan.changes, |_| Ok(()))?;
        }
        self.show_swept(run);
        Ok(())
    }

    /// Writes where the scan stands, and every row it saw.
    pub fn write_sweep(&self, run: &mut SweepRun) -> Result<(), PipelineError> {
        self.store.local(|txn| write_position(txn, run))?;
        run.unmarked.clear();
        Ok(())
    }

    /// How many rows known to be in the table the complete scan did not see.
    pub fn vanished(&self, run: &mut SweepRun) -> Result<u64, PipelineError> {
        let (unseen, only_unmarked) = self.store.read(|conn| {
            let mut reader = rows::RowReader::new(conn)?;
            let mut unmarked = 0;
            for key in &run.unmarked {
                let row = reader.get(run.mapping, key)?;
                unmarked += u64::from(row.is_some_and(|row| row.sweep < run.number));
            }
            Ok::<_, PipelineError>((rows::count_unseen(conn, run.mapping, run.number)?, unmarked))
        })?;
        if unseen == only_unmarked {
            // Those that were seen and not yet marked, and no others: nothing vanished, nothing to write.
            return Ok(0);
        }
        self.write_sweep(run)?;
        Ok(unseen - only_unmarked)
    }

    /// One key more than may vanish from the end of a table.
    pub fn tail_length(&self) -> usize {
        usize::try_from(self.options.guard.floor)
            .unwrap_or(16)
            .min(16)
            + 1
    }

    fn show_swept(&self, run: &SweepRun) {
        let name = self.ids.iter().find(|(_, id)| **id == run.mapping);
        let name = name.map(|(n, _)| n.as_str()).unwrap_or_default();
        self.board.update(|status| {
            if let Some(m) = status.mapping_mut(name) {
                m.swept = run.swept;
            }
        });
    }
}

fn write_position(txn: &rusqlite::Transaction<'_>, run: &SweepRun) -> Result<(), PipelineError> {
    rows::mark_seen(txn, run.mapping, run.number, &run.unmarked)?;
    progress::set_cursor(txn, run.mapping, run.after.as_ref(), &run.tail(), run.swept)?;
    progress::set_stage(txn, run.mapping, tables::STAGE_SCANNING)
}

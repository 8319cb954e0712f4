// SPDX-License-Identifier: Apache-2.0
//! The whole chain, on as many threads as there are processors.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use rusqlite::Connection;
use silsila_chain::{
    BlockHeader, ChainState, Epochs, Genesis, Head, Heads, Height, MemoryHeads, Policy, Tag,
};

use crate::file::{LedgerFile, connect_reader, int, number};
use crate::read::Reading;
use crate::verify::join::{check_genesis, join};
use crate::verify::segment::{Segment, Tally, check_segment};
use crate::verify::tables::{VersionSum, missing_versions, sum_versions};
use crate::{Fault, Place, Progress, StoreError, VerifyReport};

/// A segment closes at so many entries, so that memory stays bounded.
const SEGMENT_ENTRIES: u64 = 4096;
/// Or at so many blocks.
const SEGMENT_BLOCKS: u64 = 256;
/// So many faults are reported.
const FAULTS: usize = 1000;
/// Room made for so many heads at once, so that the map need not grow step by step.
const HEADS_RESERVED: usize = 1 << 20;
const READER_CACHE: usize = 2 << 20;

#[derive(Clone, Copy)]
enum Job {
    Blocks(Height, Height),
    Versions(i64, i64),
}

enum Done {
    Blocks(Segment),
    Versions(VersionSum),
}

/// What is true of the chain as far as it was judged.
struct Judged<'p> {
    policy: &'p dyn Policy,
    chain: ChainState,
    heads: Lookup,
    next_transaction: i64,
    broken: bool,
    tally: Tally,
    versions: VersionSum,
    faults: Vec<Fault>,
}

/// Newest versions in memory, for a caller whose look-ups can fail.
#[derive(Default)]
struct Lookup(MemoryHeads);

impl Heads for Lookup {
    type Error = StoreError;

    fn head(&mut self, resource: &Tag) -> Result<Option<Head>, StoreError> {
        Ok(self.0.get(resource).copied())
    }
}

/// Verifies all blocks up to `tip`.
pub(crate) fn verify_whole(
    file: &LedgerFile,
    genesis: &Genesis,
    tip: Height,
    reading: &Reading,
    progress: &mut dyn FnMut(Progress),
) -> Result<VerifyReport, StoreError> {
    let conn = connect_reader(file, READER_CACHE)?;
    // In one state of the file, as every range of blocks is checked: others may be committed meanwhile.
    let snapshot = conn.unchecked_transaction()?;
    let plan = plan(&snapshot, tip)?;
    let epochs = reading.epochs.get(&snapshot)?;
    drop(snapshot);
    let mut judged = Judged::new(genesis, &*reading.policy);
    let expected = usize::try_from(plan.end).unwrap_or(usize::MAX);
    judged.heads.0.reserve(expected.min(HEADS_RESERVED));
    judged.faults.extend(check_genesis(&conn, genesis)?);
    let (next, threads) = (
        AtomicUsize::new(0),
        thread::available_parallelism().map_or(1, usize::from),
    );
    let failed = thread::scope(|scope| {
        let (sender, receiver) = sync_channel(threads);
        for _ in 0..threads.min(plan.jobs.len()) {
            let (sender, next, plan, epochs) = (sender.clone(), &next, &plan, &epochs);
            scope.spawn(move || work(file, epochs, plan, next, &sender));
        }
        drop(sender);
        judged.collect(&conn, &receiver, tip, progress)
    });
    failed?;
    judged.finish(&conn, plan.end)
}

struct Plan {
    jobs: Vec<Job>,
    /// The number of entries up to the tip.
    end: u64,
}

fn plan(conn: &Connection, tip: Height) -> Result<Plan, StoreError> {
    let mut jobs = Vec::new();
    let mut statement = conn.prepare(
        "SELECT height, header FROM ledger_block WHERE height BETWEEN ?1 AND ?2 ORDER BY height",
    )?;
    let mut rows = statement.query([1, int(tip.0)])?;
    let (mut from, mut first_entry) = (1, 0);
    while let Some(row) = rows.next()? {
        let height = number(row.get(0)?);
        let header = row
            .get_ref(1)?
            .as_blob()
            .ok()
            .and_then(|bytes| BlockHeader::decode(bytes).ok());
        let first = header.map_or(first_entry, |header| header.first_entry);
        if height > from
            && (first.saturating_sub(first_entry) >= SEGMENT_ENTRIES
                || height - from >= SEGMENT_BLOCKS)
        {
            jobs.push(Job::Blocks(Height(from), Height(height - 1)));
            (from, first_entry) = (height, first);
        }
    }
    if tip.0 >= from {
        jobs.push(Job::Blocks(Height(from), tip));
    }
    let starts = [i64::MIN, i64::MIN / 2, 0, i64::MAX / 2 + 1];
    let ends = starts
        .iter()
        .skip(1)
        .map(|start| start - 1)
        .chain([i64::MAX]);
    jobs.extend(
        starts
            .iter()
            .zip(ends)
            .map(|(from, to)| Job::Versions(*from, to)),
    );
    // A tip that cannot be read is a fault that the segments will name.
    let end = crate::read::entries_through(conn, tip).unwrap_or(i64::MAX as u64);
    Ok(Plan { jobs, end })
}

type Message = (usize, Result<Done, StoreError>);

fn work(
    file: &LedgerFile,
    epochs: &Epochs,
    plan: &Plan,
    next: &AtomicUsize,
    sender: &SyncSender<Message>,
) {
    let conn = connect_reader(file, READER_CACHE);
    loop {
        let turn = next.fetch_add(1, Ordering::Relaxed);
        let Some(job) = plan.jobs.get(turn) else {
            return;
        };
        let done = match &conn {
            Ok(conn) => run(conn, epochs, plan, *job),
            Err(_) => {
                connect_reader(file, READER_CACHE).and_then(|conn| run(&conn, epochs, plan, *job))
            }
        };
        if sender.send((turn, done)).is_err() {
            return;
        }
    }
}

fn run(conn: &Connection, epochs: &Epochs, plan: &Plan, job: Job) -> Result<Done, StoreError> {
    match job {
        Job::Blocks(from, to) => check_segment(conn, epochs, from, to)
            .map(Done::Blocks)
            .or_else(|error| {
                let place = Place {
                    height: Some(from),
                    table: "ledger_block",
                    ..Place::default()
                };
                let what = format!("blocks {from} to {to} cannot be read: {error}");
                Ok(Done::Blocks(Segment {
                    broken: true,
                    faults: vec![Fault { place, what }],
                    ..Segment::default()
                }))
            }),
        Job::Versions(from, to) => sum_versions(conn, (from, to), plan.end).map(Done::Versions),
    }
}

impl<'p> Judged<'p> {
    fn new(genesis: &Genesis, policy: &'p dyn Policy) -> Self {
        Self {
            policy,
            chain: ChainState::at_genesis(genesis),
            heads: Lookup::default(),
            next_transaction: 1,
            broken: false,
            tally: Tally {
                blocks: 1,
                ..Tally::default()
            },
            versions: VersionSum::default(),
            faults: Vec::new(),
        }
    }

    /// Takes results as they come and judges them in order.
    fn collect(
        &mut self,
        conn: &Connection,
        results: &std::sync::mpsc::Receiver<Message>,
        tip: Height,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), StoreError> {
        let (mut waiting, mut next) = (BTreeMap::new(), 0);
        for (turn, done) in results {
            waiting.insert(turn, done);
            while let Some(done) = waiting.remove(&next) {
                match done? {
                    Done::Blocks(segment) => self.judge(conn, segment)?,
                    Done::Versions(sum) => self.versions.add(sum),
                }
                next += 1;
                progress(Progress {
                    blocks: self.tally.blocks,
                    of_blocks: tip.0 + 1,
                });
            }
        }
        Ok(())
    }

    fn judge(&mut self, conn: &Connection, segment: Segment) -> Result<(), StoreError> {
        self.tally.add(&segment.tally);
        self.faults.extend(segment.faults);
        for block in segment.blocks {
            if self.broken {
                return Ok(());
            }
            match join(
                conn,
                &self.chain,
                self.next_transaction,
                &block,
                self.policy,
                &mut self.heads,
            )? {
                Ok(accepted) => {
                    self.heads.0.extend(accepted.heads);
                    self.chain = accepted.after;
                    self.next_transaction += int(block.transactions.len() as u64);
                }
                Err(fault) => {
                    self.faults.push(fault);
                    self.broken = true;
                }
            }
        }
        self.broken |= segment.broken;
        Ok(())
    }

    fn finish(mut self, conn: &Connection, end: u64) -> Result<VerifyReport, StoreError> {
        if !self.broken && self.chain.entries() != end {
            self.fault("ledger_block", None, "a block is missing".to_owned());
        }
        if self.broken {
            let height = self.chain.height().next();
            let what = "from here on, blocks could be checked in themselves alone".to_owned();
            self.fault("ledger_block", Some(height), what);
        } else if self.versions != self.tally.versions {
            self.faults.extend(missing_versions(conn, end)?);
        }
        self.faults.truncate(FAULTS);
        Ok(VerifyReport {
            blocks: self.tally.blocks,
            transactions: self.tally.transactions,
            entries: self.tally.entries,
            payloads: self.tally.payloads,
            bytes: self.tally.bytes,
            faults: self.faults,
        })
    }

    fn fault(&mut self, table: &'static str, height: Option<Height>, what: String) {
        self.faults.push(Fault {
            place: Place {
                table,
                height,
                ..Place::default()
            },
            what,
        });
    }
}

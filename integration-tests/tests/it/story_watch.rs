// SPDX-License-Identifier: Apache-2.0
//! Looks over the gateways' shoulders while a story goes on: when a block became durable anywhere, and which
//! transactions each gateway had in its outbox or called rejected. It reads the ledgers' files, so that nothing
//! depends on who is alive.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use silsila_store::rusqlite::Connection;

use crate::ledger_file;

/// The pause between two looks; a gap is measured to so much.
const PAUSE: Duration = Duration::from_millis(15);

/// Every transaction that a gateway was ever seen to have staged, and the code of each that it called rejected.
#[derive(Debug, Default)]
pub struct Seen {
    pub staged: BTreeSet<[u8; 32]>,
    pub rejected: BTreeMap<[u8; 32], String>,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Sight {
    /// When a height was first durable at any gateway.
    pub blocks: Vec<(Instant, i64)>,
    /// By gateway.
    pub seen: Vec<Seen>,
}

impl Sight {
    /// The longest time without a new block in a span, which counts from its begin and to its end.
    pub fn worst_gap(&self, from: Instant, to: Instant) -> Duration {
        let within = self
            .blocks
            .iter()
            .map(|(at, _)| *at)
            .filter(|at| (from..to).contains(at));
        let moments: Vec<Instant> = [from].into_iter().chain(within).chain([to]).collect();
        let gaps = moments.windows(2).map(|pair| pair[1] - pair[0]);
        gaps.max().unwrap_or_default()
    }

    /// How many blocks came in a span.
    pub fn blocks_in(&self, from: Instant, to: Instant) -> i64 {
        let height = |until| {
            let seen = self.blocks.iter().rev().find(|(at, _)| *at < until);
            seen.map_or(0, |(_, height)| *height)
        };
        height(to) - height(from)
    }
}

/// A thread that looks until it is asked what it saw.
pub struct Watch {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Sight>,
}

impl Watch {
    /// Begins to look at the ledgers of gateways in these folders.
    pub fn begin(homes: Vec<PathBuf>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let connections: Vec<Connection> = homes.iter().map(|home| connect(home)).collect();
            let mut sight = Sight::default();
            sight.seen.resize_with(homes.len(), Seen::default);
            loop {
                let last = ends.load(Ordering::Acquire);
                look(&connections, &mut sight);
                if last {
                    return sight;
                }
                std::thread::sleep(PAUSE);
            }
        });
        Self { over, thread }
    }

    /// Looks once more, and tells.
    pub fn end(self) -> Sight {
        self.over.store(true, Ordering::Release);
        self.thread.join().unwrap()
    }
}

fn connect(home: &Path) -> Connection {
    let conn = ledger_file::connect(home);
    conn.busy_timeout(Duration::from_secs(20)).unwrap();
    conn
}

fn look(connections: &[Connection], sight: &mut Sight) {
    for (conn, seen) in connections.iter().zip(&mut sight.seen) {
        let height: i64 = conn
            .query_row(
                "SELECT coalesce(max(height), 0) FROM ledger_block",
                [],
                |row| row.get(0),
            )
            .unwrap();
        if sight.blocks.last().is_none_or(|(_, last)| height > *last) {
            sight.blocks.push((Instant::now(), height));
        }
        let mut staged = conn.prepare_cached("SELECT id FROM ledger_outbox").unwrap();
        let ids = staged
            .query_map([], |row| row.get::<_, [u8; 32]>(0))
            .unwrap();
        seen.staged.extend(ids.map(Result::unwrap));
        let mut rejected = conn
            .prepare_cached("SELECT id, code FROM ledger_rejected")
            .unwrap();
        let ids = rejected
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        seen.rejected.extend(ids.map(Result::unwrap));
    }
}

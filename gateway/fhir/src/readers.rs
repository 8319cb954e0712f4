// SPDX-License-Identifier: Apache-2.0
//! The threads beside the web server: a few that search, and one that keeps the index small.
//!
//! A search may touch many pages and then wait for the disk, so it must not hold up the threads that
//! serve sockets. The queue to the search threads is bounded; what does not fit is refused as busy
//! rather than kept waiting in memory.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use silsila_store::{Clock, Store, StoreError};
use tokio::sync::oneshot;

use crate::index::upkeep;
use crate::refusal::Refusal;
use crate::served::Served;

type Job = Box<dyn FnOnce() + Send>;

/// How many searches may wait for a thread.
const QUEUE: usize = 1_024;
/// How often the index is looked after when nothing is due.
const UPKEEP_PAUSE: Duration = Duration::from_secs(15);

/// Threads that run searches, one at a time each.
pub struct Readers {
    queue: SyncSender<Job>,
}

impl Readers {
    /// Starts the threads. They end when this is dropped.
    pub fn start(threads: usize) -> Self {
        let (queue, jobs) = sync_channel::<Job>(QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..threads.max(1) {
            let jobs = Arc::clone(&jobs);
            let _detached = thread::Builder::new()
                .name(format!("fhir-search-{number}"))
                .spawn(move || work(&jobs));
        }
        Self { queue }
    }

    /// Runs `task` on one of the threads. A panic in it is an internal error to the caller.
    pub async fn run<T: Send + 'static>(
        &self,
        task: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let (answer, receiver) = oneshot::channel();
        let job: Job = Box::new(move || {
            if answer.is_closed() {
                return; // the client has gone or waited too long
            }
            if let Ok(done) = catch_unwind(AssertUnwindSafe(task)) {
                let _gone = answer.send(done);
            }
        });
        match self.queue.try_send(job) {
            Ok(()) => receiver.await.map_err(|_| Refusal::Internal),
            Err(TrySendError::Full(_)) => Err(Refusal::Busy),
            Err(TrySendError::Disconnected(_)) => Err(Refusal::Internal),
        }
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

/// The thread that follows the chain where the index is behind, and takes out old rows.
pub struct Upkeep {
    _stop: SyncSender<()>,
}

impl Upkeep {
    /// Starts the thread. It ends when this is dropped.
    pub fn start(
        store: Store,
        served: Arc<Served>,
        behind: Arc<AtomicBool>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (stop, stopped) = sync_channel::<()>(0);
        let _detached = thread::Builder::new()
            .name("fhir-upkeep".into())
            .spawn(move || {
                let mut pause = Pause::default();
                loop {
                    let done = step(&store, &behind, &*clock).and_then(|more| {
                        if !more {
                            pause.look(&store, &served)?;
                        }
                        Ok(more)
                    });
                    let more = match done {
                        Ok(more) => more,
                        Err(StoreError::Closed) => return,
                        Err(error) => {
                            tracing::warn!(code = error.code(), %error, "the index could not be looked after");
                            false
                        }
                    };
                    let pause = if more { Duration::from_millis(5) } else { UPKEEP_PAUSE };
                    if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                        return;
                    }
                }
            });
        Self { _stop: stop }
    }
}

/// Notices when commits or reads pause, and has memory given back, once for each pause.
#[derive(Default)]
struct Pause {
    commits: Count,
    reads: Count,
}

/// A number that rises with work.
#[derive(Default)]
struct Count {
    seen: u64,
    rested: u64,
}

impl Count {
    /// Whether the work has paused since the last look, and this was not said before.
    fn pauses(&mut self, now: u64) -> bool {
        let pauses = now == self.seen && now != self.rested;
        self.seen = now;
        if pauses {
            self.rested = now;
        }
        pauses
    }
}

impl Pause {
    fn look(&mut self, store: &Store, served: &Served) -> Result<(), StoreError> {
        if self.reads.pauses(served.asked()) {
            served.forget();
            store.rest_readers()?;
        }
        if self.commits.pauses(store.commits()) {
            store.rest()?;
        }
        Ok(())
    }
}

/// Whether the chain holds entries that the index has not seen.
pub fn is_behind(store: &Store) -> Result<bool, StoreError> {
    let entries = store.health()?.entries;
    store.read(|conn| Ok(upkeep::behind(conn, entries)? > 0))
}

/// One short piece of work; says whether there is more.
fn step(store: &Store, behind: &AtomicBool, clock: &dyn Clock) -> Result<bool, StoreError> {
    if behind.load(Ordering::Relaxed) {
        let more = upkeep::catch_up(store)? > 0;
        behind.store(more, Ordering::Relaxed);
        return Ok(more);
    }
    upkeep::purge(store, clock.now_ms())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_said_once() {
        let mut count = Count::default();
        let said: Vec<bool> = [0, 1, 2, 2, 2, 3, 3, 3].map(|now| count.pauses(now)).into();
        assert_eq!(said, [false, false, false, true, false, false, true, false]);
    }

    #[test]
    fn a_panic_in_a_search_is_refused_and_its_thread_goes_on() {
        let readers = Readers::start(1);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        for round in 0..3 {
            let failed = runtime.block_on(readers.run(|| -> u8 { panic!("a name") }));
            assert_eq!(failed.unwrap_err().code(), "FHR0018");
            assert_eq!(runtime.block_on(readers.run(move || round)).unwrap(), round);
        }
    }
}

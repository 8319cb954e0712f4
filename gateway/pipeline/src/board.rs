// SPDX-License-Identifier: Apache-2.0
//! The board on which a source's worker writes what it is doing, for others to read without asking it.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use silsila_source::Source;
use tokio::sync::{Notify, watch};

use crate::{CopyStatus, Phase, SourceStatus};

/// One source's board. Entering and leaving a phase is two atomic additions.
pub(crate) struct Board {
    /// Asked for the age of its copy; `None` in tests of the board alone.
    source: Option<Arc<dyn Source>>,
    status: Mutex<SourceStatus>,
    latest: AtomicU8,
    active: [AtomicU32; Phase::ALL.len()],
    changed: watch::Sender<u64>,
    wake: Notify,
}

/// Keeps a phase active until dropped.
pub(crate) struct InPhase<'a> {
    board: &'a Board,
    phase: Phase,
}

impl Board {
    pub fn of(source: Arc<dyn Source>, changed: watch::Sender<u64>) -> Self {
        let board = Self::new(source.name(), changed);
        Self {
            source: Some(source),
            ..board
        }
    }

    pub fn new(name: &str, changed: watch::Sender<u64>) -> Self {
        Self {
            status: Mutex::new(SourceStatus {
                name: name.to_owned(),
                ..SourceStatus::default()
            }),
            latest: AtomicU8::new(Phase::Idle as u8),
            active: [const { AtomicU32::new(0) }; Phase::ALL.len()],
            changed,
            wake: Notify::new(),
            source: None,
        }
    }

    pub fn enter(&self, phase: Phase) -> InPhase<'_> {
        self.active[phase as usize].fetch_add(1, Ordering::Relaxed);
        self.latest.store(phase as u8, Ordering::Relaxed);
        InPhase { board: self, phase }
    }

    pub fn status(&self) -> SourceStatus {
        let mut status = self.lock().clone();
        status.copy = self
            .source
            .as_ref()
            .and_then(|source| source.copy())
            .map(CopyStatus::from);
        status.active = Phase::ALL
            .into_iter()
            .filter(|p| self.active[*p as usize].load(Ordering::Relaxed) > 0)
            .collect();
        status.phase = match status.active.as_slice() {
            [] => Phase::Idle,
            [only] => *only,
            _ => Phase::ALL[usize::from(self.latest.load(Ordering::Relaxed))],
        };
        status
    }

    /// Changes what the board says and tells those who wait for it.
    pub fn update<T>(&self, change: impl FnOnce(&mut SourceStatus) -> T) -> T {
        let answer = change(&mut self.lock());
        self.changed
            .send_modify(|version| *version = version.wrapping_add(1));
        answer
    }

    /// Tells the worker that an order lies in the store.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, SourceStatus> {
        // Every change is a plain assignment, so a status is whole even after a panic elsewhere.
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InPhase<'_> {
    fn drop(&mut self) {
        self.board.active[self.phase as usize].fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_that_overlap_are_all_shown_and_end_when_dropped() {
        let board = Board::new("h", watch::channel(0).0);
        assert_eq!(board.status().phase, Phase::Idle);
        let scanning = board.enter(Phase::Scanning);
        let committing = board.enter(Phase::Committing);
        assert_eq!(board.status().phase, Phase::Committing);
        assert_eq!(board.status().active, [Phase::Scanning, Phase::Committing]);
        drop(committing);
        assert_eq!(board.status().phase, Phase::Scanning);
        drop(scanning);
        assert_eq!(board.status().phase, Phase::Idle);
    }
}

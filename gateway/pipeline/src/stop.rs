// SPDX-License-Identifier: Apache-2.0
//! The word to end, heard by every thread of a worker.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Set once.
#[derive(Default)]
pub(crate) struct Stop {
    flag: AtomicBool,
    told: Notify,
}

impl Stop {
    pub fn set(&self) {
        self.flag.store(true, Ordering::SeqCst);
        self.told.notify_waiters();
    }

    pub fn is_set(&self) -> bool {
        self.flag.load(Ordering::SeqCst)
    }

    /// Returns once it is set.
    pub async fn wait(&self) {
        loop {
            let told = self.told.notified();
            tokio::pin!(told);
            told.as_mut().enable();
            if self.is_set() {
                return;
            }
            told.await;
        }
    }
}

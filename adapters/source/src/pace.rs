// SPDX-License-Identifier: Apache-2.0
//! The rate limit: what was read is paid for before more is asked for.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Spreads rows over time, over all connections together.
#[derive(Debug)]
pub struct Pace(Mutex<Debt>);

impl Pace {
    /// So many rows per second at most; `None` never waits.
    #[must_use]
    pub fn new(rows_per_second: Option<NonZeroU32>) -> Self {
        Self(Mutex::new(Debt::new(rows_per_second)))
    }

    /// Waits until what was read is paid for, with a runtime's own way to sleep until then.
    pub async fn wait<S: Future<Output = ()>>(&self, sleep_until: impl FnOnce(Instant) -> S) {
        let free_at = self.lock().free_at;
        if let Some(at) = free_at {
            sleep_until(at).await;
        }
    }

    /// Accounts for rows that were read.
    pub fn spent(&self, rows: usize) {
        self.lock().add(rows, Instant::now());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Debt> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A chunk is never cut short; the next one waits until the rows already read would have fitted the
/// limit. So the mean holds, and no statement lies open while we wait.
#[derive(Debug)]
struct Debt {
    per_row: Option<Duration>,
    free_at: Option<Instant>,
}

impl Debt {
    fn new(rows_per_second: Option<NonZeroU32>) -> Self {
        Self {
            per_row: rows_per_second.map(|rate| Duration::from_secs(1) / rate.get()),
            free_at: None,
        }
    }

    fn add(&mut self, rows: usize, now: Instant) {
        if let Some(per_row) = self.per_row {
            let cost = per_row.saturating_mul(u32::try_from(rows).unwrap_or(u32::MAX));
            self.free_at = Some(self.free_at.unwrap_or(now).max(now) + cost);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn ten_chunks_of_a_hundred_at_a_hundred_a_second_end_ten_seconds_later() {
        let start = Instant::now();
        let mut debt = Debt::new(NonZeroU32::new(100));
        let mut now = start;
        for _ in 0..10 {
            debt.add(100, now);
            now = debt.free_at.unwrap();
        }
        assert_eq!(now - start, 10 * SECOND);
    }

    #[test]
    fn without_a_limit_nothing_waits() {
        let mut debt = Debt::new(None);
        debt.add(1_000_000, Instant::now());
        assert_eq!(debt.free_at, None);
    }

    #[test]
    fn idle_time_is_not_saved_up() {
        let start = Instant::now();
        let mut debt = Debt::new(NonZeroU32::new(100));
        debt.add(100, start);
        debt.add(100, start + 60 * SECOND);
        assert_eq!(debt.free_at, Some(start + 61 * SECOND));
    }

    #[test]
    fn readers_at_once_share_the_limit() {
        let start = Instant::now();
        let mut debt = Debt::new(NonZeroU32::new(100));
        debt.add(100, start);
        debt.add(100, start);
        assert_eq!(debt.free_at, Some(start + 2 * SECOND));
    }
}

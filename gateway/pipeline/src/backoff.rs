// SPDX-License-Identifier: Apache-2.0
//! How long to wait before trying again: doubling from one second to one minute, and never two gateways
//! in step.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// Failures in a row.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// Counts a failure and says how long to wait, between three quarters and the whole of the full time.
    pub fn next(&mut self) -> Duration {
        let full = FIRST.saturating_mul(1 << self.attempts.min(6)).min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        // The standard library seeds this hasher at random.
        let dice = RandomState::new().hash_one(self.attempts) % 1000;
        full - full / 4 * u32::try_from(dice).unwrap_or(0) / 1000
    }

    /// Failures so far.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Something went right.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_from_a_second_to_a_minute_and_starts_again_after_success() {
        let mut backoff = Backoff::default();
        for full in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            let wait = backoff.next();
            let full = Duration::from_secs(full);
            assert!(wait <= full && wait >= full * 3 / 4, "{wait:?} of {full:?}");
        }
        assert_eq!(backoff.attempts(), 9);
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}

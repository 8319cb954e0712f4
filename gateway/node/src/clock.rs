// SPDX-License-Identifier: Apache-2.0
//! Whether this machine's clock is right, as far as its channels show it. Nobody is asked the time: blocks are dated
//! within a minute of the clocks of those who order (ADR 52), and that is compared with the clock here.
//!
//! - **Behind**: the newest block is dated more than a minute from now.
//! - **Ahead**: blocks arrive one after another that are dated more than a minute ago, although another member was heard
//!   all the while and none had a later block.
//!
//! Members whose clocks differ by more than a minute cannot connect at all; of a clock that was wrong when the gateway
//! started, and ahead, nothing is seen but that nobody is heard.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// What the rules tolerate, in milliseconds: a validator votes for no block that is dated further from its own clock, and
/// no two members connect whose clocks differ by more.
pub const TOLERATED_MS: u64 = 60_000;
/// So long another member was heard without a break before a late block says something.
const IN_TOUCH: Duration = Duration::from_secs(120);
/// So many late blocks in a row say it. One may have waited for a quorum to come back.
const LATE: u32 = 3;

/// How far a clock is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Off {
    /// The clock is at least so many milliseconds behind the newest block.
    Behind {
        /// Milliseconds.
        ms: u64,
    },
    /// Blocks arrive at least so many milliseconds after they are dated.
    Ahead {
        /// Milliseconds.
        ms: u64,
    },
}

/// Compares the clock with the date of the newest block.
#[must_use]
pub fn behind(now_ms: u64, newest_ms: u64) -> Option<Off> {
    let ms = newest_ms.saturating_sub(now_ms);
    (ms > TOLERATED_MS).then_some(Off::Behind { ms })
}

/// A channel's blocks as they arrive.
#[derive(Debug, Default)]
pub struct Arrivals {
    height: Option<u64>,
    level: bool,
    in_touch: Option<Instant>,
    late: u32,
    least_ms: u64,
    told: bool,
}

/// One look at a channel.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// The ledger's height.
    pub height: u64,
    /// The date of its newest block.
    pub newest_ms: u64,
    /// The greatest height that any member told of.
    pub seen: u64,
    /// Whether another member is heard.
    pub heard: bool,
    /// What the clock says.
    pub now_ms: u64,
    /// The moment, by what no clock's setting changes.
    pub at: Instant,
}

impl Arrivals {
    /// Takes in how the channel is now. Looks are to follow each other by much less than a minute.
    pub fn look(&mut self, look: Look) {
        let arrived = self.height.is_some_and(|height| look.height > height);
        let in_touch = self
            .in_touch
            .is_some_and(|since| look.at >= since + IN_TOUCH);
        if arrived && self.level && in_touch {
            self.count(look.now_ms.saturating_sub(look.newest_ms));
        }
        self.height = Some(look.height);
        self.level = look.height >= look.seen;
        self.in_touch = look.heard.then(|| self.in_touch.unwrap_or(look.at));
    }

    fn count(&mut self, lag_ms: u64) {
        if lag_ms <= TOLERATED_MS {
            self.late = 0;
            return;
        }
        self.least_ms = if self.late == 0 {
            lag_ms
        } else {
            self.least_ms.min(lag_ms)
        };
        self.late = self.late.saturating_add(1);
    }

    /// Whether this is the first time in a row that the clock is off: then the log is told.
    pub fn is_news(&mut self, off: Option<Off>) -> bool {
        !std::mem::replace(&mut self.told, off.is_some()) && off.is_some()
    }

    /// How far the clock is ahead, where the last blocks show that it is.
    #[must_use]
    pub fn ahead(&self) -> Option<Off> {
        (self.late >= LATE).then_some(Off::Ahead { ms: self.least_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUE_MS: u64 = 1_780_000_000_000;

    /// A channel that makes a block a second, looked at by a clock that is `off_ms` ahead.
    struct Channel {
        arrivals: Arrivals,
        began: Instant,
        second: u64,
        height: u64,
        off_ms: u64,
    }

    impl Channel {
        fn new(off_ms: u64) -> Self {
            Self {
                arrivals: Arrivals::default(),
                began: Instant::now(),
                second: 0,
                height: 0,
                off_ms,
            }
        }

        /// Passes so many seconds; a block arrives in each, dated `age_ms` ago by the true clock.
        fn pass(&mut self, seconds: u64, heard: bool, behind: u64, age_ms: u64) -> Option<Off> {
            for _ in 0..seconds {
                self.second += 1;
                self.height += 1;
                let true_ms = TRUE_MS + self.second * 1_000;
                self.arrivals.look(Look {
                    height: self.height,
                    newest_ms: true_ms - age_ms,
                    seen: self.height + behind,
                    heard,
                    now_ms: true_ms + self.off_ms,
                    at: self.began + Duration::from_secs(self.second),
                });
            }
            self.arrivals.ahead()
        }
    }

    #[test]
    fn a_clock_is_behind_where_the_newest_block_is_further_ahead_than_the_rules_tolerate() {
        assert_eq!(behind(TRUE_MS, TRUE_MS + TOLERATED_MS), None);
        let ms = TOLERATED_MS + 1;
        assert_eq!(behind(TRUE_MS, TRUE_MS + ms), Some(Off::Behind { ms }));
        assert_eq!(behind(TRUE_MS, 0), None, "an old block says nothing");
    }

    #[test]
    fn a_clock_is_ahead_where_one_block_after_another_comes_late() {
        assert_eq!(
            Channel::new(TOLERATED_MS - 500).pass(300, true, 0, 500),
            None
        );
        let ms = TOLERATED_MS + 501;
        let ahead = Channel::new(ms - 500).pass(300, true, 0, 500);
        assert_eq!(ahead, Some(Off::Ahead { ms }));
    }

    #[test]
    fn a_clock_that_was_set_right_is_right_with_the_next_block() {
        let mut channel = Channel::new(3_600_000);
        assert!(channel.pass(300, true, 0, 0).is_some());
        channel.off_ms = 0;
        assert_eq!(channel.pass(1, true, 0, 0), None);
    }

    #[test]
    fn what_others_had_before_says_nothing_of_the_clock() {
        let mut channel = Channel::new(0);
        assert_eq!(channel.pass(300, true, 9, 7_200_000), None, "it catches up");
        let mut channel = Channel::new(0);
        for _ in 0..20 {
            let touched = channel.pass(60, true, 0, 7_200_000);
            assert_eq!(touched, None, "the line comes and goes");
            channel.pass(1, false, 0, 7_200_000);
        }
        let mut channel = Channel::new(0);
        channel.pass(200, true, 0, 0);
        assert_eq!(
            channel.pass(2, true, 0, 7_200_000),
            None,
            "a quorum came back"
        );
        assert_eq!(channel.pass(1, true, 0, 0), None);
    }
}

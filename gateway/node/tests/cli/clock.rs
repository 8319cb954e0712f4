// SPDX-License-Identifier: Apache-2.0
//! A clock that is off, as status names it.

use std::sync::Arc;

use serde_json::Value;
use silsila_store::{Clock, SystemClock};

use crate::backup::{put, store_by};
use crate::place::Place;

/// So many milliseconds ahead of this machine's.
struct Ahead(u64);

impl Clock for Ahead {
    fn now_ms(&self) -> u64 {
        SystemClock.now_ms() + self.0
    }
}

#[test]
fn a_clock_that_went_back_is_named_and_one_within_the_rules_is_not() {
    for (ahead_ms, off) in [(30_000, false), (7_205_000, true)] {
        let place = Place::new();
        place.run("init").expect(0, &[]);
        put(&store_by(&place, Arc::new(Ahead(ahead_ms))), "a");
        let shown = place.run("status");
        let named = shown
            .out
            .contains("CLI0016 THE CLOCK IS BEHIND: the newest block is dated 2 h later");
        assert_eq!(named, off, "{}", shown.out);
        let report: Value = serde_json::from_str(&place.run("status --json").out).expect("JSON");
        let behind = report["clock"]["behind"]["ms"].as_u64();
        assert_eq!(
            behind.is_some_and(|ms| (7_100_000..=7_205_000).contains(&ms)),
            off,
            "{report:#}"
        );
        assert_eq!(report["clock"].is_null(), !off);
    }
}

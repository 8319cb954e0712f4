// SPDX-License-Identifier: Apache-2.0
//! The auditor's fuzz targets without a fuzzer: over the corpus, and over mutations of it.

use crate::epochs;
use crate::mutations::{mutate, replay};
use crate::sample;
use crate::targets::TARGETS;

#[test]
fn the_corpus_holds_a_good_object_for_every_target_and_breaks_none() {
    let good = [&sample::good()[..], &epochs::good()].concat();
    replay(&TARGETS, &good);
}

#[test]
fn mutations_of_the_corpus_break_no_target() {
    mutate(&TARGETS);
}

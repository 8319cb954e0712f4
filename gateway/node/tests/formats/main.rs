// SPDX-License-Identifier: Apache-2.0
//! The formats between members of a network, and of the files that a gateway keeps: their hashes, and their
//! decoders over bytes that nobody meant.

mod conformance;
#[path = "../../../../fuzz/src/known.rs"]
mod known;
#[path = "../../../../fuzz/src/member.rs"]
mod member;
#[path = "../../../../fuzz/src/mutations.rs"]
mod mutations;
mod sample;
mod votes;

#[test]
fn the_corpus_holds_a_good_object_for_every_target_and_breaks_none() {
    mutations::replay(&member::TARGETS, &sample::good());
}

#[test]
fn mutations_of_the_corpus_break_no_target() {
    mutations::mutate(&member::TARGETS);
}

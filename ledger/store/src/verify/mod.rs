// SPDX-License-Identifier: Apache-2.0
//! Verification of the stored chain: as a whole, and since the last clean checkpoint.
//!
//! Two kinds of work. What a block says of itself (encodings, signatures, roots, payload digests) needs
//! no other block and is spread over threads ([`segment`]). What it says of the chain (order, time,
//! history, state, versions) is then checked block by block ([`join`]). The look-up tables are compared
//! with what the entries say ([`tables`]).
//!
//! In the background a little of it is verified at a time ([`scrub`]); what is found goes on a durable list
//! ([`damage`]) and is mended with what other members have ([`repair`]). Two certified blocks of one height
//! end all committing ([`halt`]); so does another member's signed tree that is not this one's ([`witness`]).

mod admissions;
mod damage;
mod halt;
mod join;
mod repair;
mod scrub;
mod segment;
mod tables;
mod whole;
mod witness;

pub use damage::{Damage, OWN};
pub use halt::Halt;
pub use scrub::{ScrubState, ScrubStep};
pub use witness::{Witness, Witnessed};

pub(crate) use damage::{
    By, insert as insert_damage, is_damaged, is_listed, repaired, repaired_file,
};
pub(crate) use join::{check_genesis, replay};
pub(crate) use tables::check_outbox;
pub(crate) use whole::verify_whole;

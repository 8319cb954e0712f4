// SPDX-License-Identifier: Apache-2.0
//! Verification of the stored chain: as a whole, and since the last clean checkpoint.
//!
//! Two kinds of work. What a block says of itself (encodings, signatures, roots, payload digests) needs
//! no other block and is spread over threads ([`segment`]). What it says of the chain (order, time,
//! history, state, versions) is then checked block by block ([`join`]). The look-up tables are compared
//! with what the entries say ([`tables`]).

mod join;
mod segment;
mod tables;
mod whole;

pub(crate) use join::{check_genesis, replay};
pub(crate) use tables::check_outbox;
pub(crate) use whole::verify_whole;

// SPDX-License-Identifier: Apache-2.0
//! What the ledger of one member promises.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod at_rest;
mod commit;
mod crash;
mod damage;
mod dice;
mod doors;
mod epochs;
mod expiry;
mod full;
mod harness;
mod ordering;
mod raw_bytes;
mod rebuild;
mod scrub;
mod sharing;
mod torn;

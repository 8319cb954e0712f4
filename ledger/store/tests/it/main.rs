// SPDX-License-Identifier: Apache-2.0
//! What the ledger of one member promises.

mod commit;
mod crash;
mod damage;
mod dice;
mod doors;
mod full;
mod harness;
mod ordering;
mod raw_bytes;

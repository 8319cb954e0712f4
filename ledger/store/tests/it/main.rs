// SPDX-License-Identifier: Apache-2.0
//! What the ledger of one member promises.

mod commit;
mod harness;

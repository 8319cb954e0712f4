// SPDX-License-Identifier: Apache-2.0
//! Reading: whatever leaves this room was checked against a certified block.

mod anchors;
mod blocks;
mod epochs;
mod export;
mod heads;
mod locate;
mod opening;
mod pool;
mod proof;

pub(crate) use anchors::{Anchor, Anchors};
pub use export::Exported;

pub(crate) use blocks::{block, block_payloads, entries_through, summaries};
pub(crate) use epochs::{StoredEpochs, handovers};
pub(crate) use export::certified_root;
pub(crate) use heads::StoredHeads;
pub(crate) use locate::{Located, Reading};
pub(crate) use opening::{Opened, Opening};
pub(crate) use pool::Pool;
pub(crate) use proof::prove;

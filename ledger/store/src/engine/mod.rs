// SPDX-License-Identifier: Apache-2.0
//! Ordering: who decides what the next block holds.
//!
//! An engine is offered staged transactions, again and again until they are committed or refused; it
//! must not mind. One that decides alone answers with the next block. One that must ask other members
//! answers [`Ordered::Later`] and hands the blocks to [`crate::Store::apply`], in order, as often as it
//! likes. The engine holds no state that a crash could lose.

mod lone;

pub(crate) use lone::LoneEngine;

use silsila_chain::{Block, ChainState, Heads, Reason, Transaction, TxId, VerifiedBlock};

use crate::StoreError;

/// Decides what the next block holds.
pub(crate) trait Engine: Send {
    /// Orders staged transactions, oldest first, behind the chain as it stands.
    fn order(
        &mut self,
        chain: &ChainState,
        staged: &[&Transaction],
        heads: &mut dyn Heads<Error = StoreError>,
    ) -> Result<Ordered, StoreError>;
}

/// What became of an offer.
pub(crate) enum Ordered {
    /// The next block, and what can never be in one.
    Now {
        /// The block, unless nothing was admitted.
        block: Option<Box<(Block, VerifiedBlock)>>,
        /// Refused for good.
        refused: Vec<(TxId, Reason)>,
    },
    /// Blocks will come through [`crate::Store::apply`].
    Later,
}

// SPDX-License-Identifier: Apache-2.0
//! The engine of a member that orders alone: everything staged goes into the next block, in order. A member
//! of a channel that others order waits for their blocks.

use std::sync::Arc;

use silsila_chain::{
    Block, BlockHeader, Certificate, ChainState, Heads, Identity, MAX_TRANSACTIONS, MemberKey,
    OpenTransaction, Policy, Reason, Refused, StateHash, Transaction, TxId, VerifiedBlock,
};

use crate::engine::{Engine, Ordered};
use crate::{Clock, Fault, Place, StoreError};

/// A block takes no further transaction once it has this many entries, so that memory stays bounded.
const ENTRIES_PER_BLOCK: u64 = 20_000;

/// Orders alone and certifies with the member's own key.
pub(crate) struct LoneEngine {
    pub(crate) key: MemberKey,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) policy: Arc<dyn Policy>,
}

impl Engine for LoneEngine {
    fn order(
        &mut self,
        chain: &ChainState,
        staged: &[&Transaction],
        heads: &mut dyn Heads<Error = StoreError>,
    ) -> Result<Ordered, StoreError> {
        // Whose channel is ordered elsewhere, from the present epoch on or ever, waits for blocks.
        if chain.validators().identities() != [Identity::ed25519(self.key.public())] {
            return Ok(Ordered::Later);
        }
        let mut judge = chain.judge(&*self.policy);
        let (mut taken, mut opened, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        let (mut change, mut entries) = (StateHash::default(), 0);
        for transaction in staged.iter().take(MAX_TRANSACTIONS) {
            if entries >= ENTRIES_PER_BLOCK {
                break;
            }
            let open = transaction
                .open()
                .map_err(|fault| damaged(transaction.id(), fault.reason))?;
            match judge.admit(&open, heads) {
                Ok(()) => {}
                Err(Refused::Fault(fault)) => {
                    refused.push((open.id(), fault.reason));
                    continue;
                }
                Err(Refused::Heads(error)) => return Err(error),
            }
            open.change_state(&mut change);
            entries += open.header().count;
            taken.push((*transaction).clone());
            opened.push(open);
        }
        if opened.is_empty() {
            return Ok(Ordered::Now {
                block: None,
                refused,
            });
        }
        let ids: Vec<TxId> = opened.iter().map(OpenTransaction::id).collect();
        let header = chain.next_header(self.clock.now_ms(), &ids).encode();
        let certificate = Certificate::lone(&self.key, &BlockHeader::hash(&header)).encode();
        let internal = |reason: Reason| damaged(ids[0], reason);
        let certified = chain
            .validators()
            .certify(&header, &certificate)
            .map_err(internal)?;
        let accepted = judge.conclude(&certified, &change).map_err(internal)?;
        let verified = VerifiedBlock::concluded(certified, opened, accepted);
        let block = Block {
            header,
            certificate,
            transactions: taken,
        };
        Ok(Ordered::Now {
            block: Some(Box::new((block, verified))),
            refused,
        })
    }
}

fn damaged(id: TxId, reason: Reason) -> StoreError {
    let place = Place {
        table: "ledger_outbox",
        tx_id: Some(id),
        ..Place::default()
    };
    Fault {
        place,
        what: reason.to_string(),
    }
    .into()
}

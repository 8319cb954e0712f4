// SPDX-License-Identifier: Apache-2.0
//! Members that were revoked: they are told up to the block that did it, and nothing after.
//!
//! A member that was away at that moment could otherwise never learn why nobody speaks to it any more. What
//! it may have is what it could have had while it was one: blocks, no payloads. Who was revoked before this
//! process started is not answered: the height is not known here then.

use std::collections::btree_map::Entry as Place;

use commonware_cryptography::ed25519::PublicKey;
use silsila_chain::{Change, Entry, Height, Identity, OpenEntry, Standing, read_entries};

use super::{Desk, To};
use crate::wire::Message;
use crate::{Ledger, LedgerError};

/// Which of the blocks behind `since` revoked a member; several may have come at once. Where none is found,
/// the first of them: rather too little is told than too much.
fn revoked_at<L: Ledger + ?Sized>(
    ledger: &L,
    member: &Identity,
    since: Height,
    tip: Height,
) -> Height {
    let revokes = |one: &OpenEntry| match &one.entry {
        Entry::Member(change) => {
            let change = &change.proposal;
            change.subject == *member && matches!(change.change, Change::Revoke { .. })
        }
        _ => false,
    };
    for height in since.0 + 1..=tip.0 {
        let block = ledger.block(Height(height)).ok().flatten();
        let transactions = block.iter().flat_map(|block| &block.transactions);
        let mut entries =
            transactions.flat_map(|one| read_entries(&one.entries).unwrap_or_default());
        if entries.any(|one| revokes(&one)) {
            return Height(height);
        }
    }
    since.next().min(tip)
}

impl<L: Ledger + ?Sized> Desk<L> {
    /// Notes who was revoked by the blocks behind `since`; at the start, by whichever.
    pub(super) fn note_revoked(&mut self, since: Option<Height>) {
        let tip = self.branches.tip();
        for (identity, member) in tip.members().iter() {
            if member.standing != Standing::Revoked {
                continue;
            }
            let Some(key) = crate::key::public_key(&identity.key) else {
                continue;
            };
            let validators = self.witnesses.validators();
            if validators.len() == 1 && validators.position(&key).is_some() {
                // Until another is named, nothing is ordered without it.
                continue;
            }
            if let Place::Vacant(place) = self.former.entry(key.clone())
                && key != self.me
            {
                let ledger = &*self.ledger;
                let at = since.map(|since| revoked_at(ledger, identity, since, tip.height()));
                place.insert(at);
                if let Some(at) = at {
                    self.letters.push((To::One(key), Message::Tip(at)));
                }
            }
        }
    }

    /// Who was revoked since the start: they still may be sent to.
    pub(crate) fn revoked(&self) -> impl Iterator<Item = &PublicKey> {
        let former = self.former.iter();
        former.filter_map(|(key, until)| until.is_some().then_some(key))
    }

    /// Answers whoever was a member up to a height.
    pub(super) fn bid_farewell(
        &mut self,
        to: &PublicKey,
        message: &Message,
        until: Option<Height>,
    ) -> Result<(), LedgerError> {
        let Some(until) = until else {
            return Ok(());
        };
        match message {
            Message::Tip(height) if *height < until => {
                self.letters
                    .push((To::One(to.clone()), Message::Tip(until)));
                Ok(())
            }
            Message::Ask { from, blocks, .. } => self.send_blocks(to, *from, until, [*blocks, 0]),
            _ => Ok(()),
        }
    }
}

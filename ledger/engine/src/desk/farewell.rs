// SPDX-License-Identifier: Apache-2.0
//! Members that were revoked: they are told up to the block that did it, and nothing after.
//!
//! A member that was away at that moment could otherwise never learn why nobody speaks to it any more. What
//! it may have is what it could have had while it was one: blocks, no payloads. Who was revoked before this
//! process started is not answered: the height is not known here then.

use std::collections::btree_map::Entry;

use commonware_cryptography::ed25519::PublicKey;
use silsila_chain::{Height, Standing};

use super::{Desk, To};
use crate::wire::Message;
use crate::{Ledger, LedgerError};

impl<L: Ledger + ?Sized> Desk<L> {
    /// Notes who was revoked by the last block; at the start, by whichever.
    pub(super) fn note_revoked(&mut self, starting: bool) {
        let tip = self.branches.tip();
        let height = tip.height();
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
            if let Entry::Vacant(place) = self.former.entry(key.clone())
                && key != self.me
            {
                place.insert((!starting).then_some(height));
                if !starting {
                    self.letters.push((To::One(key), Message::Tip(height)));
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
            Message::Ask(from) => self.send_blocks(to, *from, until),
            _ => Ok(()),
        }
    }
}

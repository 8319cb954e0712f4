// SPDX-License-Identifier: Apache-2.0
//! What a member does in the present epoch of a channel, and where the epoch begins and ends.

use commonware_cryptography::ed25519::PublicKey;
use commonware_utils::channel::{mpsc, watch};
use silsila_chain::{BlockHash, Height, MemberKey};

use crate::channel::Marshal;
use crate::consensus::UNDER_WAY;
use crate::desk::Desk;
use crate::epoch::{Beginning, Conductor, Span};
use crate::hearsay::Say;
use crate::voter::{Delivery, Question, Voter};
use crate::{Ledger, Scheme};

const QUESTIONS: usize = 64;
const SAID: usize = 4;

/// What a member does for a channel.
pub(crate) enum Role {
    /// Follows what others order.
    Follower,
    /// Orders alone.
    Orderer(Box<MemberKey>),
    /// Orders with the other validators.
    Validator(Box<(Marshal, Scheme)>),
}

/// What this member does in the present epoch.
pub(crate) struct Present {
    pub(crate) number: u64,
    /// The block behind which the epoch began.
    pub(crate) base: u64,
    pub(crate) span: Span,
    pub(crate) role: Role,
    pub(crate) validators: Vec<PublicKey>,
    pub(crate) questions: mpsc::Receiver<Question>,
    pub(crate) deliveries: mpsc::Receiver<Delivery>,
    /// A final block that the ledger has not taken yet.
    pub(crate) undelivered: Option<Delivery>,
    pub(crate) delivered: u64,
    /// Where consensus is told of finality, and up to which height it was.
    pub(crate) say: Say,
    pub(crate) said: u64,
}

impl Present {
    /// Begins the desk's epoch.
    pub(crate) async fn begin<L: Ledger + ?Sized>(
        desk: &Desk<L>,
        conductor: &mut dyn Conductor,
        news: &watch::Sender<u64>,
        key: &MemberKey,
    ) -> Result<Self, String> {
        let (questions, questions_in) = mpsc::channel(QUESTIONS);
        let (deliveries, deliveries_in) = mpsc::channel(UNDER_WAY * 4);
        let (say, learns) = mpsc::channel(SAID);
        let witnesses = desk.witnesses().clone();
        let (number, base) = (witnesses.epoch(), witnesses.base().0);
        let (span, validators) = (Span::endless(number), witnesses.validators().clone());
        let beginning = Beginning {
            base: desk.base().map_err(|error| error.to_string())?,
            witnesses,
            floor: desk.floor(),
            span: span.clone(),
            learns,
            voter: Voter {
                questions,
                deliveries,
                news: news.subscribe(),
            },
        };
        let consensus = conductor.begin(beginning).await?;
        let role = match consensus {
            Some(consensus) => Role::Validator(Box::new(consensus)),
            None if desk.orders_alone() => Role::Orderer(Box::new(key.clone())),
            None => Role::Follower,
        };
        let present = Self {
            number,
            base,
            span,
            role,
            validators: validators.iter().cloned().collect(),
            questions: questions_in,
            deliveries: deliveries_in,
            undelivered: None,
            delivered: base,
            say,
            said: base,
        };
        present.look_ahead(desk);
        Ok(present)
    }

    /// Learns where the epoch ends, once that is final.
    pub(crate) fn look_ahead<L: Ledger + ?Sized>(&self, desk: &Desk<L>) {
        if desk.tip().validators().epoch() == self.number
            && let Some((boundary, _)) = desk.tip().epochs().next()
        {
            self.span.end_at(boundary.0 - self.base);
        }
    }

    /// Learns that an epoch ends with a block that is only judged: where nothing of the decision is final
    /// yet, this is what lets the block be proposed until it is.
    pub(crate) fn end_with<L: Ledger + ?Sized>(
        &self,
        desk: &Desk<L>,
        block: &BlockHash,
        height: Height,
    ) {
        if desk.ends_epoch(block) && desk.tip().epochs().next().is_none() {
            self.span.end_at(height.0 - self.base);
        }
    }
}

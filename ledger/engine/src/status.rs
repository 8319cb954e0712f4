// SPDX-License-Identifier: Apache-2.0
//! How a channel is, and how its thread says so.

use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{Receiver, Sender};
use commonware_runtime::Clock;

use crate::Ledger;
use crate::channel::Channel;
use crate::present::Role;

/// Whoever was not heard for this time, in milliseconds, is taken to be away.
const AWAY_MS: u64 = 12_000;

/// How a channel is, now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelStatus {
    /// `validator`, `orderer` or `follower`.
    pub role: &'static str,
    /// How many validators there are.
    pub validators: usize,
    /// The present epoch's number; the first is 0.
    pub epoch: u64,
    /// The present validators' last block, where others are decided on.
    pub boundary: Option<u64>,
    /// How many of the validators were revoked and keep their seats until others are named.
    pub revoked_validators: usize,
    /// How many members there are, this one included.
    pub members: usize,
    /// Other members that were heard within the last seconds, their keys in hexadecimal.
    pub heard: Vec<String>,
    /// The ledger's height here.
    pub height: u64,
    /// The greatest height that any member told of.
    pub seen: u64,
    /// Transactions on their way to a block, as far as they are known here.
    pub waiting: usize,
    /// Why the ledger takes nothing at the moment.
    pub failing: Option<String>,
}

impl<E, L, S, R> Channel<E, L, S, R>
where
    E: Clock,
    L: Ledger + ?Sized,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
{
    pub(crate) fn publish(&mut self) {
        let now = self.steady();
        self.heard.retain(|_, at| now < *at + AWAY_MS);
        self.news.send_if_modified(|news| {
            let changed = *news != self.desk.news;
            *news = self.desk.news;
            changed
        });
        let status = ChannelStatus {
            role: match self.epoch.role {
                Role::Follower => "follower",
                Role::Orderer(_) => "orderer",
                Role::Validator(_) => "validator",
            },
            validators: self.epoch.validators.len(),
            epoch: self.epoch.number,
            boundary: self
                .desk
                .tip()
                .epochs()
                .next()
                .map(|(boundary, _)| boundary.0),
            revoked_validators: self.desk.revoked_validators(),
            members: self.everybody.len(),
            heard: self.heard.keys().map(ToString::to_string).collect(),
            height: self.desk.tip().height().0,
            seen: self.desk.seen().0,
            waiting: self.desk.waiting(),
            failing: self.failing.clone(),
        };
        self.status.send_if_modified(|last| {
            let changed = *last != status;
            *last = status;
            changed
        });
    }
}

// SPDX-License-Identifier: Apache-2.0
//! The lane of certificates, on which the ledger speaks too. Whoever starts takes missed blocks from others' ledgers
//! within a second; but in which view the others are its consensus would hear only when they send a certificate
//! again: after their patience has run out, if one more is away by then and no view ends without the one that
//! started. The last block's finalization says it at once.

use std::num::NonZeroUsize;

use commonware_codec::Encode as _;
use commonware_consensus::simplex::types::Certificate;
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{Message, Receiver};
use commonware_runtime::IoBuf;
use commonware_utils::channel::mpsc;

use crate::Finality;

/// Where the ledger says what makes its last block final.
pub(crate) type Say = mpsc::Sender<Finality>;

/// Hears others, and the own ledger.
#[derive(Debug)]
pub(crate) struct Hearsay<R> {
    others: R,
    ledger: mpsc::Receiver<Finality>,
    me: PublicKey,
}

impl<R> Hearsay<R> {
    pub(crate) const fn new(others: R, ledger: mpsc::Receiver<Finality>, me: PublicKey) -> Self {
        Self { others, ledger, me }
    }
}

impl<R: Receiver<PublicKey = PublicKey>> Receiver for Hearsay<R> {
    type Error = R::Error;
    type PublicKey = PublicKey;

    async fn recv(&mut self) -> Result<Message<PublicKey>, R::Error> {
        tokio::select! {
            biased; // so that a simulated run replays
            Some(finality) = self.ledger.recv() => {
                let certificate = Certificate::Finalization(finality).encode();
                Ok((self.me.clone(), IoBuf::from(certificate)))
            }
            message = self.others.recv() => message,
        }
    }

    fn capacity(&self) -> NonZeroUsize {
        self.others.capacity()
    }
}

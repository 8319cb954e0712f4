// SPDX-License-Identifier: Apache-2.0
//! A channel's messages reach its members only, and only theirs are heard.
//!
//! Several channels share one process and one network of connections; to Commonware, "all" means every
//! connection. So each channel's senders are wrapped: "all" becomes the channel's members, and whoever is
//! none is left out of every other list. The number by which a channel's messages are told apart on a
//! connection lies inside what is wrapped: a gateway that is no member never sees it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{
    LimitedSender, Message, PeerSetSubscription, PeerSetUpdate, Provider, Receiver, Recipients,
    Sender, TrackedPeers,
};
use commonware_utils::channel::mpsc;
use commonware_utils::ordered::Set;
use std::num::NonZeroUsize;

/// Who belongs to a channel now. Clones share it.
#[derive(Clone)]
pub(crate) struct Members(Arc<RwLock<Inner>>);

struct Inner {
    validators: Set<PublicKey>,
    members: BTreeSet<PublicKey>,
    updates: u64,
    subscribers: Vec<mpsc::UnboundedSender<PeerSetUpdate<PublicKey>>>,
}

impl Members {
    pub(crate) fn new(validators: Set<PublicKey>, members: BTreeSet<PublicKey>) -> Self {
        Self(Arc::new(RwLock::new(Inner {
            validators,
            members,
            updates: 0,
            subscribers: Vec::new(),
        })))
    }

    /// Takes up who the members are now.
    pub(crate) fn set(&self, members: BTreeSet<PublicKey>) {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if inner.members == members {
            return;
        }
        inner.members = members;
        inner.tell();
    }

    /// Takes up who orders now.
    pub(crate) fn elect(&self, validators: Set<PublicKey>) {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if inner.validators != validators {
            inner.validators = validators;
            inner.tell();
        }
    }

    pub(crate) fn contains(&self, key: &PublicKey) -> bool {
        self.read(|inner| inner.members.contains(key))
    }

    pub(crate) fn count(&self) -> usize {
        self.read(|inner| inner.members.len())
    }

    fn read<T>(&self, read: impl FnOnce(&Inner) -> T) -> T {
        read(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Of those who were to get a message, the members.
    fn narrow(&self, recipients: Recipients<PublicKey>) -> Recipients<PublicKey> {
        self.read(|inner| {
            let members = &inner.members;
            Recipients::Some(match recipients {
                Recipients::All => members.iter().cloned().collect(),
                Recipients::Some(some) => some
                    .into_iter()
                    .filter(|one| members.contains(one))
                    .collect(),
                Recipients::One(one) => Some(one)
                    .filter(|one| members.contains(one))
                    .into_iter()
                    .collect(),
            })
        })
    }
}

impl Inner {
    fn peers(&self) -> TrackedPeers<PublicKey> {
        let others = self.members.iter();
        let others = others.filter(|member| self.validators.position(member).is_none());
        TrackedPeers::new(
            self.validators.clone(),
            Set::from_iter_dedup(others.cloned()),
        )
    }

    /// Tells whoever listens of a change.
    fn tell(&mut self) {
        self.updates += 1;
        let update = self.update();
        self.subscribers
            .retain(|subscriber| subscriber.send(update.clone()).is_ok());
    }

    fn update(&self) -> PeerSetUpdate<PublicKey> {
        PeerSetUpdate {
            index: self.updates,
            latest: self.peers(),
            all: self.peers(),
        }
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Members({})", self.count())
    }
}

impl Provider for Members {
    type PublicKey = PublicKey;

    async fn peer_set(&mut self, id: u64) -> Option<TrackedPeers<PublicKey>> {
        self.read(|inner| (inner.updates == id).then(|| inner.peers()))
    }

    async fn subscribe(&mut self) -> PeerSetSubscription<PublicKey> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the trait demands it; one message for each change of membership"
        )]
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if sender.send(inner.update()).is_ok() {
            inner.subscribers.push(sender);
        }
        receiver
    }
}

/// Sends to members of a channel only.
#[derive(Clone, Debug)]
pub(crate) struct ToMembers<S> {
    inner: S,
    members: Members,
}

impl<S> ToMembers<S> {
    pub(crate) const fn new(inner: S, members: Members) -> Self {
        Self { inner, members }
    }
}

impl<S: Sender<PublicKey = PublicKey>> LimitedSender for ToMembers<S> {
    type PublicKey = PublicKey;
    type Checked<'a> = S::Checked<'a>;

    fn check(
        &mut self,
        recipients: Recipients<PublicKey>,
    ) -> Result<Self::Checked<'_>, SystemTime> {
        self.inner.check(self.members.narrow(recipients))
    }
}

/// Hears members of a channel only.
#[derive(Debug)]
pub(crate) struct FromMembers<R> {
    inner: R,
    members: Members,
}

impl<R> FromMembers<R> {
    pub(crate) const fn new(inner: R, members: Members) -> Self {
        Self { inner, members }
    }
}

impl<R: Receiver<PublicKey = PublicKey>> Receiver for FromMembers<R> {
    type Error = R::Error;
    type PublicKey = PublicKey;

    async fn recv(&mut self) -> Result<Message<PublicKey>, R::Error> {
        loop {
            let message = self.inner.recv().await?;
            if self.members.contains(&message.0) {
                return Ok(message);
            }
        }
    }

    fn capacity(&self) -> NonZeroUsize {
        self.inner.capacity()
    }
}

// SPDX-License-Identifier: Apache-2.0
//! One epoch's consensus after another.
//!
//! Each epoch has a simplex and a marshal of its own, that know nothing of other epochs: heights are counted
//! from the last block of the epoch before, which takes the place of genesis. Their files and the lanes on
//! which they speak carry the epoch's number. What lies before an epoch comes from members' ledgers; so does
//! the end of an epoch for whoever missed it.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use commonware_consensus::types::{Epoch, EpochInfo, Epocher, Height};
use commonware_cryptography::Signer as _;
use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_p2p::utils::mux::{Builder as _, MuxHandle, Muxer};
use commonware_p2p::{Blocker, Receiver, Sender};
use commonware_runtime::{Clock, Handle, Metrics, Spawner, Storage};
use commonware_utils::channel::mpsc;
use rand_core::CryptoRng;
use silsila_chain::{ChannelId, MIN_QUORUM_VALIDATORS};

use crate::assembly::Ground;
use crate::channel::Marshal;
use crate::consensus::{self, Lanes, Parts};
use crate::members::{FromMembers, Members, ToMembers};
use crate::voter::Voter;
use crate::{Candidate, Finality, Scheme, Witnesses, scheme};

/// The heights of one epoch, as its consensus counts them: 0 is the last block of the epoch before.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    epoch: Epoch,
    last: Arc<AtomicU64>,
}

impl Span {
    /// An epoch whose end is not known.
    pub(crate) fn endless(epoch: u64) -> Self {
        Self {
            epoch: Epoch::new(epoch),
            last: Arc::new(AtomicU64::new(u64::MAX)),
        }
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Learns the last height. Clones learn it too.
    pub(crate) fn end_at(&self, last: u64) {
        self.last.store(last, Ordering::Release);
    }

    fn end(&self) -> Height {
        Height::new(self.last.load(Ordering::Acquire))
    }
}

impl Epocher for Span {
    fn containing(&self, height: Height) -> Option<EpochInfo> {
        let (first, last) = (Height::zero(), self.end());
        (height <= last).then(|| EpochInfo::new(self.epoch, height, first, last))
    }

    fn first(&self, epoch: Epoch) -> Option<Height> {
        (epoch == self.epoch).then(Height::zero)
    }

    fn last(&self, epoch: Epoch) -> Option<Height> {
        (epoch == self.epoch).then(|| self.end())
    }
}

/// What an epoch's consensus starts from.
pub(crate) struct Beginning {
    /// The epoch, its validators, and the block behind which it begins.
    pub(crate) witnesses: Witnesses,
    /// That block.
    pub(crate) base: Candidate,
    /// The finalization that makes the ledger's last block final, of this epoch or an earlier one.
    pub(crate) floor: Option<Vec<u8>>,
    pub(crate) span: Span,
    /// What makes the ledger's last block final, as it comes from others' ledgers.
    pub(crate) learns: mpsc::Receiver<Finality>,
    pub(crate) voter: Voter,
}

/// Ends an epoch's consensus and starts the next one's.
pub(crate) trait Conductor: Send {
    /// Starts what an epoch asks of this member: nothing, for whoever does not order, or orders alone.
    fn begin<'c>(&'c mut self, beginning: Beginning) -> Begun<'c>;
}

/// Consensus, once it runs; why it does not, otherwise.
pub(crate) type Begun<'c> =
    Pin<Box<dyn Future<Output = Result<Option<(Marshal, Scheme)>, String>> + Send + 'c>>;

/// The conductor of a channel.
pub(crate) struct Orchestra<E, B, S: Sender<PublicKey = PublicKey>> {
    context: E,
    stage: Stage<B>,
    lanes: [MuxHandle<ToMembers<S>>; 5],
    running: Vec<Handle<()>>,
}

/// What an [`Orchestra`] is given.
pub(crate) struct Stage<B> {
    pub(crate) channel: ChannelId,
    pub(crate) key: PrivateKey,
    pub(crate) members: Members,
    /// Whoever only watches takes part in no epoch's consensus.
    pub(crate) ground: Ground<B>,
}

impl<E, B, S> Orchestra<E, B, S>
where
    E: CryptoRng + Spawner + Metrics + Clock + Storage,
    B: Blocker<PublicKey = PublicKey>,
    S: Sender<PublicKey = PublicKey>,
{
    /// Divides a channel's lanes by epochs.
    pub(crate) fn new<R>(context: E, stage: Stage<B>, lanes: Lanes<S, R>) -> Self
    where
        R: Receiver<PublicKey = PublicKey>,
    {
        let mut number = 0_u64;
        let lanes = lanes.all().map(|(sender, receiver)| {
            let sender = ToMembers::new(sender, stage.members.clone());
            let receiver = FromMembers::new(receiver, stage.members.clone());
            let context = context.child("epochs").with_attribute("lane", number);
            number += 1;
            let (mux, handle) = Muxer::builder(context, sender, receiver).build();
            mux.start();
            handle
        });
        Self {
            context,
            stage,
            lanes,
            running: Vec::new(),
        }
    }

    async fn start(&mut self, beginning: Beginning) -> Result<Option<(Marshal, Scheme)>, String> {
        let Beginning {
            witnesses,
            base,
            floor,
            span,
            learns,
            voter,
        } = beginning;
        self.end();
        let epoch = span.epoch().get();
        self.stage.members.elect(witnesses.validators().clone());
        if let Some(root) = &self.stage.ground.root {
            tidy(root, &self.prefix(None), &self.prefix(Some(epoch)));
        }
        let me = self.stage.key.public_key();
        let validators = witnesses.validators().clone();
        let votes = validators.len() >= MIN_QUORUM_VALIDATORS;
        if self.stage.ground.watch || !votes || validators.position(&me).is_none() {
            return Ok(None);
        }
        let mut lanes = Vec::with_capacity(self.lanes.len());
        for lane in &mut self.lanes {
            let registered = lane.register(epoch).await;
            lanes.push(registered.map_err(|error| error.to_string())?);
        }
        let lanes = <[_; 5]>::try_from(lanes).map_err(|_| "a lane is missing".to_owned())?;
        let Stage {
            channel,
            key,
            members,
            ground,
        } = &self.stage;
        let scheme = scheme(channel, validators, key);
        let parts = Parts {
            me,
            scheme: scheme.clone(),
            witnesses,
            members: members.clone(),
            genesis: base,
            floor,
            span,
            learns,
            blocker: ground.blocker.clone(),
            voter,
            patience: ground.patience,
            cache: ground.cache.clone(),
            prefix: self.prefix(Some(epoch)),
        };
        let context = self
            .context
            .child("consensus")
            .with_attribute("epoch", epoch);
        let (marshal, running) = consensus::start(context, parts, Lanes::of(lanes)).await?;
        self.running = running;
        Ok(Some((marshal, scheme)))
    }

    /// What the names of an epoch's files begin with, or those of all of the channel's.
    fn prefix(&self, epoch: Option<u64>) -> String {
        let own = format!("{}{}", self.stage.ground.folder, self.stage.channel);
        match epoch {
            None | Some(0) => own,
            Some(epoch) => format!("{own}-epoch{epoch}"),
        }
    }
}

impl<E, B, S> Conductor for Orchestra<E, B, S>
where
    E: CryptoRng + Spawner + Metrics + Clock + Storage,
    B: Blocker<PublicKey = PublicKey>,
    S: Sender<PublicKey = PublicKey>,
{
    fn begin<'c>(&'c mut self, beginning: Beginning) -> Begun<'c> {
        Box::pin(self.start(beginning))
    }
}

impl<E, B, S: Sender<PublicKey = PublicKey>> Orchestra<E, B, S> {
    fn end(&mut self) {
        for handle in self.running.drain(..) {
            handle.abort();
        }
    }
}

impl<E, B, S: Sender<PublicKey = PublicKey>> Drop for Orchestra<E, B, S> {
    fn drop(&mut self) {
        self.end();
    }
}

/// Removes the files of a channel's other epochs. Votes in them are of use to nobody: no ledger goes back
/// behind an epoch's end, and no member votes in an epoch that its own ledger has left.
fn tidy(root: &Path, channel: &str, present: &str) {
    let Ok(folders) = std::fs::read_dir(root) else {
        return;
    };
    for folder in folders.flatten() {
        let name = folder.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(channel)) else {
            continue;
        };
        let own = present.strip_prefix(channel).unwrap_or_default();
        let kept = rest.strip_prefix(own).is_some_and(|rest| {
            rest.starts_with('-') && !(own.is_empty() && rest.starts_with("-epoch"))
        });
        if !kept
            && rest.starts_with('-')
            && let Err(error) = std::fs::remove_dir_all(folder.path())
        {
            tracing::warn!(%error, "files of an epoch that has ended stay");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_other_epochs_of_the_same_channel_are_removed() {
        let root = tempfile::tempdir().unwrap();
        let all = [
            "aa-simplex",
            "aa-epoch1-simplex",
            "aa-epoch1-blocks-keys",
            "aa-epoch12-simplex",
            "ab-simplex",
            "ab-epoch1-simplex",
        ];
        for name in all {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        let left = || {
            let mut names: Vec<String> = std::fs::read_dir(root.path())
                .unwrap()
                .map(|one| one.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        tidy(root.path(), "aa", "aa-epoch1");
        let after = [
            "aa-epoch1-blocks-keys",
            "aa-epoch1-simplex",
            "ab-epoch1-simplex",
            "ab-simplex",
        ];
        assert_eq!(left(), after);
        tidy(root.path(), "ab", "ab");
        assert_eq!(
            left(),
            ["aa-epoch1-blocks-keys", "aa-epoch1-simplex", "ab-simplex"]
        );
    }

    #[test]
    fn an_epoch_ends_where_it_is_told() {
        let span = Span::endless(3);
        let known = span.clone();
        assert!(known.containing(Height::new(u64::MAX)).is_some());
        span.end_at(20);
        assert_eq!(known.last(Epoch::new(3)), Some(Height::new(20)));
        assert!(known.containing(Height::new(20)).is_some());
        assert!(known.containing(Height::new(21)).is_none());
        assert_eq!(known.last(Epoch::new(2)), None);
    }
}

// SPDX-License-Identifier: Apache-2.0
//! The channels that run.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use silsila_chain::{Genesis, MemberKey, PublicKey};
use silsila_config::{PeerAddress, Settings};
use silsila_engine::{ChannelHandle, Network, StoreLedger};
use silsila_replica::Rules;
use silsila_store::Store;

use super::opened::{Part, joined, open_part};
use super::peers::{Met, network_options};
use crate::assemble::FHIR_PATH;
use crate::bases::Bases;
use crate::exit::Failure;
use crate::keys::GatewayKeys;

/// A channel that runs.
#[derive(Clone)]
pub struct Running {
    /// What it was founded on.
    pub genesis: Genesis,
    /// To its thread.
    pub handle: Arc<ChannelHandle>,
    /// Its ledger.
    pub store: Store,
    /// Where its FHIR base lies below the gateway's address.
    pub path: String,
}

/// The network's thread and the channels that run on it. Clones share them; [`Shared::close`] ends them.
#[derive(Clone)]
pub struct Shared(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) settings: Settings,
    pub(super) keys: Arc<GatewayKeys>,
    pub(super) rules: Arc<Rules>,
    pub(super) bases: Bases,
    pub(super) network: Mutex<Option<Network>>,
    pub(super) met: Mutex<Met>,
    /// The gateway's own first.
    pub(super) running: Mutex<Vec<Running>>,
}

impl Shared {
    /// The channels that run, the gateway's own first.
    #[must_use]
    pub fn running(&self) -> Vec<Running> {
        self.list().clone()
    }

    /// Whether the network's thread has ended, and with it the part in ordering every channel.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        let list = self.list();
        list.iter().any(|channel| channel.handle.status().is_none())
    }

    fn list(&self) -> MutexGuard<'_, Vec<Running>> {
        self.0
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn network(&self) -> MutexGuard<'_, Option<Network>> {
        self.0
            .network
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn met(&self) -> MutexGuard<'_, Met> {
        self.0.met.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signs in this member's name.
    #[must_use]
    pub fn member_key(&self) -> MemberKey {
        self.0.keys.member()
    }

    /// What judges the contracts of all channels.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.0.rules)
    }

    /// Lets connections come and go from these members too, whether they founded a channel or not: a member that
    /// was admitted later dials, or is dialled where the configuration names it.
    ///
    /// # Errors
    /// Where the network has ended.
    pub fn meet(&self, members: &BTreeSet<PublicKey>) -> Result<(), Failure> {
        self.met().members.extend(members);
        let running = self.running();
        let genesis: Vec<&Genesis> = running.iter().map(|one| &one.genesis).collect();
        let options = network_options(&self.0.settings, &self.0.keys, &self.met(), &genesis);
        if let (Some(options), Some(network)) = (options, &*self.network()) {
            network.set_peers(&options)?;
        }
        Ok(())
    }

    /// Takes part in every channel that was joined since the start, with what the configuration says now of where its
    /// members are. Gives their names; safe to repeat. Blocks.
    ///
    /// # Errors
    /// Where a ledger cannot be opened, or the network has ended; what ran goes on.
    pub fn take_up(&self, peers: &[PeerAddress]) -> Result<Vec<String>, Failure> {
        let Inner {
            settings,
            keys,
            rules,
            ..
        } = &*self.0;
        let running = self.running();
        let all = joined(settings)?;
        let (known, new): (Vec<&Genesis>, Vec<&Genesis>) = all
            .iter()
            .partition(|genesis| running.iter().any(|one| one.genesis.id() == genesis.id()));
        self.met().addresses = peers.to_vec();
        let options = network_options(settings, keys, &self.met(), &[known, new.clone()].concat());
        if let (Some(options), Some(network)) = (options, &*self.network()) {
            network.set_peers(&options)?;
        }
        let mut names = Vec::new();
        for genesis in new {
            self.run(
                open_part(settings, keys, genesis.clone(), rules, false)?,
                false,
            )?;
            names.push(genesis.name.clone());
        }
        Ok(names)
    }

    pub(super) fn run(&self, part: Part, own: bool) -> Result<(), Failure> {
        let Part {
            genesis,
            store,
            bell,
        } = part;
        // The gateway's own base is there before the network.
        let base = (!own).then(|| self.0.bases.over(&store)).transpose()?;
        let ledger = StoreLedger::new(store.clone(), self.0.rules.clone());
        let handle = match &*self.network() {
            Some(network) => Arc::new(network.join(Arc::new(ledger))?),
            None => return Err(ended().into()),
        };
        _ = bell.set(Arc::clone(&handle));
        let path = base.as_ref().map_or(FHIR_PATH.to_owned(), |it| it.path());
        self.list().push(Running {
            genesis,
            handle,
            store,
            path,
        });
        if let Some(base) = base {
            self.0.bases.serve(base);
        }
        Ok(())
    }

    /// Ends the network, then closes every ledger but the gateway's own, which others still use.
    ///
    /// # Errors
    /// Where a ledger's checkpoint cannot be written.
    pub fn close(&self) -> Result<(), Failure> {
        drop(self.network().take());
        self.0.bases.close();
        let running = std::mem::take(&mut *self.list());
        for channel in running.iter().skip(1) {
            channel.store.close()?;
        }
        Ok(())
    }
}

fn ended() -> silsila_engine::EngineError {
    silsila_engine::EngineError::Stopped {
        reason: "the gateway is stopping".to_owned(),
    }
}

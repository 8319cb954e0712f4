// SPDX-License-Identifier: Apache-2.0
//! The ledgers of a gateway, opened, and how their channels begin.

use std::sync::{Arc, Mutex, OnceLock};

use silsila_authority::Membership;
use silsila_chain::Genesis;
use silsila_config::Settings;
use silsila_engine::{ChannelHandle, Network, StoreLedger};
use silsila_fhir::SearchIndex;
use silsila_replica::Rules;
use silsila_store::{Store, StoreOptions};

use super::peers::{Met, admitted, network_options};
use super::running::{Inner, Shared};
use crate::assemble::{ledger_file, store_options};
use crate::bases::Bases;
use crate::exit::Failure;
use crate::keys::GatewayKeys;
use crate::ledgers::{self, Shelf};
use crate::{channels, keys};

/// Readers of a further channel's ledger: one that searches, and two as the FHIR server wants beside.
const READERS: usize = 3;
/// Page cache of a further channel's writer, in bytes: it takes what others give, and reads nothing in bulk.
const CACHE: usize = 16 << 20;

/// A channel that is waited for: what its ledger submits is told to it once it runs.
type Bell = Arc<OnceLock<Arc<ChannelHandle>>>;

/// A ledger, and what becomes its channel.
pub(super) struct Part {
    pub(super) genesis: Genesis,
    pub(super) store: Store,
    pub(super) bell: Bell,
}

/// The gateway's ledgers; the channels do not run yet.
pub struct Ledgers {
    own: Store,
    parts: Vec<Part>,
    rules: Arc<Rules>,
}

/// The channels of a gateway that signs nothing on them. It ends when this is dropped.
pub struct Watched {
    /// What each was founded on, its ledger, and how it is.
    pub channels: Vec<(Genesis, Store, ChannelHandle)>,
    pub(super) _network: Network,
}

/// The channels that the configuration makes this gateway take part in, its own first; none where it is alone.
///
/// # Errors
/// Where it is to take part and is no member, or several were joined and none is the first.
pub fn joined(settings: &Settings) -> Result<Vec<Genesis>, Failure> {
    if settings.network.listen.is_none() {
        return Ok(Vec::new());
    }
    let membership = Membership::load(&settings.keys.folder)?
        .ok_or(silsila_authority::AuthorityError::NotMember)?;
    let mut joined = channels::joined(settings, &membership.fingerprint)?;
    let own = own_of(settings, &joined)?;
    let own = joined.remove(own);
    joined.insert(0, own);
    Ok(joined)
}

/// Which of the channels is the gateway's own: the one that the configuration names, else the one joined first.
fn own_of(settings: &Settings, joined: &[Genesis]) -> Result<usize, Failure> {
    let named = settings.network.channel.as_deref();
    let first = channels::first(settings);
    let is_own = |genesis: &&Genesis| match (named, &first) {
        (Some(name), _) => channels::is(genesis, name),
        (None, Some(first)) => channels::short_id(genesis) == *first,
        (None, None) => false,
    };
    let mut own = (0..).zip(joined).filter(|(_, genesis)| is_own(genesis));
    match (own.next(), own.next(), joined) {
        (Some((at, _)), None, _) => Ok(at),
        (None, _, [_]) if named.is_none() => Ok(0),
        _ => Err(ledgers::unknown(named.unwrap_or_default(), joined)),
    }
}

impl Ledgers {
    /// Opens the ledger of a gateway that is alone, or those of its channels.
    ///
    /// # Errors
    /// A ledger that is damaged, foreign, or in use.
    pub fn open(settings: &Settings, keys: &GatewayKeys) -> Result<Self, Failure> {
        Self::open_some(settings, keys, usize::MAX)
    }

    /// Opens the gateway's own ledger and no other, for an order while no gateway runs.
    ///
    /// # Errors
    /// As [`Ledgers::open`].
    pub fn open_own(settings: &Settings, keys: &GatewayKeys) -> Result<Store, Failure> {
        Ok(Self::open_some(settings, keys, 1)?.own)
    }

    fn open_some(settings: &Settings, keys: &GatewayKeys, most: usize) -> Result<Self, Failure> {
        keys::private_folder(&settings.storage.folder)?;
        let genesis = joined(settings)?;
        let rules = Arc::new(Rules::default());
        if let Some(own) = genesis.first() {
            channels::remember_first(settings, own)?;
            tell_of_the_alone(settings, own)?;
        }
        let mut parts = Vec::new();
        for (position, genesis) in genesis.into_iter().enumerate().take(most) {
            parts.push(open_part(settings, keys, genesis, &rules, position == 0)?);
        }
        let own = match parts.first() {
            Some(part) => part.store.clone(),
            None => {
                let mut options = store_options(settings, keys, ledger_file(settings));
                options.channel_name.clone_from(&settings.hospital.base_uri);
                Store::open(options, SearchIndex::new())?
            }
        };
        Ok(Self { own, parts, rules })
    }

    /// The ledger that the source feeds and that `/fhir` serves.
    #[must_use]
    pub const fn own(&self) -> &Store {
        &self.own
    }

    /// Starts the network that the channels run on, with whom it meets; `None` for a gateway that is alone.
    fn connect(
        &self,
        settings: &Settings,
        keys: &GatewayKeys,
    ) -> Result<Option<(Network, Met)>, Failure> {
        let genesis: Vec<&Genesis> = self.parts.iter().map(|part| &part.genesis).collect();
        let met = Met {
            members: admitted(&self.parts)?,
            addresses: settings.network.peers.clone(),
        };
        let Some(options) = network_options(settings, keys, &met, &genesis) else {
            return Ok(None);
        };
        Ok(Some((Network::start(options)?, met)))
    }

    /// Follows every channel, serves none, and signs nothing on any; `None` for a gateway that is alone. Blocks until
    /// it does.
    ///
    /// # Errors
    /// As [`Ledgers::start`].
    pub fn watch(
        self,
        settings: &Settings,
        keys: &GatewayKeys,
    ) -> Result<Option<Watched>, Failure> {
        let Some((network, _)) = self.connect(settings, keys)? else {
            return Ok(None);
        };
        let mut channels = Vec::new();
        for Part { genesis, store, .. } in self.parts {
            let ledger = StoreLedger::new(store.clone(), self.rules.clone());
            channels.push((genesis, store, network.watch(Arc::new(ledger))?));
        }
        Ok(Some(Watched {
            channels,
            _network: network,
        }))
    }

    /// Has every channel run and served; `None` for a gateway that is alone. Blocks until it does.
    ///
    /// # Errors
    /// Where the network's address cannot be listened on, or a peer is not known.
    pub fn start(
        self,
        settings: &Settings,
        keys: Arc<GatewayKeys>,
        bases: &Bases,
    ) -> Result<Option<Shared>, Failure> {
        let Some((network, met)) = self.connect(settings, &keys)? else {
            return Ok(None);
        };
        let shared = Shared(Arc::new(Inner {
            network: Mutex::new(Some(network)),
            met: Mutex::new(met),
            settings: settings.clone(),
            keys,
            rules: self.rules,
            bases: bases.clone(),
            running: Mutex::default(),
        }));
        for (position, part) in self.parts.into_iter().enumerate() {
            shared.run(part, position == 0)?;
        }
        Ok(Some(shared))
    }
}

pub(super) fn open_part(
    settings: &Settings,
    keys: &GatewayKeys,
    genesis: Genesis,
    rules: &Arc<Rules>,
    own: bool,
) -> Result<Part, Failure> {
    let file = Shelf::new(settings).file_of(&genesis)?;
    let bell = Bell::default();
    let rung = Arc::clone(&bell);
    let mut options = StoreOptions {
        genesis: Some(genesis.clone()),
        policy: rules.clone(),
        on_pending: Some(Arc::new(move || {
            if let Some(channel) = rung.get() {
                channel.poke();
            }
        })),
        ..store_options(settings, keys, file)
    };
    if !own {
        options.readers = READERS;
        options.cache_bytes = options.cache_bytes.min(CACHE);
    }
    Ok(Part {
        store: crate::scrub::open(options)?,
        genesis,
        bell,
    })
}

/// Says once, when the own channel's ledger is not begun yet, that the one from before is kept.
fn tell_of_the_alone(settings: &Settings, own: &Genesis) -> Result<(), Failure> {
    let shelf = Shelf::new(settings);
    if shelf.file_of(own)?.exists() {
        return Ok(());
    }
    if let Some(file) = shelf.alone()? {
        tracing::warn!(
            kept = %file.display(),
            channel = own.name,
            "this gateway ran alone until now: its ledger stays as it is, and every row is read anew into the channel"
        );
    }
    Ok(())
}

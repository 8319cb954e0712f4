// SPDX-License-Identifier: Apache-2.0
//! The channels that this gateway shares with others: their ledgers, its part in ordering them, and where each is served.
//!
//! One channel is the gateway's own: what its source gives goes there, and `/fhir` serves it. Every further one has a
//! ledger, a search index, and a FHIR base of its own ([`crate::bases`]), and may be joined while the gateway runs. What
//! lies where, [`crate::ledgers`] says; `engine/` beside them holds what consensus keeps: votes and recent blocks,
//! never payloads.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use silsila_authority::Membership;
use silsila_chain::{Genesis, MemberKey, PublicKey, Standing};
use silsila_config::{PeerAddress, Settings};
use silsila_engine::{ChannelHandle, Network, NetworkOptions, Patience, Peer, StoreLedger};
use silsila_fhir::SearchIndex;
use silsila_replica::Rules;
use silsila_store::{Store, StoreOptions};

use crate::assemble::{FHIR_PATH, ledger_file, store_options};
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
struct Part {
    genesis: Genesis,
    store: Store,
    bell: Bell,
}

/// The gateway's ledgers; the channels do not run yet.
pub struct Ledgers {
    own: Store,
    parts: Vec<Part>,
    rules: Arc<Rules>,
}

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

/// The channels of a gateway that signs nothing on them. It ends when this is dropped.
pub struct Watched {
    /// What each was founded on, its ledger, and how it is.
    pub channels: Vec<(Genesis, Store, ChannelHandle)>,
    _network: Network,
}

/// The network's thread and the channels that run on it. Clones share them; [`Shared::close`] ends them.
#[derive(Clone)]
pub struct Shared(Arc<Inner>);

struct Inner {
    settings: Settings,
    keys: Arc<GatewayKeys>,
    rules: Arc<Rules>,
    bases: Bases,
    network: Mutex<Option<Network>>,
    met: Mutex<Met>,
    /// The gateway's own first.
    running: Mutex<Vec<Running>>,
}

/// Members of the channels that are none of their founders, and where members are reached.
#[derive(Default)]
struct Met {
    members: BTreeSet<PublicKey>,
    addresses: Vec<PeerAddress>,
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
        let genesis: Vec<&Genesis> = self.parts.iter().map(|part| &part.genesis).collect();
        let met = Met {
            members: admitted(&self.parts)?,
            addresses: settings.network.peers.clone(),
        };
        let Some(options) = network_options(settings, keys, &met, &genesis) else {
            return Ok(None);
        };
        let network = Network::start(options)?;
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
        let genesis: Vec<&Genesis> = self.parts.iter().map(|part| &part.genesis).collect();
        let met = Met {
            members: admitted(&self.parts)?,
            addresses: settings.network.peers.clone(),
        };
        let Some(options) = network_options(settings, &keys, &met, &genesis) else {
            return Ok(None);
        };
        let shared = Shared(Arc::new(Inner {
            network: Mutex::new(Some(Network::start(options)?)),
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

impl Shared {
    /// The channels that run, the gateway's own first.
    #[must_use]
    pub fn running(&self) -> Vec<Running> {
        self.list().clone()
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

    fn run(&self, part: Part, own: bool) -> Result<(), Failure> {
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

fn open_part(
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

/// Who was admitted to the channels since they were founded, as far as their ledgers say.
fn admitted(parts: &[Part]) -> Result<BTreeSet<PublicKey>, Failure> {
    let mut all = BTreeSet::new();
    for part in parts {
        let chain = part.store.chain()?;
        let members = chain.members().iter();
        let members = members.filter(|(_, member)| member.standing != Standing::Revoked);
        all.extend(members.map(|(identity, _)| identity.key));
    }
    Ok(all)
}

/// How the network is started, or told of other peers; `None` where the gateway listens to none.
fn network_options(
    settings: &Settings,
    keys: &GatewayKeys,
    met: &Met,
    channels: &[&Genesis],
) -> Option<NetworkOptions> {
    let (Some(listen), Some(first)) = (settings.network.listen, channels.first()) else {
        return None;
    };
    Some(NetworkOptions {
        seed: keys.member_seed(),
        network: first.network,
        listen,
        peers: peers(met, channels),
        folder: settings.storage.folder.join("engine"),
        patience: Patience::default(),
    })
}

/// The other members of all channels, with the addresses that are known. An address may be there before its member
/// is admitted.
fn peers(met: &Met, channels: &[&Genesis]) -> Vec<Peer> {
    let founders = channels.iter().flat_map(|genesis| &genesis.members);
    let mut members: BTreeSet<PublicKey> = founders.map(|founder| founder.identity.key).collect();
    members.extend(&met.members);
    let is = |named: &PeerAddress, key: &PublicKey| key.to_string().starts_with(&named.key);
    for named in &met.addresses {
        if !members.iter().any(|key| is(named, key)) {
            tracing::warn!(
                key = named.key,
                "network.peers names nobody who is a member of a joined channel"
            );
        }
    }
    let peer = |key: PublicKey| Peer {
        address: met
            .addresses
            .iter()
            .find(|named| is(named, &key))
            .map(|named| named.address.clone()),
        key,
    };
    members.into_iter().map(peer).collect()
}

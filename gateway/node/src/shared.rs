// SPDX-License-Identifier: Apache-2.0
//! The channels that this gateway shares with others: their ledgers, and its part in ordering them.
//!
//! One channel is the gateway's own: what its source gives goes there, and it is served. Further ones are replicated,
//! each in a file of its own beside it:
//!
//! ```text
//! ledger.sqlite                       the gateway's own channel
//! channels/3f0c9a1be2d4c6f8.sqlite    another one, by the first sixteen digits of its id
//! engine/                             what consensus keeps: votes and recent blocks, never payloads
//! ```

use std::sync::{Arc, OnceLock};

use silsila_authority::Membership;
use silsila_chain::{Founder, Genesis, Identity};
use silsila_config::{PeerAddress, Settings};
use silsila_engine::{ChannelHandle, Network, NetworkOptions, Patience, Peer, StoreLedger};
use silsila_fhir::SearchIndex;
use silsila_replica::Rules;
use silsila_store::{NoIndex, Store, StoreOptions};

use crate::assemble::{ledger_file, store_options};
use crate::exit::Failure;
use crate::keys::GatewayKeys;
use crate::{channels, keys};

/// A channel that is waited for: what its ledger submits is told to it once it runs.
type Bell = Arc<OnceLock<Arc<ChannelHandle>>>;

/// A ledger, and what becomes its channel.
struct Part {
    name: String,
    store: Store,
    bell: Bell,
}

/// The gateway's ledgers; the channels do not run yet.
pub struct Ledgers {
    own: Store,
    parts: Vec<Part>,
    rules: Arc<Rules>,
    genesis: Vec<Genesis>,
}

/// The network's thread and the channels that run on it. All end when this is dropped.
pub struct Shared {
    /// Every channel by its name.
    pub channels: Vec<(String, Arc<ChannelHandle>)>,
    _network: Network,
    ledgers: Vec<Store>,
}

/// The channels that the configuration makes this gateway take part in, its own first; none where it is alone.
///
/// # Errors
/// Where it is to take part and is no member, or several were joined and none is named.
pub fn joined(settings: &Settings) -> Result<Vec<Genesis>, Failure> {
    if settings.network.listen.is_none() {
        return Ok(Vec::new());
    }
    let membership = Membership::load(&settings.keys.folder)?
        .ok_or(silsila_authority::AuthorityError::NotMember)?;
    let identity = Identity::ed25519(membership.certificate().key());
    let mut joined = channels::joined(settings, &membership.fingerprint, &identity)?;
    let own = own_of(settings, &joined)?;
    joined.swap(0, own);
    Ok(joined)
}

/// Which of the channels is the gateway's own.
fn own_of(settings: &Settings, joined: &[Genesis]) -> Result<usize, Failure> {
    let names = || joined.iter().map(|genesis| genesis.name.as_str());
    let unknown = |name: &str| Failure::Unknown {
        what: "channel of this gateway",
        name: name.to_owned(),
        known: match names().collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => "it joined none: silsila channel join FILE".to_owned(),
            names => format!("it joined {names}; network.channel names one"),
        },
    };
    match (&settings.network.channel, joined) {
        (None, [_]) => Ok(0),
        (None, _) => Err(unknown("")),
        (Some(wanted), _) => names()
            .position(|name| name == wanted)
            .ok_or_else(|| unknown(wanted)),
    }
}

impl Ledgers {
    /// Opens the ledger of a gateway that is alone, or those of its channels.
    ///
    /// # Errors
    /// A ledger that is damaged, foreign, or in use.
    pub fn open(settings: &Settings, keys: &GatewayKeys) -> Result<Self, Failure> {
        keys::private_folder(&settings.storage.folder)?;
        let genesis = joined(settings)?;
        let rules = Arc::new(Rules::default());
        let mut parts = Vec::new();
        for (position, genesis) in genesis.iter().enumerate() {
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
        Ok(Self {
            own,
            parts,
            rules,
            genesis,
        })
    }

    /// The ledger that the source feeds and that is served.
    #[must_use]
    pub const fn own(&self) -> &Store {
        &self.own
    }

    /// Has every channel run; `None` for a gateway that is alone. Blocks until it does.
    ///
    /// # Errors
    /// Where the network's address cannot be listened on, or a peer is not known.
    pub fn start(self, settings: &Settings, keys: &GatewayKeys) -> Result<Option<Shared>, Failure> {
        let (Some(listen), Some(first)) = (settings.network.listen, self.genesis.first()) else {
            return Ok(None);
        };
        let network = Network::start(NetworkOptions {
            seed: keys.member_seed(),
            network: first.network,
            listen,
            peers: peers(&settings.network.peers, &self.genesis)?,
            folder: settings.storage.folder.join("engine"),
            patience: Patience::default(),
        })?;
        let (mut channels, mut ledgers) = (Vec::new(), Vec::new());
        for part in self.parts {
            let ledger = StoreLedger::new(part.store.clone(), self.rules.clone());
            let handle = Arc::new(network.join(Arc::new(ledger))?);
            _ = part.bell.set(Arc::clone(&handle));
            channels.push((part.name, handle));
            ledgers.push(part.store);
        }
        Ok(Some(Shared {
            channels,
            _network: network,
            ledgers,
        }))
    }
}

impl Shared {
    /// Ends the network, then closes every ledger but the gateway's own, which others still use.
    ///
    /// # Errors
    /// Where a ledger's checkpoint cannot be written.
    pub fn close(self) -> Result<(), Failure> {
        let ledgers = self.ledgers;
        drop((self.channels, self._network));
        for ledger in ledgers.iter().skip(1) {
            ledger.close()?;
        }
        Ok(())
    }
}

fn open_part(
    settings: &Settings,
    keys: &GatewayKeys,
    genesis: &Genesis,
    rules: &Arc<Rules>,
    own: bool,
) -> Result<Part, Failure> {
    let file = if own {
        ledger_file(settings)
    } else {
        let id: String = genesis.id().to_string().chars().take(16).collect();
        channels::folder(settings).join(format!("{id}.sqlite"))
    };
    let bell = Bell::default();
    let rung = Arc::clone(&bell);
    let options = StoreOptions {
        genesis: Some(genesis.clone()),
        policy: rules.clone(),
        on_pending: Some(Arc::new(move || {
            if let Some(channel) = rung.get() {
                channel.poke();
            }
        })),
        ..store_options(settings, keys, file)
    };
    let store = if own {
        Store::open(options, SearchIndex::new())?
    } else {
        Store::open(options, Box::new(NoIndex))?
    };
    Ok(Part {
        name: genesis.name.clone(),
        store,
        bell,
    })
}

/// The other members of all channels, with the addresses that are known.
fn peers(addresses: &[PeerAddress], channels: &[Genesis]) -> Result<Vec<Peer>, Failure> {
    let members = || channels.iter().flat_map(|genesis| &genesis.members);
    let key = |founder: &Founder| founder.identity.key.to_string();
    for named in addresses {
        let known = members().any(|founder| key(founder).starts_with(&named.key));
        if !known {
            return Err(Failure::Unknown {
                what: "member",
                name: named.key.clone(),
                known: "network.peers names members of the joined channels by their keys"
                    .to_owned(),
            });
        }
    }
    Ok(members()
        .map(|founder| Peer {
            key: founder.identity.key,
            address: addresses
                .iter()
                .find(|named| key(founder).starts_with(&named.key))
                .map(|named| named.address.clone()),
        })
        .collect())
}

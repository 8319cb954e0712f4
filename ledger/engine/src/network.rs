// SPDX-License-Identifier: Apache-2.0
//! One process's part in the network: a thread with a runtime of its own, encrypted connections to every
//! peer, and the channels that were joined.
//!
//! A connection is authenticated by the member's ed25519 key on both ends (Commonware's handshake,
//! ChaCha20-Poly1305) and belongs to the key, wherever it comes from. Channels share the connections;
//! what belongs to a channel carries a number made of its id and goes to its members only.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc as answers;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use commonware_cryptography::ChaCha20Poly1305;
use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_p2p::authenticated::lookup;
use commonware_p2p::utils::mux::{Builder as _, MuxHandle, Muxer, prefixed};
use commonware_p2p::{
    Address, AddressableManager as _, AddressableTrackedPeers, Ingress, Sender, max_message_size,
};
use commonware_runtime::buffer::paged::CacheRef;
use commonware_runtime::{Quota, Runner as _, Supervisor as _, tokio as runtime};
use commonware_stream::cups::{self, Cups};
use commonware_stream::sake::{self, Sake};
use commonware_utils::channel::mpsc;
use commonware_utils::ordered::Map;
use commonware_utils::{Hostname, NZU16, NZUsize};
use silsila_chain::{ChannelId, MAX_VALIDATORS, MemberKey};
use zeroize::Zeroizing;

use crate::assembly::{AllLanes, Ground, Me, open};
use crate::consensus::longest_messages;
use crate::key::{private_key, public_key};
use crate::wire::MAX_MESSAGE;
use crate::{ChannelHandle, EngineError, Ledger, Patience, Witnesses};

/// The most gateways of one network.
const MAX_PEERS: NonZeroUsize = NonZeroUsize::new(64).expect("not zero");
/// A peer's clock may differ so much when it connects.
const CLOCKS_DIFFER: Duration = Duration::from_secs(60);
/// Messages a second that a peer may send on each lane.
const RATES: [u32; 6] = [256, 256, 64, 32, 64, 256];

/// Another gateway of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its key.
    pub key: silsila_chain::PublicKey,
    /// Where it can be reached, as `host:port`; none for one that only dials out.
    pub address: Option<String>,
}

/// What a network needs to start.
pub struct NetworkOptions {
    /// The seed of the member's ed25519 key.
    pub seed: Zeroizing<[u8; 32]>,
    /// The network's fingerprint: connections of other networks are not understood.
    pub network: [u8; 32],
    /// Where to listen.
    pub listen: SocketAddr,
    /// The other gateways.
    pub peers: Vec<Peer>,
    /// Where the engine keeps its files; no other process may use it.
    pub folder: PathBuf,
    /// How long consensus waits for others.
    pub patience: Patience,
}

/// One process's part in the network. It ends when this is dropped.
pub struct Network {
    orders: mpsc::Sender<Order>,
    thread: Option<JoinHandle<()>>,
}

enum Order {
    Join {
        ledger: Arc<dyn Ledger>,
        watch: bool,
        reply: answers::SyncSender<Result<ChannelHandle, EngineError>>,
    },
    Peers {
        peers: AddressableTrackedPeers<PublicKey>,
    },
}

impl Network {
    /// Starts the network's thread.
    ///
    /// # Errors
    /// Where a peer is not well written, or the address cannot be listened on.
    pub fn start(options: NetworkOptions) -> Result<Self, EngineError> {
        let key = private_key(&options.seed);
        let peers = tracked(&key, options.listen, &options.peers)?;
        // The runtime would panic on an address that is taken; this says it in words.
        TcpListener::bind(options.listen).map_err(|source| EngineError::Listen {
            address: options.listen.to_string(),
            source,
        })?;
        let (orders, orders_in) = mpsc::channel(16);
        let thread = thread::Builder::new()
            .name("network".to_owned())
            .spawn(move || run(options, key, peers, orders_in))
            .map_err(|error| EngineError::Stopped {
                reason: error.to_string(),
            })?;
        Ok(Self {
            orders,
            thread: Some(thread),
        })
    }

    /// Takes part in the channel of a ledger. Blocks until it does.
    ///
    /// # Errors
    /// Where the channel cannot be run.
    pub fn join(&self, ledger: Arc<dyn Ledger>) -> Result<ChannelHandle, EngineError> {
        self.take_part(ledger, false)
    }

    /// Follows the channel of a ledger and signs nothing on it: no vote, no receipt, no transaction. For a member
    /// whose ledger was restored, until it knows again what it signed. Blocks until it does.
    ///
    /// # Errors
    /// Where the channel cannot be run.
    pub fn watch(&self, ledger: Arc<dyn Ledger>) -> Result<ChannelHandle, EngineError> {
        self.take_part(ledger, true)
    }

    fn take_part(
        &self,
        ledger: Arc<dyn Ledger>,
        watch: bool,
    ) -> Result<ChannelHandle, EngineError> {
        let (reply, answer) = answers::sync_channel(1);
        self.order(Order::Join {
            ledger,
            watch,
            reply,
        })?;
        answer.recv().map_err(|_| stopped("its thread has ended"))?
    }

    /// Takes up who the other gateways are now.
    ///
    /// # Errors
    /// Where a peer is not well written.
    pub fn set_peers(&self, options: &NetworkOptions) -> Result<(), EngineError> {
        let key = private_key(&options.seed);
        let peers = tracked(&key, options.listen, &options.peers)?;
        self.order(Order::Peers { peers })
    }

    /// Whether the thread runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
    }

    fn order(&self, order: Order) -> Result<(), EngineError> {
        self.orders
            .try_send(order)
            .map_err(|_| stopped("its thread does not answer"))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let (closed, _) = mpsc::channel(1);
        self.orders = closed;
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

fn stopped(reason: &str) -> EngineError {
    EngineError::Stopped {
        reason: reason.to_owned(),
    }
}

fn tracked(
    key: &PrivateKey,
    listen: SocketAddr,
    peers: &[Peer],
) -> Result<AddressableTrackedPeers<PublicKey>, EngineError> {
    use commonware_cryptography::Signer as _;
    let mut addresses = vec![(key.public_key(), Address::from(listen))];
    for peer in peers {
        let public = public_key(&peer.key).ok_or_else(|| EngineError::Key {
            key: peer.key.to_string(),
        })?;
        if public != key.public_key() {
            addresses.push((public, address(peer.address.as_deref())?));
        }
    }
    Ok(AddressableTrackedPeers::primary(Map::from_iter_dedup(
        addresses,
    )))
}

/// Where to dial. Whoever has no address is given one that nobody answers on; it dials us.
fn address(written: Option<&str>) -> Result<Address, EngineError> {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let Some(written) = written else {
        return Ok(nowhere.into());
    };
    if let Ok(socket) = written.parse::<SocketAddr>() {
        return Ok(socket.into());
    }
    let fault = || EngineError::Address {
        address: written.to_owned(),
    };
    let (host, port) = written.rsplit_once(':').ok_or_else(fault)?;
    let ingress = Ingress::Dns {
        host: Hostname::new(host).map_err(|_| fault())?,
        port: port.parse().map_err(|_| fault())?,
    };
    Ok(Address::Asymmetric {
        ingress,
        egress: nowhere,
    })
}

fn run(
    options: NetworkOptions,
    key: PrivateKey,
    peers: AddressableTrackedPeers<PublicKey>,
    mut orders: mpsc::Receiver<Order>,
) {
    let config = runtime::Config::new()
        .with_worker_threads(2)
        .with_storage_directory(options.folder.clone())
        .with_tcp_nodelay(Some(true))
        .with_catch_panics(false);
    runtime::Runner::new(config).start(|context| async move {
        let handshake = Cups::<_, ChaCha20Poly1305>::new(
            Sake {
                signer: key.clone(),
                synchrony_bound: CLOCKS_DIFFER,
                max_handshake_age: CLOCKS_DIFFER,
                version: sake::Version::V1,
            },
            cups::Version::V1,
        );
        let namespace = [b"silsila/network/1 ", &options.network[..]].concat();
        let listen = options.listen;
        let mut config = lookup::Config::local(
            handshake,
            &namespace,
            listen,
            MAX_PEERS,
            largest(),
            NZUsize!(1024),
        );
        config.bypass_ip_check = true;
        // While a cable is out, a connection begun is tried again by the system ever more rarely: better a new one.
        config.dial_timeout = Duration::from_secs(4);
        config.tracked_peer_sets = NZUsize!(1);
        config.block_duration = Duration::from_secs(60);
        // Members say more than that to one another all the time; a ping is for connections without a channel.
        config.ping_frequency = Duration::from_secs(30);
        let (mut network, mut oracle) = lookup::Network::new(context.child("network"), config);
        let mut set = 0;
        oracle.track(set, peers);
        let mut lanes = Vec::new();
        for (lane, rate) in (0_u64..).zip(RATES) {
            let quota = Quota::per_second(NonZeroU32::new(rate).expect("rates are not zero"));
            let (sender, receiver) = network.register(lane, quota);
            let context = context.child("lane").with_attribute("index", lane);
            let (mux, handle) = Muxer::builder(context, sender, receiver).build();
            mux.start();
            lanes.push(handle);
        }
        let mut running = network.start();
        let cache = CacheRef::new(NZU16!(4096), NZUsize!(2048));
        let mut joined: HashMap<ChannelId, Vec<commonware_runtime::Handle<()>>> = HashMap::new();
        loop {
            let order = tokio::select! {
                order = orders.recv() => order,
                ended = &mut running => {
                    tracing::error!(?ended, "the network ended");
                    None
                }
            };
            match order {
                None => return,
                Some(Order::Peers { peers }) => {
                    set += 1;
                    oracle.track(set, peers);
                }
                Some(Order::Join {
                    ledger,
                    watch,
                    reply,
                }) => {
                    let id = ledger.genesis().id();
                    if joined.contains_key(&id) {
                        _ = reply.send(Err(EngineError::Joined));
                        continue;
                    }
                    let ground = Ground {
                        blocker: oracle.clone(),
                        patience: options.patience,
                        cache: cache.clone(),
                        folder: String::new(),
                        root: Some(options.folder.clone()),
                        watch,
                    };
                    let me = Me {
                        engine_key: key.clone(),
                        member_key: MemberKey::from_seed(&options.seed),
                    };
                    let opened = match register(&mut lanes, &id).await {
                        Some(lanes) => {
                            let context = context.child("member").with_attribute("channel", id);
                            Box::pin(open(context, ledger, me, ground, lanes)).await
                        }
                        None => Err(stopped("its lanes are closed")),
                    };
                    let opened = opened.map(|(handle, handles)| {
                        joined.insert(id, handles);
                        handle
                    });
                    _ = reply.send(opened);
                }
            }
        }
    });
}

/// The longest message of any lane.
fn largest() -> u32 {
    let witnesses = Witnesses::new(
        ChannelId([0; 32]),
        commonware_utils::ordered::Set::default(),
    );
    let [blocks, votes] = longest_messages(MAX_VALIDATORS as u32, &witnesses);
    // The channel's number, and within it the epoch's.
    let twice = |size| prefixed(prefixed(size));
    max_message_size(&[twice(blocks), twice(votes), prefixed(MAX_MESSAGE)])
}

type SubLane<S> = (
    commonware_p2p::utils::mux::SubSender<S>,
    commonware_p2p::utils::mux::SubReceiver<<S as commonware_p2p::LimitedSender>::PublicKey>,
);

/// A channel's own lanes on the shared connections.
async fn register<S: Sender>(
    lanes: &mut [MuxHandle<S>],
    id: &ChannelId,
) -> Option<
    AllLanes<
        commonware_p2p::utils::mux::SubSender<S>,
        commonware_p2p::utils::mux::SubReceiver<S::PublicKey>,
    >,
> {
    let number = u64::from_be_bytes(*id.0.first_chunk()?);
    let mut own: Vec<SubLane<S>> = Vec::with_capacity(lanes.len());
    for lane in lanes {
        own.push(lane.register(number).await.ok()?);
    }
    AllLanes::of(own)
}

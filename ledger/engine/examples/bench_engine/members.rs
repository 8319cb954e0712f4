// SPDX-License-Identifier: Apache-2.0
//! A network of members, each with a store and connections of its own.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use silsila_chain::{
    Admission, AsCertified, Contract, CustodianKey, Founder, Genesis, Height, Identity, Limits,
    MemberKey, TxId,
};
use silsila_engine::{ChannelHandle, Network, NetworkOptions, Patience, Peer, StoreLedger};
use silsila_store::seal::SealingKey;
use silsila_store::{Draft, FileKey, NoIndex, Store, StoreError, StoreOptions, TxStatus};
use zeroize::Zeroizing;

use crate::{Outcome, load};

/// Who there is, and where.
pub struct Plan {
    genesis: Genesis,
    addresses: Vec<SocketAddr>,
}

/// A member at work.
pub struct Node {
    pub store: Store,
    channel: ChannelHandle,
    network: Network,
}

fn key(number: usize) -> MemberKey {
    MemberKey::from_seed(&seed(number))
}

fn seed(number: usize) -> [u8; 32] {
    [number as u8 + 1; 32]
}

fn sealing(number: usize) -> SealingKey {
    SealingKey::from_seed(&[number as u8 + 101; 32])
}

impl Plan {
    /// So many founding members, the first of whom validate.
    pub fn new(members: usize, validators: usize) -> Outcome<Self> {
        let identity = |number| Identity::ed25519(key(number).public());
        let founder = |number: usize| Founder {
            identity: identity(number),
            admission: Admission {
                sealing_key: sealing(number).public().0,
                organization: format!("hospital {number}"),
                role: "hospital".to_owned(),
                certificate: vec![1],
                not_after_ms: u64::MAX,
            },
        };
        let mut founders: Vec<Founder> = (0..members).map(founder).collect();
        founders.sort_by_key(|founder| founder.identity);
        let mut voting: Vec<Identity> = (0..validators).map(identity).collect();
        voting.sort_unstable();
        let held = (0..members)
            .map(|_| TcpListener::bind("127.0.0.1:0"))
            .collect::<Result<Vec<_>, _>>()?;
        let addresses = held.iter().map(TcpListener::local_addr);
        Ok(Self {
            genesis: Genesis {
                validators: voting,
                members: founders,
                root: vec![5],
                contract: Contract {
                    policies: "permit (principal, action, resource);".to_owned(),
                    limits: Limits::default(),
                },
                ..Genesis::lone(
                    key(0).public(),
                    "bench".to_owned(),
                    [2; 16],
                    1_600_000_000_000,
                )
            },
            addresses: addresses.collect::<Result<_, _>>()?,
        })
    }

    /// Starts one of them, with an encrypted file in a folder of its own.
    pub fn start(&self, folder: &Path, number: usize) -> Outcome<Node> {
        let own = folder.join(number.to_string());
        std::fs::create_dir_all(&own)?;
        let custodian = CustodianKey::new([number as u8 + 50; 32]);
        let mut options = StoreOptions::new(own.join("ledger.sqlite"), key(number), custodian);
        options.policy = Arc::new(AsCertified);
        options.genesis = Some(self.genesis.clone());
        options.sealing_key = Some(sealing(number));
        options.file_key = Some(FileKey::new(&[number as u8 + 7; 32]));
        options.dictionaries = vec![load::dictionary()];
        let store = Store::open(options, Box::new(NoIndex))?;
        let peers = (0..).zip(&self.addresses).map(|(number, address)| Peer {
            key: key(number).public(),
            address: Some(address.to_string()),
        });
        let network = Network::start(NetworkOptions {
            seed: Zeroizing::new(seed(number)),
            network: [4; 32],
            listen: self.addresses[number],
            peers: peers.collect(),
            folder: own.join("engine"),
            patience: Patience::default(),
        })?;
        let ledger = StoreLedger::new(store.clone(), Arc::new(AsCertified));
        let channel = network.join(Arc::new(ledger))?;
        Ok(Node {
            store,
            channel,
            network,
        })
    }
}

impl Node {
    /// Stages drafts and has them offered.
    pub fn stage(&self, drafts: Vec<Draft>) -> Outcome<TxId> {
        let id = self.store.stage::<StoreError>(drafts, |_| Ok(()))?;
        let id = id.ok_or("nothing was staged")?;
        self.store.submit(id)?;
        self.channel.poke();
        Ok(id)
    }

    /// Waits until a transaction is committed here.
    pub fn commit(&self, id: TxId) -> Outcome<()> {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            match self.store.status(id)? {
                TxStatus::Committed { .. } => return Ok(()),
                TxStatus::Rejected { code } => return Err(code.into()),
                TxStatus::Pending if Instant::now() > until => {
                    return Err("not committed in a minute".into());
                }
                TxStatus::Pending => thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    /// Bytes of all blocks, and of all payloads that they commit to.
    pub fn bytes(&self) -> Outcome<u64> {
        let (mut bytes, mut height) = (0, Height(0));
        while let Some(block) = self.store.block(height)? {
            bytes += block.encode().len() as u64;
            for transaction in &block.transactions {
                let opened = transaction
                    .open()
                    .map_err(|fault| fault.reason.to_string())?;
                let payloads = opened
                    .entries()
                    .iter()
                    .filter_map(|entry| entry.entry.payload());
                bytes += payloads.map(|payload| u64::from(payload.size)).sum::<u64>();
            }
            height = height.next();
        }
        Ok(bytes)
    }

    /// Goes away.
    pub fn leave(self) {
        drop((self.channel, self.network));
    }
}

// SPDX-License-Identifier: Apache-2.0
//! Members of a channel in one process, each with a store, a network thread and loopback connections of
//! its own.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use silsila_chain::{
    Action, Admission, Block, Change, Claim, Contract, CustodianKey, Endorsed, Entry, Founder,
    Genesis, Height, Identity, Limits, MemberChange, MemberKey, Op, Policy, Question, Reason, TxId,
};
use silsila_engine::{
    ChannelHandle, ChannelStatus, EngineError, Network, NetworkOptions, Patience, Peer, StoreLedger,
};
use silsila_store::seal::SealingKey;
use silsila_store::{Draft, NoIndex, Payload, Store, StoreError, StoreOptions, TxStatus};
use tempfile::TempDir;
use zeroize::Zeroizing;

/// Less than in earnest, so that tests are quick.
const PATIENCE: Patience = Patience {
    leader: Duration::from_secs(1),
    votes: Duration::from_secs(2),
    silence: Duration::from_secs(6),
    idle: Duration::from_secs(600),
};
/// How long a test waits for what must happen.
const BOUND: Duration = Duration::from_secs(60);

/// Permits everything but to append notes.
#[derive(Debug)]
pub struct ForbidsNotes;

impl Policy for ForbidsNotes {
    fn certificate(&self, _: &Claim<'_>) -> Result<(), Reason> {
        Ok(())
    }

    fn contract(&self, _: &Contract) -> Result<(), Reason> {
        Ok(())
    }

    fn permits(&self, question: &Question<'_>) -> Result<(), Reason> {
        match question.action {
            Action::Append { kind: "Note", .. } => Err(Reason::NotPermitted),
            _ => Ok(()),
        }
    }
}

/// One gateway: keys, folder and address.
pub struct Node {
    number: u8,
    pub address: SocketAddr,
    folder: TempDir,
}

/// A gateway that runs.
pub struct Running {
    pub store: Store,
    pub channel: ChannelHandle,
    pub network: Arc<Network>,
}

/// Gateways numbered from 1.
pub fn nodes(count: u8) -> Vec<Node> {
    let taken: Vec<TcpListener> = (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    (1..)
        .zip(&taken)
        .map(|(number, listener)| Node {
            number,
            address: listener.local_addr().unwrap(),
            folder: tempfile::tempdir().unwrap(),
        })
        .collect()
}

/// The genesis of a channel of these gateways, of which the first `validators` validate.
pub fn found(name: &str, members: &[&Node], validators: usize) -> Genesis {
    let mut founders: Vec<Founder> = members.iter().map(|node| node.founder()).collect();
    founders.sort_by_key(|founder| founder.identity);
    let mut voting: Vec<Identity> = members[..validators]
        .iter()
        .map(|node| node.identity())
        .collect();
    voting.sort();
    Genesis {
        network: [4; 32],
        members: founders,
        validators: voting,
        root: vec![5],
        contract: Contract {
            policies: "permit (principal, action, resource);".to_owned(),
            limits: Limits::default(),
        },
        ..Genesis::lone(
            members[0].key().public(),
            name.to_owned(),
            [2; 16],
            1_600_000_000_000,
        )
    }
}

/// Starts all of these gateways on one channel, of which the first `validators` validate.
pub fn share(nodes: &[Node], validators: usize) -> (Vec<&Node>, Genesis, Vec<Running>) {
    let all: Vec<&Node> = nodes.iter().collect();
    let genesis = found("shared", &all, validators);
    let running = nodes.iter().map(|node| node.run(&genesis, &all)).collect();
    (all, genesis, running)
}

/// Revokes a gateway whose standing nobody has changed yet.
pub fn revocation(of: &Node) -> Entry {
    let proposal = MemberChange {
        subject: of.identity(),
        revision: 2,
        until: Height(1_000),
        change: Change::Revoke { reason: 1 },
    };
    Entry::Member(Box::new(Endorsed::new(proposal, Vec::new())))
}

impl Node {
    pub fn seed(&self) -> [u8; 32] {
        [self.number; 32]
    }

    pub fn key(&self) -> MemberKey {
        MemberKey::from_seed(&self.seed())
    }

    pub fn identity(&self) -> Identity {
        Identity::ed25519(self.key().public())
    }

    fn sealing_key(&self) -> SealingKey {
        SealingKey::from_seed(&[self.number + 100; 32])
    }

    fn founder(&self) -> Founder {
        Founder {
            identity: self.identity(),
            admission: Admission {
                sealing_key: self.sealing_key().public().0,
                organization: format!("hospital {}", self.number),
                role: "hospital".to_owned(),
                certificate: vec![self.number],
                not_after_ms: u64::MAX,
            },
        }
    }

    pub fn file(&self, genesis: &Genesis) -> PathBuf {
        self.folder.path().join(format!("{}.sqlite", genesis.id()))
    }

    pub fn engine_folder(&self) -> PathBuf {
        self.folder.path().join("engine")
    }

    pub fn open(&self, genesis: &Genesis) -> Store {
        let custodian = CustodianKey::new([self.number + 50; 32]);
        let mut options = StoreOptions::new(self.file(genesis), self.key(), custodian);
        options.policy = Arc::new(ForbidsNotes);
        options.genesis = Some(genesis.clone());
        options.sealing_key = Some(self.sealing_key());
        Store::open(options, Box::new(NoIndex)).unwrap()
    }

    /// Connects to the other gateways.
    fn connect(&self, others: &[&Node], patience: Patience) -> Network {
        let peers = others.iter().map(|node| Peer {
            key: node.key().public(),
            address: Some(node.address.to_string()),
        });
        Network::start(NetworkOptions {
            seed: Zeroizing::new(self.seed()),
            network: [4; 32],
            listen: self.address,
            peers: peers.collect(),
            folder: self.engine_folder(),
            patience,
        })
        .unwrap()
    }

    /// Opens the ledger and takes part.
    pub fn run(&self, genesis: &Genesis, others: &[&Node]) -> Running {
        self.join(genesis, others).unwrap()
    }

    pub fn join(&self, genesis: &Genesis, others: &[&Node]) -> Result<Running, EngineError> {
        self.join_with(genesis, others, PATIENCE)
    }

    pub fn join_with(
        &self,
        genesis: &Genesis,
        others: &[&Node],
        patience: Patience,
    ) -> Result<Running, EngineError> {
        let (store, network) = (self.open(genesis), self.connect(others, patience));
        let ledger = StoreLedger::new(store.clone(), Arc::new(ForbidsNotes));
        let channel = network.join(Arc::new(ledger))?;
        Ok(Running {
            store,
            channel,
            network: Arc::new(network),
        })
    }
}

impl Running {
    /// A second channel over the network of `first`.
    pub fn beside(first: &Self, store: Store, channel: ChannelHandle) -> Self {
        Self {
            store,
            channel,
            network: Arc::clone(&first.network),
        }
    }

    pub fn height(&self) -> u64 {
        self.store.health().unwrap().height.0
    }

    pub fn status(&self) -> ChannelStatus {
        self.channel.status().expect("the channel runs")
    }

    /// Stages a version of one resource for each name.
    pub fn stage(&self, names: &[&str], content: &str) -> TxId {
        let drafts = names.iter().map(|name| draft(name, content)).collect();
        let staged = self.store.stage::<StoreError>(drafts, |_| Ok(())).unwrap();
        let id = staged.expect("there are drafts");
        self.store.submit(id).unwrap();
        self.channel.poke();
        id
    }

    /// Submits what is no record.
    pub fn propose(&self, entry: &Entry) -> TxId {
        let id = self.store.propose(entry).unwrap();
        self.store.submit(id).unwrap();
        self.channel.poke();
        id
    }

    /// Stages what the contract forbids.
    pub fn stage_note(&self) -> TxId {
        let note = Draft {
            kind: "Note".to_owned(),
            ..draft("note", "forbidden")
        };
        let staged = self
            .store
            .stage::<StoreError>(vec![note], |_| Ok(()))
            .unwrap();
        self.channel.poke();
        staged.expect("there is a draft")
    }

    pub fn status_of(&self, id: TxId) -> TxStatus {
        self.store.status(id).unwrap()
    }

    /// Waits until a transaction is decided, and gives its height.
    pub fn committed(&self, id: TxId) -> Height {
        wait("a transaction is decided", || match self.status_of(id) {
            TxStatus::Committed { height } => Some(height),
            TxStatus::Pending => None,
            TxStatus::Rejected { code } => panic!("rejected: {code}"),
        })
    }

    /// Waits until every payload that the ledger's entries commit to is here.
    pub fn has_all_payloads(&self) {
        wait("all payloads are here", || {
            let missing = self.store.missing_payloads(0, 1).unwrap();
            missing.is_empty().then_some(())
        });
        let entries = self.store.health().unwrap().entries;
        let here = |seq: &u64| matches!(self.store.payload(*seq), Ok(Some(_)));
        assert_eq!((0..entries).filter(here).count() as u64, entries);
    }

    pub fn headers(&self) -> Vec<Vec<u8>> {
        let block = |height| self.store.block(Height(height)).unwrap();
        (0..=self.height())
            .map(|height| block(height).map(|block: Block| block.header).unwrap())
            .collect()
    }
}

pub fn draft(name: &str, content: &str) -> Draft {
    let body = format!(r#"{{"resourceType":"Patient","id":"{name}","text":"{content}"}}"#);
    Draft {
        op: Op::Put,
        resource: format!("Patient/{name}"),
        subject: format!("Patient/{name}"),
        kind: "Patient".to_owned(),
        label_class: 0,
        payload: Some(Payload {
            body: body.into_bytes(),
            mapping: "patient".to_owned(),
            mapping_digest: [3; 32],
        }),
    }
}

/// How many bytes lie in a folder.
pub fn bytes_of(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => bytes_of(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

/// Polls until something is there.
pub fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + BOUND;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "in {BOUND:?}: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Stops at once, as far as a thread can: nothing is flushed or said good-bye to.
pub fn kill(running: Running) {
    let Running {
        store,
        channel,
        network,
    } = running;
    drop((channel, network));
    drop(store);
}

/// All must have the same blocks up to a height.
pub fn one_history<'r>(running: impl IntoIterator<Item = &'r Running>, height: u64) {
    let mut headers = running.into_iter().map(|one| {
        let mut headers = one.headers();
        headers.truncate(height as usize + 1);
        headers
    });
    let first = headers.next().expect("somebody runs");
    assert_eq!(first.len() as u64, height + 1);
    for other in headers {
        assert_eq!(other, first);
    }
}

/// Waits until all have a height.
pub fn level<'r>(running: impl IntoIterator<Item = &'r Running>, height: u64) {
    for one in running {
        wait(&format!("height {height}"), || {
            (one.height() >= height).then_some(())
        });
    }
}

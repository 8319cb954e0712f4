// SPDX-License-Identifier: Apache-2.0
//! A small channel, and what a gateway exports of it.

use silsila_chain::cbor::Writer;
use silsila_chain::merkle::{Hash, inclusion_path};
use silsila_chain::{
    AsCertified, Block, BlockHeader, Bundle, Certificate, Certified, ChainState, Checkpoint,
    Conflict, CustodianKey, Entry, EntryHash, Evidence, Genesis, Height, MemberKey, MemoryHeads,
    Op, PayloadCommitment, PayloadDigest, QuorumCertificate, Receipt, Record, SignedCheckpoint,
    Suite, Transaction, sha256,
};

use crate::showing;

/// A payload of suite 0: its first byte says so.
pub const PAYLOAD: &[u8] = b"\0a body that only the hospital can read";

pub struct Sample {
    pub genesis: Genesis,
    pub blocks: Vec<Block>,
}

pub fn key() -> MemberKey {
    MemberKey::from_seed(&[1; 32])
}

fn record(genesis: &Genesis, name: &str) -> Record {
    // Entries with one payload would let a file name either.
    let payload: &[u8] = if name.starts_with('a') {
        PAYLOAD
    } else {
        b"\0another"
    };
    let keys = CustodianKey::new([3; 32]).on(&genesis.id());
    Record {
        op: Op::Put,
        resource_tag: keys.resource_tag(name),
        subject_tag: keys.subject_tag("Patient/a"),
        kind: "Observation".to_owned(),
        label_class: 0,
        version: 1,
        previous: None,
        key_period: 0,
        event_id: keys.event_id(&keys.resource_tag(name), None, Some(&[7; 32])),
        payload: Some(PayloadCommitment {
            suite: Suite::CLEAR,
            digest: PayloadDigest(sha256(payload)),
            size: u32::try_from(payload.len()).expect("short"),
        }),
    }
}

fn transaction(genesis: &Genesis, sequence: u64, records: &[Record]) -> Transaction {
    let mut writer = Writer::new();
    let mut hashes: Vec<EntryHash> = Vec::new();
    for record in records {
        let entry = Entry::Record(record.clone());
        hashes.push(Entry::hash(&entry.encode()));
        entry.write(&mut writer);
    }
    let (channel, entries) = (genesis.id(), writer.into_bytes());
    Transaction::sign(&key(), channel, sequence, Height(1000), entries, &hashes)
}

/// A channel of `count` blocks with two entries each.
pub fn sample(count: u64) -> Sample {
    let name = "Mirpurkhas \u{1b}[31m".to_owned();
    let genesis = Genesis::lone(key().public(), name, [2; 16], 1_700_000_000_000);
    let (mut state, mut heads) = (ChainState::at_genesis(&genesis), MemoryHeads::default());
    let mut blocks = Vec::new();
    for number in 1..=count {
        let records = ["a", "b"].map(|part| record(&genesis, &format!("{part}{number}")));
        let transactions = vec![transaction(&genesis, number, &records)];
        let ids: Vec<_> = transactions.iter().map(Transaction::id).collect();
        let header = state.next_header(state.time_ms() + 10, &ids).encode();
        let certificate = Certificate::lone(&key(), &BlockHeader::hash(&header)).encode();
        let block = Block {
            header,
            certificate,
            transactions,
        };
        let verified = state
            .verify_block(&block, &AsCertified, &mut heads)
            .expect("the sample follows the rules");
        heads.extend(verified.accepted.heads);
        state = verified.accepted.after;
        blocks.push(block);
    }
    Sample { genesis, blocks }
}

impl Sample {
    pub fn headers(&self) -> Vec<Hash> {
        showing::headers(&self.genesis, &self.blocks)
    }

    /// The bundle of the first entry of block 1, up to the last block.
    pub fn bundle(&self) -> Bundle {
        Bundle {
            proof: showing::proof(&self.genesis, &self.blocks, (1, 0, 0)),
            payload: Some(PAYLOAD.to_vec()),
        }
    }

    /// The whole chain, with the payload of every second entry.
    pub fn export(&self) -> Vec<u8> {
        let payloads: Vec<(u64, &[u8])> = (0..self.blocks.len() as u64)
            .map(|number| (number * 2, PAYLOAD))
            .collect();
        showing::file(&showing::frames(&self.genesis, &self.blocks, &payloads))
    }

    /// A checkpoint of the first `size` headers.
    pub fn checkpoint(&self, size: usize) -> SignedCheckpoint {
        let headers = self.headers();
        Checkpoint {
            channel: self.genesis.id(),
            size: size as u64,
            root: silsila_chain::merkle::root(headers[..size].iter().copied()),
        }
        .sign(&key())
    }

    /// A receipt for block 1.
    pub fn receipt(&self) -> Receipt {
        let (headers, header) = (self.headers(), &self.blocks[0].header);
        let size = headers.len() as u64;
        let Ok(path) = inclusion_path(&headers[..], 1, size);
        Receipt::sign(&key(), header, Height(1), size, path).expect("a path that leads to a root")
    }

    /// Evidence that the validator certified another block 1.
    pub fn evidence(&self) -> Evidence {
        let block = &self.blocks[0];
        let mut header = BlockHeader::decode(&block.header).expect("of the sample");
        header.time_ms += 1;
        let header = header.encode();
        let certificate = Certificate::lone(&key(), &BlockHeader::hash(&header)).encode();
        let first = Certified {
            header: block.header.clone(),
            certificate: block.certificate.clone(),
        };
        let second = Certified {
            header,
            certificate,
        };
        Evidence {
            genesis: self.genesis.encode(),
            handovers: Vec::new(),
            admissions: Vec::new(),
            conflict: Conflict::Certificates { first, second },
        }
    }
}

/// One good object of each format that strangers send, by the name of its fuzz target.
pub fn good() -> [(&'static str, Vec<u8>); 12] {
    let sample = sample(2);
    let block = &sample.blocks[0];
    let quorum = QuorumCertificate {
        epoch: 0,
        view: 300,
        parent: 299,
        block: BlockHeader::hash(&block.header),
        validators: 4,
        signers: vec![0, 1, 3],
        signatures: vec![block.transactions[0].signature; 3],
    };
    let links = vec![sample.blocks[1].header.clone()];
    let certificate = Certificate::Quorum {
        finalization: quorum.clone(),
        links,
    };
    [
        ("cbor", block.transactions[0].entries.clone()),
        ("entry", sample.bundle().proof.entry),
        ("transaction", block.transactions[0].entries.clone()),
        ("block", block.encode()),
        ("genesis", sample.genesis.encode()),
        ("certificate", certificate.encode()),
        ("quorum", quorum.encode()),
        ("bundle", sample.bundle().encode()),
        ("receipt", sample.receipt().encode()),
        ("checkpoint", sample.checkpoint(2).encode().into_bytes()),
        ("evidence", sample.evidence().encode()),
        ("export", sample.export()),
    ]
}

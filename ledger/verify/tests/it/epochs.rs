// SPDX-License-Identifier: Apache-2.0
//! A channel whose orderer changes, as an auditor gets it: the first member orders up to block 17, the
//! second from block 18 on, a third joins in block 19 and signs a checkpoint.

use silsila_chain::cbor::Writer;
use silsila_chain::merkle::{Hash, root};
use silsila_chain::{
    Admission, AsCertified, Block, BlockHeader, Bundle, Certificate, Certified, ChainState, Change,
    Checkpoint, Conflict, Contract, EPOCH_NOTICE, Endorsed, Entry, EpochChange, Evidence, Founder,
    Genesis, Handover, Height, Identity, Limits, MemberChange, MemberKey, MemoryHeads, Proof,
    Transaction,
};
use silsila_verify::{verify_bundle, verify_chain, verify_evidence};

use crate::mutations::Good;
use crate::showing;

fn key(n: u8) -> MemberKey {
    MemberKey::from_seed(&[n; 32])
}

fn identity(n: u8) -> Identity {
    Identity::ed25519(key(n).public())
}

fn admission(n: u8) -> Admission {
    Admission {
        sealing_key: [n; 32],
        organization: format!("Hospital {n}"),
        role: "hospital".to_owned(),
        certificate: Vec::new(),
        not_after_ms: u64::MAX,
    }
}

fn genesis() -> Genesis {
    let mut members: Vec<Founder> = (1..=2)
        .map(|n| Founder {
            identity: identity(n),
            admission: admission(n),
        })
        .collect();
    members.sort_by_key(|founder| founder.identity);
    Genesis {
        members,
        contract: Contract {
            policies: "permit (principal, action, resource);".to_owned(),
            limits: Limits::default(),
        },
        ..Genesis::lone(
            key(1).public(),
            "handed over".to_owned(),
            [2; 16],
            1_700_000_000_000,
        )
    }
}

fn transaction(by: u8, sequence: u64, entry: &Entry) -> Transaction {
    let mut writer = Writer::new();
    entry.write(&mut writer);
    let hash = Entry::hash(&entry.encode());
    let (channel, entries) = (genesis().id(), writer.into_bytes());
    Transaction::sign(&key(by), channel, sequence, Height(1000), entries, &[hash])
}

struct Handed {
    blocks: Vec<Block>,
}

const BOUNDARY: u64 = 1 + EPOCH_NOTICE;
const JOINED: u64 = BOUNDARY + 2;

fn certified(state: &ChainState, by: u8, transactions: Vec<Transaction>) -> Block {
    let ids: Vec<_> = transactions.iter().map(Transaction::id).collect();
    let header = state.next_header(state.time_ms() + 10, &ids).encode();
    Block {
        certificate: Certificate::lone(&key(by), &BlockHeader::hash(&header)).encode(),
        header,
        transactions,
    }
}

fn handed() -> Handed {
    let mut state = ChainState::at_genesis(&genesis());
    let change = EpochChange::new(1, Height(1000), vec![identity(2)]);
    let change = Entry::Epoch(Box::new(Endorsed::new(change, Vec::new())));
    let joins = MemberChange {
        subject: identity(3),
        revision: 1,
        until: Height(1000),
        change: Change::Admit(admission(3)),
    };
    let joins = Entry::Member(Box::new(Endorsed::new(joins, Vec::new())));
    let mut blocks = Vec::new();
    for height in 1..=JOINED + 1 {
        let transactions = match height {
            1 => vec![transaction(1, 1, &change)],
            JOINED => vec![transaction(2, 1, &joins)],
            _ => Vec::new(),
        };
        let by = if height <= BOUNDARY { 1 } else { 2 };
        let block = certified(&state, by, transactions);
        let verified = state
            .verify_block(&block, &AsCertified, &mut MemoryHeads::default())
            .expect("the sample follows the rules");
        state = verified.accepted.after;
        blocks.push(block);
    }
    Handed { blocks }
}

impl Handed {
    fn headers(&self) -> Vec<Hash> {
        showing::headers(&genesis(), &self.blocks)
    }

    fn block(&self, height: u64) -> &Block {
        &self.blocks[usize::try_from(height - 1).expect("small")]
    }

    fn handover(&self) -> Handover {
        let block = self.block(BOUNDARY);
        Handover {
            header: block.header.clone(),
            certificate: block.certificate.clone(),
            validators: vec![identity(2)],
        }
    }

    fn bundle(&self, height: u64) -> Bundle {
        let height = usize::try_from(height).expect("small");
        Bundle {
            proof: Proof {
                handovers: vec![self.handover()],
                ..showing::proof(&genesis(), &self.blocks, (height, 0, 0))
            },
            payload: None,
        }
    }

    /// Evidence that shows the boundary and the admission.
    fn evidence(&self, conflict: Conflict) -> Evidence {
        Evidence {
            genesis: genesis().encode(),
            handovers: vec![self.handover()],
            admissions: vec![self.bundle(JOINED)],
            conflict,
        }
    }

    fn export(&self) -> Vec<u8> {
        showing::file(&showing::frames(&genesis(), &self.blocks, &[]))
    }
}

/// Two checkpoints of whoever joined.
fn checkpoints() -> Conflict {
    let own = Checkpoint {
        channel: genesis().id(),
        size: 5,
        root: [1; 32],
    };
    let other = Checkpoint {
        root: [2; 32],
        ..own
    };
    Conflict::Checkpoints {
        first: own.sign(&key(3)),
        second: other.sign(&key(3)),
    }
}

/// The formats that lead over a boundary, by the name of their fuzz target.
pub fn good() -> [Good; 3] {
    let handed = handed();
    [
        ("bundle", handed.bundle(JOINED).encode()),
        ("evidence", handed.evidence(checkpoints()).encode()),
        ("export", handed.export()),
    ]
}

fn chain(export: &[u8], checkpoints: &[Vec<u8>]) -> Result<String, String> {
    let id = genesis().id();
    verify_chain(&mut &export[..], "it", &id, checkpoints, &mut |_| ())
        .map(|report| report.json())
        .map_err(|fault| fault.to_string())
}

#[test]
fn a_bundle_of_either_epoch_is_true_and_says_which() {
    let handed = handed();
    for (height, epoch) in [(1, 0), (JOINED, 1)] {
        let bytes = handed.bundle(height).encode();
        let verified = verify_bundle(&bytes, &genesis().id()).expect("it is true");
        let json: serde_json::Value =
            serde_json::from_str(&verified.report.json()).expect("it is JSON");
        assert_eq!(json["epoch"], epoch);
        assert_eq!(json["latest_height"], JOINED + 1);
    }
}

#[test]
fn a_boundary_that_is_left_out_or_that_the_new_orderer_signs_makes_a_bundle_false() {
    let handed = handed();
    let refused = |bundle: &Bundle| verify_bundle(&bundle.encode(), &genesis().id()).is_err();
    let mut without = handed.bundle(JOINED);
    without.proof.handovers.clear();
    assert!(refused(&without));
    let mut usurped = handed.bundle(JOINED);
    let header = usurped.proof.handovers[0].header.clone();
    usurped.proof.handovers[0].certificate =
        Certificate::lone(&key(2), &BlockHeader::hash(&header)).encode();
    assert!(refused(&usurped));
    let mut late = handed.bundle(JOINED);
    let hash = BlockHeader::hash(&late.proof.header);
    late.proof.certificate = Certificate::lone(&key(1), &hash).encode();
    assert!(refused(&late), "the old orderer behind its boundary");
}

#[test]
fn an_exported_chain_is_followed_over_the_boundary_and_names_who_orders_now() {
    let handed = handed();
    let (headers, id) = (handed.headers(), genesis().id());
    let signed = Checkpoint {
        channel: id,
        size: headers.len() as u64,
        root: root(headers.iter().copied()),
    }
    .sign(&key(3));
    let checkpoint = signed.encode().into_bytes();
    let json = chain(&handed.export(), &[checkpoint]).expect("the chain holds");
    let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(json["epoch"], 1);
    assert_eq!(json["validators"][0], key(2).public().to_string());
    assert_eq!(
        json["checkpoints_of_members"][0],
        key(3).public().to_string(),
        "whoever joined later counts"
    );
    let mut usurped = handed;
    let last = usurped.blocks.last_mut().expect("some");
    last.certificate = Certificate::lone(&key(1), &BlockHeader::hash(&last.header)).encode();
    assert!(chain(&usurped.export(), &[]).is_err());
}

#[test]
fn evidence_names_the_second_orderer_and_a_signer_who_joined() {
    let handed = handed();
    let block = handed.block(BOUNDARY + 1);
    let mut header = BlockHeader::decode(&block.header).expect("of the sample");
    header.time_ms += 1;
    let header = header.encode();
    let conflict = Conflict::Certificates {
        first: Certified {
            header: block.header.clone(),
            certificate: block.certificate.clone(),
        },
        second: Certified {
            certificate: Certificate::lone(&key(2), &BlockHeader::hash(&header)).encode(),
            header,
        },
    };
    for (conflict, culprit) in [(conflict, 2), (checkpoints(), 3)] {
        let bytes = handed.evidence(conflict).encode();
        let report = verify_evidence(&bytes, &genesis().id()).expect("it shows a conflict");
        let json: serde_json::Value = serde_json::from_str(&report.json()).expect("it is JSON");
        assert_eq!(json["signed_both"][0], key(culprit).public().to_string());
    }
}

// SPDX-License-Identifier: Apache-2.0
//! A transaction that others should order has a definite end: committed, or refused once its last block
//! is there.

use std::sync::Arc;

use silsila_store::chain::{
    Admission, AsCertified, Block, BlockHeader, Certificate, ChainState, Change, Contract,
    CustodianKey, Endorsed, Entry, Founder, Genesis, Height, Identity, Limits, MemberChange,
    MemberKey, MemoryHeads, Transaction,
};
use silsila_store::{Store, StoreError, StoreOptions, TestClock, TxStatus};
use tempfile::TempDir;

use crate::harness::{Bodies, put, stage};

const HORIZON: u64 = 6;

/// A member whose blocks somebody else orders.
struct Bed {
    folder: TempDir,
    genesis: Genesis,
    orderer: MemberKey,
    chain: ChainState,
    heads: MemoryHeads,
}

impl Bed {
    fn new() -> Self {
        let (member, orderer) = (
            MemberKey::from_seed(&[1; 32]),
            MemberKey::from_seed(&[9; 32]),
        );
        let admission = Admission {
            sealing_key: [3; 32],
            organization: "Karachi".to_owned(),
            role: "hospital".to_owned(),
            certificate: Vec::new(),
            not_after_ms: u64::MAX,
        };
        let genesis = Genesis {
            members: vec![Founder {
                identity: Identity::ed25519(member.public()),
                admission,
            }],
            contract: Contract {
                policies: "permit (principal, action, resource);".to_owned(),
                limits: Limits {
                    horizon: HORIZON,
                    ..Limits::default()
                },
            },
            ..Genesis::lone(
                orderer.public(),
                "shared".to_owned(),
                [2; 16],
                1_600_000_000_000,
            )
        };
        Self {
            folder: tempfile::tempdir().unwrap(),
            chain: ChainState::at_genesis(&genesis),
            heads: MemoryHeads::default(),
            genesis,
            orderer,
        }
    }

    fn open(&self) -> Store {
        let (member, custodian) = (MemberKey::from_seed(&[1; 32]), CustodianKey::new([2; 32]));
        let path = self.folder.path().join("ledger.sqlite");
        let mut options = StoreOptions::new(path, member, custodian);
        options.clock = Arc::new(TestClock::at(1_700_000_000_000));
        options.policy = Arc::new(AsCertified);
        options.genesis = Some(self.genesis.clone());
        Store::open(options, Box::new(Bodies)).unwrap()
    }

    /// The orderer's next block.
    fn block(&mut self, transactions: Vec<Transaction>) -> Block {
        let ids: Vec<_> = transactions.iter().map(Transaction::id).collect();
        let header = self.chain.next_header(0, &ids).encode();
        let certificate = Certificate::lone(&self.orderer, &BlockHeader::hash(&header)).encode();
        let block = Block {
            header,
            certificate,
            transactions,
        };
        let verified = self
            .chain
            .verify_block(&block, &AsCertified, &mut self.heads);
        let accepted = verified.unwrap().accepted;
        self.heads.extend(accepted.heads);
        self.chain = accepted.after;
        block
    }
}

#[test]
fn a_shared_channel_is_not_begun_without_somebody_to_judge_its_contract() {
    let bed = Bed::new();
    let (member, custodian) = (MemberKey::from_seed(&[1; 32]), CustodianKey::new([2; 32]));
    let path = bed.folder.path().join("ledger.sqlite");
    let mut options = StoreOptions::new(path, member, custodian);
    options.genesis = Some(bed.genesis.clone());
    let refused = Store::open(options, Box::new(Bodies));
    let error = refused.map(|_| ()).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
}

#[test]
fn what_others_never_ordered_is_refused_when_its_last_block_is_there_and_not_before() {
    let mut bed = Bed::new();
    let store = bed.open();
    let id = stage(&store, vec![put("a", 1)]);
    assert_eq!(store.submit(id).unwrap(), TxStatus::Pending);
    for _ in 1..HORIZON {
        store.apply(&bed.block(Vec::new()), Vec::new()).unwrap();
        assert_eq!(store.status(id).unwrap(), TxStatus::Pending);
    }
    store.apply(&bed.block(Vec::new()), Vec::new()).unwrap();
    let expired = TxStatus::Rejected {
        code: "EXPIRED".to_owned(),
    };
    assert_eq!(store.status(id).unwrap(), expired);
    assert_eq!(
        store.submit(id).unwrap(),
        expired,
        "a retry has the same answer"
    );
    assert_eq!(store.pending().unwrap(), []);
    drop(store);
    let store = bed.open();
    assert_eq!(store.status(id).unwrap(), expired);
    let again = stage(&store, vec![put("a", 1)]);
    assert_ne!(again, id, "the drafts can be staged anew");
    assert_eq!(store.status(again).unwrap(), TxStatus::Pending);
}

#[test]
fn a_change_of_members_goes_through_the_outbox_onto_the_chain() {
    let mut bed = Bed::new();
    let store = bed.open();
    let joining = Identity::ed25519(MemberKey::from_seed(&[4; 32]).public());
    let admission = bed.genesis.members[0].admission.clone();
    let proposal = MemberChange {
        subject: joining,
        revision: 1,
        until: Height(3),
        change: Change::Admit(admission),
    };
    let entry = Entry::Member(Box::new(Endorsed::new(proposal, Vec::new())));
    let id = store.propose(&entry).unwrap();
    let (transaction, _) = store.staged(id).unwrap().unwrap();
    store
        .apply(&bed.block(vec![transaction]), Vec::new())
        .unwrap();
    let committed = TxStatus::Committed { height: Height(1) };
    assert_eq!(store.status(id).unwrap(), committed);
    assert!(store.chain().unwrap().members().get(&joining).is_some());
    drop(store);
    let store = bed.open();
    assert!(store.chain().unwrap().members().get(&joining).is_some());
    let report = store.verify(&mut |_| ()).unwrap();
    assert_eq!(
        (report.entries, report.faults.len()),
        (1, 0),
        "{:?}",
        report.faults
    );
    let record = Entry::Grant(silsila_store::chain::Grant {
        subject_tag: silsila_store::chain::Tag([1; 16]),
        label_class: 0,
        key_period: 1,
        event_id: silsila_store::chain::EventId([1; 16]),
        recipients: vec![joining],
        payload: silsila_store::chain::PayloadCommitment {
            suite: silsila_store::chain::Suite::ENVELOPES,
            digest: silsila_store::chain::PayloadDigest([1; 32]),
            size: 1,
        },
    });
    assert!(matches!(
        store.propose(&record),
        Err(StoreError::Draft { .. })
    ));
}

// SPDX-License-Identifier: Apache-2.0
//! Several epochs: who certifies which block, and what shows it to whoever has no chain.

use ed25519_dalek::{Signer, SigningKey};
use silsila_chain::merkle::{Hash, inclusion_path};
use silsila_chain::{
    Admission, AsCertified, Block, BlockHash, BlockHeader, Bundle, Certificate, Certified,
    ChainState, Change, Conflict, EPOCH_NOTICE, Endorsed, Entry, EpochChange, Epochs, Evidence,
    EvidenceFault, Founder, Genesis, Handover, Height, Identity, Later, MemberChange, MemberKey,
    MemoryHeads, Proof, ProofFault, QuorumCertificate, Reason, Signature, Transaction, Validators,
    quorum_namespace,
};

use crate::sample::{entries_by, shared};

/// Member number `n`; the first four order at the beginning.
fn seed(n: u8) -> [u8; 32] {
    [n + 30; 32]
}

fn key(n: u8) -> MemberKey {
    MemberKey::from_seed(&seed(n))
}

fn identity(n: u8) -> Identity {
    Identity::ed25519(key(n).public())
}

fn sorted(numbers: &[u8]) -> Vec<Identity> {
    let mut identities: Vec<_> = numbers.iter().map(|n| identity(*n)).collect();
    identities.sort_unstable();
    identities
}

fn admission(n: u8) -> Admission {
    Admission {
        organization: format!("Hospital {n}"),
        ..shared().members[0].admission.clone()
    }
}

/// A channel with `members` members, those of `validators` ordering.
pub fn founding(members: u8, validators: &[u8]) -> Genesis {
    let mut founders: Vec<Founder> = (0..members)
        .map(|n| Founder {
            identity: identity(n),
            admission: admission(n),
        })
        .collect();
    founders.sort_by_key(|founder| founder.identity);
    Genesis {
        members: founders,
        validators: sorted(validators),
        ..shared()
    }
}

/// A chain that grows, certified by whoever is to.
pub struct Growing {
    pub genesis: Genesis,
    pub state: ChainState,
    pub blocks: Vec<Block>,
    numbers: Vec<u8>,
    sequence: u64,
}

impl Growing {
    pub fn of(members: u8, validators: &[u8]) -> Self {
        let genesis = founding(members, validators);
        Self {
            state: ChainState::at_genesis(&genesis),
            blocks: Vec::new(),
            numbers: (0..members.max(12)).collect(),
            sequence: 0,
            genesis,
        }
    }

    /// A certificate for a header by a quorum of these validators, in an epoch.
    pub fn certificate(&self, header: &[u8], validators: &[Identity], epoch: u64) -> Vec<u8> {
        let block = BlockHeader::hash(header);
        if let [only] = validators {
            return Certificate::lone(&self.key_of(only), &block).encode();
        }
        let finalization = self.finalization(block, validators, epoch);
        Certificate::Quorum {
            finalization,
            links: Vec::new(),
        }
        .encode()
    }

    fn finalization(
        &self,
        block: BlockHash,
        validators: &[Identity],
        epoch: u64,
    ) -> QuorumCertificate {
        let mut made = QuorumCertificate {
            epoch,
            view: 3,
            parent: 2,
            block,
            validators: validators.len(),
            signers: (0..silsila_chain::quorum(validators.len())).collect(),
            signatures: Vec::new(),
        };
        let mut message = [&quorum_namespace(&self.genesis.id())[..], b"_FINALIZE"].concat();
        message.insert(0, u8::try_from(message.len()).expect("short"));
        for number in [made.epoch, made.view, made.parent] {
            message.push(u8::try_from(number).expect("small"));
        }
        message.extend_from_slice(&block.0);
        for signer in &made.signers {
            let number = self.number_of(&validators[*signer]);
            let signed = SigningKey::from_bytes(&seed(number)).sign(&message);
            made.signatures.push(Signature(signed.to_bytes()));
        }
        made
    }

    fn number_of(&self, identity_: &Identity) -> u8 {
        let mut numbers = self.numbers.iter();
        *numbers
            .find(|n| identity(**n) == *identity_)
            .expect("one of the sample's")
    }

    fn key_of(&self, identity: &Identity) -> MemberKey {
        key(self.number_of(identity))
    }

    /// Signs entries as member `n`.
    pub fn transaction(&mut self, n: u8, entries: &[Entry]) -> Transaction {
        self.sequence += 1;
        let until = Height(self.state.height().0 + 100);
        entries_by(&key(n), &self.genesis, self.sequence, until, entries)
    }

    /// The next block, certified by whoever is to certify it.
    pub fn block(&self, transactions: Vec<Transaction>) -> Block {
        let ids: Vec<_> = transactions.iter().map(Transaction::id).collect();
        let header = self
            .state
            .next_header(self.state.time_ms() + 10, &ids)
            .encode();
        let validators = self.state.validators();
        Block {
            certificate: self.certificate(&header, validators.identities(), validators.epoch()),
            header,
            transactions,
        }
    }

    fn judge(&self, block: &Block) -> Result<ChainState, Reason> {
        let judged = self
            .state
            .verify_block(block, &AsCertified, &mut MemoryHeads::default());
        match judged {
            Ok(verified) => Ok(verified.accepted.after),
            Err(silsila_chain::Rejected::Fault(fault)) => Err(fault.reason),
            Err(silsila_chain::Rejected::Heads(never)) => match never {},
        }
    }

    pub fn push(&mut self, transactions: Vec<Transaction>) -> Result<(), Reason> {
        let block = self.block(transactions);
        self.state = self.judge(&block)?;
        self.blocks.push(block);
        Ok(())
    }

    pub fn put(&mut self, n: u8, entry: Entry) -> Result<(), Reason> {
        let transaction = self.transaction(n, &[entry]);
        self.push(vec![transaction])
    }

    pub fn run_to(&mut self, height: u64) {
        while self.state.height().0 < height {
            self.push(Vec::new())
                .expect("an empty block is always taken");
        }
    }

    fn headers(&self) -> Vec<Hash> {
        std::iter::once(self.genesis.header().encode())
            .chain(self.blocks.iter().map(|block| block.header.clone()))
            .map(|header| BlockHeader::hash(&header).0)
            .collect()
    }

    pub fn handovers(&self, last: u64) -> Vec<Handover> {
        let epochs = self.state.epochs().all().iter().skip(1);
        let epochs = epochs.filter(|epoch| epoch.first.0 - 1 <= last);
        epochs
            .map(|epoch| {
                let block = &self.blocks[usize::try_from(epoch.first.0 - 2).expect("small")];
                Handover {
                    header: block.header.clone(),
                    certificate: block.certificate.clone(),
                    validators: epoch.validators.identities().to_vec(),
                }
            })
            .collect()
    }

    /// The proof of the only entry of a block, up to the last block.
    pub fn proof(&self, height: u64) -> Proof {
        let at = usize::try_from(height - 1).expect("small");
        let (block, last) = (&self.blocks[at], self.blocks.last().expect("some"));
        let size = self.blocks.len() as u64;
        let transaction = &block.transactions[0];
        let path = inclusion_path(&self.headers()[..], height, size);
        let later = (height < size).then(|| Later {
            header: last.header.clone(),
            certificate: last.certificate.clone(),
            path: path.expect("no look-up fails"),
        });
        Proof {
            genesis: self.genesis.encode(),
            header: block.header.clone(),
            certificate: block.certificate.clone(),
            transaction: transaction.header.clone(),
            scheme: transaction.scheme,
            signature: transaction.signature,
            transaction_index: 0,
            transaction_count: 1,
            transaction_path: Vec::new(),
            entry: transaction.entries.clone(),
            entry_index: 0,
            entry_path: Vec::new(),
            later,
            handovers: self.handovers(size),
        }
    }
}

fn change(number: u64, validators: &[u8]) -> Entry {
    let proposal = EpochChange::new(
        number,
        Height(1000),
        validators.iter().map(|n| identity(*n)).collect(),
    );
    Entry::Epoch(Box::new(Endorsed::new(proposal, Vec::new())))
}

fn member(n: u8, revision: u64, change: Change) -> Entry {
    let proposal = MemberChange {
        subject: identity(n),
        revision,
        until: Height(1000),
        change,
    };
    Entry::Member(Box::new(Endorsed::new(proposal, Vec::new())))
}

fn revoked(n: u8) -> Entry {
    member(n, 2, Change::Revoke { reason: 1 })
}

/// Member 5 joins in block 1, takes the seat of member 3 in epoch 1, and of everybody in epoch 2.
pub fn three_epochs() -> Growing {
    let mut chain = Growing::of(5, &[0, 1, 2, 3]);
    chain
        .put(0, member(5, 1, Change::Admit(admission(5))))
        .expect("the rules permit it");
    chain
        .put(1, change(1, &[0, 1, 2, 5]))
        .expect("the rules permit it");
    chain.run_to(2 + EPOCH_NOTICE + 2);
    chain.put(2, change(2, &[5])).expect("the rules permit it");
    chain.run_to(21 + EPOCH_NOTICE + 2);
    chain.put(4, revoked(3)).expect("the rules permit it");
    chain.run_to(42);
    chain
}

#[test]
fn the_new_validators_certify_from_the_block_behind_the_boundary_on() {
    let mut chain = Growing::of(5, &[0, 1, 2, 3]);
    let (old, new) = (sorted(&[0, 1, 2, 3]), sorted(&[0, 1, 2, 4]));
    chain.put(0, change(1, &[0, 1, 2, 4])).unwrap();
    let boundary = 1 + EPOCH_NOTICE;
    let (at, next) = chain.state.epochs().next().unwrap();
    assert_eq!((at.0, next.identities()), (boundary, &new[..]));
    chain.run_to(boundary - 1);
    assert_eq!(chain.state.validators().identities(), old);
    let last = BlockHeader::decode(&chain.blocks.last().unwrap().header).unwrap();
    assert_eq!(last.next_validators, chain.genesis.validators_hash());

    let block = chain.block(Vec::new());
    let header = BlockHeader::decode(&block.header).unwrap();
    assert_ne!(header.next_validators, chain.genesis.validators_hash());
    let early = Block {
        certificate: chain.certificate(&block.header, &new, 1),
        ..block
    };
    assert_eq!(
        chain.judge(&early),
        Err(Reason::Certificate),
        "not theirs yet"
    );
    chain.run_to(boundary);
    assert_eq!(chain.state.validators().identities(), new);
    assert_eq!(chain.state.validators().epoch(), 1);
    assert_eq!(chain.state.epochs().next(), None);

    let block = chain.block(Vec::new());
    for (who, epoch) in [(&old, 0), (&old, 1), (&new, 0)] {
        let late = Block {
            certificate: chain.certificate(&block.header, who, epoch),
            ..block.clone()
        };
        assert_eq!(
            chain.judge(&late),
            Err(Reason::Certificate),
            "epoch {epoch}"
        );
    }
    assert!(chain.judge(&block).is_ok());
}

#[test]
fn sets_that_cannot_order_or_do_not_follow_are_refused() {
    let mut chain = Growing::of(6, &[0, 1, 2, 3]);
    let cases: [(&[u8], u64, Reason); 8] = [
        (&[0, 1], 1, Reason::ValidatorSet),
        (&[0, 1, 2], 1, Reason::ValidatorSet),
        (&[0, 1, 2, 3], 1, Reason::ValidatorSet),
        (&[0, 1, 2, 9], 1, Reason::Validator),
        (&[0, 1, 2, 5], 1, Reason::Validator),
        (&[0, 1, 2, 4], 0, Reason::EpochNumber),
        (&[0, 1, 2, 4], 2, Reason::EpochNumber),
        (&[0, 1, 2, 4], 1025, Reason::EpochNumber),
    ];
    chain.put(0, revoked(5)).unwrap();
    for (validators, number, reason) in cases {
        assert_eq!(
            chain.put(0, change(number, validators)),
            Err(reason),
            "{validators:?}"
        );
    }
    let twice = [change(1, &[0, 1, 2, 4]), change(1, &[0, 1, 3, 4])];
    let both = chain.transaction(0, &twice);
    assert_eq!(chain.push(vec![both]), Err(Reason::EpochPending));
    chain.put(0, change(1, &[4])).unwrap();
    chain.run_to(40);
    assert_eq!(chain.state.validators().identities(), sorted(&[4]));
    chain.put(0, change(2, &[0, 1, 2, 3])).unwrap();
    chain.run_to(80);
    assert_eq!(chain.state.validators().identities(), sorted(&[0, 1, 2, 3]));
}

#[test]
fn one_organization_has_one_seat() {
    let mut chain = Growing::of(5, &[0, 1, 2, 3]);
    chain
        .put(0, member(6, 1, Change::Admit(admission(0))))
        .unwrap();
    assert_eq!(
        chain.put(0, change(1, &[0, 1, 2, 6])),
        Err(Reason::Validator)
    );
    assert_eq!(chain.put(0, change(1, &[6, 1, 2, 3])), Ok(()));
}

#[test]
fn a_revoked_validator_loses_its_seat_by_itself_where_four_remain() {
    let mut chain = Growing::of(6, &[0, 1, 2, 3, 4]);
    chain.put(0, revoked(2)).unwrap();
    let (boundary, next) = chain.state.epochs().next().unwrap();
    assert_eq!(boundary, Height(1 + EPOCH_NOTICE));
    assert_eq!(next.identities(), sorted(&[0, 1, 3, 4]));
    // Meanwhile it votes on; and another's seat is looked at when the next epoch begins.
    chain.put(0, revoked(3)).unwrap();
    assert_eq!(chain.state.epochs().next().unwrap().0, boundary);
    chain.run_to(boundary.0 + 2);
    assert_eq!(chain.state.validators().identities(), sorted(&[0, 1, 3, 4]));
    assert_eq!(chain.state.epochs().next(), None, "three would remain");
    chain.put(0, change(2, &[0, 1, 4, 5])).unwrap();
    chain.run_to(50);
    assert_eq!(chain.state.validators().identities(), sorted(&[0, 1, 4, 5]));
}

#[test]
fn suspension_leaves_the_seat_and_a_lone_orderer_keeps_it_until_another_is_named() {
    let mut chain = Growing::of(5, &[0, 1, 2, 3, 4]);
    chain
        .put(0, member(2, 2, Change::Suspend { reason: 6 }))
        .unwrap();
    assert_eq!(chain.state.epochs().next(), None);
    let mut alone = Growing::of(3, &[0]);
    alone.put(1, revoked(0)).unwrap();
    assert_eq!(alone.state.epochs().next(), None);
    alone.put(1, change(1, &[2])).unwrap();
    alone.run_to(30);
    assert_eq!(alone.state.validators().identities(), sorted(&[2]));
}

#[test]
fn a_kept_state_knows_its_epochs() {
    let mut chain = three_epochs();
    assert_eq!(chain.state.epochs().all().len(), 3);
    let kept = ChainState::decode(&chain.genesis, &chain.state.encode()).unwrap();
    assert_eq!(kept, chain.state);
    chain.put(0, change(3, &[0, 1, 2, 4])).unwrap();
    let kept = ChainState::decode(&chain.genesis, &chain.state.encode()).unwrap();
    assert_eq!(kept, chain.state);
    assert_eq!(kept.state_root(), chain.state.state_root());
}

#[test]
fn state_roots_tell_epochs_apart_and_are_as_before_without_any() {
    let (mut with, mut without) = (Growing::of(5, &[0, 1, 2, 3]), Growing::of(5, &[0, 1, 2, 3]));
    let (one, other) = (change(1, &[0, 1, 2, 4]), change(1, &[0, 1, 3, 4]));
    let (root_with, root_without) = (with.state.state_root(), without.state.state_root());
    assert_eq!(root_with, root_without);
    with.put(0, one).unwrap();
    without.put(0, other).unwrap();
    assert_ne!(with.state.state_root(), without.state.state_root());
}

#[test]
fn a_proof_leads_over_every_boundary() {
    let chain = three_epochs();
    let id = chain.genesis.id();
    for height in [1, 2, 21, 40] {
        let proof = chain.proof(height);
        let proven = proof.verify(&id).unwrap();
        assert_eq!((proven.height.0, proven.latest.0), (height, 42));
        assert_eq!(Proof::decode(&proof.encode()), Ok(proof.clone()));
        let alone = proof.without_later();
        assert_eq!(
            alone.handovers.len(),
            [(1, 0), (2, 0), (21, 1), (40, 2)]
                .into_iter()
                .find(|(at, _)| *at == height)
                .unwrap()
                .1
        );
        assert_eq!(alone.verify(&id).unwrap().latest.0, height);
        assert_eq!(Proof::decode(&alone.encode()), Ok(alone));
    }
}

#[test]
fn a_forged_missing_or_swapped_boundary_proves_nothing() {
    let chain = three_epochs();
    let (id, good) = (chain.genesis.id(), chain.proof(40));
    let refused = |change: &dyn Fn(&mut Vec<Handover>)| {
        let mut proof = good.clone();
        change(&mut proof.handovers);
        proof.verify(&id).unwrap_err()
    };
    assert_eq!(refused(&|all| _ = all.remove(0)), ProofFault::Epochs);
    assert_eq!(refused(&|all| _ = all.remove(1)), ProofFault::Certificate);
    assert_eq!(refused(&Vec::clear), ProofFault::Certificate);
    assert_eq!(refused(&|all| all.swap(0, 1)), ProofFault::Epochs);
    assert_eq!(refused(&|all| all.push(all[1].clone())), ProofFault::Epochs);
    assert_eq!(
        refused(&|all| all[0].validators = sorted(&[0, 1, 2, 3])),
        ProofFault::Epochs
    );
    // Made by those who are to come: nobody who was trusted before named them.
    let forged = |all: &mut Vec<Handover>| {
        let (header, own) = (all[0].header.clone(), sorted(&[0, 1, 2, 5]));
        all[0].certificate = chain.certificate(&header, &own, 1);
    };
    assert_eq!(refused(&forged), ProofFault::Epochs);
    // A block in the middle of an epoch names no others.
    let middle = |all: &mut Vec<Handover>| {
        all[0].header = chain.blocks[4].header.clone();
        all[0].certificate = chain.blocks[4].certificate.clone();
    };
    assert_eq!(refused(&middle), ProofFault::Epochs);
}

#[test]
fn what_old_validators_sign_behind_their_boundary_proves_nothing() {
    let chain = three_epochs();
    let (id, old) = (chain.genesis.id(), sorted(&[0, 1, 2, 3]));
    let mut proof = chain.proof(21);
    for epoch in [0, 1] {
        proof.certificate = chain.certificate(&proof.header, &old, epoch);
        assert_eq!(proof.verify(&id), Err(ProofFault::Certificate));
    }
    let mut later = chain.proof(1);
    let last = later.later.as_mut().unwrap();
    last.certificate = chain.certificate(&last.header, &old, 0);
    assert_eq!(later.verify(&id), Err(ProofFault::Certificate));
    // Not even the rightful certificate helps without the boundary in between.
    let mut hidden = chain.proof(40).without_later();
    hidden.handovers.clear();
    assert_eq!(hidden.verify(&id), Err(ProofFault::Certificate));
}

#[test]
fn links_do_not_cross_a_boundary() {
    let chain = three_epochs();
    let boundary = usize::try_from(1 + EPOCH_NOTICE).unwrap();
    let header = |at: usize| chain.blocks[at].header.clone();
    let (old, validators) = (sorted(&[0, 1, 2, 3]), Validators::of(&chain.genesis));
    let certify = |from: usize, to: usize| {
        let last = BlockHeader::hash(&header(to));
        let certificate = Certificate::Quorum {
            finalization: chain.finalization(last, &old, 0),
            links: (from + 1..=to).map(header).collect(),
        };
        validators
            .certify(&header(from), &certificate.encode())
            .is_ok()
    };
    assert!(certify(boundary - 1, boundary), "up to the boundary");
    assert!(certify(boundary, boundary), "the boundary itself");
    assert!(!certify(boundary, boundary + 1), "from the boundary on");
    assert!(!certify(boundary - 1, boundary + 1), "over the boundary");
}

/// Two blocks of one height that the second epoch's validators certified, and who joined in block 1.
pub fn evidence_with_all() -> Evidence {
    let chain = three_epochs();
    let at = 25;
    let block = &chain.blocks[at - 1];
    let mut other = BlockHeader::decode(&block.header).expect("of the sample");
    other.time_ms += 1;
    let other = other.encode();
    let validators = sorted(&[0, 1, 2, 5]);
    Evidence {
        genesis: chain.genesis.encode(),
        handovers: chain.handovers(at as u64),
        admissions: vec![Bundle {
            proof: chain.proof(1),
            payload: None,
        }],
        conflict: Conflict::Certificates {
            first: Certified {
                header: block.header.clone(),
                certificate: block.certificate.clone(),
            },
            second: Certified {
                certificate: chain.certificate(&other, &validators, 1),
                header: other,
            },
        },
    }
}

#[test]
fn evidence_knows_later_validators_and_whoever_joined() {
    let (evidence, id) = (evidence_with_all(), founding(5, &[0, 1, 2, 3]).id());
    assert_eq!(Evidence::decode(&evidence.encode()), Ok(evidence.clone()));
    let shown = evidence.verify(&id).unwrap();
    assert_eq!((shown.height.0, shown.culprits.len()), (25, 3));
    let without = Evidence {
        handovers: Vec::new(),
        ..evidence
    };
    assert_eq!(without.verify(&id), Err(EvidenceFault::Certificate));
}

#[test]
fn a_checkpoint_of_whoever_joined_counts_with_the_proof_of_its_admission() {
    let mut chain = Growing::of(4, &[0, 1, 2, 3]);
    chain
        .put(0, member(9, 1, Change::Admit(admission(9))))
        .unwrap();
    chain.run_to(3);
    let own = silsila_chain::Checkpoint::of(&chain.state);
    let other = silsila_chain::Checkpoint {
        root: [7; 32],
        ..own
    };
    let admission = Bundle {
        proof: chain.proof(1),
        payload: None,
    };
    let evidence = |admissions: Vec<Bundle>| Evidence {
        genesis: chain.genesis.encode(),
        handovers: Vec::new(),
        admissions,
        conflict: Conflict::Checkpoints {
            first: own.sign(&key(9)),
            second: other.sign(&key(9)),
        },
    };
    let id = chain.genesis.id();
    assert_eq!(
        evidence(Vec::new()).verify(&id),
        Err(EvidenceFault::Stranger)
    );
    let with = evidence(vec![admission.clone()]);
    assert_eq!(Evidence::decode(&with.encode()), Ok(with.clone()));
    assert_eq!(with.verify(&id).unwrap().culprits, [key(9).public()]);
    let mut broken = admission;
    broken.proof.entry_index = 1;
    assert_eq!(
        evidence(vec![broken]).verify(&id),
        Err(EvidenceFault::Admission)
    );
}

#[test]
fn epochs_are_followed_as_the_chain_has_them() {
    let chain = three_epochs();
    let followed = Epochs::follow(&chain.genesis, &chain.handovers(42)).unwrap();
    assert_eq!(followed.all(), chain.state.epochs().all());
}

// SPDX-License-Identifier: Apache-2.0
//! What shows several epochs to whoever has no chain.

use silsila_chain::{
    BlockHeader, Bundle, Certificate, Certified, Change, Checkpoint, Conflict, EPOCH_NOTICE,
    Epochs, Evidence, EvidenceFault, Handover, Proof, ProofFault, Validators,
};

use crate::growing::{Growing, admission, founding, key, member, sorted, three_epochs};

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
    let own = Checkpoint::of(&chain.state);
    let other = Checkpoint {
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

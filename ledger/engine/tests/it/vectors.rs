// SPDX-License-Identifier: Apache-2.0
//! The conformance vectors by which `ledger/chain` reads certificates without Commonware: made here with
//! it, and each judged by both.

use bytes::Bytes;
use commonware_codec::{Decode as _, DecodeExt as _, Encode as _};
use commonware_consensus::simplex::types::{Finalization, Finalize, Proposal};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::Signer as _;
use commonware_cryptography::certificate::Verifier as _;
use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_cryptography::sha256::Digest;
use commonware_parallel::Sequential;
use commonware_utils::non_empty;
use commonware_utils::ordered::Set;
use silsila_chain::{BlockHash, ChannelId, Identity, QuorumCertificate};
use silsila_engine::{Finality, Scheme, scheme};

const VECTORS: &str = include_str!("../../../chain/tests/vectors/quorum.txt");
const CHANNEL: ChannelId = ChannelId([0xc4; 32]);
const BLOCK: BlockHash = BlockHash([0xb1; 32]);

/// Name, number of validators, who signs, epoch, view, view of the parent.
type Case = (&'static str, u8, Vec<usize>, (u64, u64, u64));

fn cases() -> Vec<Case> {
    let forty_one = (0..40).chain([59]).collect();
    vec![
        ("three-of-four", 4, vec![0, 2, 3], (0, 9, 8)),
        ("four-of-four", 4, vec![0, 1, 2, 3], (0, 127, 3)),
        (
            "five-of-seven",
            7,
            vec![0, 1, 4, 5, 6],
            (3, 1_000_000, 999_999),
        ),
        (
            "seven-of-nine",
            9,
            vec![1, 2, 3, 5, 6, 7, 8],
            (128, 300, 299),
        ),
        (
            "forty-one-of-sixty",
            60,
            forty_one,
            (u64::MAX, u64::MAX, u64::MAX - 1),
        ),
    ]
}

/// Validators whose keys have the seeds 1, 2, ... as bytes.
fn keys(count: u8) -> (Vec<PrivateKey>, Set<PublicKey>) {
    let key = |seed: u8| PrivateKey::decode(Bytes::from(vec![seed; 32])).expect("a seed");
    let mut keys: Vec<PrivateKey> = (1..=count).map(key).collect();
    keys.sort_by_key(PrivateKey::public_key);
    let set = Set::from_iter_dedup(keys.iter().map(PrivateKey::public_key));
    (keys, set)
}

fn make(case: &Case) -> Vec<u8> {
    let (_, count, signers, (epoch, view, parent)) = case;
    let (keys, set) = keys(*count);
    let round = Round::new(Epoch::new(*epoch), View::new(*view));
    let proposal = Proposal::new(round, View::new(*parent), Digest::from(BLOCK.0));
    let schemes: Vec<Scheme> = signers
        .iter()
        .map(|at| scheme(&CHANNEL, set.clone(), &keys[*at]))
        .collect();
    let votes: Vec<Finalize<Scheme, Digest>> = schemes
        .iter()
        .map(|scheme| Finalize::sign(scheme, proposal.clone()).expect("a validator"))
        .collect();
    let finality: Finality =
        Finalization::from_finalizes(&schemes[0], non_empty![@votes.iter()], &Sequential)
            .expect("a quorum");
    finality.encode().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn lines() -> impl Iterator<Item = Vec<&'static str>> {
    let lines = VECTORS.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split(' ').collect())
}

#[test]
fn the_vectors_are_what_commonware_makes_today() {
    for case in cases() {
        let (_, set) = keys(case.1);
        let validators: String = set.iter().map(|key| hex(&key.encode())).collect();
        let made = [
            case.0.to_owned(),
            CHANNEL.to_string(),
            BLOCK.to_string(),
            validators,
            hex(&make(&case)),
        ];
        let kept = lines().find(|line| line[0] == case.0).expect("in the file");
        assert_eq!(kept, made, "{}", case.0);
    }
    assert_eq!(
        lines().count(),
        cases().len() + 1,
        "and one that is cofactored"
    );
}

/// Also the one whose signature has a commitment of order eight, which a strict reader would refuse.
#[test]
fn commonware_and_the_chain_agree_on_every_vector_and_on_mutations_of_it() {
    for line in lines() {
        let count = u8::try_from(line[3].len() / 64).expect("few");
        let (keys, set) = keys(count);
        let judge = scheme(&CHANNEL, set.clone(), &keys[0]);
        let validators: Vec<Identity> = set
            .iter()
            .map(|key| {
                let bytes = key.encode().to_vec().try_into().expect("32 bytes");
                Identity::ed25519(silsila_chain::PublicKey(bytes))
            })
            .collect();
        let theirs = |bytes: &[u8]| {
            let config = judge.certificate_codec_config();
            Finality::decode_cfg(Bytes::copy_from_slice(bytes), &config).is_ok_and(|finality| {
                finality.proposal.payload == Digest::from(BLOCK.0)
                    && finality.verify(&mut commonware_utils::test_rng(), &judge, &Sequential)
            })
        };
        let ours = |bytes: &[u8]| {
            QuorumCertificate::decode(bytes)
                .is_ok_and(|read| read.verify(&CHANNEL, &BLOCK, &validators))
        };
        let digits: Vec<u8> = line[4].bytes().collect();
        let good: Vec<u8> = digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        assert!(theirs(&good) && ours(&good), "{}", line[0]);
        // Every byte of what stands before the signatures, and some of these.
        let before = good.len() - 64 * QuorumCertificate::decode(&good).unwrap().signers.len();
        for at in (0..before).chain((before..good.len()).step_by(31)) {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << (at % 8);
            assert_eq!(theirs(&bytes), ours(&bytes), "{}: byte {at}", line[0]);
        }
        assert_eq!(theirs(&good[1..]), ours(&good[1..]), "{}", line[0]);
    }
}

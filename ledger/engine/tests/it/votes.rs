// SPDX-License-Identifier: Apache-2.0
//! What a quorum signs can be checked with ed25519 and the drawing in the crate's docs alone.

use bytes::Bytes;
use commonware_codec::DecodeExt as _;
use commonware_codec::Encode;
use commonware_consensus::simplex::types::{Finalization, Finalize, Proposal};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::Signer as _;
use commonware_cryptography::ed25519::PrivateKey;
use commonware_cryptography::sha256::Digest;
use commonware_parallel::Sequential;
use commonware_utils::non_empty;
use commonware_utils::ordered::Set;
use ed25519_dalek::{Signature, VerifyingKey};
use silsila_chain::ChannelId;
use silsila_engine::{Finality, certificate, scheme};

const CHANNEL: ChannelId = ChannelId([7; 32]);
const BLOCK: [u8; 32] = [8; 32];

/// Validators with the seeds 1 to 4 as bytes, ascending by public key; all but the third of them sign.
fn finality() -> (Vec<[u8; 32]>, Finality) {
    let mut keys: Vec<PrivateKey> = (1..=4_u8)
        .map(|seed| PrivateKey::decode(Bytes::copy_from_slice(&[seed; 32])).unwrap())
        .collect();
    keys.sort_by_key(PrivateKey::public_key);
    let set = Set::from_iter_dedup(keys.iter().map(PrivateKey::public_key));
    let proposal = Proposal::new(
        Round::new(Epoch::new(0), View::new(300)),
        View::new(299),
        Digest::from(BLOCK),
    );
    let signing = [0, 1, 3].map(|at: usize| scheme(&CHANNEL, set.clone(), &keys[at]));
    let votes: Vec<_> = signing
        .iter()
        .map(|scheme| Finalize::sign(scheme, proposal.clone()).unwrap())
        .collect();
    let finality =
        Finalization::from_finalizes(&signing[0], non_empty![@votes.iter()], &Sequential)
            .expect("three of four");
    let public = keys.iter().map(|key| {
        let bytes: [u8; 32] = key.public_key().encode().as_ref().try_into().unwrap();
        bytes
    });
    (public.collect(), finality)
}

#[test]
fn a_finalization_reads_as_it_is_drawn_and_verifies_with_ed25519_alone() {
    let (keys, finality) = finality();
    let bytes = finality.encode().to_vec();
    let message = [&[0, 0xac, 0x02, 0xab, 0x02][..], &BLOCK].concat();
    assert_eq!(bytes[..message.len()], message);
    let rest = &bytes[message.len()..];
    assert_eq!(rest[..10], [0, 0, 0, 0, 0, 0, 0, 4, 0b1011, 3]);
    assert_eq!(rest.len(), 10 + 3 * 64);
    let signed = [
        &[59][..],
        b"silsila/channel/1 ",
        &CHANNEL.0,
        b"_FINALIZE",
        &message,
    ]
    .concat();
    for (signature, key) in rest[10..].chunks(64).zip([keys[0], keys[1], keys[3]]) {
        let key = VerifyingKey::from_bytes(&key).unwrap();
        let signature = Signature::from_slice(signature).unwrap();
        assert!(key.verify_strict(&signed, &signature).is_ok());
        assert!(key.verify_strict(&signed[1..], &signature).is_err());
    }
}

#[test]
fn a_certificate_is_cbor_of_scheme_finalization_and_links() {
    let (_, finality) = finality();
    let bytes = certificate(&finality, &[vec![1, 2, 3]]);
    let expected = [
        &[0x83, 2, 0x58, 239][..],
        &finality.encode(),
        &[0x81, 0x43, 1, 2, 3],
    ]
    .concat();
    assert_eq!(bytes, expected);
}

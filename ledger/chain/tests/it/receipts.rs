// SPDX-License-Identifier: Apache-2.0
//! COSE receipts, also as another COSE library reads them.

use coset::{CborSerializable as _, CoseSign1, TaggedCborSerializable as _, iana};
use silsila_chain::merkle::{inclusion_path, root_through};
use silsila_chain::{BlockHeader, Height, Receipt};

use crate::checkpoints::{checkpoint, headers};
use crate::sample::{chain, genesis, key};

/// The receipt for the sample's block 2 in the tree of four headers.
pub fn receipt() -> Receipt {
    let headers = headers();
    let path = inclusion_path(&headers[..], 2, 4).expect("of the sample");
    Receipt::sign(&key(), &chain()[1].header, Height(2), 4, path).expect("of the sample")
}

#[test]
fn a_receipt_shows_that_a_member_saw_the_block_in_the_tree() {
    let received = receipt().verify(&chain()[1].header).expect("of the sample");
    assert_eq!(received.signer, key().public());
    assert_eq!(received.height, Height(2));
    assert_eq!(received.checkpoint, checkpoint(4));
    assert_eq!(received.channel(), genesis().id());
    assert_eq!(Receipt::decode(&receipt().encode()), Ok(receipt()));
}

#[test]
fn a_receipt_is_for_one_block() {
    assert_eq!(receipt().verify(&chain()[0].header), None);
    assert_eq!(receipt().verify(&chain()[2].header), None);
    let mut header = BlockHeader::decode(&chain()[1].header).expect("of the sample");
    header.time_ms += 1;
    assert_eq!(receipt().verify(&header.encode()), None);
    let mut elsewhere = receipt();
    elsewhere.index = 3;
    assert_eq!(elsewhere.verify(&chain()[1].header), None);
}

#[test]
fn a_receipt_with_any_bit_changed_or_cut_anywhere_shows_nothing() {
    let good = receipt().encode();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << bit;
            let shown = Receipt::decode(&bytes).map(|read| read.verify(&chain()[1].header));
            assert!(!matches!(shown, Ok(Some(_))), "bit {bit} of byte {at}");
        }
        assert!(Receipt::decode(&good[..at]).is_err(), "{at} bytes");
    }
}

/// RFC 9942, sections 4 and 5.2, with labels 395 (vds) and 396 (vdp).
#[test]
fn another_cose_library_reads_and_verifies_a_receipt() {
    let read = CoseSign1::from_tagged_slice(&receipt().encode()).expect("of the sample");
    let header = &read.protected.header;
    let eddsa = coset::RegisteredLabelWithPrivate::Assigned(iana::Algorithm::EdDSA);
    assert_eq!(header.alg, Some(eddsa));
    assert_eq!(header.key_id, key().public().0);
    let structure = (coset::Label::Int(395), 1.into());
    assert_eq!(header.rest, [structure]);
    assert_eq!(read.payload, None);
    let (label, proofs) = &read.unprotected.rest[0];
    assert_eq!(label, &coset::Label::Int(396));
    let proofs = proofs.as_map().expect("of the sample");
    assert_eq!(proofs[0].0, (-1).into());
    let inclusion = proofs[0].1.as_array().expect("of the sample")[0]
        .as_bytes()
        .expect("of the sample");
    let inclusion = coset::cbor::Value::from_slice(inclusion).expect("of the sample");
    let inclusion = inclusion.as_array().expect("of the sample");
    assert_eq!(inclusion[..2], [4.into(), 2.into()]);
    let path: Vec<[u8; 32]> = (inclusion[2].as_array().expect("of the sample").iter())
        .map(|hash| {
            hash.as_bytes().expect("of the sample")[..]
                .try_into()
                .expect("of the sample")
        })
        .collect();
    let leaf = BlockHeader::hash(&chain()[1].header);
    let root = root_through(&leaf.0, 2, 4, &path).expect("of the sample");
    assert_eq!(root, checkpoint(4).root);
    read.verify_detached_signature(&root, &[], |signature, signed| {
        let key =
            ed25519_dalek::VerifyingKey::from_bytes(&key().public().0).expect("of the sample");
        key.verify_strict(signed, &signature.try_into().expect("of the sample"))
    })
    .expect("of the sample");
}

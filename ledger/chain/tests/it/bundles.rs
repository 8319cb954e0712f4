// SPDX-License-Identifier: Apache-2.0
//! What a bundle shows, and what no bundle shows.

use silsila_chain::{Bundle, BundleFault, ChannelId, PayloadShown};

use crate::exports::{PAYLOAD, chain_with_payloads, proof_of_payload};
use crate::proofs::proof;
use crate::sample::genesis;

pub fn bundle() -> Bundle {
    Bundle {
        proof: proof_of_payload(),
        payload: Some(PAYLOAD.to_vec()),
    }
}

#[test]
fn a_bundle_shows_the_version_and_its_payload() {
    let shown = bundle().verify(&genesis().id()).expect("of the sample");
    assert!(matches!(shown.payload, PayloadShown::Matches(commitment) if commitment.size == 20));
    assert_eq!(shown.genesis, genesis());
    assert_eq!(shown.proven.height.0, 1);
    assert_eq!(Bundle::decode(&bundle().encode()), Ok(bundle()));
    assert_eq!(chain_with_payloads().len(), 2);
}

#[test]
fn a_bundle_may_leave_the_payload_out_and_a_deletion_has_none() {
    let without = Bundle {
        payload: None,
        ..bundle()
    };
    let shown = without.verify(&genesis().id()).expect("of the sample");
    assert!(matches!(shown.payload, PayloadShown::Committed(_)));
    let deletion = Bundle {
        proof: proof(),
        payload: None,
    };
    let shown = deletion.verify(&genesis().id()).expect("of the sample");
    assert_eq!(shown.payload, PayloadShown::None);
    let invented = Bundle {
        proof: proof(),
        payload: Some(vec![0]),
    };
    assert_eq!(invented.verify(&genesis().id()), Err(BundleFault::Payload));
}

#[test]
fn a_bundle_is_for_one_channel() {
    assert!(bundle().verify(&ChannelId([0; 32])).is_err());
}

/// Every bit of every byte, and every length.
#[test]
fn a_bundle_with_any_bit_changed_or_cut_anywhere_shows_nothing() {
    let good = bundle().encode();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << bit;
            let shown = Bundle::decode(&bytes).map(|bundle| bundle.verify(&genesis().id()));
            assert!(!matches!(shown, Ok(Ok(_))), "bit {bit} of byte {at}");
        }
        assert!(Bundle::decode(&good[..at]).is_err(), "{at} bytes");
    }
    assert!(Bundle::decode(&[&good[..], &[0]].concat()).is_err());
}

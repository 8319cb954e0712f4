// SPDX-License-Identifier: Apache-2.0
//! What a proof shows, and what no proof shows.

use silsila_chain::{ChannelId, Height, Later, Proof, ProofFault};

use crate::sample::{chain, genesis};
use crate::showing;

/// The proof of the deletion in block 2, under block 3.
pub fn proof() -> Proof {
    showing::proof(&genesis(), &chain(), (2, 1, 0))
}

#[test]
fn a_proof_shows_entry_block_time_and_what_builds_on_it() {
    let proven = proof().verify(&genesis().id()).unwrap();
    assert_eq!((proven.height, proven.latest), (Height(2), Height(3)));
    assert_eq!(proven.time_ms, genesis().time_ms + 20);
    assert_eq!(proven.entry.record().unwrap().version, 2);
    assert_eq!(proven.member, genesis().members[0].identity);
    let alone = Proof {
        later: None,
        ..proof()
    };
    assert_eq!(alone.verify(&genesis().id()).unwrap().latest, Height(2));
}

#[test]
fn a_proof_is_for_one_channel() {
    assert_eq!(
        proof().verify(&ChannelId([0; 32])),
        Err(ProofFault::Fingerprint)
    );
}

#[test]
fn a_proof_with_any_bit_changed_shows_nothing() {
    let good = proof().encode();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        let shown = Proof::decode(&bytes).map(|proof| proof.verify(&genesis().id()));
        assert!(!matches!(shown, Ok(Ok(_))), "byte {at} of {}", good.len());
    }
}

#[test]
fn a_part_of_another_block_is_refused() {
    let blocks = chain();
    let first = &blocks[0];
    let swapped = Proof {
        header: first.header.clone(),
        certificate: first.certificate.clone(),
        ..proof()
    };
    assert_eq!(
        swapped.verify(&genesis().id()),
        Err(ProofFault::Transaction)
    );
    let entry = Proof {
        entry: blocks[1].transactions[0].entries.clone(),
        ..proof()
    };
    assert_eq!(entry.verify(&genesis().id()), Err(ProofFault::Entry));
    let certificate = Proof {
        certificate: first.certificate.clone(),
        ..proof()
    };
    assert_eq!(
        certificate.verify(&genesis().id()),
        Err(ProofFault::Certificate)
    );
    let later = Later {
        path: Vec::new(),
        ..proof().later.unwrap()
    };
    let later = Proof {
        later: Some(later),
        ..proof()
    };
    assert_eq!(later.verify(&genesis().id()), Err(ProofFault::Later));
}

// SPDX-License-Identifier: Apache-2.0
//! Payload suite 1.

use proptest::prelude::*;
use silsila_chain::Tag;
use silsila_seal::{ContentKey, OVERHEAD, SealError, SealedAs, padded};

use crate::sample::{compartment, other_compartments, place};

fn key() -> ContentKey {
    ContentKey::new(&[8; 32])
}

fn is_unopened<T>(result: &Result<T, SealError>) -> bool {
    matches!(result, Err(SealError::Unopened))
}

#[test]
fn a_payload_opens_at_its_own_place_only() {
    let stored = place().seal(&key(), b"text").expect("sealed");
    assert_eq!(place().open(&key(), &stored).expect("opened"), b"text");
    let mut others: Vec<SealedAs> = other_compartments()
        .into_iter()
        .map(|compartment| SealedAs {
            compartment,
            ..place()
        })
        .collect();
    others.push(SealedAs {
        resource: Tag([9; 16]),
        ..place()
    });
    others.push(SealedAs {
        version: 8,
        ..place()
    });
    for other in others {
        assert!(is_unopened(&other.open(&key(), &stored)), "{other:?}");
    }
    assert!(is_unopened(
        &place().open(&ContentKey::new(&[9; 32]), &stored)
    ));
}

#[test]
fn equal_content_is_sealed_to_unrelated_bytes() {
    let (one, other) = (
        place().seal(&key(), b"text").expect("sealed"),
        place().seal(&key(), b"text").expect("sealed"),
    );
    assert_ne!(one[1..13], other[1..13], "nonces");
    assert_ne!(one[13..], other[13..]);
}

#[test]
fn a_sealed_length_tells_the_padded_length_and_no_more() {
    for len in [0, 1, 127, 128, 300, 1000] {
        let stored = place().seal(&key(), &vec![0; len]).expect("sealed");
        assert_eq!(stored.len(), padded(len) + OVERHEAD, "{len}");
    }
}

#[test]
fn checks_of_a_key_differ_by_key_and_by_compartment() {
    let check = key().check(&compartment());
    assert_eq!(check, key().check(&compartment()));
    assert_ne!(check, ContentKey::new(&[9; 32]).check(&compartment()));
    for other in other_compartments() {
        assert_ne!(check, key().check(&other), "{other:?}");
    }
}

#[test]
fn a_key_does_not_print() {
    assert_eq!(
        format!("{:?}", ContentKey::new(&[0xaa; 32])),
        "ContentKey(..)"
    );
}

proptest! {
    #[test]
    fn content_survives(packed: Vec<u8>, secret: [u8; 32]) {
        let key = ContentKey::new(&secret);
        let stored = place().seal(&key, &packed).expect("sealed");
        prop_assert_eq!(stored[0], 1);
        prop_assert_eq!(place().open(&key, &stored).expect("opened"), packed);
    }

    #[test]
    fn a_changed_bit_anywhere_is_noticed(packed: Vec<u8>, at: prop::sample::Index, bit in 0_u8..8) {
        let mut stored = place().seal(&key(), &packed).expect("sealed");
        let at = at.index(stored.len());
        stored[at] ^= 1 << bit;
        prop_assert!(place().open(&key(), &stored).is_err(), "byte {}", at);
    }

    #[test]
    fn a_shorter_or_longer_payload_does_not_open(packed: Vec<u8>, cut in 1_usize..140, more: u8) {
        let mut stored = place().seal(&key(), &packed).expect("sealed");
        let shorter = &stored[..stored.len() - cut];
        prop_assert!(place().open(&key(), shorter).is_err());
        stored.push(more);
        prop_assert!(place().open(&key(), &stored).is_err());
    }

    #[test]
    fn any_bytes_are_judged_without_a_panic(bytes: Vec<u8>) {
        prop_assert!(place().open(&key(), &bytes).is_err());
    }
}

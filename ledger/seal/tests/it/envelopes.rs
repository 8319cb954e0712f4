// SPDX-License-Identifier: Apache-2.0
//! Payload suite 2.

use proptest::prelude::*;
use silsila_chain::PublicKey;
use silsila_seal::{ContentKey, Envelopes, SealError, SealingPublic};

use crate::sample::{compartment, member, other_compartments};

fn sealed_to(numbers: &[u8]) -> Envelopes {
    let recipients: Vec<_> = numbers
        .iter()
        .map(|number| (member(*number).0, member(*number).1.public()))
        .collect();
    let key = ContentKey::new(&[8; 32]);
    Envelopes::seal(&key, &compartment(), &recipients).expect("sealed")
}

#[test]
fn each_recipient_opens_its_own_envelope_and_nobody_else_any() {
    let envelopes = Envelopes::decode(&sealed_to(&[3, 1, 2]).encode()).expect("decoded");
    let named: Vec<PublicKey> = envelopes.recipients().collect();
    assert_eq!(named, [1, 2, 3].map(|number| member(number).0));
    for number in 1..=3 {
        let (me, sealing) = member(number);
        let key = envelopes.open(&compartment(), me, &sealing);
        let key = key.expect("opened").expect("there");
        assert_eq!(*key.secret(), [8; 32]);
    }
    let (stranger, sealing) = member(4);
    assert!(matches!(
        envelopes.open(&compartment(), stranger, &sealing),
        Ok(None)
    ));
    // Another's key does not open what is named for member 1.
    assert!(matches!(
        envelopes.open(&compartment(), member(1).0, &sealing),
        Err(SealError::Unopened)
    ));
}

#[test]
fn an_envelope_opens_for_its_own_compartment_only() {
    let envelopes = sealed_to(&[1]);
    let (me, sealing) = member(1);
    for other in other_compartments() {
        let opened = envelopes.open(&other, me, &sealing);
        assert!(matches!(opened, Err(SealError::Unopened)), "{other:?}");
    }
}

#[test]
fn an_envelope_under_another_key_check_is_refused() {
    let (one, other) = (sealed_to(&[1]).encode(), {
        let recipients = [(member(1).0, member(1).1.public())];
        Envelopes::seal(&ContentKey::new(&[7; 32]), &compartment(), &recipients)
            .expect("sealed")
            .encode()
    });
    let label = 1 + 1 + 1 + "silsila/envelopes/1".len() + 2;
    let mut mixed = one.clone();
    mixed[label..label + 32].copy_from_slice(&other[label..label + 32]);
    assert_ne!(mixed, one);
    let mixed = Envelopes::decode(&mixed).expect("still in its format");
    let opened = mixed.open(&compartment(), member(1).0, &member(1).1);
    assert!(matches!(opened, Err(SealError::Unopened)));
}

#[test]
fn a_recipient_without_a_key_or_named_twice_is_refused() {
    let key = ContentKey::new(&[8; 32]);
    let (me, sealing) = member(1);
    for recipients in [
        vec![(me, SealingPublic::NONE)],
        vec![(me, sealing.public()), (me, member(2).1.public())],
    ] {
        let sealed = Envelopes::seal(&key, &compartment(), &recipients);
        assert!(matches!(sealed, Err(SealError::Recipient)));
    }
}

proptest! {
    #[test]
    fn a_changed_bit_anywhere_gives_no_other_key(at: prop::sample::Index, bit in 0_u8..8) {
        let mut stored = sealed_to(&[1, 2]).encode();
        let at = at.index(stored.len());
        stored[at] ^= 1 << bit;
        // The other's envelope may be the changed one; what opens is the key that was sealed.
        if let Ok(changed) = Envelopes::decode(&stored)
            && let Ok(Some(key)) = changed.open(&compartment(), member(1).0, &member(1).1)
        {
            prop_assert_eq!(*key.secret(), [8; 32]);
        }
    }

    #[test]
    fn any_bytes_are_judged_without_a_panic(mut bytes: Vec<u8>, honest_head: bool) {
        if honest_head && !bytes.is_empty() {
            bytes[0] = 2;
        }
        prop_assert!(Envelopes::decode(&bytes).is_err());
    }
}

// SPDX-License-Identifier: Apache-2.0
//! Bytes from somebody who means harm: nothing panics, and nothing passes but the one encoding.

use proptest::prelude::*;
use silsila_replica::certificate::{
    CertificateFault, Credential, IssuingCertificate, MAX_CERTIFICATE, MemberCertificate, Network,
    Revocation, RootCertificate,
};

use crate::sample::{DAY, FOUNDED, credential, issuing, member, network, revocation, root, trust};

/// Whether a format's own reader takes these bytes.
type Accepts = fn(&[u8]) -> bool;

/// Every sample, and whether its own reader takes these bytes. A certificate's reader does not verify
/// who signed it, so the whole judgement is asked.
fn samples() -> [(Vec<u8>, Accepts); 6] {
    [
        (root().der().to_vec(), |bytes| {
            RootCertificate::parse(bytes).is_ok()
        }),
        (issuing().der().to_vec(), |bytes| {
            IssuingCertificate::parse(bytes).is_ok_and(|issuing| issuing.is_from(&root()).is_ok())
        }),
        (member().der().to_vec(), |bytes| {
            trust().judge(bytes, FOUNDED + 2 * DAY).is_ok()
        }),
        (network().encode(), |bytes| {
            Network::decode(bytes) == Ok(network())
        }),
        (credential().encode(), |bytes| {
            Credential::decode(bytes) == Ok(credential())
        }),
        (revocation().encode(), |bytes| {
            trust().revocation(bytes).is_ok()
        }),
    ]
}

#[test]
fn no_flipped_bit_passes() {
    for (index, (sample, accepts)) in samples().into_iter().enumerate() {
        assert!(accepts(&sample), "{index}");
        for at in 0..sample.len() {
            let mut changed = sample.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(!accepts(&changed), "sample {index}, byte {at}");
        }
    }
}

#[test]
fn no_cut_nor_lengthened_sample_passes() {
    for (index, (sample, accepts)) in samples().into_iter().enumerate() {
        for end in 0..sample.len() {
            assert!(!accepts(&sample[..end]), "sample {index}, cut at {end}");
        }
        let longer = [sample.as_slice(), &[0]].concat();
        assert!(!accepts(&longer), "sample {index}");
    }
}

#[test]
fn each_fault_in_a_member_certificate_says_which() {
    let der = member().der().to_vec();
    let find = |needle: &[u8]| {
        let at = der
            .windows(needle.len())
            .position(|window| window == needle);
        at.expect("it is in the certificate")
    };
    let judge = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut der = der.clone();
        change(&mut der);
        trust()
            .judge(&der, FOUNDED + 2 * DAY)
            .expect_err("refused")
            .code()
    };
    let organization = find(b"Civil");
    let role = find(b"\x0c\x08hospital") + 2;
    let signature = der.len() - 64;
    let sealing_key = find(&member().sealing_key());
    let ledger_key = find(&member().key().0);
    assert_eq!(judge(&|der| der[organization] = b'X'), "CRT0007");
    assert_eq!(judge(&|der| der[organization] = b'\n'), "CRT0002");
    assert_eq!(judge(&|der| der[role] = b'H'), "CRT0003");
    assert_eq!(judge(&|der| der[signature] ^= 1), "CRT0007");
    assert_eq!(
        judge(&|der| der[sealing_key..sealing_key + 32].fill(0)),
        "CRT0004"
    );
    // The key's own identifier stands beside it and does not fit another key.
    assert_eq!(
        judge(&|der| der[ledger_key..ledger_key + 32].fill(0)),
        "CRT0001"
    );
    assert_eq!(judge(&|der| der.resize(MAX_CERTIFICATE + 1, 0)), "CRT0001");
    let times = find(b"\x17\x0d");
    assert_eq!(
        judge(&|der| der[times + 2..times + 4].copy_from_slice(b"49")),
        "CRT0005"
    );
    assert_eq!(
        trust().judge(&[], 0),
        Err(CertificateFault::Profile("it is not X.509 in DER"))
    );
}

#[test]
fn the_longest_names_fit() {
    let name = "\u{1f3e5}".repeat(48);
    assert_eq!(name.len(), silsila_replica::certificate::MAX_NAME_BYTES);
    let root = crate::sample::root_of(&name, 1);
    let issuing = crate::sample::issuing_by(&root, 1, 2);
    let mut subject = crate::sample::subject(3);
    subject.organization = name;
    let member = MemberCertificate::issue(
        &issuing,
        &crate::sample::key(2),
        &subject,
        crate::sample::serial(3),
        crate::sample::days(0, 1),
    );
    assert!(member.expect("issued").der().len() <= MAX_CERTIFICATE);
}

proptest! {
    #[test]
    fn noise_is_refused_without_a_panic(bytes: Vec<u8>) {
        for (_, accepts) in samples() {
            prop_assert!(!accepts(&bytes));
        }
    }

    #[test]
    fn several_changes_at_once_are_refused_or_read_as_they_are_written(
        which in 0..6_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        insert in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let (sample, accepts) = samples()[which].clone();
        let mut changed = sample.clone();
        for (at, to) in changes {
            let at = at.index(changed.len());
            changed[at] = to;
        }
        let at = cut.index(changed.len());
        changed.splice(at..at, insert);
        prop_assert_eq!(accepts(&changed), changed == sample);
        // What the reader alone takes, it writes the same.
        if let Ok(read) = MemberCertificate::parse(&changed) {
            prop_assert_eq!(read.der(), &changed[..]);
        }
        if let Ok(read) = Revocation::decode(&changed) {
            prop_assert_eq!(read.encode(), changed);
        }
    }
}

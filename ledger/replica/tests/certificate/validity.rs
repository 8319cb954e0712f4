// SPDX-License-Identifier: Apache-2.0
//! What a certificate says, when it holds, and who may have signed it.

use silsila_chain::{Admission, Change, Claim, Policy as _, Reason};
use silsila_replica::Rules;
use silsila_replica::certificate::{
    CertificateFault, CertificateKey, Credential, Fingerprint, IssuingCertificate,
    MemberCertificate, Network, RevocationReason, Role, RootCertificate, Trust, Validity,
};

use crate::sample::{
    DAY, FOUNDED, credential, days, issuing, issuing_by, key, member, member_of, network,
    revocation, root, root_of, serial, subject, trust,
};

#[test]
fn a_member_certificate_says_what_it_was_issued_for() {
    let found = trust()
        .judge(member().der(), FOUNDED + 2 * DAY)
        .expect("valid");
    assert_eq!(found.subject(), subject(3));
    assert_eq!(found.role(), Role::Hospital);
    assert_eq!(
        (found.network(), found.serial()),
        ("Sindh hospitals", serial(3))
    );
    assert_eq!(found.validity(), days(1, 366));
}

#[test]
fn it_holds_from_its_first_second_to_the_end_of_its_last() {
    let (trust, member) = (trust(), member());
    let validity = member.validity();
    let judge = |at| trust.judge(member.der(), at).map(|_| ());
    assert_eq!(judge(validity.from_ms() - 1), Err(CertificateFault::NotYet));
    assert_eq!(judge(validity.from_ms()), Ok(()));
    assert_eq!(judge(validity.until_ms()), Ok(()));
    assert_eq!(
        judge(validity.until_ms() + 1),
        Err(CertificateFault::Expired)
    );
    assert_eq!(judge(0), Err(CertificateFault::NotYet));
    assert_eq!(judge(u64::MAX), Err(CertificateFault::Expired));
}

#[test]
fn it_ends_with_the_certificate_of_its_issuer() {
    let short =
        IssuingCertificate::issue(&root(), &key(1), key(2).public(), serial(2), days(0, 10))
            .expect("an issuer");
    let trust = Trust::new(network(), vec![short.clone()]).expect("an issuer of this root");
    let member = member_of(&short, 2, 3);
    assert!(trust.judge(member.der(), FOUNDED + 10 * DAY).is_ok());
    assert_eq!(
        trust.judge(member.der(), FOUNDED + 11 * DAY),
        Err(CertificateFault::Expired)
    );
}

#[test]
fn another_authority_of_the_same_name_issues_nothing_here() {
    let twin = root_of("Sindh hospitals", 11);
    let twin_issuer = issuing_by(&twin, 11, 12);
    let at = FOUNDED + 2 * DAY;
    assert_eq!(
        trust().judge(member_of(&twin_issuer, 12, 3).der(), at),
        Err(CertificateFault::Issuer)
    );
    assert_eq!(
        Trust::new(network(), vec![twin_issuer.clone()]),
        Err(CertificateFault::Issuer)
    );
    assert_eq!(
        Trust::pinned(
            &network().fingerprint(),
            Network::new(twin, FOUNDED),
            vec![twin_issuer]
        ),
        Err(CertificateFault::Fingerprint)
    );
}

#[test]
fn a_second_issuer_of_the_same_root_takes_over() {
    let second = issuing_by(&root(), 1, 22);
    let member = member_of(&second, 22, 3);
    let at = FOUNDED + 2 * DAY;
    assert_eq!(
        trust().judge(member.der(), at),
        Err(CertificateFault::Issuer)
    );
    let both = Trust::new(network(), vec![issuing(), second]).expect("issuers of this root");
    assert!(both.judge(member.der(), at).is_ok());
    assert!(both.judge(crate::sample::member().der(), at).is_ok());
}

#[test]
fn a_member_cannot_certify_another_nor_an_issuer_an_issuer() {
    // The bytes of one kind are refused as any other.
    let at = FOUNDED + 2 * DAY;
    for der in [root().der(), issuing().der()] {
        assert!(matches!(
            trust().judge(der, at),
            Err(CertificateFault::Profile(_))
        ));
    }
    for der in [member().der(), issuing().der()] {
        assert!(RootCertificate::parse(der).is_err());
    }
    assert!(IssuingCertificate::parse(member().der()).is_err());
    assert_eq!(
        MemberCertificate::issue(&issuing(), &key(3), &subject(4), serial(4), days(0, 1)),
        Err(CertificateFault::Issuer)
    );
    assert_eq!(
        IssuingCertificate::issue(&root(), &key(2), key(5).public(), serial(4), days(0, 1)),
        Err(CertificateFault::Issuer)
    );
}

#[test]
fn keys_with_which_nothing_can_be_proved_or_sealed_are_not_certified() {
    let mut weak = subject(3);
    weak.sealing_key = [0; 32];
    let issue =
        |subject| MemberCertificate::issue(&issuing(), &key(2), subject, serial(4), days(0, 1));
    assert_eq!(issue(&weak), Err(CertificateFault::Key("X25519")));
    let mut weak = subject(3);
    weak.ledger_key.0 = [0; 32];
    assert_eq!(issue(&weak), Err(CertificateFault::Key("ed25519")));
    let mut nameless = subject(3);
    nameless.organization = "a\u{202e}b".to_owned();
    assert!(matches!(issue(&nameless), Err(CertificateFault::Name(_))));
}

#[test]
fn a_time_that_is_none_is_refused() {
    assert_eq!(Validity::new(5000, 5999), Err(CertificateFault::Validity));
    assert_eq!(Validity::new(9000, 5000), Err(CertificateFault::Validity));
    assert_eq!(Validity::new(0, u64::MAX), Err(CertificateFault::Validity));
    let far = Validity::new(0, 253_402_300_799_000).expect("the last second");
    let root = RootCertificate::found("x", &key(1), serial(1), far).expect("a root");
    assert_eq!(root.validity(), far);
}

#[test]
fn the_fingerprint_is_shown_in_groups_and_read_with_and_without_them() {
    let fingerprint = network().fingerprint();
    let shown = fingerprint.to_string();
    assert_eq!(shown.len(), 16 * 4 + 15);
    assert_eq!(shown.parse(), Ok(fingerprint));
    assert_eq!(
        shown.replace(' ', "").to_uppercase().parse(),
        Ok(fingerprint)
    );
    for wrong in [
        "",
        &shown[..78],
        &format!("{shown}0"),
        &shown.replacen(char::is_numeric, "x", 1),
    ] {
        assert_eq!(
            wrong.parse::<Fingerprint>(),
            Err(CertificateFault::FingerprintText)
        );
    }
}

#[test]
fn a_credential_proves_itself_and_a_mixed_one_does_not() {
    let credential = credential();
    assert_eq!(
        Credential::decode(&credential.encode()),
        Ok(credential.clone())
    );
    let twin = root_of("Sindh hospitals", 11);
    let mut mixed = credential.clone();
    mixed.network = Network::new(twin.clone(), FOUNDED);
    assert_eq!(
        Credential::decode(&mixed.encode()),
        Err(CertificateFault::Issuer)
    );
    let mut mixed = credential;
    mixed.issuing = issuing_by(&root(), 1, 22);
    assert_eq!(
        Credential::decode(&mixed.encode()),
        Err(CertificateFault::Issuer)
    );
}

#[test]
fn a_revocation_is_taken_from_this_networks_issuer_alone() {
    let (trust, revocation) = (trust(), revocation());
    assert_eq!(
        trust.revocation(&revocation.encode()),
        Ok(revocation.clone())
    );
    assert_eq!(revocation.reason, RevocationReason::KeyCompromise);
    let sign = |key: &CertificateKey, network| {
        let member = revocation.member;
        silsila_replica::certificate::Revocation::sign(key, network, member, 1, revocation.reason)
    };
    let ours = network().fingerprint();
    for forged in [
        sign(&key(3), ours),
        sign(&key(1), ours),
        sign(&key(2), Fingerprint([7; 32])),
    ] {
        assert_eq!(
            trust.revocation(&forged.encode()),
            Err(CertificateFault::Revocation)
        );
    }
}

#[test]
fn renewal_and_revocation_are_what_a_channel_takes_for_them() {
    let mut credential = credential();
    let founder = credential.founder();
    credential.member =
        MemberCertificate::issue(&issuing(), &key(2), &subject(3), serial(9), days(200, 5000))
            .expect("renewed");
    let Change::Renew {
        certificate,
        not_after_ms,
    } = credential.renewal()
    else {
        panic!("a renewal");
    };
    // The issuer ends before the member's own certificate, and the member with it.
    assert_eq!(not_after_ms, issuing().validity().until_ms());
    let claim = |at_ms, certificate: &[u8], not_after_ms| {
        let admission = Admission {
            certificate: certificate.to_vec(),
            not_after_ms,
            ..founder.admission.clone()
        };
        let claim = Claim {
            network: &network().fingerprint().0,
            root: &network().encode(),
            identity: &founder.identity,
            admission: &admission,
            at_ms,
        };
        Rules::default().certificate(&claim)
    };
    let at = FOUNDED + 300 * DAY;
    assert_eq!(claim(at, &certificate, not_after_ms), Ok(()));
    let refused = Err(Reason::MemberCertificate);
    assert_eq!(claim(at, &certificate, not_after_ms + 1), refused);
    assert_eq!(
        claim(FOUNDED + 100 * DAY, &certificate, not_after_ms),
        refused
    );
    assert_eq!(revocation().change(), Change::Revoke { reason: 1 });
}

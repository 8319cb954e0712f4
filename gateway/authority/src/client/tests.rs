// SPDX-License-Identifier: Apache-2.0
//! What the service answers to a client that does not keep to the rules.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use silsila_replica::certificate::Role;

use super::*;
use crate::service::Service;
use crate::{Authority, Refusal, found};

const NOW: Millis = 1_780_000_000_000;
const DAY: Millis = 86_400_000;

/// An authority that serves, and a clock that the test moves.
struct Bed {
    folder: tempfile::TempDir,
    authority: Arc<Authority>,
    address: String,
    clock: Arc<AtomicU64>,
}

impl Bed {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("authority");
        found("Sindh hospitals", &place, NOW).expect("founded");
        let authority = Arc::new(Authority::open(&place, 100 * DAY).expect("opened"));
        let clock = Arc::new(AtomicU64::new(NOW));
        let read = clock.clone();
        let any = "127.0.0.1:0".parse().expect("an address");
        let now = Arc::new(move || read.load(Ordering::Relaxed));
        let service = Service::bind(authority.clone(), any, now)
            .await
            .expect("bound");
        let address = service.address().expect("known").to_string();
        tokio::spawn(service.serve(std::future::pending()));
        Self {
            folder,
            authority,
            address,
            clock,
        }
    }

    fn invite(&self) -> Invitation {
        self.authority
            .invite(
                "Civil Hospital",
                Role::Hospital,
                &self.address,
                NOW + DAY,
                NOW,
            )
            .expect("invited")
    }

    async fn line(&self, invitation: &Invitation) -> Line {
        Line::open(&self.address, invitation.tls_key)
            .await
            .expect("connected")
    }

    async fn join(
        &self,
        invitation: &Invitation,
        keys: &OwnKeys,
    ) -> Result<Joined, AuthorityError> {
        let place = self.folder.path().join(keys.ledger.public().to_string());
        join(invitation, keys, &place, self.clock.load(Ordering::Relaxed)).await
    }

    async fn member(&self, seed: u8) -> (Membership, OwnKeys) {
        let (invitation, keys) = (self.invite(), keys(seed));
        let joined = self.join(&invitation, &keys).await.expect("asked");
        let Joined::Waiting { request } = joined else {
            panic!("nobody approved");
        };
        let request = i64::try_from(request).expect("small");
        self.authority.approve(request, NOW).expect("approved");
        match self.join(&invitation, &keys).await.expect("asked") {
            Joined::Member(membership) => (*membership, keys),
            Joined::Waiting { .. } => panic!("it was approved"),
        }
    }
}

fn keys(seed: u8) -> OwnKeys {
    OwnKeys {
        ledger: MemberKey::from_seed(&[seed; 32]),
        sealing_public: silsila_seal::SealingKey::from_seed(&[seed; 32]).public().0,
    }
}

fn enrolment(invitation: &Invitation, keys: &OwnKeys) -> Vec<u8> {
    let enrolment = Enrolment {
        network: invitation.fingerprint,
        secret: invitation.secret,
        invitation: invitation.digest(),
        ledger_key: keys.ledger.public(),
        sealing_key: keys.sealing_public,
    };
    enrolment.encode()
}

#[tokio::test]
async fn a_request_carried_to_another_connection_or_signed_by_another_key_is_refused() {
    let bed = Bed::new().await;
    let (invitation, keys) = (bed.invite(), keys(7));
    let mut here = bed.line(&invitation).await;
    let mut there = bed.line(&invitation).await;
    let body = enrolment(&invitation, &keys);
    let request = SignedRequest::sign(body.clone(), &keys.ledger, &here.binding).encode();
    let refused = Answer::Refused(Refusal::Proof);
    let ask = there.ask(Method::POST, ENROLMENT, request.clone()).await;
    assert_eq!(ask.expect("an answer"), refused);
    let thief = MemberKey::from_seed(&[8; 32]);
    let forged = SignedRequest::sign(body, &thief, &here.binding).encode();
    let ask = here.ask(Method::POST, ENROLMENT, forged).await;
    assert_eq!(ask.expect("an answer"), refused);
    assert!(bed.authority.requests().expect("read").is_empty());
    let ask = here.ask(Method::POST, ENROLMENT, request).await;
    assert_eq!(ask.expect("an answer"), Answer::Pending(1));
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_the_next_one_is_heard() {
    let bed = Bed::new().await;
    let (invitation, keys) = (bed.invite(), keys(7));
    for body in [Vec::new(), vec![0x83], vec![0xff; 4000]] {
        let mut line = bed.line(&invitation).await;
        let answer = line.ask(Method::POST, ENROLMENT, body).await;
        assert_eq!(
            answer.expect("an answer"),
            Answer::Refused(Refusal::Malformed)
        );
    }
    let mut line = bed.line(&invitation).await;
    // A renewal is no enrolment, also where it is signed as it should be.
    let renewal = Renewal {
        network: invitation.fingerprint,
        certificate: vec![0x30; 100],
    };
    let request = SignedRequest::sign(renewal.encode(), &keys.ledger, &line.binding).encode();
    let answer = line.ask(Method::POST, ENROLMENT, request.clone()).await;
    assert_eq!(
        answer.expect("an answer"),
        Answer::Refused(Refusal::Malformed)
    );
    let mut line = bed.line(&invitation).await;
    let request = SignedRequest::sign(renewal.encode(), &keys.ledger, &line.binding).encode();
    let answer = line.ask(Method::POST, RENEWAL, request).await;
    assert_eq!(
        answer.expect("an answer"),
        Answer::Refused(Refusal::NotRenewable)
    );
    // What is too long is not even read.
    let mut line = bed.line(&invitation).await;
    assert!(
        line.ask(Method::POST, ENROLMENT, vec![0; 1 << 20])
            .await
            .is_err()
    );
    let joined = bed.join(&invitation, &keys).await.expect("asked");
    assert_eq!(joined, Joined::Waiting { request: 1 });
}

#[tokio::test]
async fn a_renewal_is_one_certificate_however_often_it_is_asked_and_ends_with_the_last() {
    let bed = Bed::new().await;
    let (mut membership, keys) = bed.member(7).await;
    let place = bed.folder.path().join("renewals");
    let early = renew(&mut membership, &keys, &place, NOW + DAY).await;
    assert!(!early.expect("an answer"), "it is not due");
    let first = membership.clone();
    bed.clock.store(NOW + 60 * DAY, Ordering::Relaxed);
    assert!(
        renew(&mut membership, &keys, &place, NOW + 60 * DAY)
            .await
            .expect("renewed")
    );
    let second = membership.certificate().clone();
    // The answer was lost: asking with the earlier certificate gives the same one.
    let mut again = first;
    assert!(
        renew(&mut again, &keys, &place, NOW + 60 * DAY)
            .await
            .expect("renewed")
    );
    assert_eq!(*again.certificate(), second);
    assert_eq!(bed.authority.issued_for(1).expect("read").len(), 2);
    // Another key cannot renew it.
    let thief = OwnKeys {
        ledger: MemberKey::from_seed(&[8; 32]),
        sealing_public: keys.sealing_public,
    };
    let refused = renew(&mut membership, &thief, &place, NOW + 60 * DAY).await;
    assert!(matches!(
        refused,
        Err(AuthorityError::Refused(Refusal::Proof))
    ));
    bed.clock.store(NOW + 161 * DAY, Ordering::Relaxed);
    let refused = renew(&mut membership, &keys, &place, NOW + 161 * DAY).await;
    assert!(matches!(
        refused,
        Err(AuthorityError::Refused(Refusal::NotRenewable))
    ));
}

#[tokio::test]
async fn an_authority_that_is_not_there_is_said_to_be_out_of_reach() {
    let bed = Bed::new().await;
    let mut invitation = bed.invite();
    "127.0.0.1:1".clone_into(&mut invitation.authority);
    let refused = bed.join(&invitation, &keys(7)).await;
    assert!(matches!(refused, Err(AuthorityError::Unreachable { .. })));
}

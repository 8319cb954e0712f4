// SPDX-License-Identifier: Apache-2.0
//! One target for each decoder of a gateway that is a member of a network, and of its authority. A target panics
//! where a promise is broken: whatever is accepted is written back as the same bytes, and nothing panics by itself.

use silsila_authority::{Invitation, reread as authority};
use silsila_chain::{ChainState, ChannelId, Entry, PublicKey, Tag, sha256};
use silsila_engine::reread as engine;
use silsila_gateway::admin::{Answer, Order};
use silsila_replica::ballot::{Ballot, Note};
use silsila_replica::certificate::{
    Credential, Fingerprint, IssuingCertificate, MemberCertificate, Network, Revocation,
    RootCertificate,
};
use silsila_replica::contract::Compiled;
use silsila_replica::read_channel;
use silsila_seal::{
    BackupReader, Compartment, ContentKey, Envelopes, RecoveryKey, SealError, SealedAs, SealingKey,
};

use crate::known::{CHANNEL, LONE, credential, identity};

/// A target's name and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 21] = [
    ("registration", registration),
    ("invitation", invitation),
    ("membership", membership),
    ("x509", x509),
    ("network", network),
    ("credential", credential_bytes),
    ("revocation", revocation),
    ("channel", channel),
    ("contract", contract),
    ("message", message),
    ("candidate", candidate),
    ("state", state),
    ("ballot", ballot),
    ("note", note),
    ("envelopes", envelopes),
    ("sealed", sealed),
    ("packed", packed),
    ("backup", backup),
    ("recovery", recovery),
    ("keys", keys),
    ("order", order),
];

/// A member asks, the authority answers.
pub fn registration(bytes: &[u8]) {
    if let Some(again) = authority::registration(bytes) {
        assert_eq!(again, bytes);
    }
}

/// An invitation, of which a mail program may change spaces and line ends.
pub fn invitation(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    // A text of which nobody repaired the check is looked at no further.
    let lines = text.rsplit_once("check ").map_or(text, |(lines, _)| lines);
    let check: String = sha256(lines.as_bytes())[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    _ = Invitation::parse(text);
    if let Ok(read) = Invitation::parse(&format!("{lines}check {check}\n")) {
        let again = Invitation::parse(&read.text()).map(|again| again.digest());
        assert_eq!(again.ok(), Some(read.digest()));
    }
}

/// The file that says where the authority is.
pub fn membership(bytes: &[u8]) {
    let read = std::str::from_utf8(bytes)
        .ok()
        .and_then(authority::membership);
    if let Some(again) = read {
        assert_eq!(authority::membership(&again), Some(again));
    }
}

/// A certificate of any kind.
pub fn x509(bytes: &[u8]) {
    if let Ok(read) = RootCertificate::parse(bytes) {
        assert_eq!(read.der(), bytes);
    }
    if let Ok(read) = IssuingCertificate::parse(bytes) {
        assert_eq!(read.der(), bytes);
        _ = read.is_from(&CHANNEL_TRUST.0);
    }
    if let Ok(read) = MemberCertificate::parse(bytes) {
        assert_eq!(read.der(), bytes);
        _ = read.is_from(&CHANNEL_TRUST.1);
    }
}

static CHANNEL_TRUST: std::sync::LazyLock<(RootCertificate, IssuingCertificate)> =
    std::sync::LazyLock::new(|| {
        let known = credential(3);
        (known.network.root().clone(), known.issuing)
    });

/// A network document.
pub fn network(bytes: &[u8]) {
    if let Ok(read) = Network::decode(bytes) {
        assert_eq!(read.encode(), bytes);
    }
}

/// A credential, and its judgement.
pub fn credential_bytes(bytes: &[u8]) {
    if let Ok(read) = Credential::decode(bytes) {
        assert_eq!(read.encode(), bytes);
        _ = read.trust();
    }
}

/// A revocation.
pub fn revocation(bytes: &[u8]) {
    if let Ok(read) = Revocation::decode(bytes) {
        assert_eq!(read.encode(), bytes);
    }
}

/// A channel's file, as a member judges it.
pub fn channel(bytes: &[u8]) {
    if let Ok(read) = read_channel(bytes, &Fingerprint(CHANNEL.network), &identity(3)) {
        assert_eq!(read.encode(), bytes);
    }
}

/// A contract's text.
pub fn contract(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        _ = Compiled::new(text);
    }
}

/// A message between members of a channel.
pub fn message(bytes: &[u8]) {
    if let Some(again) = engine::message(bytes) {
        assert_eq!(again, bytes);
    }
}

/// A proposed block with its storage receipts.
pub fn candidate(bytes: &[u8]) {
    if let Some(again) = engine::candidate(&CHANNEL, bytes) {
        assert_eq!(again, bytes);
    }
}

/// The chain's state, as a checkpoint keeps it.
pub fn state(bytes: &[u8]) {
    for genesis in [&*CHANNEL, &*LONE] {
        if let Ok(read) = ChainState::decode(genesis, bytes) {
            assert_eq!(read.encode(), bytes);
        }
    }
}

fn vote(read: &Ballot) {
    assert_eq!(Entry::decode(&read.entry().encode()), Ok(read.entry()));
    assert!(!read.clone().join(read, |_| true), "it holds what it holds");
    if read.check(&CHANNEL.id()).is_ok() {
        assert!(read.is_endorsed_by(&read.proposer()));
    }
}

/// A proposal, and what members said to it.
pub fn ballot(bytes: &[u8]) {
    if let Ok(read) = Ballot::decode(bytes) {
        assert_eq!(read.encode(), bytes);
        vote(&read);
    }
}

/// What members' gateways say to each other about ballots.
pub fn note(bytes: &[u8]) {
    if let Ok(read) = Note::decode(bytes) {
        assert_eq!(read.encode(), bytes);
        if let Note::Ballot(ballot) = read {
            vote(&ballot);
        }
    }
}

/// Where the samples were sealed.
pub const COMPARTMENT: Compartment = Compartment {
    channel: ChannelId([1; 32]),
    custodian: PublicKey([2; 32]),
    subject: Tag([3; 16]),
    class: 4,
    period: 5,
};
/// For which version.
pub const PLACE: SealedAs = SealedAs {
    compartment: COMPARTMENT,
    resource: Tag([6; 16]),
    version: 7,
};

/// Envelopes, and one's own among them.
pub fn envelopes(bytes: &[u8]) {
    if let Ok(read) = Envelopes::decode(bytes) {
        assert_eq!(read.encode(), bytes);
        let (me, sealing) = (PublicKey([2; 32]), SealingKey::from_seed(&[2; 32]));
        if let Ok(Some(key)) = read.open(&COMPARTMENT, me, &sealing) {
            assert_eq!(key.check(&COMPARTMENT), read.check());
        }
    }
}

/// A sealed payload.
pub fn sealed(bytes: &[u8]) {
    let key = ContentKey::new(&[8; 32]);
    if let Ok(packed) = PLACE.open(&key, bytes) {
        let nonce = bytes[1..13].try_into().expect("a head holds a nonce");
        let again = PLACE.seal_with(&key, &packed, &nonce);
        assert_eq!(again.ok().as_deref(), Some(bytes));
    }
}

/// What was sealed, or a payload of suite 0.
pub fn packed(bytes: &[u8]) {
    if let Some(read) = silsila_store::reread::payload(bytes, &[]) {
        assert!(read.body.len() <= 8 << 20);
    }
}

/// A backup; its content is authenticated before it is looked at.
pub fn backup(bytes: &[u8]) {
    let Ok(mut backup) = BackupReader::new(bytes, &RecoveryKey::new(&[8; 32])) else {
        return;
    };
    let read = |file: &mut dyn std::io::Read| {
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(SealError::from)
    };
    while let Ok(Some(_)) = backup.next(|_, file| read(file)) {}
}

/// A recovery key as somebody types it.
pub fn recovery(bytes: &[u8]) {
    let typed = std::str::from_utf8(bytes).map(RecoveryKey::parse);
    if let Ok(Ok(read)) = typed {
        let again = RecoveryKey::parse(&read.text()).map(|again| again.text());
        assert_eq!(again.ok().as_deref(), Some(&*read.text()));
    }
}

/// The file of a gateway's keys, out of its lock.
pub fn keys(bytes: &[u8]) {
    let read = std::str::from_utf8(bytes)
        .ok()
        .and_then(silsila_gateway::keys::reread);
    if let Some(again) = read {
        let twice = silsila_gateway::keys::reread(&again);
        assert_eq!(twice.as_deref(), Some(&*again));
    }
}

/// Orders and answers on the admin socket.
pub fn order(bytes: &[u8]) {
    if let Ok(order) = serde_json::from_slice::<Order>(bytes) {
        let again = serde_json::to_vec(&order).expect("JSON");
        assert_eq!(serde_json::from_slice::<Order>(&again).ok(), Some(order));
    }
    if let Ok(answer) = serde_json::from_slice::<Answer>(bytes) {
        let again = serde_json::to_vec(&answer).expect("JSON");
        assert_eq!(serde_json::from_slice::<Answer>(&again).ok(), Some(answer));
    }
}

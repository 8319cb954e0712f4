// SPDX-License-Identifier: Apache-2.0
//! The SHA-256 of sample bytes of every format between members, and between a gateway's own programs. A line that has
//! to change here changes a format: give it a new label, keep reading the old one, and say so in an ADR.

use silsila_chain::{PayloadDigest, sha256};
use silsila_replica::ballot::{Ballot, Note};

use crate::known::CHANNEL;
use crate::{sample, votes};

#[test]
fn no_format_changes_by_accident() {
    let mut samples = sample::registration();
    for (name, bytes) in &samples {
        let read = silsila_authority::reread::registration(bytes);
        assert_eq!(read.as_ref(), Some(bytes), "{name}");
    }
    let messages = sample::messages();
    for (name, bytes) in &messages {
        let read = silsila_engine::reread::message(bytes);
        assert_eq!(read.as_ref(), Some(bytes), "{name}");
    }
    let (ballots, notes) = (votes::ballots(), votes::notes());
    for (name, bytes) in &ballots {
        let read = Ballot::decode(bytes).expect(name);
        assert_eq!(read.check(&CHANNEL.id()), Ok(()), "{name}");
        assert_eq!(read.encode(), *bytes, "{name}");
    }
    for (name, bytes) in &notes {
        let read = Note::decode(bytes).expect(name);
        assert_eq!(read.encode(), *bytes, "{name}");
    }
    let candidate = sample::candidate();
    let read = silsila_engine::reread::candidate(&CHANNEL, &candidate);
    assert_eq!(read.as_ref(), Some(&candidate));
    let membership = sample::membership();
    let read = silsila_authority::reread::membership(&membership);
    assert_eq!(read.as_ref(), Some(&membership));
    let keys = sample::keys();
    let read = silsila_gateway::keys::reread(&keys);
    assert_eq!(read.as_deref(), Some(&keys));

    samples.extend(messages);
    samples.extend(sample::orders());
    samples.extend(votes::orders());
    samples.extend(votes::answers());
    samples.extend(ballots);
    samples.extend(notes);
    samples.extend([
        ("candidate", candidate),
        ("invitation", sample::invitation().into_bytes()),
        ("membership", membership.into_bytes()),
        ("keys", keys.into_bytes()),
        // An index of another form is built anew: raise FORMAT in gateway/fhir/src/index/tables.rs.
        ("index: terms", sample::terms()),
        ("index: facts", sample::facts()),
        ("channel file", CHANNEL.encode()),
    ]);
    let found: Vec<String> = samples
        .iter()
        .map(|(name, bytes)| format!("{} {:>5} {name}", PayloadDigest(sha256(bytes)), bytes.len()))
        .collect();
    assert_eq!(found.join("\n"), include_str!("conformance.txt").trim_end());
}

/// What was written once must be read for ever, whatever compresses today.
#[test]
fn what_was_packed_once_still_opens() {
    let packed = include_bytes!("../../../../fuzz/corpus/packed/good");
    let read = silsila_store::reread::payload(packed, &[]).expect("opened");
    assert_eq!(read.mapping, "patient");
    assert_eq!(read.mapping_digest, [1; 32]);
    assert_eq!(read.body, br#"{"resourceType":"Patient"}"#);
}

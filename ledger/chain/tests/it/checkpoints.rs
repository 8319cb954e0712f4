// SPDX-License-Identifier: Apache-2.0
//! Checkpoints, countersignatures and evidence of two histories.

use silsila_chain::merkle::{Hash, consistency_path, root};
use silsila_chain::{
    BlockHeader, Certificate, Certified, ChannelId, Checkpoint, Conflict, Evidence, EvidenceFault,
    Height, MemberKey, Note, SignedCheckpoint,
};

use crate::sample::{chain, genesis, key};

/// The hashes of all headers of the sample, block 0 included.
pub fn headers() -> Vec<Hash> {
    std::iter::once(genesis().header().encode())
        .chain(chain().into_iter().map(|block| block.header))
        .map(|header| BlockHeader::hash(&header).0)
        .collect()
}

pub fn checkpoint(size: usize) -> Checkpoint {
    Checkpoint {
        channel: genesis().id(),
        size: size as u64,
        root: root(headers()[..size].iter().copied()),
    }
}

/// Any text as a note signed by the sample's member, written by other code than the library's.
fn note(text: &str) -> String {
    use ed25519_dalek::{Signer, SigningKey};
    let key = SigningKey::from_bytes(&[1; 32]);
    let public = key.verifying_key().to_bytes();
    let name = format!("silsila/member/{}", key_hex(&public));
    let named = [name.as_bytes(), b"\n\x01", &public].concat();
    let id = silsila_chain::sha256(&named);
    let signed = [&id[..4], &key.sign(text.as_bytes()).to_bytes()].concat();
    format!("{text}\n— {name} {}\n", base64(&signed))
}

fn key_hex(key: &[u8]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64(bytes: &[u8]) -> String {
    let bits: Vec<u8> = (bytes.iter())
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
        .collect();
    let digits = bits.chunks(6).map(|group| {
        let value = (0..6).fold(0, |value, bit| value << 1 | group.get(bit).unwrap_or(&0));
        char::from(match value {
            0..26 => b'A' + value,
            26..52 => b'a' + value - 26,
            52..62 => b'0' + value - 52,
            62 => b'+',
            _ => b'/',
        })
    });
    let mut text: String = digits.collect();
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

fn stranger() -> MemberKey {
    MemberKey::from_seed(&[77; 32])
}

/// Evidence that the sample's one member signed two roots of one size.
pub fn two_checkpoints() -> Evidence {
    let other = Checkpoint {
        root: [5; 32],
        ..checkpoint(3)
    };
    Evidence {
        genesis: genesis().encode(),
        handovers: Vec::new(),
        admissions: Vec::new(),
        conflict: Conflict::Checkpoints {
            first: checkpoint(3).sign(&key()),
            second: other.sign(&key()),
        },
    }
}

fn certified(time_ms: u64) -> Certified {
    let mut header = BlockHeader::decode(&chain()[1].header).expect("of the sample");
    header.time_ms += time_ms;
    let header = header.encode();
    let certificate = Certificate::lone(&key(), &BlockHeader::hash(&header));
    Certified {
        certificate: certificate.encode(),
        header,
    }
}

/// Evidence that the sample's one validator certified two blocks of one height.
pub fn two_certificates() -> Evidence {
    Evidence {
        genesis: genesis().encode(),
        handovers: Vec::new(),
        admissions: Vec::new(),
        conflict: Conflict::Certificates {
            first: certified(0),
            second: certified(1),
        },
    }
}

#[test]
fn a_checkpoint_is_a_signed_note_as_c2sp_draws_it() {
    let signed = checkpoint(3).sign(&key());
    let text = signed.encode();
    let lines: Vec<&str> = text.split('\n').collect();
    assert_eq!(lines[0], format!("silsila/channel/{}", genesis().id()));
    assert_eq!(lines[1], "3");
    assert_eq!(lines[2].len(), 44);
    assert_eq!(lines[3], "");
    assert!(lines[4].starts_with(&format!("— silsila/member/{} ", key().public())));
    assert_eq!(lines[5..], [""]);
    assert_eq!(SignedCheckpoint::open(text.as_bytes()), Ok(signed));
    let body = &text[..text.find("\n\n").expect("of the sample") + 1];
    assert_eq!(note(body), text);
}

/// The key id and signature of the example in C2SP's description of signed notes.
#[test]
fn a_note_by_other_keys_alone_is_signed_by_nobody_known() {
    let note = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n\
        — quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";
    let fault = Note::open(note.as_bytes()).unwrap_err();
    assert_eq!(fault.reason, "no signature by a member's key");
}

#[test]
fn signatures_of_others_are_passed_over_and_a_wrong_one_of_ours_is_not() {
    let signed = checkpoint(3).sign(&key()).encode();
    let line = "— witness.example/w1 jWbPPwAAAABkGFDL\n";
    let opened =
        SignedCheckpoint::open(format!("{signed}{line}").as_bytes()).expect("of the sample");
    assert_eq!(opened.signers().collect::<Vec<_>>(), [key().public()]);
    let (text, signature) = signed.split_once("\n\n").expect("of the sample");
    let forged = format!("{}\n\n{signature}", text.replacen("\n3\n", "\n4\n", 1));
    let fault = SignedCheckpoint::open(forged.as_bytes()).unwrap_err();
    assert_eq!(fault.reason, "a signature that does not verify");
    let twice = format!("{signed}{signature}");
    assert!(SignedCheckpoint::open(twice.as_bytes()).is_err());
}

#[test]
fn a_checkpoint_with_any_bit_changed_or_cut_anywhere_is_none() {
    let good = checkpoint(3).sign(&key()).encode().into_bytes();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << bit;
            assert!(
                SignedCheckpoint::open(&bytes).is_err(),
                "bit {bit} of byte {at}"
            );
        }
        assert!(SignedCheckpoint::open(&good[..at]).is_err(), "{at} bytes");
    }
}

#[test]
fn a_text_that_is_no_checkpoint_is_refused_although_it_is_signed() {
    let good = checkpoint(3).sign(&key()).encode();
    let text = &good[..good.find("\n\n").expect("of the sample") + 1];
    let (origin, rest) = text.split_once('\n').expect("of the sample");
    let mutations = [
        format!("{text}an extension\n"),
        format!("{}\n{rest}", origin.to_uppercase()),
        format!("{origin}x\n{rest}"),
        text.replacen("\n3\n", "\n03\n", 1),
        text.replacen("\n3\n", "\n+3\n", 1),
        text.replacen("\n3\n", "\n0\n", 1),
        text.replacen('=', "", 1),
        format!("{text}\nsecond paragraph\n"),
        "silsila signs a transaction 1   \n".to_owned(),
    ];
    for text in mutations {
        let note = note(&text);
        assert!(Note::open(note.as_bytes()).is_ok(), "signed: {text}");
        assert!(SignedCheckpoint::open(note.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn a_later_checkpoint_is_shown_to_continue_every_earlier_one() {
    let headers = headers();
    let now = checkpoint(headers.len());
    for earlier in 1..=headers.len() {
        let size = headers.len() as u64;
        let path = consistency_path(&headers[..], earlier as u64, size).expect("of the sample");
        assert!(now.continues(&checkpoint(earlier), &path), "{earlier}");
        let other = Checkpoint {
            root: [5; 32],
            ..checkpoint(earlier)
        };
        assert!(!now.continues(&other, &path), "{earlier}");
        let elsewhere = Checkpoint {
            channel: ChannelId([1; 32]),
            ..checkpoint(earlier)
        };
        assert!(!now.continues(&elsewhere, &path), "{earlier}");
    }
}

#[test]
fn a_member_countersigns_what_its_own_chain_says_and_keeps_the_rest_as_evidence() {
    let signed = checkpoint(3).sign(&key());
    let both = signed
        .clone()
        .countersign(&checkpoint(3), &stranger())
        .expect("of the sample");
    let again = both
        .clone()
        .countersign(&checkpoint(3), &stranger())
        .expect("of the sample");
    assert_eq!(again.signers().count(), 2);
    assert_eq!(SignedCheckpoint::open(both.encode().as_bytes()), Ok(both));
    let other = Checkpoint {
        root: [5; 32],
        ..checkpoint(3)
    };
    let conflict = *signed.countersign(&other, &key()).unwrap_err();
    let evidence = Evidence {
        genesis: genesis().encode(),
        handovers: Vec::new(),
        admissions: Vec::new(),
        conflict,
    };
    let shown = evidence.verify(&genesis().id()).expect("of the sample");
    assert_eq!((shown.height, shown.certificates), (Height(2), false));
    assert_eq!(shown.culprits, [key().public()]);
}

#[test]
fn two_certified_blocks_of_one_height_show_who_certified_both() {
    let evidence = two_certificates();
    let shown = evidence.verify(&genesis().id()).expect("of the sample");
    assert_eq!((shown.height, shown.certificates), (Height(2), true));
    assert_eq!(shown.culprits, [key().public()]);
    assert_eq!(Evidence::decode(&evidence.encode()), Ok(evidence));
}

#[test]
fn what_agrees_is_no_evidence_nor_what_anybody_could_have_signed() {
    let same = Conflict::Certificates {
        first: certified(1),
        second: certified(1),
    };
    let heights = Conflict::Certificates {
        first: certified(0),
        second: Certified {
            header: chain()[0].header.clone(),
            certificate: chain()[0].certificate.clone(),
        },
    };
    let uncertified = Conflict::Certificates {
        first: certified(0),
        second: Certified {
            header: certified(1).header,
            certificate: certified(0).certificate,
        },
    };
    let sizes = Conflict::Checkpoints {
        first: checkpoint(2).sign(&key()),
        second: checkpoint(3).sign(&key()),
    };
    let other = Checkpoint {
        root: [5; 32],
        ..checkpoint(3)
    };
    let anybody = Conflict::Checkpoints {
        first: checkpoint(3).sign(&key()),
        second: other.sign(&stranger()),
    };
    let expected = [
        (same, EvidenceFault::Agree),
        (heights, EvidenceFault::Agree),
        (uncertified, EvidenceFault::Certificate),
        (sizes, EvidenceFault::Agree),
        (anybody, EvidenceFault::Stranger),
    ];
    for (conflict, fault) in expected {
        let evidence = Evidence {
            genesis: genesis().encode(),
            handovers: Vec::new(),
            admissions: Vec::new(),
            conflict,
        };
        assert_eq!(evidence.verify(&genesis().id()), Err(fault), "{evidence:?}");
    }
    let elsewhere = two_certificates().verify(&ChannelId([0; 32]));
    assert_eq!(elsewhere, Err(EvidenceFault::Fingerprint));
}

#[test]
fn evidence_with_any_byte_changed_or_missing_shows_nothing() {
    for evidence in [two_checkpoints(), two_certificates()] {
        let good = evidence.encode();
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << (at % 8);
            let shown =
                Evidence::decode(&bytes).and_then(|evidence| evidence.verify(&genesis().id()));
            assert!(shown.is_err(), "byte {at} of {}", good.len());
            assert!(Evidence::decode(&good[..at]).is_err(), "{at} bytes");
        }
    }
}

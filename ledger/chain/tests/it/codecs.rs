// SPDX-License-Identifier: Apache-2.0
//! Every decoder takes exactly what its encoder writes.

use proptest::prelude::*;
use silsila_chain::{
    Block, BlockHeader, Certificate, ChainState, Entry, EntryHash, EventId, Genesis, Op,
    PayloadCommitment, PayloadDigest, Proof, Record, Suite, Tag, TransactionHeader, read_entries,
};

use crate::proofs::proof;
use crate::sample::{chain, genesis, kinds};

fn records() -> impl Strategy<Value = Record> {
    let payload =
        (any::<u8>(), any::<[u8; 32]>(), any::<u32>()).prop_map(|(suite, digest, size)| {
            PayloadCommitment {
                suite: Suite(suite),
                digest: PayloadDigest(digest),
                size,
            }
        });
    let tags = (any::<[u8; 16]>(), any::<[u8; 16]>(), any::<[u8; 16]>());
    let numbers = (any::<bool>(), any::<u8>(), any::<u64>(), any::<u32>());
    let previous = prop::option::of(any::<[u8; 32]>());
    (
        tags,
        numbers,
        "[A-Za-z]{0,32}",
        previous,
        prop::option::of(payload),
    )
        .prop_map(
            |(
                (resource, subject, event),
                (delete, label_class, version, key_period),
                kind,
                previous,
                payload,
            )| Record {
                op: if delete { Op::Delete } else { Op::Put },
                resource_tag: Tag(resource),
                subject_tag: Tag(subject),
                kind,
                label_class,
                version,
                previous: previous.map(EntryHash),
                key_period,
                event_id: EventId(event),
                payload,
            },
        )
}

/// Decodes, and says whether encoding gives the same bytes back.
fn stable(bytes: &[u8]) -> [Option<bool>; 8] {
    [
        Entry::decode(bytes).ok().map(|it| it.encode() == bytes),
        TransactionHeader::decode(bytes)
            .ok()
            .map(|it| it.encode() == bytes),
        BlockHeader::decode(bytes)
            .ok()
            .map(|it| it.encode() == bytes),
        Certificate::decode(bytes)
            .ok()
            .map(|it| it.encode() == bytes),
        Block::decode(bytes).ok().map(|it| it.encode() == bytes),
        Genesis::decode(bytes).ok().map(|it| it.encode() == bytes),
        Proof::decode(bytes).ok().map(|it| it.encode() == bytes),
        ChainState::decode(&genesis(), bytes)
            .ok()
            .map(|it| it.encode() == bytes),
    ]
}

/// One sample of each format, in the order of [`stable`].
fn samples() -> [Vec<u8>; 8] {
    let block = &chain()[1];
    let transaction = &block.transactions[0];
    [
        transaction.entries.clone(),
        transaction.header.clone(),
        block.header.clone(),
        block.certificate.clone(),
        block.encode(),
        genesis().encode(),
        proof().encode(),
        ChainState::at_genesis(&genesis()).encode(),
    ]
}

#[test]
fn each_sample_decodes_as_its_own_format_alone() {
    for (format, sample) in samples().iter().enumerate() {
        let found = stable(sample);
        for (other, result) in found.iter().enumerate() {
            assert_eq!(
                *result,
                (other == format).then_some(true),
                "{format} as {other}"
            );
        }
    }
}

#[test]
fn bytes_behind_a_sample_are_refused() {
    for (format, mut sample) in samples().into_iter().enumerate() {
        sample.push(0);
        assert_eq!(stable(&sample), [None; 8], "{format}");
    }
}

#[test]
fn a_sample_cut_anywhere_is_refused() {
    for sample in samples() {
        for end in 0..sample.len() {
            assert_eq!(stable(&sample[..end]), [None; 8]);
        }
    }
}

#[test]
fn each_kind_of_entry_survives_its_bytes_and_is_refused_when_cut_or_reserved() {
    for entry in kinds() {
        let bytes = entry.encode();
        assert_eq!(Entry::decode(&bytes), Ok(entry));
        for end in 0..bytes.len() {
            assert!(Entry::decode(&bytes[..end]).is_err(), "cut at {end}");
        }
        for reserved in [0, 3, 4, 5, 6, 10, 11, 12] {
            let mut other = bytes.clone();
            other[1] = reserved;
            assert!(Entry::decode(&other).is_err(), "kind {reserved}");
        }
    }
    assert!(!kinds().is_empty());
}

proptest! {
    #[test]
    fn a_changed_entry_of_any_kind_is_refused_or_another_entry(
        kind in 0..9_usize, at: prop::sample::Index, to: u8,
    ) {
        let kinds = kinds();
        let mut bytes = kinds[kind % kinds.len()].encode();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(entry) = Entry::decode(&bytes) {
            prop_assert_eq!(entry.encode(), bytes);
        }
    }

    #[test]
    fn a_record_survives_its_bytes(record in records()) {
        let entry = Entry::Record(record);
        prop_assert_eq!(Entry::decode(&entry.encode()), Ok(entry));
    }

    #[test]
    fn whatever_decodes_was_written_by_the_encoder(bytes: Vec<u8>) {
        prop_assert!(stable(&bytes).into_iter().flatten().all(|same| same));
        let _ = read_entries(&bytes);
    }

    #[test]
    fn a_changed_sample_is_refused_or_another_object(
        format in 0..8_usize, at: prop::sample::Index, to: u8,
    ) {
        let mut sample = samples()[format].clone();
        let at = at.index(sample.len());
        prop_assume!(sample[at] != to);
        sample[at] = to;
        prop_assert!(stable(&sample).into_iter().flatten().all(|same| same));
    }
}

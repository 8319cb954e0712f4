// SPDX-License-Identifier: Apache-2.0
//! Whole chains as files.

use silsila_chain::{
    AsCertified, Block, ChainState, ChannelId, EXPORT_MAGIC, ExportFault, ExportVerifier, Frame,
    FrameKind, MemoryHeads, PayloadCommitment, PayloadDigest, Proof, Record, sha256,
};

use crate::sample::{block, chain, genesis, put, transaction};
use crate::showing;

/// A payload of suite 0: its first byte says so.
pub const PAYLOAD: &[u8; 20] = b"\0nineteen more bytes";

fn committed(name: &str, bytes: &[u8]) -> Record {
    let record = put(name, 1, None);
    let payload = PayloadCommitment {
        digest: PayloadDigest(sha256(bytes)),
        size: u32::try_from(bytes.len()).expect("of the sample"),
        ..record.payload.expect("of the sample")
    };
    Record {
        payload: Some(payload),
        ..record
    }
}

/// One block with two payloads, one with nothing.
pub fn chain_with_payloads() -> Vec<Block> {
    let (mut state, mut heads) = (ChainState::at_genesis(&genesis()), MemoryHeads::default());
    let records = [
        committed("Observation/a", PAYLOAD),
        committed("Observation/b", b"\0other"),
    ];
    [vec![transaction(1, &records)], vec![]]
        .map(|transactions| {
            let block = block(&state, state.time_ms() + 10, transactions);
            let verified = state
                .verify_block(&block, &AsCertified, &mut heads)
                .expect("of the sample");
            heads.extend(verified.accepted.heads);
            state = verified.accepted.after;
            block
        })
        .to_vec()
}

/// The proof of the first payload's entry.
pub fn proof_of_payload() -> Proof {
    showing::proof(&genesis(), &chain_with_payloads(), (1, 0, 0))
}

fn frames(blocks: &[Block], payloads: &[(u64, &[u8])]) -> Vec<Frame> {
    showing::frames(&genesis(), blocks, payloads)
}

fn both() -> Vec<Frame> {
    frames(&chain_with_payloads(), &[(0, PAYLOAD), (1, b"\0other")])
}

/// The file.
pub fn export() -> Vec<u8> {
    showing::file(&both())
}

/// Reads a file as the verifier's program does.
pub fn read(bytes: &[u8]) -> Result<silsila_chain::ExportSummary, String> {
    let mut rest = bytes.strip_prefix(EXPORT_MAGIC).ok_or("another file")?;
    let mut verifier = ExportVerifier::new(genesis().id());
    while let Some((head, after)) = rest.split_first_chunk::<5>() {
        let (kind, length) = FrameKind::read(head).map_err(|fault| fault.to_string())?;
        let (body, after) = after.split_at_checked(length).ok_or("cut off")?;
        let frame = Frame::decode(kind, body).map_err(|fault| fault.to_string())?;
        verifier.take(frame).map_err(|fault| fault.to_string())?;
        rest = after;
    }
    if !rest.is_empty() {
        return Err("cut off".to_owned());
    }
    verifier
        .finish()
        .map(|(_, summary)| summary)
        .map_err(|fault| fault.to_string())
}

fn judge(frames: Vec<Frame>) -> Result<u64, ExportFault> {
    let mut verifier = ExportVerifier::new(genesis().id());
    for frame in frames {
        verifier.take(frame)?;
    }
    verifier.finish().map(|(_, summary)| summary.payloads)
}

#[test]
fn a_whole_chain_is_verified_with_or_without_payloads() {
    let summary = read(&export()).expect("of the sample");
    assert_eq!(
        (summary.height.0, summary.transactions, summary.entries),
        (2, 1, 2)
    );
    assert_eq!((summary.commitments, summary.payloads), (2, 2));
    assert_eq!(summary.checkpoint.expect("of the sample").size, 3);
    assert_eq!(
        judge(frames(&chain_with_payloads(), &[(1, b"\0other")])),
        Ok(1)
    );
    assert_eq!(judge(frames(&chain_with_payloads(), &[])), Ok(0));
    assert_eq!(judge(frames(&chain(), &[])), Ok(0));
}

#[test]
fn a_chain_is_for_one_fingerprint() {
    let mut verifier = ExportVerifier::new(ChannelId([0; 32]));
    let fault = verifier.take(Frame::Genesis(genesis().encode()));
    assert_eq!(fault, Err(ExportFault::Fingerprint));
}

#[test]
fn a_frame_left_out_repeated_or_moved_is_noticed() {
    let whole = both();
    for at in 0..whole.len() {
        let mut less = whole.clone();
        less.remove(at);
        let optional = matches!(whole[at], Frame::Payload { .. });
        assert!(judge(less).is_err(), "without frame {at}");
        let mut again = whole.clone();
        again.insert(at, whole[at].clone());
        assert!(judge(again).is_err(), "frame {at} twice");
        if at + 1 < whole.len() {
            let mut moved = whole.clone();
            moved.swap(at, at + 1);
            assert!(judge(moved).is_err(), "frames {at} and {} changed", at + 1);
        }
        if optional {
            let mut other = whole.clone();
            other[at] = Frame::Payload {
                entry: 0,
                bytes: vec![0; 20],
            };
            assert!(judge(other).is_err(), "another payload at {at}");
        }
    }
}

#[test]
fn a_file_with_any_bit_changed_or_cut_anywhere_is_refused() {
    let good = export();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        assert!(read(&bytes).is_err(), "byte {at} of {}", good.len());
        assert!(read(&good[..at]).is_err(), "{at} bytes");
    }
    assert!(read(&[&good[..], &good[16..]].concat()).is_err());
}

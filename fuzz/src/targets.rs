// SPDX-License-Identifier: Apache-2.0
//! One target for each decoder of bytes from strangers. A target panics where a promise is broken:
//! whatever is accepted is written back as the same bytes, and nothing panics by itself.

use silsila_chain::cbor::Reader;
use silsila_chain::{
    Block, BlockHeader, Bundle, Certificate, ChannelId, EXPORT_MAGIC, Entry, Evidence, Frame,
    FrameKind, Genesis, Proof, QuorumCertificate, Receipt, SignedCheckpoint, TransactionHeader,
    read_entries,
};

/// A target's name and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 12] = [
    ("cbor", cbor),
    ("entry", entry),
    ("transaction", transaction),
    ("block", block),
    ("genesis", genesis),
    ("certificate", certificate),
    ("quorum", quorum),
    ("bundle", bundle),
    ("receipt", receipt),
    ("checkpoint", checkpoint),
    ("evidence", evidence),
    ("export", export),
];

/// A fingerprint that no genesis has: whatever verifies against it is a forgery.
const NOWHERE: ChannelId = ChannelId([0x5f; 32]);

/// The fingerprint of the genesis that bytes bring along, so that what is behind it is looked at too.
fn own(genesis: &[u8]) -> ChannelId {
    Genesis::decode(genesis).map_or(NOWHERE, |genesis| genesis.id())
}

/// Each call of the reader, chosen by the bytes themselves.
pub fn cbor(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    while !reader.is_at_end() {
        let before = reader.offset();
        let read = match bytes[before] >> 5 {
            0 => reader.uint().map(drop),
            1 => reader.negative(0),
            2 => reader.bytes(64).map(drop),
            3 => reader.text(64).map(drop),
            4 => reader.array(64).map(drop),
            5 => reader.map(1),
            6 => reader.tag(18),
            _ if reader.is_null() => Ok(()),
            _ => return,
        };
        if read.is_err() {
            return;
        }
        assert!(reader.offset() > before && reader.offset() <= bytes.len());
    }
}

/// The bytes of an entry.
pub fn entry(bytes: &[u8]) {
    if let Ok(entry) = Entry::decode(bytes) {
        assert_eq!(entry.encode(), bytes);
        _ = entry.check();
    }
}

/// The bytes of a transaction.
pub fn transaction(bytes: &[u8]) {
    if let Ok(header) = TransactionHeader::decode(bytes) {
        assert_eq!(header.encode(), bytes);
    }
    if let Ok(entries) = read_entries(bytes) {
        assert_eq!(entries.last().map_or(0, |entry| entry.end), bytes.len());
    }
}

/// The bytes of a block.
pub fn block(bytes: &[u8]) {
    if let Ok(header) = BlockHeader::decode(bytes) {
        assert_eq!(header.encode(), bytes);
    }
    if let Ok(block) = Block::decode(bytes) {
        assert_eq!(block.encode(), bytes);
        for transaction in &block.transactions {
            _ = transaction.open();
        }
    }
}

/// The bytes of a genesis.
pub fn genesis(bytes: &[u8]) {
    if let Ok(genesis) = Genesis::decode(bytes) {
        assert_eq!(genesis.encode(), bytes);
        assert_ne!(genesis.id(), NOWHERE);
    }
}

/// The bytes of a certificate.
pub fn certificate(bytes: &[u8]) {
    if let Ok(certificate) = Certificate::decode(bytes) {
        assert_eq!(certificate.encode(), bytes);
    }
}

/// The bytes of a quorum.
pub fn quorum(bytes: &[u8]) {
    if let Ok(certificate) = QuorumCertificate::decode(bytes) {
        assert_eq!(certificate.encode(), bytes);
    }
}

/// The bytes of a bundle.
pub fn bundle(bytes: &[u8]) {
    if let Ok(bundle) = Bundle::decode(bytes) {
        assert_eq!(bundle.encode(), bytes);
        _ = silsila_verify::verify_bundle(bytes, &own(&bundle.proof.genesis));
    }
    if let Ok(proof) = Proof::decode(bytes) {
        assert_eq!(proof.encode(), bytes);
    }
    assert!(silsila_verify::verify_bundle(bytes, &NOWHERE).is_err());
}

/// The bytes of a receipt.
pub fn receipt(bytes: &[u8]) {
    if let Ok(receipt) = Receipt::decode(bytes) {
        assert_eq!(receipt.encode(), bytes);
        assert!(receipt.verify(bytes).is_none());
    }
}

/// The bytes of a checkpoint.
pub fn checkpoint(bytes: &[u8]) {
    if let Ok(signed) = SignedCheckpoint::open(bytes) {
        let again = SignedCheckpoint::open(signed.encode().as_bytes());
        assert_eq!(again.as_ref(), Ok(&signed));
    }
}

/// The bytes of an evidence.
pub fn evidence(bytes: &[u8]) {
    if let Ok(evidence) = Evidence::decode(bytes) {
        assert_eq!(evidence.encode(), bytes);
        _ = silsila_verify::verify_evidence(bytes, &own(&evidence.genesis));
    }
    assert!(silsila_verify::verify_evidence(bytes, &NOWHERE).is_err());
}

/// The bytes of an export.
pub fn export(bytes: &[u8]) {
    let verify = |channel: &ChannelId| {
        silsila_verify::verify_chain(&mut &*bytes, "bytes", channel, &[], &mut |_| ())
    };
    assert!(verify(&NOWHERE).is_err());
    let mut rest = bytes.strip_prefix(&EXPORT_MAGIC[..]).unwrap_or_default();
    while let Some((frame, bytes, behind)) = first_frame(rest) {
        assert_eq!(frame.encode(), bytes);
        if let Frame::Genesis(genesis) = frame {
            _ = verify(&own(&genesis));
        }
        rest = behind;
    }
}

/// The first frame, its bytes, and what is behind it.
fn first_frame(bytes: &[u8]) -> Option<(Frame, &[u8], &[u8])> {
    let (head, behind) = bytes.split_first_chunk()?;
    let (kind, length) = FrameKind::read(head).ok()?;
    let frame = Frame::decode(kind, behind.get(..length)?).ok()?;
    let (bytes, behind) = bytes.split_at(head.len() + length);
    Some((frame, bytes, behind))
}

// SPDX-License-Identifier: Apache-2.0
//! What can be shown of a whole chain: the proof of an entry, and the file. The tests of the auditor's program use
//! it too.

use silsila_chain::merkle::{Hash, inclusion_path};
use silsila_chain::{
    Block, BlockHeader, EXPORT_MAGIC, Frame, Genesis, Height, Later, Proof, Transaction,
};

/// The hashes of all headers, the genesis' first.
pub fn headers(genesis: &Genesis, blocks: &[Block]) -> Vec<Hash> {
    std::iter::once(genesis.header().encode())
        .chain(blocks.iter().map(|block| block.header.clone()))
        .map(|header| BlockHeader::hash(&header).0)
        .collect()
}

/// From a leaf to the root over all.
fn path(leaves: &[Hash], leaf: usize) -> Vec<Hash> {
    let Ok(path) = inclusion_path(leaves, leaf as u64, leaves.len() as u64);
    path
}

/// The proof of an entry, up to the last block: the height of its block, the transaction's place in it, and the
/// entry's in that. Boundaries of epochs are for who knows of them.
pub fn proof(
    genesis: &Genesis,
    blocks: &[Block],
    (height, place, entry): (usize, usize, usize),
) -> Proof {
    let (block, last) = (&blocks[height - 1], blocks.last().expect("some blocks"));
    let ids: Vec<Hash> = (block.transactions.iter())
        .map(|transaction| transaction.id().0)
        .collect();
    let transaction: &Transaction = &block.transactions[place];
    let opened = transaction.open().expect("of the sample");
    let entries = opened.entries();
    let leaves: Vec<Hash> = entries.iter().map(|entry| entry.hash.0).collect();
    let start = entry.checked_sub(1).map_or(0, |before| entries[before].end);
    let later = (height < blocks.len()).then(|| Later {
        header: last.header.clone(),
        certificate: last.certificate.clone(),
        path: path(&headers(genesis, blocks)[..blocks.len()], height),
    });
    Proof {
        genesis: genesis.encode(),
        header: block.header.clone(),
        certificate: block.certificate.clone(),
        transaction: transaction.header.clone(),
        scheme: transaction.scheme,
        signature: transaction.signature,
        transaction_index: place as u64,
        transaction_count: ids.len() as u64,
        transaction_path: path(&ids, place),
        entry: transaction.entries[start..entries[entry].end].to_vec(),
        entry_index: entry as u64,
        entry_path: path(&leaves, entry),
        later,
        handovers: Vec::new(),
    }
}

/// The frames of an export, whatever is wrong with the blocks; payloads by entry number.
pub fn frames(genesis: &Genesis, blocks: &[Block], payloads: &[(u64, &[u8])]) -> Vec<Frame> {
    let mut frames = vec![Frame::Genesis(genesis.encode())];
    let mut entries = 0;
    for block in blocks {
        frames.push(Frame::Block {
            header: block.header.clone(),
            certificate: block.certificate.clone(),
            transactions: block.transactions.len() as u64,
        });
        frames.extend(block.transactions.iter().cloned().map(Frame::Transaction));
        let count = |transaction: &Transaction| {
            let opened = transaction.open().expect("of the sample");
            opened.entries().len() as u64
        };
        let first = entries;
        entries += block.transactions.iter().map(count).sum::<u64>();
        let of_block = payloads
            .iter()
            .filter(|(entry, _)| (first..entries).contains(entry));
        frames.extend(of_block.map(|(entry, bytes)| Frame::Payload {
            entry: *entry,
            bytes: bytes.to_vec(),
        }));
    }
    let last = blocks.last().expect("some blocks");
    frames.push(Frame::End {
        height: Height(blocks.len() as u64),
        hash: BlockHeader::hash(&last.header),
        entries,
        payloads: payloads.len() as u64,
    });
    frames
}

/// The file of frames.
pub fn file(frames: &[Frame]) -> Vec<u8> {
    let frames: Vec<u8> = frames.iter().flat_map(Frame::encode).collect();
    [&EXPORT_MAGIC[..], &frames].concat()
}

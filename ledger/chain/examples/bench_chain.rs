// SPDX-License-Identifier: Apache-2.0
//! What the parts of verification cost on this machine.
//!
//! ```text
//! cargo run --release -p silsila-chain --example bench_chain
//! ```

use std::hint::black_box;
use std::time::Instant;

use sha2::{Digest, Sha256};
use silsila_chain::merkle::{leaf_hash, node_hash, root};
use silsila_chain::{
    ChainState, Entry, EntryHash, EventId, Genesis, Head, MemberKey, MemoryHeads, Op,
    PayloadCommitment, PayloadDigest, Record, StateHash, Suite, Tag, read_entries,
};

const ROUNDS: u32 = 200_000;

fn main() {
    let record = |n: u64| Record {
        op: Op::Put,
        resource_tag: Tag(n.to_be_bytes().repeat(2).try_into().expect("16 bytes")),
        subject_tag: Tag([2; 16]),
        kind: "Observation".to_owned(),
        label_class: 0,
        version: 1,
        previous: None,
        key_period: 0,
        event_id: EventId([3; 16]),
        payload: Some(PayloadCommitment {
            suite: Suite::CLEAR,
            digest: PayloadDigest([4; 32]),
            size: 500,
        }),
    };
    let entries: Vec<u8> = (0..16)
        .flat_map(|n| Entry::Record(record(n)).encode())
        .collect();
    let entry = Entry::Record(record(1)).encode();
    let large = vec![7_u8; 1 << 20];
    let payload = vec![7_u8; 500];
    println!("entry: {} bytes", entry.len());
    per("SHA-256 of 1 MiB, per 500 bytes", 100, 2_097_152, || {
        Sha256::digest(&large)
    });
    per("SHA-256 of 500 bytes", ROUNDS, 1000, || {
        Sha256::digest(&payload)
    });
    per("leaf hash of an entry", ROUNDS, 1000, || leaf_hash(&entry));
    per("node hash", ROUNDS, 1000, || node_hash(&[1; 32], &[2; 32]));
    per("root over 16, each", ROUNDS / 16, 16_000, || {
        root((0..16).map(|n| [n; 32]))
    });
    per(
        "read and hash 16 entries, each",
        ROUNDS / 16,
        16_000,
        || read_entries(&entries),
    );
    let mut state = StateHash::default();
    per("add to the state", ROUNDS, 1000, || {
        state.add(&Tag([1; 16]), 1, &EntryHash([2; 32]));
    });
    per("state root", ROUNDS / 10, 1000, || state.root());
    let key = MemberKey::from_seed(&[1; 32]);
    let genesis = Genesis::lone(key.public(), String::new(), [0; 16], 0);
    per("chain state copied", ROUNDS / 10, 1000, || {
        ChainState::at_genesis(&genesis).clone()
    });
    let signature = key.sign(silsila_chain::SignedAs::Block, &[1; 32]);
    per("signature", 2000, 1000, || {
        key.public()
            .verifies(silsila_chain::SignedAs::Block, &[1; 32], &signature)
    });
    let mut heads = MemoryHeads::default();
    let mut n = 0_u64;
    per("a million heads, each", 1_000_000, 1000, || {
        n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
        heads.insert(
            Tag(n.to_be_bytes().repeat(2).try_into().expect("16 bytes")),
            Head::of(&record(1), EntryHash([0; 32]), 0),
        )
    });
}

/// Prints nanoseconds; `scale` thousandths of a call count as one.
fn per<T>(name: &str, rounds: u32, scale: u64, mut call: impl FnMut() -> T) {
    let mut best = f64::MAX;
    for _ in 0..5 {
        let started = Instant::now();
        for _ in 0..rounds {
            black_box(call());
        }
        let each = started.elapsed().as_secs_f64() * 1e9 / f64::from(rounds);
        best = best.min(each * 1000.0 / scale as f64);
    }
    println!("{name}: {best:.0} ns");
}

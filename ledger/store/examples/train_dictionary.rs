// SPDX-License-Identifier: Apache-2.0
//! Makes a compression dictionary from a ledger of invented patients, and says what it gains.
//!
//! ```text
//! cargo run --release -p silsila-store --example train_dictionary <ledger> <output> [size]
//! ```
//!
//! A dictionary holds pieces of what it was trained on: never train on real patients.

use std::collections::BTreeMap;
use std::path::Path;

use silsila_store::chain::cbor::Writer;
use silsila_store::{Payload, Store, StoreError};

/// So many bodies of each kind are learnt from, and as many others are measured.
const EACH: usize = 400;
const LEVEL: i32 = 3;

fn main() -> Result<(), StoreError> {
    let mut arguments = std::env::args().skip(1);
    let (Some(ledger), Some(output)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: train_dictionary <ledger> <output> [size]");
        std::process::exit(2);
    };
    let size = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(32 << 10);
    let store = Store::open_read_only(Path::new(&ledger))?;
    let kinds = collect(&store)?;
    let learnt: Vec<&[u8]> = kinds
        .values()
        .flat_map(|frames| &frames[..frames.len() / 2])
        .map(Vec::as_slice)
        .collect();
    let dictionary =
        zstd::dict::from_samples(&learnt, size).expect("the samples suffice for a dictionary");
    report(&kinds, &dictionary);
    std::fs::write(&output, &dictionary).expect("the output can be written");
    println!("{} bytes in {output}", dictionary.len());
    Ok(())
}

/// Frames by mapping, taken evenly from the whole ledger. In place of the mapping's digest, which changes
/// with each edit of a mapping, stands another one in each frame, so that none is learnt.
fn collect(store: &Store) -> Result<BTreeMap<String, Vec<Vec<u8>>>, StoreError> {
    let entries = store.health()?.entries;
    let mut kinds: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    let (mut seq, mut looked) = (0, 0);
    while looked < entries.min(400_000) {
        seq = (seq + 7919) % entries;
        looked += 1;
        let entry = store.read(|conn| store.committed(conn, seq))?;
        let Some(payload) = entry.into_payload() else {
            continue;
        };
        let frames = kinds.entry(payload.mapping.clone()).or_default();
        if frames.len() < 2 * EACH {
            frames.push(frame(&payload));
        }
    }
    Ok(kinds)
}

fn frame(payload: &Payload) -> Vec<u8> {
    let digest = silsila_store::chain::sha256(&payload.body);
    let mut writer = Writer::new();
    writer
        .array(3)
        .text(&payload.mapping)
        .bytes(&digest)
        .bytes(&payload.body);
    writer.into_bytes()
}

fn report(kinds: &BTreeMap<String, Vec<Vec<u8>>>, dictionary: &[u8]) {
    let mut with =
        zstd::bulk::Compressor::with_dictionary(LEVEL, dictionary).expect("a dictionary");
    let mut without = zstd::bulk::Compressor::new(LEVEL).expect("a context");
    for (kind, frames) in kinds {
        let measured = &frames[frames.len() / 2..];
        let mean = |sizes: usize| sizes / measured.len().max(1);
        let plain = mean(measured.iter().map(Vec::len).sum());
        let packed = |compressor: &mut zstd::bulk::Compressor<'_>| {
            mean(
                measured
                    .iter()
                    .map(|frame| compressor.compress(frame).map_or(0, |packed| packed.len()))
                    .sum(),
            )
        };
        println!(
            "{kind}: {plain} bytes, {} without, {} with",
            packed(&mut without),
            packed(&mut with)
        );
    }
}

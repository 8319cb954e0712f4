// SPDX-License-Identifier: Apache-2.0
//! Keys that several rows share: on purpose, and by mistake.

use silsila_pipeline::QuarantineFilter;

use crate::hospital::{build, grouping_pack, mistaken_pack};
use crate::ledger::{Gateway, folder};

fn with(bodies: &std::collections::BTreeMap<String, Vec<u8>>, text: &str) -> usize {
    let has = |body: &&Vec<u8>| String::from_utf8_lossy(body).contains(text);
    bodies.values().filter(has).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_one_row_even_where_a_chunk_ends_within_it() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(10);
    for visit in 0..20 {
        let number = (visit / 2 + 1) * 10 + visit % 2;
        for (i, sign) in ["pulse", "weight", "mood"].iter().enumerate() {
            // The rows of a group do not lie beside each other in the table.
            let id = i64::try_from(i).unwrap() * 100 + visit;
            memory.vital(id, number, sign, &format!("{sign} of {number}"), 10);
        }
    }
    let gateway = Gateway::start(&path, &memory, grouping_pack());
    let status = gateway.sweep().await;
    let counters = status.sources[0].mapping("vitals").unwrap().counters;
    assert_eq!(
        (counters.rows, counters.produced, counters.versions),
        (20, 20, 20)
    );
    assert_eq!(with(&gateway.bodies(), "pulse of 51 weight of 51"), 1);
    memory.vital(9, 51, "pulse", "a new pulse", 90);
    gateway.poll().await;
    assert_eq!(with(&gateway.bodies(), "a new pulse weight of 51"), 1);
    // One row of a group vanishes, and all rows of another.
    memory.delete("vitals", 109);
    memory.vital(109, 51, "steps", "9000", 91);
    for id in [6, 106, 206] {
        memory.delete("vitals", id);
    }
    let status = gateway.sweep().await;
    assert_eq!(with(&gateway.bodies(), "\"a new pulse\""), 1);
    let counters = status.sources[0].mapping("vitals").unwrap().counters;
    assert_eq!((counters.rows, counters.resources), (19, 19));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_one_key_cannot_tell_apart_are_all_held_back() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(3);
    memory.delete("visits", 31);
    // Every chunk ends within a key.
    let gateway = Gateway::tuned(&path, &memory, mistaken_pack(), &|source| {
        source.chunk_rows = 1;
    });
    gateway.sweep().await;
    assert_eq!(
        gateway.of_type("Encounter").len(),
        1,
        "only patient 3 has one visit"
    );
    let held = gateway
        .handle
        .quarantine(&QuarantineFilter::default(), 10)
        .unwrap();
    let held: Vec<_> = held
        .iter()
        .map(|e| (e.code.as_str(), e.key.as_str()))
        .collect();
    assert_eq!(held, [("PIP0011", "1"), ("PIP0011", "2")]);
    gateway.stop().await;
}

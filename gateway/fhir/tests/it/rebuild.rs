// SPDX-License-Identifier: Apache-2.0
//! An index that is behind the chain catches up, and until then searches wait.

use std::sync::Arc;

use silsila_fhir::{FhirState, SearchIndex};
use silsila_store::{NoIndex, Store, StoreError};

use crate::bed::{Bed, open_access, options, settings};
use crate::chart::{clinical, filled, patients};

fn dump(store: &Store) -> Vec<String> {
    let tables = ["fhir_version", "fhir_resource", "fhir_count", "fhir_stale"];
    store
        .read::<_, StoreError>(|conn| {
            let mut lines = Vec::new();
            for table in tables {
                let mut rows = conn.prepare(&format!("SELECT * FROM {table} ORDER BY 1"))?;
                let columns = rows.column_count();
                // Keys differ from file to file, so resources are compared by what follows theirs.
                let skip = if table == "fhir_resource" { 1 } else { 0 };
                let found = rows.query_map([], |row| {
                    let cells = (skip..columns).map(|place| {
                        let name = row.as_ref().column_name(place).unwrap_or("").to_owned();
                        if name == "rid" || name == "tag" {
                            return Ok("-".to_owned());
                        }
                        Ok(format!("{:?}", row.get_ref(place)?))
                    });
                    cells.collect::<Result<Vec<_>, silsila_store::rusqlite::Error>>()
                })?;
                let mut found: Vec<_> = found
                    .map(|row| row.map(|row| row.join(" ")))
                    .collect::<Result<_, _>>()?;
                found.sort();
                lines.extend(found.into_iter().map(|row| format!("{table} {row}")));
            }
            Ok(lines)
        })
        .unwrap()
}

#[test]
fn a_new_index_over_an_old_chain_becomes_what_it_would_have_been() {
    let usual = filled();
    usual.delete("Patient/p3");
    usual.put(&patients()[2..]);
    usual.put(&clinical()[..1]);

    // The same chain, written while there was no index.
    let folder = usual.folder.path().join("again");
    std::fs::create_dir(&folder).unwrap();
    let late = late_copy();
    for step in 0..100 {
        if silsila_fhir::index::upkeep::catch_up(&late.0).unwrap() == 0 {
            break;
        }
        assert!(step < 99, "the index never arrives");
    }
    assert_eq!(dump(&late.0), dump(&usual.store));
    assert!(late.0.verify(&mut |_| {}).unwrap().is_clean());
}

/// The chain of the test above, committed without an index and then opened with one.
fn late_copy() -> (Store, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(silsila_store::TestClock::at(crate::bed::START_MS));
    {
        let store = Store::open(options(&folder, &clock), Box::new(NoIndex)).unwrap();
        crate::bed::commit_to(&store, &puts(&patients()));
        crate::bed::commit_to(&store, &puts(&clinical()));
        crate::bed::commit_to(&store, &[("Patient/p3".into(), None)]);
        crate::bed::commit_to(&store, &puts(&patients()[2..]));
        crate::bed::commit_to(&store, &puts(&clinical()[..1]));
        store.close().unwrap();
    }
    (
        Store::open(options(&folder, &clock), SearchIndex::new()).unwrap(),
        folder,
    )
}

fn puts(bodies: &[serde_json::Value]) -> Vec<(String, Option<serde_json::Value>)> {
    bodies
        .iter()
        .map(|body| (crate::bed::name_of(body), Some(body.clone())))
        .collect()
}

#[test]
fn searches_wait_for_an_index_that_is_behind() {
    let (store, _folder) = late_copy();
    let clock = Arc::new(silsila_store::TestClock::at(crate::bed::START_MS));
    let state = FhirState::with_clock(store.clone(), settings(), open_access(), clock).unwrap();
    let bed = Bed::over(store, state);
    // The thread beside the server catches up on its own; whatever it does, an answer is whole or refused.
    loop {
        let reply = bed.get("Patient");
        if reply.status.is_success() {
            assert_eq!(reply.total(), Some(3));
            break;
        }
        assert_eq!(reply.refused(503), "FHR0028");
        assert_eq!(reply.header("retry-after"), "1");
        std::thread::yield_now();
    }
}

// SPDX-License-Identifier: Apache-2.0
use serde_json::json;

use crate::bed::below;
use crate::chart::{filled, patients};

#[test]
fn every_version_has_a_provenance_with_its_place_on_the_ledger() {
    let bed = filled();
    bed.later(60_000);
    let mut body = patients().remove(0);
    body["birthDate"] = json!("1991-01-01");
    bed.put(&[body]);
    bed.delete("Patient/p1");
    let reply = bed.get("Provenance?target=Patient/p1").ok();
    assert_eq!(reply.total(), Some(3));
    let stories: Vec<_> = reply
        .entries()
        .iter()
        .map(|e| e["resource"].clone())
        .collect();
    let targets: Vec<_> = stories
        .iter()
        .map(|s| s["target"][0]["reference"].clone())
        .collect();
    assert_eq!(
        targets,
        [
            "Patient/p1/_history/3",
            "Patient/p1/_history/2",
            "Patient/p1/_history/1"
        ]
    );
    let codes: Vec<_> = stories
        .iter()
        .map(|s| s["activity"]["coding"][0]["code"].clone())
        .collect();
    assert_eq!(codes, ["DELETE", "UPDATE", "CREATE"]);
    let first = &stories[2];
    assert_eq!(first["recorded"], "2025-07-01T00:00:00.001Z");
    assert_eq!(first["agent"][0]["who"]["display"], "Civil Hospital");
    let what = first["entity"][0]["what"]["identifier"]["value"]
        .as_str()
        .unwrap();
    assert_eq!(what, format!("patient@sha256:{}", "07".repeat(32)));
    let ledger = first["extension"][0]["extension"].as_array().unwrap();
    let names: Vec<_> = ledger
        .iter()
        .map(|part| part["url"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["height", "entry", "block", "transaction"]);
    let id = first["id"].as_str().unwrap();
    let read = bed.get(&format!("Provenance/{id}")).ok();
    assert_eq!(read.json, *first);
    assert_eq!(read.header("etag"), "W/\"1\"");
}

#[test]
fn the_proof_bundle_convinces_without_the_gateway() {
    let bed = filled();
    let reply = bed.get("Provenance?target=Patient/p2").ok();
    let story = &reply.entries()[0]["resource"];
    assert_eq!(
        story["signature"][0]["sigFormat"],
        "application/vnd.silsila.proof+cbor"
    );
    let bytes = unbase64(story["signature"][0]["data"].as_str().unwrap());
    let proof = silsila_store::chain::Proof::decode(&bytes).unwrap();
    let fingerprint = bed.store.channel();
    let proven = proof.verify(&fingerprint).unwrap();
    let part = |name: &str| {
        let parts = story["extension"][0]["extension"].as_array().unwrap();
        let part = parts.iter().find(|part| part["url"] == name).unwrap();
        part["valueString"].as_str().unwrap_or("").to_owned()
    };
    assert_eq!(part("entry"), proven.entry_hash.to_string());
    assert_eq!(part("block"), proven.block.to_string());
    assert_eq!(part("transaction"), proven.transaction.to_string());
    let mut changed = bytes;
    let last = changed.len() - 40;
    changed[last] ^= 1;
    let still = silsila_store::chain::Proof::decode(&changed)
        .map(|proof| proof.verify(&fingerprint).is_ok());
    assert_ne!(still, Ok(true));
}

#[test]
fn a_search_brings_the_provenance_of_what_it_finds() {
    let bed = filled();
    let reply = bed
        .get("Observation?patient=p1&_revinclude=Provenance:target&_count=2")
        .ok();
    assert_eq!(reply.total(), Some(3));
    assert_eq!(reply.ids().len(), 2);
    let included: Vec<_> = reply
        .entries()
        .iter()
        .filter(|entry| entry["search"]["mode"] == "include")
        .map(|entry| {
            entry["resource"]["target"][0]["reference"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let expect: Vec<_> = reply
        .ids()
        .iter()
        .map(|id| format!("Observation/{id}/_history/1"))
        .collect();
    assert_eq!(included, expect);
    let next = bed.get(below(&reply.link("next").unwrap())).ok();
    assert_eq!(next.entries().len(), 2);
    assert_eq!(
        bed.get("Patient?_revinclude=Observation:patient")
            .refused(400),
        "FHR0008"
    );
}

#[test]
fn provenances_are_found_by_target_id_and_time() {
    let bed = filled();
    let count = |query: &str| {
        bed.get(&format!("Provenance?{query}"))
            .ok()
            .total()
            .unwrap()
    };
    assert_eq!(count(""), 9);
    assert_eq!(count("patient=p1"), 1);
    assert_eq!(count("target=p1"), 1);
    assert_eq!(count("target=Patient/p1/_history/1"), 1);
    assert_eq!(count("target=Patient/p1/_history/2"), 0);
    assert_eq!(count("target:Observation=o1"), 1);
    assert_eq!(count("target=Patient/p1,Patient/p2"), 2);
    assert_eq!(count("target=Patient/p1&target=Patient/p2"), 0);
    assert_eq!(count("patient=Observation/o1"), 0);
    assert_eq!(count("target=Patient/nobody"), 0);
    assert_eq!(count("recorded=ge2025-07-01"), 9);
    assert_eq!(count("recorded=lt2025-07-01"), 0);
    let id = bed.get("Provenance?target=Patient/p1").ok().ids().remove(0);
    assert_eq!(count(&format!("_id={id}")), 1);
    let other = id.replace(|c: char| c.is_ascii_hexdigit() && c.is_alphabetic(), "0");
    assert_eq!(count(&format!("_id={other}")), u64::from(other == id));
    let paged = bed.all_pages(&bed.get("Provenance?_count=2").ok());
    assert_eq!(paged.len(), 9);
    assert_eq!(bed.get("Provenance?_summary=count").ok().total(), Some(9));
    assert_eq!(
        bed.get("Provenance/0-00000000000000000000").refused(404),
        "FHR0002"
    );
    assert_eq!(bed.get("Provenance/none").refused(404), "FHR0002");
}

fn unbase64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    let (mut bits, mut held) = (0_u32, 0);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let digit = DIGITS.iter().position(|own| *own == byte).unwrap();
        bits = bits << 6 | u32::try_from(digit).unwrap();
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held & 0xff).unwrap());
        }
    }
    out
}

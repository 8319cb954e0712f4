// SPDX-License-Identifier: Apache-2.0
//! What leaves the gateway for auditors, and what their program says of it.

use std::fs;

use serde_json::Value;
use silsila_chain::ChannelId;
use silsila_verify::{
    verify_bundle, verify_chain, verify_checkpoint, verify_evidence, verify_receipt,
};

use crate::backup::{put, store};
use crate::place::Place;

const ID: &str = "abcdefghijklmnopqrstuvwxyz";

/// A gateway that committed three patients, one of them twice, and its channel.
fn committed() -> (Place, ChannelId) {
    let place = Place::new();
    place.run("init").expect(0, &[]);
    let store = store(&place);
    for id in [ID, "second", "third"] {
        put(&store, id);
    }
    let channel = store.channel();
    store.close().expect("closed");
    (place, channel)
}

#[test]
fn a_version_is_proven_to_an_auditor_with_payload_and_receipt() {
    let (place, channel) = committed();
    let (bundle, receipt) = (place.at("visit.proof"), place.at("visit.cose"));
    let words = format!(
        "ledger proof Patient/{ID}/_history/1 --out {} --payload --receipt {}",
        bundle.display(),
        receipt.display()
    );
    let said = place.run(&words);
    said.expect(0, &[&channel.to_string(), "block 1", "visit.proof"]);
    assert_eq!(said.out.lines().count(), 1, "{}", said.out);
    let json = place.run(&format!("{words} --json"));
    json.expect(0, &["\"height\": 1", "\"proof\": "]);
    let bundle = fs::read(bundle).expect("written");
    let verified = verify_bundle(&bundle, &channel).expect("it holds");
    assert_eq!(verified.proven.proven.height.0, 1);
    assert!(verified.bundle.payload.is_some());
    let receipt = fs::read(receipt).expect("written");
    let report = verify_receipt(&receipt, &bundle, &channel).expect("it holds");
    assert!(
        report.sentence.contains("a tree of 4 blocks"),
        "{}",
        report.sentence
    );
}

#[test]
fn a_chain_is_exported_whole_and_agrees_with_the_checkpoint() {
    let (place, channel) = committed();
    let (chain, note, both) = (place.at("chain"), place.at("note"), place.at("both"));
    let words = format!("ledger export {} --payloads --json", chain.display());
    let said: Value = serde_json::from_str(&place.run(&words).out).expect("JSON");
    assert_eq!((&said["height"], &said["payloads"]), (&3.into(), &3.into()));
    assert_eq!(said["fingerprint"], channel.to_string());
    let words = format!("ledger checkpoint --size 3 --out {}", note.display());
    place.run(&words).expect(0, &[]);
    let (note_path, note) = (note.display().to_string(), fs::read(note).expect("written"));
    verify_checkpoint(&note, &channel).expect("it holds");
    let file = fs::read(chain).expect("written");
    let report = verify_chain(&mut &file[..], "chain", &channel, &[note], &mut |_| ());
    let report = report.expect("it holds");
    let signed = report
        .facts
        .iter()
        .any(|(name, _)| *name == "checkpoints_of_members");
    assert!(signed, "{report:?}");
    let words = format!(
        "ledger checkpoint --countersign {note_path} --out {}",
        both.display()
    );
    place.run(&words).expect(0, &[]);
    verify_checkpoint(&fs::read(both).expect("written"), &channel).expect("it holds");
}

#[test]
fn another_history_is_not_signed_but_kept_as_evidence() {
    let (place, channel) = committed();
    let loaded = silsila_config::load(&place.at("silsila.toml")).expect("sound");
    let keys = silsila_gateway::assemble::open_keys(&loaded.settings).expect("keys");
    let other = silsila_chain::Checkpoint {
        channel,
        size: 3,
        root: [7; 32],
    };
    let (note, evidence) = (place.at("note"), place.at("evidence"));
    fs::write(&note, other.sign(&keys.member()).encode()).expect("written");
    let words = format!(
        "ledger checkpoint --countersign {} --evidence {}",
        note.display(),
        evidence.display()
    );
    place
        .run(&words)
        .expect(1, &["not signed", "another root for 3 blocks"]);
    let report = verify_evidence(&fs::read(evidence).expect("written"), &channel);
    let report = report.expect("it holds");
    assert!(
        report.sentence.contains("two histories"),
        "{}",
        report.sentence
    );
    place
        .run(&format!("ledger evidence {}", place.at("none").display()))
        .expect(0, &["nothing is halted"]);
}

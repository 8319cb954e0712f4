// SPDX-License-Identifier: Apache-2.0
//! A gateway that was restored, and what its status says until it is level.

use std::fs;
use std::net::TcpListener;

use serde_json::Value;

use crate::authority::{Authority, member, status, until};
use crate::channels::{found, join};
use crate::membership::Serving;
use crate::place::Place;

fn key(place: &Place) -> String {
    status(place)["key"].as_str().expect("a key").to_owned()
}

/// Two ports that nobody else has now.
fn ports() -> [u16; 2] {
    let taken = [0; 2].map(|_| TcpListener::bind("127.0.0.1:0").expect("a port"));
    taken.map(|port| port.local_addr().expect("bound").port())
}

#[test]
fn a_restored_orderer_says_whom_it_waits_for_and_goes_on_when_they_are_there() {
    let authority = Authority::founded("365d");
    let orderer = member(&authority, "Civil Hospital Mirpurkhas");
    let other = member(&authority, "Civil Hospital Hyderabad");
    let file = authority.at("division.channel");
    found(&[&orderer, &other], &file).expect(0, &[]);
    let [here, there] = ports();
    for (place, own, peer, port) in [
        (&orderer, here, &other, there),
        (&other, there, &orderer, here),
    ] {
        let network = format!(
            "[network]\nlisten = \"127.0.0.1:{own}\"\npeers = [\"{}@127.0.0.1:{port}\"]\n[mapping]",
            &key(peer)[..8]
        );
        place.change("[mapping]", &network);
        join(place, &file).expect(0, &[]);
    }
    // As `ledger restore` leaves it.
    let channel = fs::read_dir(orderer.at("state/channels"))
        .expect("there")
        .map(|entry| entry.expect("an entry").path());
    let channel = channel
        .filter(|path| path.extension().is_some_and(|found| found == "channel"))
        .last()
        .expect("joined");
    let id = channel
        .file_stem()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let mark = orderer.at("state/restored");
    fs::write(&mark, format!("1780000000000\n{id}\n")).expect("written");

    let _orderer = Serving::start(&orderer);
    // Before that its ledger is being made, or nobody answers.
    let waits = until("it answers", || {
        let said = orderer.run("status");
        said.out.contains("CLI0015").then_some(said)
    });
    waits.expect(
        1,
        &[
            "CLI0015",
            "Division: height 0 of 0; waits for every other member: 0 of 1 heard",
        ],
    );
    let report: Value = serde_json::from_str(&orderer.run("status --json").out).expect("JSON");
    assert_eq!(report["running"], true);
    assert_eq!(report["fhir"], Value::Null, "it serves nothing");
    let awaited = &report["restored"]["channels"][0];
    assert_eq!(awaited["level"], false);
    assert_eq!(awaited["until"]["members"]["heard"], 0);
    assert_eq!(awaited["until"]["members"]["of"], 1);
    orderer.run("channel proposals").expect(2, &["CLI0015"]);
    assert!(mark.exists());

    let _other = Serving::start(&other);
    until("it serves", || {
        let said = orderer.run("status --json");
        let report: Value = serde_json::from_str(&said.out).ok()?;
        (report["fhir"].is_string() && report["restored"].is_null()).then_some(())
    });
    assert!(!mark.exists());
}

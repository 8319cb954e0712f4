// SPDX-License-Identifier: Apache-2.0
//! A channel founded from credentials and joined by file.

use std::path::Path;

use serde_json::Value;

use crate::authority::{Authority, member, status};
use crate::place::{Ended, Place};

fn contract() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/examples/contracts");
    folder.join("open-treatment.cedar").display().to_string()
}

/// Founds a channel of these members, ordered by the first.
pub fn found(members: &[&Place], file: &Path) -> Ended {
    let first = status(members[0])["key"]
        .as_str()
        .expect("a key")
        .to_owned();
    let credentials = members
        .iter()
        .map(|place| place.at("keys/network.credential"));
    let mut command = members[0].command("channel create Division --members");
    command
        .args(credentials)
        .args([
            "--validators",
            &first[..8],
            "--contract",
            &contract(),
            "--out",
        ])
        .arg(file)
        .current_dir(members[0].at("."));
    crate::authority::ended(command.output().expect("the binary runs"))
}

pub fn join(place: &Place, file: &Path) -> Ended {
    let mut command = place.command("channel join");
    crate::authority::ended(command.arg(file).output().expect("the binary runs"))
}

#[test]
fn members_found_and_join_a_channel_and_others_are_kept_out() {
    let authority = Authority::founded("365d");
    let (mirpurkhas, hyderabad) = (
        member(&authority, "Civil Hospital Mirpurkhas"),
        member(&authority, "Civil Hospital Hyderabad"),
    );
    let outsider = member(&authority, "Karachi Clinic");
    let file = authority.at("division.channel");
    found(&[&mirpurkhas, &hyderabad], &file).expect(0, &["founded the channel", "hand the file"]);
    for place in [&mirpurkhas, &hyderabad] {
        join(place, &file).expect(
            0,
            &[
                "joined the channel \"Division\"",
                "Civil Hospital Hyderabad",
            ],
        );
        join(place, &file).expect(0, &["is a member of the channel"]);
        let list = place.run("channel list --json");
        let list: Value = serde_json::from_str(&list.out).expect("JSON");
        assert_eq!(list[0]["name"], "Division");
        assert_eq!(list[0]["members"], 2);
    }
    found(&[&mirpurkhas, &hyderabad], Path::new("division.channel")).expect(0, &["hand the file"]);
    assert!(mirpurkhas.at("division.channel").exists());
    join(&outsider, &file).expect(2, &["CRT0022"]);
    outsider.run("channel list --json").expect(0, &["[]"]);

    let other = Authority::founded("365d");
    let stranger = member(&other, "Civil Hospital Mirpurkhas");
    join(&stranger, &file).expect(2, &["CRT0021"]);
    found(&[&mirpurkhas, &stranger], &file).expect(2, &["CRT0017"]);
    found(&[&mirpurkhas, &mirpurkhas], &file).expect(2, &["CLI0009"]);
    join(&Place::new(), &file).expect(2, &["REG0035"]);
    join(&mirpurkhas, &mirpurkhas.at("silsila.toml")).expect(2, &["CRT0015"]);
}

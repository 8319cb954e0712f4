// SPDX-License-Identifier: Apache-2.0
//! From an invitation to a certificate, and what an invitation does not do.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::authority::{
    Authority, altered, ended, join_once, joins, line_of, member, status, until,
};
use crate::place::Place;

#[test]
fn a_hospital_waits_for_its_approval_and_is_a_member() {
    let mut authority = Authority::founded("365d");
    let invitation = authority.invite("Civil Hospital Mirpurkhas", &[]);
    let place = Place::new();
    let waiting = joins(&place, &invitation, &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let key = until("the request arrives", || {
        Some(authority.list()["requests"][0]["key"].as_str()?.to_owned())
    });
    let request = &authority.list()["requests"][0];
    assert_eq!(request["organization"], "Civil Hospital Mirpurkhas");
    assert_eq!(
        (&request["role"], &request["decision"]),
        (&"hospital".into(), &"waiting".into())
    );

    // Without a person's yes nothing is issued.
    authority
        .run(&["network", "approve", "1"])
        .expect(2, &["CLI0014"]);
    authority.approve(1).expect(
        0,
        &[
            "organization Civil Hospital Mirpurkhas",
            "approved: certificate",
        ],
    );
    let joined = ended(waiting.wait_with_output().expect("it ends"));
    let grouped: Vec<&str> = (0..16)
        .map(|group| &key[group * 4..group * 4 + 4])
        .collect();
    joined.expect(
        0,
        &[
            "waits for the authority's approval",
            "approved: certificate",
            &grouped.join(" "),
        ],
    );

    let report = status(&place);
    assert_eq!(report["name"], "Sindh hospitals");
    assert_eq!(report["organization"], "Civil Hospital Mirpurkhas");
    assert_eq!(report["key"], key.as_str());
    assert_eq!(report["fingerprint"], authority.list()["fingerprint"]);
    assert_eq!(
        report["fingerprint"],
        line_of(&invitation, "fingerprint").as_str()
    );
    place
        .run("network status")
        .expect(0, &["Sindh hospitals", "certificate", &authority.address]);
    authority.approve(1).expect(2, &["REG0007"]);
    authority
        .run(&["network", "list"])
        .expect(0, &["Civil Hospital Mirpurkhas", "approved"]);

    // No secret is left where it is not needed.
    let secret = line_of(&invitation, "secret");
    let log = authority.kill();
    assert!(log.contains("an invited gateway asks"), "{log}");
    assert!(!log.contains(&secret), "no secret reaches the log");
    let records = fs::read(authority.at("authority/authority.sqlite")).expect("there");
    let bytes: Vec<u8> = (0..16)
        .map(|at| u8::from_str_radix(&secret[at * 2..at * 2 + 2], 16).expect("hexadecimal"))
        .collect();
    assert!(
        !records.windows(16).any(|window| window == bytes),
        "only its hash is kept"
    );
    let mode = |path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(authority.at("authority")), 0o700);
    for file in ["issuing.key", "tls.key", "root.sealed"] {
        assert_eq!(mode(authority.at("authority").join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(invitation), 0o600);
}

#[test]
fn the_same_gateway_may_ask_again_and_another_may_not() {
    let authority = Authority::founded("365d");
    let (first, second) = (Place::new(), Place::new());
    let invitation = authority.invite("Civil Hospital Mirpurkhas", &[]);
    join_once(&first, &invitation).expect(1, &["request 1 waits"]);
    join_once(&first, &invitation).expect(1, &["request 1 waits"]);
    join_once(&second, &invitation).expect(1, &["REG0012"]);
    authority.approve(1).expect(0, &[]);
    join_once(&second, &invitation).expect(1, &["REG0012"]);
    join_once(&first, &invitation).expect(0, &["approved"]);
    join_once(&first, &invitation).expect(0, &["approved"]);
    assert_eq!(authority.office().issued_for(1).expect("read").len(), 1);
    assert_eq!(
        authority.list()["members"].as_array().map(Vec::len),
        Some(1)
    );

    // A member takes no second invitation, and its key no second certificate.
    let other = authority.invite("Civil Hospital Hyderabad", &[]);
    join_once(&first, &other).expect(0, &["approved"]);
    fs::remove_file(first.at("keys/network.credential")).expect("removed");
    join_once(&first, &other).expect(1, &["REG0018"]);
    join_once(&first, &invitation).expect(0, &["approved"]);
}

#[test]
fn an_invitation_that_expired_was_altered_or_rejected_leads_nowhere() {
    let authority = Authority::founded("365d");
    let place = Place::new();
    let short = authority.invite("Short Clinic", &["--expires", "1s"]);
    until("the invitation expires", || {
        let list = authority.run(&["network", "list"]);
        list.out.contains("(expired)").then_some(())
    });
    join_once(&place, &short).expect(1, &["REG0011", "new invitation"]);

    let invitation = authority.invite("Civil Hospital Mirpurkhas", &[]);
    for (from, to, code) in [
        ("Civil Hospital", "Royal Hospital", "REG0013"),
        ("role hospital", "role authority", "REG0013"),
        (&line_of(&invitation, "secret"), &"07".repeat(16), "REG0010"),
        (
            &line_of(&invitation, "fingerprint"),
            &"0707 ".repeat(16)[..79],
            "REG0017",
        ),
    ] {
        join_once(&place, &altered(&invitation, from, to)).expect(1, &[code]);
    }
    let text = fs::read_to_string(&invitation).expect("there");
    place.secret("broken", &text.replace("Civil", "civil"));
    join_once(&place, &place.at("broken")).expect(2, &["REG0008"]);
    assert_eq!(
        authority.list()["requests"].as_array().map(Vec::len),
        Some(0)
    );

    join_once(&place, &invitation).expect(1, &["request 1 waits"]);
    authority
        .run(&["network", "reject", "1", "--yes"])
        .expect(0, &["rejected"]);
    join_once(&place, &invitation).expect(1, &["REG0014"]);
    authority.approve(1).expect(2, &["REG0007"]);
    assert_eq!(authority.office().issued_for(1).expect("read").len(), 0);
}

#[test]
fn two_hospitals_are_members_of_one_network() {
    let authority = Authority::founded("365d");
    let mirpurkhas = member(&authority, "Civil Hospital Mirpurkhas");
    let hyderabad = member(&authority, "Civil Hospital Hyderabad");
    let load = |place: &Place| {
        let membership = silsila_authority::Membership::load(&place.at("keys"));
        membership.expect("sound").expect("a member")
    };
    let (ours, theirs) = (load(&mirpurkhas), load(&hyderabad));
    assert_eq!(ours.fingerprint, theirs.fingerprint);
    let now = theirs.certificate().validity().from_ms();
    let judged = ours
        .trust()
        .expect("trusted")
        .judge(theirs.certificate().der(), now);
    assert_eq!(
        judged.expect("a member").organization(),
        "Civil Hospital Hyderabad"
    );
}

#[test]
fn a_network_is_founded_once_in_a_folder_and_in_none_that_holds_something() {
    let authority = Authority::founded("365d");
    authority
        .run(&["network", "create", "Another"])
        .expect(2, &["REG0004"]);
    let nowhere = authority.at("nowhere").to_string_lossy().into_owned();
    authority
        .run(&["network", "list", "--folder", &nowhere])
        .expect(2, &["REG0003"]);
    authority
        .run(&["network", "create", " x", "--folder", &nowhere])
        .expect(2, &["CRT0002"]);
    let mut relative = authority.command(&["network", "create", "Relative", "--folder", "here"]);
    let relative = ended(
        relative
            .current_dir(authority.at("."))
            .output()
            .expect("it runs"),
    );
    relative.expect(0, &["founded the network \"Relative\""]);
    authority
        .run(&["network", "invite", "X", "--role", "hosptial"])
        .expect(2, &["CLI0009", "hospital"]);
    authority
        .run(&["network", "approve", "9", "--yes"])
        .expect(2, &["REG0006"]);
    Place::new().run("network status").expect(2, &["REG0035"]);
}

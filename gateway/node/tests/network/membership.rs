// SPDX-License-Identifier: Apache-2.0
//! A member's certificate: renewed by itself, refused after a revocation, warned of before its end.

use std::process::{Child, Stdio};

use silsila_authority::Membership;

use crate::authority::{Authority, member, status, until};
use crate::place::Place;

/// A gateway that serves until this is dropped.
pub struct Serving(Child);

impl Serving {
    pub fn start(place: &Place) -> Self {
        let mut command = place.command("serve");
        Self(
            command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("it starts"),
        )
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_running_gateway_renews_its_certificate_by_itself() {
    let mut authority = Authority::founded("12s");
    let place = member(&authority, "Civil Hospital Mirpurkhas");
    place.change(
        "[mapping]",
        "[network]
renewal_interval = \"1s\"
[mapping]",
    );
    let first = status(&place);
    let _serving = Serving::start(&place);
    let renewed = until("the certificate is renewed twice", || {
        let certificates = authority.office().issued_for(1).expect("read");
        (certificates.len() >= 3).then_some(certificates)
    });
    let kept = until("the gateway keeps the new one", || {
        let now = status(&place);
        (now["serial"] != first["serial"]).then_some(now)
    });
    assert!(kept["not_after_ms"].as_u64() > first["not_after_ms"].as_u64());
    assert_eq!(kept["key"], first["key"], "the keys stay");
    for pair in renewed.windows(2) {
        assert_eq!(pair[0].subject(), pair[1].subject());
        assert!(
            pair[1].validity().from_ms() <= pair[0].validity().until_ms(),
            "without a gap"
        );
    }
    place.run("status").expect(
        3,
        &["network  Sindh hospitals: Civil Hospital Mirpurkhas as hospital"],
    );

    // Without the authority a person is warned, and then told that it is over.
    authority.kill();
    for warning in [
        "left, and it could not be renewed yet",
        "THE CERTIFICATE HAS ENDED",
    ] {
        until(warning, || {
            place.run("status").out.contains(warning).then_some(())
        });
    }
    place.run("status").expect(1, &[]);
}

#[test]
fn before_its_time_a_certificate_is_not_renewed_and_after_its_end_no_more() {
    let authority = Authority::founded("365d");
    let place = member(&authority, "Civil Hospital Mirpurkhas");
    place.run("network renew").expect(0, &["not due yet"]);
    assert_eq!(authority.office().issued_for(1).expect("read").len(), 1);

    let short = Authority::founded("10s");
    let place = member(&short, "Civil Hospital Mirpurkhas");
    until("the certificate ends", || {
        (place.run("network status").code == 1).then_some(())
    });
    place.run("network renew").expect(1, &["REG0020"]);
    // A new invitation brings it back, with the same keys.
    let key = status(&place)["key"].clone();
    std::fs::remove_file(place.at("keys/network.credential")).expect("removed");
    let invitation = short.invite("Civil Hospital Mirpurkhas 2", &[]);
    crate::authority::join_once(&place, &invitation).expect(1, &["request 2 waits"]);
    short.approve(2).expect(0, &["approved"]);
    crate::authority::join_once(&place, &invitation).expect(0, &["approved"]);
    assert_eq!(status(&place)["key"], key);
}

#[test]
fn a_revoked_member_gets_no_further_certificate_and_everybody_can_verify_why() {
    let authority = Authority::founded("365d");
    let (bad, good) = (
        member(&authority, "Bad Clinic"),
        member(&authority, "Good Clinic"),
    );
    let key = status(&bad)["key"].as_str().expect("a key").to_owned();
    authority
        .run(&["network", "revoke", &key[..7]])
        .expect(2, &["REG0006"]);
    authority
        .run(&["network", "revoke", &key[..8], "--reason", "boredom"])
        .expect(2, &["CLI0009"]);
    for _ in 0..2 {
        authority
            .run(&["network", "revoke", &key[..8], "--reason", "key-compromise"])
            .expect(0, &["revoked", &key]);
    }
    authority
        .run(&["network", "revoke", &"07".repeat(32)])
        .expect(0, &["revoked 0707"]);
    bad.run("network renew").expect(1, &["REG0019"]);
    let theirs = good.at("keys/network.credential");
    let stolen = Place::new();
    stolen.run("init").expect(0, &[]);
    for file in ["network.credential", "network.membership"] {
        std::fs::copy(theirs.with_file_name(file), stolen.at("keys").join(file)).expect("copied");
    }
    stolen
        .run("network status")
        .expect(5, &["REG0002", "other keys"]);
    good.run("network renew").expect(0, &["not due yet"]);
    authority.run(&["network", "list"]).expect(0, &["revoked"]);

    let membership = Membership::load(&good.at("keys"))
        .expect("sound")
        .expect("a member");
    let trust = membership.trust().expect("trusted");
    let file = authority
        .at("authority")
        .join(format!("{}.revocation", &key[..16]));
    let revocation = trust
        .revocation(&std::fs::read(file).expect("there"))
        .expect("signed");
    assert_eq!(revocation.member.to_string(), key);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let fetched = runtime.block_on(silsila_authority::client::revocations(&membership));
    assert!(fetched.expect("an answer").contains(&revocation));
}

#[test]
fn a_replaced_issuing_key_keeps_the_fingerprint_and_every_certificate() {
    let mut authority = Authority::founded("365d");
    let old = member(&authority, "Old Clinic");
    let output = authority.run(&["network", "replace-issuer"]);
    output.expect(2, &["REG0037"]);
    // The text on paper is shown once, so a network whose text is known is founded beside.
    let folder = authority.at("beside");
    let shown = folder.to_string_lossy().into_owned();
    let created = authority.run(&["network", "create", "Beside", "--folder", &shown]);
    let paper = created
        .out
        .lines()
        .find(|line| line.starts_with("  ") && line.matches('-').count() == 13)
        .expect("the text for paper")
        .trim()
        .to_owned();
    let before = authority
        .run(&["network", "list", "--json", "--folder", &shown])
        .out;
    let mut command = authority.command(&["network", "replace-issuer", "--folder", &shown]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    std::io::Write::write_all(
        &mut child.stdin.take().expect("piped"),
        format!("{paper}\n").as_bytes(),
    )
    .expect("written");
    let output = crate::authority::ended(child.wait_with_output().expect("it ends"));
    output.expect(0, &["replaced the issuing key"]);
    assert_eq!(
        authority
            .run(&["network", "list", "--json", "--folder", &shown])
            .out,
        before
    );
    let mut command = authority.command(&["network", "replace-issuer"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    std::io::Write::write_all(
        &mut child.stdin.take().expect("piped"),
        format!("{paper}\n").as_bytes(),
    )
    .expect("written");
    let output = crate::authority::ended(child.wait_with_output().expect("it ends"));
    output.expect(2, &["REG0037"]);
    old.run("network renew").expect(0, &["not due yet"]);
    authority.kill();
}

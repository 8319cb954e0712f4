// SPDX-License-Identifier: Apache-2.0
//! `kill -9` at any moment, on either side: an invitation leads to one certificate, and a network is
//! founded whole or not at all.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::authority::{Authority, ended, join_once, joins, status, until};
use crate::place::Place;

/// Moments, by a seed that is printed.
struct Moments(u64);

impl Moments {
    fn new() -> Self {
        let seed = std::time::UNIX_EPOCH
            .elapsed()
            .expect("after 1970")
            .subsec_nanos();
        println!("seed {seed}");
        Self(u64::from(seed) | 1)
    }

    /// Up to so many milliseconds.
    fn next(&mut self, most: u64) -> Duration {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        Duration::from_micros((self.0 >> 33) % (most * 1000))
    }
}

fn start(mut command: Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts")
}

/// Lets a process run for a while, then kills it. Whether it had ended by itself.
fn cut(mut child: Child, after: Duration) -> bool {
    let end = Instant::now() + after;
    while Instant::now() < end {
        if child.try_wait().expect("asked").is_some() {
            return true;
        }
        std::thread::yield_now();
    }
    child.kill().expect("killed");
    !ended(child.wait_with_output().expect("it ends"))
        .out
        .is_empty()
}

#[test]
fn an_invitation_leads_to_one_certificate_however_often_either_side_is_killed() {
    let mut moments = Moments::new();
    let mut authority = Authority::founded("365d");
    let place = Place::new();
    let invitation = authority.invite("Civil Hospital Mirpurkhas", &[]);
    // While the request is made: the authority dies, the gateway dies.
    for round in 0..8 {
        let asking = start(joins(&place, &invitation, &["--no-wait"]));
        if round % 2 == 0 {
            let end = Instant::now() + moments.next(150);
            while Instant::now() < end {
                std::thread::yield_now();
            }
            authority.kill();
            authority.serve();
            drop(asking.wait_with_output());
        } else {
            cut(asking, moments.next(150));
        }
    }
    join_once(&place, &invitation).expect(1, &["request 1 waits"]);
    // While it is approved: the command dies, until one attempt was not too early.
    let mut attempts = 0;
    until("an approval", || {
        attempts += 1;
        let approving = start(authority.command(&["network", "approve", "1", "--yes"]));
        cut(approving, moments.next(20 + attempts * 20));
        let approved = authority.list()["requests"][0]["decision"] == "approved";
        approved.then_some(())
    });
    authority.approve(1).expect(2, &["REG0007"]);
    // While it is fetched.
    for round in 0..8 {
        let asking = start(joins(&place, &invitation, &["--no-wait"]));
        if round % 2 == 0 {
            authority.kill();
            authority.serve();
            drop(asking.wait_with_output());
        } else {
            cut(asking, moments.next(150));
        }
    }
    join_once(&place, &invitation).expect(0, &["approved"]);
    let issued = authority.office().issued_for(1).expect("read");
    assert_eq!(issued.len(), 1, "one certificate for one invitation");
    assert_eq!(
        status(&place)["serial"],
        issued[0].serial().to_string().as_str()
    );
    assert_eq!(
        authority.list()["requests"].as_array().map(Vec::len),
        Some(1)
    );
}

#[test]
fn a_gateway_that_waits_outlives_an_authority_that_dies_and_comes_back() {
    let mut authority = Authority::founded("365d");
    let place = Place::new();
    let invitation = authority.invite("Civil Hospital Mirpurkhas", &[]);
    let waiting = start(joins(&place, &invitation, &[]));
    until("the request arrives", || {
        authority.list()["requests"][0]["request"].as_i64()
    });
    authority.kill();
    authority.approve(1).expect(0, &["approved"]);
    authority.serve();
    let joined = ended(waiting.wait_with_output().expect("it ends"));
    joined.expect(0, &["approved: certificate"]);
}

#[test]
fn a_network_whose_founding_was_cut_off_is_there_whole_or_not_at_all() {
    let mut moments = Moments::new();
    let authority = Authority::founded("365d");
    for round in 0..8 {
        let folder = authority.at(&format!("round-{round}"));
        let shown = folder.to_string_lossy().into_owned();
        let founding = start(authority.command(&["network", "create", "Cut", "--folder", &shown]));
        cut(founding, moments.next(500));
        let list = authority.run(&["network", "list", "--folder", &shown]);
        if list.code != 0 {
            list.expect(2, &["REG0003"]);
            authority
                .run(&["network", "create", "Cut", "--folder", &shown])
                .expect(0, &["founded"]);
            authority
                .run(&["network", "list", "--folder", &shown])
                .expect(0, &["Cut"]);
        }
    }
}

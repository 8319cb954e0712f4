// SPDX-License-Identifier: Apache-2.0
//! Four gateways, each in a network namespace of its own, with cables that can be pulled. Two against two nothing is
//! committed and everything is read; one against three the three go on, and what the one had staged meanwhile is
//! refused by its term and said again. When the cables are plugged in there is one chain, and it has everything.
//!
//! Where the system allows no network namespace the story is skipped.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::Value;
use silsila_integration_tests::gateway::GatewayConfig;
use silsila_integration_tests::network::Terms;
use silsila_integration_tests::repository;
use silsila_integration_tests::rooms::Rooms;
use silsila_integration_tests::supervisor::Supervised;

use crate::story_four::{Answers, FIRST, Founding, Four, PATIENCE};
use crate::story_watch::Watch;

const RELAY: &str = env!("CARGO_BIN_EXE_silsila-relay");
const PATIENTS: u32 = 60;
/// So long it must stay true that nothing is committed.
const SILENCE: Duration = Duration::from_secs(8);
/// Blocks that a transaction stays valid for, so that a story can outlast it.
const HORIZON: u32 = 12;
/// So long nothing happens, and bytes are counted.
const IDLE: Duration = Duration::from_secs(15);

/// The demonstration's contract, but with a short horizon.
fn short_contract(folder: &std::path::Path) -> PathBuf {
    let from = repository().join("config/examples/contracts");
    let read = |name: &str| std::fs::read_to_string(from.join(name)).unwrap();
    let limits = read("open-treatment.limits.toml");
    let short = limits.replace("horizon = 100000", &format!("horizon = {HORIZON}"));
    assert_ne!(short, limits);
    let contract = folder.join("short.cedar");
    std::fs::write(&contract, read("open-treatment.cedar")).unwrap();
    std::fs::write(folder.join("short.limits.toml"), short).unwrap();
    contract
}

/// Carries from a port outside to the same port in a room, or back where `inward` is false.
fn door(
    rooms: &Rooms,
    room: usize,
    port: u16,
    inward: bool,
    config: &GatewayConfig,
) -> [Supervised; 2] {
    let socket = config.folder.join(format!("{port}.sock"));
    let socket = format!("unix:{}", socket.display());
    let address = format!("127.0.0.1:{port}");
    let (listen, connect) = ([RELAY, &*address, &*socket], [RELAY, &*socket, &*address]);
    let (outside, inside) = if inward {
        (listen, connect)
    } else {
        (connect, listen)
    };
    let inside = rooms.in_room(room, &inside);
    let inside: Vec<&str> = inside.iter().map(String::as_str).collect();
    let log = config.folder.join("relay.log");
    [&outside[..], &inside].map(|command| Supervised::start(command, &log, None).unwrap())
}

/// Moves gateways into rooms, with doors for the tests' requests and for their databases.
fn move_in(
    rooms: &Rooms,
    configs: &mut [GatewayConfig],
    readers: usize,
    doors: &mut Vec<Supervised>,
) {
    for (n, config) in configs.iter_mut().enumerate() {
        config.wrapper = rooms.in_room(n, &[]);
        doors.extend(door(rooms, n, config.port, true, config));
        if n < readers {
            let port = config.source.mysql().port;
            doors.extend(door(rooms, n, port, false, config));
        }
    }
}

impl Four {
    fn channel(&self, gateway: usize) -> Value {
        let report = self.gateways[gateway].look();
        report
            .map(|report| report["channels"][0].clone())
            .unwrap_or_default()
    }

    /// Waits until a gateway hears so many others.
    async fn hears(&self, gateway: usize, others: usize) -> Duration {
        let began = Instant::now();
        loop {
            let channel = self.channel(gateway);
            if channel["heard"]
                .as_array()
                .is_some_and(|heard| heard.len() == others)
            {
                return began.elapsed();
            }
            assert!(began.elapsed() < PATIENCE, "{gateway}: {channel:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a gateway has staged what it cannot get committed.
    async fn waits(&self, gateway: usize) {
        let began = Instant::now();
        while self.gateways[gateway].look().unwrap()["ledger"]["outbox"] == 0 {
            assert!(began.elapsed() < PATIENCE, "{gateway} stages nothing");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn two_against_two(four: &Four, rooms: &Rooms) {
    let before = four.level().await;
    rooms.plug("joint", false).unwrap();
    for n in 0..4 {
        four.hears(n, 1).await;
    }
    four.moves(FIRST).await;
    four.waits(0).await;
    four.waits(1).await;
    let began = Instant::now();
    while began.elapsed() < SILENCE {
        for n in 0..4 {
            assert_eq!(
                four.channel(n)["height"],
                before["height"],
                "nobody could agree"
            );
            four.shows(n, 0, FIRST, "House 0").await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let said = four.gateways[0].command(&["status"]).unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("1 of 3 other members heard"), "{said}");
    assert!(
        said.contains("with 2 away nothing new is committed, and everything is still read"),
        "{said}"
    );

    rooms.plug("joint", true).unwrap();
    let began = Instant::now();
    for of in 0..2 {
        for n in 0..4 {
            four.shows(n, of, FIRST, &format!("House {FIRST}")).await;
        }
    }
    eprintln!(
        "story_partition: two against two; everything everywhere {:?} after the cable was plugged in",
        began.elapsed()
    );
    for n in 0..4 {
        four.hears(n, 3).await;
    }
}

/// The first gateway is alone for longer than what it stages is valid.
async fn one_against_three(four: &Four, rooms: &Rooms) {
    four.level().await;
    rooms.plug("up0", false).unwrap();
    four.hears(0, 0).await;
    let last = FIRST + HORIZON + 6;
    for patient in FIRST + 1..=last {
        four.moves(patient).await;
        if patient == FIRST + 1 {
            four.waits(0).await;
        }
        four.shows(1, 1, patient, &format!("House {patient}")).await;
    }
    four.shows(0, 0, last, "House 0").await;
    rooms.plug("up0", true).unwrap();
    let began = Instant::now();
    for n in 0..4 {
        four.shows(n, 0, last, &format!("House {last}")).await;
    }
    eprintln!(
        "story_partition: one against three; the one had caught up and been heard {:?} after",
        began.elapsed()
    );
}

/// Tells how many bytes each room's cable carries in a day while nothing happens.
async fn idle(four: &Four, rooms: &Rooms, when: &str) {
    four.level().await;
    let carried = || (0..4).map(|n| rooms.carried(n).unwrap());
    let before: Vec<[u64; 2]> = carried().collect();
    let began = Instant::now();
    tokio::time::sleep(IDLE).await;
    let days = began.elapsed().as_secs_f64() / 86_400.0;
    let grown = carried().zip(before).map(|(after, before)| {
        let [to, from] = [0, 1].map(|way| (after[way] - before[way]) as f64 / days / 1e6);
        format!("{to:.1} in, {from:.1} out")
    });
    let told: Vec<String> = grown.collect();
    eprintln!(
        "story_partition: MB a day while nothing happens, {when}, by gateway: {}",
        told.join("; ")
    );
}

fn each_change_is_one_version(lives: &BTreeMap<u32, Vec<String>>, changed: u32) {
    for (patient, versions) in lives {
        let mut meant = vec!["House 0".to_owned()];
        if *patient < FIRST + changed {
            meant.push(format!("House {patient}"));
        }
        assert_eq!(*versions, meant, "{patient}");
    }
    assert_eq!(lives.len(), PATIENTS as usize);
}

#[tokio::test]
async fn two_against_two_stop_safely_one_against_three_is_told_the_truth_and_both_heal() {
    let folder = tempfile::tempdir().unwrap();
    let Some(rooms) = Rooms::build(4, &folder.path().join("rooms.log")).unwrap() else {
        // Not by a macro: the test runner would keep the line to itself.
        let said = writeln!(
            std::io::stderr(),
            "skipped: no network namespace is allowed here, so no network is cut in two"
        );
        return said.unwrap();
    };
    let (rooms, doors) = (Rc::new(rooms), Rc::new(std::cell::RefCell::new(Vec::new())));
    let (theirs, taken) = (Rc::clone(&rooms), Rc::clone(&doors));
    let mut four = Four::found(Founding {
        patients: Some(PATIENTS),
        readers: 2,
        terms: Terms {
            contract: short_contract(folder.path()),
            listens: Box::new(|n, port| format!("{}:{port}", Rooms::address(n))),
            reaches: Box::new(|_, n, port| format!("{}:{port}", Rooms::address(n))),
        },
        prepare: Box::new(move |configs| move_in(&theirs, configs, 2, &mut taken.borrow_mut())),
        ..Founding::of("story_partition")
    })
    .await;
    let watch = Watch::begin((0..4).map(|n| four.home(n)).collect());

    idle(&four, &rooms, "at first").await;
    two_against_two(&four, &rooms).await;
    one_against_three(&four, &rooms).await;
    idle(&four, &rooms, "after it healed").await;
    for gateway in 0..4 {
        for of in 0..2 {
            each_change_is_one_version(&four.lives(gateway, of).await, HORIZON + 7);
        }
    }

    let sight = watch.end();
    let chain = four.one_chain();
    let answers: Vec<Answers> = four
        .stores()
        .iter()
        .zip(&sight.seen)
        .map(|(store, seen)| Answers::of(store, seen, &chain))
        .collect();
    eprintln!("story_partition: {answers:?}");
    assert!(answers[0].rejected.contains_key("EXPIRED"), "{answers:?}");
    assert!(
        answers[1..].iter().all(|one| one.rejected.is_empty()),
        "{answers:?}"
    );
    drop(doors);
}

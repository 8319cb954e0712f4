// SPDX-License-Identifier: Apache-2.0
//! Who orders changes while gateways run.

use silsila_chain::{EPOCH_NOTICE, Endorsed, Entry, EpochChange, Genesis, Height};

use crate::nodes::{Node, Running, kill, level, nodes, one_history, revocation, share, wait};

/// Lets the gateways with these numbers order from the next epoch on.
fn change(number: u64, to: &[&Node]) -> Entry {
    let validators = to.iter().map(|node| node.identity()).collect();
    let proposal = EpochChange::new(number, Height(100_000), validators);
    Entry::Epoch(Box::new(Endorsed::new(proposal, Vec::new())))
}

fn in_epoch<'r>(running: impl IntoIterator<Item = &'r Running>, number: u64) {
    for one in running {
        wait(&format!("epoch {number}"), || {
            (one.status().epoch == number).then_some(())
        });
    }
}

/// What one submits is committed at all of them.
fn write(by: &Running, all: &[&Running], name: &str) -> u64 {
    let id = by.stage(&[name], "a version");
    let height = by.committed(id).0;
    level(all.iter().copied(), height);
    height
}

fn agree(all: &[&Running], genesis: &Genesis) {
    let height = all.iter().map(|one| one.height()).min().unwrap_or_default();
    one_history(all.iter().copied(), height);
    for one in all {
        wait("all payloads are here", || {
            let missing = one.store.missing_payloads(0, 1).unwrap();
            missing.is_empty().then_some(())
        });
        let report = one.store.verify(&mut |_| ()).unwrap();
        assert!(report.faults.is_empty(), "{:?}", report.faults);
        for seq in 0..one.store.health().unwrap().entries {
            one.store.proof(seq).unwrap().verify(&genesis.id()).unwrap();
        }
    }
}

#[test]
fn a_follower_takes_the_seat_of_a_validator_that_is_gone() {
    let nodes = nodes(5);
    let (_, genesis, mut running) = share(&nodes, 4);
    let five: Vec<&Running> = running.iter().collect();
    write(five[0], &five, "a");
    // The fourth is away for good, and revoked; three would stop at the next power cut.
    kill(running.remove(3));
    let four: Vec<&Running> = running.iter().collect();
    let id = four[0].propose(&revocation(&nodes[3]));
    level(four.iter().copied(), four[0].committed(id).0);
    let status = four[0].status();
    assert_eq!((status.revoked_validators, status.boundary), (1, None));
    let id = four[1].propose(&change(1, &[&nodes[0], &nodes[1], &nodes[2], &nodes[4]]));
    let boundary = four[1].committed(id).0 + EPOCH_NOTICE;
    in_epoch(four.iter().copied(), 1);
    level(four.iter().copied(), boundary);
    assert!(four.iter().all(|one| one.status().role == "validator"));
    assert_eq!(four[0].status().revoked_validators, 0);
    for (by, name) in four.iter().zip(["b", "c", "d", "e"]) {
        write(by, &four, name);
    }
    agree(&four, &genesis);
    // With one of the old ones away as well, the new one is needed.
    kill(running.remove(0));
    let three: Vec<&Running> = running.iter().collect();
    write(three[2], &three, "f");
    agree(&three, &genesis);
}

#[test]
fn whoever_was_away_over_boundaries_returns_into_the_present_epoch_and_old_votes_are_removed() {
    let nodes = nodes(5);
    let (all, genesis, mut running) = share(&nodes, 4);
    let five: Vec<&Running> = running.iter().collect();
    write(five[0], &five, "a");
    kill(running.remove(0));
    let four: Vec<&Running> = running.iter().collect();
    for (number, seats) in [(1, [0, 1, 2, 4]), (2, [0, 2, 3, 4])] {
        let to: Vec<&Node> = seats.iter().map(|seat| &nodes[*seat]).collect();
        four[0].propose(&change(number, &to));
        in_epoch(four.iter().copied(), number);
        write(four[1], &four, &format!("in epoch {number}"));
    }
    assert_eq!(four[0].status().role, "follower");
    let height = four[0].height();
    running.insert(0, nodes[0].run(&genesis, &all));
    level(&running, height);
    in_epoch(&running, 2);
    // Three of the four seats are needed: the one that was away votes.
    kill(running.remove(3));
    let present: Vec<&Running> = running.iter().collect();
    write(present[1], &present, "with the one that was away");
    agree(&present, &genesis);
    for node in [0, 2, 4] {
        let folder = std::fs::read_dir(nodes[node].engine_folder()).unwrap();
        let names = folder.map(|one| one.unwrap().file_name().into_string().unwrap());
        let own: Vec<String> = names.filter(|name| name.contains("simplex")).collect();
        assert!(own.iter().all(|name| name.contains("-epoch2-")), "{own:?}");
        assert_eq!(own.len(), 1);
    }
}

#[test]
fn what_waits_over_a_boundary_gets_new_receipts() {
    let nodes = nodes(5);
    let (_, genesis, running) = share(&nodes, 4);
    let five: Vec<&Running> = running.iter().collect();
    write(five[0], &five, "a");
    five[0].propose(&change(1, &[&nodes[4], &nodes[1], &nodes[2], &nodes[3]]));
    let mut ids = Vec::new();
    while five[0].status().epoch == 0 {
        for (number, one) in five.iter().enumerate() {
            ids.push((
                number,
                one.stage(&[&format!("{number}")], &format!("{}", ids.len())),
            ));
        }
    }
    for (number, id) in ids {
        five[number].committed(id);
    }
    in_epoch(five.iter().copied(), 1);
    let height = five
        .iter()
        .map(|one| one.height())
        .max()
        .unwrap_or_default();
    level(five.iter().copied(), height);
    assert_eq!(five[0].status().role, "follower");
    agree(&five, &genesis);
}

#[test]
fn one_that_orders_alone_hands_over_to_four_and_four_to_one() {
    let nodes = nodes(4);
    let (all, genesis, running) = share(&nodes, 1);
    let four: Vec<&Running> = running.iter().collect();
    write(four[1], &four, "a");
    let id = four[2].propose(&change(1, &all));
    four[2].committed(id);
    in_epoch(four.iter().copied(), 1);
    assert!(four.iter().all(|one| one.status().role == "validator"));
    write(four[3], &four, "b");
    let id = four[0].propose(&change(2, &[&nodes[3]]));
    four[0].committed(id);
    in_epoch(four.iter().copied(), 2);
    let roles: Vec<&str> = four.iter().map(|one| one.status().role).collect();
    assert_eq!(roles, ["follower", "follower", "follower", "orderer"]);
    write(four[0], &four, "c");
    write(four[3], &four, "d");
    agree(&four, &genesis);
}

#[test]
fn a_revoked_orderer_is_heard_until_another_orders() {
    let nodes = nodes(3);
    let (_, genesis, running) = share(&nodes, 1);
    let three: Vec<&Running> = running.iter().collect();
    write(three[1], &three, "a");
    let id = three[1].propose(&revocation(&nodes[0]));
    three[1].committed(id);
    let id = three[2].propose(&change(1, &[&nodes[2]]));
    three[2].committed(id);
    let rest = [three[1], three[2]];
    in_epoch(rest, 1);
    write(three[1], &rest, "b");
    assert_eq!(three[2].status().role, "orderer");
    agree(&rest, &genesis);
}
